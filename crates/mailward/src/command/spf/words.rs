//! What the terms of a record mean, in words for people who have never seen one.

use std::net::IpAddr;

use dns::Name;
use mail::printable;

use spf::{DomainSpec, DualCidr, Mechanism, ModifierKind, Qualifier, Term};

use super::look::NOWHERE;

/// What a term of the record of `domain` means. `included`: the record is that of an include, where all that matters is
/// whether it lets pass.
pub(super) fn meaning(term: &Term, domain: &Name, included: bool) -> String {
    match term {
        Term::Directive(directive) => {
            format!("{}: {}", who(&directive.mechanism, domain), result(directive.qualifier, included))
        }
        Term::Modifier(modifier) => match &modifier.kind {
            ModifierKind::Redirect(spec) => {
                format!("for everybody else the record of {} decides", name(spec, domain))
            }
            ModifierKind::Exp(spec) => {
                format!("who is refused is told the text published at {}", name(spec, domain))
            }
            ModifierKind::Unknown(name, _) => {
                format!("\"{}\" is not known to SPF: ignored", printable(name.as_bytes()))
            }
        },
    }
}

fn result(qualifier: Qualifier, included: bool) -> &'static str {
    match (qualifier, included) {
        (Qualifier::Pass, _) => "pass",
        (_, true) => "not let pass by this include",
        (Qualifier::Fail, false) => "fail, not allowed",
        (Qualifier::SoftFail, false) => "softfail, probably not allowed: accepted as a rule, but suspicious",
        (Qualifier::Neutral, false) => "neutral, nothing is said about them",
    }
}

fn who(mechanism: &Mechanism, domain: &Name) -> String {
    let of = |spec: Option<&DomainSpec>| spec.map_or_else(|| own(domain), |spec| name(spec, domain));
    match mechanism {
        Mechanism::All => "everybody else".to_owned(),
        Mechanism::Include(spec) => format!("whom the record of {} lets pass", name(spec, domain)),
        Mechanism::A(spec, cidr) => format!("the addresses of {}{}", of(spec.as_ref()), around(*cidr)),
        Mechanism::Mx(spec, cidr) => {
            format!("the servers that take mail for {}{}", of(spec.as_ref()), around(*cidr))
        }
        Mechanism::Ptr(spec) => format!("clients whose own name lies within {}", of(spec.as_ref())),
        Mechanism::Ip4(network, prefix) => network_of((*network).into(), prefix.unwrap_or(32), 32),
        Mechanism::Ip6(network, prefix) => network_of((*network).into(), prefix.unwrap_or(128), 128),
        Mechanism::Exists(spec) => format!("everybody, if {} has an address", name(spec, domain)),
    }
}

/// The record's own domain.
fn own(domain: &Name) -> String {
    let name = domain.to_string();
    if name == NOWHERE { "the domain itself".to_owned() } else { name }
}

fn name(spec: &DomainSpec, domain: &Name) -> String {
    match spec.fixed(domain) {
        Some(Ok(name)) => name.to_string(),
        Some(Err(_)) | None => format!("{spec} (filled in from each message)"),
    }
}

fn around(cidr: DualCidr) -> String {
    let lengths: Vec<String> = [cidr.ip4.map(|n| format!("/{n}")), cidr.ip6.map(|n| format!("/{n} of IPv6"))]
        .into_iter()
        .flatten()
        .collect();
    if lengths.is_empty() { String::new() } else { format!(" and all in the same {}", lengths.join(", ")) }
}

fn network_of(network: IpAddr, prefix: u8, bits: u8) -> String {
    match bits.saturating_sub(prefix) {
        0 => format!("the address {network}"),
        free @ ..16 => format!("the {} addresses of {network}/{prefix}", 1u32 << free),
        _ => format!("the network {network}/{prefix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(term: &str, want: &str) {
        let record = spf::Record::parse(format!("v=spf1 {term}").as_bytes()).value.unwrap();
        assert_eq!(meaning(&record.terms()[0], &Name::from_dotted("a.example").unwrap(), false), want);
    }

    #[test]
    fn every_term_in_words() {
        check("mx", "the servers that take mail for a.example: pass");
        check(
            "?a:b.example/24//64",
            "the addresses of b.example and all in the same /24, /64 of IPv6: neutral, nothing is said about them",
        );
        check("-all", "everybody else: fail, not allowed");
        check("include:%{d}", "whom the record of a.example lets pass: pass");
        check(
            "exists:%{i}.b.example",
            "everybody, if %{i}.b.example (filled in from each message) has an address: pass",
        );
        check("ptr", "clients whose own name lies within a.example: pass");
        check("ip4:192.0.2.0/24", "the 256 addresses of 192.0.2.0/24: pass");
        check("ip4:192.0.2.1", "the address 192.0.2.1: pass");
        check("ip4:10.0.0.0/8", "the network 10.0.0.0/8: pass");
        check("ip6:2001:db8::/32", "the network 2001:db8::/32: pass");
        check("redirect=b.example", "for everybody else the record of b.example decides");
        check("exp=b.example", "who is refused is told the text published at b.example");
        check("x=y", "\"x\" is not known to SPF: ignored");
    }
}
