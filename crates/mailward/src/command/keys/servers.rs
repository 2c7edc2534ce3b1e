//! The name servers of a zone, each to be asked by itself.

use std::net::{IpAddr, SocketAddr};

use dns::{Data, Dns, Name, Question, RecordType};
use futures_util::future::join_all;
use resolver::{Resolver, Server, Settings};

use crate::input::InputError;

/// Most name servers of a zone that are asked.
const MAX_NAMES: usize = 16;
/// Most addresses of one of them.
const MAX_ADDRESSES: usize = 4;
/// Where name servers answer.
const PORT: u16 = 53;

/// A server, and how it is called.
pub(super) struct Authority {
    /// Name and address.
    pub(super) name: String,
    pub(super) resolver: Resolver,
}

/// The servers of the zone that `name` stands in, as the world outside knows them.
pub(super) async fn of_zone(dns: &impl Dns, name: &Name) -> Result<Vec<Authority>, InputError> {
    let mut servers = Vec::new();
    for host in name_servers(dns, name).await?.into_iter().take(MAX_NAMES) {
        for address in addresses(dns, &host).await {
            let settings = Settings::new(vec![Server::plain(SocketAddr::new(address, PORT))]);
            let resolver = Resolver::new(settings)
                .map_err(|error| InputError::new(host.to_string(), error.to_string()))?;
            servers.push(Authority { name: format!("{host} ({address})"), resolver });
        }
    }
    if servers.is_empty() {
        return Err(InputError::new(name.to_string(), "the name servers of its zone have no address"));
    }
    Ok(servers)
}

/// The NS records at the name or, where it has none, at the next above it.
async fn name_servers(dns: &impl Dns, name: &Name) -> Result<Vec<Name>, InputError> {
    let mut zone = name.clone();
    // The servers of a top-level domain know nothing of what is not delegated to anybody.
    while zone.labels().count() > 1 {
        let question = Question::new(zone.clone(), RecordType::Ns);
        let answer = dns.ask(&question).await;
        if let Some(failure) = answer.reply.failure() {
            return Err(InputError::new(question.to_string(), failure.to_string())
                .with_help("try again, or name another server or a zone file with --dns"));
        }
        let mut hosts: Vec<Name> = answer
            .records()
            .iter()
            .filter_map(|data| match data {
                Data::Ns(host) => Some(host.clone()),
                _ => None,
            })
            .collect();
        if !hosts.is_empty() {
            hosts.sort();
            return Ok(hosts);
        }
        match zone.parent() {
            Some(parent) => zone = parent,
            None => break,
        }
    }
    Err(InputError::new(
        name.to_string(),
        "no zone above this name has name servers: is the domain registered?",
    ))
}

async fn addresses(dns: &impl Dns, host: &Name) -> Vec<IpAddr> {
    let ask = |rtype| async move { dns.ask(&Question::new(host.clone(), rtype)).await };
    let answers = join_all([ask(RecordType::A), ask(RecordType::Aaaa)]).await;
    let all = answers.iter().flat_map(|answer| {
        answer.records().iter().filter_map(|data| match data {
            Data::A(address) => Some(IpAddr::V4(*address)),
            Data::Aaaa(address) => Some(IpAddr::V6(*address)),
            _ => None,
        })
    });
    all.take(MAX_ADDRESSES).collect()
}
