//! `--probe`: what was seen of the MX hosts, for people and as JSON.

use courier::Probed as Server;
use dane::Usage;
use dns::Dns;
use mail::{Domain, UnixTime};
use serde::Serialize;
use verdict::tls::Sts;

use super::Page;
use crate::config::TlsPolicy;
use crate::input::InputError;
use crate::show::escape::escape;
use crate::tls::answer::with_dane;
use crate::tls::next_hop::NextHop;
use crate::tls::probe::{Fate, Fit, Probe, Seen, probe, prober};

/// What was seen.
pub(super) struct Probed {
    /// As whom we went there.
    helo: Domain,
    probe: Probe,
}

/// What was seen.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProbeJson {
    /// The name that was said in EHLO.
    helo: String,
    /// The MX hosts that were looked at, best first.
    hosts: Vec<SeenJson>,
    /// How many more there are.
    left: usize,
}

/// An MX host.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SeenJson {
    /// Its name.
    name: String,
    /// The address and port that were connected to; null if there was no TLS.
    address: Option<String>,
    /// `TLS 1.2` or `TLS 1.3`; null if there was none.
    tls: Option<&'static str>,
    /// Why there was no TLS; null if there was.
    error: Option<String>,
    /// Whether the authorities of the web vouch for the certificate in the host's name: `good`, or why not; null without TLS.
    web: Option<String>,
    /// Whether the certificate is one of the TLSA records: `DANE-EE`, `DANE-TA`, or why not; null without records that count.
    tlsa: Option<String>,
    /// If the policy were in mode `enforce`.
    enforce: FateJson,
    /// If only certificates of TLSA records counted.
    dane_only: FateJson,
}

/// What would become of mail to the host.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FateJson {
    /// Whether it would be taken there; null if there is nothing to enforce.
    mail: Option<bool>,
    /// Why not; null if it would.
    why: Option<String>,
}

impl Probed {
    /// Looks at the MX hosts, by the policy in force, in whatever mode.
    pub(super) async fn of<D: Dns>(
        config: &TlsPolicy,
        dns: &D,
        hop: &NextHop,
        sts: &Sts,
        now: UnixTime,
    ) -> Result<Self, InputError> {
        let prober = prober(config).map_err(|error| InputError::new("[tls_policy]", error.to_string()))?;
        let policy = match sts {
            Sts::Policy(policy) => Some(policy),
            Sts::Absent | Sts::Stale | Sts::Unfetchable | Sts::Unknown => None,
        };
        // Whatever Postfix can do.
        let destination = with_dane(dns, hop).await;
        let probe = probe(&prober, dns, hop, &destination, policy, now).await;
        Ok(Self { helo: prober.helo().clone(), probe })
    }

    pub(super) fn tell(&self, page: &mut Page) {
        page.gap();
        page.line(format_args!("Seen from here, as {}, and what would become of mail:", self.helo));
        for seen in &self.probe.hosts {
            page.gap();
            page.line(format_args!("  {}", escape(seen.name.to_string())));
            page.facts(&facts(seen));
        }
        match (self.probe.hosts.is_empty(), self.probe.left) {
            (true, _) => page.line("  no MX host is known"),
            (false, 0) => {}
            (false, left) => page.line(format_args!("  {left} more MX hosts were not looked at")),
        }
    }
}

fn facts(seen: &Seen) -> Vec<(&'static str, String)> {
    let tls = match &seen.found {
        Ok(Server { address, version, .. }) => format!("{version} at {address}"),
        Err(why) => format!("none: {why}"),
    };
    let mut facts = vec![("TLS", tls)];
    facts.extend(web(seen).map(|web| ("web certificate", web)));
    if seen.found.is_ok() {
        facts.extend(tlsa(seen).map(|tlsa| ("TLSA records", tlsa)));
    }
    facts.push(("if enforced", fate(&seen.under_enforce(), "no policy names MX hosts")));
    facts.push(("if dane-only", fate(&seen.under_dane_only(), "no TLSA records that count")));
    facts
}

fn web(seen: &Seen) -> Option<String> {
    let server = seen.found.as_ref().ok()?;
    Some(match &server.web {
        Ok(()) => "good".to_owned(),
        Err(why) => why.to_string(),
    })
}

fn tlsa(seen: &Seen) -> Option<String> {
    match &seen.tlsa {
        Fit::NoRecords => None,
        Fit::Yes(Usage::EndEntity) => Some("DANE-EE".to_owned()),
        Fit::Yes(Usage::TrustAnchor) => Some("DANE-TA".to_owned()),
        Fit::No(why) => Some(why.clone()),
    }
}

fn fate(fate: &Fate, not_asked: &str) -> String {
    match fate {
        Fate::NotAsked => not_asked.to_owned(),
        Fate::Mail | Fate::NoMail(_) => fate.to_string(),
    }
}

impl ProbeJson {
    pub(super) fn new(probed: &Probed) -> Self {
        Self {
            helo: probed.helo.to_string(),
            hosts: probed.probe.hosts.iter().map(SeenJson::new).collect(),
            left: probed.probe.left,
        }
    }
}

impl SeenJson {
    fn new(seen: &Seen) -> Self {
        let server = seen.found.as_ref().ok();
        Self {
            name: seen.name.to_string(),
            address: server.map(|server| server.address.to_string()),
            tls: server.map(|server| server.version),
            error: seen.found.as_ref().err().map(escape),
            web: web(seen).map(escape),
            tlsa: server.and_then(|_| tlsa(seen)).map(escape),
            enforce: FateJson::new(seen.under_enforce()),
            dane_only: FateJson::new(seen.under_dane_only()),
        }
    }
}

impl FateJson {
    fn new(fate: Fate) -> Self {
        match fate {
            Fate::NotAsked => Self { mail: None, why: None },
            Fate::Mail => Self { mail: Some(true), why: None },
            Fate::NoMail(why) => Self { mail: Some(false), why: Some(escape(why)) },
        }
    }
}
