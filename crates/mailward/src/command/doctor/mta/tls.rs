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
    let queue = Path::new(postfix.get("queue_directory").unwrap_or(QUEUE));
    let Some(place) = place(get(MAPS), address, queue) else {
        let line = tls_lines(config).into_iter().find(|line| line.starts_with(MAPS)).unwrap_or_default();
        let message = "Postfix does not ask mailward how mail must be encrypted";
        return report.add("tls-absent", Severity::Error, MAPS, message, format!("in main.cf: {line}"));
    };
    clients(report, postfix, address, queue, &place);
    version(report, get("mail_version"), config);
    patterns(report, postfix.get("smtp_tls_enforce_sts_mx_patterns"), config);
    level(report, get("smtp_tls_security_level"), config.tls_policy.dane);
    if get("smtp_tls_CAfile").is_empty()
        && get("smtp_tls_CApath").is_empty()
        && get("tls_append_default_CA") != "yes"
    {
        let message = "no authority is believed, so all mail under an MTA-STS policy is deferred";
        let help = "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt in main.cf";
        report.add("tls-no-authorities", Severity::Error, "smtp_tls_CAfile", message, help);
    }
    dane(report, postfix, config);
    if report.0.len() == before {
        report.good(MAPS, "Postfix asks mailward how mail must be encrypted");
    }
}

/// Where Postfix looks for our socket, if one of its tables is ours. Behind `proxy:`, another process asks.
fn place(maps: &str, address: &Address, queue: &Path) -> Option<String> {
    let ours = |place: &str| milters::parse(place).iter().any(|found| found.is_at(address, queue));
    maps.split([',', ' ', '\t', '\n']).find_map(|map| {
        let place = map.strip_prefix("proxy:").unwrap_or(map).strip_prefix("socketmap:")?;
        let place = place.strip_suffix(MAP)?.strip_suffix(':')?;
        ours(place).then(|| if map.starts_with("proxy:") { map.to_owned() } else { place.to_owned() })
    })
}

/// Whoever sends mail: each asks, and finds us.
fn clients(report: &mut Report, postfix: &Postfix, address: &Address, queue: &Path, main: &str) {
    for client in &postfix.clients {
        let ours = match client.settings.get(MAPS) {
            Some(maps) => place(maps, address, queue),
            None => Some(main.to_owned()),
        };
        let Some(ours) = ours else {
            let place = format!("master.cf: {}: {MAPS}", client.name);
            let message = "mail that goes out there is encrypted as main.cf says, whatever domains want";
            report.add("tls-not-here", Severity::Note, place, message, "");
            continue;
        };
        // Its tables are opened before it goes into the chroot, and sockets are found from inside.
        if client.chroot && ours.starts_with("unix:/") {
            let message =
                format!("runs in {}, and finds no socket at {ours}: its mail is deferred", queue.display());
            let help =
                "name the socket by its path below there: socketmap:unix:mailward/tls-policy.sock:tls-policy";
            report.add("tls-chroot", Severity::Error, format!("master.cf: {}", client.name), message, help);
        }
    }
}

/// An answer takes the place of what the site does for all domains, and may ask for less.
fn level(report: &mut Report, level: &str, dane: UseDane) {
    const NAME: &str = "smtp_tls_security_level";
    match (level, dane) {
        ("" | "none", _) => {
            let message = "mail to domains without a policy goes out in clear, even where TLS is offered";
            let help = "smtp_tls_security_level = may in main.cf";
            report.add("tls-none", Severity::Warning, NAME, message, help);
        }
        ("may", _) | ("dane", UseDane::Yes) => {}
        (level, UseDane::No) if level.starts_with("dane") => {
            let message = "an MTA-STS policy takes the place of DANE here, which RFC 8461 §2 does not want";
            let help = "postfix_dane = true below [tls_policy], and trusted = true below [dns], with a resolver that validates";
            report.add("tls-over-dane", Severity::Warning, NAME, message, help);
        }
        (_, UseDane::Yes) => {
            let message = format!(
                "{level} is stricter than dane, which Postfix is told where a domain has TLSA records: to its hosts without \
                 any, mail may then go in clear"
            );
            let help = "smtp_tls_security_level = may or dane, if that is meant; or postfix_dane = false below [tls_policy]";
            report.add("tls-weaker", Severity::Warning, NAME, message, help);
        }
        (_, UseDane::No) => {}
    }
}

/// Whether it holds the names of MX hosts against the patterns of a policy.
fn patterns(report: &mut Report, enforced: Option<&str>, config: &Config) {
    const NAME: &str = "smtp_tls_enforce_sts_mx_patterns";
    match (enforced, config.tls_policy.postfix.counts_on_patterns()) {
        (Some("no"), true) => {
            let message = "is off, so *.example.com of a policy would match hosts of any depth, and any certificate of them";
            let help = "postfix_mx_patterns = false below [tls_policy]; or take that line out of main.cf";
            report.add("tls-patterns", Severity::Error, NAME, message, help);
        }
        (Some("yes"), false) if config.tls_policy.postfix.version >= Version::PATTERNS => {
            let message = "is on, and the configuration does not count on it";
            report.add(
                "tls-patterns",
                Severity::Note,
                NAME,
                message,
                "postfix_mx_patterns = true below [tls_policy]",
            );
        }
        _ => {}
    }
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

/// What Postfix needs to look up TLSA records, and believe them.
fn dane(report: &mut Report, postfix: &Postfix, config: &Config) {
    const NAME: &str = "smtp_dns_support_level";
    let get = |name: &str| postfix.get(name).unwrap_or_default();
    let has = |name: &str, word: &str| get(name).split([',', ' ', '\t']).any(|found| found == word);
    if config.tls_policy.dane == UseDane::No {
        if get(NAME) == "dnssec" {
            let message = "Postfix can do DANE, and nothing here counts on that";
            let help = "postfix_dane = true below [tls_policy], if its resolver validates";
            report.add("tls-dane-unused", Severity::Note, NAME, message, help);
        }
        return;
    }
    let lookup = get("smtp_host_lookup");
    for (name, is_wrong, wanted) in [
        (NAME, get(NAME) != "dnssec", "dnssec"),
        ("smtp_host_lookup", !lookup.is_empty() && !has("smtp_host_lookup", "dns"), "dns"),
        ("disable_dns_lookups", get("disable_dns_lookups") == "yes", "no"),
        ("ignore_mx_lookup_error", get("ignore_mx_lookup_error") == "yes", "no"),
        (
            "smtp_dns_resolver_options",
            ["res_defnames", "res_dnsrch"].iter().any(|word| has("smtp_dns_resolver_options", word)),
            "",
        ),
    ] {
        if is_wrong {
            let message =
                "Postfix can't obey DANE: what should go out by it is deferred, or goes out in clear";
            let more = if name == NAME { ", and a resolver that validates" } else { "" };
            let line = format!("{name} = {wanted}");
            let help =
                format!("{} in main.cf{more}; or postfix_dane = false below [tls_policy]", line.trim_end());
            report.add("tls-no-dane", Severity::Error, name, message, help);
        }
    }
}
