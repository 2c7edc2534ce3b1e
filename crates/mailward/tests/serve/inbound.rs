//! Mail from outside.

use std::net::TcpListener;
use std::sync::atomic::Ordering;

use testkit::real::Root;
use testkit::real::postfix::Postfix;

use super::program::{Program, inbound};
use super::world::{DAY, NOW, Names, World, sample};

const TRUST: (&str, &str, &str) = ("192.0.2.10", "mail.trust.example", "bob@trust.example");
const SPOOFER: (&str, &str, &str) = ("203.0.113.66", "mail.spoofing.example", "bob@spoofing.example");

fn send(world: &World, (ip, helo, from): (&str, &str, &str), content: &[u8]) -> String {
    world.send_outside(ip, helo, from, content)
}

#[test]
fn mail_from_outside_is_checked_and_tagged_on_top() {
    World::each("", "", |world| {
        let delivered = world.delivered(|world| send(world, TRUST, &sample("good.eml")));
        assert!(
            delivered.starts_with("Authentication-Results: mx.receiver.test;\r\n"),
            "{delivered}\n{}",
            world.log()
        );
        for part in ["spf=pass", "dkim=pass", "dmarc=pass"] {
            assert!(delivered.contains(part), "{delivered}");
        }
        // The message itself is not touched.
        let original = String::from_utf8(sample("good.eml")).unwrap();
        assert!(delivered.ends_with(&original), "{delivered}");
        let log = world.log();
        assert!(log.contains("\"direction\":\"inbound\"") && log.contains("\"dmarc\":\"pass\""), "{log}");
    });
}

#[test]
fn ar_12_forged_fields_are_removed_and_those_of_others_stay() {
    World::each("removed_fields = ['X-Spam-*']\nreceived_spf = true\n", "", |world| {
        let forged = "Authentication-Results: mx.receiver.test; dmarc=pass header.from=trust.example\r\n\
                      X-Spam-Flag: NO\r\nX-Mailward: accept; mode=enforce\r\nReceived-SPF: pass (forged)\r\n\
                      Authentication-Results: other.test; dkim=none\r\n\
                      AUTHENTICATION-RESULTS:\r\n\tMX.Receiver.Test. 1; dkim=pass\r\n";
        let message = [forged.as_bytes(), &sample("spf-deception.eml")].concat();
        let delivered = world.delivered(|world| send(world, SPOOFER, &message));
        let header = delivered.split("\r\n\r\n").next().unwrap();
        assert!(!header.contains("dmarc=pass") && !header.contains("X-Spam-Flag"), "{header}");
        assert!(!header.contains("X-Mailward: accept") && !header.contains("(forged)"), "{header}");
        assert!(!header.contains("MX.Receiver.Test"), "{header}");
        assert!(header.contains("Authentication-Results: other.test; dkim=none"), "{header}");
        assert!(header.contains("dmarc=fail") && header.contains("\r\nReceived-SPF: pass\r\n ("), "{header}");
        assert_eq!(header.matches("uthentication-Results:").count(), 2, "{header}");
    });
}

#[test]
fn quarantine_marks_and_observe_does_not() {
    for (mode, marked) in [("observe", false), ("quarantine", true)] {
        let Some(world) = World::start(&format!("[policy]\nmode = '{mode}'\n"), "") else { return };
        for name in ["spf-deception.eml", "dkim-deception.eml"] {
            let delivered = world.delivered(|world| send(world, SPOOFER, &sample(name)));
            assert!(delivered.contains("dmarc=fail"), "{delivered}");
            let mark = "X-Mailward: quarantine; mode=quarantine; rule=dmarc-reject; dmarc=fail; author=trust.example";
            assert_eq!(delivered.contains(mark), marked, "{delivered}");
        }
    }
}

#[test]
fn held_mail_is_on_hold() {
    let Some(world) = World::start("[policy]\nmode = 'quarantine'\nhold = true\n", "") else { return };
    let reply = send(&world, SPOOFER, &sample("spf-deception.eml"));
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(world.postfix.queued("hold"), 1, "{}", world.postfix.log());
}

#[test]
fn without_an_author_mail_is_refused_under_enforce_in_words_of_the_site() {
    let text = "[policy]\nmode = 'enforce'\n[policy.replies]\nmissing-from = '554 5.6.0 no author, says %{receiver}'\n";
    let Some(world) = World::start(text, "") else { return };
    let reply = send(&world, SPOOFER, b"Subject: x\r\n\r\nbody\r\n");
    assert_eq!(reply, "554 5.6.0 no author, says mx.receiver.test", "{}", world.log());
    assert!(world.log().contains("\"rule\":\"missing-from\""), "{}", world.log());
}

#[test]
fn behind_a_relay_spf_judges_who_came_to_it() {
    let Some(world) = World::start("[network]\nrelays = ['198.51.100.25']\n", "") else { return };
    let received =
        "Received: from mail.trust.example (mail.trust.example [192.0.2.10])\r\n\tby relay.test\r\n";
    let message = [received.as_bytes(), &sample("good.eml")].concat();
    let relay = ("198.51.100.25", "relay.test", "bob@trust.example");
    let delivered = world.delivered(|world| send(world, relay, &message));
    assert!(delivered.contains("spf=pass") && delivered.contains("dmarc=pass"), "{delivered}");
    assert!(world.log().contains("behind 1 of our relays"), "{}", world.log());
}

#[test]
fn smug_01_smuggling_forms_are_one_message() {
    World::each("", "", |world| one_message(&world.postfix, || world.log()));
}

#[test]
fn smug_02_behind_a_before_queue_filter_they_are_one_message_too() {
    for root in Root::all(&["postfix"]) {
        let Some(names) = Names::start("") else { return };
        let program = Program::start(&inbound(names.resolver.addr, ""));
        // The filter passes everything on as it is: it is no more than the hop.
        let behind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let postfix = Postfix::start_with(
            &root,
            &format!(
                "smtpd_authorized_xclient_hosts = 127.0.0.0/8\nsmtpd_forbid_bare_newline = normalize\n\
                 smtpd_proxy_filter = {behind}\n"
            ),
            &format!(
                "{behind} inet n - n - - smtpd -o smtpd_proxy_filter= -o smtpd_milters=inet:{}\n",
                program.addr()
            ),
        );
        one_message(&postfix, || program.log());
    }
}

/// Whatever may be taken for the end of a message, what follows it is no message of its own.
fn one_message(postfix: &Postfix, log: impl Fn() -> String) {
    let forms: [&[u8]; 12] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\n",
        b"\n.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\n\x00.\r\n",
        b"\r\n.\x00\r\n",
        b"\r\n.\r\r\n",
        b"\r\r\n.\r\r\n",
    ];
    // How many of an author were judged, in the log of either form.
    let by = |author: &str| {
        let forms = [format!("\"author\":\"{author}\""), format!(" author={author} ")];
        forms.iter().map(|form| log().matches(form.as_str()).count()).sum::<usize>()
    };
    let mut came = 0;
    for form in forms {
        let before = postfix.sink.arrived().len();
        let smuggled: &[u8] = b"MAIL FROM:<admin@trust.example>\r\nRCPT TO:<alice@receiver.test>\r\nDATA\r\n\
            From: admin@trust.example\r\n\r\nsmuggled\r\n";
        let message = [b"From: bob@spoofing.example\r\n\r\nbody".as_slice(), form, smuggled].concat();
        let mut client = super::world::outside(postfix, SPOOFER.0, SPOOFER.1);
        let reply = client.envelope(SPOOFER.2, &["alice@receiver.test"]);
        assert!(reply.starts_with("354"), "{reply}");
        client.raw(&[&message[..], b"\r\n.\r\n"].concat());
        let reply = client.reply();
        let log = log();
        match reply.starts_with("250") {
            true => {
                came += 1;
                assert_eq!(postfix.sink.wait_for(before + 1).len(), before + 1, "{form:?}");
            }
            false => assert_eq!(postfix.sink.arrived().len(), before, "{form:?} {reply}"),
        }
        assert!(!log.contains("admin@trust.example"), "{form:?} {log}");
        assert_eq!(by("trust.example"), 0, "{form:?}: {log}");
    }
    assert!(came >= 8 && by("spoofing.example") == came, "{came} came in: {}", log());
}

/// Good mail on so many days, from this one after the samples on.
fn good_days(world: &World, days: std::ops::Range<u64>) {
    for day in days {
        world.clock.store(NOW + day * DAY, Ordering::Relaxed);
        let delivered = world.delivered(|world| send(world, TRUST, &sample("good.eml")));
        assert!(delivered.contains("dkim=pass"), "{delivered}");
    }
}

const ENFORCE: &str = "[policy]\nmode = 'enforce'\n";

#[test]
fn the_two_deceptions_are_refused_when_good_mail_came_on_three_days_and_only_tagged_under_observe() {
    World::each(ENFORCE, "", |world| {
        good_days(world, 0..2);
        let delivered = world.delivered(|world| send(world, SPOOFER, &sample("spf-deception.eml")));
        assert!(delivered.contains("X-Mailward: quarantine; mode=enforce; rule=dmarc-reject"), "{delivered}");
        assert!(delivered.contains("kept=not-known-to-sign"), "{delivered}");
        good_days(world, 2..3);
        for name in ["spf-deception.eml", "dkim-deception.eml"] {
            let reply = send(world, SPOOFER, &sample(name));
            assert!(
                reply.starts_with("550 5.7.26 DMARC: nothing proves that this is from trust.example"),
                "{reply}"
            );
        }
        assert!(world.log().contains("\"disposition\":\"refuse\""), "{}", world.log());
        // What is known is the same under another mode, and so is what is said of the message.
        world.reconfigure("");
        for name in ["spf-deception.eml", "dkim-deception.eml"] {
            let delivered = world.delivered(|world| send(world, SPOOFER, &sample(name)));
            assert!(delivered.starts_with("Authentication-Results: mx.receiver.test;\r\n"), "{delivered}");
            assert!(delivered.contains("dmarc=fail") && !delivered.contains("X-Mailward"), "{delivered}");
        }
        assert!(world.log().contains("enforce would refuse"), "{}", world.log());
        world.reconfigure(ENFORCE);
        // A month later nobody knows it any more.
        world.clock.store(NOW + 32 * DAY, Ordering::Relaxed);
        let reply = send(world, SPOOFER, &sample("spf-deception.eml"));
        assert!(reply.starts_with("250"), "{reply}");
    });
}

#[test]
fn mail_of_lists_and_forwarders_that_fails_is_never_refused() {
    World::each(ENFORCE, "", |world| {
        good_days(world, 0..3);
        let changed = sample("changed-body.eml");
        let unsigned = sample("spf-deception.eml");
        let list = [b"List-Id: <l.forward.example>\r\n", &unsigned[..]].concat();
        let precedence = [b"Precedence: list\r\n", &unsigned[..]].concat();
        let resent = [b"Resent-From: <x@forward.example>\r\n", &unsigned[..]].concat();
        let srs = "SRS0=abcd=ef=trust.example=bob@forward.example";
        let forwarder = |from| ("198.51.100.25", "mail.forward.example", from);
        for (what, from, content) in [
            ("a changed message with its signature", "bob@trust.example", &changed),
            ("a list", "l-bounces@forward.example", &list),
            ("another list", "x@forward.example", &precedence),
            ("sent again", "x@forward.example", &resent),
            ("an alumni forwarder", srs, &unsigned),
        ] {
            let delivered = world.delivered(|world| send(world, forwarder(from), content));
            assert!(delivered.contains("dmarc=fail"), "{what}: {delivered}");
            assert!(delivered.contains("X-Mailward: quarantine; mode=enforce"), "{what}: {delivered}");
        }
        let reply = send(world, forwarder("x@forward.example"), &unsigned);
        assert!(reply.starts_with("550"), "without any sign of it: {reply}");
    });
}

#[test]
fn dkp_01_a_replay_passes_and_is_counted_and_quarantined_where_the_site_says_so() {
    let text = "[policy]\nmode = 'quarantine'\nmax_copies = 2\nmax_signature_age = '7d'\n";
    let Some(world) = World::start(text, "") else { return };
    let replayed = |marked: bool| {
        let delivered = world.delivered(|world| send(world, SPOOFER, &sample("good.eml")));
        assert!(delivered.contains("dkim=pass") && delivered.contains("dmarc=pass"), "{delivered}");
        let mark =
            "X-Mailward: quarantine; mode=quarantine; rule=replayed; dmarc=pass; author=trust.example\r\n";
        assert_eq!(delivered.contains(mark), marked, "{delivered}\n{}", world.log());
    };
    replayed(false);
    replayed(false);
    replayed(true);
    // The author's own hosts send as often as they like.
    let own = world.delivered(|world| send(world, TRUST, &sample("good.eml")));
    assert!(!own.contains("X-Mailward"), "{own}");
    // Two days later nobody remembers how often, and a week later it is old.
    world.clock.store(NOW + 3 * DAY, Ordering::Relaxed);
    let _ = world.delivered(|world| send(world, SPOOFER, &sample("dkim-deception.eml")));
    world.clock.store(NOW + 6 * DAY, Ordering::Relaxed);
    replayed(false);
    world.clock.store(NOW + 8 * DAY, Ordering::Relaxed);
    replayed(true);
    let log = world.log();
    for part in [
        "\"copies\":3",
        "\"copies\":4",
        "\"signature_age\":5",
        "\"recipients_named\":\"false\"",
        "signed 192 hours ago",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
}
