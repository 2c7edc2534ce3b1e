//! What is asked ahead of a check, level by level: all of one line at once.
#![allow(clippy::unwrap_used, clippy::disallowed_types)]

use std::sync::Mutex;
use std::time::Duration;

use dns::{Answer, Dns, Question, Zone};
use mail::{Helo, ReversePath, UnixTime};
use spf::{Client, Limits, MAX_EXPLORED, explore_helo, explore_mail_from};
use tokio::time::{Instant, sleep};

/// Every answer takes a second.
struct Far {
    zone: Zone,
    start: Instant,
    asked: Mutex<Vec<(u64, String)>>,
}

impl Dns for Far {
    async fn ask(&self, question: &Question) -> Answer {
        self.zone.answer(question)
    }

    async fn warm(&self, question: &Question) -> Option<Answer> {
        self.asked.lock().unwrap().push((self.start.elapsed().as_secs(), question.to_string()));
        sleep(Duration::from_secs(1)).await;
        Some(self.ask(question).await)
    }
}

impl Far {
    fn new(zone: &str) -> Self {
        let text: String = zone.lines().map(|line| format!("{}\n", line.trim_start())).collect();
        Self { zone: Zone::parse(&text).unwrap(), start: Instant::now(), asked: Mutex::default() }
    }

    /// A line for each second.
    fn levels(&self) -> String {
        let asked = self.asked.lock().unwrap();
        let at =
            |second| asked.iter().filter(move |(at, _)| *at == second).map(|(_, question)| question.as_str());
        let levels = (0..).map(|second| at(second).collect::<Vec<_>>()).take_while(|level| !level.is_empty());
        levels.map(|level| level.join(", ") + "\n").collect()
    }
}

const HELO: &str = "mail.example.net";

fn client<'a>(ip: &str, helo: &'a Helo) -> Client<'a> {
    Client { ip: ip.parse().unwrap(), helo, receiver: "mx.receiver.test", now: UnixTime(0) }
}

async fn check_with(ip: &str, path: &str, limits: &Limits, zone: &str, expected: &str) {
    let (dns, helo) = (Far::new(zone), Helo::parse(HELO.as_bytes()));
    let path = ReversePath::parse(path.as_bytes(), true);
    explore_mail_from(&dns, &client(ip, &helo), &path, limits, None).await;
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(dns.levels().trim(), expected.trim(), "{path:?}\n{zone}");
}

async fn check(zone: &str, expected: &str) {
    check_with("203.0.113.66", "<some.one@a.example>", &Limits::default(), zone, expected).await;
}

#[tokio::test(start_paused = true)]
async fn all_terms_of_a_record_at_once_and_then_what_is_behind_them() {
    let zone = r#"
        a.example. TXT "v=spf1 a mx/24 ip4:192.0.2.1 a:h.example include:b.example exists:%{l1r}.%{d} redirect=c.example"
        a.example. MX 10 m1.example.
        a.example. MX 20 m2.example.
        b.example. TXT "v=spf1 mx -all"
        b.example. MX 10 m1.example.
        b.example. MX 20 m3.example.
        c.example. TXT "v=spf1 include:b.example include:d.example ~all"
        d.example. TXT "v=spf1 include:a.example -all"
    "#;
    let expected = "TXT a.example
        A a.example, MX a.example, A h.example, TXT b.example, A some.a.example, TXT c.example
        A m1.example, A m2.example, MX b.example, TXT d.example
        A m3.example";
    check(zone, expected).await;
    let v6 = expected.replace("A ", "AAAA ").replace("AAAA some", "A some");
    check_with("2001:db8::1", "<some.one@a.example>", &Limits::default(), zone, &v6).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_behind_the_end_of_a_record() {
    check(
        r#"a.example. TXT "v=spf1 a:x.example -all a:y.example redirect=z.example""#,
        "TXT a.example\nA x.example",
    )
    .await;
    check(r#"a.example. TXT "v=spf1 ip4:203.0.113.0/24 a:y.example""#, "TXT a.example").await;
    check(r#"a.example. TXT "v=spf1 ip6:::/0 a:y.example""#, "TXT a.example\nA y.example").await;
    check(r#"a.example. TXT "v=spf1 a:x.example bogus""#, "TXT a.example").await;
    check("a.example. TXT \"v=spf1 a\"\na.example. TXT \"v=spf1 mx\"", "TXT a.example").await;
    check(";! servfail a.example. TXT", "TXT a.example").await;
}

#[tokio::test(start_paused = true)]
async fn names_that_no_check_asks_for() {
    check(r#"a.example. TXT "v=spf1 include:%{d1} exists:%{l}..x -all""#, "TXT a.example").await;
    let local = r#"a.example. TXT "v=spf1 exists:%{l}.example include:b.example""#;
    check_with("203.0.113.66", "<ü@a.example>", &Limits::default(), local, "TXT a.example\nTXT b.example")
        .await;
    for path in ["<a@example>", "<a@[192.0.2.1]>", "<a@b@c>"] {
        check_with("203.0.113.66", path, &Limits::default(), "", "").await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_mail_exchangers_than_allowed_are_not_asked_for() {
    let exchangers = |count: u8| (0..count).map(|n| format!("a.example. MX 1 m{n}.x.\n")).collect::<String>();
    let zone = |count| format!("a.example. TXT \"v=spf1 mx\"\n{}", exchangers(count));
    let hosts: Vec<_> = (0..10).map(|n| format!("A m{n}.x")).collect();
    check(&zone(10), &format!("TXT a.example\nMX a.example\n{}", hosts.join(", "))).await;
    check(&zone(11), "TXT a.example\nMX a.example").await;
    check("a.example. TXT \"v=spf1 mx\"\na.example. MX 0 .", "TXT a.example\nMX a.example").await;
}

#[tokio::test(start_paused = true)]
async fn names_of_the_client() {
    let names = "66.113.0.203.in-addr.arpa. PTR n.example.\n66.113.0.203.in-addr.arpa. PTR n.a.example.\n";
    let ptr = format!("a.example. TXT \"v=spf1 ptr -all\"\n{names}");
    check(&ptr, "TXT a.example\nPTR 66.113.0.203.in-addr.arpa\nA n.a.example").await;
    let p = format!("a.example. TXT \"v=spf1 exists:%{{p}}.x.example -all\"\n{names}");
    check(&p, "TXT a.example\nPTR 66.113.0.203.in-addr.arpa\nA n.example, A n.a.example").await;
    let limits = Limits { ptr: 0, ..Limits::default() };
    check_with("203.0.113.66", "<x@a.example>", &limits, &ptr, "TXT a.example").await;
    check_with("203.0.113.66", "<x@a.example>", &limits, &p, "TXT a.example").await;
}

#[tokio::test(start_paused = true)]
async fn the_number_of_questions_is_bounded() {
    let wide: String = (0..30).map(|n| format!(" a:n{n}.x")).collect();
    let level: Vec<_> = (0..MAX_EXPLORED - 1).map(|n| format!("A n{n}.x")).collect();
    let expected = format!("TXT a.example\n{}", level.join(", "));
    check(&format!("a.example. TXT \"v=spf1{wide}\""), &expected).await;
    let deep: String =
        (0..40).map(|n| format!("n{n}.example. TXT \"v=spf1 include:n{}.example\"\n", n + 1)).collect();
    let chain: Vec<_> = (0..MAX_EXPLORED).map(|n| format!("TXT n{n}.example")).collect();
    check_with("203.0.113.66", "<x@n0.example>", &Limits::default(), &deep, &chain.join("\n")).await;
}

#[tokio::test(start_paused = true)]
async fn the_name_in_helo_and_the_null_sender() {
    let zone = r#"mail.example.net. TXT "v=spf1 exists:%{l}.%{o} -all""#;
    let expected = "TXT mail.example.net\nA postmaster.mail.example.net";
    check_with("203.0.113.66", "<>", &Limits::default(), zone, expected).await;
    let levels = async |said: &str| {
        let (dns, helo) = (Far::new(zone), Helo::parse(said.as_bytes()));
        explore_helo(&dns, &client("203.0.113.66", &helo), &Limits::default(), None).await;
        dns.levels()
    };
    assert_eq!(levels(HELO).await.trim(), expected);
    assert_eq!(levels("localhost").await, "");
    assert_eq!(levels("[192.0.2.1]").await, "");
}
