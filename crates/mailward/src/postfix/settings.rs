//! What Postfix goes by, as `postconf` tells it: the settings of `main.cf` with their defaults, and the services of
//! `master.cf` with what each says otherwise.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mail::printable;
use tokio::process::Command;
use tokio::time::timeout;

use super::milters::{self, Milter};

/// Settings that are asked for.
const NAMES: [&str; 31] = [
    "mail_version",
    "queue_directory",
    "mail_owner",
    "config_directory",
    "smtpd_milters",
    "non_smtpd_milters",
    "milter_default_action",
    "milter_protocol",
    "milter_command_timeout",
    "milter_content_timeout",
    "internal_mail_filter_classes",
    "smtpd_forbid_bare_newline",
    "smtpd_sasl_auth_enable",
    "smtpd_proxy_filter",
    "smtpd_discard_ehlo_keywords",
    "smtp_discard_ehlo_keywords",
    "smtputf8_enable",
    "header_size_limit",
    "content_filter",
    "receive_override_options",
    "smtp_tls_policy_maps",
    "smtp_tls_security_level",
    "smtp_dns_support_level",
    "smtp_tls_CAfile",
    "smtp_tls_CApath",
    "tls_append_default_CA",
    "smtp_tls_enforce_sts_mx_patterns",
    "smtp_host_lookup",
    "disable_dns_lookups",
    "ignore_mx_lookup_error",
    "smtp_dns_resolver_options",
];

/// How long `postconf` may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// All that is known of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postfix {
    /// Values by name, `$names` in them replaced. A name that this version does not know is missing.
    pub main: BTreeMap<String, String>,
    /// The services by which mail comes in.
    pub services: Vec<Service>,
    /// The services by which it goes out over SMTP.
    pub clients: Vec<Service>,
}

/// A line of `master.cf` that runs smtpd or smtp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name and type, such as `submission/inet`.
    pub name: String,
    /// Whether it sees the queue directory alone.
    pub chroot: bool,
    /// What it says otherwise than `main.cf`.
    pub settings: BTreeMap<String, String>,
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There is no Postfix here.
    NotInstalled,
    /// It does not tell; printable.
    Failed(String),
}

impl Postfix {
    /// Asks `postconf`, that of the search path or of `/usr/sbin`, about the installation with its files in `directory`, or
    /// the one that it takes by itself.
    pub async fn read(directory: Option<&Path>) -> Result<Self, Unknown> {
        let main = run(directory, &["-x"], &NAMES).await?;
        let services = run(directory, &["-M"], &[]).await?;
        let settings = run(directory, &["-P", "-x"], &[]).await?;
        Ok(Self::parse(&main, &services, &settings))
    }

    /// Reads what `postconf -x NAMES`, `postconf -M` and `postconf -Px` print.
    pub fn parse(main: &str, services: &str, settings: &str) -> Self {
        let main = main.lines().filter_map(assignment).collect();
        let of =
            |program| services.lines().filter_map(move |line| service(line, program)).collect::<Vec<_>>();
        let (mut services, mut clients) = (of("smtpd"), of("smtp"));
        for (name, value) in settings.lines().filter_map(assignment) {
            let Some((service, name)) = name.rsplit_once('/') else { continue };
            let all = services.iter_mut().chain(&mut clients);
            for found in all.filter(|found| found.name == service) {
                found.settings.insert(name.to_owned(), value.clone());
            }
        }
        Self { main, services, clients }
    }

    /// The value of a setting of `main.cf`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.main.get(name).map(String::as_str)
    }

    /// The value of a setting as a service goes by it.
    pub fn of<'a>(&'a self, service: &'a Service, name: &str) -> Option<&'a str> {
        service.settings.get(name).map(String::as_str).or_else(|| self.get(name))
    }

    /// The milters that a service asks.
    pub fn milters(&self, service: &Service) -> Vec<Milter> {
        let options = self.of(service, "receive_override_options").unwrap_or_default();
        if options.split([',', ' ']).any(|option| option == "no_milters") {
            return Vec::new();
        }
        milters::parse(self.of(service, "smtpd_milters").unwrap_or_default())
    }
}

/// `name = value`.
fn assignment(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

/// A line of `master.cf`; `None` for what runs another program.
fn service(line: &str, program: &str) -> Option<Service> {
    let mut words = line.split_ascii_whitespace();
    let (name, kind) = (words.next()?, words.next()?);
    // Behind them: private, unprivileged, chroot, when to wake up, how many, the program.
    let (chroot, command) = (words.nth(2)?, words.nth(2)?);
    let service = || Service { name: format!("{name}/{kind}"), chroot: chroot == "y", ..Service::default() };
    (command == program).then(service)
}

async fn run(directory: Option<&Path>, options: &[&str], names: &[&str]) -> Result<String, Unknown> {
    let mut missing = Unknown::NotInstalled;
    for program in ["postconf", "/usr/sbin/postconf"] {
        let mut command = Command::new(program);
        if let Some(directory) = directory {
            command.arg("-c").arg(directory);
        }
        command.args(options).args(names).stdin(Stdio::null()).kill_on_drop(true);
        match timeout(TIMEOUT, command.output()).await {
            Err(_) => return Err(Unknown::Failed("postconf does not come to an end".to_owned())),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(Err(error)) => missing = Unknown::Failed(printable(error.to_string())),
            // A name that this version does not know is told on standard error, and fails nothing.
            Ok(Ok(output)) if output.status.success() => {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            Ok(Ok(output)) => {
                let text = String::from_utf8_lossy(&output.stderr);
                let line = text.lines().last().unwrap_or("it said nothing").to_owned();
                return Err(Unknown::Failed(printable(line)));
            }
        }
    }
    Err(missing)
}
