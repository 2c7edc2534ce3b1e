//! Every answer both ways, both sides of the limits, and texts that would harm.

use super::*;

/// What an answer is on the wire; decoded, it is the same.
fn check(reply: &Reply, wire: &str) {
    let mut out = Vec::new();
    reply.encode(&mut out);
    assert_eq!(String::from_utf8_lossy(&out), wire);
    let payload = wire.split_once(':').unwrap().1.strip_suffix(',').unwrap();
    assert_eq!(Reply::decode(payload.as_bytes()).as_ref(), Ok(reply));
}

#[test]
fn net_11_answers_as_postfix_reads_them() {
    let policy = Value::new("secure match=mx.example.com servername=hostname").unwrap();
    check(&Reply::Ok(policy), "50:OK secure match=mx.example.com servername=hostname,");
    check(&Reply::NotFound, "9:NOTFOUND ,");
    check(&Reply::Temp(Reason::new("DNS is away")), "16:TEMP DNS is away,");
    check(&Reply::Timeout(Reason::new("too slow")), "16:TIMEOUT too slow,");
    check(&Reply::Perm(Reason::new("no such map")), "16:PERM no such map,");
    check(&Reply::Temp(Reason::new("")), "5:TEMP ,");
}

#[test]
fn what_is_no_answer() {
    for (payload, expected) in [
        ("", Err(ReplyError::Status)),
        ("ok may", Err(ReplyError::Status)),
        ("OKAY may", Err(ReplyError::Status)),
        (" OK may", Err(ReplyError::Status)),
        ("OK", Err(ReplyError::Value(ValueError::Empty))),
        ("OK ", Err(ReplyError::Value(ValueError::Empty))),
        ("OK a\0b", Err(ReplyError::Value(ValueError::Control { at: 1 }))),
        ("NOTFOUND", Ok(Reply::NotFound)),
        ("NOTFOUND whatever", Ok(Reply::NotFound)),
        ("OK  two  spaces ", Ok(Reply::Ok(Value::new(" two  spaces ").unwrap()))),
    ] {
        assert_eq!(Reply::decode(payload.as_bytes()), expected, "{payload}");
    }
    assert_eq!(Reply::decode(b"OK a\xff"), Err(ReplyError::NotUtf8 { at: 4 }));
}

#[test]
fn net_10_the_longest_value_makes_the_longest_answer() {
    let longest = Value::new(&"x".repeat(MAX_VALUE)).unwrap();
    let mut out = Vec::new();
    Reply::Ok(longest).encode(&mut out);
    assert!(out.starts_with(b"100000:OK x"));
    let error = Value::new(&"x".repeat(MAX_VALUE + 1)).unwrap_err();
    assert_eq!(error, ValueError::TooLong { length: 99_998 });
}

#[test]
fn net_11_values_that_postfix_would_cut_or_take_for_a_mistake() {
    for (text, at) in [("a\0", 1), ("\n", 0), ("may\r\n", 3), ("a\u{85}", 1), ("\u{7f}", 0), ("é\t", 2)] {
        assert_eq!(Value::new(text), Err(ValueError::Control { at }), "{text:?}");
    }
    assert_eq!(Value::new(""), Err(ValueError::Empty));
    assert_eq!(Value::new("é {a = b}").unwrap().to_string(), "é {a = b}");
}

#[test]
fn reasons_are_one_short_line_whatever_is_in_them() {
    assert_eq!(Reason::new("a\r\nb\0\u{1b}[1m").as_str(), "a??b??[1m");
    assert_eq!(Reason::new(&"x".repeat(200)).as_str().len(), 200);
    assert_eq!(Reason::new(&"x".repeat(201)).as_str().len(), 200);
    assert_eq!(Reason::new(&format!("{}é", "x".repeat(199))).as_str().len(), 199);
}
