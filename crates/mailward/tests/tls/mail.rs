//! Mail by real Postfix, and what became of it.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use testkit::real::postfix::Postfix;
use testkit::real::{Root, output, wait_until};

use super::lab::Lab;

/// Next hops that are not the domain of the address. Nothing hangs on messages before: no destination is held to be dead, and
/// no connection is kept.
const SETTINGS: &str = "\
relay_domains = test
relay_transport = smtp
transport_maps = inline:{{smart.test=smtp:[mx.smart.test]:2525}, {smart-bad.test=smtp:[mx.smart-bad.test]:2525}, \
{relayed.test=smtp:relay.test:2525}}
default_destination_concurrency_failed_cohort_limit = 0
smtp_connection_cache_on_demand = no
smtp_tls_security_level = may
smtp_dns_support_level = dnssec
smtp_tls_CAfile = $config_directory/ca.pem
smtp_tls_loglevel = 1
";

/// Where a message went, or why it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// To this server, over TLS.
    Tls(String),
    /// To this server, in clear.
    Clear(String),
    /// Nowhere yet: what Postfix says.
    Deferred(String),
}

/// A Postfix that asks `place`, with more settings.
pub(crate) fn start(root: &Root, lab: &Lab, place: &str, more: &str) -> Postfix {
    start_with(root, lab, place, more, "")
}

/// The same with lines of master.cf too.
pub(crate) fn start_with(root: &Root, lab: &Lab, place: &str, more: &str, services: &str) -> Postfix {
    let asks = format!("smtp_tls_policy_maps = socketmap:{place}:tls-policy\n");
    let settings = format!("{SETTINGS}{asks}{more}");
    let postfix = Postfix::start_with_dns(root, &settings, services, lab.resolver.addr);
    fs::write(postfix.folder().join("ca.pem"), lab.authority.pem()).unwrap();
    postfix
}

/// A new address at a domain.
fn address(domain: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("b{}@{domain}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Hands a message over for each domain, and gives the addresses.
pub(crate) fn submit(postfix: &Postfix, domains: &[&str]) -> Vec<String> {
    let mut client = postfix.converse();
    client.say("EHLO client.example");
    let one = |domain: &&str| {
        let address = address(domain);
        let utf8 = if domain.is_ascii() { "" } else { " SMTPUTF8" };
        for line in [&format!("MAIL FROM:<>{utf8}"), &format!("RCPT TO:<{address}>"), "DATA"] {
            let reply = client.say(line);
            assert!(reply.starts_with(['2', '3']), "{line}: {reply}");
        }
        let reply = client.say("Subject: x\r\n\r\nbody\r\n.");
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
        address
    };
    domains.iter().map(one).collect()
}

/// Waits until Postfix has tried messages so often, and says what became of each at last.
pub(crate) fn ends(lab: &Lab, postfix: &Postfix, addresses: &[String], tries: usize) -> Vec<End> {
    let said = |log: &str, address: &str| -> Vec<String> {
        let to = format!(" to=<{}>", address.to_lowercase());
        let ours = log.lines().filter(|line| line.to_lowercase().contains(&to) && line.contains(" status="));
        ours.map(str::to_owned).collect()
    };
    let all = wait_until(|| {
        let log = postfix.log();
        addresses.iter().all(|address| said(&log, address).len() >= tries)
    });
    let log = postfix.log();
    assert!(all, "{log}");
    let end = |address: &String| {
        let last = said(&log, address).pop().unwrap();
        let arrived = lab.arrived(address);
        match (&arrived[..], last.contains(" status=sent ")) {
            ([(server, true)], true) => End::Tls((*server).to_owned()),
            ([(server, false)], true) => End::Clear((*server).to_owned()),
            ([], false) if last.contains(" status=deferred ") => {
                End::Deferred(last.split_once("dsn=").unwrap().1.to_owned())
            }
            _ => panic!("{address}: {arrived:?}: {last}"),
        }
    };
    addresses.iter().map(end).collect()
}

/// Sends a message to a domain: what became of it.
pub(crate) fn send(lab: &Lab, postfix: &Postfix, domain: &str) -> End {
    let addresses = submit(postfix, &[domain]);
    ends(lab, postfix, &addresses, 1).remove(0)
}

/// Has everything tried again that waits.
pub(crate) fn flush(postfix: &Postfix) {
    // What is still in hand is not tried.
    assert!(wait_until(|| postfix.queued("active") == 0), "{}", postfix.log());
    let mut command = postfix.command("postqueue");
    command.arg("-f");
    let _ = output(command, b"");
}
