//! Trouble of our own: what the mode promises holds, and what claims to be ours is removed all the same.

use std::future::pending;
use std::time::Duration;

use dns::{Answer, Dns, Question, Zone};
use mailward::serve::site::Site;
use tokio::runtime::Runtime;

use super::mta::{Said, Shown, show};
use super::world::{NO_PORT, config};

/// Somebody who has a bug.
#[derive(Clone)]
struct Panics;

impl Dns for Panics {
    async fn ask(&self, question: &Question) -> Answer {
        panic!("a bug, of which {question:?} is not to blame")
    }
}

/// Somebody who never answers.
#[derive(Clone)]
struct Silent;

impl Dns for Silent {
    async fn ask(&self, _: &Question) -> Answer {
        pending().await
    }
}

fn judged<D: Dns + Clone + Send + Sync + 'static>(dns: D, more: &str) -> Said {
    let text = format!(
        "{NO_PORT}for = 'inbound'\n[receiving]\nauthserv_id = 'mx.receiver.test'\ndeadline = '1s'\n{more}"
    );
    let (site, _) = Site::new(config(&text)).unwrap();
    let shown = Shown {
        ip: Some("203.0.113.66"),
        helo: b"client.test",
        mail: vec![b"<x@a.example>"],
        header: vec![
            (b"Authentication-Results", b" mx.receiver.test; dmarc=pass"),
            (b"From", b" x@a.example"),
            (b"Authentication-Results", b" mx.receiver.test; spf=pass"),
        ],
        body: b"body\r\n",
        slow: Duration::ZERO,
    };
    Runtime::new().unwrap().block_on(show(site, dns, 1_795_168_805, &shown))
}

/// What stands on top of the message, and that the forged fields do not.
#[track_caller]
fn check_tagged(said: &Said) {
    assert_eq!(said.last, "Accept", "{said:?}");
    let name = b"authentication-results".to_vec();
    assert_eq!(said.removed, [(name.clone(), 2), (name, 1)], "{said:?}");
    let (name, value) = &said.inserted[0];
    assert_eq!(name, "Authentication-Results");
    assert!(value.contains("mx.receiver.test;") && value.contains("dmarc=temperror"), "{said:?}");
}

#[test]
fn ar_07_a_bug_is_what_the_mode_promises() {
    check_tagged(&judged(Panics, ""));
    for more in [
        "[policy]\nmode = 'quarantine'\n",
        "[policy]\nmode = 'enforce'\n",
        "[policy.recipients]\n'example.test' = 'enforce'\n",
        "[policy.authors]\n'a.example' = 'enforce'\n",
    ] {
        let said = judged(Panics, more);
        assert!(said.last.starts_with("451 4.3.0 "), "{more}: {said:?}");
        assert!(said.log.contains("\"trouble\":\"the check has failed\""), "{said:?}");
    }
    check_tagged(&judged(Panics, "[policy.authors]\n'b.example' = 'enforce'\n"));
}

#[test]
fn net_07_silence_is_a_temperror_within_the_deadline() {
    check_tagged(&judged(Silent, ""));
    check_tagged(&judged(Silent, "[policy]\nmode = 'quarantine'\n"));
    // The missing answer could lead to a refusal if the domain is one of the site's own.
    let own = "[policy]\nmode = 'enforce'\nown_domains = 'a.example'\n";
    let said = judged(Silent, own);
    assert!(said.last.starts_with("451 4.4.3 "), "{said:?}");
}

#[test]
fn a_body_that_takes_its_time_takes_none_from_the_answers() {
    let zone =
        "$ORIGIN .\n$TTL 60\n_dmarc.a.example. TXT \"v=DMARC1; p=reject\"\nwww.a.example. A 192.0.2.1\n";
    let text = format!("{NO_PORT}for = 'inbound'\n[policy]\nmode = 'enforce'\n");
    let (mut site, _) = Site::new(config(&text)).unwrap();
    site.deadline = Duration::from_millis(50);
    let shown = Shown {
        ip: Some("203.0.113.66"),
        helo: b"client.test",
        mail: vec![b"<x@b.example>"],
        header: vec![(b"From", b" x@www.a.example")],
        body: b"body\r\n",
        slow: 2 * site.deadline,
    };
    let zone = Zone::parse(zone).unwrap();
    let said = Runtime::new().unwrap().block_on(show(site, zone, 1_795_168_805, &shown));
    assert_eq!(said.last, "Accept", "{said:?}");
    assert!(said.log.contains("a.example is not known here to sign"), "{said:?}");
}

#[test]
fn env_18_mail_that_came_by_no_smtp_has_no_client_for_spf() {
    let zone = Zone::parse("$ORIGIN .\n$TTL 60\na.example. TXT \"v=spf1 ip4:127.0.0.0/8 -all\"\n").unwrap();
    let text = format!("{NO_PORT}[network]\ndirections = ['local: inbound']\n");
    let shown = Shown {
        ip: Some("127.0.0.1"),
        helo: b"localhost",
        mail: vec![b"<x@a.example>"],
        header: vec![(b"From", b" x@a.example")],
        body: b"body\r\n",
        slow: Duration::ZERO,
    };
    let (site, _) = Site::new(config(&text)).unwrap();
    let said = Runtime::new().unwrap().block_on(show(site, zone, 1_795_168_805, &shown));
    assert_eq!(said.last, "Accept", "{said:?}");
    assert!(!said.inserted[0].1.contains("spf=pass"), "{said:?}");
}

#[test]
fn net_09_more_forged_fields_than_are_removed_do_not_come_in() {
    let zone = Zone::parse("$ORIGIN .\n$TTL 60\na.example. A 192.0.2.1\n").unwrap();
    let forged = (&b"Authentication-Results"[..], &b" mx.receiver.test; dmarc=pass"[..]);
    for (count, last) in [(499, "Accept"), (500, "451 4.3.0 "), (501, "451 4.3.0 "), (2_000, "451 4.3.0 ")] {
        let text = format!("{NO_PORT}for = 'inbound'\n[receiving]\nauthserv_id = 'mx.receiver.test'\n");
        let (site, _) = Site::new(config(&text)).unwrap();
        let shown = Shown {
            ip: Some("203.0.113.66"),
            helo: b"client.test",
            mail: vec![b"<x@a.example>"],
            header: vec![forged; count],
            body: b"body\r\n",
            slow: Duration::ZERO,
        };
        let said = Runtime::new().unwrap().block_on(show(site, zone.clone(), 1_795_168_805, &shown));
        assert!(said.last.starts_with(last), "{count}: {}", said.last);
        // It is known as soon as there is one too many, without the body.
        assert_eq!(said.last.contains("than can be;"), count > 500, "{count}: {}", said.last);
    }
}
