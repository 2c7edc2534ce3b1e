//! The pages about signing show what is printed: their commands are run, in the order of the page, in a place with keys, a
//! zone and two messages. With `UPDATE_DOCS=1` the pages are rewritten.

use std::fs;

use crate::place::Place;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

#[test]
fn the_documentation_shows_what_is_printed() {
    check_page("keys.md", Place::new(), 4);
    let place = Place::new();
    place.run("keys new example.com --out keys --selector 2026-%k").check(0, &[]);
    check_page("signing.md", place, 7);
}

fn check_page(name: &str, place: Place, commands: usize) {
    let path = format!("{DOCS}/{name}");
    let page = fs::read_to_string(&path).unwrap();
    place.write(
        "message.eml",
        "From: Alice <alice@example.com>\nTo: bob@example.net\nSubject: Hello\n\nHello, Bob.\n",
    );
    place.write("as-boss.eml", "From: The boss <boss@example.com>\nSubject: Money\n\nNow.\n");
    place.write("faulty/example.com/2024.pem", "-----BEGIN PRIVATE KEY-----\n");
    place.write("faulty/example.com/2025.pem", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n");
    place.mode("faulty/example.com/2025.pem", 0o644);
    let mut made = Vec::new();
    for part in page.split("```") {
        let command = part.strip_prefix("console\n$ mailward ").and_then(|block| block.lines().next());
        if let Some(text) = part.strip_prefix("toml\n# ") {
            place.write(text.lines().next().unwrap(), text.split_once('\n').unwrap().1);
        }
        made.push(match command {
            Some(command) => format!("console\n$ mailward {command}\n{}", run(&place, command)),
            None => part.to_owned(),
        });
        publish(&place);
    }
    let made = made.join("```");
    assert_eq!(made.matches("\n$ mailward ").count(), commands, "the page shows the commands");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(&path, &made).unwrap();
    }
    assert!(made == page, "docs/{name} is not up to date: run the tests with UPDATE_DOCS=1\n{made}");
}

/// Runs a command line with `< FILE` and `> FILE`, and gives what a reader sees of it.
fn run(place: &Place, line: &str) -> String {
    let (line, to) = line.split_once(" > ").map_or((line, None), |(line, to)| (line, Some(to)));
    let run = match line.split_once(" < ") {
        Some((line, from)) => place.redirect(line, from),
        None => place.run(line),
    };
    let shown = match to {
        Some(to) => {
            place.write(to, &run.out);
            run.err
        }
        None => run.text() + &run.err,
    };
    shown.lines().map(|line| format!("{}\n", without_keys(line).trim_end())).collect()
}

/// The line with every long run of base64, which is another each time, made short.
fn without_keys(line: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_base64) {
        let run = &rest[start..];
        let run = &run[..run.find(|c| !is_base64(c)).unwrap_or(run.len())];
        out.push_str(&rest[..start]);
        match run.split_once("p=") {
            Some(("", key)) if key.len() > 40 => out.push_str("p=..."),
            _ if run.len() > 40 => out.push_str("..."),
            _ => out.push_str(run),
        }
        rest = &rest[start + run.len()..];
    }
    out + rest
}

/// A zone in which one of the two keys is published as it should be.
fn publish(place: &Place) {
    if !place.path("keys").exists() || place.path("world.zone").exists() {
        return;
    }
    let listed = place.run("keys list --keys keys --json").json();
    let line = |index: usize| listed["keys"][index]["record"]["zone"].as_str().unwrap().to_owned();
    let testing = line(0).replace("k=ed25519", "t=y; k=ed25519");
    place.write("world.zone", testing);
}
