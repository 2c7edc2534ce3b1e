//! The options of `mailward sign`, and who signs by them.

use std::net::IpAddr;
use std::path::PathBuf;

use dkim::{Options, Request, Selector};
use mail::{Header, printable};
use verdict::outbound::{Decision, Outgoing, SigningTable};

use super::Made;
use super::report::Report;
use crate::command::record::domain;
use crate::config::Config;
use crate::config::signing::{OnFailure, adapts, canonicalization, duration};
use crate::input::InputError;
use crate::input::envelope::parse_ip;
use crate::input::error::shown;
use crate::keys::file::KeyFile;
use crate::keys::ring::{Ring, SiteKey};

/// `mailward sign`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A key to sign with; may be given again, with a selector for each
    #[arg(
        long,
        value_name = "FILE",
        requires = "domain",
        requires = "selector",
        help_heading = "Keys by name"
    )]
    key: Vec<PathBuf>,
    /// The signing domain (d=): one for all keys, or one for each
    #[arg(long, value_name = "DOMAIN", requires = "key", help_heading = "Keys by name")]
    domain: Vec<String>,
    /// The selector (s=) of each key
    #[arg(long, value_name = "SELECTOR", requires = "key", help_heading = "Keys by name")]
    selector: Vec<String>,
    /// How header and body may change on the way without harm (c=) [default: relaxed/relaxed]
    #[arg(long, value_name = "C", requires = "key", help_heading = "Keys by name")]
    canonicalization: Option<String>,
    /// For how long the signatures are valid (x=), such as 14d [default: for ever]
    #[arg(long, value_name = "TIME", requires = "key", help_heading = "Keys by name")]
    expires_after: Option<String>,
    /// Copy the signed fields into the signatures (z=), for those who look for what was changed on the way
    #[arg(long, requires = "key", help_heading = "Keys by name")]
    copy_fields: bool,

    /// The configuration that says who signs for whom [default: /etc/mailward/mailward.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "key", help_heading = "Keys by the signing table")]
    config: Option<PathBuf>,
    /// As whom the sender is authenticated
    #[arg(long, value_name = "NAME", conflicts_with = "key", help_heading = "Keys by the signing table")]
    user: Option<String>,
    /// The client's IP address
    #[arg(long, value_name = "ADDRESS", value_parser = parse_ip, conflicts_with = "key", help_heading = "Keys by the signing table")]
    client: Option<IpAddr>,
    /// On which listener the message came in
    #[arg(long, value_name = "NAME", conflicts_with = "key", help_heading = "Keys by the signing table")]
    listener: Option<String>,

    /// What becomes of the message if a signature just made does not verify [default: as configured, else refuse]
    #[arg(long, value_enum, value_name = "WHAT")]
    on_failure: Option<OnFailure>,
    /// What to do about mail that relays will change: warn only, or adapt the signatures to survive more [default: as
    /// configured, else warn]
    #[arg(long, value_name = "warn|adapt", value_parser = adapts)]
    fragile_mail: Option<bool>,
    /// Whether all relays that the message goes to next take 8BITMIME [default: as configured, else true]
    #[arg(long, value_name = "true|false", hide_possible_values = true)]
    relays_take_8bit: Option<bool>,
    /// Say on standard error why the message is signed, or is not
    #[arg(long)]
    pub(super) explain: bool,
    /// What is said on standard error is one JSON object, by docs/signing.schema.json
    #[arg(long)]
    pub(super) json: bool,
}

/// Who signs.
pub(super) struct Signer {
    who: Who,
    /// Whether own signatures are checked, and what becomes of a message whose own fails.
    pub(super) self_check: Option<OnFailure>,
    /// Whether fragile messages are signed in a form that survives more.
    pub(super) adapts: bool,
    /// Whether the next relays take bytes beyond ASCII.
    pub(super) eight_bit: bool,
}

enum Who {
    /// These, whoever the author is.
    Named(Vec<Request>),
    Table(SigningTable),
}

impl Args {
    pub(super) fn signer(&self, report: &mut Report) -> Result<Signer, InputError> {
        if self.key.is_empty() {
            return self.by_table(report);
        }
        let self_check = Some(self.on_failure.unwrap_or_default());
        Ok(Signer {
            who: Who::Named(self.named()?),
            self_check,
            adapts: self.fragile_mail.unwrap_or_default(),
            eight_bit: self.relays_take_8bit.unwrap_or(true),
        })
    }

    fn by_table(&self, report: &mut Report) -> Result<Signer, InputError> {
        let signing = Config::load(self.config.as_deref())?.0.signing;
        let ring = Ring::read(&signing);
        report.faults.extend(ring.keys.iter().filter_map(SiteKey::error));
        report.faults.extend(ring.errors.iter().cloned());
        if ring.is_unreadable {
            return Err(InputError::new(
                "sign",
                "without the directory of keys, nobody knows what should be signed",
            ));
        }
        let failure = self.on_failure.unwrap_or(signing.self_check_failure);
        Ok(Signer {
            who: Who::Table(ring.table(&signing)),
            self_check: (signing.self_check_every > 0).then_some(failure),
            adapts: self.fragile_mail.unwrap_or(signing.adapts),
            eight_bit: self.relays_take_8bit.unwrap_or(signing.eight_bit),
        })
    }

    /// The keys that are named one by one.
    fn named(&self) -> Result<Vec<Request>, InputError> {
        if self.selector.len() != self.key.len() {
            let help = "a selector for each key: --key A --selector a --key B --selector b";
            return Err(
                InputError::new("--selector", "there are not as many selectors as keys").with_help(help)
            );
        }
        if self.domain.len() != 1 && self.domain.len() != self.key.len() {
            return Err(InputError::new("--domain", "name one domain for all keys, or one for each"));
        }
        let options = self.options()?;
        let domains =
            self.domain.iter().chain(std::iter::repeat_n(self.domain.as_slice(), self.key.len()).flatten());
        let all = self.key.iter().zip(&self.selector).zip(domains);
        all.map(|((path, selector), name)| {
            let domain = domain(name)?;
            let selector = Selector::parse(selector).map_err(|why| {
                InputError::new("--selector", format!("{}: no selector: {why}", printable(selector)))
            })?;
            let file = KeyFile::read(path);
            let key = match file.usable() {
                Ok(key) => key.clone(),
                Err(_) => {
                    let site = SiteKey { domain, selector, file };
                    return Err(site.error().unwrap_or_else(|| InputError::new(shown(path), "no key")));
                }
            };
            Request::new(domain, selector, key, options.clone())
                .map_err(|fault| InputError::new(printable(name.as_bytes()), fault.to_string()))
        })
        .collect()
    }

    fn options(&self) -> Result<Options, InputError> {
        let mut options = Options { copy_fields: self.copy_fields, ..Options::default() };
        let wrong = |option: &str, why: &str| InputError::new(option, why);
        if let Some(text) = &self.canonicalization {
            let canon = canonicalization(text).map_err(|why| wrong("--canonicalization", why))?;
            (options.header_canon, options.body_canon) = canon;
        }
        if let Some(text) = &self.expires_after {
            options.expires_after = Some(duration(text).map_err(|why| wrong("--expires-after", why))?);
        }
        Ok(options)
    }
}

impl Signer {
    /// The signatures to make for the message with this header, or what becomes of it without any.
    pub(super) fn requests(
        &self,
        header: &Header,
        args: &Args,
        report: &mut Report,
    ) -> Result<Vec<Request>, Made> {
        let table = match &self.who {
            Who::Named(requests) => return Ok(requests.clone()),
            Who::Table(table) => table,
        };
        let plan = table.plan(&Outgoing {
            client: args.client,
            user: args.user.as_deref().map(str::as_bytes),
            listener: args.listener.as_deref(),
            header,
        });
        let decision = plan.decision();
        if decision != Decision::Sign {
            report.not_signed.extend(plan.faults().map(ToString::to_string));
            if report.not_signed.is_empty() {
                let hint = if args.explain { "" } else { "; --explain says why" };
                report.not_signed.push(format!("no rule is for it{hint}"));
            }
        }
        report.steps = plan.steps;
        match decision {
            Decision::Sign => Ok(plan.requests),
            Decision::Leave => Err(Made::Unsigned),
            Decision::NoUsableKey => {
                Err(Made::Refused("it should be signed, and none of the keys for it can be used".to_owned()))
            }
        }
    }
}
