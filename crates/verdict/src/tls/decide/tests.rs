//! The decision in tables. (All of its states, against both RFCs: tests/tls_states.rs.)

use dane::{NoHosts, NotApplicable, Trouble, Unusable};
use dns::{Failure, Name, Question, RecordType};
use mail::Explain;

use super::*;

fn name(text: &str) -> Name {
    Name::from_dotted(text).unwrap()
}

fn policy(mode: &str, mx: &str) -> Sts {
    let mx: String = mx.split_whitespace().map(|mx| format!("mx: {mx}\n")).collect();
    let body = format!("version: STSv1\nmode: {mode}\nmax_age: 86400\n{mx}");
    Sts::Policy(Policy::parse(body.as_bytes()).value.unwrap())
}

fn usable(base: &Name) -> Host {
    let data = dns::Data::Tlsa { usage: 3, selector: 1, matching: 1, data: vec![1; 32].into() };
    Host::Usable { base: base.clone(), records: vec![dane::Tlsa::from_data(&data).unwrap().unwrap()] }
}

fn unknown(host: &Name, failure: Failure) -> Host {
    Host::Unknown(Trouble::Dns(Question::new(host.clone(), RecordType::Tlsa), failure))
}

/// The level in one word, with the hosts that `secure` gives.
fn word(decision: &Decision) -> String {
    match &decision.level {
        Level::Nothing => "NOTFOUND".to_owned(),
        Level::Dane => "dane".to_owned(),
        Level::DaneOnly => "dane-only".to_owned(),
        Level::Secure(secure) => {
            let hosts = secure.hosts.iter().flatten().map(|host| format!(" {host}"));
            let left_out = if secure.left_out { " (left out)" } else { "" };
            format!("secure{}{left_out}", hosts.collect::<String>())
        }
        Level::Defer(why) => format!("TEMP {why:?}"),
    }
}

/// Decides on a line such as `signed a=usable b=bogus` or `unsigned a`, `mx=timeout`, `null`; without `=`, a host has no
/// TLSA records.
fn judge(sts: &Sts, mx: &str, dane: UseDane) -> Decision {
    let mut words = mx.split_whitespace();
    let first = words.next().unwrap();
    let hosts: Vec<(Name, Host)> = words
        .map(|word| {
            let (host, tlsa) = word.split_once('=').unwrap_or((word, "absent"));
            let host = name(&format!("{host}.d.example"));
            let found = match tlsa {
                "usable" => usable(&host),
                "unusable" => Host::Unusable { base: host.clone(), reasons: vec![Unusable::Pkix(1)] },
                "absent" => Host::NotApplicable(NotApplicable::NoTlsa),
                "noaddress" => Host::NotApplicable(NotApplicable::NoAddress),
                "bogus" => unknown(&host, Failure::Bogus),
                "unknown" => unknown(&host, Failure::TimeOut),
                other => panic!("{other}"),
            };
            (host, found)
        })
        .collect();
    let names = hosts.iter().map(|(name, _)| name.clone()).collect();
    let mx = match first {
        "signed" => Mx::Hosts { authenticated: true, names },
        "unsigned" => Mx::Hosts { authenticated: false, names },
        "failed" => Mx::Unknown(Failure::ServerFailure),
        "null" => Mx::None(NoHosts::NullMx),
        other => panic!("{other}"),
    };
    let domain = Domain::parse("d.example").unwrap();
    decide(Facts { domain: &domain, sts, destination: &Destination { mx, hosts }, dane })
}

fn check(sts: &Sts, mx: &str, expected: &str) {
    let decision = judge(sts, mx, UseDane::Yes);
    assert_eq!(word(&decision), expected, "{sts:?} {mx}");
    for step in &decision.steps {
        assert!(step.section().0.starts_with("RFC ") && !step.to_string().is_empty());
    }
}

#[test]
fn an_enforce_policy() {
    let sts = policy("enforce", "a.d.example b.d.example");
    check(&sts, "unsigned a", "secure a.d.example");
    check(&sts, "unsigned a c", "secure a.d.example");
    // What others drop the policy for: an unsigned MX that points to a host with TLSA records.
    check(&sts, "unsigned a=usable", "secure a.d.example");
    check(&sts, "signed a=usable b", "dane-only");
    check(&sts, "signed c=usable a", "dane-only");
    check(&sts, "signed a=unusable b", "secure a.d.example b.d.example");
    // One MX with broken DNS does not stop the domain.
    check(&sts, "signed a=bogus b", "secure b.d.example (left out)");
    check(&sts, "signed a=unknown b=usable", "dane-only");
    check(&sts, "signed a=noaddress b", "secure a.d.example b.d.example");
    check(&sts, "unsigned a=bogus b", "secure a.d.example b.d.example");
    check(&sts, "signed a=bogus b=unknown", "TEMP DaneUnknown");
    check(&sts, "signed c=bogus a", "secure a.d.example");
    check(&sts, "unsigned c", "TEMP NoneAllowed");
    check(&sts, "failed", "TEMP MxUnknown");
    check(&sts, "null", "TEMP NoHosts");
}

#[test]
fn sts_20_dane_goes_before_the_policy_and_testing_never_blocks() {
    check(&policy("enforce", "x.example"), "signed a=usable", "dane-only");
    check(&policy("testing", "x.example"), "signed a=bogus b", "dane");
    check(&policy("testing", "x.example"), "unsigned a", "NOTFOUND");
    check(&policy("none", ""), "unsigned a", "NOTFOUND");
}

#[test]
fn without_a_policy() {
    for sts in [policy("testing", "z.example"), policy("none", ""), Sts::Absent, Sts::Stale, Sts::Unfetchable]
    {
        check(&sts, "unsigned a=usable", "NOTFOUND");
        check(&sts, "unsigned a=bogus b=unknown", "NOTFOUND");
        check(&sts, "signed a b", "NOTFOUND");
        check(&sts, "signed a=noaddress b", "NOTFOUND");
        check(&sts, "signed a=usable b", "dane");
        check(&sts, "signed a=unusable", "dane");
        check(&sts, "signed a=bogus b", "dane");
        check(&sts, "signed a=unknown", "dane");
        check(&sts, "failed", "dane");
        check(&sts, "null", "NOTFOUND");
    }
    check(&Sts::Unknown, "signed a=usable", "TEMP PolicyUnknown");
    check(&Sts::Unknown, "unsigned a", "TEMP PolicyUnknown");
}

#[test]
fn an_mta_that_cannot_obey_dane_is_never_told_to() {
    let enforce = policy("enforce", "a.d.example");
    for (sts, mx, expected) in [
        (&enforce, "signed a=usable", "secure a.d.example"),
        (&enforce, "signed a=bogus", "secure a.d.example"),
        (&enforce, "failed", "secure"),
        (&Sts::Absent, "signed a=usable", "NOTFOUND"),
        (&Sts::Absent, "failed", "NOTFOUND"),
    ] {
        assert_eq!(word(&judge(sts, mx, UseDane::No)), expected, "{mx}");
    }
}

#[test]
fn dns_01_names_that_are_no_host_names_are_not_allowed() {
    let odd = Name::from_labels([&b"a.d"[..], b"example"]).unwrap();
    let destination = Destination {
        mx: Mx::Hosts { authenticated: false, names: vec![odd.clone()] },
        hosts: vec![(odd, Host::NotApplicable(NotApplicable::InsecureMx))],
    };
    let (domain, sts) = (Domain::parse("d.example").unwrap(), policy("enforce", "a.d.example *.example"));
    let decision =
        decide(Facts { domain: &domain, sts: &sts, destination: &destination, dane: UseDane::Yes });
    assert_eq!(word(&decision), "TEMP NoneAllowed");
}

#[test]
fn a_host_that_was_not_looked_up_counts_as_unknown() {
    let a = name("a.d.example");
    let destination =
        Destination { mx: Mx::Hosts { authenticated: true, names: vec![a] }, hosts: Vec::new() };
    let (domain, sts) = (Domain::parse("d.example").unwrap(), policy("enforce", "a.d.example"));
    let decision =
        decide(Facts { domain: &domain, sts: &sts, destination: &destination, dane: UseDane::Yes });
    assert_eq!(word(&decision), "TEMP DaneUnknown");
}

/// What other programs decide otherwise, each with its issue.
#[test]
fn defects_of_others() {
    let enforce = |mx| policy("enforce", mx);
    // postfix-mta-sts-resolver #67: a policy overrides DANE. postfix-tlspol: DANE has the policy dropped, though it does not apply.
    check(&enforce("a.d.example"), "signed a=usable", "dane-only");
    check(&enforce("a.d.example"), "unsigned a=usable", "secure a.d.example");
    // postfix-tlspol #177, #8: `dane` and `dane-only` for a domain that is not signed.
    check(&Sts::Absent, "unsigned a=usable b=usable", "NOTFOUND");
    // postfix-tlspol #189, #172, #7, #4, maddy #287, Stalwart #1578: trouble with one host stops the domain.
    check(&Sts::Absent, "signed a=bogus b=usable c", "dane");
    check(&Sts::Absent, "signed a=noaddress b", "NOTFOUND");
    check(&enforce("a.d.example b.d.example"), "signed a=unknown b", "secure b.d.example (left out)");
    check(&enforce("a.d.example b.d.example"), "signed a=noaddress b=bogus", "secure a.d.example (left out)");
    // postfix-tlspol #82: a time-out of the TXT look-up stops a domain that has nothing.
    let silent = mta_sts::Lookup::Unknown(Failure::TimeOut);
    let sts = Sts::of(Some(&mta_sts::Known::default()), &silent, mail::UnixTime(0));
    check(&sts, "unsigned a", "NOTFOUND");
    check(&sts, "signed a", "NOTFOUND");
    // postfix-tlspol #95: nothing left to match is an empty `match=`.
    check(&enforce("x.example"), "unsigned a b", "TEMP NoneAllowed");
    // KumoMTA #484: one domain's broken policy stops others at the same MX host. Here a decision is of one domain alone.
    check(&Sts::Unfetchable, "unsigned a", "NOTFOUND");
    check(&enforce("a.d.example"), "unsigned a", "secure a.d.example");
    // jabali-panel #1407: DANE by a resolver that does not validate.
    assert_eq!(word(&judge(&Sts::Absent, "signed a=bogus", UseDane::No)), "NOTFOUND");
}
