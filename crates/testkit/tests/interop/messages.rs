//! Messages of every shape that canonicalisation has to do with.

/// The fields that every message has, but for Subject.
const COMMON: &str = "To: <reader@receiver.test>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@signed.example>\r\n";
const FROM: &str = "From: An Author <author@signed.example>\r\n";

/// A message and what is particular about it.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) message: Vec<u8>,
}

fn message(name: &'static str, fields: &[&[u8]], body: &[u8]) -> Shape {
    Shape { name, message: [&fields.concat(), b"\r\n".as_slice(), body].concat() }
}

/// Odd headers over a plain body.
pub(crate) fn headers() -> Vec<Shape> {
    let plain = |name, subject: &[u8]| {
        message(name, &[FROM.as_bytes(), subject, COMMON.as_bytes()], b"A line.\r\nAnother.\r\n")
    };
    let long = format!("Subject: {}\r\n", "word ".repeat(190));
    vec![
        plain("plain", b"Subject: plain\r\n"),
        plain("folded", b"Subject: a folded\r\n\t subject  with   runs\r\n  of space \t\r\n"),
        plain("folds of white space alone", b"Subject: a\r\n \r\n\t\r\n b\r\n"),
        plain("empty values", b"Subject:\r\nIn-Reply-To: \t \r\nX-Empty:\r\n"),
        plain("no space after the colon", b"Subject:close\r\nX-Note::a:b:\r\n"),
        plain("duplicates", b"Subject: s\r\nX-Twice: one\r\nX-Twice: two\r\nx-twice: one\r\n"),
        plain("bytes beyond ASCII", "Subject: Gr\u{fc}\u{df}e \u{1f511}\r\n".as_bytes()),
        plain("bytes that are no UTF-8", b"Subject: \xff\xfe \xc3( \x80\r\n"),
        plain("odd case", b"SUBJECT: Case\r\nmIME-vERSION: 1.0\r\n"),
        plain("a long line", long.as_bytes()),
        plain("control characters", b"Subject: a\x01b\x7fc\r\n"),
        message(
            "a folded From",
            &[b"From: =?utf-8?q?A=C3=A9?=\r\n <author@signed.example>\r\nSubject: s\r\n", COMMON.as_bytes()],
            b"Body.\r\n",
        ),
    ]
}

/// What dkimpy can't read.
pub(crate) fn headers_for_opendkim() -> Vec<Shape> {
    let fields = [FROM.as_bytes(), b"Subject : spaced\r\nX-Spaced   :\r\n", COMMON.as_bytes()];
    vec![message("white space before the colon", &fields, b"Body.\r\n")]
}

/// Odd bodies below a plain header.
pub(crate) fn bodies() -> Vec<Shape> {
    let plain = |name, body: &[u8]| {
        message(name, &[FROM.as_bytes(), b"Subject: a body\r\n", COMMON.as_bytes()], body)
    };
    let long = [vec![b'x'; 1200], b"  \r\n".to_vec(), b" y".repeat(900), b"\r\n".to_vec()].concat();
    let large = "The same line again and again, with  two spaces. \r\n".repeat(2500);
    vec![
        plain("empty", b""),
        plain("one CRLF", b"\r\n"),
        plain("only CRLFs", b"\r\n\r\n\r\n\r\n"),
        plain("white space at line ends", b"one \r\ntwo\t\r\nthree \t \r\n\r\n \r\n"),
        plain("lines of white space alone", b" \r\n\t\r\n  \t\r\n"),
        plain("runs of white space", b"a  b\t\tc \t d\r\n  indented\r\n"),
        plain("empty lines at the end", b"text\r\n\r\n\r\n\r\n"),
        plain("empty lines in the middle", b"text\r\n\r\n\r\nmore\r\n"),
        plain("long lines", &long),
        plain("bytes beyond ASCII", b"\xc3\xa9 \xff\xfe\x80\r\n\xa0\r\n"),
        plain("dots", b".\r\n..\r\n.dot\r\n...\r\nend.\r\n"),
        plain("control characters", b"a\x00b\x0b\x0c \x7f\r\n\x1a\r\n"),
        plain("large", large.as_bytes()),
    ]
}
