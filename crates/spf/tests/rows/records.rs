//! What records say, and which of them count.

use dns::{Data, Name};
use spf::{Outcome, Reason, Scope};

use crate::outcome;
use crate::world::world;

#[test]
fn spf_09_multiple_records() {
    let of = |records: &[&str]| {
        let zone: String = records.iter().map(|r| format!("a.example. TXT \"{r}\"\n")).collect();
        world(&zone).mail_from("<x@a.example>").outcome().as_str()
    };
    for (records, want) in [
        (["v=spf1 +all", "v=spf1 -all", "x"], "permerror"),
        (["v=spf1 -all", "x", "v=spf1 +all"], "permerror"),
        (["V=SPF1 +all", "v=spf1 -all", "x"], "permerror"),
        (["v=spf10 +all", "v=spf1 -all", "x"], "fail"),
        (["v=spf1 -all", "v=spf10 +all", "google-site-verification=v=spf1"], "fail"),
        (["V=sPf1 -all", "v=spf1mx", " v=spf1 +all"], "fail"),
    ] {
        assert_eq!(of(&records), want, "{records:?}");
        let reversed: Vec<_> = records.into_iter().rev().collect();
        assert_eq!(of(&reversed), want, "{reversed:?}");
    }
}

#[test]
fn spf_10_version_only_and_sender_id() {
    assert_eq!(outcome("v=spf1", ""), "neutral");
    for other in ["spf2.", "spf2.0/pra -all", "", "v", "v=spf1-all"] {
        assert_eq!(outcome(other, ""), "none", "{other:?}");
    }
}

#[test]
fn spf_11_terms_after_an_include_belong_to_the_outer_record() {
    let zone = "b.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n203.0.113.66.%{d}.c.example. A 127.0.0.2\n203.0.113.66.a.example.c.example. A 127.0.0.2\n";
    assert_eq!(outcome("v=spf1 include:b.example exists:%{i}.%{d}.c.example -all", zone), "pass");
}

#[test]
fn spf_12_results_behind_an_include() {
    let of = |inner: &str, record: &str| {
        outcome(record, &format!("b.example. TXT \"{inner}\"\n;! servfail t.example.\n"))
    };
    for (inner, want) in [
        ("v=spf1 +all", "softfail"),
        ("v=spf1 -all", "pass"),
        ("v=spf1 ~all", "pass"),
        ("v=spf1 ?all", "pass"),
        ("v=spf1", "pass"),
        ("no record", "permerror"),
        ("v=spf1 bogus", "permerror"),
        ("v=spf1 a:t.example", "temperror"),
        ("v=spf1 redirect=nx.example", "permerror"),
    ] {
        assert_eq!(of(inner, "v=spf1 ~include:b.example +all"), want, "{inner}");
    }
    assert_eq!(of("", "v=spf1 include:t.example +all"), "temperror");
    assert_eq!(of("", "v=spf1 include:nx.example +all"), "permerror");
    assert_eq!(of("v=spf1 -all", "v=spf1 include:b.example redirect=b.example"), "fail");
    // The case that a flattened recursion gets wrong: b's own qualifiers count, not a's.
    let zone = "b.example. TXT \"v=spf1 include:c.example\"\nc.example. TXT \"v=spf1 +all\"";
    assert_eq!(outcome("v=spf1 -include:b.example +all", zone), "fail");
    let zone = "b.example. TXT \"v=spf1 -include:c.example +all\"\nc.example. TXT \"v=spf1 +all\"";
    assert_eq!(outcome("v=spf1 -include:b.example +all", zone), "pass");
}

#[test]
fn spf_13_redirect_to_nothing() {
    assert_eq!(outcome("v=spf1 redirect=nx.example", ""), "permerror");
    assert_eq!(outcome("v=spf1 redirect=%{l}..example", ""), "permerror");
    assert_eq!(outcome("v=spf1 redirect=b.example", "b.example. TXT \"v=spf1 +all\"\n"), "pass");
    assert_eq!(outcome("v=spf1 redirect=b.example", ";! timeout b.example.\n"), "temperror");
}

#[test]
fn spf_22_strings_and_sizes() {
    let zone = |strings: &str| format!("a.example. TXT {strings}\n");
    let of = |strings: &str| world(&zone(strings)).mail_from("<x@a.example>").outcome().as_str();
    assert_eq!(of("\"v=spf1 ip4:203.0\" \".113.66 -all\""), "pass");
    assert_eq!(of("\"v=spf1 ip4:192.0.2.1\" \"ip4:203.0.113.66 -all\""), "permerror");
    assert_eq!(of("\"v=\" \"spf1 -a\" \"ll\""), "fail");
    let sized = |len: usize| {
        let mut text = b"v=spf1".to_vec();
        while text.len() + 40 < len {
            text.extend(b" ip4:192.0.2.1");
        }
        text.extend(b" ip4:203.0.113.66 x=");
        text.resize(len, b'y');
        let strings: Vec<Box<[u8]>> = text.chunks(255).map(Box::from).collect();
        world("").with("a.example", Data::Txt(strings.into())).mail_from("<x@a.example>")
    };
    let check = sized(spf::MAX_RECORD);
    assert_eq!(check.outcome(), Outcome::Pass);
    assert_eq!(check.steps().len(), 3, "thousands of networks make one step");
    assert_eq!(sized(spf::MAX_RECORD + 1).outcome(), Outcome::PermError);
}

#[test]
fn spf_23_ipv4_mapped_clients() {
    let of = |ip: &str, record: &str| {
        world(&format!("a.example. TXT \"{record}\"")).ip(ip).mail_from("<x@a.example>").outcome().as_str()
    };
    assert_eq!(of("::ffff:192.0.2.10", "v=spf1 ip4:192.0.2.0/28 -all"), "pass");
    assert_eq!(of("::ffff:192.0.2.10", "v=spf1 ip6:::ffff:192.0.2.0/120 -all"), "fail");
    assert_eq!(of("::ffff:192.0.2.10", "v=spf1 ip6:::/0 -all"), "fail");
    assert_eq!(of("2001:db8::1", "v=spf1 ip4:0.0.0.0/0 -all"), "fail");
}

#[test]
fn spf_24_prefix_lengths() {
    for (record, want) in [
        ("v=spf1 ip4:198.51.100.7/0 -all", "pass"),
        ("v=spf1 ip4:203.0.113.66/32 -all", "pass"),
        ("v=spf1 ip4:203.0.113.67/31 -all", "pass"),
        ("v=spf1 ip4:203.0.113.67/32 -all", "fail"),
        ("v=spf1 ip4:203.0.113.66/33 -all", "permerror"),
        ("v=spf1 ip4:203.0.113.66/032 -all", "permerror"),
        ("v=spf1 a//128 -all", "fail"),
        ("v=spf1 a//129 -all", "permerror"),
        ("v=spf1 a/8//64 -all", "pass"),
        ("v=spf1 a/9//64 -all", "fail"),
        ("v=spf1 a/0 -all", "pass"),
        ("v=spf1 ip6:2001:db8::/0 -all", "fail"),
    ] {
        assert_eq!(outcome(record, "a.example. A 203.200.0.1\n"), want, "{record}");
    }
}

#[test]
fn spf_25_addresses() {
    for bad in ["ip4:1.2.3", "ip4:1.2.3.4:8080", "ip4:01.2.3.4", "ip6:fe80::1%eth0"] {
        assert_eq!(outcome(&format!("v=spf1 {bad} -all"), ""), "permerror", "{bad}");
    }
}

#[test]
fn spf_26_errors_anywhere() {
    let w = world("a.example. TXT \"v=spf1 a:h.example ip4:203.0.113.66 bogus\"");
    let check = w.mail_from("<x@a.example>");
    assert_eq!(check.outcome(), Outcome::PermError);
    assert_eq!(w.asked(), ["TXT a.example"], "nothing of a broken record is evaluated");
    let Reason::Syntax { record, error } = check.reason() else { panic!("{}", check.reason()) };
    assert_eq!((error.code, &record.text[error.span.range()]), ("spf-unknown-mechanism", &b"bogus"[..]));
}

#[test]
fn spf_27_modifiers() {
    assert_eq!(outcome("v=spf1 foo=bar foo=bar +all", ""), "pass");
    assert_eq!(outcome("v=spf1 redirect=b.example redirect=b.example", ""), "permerror");
    assert_eq!(outcome("v=spf1 =x +all", ""), "permerror");
    assert_eq!(outcome("v=spf1 default=pass", ""), "neutral");
}

#[test]
fn spf_28_bytes() {
    assert_eq!(outcome(r"v=spf1 a:\128 -all", ""), "permerror");
    assert_eq!(outcome(r"v=spf1 \001", ""), "permerror");
}

#[test]
fn spf_29_permissive_records() {
    let of = |record: &str, zone: &str| {
        let check = world(zone).and(&format!("a.example. TXT \"{record}\"")).mail_from("<x@a.example>");
        (check.outcome().as_str(), check.is_permissive())
    };
    assert_eq!(of("v=spf1 +all", ""), ("pass", true));
    assert_eq!(of("v=spf1 ?all", ""), ("neutral", true));
    assert_eq!(of("v=spf1 ip4:0.0.0.0/0 -all", ""), ("pass", true));
    assert_eq!(of("v=spf1 -all", ""), ("fail", false));
    assert_eq!(of("v=spf1", ""), ("neutral", false));
    assert_eq!(of("v=spf1 ip4:203.0.113.66 +all", ""), ("pass", false));
    assert_eq!(of("v=spf1 include:b.example -all", "b.example. TXT \"v=spf1 +all\"\n"), ("pass", true));
    assert_eq!(of("v=spf1 include:b.example -all", "b.example. TXT \"v=spf1 -all\"\n"), ("fail", false));
}

#[test]
fn spf_30_the_size_of_what_matched() {
    let of = |record: &str, zone: &str| {
        world(zone).and(&format!("a.example. TXT \"{record}\"")).mail_from("<x@a.example>").scope()
    };
    let shared = "esp.example. TXT \"v=spf1 ip4:203.0.0.0/14 ~all\"\n";
    assert_eq!(of("v=spf1 include:esp.example -all", shared), Some(Scope::Ip4(14)));
    assert_eq!(of("v=spf1 redirect=esp.example", shared).unwrap().bits(), Some(14));
    assert_eq!(of("v=spf1 ip4:203.0.113.66 -all", ""), Some(Scope::Ip4(32)));
    assert_eq!(of("v=spf1 a/24 -all", "a.example. A 203.0.113.1\n"), Some(Scope::Ip4(24)));
    assert_eq!(of("v=spf1 exists:e.example -all", "e.example. A 127.0.0.1\n"), Some(Scope::Name));
    assert_eq!(of("v=spf1 -all", "").unwrap().bits(), Some(0));
    assert_eq!(of("v=spf1", ""), None);
}

#[test]
fn spf_33_what_else_an_answer_may_hold() {
    assert_eq!(
        world("a.example. CNAME b.example.\nb.example. TXT \"v=spf1 -all\"\n")
            .mail_from("<x@a.example>")
            .outcome(),
        Outcome::Fail
    );
    assert_eq!(world("a.example. A 203.0.113.66\n").mail_from("<x@a.example>").outcome(), Outcome::None);
    let odd = vec![Data::A([203, 0, 113, 66].into()), Data::Ptr(Name::root())];
    let w = world("").answer("a.example", odd);
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::None);
    let w = world("a.example. TXT \"v=spf1 a:h.example mx:h.example exists:h.example -all\"")
        .answer("h.example", vec![Data::txt("x")]);
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::Fail);
}

#[test]
fn spf_34_wire_bytes_are_not_read_as_presentation() {
    let w = world("").with("a.example", Data::txt(br"v=spf1\032-all"));
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::None);
    let w = world("").with("a.example", Data::txt(br#""v=spf1 -all""#));
    assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::None);
}

#[test]
fn spf_37_no_record_and_no_answer() {
    let of = |zone: &str| world(zone).mail_from("<x@a.example>").outcome().as_str();
    assert_eq!(of(""), "none");
    assert_eq!(of("a.example. A 192.0.2.1\n"), "none");
    assert_eq!(of("a.example. TXT \"hello\"\n"), "none");
    assert_eq!(of(";! servfail a.example.\n"), "temperror");
    assert_eq!(of(";! timeout a.example.\n"), "temperror");
    assert_eq!(of(";! bogus a.example.\n"), "temperror");
}

#[test]
fn an_error_of_the_dns_is_a_temperror_where_it_can_matter() {
    let zone = "m.example. MX 1 h.example.\n;! servfail h.example.\n;! timeout t.example.\n";
    for (record, want) in [
        ("v=spf1 a:h.example +all", "temperror"),
        ("v=spf1 mx:m.example +all", "temperror"),
        ("v=spf1 mx:t.example +all", "temperror"),
        ("v=spf1 exists:t.example +all", "temperror"),
        ("v=spf1 +all a:h.example", "pass"),
    ] {
        assert_eq!(outcome(record, zone), want, "{record}");
    }
}
