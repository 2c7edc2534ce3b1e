//! What Postfix goes by, held against what we need. Nothing here looks at the machine: all is in the settings.

mod tls;

use std::path::Path;

use verdict::direction::Purpose;
use verdict::local::Mode;

use super::finding::{Report, Severity};
use crate::config::Config;
use crate::postfix::lines::{QUEUE, inbound_action, lines, strictest};
use crate::postfix::milters::{self, Milter};
use crate::postfix::settings::{Postfix, Service, Unknown};
use crate::postfix::version::{OLDEST, Version};

/// How long Postfix has to wait for an answer, in seconds: a callback of ours may take 25.
const COMMAND_TIMEOUT: u64 = 30;
/// How long at the end of a message: we give a sign of life every 10 seconds.
const CONTENT_TIMEOUT: u64 = 30;
/// Postfix's default for the longest header that it hands on, in bytes.
const HEADER_SIZE: u64 = 102_400;

/// What Postfix goes by and whether we have keys to sign with.
struct Look<'a> {
    postfix: &'a Postfix,
    config: &'a Config,
    signs: bool,
}

/// Looks at all of it.
pub(super) fn look(report: &mut Report, postfix: &Result<Postfix, Unknown>, config: &Config, signs: bool) {
    match postfix {
        Err(Unknown::NotInstalled) => {
            let help = "if there is one, name the directory of its files with --postfix, and have postconf in the search path";
            report.add("postfix-none", Severity::Note, "Postfix", "there is none on this machine", help);
        }
        Err(Unknown::Failed(why)) => {
            let help = "run postconf yourself, and mailward doctor as root";
            report.add(
                "postfix-silent",
                Severity::Warning,
                "Postfix",
                format!("postconf does not tell: {why}"),
                help,
            );
        }
        Ok(postfix) => {
            let look = Look { postfix, config, signs };
            look.version(report);
            look.smuggling(report);
            look.milters(report);
            look.local_mail(report);
            look.mail_forms(report);
            tls::look(report, postfix, config);
        }
    }
}

impl Look<'_> {
    fn version(&self, report: &mut Report) {
        let text = self.postfix.get("mail_version").unwrap_or_default();
        match Version::parse(text) {
            Some(version) if version < OLDEST => report.add(
                "postfix-old",
                Severity::Warning,
                "Postfix",
                format!("{version} is older than any that mailward is tried with"),
                format!("have Postfix {OLDEST} or newer"),
            ),
            Some(version) => report.good("Postfix", format!("version {version}")),
            None => {
                let message = format!("a version that can't be read: {text}");
                report.add("postfix-old", Severity::Note, "Postfix", message, "");
            }
        }
    }

    /// CVE-2023-51764: a message in the text of another.
    fn smuggling(&self, report: &mut Report) {
        const NAME: &str = "smtpd_forbid_bare_newline";
        const HELP: &str =
            "smtpd_forbid_bare_newline = normalize in main.cf (yes before Postfix 3.8.5 and 3.7.10)";
        if self.postfix.get(NAME).is_none() {
            let version = self.postfix.get("mail_version").and_then(Version::parse);
            let known = version.is_some_and(Version::can_refuse_smuggling);
            let message = match known {
                true => "not told, though this version has it",
                false => {
                    "this version can't refuse bare line ends, by which messages are smuggled in (CVE-2023-51764)"
                }
            };
            let severity = if known { Severity::Warning } else { Severity::Error };
            let help = "update Postfix to 3.5.24, 3.6.14, 3.7.10, 3.8.5 or newer; until then smtpd_data_restrictions = \
                 reject_unauth_pipelining and smtpd_discard_ehlo_keywords = chunking in main.cf";
            return report.add("postfix-smuggling", severity, NAME, message, help);
        }
        let mut is_good = true;
        for service in &self.postfix.services {
            let (severity, what) = match self.postfix.of(service, NAME).unwrap_or_default() {
                "yes" | "normalize" | "reject" => continue,
                "note" => (Severity::Warning, "bare line ends are only noted in the log"),
                _ => (Severity::Error, "messages can be smuggled in by bare line ends (CVE-2023-51764)"),
            };
            is_good = false;
            report.add("postfix-smuggling", severity, place(service, NAME), what, HELP);
        }
        if is_good {
            report.good(NAME, "bare line ends are no way to smuggle messages in");
        }
    }

    fn milters(&self, report: &mut Report) {
        let services = &self.postfix.services;
        if services.is_empty() {
            return report.add("postfix-no-smtpd", Severity::Note, "master.cf", "takes no mail by SMTP", "");
        }
        if !services.iter().any(|service| self.ours(&self.postfix.milters(service)).is_some()) {
            let lines = lines(self.config);
            let help = format!("in main.cf: {}", lines.main.first().map_or("a listener for it", |line| line));
            let message = "Postfix does not ask mailward";
            return report.add("milter-absent", Severity::Error, "smtpd_milters", message, help);
        }
        for service in services {
            self.service(report, service);
        }
    }

    /// Our place among the milters.
    fn ours(&self, milters: &[Milter]) -> Option<usize> {
        let queue = Path::new(self.postfix.get("queue_directory").unwrap_or(QUEUE));
        let listeners = &self.config.listeners;
        milters.iter().position(|milter| listeners.iter().any(|l| milter.is_at(&l.address, queue)))
    }

    fn service(&self, report: &mut Report, service: &Service) {
        let milters = self.postfix.milters(service);
        let place = place(service, "smtpd_milters");
        let Some(index) = self.ours(&milters) else {
            // That is how content filters hand mail back.
            let is_inner = ["127.", "[::1]", "localhost:"].iter().any(|host| service.name.starts_with(host));
            let (severity, help) = match is_inner {
                true => (
                    Severity::Note,
                    "right if a content filter hands mail back there, and that was asked about before",
                ),
                false => {
                    (Severity::Warning, "take away what master.cf says of smtpd_milters or no_milters there")
                }
            };
            let message = "mail that comes in there is neither checked nor signed";
            return report.add("milter-not-here", severity, place, message, help);
        };
        let before = report.0.len();
        let users = self.postfix.of(service, "smtpd_sasl_auth_enable") == Some("yes");
        if let Some(milter) = milters.get(index) {
            let common = self.postfix.of(service, "milter_default_action");
            self.action(report, &place, milter, common, users);
            self.protocol(report, &place, milter, self.postfix.of(service, "milter_protocol"));
            for (name, least) in
                [("milter_command_timeout", COMMAND_TIMEOUT), ("milter_content_timeout", CONTENT_TIMEOUT)]
            {
                let own = milter.setting(name.trim_start_matches("milter_"));
                let time = own.or_else(|| self.postfix.of(service, name));
                self.wait(report, &place, name, time.unwrap_or_default(), least);
            }
        }
        Self::form(report, &place, &milters);
        self.order(report, &place, &milters, index, users);
        if self.postfix.of(service, "smtpd_proxy_filter").is_some_and(|filter| !filter.is_empty()) {
            let message = "with smtpd_proxy_filter, milters of this service see no message";
            let help = "put mailward on the service that the filter hands mail back to";
            report.add("milter-proxy", Severity::Error, &place, message, help);
        }
        if report.0.len() == before {
            report.good(place, "Postfix asks mailward");
        }
    }

    /// What becomes of mail while we are away.
    fn action(&self, report: &mut Report, place: &str, milter: &Milter, common: Option<&str>, users: bool) {
        let action = milter.setting("default_action").or(common).unwrap_or("tempfail");
        let strictest = strictest(self.config);
        let (code, severity, message) = match action {
            "accept" if users && self.signs => (
                "milter-action-unsigned",
                Severity::Error,
                "default_action = accept: while mailward is away, mail of users leaves unsigned".to_owned(),
            ),
            "accept" if strictest > Mode::Observe => (
                "milter-action-unchecked",
                Severity::Error,
                format!(
                    "default_action = accept: while mailward is away, mail comes in unchecked, though there is {strictest}"
                ),
            ),
            "reject" => (
                "milter-action-reject",
                Severity::Warning,
                "default_action = reject: while mailward is away, mail is refused for good".to_owned(),
            ),
            "quarantine" => (
                "milter-action-quarantine",
                Severity::Warning,
                "default_action = quarantine: while mailward is away, mail goes to the hold queue".to_owned(),
            ),
            _ => return,
        };
        let wanted = if users { "tempfail" } else { inbound_action(self.config) };
        let help = format!("{{ {}, default_action={wanted} }}", milter.address);
        report.add(code, severity, place, message, help);
    }

    /// It is easily written with white space, at which smtpd ends.
    fn form(report: &mut Report, place: &str, milters: &[Milter]) {
        if let Some(milter) = milters.iter().find(|milter| milter.is_malformed) {
            let message =
                format!("what is said of {} can't be read, and Postfix takes no mail", milter.address);
            let help = "no white space around = there: { ADDRESS, default_action=tempfail }";
            report.add("milter-malformed", Severity::Error, place, message, help);
        }
    }

    fn protocol(&self, report: &mut Report, place: &str, milter: &Milter, common: Option<&str>) {
        let text = milter.setting("protocol").or(common).unwrap_or("6");
        let number = text.split([' ', ',']).next().and_then(|number| number.parse::<u32>().ok());
        if number.is_none_or(|number| number < 6) {
            let message = format!(
                "milter_protocol = {text}: less is said than could be, such as the spaces of header fields"
            );
            report.add(
                "milter-protocol",
                Severity::Warning,
                place,
                message,
                "milter_protocol = 6 in main.cf, as by default",
            );
        }
    }

    fn wait(&self, report: &mut Report, place: &str, name: &str, time: &str, least: u64) {
        if seconds(time).is_some_and(|seconds| seconds < least) {
            let message = format!("{name} = {time}: Postfix may not wait for an answer");
            report.add(
                "milter-timeout",
                Severity::Warning,
                place,
                message,
                format!("{name} of {least}s or more"),
            );
        }
    }

    /// Signatures are made last; what comes in is checked first.
    fn order(&self, report: &mut Report, place: &str, milters: &[Milter], index: usize, users: bool) {
        let address = |milter: &Milter| milter.address.clone();
        if let Some(other) = milters.iter().find(|milter| {
            milter.address.to_ascii_lowercase().contains("dkim")
                || milter.address.to_ascii_lowercase().contains("dmarc")
        }) {
            let message = format!("{} does what mailward does", address(other));
            report.add(
                "milter-twice",
                Severity::Note,
                place,
                message,
                "take it away when mailward does it well",
            );
        }
        let (others, message, help) = match users {
            true => (
                milters.iter().skip(index + 1).collect::<Vec<_>>(),
                "comes after mailward: what it changes breaks the signature",
                "put mailward last there",
            ),
            false => (
                milters.iter().take(index).collect(),
                "comes before mailward: what it changes is what mailward checks",
                "put mailward first there",
            ),
        };
        if let Some(other) = others.first() {
            report.add(
                "milter-order",
                Severity::Warning,
                place,
                format!("{} {message}", address(other)),
                help,
            );
        }
    }

    /// Mail of this machine itself: sendmail(1), bounces.
    fn local_mail(&self, report: &mut Report) {
        const NAME: &str = "non_smtpd_milters";
        let wanted =
            self.config.listeners.iter().any(|l| matches!(l.purpose, Purpose::Both | Purpose::Outbound));
        if !self.signs || !wanted {
            return;
        }
        let milters = milters::parse(self.postfix.get(NAME).unwrap_or_default());
        let Some(index) = self.ours(&milters) else {
            let lines = lines(self.config);
            let line = lines.main.iter().find(|line| line.starts_with(NAME)).cloned().unwrap_or_default();
            let message = "mail of this machine (sendmail, cron, bounces) leaves unsigned";
            return report.add(
                "milter-local-absent",
                Severity::Warning,
                NAME,
                message,
                format!("in main.cf: {line}"),
            );
        };
        let before = report.0.len();
        if let Some(milter) = milters.get(index) {
            self.action(report, NAME, milter, self.postfix.get("milter_default_action"), true);
        }
        Self::form(report, NAME, &milters);
        self.order(report, NAME, &milters, index, true);
        let classes = self.postfix.get("internal_mail_filter_classes").unwrap_or_default();
        if !classes.split([',', ' ']).any(|class| class == "bounce") {
            let help = "internal_mail_filter_classes = bounce in main.cf";
            report.add(
                "bounces-unsigned",
                Severity::Note,
                "internal_mail_filter_classes",
                "bounces leave unsigned",
                help,
            );
        }
        if report.0.len() == before {
            report.good(NAME, "Postfix asks mailward");
        }
    }

    /// Settings by which messages are changed on their way.
    fn mail_forms(&self, report: &mut Report) {
        let has = |list: Option<&str>, word: &str| {
            list.unwrap_or_default().split([',', ' ']).any(|item| item.eq_ignore_ascii_case(word))
        };
        for service in &self.postfix.services {
            let list = self.postfix.of(service, "smtpd_discard_ehlo_keywords");
            let place = place(service, "smtpd_discard_ehlo_keywords");
            if has(list, "8bitmime") {
                let message =
                    "without 8BITMIME, senders change their messages for us, and their signatures break";
                report.add("no-8bitmime", Severity::Warning, place, message, "take 8bitmime out of the list");
            } else if has(list, "smtputf8") {
                let message = "without SMTPUTF8, nobody with an address beyond ASCII can write to us";
                report.add("no-smtputf8", Severity::Note, place, message, "take smtputf8 out of the list");
            }
        }
        let list = self.postfix.get("smtp_discard_ehlo_keywords");
        if self.signs && has(list, "8bitmime") {
            let message = "mail goes out without 8BITMIME: Postfix changes it after it was signed";
            let help = "take 8bitmime out of the list, or say relays_take_8bit = false in the configuration";
            let known = !self.config.signing.eight_bit;
            if !known {
                report.add("no-8bitmime", Severity::Warning, "smtp_discard_ehlo_keywords", message, help);
            }
        }
        if self.postfix.get("smtputf8_enable") == Some("no") {
            let message = "nobody with an address beyond ASCII can write to us";
            report.add(
                "no-smtputf8",
                Severity::Note,
                "smtputf8_enable",
                message,
                "smtputf8_enable = yes in main.cf, as by default",
            );
        }
        let size = self.postfix.get("header_size_limit").and_then(|size| size.parse::<u64>().ok());
        if let Some(size) = size.filter(|size| (1..HEADER_SIZE).contains(size)) {
            let message = format!("{size}: what is longer is cut off, and signatures of it break");
            let help = format!("header_size_limit = {HEADER_SIZE} in main.cf, as by default");
            report.add("header-size", Severity::Warning, "header_size_limit", message, help);
        }
    }
}

fn place(service: &Service, name: &str) -> String {
    match service.settings.contains_key(name) {
        true => format!("master.cf: {}: {name}", service.name),
        false => format!("{}: {name}", service.name),
    }
}

/// A time as Postfix writes it, such as `30s`, in seconds; without a unit it is in seconds.
fn seconds(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests;
