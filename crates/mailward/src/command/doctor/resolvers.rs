//! Who answers DNS questions: whether they answer, also at length, and what their word on DNSSEC is worth.

use std::net::SocketAddr;
use std::path::Path;

use dns::{Dns as _, Question, RecordType};
use resolver::{Resolver, Server, Settings};

use super::finding::{Report, Severity};
use super::probe::{self, SIGNED, Said, UNSIGNED};
use crate::config::Dns;
use crate::input::InputError;

/// Looks at the resolvers; whether there is one to ask further questions.
pub(super) async fn look(report: &mut Report, dns: &Dns, named: Option<&str>) -> Result<bool, InputError> {
    if named.is_some_and(|name| Path::new(name).is_file()) {
        report.add(
            "resolver-not-asked",
            Severity::Note,
            "resolver",
            "not looked at: there is a file in its place",
            "",
        );
        return Ok(true);
    }
    let servers = match named {
        Some(text) => vec![Server::parse(text).map_err(|error| InputError::new("--dns", error.to_string()))?],
        None if dns.servers.is_empty() => {
            Settings::system().map(|settings| settings.servers).unwrap_or_default()
        }
        None => dns.servers.clone(),
    };
    if servers.is_empty() {
        let help = "servers = [\"127.0.0.1\"] below [dns], with a resolver on this machine";
        report.add("resolver-none", Severity::Error, "resolver", "there is none to ask", help);
        return Ok(false);
    }
    let mut answered = false;
    for server in servers.into_iter().take(resolver::MAX_SERVERS) {
        let server = if dns.trusted { server.trusted() } else { server };
        answered |= one(report, &server, dns.trusted).await;
    }
    Ok(answered)
}

async fn one(report: &mut Report, server: &Server, trusted: bool) -> bool {
    let place = format!("resolver {server}");
    let Ok(address) = server.to_string().parse::<SocketAddr>() else {
        return over_tls(report, &place, server).await;
    };
    let said = match probe::udp(address, SIGNED).await {
        Ok(said) if matches!(said.code, 0 | 3) => said,
        Ok(said) => {
            let message = format!("answers a question for the root with code {}", said.code);
            report.add(
                "resolver-refuses",
                Severity::Error,
                place,
                message,
                "name one that answers this machine below [dns]",
            );
            return false;
        }
        Err(_) => {
            let help = "see whether it runs; name another below [dns]";
            report.add("resolver-away", Severity::Error, place, "gives no answer over UDP", help);
            return false;
        }
    };
    let before = report.0.len();
    if !said.edns {
        let message = "speaks no EDNS (RFC 6891): longer answers take TCP each time";
        report.add("resolver-no-edns", Severity::Warning, &place, message, "use another resolver");
    }
    if probe::tcp(address, SIGNED).await.is_err() {
        let message = "gives no answer over TCP, so long records such as keys can't be had";
        report.add(
            "resolver-no-tcp",
            Severity::Error,
            &place,
            message,
            "let TCP to port 53 through, or use another resolver",
        );
    }
    let unsigned = probe::udp(address, UNSIGNED).await.ok();
    dnssec(report, &place, said, unsigned, trusted, server.clone().trusted().is_believed());
    if report.0.len() == before {
        report.good(place, "answers over UDP and TCP, with EDNS");
    }
    true
}

/// Whether AD in its answers means something, and counts here.
fn dnssec(report: &mut Report, place: &str, signed: Said, unsigned: Option<Said>, trusted: bool, near: bool) {
    let lies = unsigned.is_some_and(|said| said.authentic);
    let validates = signed.authentic && !lies;
    let finding = match (trusted, validates) {
        _ if lies => (
            "resolver-false-ad",
            if trusted { Severity::Error } else { Severity::Note },
            "says of a name that is not signed that it is authentic",
            if trusted { "trusted = false below [dns], or a resolver that validates" } else { "" },
        ),
        (true, _) if !near => (
            "resolver-far",
            Severity::Warning,
            "is trusted, and not believed: on the way from there anybody could say that it validated",
            "a resolver on this machine, or over TLS (tls://192.0.2.53#dns.example.net)",
        ),
        (true, false) => (
            "resolver-no-dnssec",
            Severity::Warning,
            "is trusted to validate DNSSEC, and does not",
            "turn validation on in the resolver, or trusted = false below [dns]",
        ),
        (false, true) if near => (
            "resolver-untrusted",
            Severity::Note,
            "validates DNSSEC, and nothing here asks for that",
            "trusted = true below [dns] if nobody else can answer in its place",
        ),
        _ => return,
    };
    let (code, severity, message, help) = finding;
    report.add(code, severity, place, message, help);
}

async fn over_tls(report: &mut Report, place: &str, server: &Server) -> bool {
    let mut settings = Settings::new(vec![server.clone()]);
    settings.cache_bytes = 0;
    let answer = match Resolver::new(settings) {
        Ok(resolver) => resolver.ask(&Question::new(dns::Name::root(), RecordType::Soa)).await,
        Err(error) => {
            report.add("resolver-away", Severity::Error, place, error.to_string(), "");
            return false;
        }
    };
    if let Some(failure) = answer.reply.failure() {
        let help =
            "see whether it is reached on port 853, and whether its certificate holds the name behind #";
        report.add(
            "resolver-away",
            Severity::Error,
            place,
            format!("gives no answer over TLS: {failure}"),
            help,
        );
        return false;
    }
    report.good(place, "answers over TLS");
    true
}

#[cfg(test)]
mod tests;
