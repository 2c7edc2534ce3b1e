//! Rules for single files, and for the documents that a visitor expects.

use super::layers::Package;
use super::{Files, Finding};

/// Past this a source file has more than one subject. Tests may be longer.
const MAX_LINES: usize = 800;

/// What every visitor looks for.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CHANGES.md", "SECURITY.md"];

/// Where a line's end is ours; messages and other test data end as they must.
const OWN_TEXT: &[&str] = &["rs", "toml", "md", "sh", "yml", "yaml", "html", "css", "js"];

/// Every rule for one file; `owner` is the crate to which it belongs.
pub(crate) fn check(path: &str, text: &str, owner: Option<&Package>) -> Vec<Finding> {
    let mut findings = lines(path, text);
    if path.ends_with(".rs") {
        findings.extend(source(path, text, owner));
    }
    findings
}

fn lines(path: &str, text: &str) -> Vec<Finding> {
    let name = path.rsplit('/').next().unwrap_or(path);
    // Scripts have no extension; `.gitignore` has nothing before it. In a vector, white space is part of the attack.
    let own = !path.starts_with("vectors/")
        && name
            .rsplit_once('.')
            .is_none_or(|(stem, extension)| stem.is_empty() || OWN_TEXT.contains(&extension));
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        if own && line.ends_with([' ', '\t', '\r']) {
            findings.push(Finding::line(path, number, "white space at the end of the line"));
        }
        if let Some(folder) = machine_path(line) {
            findings.push(Finding::line(path, number, format!("a path of somebody's machine: {folder}")));
        }
    }
    findings
}

/// The first absolute path in the line that leads into a folder which only some machine has.
fn machine_path(line: &str) -> Option<String> {
    let folders = ["work", "home", "root"].map(|name| format!("/{name}/"));
    folders.into_iter().find(|folder| {
        line.match_indices(folder.as_str()).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            // Part of a longer path or of a URL: not absolute.
            before.is_none_or(|before| {
                !before.is_alphanumeric() && !matches!(before, '.' | '_' | '-' | '}' | '*' | '~')
            })
        })
    })
}

fn source(path: &str, text: &str, owner: Option<&Package>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let test = is_test(path);
    if !text.starts_with("//!") {
        findings.push(Finding::line(path, 1, "a file opens with a line `//!` that says its subject"));
    }
    if is_crate_root(path) && !text.lines().any(|line| line == "#![forbid(unsafe_code)]") {
        findings.push(Finding::line(path, 1, "a crate root has `#![forbid(unsafe_code)]`"));
    }
    if !test && text.lines().count() > MAX_LINES {
        findings.push(Finding::file(path, format!("more than {MAX_LINES} lines: split it by subject")));
    }
    if !test && owner.and_then(Package::layer).is_some_and(|layer| layer.is_pure()) {
        for (number, line) in (1..).zip(text.lines()) {
            if line.contains("clippy::disallowed_") {
                let what = "a pure crate opts out of no disallowed method or type: take it as an argument";
                findings.push(Finding::line(path, number, what));
            }
        }
    }
    findings
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

fn is_crate_root(path: &str) -> bool {
    path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") || path.contains("src/bin/")
}

/// The documents exist, and ARCHITECTURE.md names every crate.
pub(crate) fn check_documents(files: &Files, packages: &[Package]) -> Vec<Finding> {
    let missing = DOCUMENTS.iter().filter(|path| !files.contains_key(**path));
    let mut findings: Vec<Finding> = missing.map(|path| Finding::file(path, "is missing")).collect();
    if let Some(text) = files.get("ARCHITECTURE.md") {
        let unnamed = packages.iter().filter(|package| !text.contains(&format!("`{}`", package.name)));
        findings
            .extend(unnamed.map(|package| {
                Finding::file("ARCHITECTURE.md", format!("does not name `{}`", package.name))
            }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: &str = "//! Subject.\n";

    /// What is found in a file of the crate `owner`, one finding a line.
    fn check(owner: &str, path: &str, text: &str, expected: &str) {
        let package = Package::parse("Cargo.toml", &format!("package.name = '{owner}'")).unwrap();
        let found: Vec<String> =
            super::check(path, text, package.as_ref()).iter().map(Finding::to_string).collect();
        assert_eq!(found.join("\n"), expected, "{path}: {text}");
    }

    #[test]
    fn a_source_file_opens_with_its_subject() {
        check("spf", "src/a.rs", TOP, "");
        check(
            "spf",
            "src/a.rs",
            "use x;\n",
            "src/a.rs:1: a file opens with a line `//!` that says its subject",
        );
        check("spf", "a.toml", "use = 'x'\n", "");
    }

    #[test]
    fn unsafe_code_is_forbidden_at_the_root() {
        let rule = "a crate root has `#![forbid(unsafe_code)]`";
        check("spf", "src/lib.rs", &format!("{TOP}#![forbid(unsafe_code)]\n"), "");
        check("spf", "src/lib.rs", TOP, &format!("src/lib.rs:1: {rule}"));
        check(
            "spf",
            "src/main.rs",
            &format!("{TOP}// #![forbid(unsafe_code)]\n"),
            &format!("src/main.rs:1: {rule}"),
        );
        check("spf", "src/bin/b.rs", TOP, &format!("src/bin/b.rs:1: {rule}"));
    }

    #[test]
    fn length() {
        let of = |lines: usize| format!("{TOP}{}", "\n".repeat(lines - 1));
        check("spf", "src/a.rs", &of(MAX_LINES), "");
        check("spf", "src/a.rs", &of(MAX_LINES + 1), "src/a.rs: more than 800 lines: split it by subject");
        check("spf", "src/a/tests.rs", &of(MAX_LINES + 1), "");
        check("spf", "tests/a.rs", &of(MAX_LINES + 1), "");
    }

    #[test]
    fn purity() {
        let text = format!("{TOP}#![allow(clippy::disallowed_methods)]\n");
        let rule = "a pure crate opts out of no disallowed method or type: take it as an argument";
        check("spf", "src/a.rs", &text, &format!("src/a.rs:2: {rule}"));
        check("spf", "tests/a.rs", &text, "");
        check("resolver", "src/a.rs", &text, "");
    }

    #[test]
    fn line_ends() {
        check(
            "spf",
            "a.md",
            "one\ntwo \nthree\t\n",
            "a.md:2: white space at the end of the line\na.md:3: white space at the end of the line",
        );
        check("spf", ".ci/run", "one \n", ".ci/run:1: white space at the end of the line");
        check("spf", ".gitignore", "one \n", ".gitignore:1: white space at the end of the line");
        check("spf", "vectors/HDR-08.toml", "one \n", "");
        check("spf", "a.eml", "one \r\n", "");
    }

    #[test]
    fn machine_paths() {
        for folder in ["work", "home", "root"] {
            let path = format!("/{folder}/");
            let finding = format!("a.md:1: a path of somebody's machine: {path}");
            check("spf", "a.md", &format!("{path}x"), &finding);
            check("spf", "a.md", &format!("see `{path}x`"), &finding);
            check("spf", "a.md", &format!("target{path}x https://example.com{path} ${{x}}{path}"), "");
            check("spf", "a.md", &format!("/{folder}ed/ /{folder}"), "");
        }
    }

    #[test]
    fn documents() {
        let package = Package::parse("Cargo.toml", "package.name = 'spf'").unwrap().unwrap();
        let check = |architecture: &str, expected: &[&str]| {
            let mut files: Files = DOCUMENTS.iter().map(|path| ((*path).to_owned(), String::new())).collect();
            files.insert("ARCHITECTURE.md".to_owned(), architecture.to_owned());
            files.remove("SECURITY.md");
            let found = check_documents(&files, std::slice::from_ref(&package));
            let found: Vec<String> = found.iter().map(Finding::to_string).collect();
            assert_eq!(found, expected);
        };
        check("| `spf` | SPF |", &["SECURITY.md: is missing"]);
        check("| spf | SPF |", &["SECURITY.md: is missing", "ARCHITECTURE.md: does not name `spf`"]);
    }
}
