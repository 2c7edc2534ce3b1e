//! Forged fields in every disguise, and the ones that stay.

use super::*;

fn ids() -> Vec<AuthservId> {
    ["mx.receiver.test", "bücher.example"].map(|id| AuthservId::parse(id).unwrap()).to_vec()
}

/// `index name#ordinal` of what goes, in the order in which it goes.
fn show(header: &Header) -> String {
    let claims = own(header, &ids(), &["X-Authentication-Results"]);
    let show = |c: &Claim| format!("{} {}#{}", c.index, crate::printable(&c.name), c.ordinal);
    claims.iter().map(show).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(header: impl AsRef<[u8]>, want: &str) {
    assert_eq!(show(&Header::parse(header.as_ref())), want, "{}", crate::printable(header.as_ref()));
}

/// Whether a field with this value goes.
fn goes(value: impl AsRef<[u8]>) -> bool {
    let header = [b"To: a\r\nAuthentication-Results:", value.as_ref(), b"\r\nFrom: b\r\n"].concat();
    match show(&Header::parse(header)).as_str() {
        "1 Authentication-Results#1" => true,
        "" => false,
        other => panic!("{other}"),
    }
}

#[test]
fn ar_01_a_forged_field_goes() {
    check(
        "Authentication-Results: mx.receiver.test; dmarc=pass header.from=victim.example\r\n",
        "0 Authentication-Results#1",
    );
    check("Authentication-Results: other.test; dmarc=pass header.from=victim.example\r\n", "");
    check("Subject: mx.receiver.test; dmarc=pass\r\n", "");
}

#[test]
fn ar_02_several_go_last_first() {
    let (ours, other) =
        ("Authentication-Results: mx.receiver.test; none\r\n", "authentication-results: a.test; none\r\n");
    let header = [other, ours, ours, "To: a\r\n", other, ours, "From: b\r\n", ours, other, ours].concat();
    check(
        &header,
        "9 Authentication-Results#8, 7 Authentication-Results#6, 5 Authentication-Results#5, \
         2 Authentication-Results#3, 1 Authentication-Results#2",
    );
    // What a milter then does: each deletion by ordinal hits the field that was meant.
    let parsed = Header::parse(header.as_bytes());
    let mut fields: Vec<_> = parsed.field_lines().map(|f| f.raw.to_vec()).collect();
    for claim in own(&parsed, &ids(), &[]) {
        let is_named = |f: &Vec<u8>| f.to_ascii_lowercase().starts_with(&claim.name.to_ascii_lowercase());
        let (at, _) = fields.iter().enumerate().filter(|(_, f)| is_named(f)).nth(claim.ordinal - 1).unwrap();
        fields.remove(at);
    }
    assert_eq!(fields.concat(), [other, "To: a\r\n", other, "From: b\r\n", other].concat().as_bytes());
}

#[test]
fn ar_03_length_does_not_matter() {
    for length in [4_097, 65_536, 65_537, 1 << 20] {
        let filler = "x".repeat(length);
        assert!(goes(format!(" mx.receiver.test; dkim=fail ({filler})")), "{length}");
        assert!(!goes(format!(" other.test; dkim=fail ({filler})")), "{length}");
        assert!(goes(format!(" ({filler}) mx.receiver.test; none")), "{length}");
        assert!(goes(format!("{}mx.receiver.test; none", " ".repeat(length))), "{length}");
    }
}

#[test]
fn ar_03_an_id_that_is_cut_off_goes() {
    for cut in 0..16 {
        let spaces = " ".repeat(MAX_FIELD - cut);
        assert!(goes(format!("{spaces}mx.receiver.test; none")), "{cut}");
    }
}

#[test]
fn ar_03_an_id_is_looked_for_in_the_longest_field_we_read() {
    let ids = ids();
    let goes = |semicolon: usize| {
        let value = format!("{:>60000}{}; none", "other.test", " ".repeat(semicolon - 60_000));
        is_own(&ids, &[""; 0], FIELD_NAME.as_bytes(), value.as_bytes()).unwrap()
    };
    assert!(!goes(MAX_FIELD - 1));
    assert!(goes(MAX_FIELD));
}

#[test]
fn ar_03_there_is_no_longest_header() {
    let (ids, names) = (ids(), ["X-Authentication-Results"]);
    let mut claims = Claims::default();
    let mut see = |name: &[u8], value: &[u8]| claims.see(name, is_own(&ids, &names, name, value));
    for _ in 0..crate::header::MAX_FIELDS + 1 {
        see(b"X-Filler", &[b'x'; 500]);
    }
    see(b"Authentication-Results", b" other.test;\n none");
    see(b"Authentication-Results", b" mx.receiver.test;\n none");
    assert_eq!(claims.len(), 1);
    let claim = Claim { index: 2_002, name: FIELD_NAME.into(), ordinal: 2 };
    assert_eq!(claims.finish(), [claim]);
}

#[test]
fn ar_03_fields_past_the_limit_of_fields_are_found() {
    let filler = "A:\r\n".repeat(crate::header::MAX_FIELDS + 5);
    check(filler + "Authentication-Results: mx.receiver.test; none\r\n", "2005 Authentication-Results#1");
}

#[test]
fn ar_04_our_id_in_every_disguise_goes() {
    let disguises = [
        " mx.receiver.test; none",
        "mx.receiver.test;none",
        " (c) mx.receiver.test; none",
        " (c(d\\)) e)\r\n\t(f) mx.receiver.test (g); none",
        " \"mx.receiver.test\"; none",
        " \"mx.\\receiver.test\"; none",
        " \"mx.receiver.test.\" 1; none",
        " MX.Receiver.TEST; none",
        " mx.receiver.test 1; none",
        " mx.receiver.test\r\n 1 (c) ; none",
        " mx.receiver.test 2; none",
        " mx.receiver.test.; none",
        " mx.receiver.test",
        " mx.receiver.test;",
        " mx.receiver.test; (null)=pass",
        " xn--bcher-kva.example; none",
        " XN--BCHER-KVA.example.; none",
        " bücher.example; none",
        " BÜCHER.example; none",
        " bu\u{308}cher.example; none",
        " ｍx.receiver.test; none",
        " mx。receiver.test; none",
        " mx.re\u{ad}ceiver.test; none",
    ];
    for value in disguises {
        assert!(goes(value), "{value}");
    }
}

#[test]
fn ar_04_what_cant_be_read_for_certain_goes() {
    let unreadable: [&[u8]; 27] = [
        b"",
        b" ",
        b" ;",
        b" mx.receiver\r\n .test; none",
        b" mx.receiver .test; none",
        b" mx(c).receiver.test; none",
        b" \"mx.receiver\r\n .test\"; none",
        b" \"mx.receiver.test \"; none",
        b" \"mx\".\"receiver.test\"; none",
        b" mx.\"receiver.test\"; none",
        b" =?utf-8?q?mx.receiver.test?=; none",
        b" \"=?utf-8?q?mx.receiver.test?=\"; none",
        b" mx.receiver.test\0; none",
        b" \0mx.receiver.test; none",
        b" mx.rec\0eiver.test; none",
        b" (\0) mx.receiver.test; none",
        b" mx.receiver.test\xff; none",
        b" (c mx.receiver.test; none",
        b" \"mx.receiver.test; none",
        b" mx.receiver.test..; none",
        b" mx.receiver.test/1; none",
        b" mx.receiver.test=1; none",
        b" mx.receiver.test dkim=pass",
        b" <mx.receiver.test>; none",
        b" dmarc=pass header.from=victim.example",
        b" i=1; mx.receiver.test; none",
        b" other.test 2; none",
    ];
    for value in unreadable {
        assert!(goes(value), "{}", crate::printable(value));
    }
}

#[test]
fn ar_05_names_in_every_form() {
    let check = |name: &[u8], want: &str| check([name, b": mx.receiver.test; none\r\n"].concat(), want);
    check(b"Authentication-Results ", "0 Authentication-Results#1");
    check(b"Authentication-Results\t ", "0 Authentication-Results#1");
    check(b"authentication-RESULTS", "0 authentication-RESULTS#1");
    check(b"X-Authentication-Results", "0 X-Authentication-Results#1");
    check(b"Authentication-Results\xff", r"0 Authentication-Results\xff#1");
    check(b"Authentication-\0Results", r"0 Authentication-\x00Results#1");
    check(b" Authentication-Results", "0  Authentication-Results#1");
    check(b"ARC-Authentication-Results", "");
    check(b"Authentication-Results-Original", "");
    check(b"Authentication_Results", "");
    check(b"Y-Authentication-Results", "");
}

#[test]
fn ar_05_ordinals_count_a_name_in_all_its_cases() {
    check(
        "authentication-results: a.test; none\r\nX-Authentication-Results: a.test; none\r\n\
         X-AUTHENTICATION-RESULTS: mx.receiver.test; none\r\nAuthentication-Results : mx.receiver.test; none\r\n",
        "3 Authentication-Results#2, 2 X-AUTHENTICATION-RESULTS#2",
    );
}

#[test]
fn ar_06_names_above_below_and_beside_ours_stay() {
    for id in [
        "sub.mx.receiver.test",
        "receiver.test",
        "evilmx.receiver.test",
        "mx.receiver.test.evil.example",
        "test",
    ] {
        assert!(!goes(format!(" {id}; dmarc=pass")), "{id}");
    }
    assert!(!goes(" other.test 1 (c); (null)=what ever"));
}
