//! The keeper over days of a made-up world.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns::{Answer, Dns, Question, Zone};
use mail::{Domain, UnixTime};
use mta_sts::Policy;
use sqlx::{Connection, Executor, SqliteConnection};
use store::{Place, Store, TlsEvent, TlsEventKind};
use tokio::sync::Semaphore;
use verdict::tls::Sts;

use super::keeper::{Keeper, WAIT, World};
use super::memory::Memory;

mod forgetting;
mod trouble;

/// What the world does, shared with the test.
#[derive(Clone)]
struct Made(Arc<Parts>);

struct Parts {
    zone: Mutex<Zone>,
    /// What fetches come to, in their order; the last for ever.
    hosts: Mutex<VecDeque<Result<String, String>>>,
    fetches: AtomicUsize,
    now: AtomicU64,
    events: Mutex<Vec<String>>,
    troubles: AtomicUsize,
    /// Permits for fetches to end.
    gate: Semaphore,
}

impl Made {
    fn new(zone: &str) -> Self {
        Self(Arc::new(Parts {
            zone: Mutex::new(Zone::parse(zone).unwrap()),
            hosts: Mutex::default(),
            fetches: AtomicUsize::new(0),
            now: AtomicU64::new(1_800_000_000),
            events: Mutex::default(),
            troubles: AtomicUsize::new(0),
            gate: Semaphore::new(PERMITS as usize),
        }))
    }

    fn zone(&self, zone: &str) {
        *self.0.zone.lock().unwrap() = Zone::parse(zone).unwrap();
    }

    fn hosts(&self, results: &[Result<&str, &str>]) {
        let own = results.iter().map(|result| result.map(str::to_owned).map_err(str::to_owned));
        *self.0.hosts.lock().unwrap() = own.collect();
    }

    fn pass(&self, seconds: u64) {
        self.0.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }

    fn events(&self) -> String {
        std::mem::take(&mut *self.0.events.lock().unwrap()).join(", ")
    }
}

impl Dns for Made {
    async fn ask(&self, question: &Question) -> Answer {
        self.0.zone.lock().unwrap().answer(question)
    }
}

impl World for Made {
    type Dns = Self;

    fn dns(&self) -> Self {
        self.clone()
    }

    async fn fetch(&self, _: &Domain, _: Duration) -> Result<Policy, String> {
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        let _pass = self.0.gate.acquire().await.unwrap();
        let mut hosts = self.0.hosts.lock().unwrap();
        let result = if hosts.len() > 1 { hosts.pop_front() } else { hosts.front().cloned() };
        let text = result.unwrap_or(Err("nobody is there".to_owned()))?;
        Ok(Policy::parse(text.as_bytes()).value.unwrap())
    }

    fn now(&self) -> UnixTime {
        UnixTime(self.0.now.load(Ordering::SeqCst))
    }

    fn random(&self) -> u16 {
        0
    }

    fn event(&self, event: &TlsEvent, is_logged: bool) {
        if !is_logged {
            return;
        }
        let text = match event.kind {
            TlsEventKind::Fetched => event.kind.as_str().to_owned(),
            kind => format!("{}: {}", kind.as_str(), event.text),
        };
        self.0.events.lock().unwrap().push(text);
    }

    fn trouble(&self, _: &store::Error) {
        self.0.troubles.fetch_add(1, Ordering::SeqCst);
    }
}

const PERMITS: u32 = 1_000;
const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: mx.v.example\nmax_age: 100000";
const OTHER: &str = "version: STSv1\nmode: enforce\nmx: mx2.v.example\nmax_age: 100000";
const NONE: &str = "version: STSv1\nmode: none\nmax_age: 100000";
const ONE: &str = "_mta-sts.v.example. 60 TXT \"v=STSv1; id=1\"";
const TWO: &str = "_mta-sts.v.example. 60 TXT \"v=STSv1; id=2\"";
const SILENT: &str = ";! timeout _mta-sts.v.example.";

struct Lab {
    world: Made,
    keeper: Keeper<Made>,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn new(zone: &str, hosts: &[Result<&str, &str>]) -> Self {
        let world = Made::new(zone);
        world.hosts(hosts);
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(world.clone(), store(&folder).await);
        Self { world, keeper, folder }
    }

    /// Killed and started again.
    async fn restart(&mut self) {
        self.keeper = Keeper::new(self.world.clone(), store(&self.folder).await);
    }

    async fn sts(&self) -> String {
        let domain = Domain::parse("v.example").unwrap();
        match self.keeper.sts(&domain, WAIT).await.sts {
            Sts::Policy(policy) => {
                let mx: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
                format!("{} {}", policy.mode(), mx.join(" ")).trim().to_owned()
            }
            Sts::Absent => "absent".to_owned(),
            Sts::Stale => "stale".to_owned(),
            Sts::Unfetchable => "unfetchable".to_owned(),
            Sts::Unknown => "unknown".to_owned(),
        }
    }
}

async fn store(folder: &tempfile::TempDir) -> Store {
    let store = Store::new(&Place::Sqlite(folder.path().join("db"))).unwrap();
    store.migrate(UnixTime(1)).await.unwrap();
    store
}

#[tokio::test]
async fn a_policy_is_fetched_once_and_outlives_a_restart() {
    let mut lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    for _ in 0..3 {
        assert_eq!(lab.sts().await, "enforce mx.v.example");
    }
    lab.restart().await;
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    assert_eq!((lab.world.fetches(), lab.world.events().as_str()), (1, "fetched"));
}

#[tokio::test]
async fn no_record_no_fetch() {
    for zone in
        ["", "_mta-sts.v.example. TXT \"v=STSv1;\"", SILENT, "_mta-sts.example. TXT \"v=STSv1; id=1\""]
    {
        let lab = Lab::new(zone, &[Ok(ENFORCE)]).await;
        assert_eq!(lab.sts().await, "absent", "{zone}");
        assert_eq!(lab.world.fetches(), 0, "{zone}");
    }
}

#[tokio::test]
async fn sts_10_a_policy_in_force_stays_whatever_dns_and_https_do() {
    let mut lab = Lab::new(ONE, &[Ok(ENFORCE), Err("HTTP 500")]).await;
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    for zone in ["", SILENT, ";! bogus _mta-sts.v.example.", TWO, "_mta-sts.v.example. TXT \"v=STSv1;\"", ONE]
    {
        lab.world.zone(zone);
        lab.world.pass(1_000);
        assert_eq!(lab.sts().await, "enforce mx.v.example", "{zone}");
        lab.restart().await;
        assert_eq!(lab.sts().await, "enforce mx.v.example", "{zone}, after a restart");
        lab.keeper.landed().await;
    }
    lab.world.pass(100_000);
    assert_eq!(lab.sts().await, "stale");
}

#[tokio::test]
async fn sts_10_a_record_that_vanishes_is_told_once() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    lab.sts().await;
    lab.world.events();
    for _ in 0..3 {
        lab.world.zone("");
        lab.sts().await;
    }
    assert_eq!(lab.world.events(), "vanished: no record any more");
    lab.world.zone(ONE);
    lab.sts().await;
    lab.world.zone("_mta-sts.v.example. TXT \"v=STSv1;\"");
    lab.sts().await;
    assert_eq!(lab.world.events(), "vanished: a record that does not count: v=STSv1;");
}

#[tokio::test]
async fn who_opted_out_may_go_without_a_warning() {
    let lab = Lab::new(ONE, &[Ok(NONE), Err("HTTP 404")]).await;
    assert_eq!(lab.sts().await, "none");
    assert_eq!(lab.world.events(), "fetched");
    lab.world.zone(TWO);
    assert_eq!(lab.sts().await, "none");
    lab.keeper.landed().await;
    assert_eq!(lab.world.fetches(), 2);
    lab.world.zone("");
    assert_eq!(lab.sts().await, "none");
    assert_eq!(lab.world.events(), "");
}

#[tokio::test]
async fn sts_11_a_new_id_is_followed_and_a_weaker_policy_told() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Ok(OTHER), Ok(NONE)]).await;
    lab.sts().await;
    lab.world.zone(TWO);
    assert_eq!(lab.sts().await, "enforce mx2.v.example");
    lab.world.zone("_mta-sts.v.example. TXT \"v=STSv1; id=3\"");
    assert_eq!(lab.sts().await, "none");
    assert_eq!(lab.world.events(), "fetched, fetched, fetched, weakened: mode enforce became none");
}

#[tokio::test]
async fn sts_17_many_questions_one_fetch_and_five_minutes_between_tries() {
    let lab = Lab::new("", &[Err("HTTP 500")]).await;
    // What the database knows is known; from here on each question goes straight to the fetch, which does not end.
    assert_eq!(lab.sts().await, "absent");
    lab.world.zone(ONE);
    let closed = lab.world.0.gate.acquire_many(PERMITS).await.unwrap();
    let all = futures_util::future::join_all((0..200).map(|_| lab.sts()));
    let opening = async {
        // Fetches read the database before they begin: who reads after them has seen them begin.
        for number in 0..400 {
            let domain = Domain::parse(format!("d{number}.example")).unwrap();
            lab.keeper.sts(&domain, WAIT).await;
        }
        assert_eq!(lab.world.fetches(), 1);
        drop(closed);
    };
    let (all, ()) = futures_util::future::join(all, opening).await;
    assert!(all.iter().all(|found| found == "unfetchable"), "{all:?}");
    assert_eq!(lab.world.fetches(), 1);
    lab.world.pass(299);
    lab.sts().await;
    assert_eq!(lab.world.fetches(), 1);
    lab.world.pass(1);
    lab.sts().await;
    assert_eq!(lab.world.fetches(), 2);
    assert_eq!(lab.world.events(), "failed: HTTP 500, failed: HTTP 500");
}

#[tokio::test]
async fn sts_03_a_slow_host_holds_nobody_up_for_long() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    let closed = lab.world.0.gate.acquire_many(PERMITS).await;
    let closed = closed.unwrap();
    let domain = Domain::parse("v.example").unwrap();
    let found = lab.keeper.sts(&domain, Duration::from_millis(30)).await;
    assert_eq!(found.sts, Sts::Unfetchable);
    drop(closed);
    lab.keeper.landed().await;
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    assert_eq!(lab.world.fetches(), 1);
}

#[tokio::test]
async fn sts_10_renewed_before_its_end_without_a_question() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    lab.sts().await;
    lab.keeper.flush().await;
    lab.world.pass(24_999);
    assert_eq!(lab.keeper.renew(10).await, 0);
    lab.world.pass(1);
    // Not even DNS that is kept from answering is in the way.
    lab.world.zone(SILENT);
    assert_eq!(lab.keeper.renew(10).await, 1);
    lab.keeper.landed().await;
    assert_eq!(lab.world.fetches(), 2);
    lab.world.pass(90_000);
    assert_eq!(lab.sts().await, "enforce mx.v.example");
}

#[tokio::test]
async fn one_that_cannot_be_renewed_does_not_stand_in_the_way_of_others() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Err("HTTP 500")]).await;
    lab.sts().await;
    lab.world.pass(30_000);
    assert_eq!(lab.keeper.renew(10).await, 1);
    lab.keeper.landed().await;
    assert_eq!(lab.keeper.renew(10).await, 0);
    lab.world.pass(1_800);
    assert_eq!(lab.keeper.renew(10).await, 1);
    lab.keeper.landed().await;
    assert_eq!(lab.world.fetches(), 3);
}

#[tokio::test]
async fn two_nodes_fetch_once() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    let other = Keeper::new(lab.world.clone(), store(&lab.folder).await);
    let domain = Domain::parse("v.example").unwrap();
    // The other node knows that there is nothing; then this one fetches.
    lab.world.zone("");
    assert_eq!(other.sts(&domain, WAIT).await.sts, Sts::Absent);
    lab.world.zone(ONE);
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    assert!(matches!(other.sts(&domain, WAIT).await.sts, Sts::Policy(_)));
    assert_eq!(lab.world.fetches(), 1);
}

#[tokio::test]
async fn without_the_database() {
    // It can't be read: no migration was done.
    let world = Made::new(ONE);
    world.hosts(&[Err("HTTP 500"), Ok(ENFORCE)]);
    let folder = tempfile::tempdir().unwrap();
    let away = Store::new(&Place::Sqlite(folder.path().join("db"))).unwrap();
    let lab = Lab { keeper: Keeper::new(world.clone(), away.clone()), world, folder };
    assert_eq!(lab.sts().await, "unknown", "one may be kept, and none can be had");
    lab.world.zone("");
    assert_eq!(lab.sts().await, "absent", "nothing says that there ever was one");
    lab.world.zone(SILENT);
    assert_eq!(lab.sts().await, "unknown");
    lab.world.pass(300);
    lab.world.zone(ONE);
    assert_eq!(lab.sts().await, "enforce mx.v.example", "fetched afresh");
    assert!(lab.world.0.troubles.load(Ordering::SeqCst) > 0);
    // It is back, and takes what it missed.
    away.migrate(UnixTime(1)).await.unwrap();
    lab.keeper.flush().await;
    let domain = Domain::parse("v.example").unwrap();
    assert!(away.tls_policy(&domain).await.unwrap().is_some());
}

#[tokio::test]
async fn sts_22_a_broken_row_is_fetched_again_and_never_taken_for_none() {
    let mut lab = Lab::new(ONE, &[Ok(ENFORCE), Err("HTTP 500"), Ok(ENFORCE)]).await;
    lab.sts().await;
    let damage = "UPDATE tls_policies SET policy = 'version'";
    lab.restart().await;
    let path = lab.folder.path().join("db");
    let mut database = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    database.execute(damage).await.unwrap();
    assert_eq!(lab.sts().await, "unknown");
    lab.world.pass(300);
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    lab.restart().await;
    assert_eq!(lab.sts().await, "enforce mx.v.example");
}

#[tokio::test]
async fn what_postfix_is_told_is_history_when_it_changes() {
    let lab = Lab::new("", &[]).await;
    let domain = Domain::parse("v.example").unwrap();
    let told = |answer: u8, is_nothing| {
        lab.keeper.told(&domain, &answer.to_string(), is_nothing, || format!("answer {answer}"));
    };
    told(1, true);
    told(1, true);
    told(2, false);
    told(2, false);
    told(1, true);
    assert_eq!(lab.world.events(), "answered: answer 2, answered: answer 1");
}

#[test]
fn sts_16_memory_is_bounded() {
    let mut memory = Memory::new(100_000);
    for number in 0..10_000 {
        memory.change(&Domain::parse(format!("d{number}.example")).unwrap(), |entry| entry.is_read = true);
    }
    assert!((90_000..=100_000).contains(&memory.bytes()), "{}", memory.bytes());
}

#[tokio::test]
async fn for_how_long_an_answer_is_good() {
    let mut lab = Lab::new(ONE, &[Ok(ENFORCE), Err("HTTP 500")]).await;
    let domain = Domain::parse("v.example").unwrap();
    let good = async |lab: &Lab| lab.keeper.sts(&domain, WAIT).await.good_for;
    assert_eq!(good(&lab).await, 0, "it was fetched just now");
    assert_eq!(good(&lab).await, 60, "the record's time");
    lab.world.zone("_mta-sts.v.example. 20 TXT \"v=STSv1; id=1\"");
    assert_eq!(good(&lab).await, 20);
    lab.world.pass(24_990);
    assert_eq!(good(&lab).await, 10, "it is due then");
    lab.world.pass(10);
    assert_eq!(good(&lab).await, 0, "it is due");
    lab.keeper.landed().await;
    assert_eq!(good(&lab).await, 0, "and could not be renewed");
    lab.world.zone(SILENT);
    lab.restart().await;
    assert_eq!(good(&lab).await, 0, "the DNS does not answer");
}
