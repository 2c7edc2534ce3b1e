//! `docs/standards.md` names every departure from an RFC that the code marks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The first `RFC 1234 §5.6` in a text.
fn cited(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("RFC ")?;
    let (number, rest) = rest.split_once(" §")?;
    let section: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse::<u16>().ok()?;
    Some(format!("RFC {number} §{}", section.trim_end_matches('.')))
}

#[test]
fn every_departure_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/standards.md")).unwrap();
    let (_, departures) = page.split_once("## Departures").unwrap();
    let mut files = Vec::new();
    for crate_folder in fs::read_dir(root.join("crates")).unwrap() {
        sources(&crate_folder.unwrap().path().join("src"), &mut files);
    }
    let mut marked = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("DEVIATION:")) {
            marked += 1;
            // The section stands in the same sentence: behind the mark, or before it on this line or the one above.
            let behind =
                line.split_once("DEVIATION:").map(|(_, behind)| behind.to_owned()).unwrap_or_default();
            let before = lines.get(number.saturating_sub(1)).copied().unwrap_or_default();
            let section = cited(&behind).or_else(|| cited(line)).or_else(|| cited(before));
            let place = format!("{}:{}", file.display(), number + 1);
            let section = section.unwrap_or_else(|| panic!("{place}: no RFC section is cited"));
            assert!(
                departures.contains(&format!("| {section} |")),
                "{place}: docs/standards.md lacks {section}"
            );
        }
    }
    assert!(marked >= 10, "the marks are found");
}
