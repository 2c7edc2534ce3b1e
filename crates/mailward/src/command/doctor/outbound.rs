//! What Postfix needs of the machine to encrypt mail as it is told: authorities to believe, and a resolver that validates.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use verdict::tls::UseDane;

use super::finding::{Report, Severity};
use super::probe;
use crate::config::Config;
use crate::input::error::shown;
use crate::postfix::settings::Postfix;

/// libc reads no more of them.
const MAX_SERVERS: usize = 3;

/// Looks at all of it; at resolvers only if they may be asked.
pub(super) async fn look(report: &mut Report, postfix: &Postfix, config: &Config, queue: &Path, asks: bool) {
    if config.tls_policy.address.is_none() {
        return;
    }
    authorities(report, postfix, queue);
    if asks && config.tls_policy.dane == UseDane::Yes {
        let (path, servers) = servers(postfix, queue, Path::new("/etc/resolv.conf"));
        for server in servers {
            resolver(report, &path, server).await;
        }
    }
}

fn authorities(report: &mut Report, postfix: &Postfix, queue: &Path) {
    let mut missing = |name: &str, path: &Path, message: &str| {
        let place = format!("{name} = {}", shown(path));
        let help = "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt in main.cf, from the package ca-certificates";
        report.add("tls-no-authorities", Severity::Error, place, message, help);
    };
    let path = |name| postfix.get(name).map(Path::new).filter(|path| path.is_absolute());
    let file = path("smtp_tls_CAfile");
    if let Some(file) = file.filter(|file| fs::metadata(file).is_err()) {
        missing("smtp_tls_CAfile", file, "is not there, so all mail under an MTA-STS policy is deferred");
    }
    if let (None, Some(folder)) = (file, path("smtp_tls_CApath")) {
        // A file is read before Postfix goes into its chroot, a folder from inside.
        let chroot = postfix.clients.iter().any(|client| client.chroot);
        let inside = queue.join(folder.strip_prefix("/").unwrap_or(folder));
        if fs::metadata(if chroot { &inside } else { folder }).is_err() {
            let message =
                "is not there for an smtp in a chroot, so all mail under an MTA-STS policy is deferred";
            missing("smtp_tls_CApath", folder, message);
        }
    }
}

/// Whom Postfix asks, and where that is said: inside of a chroot, there.
fn servers(postfix: &Postfix, queue: &Path, system: &Path) -> (PathBuf, Vec<IpAddr>) {
    let inside = queue.join("etc/resolv.conf");
    let chroot = postfix.clients.iter().any(|client| client.chroot);
    let path = if chroot && inside.exists() { inside } else { system.to_owned() };
    let text = fs::read_to_string(&path).unwrap_or_default();
    let server = |line: &str| line.strip_prefix("nameserver")?.trim().parse().ok();
    let servers = text.lines().filter_map(server).take(MAX_SERVERS).collect();
    (path, servers)
}

async fn resolver(report: &mut Report, path: &Path, server: IpAddr) {
    let place = format!("{}: nameserver {server}", shown(path));
    let address = SocketAddr::new(server, 53);
    let Ok(signed) = probe::udp(address, probe::SIGNED).await else { return };
    let lies = probe::udp(address, probe::UNSIGNED).await.is_ok_and(|said| said.authentic);
    if let Some((severity, message)) = judged(signed.authentic, lies, server.is_loopback()) {
        let help =
            "a resolver on this machine that validates DNSSEC; or postfix_dane = false below [tls_policy]";
        report.add("tls-resolver", severity, place, message, help);
    }
}

fn judged(validates: bool, lies: bool, is_near: bool) -> Option<(Severity, &'static str)> {
    match (validates && !lies, is_near) {
        (true, true) => None,
        (true, false) => Some((
            Severity::Warning,
            "Postfix believes what it says of DNSSEC, and on the way from there anybody could say it",
        )),
        (false, _) => Some((
            Severity::Error,
            "Postfix asks it and it does not validate DNSSEC: what should go out by DANE is deferred, or goes out in clear",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postfix(main: &str, chroot: &str) -> Postfix {
        Postfix::parse(main, &format!("smtp unix - - {chroot} - - smtp\n"), "")
    }

    #[test]
    fn authorities_that_are_not_there() {
        let queue = tempfile::tempdir().unwrap();
        let there = queue.path().join("ca");
        fs::create_dir(&there).unwrap();
        let there = there.display();
        let is_missing = |main: &str, chroot: &str| {
            let mut report = Report::default();
            authorities(&mut report, &postfix(main, chroot), queue.path());
            !report.0.is_empty()
        };
        for (main, outside, inside) in [
            (String::new(), false, false),
            (format!("smtp_tls_CAfile = {there}"), false, false),
            (format!("smtp_tls_CAfile = {there}/none"), true, true),
            (format!("smtp_tls_CApath = {there}"), false, true),
            (format!("smtp_tls_CAfile = {there}\nsmtp_tls_CApath = {there}"), false, false),
            ("smtp_tls_CApath = /ca".to_owned(), true, false),
        ] {
            assert_eq!((is_missing(&main, "n"), is_missing(&main, "y")), (outside, inside), "{main}");
        }
    }

    #[test]
    fn whom_postfix_asks() {
        let queue = tempfile::tempdir().unwrap();
        let system = queue.path().join("system");
        fs::write(
            &system,
            "# nameserver 192.0.2.9\nnameserver 127.0.0.1\noptions edns0\nnameserver\t2001:db8::1\n",
        )
        .unwrap();
        let found = |chroot| {
            let (path, servers) = servers(&postfix("", chroot), queue.path(), &system);
            (path == system, servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        let outside = (true, "127.0.0.1 2001:db8::1".to_owned());
        assert_eq!(found("n"), outside);
        assert_eq!(found("y"), outside, "none is inside");
        fs::create_dir(queue.path().join("etc")).unwrap();
        fs::write(queue.path().join("etc/resolv.conf"), "nameserver 192.0.2.1\n".repeat(9)).unwrap();
        assert_eq!(found("n"), outside);
        assert_eq!(found("y"), (false, ["192.0.2.1"; MAX_SERVERS].join(" ")));
    }

    #[test]
    fn dns_06_what_its_word_is_worth() {
        let severity = |validates, lies, near| judged(validates, lies, near).map(|(severity, _)| severity);
        assert_eq!(severity(true, false, true), None);
        assert_eq!(severity(true, false, false), Some(Severity::Warning));
        for (validates, lies, near) in [(false, false, true), (true, true, true), (false, true, false)] {
            assert_eq!(severity(validates, lies, near), Some(Severity::Error));
        }
    }
}
