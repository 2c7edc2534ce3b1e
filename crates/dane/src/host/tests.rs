//! What hosts and domains have, by small zones.

use dns::Zone;

use super::*;
use crate::mx::{Destination, Mx, lookup, mx, next_hop_names};

const HASH: &str = "0102030405060708091011121314151617181920212223242526272829303132";

fn name(text: &str) -> Name {
    Name::from_dotted(text).unwrap()
}

fn zone(text: &str) -> Zone {
    Zone::parse(text.replace("HASH", HASH)).unwrap()
}

fn show(host: &Host) -> String {
    match host {
        Host::Usable { base, records } => format!("usable {base} {}", records.len()),
        Host::Unusable { base, reasons } => format!("unusable {base} {reasons:?}"),
        Host::NotApplicable(why) => format!("{why:?}"),
        Host::Unknown(Trouble::Dns(question, failure)) => format!("{question} {failure:?}"),
        Host::Unknown(Trouble::NotAsked) => "not asked".to_owned(),
    }
}

/// What DANE says of mx.example, by a zone.
fn check(text: &str, expected: &str) {
    assert_eq!(show(&pollster::block_on(host(&zone(text), &name("mx.example"), 25))), expected, "{text}");
}

/// What a domain has.
fn check_domain(text: &str, expected: &str) {
    let Destination { mx, hosts } = pollster::block_on(lookup(&zone(text), &name("d.example"), 25));
    let hosts: Vec<String> = hosts.iter().map(|(name, host)| format!("{name}: {}", show(host))).collect();
    let shown = match mx {
        Mx::Hosts { authenticated, .. } => format!("{authenticated} {}", hosts.join(", ")),
        Mx::Itself(_) => format!("itself {}", hosts.join(", ")),
        other => format!("{other:?}"),
    };
    assert_eq!(shown, expected, "{text}");
}

const ALL: &str = ";! authenticated\n";
const HERE: &str = "mx.example. A 192.0.2.1\n_25._tcp.mx.example. TLSA 3 1 1 HASH\n";

#[test]
fn records_that_are_authentic() {
    check(&format!("{ALL}{HERE}"), "usable mx.example 1");
    check(&format!("{ALL}{HERE}_25._tcp.mx.example. TLSA 0 0 1 HASH"), "usable mx.example 1");
    check(&format!("{ALL}{HERE}mx.example. AAAA 2001:db8::1"), "usable mx.example 1");
    check(
        &format!(
            "{ALL}mx.example. A 192.0.2.1\n_25._tcp.mx.example. TLSA 1 1 1 HASH\n_25._tcp.mx.example. TLSA 3 1 1 00"
        ),
        "unusable mx.example [Pkix(1), Length(1)]",
    );
    check(&format!("{ALL}mx.example. A 192.0.2.1\n_24._tcp.mx.example. TLSA 3 1 1 HASH"), "NoTlsa");
    // One kind of address is authentic: a connection may go there.
    let both = format!("{HERE}mx.example. AAAA 2001:db8::1\n;! authenticated _25._tcp.mx.example.\n");
    for kind in ["A", "AAAA"] {
        check(&format!("{both};! authenticated mx.example. {kind}"), "usable mx.example 1");
    }
    // By an alias of the records' own name.
    check(
        &format!(
            "{ALL}mx.example. A 192.0.2.1\n_25._tcp.mx.example. CNAME t.example.\nt.example. TLSA 2 0 1 HASH"
        ),
        "usable mx.example 1",
    );
}

#[test]
fn records_that_are_not_authentic_say_nothing() {
    check(HERE, "InsecureAddress");
    check(&format!(";! authenticated mx.example.\n{HERE}"), "NoTlsa");
    // Servers of unsigned zones that fail at questions for TLSA are not asked.
    check("mx.example. A 192.0.2.1\n;! timeout _25._tcp.mx.example.", "InsecureAddress");
    check(
        ";! authenticated mx.example.\n;! authenticated _25._tcp.mx.example.\nmx.example. A 192.0.2.1\n\
         _25._tcp.mx.example. CNAME t.example.\nt.example. TLSA 3 1 1 HASH",
        "NoTlsa",
    );
}

#[test]
fn aliases() {
    let both = "mx.example. CNAME a.example.\na.example. CNAME b.example.\nb.example. A 192.0.2.1\n";
    let end = "_25._tcp.b.example. TLSA 3 1 1 HASH\n";
    let start = "_25._tcp.mx.example. TLSA 3 1 1 HASH\n";
    let middle = "_25._tcp.a.example. TLSA 3 1 1 HASH\n";
    check(&format!("{ALL}{both}{end}{start}"), "usable b.example 1");
    check(&format!("{ALL}{both}{start}{middle}"), "usable mx.example 1");
    check(&format!("{ALL}{both}{middle}"), "NoTlsa");
    check(&format!("{ALL}{both}{start};! bogus _25._tcp.b.example."), "TLSA _25._tcp.b.example Bogus");
    // Only the first link is authentic.
    let first = ";! authenticated mx.example.\n;! authenticated _25._tcp.mx.example.\n;! authenticated _25._tcp.b.example.\n";
    check(&format!("{first}{both}{end}{start}"), "usable mx.example 1");
    check(&format!("{first}{both}{end}"), "NoTlsa");
    // Nor that.
    check(&format!(";! authenticated _25._tcp.mx.example.\n{both}{start}"), "InsecureAddress");
    check(&format!("{ALL}{both};! timeout mx.example. CNAME"), "CNAME mx.example TimeOut");
    check(&format!("{ALL}{both};! servfail a.example. CNAME"), "CNAME a.example ServerFailure");
    // The link in the middle is not authentic, so what is behind it is not either.
    let middle_open = ";! authenticated mx.example.\n;! authenticated b.example.\n;! authenticated _25._tcp.mx.example.\n\
        ;! authenticated _25._tcp.b.example.\n";
    check(&format!("{middle_open}{both}{end}{start}"), "usable mx.example 1");
    check(&format!("{middle_open}{both}{end}"), "NoTlsa");
    // Records at the end that are not authentic, or can't be used, or are none.
    let but_end = ";! authenticated mx.example.\n;! authenticated a.example.\n;! authenticated b.example.\n\
        ;! authenticated _25._tcp.mx.example.\n";
    check(&format!("{but_end}{both}{end}{start}"), "usable mx.example 1");
    check(&format!("{but_end}{both}{end}"), "NoTlsa");
    check(
        &format!("{ALL}{both}_25._tcp.b.example. TLSA 1 1 1 HASH\n{start}"),
        "unusable b.example [Pkix(1)]",
    );
    // An alias of the records: the base stays, and each link has to be authentic.
    let records = "mx.example. A 192.0.2.1\n_25._tcp.mx.example. CNAME t.example.\nt.example. CNAME u.example.\n\
        u.example. TLSA 2 0 1 HASH\n";
    check(&format!("{ALL}{records}"), "usable mx.example 1");
    let but_middle =
        ";! authenticated mx.example.\n;! authenticated _25._tcp.mx.example.\n;! authenticated u.example.\n";
    check(&format!("{but_middle}{records}"), "NoTlsa");
    check(&format!("{ALL}{records};! servfail t.example."), "TLSA _25._tcp.mx.example ServerFailure");
}

#[test]
fn the_records_are_those_of_the_port() {
    let text = format!("{ALL}mx.example. A 192.0.2.1\n_2525._tcp.mx.example. TLSA 3 1 1 HASH");
    let found = |port| show(&pollster::block_on(host(&zone(&text), &name("mx.example"), port)));
    assert_eq!((found(25), found(2525)), ("NoTlsa".to_owned(), "usable mx.example 1".to_owned()));
}

#[test]
fn trouble_is_of_one_host() {
    check(&format!("{ALL}{HERE};! servfail mx.example. AAAA"), "usable mx.example 1");
    check(&format!("{ALL}{HERE};! servfail mx.example. A"), "A mx.example ServerFailure");
    check(&format!("{ALL};! timeout mx.example. AAAA"), "AAAA mx.example TimeOut");
    check(&format!("{ALL}mx.example. TXT x"), "NoAddress");
    check(ALL, "NoAddress");
    for (fault, failure) in [("bogus", "Bogus"), ("servfail", "ServerFailure"), ("timeout", "TimeOut")] {
        let text = format!("{ALL}{HERE};! {fault} _25._tcp.mx.example.");
        check(&text, &format!("TLSA _25._tcp.mx.example {failure}"));
    }
}

#[test]
fn domains() {
    let mx = "d.example. MX 20 b.example.\nd.example. MX 10 mx.example.\nd.example. MX 30 mx.example.\n";
    check_domain(&format!("{ALL}{mx}{HERE}"), "true mx.example: usable mx.example 1, b.example: NoAddress");
    check_domain(&format!("{mx}{HERE}"), "false mx.example: InsecureMx, b.example: InsecureMx");
    check_domain(
        &format!("{ALL}{mx}{HERE};! servfail b.example."),
        "true mx.example: usable mx.example 1, b.example: A b.example ServerFailure",
    );
    check_domain(
        &format!("{ALL}d.example. A 192.0.2.1\n_25._tcp.d.example. TLSA 3 1 1 HASH"),
        "itself d.example: usable d.example 1",
    );
    // Case makes no other host.
    check_domain("d.example. MX 5 MX.Example.\nd.example. MX 9 mx.example.", "false mx.example: InsecureMx");
    check_domain("d.example. MX 0 .", "None(NullMx)");
    check_domain("d.example. MX 0 .\nd.example. MX 10 .", "None(NullMx)");
    check_domain("d.example. MX 0 .\nd.example. MX 10 mx.example.", "false mx.example: InsecureMx");
    // An address in place of a name is a host that does not exist.
    check_domain(&format!("{ALL}d.example. MX 0 192.0.2.1."), "true 192.0.2.1: NoAddress");
    check_domain("", "None(NoSuchName)");
    check_domain(";! bogus d.example.", "Unknown(Bogus)");
}

/// RFC 7672 §2.2.2: without MX records the domain is its own host, like one that a site names, and only its addresses count.
#[test]
fn domains_without_mx_records() {
    let own = "d.example. A 192.0.2.1\n_25._tcp.d.example. TLSA 3 1 1 HASH\n";
    check_domain(&format!("{ALL}{own}"), "itself d.example: usable d.example 1");
    check_domain(own, "itself d.example: InsecureAddress");
    check_domain(&format!("{ALL}{own};! bogus d.example. MX"), "Unknown(Bogus)");
    // An alias out of a signed zone: the records at its own name count, be there a "no" that is authentic or not.
    let alias = "d.example. CNAME x.test.\nx.test. A 192.0.2.1\n_25._tcp.d.example. TLSA 3 1 1 HASH\n";
    let signed = ";! authenticated d.example.\n;! authenticated _25._tcp.d.example.\n";
    check_domain(&format!("{signed}{alias}"), "itself d.example: usable d.example 1");
    check_domain(alias, "itself d.example: InsecureAddress");
    // Where the alias leads to MX records that are not authentic, they are not.
    let elsewhere = "d.example. CNAME x.test.\nx.test. MX 1 mx.example.\n";
    check_domain(&format!("{signed}{elsewhere}{HERE}"), "false mx.example: InsecureMx");
    check_domain(&format!("{ALL}{elsewhere}{HERE}"), "true mx.example: usable mx.example 1");
}

/// RFC 7672 §3.2.2: the next-hop domain, and where its MX records stand at the end of aliases, that too.
#[test]
fn names_of_the_next_hop() {
    let check = |text: &str, expected: &str| {
        let (zone, domain) = (zone(text), name("d.example"));
        let found =
            pollster::block_on(async { next_hop_names(&zone, &mx(&zone, &domain).await, &domain).await });
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.join(" "), expected, "{text}");
    };
    let records = "x.example. MX 1 mx.example.\n";
    let aliases = "d.example. CNAME e.example.\ne.example. CNAME x.example.\n";
    check(&format!("{ALL}d.example. MX 1 mx.example."), "d.example");
    check(&format!("{ALL}{aliases}{records}"), "d.example x.example");
    // Who could forge the way could forge the name.
    check(&format!("{aliases}{records}"), "d.example");
    check(&format!(";! authenticated d.example.\n{aliases}{records}"), "d.example");
    // Without MX records it is the host, whose base domain says what it is an alias of.
    check(&format!("{ALL}{aliases}x.example. A 192.0.2.1"), "d.example");
    check(&format!("{ALL}{aliases}{records};! timeout e.example. CNAME"), "d.example");
    let chain = |links: usize| -> String {
        let links: String =
            (1..links).map(|n| format!("n{n}.example. CNAME n{}.example.\n", n + 1)).collect();
        format!("{ALL}d.example. CNAME n1.example.\n{links}")
    };
    let most = dns::MAX_CNAMES;
    check(
        &format!("{}n{most}.example. MX 1 mx.example.", chain(most)),
        &format!("d.example n{most}.example"),
    );
}

/// What other programs make of one host's trouble, each with its issue.
#[test]
fn defects_of_others() {
    let two = "d.example. MX 10 mx.example.\nd.example. MX 20 b.example.\n";
    // postfix-tlspol #189: SERVFAIL for one AAAA stops the domain.
    check_domain(
        &format!(
            "{ALL}{two}{HERE}b.example. A 192.0.2.2\n;! servfail mx.example. AAAA\n;! servfail b.example. AAAA"
        ),
        "true mx.example: usable mx.example 1, b.example: NoTlsa",
    );
    // postfix-tlspol #172: so does an MX host that does not exist.
    check_domain(&format!("{ALL}{two}{HERE}"), "true mx.example: usable mx.example 1, b.example: NoAddress");
    // postfix-tlspol #177, #8: DANE for a domain whose own records are not signed.
    let host = ";! authenticated mx.example.\n;! authenticated _25._tcp.mx.example.\n";
    check_domain(&format!("{host}d.example. MX 10 mx.example.\n{HERE}"), "false mx.example: InsecureMx");
    // maddy #287, Mailu #2135, Stalwart #1578: servers of an unsigned zone that fail at questions for TLSA.
    for fault in ["servfail", "timeout", "bogus"] {
        check_domain(
            &format!(
                ";! authenticated d.example.\nd.example. MX 10 mx.example.\nmx.example. A 192.0.2.1\n\
                 ;! {fault} _25._tcp.mx.example."
            ),
            "true mx.example: InsecureAddress",
        );
    }
}

#[test]
fn limits_on_both_sides() {
    let count = |hosts: usize| {
        let mx: String = (0..hosts).map(|n| format!("d.example. MX {n} m{n}.example.\n")).collect();
        let found = pollster::block_on(lookup(&zone(&format!("{ALL}{mx}")), &name("d.example"), 25));
        assert_eq!(found.hosts.len(), hosts);
        found.hosts.iter().filter(|(_, host)| *host == Host::Unknown(Trouble::NotAsked)).count()
    };
    assert_eq!(count(crate::MAX_HOSTS), 0);
    assert_eq!(count(crate::MAX_HOSTS + 1), 1);
    let long = name(&["a"; 125].join("."));
    let mut zone = zone(ALL);
    zone.add(long.clone(), 60, dns::Data::A([192, 0, 2, 1].into()));
    assert_eq!(show(&pollster::block_on(host(&zone, &long, 25))), "NoTlsa");
}
