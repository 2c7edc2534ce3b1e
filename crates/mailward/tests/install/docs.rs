//! docs/install.md shows what is printed: its commands are run in the order of the page. With `UPDATE_DOCS=1` the page is
//! rewritten.

use std::fs;

use crate::place::Place;
use crate::site::{postconf, run, settings};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/install.md");
/// The month in which the page was written.
const MONTH: &str = "202611-";

#[test]
fn the_documentation_shows_what_is_printed() {
    let place = Place::new();
    place.write("world.zone", "example.com. IN TXT \"v=spf1 mx -all\"\n");
    let old = "smtpd_milters = inet:localhost:8892\nsmtpd_forbid_bare_newline = no\n";
    postconf(&place, &(settings("unix:mailward/milter.sock") + old));
    let page = fs::read_to_string(PAGE).unwrap();
    let mut commands = 0;
    let made: Vec<String> = page
        .split("```")
        .map(|part| {
            let Some(command) =
                part.strip_prefix("console\n$ mailward ").and_then(|part| part.lines().next())
            else {
                return part.to_owned();
            };
            commands += 1;
            let run = run(&place, command);
            let lines =
                (run.text() + &run.err).lines().map(|line| format!("{}\n", shown(line))).collect::<String>();
            format!("console\n$ mailward {command}\n{lines}")
        })
        .collect();
    let made = made.join("```");
    assert_eq!(commands, 2, "the page shows the commands");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(PAGE, &made).unwrap();
    }
    assert!(made == page, "docs/install.md is not up to date: run the tests with UPDATE_DOCS=1\n{made}");
}

/// The line without what is another each time: keys, and the month in their selectors.
fn shown(line: &str) -> String {
    let pieces = line.split('"').map(|piece| match piece.split_once("p=") {
        Some((front, key)) if key.len() > 40 && !key.contains(' ') => format!("{front}p=..."),
        _ if piece.len() > 40 && !piece.contains(' ') => "...".to_owned(),
        _ => piece.to_owned(),
    });
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m-").to_string();
    pieces.collect::<Vec<_>>().join("\"").replace(&now, MONTH).trim_end().to_owned()
}

/// Every finding of a doctor is explained on the page, and nothing else is.
#[test]
fn the_documentation_names_every_finding() {
    fn codes(folder: &std::path::Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes(&path, all);
            } else if !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let words = text.split('"').skip(1).step_by(2).filter(|word| {
                    let parts: Vec<&str> = word.split('-').collect();
                    parts.len() > 1
                        && parts.iter().all(|p| {
                            !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                        })
                });
                all.extend(words.map(str::to_owned));
            }
        }
    }
    let mut all = Vec::new();
    codes(concat!(env!("CARGO_MANIFEST_DIR"), "/src/command/doctor").as_ref(), &mut all);
    all.sort();
    all.dedup();
    let page = fs::read_to_string(PAGE).unwrap();
    let rows: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, all.iter().map(String::as_str).collect::<Vec<_>>());
}
