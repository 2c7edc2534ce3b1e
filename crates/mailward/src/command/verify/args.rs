//! The options of `mailward verify`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use mail::authres::AuthservId;
use mail::{Domain, UnixTime};
use verdict::{Settings, SpfCounts};

use crate::cli::DnsArgs;
use crate::input::envelope::parse_ip;
use crate::input::{Envelope, parse_time};

/// `mailward verify`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Messages: .eml files, mboxes, Maildirs, directories with all below them, or - for standard input.
    /// With a recording as --dns and no file, the recording's own messages
    #[arg(value_name = "FILE|DIR|-")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) dns: DnsArgs,

    /// The client's IP address
    #[arg(long, value_name = "ADDRESS", value_parser = parse_ip, help_heading = "Envelope")]
    ip: Option<IpAddr>,
    /// What the client said in HELO or EHLO
    #[arg(long, value_name = "NAME", help_heading = "Envelope")]
    helo: Option<String>,
    /// The argument of MAIL FROM; <> for the null sender
    #[arg(long, value_name = "PATH", help_heading = "Envelope")]
    mail_from: Option<String>,
    /// An argument of RCPT TO; may be given again
    #[arg(long, value_name = "PATH", help_heading = "Envelope")]
    rcpt: Vec<String>,
    /// The client asked for SMTPUTF8 (RFC 6531)
    #[arg(long, help_heading = "Envelope")]
    smtputf8: bool,
    /// The time at which the messages are judged: seconds since 1970, or 2026-05-01T12:00:00Z; otherwise that of the
    /// recording, or now
    #[arg(long, value_name = "T", value_parser = parse_time, help_heading = "Envelope")]
    now: Option<UnixTime>,
    /// A table of envelopes: file,ip,helo,mail_from,rcpt. Beside a message, NAME.envelope.toml is read without asking
    #[arg(long, value_name = "CSV", help_heading = "Envelope")]
    pub(super) envelopes: Option<PathBuf>,
    /// What nothing else says of the envelope, take from the topmost Received and Return-Path. Only for mail whose
    /// topmost fields your own server wrote
    #[arg(long, help_heading = "Envelope")]
    pub(super) trace: bool,

    /// The receiver's name in Authentication-Results [default: localhost]
    #[arg(long, value_name = "NAME", help_heading = "Receiver")]
    authserv_id: Option<Domain>,
    /// How policy records and organizational domains are found [default: tree-walk]
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Receiver")]
    discovery: Option<Discovery>,
    /// Which SPF passes DMARC counts [default: always]
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Receiver")]
    spf_counts: Option<Counts>,
    /// Where From has several domains, ask what each of them wants; the result is a permerror all the same
    #[arg(long, help_heading = "Receiver")]
    several_authors: bool,
    /// The signing domain of an ARC sealer that is believed where DMARC fails; may be given again
    #[arg(long, value_name = "DOMAIN", help_heading = "Receiver")]
    trusted_sealer: Vec<Domain>,

    /// Keep all that the verdicts rest on in one file; --dns FILE gives the same verdicts again. It holds the messages
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) record: Option<PathBuf>,
    /// One JSON object a line, by docs/verify.schema.json
    #[arg(long, help_heading = "Output")]
    pub(super) json: bool,
    /// Every step that led to a verdict. A single message is explained without asking
    #[arg(long, help_heading = "Output")]
    pub(super) explain: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Discovery {
    /// The DNS tree walk of RFC 9989
    TreeWalk,
    /// The public suffix list, as in RFC 7489
    SuffixList,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Counts {
    /// Every aligned one, as in RFC 9989
    Always,
    /// All but those of records that let everybody pass (+all)
    UnlessPermissive,
    /// None: a message has to be signed
    Never,
}

impl Args {
    /// What the options say about the envelope of every message.
    pub(super) fn envelope(&self) -> Envelope {
        let bytes = |text: &String| text.clone().into_bytes();
        Envelope {
            ip: self.ip,
            helo: self.helo.as_ref().map(bytes),
            mail_from: self.mail_from.as_ref().map(bytes),
            rcpt: self.rcpt.iter().map(bytes).collect(),
            now: self.now,
            smtputf8: self.smtputf8,
        }
    }

    /// The settings of a recording, or the defaults, with what the options say instead.
    pub(super) fn settings(&self, recorded: Option<&Settings>) -> Settings {
        let mut settings = recorded.cloned().unwrap_or_default();
        if let Some(name) = &self.authserv_id {
            settings.authserv_id = AuthservId::from(name.clone());
        }
        if let Some(discovery) = self.discovery {
            settings.discovery = match discovery {
                Discovery::TreeWalk => dmarc::Method::TreeWalk,
                Discovery::SuffixList => dmarc::Method::SuffixList,
            };
        }
        if let Some(counts) = self.spf_counts {
            settings.spf_counts = match counts {
                Counts::Always => SpfCounts::Always,
                Counts::UnlessPermissive => SpfCounts::UnlessPermissive,
                Counts::Never => SpfCounts::Never,
            };
        }
        settings.evaluate_several_authors |= self.several_authors;
        if !self.trusted_sealer.is_empty() {
            settings.trusted_sealers = self.trusted_sealer.iter().cloned().collect();
        }
        settings
    }
}
