//! What the program needs goes away and comes back: the database, the disk, the DNS. Mail goes on as its mode promises,
//! none is lost, and all is as before within 5 s.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use store::{Place, PostgresUrl};
use testkit::long;
use testkit::real::postfix::Postfix;
use testkit::real::postgres::Postgres;
use testkit::real::{Root, knot, not_run, wait_until};

use super::load::{Content, Load, Sent, audit, by_mark, good, is_tagged, send};
use super::program::{Program, inbound, rows};
use super::world::zone;

/// By when all is as before.
const BACK: Duration = Duration::from_secs(5);

/// How long something is away: this, or ten minutes.
fn outage(short: Duration) -> Duration {
    if long() { Duration::from_secs(600) } else { short }
}

/// A pause between the messages of a sender: long outages need no more messages, but more time.
fn pause() -> Duration {
    Duration::from_millis(if long() { 200 } else { 10 })
}

fn behind(program: &Program) -> Option<Postfix> {
    let root = Root::find(&["postfix"])?;
    Some(Postfix::start(&root, &format!("smtpd_milters = inet:{}\n", program.addr())))
}

/// All of it was accepted, with a tag on top, and none took long.
fn check_unharmed(postfix: &Postfix, sent: &[Sent]) {
    let arrived = audit(postfix, sent);
    assert!(
        sent.iter().all(Sent::accepted) && arrived.values().all(|content| is_tagged(content)),
        "{sent:?}"
    );
    let slowest = sent.iter().map(|sent| sent.ended - sent.begun).max().unwrap();
    println!("{} messages, the slowest in {slowest:?}", sent.len());
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

/// Waits until there is one row for each of these messages.
fn until_stored(look: impl Fn() -> BTreeMap<String, usize>, sent: &[Sent]) {
    let mut stored = BTreeMap::new();
    let all = wait_until(|| {
        stored = look();
        sent.iter().all(|sent| stored.contains_key(&sent.mark))
    });
    assert!(all, "{} of {}", stored.len(), sent.len());
    assert!(stored.len() == sent.len() && stored.values().all(|count| *count == 1), "{stored:?}");
}

#[test]
fn the_database_away_and_back_mail_goes_on_and_each_row_is_there_once() {
    let Some(knot) = knot(&zone("")) else { return };
    let Some(mut postgres) = Postgres::start() else { return };
    let place = Place::Postgres(PostgresUrl::parse(&postgres.url()).unwrap());
    let mut program = Program::start(&inbound(knot.addr, &format!("[store]\nurl = '{}'\n", postgres.url())));
    let Some(postfix) = behind(&program) else { return };
    let load = Load::start(postfix.addr, 4, pause(), &good());
    load.wait_for(40);
    postgres.stop();
    let begun = Instant::now();
    load.wait_for(40);
    std::thread::sleep(outage(Duration::from_secs(1)).saturating_sub(begun.elapsed()));
    // It counts as away when no connection was to be had for some seconds; until then, rows wait in memory.
    assert!(wait_until(|| journal_bytes(&program) > 0), "{}", program.log());
    postgres.run();
    let back = Instant::now();
    load.wait_for(10);
    let mut sent = load.end();
    let stored = || by_mark(&rows(&place));
    until_stored(stored, &sent);
    println!("all rows there after {:?}", back.elapsed());
    assert!(back.elapsed() < BACK, "{:?}", back.elapsed());
    check_unharmed(&postfix, &sent);

    // Killed while rows lie in the journal; and the database still away when the program is there again.
    postgres.stop();
    sent.extend((0..10).map(|number| send(postfix.addr, &format!("away{number}"), &good()(""))));
    let mut before = 0;
    assert!(wait_until(|| {
        // It grows as long as rows come in.
        std::thread::sleep(Duration::from_secs(1));
        let now = journal_bytes(&program);
        std::mem::replace(&mut before, now) == now && now > 0
    }));
    program.kill();
    program.restart();
    sent.extend((0..10).map(|number| send(postfix.addr, &format!("again{number}"), &good()(""))));
    postgres.run();
    let back = Instant::now();
    until_stored(stored, &sent);
    program.says("the database is there", 1);
    println!("after a kill, all rows there and known after {:?}", back.elapsed());
    assert!(back.elapsed() < BACK, "{:?}", back.elapsed());
    check_unharmed(&postfix, &sent);
}

fn journal_bytes(program: &Program) -> u64 {
    let files = fs::read_dir(program.folder.path().join("mailward-data/journal")).unwrap().flatten();
    files.map(|file| file.metadata().unwrap().len()).sum()
}

#[test]
fn the_disk_full_and_not_mail_goes_on_and_each_row_is_there_once() {
    if !nix::unistd::Uid::effective().is_root() {
        return not_run("the disk full", "it has to be root");
    }
    let Some(knot) = knot(&zone("")) else { return };
    let program = Program::start_by(
        |folder| {
            // Its data lie on a small disk that only the program sees, and this test by way of /proc.
            let data = folder.path().join("mailward-data");
            fs::create_dir(&data).unwrap();
            let script = "mount -t tmpfs -o size=8m tmpfs \"$1\" && shift && exec \"$@\"";
            let words = ["unshare", "--mount", "sh", "-c", script, "sh"].map(str::to_owned);
            words.into_iter().chain([data.display().to_string()]).collect()
        },
        &inbound(knot.addr, ""),
    );
    let Some(postfix) = behind(&program) else { return };
    let data =
        program.proc("root").join(program.folder.path().strip_prefix("/").unwrap()).join("mailward-data");
    let load = Load::start(postfix.addr, 4, pause(), &good());
    load.wait_for(20);
    let begun = Instant::now();
    let ballast = fill(&data.join("ballast"));
    load.wait_for(150);
    std::thread::sleep(outage(Duration::from_secs(2)).saturating_sub(begun.elapsed()));
    let (stored, answered) = (seen_by(&program).len(), load.count());
    println!("{stored} of {answered} rows to be seen while the disk is full");
    assert!(stored + 100 < answered, "{stored} of {answered}");
    drop(ballast);
    fs::remove_file(data.join("ballast")).unwrap();
    let back = Instant::now();
    load.wait_for(10);
    let sent = load.end();
    until_stored(|| seen_by(&program), &sent);
    println!("all rows there after {:?}", back.elapsed());
    assert!(back.elapsed() < BACK, "{:?}", back.elapsed());
    check_unharmed(&postfix, &sent);
}

/// How many rows there are of each mark, looked at with the eyes of the program: what it sees there is its own.
fn seen_by(program: &Program) -> BTreeMap<String, usize> {
    let mut command = Command::new("nsenter");
    let pid = program.status("Pid");
    command.args(["--mount", "--target", &pid]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "outages::print_rows", "--ignored", "--nocapture"]);
    command.env("DATABASE", program.folder.path().join("mailward-data/mailward.db"));
    let said = command.output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let rows = said.lines().filter_map(|line| line.strip_prefix("row ")?.split_once(' '));
    rows.map(|(mark, count)| (mark.to_owned(), count.parse().unwrap())).collect()
}

#[test]
#[ignore = "run by the test of a full disk"]
fn print_rows() {
    let place = Place::Sqlite(std::env::var_os("DATABASE").expect("run by another test").into());
    println!();
    by_mark(&rows(&place)).iter().for_each(|(mark, count)| println!("row {mark} {count}"));
}

/// Writes until nothing more fits, byte by byte in the end.
fn fill(path: &Path) -> fs::File {
    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        let piece = vec![0; size];
        while file.write_all(&piece).is_ok() {}
    }
    file
}

/// What stands between the program and the name server, and can be cut.
struct Wire {
    addr: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Wire {
    fn to(server: SocketAddr) -> Self {
        let inside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = inside.local_addr().unwrap();
        let cut = Arc::new(AtomicBool::new(false));
        let is_cut = Arc::clone(&cut);
        std::thread::spawn(move || {
            let mut question = [0; 4096];
            while let Ok((length, client)) = inside.recv_from(&mut question) {
                if is_cut.load(Ordering::Relaxed) {
                    continue;
                }
                // The server is on this machine and answers at once.
                let outside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                outside.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                outside.send_to(&question[..length], server).unwrap();
                let mut answer = [0; 4096];
                if let Ok(length) = outside.recv(&mut answer) {
                    let _ = inside.send_to(&answer[..length], client);
                }
            }
        });
        Self { addr, cut }
    }
}

/// Mail of an author whose domain nobody has asked for before, below this one, with these fields.
fn unsigned(domain: &'static str, fields: &'static str) -> Content {
    Arc::new(move |mark| format!("From: <bob@{mark}.{domain}>\r\n{fields}\r\nbody\r\n").into_bytes())
}

#[test]
fn dns_13_the_dns_gone_under_load_the_mode_does_as_it_promises_and_all_is_back_soon() {
    let Some(knot) = knot(&zone("")) else { return };
    let wire = Wire::to(knot.addr);
    let policy = "[policy]\nmode = 'enforce'\nown_domains = 'trust.example'\n";
    let config = inbound(wire.addr, policy).replace("deadline = '3s'", "deadline = '1s'");
    let program = Program::start(&config);
    let Some(postfix) = behind(&program) else { return };
    // What claims to be ours and is not is refused; while nobody can say so, it waits. Mail of a list is never refused, so
    // that no answer is worth waiting for.
    let (ours, list) =
        (unsigned("trust.example", ""), unsigned("load.example", "List-Id: <l.load.example>\r\n"));
    let refused = |sent: &Sent| sent.reply.starts_with("550 5.7.26");
    let put_off = |sent: &Sent| sent.reply.starts_with("451 4.4.3");
    let forged = |mark: &str| send(postfix.addr, mark, &ours(mark));
    let other = |mark: &str| send(postfix.addr, mark, &list(mark));
    let mut all = vec![forged("before"), other("others")];
    assert!(refused(&all[0]) && all[1].accepted(), "{all:?}\n{}", program.log());

    wire.cut.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let loads = [&ours, &list].map(|content| Load::start(postfix.addr, 4, pause(), content));
    loads.iter().for_each(|load| load.wait_for(8));
    std::thread::sleep(outage(Duration::from_secs(3)).saturating_sub(begun.elapsed()));
    let [ours, others] = loads.map(Load::end);
    println!("{} waited, {} came in", ours.len(), others.len());
    assert!(ours.iter().all(put_off), "{ours:?}\n{}", program.log());
    assert!(others.iter().all(Sent::accepted), "{others:?}");
    let slowest = ours.iter().chain(&others).map(|sent| sent.ended - sent.begun).max().unwrap();
    println!("the slowest in {slowest:?}");
    assert!(slowest < Duration::from_secs(6), "the deadline is 1 s: {slowest:?}");

    wire.cut.store(false, Ordering::Relaxed);
    let back = Instant::now();
    let mut number = 0;
    let is_back = wait_until(|| {
        number += 1;
        all.extend([forged(&format!("back{number}")), other(&format!("back{number}others"))]);
        refused(&all[all.len() - 2])
    });
    println!("back in {:?}", back.elapsed());
    assert!(is_back && back.elapsed() < BACK, "{all:?}\n{}", program.log());
    let (last, ours_only) = (all.len() - 1, all.iter().filter(|sent| put_off(sent)).count());
    let arrived = audit(&postfix, &[all.clone(), ours, others.clone()].concat());
    assert!(ours_only + 2 <= all.len());
    assert!(arrived.values().all(|content| is_tagged(content)));
    assert!(others.iter().all(|sent| arrived[&sent.mark].contains("dmarc=temperror")), "{arrived:#?}");
    assert!(arrived[&all[last].mark].contains("dmarc=none"), "{}", arrived[&all[last].mark]);
    assert!(
        !program.log().contains("check has failed") && !program.log().contains("took too long"),
        "{}",
        program.log()
    );
}
