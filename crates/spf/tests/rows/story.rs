//! What a check tells about itself.

use spf::{Limits, Outcome, Seen, Step};

use crate::FIXTURE;
use crate::world::{World, world};

#[test]
fn a_record_of_an_administrator() {
    let zone = r#"
        a.example. TXT "v=spf1 include:_spf.google.com ip4:222.111.222.214 ip4:222.110.222.103 ip4:222.110.222.248 ip4:222.110.222.104 ip4:222.110.222.105 ~all"
        _spf.google.com. TXT "v=spf1 include:_netblocks.google.com ~all"
        _netblocks.google.com. TXT "v=spf1 ip4:35.190.247.0/24 ~all"
    "#;
    let of = |ip: &str| world(zone).ip(ip).mail_from("<x@a.example>");
    for ip in [
        "222.111.222.214",
        "222.110.222.103",
        "222.110.222.248",
        "222.110.222.104",
        "222.110.222.105",
        "35.190.247.9",
    ] {
        assert_eq!(of(ip).outcome(), Outcome::Pass, "{ip}");
    }
    let check = of("222.110.222.106");
    assert_eq!(check.outcome(), Outcome::SoftFail);
    assert_eq!(
        check.reason().to_string(),
        "\"~all\" in the record of a.example says that this client is probably not allowed, without insisting on it (softfail)"
    );
}

#[test]
fn the_steps_tell_the_story() {
    let zone = r#"
        a.example.    TXT  "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 a:h.example include:b.example ptr redirect=c.example"
        h.example.    A    192.0.2.7
        b.example.    TXT  "v=spf1 mx ~all"
        b.example.    MX   1 h.example.
        c.example.    TXT  "v=spf1 exists:%{l}.c.example -all exp=why.example"
        why.example.  TXT  "no"
    "#;
    use mail::Explain;
    let check = world(zone).mail_from("<x@a.example>");
    let story: Vec<String> = check.steps().iter().map(ToString::to_string).collect();
    assert_eq!(
        story,
        [
            "the record of a.example was found",
            "none of 2 networks holds the client's address",
            "\"a:h.example\" does not match: h.example is at 192.0.2.7",
            "\"include:b.example\" asks the record of b.example",
            "the record of b.example was found",
            "\"mx\" does not match: h.example is at 192.0.2.7",
            "\"~all\" matches: it stands for everybody",
            "\"include:b.example\" does not match: the record of b.example says softfail",
            "\"ptr\" does not match: the client's address has no name",
            "nothing matched; \"redirect=c.example\" goes on with the record of c.example",
            "the record of c.example was found",
            "\"exists:%{l}.c.example\" does not match: x.c.example has no address",
            "\"-all\" matches: it stands for everybody",
            "the owner's explanation was found at why.example",
        ]
    );
    let quotes: Vec<String> = check
        .steps()
        .iter()
        .filter_map(Explain::quote)
        .map(|q| format!("{}: {}", q.source, String::from_utf8_lossy(&q.text[q.span.range()])))
        .collect();
    assert_eq!(quotes[1], "TXT a.example: ip4:192.0.2.1 ip4:192.0.2.2");
    assert_eq!(quotes[5], "TXT b.example: mx");
    assert_eq!(check.steps()[5].section().0, "RFC 7208 §5.4");
    let matched = check.matched().unwrap();
    assert_eq!(
        (matched.place.text().as_str(), matched.place.record.domain.to_string().as_str()),
        ("-all", "c.example")
    );
    assert!(
        matches!(&check.steps()[2], Step::Tested { matched: false, seen: Seen::Addresses(_, ips), .. } if ips.len() == 1)
    );
}

/// A term can be as long as a record; what is said about it can't.
#[test]
fn spf_22_long_terms_are_cut_in_messages() {
    let zone = |record: &str| world("").with("a.example", dns::Data::txt(record));
    for record in ["v=spf1 exists:%{d}-all", "v=spf1 include:%{d}.b.example", "v=spf1 a:%{d} a a a a -all"] {
        let long = record.replace("%{d}", &"%{d1}.".repeat(10_000));
        let check = zone(&long).mail_from("<x@a.example>");
        assert!(check.reason().to_string().len() < 500, "{}", check.reason());
        for step in check.steps() {
            assert!(step.to_string().len() < 500, "{step}");
        }
    }
}

#[test]
fn checks_can_move_between_threads() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let w: World = world(FIXTURE);
    drop(send(w.check("<a@attacker.example>")));
}

/// The deepest recursion that limits can ask for.
#[test]
fn spf_04_the_largest_limits_fit_the_stack() {
    for record in ["v=spf1 include:a.example -all", "v=spf1 redirect=a.example"] {
        let w = world(&format!("a.example. TXT \"{record}\""))
            .limits(Limits { lookups: 255, ..Limits::default() });
        assert_eq!(w.mail_from("<x@a.example>").outcome(), Outcome::PermError);
        assert_eq!(w.asked().len(), 1 + usize::from(spf::MOST_LOOKUPS));
    }
}
