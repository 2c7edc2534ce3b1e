//! One message on its way to a verdict.

use std::io;
use std::time::Duration;

use mail::{Header, Splitter, UnixTime};
use resolver::Deadline;
use verdict::suffix::BuiltIn;
use verdict::{Inbound, Memo, Recorded, Settings, Verdict};

use crate::input::{Chunks, Envelope, InputError, Message, now, trace};
use crate::world::World;

/// How long one message may wait for the DNS; what comes later is a time-out, and so a temperror.
const DEADLINE: Duration = Duration::from_secs(20);

/// What all messages have in common.
pub(super) struct Judge {
    pub(super) world: World,
    pub(super) settings: Settings,
    /// What messages have in common beside that: the records of their senders, parsed.
    pub(super) memo: Memo,
    /// Whether recordings are made.
    pub(super) keep: bool,
}

/// One message to judge.
pub(super) enum Job {
    /// A message that was found.
    Message { message: Message, envelope: Envelope, trace: bool },
    /// The message of the recording with this index, and what the options say instead of its envelope.
    Recorded(usize, Envelope),
}

/// One message that was judged.
pub(super) struct Judged {
    pub(super) name: String,
    /// How many bytes were read.
    pub(super) size: u64,
    pub(super) lf_converted: bool,
    pub(super) verdict: Verdict,
    pub(super) recorded: Option<Recorded>,
}

impl Job {
    pub(super) fn name(&self, judge: &Judge) -> String {
        match self {
            Self::Message { message, .. } => message.name.clone(),
            Self::Recorded(index, _) => {
                judge.recorded(*index).map(|recorded| recorded.name.clone()).unwrap_or_default()
            }
        }
    }
}

impl Judge {
    fn recorded(&self, index: usize) -> Option<&Recorded> {
        self.world.recording().and_then(|recording| recording.messages.get(index))
    }

    pub(super) async fn judge(&self, job: Job) -> Result<Judged, InputError> {
        let name = job.name(self);
        match job {
            Job::Message { message, envelope, trace } => {
                let size = message.size;
                let mut chunks = message.bytes.chunks();
                if self.keep || self.world.recording().is_some() {
                    let bytes = chunks.read_all().map_err(|e| InputError::io(&name, &e))?;
                    let (verdict, recorded) = self.in_memory(&name, &bytes, envelope, trace).await;
                    Ok(Judged { name, size, lf_converted: chunks.lf_converted(), verdict, recorded })
                } else {
                    let judged = self.in_chunks(chunks, envelope, trace).await;
                    let (verdict, lf_converted) = judged.map_err(|e| InputError::io(&name, &e))?;
                    Ok(Judged { name, size, lf_converted, verdict, recorded: None })
                }
            }
            Job::Recorded(index, options) => {
                let message = self.recorded(index).map(|r| r.message.as_slice()).unwrap_or_default();
                let (verdict, recorded) = self.in_memory(&name, message, options, false).await;
                Ok(Judged { name, size: message.len() as u64, lf_converted: false, verdict, recorded })
            }
        }
    }

    /// A message of any size; gives also whether its line ends were converted. It is read to its end before anything is
    /// asked: the deadline is for the DNS alone, and a file or a pipe may be slower. Other messages are asked about
    /// meanwhile.
    async fn in_chunks(
        &self,
        mut chunks: Chunks,
        envelope: Envelope,
        trace: bool,
    ) -> io::Result<(Verdict, bool)> {
        let mut splitter = Splitter::default();
        let body = loop {
            let Some(chunk) = chunks.next_chunk()? else { break &[][..] };
            let body = splitter.push(chunk);
            if splitter.in_body() {
                break body;
            }
        };
        let header = splitter.into_header();
        let (envelope, now) = settle(envelope, trace, &header, None);
        let inbound = Inbound::new(&envelope, &header, now, &self.settings, &BuiltIn).with_memo(&self.memo);
        let mut hasher = inbound.body();
        hasher.update(body);
        while let Some(chunk) = chunks.next_chunk()? {
            hasher.update(chunk);
        }
        let lf_converted = chunks.lf_converted();
        // Whoever waits for the DNS holds no body meanwhile.
        drop(chunks);
        let facts = inbound.look_up(&Deadline::new(self.world.view(None), DEADLINE)).await;
        Ok((inbound.conclude(facts, &hasher.finish()), lf_converted))
    }

    /// A message that is in a recording, or will be.
    async fn in_memory(
        &self,
        name: &str,
        message: &[u8],
        envelope: Envelope,
        trace: bool,
    ) -> (Verdict, Option<Recorded>) {
        let known = self.world.recording().and_then(|r| r.messages.iter().find(|m| m.message == message));
        let (envelope, now) = settle(envelope, trace, &mail::header::split(message).0, known);
        let dns = Deadline::new(self.world.view(known), DEADLINE);
        // What the suffix list said is part of a recording.
        let suffixes: &dyn mail::SuffixList = match known {
            Some(known) => &known.suffixes,
            None => &BuiltIn,
        };
        let (verdict, recorded) =
            Recorded::make(&dns, name, &envelope, message, now, &self.settings, suffixes).await;
        (verdict, Some(recorded).filter(|_| self.keep))
    }
}

/// The whole envelope and the time: what was said of the message, then what its recording has, then its trace fields
/// if they are asked for, then the clock.
fn settle(
    said: Envelope,
    trace: bool,
    header: &Header,
    known: Option<&Recorded>,
) -> (verdict::Envelope, UnixTime) {
    let mut envelope = said;
    if let Some(known) = known {
        envelope = envelope.over(Envelope {
            ip: known.envelope.client,
            helo: known.envelope.helo.clone(),
            mail_from: known.envelope.mail_from.clone(),
            rcpt: known.envelope.rcpt_to.clone(),
            now: Some(known.now),
            smtputf8: known.envelope.smtputf8,
        });
    }
    if trace {
        envelope = envelope.over(trace::read(header, 0));
    }
    let moment = envelope.now.unwrap_or_else(now);
    let envelope = verdict::Envelope {
        client: envelope.ip,
        helo: envelope.helo,
        mail_from: envelope.mail_from,
        rcpt_to: envelope.rcpt,
        smtputf8: envelope.smtputf8,
    };
    (envelope, moment)
}
