//! One message, from its sender to the last word about it. All of it is new for each.

use std::sync::Arc;
use std::time::Instant;

use dns::Dns;
use mail::Header;
use mail::authres::find::{Claims, is_own};
use mail::header::MAX_HEADER;
use milter::edits::MAX_EDITS;
use milter::wire::Strings;
use milter::{Answer, Context, EditError, End, Message, Piece, SmtpReply, Verdict};
use verdict::direction::Direction;
use verdict::local::{Recipients, is_removed};

use super::About;
use super::answer;
use super::inbound::{Came, Judging, Known};
use super::outbound::Signing;
use crate::serve::metrics::Trouble;
use crate::serve::room::Taken;
use crate::serve::shared::Shared;
use crate::serve::site::Site;

/// What is set aside for a header; most are shorter.
const HEADER: usize = 4 << 10;
/// Most recipients that are remembered, to see whether the header names them. Nothing is decided by it.
const MAX_RECIPIENTS: usize = 20;

/// A message that is coming in.
pub struct Incoming<D> {
    shared: Arc<Shared<D>>,
    site: Arc<Site>,
    about: About,
    recipients: Recipients,
    rcpt_to: Option<Vec<Vec<u8>>>,
    /// Whether it leaves again, so that it is sealed.
    leaves: bool,
    /// The header as it was on the wire; what is beyond [`MAX_HEADER`] is not kept, but looked at.
    raw: Vec<u8>,
    room: Taken,
    /// Fields that are removed.
    claims: Claims,
    work: Work,
}

/// What is being done with it.
enum Work {
    /// Nothing yet, or nothing at all.
    None,
    /// It is put off with this, as soon as the MTA waits for an answer again.
    PutOff(Verdict),
    Judging(Judging),
    Signing(Signing),
}

impl<D: Dns + Clone + Send + Sync + 'static> Incoming<D> {
    pub(super) fn new(shared: Arc<Shared<D>>, site: Arc<Site>, about: About) -> Self {
        let leaves =
            site.sealing.as_ref().is_some_and(|(forwarded, _)| forwarded.by_listener(&about.listener));
        let room = shared.room.message();
        Self {
            shared,
            site,
            about,
            recipients: Recipients::none(),
            rcpt_to: Some(Vec::new()),
            leaves,
            raw: Vec::new(),
            room,
            claims: Claims::default(),
            work: Work::None,
        }
    }

    /// Nothing of it is kept any more. That is said when the MTA waits for an answer again, at its body.
    fn put_off(&mut self, trouble: Trouble, why: &str, reply: Verdict) {
        self.raw = Vec::new();
        self.claims = Claims::default();
        self.room = self.shared.room.message();
        self.work = Work::PutOff(reply);
        self.shared.ground.metrics.trouble(trouble);
        let line = self.about.line(None).text("disposition", "defer");
        self.shared.ground.log.trouble("put-off", line.text("trouble", why));
    }
}

/// RFC 3463 §3.4: system not accepting network messages.
fn no_room() -> Verdict {
    let later = SmtpReply::new(452, (3, 2), "Too much mail at once; try again later");
    later.map_or(Verdict::Tempfail, Verdict::Refuse)
}

impl<D: Dns + Clone + Send + Sync + 'static> Message for Incoming<D> {
    async fn rcpt(&mut self, arguments: Strings<'_>, _: Context<'_>) -> Answer {
        let path = arguments.first();
        self.recipients.add(path, self.about.smtputf8, &self.site.policy.modes);
        let smtputf8 = self.about.smtputf8;
        self.leaves |= self.site.sealing.as_ref().is_some_and(|(forwarded, _)| forwarded.to(path, smtputf8));
        match &mut self.rcpt_to {
            Some(paths) if paths.len() < MAX_RECIPIENTS => paths.push(path.to_vec()),
            // Of more, nothing is said.
            several => *several = None,
        }
        Answer::Continue
    }

    async fn header(&mut self, name: &[u8], value: &[u8], _: Context<'_>) -> Answer {
        if self.about.direction == Direction::Neither || matches!(self.work, Work::PutOff(_)) {
            return Answer::Continue;
        }
        let is_own = is_own(&self.site.ids, &self.site.settings.other_fields, name, value);
        let is_removed = self.about.direction == Direction::Inbound && is_removed(&self.site.removed, name);
        self.claims.see(name, if is_removed { Some(true) } else { is_own });
        if self.claims.len() > MAX_EDITS {
            let reply = answer::later("More fields would have to be removed than can be; try again later");
            self.put_off(Trouble::Edit, &EditError::TooMany.to_string(), reply.verdict);
            return Answer::Continue;
        }
        // One byte too many is how a header that is too long is known.
        if self.raw.len() <= MAX_HEADER {
            self.raw.reserve(HEADER.saturating_sub(self.raw.len()));
            self.raw.extend_from_slice(name);
            self.raw.push(b':');
            let room = (MAX_HEADER + 1).saturating_sub(self.raw.len());
            self.raw.extend_from_slice(value.get(..room).unwrap_or(value));
            self.raw.extend_from_slice(b"\r\n");
        }
        if !self.room.holds(self.raw.len() + self.claims.memory()) {
            // NET-17.
            let why = "the headers of all messages together take too much memory";
            self.put_off(Trouble::Memory, why, no_room());
        }
        Answer::Continue
    }

    async fn end_of_header(&mut self, _: Context<'_>) -> Answer {
        if matches!(self.work, Work::PutOff(_)) {
            return Answer::Continue;
        }
        let header = Header::parse(std::mem::take(&mut self.raw));
        self.work = match self.about.direction {
            Direction::Neither => Work::None,
            Direction::Inbound => {
                let rcpt_to = self.rcpt_to.take().unwrap_or_default();
                let came = Came { header, rcpt_to, leaves: self.leaves };
                Work::Judging(Judging::begin(&self.shared, &self.site, &self.about, came))
            }
            Direction::Outbound => Work::Signing(Signing::begin(&self.site, &self.about, header)),
        };
        Answer::Continue
    }

    async fn body(&mut self, piece: &[u8], _: Context<'_>) -> Piece {
        match &mut self.work {
            Work::None => return Piece::Skip,
            Work::PutOff(reply) => return Piece::Verdict(reply.clone()),
            Work::Judging(judging) => judging.body(piece).await,
            Work::Signing(signing) => signing.body(piece),
        }
        Piece::Continue
    }

    async fn end_of_body(self, context: Context<'_>) -> End {
        let start = Instant::now();
        let queue = context.macros.get("i").map(<[u8]>::to_vec);
        let Self { shared, site, about, recipients, claims, work, .. } = self;
        let removed = claims.finish();
        let end = match work {
            Work::None => {
                shared.ground.log.write(&about.line(queue.as_deref()));
                Verdict::Accept.into()
            }
            Work::PutOff(reply) => reply.into(),
            Work::Judging(judging) => {
                let known = Known { recipients, removed, queue };
                judging.end(&shared, &site, &about, known, context.agreed).await
            }
            Work::Signing(signing) => signing.end(&shared, &site, &about, &removed, queue).await,
        };
        shared.ground.metrics.message(about.direction);
        shared.ground.metrics.latency(start.elapsed());
        end
    }
}
