//! Fields, the boundary and the defects, on text and on every cut of it.

use super::*;

/// `names | defects | body` of a message, the same for every chunking.
fn check(message: impl AsRef<[u8]>, want: &str) {
    let message = message.as_ref();
    for size in [1, 2, 3, 5, message.len().max(1)] {
        let mut splitter = Splitter::default();
        let mut body = Vec::new();
        for chunk in message.chunks(size) {
            body.extend_from_slice(splitter.push(chunk));
        }
        let header = splitter.into_header();
        let names: Vec<_> = header.fields().map(|f| crate::printable(f.name)).collect();
        let defects: Vec<_> = header.defects().iter().map(|(d, s)| format!("{d:?}@{}", s.start)).collect();
        let got = format!("{} | {} | {}", names.join(" "), defects.join(" "), crate::printable(&body));
        assert_eq!(got, want, "chunks of {size}: {}", crate::printable(message));
        assert_eq!(split(message), (header, &*body), "{}", crate::printable(message));
    }
}

#[test]
fn fields_and_boundary() {
    check("From: a\r\nTo: b\r\n\r\nbody", "From To |  | body");
    check("From: a\r\n\tb\r\nTo : c\r\n\r\n", "From To |  | ");
    check("From: a", "From |  | ");
    check("From: a\r\n", "From |  | ");
    check("A:\r\n\r\n\r\nx", r"A |  | \x0d\x0ax");
}

#[test]
fn hdr_01_in_one_piece_and_byte_by_byte() {
    for number in 0..4_usize.pow(8) {
        let message: Vec<u8> = (0..8).map(|place| b"\r\na "[number >> (2 * place) & 3]).collect();
        let (mut splitter, mut body) = (Splitter::default(), Vec::new());
        message.chunks(1).for_each(|chunk| body.extend_from_slice(splitter.push(chunk)));
        assert_eq!(split(&message), (splitter.into_header(), &*body), "{}", crate::printable(&message));
    }
}

#[test]
fn hdr_01_one_boundary() {
    check("A: b\r\n\n\r\nX: y\r\n\r\nz", "A X | BareLf@6 NoColon@6 | z");
    check("A: b\n\nB: c\r\n\r\nz", "A | BareLf@4 | z");
}

#[test]
fn hdr_02_03_05_stray_bytes() {
    check("From: a\nFrom: b\r\n\r\n", "From | BareLf@7 | ");
    check("Subject: x\rFrom: b\r\n\r\n", "Subject | BareCr@10 | ");
    check("From: a\0b\r\n\r\n", "From | Nul@7 | ");
}

#[test]
fn hdr_06_first_line_and_names() {
    check(" From: a\r\nFrom: b\r\n\r\n", "From | LeadingFold@0 | ");
    check("From a@b Mon\r\nA: b\r\n\r\n", "A | NoColon@0 | ");
    check(">From a@b 10:00\r\nA: b\r\n\r\n", "A | BadName@0 | ");
    check(": novalue\r\n\r\n", " | BadName@0 | ");
    check("From\r\n : a\r\nFrom: b\r\n\r\n", "From | NoColon@0 | ");
    check("From\u{ff}: a\r\n\r\n", " | BadName@0 | ");
}

#[test]
fn hdr_08_a_line_of_white_space_is_no_boundary() {
    check("Subject: a\r\n \r\n\t\r\n b\r\nTo: c\r\n\r\nz", "Subject To |  | z");
}

#[test]
fn hdr_09_nothing_there() {
    check("", " |  | ");
    check("\r\n", " |  | ");
    check("\r\nbody", " |  | body");
}

#[test]
fn limits_on_both_sides() {
    let field = |n: usize| format!("A: {}\r\n", "x".repeat(n - 5));
    check(field(MAX_FIELD), "A |  | ");
    check(field(MAX_FIELD + 1), " | LongField@0 | ");
    let fields = |n: usize| Header::parse("A:\r\n".repeat(n));
    assert_eq!((fields(MAX_FIELDS).fields().len(), fields(MAX_FIELDS).defects().len()), (MAX_FIELDS, 0));
    assert_eq!(fields(MAX_FIELDS + 1).defects()[0].0, Defect::ManyFields);
    let block = |n: usize| {
        let message = ["A: b\r\n".repeat(n / 6), "\r\nbody".to_owned()].concat();
        let (header, body) = split(message.as_bytes());
        assert_eq!(body, b"body");
        (header.raw().len(), header.defects().iter().any(|(d, _)| *d == Defect::LongHeader))
    };
    let fits = MAX_HEADER - MAX_HEADER % 6;
    assert_eq!(block(fits), (fits, false));
    assert_eq!(block(fits + 6), (MAX_HEADER, true));
}

#[test]
fn hdr_12_line_feeds_of_a_milter_become_line_ends() {
    let header = Header::from_fields([(&b"Subject"[..], &b" a\n\tb"[..]), (b"To", b"c\r\n d")]);
    assert_eq!(header.raw(), b"Subject: a\r\n\tb\r\nTo:c\r\n d\r\n");
    assert!(header.defects().is_empty());
}

#[test]
fn field_parts() {
    let header = Header::parse("Subject : a\r\n b\r\n");
    let field = header.fields().next().unwrap();
    assert_eq!((field.name, field.value), (&b"Subject"[..], &b" a\r\n b"[..]));
    assert_eq!(&header.raw()[field.value_span.range()], field.value);
}

#[test]
fn field_lines_show_what_fields_leave_out() {
    let long = format!("L: {}\r\n", "x".repeat(MAX_FIELD));
    let header =
        Header::parse(format!(" a: 1\r\nno colon\r\nB\u{ff}: 2\r\n{long}C : 3\r\n 4\r\nD\r\n : 5\r\n"));
    let names: Vec<_> = header.fields().map(|f| crate::printable(f.name)).collect();
    assert_eq!(names, ["C"]);
    let lines: Vec<_> = header.field_lines().map(|f| (f.index, crate::printable(f.name))).collect();
    let want = [" a", r"B\xc3\xbf", "L", "C", r"D\x0d\x0a"].map(str::to_owned);
    assert_eq!(lines, want.into_iter().enumerate().collect::<Vec<_>>());
    let values: Vec<_> = header.field_lines().map(|f| f.value.len()).collect();
    assert_eq!(values, [2, 2, MAX_FIELD + 1, b" 3\r\n 4".len(), 2]);
}

#[test]
fn hdr_02_03_05_clean_is_without_stray_bytes() {
    const ALPHABET: &[u8] = b"\r\n\0a";
    for len in 0..=6_u32 {
        for number in 0..ALPHABET.len().pow(len) {
            let raw: Vec<u8> =
                (0..len).map(|i| ALPHABET[number / ALPHABET.len().pow(i) % ALPHABET.len()]).collect();
            let rest = String::from_utf8(raw.clone()).unwrap().replace("\r\n", "");
            assert_eq!(is_clean(&raw), !rest.contains(['\r', '\n', '\0']), "{}", crate::printable(&raw));
        }
    }
}
