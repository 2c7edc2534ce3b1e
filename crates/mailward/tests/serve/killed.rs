//! `kill -9` in the middle of everything, and the socket gone: what the MTA's `default_action` says is done, no mail is
//! lost, and no row is there twice.

use std::fs;
use std::time::{Duration, Instant};

use testkit::long;
use testkit::real::postfix::Postfix;
use testkit::real::{Root, knot, output, wait_until};

use super::load::{Load, Sent, audit, by_mark, good, is_tagged, send};
use super::outbound::keys;
use super::program::{Program, inbound, rows, text};
use super::world::{sample, zone};

/// Rows that are younger may be lost in a kill: they wait for others at most 0.1 s, and for their transaction.
const UNSAFE: Duration = Duration::from_secs(1);

/// Kills it again and again while mail comes in. What of it arrives without having been seen: gives how much.
fn killed_under_load(action: &str) -> Option<usize> {
    // Each of the two tests has a version of Postfix of its own, where there are two.
    let mut roots = Root::all(&["postfix"]).into_iter();
    let root = if action == "tempfail" { roots.next()? } else { roots.next_back()? };
    let knot = knot(&zone(""))?;
    let mut program = Program::start(&inbound(knot.addr, ""));
    let settings = format!("smtpd_milters = inet:{}\nmilter_default_action = {action}\n", program.addr());
    let postfix = Postfix::start(&root, &settings);
    let load = Load::start(postfix.addr, 4, Duration::from_millis(5), &good());
    let mut kills = Vec::new();
    for _ in 0..if long() { 100 } else { 3 } {
        load.wait_for(60);
        program.kill();
        kills.push(Instant::now());
        load.wait_for(20);
        program.restart();
    }
    load.wait_for(40);
    let sent = load.end();
    program.end();
    let arrived = audit(&postfix, &sent);
    let rows = by_mark(&rows(&program.place()));
    assert!(rows.values().all(|count| *count == 1), "{rows:?}");
    let mut unseen = 0;
    for sent in sent.iter().filter(|sent| sent.accepted()) {
        let seen = is_tagged(&arrived[&sent.mark]);
        unseen += usize::from(!seen);
        let unsafe_then = kills.iter().any(|kill| sent.ended + UNSAFE > *kill && sent.begun < *kill);
        assert!(!seen || unsafe_then || rows.contains_key(&sent.mark), "no row of {sent:?}");
    }
    let put_off = sent.iter().filter(|sent| !sent.accepted()).count();
    println!(
        "{} kills: {} messages, {put_off} put off, {unseen} unseen, {} rows",
        kills.len(),
        sent.len(),
        rows.len()
    );
    assert!(sent.iter().all(|sent| sent.accepted() || sent.reply.starts_with('4')));
    assert_eq!(put_off > 0, action == "tempfail", "{sent:?}");
    Some(unseen)
}

#[test]
fn net_08_killed_under_load_with_tempfail_nothing_is_lost_or_gets_in_unseen() {
    assert!(killed_under_load("tempfail").is_none_or(|unseen| unseen == 0));
}

#[test]
fn net_08_killed_under_load_with_accept_mail_gets_in_unseen_and_none_is_lost() {
    assert!(killed_under_load("accept").is_none_or(|unseen| unseen > 0));
}

/// Good mail from a client outside: the reply.
fn send_one(postfix: &Postfix, mark: &str) -> Sent {
    send(postfix.addr, mark, &sample("good.eml"))
}

#[test]
fn net_08_while_the_socket_is_gone_mail_waits_bounces_and_local_mail_too() {
    let Some(knot) = knot(&zone("")) else { return };
    let (folder, _) = keys();
    for root in Root::all(&["postfix"]) {
        let main_cf = "smtpd_milters = unix:milter.sock\nnon_smtpd_milters = unix:milter.sock\n\
            internal_mail_filter_classes = bounce\nmyorigin = sender.test\ndefer_transports = error\n\
            transport_maps = inline:{{full.receiver.test = error:5.2.2 full}}\n";
        let postfix = Postfix::start(&root, main_cf);
        let socket = postfix.folder().join("queue/milter.sock");
        let more = format!("[signing]\nkey_directory = '{}'\n", folder.path().display());
        let config = text(knot.addr, &more).replace("127.0.0.1:0", &socket.display().to_string());
        // Mail without SMTP goes out, and mail by SMTP comes in.
        let config = config.replace("[receiving]", "socket_mode = '666'\n[receiving]");
        let mut program = Program::start(&(config + "[network]\nown = '198.18.0.0/15'\n"));
        let here = [send_one(&postfix, "here1"), send_one(&postfix, "here2")];
        // This one bounces when it is tried again, which is when we are away.
        postfix.sendmail(b"From: alice@sender.test\nTo: bob@full.receiver.test\n\nbody\n");
        assert!(wait_until(|| postfix.queued("deferred") == 1), "{}", postfix.log());
        program.kill();
        assert!(socket.exists(), "left behind");
        let away = [send_one(&postfix, "away1"), send_one(&postfix, "away2")];
        postfix.sendmail(b"From: alice@sender.test\nTo: bob@receiver.test\nX-Mark: local\n\nbody\n");
        flush(&postfix);
        assert!(wait_until(|| postfix.log().contains("bounce")), "{}", postfix.log());
        fs::remove_file(&socket).unwrap();
        let gone = [send_one(&postfix, "gone1"), send_one(&postfix, "gone2")];
        assert!(
            away.iter().chain(&gone).all(|sent| sent.reply.starts_with("451 4.7.1")),
            "{away:?} {gone:?}"
        );
        program.restart();
        let back = [send_one(&postfix, "back1"), send_one(&postfix, "back2")];
        assert!(here.iter().chain(&back).all(Sent::accepted), "{here:?} {back:?}\n{}", program.log());
        // All that waited is there in the end, and is what it should be.
        let all = wait_until(|| {
            flush(&postfix);
            postfix.sink.count() == 6
        });
        assert!(all, "{}\n{}", postfix.log(), program.log());
        let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
        let arrived: Vec<String> = postfix.sink.arrived().iter().map(|one| text(&one.content)).collect();
        let tagged = arrived.iter().filter(|content| is_tagged(content)).count();
        let is_signed = |content: &&String| content.starts_with("DKIM-Signature: ");
        let bounces =
            arrived.iter().filter(is_signed).filter(|one| one.contains("From: Mail Delivery System")).count();
        let local = arrived.iter().filter(is_signed).filter(|one| one.contains("X-Mark: local")).count();
        assert_eq!((tagged, bounces, local), (4, 1, 1), "{arrived:#?}");
    }
}

/// Has what waits tried again.
fn flush(postfix: &Postfix) {
    for command in [&["postqueue", "-f"][..], &["postkick", "public", "pickup", "W"]] {
        let mut run = postfix.command(command[0]);
        run.args(&command[1..]);
        let _ = output(run, b"");
    }
}
