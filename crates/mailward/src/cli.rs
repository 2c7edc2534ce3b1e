//! The command line: what can be asked, and how a question ends.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::runtime::Builder;

use crate::command;
use crate::show;

/// How a command ended; the documentation of exit codes in `--help` says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything passed, or is in order.
    Pass,
    /// Something did not pass, or is not in order.
    Fail,
    /// Something could not be done: a bad command line, a file that can't be read, no answer.
    Error,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Pass => 0,
            Exit::Fail => 1,
            Exit::Error => 2,
        })
    }
}

const EXIT_CODES: &str = "\
Exit codes, of each command in its own --help:
  0  everything passed, is in order, or was done
  1  something did not pass, is not in order, or is not there
  2  something could not be done: a wrong command line, a file that can't be read, no answer from the DNS
Each ends with 2 where standard output can't be written, and with 141 and no word where nobody reads it any more (a closed pipe).";

const VERIFY_EXIT_CODES: &str = "\
Exit codes:
  0  each message passes DMARC
  1  a message has another DMARC result
  2  something could not be done: a wrong command line, a file that can't be read";

const SIGN_EXIT_CODES: &str = "\
Exit codes:
  0  signed, with all keys that can be used
  1  not signed: the message went out as it came, and standard error says why
  2  nothing went out: a wrong command line, a key or file that can't be read, no usable key for mail that should be signed";

const TLS_POLICY_EXIT_CODES: &str = "\
Exit codes:
  0  mail to the domain goes out, as it is said; with --forget, its policy was forgotten
  1  mail to the domain is deferred; with --forget, none was kept
  2  something could not be done: a wrong command line, a configuration or database that can't be read";

const INIT_EXIT_CODES: &str = "\
Exit codes:
  0  everything that is needed is there, written now or before
  2  something could not be done: a wrong command line, a file that can't be read or written";

const RELOAD_EXIT_CODES: &str = "\
Exit codes:
  0  the configuration has taken over
  1  it was refused, and what was in force stays
  2  nobody could be told: no daemon serves, or it gives no answer";

const DOCTOR_EXIT_CODES: &str = "\
Exit codes:
  0  nothing is wrong; there may be warnings
  1  something is wrong
  2  nothing could be looked at: a wrong command line, a configuration with a mistake";

const SHADOW_EXIT_CODES: &str = "\
Exit codes:
  0  it was looked at, whatever there is
  2  nothing could be looked at: a wrong command line, a configuration with a mistake, no database";

/// Says whether a mail comes from whom it claims, and why: SPF, DKIM, ARC, DMARC. Signs mail that goes out, and says how it must be
/// encrypted: MTA-STS, DANE.
#[derive(Debug, Parser)]
#[command(name = "mailward", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve beside a mail server: check what comes in, sign what goes out (milter)
    Serve(command::serve::Args),
    /// Have the daemon read its configuration and keys again
    #[command(after_help = RELOAD_EXIT_CODES)]
    Reload(command::reload::Args),
    #[command(flatten)]
    Once(Box<Once>),
}

/// What ends by itself.
#[derive(Debug, Subcommand)]
enum Once {
    /// Judge messages: does each come from whom it claims?
    #[command(after_help = VERIFY_EXIT_CODES)]
    Verify(command::verify::Args),
    /// SPF records: what a domain publishes, what it means, what is wrong with it
    #[command(subcommand)]
    Spf(command::spf::Command),
    /// DKIM key records: what a key is, what is wrong with its record
    #[command(subcommand)]
    Dkim(command::dkim::Command),
    /// ARC: what the handlers of a message saw, and to say what we saw
    #[command(subcommand)]
    Arc(command::arc::Command),
    /// DMARC records: which applies to a domain, what it asks for, what is wrong with it
    #[command(subcommand)]
    Dmarc(command::dmarc::Command),
    /// Sign a message: from standard input to standard output, with its DKIM signatures on top
    #[command(after_help = SIGN_EXIT_CODES)]
    Sign(Box<command::sign::Args>),
    /// Signing keys: make them, list them, see whether they are published
    #[command(subcommand)]
    Keys(command::keys::Command),
    /// How mail to a domain must be encrypted, and why: MTA-STS and DANE
    #[command(after_help = TLS_POLICY_EXIT_CODES)]
    TlsPolicy(command::tls_policy::Args),
    /// The configuration file: look for mistakes, print a sample
    #[command(subcommand)]
    Config(command::config::Command),
    /// Set up a site: configuration, keys, records to publish, lines for Postfix
    #[command(after_help = INIT_EXIT_CODES)]
    Init(command::init::Args),
    /// Look at an installation: Postfix, resolver, keys, sockets, rights, clock
    #[command(after_help = DOCTOR_EXIT_CODES)]
    Doctor(command::doctor::Args),
    /// What another mode would have done with the mail of the last days, by the database of `mailward serve`
    #[command(after_help = SHADOW_EXIT_CODES)]
    Shadow(command::shadow::Args),
}

/// Whom to ask.
#[derive(Debug, Args)]
pub struct DnsArgs {
    /// Who answers DNS questions: a server (192.0.2.53, 192.0.2.53:5353, tls://192.0.2.53), a zone file, or a recording
    /// made with --record; otherwise the system's resolver
    #[arg(long, value_name = "SERVER|ZONEFILE|RECORDING")]
    pub dns: Option<String>,
    /// Records that are laid over the others, as if they were published
    #[arg(long, value_name = "ZONEFILE")]
    pub overlay: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked, in a process that has no threads yet.
    pub fn run(self) -> Exit {
        match self.command {
            // It gives up rights before it starts threads.
            Command::Serve(args) => command::serve::run(&args),
            Command::Reload(args) => command::reload::run(&args),
            Command::Once(once) => match Builder::new_multi_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(once.run()),
                Err(error) => {
                    show::say(format_args!("mailward: the program can't start its threads: {error}"));
                    Exit::Error
                }
            },
        }
    }
}

impl Once {
    async fn run(self) -> Exit {
        match self {
            Self::Verify(args) => command::verify::run(args).await,
            Self::Spf(command) => command::spf::run(command).await,
            Self::Dkim(command) => command::dkim::run(command).await,
            Self::Arc(command) => command::arc::run(command).await,
            Self::Dmarc(command) => command::dmarc::run(command).await,
            Self::Sign(args) => command::sign::run(&args),
            Self::Keys(command) => command::keys::run(command).await,
            Self::TlsPolicy(args) => command::tls_policy::run(&args).await,
            Self::Config(command) => command::config::run(&command),
            Self::Init(args) => command::init::run(&args).await,
            Self::Doctor(args) => command::doctor::run(&args).await,
            Self::Shadow(args) => command::shadow::run(&args).await,
        }
    }
}
