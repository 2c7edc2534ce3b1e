//! DNS cold: every answer takes 20 ms, every cache is empty.

use std::time::{Duration, Instant};

use crate::ours::Ours;
use crate::peer::Peer;
use crate::server::Server;
use crate::table::{head, row, spread};
use crate::workload::{Mail, Sizes, Words, Workload};

const DELAY: Duration = Duration::from_millis(20);
const RUNS: usize = 15;

/// Prints milliseconds, questions and round trips for two records.
pub fn cold() {
    let workload = Workload::new(500, Sizes::All(16 * 1024));
    let server = Server::start(workload.zone.clone(), DELAY);
    head(
        &format!("DNS cold, {} ms an answer, {RUNS} runs:", DELAY.as_millis()),
        ["", "", "ms", "questions", "round trips"],
    );
    let cases = [
        ("SPF `include` of depth 4, DKIM, DMARC", "sender07"),
        ("SPF `mx a include include`, match last; DKIM, DMARC", "sender08"),
    ];
    for (title, sender) in cases {
        let mail = find(&workload, sender);
        measure(title, "mailward", &server, mail, || {
            let ours = Ours::with_server(server.address);
            async move { ours.judge(mail).await }
        });
        measure(title, "mail-auth 0.15", &server, mail, || {
            let peer = Peer::with_server(server.address);
            async move { peer.judge(mail).await }
        });
    }
}

/// A message of this sender in which all is well.
fn find<'a>(workload: &'a Workload, sender: &str) -> &'a Mail {
    let good = Words { spf: "pass", dkim: "pass", dmarc: "pass" };
    let mut mails = workload.mails.iter();
    mails
        .find(|m| m.expected == good && m.mail_from.contains(sender) && m.envelope.client.is_some())
        .expect("there is one among so many")
}

fn measure<F: Future<Output = Words>>(
    title: &str,
    name: &str,
    server: &Server,
    mail: &Mail,
    judge: impl Fn() -> F,
) {
    let (mut times, mut questions, mut waves) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (words, time) = runtime.block_on(async {
            let judged = judge();
            let start = Instant::now();
            (judged.await, start.elapsed())
        });
        assert_eq!(words, mail.expected, "{name}");
        let (asked, in_waves) = server.take();
        times.push(time.as_secs_f64() * 1000.0);
        questions.push(asked as f64);
        waves.push(in_waves as f64);
    }
    row([title, name, &spread(times, 0), &spread(questions, 0), &spread(waves, 0)]);
}
