//! The lines that make Postfix ask us.

use std::path::Path;

use verdict::direction::Purpose;
use verdict::local::Mode;
use verdict::tls::UseDane;

use crate::config::listener::Address;
use crate::config::{Config, Listener};
use crate::input::error::shown;
use crate::serve::tls_policy::MAP;

/// Where Postfix lives, and what it sees alone where it runs in a chroot, as Debian's does.
pub const QUEUE: &str = "/var/spool/postfix";
/// The socket inside of it.
pub const SOCKET: &str = "/var/spool/postfix/mailward/milter.sock";
/// The one by which TLS policies are asked for.
pub const TLS_SOCKET: &str = "/var/spool/postfix/mailward/tls-policy.sock";

/// The lines, by file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// For `main.cf`.
    pub main: Vec<String>,
    /// For `master.cf`, below each service that users hand in mail by; empty where nothing is needed there.
    pub submission: Vec<String>,
}

/// The strictest mode that anything of the configuration chooses.
pub fn strictest(config: &Config) -> Mode {
    let modes = &config.policy.local.modes;
    let chosen = modes.authors.iter().map(|(_, mode)| *mode);
    let chosen = chosen.chain(modes.recipients.iter().map(|(_, mode)| *mode));
    let chosen = chosen.chain(config.listeners.iter().filter_map(|listener| listener.mode));
    chosen.fold(modes.global, Mode::max)
}

/// What Postfix is to do with mail from outside while we are away: let it in only where we would let in all of it.
pub fn inbound_action(config: &Config) -> &'static str {
    match strictest(config) {
        Mode::Observe => "accept",
        Mode::Quarantine | Mode::Enforce => "tempfail",
    }
}

/// A milter as Postfix names it: a path in its queue directory from there, which is right in a chroot and outside of one.
pub fn milter(address: &Address) -> String {
    match address {
        Address::Tcp(_) => address.to_string(),
        Address::Unix(socket) => match socket.path.strip_prefix(Path::new(QUEUE)) {
            Ok(inside) => format!("unix:{}", shown(inside)),
            Err(_) => address.to_string(),
        },
    }
}

/// The lines for a configuration. None for a way that no listener takes mail of.
pub fn lines(config: &Config) -> Lines {
    let listeners = &config.listeners;
    let find = |purposes: &[Purpose]| {
        let fits = |purpose: &&Purpose| listeners.iter().any(|listener| listener.purpose == **purpose);
        let purpose = purposes.iter().find(fits);
        purpose.and_then(|purpose| listeners.iter().find(|listener| listener.purpose == *purpose))
    };
    let inbound = find(&[Purpose::Inbound, Purpose::Both]);
    let outbound = find(&[Purpose::Outbound, Purpose::Both]);
    // Mail that goes out and should be signed waits for us.
    let entry = |listener: &Listener, action: &str| {
        format!("{{ {}, default_action={action} }}", milter(&listener.address))
    };
    let inbound = inbound.map(|listener| entry(listener, inbound_action(config)));
    let outbound = outbound.map(|listener| entry(listener, "tempfail"));
    let mut main = Vec::new();
    main.extend(inbound.as_ref().map(|entry| format!("smtpd_milters = {entry}")));
    if let Some(entry) = &outbound {
        main.push(format!("non_smtpd_milters = {entry}"));
        main.push("internal_mail_filter_classes = bounce".to_owned());
    }
    main.extend(tls_lines(config));
    let differs = outbound.filter(|outbound| inbound.as_ref() != Some(outbound));
    let submission = differs.map(|entry| format!("  -o {{ smtpd_milters = {entry} }}"));
    Lines { main, submission: submission.into_iter().collect() }
}

/// The lines of main.cf that make Postfix ask how mail to other domains must be encrypted, and able to do what it is told; none
/// where nobody is answered.
pub fn tls_lines(config: &Config) -> Vec<String> {
    let Some(address) = &config.tls_policy.address else { return Vec::new() };
    let mut lines = vec![
        format!("smtp_tls_policy_maps = socketmap:{}:{MAP}", milter(address)),
        "smtp_tls_security_level = may".to_owned(),
        "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt".to_owned(),
    ];
    if config.tls_policy.dane == UseDane::Yes {
        lines.push("smtp_dns_support_level = dnssec".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(toml: &str, main: &[&str], submission: &[&str]) {
        let (config, findings) = Config::parse(toml, Path::new("/etc/mailward"));
        assert_eq!(findings, [], "{toml}");
        let lines = lines(&config);
        assert_eq!((lines.main, lines.submission), (own(main), own(submission)), "{toml}");
    }

    fn own(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    const BOUNCE: &str = "internal_mail_filter_classes = bounce";

    #[test]
    fn net_08_mail_is_let_in_unchecked_only_where_all_of_it_would_be() {
        const LOCAL: &str = "non_smtpd_milters = { inet:127.0.0.1:8891, default_action=tempfail }";
        let safe = ["smtpd_milters = { inet:127.0.0.1:8891, default_action=tempfail }", LOCAL, BOUNCE];
        check(
            "",
            &["smtpd_milters = { inet:127.0.0.1:8891, default_action=accept }", LOCAL, BOUNCE],
            &["  -o { smtpd_milters = { inet:127.0.0.1:8891, default_action=tempfail } }"],
        );
        for toml in [
            "[policy]\nmode = \"quarantine\"",
            "[policy]\nmode = \"enforce\"",
            "[policy.authors]\n\"example.com\" = \"enforce\"",
            "[policy.recipients]\n\"example.com\" = \"quarantine\"",
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:8891\"\nmode = \"enforce\"",
        ] {
            check(toml, &safe, &[]);
        }
    }

    #[test]
    fn postfix_asks_how_mail_must_be_encrypted_where_it_is_answered() {
        let lines = |toml: &str| tls_lines(&Config::parse(toml, Path::new("/etc/mailward")).0).join("\n");
        assert_eq!(lines(""), "");
        let socket = "[tls_policy]\naddress = \"/var/spool/postfix/mailward/tls-policy.sock\"";
        assert_eq!(
            lines(socket),
            "smtp_tls_policy_maps = socketmap:unix:mailward/tls-policy.sock:tls-policy\n\
             smtp_tls_security_level = may\nsmtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt"
        );
        let dane = "[dns]\ntrusted = true\n[tls_policy]\naddress = \"127.0.0.1:8892\"\npostfix_dane = true";
        let lines = lines(dane);
        assert!(
            lines.starts_with("smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8892:tls-policy\n"),
            "{lines}"
        );
        assert!(lines.ends_with("\nsmtp_dns_support_level = dnssec"), "{lines}");
    }

    #[test]
    fn each_way_has_its_listener() {
        check(
            "[[listener]]\nname = \"a\"\naddress = \"/var/spool/postfix/mailward/milter.sock\"\n\
             [[listener]]\nname = \"b\"\naddress = \"/run/out.sock\"\nfor = \"outbound\"\n\
             [[listener]]\nname = \"c\"\naddress = \"[::1]:9\"\nfor = \"reinjected\"",
            &[
                "smtpd_milters = { unix:mailward/milter.sock, default_action=accept }",
                "non_smtpd_milters = { unix:/run/out.sock, default_action=tempfail }",
                BOUNCE,
            ],
            &["  -o { smtpd_milters = { unix:/run/out.sock, default_action=tempfail } }"],
        );
        check(
            "[[listener]]\nname = \"a\"\naddress = \"[::1]:9\"\nfor = \"inbound\"\n",
            &["smtpd_milters = { inet:[::1]:9, default_action=accept }"],
            &[],
        );
    }
}
