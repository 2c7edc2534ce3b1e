//! `mailward spf`: what an SPF record says, what it costs, and whom it lets pass.

mod check;
mod json;
mod look;
mod tree;
mod words;

use std::net::IpAddr;

use self::look::Look;
use super::record::{Page, end, exit};
use crate::cli::{DnsArgs, Exit};
use crate::input::InputError;
use crate::input::envelope::parse_ip;

#[cfg(test)]
pub(super) use self::json::SpfJson;

const SHOW_EXIT: &str = "\
Exit codes:
  0  the record has no error
  1  the record has an error, or is not there
  2  something could not be done: a wrong command line, a file that can't be read, no answer from the DNS";

const CHECK_EXIT: &str = "\
Exit codes:
  0  the record has no error; with --ip: the client passes
  1  the record has an error, or is not there; with --ip: the client does not pass
  2  something could not be done: a wrong command line, a file that can't be read, no answer from the DNS";

/// `mailward spf`
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The record term by term: what each means, what it refers to, how many look-ups it costs
    #[command(after_help = SHOW_EXIT, override_usage = "mailward spf show [OPTIONS] <DOMAIN|RECORD|FILE>")]
    Show(Subject),
    /// What is wrong with the record; with --ip, whether that client passes, and why
    #[command(after_help = CHECK_EXIT, override_usage = "mailward spf check [OPTIONS] <DOMAIN|RECORD|FILE>")]
    Check(CheckArgs),
}

/// What record is meant, whom to ask and how to say it.
#[derive(Debug, clap::Args)]
pub struct Subject {
    /// A domain; a record or a whole zone line, in single quotes; a file with one of those; or - for standard input
    #[arg(value_name = "DOMAIN|RECORD|FILE", required = true, num_args = 1..)]
    what: Vec<String>,
    #[command(flatten)]
    dns: DnsArgs,
    /// One JSON object, by docs/records.schema.json
    #[arg(long)]
    json: bool,
}

/// `mailward spf check`
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    #[command(flatten)]
    subject: Subject,
    /// The client's IP address: would it pass?
    #[arg(long, value_name = "ADDRESS", value_parser = parse_ip)]
    ip: Option<IpAddr>,
    /// The sender, of this domain [default: postmaster@DOMAIN]
    #[arg(long, value_name = "PATH", requires = "ip")]
    mail_from: Option<String>,
    /// What the client said in HELO or EHLO [default: the domain]
    #[arg(long, value_name = "NAME", requires = "ip")]
    helo: Option<String>,
}

/// Runs the command.
pub async fn run(command: Command) -> Exit {
    end(match command {
        Command::Show(subject) => show(&subject).await,
        Command::Check(args) => check::run(&args).await,
    })
}

async fn show(subject: &Subject) -> Result<Exit, InputError> {
    let look = Look::at(subject, None).await?;
    if subject.json {
        Page::print_json(&json::SpfJson::new(&look, None))?;
    } else {
        let mut page = Page::default();
        look.head(&mut page);
        if let Some(tree) = &look.tree {
            tree::show(&mut page, tree);
        }
        look.foot(&mut page);
        page.print();
    }
    look.unanswered().map_or(Ok(exit(look.is_valid())), Err)
}
