//! The steps of `cargo xtask check` and how one is run: its output is kept back and shown only when it fails.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

use crate::counts::{Counts, not_run};
use crate::tidy;

/// One step: its name on the command line, what it does, and how.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    run: fn(&Path) -> Report,
}

/// All steps, those that fail soonest first.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", about: "is the source formatted? (cargo fmt)", run: fmt },
    Step { name: "tidy", about: "layers, purity, file rules, licences of dependencies", run: tidy },
    Step { name: "clippy", about: "lints of all targets, warnings are errors", run: clippy },
    Step { name: "test", about: "all tests, with cargo-nextest where it is installed", run: test },
    Step { name: "doctest", about: "the examples in the documentation", run: doctest },
    Step { name: "doc", about: "the documentation builds, warnings are errors", run: doc },
    Step { name: "deny", about: "cargo deny check, where cargo-deny is installed", run: deny },
];

/// The step of that name.
pub(crate) fn find(name: &str) -> Option<Step> {
    STEPS.iter().find(|step| step.name == name).copied()
}

/// What came of a step.
struct Report {
    well: bool,
    /// Shown when it did not go well.
    output: String,
    counts: Counts,
    /// Shown in any case.
    not_run: Vec<String>,
}

/// Runs the steps, all of them even when one fails. Says which failed and how to run it alone; true if all is well.
pub(crate) fn run(workspace: &Path, steps: &[Step], count: bool) -> bool {
    let terminal = std::io::stderr().is_terminal();
    let mut failed = Vec::new();
    let mut counts = Counts::default();
    for step in steps {
        if terminal {
            eprint!("\r\x1b[K{} ...", step.name);
        }
        let report = (step.run)(workspace);
        if terminal {
            eprint!("\r\x1b[K");
        }
        counts += report.counts;
        for line in report.not_run {
            eprintln!("WARNING: {line}");
        }
        if !report.well {
            eprintln!("---- {} ----\n{}\n", step.name, report.output.trim_end());
            failed.push(step.name);
        }
    }
    for name in &failed {
        eprintln!("FAILED: {name} (alone: cargo xtask {name})");
    }
    if count {
        println!("{counts}");
    }
    failed.is_empty()
}

fn fmt(workspace: &Path) -> Report {
    if !has(workspace, "fmt") {
        return not_installed("rustfmt");
    }
    command(cargo(workspace).args(["fmt", "--all", "--", "--check", "-l"]))
}

fn clippy(workspace: &Path) -> Report {
    if !has(workspace, "clippy") {
        return not_installed("clippy");
    }
    command(cargo(workspace).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

fn test(workspace: &Path) -> Report {
    let tests = if has(workspace, "nextest") {
        command(
            cargo(workspace)
                .args(["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests=pass"])
                .args([
                    // What passing tests print is read for what did not run, and is not shown.
                    "--success-output=immediate",
                    "--failure-output=final",
                    "--color=never",
                ]),
        )
    } else {
        command(
            cargo(workspace)
                .args([
                    "test",
                    "--workspace",
                    "--lib",
                    "--bins",
                    "--tests",
                    "--no-fail-fast",
                    "--color=never",
                ])
                .args(["--", "--show-output", "--color=never"]),
        )
    };
    with_counts(tests)
}

fn doctest(workspace: &Path) -> Report {
    with_counts(command(cargo(workspace).args([
        "test",
        "--workspace",
        "--doc",
        "--no-fail-fast",
        "--color=never",
    ])))
}

fn doc(workspace: &Path) -> Report {
    let mut doc = cargo(workspace);
    doc.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
    command(&mut doc)
}

fn deny(workspace: &Path) -> Report {
    if !has(workspace, "deny") {
        return report(true, String::new());
    }
    command(cargo(workspace).args(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))
}

fn tidy(workspace: &Path) -> Report {
    match tidy::run(workspace) {
        Ok(findings) => report(findings.is_empty(), findings.join("\n")),
        Err(why) => report(false, why),
    }
}

fn report(well: bool, output: String) -> Report {
    Report { well, output, counts: Counts::default(), not_run: Vec::new() }
}

/// A part of Rust is missing: said, and a failure where `CI=true`.
fn not_installed(component: &str) -> Report {
    let why = format!("{component} did NOT run: not installed (rustup component add {component})");
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    Report { not_run: vec![why.clone()], ..report(!ci, why) }
}

/// Counts a runner's tests. Of nextest's output only what follows the summary is kept: the failures.
fn with_counts(mut report: Report) -> Report {
    report.counts = Counts::read(&report.output);
    if !report.well && report.counts.failed == 0 {
        // Tests that do not build have failed, however many they are.
        report.counts.failed = 1;
    }
    report.not_run = not_run(&report.output);
    if let Some((_, failures)) = report.output.rsplit_once("\n     Summary [") {
        report.output = format!("     Summary [{failures}");
    }
    report
}

/// Runs a command to its end, its output kept.
fn command(command: &mut Command) -> Report {
    match command.output() {
        Ok(output) => {
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            report(output.status.success(), text)
        }
        Err(error) => report(false, format!("{command:?}: {error}")),
    }
}

/// A cargo command in the workspace, with nothing of the cargo that runs this program but its path.
pub(crate) fn cargo(workspace: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(workspace);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Is the cargo sub-command installed?
fn has(workspace: &Path, subcommand: &str) -> bool {
    cargo(workspace).args([subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}
