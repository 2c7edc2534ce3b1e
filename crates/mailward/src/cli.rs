//! The command line: what can be asked, and how a question ends.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::command;

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
Exit codes:
  0  everything passed: each message passes DMARC, the record has no error
  1  something did not pass: a message has another DMARC result, the record has an error or is not there
  2  something could not be done: a wrong command line, a file that can't be read, no answer from the DNS";

const SIGN_EXIT_CODES: &str = "\
Exit codes:
  0  signed, with all keys that can be used
  1  not signed: the message went out as it came, and standard error says why
  2  nothing went out: a wrong command line, a key or file that can't be read, no usable key for mail that should be signed";

const INIT_EXIT_CODES: &str = "\
Exit codes:
  0  everything that is needed is there, written now or before
  2  something could not be done: a wrong command line, a file that can't be read or written";

const DOCTOR_EXIT_CODES: &str = "\
Exit codes:
  0  nothing is wrong; there may be warnings
  1  something is wrong
  2  nothing could be looked at: a wrong command line, a configuration with a mistake";

/// Says whether a mail comes from whom it claims, and why: SPF, DKIM, DMARC. Signs mail that goes out.
#[derive(Debug, Parser)]
#[command(name = "mailward", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge messages: does each come from whom it claims?
    #[command(after_help = EXIT_CODES)]
    Verify(command::verify::Args),
    /// SPF records: what a domain publishes, what it means, what is wrong with it
    #[command(subcommand, after_help = EXIT_CODES)]
    Spf(command::spf::Command),
    /// DKIM key records
    #[command(subcommand, after_help = EXIT_CODES)]
    Dkim(command::dkim::Command),
    /// ARC: what the handlers of a message saw, and to say what we saw
    #[command(subcommand)]
    Arc(command::arc::Command),
    /// DMARC records
    #[command(subcommand, after_help = EXIT_CODES)]
    Dmarc(command::dmarc::Command),
    /// Sign a message: from standard input to standard output, with its DKIM signatures on top
    #[command(after_help = SIGN_EXIT_CODES)]
    Sign(Box<command::sign::Args>),
    /// Signing keys: make them, list them, see whether they are published
    #[command(subcommand)]
    Keys(command::keys::Command),
    /// The configuration file: look for mistakes, print a sample
    #[command(subcommand)]
    Config(command::config::Command),
    /// Set up a site: configuration, keys, records to publish, lines for Postfix
    #[command(after_help = INIT_EXIT_CODES)]
    Init(command::init::Args),
    /// Look at an installation: Postfix, resolver, keys, sockets, rights, clock
    #[command(after_help = DOCTOR_EXIT_CODES)]
    Doctor(command::doctor::Args),
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
    /// Does what was asked.
    pub async fn run(self) -> Exit {
        match self.command {
            Command::Verify(args) => command::verify::run(args).await,
            Command::Spf(command) => command::spf::run(command).await,
            Command::Dkim(command) => command::dkim::run(command).await,
            Command::Arc(command) => command::arc::run(command).await,
            Command::Dmarc(command) => command::dmarc::run(command).await,
            Command::Sign(args) => command::sign::run(&args),
            Command::Keys(command) => command::keys::run(command).await,
            Command::Config(command) => command::config::run(&command),
            Command::Init(args) => command::init::run(&args).await,
            Command::Doctor(args) => command::doctor::run(&args).await,
        }
    }
}
