//! The policy of a domain, fetched (RFC 8461 §3.3).

use std::time::Duration;

use dns::Dns;
use mail::{Domain, Finding};
use mta_sts::{Policy, policy_host};

use crate::error::FetchError;
use crate::{Courier, http};

/// Where a policy stands on its host.
const PATH: &str = "/.well-known/mta-sts.txt";

/// A policy that came whole, from the host that only the domain's owner can have a certificate for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The policy.
    pub policy: Policy,
    /// What is odd about its file; no errors.
    pub findings: Vec<Finding>,
}

impl Courier {
    /// Fetches the policy of a domain, within a time in which it is here whole or not at all. Nothing goes on behind it.
    pub async fn policy<D: Dns>(
        &self,
        dns: &D,
        domain: &Domain,
        within: Duration,
    ) -> Result<Fetched, FetchError> {
        let fetch = async {
            let host = policy_host(domain).ok_or(FetchError::NoName)?;
            let stream = self.connect(dns, &host).await?;
            let body = http::get(stream, host.as_str(), PATH).await?;
            let parsed = Policy::parse(&body);
            match parsed.value {
                Some(policy) => Ok(Fetched { policy, findings: parsed.findings }),
                None => Err(FetchError::Invalid(parsed.findings)),
            }
        };
        tokio::time::timeout(within, fetch).await.unwrap_or(Err(FetchError::Late))
    }
}
