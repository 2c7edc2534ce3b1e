//! STS-18: questions that overlap, while record, policy, id, DNS, policy host and database change under them, on two nodes that are
//! restarted and told to forget. All is made up, and time passes only while everybody waits: a number is an order of events.

use dns::RecordType;
use store::{Error, Forgotten, TlsPolicy, TlsStored};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use verdict::tls::{Decision, UseDane};

use super::super::answer::decision;
use super::super::base::Base;
use super::super::next_hop::{NextHop, SMTP};
use super::*;

/// Orders that are tried.
const ORDERS: usize = 400;
/// What is done in each.
const STEPS: usize = 50;
/// Each fetch gives a policy of its own, to tell by its max_age.
const MAX_AGE: u32 = 10_000_000;
/// No wait of the world is longer, in milliseconds.
const SLOW: u64 = 9_000;
/// The mail servers: not authentic; with TLSA records; authentic without.
const MAIL: [&str; 3] = [
    "v.example. MX 1 mx.v.example.\nmx.v.example. A 192.0.2.1",
    ";! authenticated\nv.example. MX 1 mx.v.example.\nmx.v.example. A 192.0.2.1\n_25._tcp.mx.v.example. TLSA 3 1 1 \
     aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ";! authenticated\nv.example. MX 1 mx.v.example.\nmx.v.example. A 192.0.2.1",
];

/// What is so for all nodes, and what came to pass.
struct Stage {
    start: Instant,
    random: AtomicU64,
    now: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The id in the DNS.
    id: Option<u32>,
    dns_fails: bool,
    /// What the policy host says; `None` for an error.
    mode: Option<&'static str>,
    version: u32,
    mail: usize,
    row: Option<TlsPolicy>,
    forgotten: Forgotten,
    is_away: bool,
    fetching: Vec<usize>,
    fetches: Vec<Fetch>,
    asked: Vec<Asked>,
    forgettings: Vec<u64>,
    /// When a node began to learn what is to be forgotten, and when it was done.
    learned: Vec<(usize, u64, u64)>,
    /// When the database told a node what it knows, and when it was silent.
    read: Vec<(usize, u64)>,
    silences: Vec<(usize, u64)>,
    /// When what the domain publishes changed.
    published: Vec<u64>,
}

/// A fetch: times in milliseconds, and the policy if there was one.
#[derive(Clone)]
struct Fetch {
    node: usize,
    begin: u64,
    end: u64,
    policy: Option<Policy>,
}

struct Asked {
    node: usize,
    begin: u64,
    end: u64,
    sts: Sts,
    decision: Decision,
}

impl Stage {
    fn random(&self, below: u64) -> u64 {
        let seed = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.now.lock().unwrap()
    }

    async fn pause(&self) {
        let ms = match self.random(10) {
            0..=4 => 0,
            5..=7 => self.random(50),
            8 => self.random(2_000),
            _ => self.random(SLOW),
        };
        sleep(Duration::from_millis(ms)).await;
    }
}

/// A node's world, its DNS, and its way to the database.
#[derive(Clone)]
struct Node(Arc<Stage>, usize);

impl Dns for Node {
    async fn ask(&self, question: &Question) -> Answer {
        self.0.pause().await;
        let (id, fails, mail) = {
            let state = self.0.state();
            (state.id, state.dns_fails, state.mail)
        };
        let zone = match (question.rtype == RecordType::Txt, fails, id) {
            (true, true, _) => SILENT.to_owned(),
            (true, false, Some(id)) => format!("_mta-sts.v.example. 60 TXT \"v=STSv1; id={id}\""),
            (true, false, None) => String::new(),
            (false, ..) => MAIL[mail].to_owned(),
        };
        let answer = Zone::parse(&zone).unwrap().answer(question);
        self.0.pause().await;
        answer
    }
}

/// However a fetch ends, its node may begin another.
struct Fetching<'a>(&'a Node);

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        self.0.0.state().fetching.retain(|node| *node != self.0.1);
    }
}

impl World for Node {
    type Dns = Self;

    fn dns(&self) -> Self {
        self.clone()
    }

    async fn fetch(&self, _: &Domain, _: Duration) -> Result<Policy, String> {
        let begin = self.0.ms();
        {
            let mut state = self.0.state();
            assert!(!state.fetching.contains(&self.1), "one fetch at a time");
            state.fetching.push(self.1);
        }
        let fetching = Fetching(self);
        self.0.pause().await;
        let policy = {
            let state = self.0.state();
            let age = MAX_AGE + state.fetches.len() as u32 * 10 + self.1 as u32 % 10;
            state.mode.map(|mode| {
                let mx = format!("mx: mx.v.example\nmx: v{}.v.example", state.version);
                parsed(&format!("version: STSv1\nmode: {mode}\n{mx}\nmax_age: {age}"))
            })
        };
        self.0.pause().await;
        drop(fetching);
        let end = self.0.ms();
        self.0.state().fetches.push(Fetch { node: self.1, begin, end, policy: policy.clone() });
        policy.ok_or_else(|| "HTTP 500".to_owned())
    }

    fn now(&self) -> UnixTime {
        UnixTime(1_800_000_000 + self.0.ms() / 1_000)
    }

    fn random(&self) -> u16 {
        self.0.random(65_536) as u16
    }

    fn event(&self, _: &TlsEvent, _: bool) {}

    fn trouble(&self, _: &Error) {}
}

fn parsed(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).value.unwrap()
}

impl Node {
    /// The database does something, or is away; or does it and its answer is lost.
    async fn database<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let mut silence = Silence(self, true);
        self.0.pause().await;
        let away = self.0.state().is_away;
        let result = (!away).then(|| work(&mut self.0.state()));
        self.0.pause().await;
        let result = result.filter(|_| self.0.random(40) > 0);
        silence.1 = result.is_none();
        result.ok_or_else(|| Error::Away("away".to_owned()))
    }
}

/// A question to the database, whether nobody waits for it any more or it is not answered.
struct Silence<'a>(&'a Node, bool);

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let Node(stage, node) = self.0;
        if self.1 {
            let at = stage.ms();
            stage.state().silences.push((*node, at));
        }
    }
}

impl Base for Node {
    async fn tls_stored(&self, _: &Domain) -> Result<TlsStored, Error> {
        let stored = self.database(|state| TlsStored {
            expires: state.row.as_ref().map_or(UnixTime(0), |row| row.kept.expires()),
            policy: Ok(state.row.clone()),
            forgotten: state.forgotten,
        });
        let stored = stored.await?;
        let at = self.0.ms();
        self.0.state().read.push((self.1, at));
        Ok(stored)
    }

    async fn tls_answered(&self, _: &Domain) -> Result<Option<String>, Error> {
        self.database(|_| None).await
    }

    async fn put_tls_policy(&self, policy: &TlsPolicy, known: Forgotten) -> Result<bool, Error> {
        self.database(|state| {
            let is_older = state.row.as_ref().is_some_and(|row| row.kept.fetched > policy.kept.fetched);
            let is_kept = !is_older && state.forgotten <= known;
            if is_kept {
                state.row = Some(policy.clone());
            }
            is_kept
        })
        .await
    }

    async fn postpone_tls_policy(&self, _: &Domain, at: UnixTime) -> Result<(), Error> {
        let later = |row: &mut TlsPolicy| row.refresh_at = row.refresh_at.max(at);
        self.database(|state| state.row.iter_mut().for_each(later)).await
    }

    async fn due_tls_policies(&self, now: UnixTime, _: u32, _: u32) -> Result<Vec<TlsPolicy>, Error> {
        let is_due = |row: &TlsPolicy| row.refresh_at <= now && row.kept.is_fresh(now);
        self.database(|state| state.row.clone().into_iter().filter(is_due).collect()).await
    }

    async fn forgotten_tls_policies(&self, _: Forgotten) -> Result<Vec<(Domain, Forgotten)>, Error> {
        let begin = self.0.ms();
        let forgotten = self.database(|state| state.forgotten).await?;
        let end = self.0.ms();
        self.0.state().learned.push((self.1, begin, end));
        Ok(if forgotten == Forgotten::NEVER { Vec::new() } else { vec![(name(), forgotten)] })
    }

    async fn use_tls_policies(&self, _: &[Domain], _: UnixTime) -> Result<(), Error> {
        self.database(|_| ()).await
    }

    async fn note_tls(&self, _: &[TlsEvent]) -> Result<(), Error> {
        self.database(|_| ()).await
    }

    async fn trim_tls(&self, _: u64, _: UnixTime) -> Result<u64, Error> {
        Ok(0)
    }
}

fn name() -> Domain {
    Domain::parse("v.example").unwrap()
}

type Made = Keeper<Node, Node>;

async fn ask(keeper: Made) {
    let Node(stage, node) = keeper.world().clone();
    let begin = stage.ms();
    let found = keeper.sts(&name(), WAIT).await;
    let hop = NextHop { domain: name(), is_host: false, port: SMTP };
    let decision = decision(&keeper.world().dns(), &hop, &found.sts, UseDane::Yes).await;
    if stage.random(8) == 0 {
        keeper.stops_mail(&name(), &found.published);
    }
    let end = stage.ms();
    stage.state().asked.push(Asked { node, begin, end, sts: found.sts, decision });
}

/// A policy first, then its id.
async fn publish(stage: Arc<Stage>, mode: &'static str) {
    let version = {
        let mut state = stage.state();
        state.version += 1;
        state.mode = Some(mode);
        state.version
    };
    stage.pause().await;
    let at = stage.ms();
    let mut state = stage.state();
    state.id = Some(version);
    state.published.push(at);
}

/// One order, to its end.
async fn play(seed: u64) -> (usize, usize) {
    let stage =
        Arc::new(Stage { start: Instant::now(), random: AtomicU64::new(seed), now: Mutex::default() });
    let mut started = 0;
    let mut node = || {
        let node = Node(Arc::clone(&stage), started);
        started += 1;
        Keeper::new(node.clone(), node)
    };
    let mut nodes = [node(), node()];
    let mut work = JoinSet::new();
    publish(Arc::clone(&stage), "enforce").await;
    for _ in 0..STEPS {
        let which = stage.random(2) as usize;
        let keeper = nodes[which].clone();
        match stage.random(20) {
            0..=7 => (0..=stage.random(6)).for_each(|_| drop(work.spawn(ask(keeper.clone())))),
            8 | 9 => {
                let mode = ["enforce", "enforce", "enforce", "testing", "none"][stage.random(5) as usize];
                work.spawn(publish(Arc::clone(&stage), mode));
            }
            10 => {
                let at = stage.ms();
                let mut state = stage.state();
                state.id = if state.id.is_some() { None } else { Some(state.version) };
                state.published.push(at);
            }
            11 => {
                let at = stage.ms();
                let mut state = stage.state();
                state.dns_fails ^= true;
                state.published.push(at);
            }
            12 => {
                let mut state = stage.state();
                state.mode = if state.mode.is_some() { None } else { Some("enforce") };
            }
            13 => stage.state().is_away ^= true,
            14 => {
                let now = stage.ms();
                let mut state = stage.state();
                state.forgotten = Forgotten((1_800_000_000 + now / 1_000).max(state.forgotten.0 + 1));
                state.row = None;
                state.forgettings.push(now);
            }
            15 => nodes[which] = node(),
            16 => drop(work.spawn(async move { keeper.flush().await })),
            17 => drop(work.spawn(async move { keeper.catch_up().await })),
            18 => drop(work.spawn(async move { _ = keeper.renew(10).await })),
            _ => stage.state().mail = stage.random(3) as usize,
        }
        match stage.random(12) {
            0 => sleep(Duration::from_secs(301)).await,
            1 if stage.random(4) == 0 => sleep(Duration::from_secs(90_000)).await,
            _ => stage.pause().await,
        }
    }
    // All is well again: everything comes to its end.
    {
        let at = stage.ms();
        let mut state = stage.state();
        state.published.push(at);
        (state.dns_fails, state.is_away, state.mode) = (false, false, Some("enforce"));
        state.id = Some(state.version);
    }
    let end = timeout(Duration::from_secs(600), async {
        while work.join_next().await.transpose().unwrap().is_some() {}
    });
    end.await.expect("somebody waits for ever");
    sleep(Duration::from_secs(400)).await;
    let live: Vec<usize> = nodes.iter().map(|keeper| keeper.world().1).collect();
    for keeper in &nodes {
        let mut is_had = false;
        for _ in 0..5 {
            keeper.catch_up().await;
            keeper.flush().await;
            is_had |= matches!(keeper.sts(&name(), WAIT).await.sts, Sts::Policy(_));
            sleep(Duration::from_secs(10)).await;
        }
        assert!(is_had, "all is well, and there is no policy");
    }
    let state = stage.state();
    check(&state, &live);
    (state.asked.len(), state.fetches.len())
}

/// Whether something was forgotten then. A fetch knows of what was forgotten some waits before it began.
fn forgot(state: &State, begin: u64, end: u64) -> bool {
    state.forgettings.iter().any(|at| (begin.saturating_sub(3 * SLOW)..=end).contains(at))
}

/// Whether what a fetch brought is not to be known at `end`. While the database is silent a fetch knows of nothing that was
/// forgotten in the hour before.
fn is_void(state: &State, fetch: &Fetch, end: u64) -> bool {
    let lately = |all: &[(usize, u64)], wait| {
        let then = fetch.begin.saturating_sub(wait)..=fetch.begin;
        all.iter().any(|(node, at)| *node == fetch.node && then.contains(at))
    };
    // What is known is read right before, and then what was said last, for three seconds at most.
    let is_silent = lately(&state.silences, 3 * SLOW) || !lately(&state.read, 3_100);
    forgot(state, fetch.begin.saturating_sub(if is_silent { 3_700_000 } else { 0 }), end)
}

/// Nothing but what one state of the world would give.
fn check(state: &State, live: &[usize]) {
    let destinations = MAIL.map(|mail| Zone::parse(mail).unwrap());
    for asked in &state.asked {
        let Asked { node, begin, end, sts, decision: decided } = asked;
        let found = match sts {
            Sts::Policy(policy) => {
                let fetch = state.fetches.iter().find(|fetch| fetch.policy.as_ref() == Some(policy));
                let fetch = fetch.unwrap_or_else(|| panic!("{begin}: no host ever said this: {policy}"));
                let known = state.learned.iter().filter(|(by, _, done)| by == node && done < begin);
                let known = known.map(|(_, began, _)| *began).max().unwrap_or_default();
                let forgotten = state.forgettings.iter().filter(|at| **at < known).max();
                assert!(
                    forgotten.is_none_or(|at| fetch.begin >= *at),
                    "{begin}: it was forgotten at {forgotten:?}"
                );
                Some(fetch)
            }
            Sts::Absent | Sts::Stale | Sts::Unfetchable | Sts::Unknown => None,
        };
        // What this node fetched before, and nobody wanted to be forgotten.
        let ours = |fetch: &&Fetch| {
            fetch.node == *node
                && fetch.policy.is_some()
                && fetch.end < *begin
                && !is_void(state, fetch, *end)
        };
        if let Some(ours) = state.fetches.iter().filter(ours).map(|fetch| fetch.end / 1_000).max() {
            let Some(found) = found else {
                panic!("{node} at {begin}: {sts:?}, and one of {ours} is in force")
            };
            assert!(
                found.end / 1_000 >= ours,
                "{node} at {begin}: one of {}, and {ours} is newer",
                found.end
            );
        }
        let hop = NextHop { domain: name(), is_host: false, port: SMTP };
        let mut would =
            destinations.iter().map(|dns| pollster::block_on(decision(dns, &hop, sts, UseDane::Yes)));
        assert!(would.any(|would| would.level == decided.level), "{begin}: {sts:?} {:?}", decided.level);
    }
    for (number, failed) in state.fetches.iter().enumerate().filter(|(_, fetch)| fetch.policy.is_none()) {
        let soon = |fetch: &&Fetch| {
            fetch.node == failed.node
                && fetch.begin >= failed.end
                && fetch.begin / 1_000 < failed.end / 1_000 + 300
        };
        for again in state.fetches.iter().skip(number + 1).filter(soon) {
            let other = failed.begin.saturating_sub(40_000)..=again.begin;
            let changed = state.published.iter().any(|at| other.contains(at));
            // Who learns that something was forgotten starts afresh, however long ago that was.
            let forgot = forgot(state, 0, again.begin);
            assert!(changed || forgot, "again at {}", again.begin);
        }
    }
    let last = |fetch: &&Fetch| {
        live.contains(&fetch.node) && fetch.policy.is_some() && !is_void(state, fetch, u64::MAX)
    };
    if let Some(last) = state.fetches.iter().filter(last).map(|fetch| fetch.end / 1_000).max() {
        let row = state.row.as_ref().map(|row| row.kept.fetched.0 - 1_800_000_000);
        assert!(row.is_some_and(|row| row >= last), "{row:?} is kept, and {last} is newer");
    }
}

#[test]
fn sts_18_no_order_of_events_mixes_what_is_known() {
    let (mut asked, mut fetched) = (0, 0);
    for seed in 0..testkit::how_many(ORDERS) {
        let played = std::panic::catch_unwind(|| {
            let builder = &mut tokio::runtime::Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().unwrap().block_on(play(seed as u64))
        });
        let (questions, fetches) = played.unwrap_or_else(|_| panic!("in the order {seed}"));
        asked += questions;
        fetched += fetches;
    }
    // It is about something.
    assert!(asked > 50 * ORDERS && fetched > 5 * ORDERS, "{asked} {fetched}");
}
