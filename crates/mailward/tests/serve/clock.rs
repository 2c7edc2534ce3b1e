//! The clock jumps: a year forth and back, to before all records, to its end. Messages are judged by what it says, nothing
//! breaks, and when it is right again messages are judged as before.

use std::sync::atomic::Ordering;

use super::outbound::{check_verifies, keys, signing, submit};
use super::world::{DAY, NOW, World, outside, sample};

const YEAR: u64 = 365 * DAY;

fn send(world: &World, name: &str, ip: &str, from: &str) -> String {
    let helo = from.split_once('@').map_or("x", |(_, domain)| domain);
    world.send_outside(ip, &format!("mail.{helo}"), from, &sample(name))
}

fn good(world: &World) -> String {
    world.delivered(|world| send(world, "good.eml", "192.0.2.10", "bob@trust.example"))
}

/// What is said to a forgery; waits until it has arrived, if it does.
fn forged(world: &World) -> String {
    let before = world.postfix.sink.count();
    let reply = send(world, "spf-deception.eml", "203.0.113.66", "bob@spoofing.example");
    if reply.starts_with("250") {
        let _ = world.postfix.sink.wait_for(before + 1);
    }
    reply
}

#[test]
fn net_16_the_clock_jumps_between_messages_and_within_them() {
    let (folder, records) = keys();
    let config = format!("{}[policy]\nmode = 'enforce'\n", signing(&folder, ""));
    let Some(world) = World::start(&config, &records) else { return };
    for day in 0..3 {
        world.clock.store(NOW + day * DAY, Ordering::Relaxed);
        assert!(good(&world).contains("dmarc=pass"));
    }
    let right = NOW + 2 * DAY;
    assert!(forged(&world).starts_with("550 5.7.26"), "{}", world.log());
    for wrong in [right + YEAR, right - YEAR, 0, 1 << 40, u64::MAX, u64::from(u32::MAX), right + 1] {
        world.clock.store(wrong, Ordering::Relaxed);
        // SPF needs no clock; a signature of the future is none, and nobody is refused for that.
        let delivered = good(&world);
        assert!(delivered.starts_with("Authentication-Results: mx.receiver.test;\r\n"), "{delivered}");
        assert!(delivered.contains("dmarc=pass"), "{wrong}: {delivered}");
        let reply = forged(&world);
        assert!(reply.starts_with("250") || reply.starts_with("550 5.7.26"), "{wrong}: {reply}");
        // What leaves says when it was signed, whenever that is.
        let signed =
            world.delivered(|world| submit(world, "alice", b"From: alice@sender.test\r\n\r\nbody\r\n"));
        if wrong < 1 << 32 {
            assert!(signed.contains(&format!("t={wrong}")), "{signed}");
        }
        // In the middle of a message it is right again.
        let mut client = outside(&world.postfix, "192.0.2.10", "mail.trust.example");
        let reply = client.envelope("bob@trust.example", &["alice@receiver.test"]);
        assert!(reply.starts_with("354"), "{wrong}: {reply}");
        world.clock.store(right, Ordering::Relaxed);
        let before = world.postfix.sink.count();
        client.raw(&[&sample("good.eml")[..], b".\r\n"].concat());
        let reply = client.reply();
        assert!(reply.starts_with("250 2.0.0"), "{wrong}: {reply}");
        let _ = world.postfix.sink.wait_for(before + 1);
    }
    // Days of mail that the wrong clock has pushed out have to come again; nobody is refused for a guess.
    for day in 3..6 {
        world.clock.store(NOW + day * DAY, Ordering::Relaxed);
        assert!(good(&world).contains("dmarc=pass"));
    }
    assert!(forged(&world).starts_with("550 5.7.26"), "{}", world.log());
    world.set_clock_right();
    let signed = world.delivered(|world| submit(world, "alice", b"From: alice@sender.test\r\n\r\nbody\r\n"));
    check_verifies(&signed, &records);
    let log = world.log();
    assert!(!log.contains("trouble"), "{log}");
}
