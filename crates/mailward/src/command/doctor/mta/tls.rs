//! Whether Postfix asks how mail to other domains must be encrypted, and can do what it is told.

use std::path::Path;

use verdict::tls::UseDane;
use verdict::tls::postfix::Version;

use super::super::finding::{Report, Severity};
use crate::config::Config;
use crate::config::listener::Address;
use crate::postfix::lines::{QUEUE, tls_lines};
use crate::postfix::milters;
use crate::postfix::settings::Postfix;
use crate::serve::tls_policy::MAP;

const MAPS: &str = "smtp_tls_policy_maps";

pub(super) fn look(report: &mut Report, postfix: &Postfix, config: &Config) {
    let Some(address) = &config.tls_policy.address else { return };
    let before = report.0.len();
    let get = |name: &str| postfix.get(name).unwrap_or_default();
    if !asks(get(MAPS), address, Path::new(postfix.get("queue_directory").unwrap_or(QUEUE))) {
        let line = tls_lines(config).into_iter().find(|line| line.starts_with(MAPS)).unwrap_or_default();
        let message = "Postfix does not ask mailward how mail must be encrypted";
        return report.add("tls-absent", Severity::Error, MAPS, message, format!("in main.cf: {line}"));
    }
    version(report, get("mail_version"), config);
    if matches!(get("smtp_tls_security_level"), "" | "none") {
        let message = "mail to domains without a policy goes out in clear, even where TLS is offered";
        let help = "smtp_tls_security_level = may in main.cf";
        report.add("tls-none", Severity::Warning, "smtp_tls_security_level", message, help);
    }
    if get("smtp_tls_CAfile").is_empty()
        && get("smtp_tls_CApath").is_empty()
        && get("tls_append_default_CA") != "yes"
    {
        let message = "no authority is believed, so all mail under an MTA-STS policy is deferred";
        let help = "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt in main.cf";
        report.add("tls-no-authorities", Severity::Error, "smtp_tls_CAfile", message, help);
    }
    dane(report, get("smtp_dns_support_level"), config);
    lowered(report, get("smtp_tls_security_level"), config);
    if report.0.len() == before {
        report.good(MAPS, "Postfix asks mailward how mail must be encrypted");
    }
}

/// Whether one of the tables is ours.
fn asks(maps: &str, address: &Address, queue: &Path) -> bool {
    maps.split([',', ' ', '\t', '\n']).any(|map| {
        let place = map.strip_prefix("socketmap:").and_then(|map| map.strip_suffix(MAP)?.strip_suffix(':'));
        place.is_some_and(|place| milters::parse(place).iter().any(|found| found.is_at(address, queue)))
    })
}

/// What it is told is that of the version in the configuration.
fn version(report: &mut Report, found: &str, config: &Config) {
    const NAME: &str = "[tls_policy] postfix_version";
    let (Some(found), told) = (Version::parse(found), config.tls_policy.postfix.version) else { return };
    let kind = |version: Version| (version >= Version::TLSRPT, version >= Version::PATTERNS);
    let help = format!("postfix_version = \"{}.{}.{}\"", found.major, found.minor, found.patch);
    if kind(told) > kind(found) {
        let message = "is newer than this Postfix, which defers mail where it is told what it does not know";
        report.add("tls-version", Severity::Error, NAME, message, help);
    } else if kind(told) < kind(found) {
        let message = "is older than this Postfix: its TLS reports say less than they could";
        report.add("tls-version", Severity::Note, NAME, message, help);
    }
}

/// What Postfix is told for a domain takes the place of the site's own level.
fn lowered(report: &mut Report, level: &str, config: &Config) {
    if config.tls_policy.dane == UseDane::No || matches!(level, "" | "none" | "may" | "dane") {
        return;
    }
    let message = "is stricter than dane, which takes its place where some of a domain's MX hosts have TLSA records: \
         mail to the others may then go out in clear";
    let help = "smtp_tls_security_level = dane in main.cf; or postfix_dane = false below [tls_policy]";
    report.add("tls-dane-lowers", Severity::Warning, "smtp_tls_security_level", message, help);
}

fn dane(report: &mut Report, level: &str, config: &Config) {
    const NAME: &str = "smtp_dns_support_level";
    match (config.tls_policy.dane, level) {
        (UseDane::Yes, "dnssec") | (UseDane::No, _) => {}
        (UseDane::Yes, _) => {
            let message =
                "Postfix can't obey DANE: what should go out by it is deferred, or goes out in clear";
            let help = "smtp_dns_support_level = dnssec in main.cf, and a resolver that validates; or postfix_dane = false below [tls_policy]";
            report.add("tls-no-dane", Severity::Error, NAME, message, help);
        }
    }
    if config.tls_policy.dane == UseDane::No && level == "dnssec" {
        let message = "Postfix can do DANE, and nothing here counts on that";
        let help = "postfix_dane = true below [tls_policy], if its resolver validates";
        report.add("tls-dane-unused", Severity::Note, NAME, message, help);
    }
}
