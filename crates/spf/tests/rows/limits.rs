//! How much a check may ask.

use spf::{Limits, Outcome, Reason};

use crate::outcome;
use crate::world::world;

#[test]
fn spf_02_ten_lookups() {
    let zone: String = (0..11).map(|i| format!("i{i}.example. TXT \"v=spf1 -all\"\n")).collect();
    let includes = |n: usize| (0..n).map(|i| format!(" include:i{i}.example")).collect::<String>();
    assert_eq!(outcome(&format!("v=spf1{} +all", includes(10)), &zone), "pass");
    assert_eq!(outcome(&format!("v=spf1{} +all", includes(11)), &zone), "permerror");
    assert_eq!(outcome(&format!("v=spf1{} -all", includes(11)), &zone), "permerror");
    let zone = zone
        + "h.example. A 192.0.2.99\nh.example. MX 1 h.example.\n66.113.0.203.in-addr.arpa. PTR h.example.\n";
    for term in
        ["a:h.example", "mx:h.example", "ptr:h.example", "exists:%{i}.h.example", "redirect=i1.example"]
    {
        let void = Limits { voids: 255, ..Limits::default() };
        let of = |n| {
            let record = format!("a.example. TXT \"v=spf1{} {term}\"", includes(n));
            world(&zone).and(&record).limits(void).mail_from("<x@a.example>").outcome()
        };
        assert_ne!(of(9), Outcome::PermError, "{term}");
        assert_eq!(of(10), Outcome::PermError, "{term}");
    }
    for term in ["ip4:192.0.2.1", "ip6:2001:db8::", "?all", "-all exp=h.example"] {
        assert_ne!(outcome(&format!("v=spf1{} {term}", includes(10)), &zone), "permerror", "{term}");
    }
}

#[test]
fn spf_02_what_matches_first_needs_no_more() {
    let zone = "h.example. A 192.0.2.99\n";
    let record = format!("v=spf1{} ip4:203.0.113.66 a:h.example -all", " a:h.example".repeat(10));
    assert_eq!(outcome(&record, zone), "pass");
}

#[test]
fn spf_03_depth_of_includes() {
    let zone: String =
        (0..12).map(|i| format!("c{i}.example. TXT \"v=spf1 include:c{}.example -all\"\n", i + 1)).collect();
    let chain = |start: usize| {
        let zone = zone.clone() + "c12.example. TXT \"v=spf1 +all\"\n";
        world(&zone).mail_from(format!("<x@c{start}.example>")).outcome()
    };
    assert_eq!(chain(2), Outcome::Pass);
    assert_eq!(chain(1), Outcome::PermError);
}

#[test]
fn spf_04_loops() {
    assert_eq!(outcome("v=spf1 include:a.example -all", ""), "permerror");
    assert_eq!(outcome("v=spf1 redirect=a.example", ""), "permerror");
    assert_eq!(
        outcome("v=spf1 include:b.example -all", "b.example. TXT \"v=spf1 include:a.example -all\""),
        "permerror"
    );
    let w = world("a.example. TXT \"v=spf1 include:a.example include:a.example -all\"");
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::PermError);
    assert_eq!(w.asked().len(), 11);
}

#[test]
fn spf_05_mx_records() {
    let zone = |n: usize| {
        let hosts =
            (0..n).map(|i| format!("m.example. MX {i} h{i}.example.\nh{i}.example. A 198.51.100.{i}\n"));
        hosts.collect::<String>()
    };
    assert_eq!(outcome("v=spf1 mx:m.example -all", &zone(10)), "fail");
    assert_eq!(outcome("v=spf1 mx:m.example -all", &zone(11)), "permerror");
    // The one that would match does not help, wherever it stands.
    let first = zone(10) + "m.example. MX 0 good.example.\ngood.example. A 203.0.113.66\n";
    assert_eq!(outcome("v=spf1 mx:m.example -all", &first), "permerror");
    let w = world(&zone(10)).and(&format!("a.example. TXT \"v=spf1{} -all\"", " mx:m.example".repeat(10)));
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Fail);
    assert_eq!(w.asked().len(), 1 + 10 * 11);
    let w = world("m.example. MX 0 .\n").and("a.example. TXT \"v=spf1 mx:m.example -all\"");
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Fail);
    assert_eq!(w.asked(), ["TXT a.example", "MX m.example"]);
}

#[test]
fn spf_06_names_of_the_client() {
    let zone = |n: usize| {
        let names = (0..n).map(|i| {
            format!("66.113.0.203.in-addr.arpa. PTR n{i:04}.a.example.\nn{i:04}.a.example. A 192.0.2.1\n")
        });
        names.collect::<String>()
    };
    let record = "a.example. TXT \"v=spf1 ptr -all\"";
    let w = world(&zone(1000)).and(record);
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Fail);
    assert_eq!(w.asked().len(), 2 + 10);
    let good = "66.113.0.203.in-addr.arpa. PTR good.a.example.\ngood.a.example. A 203.0.113.66\n";
    let of = |zone: String| world(&zone).and(record).mail_from("<x@a.example>").outcome();
    assert_eq!(of(zone(9) + good), Outcome::Pass);
    assert_eq!(of(zone(10) + good), Outcome::Fail);
    // Trouble is no match: in the reverse tree, and for one of the names.
    assert_eq!(of(";! servfail 66.113.0.203.in-addr.arpa.\n".into()), Outcome::Fail);
    assert_eq!(of(zone(1) + ";! timeout n0000.a.example. A\n" + good), Outcome::Pass);
    // Not confirmed, or elsewhere.
    assert_eq!(of("66.113.0.203.in-addr.arpa. PTR a.example.\n".into()), Outcome::Fail);
    let other = "66.113.0.203.in-addr.arpa. PTR mail.bad-a.example.\nmail.bad-a.example. A 203.0.113.66\n";
    assert_eq!(of(other.into()), Outcome::Fail);
    // Off.
    let off = Limits { ptr: 0, ..Limits::default() };
    let w = world(good).and(record).limits(off);
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Fail);
    assert_eq!(w.asked(), ["TXT a.example"]);
}

#[test]
fn spf_07_void_lookups() {
    assert_eq!(outcome("v=spf1 a:v1.example exists:v2.example -all", ""), "fail");
    assert_eq!(outcome("v=spf1 a:v1.example exists:v2.example mx:v3.example -all", ""), "permerror");
    assert_eq!(outcome("v=spf1 a:v1.example a:v2.example a:v3.example +all", ""), "permerror");
    // A failure is no void.
    let three = Limits { voids: 3, ..Limits::default() };
    let w = world("a.example. TXT \"v=spf1 a:v1.example a:v2.example a:v3.example -all\"").limits(three);
    let check = w.mail_from("<x@a.example>");
    assert_eq!((check.outcome(), check.voids(), check.lookups()), (Outcome::Fail, 3, 3));
}

/// The zone of pyspf's issue 44: four hosts, three of them on IPv4 only.
#[test]
fn spf_07_a_term_is_void_once() {
    let zone = r#"
        a.example.    TXT  "v=spf1 mx ~all"
        a.example.    MX   20 h4a.example.
        a.example.    MX   30 h4b.example.
        a.example.    MX   40 h4c.example.
        a.example.    MX   50 h64.example.
        h64.example.  AAAA 2001:db8::1
        h64.example.  A    192.0.2.50
        h4a.example.  A    192.0.2.1
        h4b.example.  A    192.0.2.2
        h4c.example.  A    192.0.2.3
    "#;
    for (ip, want, voids) in [
        ("2001:db8::1", Outcome::Pass, 1),
        ("2001:db8::2", Outcome::SoftFail, 1),
        ("192.0.2.3", Outcome::Pass, 0),
    ] {
        let check = world(zone).ip(ip).mail_from("<x@a.example>");
        assert_eq!((check.outcome(), check.voids()), (want, voids), "{ip}");
    }
}

#[test]
fn spf_08_elapsed_time() {
    let zone = |delay: &str| {
        let hosts = (0..10).map(|i| format!("h{i}.example. A 192.0.2.1\n;! delay {delay} h{i}.example.\n"));
        hosts.collect::<String>()
    };
    let record = (0..10).map(|i| format!(" a:h{i}.example")).collect::<String>();
    assert_eq!(outcome(&format!("v=spf1{record} -all"), &zone("2s")), "fail");
    assert_eq!(outcome(&format!("v=spf1{record} -all"), &zone("2001ms")), "temperror");
    let w = world(&zone("10s")).and(&format!("a.example. TXT \"v=spf1{record} -all\""));
    let check = w.mail_from("<x@a.example>");
    assert!(matches!(check.reason(), Reason::Limit { limit: spf::Limit::Time(_), place: Some(_) }));
    assert_eq!(w.asked().len(), 3, "after 20 s nothing more is asked");
}

#[test]
fn spf_31_and_32_amplification_is_bounded() {
    let record = format!(
        "a.example. TXT \"v=spf1{}{} -all\"",
        " exists:%{l}.%{s}.v.example".repeat(6),
        " a:v.example".repeat(6)
    );
    let w = world(&record).limits(Limits { voids: 255, ..Limits::default() });
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::PermError);
    assert_eq!(w.asked().len(), 1 + 10);
}

#[test]
fn limits_say_where() {
    let check = world(&format!(
        "a.example. TXT \"v=spf1{} mx -all\"\nh.example. A 192.0.2.1",
        " a:h.example".repeat(10)
    ))
    .mail_from("<x@a.example>");
    assert_eq!(
        check.reason().to_string(),
        "too much work at \"mx\" in the record of a.example: more than 10 terms look something up in the DNS"
    );
    assert!(check.matched().is_none());
}
