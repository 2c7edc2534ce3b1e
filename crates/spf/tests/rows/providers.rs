//! Records in the forms that well-known services have their customers publish: honest mail passes.

use spf::Outcome;

use crate::world::world;

/// A pass for a client that the record lets through by the other records, and a fail for one that it does not.
#[track_caller]
fn check(record: &str, zone: &str, helo: &str, ip: &str) {
    let w = world(&format!("a.example. TXT \"{record}\"\n{zone}")).helo(helo);
    let pass = w.ip(ip).mail_from("<bounce+1=b.test@a.example>");
    assert_eq!(pass.outcome(), Outcome::Pass, "{record}: {}", pass.reason());
    let w = world(&format!("a.example. TXT \"{record}\"\n{zone}")).helo(helo);
    let fail = w.ip("198.51.100.99").mail_from("<bounce+1=b.test@a.example>");
    assert!(matches!(fail.outcome(), Outcome::Fail | Outcome::SoftFail), "{record}: {}", fail.reason());
}

#[test]
fn records_with_macros() {
    let here = "203.0.113.66";
    // An address in order, below a name of the service.
    check(
        "v=spf1 exists:%{i}._spf.mta.esp.example -all",
        "203.0.113.66._spf.mta.esp.example. A 127.0.0.2",
        "h.test",
        here,
    );
    // The address reversed, its family, the domain; behind an include whose record uses macros of its own.
    check(
        "v=spf1 include:%{ir}.%{v}.%{d}.spf.has.esp.example ~all",
        "66.113.0.203.in-addr.a.example.spf.has.esp.example. TXT \"v=spf1 ip4:203.0.113.66 ~all\"\n\
         99.100.51.198.in-addr.a.example.spf.has.esp.example. TXT \"v=spf1 ~all\"",
        "h.test",
        here,
    );
    check(
        "v=spf1 include:_d.esp.example -all",
        "_d.esp.example. TXT \"v=spf1 exists:%{i}.%{o}._u.%{d} -all\"\n203.0.113.66.a.example._u._d.esp.example. A 127.0.0.1",
        "h.test",
        here,
    );
    // Everything about the message, with a greeting that is an address in brackets.
    check(
        "v=spf1 include:%{i}._ip.%{h}._ehlo.%{d}._spf.esp.example ~all",
        "203.0.113.66._ip.[203.0.113.66]._ehlo.a.example._spf.esp.example. TXT \"v=spf1 ip4:203.0.113.66 ~all\"\n\
         198.51.100.99._ip.[203.0.113.66]._ehlo.a.example._spf.esp.example. TXT \"v=spf1 ~all\"",
        "[203.0.113.66]",
        here,
    );
    // IPv6 by nibbles.
    check(
        "v=spf1 exists:%{ir}.%{v}.list.esp.example ?exists:%{l1r+-}.users.a.example -all",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.list.esp.example. A 127.0.0.1",
        "h.test",
        "2001:db8::1",
    );
}

#[test]
fn records_in_every_honest_form() {
    let zone = "_spf.esp.example. TXT \"v=spf1 ip4:203.0.113.0/24 ip6:2001:DB8::/32 -all\"\n\
        mail.a.example. A 203.0.113.66\na.example. A 203.0.113.66\na.example. MX 10 mail.a.example.";
    for record in [
        "v=spf1 include:_spf.esp.example -all",
        "V=SPF1  INCLUDE:_SPF.Esp.Example.  -ALL ",
        "v=spf1 redirect=_spf.esp.example",
        "v=spf1 redirect=_spf.esp.example exp=explain._spf.%{d}",
        "v=spf1 +a +mx ~all",
        "v=spf1 mx/24 -all",
        "v=spf1 mx//64 -all",
        "v=spf1 a/24//48 -all",
        "v=spf1 a:mail.a.example. -all",
        "v=spf1 mx:a.example/24//64 -all",
        "v=spf1 ip4:203.0.113.66/32 -all",
        "v=spf1 ip4:203.0.113.99/24 -all",
        "v=spf1 ip6:2001:db8::1 ip6:::/128 ip4:203.0.113.66 -all",
        "v=spf1 ra=postmaster rp=100 rr=all ip4:203.0.113.66 -all",
        "v=spf1 ip4:203.0.113.66 -all unknown=%{i}.%{c}/x",
    ] {
        check(record, zone, "h.test", "203.0.113.66");
    }
}
