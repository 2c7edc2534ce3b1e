//! Rows of the attack catalogue that are about how a message reaches us, and modes and times of local policy, through the whole
//! service: on connections of its own protocol where many messages and odd ones are needed.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns::Zone;
use mail::{Header, UnixTime};
use mailward::config::LogFormat;
use mailward::serve::log::Log;
use mailward::serve::milter::{Listening, WISH};
use mailward::serve::past::Past;
use mailward::serve::shared::{Ground, Shared};
use mailward::serve::site::Site;
use milter::client::Client;
use milter::command::{Command, Connect, Peer, Stage};
use milter::options::{Offer, Steps};
use milter::{Actions, Settings, Strings};
use testkit::real::Root;
use testkit::sealer::Sealer;
use testkit::signer::{Signer, TestKey};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::mta::{Said, said};
use super::world::{NO_PORT, NOW, Names, World, config, outside, sample, zone};

/// A network that the domain's own mail comes from, and one that it does not.
const OWN: &str = "192.0.2.10";
const OTHER: &str = "203.0.113.66";

/// The service on a port, in a world of the samples in which also `signed.example` signs.
struct Place {
    runtime: Runtime,
    addr: SocketAddr,
    clock: Arc<AtomicU64>,
    lines: Arc<Mutex<String>>,
}

impl Place {
    /// With these lines behind those of the listener and of our name.
    fn new(text: &str) -> Self {
        Self::with(&format!("{NO_PORT}[receiving]\nauthserv_id = 'mx.receiver.test'\n{text}"))
    }

    /// With this configuration.
    fn with(text: &str) -> Self {
        let key = TestKey::ed25519(7).record();
        let more = format!(
            "k._domainkey.signed.example. TXT \"{key}\"\nsigned.example. TXT \"v=spf1 ip4:{OWN} -all\"\n\
             _dmarc.signed.example. TXT \"v=DMARC1; p=reject\"\n_dmarc.odd.example. TXT \"v=DMARC1; p=perhaps\"\n\
             slow.example. TXT \"v=spf1 include:silent.example -all\"\n_dmarc.slow.example. TXT \"v=DMARC1; p=reject\"\n\
             ;! servfail silent.example. TXT\n"
        );
        let zone = Zone::parse(zone(&more)).unwrap();
        let (site, _) = Site::new(config(text)).unwrap();
        let (runtime, lines) = (Runtime::new().unwrap(), Arc::new(Mutex::new(String::new())));
        let (clock, written) = (Arc::new(AtomicU64::new(NOW)), Arc::clone(&lines));
        let log = Log::new(LogFormat::Json, move |line| *written.lock().unwrap() += &format!("{line}\n"));
        let time = Arc::clone(&clock);
        let now = Arc::new(move || UnixTime(time.load(Ordering::Relaxed)));
        let shared = Arc::new(Shared::new(Ground::new(zone, log, now), site, Past::in_memory()));
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let guard = runtime.enter();
        let listener = milter::Listener::tcp(socket).unwrap();
        let service = Arc::new(Listening::new(shared, "milter"));
        runtime.spawn(milter::serve(listener, service, Settings::new(WISH), std::future::pending()));
        drop(guard);
        Self { runtime, addr, clock, lines }
    }

    fn log(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    /// A connection of an MTA that keeps the space behind the colon of a field, or does not.
    fn connect(&self, peer: Peer<'_>, steps: Steps) -> Line<'_> {
        let offer = Offer { version: 6, actions: Actions(0x1ff), steps };
        let mta = self.runtime.block_on(async {
            let stream = TcpStream::connect(self.addr).await.unwrap();
            let mut mta = Client::open(stream, offer).await.unwrap().0;
            mta.ask(&Command::Connect(Connect { host: b"client.test", peer })).await.unwrap();
            mta.ask(&Command::Helo(b"client.test")).await.unwrap();
            mta
        });
        Line { place: self, mta, space: steps.have(Steps::LEADING_SPACE) }
    }

    fn from(&self, ip: &str) -> Line<'_> {
        self.connect(Peer::Inet(4711, ip.as_bytes()), Steps::LEADING_SPACE)
    }
}

/// A message and its envelope.
#[derive(Clone)]
struct Mail {
    sender: &'static str,
    recipients: Vec<&'static str>,
    content: Vec<u8>,
    /// Where a field is folded, as the MTA writes it.
    fold: &'static str,
    /// Where the body is cut.
    cut: Option<usize>,
}

impl Mail {
    fn new(sender: &'static str, content: impl Into<Vec<u8>>) -> Self {
        let recipients = vec!["<alice@receiver.test>"];
        Self { sender, recipients, content: content.into(), fold: "\n", cut: None }
    }

    /// A deception in the name of `trust.example`.
    fn forged() -> Self {
        Self::new("<bob@spoofing.example>", sample("spf-deception.eml"))
    }

    fn to(mut self, recipients: &[&'static str]) -> Self {
        self.recipients = recipients.to_vec();
        self
    }
}

/// A connection.
struct Line<'a> {
    place: &'a Place,
    mta: Client<TcpStream>,
    space: bool,
}

impl Line<'_> {
    fn ask(&mut self, command: &Command<'_>) {
        self.place.runtime.block_on(self.mta.ask(command)).unwrap();
    }

    /// The message in so many steps, the last word on it not asked for.
    fn begin(&mut self, mail: &Mail, steps: usize) {
        let (header, body) = mail::header::split(&mail.content);
        let mut left = 0..steps;
        let mut go_on = || left.next().is_some();
        if !go_on() {
            return;
        }
        self.ask(&Command::Mail(Strings::new(&[mail.sender.as_bytes(), b"\0"].concat()).unwrap()));
        if !go_on() {
            return;
        }
        for recipient in &mail.recipients {
            self.ask(&Command::Rcpt(Strings::new(&[recipient.as_bytes(), b"\0"].concat()).unwrap()));
        }
        if !go_on() {
            return;
        }
        self.ask(&Command::Data);
        for field in header.field_lines() {
            if !go_on() {
                return;
            }
            let value = String::from_utf8_lossy(field.value).replace("\r\n", mail.fold);
            let value = if self.space { &*value } else { value.strip_prefix(' ').unwrap_or(&value) };
            self.ask(&Command::Header { name: field.name, value: value.as_bytes() });
        }
        if !go_on() {
            return;
        }
        let queue = [&b"i\0"[..], b"4Xqueue\0"].concat();
        self.mta.queue(&Command::Macros(Stage::EndOfHeader, Strings::new(&queue).unwrap()));
        self.ask(&Command::EndOfHeader);
        if !go_on() {
            return;
        }
        let (one, two) = body.split_at(mail.cut.unwrap_or(body.len()));
        for piece in [one, two].into_iter().filter(|piece| !piece.is_empty()) {
            self.ask(&Command::Body(piece));
        }
    }

    fn send(&mut self, mail: &Mail) -> Said {
        self.begin(mail, usize::MAX);
        said(&self.place.runtime.block_on(self.mta.ask(&Command::EndOfBody(b""))).unwrap())
    }

    fn abort(&mut self) {
        self.mta.queue(&Command::Abort);
    }
}

/// Our Authentication-Results, unfolded; there is one on every message that goes on.
#[track_caller]
fn results(said: &Said) -> String {
    let ours: Vec<_> = said.inserted.iter().filter(|(name, _)| name == "Authentication-Results").collect();
    assert_eq!((ours.len(), &*said.last), (1, "Accept"), "{said:?}");
    assert!(ours[0].1.trim_start().starts_with("mx.receiver.test;"), "{said:?}");
    ours[0].1.replace('\n', "")
}

fn signer() -> Signer {
    Signer::new("signed.example", "k", &TestKey::ed25519(7))
        .tag("c", "simple/simple")
        .tag("h", "from:to:subject")
}

#[test]
fn env_10_spf_and_dmarc_take_the_sender_as_it_was_given() {
    let Some(root) = Root::find(&["postfix"]) else { return };
    let Some(names) = Names::start("") else { return };
    let rewriting = "sender_canonical_maps = static:rewritten@elsewhere.test\nsender_canonical_classes = envelope_sender\n";
    let world = World::with(&root, names, "", rewriting);
    let send = |world: &World| {
        world.send_outside(OWN, "mail.trust.example", "bob@trust.example", &sample("good.eml"))
    };
    let delivered = world.delivered(send);
    assert!(delivered.contains("spf=pass smtp.mailfrom=trust.example"), "{delivered}");
    assert!(!delivered.contains("elsewhere.test") && delivered.contains("dmarc=pass"), "{delivered}");
    let sent = &world.postfix.sink.arrived()[0].envelope[0];
    assert!(sent.starts_with("MAIL FROM:<rewritten@elsewhere.test>"), "{sent}");
    assert!(world.log().contains("\"sender\":\"trust.example\""), "{}", world.log());
}

#[test]
fn env_17_nothing_is_left_of_a_message_for_the_next_on_the_connection() {
    let place = Place::new("[policy]\nmode = 'enforce'\nown_domains = 'trust.example'\n");
    let mut rich = signer().sign(b"From: a@signed.example\r\nTo: b@c.example\r\nSubject: s\r\n\r\nbody\r\n");
    for number in 1..=3 {
        rich = Sealer::new(number, "signed.example", "k", &TestKey::ed25519(7)).seal(&rich);
    }
    rich = [&b"Authentication-Results: mx.receiver.test; dmarc=pass\r\nList-Id: <l.example>\r\n"[..], &rich]
        .concat();
    let rich = Mail::new("<a@signed.example>", rich).to(&["<postmaster@receiver.test>"]);
    let others = [
        Mail::forged(),
        Mail::new("<>", "From: a@signed.example\r\n\r\n"),
        Mail::new("<a@nobody.example>", "From: a@nobody.example\r\nSubject: s\r\n\r\nbody\r\n"),
    ];
    let fresh: Vec<Said> = others.iter().map(|mail| place.from(OTHER).send(mail)).collect();
    assert!(fresh[0].last.starts_with("550"), "{fresh:?}");
    let mut line = place.from(OTHER);
    let first = results(&line.send(&rich));
    assert!(first.contains("arc=pass") && first.contains("dkim=pass"), "{first}");
    for (mail, want) in others.iter().zip(&fresh) {
        assert_eq!(line.send(mail), *want);
    }
    // Ended in every state: by an abort, and by nothing but the next sender.
    let steps = 7 + Header::parse(&rich.content[..]).field_lines().count();
    for step in 0..steps {
        for (mail, want) in others.iter().zip(&fresh) {
            line.begin(&rich, step);
            line.abort();
            assert_eq!(line.send(mail), *want, "after {step} steps");
        }
    }
    assert_eq!(results(&line.send(&rich)), first);
}

#[test]
fn env_18_an_unknown_client_is_checked_and_not_trusted() {
    let place = Place::new("");
    let good = Mail::new("<bob@trust.example>", sample("good.eml"));
    let check = |peer: Peer<'_>, want: &str, direction: &str| {
        let said = place.connect(peer, Steps::LEADING_SPACE).send(&good);
        let log = place.log();
        let last = log.lines().last().unwrap();
        assert!(last.contains(&format!("\"direction\":\"{direction}\"")), "{peer:?}: {last}");
        match want {
            "" => assert!(said.inserted.is_empty(), "{peer:?}: {said:?}"),
            want => assert!(results(&said).contains(want), "{peer:?}: {said:?}"),
        }
    };
    let unknown = "spf=none (client not known); dmarc=pass";
    check(Peer::Unknown, unknown, "inbound");
    check(Peer::Inet(25, b"0.0.0.0"), unknown, "inbound");
    check(Peer::Inet6(25, b"IPv6:::"), unknown, "inbound");
    check(Peer::Inet(25, b"mail.trust.example"), unknown, "inbound");
    check(Peer::Inet6(25, b"IPv6:::ffff:192.0.2.10"), "spf=pass smtp.mailfrom=trust.example", "inbound");
    check(Peer::Inet(0, OWN.as_bytes()), "spf=pass smtp.mailfrom=trust.example", "inbound");
    check(Peer::Inet6(0, b"2001:db8::1"), "spf=fail", "inbound");
    // A local socket, and what Postfix fills in for mail by no SMTP: the machine's own mail, as the site has it by default.
    check(Peer::Local(0, b"/run/x"), "", "outbound");
    check(Peer::Inet(0, b"127.0.0.1"), "", "outbound");
}

#[test]
fn env_19_nobody_but_the_mta_says_who_the_client_is() {
    let place = Place::new("");
    let mut stream = std::net::TcpStream::connect(place.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = stream.write_all(b"PROXY TCP4 192.0.2.10 192.0.2.25 4711 8891\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"", "what speaks another protocol gets no answer");
    assert!(place.log().contains("\"event\":\"trouble\""), "{}", place.log());
    // XCLIENT and the like are nothing that a milter is told; as an unknown command it changes nothing.
    let mut line = place.from(OTHER);
    line.ask(&Command::Unknown(b"XCLIENT ADDR=192.0.2.10"));
    let said = results(&line.send(&Mail::new("<bob@trust.example>", sample("good.eml"))));
    assert!(said.contains("spf=fail"), "{said}");
    // An MTA that is not on the list is not talked to.
    let config = format!("{NO_PORT}peers = '192.0.2.0/24'\n");
    let strict = Place::with(&config);
    let mut stream = std::net::TcpStream::connect(strict.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
    assert!(strict.log().contains("not among the peers of the listener"), "{}", strict.log());
}

#[test]
fn hdr_11_hdr_12_a_header_is_hashed_as_it_was_on_the_wire() {
    let place = Place::new("");
    let header =
        "From: Alice  <a@signed.example>\r\nTo: b@c.example\r\nSubject:  two  spaces\r\n\tand a fold\r\n";
    let spaced = signer().sign(format!("{header}\r\nbody\r\n").as_bytes());
    let bare = signer().sign(header.replace("To: ", "To:").as_bytes());
    let check = |content: &[u8], steps: Steps, fold: &'static str, want: &str| {
        let mut mail = Mail::new("<a@signed.example>", content);
        mail.fold = fold;
        let said = results(&place.connect(Peer::Inet(25, OTHER.as_bytes()), steps).send(&mail));
        assert!(said.contains(want), "{steps:?} {fold:?}: {said}");
    };
    for fold in ["\n", "\r\n"] {
        check(&spaced, Steps::LEADING_SPACE, fold, "dkim=pass");
        check(&spaced, Steps(0), fold, "dkim=pass");
        check(&bare, Steps::LEADING_SPACE, fold, "dkim=pass");
        // Such an MTA does not say whether there was a space: one is taken for what nearly everybody writes.
        check(&bare, Steps(0), fold, "dkim=fail");
    }
}

#[test]
fn hdr_13_dots_at_the_start_of_a_line_are_as_the_author_wrote_them() {
    let key = TestKey::ed25519(7).record();
    World::each("", &format!("k._domainkey.signed.example. TXT \"{key}\""), |world| {
        let message = signer().sign(
            b"From: a@signed.example\r\nTo: b@c.example\r\nSubject: s\r\n\r\n.\r\n..\r\n.foo\r\n...\r\n\r\n.\r\nend\r\n",
        );
        let delivered = world.delivered(|world| {
            let mut client = outside(&world.postfix, OTHER, "mail.spoofing.example");
            client.message("a@signed.example", &["alice@receiver.test"], &message)
        });
        assert!(
            delivered.contains("dkim=pass") && delivered.contains("\r\n.\r\n..\r\n.foo\r\n"),
            "{delivered}"
        );
    });
}

#[test]
fn hdr_15_wherever_a_body_is_cut_its_hash_is_the_same() {
    let place = Place::new("");
    let body = b"one \r\n\r\n \t\r\n.two\rthree\nfour\r\n\r\n\r\n";
    let header = b"From: a@signed.example\r\nTo: b@c.example\r\nSubject: s\r\n\r\n";
    let relaxed = signer().tag("c", "simple/relaxed");
    let mut line = place.from(OTHER);
    for maker in [signer(), relaxed] {
        let mut mail = Mail::new("<a@signed.example>", maker.sign(&[&header[..], body].concat()));
        for cut in 0..=body.len() {
            mail.cut = Some(cut);
            let said = results(&line.send(&mail));
            assert!(said.contains("dkim=pass"), "{cut}: {said}");
        }
        mail.content.extend(b"more\r\n");
        assert!(results(&line.send(&mail)).contains("dkim=fail"));
    }
}

#[test]
fn ar_07_ours_is_on_every_message_and_the_forged_on_none() {
    let place = Place::new("");
    let forged = "Authentication-Results: mx.receiver.test; dmarc=pass header.from=trust.example\r\n";
    let rubbish = "Authentication-Results: \"mx.receiver\r\n";
    let mut line = place.from(OTHER);
    for (message, want) in [
        ("To: b@c.example\r\n\r\nbody\r\n", "dmarc=permerror"),
        ("From: a@b.example\r\nFrom: c@d.example\r\n\r\n", "dmarc=permerror"),
        ("From: <<>>\r\n\r\n", "dmarc=permerror"),
        ("From: a@odd.example\r\n\r\n", "dmarc="),
        ("From: a@slow.example\r\nDKIM-Signature: rubbish\r\n\r\n", "dkim="),
        ("From: a@trust.example\r\nARC-Seal: i=1\r\n\r\n", "arc=fail"),
        ("", "dmarc=permerror"),
    ] {
        let content = [forged, "X-Other: y\r\n", rubbish, message].concat();
        for sender in ["<a@slow.example>", "<>", "rubbish", "<a@b..c>"] {
            let said = line.send(&Mail::new(sender, content.clone()));
            assert!(results(&said).contains(want), "{message:?} {sender}: {said:?}");
            let name = b"authentication-results".to_vec();
            assert_eq!(said.removed, [(name.clone(), 2), (name, 1)], "{message:?}");
        }
    }
    // A header that is longer than what is judged.
    let long = format!("{forged}From: a@trust.example\r\n{}", "X-Long: y\r\n".repeat(200_000));
    let said = line.send(&Mail::new("<a@trust.example>", long));
    assert!(results(&said).contains("dmarc=") && !results(&said).contains("dmarc=pass"), "{said:?}");
    assert_eq!(said.removed.len(), 1);
}

#[test]
fn ar_11_what_another_milter_found_is_believed_by_nobody() {
    let place = Place::new(
        "other_ids = 'mx1.receiver.test'\n[policy]\nmode = 'enforce'\nown_domains = 'trust.example'\n",
    );
    let found = "dkim=pass header.d=trust.example; spf=pass smtp.mailfrom=trust.example; dmarc=pass header.from=trust.example";
    for (id, removed) in [("mx.other.test", 0), ("mx1.receiver.test", 1), ("mx.receiver.test", 1)] {
        let field = format!("Authentication-Results: {id}; {found}\r\n");
        for more in ["", "Received-SPF: pass\r\n", "X-Mailward: accept; mode=enforce; dmarc=pass\r\n"] {
            let content = [field.as_bytes(), more.as_bytes(), &sample("spf-deception.eml")].concat();
            let said = place.from(OTHER).send(&Mail::new("<bob@spoofing.example>", content.clone()));
            assert!(said.last.starts_with("550 5.7.26"), "{id}: {said:?}");
            let postmaster = Mail::new("<bob@spoofing.example>", content).to(&["<postmaster@receiver.test>"]);
            let said = place.from(OTHER).send(&postmaster);
            assert!(results(&said).contains("dmarc=fail"), "{id}: {said:?}");
            let theirs = said.removed.iter().filter(|(name, _)| name == b"authentication-results");
            assert_eq!(theirs.count(), removed, "{id}: {said:?}");
        }
    }
}

/// A decision in a word: what stands in front of the first semicolon of the mark, or the reply's code.
fn decision(said: &Said) -> String {
    let mark = said.inserted.iter().find(|(name, _)| name == "X-Mailward").map(|(_, value)| value.trim());
    match (&*said.last, mark) {
        ("Accept", mark) => mark.and_then(|mark| mark.split(';').next()).unwrap_or("accept").to_owned(),
        (reply, _) => reply.split(' ').next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn modes_of_listener_author_and_recipients() {
    let own = "own_domains = 'trust.example'\n";
    let check = |text: &str, recipients: &[&'static str], want: &str| {
        let place = Place::new(text);
        let said = place.from(OTHER).send(&Mail::forged().to(recipients));
        assert_eq!(decision(&said), want, "{text} {recipients:?} {said:?}\n{}", place.log());
    };
    let (alice, bob) = ("<alice@receiver.test>", "<bob@strict.test>");
    let (postmaster, abuse) = ("<postmaster@strict.test>", "<ABUSE@strict.test>");
    let strict = format!(
        "[policy]\n{own}[policy.recipients]\n'strict.test' = 'enforce'\n'sorted.test' = 'quarantine'\n"
    );
    check(&format!("[policy]\n{own}"), &[alice], "accept");
    check(&format!("[policy]\nmode = 'quarantine'\n{own}"), &[alice], "quarantine");
    check(&format!("[policy]\nmode = 'enforce'\n{own}"), &[alice, bob], "550");
    check(&strict, &[alice], "accept");
    check(&strict, &[bob], "550");
    // Several modes: never refused, but marked as the strictest asks.
    check(&strict, &[alice, bob], "quarantine");
    check(&strict, &["<x@sorted.test>", bob], "quarantine");
    check(&format!("[policy]\n{own}[policy.authors]\n'trust.example' = 'enforce'\n"), &[alice], "550");
    check(
        &format!("[policy]\nmode = 'enforce'\n{own}[policy.authors]\n'trust.example' = 'observe'\n"),
        &[alice],
        "accept",
    );
    // Postmaster and abuse desk alone.
    check(&strict, &[postmaster], "accept");
    check(&strict, &[postmaster, abuse], "accept");
    check(&strict, &[postmaster, bob], "550");
    check(&strict, &[postmaster, alice], "quarantine");
    let listener = |mode: &str| {
        let config = format!(
            "{NO_PORT}mode = '{mode}'\n[receiving]\nauthserv_id = 'mx.receiver.test'\n[policy]\n{own}"
        );
        decision(&Place::with(&config).from(OTHER).send(&Mail::forged()))
    };
    assert_eq!(["observe", "quarantine", "enforce"].map(listener), ["accept", "quarantine", "550"]);
}

#[test]
fn mail_is_deferred_for_four_hours_and_then_let_in_and_marked() {
    let place = Place::new("[policy]\nmode = 'enforce'\nown_domains = 'slow.example'\n");
    let slow = Mail::new("<a@slow.example>", "From: a@slow.example\r\n\r\nbody\r\n");
    let other = Mail { sender: "<b@slow.example>", ..slow.clone() };
    let at = |minutes: u64, from: &str, mail: &Mail| {
        place.clock.store(NOW + minutes * 60, Ordering::Relaxed);
        decision(&place.from(from).send(mail))
    };
    assert_eq!(at(0, OTHER, &slow), "451");
    assert_eq!(at(120, OTHER, &slow), "451");
    assert_eq!(at(239, "203.0.113.99", &slow), "451", "the same network");
    assert_eq!(at(240, OTHER, &slow), "mark");
    assert_eq!(at(241, OTHER, &slow), "mark");
    // Another sender, or another network, has its own four hours.
    assert_eq!(at(242, OTHER, &other), "451");
    assert_eq!(at(243, "198.51.100.7", &slow), "451");
    let log = place.log();
    assert!(log.contains("the missing answers could lead to a refusal by dmarc-reject"), "{log}");
    assert!(log.contains("such mail has been deferred for 4 hours, which is enough"), "{log}");
    assert!(log.contains("\"queue\":\"4Xqueue\"") && log.contains("\"rule\":\"dns-temperror\""), "{log}");
    // Where the answer could not lead to a refusal nobody waits for it.
    let observed = Place::new("[policy]\nmode = 'quarantine'\nown_domains = 'slow.example'\n");
    assert_eq!(decision(&observed.from(OTHER).send(&slow)), "mark");
    let observed = Place::new("[policy]\nown_domains = 'slow.example'\n");
    let said = observed.from(OTHER).send(&slow);
    assert_eq!(decision(&said), "accept");
    assert!(results(&said).contains("dmarc=temperror"), "{said:?}");
}
