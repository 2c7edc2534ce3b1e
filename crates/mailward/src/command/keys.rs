//! `mailward keys`: signing keys as files, and what the DNS publishes of them.

mod check;
mod json;
mod list;
mod new;
mod published;
mod servers;

use std::path::PathBuf;

use mail::Domain;

use super::record::{domain, end};
use crate::cli::Exit;
use crate::config::Config;
use crate::input::InputError;
use crate::keys::ring::Ring;

pub(super) use self::check::{Checked, see_all};
#[cfg(test)]
pub(super) use self::json::{CheckJson, ListJson, NewJson};
pub(super) use self::json::{FaultJson, KeyJson};

const EXIT_CODES: &str = "\
Exit codes:
  0  all keys are in order
  1  a key can't be used, or is not published as it should be
  2  something could not be done: a wrong command line, a file that can't be read or written, no answer from the DNS";

const NEW_EXIT_CODES: &str = "\
Exit codes:
  0  the keys are made
  2  no key was made: a wrong command line, a file that is there already or can't be written";

/// `mailward keys`
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make keys for a domain, and print the records to publish
    #[command(after_help = NEW_EXIT_CODES)]
    New(new::Args),
    /// The keys on the disk: what each is, how old, what is wrong with it
    #[command(after_help = EXIT_CODES)]
    List(list::Args),
    /// Compare the keys on the disk with what each name server of their zone publishes
    #[command(after_help = EXIT_CODES)]
    Check(check::Args),
}

/// Which keys.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Only the keys of these domains
    #[arg(value_name = "DOMAIN")]
    domains: Vec<String>,
    /// A directory of keys, DOMAIN/SELECTOR.pem, in place of those of the configuration
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    keys: Option<PathBuf>,
    /// The configuration that names the keys [default: /etc/mailward/mailward.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Which {
    /// Reads the keys, and what was said of directories.
    fn read(&self) -> Result<Ring, InputError> {
        let domains: Vec<Domain> = self.domains.iter().map(|text| domain(text)).collect::<Result<_, _>>()?;
        let mut ring = match &self.keys {
            Some(directory) => Ring::of_directory(directory)?,
            None => Ring::read(&Config::load(self.config.as_deref())?.0.signing),
        };
        if !domains.is_empty() {
            ring.keys.retain(|key| domains.contains(&key.domain));
            let lacks = |domain: &&Domain| ring.keys.iter().all(|key| key.domain != **domain);
            if let Some(domain) = domains.iter().find(lacks) {
                return Err(InputError::new(domain.as_str(), "there is no key of this domain")
                    .with_help(format!("make keys with: mailward keys new {domain}")));
            }
        }
        Ok(ring)
    }
}

/// Runs the command.
pub async fn run(command: Command) -> Exit {
    end(match command {
        Command::New(args) => new::run(&args),
        Command::List(args) => list::run(&args),
        Command::Check(args) => check::run(&args).await,
    })
}
