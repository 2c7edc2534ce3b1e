//! How long a message waits for a DNS that is far away, in virtual time. Every answer takes the same, there is a cache and
//! one query in flight per question, as with the resolver: what is counted is the chain of answers that wait for others.
#![allow(clippy::unwrap_used, clippy::disallowed_types)]

#[allow(dead_code, reason = "what others need")]
mod common;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{NOW, settings, tell};
use dns::{Answer, Dns, Question, Recorder, Zone};
use resolver::Deadline;
use testkit::signer::{Signer, TestKey};
use testkit::vector::{unescape, with_keys};
use tokio::time::{Instant, sleep_until};
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Verdict, judge};

struct Far {
    zone: Zone,
    trip: Duration,
    /// Whether it can be asked ahead of need.
    ahead: bool,
    /// When the answer to each question is here.
    landings: Mutex<BTreeMap<Question, Instant>>,
    /// How often it was asked ahead of need.
    walked: AtomicUsize,
}

impl Dns for Far {
    async fn ask(&self, question: &Question) -> Answer {
        let start = Instant::now();
        let landing = *self.landings.lock().unwrap().entry(question.clone()).or_insert(start + self.trip);
        if landing > start {
            sleep_until(landing).await;
        }
        Answer { took: start.elapsed(), ..self.zone.answer(question) }
    }

    async fn warm(&self, question: &Question) -> Option<Answer> {
        self.walked.fetch_add(1, Ordering::Relaxed);
        if self.ahead { Some(self.ask(question).await) } else { None }
    }
}

impl Far {
    fn new(zone: &str, trip: Duration, ahead: bool) -> Self {
        let text: String = with_keys(zone).lines().map(|line| format!("{}\n", line.trim_start())).collect();
        Self {
            zone: Zone::parse(&text).unwrap(),
            trip,
            ahead,
            landings: Mutex::default(),
            walked: AtomicUsize::new(0),
        }
    }

    fn questions(&self) -> usize {
        self.landings.lock().unwrap().len()
    }
}

fn envelope(helo: &str) -> Envelope {
    Envelope {
        client: Some([203, 0, 113, 66].into()),
        helo: Some(helo.as_bytes().to_vec()),
        mail_from: Some(b"<a@a.example>".to_vec()),
        rcpt_to: Vec::new(),
        smtputf8: false,
    }
}

/// A message from a.example, signed with each of these selectors.
fn message(selectors: &[String]) -> Vec<u8> {
    let message = unescape("From: <a@a.example>\nSubject: s\n\nbody\n");
    let key = TestKey::rsa(2048);
    selectors
        .iter()
        .fold(message, |message, selector| Signer::new("a.example", selector, &key).sign(&message))
}

/// The verdict and how long it took.
async fn timed(dns: &impl Dns, helo: &str, message: &[u8]) -> (Verdict, Duration) {
    let start = Instant::now();
    let verdict = judge(dns, &envelope(helo), message, NOW, &settings(), &BuiltIn).await;
    (verdict, start.elapsed())
}

const TRIP: Duration = Duration::from_millis(20);

/// Round trips and questions, with and without asking ahead; the verdict is the same, and so is what is recorded.
async fn check(name: &str, zone: &str, helo: &str, with: (u32, usize), without: (u32, usize)) -> Verdict {
    let message = message(&["s".to_owned()]);
    let run = async |ahead| {
        let far = Far::new(zone, TRIP, ahead);
        let recorder = Recorder::new(&far);
        let (verdict, took) = timed(&recorder, helo, &message).await;
        let recorded: Vec<_> = recorder.answers().iter().map(|(question, _)| question.clone()).collect();
        let (questions, walked) = (far.questions(), far.walked.load(Ordering::Relaxed));
        let (_, again) = timed(&far, helo, &message).await;
        assert_eq!(again, Duration::ZERO, "{name}: all is in the cache");
        assert_eq!(far.walked.load(Ordering::Relaxed), walked, "{name}: nothing is left to ask ahead");
        (verdict, recorded, (took, questions))
    };
    let (verdict, recorded, cost) = run(true).await;
    let (plain, plainly_recorded, plain_cost) = run(false).await;
    assert_eq!((tell(&verdict), recorded), (tell(&plain), plainly_recorded), "{name}");
    assert_eq!((cost, plain_cost), ((TRIP * with.0, with.1), (TRIP * without.0, without.1)), "{name}");
    verdict
}

const KEY_AND_POLICY: &str = "s._domainkey.a.example. TXT {key:rsa-2048}
    _dmarc.a.example. TXT \"v=DMARC1; p=reject\"
    ";

fn outcomes(verdict: &Verdict) -> [&'static str; 3] {
    let spf = verdict.spf().mail_from.as_ref().map_or("", |check| check.outcome().as_str());
    let dkim = verdict.dkim().first().map_or("", |check| check.outcome().as_str());
    [spf, dkim, verdict.dmarc().outcome().as_str()]
}

#[tokio::test(start_paused = true)]
async fn five_for_includes_four_deep_with_dkim_and_dmarc() {
    let zone = r#"
        a.example.  TXT "v=spf1 include:b.example -all"
        b.example.  TXT "v=spf1 include:c.example -all"
        c.example.  TXT "v=spf1 include:d.example -all"
        d.example.  TXT "v=spf1 include:e.example -all"
        e.example.  TXT "v=spf1 ip4:203.0.113.66 -all"
    "#;
    let zone = format!("{zone}{KEY_AND_POLICY}");
    // The chain, the key, _dmarc at a.example and at example.
    let verdict = check("depth 4", &zone, "localhost", (5, 8), (5, 8)).await;
    assert_eq!(outcomes(&verdict), ["pass", "pass", "pass"]);
}

#[tokio::test(start_paused = true)]
async fn four_for_a_wide_record_with_the_match_last() {
    let zone = r#"
        a.example.  TXT "v=spf1 mx a include:b.example include:c.example -all"
        a.example.  MX 10 m1.a.example.
        a.example.  MX 20 m2.a.example.
        a.example.  A 192.0.2.1
        m1.a.example. A 192.0.2.2
        m2.a.example. A 192.0.2.3
        b.example.  TXT "v=spf1 a:h1.b.example a:h2.b.example mx -all"
        b.example.  MX 10 h1.b.example.
        h1.b.example. A 192.0.2.4
        h2.b.example. A 192.0.2.5
        c.example.  TXT "v=spf1 a:h1.c.example mx -all"
        h1.c.example. A 192.0.2.6
        c.example.  MX 10 h2.c.example.
        h2.c.example. A 203.0.113.66
    "#;
    let zone = format!("{zone}{KEY_AND_POLICY}");
    let verdict = check("wide", &zone, "localhost", (4, 16), (13, 16)).await;
    assert_eq!(outcomes(&verdict), ["pass", "pass", "pass"]);
}

#[tokio::test(start_paused = true)]
async fn both_identities_side_by_side() {
    let zone = r#"
        a.example.  TXT "v=spf1 a:h1.example a:h2.example ip4:203.0.113.66 -all"
        h1.example. A 192.0.2.1
        h2.example. A 192.0.2.2
        mail.b.example. TXT "v=spf1 include:c.example a -all"
        c.example.  TXT "v=spf1 a -all"
        c.example.  A 192.0.2.3
        mail.b.example. A 203.0.113.66
    "#;
    let zone = format!("{zone}{KEY_AND_POLICY}");
    let verdict = check("HELO", &zone, "mail.b.example", (3, 10), (4, 10)).await;
    assert_eq!(verdict.spf().helo.as_ref().unwrap().outcome(), spf::Outcome::Pass);
}

#[tokio::test(start_paused = true)]
async fn ten_keys_and_a_long_walk_are_one_round_trip() {
    let selectors: Vec<_> = (0..10).map(|n| format!("s{n}")).collect();
    let dns = Far::new("", TRIP, true);
    let message = message(&selectors).iter().map(|&b| b as char).collect::<String>();
    let message = message.replace("From: <a@a.example>", "From: <a@h.g.f.e.d.c.b.a.a.example>");
    let (_, took) = timed(&dns, "localhost", message.as_bytes()).await;
    // Ten keys, eight names of the walk, no more for the identifiers, and SPF.
    assert_eq!((took, dns.questions()), (TRIP, 10 + 8 + 1));
}

const SLOW: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);

/// Ten signatures, ten SPF terms and a walk, each answer slow.
async fn slow(spf: &str) -> (Verdict, Duration) {
    let selectors: Vec<_> = (0..10).map(|n| format!("s{n}")).collect();
    let keys: String =
        selectors.iter().map(|s| format!("{s}._domainkey.a.example. TXT {{key:rsa-2048}}\n")).collect();
    let dns = Far::new(&format!("{spf}{keys}{KEY_AND_POLICY}"), SLOW, true);
    timed(&Recorder::new(Deadline::new(&dns, PATIENCE)), "localhost", &message(&selectors)).await
}

#[tokio::test(start_paused = true)]
async fn dos_10_a_late_answer_is_a_temperror_and_the_message_goes_on() {
    let wide: String = (0..10).map(|n| format!(" a:h{n}.example")).collect();
    let hosts: String = (0..9).map(|n| format!("h{n}.example. A 192.0.2.1\n")).collect();
    let wide = format!("a.example. TXT \"v=spf1{wide} -all\"\n{hosts}h9.example. A 203.0.113.66\n");
    let (verdict, took) = slow(&wide).await;
    assert_eq!((outcomes(&verdict), took), (["pass", "pass", "pass"], SLOW * 2));
    let deep: String = (0..9)
        .map(|n| format!("n{n}.example. TXT \"v=spf1 include:n{}.example -all\"\n", n + 1))
        .collect::<String>();
    let deep =
        format!("a.example. TXT \"v=spf1 include:n0.example -all\"\n{deep}n9.example. TXT \"v=spf1 +all\"\n");
    let (verdict, took) = slow(&deep).await;
    assert_eq!((outcomes(&verdict), took), (["temperror", "pass", "pass"], PATIENCE));
}

#[tokio::test(start_paused = true)]
async fn dos_10_nobody_answers() {
    let never = Duration::from_secs(3600);
    let dns = Far::new(KEY_AND_POLICY, never, true);
    let (verdict, took) =
        timed(&Deadline::new(&dns, PATIENCE), "mail.example.net", &message(&["s".to_owned()])).await;
    assert_eq!((outcomes(&verdict), took), (["temperror", "temperror", "temperror"], PATIENCE));
}
