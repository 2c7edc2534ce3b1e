//! What DANE says of one mail server: its addresses first, then its aliases, then its TLSA records (RFC 7672 §2.2.2, §2.2.3).

use dns::{Answer, Dns, Failure, MAX_CNAMES, Name, Question, RecordType};
use futures_util::future::join;

use crate::tlsa::{Tlsa, Unusable};

/// What DANE asks of a connection to one host (RFC 7672 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// TLS, with a certificate that one of the records speaks of.
    Usable {
        /// The TLSA base domain, which may be the name in the certificate.
        base: Name,
        /// The records that can be used, at least one.
        records: Vec<Tlsa>,
    },
    /// TLS with whatever certificate: there are records, and none of them can be used.
    Unusable {
        /// The TLSA base domain.
        base: Name,
        /// Why, record by record.
        reasons: Vec<Unusable>,
    },
    /// Nothing.
    NotApplicable(NotApplicable),
    /// No connection now: an answer is missing, and it could have asked for something.
    Unknown(Trouble),
}

/// Why DANE says nothing of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotApplicable {
    /// The MX records that lead to it are not authentic.
    InsecureMx,
    /// It has no address: nobody can connect to it.
    NoAddress,
    /// Its addresses are not authentic.
    InsecureAddress,
    /// It has no TLSA records that are authentic.
    NoTlsa,
}

/// Why nobody knows what DANE says of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A question failed.
    Dns(Question, Failure),
    /// It stands behind more MX hosts than are looked at.
    NotAsked,
}

/// Looks up what DANE says of a host and port.
pub async fn host<D: Dns>(dns: &D, name: &Name, port: u16) -> Host {
    match candidates(dns, name).await {
        Ok(bases) => tlsa(dns, &bases, port).await,
        Err(host) => host,
    }
}

async fn ask<D: Dns>(dns: &D, name: &Name, rtype: RecordType) -> Result<Answer, Host> {
    let question = Question::new(name.clone(), rtype);
    let answer = dns.ask(&question).await;
    match answer.reply.failure() {
        Some(failure) => Err(Host::Unknown(Trouble::Dns(question, failure))),
        None => Ok(answer),
    }
}

/// The names at which TLSA records may stand, the better one first.
async fn candidates<D: Dns>(dns: &D, name: &Name) -> Result<Vec<Name>, Host> {
    // RFC 7672 §2.2.2: addresses first, as some servers of unsigned zones fail at questions for TLSA.
    let secure = addresses(dns, name).await?;
    let alias = ask(dns, name, RecordType::Cname).await?;
    match (secure, target(&alias)) {
        (true, None) => Ok(vec![name.clone()]),
        // All of the chain is authentic: where it ends, else where it begins.
        (true, Some(target)) => Ok(vec![expanded(dns, target).await?, name.clone()]),
        // The first link is authentic, the rest is not: only where it begins.
        (false, Some(_)) if alias.authenticated => Ok(vec![name.clone()]),
        (false, _) => Err(Host::NotApplicable(NotApplicable::InsecureAddress)),
    }
}

/// Whether the addresses of a host are authentic.
async fn addresses<D: Dns>(dns: &D, name: &Name) -> Result<bool, Host> {
    let (v4, v6) = join(ask(dns, name, RecordType::A), ask(dns, name, RecordType::Aaaa)).await;
    let found = [&v4, &v6].into_iter().flatten().filter(|answer| !answer.records().is_empty());
    let found: Vec<bool> = found.map(|answer| answer.authenticated).collect();
    if found.is_empty() {
        // A failure may have hidden an address; with none at all the host can't be reached.
        v4?;
        v6?;
        return Err(Host::NotApplicable(NotApplicable::NoAddress));
    }
    // One kind of address is enough to connect to, whatever became of the other.
    Ok(found.contains(&true))
}

fn target(answer: &Answer) -> Option<Name> {
    answer.records().iter().find_map(|data| match data {
        dns::Data::Cname(target) => Some(target.clone()),
        _ => None,
    })
}

/// The end of a chain of aliases.
pub(crate) async fn expanded<D: Dns>(dns: &D, first: Name) -> Result<Name, Host> {
    let mut here = first;
    for _ in 0..=MAX_CNAMES {
        match target(&ask(dns, &here, RecordType::Cname).await?) {
            Some(next) => here = next,
            None => return Ok(here),
        }
    }
    Err(Host::Unknown(Trouble::Dns(Question::new(here, RecordType::Cname), Failure::ServerFailure)))
}

async fn tlsa<D: Dns>(dns: &D, bases: &[Name], port: u16) -> Host {
    for base in bases {
        let service = base.child(b"_tcp").and_then(|name| name.child(format!("_{port}").as_bytes()));
        // No records can stand at a name that is too long.
        let Ok(service) = service else { continue };
        let answer = match ask(dns, &service, RecordType::Tlsa).await {
            Ok(answer) => answer,
            // RFC 7672 §2.1.2: after an error nobody may go on as if there were no records.
            Err(unknown) => return unknown,
        };
        // RFC 7672 §2.2.3: the first set that is authentic counts.
        if answer.authenticated && !answer.records().is_empty() {
            return classify(base, &answer);
        }
    }
    Host::NotApplicable(NotApplicable::NoTlsa)
}

fn classify(base: &Name, answer: &Answer) -> Host {
    let (mut records, mut reasons) = (Vec::new(), Vec::new());
    for record in answer.records().iter().filter_map(Tlsa::from_data) {
        match record {
            Ok(record) => records.push(record),
            Err(reason) => reasons.push(reason),
        }
    }
    // RFC 7672 §2.2: one record that can be used is enough; the others don't matter.
    match records.is_empty() {
        false => Host::Usable { base: base.clone(), records },
        true => Host::Unusable { base: base.clone(), reasons },
    }
}

#[cfg(test)]
mod tests;
