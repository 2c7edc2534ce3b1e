//! From fields, each with the author that must come of it.

use super::*;
use crate::address::AddressErrorKind as Kind;
use crate::header::{MAX_FIELD, split};

/// The outcome in short: `domain`, `domain xN` for several mailboxes, notes behind it; else the name of the error.
fn outcome(header: &Header) -> String {
    match author(header) {
        Ok(author) => {
            let raw = &header.raw()[author.span().range()];
            assert!(!raw.is_empty() && header.field(author.field()).unwrap().is("From"));
            let count =
                if author.mailboxes() > 1 { format!(" x{}", author.mailboxes()) } else { String::new() };
            let notes: Vec<_> = author.notes().iter().map(|n| format!(" [{n}]")).collect();
            assert!(author.notes().iter().all(|n| header.raw().get(n.span.range()).is_some()));
            format!("{}{count}{}", author.domain(), notes.concat())
        }
        Err(error) => {
            assert!(error.to_string().bytes().all(|b| matches!(b, b' '..=b'~')), "{error}");
            let is_cut = matches!(error, AuthorError::Defect(Defect::LongHeader, _));
            assert!(is_cut || error.span().is_none_or(|s| header.raw().get(s.range()).is_some()));
            match error {
                AuthorError::Defect(defect, _) => format!("{defect:?}"),
                AuthorError::NoFrom => "NoFrom".to_owned(),
                AuthorError::SeveralFrom { count, .. } => format!("{count} fields"),
                AuthorError::Syntax(error) => format!("{:?}", error.kind),
                AuthorError::NoAddress(_) => "NoAddress".to_owned(),
                AuthorError::SeveralDomains { domains, .. } => format!("{} domains", domains.len()),
                AuthorError::Literal(_) => "Literal".to_owned(),
                AuthorError::BadDomain(error, _) => format!("{error:?}"),
                AuthorError::NotFullyQualified(domain, _) => format!("not qualified: {domain}"),
                AuthorError::EncodedAddress(..) => "EncodedAddress".to_owned(),
            }
        }
    }
}

/// Checks header lines as they are; a CRLF is put at the end.
fn check_header(lines: impl AsRef<[u8]>, want: &str) {
    let raw = [lines.as_ref(), b"\r\n"].concat();
    assert_eq!(outcome(&Header::parse(raw)), want, "{}", crate::printable(lines));
}

/// Checks the value of a From field that stands alone.
fn check(value: impl AsRef<[u8]>, want: &str) {
    check_header([b"From: ", value.as_ref()].concat(), want);
}

#[test]
fn from_01_attacker_first() {
    check_header("From: <first@attacker.example>\r\nFrom: <admin@victim.example>", "2 fields");
}

#[test]
fn from_02_victim_first() {
    check_header("From: <admin@victim.example>\r\nFrom: <first@attacker.example>", "2 fields");
    check_header("From: a@victim.example\r\nTo: b\r\nFROM: a@victim.example\r\nfrom:", "3 fields");
}

#[test]
fn from_03_space_before_the_first_from() {
    check_header(" From: <first@attacker.example>\r\nFrom: <admin@victim.example>", "LeadingFold");
}

#[test]
fn from_04_space_before_the_colon() {
    check_header("From: <first@attacker.example>\r\nFrom : <admin@victim.example>", "2 fields");
    check_header("From \t : <admin@victim.example>", "victim.example");
}

#[test]
fn from_05_fold_before_the_colon() {
    check_header("From\r\n : <first@attacker.example>\r\nFrom: <admin@victim.example>", "NoColon");
}

#[test]
fn from_06_sender_is_not_the_author() {
    check_header("From\r\n : <first@attacker.example>\r\nSender: <admin@victim.example>", "NoColon");
    check_header("Sender: <admin@victim.example>", "NoFrom");
    check_header("Sender: <admin@victim.example>\r\nFrom: <a@attacker.example>", "attacker.example");
}

#[test]
fn from_07_resent_from_is_not_the_author() {
    check_header("From\r\n : <first@attacker.example>\r\nResent-From: <admin@victim.example>", "NoColon");
    check_header("Resent-From: <admin@victim.example>", "NoFrom");
    check_header("Resent-From: <admin@victim.example>\r\nFrom: <a@attacker.example>", "attacker.example");
}

#[test]
fn from_08_two_addresses() {
    check("<first@attacker.example>, <admin@victim.example>", "2 domains");
}

#[test]
fn from_09_two_addresses_second_signs() {
    check("Support <s@victim.example>, Support <s@attacker.example>", "2 domains");
    check("s@mail.victim.example, s@victim.example", "2 domains");
}

#[test]
fn from_10_a_thousand_domains() {
    let list = |n: u32| (0..n).map(|i| format!("a@d{i}.example")).collect::<Vec<_>>().join(", ");
    check(list(1000), "ManyMailboxes");
    check(list(100), "100 domains");
    let error = author(&Header::parse(format!("From: {}\r\n", list(6)))).unwrap_err();
    let want = "From shows 6 domains: d0.example, d1.example, d2.example, d3.example and others";
    assert_eq!(error.to_string(), want);
}

#[test]
fn from_11_several_addresses_of_one_domain() {
    check("a@victim.example, b@VICTIM.example", "victim.example x2");
    check("\"A\" <a@victim.example>,\r\n\tB <b@victim.example>, c@victim.example", "victim.example x3");
}

#[test]
fn from_12_one_element_without_a_domain() {
    check("a@victim.example, b, c@", "NoDomain");
    check("a@victim.example, c@", "NoDomain");
    check("a@victim.example, <b>", "NoDomain");
    check("a@victim.example, @victim.example", "NoLocal");
    check("a@victim.example, b@.", "EmptyLabel");
}

#[test]
fn from_13_encoded_word_hides_the_address() {
    check("=?utf-8?B?PGFkbWluQHZpY3RpbS5leGFtcGxlPg==?=,<second@attacker.example>", "NoDomain");
    check(
        "=?utf-8?B?PGFkbWluQHZpY3RpbS5leGFtcGxlPg==?= <second@attacker.example>",
        "attacker.example [the display name holds an address of victim.example in encoded words]",
    );
    check(
        "x@attacker.example (=?utf-8?q?admin=40victim.example?=)",
        "attacker.example [a comment holds an address of victim.example in encoded words]",
    );
}

#[test]
fn from_14_the_whole_address_encoded() {
    check("=?utf-8?B?YWRtaW5AdmljdGltLmV4YW1wbGU=?=", "NoDomain");
    check("<=?utf-8?B?YWRtaW5AdmljdGltLmV4YW1wbGU=?=>", "NoDomain");
    check("admin@=?utf-8?q?victim.example?=", "Byte(61)");
}

#[test]
fn from_15_encoded_word_in_the_local_part() {
    check("=?utf-8?q?a=40b?=c@attacker.example", "attacker.example");
    // The row asks for attacker.example here too. Python's email package decodes the word and shows admin@victim.example,
    // so by invariant I-1 nothing may pass.
    for word in [
        "utf-8?q?admin=40victim.example=3e",
        "utf-8?q?admin=40victim.example",
        "utf-8?b?YWRtaW5AdmljdGltLmV4YW1wbGU",
        "utf-8?q?a?b=40victim.example",
        "utf-8?q?admin=40victim=E3=80=82example",
        "utf-8?q?admin=40victim=2Eexample=E2=80=80",
        "utf-7?q?admin+AEA-victim.example",
        "utf-16?b?QABhAC4AYgA=",
    ] {
        check(format!("=?{word}?=x@attacker.example"), "EncodedAddress");
        check(format!("=?{word}?=x@attacker.example <y@attacker.example>"), "EncodedAddress");
        check(format!("N <\"=?{word}?=\"@attacker.example>"), "EncodedAddress");
    }
    check("\"admin@victim.example\" <=?utf-8?q?a=40b?=x@attacker.example>", "EncodedAddress");
    check("\"admin@victim.example\" <=?utf-8?q?x?=@attacker.example>", "EncodedAddress");
    check("N <=?utf-8?q?admin=40victim?=.example@attacker.example>", "EncodedAddress");
    check("=?utf-8?q?admin=40victim.\t example?=x@attacker.example", "EncodedAddress");
    let decoys = "\"a@b.example\" <x@attacker.example>,".repeat(MAX_NOTES);
    check(decoys + "=?utf-8?q?admin=40victim.example=3e?=x@attacker.example", "EncodedAddress");
}

#[test]
fn from_15_encoded_word_across_the_address() {
    // Python's email package reads from `=?` to `?=`, whatever stands between: for the first it shows
    // "admin@victim.example> <x"@attacker.example, for others no address beside the text.
    check("=?utf-8?q?admin=40victim.example=3E <x?=@attacker.example>", "EncodedAddress");
    check("\"=?utf-8?q?admin=40victim.example=3E\" <x?=@attacker.example>", "EncodedAddress");
    check("A =?utf-8?q?B <admin=40victim.example=3E?=@attacker.example>", "EncodedAddress");
    check("=?utf-8?q?admin=40victim.example=3E_@attacker.example (?=)", "EncodedAddress");
    check("=?utf-8?q?admin=40victim.example=3E_ <x@attacker.example> (?=)", "EncodedAddress");
    check("=?utf-8?q?a=40victim.example\t<x@attacker.example>,\"?=\" <y@attacker.example>", "EncodedAddress");
    check("(=?utf-8?q?) =?x?= =?utf-8?q?a=40b.example=3E <x?=@attacker.example>", "EncodedAddress");
    check("G=?utf-8?q?a: x@attacker.example, b?=@attacker.example;", "EncodedAddress");
    // Words that end where they should are everywhere.
    let word = "=?utf-8?B?w6Q=?=";
    check(format!("{word}\r\n {word} <a@x.example>, {word} <b@x.example> ({word})"), "x.example x2");
    check("=?utf-8?Q?=C3=A4?= <a@x.example>", "x.example");
}

#[test]
fn from_16_source_route() {
    check("<@attacker.example,@any.com:admin@victim.example>", "Route");
    check("<@victim.example:a@attacker.example>", "Route");
    check("<@victim.example>", "Route");
    check("<,@victim.example:a@attacker.example>", "Route");
}

#[test]
fn from_17_backslash_outside_quotes() {
    check(r"<admin@victim.example>\,<second@attacker.example>", "Stray(92)");
    check(r"admin\@victim.example@attacker.example", "Stray(92)");
}

#[test]
fn from_18_bare_address_then_angle_address() {
    check("admin@victim.example,<second@attacker.example>", "2 domains");
    check("admin@victim.example <second@attacker.example>", "2 domains");
    check("admin@victim.example\r\n\t<second@attacker.example>", "2 domains");
    check("admin@victim.example(x)<second@attacker.example>", "2 domains");
    check("admin@[192.0.2.1] <second@attacker.example>", "Literal");
    check("admin@localhost <second@attacker.example>", "not qualified: localhost");
}

#[test]
fn from_19_text_after_the_angle_address() {
    check("<any@attacker.example>admin@victim.example", "TextAfter");
    check("<any@attacker.example> victim", "TextAfter");
    check("<any@attacker.example> \"admin@victim.example\"", "TextAfter");
    check("<any@attacker.example>@victim.example", "SecondAt");
    check("<any@attacker.example>.victim.example", "TextAfter");
    check("<any@attacker.example>>", "Stray(62)");
}

#[test]
fn from_20_quoted_local_part_with_an_angle_address() {
    check(
        "\"Someone <someone@attacker.example>\"@victim.example",
        "victim.example [the local part holds an address of attacker.example]",
    );
}

#[test]
fn from_21_two_angle_addresses() {
    check("Kelly <k@victim.example> <shawman@attacker.example>", "TextAfter");
}

#[test]
fn from_22_address_in_the_display_name() {
    let want = "attacker.example [the display name holds an address of victim.example]";
    check("\"admin@victim.example\" <x@attacker.example>", want);
    check("\"Admin <admin\\@victim.example>\" <x@attacker.example>", want);
    check("\"From admin@victim.example...\" <x@attacker.example>", want);
    check("\"admin@victim.example\u{2003}\" <x@attacker.example>", want);
    check("\"x@attacker.example\" <x@attacker.example>", "attacker.example");
    check("\"Sale @ noon, a@b\" <x@attacker.example>", "attacker.example");
}

#[test]
fn from_23_address_in_a_comment() {
    let want = "attacker.example [a comment holds an address of victim.example]";
    check("Foo (admin@victim.example) <baz@attacker.example>", want);
    check("baz@attacker.example (((admin@victim.example)))", want);
    check("baz@attacker.example (admin\\@victim.example)", want);
    let nested = |n: usize| format!("{}x{} a@attacker.example", "(".repeat(n), ")".repeat(n));
    check(nested(16), "attacker.example");
    check(nested(17), "DeepComment");
    check("(".repeat(60_000), "DeepComment");
    check("( a@attacker.example", "OpenComment");
}

#[test]
fn from_24_comment_inside_the_address() {
    check("pete(his account)@silly.test(his host)", "silly.test");
    check("admin@victim(.attacker).example", "victim.example");
    check("admin(x)@(y)victim.example(z)", "victim.example");
    check("admin(@attacker.example)@(x)victim.example", "AtInComment");
    check("<x@attacker.example(@victim.example)>", "AtInComment");
    check("<(admin@victim.example)x@attacker.example>", "AtInComment");
    check("admin@victim.example(x).attacker.example", "SplitDomain");
    check("admin@victim.example .attacker.example", "SplitDomain");
    check("admin@victim.example.\r\n attacker.example", "SplitDomain");
    check("admin@victim.example attacker.example", "TextAfter");
    check("admin@victim(x)attacker.example", "TextAfter");
}

#[test]
fn from_25_groups() {
    check("Managers: a@victim.example, b@victim.example;", "victim.example x2");
    check("Robot:;", "NoAddress");
    check("g1: g2: a@b.example;;", "NestedGroup");
    check("g1: x@b.example, g2: a@b.example;;", "NestedGroup");
    check("g1: a@victim.example; , g2: b@victim.example;, c@victim.example", "victim.example x3");
    check("g1: a@victim.example;, x@attacker.example", "2 domains");
    check("g1: a@victim.example", "OpenGroup");
    check("g1: a@victim.example; x", "TextAfter");
    check("g1: a@victim.example;;", "Stray(59)");
    check(": a@victim.example;", "Stray(58)");
    check("admin@victim.example: x@attacker.example;", "Stray(58)");
    check(
        "\"admin@victim.example\": x@attacker.example;",
        "attacker.example [the name of a group holds an address of victim.example]",
    );
}

#[test]
fn from_26_missing_or_empty() {
    check_header("To: a@victim.example", "NoFrom");
    check_header("From:", "NoAddress");
    check("", "NoAddress");
    check("\t\r\n ", "NoAddress");
    check("<>", "EmptyAngle");
    check("Admin <>", "EmptyAngle");
    check("(admin@victim.example)", "NoAddress");
    assert_eq!(outcome(&Header::parse("")), "NoFrom");
    assert_eq!(author(&Header::parse("")).unwrap_err().span(), None);
}

#[test]
fn from_27_characters_that_are_not_seen() {
    check("admin@victim.example\u{2000}", "Byte(32)");
    check("admin@victim.example\u{a0}", "Byte(32)");
    check("admin@victim.example\u{200b}", "victim.example");
    check("admin@vic\u{ad}tim.example", "victim.example");
    check("admin@victim\u{3002}example", "victim.example");
    check("admin@ｖictim．example", "victim.example");
    check("admin\u{2000}x@victim.example", "Invisible('\\u{2000}')");
    check("admin＠victim.example@attacker.example", "Invisible('＠')");
    check("admin＠victim.example", "NoDomain");
}

#[test]
fn from_28_look_alikes_are_their_own_domain() {
    check("a@v\u{456}ctim.example", "xn--vctim-n2e.example");
    check("a@xn--vctim-n2e.example", "xn--vctim-n2e.example");
}

#[test]
fn from_29_punycode_of_ascii() {
    check("a@xn--victim-.example", "Idna");
    check("a@victim.example.xn--", "Idna");
}

#[test]
fn from_30_direction_of_writing() {
    check("\u{202e}moc.mitciv@\u{202d}admin", "Invisible('\\u{202e}')");
    check("a@\u{202e}elpmaxe.mitciv", "Idna");
    check("\u{2067}elpmaxe.mitciv\u{2069}nimda@attacker.example", "Invisible('\\u{2067}')");
}

#[test]
fn from_31_bad_byte_between_two_addresses() {
    check(b"admin@victim.example\xff@attacker.example", "SecondAt");
    check(b"admin@victim.example\x80", "Idna");
    check(b"admin\xff@victim.example", "NotUtf8");
    check(b"admin@victim.example\0@attacker.example", "Nul");
    check(b"admin@victim.example\x80@attacker.example", "SecondAt");
    check(b"admin@victim.example\x01", "Control(1)");
    check(b"\"a\x1bb\" <admin@victim.example>", "Control(27)");
    check(b"(a\x7fb) <admin@victim.example>", "Control(127)");
    check(b"\"a\\\x08b\" <admin@victim.example>", "Control(8)");
}

#[test]
fn from_32_field_names_that_are_not_ascii() {
    check_header(b"From\xff: <o@attacker.example>\r\nFrom: key@victim.example", "BadName");
    check_header("Fr\u{43e}m: <o@attacker.example>\r\nFrom: key@victim.example", "BadName");
    check_header("From\u{a0}: <o@attacker.example>\r\nFrom: key@victim.example", "BadName");
}

#[test]
fn from_33_name_in_any_case() {
    check_header("fRoM:\t<a@victim.example>", "victim.example");
    check_header("From\t:<a@victim.example>", "victim.example");
    check_header("FROM:a@victim.example", "victim.example");
}

#[test]
fn from_34_empty_elements() {
    check(",,(c),<@gmail.com:@b.com:a@victim.example>,,", "Route");
    check(",,(c),<a@victim.example>,,", "victim.example");
    check(",,,", "NoAddress");
}

#[test]
fn from_35_semicolons() {
    check("a@attacker.example; b@victim.example", "Stray(59)");
    check("a@victim.example;", "Stray(59)");
}

#[test]
fn from_36_unbalanced_quote() {
    check("\"admin@victim.example <x@attacker.example>", "OpenQuote");
    check("\"admin\\\" <x@attacker.example>", "OpenQuote");
    check("a\"b@victim.example", "OpenQuote");
    check("a\"b\"@victim.example", "WordsBeforeAt");
}

#[test]
fn from_37_from_in_the_body() {
    let (header, body) = split(b"From: x@attacker.example\r\n\r\nFrom: <admin@victim.example>\r\n");
    assert_eq!(outcome(&header), "attacker.example");
    assert_eq!(body, b"From: <admin@victim.example>\r\n");
    assert_eq!(outcome(&split(b"To: a\r\n\r\nFrom: <admin@victim.example>\r\n").0), "NoFrom");
}

#[test]
fn from_38_leading_space_with_resent_from() {
    check_header("   From: <any@attacker.example>\r\nResent-From: <admin@victim.example>", "LeadingFold");
}

#[test]
fn from_39_address_or_single_label() {
    check("a@[203.0.113.66]", "Literal");
    check("a@[IPv6:2001:db8::1]", "Literal");
    check("a@[203.0.113.66].victim.example", "TextAfter");
    check("root@localhost", "not qualified: localhost");
    check("a@1.2.3.4", "not qualified: 1.2.3.4");
    check("a@victim.example, root@localhost", "not qualified: localhost");
    check("a@victim..example", "EmptyLabel");
    check("a@victim.example.", "EmptyLabel");
    check("\"admin@victim.example\" <x@attacker.example.>", "EmptyLabel");
    check("a@-.victim!.example", "Byte(33)");
}

#[test]
fn from_40_a_very_long_field() {
    check("a@victim.example,".repeat(50_000), "LongHeader");
    check("a@victim.example,".repeat(5_000), "LongField");
    check("a@victim.example,".repeat(101), "ManyMailboxes");
    check("a@victim.example,".repeat(100), "victim.example x100");
    let padded = |n: usize| format!("{}a@victim.example", " ".repeat(n - "From: a@victim.example\r\n".len()));
    check(padded(MAX_FIELD), "victim.example");
    check(padded(MAX_FIELD + 1), "LongField");
}

#[test]
fn from_41_percent_and_bang_paths() {
    check("admin%victim.example@attacker.example", "attacker.example");
    check("victim.example!admin@attacker.example", "attacker.example");
}

#[test]
fn from_42_more_than_one_at() {
    check("bogus@@victim.example", "SecondAt");
    check("a@b@victim.example", "SecondAt");
    check("<a@b@victim.example>", "SecondAt");
    check("<bogus@@victim.example>", "SecondAt");
    check("John Doe john@victim.example", "WordsBeforeAt");
    check("<John Doe john@victim.example>", "WordsBeforeAt");
}

#[test]
fn from_43_stray_parenthesis() {
    check("alice@victim.example)bob@attacker.example", "Stray(41)");
    check("<alice@victim.example)bob@attacker.example>", "Stray(41)");
}

#[test]
fn hdr_01_to_07_a_broken_header_has_no_author() {
    check_header("From: a@victim.example\r\nA: b\r\n\n\r\nX: y", "BareLf");
    check_header("From: a@attacker.example\nFrom: admin@victim.example", "BareLf");
    check_header("From: a@attacker.example\r\nSubject: x\rFrom: admin@victim.example", "BareCr");
    check_header("From: a@attacker.example\0@victim.example", "Nul");
    check_header(">From x\r\nFrom: a@victim.example", "NoColon");
    check_header("From a@b Mon\r\nFrom: a@victim.example", "NoColon");
    check_header(": novalue\r\nFrom: a@victim.example", "BadName");
    check_header(format!("{}: x\r\nFrom: a@victim.example", "A".repeat(65_536)), "LongField");
}

#[test]
fn hdr_08_a_fold_of_white_space_is_no_end() {
    check_header("Subject: a\r\n \r\n\t\r\n b\r\nFrom: a@victim.example", "victim.example");
    check("\r\n \r\n\ta@victim.example\r\n ", "victim.example");
}

#[test]
fn hdr_16_other_fields_twice_do_not_matter() {
    check_header("Subject: a\r\nSubject: b\r\nFrom: a@victim.example", "victim.example");
}

#[test]
fn p4_bypasses_of_other_parsers() {
    check(
        "\"Someone <someone@junk.com>\"@mydomain.com",
        "mydomain.com [the local part holds an address of junk.com]",
    );
    check("user@example.net>", "Stray(62)");
    check("<user@example.net>>", "Stray(62)");
}

#[test]
fn p5_false_rejects_of_other_parsers() {
    check("\"\\\"AcmeCorp, Inc.\\\"\" <o@x.example>", "x.example");
    check("\"'X, Y' via Z\" <spam@googlegroups.com>", "googlegroups.com");
    check("o@x.example, p@x.example", "x.example x2");
    check("\"o@x.example\" <o@x.example>", "x.example");
    check("o@x.example <o@x.example>", "x.example");
    check("John Q. Public <john@x.example>", "x.example");
    check("a..b.@x.example", "x.example");
    check("Jörg <jörg@x.example>", "x.example");
    check(b"J\xf6rg <j@x.example>", "x.example");
    check(b"\"J\xf6rg\" (\xe4) <j@x.example>", "x.example");
}

#[test]
fn a_backslash_in_an_old_charset_escapes_or_not() {
    // In Shift_JIS the first two bytes inside the quotes are one letter, so the quote after them ends the string.
    check(b"\"\x83\\\" <admin@victim.example>, \\\"\" <x@attacker.example>", "NotUtf8");
    check("\"ソ\\\"\" <x@attacker.example>", "attacker.example");
}

#[test]
fn rfc_5322_appendix_a_and_rfc_6854() {
    check("John Doe <jdoe@machine.example>", "machine.example");
    check("\"Joe Q. Public\" <john.q.public@example.com>", "example.com");
    check("Joe Q. Public <john.q.public@example.com>", "example.com");
    check("Pete <pete@silly.example>", "silly.example");
    check("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "silly.test");
    check_header("From  : John Doe <jdoe@machine(comment).  example>", "machine.example");
    check("Automated System:;", "NoAddress");
    check("ben@example.com,carol@example.com", "example.com x2");
    check("Managing Partners:ben@example.com,carol@example.com;", "example.com x2");
    check("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>", "nada.kth.se");
}

#[test]
fn spans_point_into_the_header() {
    let raw = "To: a\r\nFrom: A <a@Victim.Example>, b@victim.example\r\n";
    let author = author(&Header::parse(raw)).unwrap();
    assert_eq!((raw.get(author.span().range()), author.field()), (Some("Victim.Example"), 1));
    let guilty = |raw: &str| {
        let span = super::author(&Header::parse(raw)).unwrap_err().span().unwrap();
        raw.get(span.range()).unwrap().to_owned()
    };
    assert_eq!(guilty("To: a\r\nFrom: a@x.example, b@y.example, c@z.example\r\n"), "y.example");
    assert_eq!(guilty("To: a\r\nFrom: a@x.example; b@y.example\r\n"), ";");
    assert_eq!(guilty("To: a\r\nFrom: a@x.example, John\r\n"), "John");
    assert_eq!(guilty("From: a@x.example\r\nFrom: b\r\n"), "From: b\r\n");
    assert_eq!(guilty("From: a@[1.2.3.4]\r\n"), "[1.2.3.4]");
}

#[test]
fn notes_are_limited() {
    check("a@x.example (b@y.example)", "x.example [a comment holds an address of y.example]");
    let raw = format!("From: a@x.example {}\r\n", "(b@y.example)".repeat(MAX_NOTES + 1));
    assert_eq!(author(&Header::parse(raw)).unwrap().notes().len(), MAX_NOTES);
}

#[test]
fn errors_speak_to_an_administrator() {
    let say = |lines: &str| author(&Header::parse(format!("{lines}\r\n"))).unwrap_err().to_string();
    assert_eq!(say("From: a@x.example\r\nfrom: b@y.example"), "the header has 2 From fields");
    assert_eq!(say("From: a@x.example, b@y.example"), "From shows 2 domains: x.example, y.example");
    assert_eq!(
        say("From: Joe, Inc <a@x.example>"),
        "From is no list of addresses: not an address: no \"@\" and domain"
    );
    assert_eq!(say("From: root@localhost"), "the domain in From is not fully qualified: localhost");
    assert_eq!(
        say("From: a@x!y.example"),
        "the address in From has no valid domain: ! can't stand in a name"
    );
    assert_eq!(say("nothing"), "the header is malformed: a line without a colon");
    assert_eq!(Kind::Control(27).to_string(), r"a control character, \x1b");
}
