//! What `[tls_policy]` of the configuration comes to: who asks, and who goes out into the world.

use std::time::Duration;

use courier::{Courier, Fetched, Prober, Settings};
use dns::Dns;
use mail::Domain;
use verdict::tls::UseDane;
use verdict::tls::postfix::Postfix;

use super::probe::prober;
use crate::config;
use crate::input::InputError;

/// What the configuration comes to.
#[derive(Clone, Debug)]
pub struct TlsSite {
    /// Who asks.
    pub postfix: Postfix,
    /// Whether DANE counts.
    pub dane: UseDane,
    courier: Courier,
    /// Who looks at the MX hosts of domains that test their policies, if anybody.
    pub prober: Option<Prober>,
}

impl TlsSite {
    /// Reads the authorities.
    pub fn new(config: &config::TlsPolicy) -> Result<Self, InputError> {
        let read = || {
            let settings = Settings {
                proxy: config.proxy.clone(),
                allowed: config.allowed.clone(),
                port: config.port,
                ..Settings::new(config.roots.read()?)
            };
            let prober = if config.probe_testing { Some(prober(config)?) } else { None };
            Ok(Self { postfix: config.postfix, dane: config.dane, courier: Courier::new(settings)?, prober })
        };
        read().map_err(|error: courier::RootsError| {
            InputError::new("[tls_policy]", error.to_string()).with_help(
                "authorities = \"bundled\" believes those that are part of mailward, and needs no file",
            )
        })
    }

    /// Fetches the policy of a domain, or says why not.
    pub async fn fetch<D: Dns>(&self, dns: &D, domain: &Domain, within: Duration) -> Result<Fetched, String> {
        self.courier.policy(dns, domain, within).await.map_err(|error| error.to_string())
    }
}
