//! `cargo xtask tidy`: the rules of ARCHITECTURE.md that a compiler does not check. The rules are pure functions of texts.

mod files;
mod layers;
mod licences;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::steps::cargo;
use layers::Package;

/// A broken rule: where, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// Counted from 1; 0 is the whole file.
    line: usize,
    what: String,
}

impl Finding {
    fn file(path: &str, what: impl Into<String>) -> Self {
        Self::line(path, 0, what)
    }

    fn line(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// The texts of the workspace by path relative to it, with `/` between the parts.
type Files = BTreeMap<String, String>;

/// Reads the workspace and gives every finding as text. `Err`: the workspace could not be read.
pub(crate) fn run(workspace: &Path) -> Result<Vec<String>, String> {
    let files = read(workspace)?;
    let mut findings = check(&files);
    let deny = files.get("deny.toml").map_or("", String::as_str);
    let licences = || licences::check(&licences::allowed(deny)?, &metadata(workspace)?);
    // A wrong import may be what keeps cargo from answering: what was found so far is said in any case.
    findings.extend(licences().unwrap_or_else(|why| vec![Finding::file("Cargo.toml", why)]));
    findings.sort();
    Ok(findings.iter().map(Finding::to_string).collect())
}

/// Every rule that needs nothing but the files.
fn check(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut packages = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
        match Package::parse(path, text) {
            Ok(package) => packages.extend(package),
            Err(finding) => findings.push(finding),
        }
    }
    for package in &packages {
        findings.extend(layers::check(package));
    }
    for (path, text) in files {
        findings.extend(files::check(path, text, layers::owner(&packages, path)));
    }
    findings.extend(files::check_documents(files, &packages));
    findings
}

/// Every file that is text, but what .gitignore names and what git keeps for itself.
fn read(workspace: &Path) -> Result<Files, String> {
    let ignored = fs::read_to_string(workspace.join(".gitignore")).unwrap_or_default();
    let mut skip: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    skip.push(".git");
    let mut files = Files::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let said = |error: io::Error| format!("{folder}: {error}");
        for entry in fs::read_dir(workspace.join(&folder)).map_err(said)? {
            let entry = entry.map_err(said)?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(said)?;
            if skip.contains(&path.as_str()) {
                continue;
            }
            if kind.is_dir() {
                folders.push(format!("{path}/"));
            } else if kind.is_file() {
                // What is not text is no business of these rules.
                let bytes = fs::read(entry.path()).map_err(said)?;
                if let Ok(text) = String::from_utf8(bytes) {
                    files.insert(path, text);
                }
            }
        }
    }
    Ok(files)
}

/// `cargo metadata` of what is built on this machine.
fn metadata(workspace: &Path) -> Result<String, String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
    let arguments = ["metadata", "--format-version=1", "--locked", "--quiet", "--filter-platform", host];
    output(cargo(workspace).args(arguments))
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{command:?}: {error}"))
}
