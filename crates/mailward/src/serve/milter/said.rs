//! What is said of an inbound message, to the MTA and in the log.

use mail::authres::find::Claim;
use mail::{Domain, Helo, ReversePath, UnixTime};
use milter::{Actions, Agreed, EditError, Edits, End, Verdict as LastWord};
use verdict::local::{Disposition, Marking, Mode, Recipients};
use verdict::upstream::Upstream;
use verdict::{Envelope, Verdict};

use super::inbound::Done;
use super::sealing::Seal;
use super::{About, answer};
use crate::serve::log::Line;
use crate::serve::site::Site;

/// Most signatures that a line of the log shows.
const SHOWN: usize = 5;

/// What is said to the MTA about a message that was judged.
pub(super) fn said(site: &Site, done: &Done, removed: &[Claim], agreed: &Agreed) -> Result<End, EditError> {
    let Done { verdict, decision, envelope, seal, .. } = done;
    let mut edits = Edits::default();
    match decision.disposition() {
        Disposition::Refuse(reply) | Disposition::Defer(reply) => {
            return Ok(answer::reply(reply).into());
        }
        Disposition::Quarantine { hold: true } if agreed.allows(Actions::QUARANTINE) => {
            edits.quarantine(&decision.to_string());
        }
        Disposition::Accept | Disposition::Mark | Disposition::Quarantine { .. } => {}
    }
    answer::remove(&mut edits, removed)?;
    if let Seal::Set(set) = seal {
        // The first comes out on top; the seal is put there last.
        let fields: Vec<_> = set.fields().collect();
        for (name, value) in fields.into_iter().rev() {
            edits.insert(0, name.as_bytes(), value.as_bytes())?;
        }
    }
    answer::results(&mut edits, verdict.authentication_results())?;
    if site.received_spf
        && let Some(value) = received_spf(verdict, envelope, site)
    {
        edits.insert(0, b"Received-SPF", value.as_bytes())?;
    }
    if let Some(marking) = Marking::of(decision, verdict)
        && (site.mark_all || decision.rule().is_some())
    {
        edits.insert(0, site.policy.marking.as_str().as_bytes(), marking.to_string().as_bytes())?;
    }
    Ok(End { edits, verdict: LastWord::Accept })
}

/// The value of Received-SPF for MAIL FROM.
fn received_spf(verdict: &Verdict, envelope: &Envelope, site: &Site) -> Option<String> {
    let check = verdict.spf().mail_from.as_ref()?;
    let path = ReversePath::parse(envelope.mail_from.as_ref()?, envelope.smtputf8);
    let helo = envelope.helo.as_deref().map_or_else(|| Helo::Other(Vec::new()), Helo::parse);
    let receiver = site.settings.authserv_id.as_str();
    // The field says no time.
    let client = spf::Client { ip: envelope.client?, helo: &helo, receiver, now: UnixTime(0) };
    spf::received_spf(check, &client, &path).strip_prefix("Received-SPF: ").map(str::to_owned)
}

/// What is said of a message that could not be judged: what the mode promises. `author` is its author domain, `None` where
/// not even that is known.
pub(super) fn unchecked(
    site: &Site,
    about: &About,
    author: Option<&Option<Domain>>,
    recipients: &Recipients,
    removed: &[Claim],
    why: &str,
) -> (End, &'static str) {
    let modes = &site.policy.modes;
    let of_author = author.and_then(Option::as_ref);
    let accepts = modes.ceiling(about.mode, of_author, recipients).accepts_unchecked()
        // Nobody knows which mode the author would have had.
        && (author.is_some() || modes.authors.iter().all(|(_, mode)| *mode == Mode::Observe));
    let tagged = || {
        let mut edits = Edits::default();
        answer::remove(&mut edits, removed)?;
        answer::results(&mut edits, &answer::unknown(&site.settings.authserv_id, why))?;
        Ok::<_, EditError>(edits)
    };
    match accepts.then(tagged) {
        Some(Ok(edits)) => (End { edits, verdict: LastWord::Accept }, "accept"),
        // What claims to be ours can't be removed, so it can't come in.
        Some(Err(_)) | None => (answer::later("The message could not be checked; try again later"), "defer"),
    }
}

/// What the log says of a message that was judged.
pub(super) fn describe(line: Line, done: &Done) -> Line {
    let Done { verdict, decision, upstream, copies, seal, .. } = done;
    let spf = verdict.spf().mail_from.as_ref();
    let dkim: Vec<String> = verdict.dkim().iter().take(SHOWN).map(signature).collect();
    let line = match upstream {
        Upstream::Client => line,
        behind => line.show("upstream", behind),
    };
    let line = line
        .maybe("sender", spf.and_then(spf::Check::domain))
        .maybe("author", verdict.dmarc().author_domain())
        .maybe("spf", spf.map(spf::Check::outcome))
        .text("dkim", if dkim.is_empty() { "none".to_owned() } else { dkim.join(",") })
        .show("arc", verdict.arc().outcome())
        .show("dmarc", verdict.dmarc().outcome())
        .show("disposition", decision.disposition().action())
        .maybe("rule", decision.rule())
        .show("reason", decision);
    let age = verdict.dkim().iter().find_map(|check| verdict.signature_age(check));
    let line = age.into_iter().fold(line, |line, age| line.number("signature_age", age));
    let line = line.maybe("recipients_named", verdict.recipients_named());
    let copies = copies.filter(|copies| *copies > 1);
    let line = copies.into_iter().fold(line, |line, copies| line.number("copies", copies.into()));
    match seal {
        Seal::NotWanted => line,
        Seal::Set(_) => line.text("sealed", "yes"),
        Seal::Left(why) => line.text("sealed", "no").text("unsealed", why),
        Seal::Alarm(why) => line.text("sealed", "no").text("alarm", why),
    }
}

fn signature(check: &dkim::Check) -> String {
    let domain = check.domain().map(ToString::to_string).unwrap_or_default();
    format!("{}:{domain}", check.outcome())
}
