//! `postmap -q`: every answer, the longest ones, and keys to the octet.

use std::process::{Command, Output};
use std::sync::Arc;

use socketmap::Settings;
use socketmap::reply::MAX_VALUE;
use testkit::real::{Root, Work, output};
use tokio::runtime::Runtime;

use super::common::{Running, Table, start};

/// All that Postfix would find out about this machine otherwise, which takes its time.
const MAIN_CF: &str = "\
compatibility_level = 3.6
myhostname = mx.receiver.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
";

struct Asked {
    root: Root,
    server: Running,
    map: &'static str,
}

impl Asked {
    /// A `postmap -q` of this key, or of `-` for all keys of its input.
    fn command(&self, work: &Work, key: &str) -> Command {
        work.write("main.cf", MAIN_CF);
        let mut command = self.root.command("postmap");
        let map = format!("socketmap:inet:127.0.0.1:{}:{}", self.server.addr.port(), self.map);
        command.arg("-c").arg(work.inside()).args(["-q", key, &map]);
        command
    }

    /// The keys that are found, with their values.
    fn found(&self, keys: &[&str]) -> String {
        let text = output(self.command(&self.root.work(), "-"), keys.join("\n").as_bytes());
        String::from_utf8(text).unwrap()
    }

    /// What a lookup gives: the value, `(nothing)`, or what `postmap` complains of.
    fn check(&self, key: &str, expected: &str) {
        let Output { status, stdout, stderr } = self.command(&self.root.work(), key).output().unwrap();
        let (value, complaint) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let found = match status.code() {
            Some(0) => value.trim_end().to_owned(),
            Some(1) if complaint.is_empty() => "(nothing)".to_owned(),
            code => format!("{code:?} {complaint}"),
        };
        assert!(found == expected || (complaint.contains(expected) && value.is_empty()), "{key}: {found}");
    }
}

#[test]
fn net_11_every_answer_and_every_form_of_a_key() {
    for root in Root::all(&["postmap"]) {
        let runtime = Runtime::new().unwrap();
        let table = Arc::new(Table::default());
        let guard = runtime.enter();
        let server = start(&table, Settings::default());
        drop(guard);
        let mut asked = Asked { root, server, map: "policy" };
        let mut keys = vec![
            "example.com",
            "EXAMPLE.Com",
            "[192.0.2.1]:25",
            "user@example.com",
            "example.com.",
            "two  words",
        ];
        let found: String = keys.iter().map(|key| format!("{key}\tmay key={key}\n")).collect();
        keys.extend(["nothing.example", ".example.com"]);
        assert_eq!(asked.found(&keys), found);
        for (key, expected) in [
            ("temp.example", "socketmap server temporary error: the table is away"),
            ("timeout.example", "socketmap server timeout error: the table is slow"),
            ("perm.example", "socketmap server permanent error: the table is wrong"),
        ] {
            asked.check(key, expected);
            keys.push(key);
        }
        assert_eq!(table.asked(), keys, "asked once each, and for nothing else");
        assert_eq!(table.troubles(), [""; 0]);
        asked.map = "other";
        asked.check("example.com", "socketmap server permanent error: no such map");
    }
}

#[test]
fn net_10_the_longest_answer_and_the_longest_request() {
    for root in Root::all(&["postmap"]) {
        let runtime = Runtime::new().unwrap();
        let table = Arc::new(Table::default());
        let guard = runtime.enter();
        let server = start(&table, Settings::default());
        drop(guard);
        let asked = Asked { root, server, map: "policy" };
        asked.check("large", &"x".repeat(MAX_VALUE));
        let longest = format!("nothing.{}", "x".repeat(4096 - "policy nothing.".len()));
        asked.check(&longest, "(nothing)");
        asked.check(&format!("{longest}x"), "a length above 4096");
    }
}
