//! The DMARC records of the record-parsing suite: usable or not. Where RFC 9989 judges otherwise than the suite, an
//! exceptions file says why; an exception that is not needed fails the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

use std::path::PathBuf;

use dmarc::{Policies, Record};

const EXCEPTIONS: &str = include_str!("exceptions/parse-tables.toml");

fn suite() -> Option<Vec<serde_json::Value>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("MAILWARD_SUITES").map_or_else(default, PathBuf::from);
    let path = folder.join("record-parsing/parse-tables.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            eprintln!("THE SUITE record-parsing DID NOT RUN: {}: {error}", path.display());
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the suite has to run here");
            None
        }
    }
}

fn is_usable(text: &str) -> bool {
    let record = Record::parse(text.as_bytes()).value;
    record.is_some_and(|record| record.policies() != Policies::Unusable)
}

#[test]
fn dma_18_record_parsing_suite() {
    let exceptions: toml::Table = EXCEPTIONS.parse().unwrap();
    let Some(rows) = suite() else { return };
    // The other rows of the suite are calls of mox's functions, with no record in them.
    let rows: Vec<_> = rows.iter().filter(|row| row["file"] == "dmarc/parse_test.go").collect();
    let (mut used, mut complaints) = (0, Vec::new());
    for row in &rows {
        let text = row["input"].as_str().unwrap();
        let theirs = row["call"] == "valid";
        let want = match exceptions.get(text) {
            None => theirs,
            Some(exception) => {
                used += 1;
                assert!(exception["reason"].as_str().unwrap().starts_with("RFC 9989 §"), "{text}");
                let ours = exception["usable"].as_bool().unwrap();
                if ours == theirs {
                    complaints.push(format!("{text}: excepted, but the suite agrees"));
                }
                ours
            }
        };
        if is_usable(text) != want {
            complaints.push(format!("{text}: usable is {}", !want));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(used, exceptions.len(), "an exception names a record that there is not");
    assert_eq!(rows.len(), 32);
}
