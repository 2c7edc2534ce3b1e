//! Refusals, and what becomes of the rest of a conversation.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use milter::{End, Piece, SmtpReply, Verdict};
use testkit::real::wait_until;

use super::common::{Filter, Plan, Seen};
use super::{MESSAGE, each};

fn refusal(code: u16, text: &str) -> Verdict {
    Verdict::Refuse(SmtpReply::new(code, (7, 1), text).unwrap())
}

#[test]
fn a_whole_message_is_refused() {
    each(
        || Filter::with(Plan::default()),
        "",
        |filtered| {
            for (verdict, reply) in [
                (refusal(550, "no 100 % of %s"), "550 5.7.1 no 100 % of %s"),
                (refusal(451, "later"), "451 4.7.1 later"),
                (Verdict::Tempfail, "451 4.7.1 Service unavailable - try again later"),
                (refusal(550, "one\ntwo\nthree"), "550-5.7.1 one\n550-5.7.1 two\n550 5.7.1 three"),
            ] {
                let end: End = verdict.into();
                filtered.filter.plan.lock().unwrap().end = Some(Arc::new(move |_| end.clone()));
                assert_eq!(filtered.send(MESSAGE), reply);
            }
            assert_eq!(filtered.postfix.sink.arrived(), []);
        },
    );
}

#[test]
fn discarded_mail_is_accepted_and_gone() {
    each(
        || Filter::ending(|_| Verdict::Discard.into()),
        "",
        |filtered| {
            let reply = filtered.send(MESSAGE);
            assert!(reply.starts_with("250 2.0.0"), "{reply}");
            assert!(wait_until(|| filtered.postfix.log().contains("discard")), "{}", filtered.postfix.log());
            assert_eq!(filtered.postfix.sink.arrived(), []);
        },
    );
}

/// What is refused, and by which plan.
type Refused = (&'static str, fn(Verdict) -> Plan);

const STAGES: &[Refused] = &[
    ("MAIL", |verdict| Plan { mail: Some(verdict), ..Plan::default() }),
    ("RCPT", |verdict| Plan { rcpt: Some(verdict), ..Plan::default() }),
    ("DATA", |verdict| Plan { data: Some(verdict), ..Plan::default() }),
    ("a header field", |verdict| Plan { header: Some(verdict), ..Plan::default() }),
    ("the end of the header", |verdict| Plan { end_of_header: Some(verdict), ..Plan::default() }),
    ("a piece", |verdict| Plan { piece: Some(Piece::Verdict(verdict)), ..Plan::default() }),
];

#[test]
fn net_04_refused_at_every_stage_and_the_next_message_is_whole() {
    each(
        || Filter::with(Plan::default()),
        "",
        |filtered| {
            let mut client = filtered.postfix.converse();
            client.say("EHLO client.example");
            let mut taken = 0;
            for (stage, plan) in STAGES {
                for (verdict, code) in
                    [(refusal(550, "no"), "550 5.7.1 no"), (refusal(451, "later"), "451 4.7.1 later")]
                {
                    *filtered.filter.plan.lock().unwrap() = plan(verdict);
                    let reply = client.message("a@client.example", &["b@receiver.test"], MESSAGE);
                    assert_eq!(reply, code, "at {stage}");
                    *filtered.filter.plan.lock().unwrap() = Plan::default();
                    client.say("RSET");
                    let reply = client.message("c@client.example", &["d@receiver.test"], MESSAGE);
                    assert!(reply.starts_with("250 2.0.0"), "behind a refusal of {stage}: {reply}");
                    taken += 1;
                    let seen = filtered.filter.seen();
                    let whole: Vec<&Seen> = seen.iter().filter(|seen| seen.ended == "whole").collect();
                    assert_eq!(whole.len(), taken);
                    assert_eq!(
                        (&*whole[taken - 1].mail[0], &whole[taken - 1].rcpt),
                        ("<c@client.example>", &vec!["<d@receiver.test>".to_owned()])
                    );
                }
            }
            client.say("QUIT");
            let arrived = filtered.postfix.sink.wait_for(taken);
            assert_eq!(arrived.len(), taken);
            assert!(arrived.iter().all(|arrived| arrived.envelope[1] == "RCPT TO:<d@receiver.test>"));
        },
    );
}

#[test]
fn accepted_early_the_rest_is_not_shown() {
    each(
        || Filter::with(Plan { end_of_header: Some(Verdict::Accept), ..Plan::default() }),
        "",
        |filtered| {
            let delivered = filtered.delivered(MESSAGE);
            assert!(delivered.ends_with("\r\nend\r\n"));
            assert_eq!(filtered.filter.seen(), []);
        },
    );
}

#[test]
fn net_08_a_filter_that_is_killed_costs_a_4xx_and_nothing_passes_unseen() {
    each(
        || Filter::with(Plan::default()),
        "",
        |filtered| {
            let mut client = filtered.postfix.converse();
            client.say("EHLO client.example");
            let reply = client.envelope("a@client.example", &["b@receiver.test"]);
            assert!(reply.starts_with("354"), "{reply}");
            client.raw(b"From: a@client.example\r\n");
            // Not a clean shutdown: the tasks are gone.
            filtered.running.take().unwrap().task.abort();
            assert!(wait_until(|| filtered.filter.alive.load(Ordering::SeqCst) == 0));
            client.raw(b"\r\nbody\r\n.\r\n");
            let reply = client.reply();
            assert!(reply.starts_with("451 4.7.1"), "{reply}");
            let reply = client.message("a@client.example", &["b@receiver.test"], MESSAGE);
            assert!(reply.starts_with("451 4.7.1"), "{reply}");
            assert_eq!(filtered.postfix.sink.arrived(), []);
            assert!(
                filtered.filter.seen().iter().all(|seen| seen.ended == "aborted"),
                "nothing was seen whole"
            );
        },
    );
}
