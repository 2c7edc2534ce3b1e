//! Zones as text, questions, and what they must be answered.

use proptest::prelude::*;

use super::*;

const WORLD: &str = r#"
$TTL 1h
.              SOA  ns.nic. hostmaster.nic. 1 1h 10m 1w 300
$ORIGIN example.com.
@          600 IN   TXT ( "v=spf1 " ; one string
                          "-all" )  ; and the other
           IN 60    MX  10 mail
           MX  20 mail.example.net.
mail       A    192.0.2.1
           AAAA 2001:db8::1
a.b.c      TXT  plain
*.wild     TXT  "wild"
x.y.wild   A    192.0.2.2
*.alias    CNAME mail
www        60 CNAME mail
out        CNAME nowhere.example.
loop       CNAME loop2
loop2      CNAME loop
c9         CNAME c8
c8         CNAME c7
c7         CNAME c6
c6         CNAME c5
c5         CNAME c4
c4         CNAME c3
c3         CNAME c2
c2         CNAME c1
c1         CNAME c0
c0         TXT "end"
twice      TXT "same"
twice      TXT "same"
only-other SRV 0 0 0 .
raw\.dot\000 TXT "a\255\"\;\\" b\ c "" "x;y(z)"
_25._tcp.mail TLSA 3 1 1 ABCDEF 01
1.2.0.192.in-addr.arpa. PTR mail
example.com. NS ns.nic.
;! timeout  slow TXT
;! servfail broken
;! bogus    forged
;! delay 200ms www A
;! delay 1s c0
;! authenticated mail A
slow       A 192.0.2.3
"#;

fn show(answer: &Answer) -> String {
    let mut text = match &answer.reply {
        Reply::Records(data) => data.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
        reply => format!("{reply:?}"),
    };
    if answer.ttl != 0 {
        text += &format!(" ttl {}", answer.ttl);
    }
    if !answer.took.is_zero() {
        text += &format!(" took {:?}", answer.took);
    }
    text + if answer.authenticated { " authenticated" } else { "" }
}

#[track_caller]
fn check(zone: &str, question: &str, expected: &str) {
    let zone = Zone::parse(zone).unwrap();
    let (rtype, name) = question.split_once(' ').unwrap();
    let question = Question::new(Name::from_presentation(name).unwrap(), rtype.parse().unwrap());
    assert_eq!(show(&zone.answer(&question)), expected, "{question}");
}

#[test]
fn records() {
    check(WORLD, "TXT example.com", r#""v=spf1 " "-all" ttl 600"#);
    check(WORLD, "TXT EXAMPLE.Com", r#""v=spf1 " "-all" ttl 600"#);
    check(WORLD, "MX example.com", "10 mail.example.com. | 20 mail.example.net. ttl 60");
    check(WORLD, "A mail.example.com", "192.0.2.1 ttl 3600 authenticated");
    check(WORLD, "AAAA mail.example.com", "2001:db8::1 ttl 3600");
    check(WORLD, "TXT a.b.c.example.com", r#""plain" ttl 3600"#);
    check(WORLD, "TXT twice.example.com", r#""same" ttl 3600"#);
    check(WORLD, "PTR 1.2.0.192.in-addr.arpa", "mail.example.com. ttl 3600");
    check(WORLD, "NS example.com", "ns.nic. ttl 3600");
    check(WORLD, "SOA .", "ns.nic. . 1 3600 600 604800 300 ttl 3600");
    check(WORLD, "TLSA _25._tcp.mail.example.com", "3 1 1 abcdef01 ttl 3600");
}

#[test]
fn spf_34_bytes_and_borders_of_strings_are_kept() {
    check(WORLD, r"TXT raw\.dot\000.example.com", r#""a\255\";\\" "b c" "" "x;y(z)" ttl 3600"#);
}

#[test]
fn every_kind_of_no() {
    check(WORLD, "A example.com", "NoData ttl 300");
    check(WORLD, "TXT b.c.example.com", "NoData ttl 300");
    check(WORLD, "TXT com", "NoData ttl 300");
    check(WORLD, "TXT only-other.example.com", "NoData ttl 300");
    check(WORLD, "TXT z.b.c.example.com", "NoSuchName ttl 300");
    check(WORLD, "A example.org", "NoSuchName ttl 300");
    check("a.example. A 192.0.2.1", "TXT a.example", "NoData");
    check("", "TXT .", "NoSuchName");
    check(WORLD, "TXT slow.example.com", "TimeOut");
    check(WORLD, "A slow.example.com", "192.0.2.3 ttl 3600");
    check(WORLD, "MX broken.example.com", "ServerFailure");
    check(WORLD, "A forged.example.com", "Bogus");
    check(WORLD, "A below.forged.example.com", "NoSuchName ttl 300");
}

/// RFC 4592 §2.2.1.
#[test]
fn wildcards() {
    check(WORLD, "TXT a.wild.example.com", r#""wild" ttl 3600"#);
    check(WORLD, "TXT a.b.wild.example.com", r#""wild" ttl 3600"#);
    check(WORLD, "A a.wild.example.com", "NoData ttl 300");
    check(WORLD, "TXT *.wild.example.com", r#""wild" ttl 3600"#);
    check(WORLD, "TXT wild.example.com", "NoData ttl 300");
    check(WORLD, "TXT y.wild.example.com", "NoData ttl 300");
    check(WORLD, "TXT z.y.wild.example.com", "NoSuchName ttl 300");
    check(WORLD, "A a.alias.example.com", "192.0.2.1 ttl 3600");
}

#[test]
fn dns_15_aliases_are_followed_and_counted() {
    check(WORLD, "A www.example.com", "192.0.2.1 ttl 60 took 200ms");
    check(WORLD, "TXT www.example.com", "NoData ttl 60");
    check(WORLD, "A out.example.com", "NoSuchName ttl 300");
    check(WORLD, "TXT c8.example.com", r#""end" ttl 3600 took 1s"#);
    check(WORLD, "TXT c9.example.com", "ServerFailure");
    check(WORLD, "TXT loop.example.com", "ServerFailure");
}

#[test]
fn dns_11_authenticated_is_said_of_the_whole_chain_and_of_no_failure() {
    check(WORLD, "A www.example.com", "192.0.2.1 ttl 60 took 200ms");
    let all = &format!("{WORLD};! authenticated\n");
    check(all, "A www.example.com", "192.0.2.1 ttl 60 took 200ms authenticated");
    check(all, "A example.org", "NoSuchName ttl 300 authenticated");
    check(all, "A forged.example.com", "Bogus");
    check(all, "TXT c9.example.com", "ServerFailure");
}

#[test]
fn forms_of_a_line() {
    for line in [
        "x.example. 5 IN A 192.0.2.1",
        "x.example. IN 5 A 192.0.2.1",
        "x.example. 5s A 192.0.2.1",
        "X.EXAMPLE. 5 in a 192.0.2.1\r",
        "\u{feff}x.example. 5 A 192.0.2.1",
        "$TTL 5\nx.example. A 192.0.2.1",
        "$ORIGIN example.\n$ORIGIN x\n@ 5 A 192.0.2.1",
        "$ORIGIN example.\nx (\n5 IN ; comment\n A\n192.0.2.1)",
        "x.example. 5 A 192.0.2.1;comment",
        "x.example. 7 TXT x\n\t5 A 192.0.2.1",
        "x.example. 5 TXT x\n  A 192.0.2.1",
        r"\120.ex\ample. 5 A 192.0.2.1",
    ] {
        check(line, "A x.example", "192.0.2.1 ttl 5");
    }
    check("x. 1w2d3h4m5s A 192.0.2.1", "A x", "192.0.2.1 ttl 788645");
}

#[track_caller]
fn check_error(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(Zone::parse(text).unwrap_err().to_string(), expected);
}

#[test]
fn dns_16_what_is_wrong_and_where() {
    check_error("a. A 1.2.3", r#"line 1, column 6: "1.2.3" is not an IPv4 address"#);
    check_error("\n\na. MX 10", "line 3, column 9: the line ends where a name should be");
    check_error("a. TXT \"x\n", "line 1, column 8: this quote is not closed on its line");
    check_error("a. TXT (x\nb", "line 1, column 8: this parenthesis is never closed");
    check_error("a. TXT x)", "line 1, column 9: a closing parenthesis without an opening one");
    check_error("  A 192.0.2.1", "line 1, column 3: a record without an owner before it");
    check_error("a. CH TXT x", "line 1, column 4: only the class IN is known here");
    check_error("a. TYP x", r#"line 1, column 4: "TYP" is no type of record that is known here"#);
    check_error("a. DNAME b.", r#"line 1, column 4: "DNAME" is no type of record that is known here"#);
    check_error(b"a. \xff\x1b x", r#"line 1, column 4: "\xff\x1b" is no type of record that is known here"#);
    check_error("a. A 192.0.2.1 x", "line 1, column 16: more than the record has room for");
    check_error("$INCLUDE /etc/passwd", "line 1, column 1: $INCLUDE is not supported: a zone is one text");
    check_error("$GENERATE 1-2 a A 1.2.3.4", "line 1, column 1: unknown control entry");
    check_error("$TTL x", "line 1, column 6: no TTL");
    check_error("a. 2147483648 A 192.0.2.1", "line 1, column 4: no TTL");
    check_error("a..b. A 192.0.2.1", "line 1, column 1: the name has an empty label");
    check_error(r"a\25. A 192.0.2.1", "line 1, column 1: a backslash that escapes nothing");
    check_error("a. CNAME b.\na. A 192.0.2.1", "line 2, column 4: a has a CNAME record and others");
    check_error("a. CNAME b.\na. CNAME c.", "line 2, column 4: a has two CNAME records");
    check_error(
        ";! tiemout a.",
        "line 1, column 4: unknown directive; there are timeout, servfail, bogus, delay and authenticated",
    );
    check_error(";! timeout", "line 1, column 11: the line ends where a name should be");
    check_error("a. A 192.0.2.1 ;! timeout a.", "line 1, column 16: a directive stands on a line of its own");
    check_error(";! delay 5 a.", "line 1, column 10: no time; one is written 200ms or 2s");
    check_error(";! timeout a. SRV", "line 1, column 15: no type of record that is asked for here");
}

#[test]
fn limits_on_both_sides() {
    let string = |n: usize| format!("a. TXT {}", "x".repeat(n));
    assert!(Zone::parse(string(255)).is_ok());
    check_error(string(256), "line 1, column 8: a string of 256 bytes; it can have 255");
    let set = |n: usize| (0..n).map(|i| format!("a. TXT {i}\n")).collect::<String>();
    assert!(Zone::parse(set(MAX_SET)).is_ok());
    check_error(set(MAX_SET + 1), "line 4097, column 4: more than 4096 records of a type at a");
    assert!(Zone::parse(" ".repeat(MAX_TEXT)).is_ok());
    check_error(" ".repeat(MAX_TEXT + 1), "line 1, column 1: a zone of more than 4194304 bytes");
}

#[test]
fn built_by_hand_is_as_read() {
    let name = |text: &str| Name::from_presentation(text).unwrap();
    let mut zone = Zone::new();
    zone.add(name("a.example"), 60, Data::txt("x"))
        .alias(name("b.example"), 60, name("a.example"))
        .fail(name("c.example"), None, Failure::TimeOut)
        .delay(name("a.example"), RecordType::Txt, Duration::from_millis(5))
        .authenticate(name("a.example"), None);
    let text = "a.example. 60 TXT x\nb.example. 60 CNAME a.example.\n;! timeout c.example.\n\
                ;! delay 5ms a.example. TXT\n;! authenticated a.example.\n";
    assert_eq!(zone, Zone::parse(text).unwrap());
}

#[test]
fn printed_and_read_again_it_is_the_same() {
    // A name that only has a type without a use here is not printed.
    let text = WORLD.replace("only-other SRV 0 0 0 .", "");
    let zone = Zone::parse(text).unwrap();
    assert_eq!(Zone::parse(zone.to_string()).unwrap(), zone);
}

proptest! {
    #[test]
    fn dns_16_any_bytes_end_well(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Zone::parse(bytes);
    }

    #[test]
    fn dns_16_pieces_of_zones_end_well(pieces in proptest::collection::vec(
        proptest::sample::select(vec!["a", ".", " ", "\n", "TXT", "\"", "(", ")", ";", ";!", "\\", "\\2", "$TTL", "IN",
            "CNAME", "A", "1.2.3.4", "@", "*", "timeout", "delay", "5ms", "\r\n", "60", "é"]), 0..40)) {
        if let Ok(zone) = Zone::parse(pieces.concat()) {
            prop_assert_eq!(Zone::parse(zone.to_string()), Ok(zone));
        }
    }

    #[test]
    fn dns_01_texts_and_names_of_any_bytes_survive_printing(
        strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=255), 1..4),
        labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..=30), 1..5),
    ) {
        let name = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
        let strings: Vec<Box<[u8]>> = strings.into_iter().map(Vec::into_boxed_slice).collect();
        let mut zone = Zone::new();
        zone.add(name.clone(), 1, Data::Txt(strings.into())).add(name.clone(), 1, Data::Ptr(name));
        prop_assert_eq!(Zone::parse(zone.to_string()), Ok(zone));
    }
}

#[test]
fn an_answer_is_always_the_very_same() {
    let mut zone = Zone::parse("a.example. A 192.0.2.1").unwrap();
    let name = Name::from_dotted("a.example").unwrap();
    let ask = |zone: &Zone| match zone.answer(&Question::new(name.clone(), RecordType::A)).reply {
        Reply::Records(records) => records,
        other => panic!("{other:?}"),
    };
    let first = ask(&zone);
    assert!(Arc::ptr_eq(&first, &ask(&zone)));
    assert_eq!(zone, Zone::parse("a.example. A 192.0.2.1").unwrap(), "whether it was asked or not");
    zone.add(name.clone(), 60, Data::A([192, 0, 2, 2].into()));
    assert_eq!((first.len(), ask(&zone).len()), (1, 2));
}

#[test]
fn an_answer_says_whether_the_name_is_an_alias() {
    let zone =
        Zone::parse("a.example. CNAME b.example.\nb.example. A 192.0.2.1\nc.example. CNAME d.example.")
            .unwrap();
    let is_alias = |asked: &str| {
        let (rtype, name) = asked.split_once(' ').unwrap();
        let question = Question::new(Name::from_dotted(name).unwrap(), rtype.parse().unwrap());
        let through = pollster::block_on(crate::Overlay::new(zone.clone(), Zone::new()).ask(&question)).alias;
        assert_eq!(zone.answer(&question).alias, through, "{asked}");
        through
    };
    assert!(is_alias("A a.example") && is_alias("TXT a.example") && is_alias("A c.example"));
    assert!(!is_alias("A b.example") && !is_alias("CNAME a.example") && !is_alias("A x.example"));
}

#[test]
fn an_alias_that_is_asked_for_is_not_followed() {
    let zone = "a.example. 60 CNAME b.example.\nb.example. 60 CNAME c.example.\n;! authenticated a.example.";
    check(zone, "CNAME a.example", "b.example. ttl 60 authenticated");
    check(zone, "CNAME b.example", "c.example. ttl 60");
    check(zone, "CNAME c.example", "NoSuchName");
}
