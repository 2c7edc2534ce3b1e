//! The server behind real Postfix, the oldest and the newest that is supported: what it is shown, what it does to
//! messages, and what is delivered in the end, to the byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![allow(unreachable_pub, dead_code, reason = "shared with other tests")]

#[path = "../common/mod.rs"]
mod common;
mod edits;
mod recorded;
mod replies;
mod silent;
mod sockets;
mod stream;

use std::sync::Arc;

use common::{Filter, Running, WISH, start};
use milter::{Settings, Wish};
use testkit::real::Root;
use testkit::real::postfix::Postfix;
use tokio::runtime::Runtime;

/// A Postfix with a filter.
struct Filtered {
    postfix: Postfix,
    filter: Arc<Filter>,
    running: Option<Running>,
    _runtime: Runtime,
}

/// One run for each version of Postfix.
fn each(filter: impl Fn() -> Arc<Filter>, settings: &str, test: impl Fn(&mut Filtered)) {
    each_with(WISH, filter, settings, test);
}

/// The same for a filter that wants this.
fn each_with(wish: Wish, filter: impl Fn() -> Arc<Filter>, settings: &str, test: impl Fn(&mut Filtered)) {
    for root in Root::all(&["postfix"]) {
        let runtime = Runtime::new().unwrap();
        let filter = filter();
        let guard = runtime.enter();
        let running = start(&filter, Settings::new(wish));
        drop(guard);
        let milter = format!("inet:{}:{}", running.addr.ip(), running.addr.port());
        let settings = format!("smtpd_milters = {milter}\nnon_smtpd_milters = {milter}\n{settings}");
        let postfix = Postfix::start(&root, &settings);
        let mut filtered = Filtered { postfix, filter, running: Some(running), _runtime: runtime };
        test(&mut filtered);
        let troubles = filtered.filter.troubles();
        assert!(troubles.is_empty(), "{troubles:?}\n{}", filtered.postfix.log());
        let log = filtered.postfix.log();
        let complaints: Vec<&str> =
            log.lines().filter(|line| line.contains("milter") && line.contains("warning")).collect();
        assert!(complaints.is_empty() || filtered.running.is_none(), "{complaints:#?}");
    }
}

/// A message with some content.
const MESSAGE: &[u8] = b"From: a@client.example\r\nX-One: first\r\nSubject:  two\r\n\tfolds\r\n \
                             and one\r\nX-One:second\r\nX-Empty:\r\n\r\n.dots\r\n..\r\n\r\nend\r\n";

impl Filtered {
    /// Sends a message in a conversation of its own and gives the last reply.
    fn send(&self, content: &[u8]) -> String {
        let mut client = self.postfix.converse();
        client.say("EHLO client.example");
        let reply = client.message("a@client.example", &["b@receiver.test"], content);
        client.say("QUIT");
        reply
    }

    /// Sends a message that is accepted, and gives what is delivered below what Postfix itself puts on top.
    fn delivered(&self, content: &[u8]) -> String {
        let before = self.postfix.sink.arrived().len();
        let reply = self.send(content);
        assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}", self.postfix.log());
        let arrived = self.postfix.sink.wait_for(before + 1);
        let delivered = String::from_utf8_lossy(&arrived[before].content).into_owned();
        without_received(&delivered)
    }
}

/// Postfix's own field has names and times in it: only that it is there is kept.
fn without_received(content: &str) -> String {
    let start = content.find("Received: from").unwrap();
    let lines: usize = content[start..].split_inclusive("\r\n").take(3).map(str::len).sum();
    format!("{}Received\r\n{}", &content[..start], &content[start + lines..])
}
