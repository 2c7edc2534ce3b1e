//! Which of several envelopes counts.

use super::*;
use crate::input::{Inbox, Item};
use std::fs;

/// What each message's envelope says: `name: ip helo`, `-` for unknown.
fn envelopes(dir: &Path, options: Envelope, table: Option<&str>) -> (Vec<String>, Vec<(usize, String)>) {
    let table = table.map(|name| dir.join(name));
    let mut envelopes = Envelopes::new(options, table.as_deref()).unwrap();
    let mut lines = Vec::new();
    for item in Inbox::new([dir.to_owned()]) {
        let Ok(Item::Message(message)) = item else { continue };
        let envelope = envelopes.of(&message).unwrap();
        let ip = envelope.ip.map_or("-".to_owned(), |ip| ip.to_string());
        let helo = envelope.helo.map_or("-".to_owned(), mail::printable);
        let name = message.name.strip_prefix(&format!("{}/", dir.display())).unwrap().to_owned();
        lines.push(format!("{name}: {ip} {helo}"));
    }
    (lines, envelopes.unused())
}

#[test]
fn options_then_table_then_the_file_beside() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
        fs::write(dir.path().join(name), text).unwrap();
    };
    write("a.eml", "A: 1");
    write("a.envelope.toml", "ip = '192.0.2.1'\nhelo = 'a.beside'");
    write("sub/b.eml", "A: 1");
    write("sub/b.eml.envelope.toml", "helo = 'b.beside'");
    write("sub/b.envelope.toml", "helo = 'not this one'");
    write("sub/box", "From x Mon Jan  1 00:00:00 2024\nA: 1\n\nFrom x Mon Jan  1 00:00:00 2024\nA: 2\n");
    write("sub/box.envelope.toml", "helo = 'box.beside'");
    write("z.eml", "A: 1");
    write(
        "e.csv",
        "file,ip,helo\nsub/b.eml,192.0.2.2,\n./sub/box:2,192.0.2.3,box2.table\nsub/box,192.0.2.4,\nb.eml,::1,\n",
    );

    let (lines, unused) = envelopes(dir.path(), Envelope::default(), Some("e.csv"));
    assert_eq!(
        lines,
        [
            "a.eml: 192.0.2.1 a.beside",
            "sub/b.eml: 192.0.2.2 b.beside",
            "sub/box:1: 192.0.2.4 box.beside",
            "sub/box:2: 192.0.2.3 box2.table",
            "z.eml: - -",
        ]
    );
    assert_eq!(unused, [(5, "b.eml".to_owned())], "a bare name is no path from the table");

    let options = Envelope { helo: Some(b"said".to_vec()), ..Envelope::default() };
    let (lines, _) = envelopes(dir.path(), options, Some("e.csv"));
    assert_eq!(lines[0], "a.eml: 192.0.2.1 said");
    assert_eq!(lines[3], "sub/box:2: 192.0.2.3 said");
    assert_eq!(lines[4], "z.eml: - said");
}

#[test]
fn a_broken_envelope_is_an_error_of_its_message() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.eml"), "A: 1").unwrap();
    fs::write(dir.path().join("a.envelope.toml"), "ip = 1").unwrap();
    let Some(Ok(Item::Message(message))) = Inbox::new([dir.path().join("a.eml")]).next() else { panic!() };
    let error = Envelopes::default().of(&message).unwrap_err().to_string();
    assert!(
        error.ends_with("a.envelope.toml:1:6: ip: a text in quotes was expected, not integer"),
        "{error}"
    );

    fs::write(dir.path().join("a.envelope.toml"), "#".repeat(64 * 1024)).unwrap();
    assert_eq!(Envelopes::default().of(&message), Ok(Envelope::default()));
    fs::write(dir.path().join("a.envelope.toml"), "#".repeat(64 * 1024 + 1)).unwrap();
    assert!(Envelopes::default().of(&message).unwrap_err().to_string().contains("longer than 64 KiB"));
}

#[test]
fn a_table_that_is_not_there() {
    let error = Envelopes::new(Envelope::default(), Some(Path::new("/nowhere/e.csv"))).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/e.csv: no such file or directory");
}

#[test]
fn rcpt_comes_from_one_place() {
    let rcpt = |names: &[&str]| Envelope {
        rcpt: names.iter().map(|n| n.as_bytes().to_vec()).collect(),
        ..Envelope::default()
    };
    assert_eq!(rcpt(&["a"]).over(rcpt(&["b", "c"])), rcpt(&["a"]));
    assert_eq!(rcpt(&[]).over(rcpt(&["b", "c"])), rcpt(&["b", "c"]));
}
