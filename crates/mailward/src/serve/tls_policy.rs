//! The socketmap that Postfix asks about the encryption of mail to other domains, and the jobs behind it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::rand;
use dns::Dns;
use mail::{Domain, Explain, UnixTime};
use mta_sts::Policy;
use resolver::Deadline;
use socketmap::{Lookup, Reason, Reply, Request, Trouble, Value};
use store::{Store, TLS_POLICY_BYTES, TlsEvent, TlsEventKind};
use tokio::time::interval;
use verdict::tls::postfix::Answer;
use verdict::tls::{Decision, Level, Why};

use super::jobs;
use super::log::Line;
use super::looks::{self, Looks};
use super::metrics;
use super::shared::{Ground, Watched};
use crate::tls::answer::{decision, with_dane};
use crate::tls::keeper::{Keeper, WAIT, World};
use crate::tls::next_hop::{NextHop, SMTP};
use crate::tls::probe::probe;
use crate::tls::remembered::{Remembered, Timed};
use crate::tls::site::TlsSite;

/// The name of the table.
pub const MAP: &str = "tls-policy";
/// How long the DNS may take for a domain; less than Postfix waits for the answer (100 s).
const DNS: Duration = Duration::from_secs(20);
/// How long the DNS may take for all that is asked while MX hosts are looked at.
const LOOK: Duration = Duration::from_secs(60);
/// Longer answers are not remembered, in bytes.
const MAX_REMEMBERED: usize = 2 << 10;
/// How often what waits for the database is written down, and looked what is to be forgotten.
const FLUSH: Duration = Duration::from_secs(2);
/// How often policies that are due are looked for.
const RENEW: Duration = Duration::from_secs(60);
/// How many of them are renewed then.
const RENEWALS: u32 = 500;
/// What is too old or too much is removed each so many times of those,
const TRIM: u32 = 300;
/// and once so many bytes were written, which may be by strangers.
const MAX_GROWN: u64 = 16 << 20;
/// How long a node may take for that, in seconds.
const LEASE: u64 = 600;

/// The table, and what it stands on.
pub struct TlsPolicy<D> {
    keeper: Keeper<Surroundings<D>>,
    remembered: Remembered<Told>,
}

/// What Postfix was told, by which site, after which forgetting, and the word for it.
type Told = (Reply, Arc<TlsSite>, u64, &'static str);

/// What a keeper needs.
pub struct Surroundings<D> {
    ground: Ground<D>,
    site: RwLock<Arc<TlsSite>>,
    looks: Looks,
}

impl<D> Surroundings<D> {
    fn site(&self) -> Arc<TlsSite> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<D: Dns + Clone + Send + Sync + 'static> World for Surroundings<D> {
    type Dns = Watched<Deadline<D>>;

    fn dns(&self) -> Watched<Deadline<D>> {
        self.ground.dns(DNS)
    }

    async fn fetch(&self, domain: &Domain, within: Duration) -> Result<Policy, String> {
        let site = self.site();
        let fetched =
            site.fetch(&self.ground.dns(within), domain, within).await.map(|fetched| fetched.policy);
        self.ground.metrics.policy_fetch(fetched.is_ok());
        if let (Ok(policy), Some(_)) = (&fetched, &site.prober) {
            self.looks.fetched(domain, policy, self.now());
        }
        fetched
    }

    fn now(&self) -> UnixTime {
        self.ground.now()
    }

    fn random(&self) -> u16 {
        let mut random = [0; 2];
        // Without randomness it is renewed earlier than it need be.
        let _ = rand::fill(&mut random);
        u16::from_be_bytes(random)
    }

    fn event(&self, event: &TlsEvent, is_logged: bool) {
        self.ground.metrics.policy_event(event.kind);
        if !is_logged {
            return;
        }
        let line = Line::new("tls-policy").show("domain", &event.domain).text("what", event.kind.as_str());
        let more = event.text.lines().collect::<Vec<_>>().join("; ");
        match event.kind {
            TlsEventKind::Failed => self.ground.log.trouble("tls-policy", line.text("why", more)),
            TlsEventKind::Fetched | TlsEventKind::Forgotten => {
                self.ground.log.write(&line.text("policy", more));
            }
            TlsEventKind::Answered => {
                self.ground.log.write(&line.text("answer", event.text.lines().next().unwrap_or_default()));
            }
            TlsEventKind::Probed => self.ground.log.write(&line.text("hosts", more)),
            TlsEventKind::Unready => {
                self.ground.log.write(&line.text("level", "warning").text("hosts", more))
            }
            // Somebody may be in the way of the policy, or the owner has made a mistake.
            TlsEventKind::Vanished | TlsEventKind::Weakened => {
                self.ground.log.write(&line.text("level", "warning").text("why", more));
            }
        }
    }

    fn trouble(&self, error: &store::Error) {
        let line = Line::new("warning").show("why", error).text("where", "TLS policies");
        self.ground.log.trouble("tls-store", line);
    }
}

impl<D: Dns + Clone + Send + Sync + 'static> TlsPolicy<D> {
    /// The table with this database behind it.
    pub fn new(ground: Ground<D>, site: TlsSite, store: Store) -> Self {
        let (site, looks) = (RwLock::new(Arc::new(site)), Looks::default());
        let surroundings = Surroundings { ground, site, looks };
        Self { keeper: Keeper::new(surroundings, store), remembered: Remembered::default() }
    }

    /// Has another site take over.
    pub fn take_over(&self, site: TlsSite) {
        *self.keeper.world().site.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(site);
    }

    /// What Postfix is told about a key of the table.
    pub async fn answer(&self, key: &[u8]) -> Reply {
        let world = self.keeper.world();
        let (ground, site, now) = (&world.ground, world.site(), world.now());
        let epoch = self.keeper.epoch();
        let still_good = |(reply, by, after, level): &Told| {
            (Arc::ptr_eq(by, &site) && *after == epoch).then(|| (reply.clone(), *level))
        };
        if let Some((reply, level)) = self.remembered.get(key, now, still_good).flatten() {
            ground.metrics.policy_answer(level);
            return reply;
        }
        let Some(hop) = NextHop::parse(key) else { return Reply::NotFound };
        let found = self.keeper.sts(&hop.domain, WAIT).await;
        let dns = Timed::new(ground.dns(DNS));
        let decision = decision(&dns, &hop, &found.sts, site.dane).await;
        let answer = site.postfix.answer(&decision);
        let level = metrics::level(&decision.level);
        ground.metrics.policy_answer(level);
        let is_nothing = answer == Answer::NotFound;
        self.keeper.told(&hop.domain, &answer.to_string(), is_nothing, || told(&answer, &decision));
        let stops_mail = matches!(decision.level, Level::Defer(Why::NoneAllowed | Why::NoHosts));
        let is_looked_at = stops_mail && self.keeper.stops_mail(&hop.domain, &found.published);
        let reply = reply(&answer);
        if !is_looked_at && answer.to_string().len() <= MAX_REMEMBERED {
            let good_for = found.good_for.min(dns.shortest());
            self.remembered.put(key, (reply.clone(), site, epoch, level), now, good_for);
        }
        reply
    }

    /// Renews policies, and keeps the database as it should be, for ever.
    pub async fn tend(&self, store: &Store) {
        // None waits for another: DNS and database may be slow, each for itself.
        let renewing = async {
            let mut often = interval(RENEW);
            loop {
                often.tick().await;
                self.keeper.renew(RENEWALS).await;
            }
        };
        let writing = async {
            let (mut often, mut rounds) = (interval(FLUSH), 0u32);
            loop {
                often.tick().await;
                self.keeper.catch_up().await;
                self.keeper.flush().await;
                if (rounds.is_multiple_of(TRIM) || self.keeper.grown() > MAX_GROWN)
                    && let Err(error) =
                        jobs::alone(store, "tls-trim", LEASE, self.keeper.trim(TLS_POLICY_BYTES)).await
                {
                    self.keeper.world().trouble(&error);
                }
                rounds = rounds.wrapping_add(1);
            }
        };
        let looking = async {
            loop {
                let (domain, policy) = self.keeper.world().looks.next().await;
                self.look(domain, &policy).await;
            }
        };
        tokio::join!(renewing, writing, looking);
    }

    /// Looks at the MX hosts of a domain, and keeps what was seen.
    async fn look(&self, domain: Domain, policy: &Policy) {
        let world = self.keeper.world();
        let (ground, site) = (&world.ground, world.site());
        // It may have been turned off meanwhile.
        let Some(prober) = &site.prober else { return };
        let hop = NextHop { domain, is_host: false, port: SMTP };
        let dns = ground.dns(LOOK);
        let destination = with_dane(&dns, &hop).await;
        let found = probe(prober, &dns, &hop, &destination, Some(policy), ground.now()).await;
        let (kind, text) = looks::event(&found);
        self.keeper.looked_at(&hop.domain, kind, text);
    }

    /// Ends: what waits goes into the database.
    pub async fn close(&self) {
        self.keeper.flush().await;
    }
}

impl<D: Dns + Clone + Send + Sync + 'static> Lookup for TlsPolicy<D> {
    async fn lookup(&self, request: Request<'_>) -> Reply {
        if request.map != MAP.as_bytes() {
            return Reply::Perm(Reason::new("no table of this name: it is socketmap:ADDRESS:tls-policy"));
        }
        self.answer(request.key).await
    }

    fn trouble(&self, trouble: &Trouble) {
        let ground = &self.keeper.world().ground;
        ground.metrics.trouble(metrics::Trouble::Protocol);
        ground.log.trouble("tls-policy-socket", Line::new("warning").show("why", trouble).text("where", MAP));
    }
}

fn reply(answer: &Answer) -> Reply {
    match answer {
        Answer::NotFound => Reply::NotFound,
        Answer::Temp(why) => Reply::Temp(Reason::new(why)),
        Answer::Ok(policy) => match Value::new(policy) {
            Ok(value) => Reply::Ok(value),
            Err(error) => Reply::Temp(Reason::new(&error.to_string())),
        },
    }
}

/// What is kept of an answer: what was said, and the steps to it.
fn told(answer: &Answer, decision: &Decision) -> String {
    let steps = decision.steps.iter().map(|step| format!("\n{step} ({})", step.section().0));
    std::iter::once(answer.to_string()).chain(steps).collect()
}
