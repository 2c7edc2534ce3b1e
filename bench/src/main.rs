//! How fast the verdict is: beside the physical limit, beside mail-auth, over a slow DNS, and as a whole program; how
//! fast signing is; and how fast the socketmap server.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a bench is all about the clock")]

mod clock;
mod cold;
mod floor;
mod milters;
mod ours;
mod peer;
mod program;
mod random;
mod server;
mod sign;
mod socketmap;
mod table;
mod text;
mod warm;
mod workload;
mod world;

use std::path::PathBuf;

use warm::Bench;
use workload::{Sizes, Workload};

/// Messages of the workload.
const MESSAGES: usize = 2000;
/// The size of the smaller ones, in bytes.
const SMALL: usize = 16 * 1024;

const HELP: &str =
    "bench [--rounds N] [warm] [small] [cores] [sign] [cold] [program MAILWARD FOLDER] [milter MAILWARD FOLDER]
    [socketmap MAILWARD FOLDER] [profile] [profile-small]
Prints tables in Markdown; without a part, all but the last six. For socketmap, --python PATH names a Python that has
postfix-mta-sts-resolver.";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rounds, mut parts) = (7, Vec::new());
    let (mut program, mut milter, mut maps, mut python) = (None, None, None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).expect(HELP),
            "--python" => python = Some(PathBuf::from(arguments.next().expect(HELP))),
            "program" | "milter" | "socketmap" => {
                let mut path = || PathBuf::from(arguments.next().expect(HELP));
                let what = match argument.as_str() {
                    "milter" => &mut milter,
                    "socketmap" => &mut maps,
                    _ => &mut program,
                };
                *what = Some((path(), path()));
            }
            "warm" | "small" | "cores" | "sign" | "cold" | "profile" | "profile-small" => {
                parts.push(argument)
            }
            _ => {
                println!("{HELP}");
                return;
            }
        }
    }
    if parts.is_empty() && program.is_none() && milter.is_none() && maps.is_none() {
        parts = ["warm", "small", "cores", "sign", "cold"].map(str::to_owned).to_vec();
    }
    let wants = |part: &str| parts.iter().any(|wanted| wanted == part);

    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if let Some((mailward, folder)) = milter {
        milters::milters(&mailward, &folder, rounds, cores);
    }
    if let Some((mailward, folder)) = maps {
        socketmap::socketmap(&mailward, &folder, python.as_deref(), rounds);
    }
    let mixed = ["warm", "cores", "sign", "profile"].into_iter().any(wants) || program.is_some();
    let mixed = mixed.then(|| Workload::new(MESSAGES, Sizes::Mixed));
    let small = ["small", "sign", "profile-small"].into_iter().any(wants);
    let small = small.then(|| Workload::new(MESSAGES, Sizes::All(SMALL)));
    // From here on, one core; the server and the runtimes with it, which have nothing to do while the clock runs.
    clock::pin(1);
    if let Some(workload) = &mixed {
        let mean = workload.bytes() / MESSAGES / 1024;
        let bench = Bench::new(workload);
        if wants("profile") {
            bench.profile(workload, rounds);
        }
        if wants("warm") {
            bench.one_core(
                &format!("{MESSAGES} messages, {mean} KiB on average, {rounds} rounds:"),
                workload,
                rounds,
            );
        }
        if wants("cores") {
            bench.cores(workload, rounds, cores);
        }
    }
    if let Some(workload) = &small {
        let bench = Bench::new(workload);
        if wants("profile-small") {
            bench.profile(workload, rounds * 5);
        }
        if wants("small") {
            bench.one_core(&format!("{MESSAGES} messages of 16 KiB, {rounds} rounds:"), workload, rounds);
        }
    }
    if wants("sign") {
        for (workload, size) in [(&mixed, "of 90 KiB on average"), (&small, "of 16 KiB")] {
            if let Some(workload) = workload {
                sign::sign(
                    &format!("Signing, {MESSAGES} messages {size}, {rounds} rounds:"),
                    workload,
                    rounds,
                );
            }
        }
    }
    if wants("cold") {
        cold::cold();
    }
    if let (Some((mailward, folder)), Some(workload)) = (program, &mixed) {
        program::program(&mailward, &folder, workload, rounds);
    }
}
