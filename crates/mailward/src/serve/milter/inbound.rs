//! An inbound message: its questions are asked from the end of its header on, while its body still comes; both come
//! together at its end.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc::Sealer;
use dkim::{BodyHasher, BodyHashes};
use dns::Dns;
use futures_util::FutureExt;
use mail::authres::find::Claim;
use mail::{Domain, Header};
use milter::{Agreed, End};
use store::Put;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use verdict::local::{Case, Decision, Disposition, History, Recipients, Rule, Subjects, existence};
use verdict::suffix::BuiltIn;
use verdict::upstream::Upstream;
use verdict::{Envelope, Inbound, Verdict};

use super::About;
use super::said::{describe, said, unchecked};
use super::sealing::Seal;
use crate::serve::metrics::Trouble;
use crate::serve::row::Judged;
use crate::serve::shared::Shared;
use crate::serve::site::Site;

/// How long a verdict may take beyond the deadline for its answers, before it is given up as our own trouble.
const GRACE: Duration = Duration::from_secs(5);

/// A message that is being judged.
pub(super) struct Judging {
    check: Check,
    /// What the body goes through, once the check has made it.
    hasher: Hasher,
    /// To the check.
    whole: oneshot::Sender<Whole>,
}

/// Where the check is done.
enum Check {
    /// Here: every answer was at hand, and it waits for the body alone.
    Here(Judgement),
    /// In a task of its own, so that it goes on while the body still comes.
    Task(Task),
    /// It has failed.
    Failed,
}

/// The check of one message: `None` if the message is gone, an error where it has panicked, which costs this message and
/// no connection.
type Judgement = Pin<Box<dyn Future<Output = Result<Option<Box<Done>>, Panicked>> + Send>>;
type Panicked = Box<dyn Any + Send>;

/// What the check says as soon as it knows the header: who hashes the body, and the author domain.
type Begun = (BodyHasher, Option<Domain>);

enum Hasher {
    Awaited(oneshot::Receiver<Begun>),
    Here(Box<Begun>),
    /// The check is gone.
    Gone,
}

/// What the check is told at the end of a message.
struct Whole {
    body: BodyHashes,
    recipients: Recipients,
    queue: Option<Vec<u8>>,
}

/// What is known of a message at the end of its header.
pub(super) struct Came {
    pub(super) header: Header,
    /// Its recipients; none where they are too many.
    pub(super) rcpt_to: Vec<Vec<u8>>,
    /// Whether it leaves again.
    pub(super) leaves: bool,
}

/// What is known at the end of a message beside its content.
pub(super) struct Known {
    pub(super) recipients: Recipients,
    /// What is to be removed.
    pub(super) removed: Vec<Claim>,
    pub(super) queue: Option<Vec<u8>>,
}

/// What came of it.
pub(super) struct Done {
    pub(super) verdict: Verdict,
    pub(super) decision: Decision,
    /// The envelope that was judged.
    pub(super) envelope: Envelope,
    pub(super) upstream: Upstream,
    /// How often its signature was seen.
    pub(super) copies: Option<u32>,
    pub(super) seal: Seal,
}

/// A task that ends with whoever waits for it.
struct Task(JoinHandle<Result<Option<Box<Done>>, Panicked>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Check {
    /// What came of it; `None` where it has failed.
    async fn end(self) -> Option<Box<Done>> {
        match self {
            Self::Here(judgement) => judgement.await.ok()?,
            Self::Task(mut task) => (&mut task.0).await.ok()?.ok()?,
            Self::Failed => None,
        }
    }
}

impl Judging {
    pub(super) fn begin<D: Dns + Clone + Send + Sync + 'static>(
        shared: &Arc<Shared<D>>,
        site: &Arc<Site>,
        about: &About,
        came: Came,
    ) -> Self {
        let (begun, hasher) = oneshot::channel();
        let (answered, mut answers) = oneshot::channel();
        let (whole, rest) = oneshot::channel();
        let (shared, site, about) = (Arc::clone(shared), Arc::clone(site), about.clone());
        let job = Job { shared, site, about, came };
        let mut judgement: Judgement =
            Box::pin(AssertUnwindSafe(job.run(begun, answered, rest)).catch_unwind());
        // It comes as far as it can without waiting for anybody; with a cache, mostly to the body.
        let check = match (&mut judgement).now_or_never() {
            Some(_) => Check::Failed,
            None if answers.try_recv().is_ok() => Check::Here(judgement),
            None => Check::Task(Task(tokio::spawn(judgement))),
        };
        Self { check, hasher: Hasher::Awaited(hasher), whole }
    }

    pub(super) async fn body(&mut self, piece: &[u8]) {
        self.await_hasher().await;
        if let Hasher::Here(begun) = &mut self.hasher {
            begun.0.update(piece);
        }
    }

    async fn await_hasher(&mut self) {
        if let Hasher::Awaited(begun) = &mut self.hasher {
            self.hasher = begun.await.map_or(Hasher::Gone, |begun| Hasher::Here(Box::new(begun)));
        }
    }

    pub(super) async fn end<D>(
        mut self,
        shared: &Shared<D>,
        site: &Site,
        about: &About,
        known: Known,
        agreed: &Agreed,
    ) -> End {
        let start = Instant::now();
        self.await_hasher().await;
        let Known { recipients, removed, queue } = known;
        let mut author = None;
        if let Hasher::Here(begun) = self.hasher {
            let (hasher, domain) = *begun;
            author = Some(domain);
            let whole = Whole { body: hasher.finish(), recipients: recipients.clone(), queue: queue.clone() };
            // Whoever does not take it is gone, which shows below.
            let _ = self.whole.send(whole);
        }
        let done = timeout(site.deadline + GRACE, self.check.end()).await;
        let line = about.line(queue.as_deref()).number("removed", removed.len() as u64);
        let (kind, why) = match done {
            Ok(Some(done)) => match said(site, &done, &removed, agreed) {
                Ok(end) => {
                    shared.ground.log.write(&describe(line, &done).number("ms", millis(start)));
                    return end;
                }
                Err(error) => (Trouble::Edit, error.to_string()),
            },
            Ok(None) => (Trouble::Panic, "the check has failed".to_owned()),
            Err(_) => (Trouble::Deadline, "the check took too long".to_owned()),
        };
        shared.ground.metrics.trouble(kind);
        let (end, disposition) = unchecked(site, about, author.as_ref(), &recipients, &removed, &why);
        shared.ground.log.write(&line.text("disposition", disposition).text("trouble", why));
        end
    }
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// All that the check owns.
struct Job<D> {
    shared: Arc<Shared<D>>,
    site: Arc<Site>,
    about: About,
    came: Came,
}

impl<D: Dns + Clone + Send + Sync + 'static> Job<D> {
    /// Says when it has `begun`, and when the DNS has `answered`. `None`: the message is gone.
    async fn run(
        self,
        begun: oneshot::Sender<Begun>,
        answered: oneshot::Sender<()>,
        whole: oneshot::Receiver<Whole>,
    ) -> Option<Box<Done>> {
        let Self { shared, site, about, came: Came { header, rcpt_to, leaves } } = self;
        let seen = Envelope {
            client: about.client,
            helo: about.helo.clone(),
            mail_from: Some(about.sender.clone()),
            rcpt_to,
            smtputf8: about.smtputf8,
        };
        let upstream = Upstream::find(about.client, &header, site.directions.relays());
        let envelope = upstream.judged(seen);
        let inbound = Inbound::new(&envelope, &header, about.now, &site.settings, &BuiltIn);
        let inbound = inbound.with_memo(&shared.memo);
        let author = mail::author(&header).ok().map(|author| author.domain().clone());
        let sealer = site.sealing.as_ref().filter(|_| leaves).map(|(_, sealer)| sealer);
        begun.send((inbound.body_with(sealer.map(Sealer::form)), author)).ok()?;
        let start = Instant::now();
        let facts = inbound.look_up(&shared.ground.dns(site.deadline)).await;
        // The body may take its time: none of that is the DNS's.
        let left = site.deadline.saturating_sub(start.elapsed());
        // Nobody listens any more where they were waited for.
        let _ = answered.send(());
        let Whole { body, recipients, queue } = whole.await.ok()?;
        let verdict = inbound.conclude(facts, &body);
        let existence = existence(&shared.ground.dns(left), &verdict).await;
        let subjects = Subjects::of(&verdict, &envelope);
        let read = |subjects| shared.past.history(subjects, &envelope, &verdict, about.now);
        let copies = shared.past.count(&verdict, about.now);
        let history = History { copies, ..subjects.as_ref().map_or_else(History::unknown, read) };
        let decision = site.policy.decide(&Case {
            verdict: &verdict,
            header: &header,
            envelope: &envelope,
            recipients: &recipients,
            listener: about.mode,
            existence,
            history: &history,
            now: about.now,
            queue: queue.as_deref(),
        });
        shared.ground.metrics.verdict(&verdict);
        copies.into_iter().for_each(|copies| shared.ground.metrics.copies(copies));
        shared.ground.metrics.decision(&decision);
        let deferred = matches!(decision.disposition(), Disposition::Defer(_))
            && decision.rule() == Some(Rule::DnsTempError);
        let (listener, now) = (&*about.listener, about.now);
        let judged =
            Judged { verdict: &verdict, decision: &decision, envelope: &envelope, listener, now, deferred };
        shared.ground.metrics.row(shared.past.keep(&judged) == Put::Queued);
        let seal = Seal::of(sealer, &header, &body, &verdict, &decision, about.now);
        seal.counted().into_iter().for_each(|sealed| shared.ground.metrics.sealed(sealed));
        Some(Box::new(Done { verdict, decision, envelope, upstream, copies, seal }))
    }
}
