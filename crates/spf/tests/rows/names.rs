//! Macros, explanations, and the names of the client.

use dns::{Data, Name};
use spf::{Limits, Outcome};

use crate::outcome;
use crate::world::world;

#[test]
fn spf_14_the_current_domain() {
    let asked = |record: &str| {
        let zone = "inc.example. TXT \"v=spf1 exists:%{d}.d exists:%{o}.%{s}.o -all\"\n";
        let w = world(zone).and(&format!("a.example. TXT \"{record}\""));
        w.mail_from("<x@a.example>");
        w.asked()
    };
    let want = ["TXT a.example", "TXT inc.example", "A inc.example.d", "A a.example.x\\@a.example.o"];
    assert_eq!(asked("v=spf1 include:inc.example ?all"), want);
    assert_eq!(asked("v=spf1 redirect=inc.example"), want);
}

#[test]
fn spf_15_five_thousand_macros() {
    let spec = "%{d}.".repeat(5_000);
    let text: String = format!("v=spf1 exists:{spec}example -all");
    let strings: Vec<Box<[u8]>> = text.as_bytes().chunks(255).map(Box::from).collect();
    let w = world("").with("a.example", Data::Txt(strings.into()));
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Fail);
    assert!(w.asked()[1].len() < 260);
}

#[test]
fn spf_16_and_38_hostile_local_parts() {
    let zone = r#"a.example. TXT "v=spf1 exists:%{L}.x.example exists:%{l}.y.example -all exp=why.example"
        why.example. TXT "%{l}!""#;
    let of = |path: &str| {
        let w = world(zone).utf8();
        let check = w.mail_from(path);
        assert_eq!(check.outcome(), Outcome::Fail, "{path}: {}", check.reason());
        (w.asked()[1..].to_vec(), check.explanation().map(|e| e.text().to_owned()))
    };
    let why = "TXT why.example";
    let (asked, text) = of(r#"<"a\"b\\c/% "@a.example>"#);
    assert_eq!(asked, ["A a%22b%5cc%2f%25%20.x.example", r#"A a\"b\\c/%\032.y.example"#, why]);
    assert_eq!(text.as_deref(), Some("a\"b\\c/% !"));
    let (asked, _) = of("<\"%{i}\"@a.example>");
    assert_eq!(asked, ["A %25%7bi%7d.x.example", "A %{i}.y.example", why]);
    // RFC 8616 §4: not ASCII, no match, nothing asked.
    let (asked, text) = of("<b\u{fc}@a.example>");
    assert_eq!(asked, ["A b%c3%bc.x.example", why]);
    assert_eq!(text.as_deref(), Some("b??!"));
    let (asked, _) = of("<\"..\"@a.example>");
    assert_eq!(asked, [why]);
    // Too long for a label: no match.
    let (asked, _) = of(&format!("<{}@a.example>", "l".repeat(64)));
    assert_eq!(asked, [why]);
}

#[test]
fn spf_16_an_include_with_a_local_part_that_is_not_ascii_does_not_match() {
    let w = world(r#"a.example. TXT "v=spf1 include:%{l}.x.example +all""#).utf8();
    assert_eq!(w.mail_from("<b\u{fc}@a.example>").outcome(), Outcome::Pass);
}

#[test]
fn spf_17_names_that_cant_be() {
    let long = format!("{}.example", "l".repeat(64));
    for spec in ["%{l}%{l}.x.example", "a..b.example", ".example", &long] {
        for mechanism in ["a", "mx", "exists", "ptr"] {
            let w = world(&format!("a.example. TXT \"v=spf1 {mechanism}:{spec} -all\""));
            let check = w.mail_from(format!("<{}@a.example>", "l".repeat(40)));
            assert_eq!(check.outcome(), Outcome::Fail, "{mechanism}:{spec}");
            assert_eq!(w.asked(), ["TXT a.example"], "{mechanism}:{spec}");
        }
        assert_eq!(outcome(&format!("v=spf1 include:{spec} -all"), ""), "permerror", "{spec}");
    }
}

#[test]
fn spf_18_validated_names() {
    let zone = "66.113.0.203.in-addr.arpa. PTR other.example.\n66.113.0.203.in-addr.arpa. PTR mx.a.example.\n\
                other.example. A 203.0.113.66\nmx.a.example. A 203.0.113.66\nmx.a.example.x. A 127.0.0.2\n";
    let record = "a.example. TXT \"v=spf1 exists:%{p}.x -all\"";
    let check = world(zone).and(record).mail_from("<x@a.example>");
    assert_eq!((check.outcome(), check.lookups()), (Outcome::Pass, 2));
    let of = |zone: &str, limits: Limits| {
        let w = world(zone).and(record).limits(limits);
        w.mail_from("<x@a.example>");
        w.asked().last().cloned().unwrap()
    };
    assert_eq!(of("", Limits::default()), "A unknown.x");
    assert_eq!(of(";! servfail 66.113.0.203.in-addr.arpa.\n", Limits::default()), "A unknown.x");
    assert_eq!(of(zone, Limits { ptr: 0, ..Limits::default() }), "A unknown.x");
    // The macro counts: ten terms, then one more.
    let hosts = format!(
        "a.example. TXT \"v=spf1{} exists:%{{p}}.x -all\"\nh.example. A 192.0.2.1\n",
        " a:h.example".repeat(9)
    );
    assert_eq!(world(zone).and(&hosts).mail_from("<x@a.example>").outcome(), Outcome::PermError);
}

#[test]
fn spf_19_hostile_helo() {
    let zone = r#"a.example. TXT "v=spf1 exists:%{h}.x.example -all""#;
    for helo in [&b"[1.2.3.4]"[..], b"a b", b"x'(.attacker.example", &[b'h'; 300], b"a\r\nb", b"\xff"] {
        let check = world(zone).helo(helo).mail_from("<x@a.example>");
        assert_eq!(check.outcome(), Outcome::Fail);
        for step in check.steps() {
            assert!(step.to_string().is_ascii() && !step.to_string().contains(['\r', '\n']), "{step}");
        }
    }
}

#[test]
fn spf_20_letters_of_explanations() {
    assert_eq!(outcome("v=spf1 include:%{c}.x -all", ""), "permerror");
}

#[test]
fn spf_21_explanations() {
    let of = |zone: &str, record: &str| {
        let check = world(zone).and(&format!("a.example. TXT \"{record}\"")).mail_from("<x@a.example>");
        (check.outcome().as_str(), check.explanation().map(|e| e.text().to_owned()))
    };
    let none = ("fail", None);
    let exp = "v=spf1 -all exp=e.example";
    assert_eq!(of("", exp), none);
    assert_eq!(of(";! timeout e.example.\n", exp), none);
    assert_eq!(of("e.example. TXT \"one\"\ne.example. TXT \"two\"\n", exp), none);
    assert_eq!(of("e.example. TXT \"\"\n", exp), none);
    assert_eq!(of("e.example. TXT \"a\\010b\"\n", exp), none);
    assert_eq!(of("e.example. TXT \"\\195\\188\"\n", exp), none);
    assert_eq!(of("e.example. TXT \"%{x}\"\n", exp), none);
    assert_eq!(of("e.example. TXT \"%{i} <b>\"\n", exp), ("fail", Some("203.0.113.66 <b>".into())));
    assert_eq!(of("e.example. TXT \"a\" \"b\"\n", exp), ("fail", Some("ab".into())));
    assert_eq!(of("", "v=spf1 -all exp=%{l}..example"), none);
    assert_eq!(of("", "v=spf1 -all exp=e.example exp=e.example").0, "permerror");
    // Only a fail is explained, and no question is asked for the others.
    let w = world("a.example. TXT \"v=spf1 ~all exp=e.example\"");
    assert!(w.mail_from("<x@a.example>").explanation().is_none());
    assert_eq!(w.asked(), ["TXT a.example"]);
    // Of the record that failed the client, not of one that it includes.
    let zone = "b.example. TXT \"v=spf1 -all exp=b.example\"\ne.example. TXT \"mine\"\n";
    assert_eq!(of(zone, "v=spf1 include:b.example -all exp=e.example"), ("fail", Some("mine".into())));
    // 64 KiB
    let strings: Vec<Box<[u8]>> = (0..250).map(|_| vec![b'y'; 255].into()).collect();
    let w =
        world("a.example. TXT \"v=spf1 -all exp=e.example\"").with("e.example", Data::Txt(strings.into()));
    assert_eq!(w.mail_from("<x@a.example>").explanation().unwrap().text().len(), 512);
}

#[test]
fn spf_35_names_in_any_case_and_twice() {
    let zone = "66.113.0.203.IN-ADDR.arpa. PTR Mx.A.eXample.\n66.113.0.203.in-addr.arpa. PTR mX.a.exAmple.\n\
                mx.a.example. A 192.0.2.1\na.example. TXT \"v=spf1 ptr:A.Example -all\"\n";
    let w = world(zone);
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Fail);
    assert_eq!(w.asked(), ["TXT a.example", "PTR 66.113.0.203.in-addr.arpa", "A mx.a.example"]);
    let two = vec![
        Data::Ptr(Name::from_dotted("n.a.example").unwrap()),
        Data::Ptr(Name::from_dotted("N.a.example.").unwrap()),
    ];
    let w = world("a.example. TXT \"v=spf1 ptr -all\"").answer("66.113.0.203.in-addr.arpa", two);
    w.mail_from("<x@a.example>");
    assert_eq!(w.asked().len(), 3);
}

/// A record that names everything about the message, as a well-known service has its customers publish.
#[test]
fn spf_19_include_by_address_and_helo() {
    let w = world(
        "a.example. TXT \"v=spf1 include:%{i}._ip.%{h}._ehlo.%{d}._spf.vali.example ~all\"\n\
         203.0.113.66._ip.mail.example.net._ehlo.a.example._spf.vali.example. TXT \"v=spf1 ip4:203.0.113.66 -all\"\n",
    );
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Pass);
}
