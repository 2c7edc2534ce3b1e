//! Files, mailboxes, Maildirs and trees with traps in them.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

const FROM: &str = "From x Mon Jan  1 00:00:00 2024\n";

/// A directory with these files.
fn world(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

/// One line for each item: `name = text`, `name: why skipped`, or the error.
fn lines(dir: &TempDir, inbox: Inbox) -> Vec<String> {
    let root = format!("{}/", dir.path().display());
    let line = |item: Result<Item, InputError>| match item {
        Ok(Item::Message(m)) => {
            let text = m.bytes.chunks().read_all().unwrap();
            format!("{} = {}", m.name, mail::printable(text))
        }
        Ok(Item::Skipped(s)) => format!("{}: {:?}", s.name, s.reason),
        Err(error) => error.to_string(),
    };
    inbox.map(|item| line(item).replace(&root, "")).collect()
}

fn check(dir: &TempDir, names: &[&str], want: &[&str]) {
    let names: Vec<_> = names.iter().map(|name| dir.path().join(name)).collect();
    assert_eq!(lines(dir, Inbox::new(names)), want);
}

#[test]
fn a_tree_is_read_in_order_and_all_is_said() {
    let dir = world(&[
        ("b.eml", "From: b"),
        ("a/z.eml", "From: z"),
        ("a/box", &format!("{FROM}A: 1\n\n{FROM}A: 2\n")),
        ("a/notes.md", "# notes"),
        ("b.envelope.toml", ""),
        ("c/world.zone", "@ IN TXT x"),
        ("empty", ""),
    ]);
    check(
        &dir,
        &[""],
        &[
            r"a/box:1 = A: 1\x0d\x0a",
            r"a/box:2 = A: 2\x0d\x0a",
            "a/notes.md: NotMail",
            "a/z.eml = From: z",
            "b.eml = From: b",
            "b.envelope.toml: Envelope",
            "c/world.zone: Named(\"a DNS zone\")",
            "empty: Empty",
        ],
    );
}

#[test]
fn what_was_named_is_read_whatever_it_is() {
    let dir =
        world(&[("w.zone", "@ IN TXT x"), ("box", &format!("{FROM}A: 1")), ("e", ""), ("d/a.eml", "A: 2")]);
    check(
        &dir,
        &["w.zone", "box", "e", "none.eml", "d"],
        &[
            "w.zone = @ IN TXT x",
            "box:1 = A: 1",
            "e = ",
            "none.eml: no such file or directory",
            "d/a.eml = A: 2",
        ],
    );
}

#[test]
fn hdr_06_a_from_line_in_an_eml_stays() {
    let dir = world(&[("a.eml", &format!("{FROM}A: 1\n"))]);
    check(&dir, &["a.eml"], &[r"a.eml = From x Mon Jan  1 00:00:00 2024\x0d\x0aA: 1\x0d\x0a"]);
}

#[test]
fn hdr_13_hdr_14_a_file_is_taken_with_its_dots_and_told_its_line_ends() {
    let dir = world(&[("lf.eml", "A: 1\n\n..x\n"), ("crlf.eml", "A: 1\r\n\r\n..x\n")]);
    check(&dir, &["lf.eml"], &[r"lf.eml = A: 1\x0d\x0a\x0d\x0a..x\x0d\x0a"]);
    check(&dir, &["crlf.eml"], &[r"crlf.eml = A: 1\x0d\x0a\x0d\x0a..x\x0a"]);
}

#[test]
fn maildir() {
    let dir = world(&[
        ("Mail/cur/1.a:2,S", &format!("{FROM}A: 1")),
        ("Mail/new/2.b", "anything"),
        ("Mail/tmp/3.c", "From: half"),
        ("Mail/subscriptions", "Sent\n"),
        ("Mail/.Sent/cur/4.d:2,", "A: 4"),
        ("Mail/.Sent/new/5.json", "A: 5"),
        ("other/cur/x", "anything"),
    ]);
    fs::create_dir(dir.path().join("Mail/.Sent/tmp")).unwrap();
    let mail = [
        "Mail/.Sent/cur/4.d:2, = A: 4",
        "Mail/.Sent/new/5.json = A: 5",
        r"Mail/cur/1.a:2,S = From x Mon Jan  1 00:00:00 2024\x0d\x0aA: 1",
        "Mail/new/2.b = anything",
        "Mail/subscriptions: NotMail",
        "Mail/tmp/3.c: Delivery",
    ];
    check(&dir, &["Mail"], &mail);
    check(&dir, &["Mail/cur", "Mail/tmp/3.c"], &[mail[2], "Mail/tmp/3.c = From: half"]);
    check(&dir, &["other"], &["other/cur/x: NotMail"]);
}

#[test]
fn links_in_circles_sockets_and_dead_links_do_no_harm() {
    let dir = world(&[("a/x.eml", "A: 1")]);
    symlink(dir.path(), dir.path().join("a/up")).unwrap();
    symlink("a/x.eml", dir.path().join("link.eml")).unwrap();
    symlink("nowhere", dir.path().join("dead.eml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s.eml")).unwrap();
    let want = [
        "a/up: Loop",
        "a/x.eml = A: 1",
        "dead.eml: no such file or directory",
        "link.eml = A: 1",
        "s.eml: Special",
    ];
    check(&dir, &[""], &want);
}

#[test]
fn names_of_attackers_are_escaped() {
    let dir = world(&[("\x1b[31m.eml", "A: 1")]);
    check(&dir, &[""], &[r"\x1b[31m.eml = A: 1"]);
}

#[test]
fn standard_input_is_a_message_or_an_mbox_and_read_once() {
    let dir = world(&[]);
    let run = |text: String, names: &[&str]| {
        lines(&dir, Inbox::with_stdin(names.iter().map(PathBuf::from), io::Cursor::new(text)))
    };
    assert_eq!(run("A: 1".to_owned(), &["-"]), ["- = A: 1"]);
    assert_eq!(run(String::new(), &["-"]), ["- = "]);
    assert_eq!(run(format!("{FROM}A: 1\n\n{FROM}A: 2"), &["-"]), [r"-:1 = A: 1\x0d\x0a", "-:2 = A: 2"]);
    assert_eq!(run("A: 1".to_owned(), &["-", "-"]), ["- = A: 1", "-: standard input can be read only once"]);
}

#[test]
fn a_file_of_just_one_chunk_and_one_more_byte_is_whole() {
    for size in [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
        let text = "x".repeat(size);
        let dir = world(&[("a.eml", &text)]);
        let names = vec![dir.path().join("a.eml")];
        assert_eq!(total_bytes(&names), size as u64);
        let Some(Ok(Item::Message(message))) = Inbox::new(names).next() else { panic!("no message") };
        assert_eq!(message.size, size as u64);
        assert_eq!(message.bytes.chunks().read_all().unwrap().len(), size);
    }
}
