//! `mailward spf check`: findings alone, or the result for one client with its story.

use std::net::IpAddr;

use mail::{Domain, Helo, PathDomain, ReversePath, printable};
use spf::{Check, Client, Limits, Outcome};

use super::CheckArgs;
use super::json::{CheckJson, SpfJson};
use super::look::{Look, NOWHERE};
use crate::cli::Exit;
use crate::command::record::{Page, exit};
use crate::input::{InputError, now};

pub(super) async fn run(args: &CheckArgs) -> Result<Exit, InputError> {
    let path = args.mail_from.as_ref().map(|raw| ReversePath::parse(raw.as_bytes(), true));
    let sender = path.as_ref().and_then(ReversePath::domain).cloned();
    let look = Look::at(&args.subject, sender).await?;
    match args.ip {
        None => {
            check_record(args, &look)?;
            look.unanswered().map_or(Ok(exit(look.is_valid())), Err)
        }
        Some(ip) => check_client(args, &look, ip, path).await,
    }
}

fn check_record(args: &CheckArgs, look: &Look) -> Result<(), InputError> {
    if args.subject.json {
        return Page::print_json(&SpfJson::new(look, None));
    }
    let mut page = Page::default();
    look.head(&mut page);
    if let Some(tree) = &look.tree {
        let at_least = if tree.has_unknown { "at least " } else { "" };
        page.line(format_args!("DNS look-ups: {at_least}{} of {}.", tree.lookups, tree.max_lookups));
    }
    look.foot(&mut page);
    page.print();
    Ok(())
}

async fn check_client(
    args: &CheckArgs,
    look: &Look,
    ip: IpAddr,
    path: Option<ReversePath>,
) -> Result<Exit, InputError> {
    let helo = match &args.helo {
        Some(raw) => Helo::parse(raw.as_bytes()),
        None => Helo::Name(look.at.clone()),
    };
    let path = sender(&look.at, path, &helo, args)?;
    let client = Client { ip, helo: &helo, receiver: "unknown", now: now() };
    let check = spf::check_mail_from(&look.asked(), &client, &path, &Limits::default(), None).await;
    if args.subject.json {
        Page::print_json(&SpfJson::new(look, Some(CheckJson::new(&check, ip, &path))))?;
    } else {
        let mut page = Page::default();
        look.head(&mut page);
        tell(&mut page, look, &check, ip, &path);
        page.print();
    }
    Ok(match check.outcome() {
        Outcome::Pass => Exit::Pass,
        Outcome::TempError => Exit::Error,
        Outcome::None | Outcome::Neutral | Outcome::Fail | Outcome::SoftFail | Outcome::PermError => {
            Exit::Fail
        }
    })
}

/// The path that is checked: always one of the record's own domain, so that it is this record that is judged.
fn sender(
    at: &Domain,
    path: Option<ReversePath>,
    helo: &Helo,
    args: &CheckArgs,
) -> Result<ReversePath, InputError> {
    let path = path.unwrap_or_else(|| ReversePath::Mailbox {
        local: b"postmaster".to_vec(),
        domain: PathDomain::Name(at.clone()),
    });
    // RFC 7208 §2.4: for the null sender it is the name in HELO that is judged.
    let judged = match &path {
        ReversePath::Null => helo.name(),
        ReversePath::Mailbox { .. } | ReversePath::Invalid(_) => path.domain(),
    };
    if judged == Some(at) {
        return Ok(path);
    }
    let given = |option: Option<&String>| option.map(printable).unwrap_or_default();
    Err(match (&path, judged) {
        (ReversePath::Null, _) => InputError::new(
            "--helo",
            format!("for the sender <> it is HELO that is judged, and that is not {at}"),
        )
        .with_help(format!("say --helo {at}, or name a sender")),
        (_, Some(_)) => {
            let given = given(args.mail_from.as_ref());
            InputError::new("--mail-from", format!("{given} is not of {at}, whose record is checked"))
                .with_help("name the domain of the sender as DOMAIN")
        }
        (_, None) => {
            let given = given(args.mail_from.as_ref());
            InputError::new("--mail-from", format!("{given} is no address with a domain"))
                .with_help(format!("write bob@{at}"))
        }
    })
}

fn tell(page: &mut Page, look: &Look, check: &Check, ip: IpAddr, path: &ReversePath) {
    if look.domain.is_none() && check.domain().is_some() {
        page.line(format_args!("It is checked as if it were the record of {}.", look.at));
        if look.at.as_str() == NOWHERE {
            page.line(
                "To say whose record it is, name a sender with --mail-from, or paste the whole zone line.",
            );
        }
        page.gap();
    }
    if look.text.as_ref().is_some_and(|text| !text.is_valid()) && look.record.is_some() {
        page.line("It has an error (see `mailward spf show`) and is checked as it was meant.");
    }
    let who = format!("{ip} as {path}");
    page.result(who, check.outcome().as_str(), check.reason());
    page.gap();
    page.steps(check.steps().iter().map(|step| step as &dyn mail::Explain));
    if let Some(explanation) = check.explanation() {
        page.line(format_args!("{} says: {}", explanation.domain(), printable(explanation.text())));
    }
}

impl CheckJson {
    fn new(check: &Check, ip: IpAddr, path: &ReversePath) -> Self {
        Self {
            result: check.outcome().as_str(),
            reason: check.reason().to_string(),
            ip: ip.to_string(),
            mail_from: path.to_string(),
            domain: check.domain().map(ToString::to_string),
            matched_domain: check.matched().map(|matched| matched.place.record.domain.to_string()),
            matched_term: check.matched().map(|matched| matched.place.text()),
            explanation: check.explanation().map(|words| printable(words.text())),
            lookups: check.lookups(),
        }
    }
}
