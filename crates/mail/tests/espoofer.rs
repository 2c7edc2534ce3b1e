//! The 22 messages of the espoofer suite: none may have the domain that it impersonates judged by another's proof.

#![allow(clippy::disallowed_methods, reason = "the suite lies in files, and its place is in the environment")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

/// What must come of each message: the author's domain, or a word of the error.
const CASES: &[(&str, &str)] = &[
    ("client_a1", "2 From fields"),
    ("client_a2", "example.com"),
    ("client_a3", "example.com"),
    ("server_a1", "legitimate.com"),
    ("server_a2", "legitimate.com"),
    ("server_a3", "legitimate.com"),
    ("server_a4", "legitimate.com"),
    ("server_a5", "legitimate.com"),
    ("server_a6", "legitimate.com"),
    ("server_a7", "legitimate.com"),
    ("server_a8", "2 From fields"),
    ("server_a9", "the first line begins with white space"),
    ("server_a10", "2 From fields"),
    ("server_a11", "a line without a colon"),
    ("server_a12", "a line without a colon"),
    ("server_a13", "a line without a colon"),
    ("server_a14", "attack.com, legitimate.com"),
    ("server_a15", "not an address"),
    ("server_a16", "a source route"),
    ("server_a17", "can't stand here"),
    ("server_a18", "legitimate.com, attack.com"),
    ("server_a19", "text follows an address"),
];

/// The folder of the suites, or `None` where they are not there: said loudly, and a failure where `CI=true`.
fn suites() -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("MAILWARD_SUITES").map_or_else(default, PathBuf::from);
    if folder.join("spoof-espoofer/eml").is_dir() {
        return Some(folder);
    }
    let message = format!("the espoofer suite did NOT run: {} does not hold it", folder.display());
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
    eprintln!("{message}");
    None
}

#[test]
fn every_from_of_the_suite() {
    let Some(folder) = suites() else { return };
    let folder = folder.join("spoof-espoofer/eml");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), CASES.len(), "a message that has no row here");
    for (name, want) in CASES {
        let message = std::fs::read(folder.join(format!("{name}.eml"))).unwrap();
        let (header, _) = mail::header::split(&message);
        match mail::author(&header) {
            Ok(author) => assert_eq!(author.domain().as_str(), *want, "{name}"),
            Err(error) => assert!(error.to_string().contains(want), "{name}: {error}"),
        }
    }
}
