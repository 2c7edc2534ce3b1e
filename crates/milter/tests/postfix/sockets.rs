//! A unix socket that only Postfix may use, and a filter that takes longer than Postfix waits.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use milter::command::Stage;
use milter::{Listener, Settings};
use testkit::real::Root;
use testkit::real::postfix::Postfix;
use tokio::runtime::Runtime;

use super::MESSAGE;
use super::common::{Filter, Plan, WISH, start, start_on};

#[test]
fn net_14_over_a_unix_socket_in_the_queue_directory_that_belongs_to_postfix() {
    for root in Root::all(&["postfix"]) {
        let runtime = Runtime::new().unwrap();
        let postfix = Postfix::start(&root, "smtpd_milters = unix:milter.sock\n");
        let user = std::fs::metadata(postfix.folder().join("data")).unwrap();
        assert_ne!(user.uid(), 0);
        let path = postfix.folder().join("queue/milter.sock");
        let filter = Filter::with(Plan::default());
        let guard = runtime.enter();
        // Postfix's group does not get in: the owner is what lets it.
        let listener = Listener::bind_unix(&path, 0o600, Some((user.uid(), 0))).unwrap();
        let (_stop, _task) = start_on(&filter, Settings::new(WISH), listener);
        drop(guard);
        let mut client = postfix.converse();
        client.say("EHLO client.example");
        let reply = client.message("a@client.example", &["b@receiver.test"], MESSAGE);
        assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}", postfix.log());
        assert_eq!(filter.seen().len(), 1);
    }
}

/// The reply to a message whose filter takes three times as long as Postfix waits.
fn slow_filter(root: &Root, settings: Settings) -> String {
    let runtime = Runtime::new().unwrap();
    let slow = Some((Stage::EndOfBody, Duration::from_secs(3)));
    let filter = Filter::with(Plan { slow, ..Plan::default() });
    let guard = runtime.enter();
    let server = start(&filter, settings);
    drop(guard);
    let postfix = Postfix::start(
        root,
        &format!("smtpd_milters = inet:127.0.0.1:{}\nmilter_content_timeout = 1s\n", server.addr.port()),
    );
    let mut client = postfix.converse();
    client.say("EHLO client.example");
    client.message("a@client.example", &["b@receiver.test"], MESSAGE)
}

#[test]
fn net_07_postfix_waits_as_long_as_there_are_signs_of_life() {
    for root in Root::all(&["postfix"]) {
        let told = Settings { mta_timeout: Duration::from_secs(1), ..Settings::new(WISH) };
        let reply = slow_filter(&root, told);
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
        let reply = slow_filter(&root, Settings::new(WISH));
        assert!(reply.starts_with("451 4.7.1"), "without them it does not: {reply}");
    }
}
