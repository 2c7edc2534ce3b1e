//! One message, from its sender to the last word about it. All of it is new for each.

use std::sync::Arc;
use std::time::Instant;

use dns::Dns;
use mail::Header;
use mail::authres::find::Found;
use mail::header::MAX_HEADER;
use milter::wire::Strings;
use milter::{Answer, Context, End, Message, Piece, SmtpReply, Verdict};
use verdict::direction::Direction;
use verdict::local::{Recipients, Stripped};

use super::About;
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
    found: Found,
    stripped: Stripped,
    work: Work,
}

/// What is being done with it.
enum Work {
    /// Nothing yet, or nothing at all.
    None,
    /// There is no room for its header, so it is put off.
    NoRoom,
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
            found: Found::default(),
            stripped: Stripped::default(),
            work: Work::None,
        }
    }

    /// NET-17: nothing of it is kept any more. That is said when the MTA waits for an answer again, at its body.
    fn put_off(&mut self) {
        self.raw = Vec::new();
        self.found = Found::default();
        self.stripped = Stripped::default();
        self.room = self.shared.room.message();
        self.work = Work::NoRoom;
        self.shared.ground.metrics.trouble(Trouble::Memory);
        let line = self.about.line(None).text("disposition", "defer");
        let why = "the headers of all messages together take too much memory";
        self.shared.ground.log.trouble("memory", line.text("trouble", why));
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
        if self.about.direction == Direction::Neither || matches!(self.work, Work::NoRoom) {
            return Answer::Continue;
        }
        self.found.see(&self.site.ids, &self.site.settings.other_fields, name, value);
        self.stripped.see(&self.site.removed, name);
        // One byte too many is how a header that is too long is known.
        if self.raw.len() <= MAX_HEADER {
            self.raw.reserve(HEADER.saturating_sub(self.raw.len()));
            self.raw.extend_from_slice(name);
            self.raw.push(b':');
            let room = (MAX_HEADER + 1).saturating_sub(self.raw.len());
            self.raw.extend_from_slice(value.get(..room).unwrap_or(value));
            self.raw.extend_from_slice(b"\r\n");
        }
        if !self.room.holds(self.raw.len() + self.found.memory() + self.stripped.memory()) {
            self.put_off();
        }
        Answer::Continue
    }

    async fn end_of_header(&mut self, _: Context<'_>) -> Answer {
        if matches!(self.work, Work::NoRoom) {
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
            Work::NoRoom => return Piece::Verdict(no_room()),
            Work::Judging(judging) => judging.body(piece).await,
            Work::Signing(signing) => signing.body(piece),
        }
        Piece::Continue
    }

    async fn end_of_body(self, context: Context<'_>) -> End {
        let start = Instant::now();
        let queue = context.macros.get("i").map(<[u8]>::to_vec);
        let Self { shared, site, about, recipients, found, stripped, work, .. } = self;
        let removed = match about.direction {
            // A field that both want is removed once: `Edits` sees to that.
            Direction::Inbound => found.finish().into_iter().chain(stripped.finish()).collect(),
            Direction::Outbound | Direction::Neither => found.finish(),
        };
        let end = match work {
            Work::None => {
                shared.ground.log.write(&about.line(queue.as_deref()));
                Verdict::Accept.into()
            }
            Work::NoRoom => no_room().into(),
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
