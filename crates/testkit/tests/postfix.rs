//! The Postfix that other tests lean on does run here: what comes in arrives at the sink to the byte.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use testkit::real::Root;
use testkit::real::postfix::{Postfix, version};
use testkit::real::wait_until;

#[test]
fn two_versions_of_postfix_are_there() {
    let roots = Root::all(&["postfix"]);
    let versions: Vec<String> = roots.iter().map(version).collect();
    if !versions.is_empty() {
        assert!(versions.iter().any(|version| version.starts_with("3.7.")), "{versions:?}");
        assert!(versions.iter().any(|version| version.starts_with("3.10.")), "{versions:?}");
    }
}

#[test]
fn what_comes_in_arrives_to_the_byte() {
    for root in Root::all(&["postfix"]) {
        let postfix = Postfix::start(&root, "");
        let mut client = postfix.converse();
        assert!(client.say("EHLO client.example").starts_with("250-mx.receiver.test"));
        let content = b"From: a@client.example\r\nSubject:  two\r\n\tfolds\r\n\r\n.dots\r\n..\r\n\r\nend\r\n";
        let reply = client.message("a@client.example", &["b@receiver.test"], content);
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
        let reply = client.message("a@client.example", &["b@elsewhere.test"], content);
        assert!(reply.starts_with("554 5.7.1"), "{reply}");
        let arrived = postfix.sink.wait_for(1);
        let [one] = arrived.as_slice() else { panic!("{arrived:?}") };
        assert!(one.content.ends_with(content), "{}", one.content.escape_ascii());
        assert!(one.content.starts_with(b"Received: "), "{}", one.content.escape_ascii());
        assert!(one.envelope[0].starts_with("MAIL FROM:<a@client.example>"), "{:?}", one.envelope);
        assert_eq!(one.envelope[1], "RCPT TO:<b@receiver.test>");
        postfix.sendmail(b"From: x@receiver.test\nTo: c@receiver.test\nSubject: local\n\nbody\n");
        assert!(wait_until(|| postfix.sink.arrived().len() == 2), "{}", postfix.log());
        assert_eq!(postfix.queued("hold"), 0);
    }
}

#[test]
fn a_dropped_postfix_is_gone_with_all_its_processes() {
    for root in Root::all(&["postfix"]) {
        let postfix = Postfix::start(&root, "");
        let id = |folder: &Path| fs::metadata(folder).map(|folder| (folder.dev(), folder.ino())).ok();
        let queue = id(&postfix.folder().join("queue"));
        assert!(queue.is_some());
        // Each process of Postfix stands in its queue, or in what is left of it.
        let stands = |process: &fs::DirEntry| id(&process.path().join("cwd")) == queue;
        let running = || fs::read_dir("/proc").unwrap().flatten().filter(stands).count();
        assert!(wait_until(|| running() > 1));
        drop(postfix);
        assert!(wait_until(|| running() == 0), "{} processes are left", running());
    }
}
