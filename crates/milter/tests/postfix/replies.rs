//! Refusals, and what becomes of the rest of a conversation.

use std::sync::atomic::Ordering;

use milter::{End, SmtpReply, Verdict};
use testkit::real::wait_until;

use super::common::{Filter, Plan, Seen};
use super::{MESSAGE, each};

fn refusal(code: u16, text: &str) -> Verdict {
    Verdict::Refuse(SmtpReply::new(code, (7, 1), text).unwrap())
}

fn ends_with(verdict: Verdict, reply: &str) {
    each(
        || {
            let verdict = verdict.clone();
            Filter::ending(move |_| End::from(verdict.clone()))
        },
        "",
        |filtered| {
            assert_eq!(filtered.send(MESSAGE), reply);
            assert_eq!(filtered.postfix.sink.arrived(), []);
        },
    );
}

#[test]
fn a_whole_message_is_refused() {
    ends_with(refusal(550, "no 100 % of %s"), "550 5.7.1 no 100 % of %s");
    ends_with(refusal(451, "later"), "451 4.7.1 later");
    ends_with(Verdict::Tempfail, "451 4.7.1 Service unavailable - try again later");
    ends_with(refusal(550, "one\ntwo\nthree"), "550-5.7.1 one\n550-5.7.1 two\n550 5.7.1 three");
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

/// One refusal at some stage, then the same conversation goes on with a message that is taken.
fn refused_at(plan: impl Fn(Verdict) -> Plan + Copy, refused: &str) {
    for (verdict, code) in [(refusal(550, "no"), "550 5.7.1 no"), (refusal(451, "later"), "451 4.7.1 later")]
    {
        each(
            || Filter::with(plan(verdict.clone())),
            "",
            |filtered| {
                let mut client = filtered.postfix.converse();
                client.say("EHLO client.example");
                let reply = client.message("a@client.example", &["b@receiver.test"], MESSAGE);
                assert_eq!(reply, code, "at {refused}");
                *filtered.filter.plan.lock().unwrap() = Plan::default();
                client.say("RSET");
                let reply = client.message("c@client.example", &["d@receiver.test"], MESSAGE);
                assert!(reply.starts_with("250 2.0.0"), "behind a refusal at {refused}: {reply}");
                client.say("QUIT");
                let arrived = filtered.postfix.sink.wait_for(1);
                assert_eq!(arrived[0].envelope[1], "RCPT TO:<d@receiver.test>");
                let seen = filtered.filter.seen();
                let whole: Vec<&Seen> = seen.iter().filter(|seen| seen.ended == "whole").collect();
                assert_eq!(whole.len(), 1);
                assert_eq!(
                    (&whole[0].mail[0], &whole[0].rcpt[0]),
                    (&"<c@client.example>".into(), &"<d@receiver.test>".into())
                );
            },
        );
    }
}

#[test]
fn net_04_refused_at_every_stage_and_the_next_message_is_whole() {
    let plan = Plan::default;
    refused_at(|verdict| Plan { mail: Some(verdict), ..plan() }, "MAIL");
    refused_at(|verdict| Plan { rcpt: Some(verdict), ..plan() }, "RCPT");
    refused_at(|verdict| Plan { data: Some(verdict), ..plan() }, "DATA");
    refused_at(|verdict| Plan { header: Some(verdict), ..plan() }, "a header field");
    refused_at(|verdict| Plan { end_of_header: Some(verdict), ..plan() }, "the end of the header");
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
            assert_eq!(filtered.filter.seen(), [], "nothing was seen whole");
        },
    );
}
