//! Where standard output takes nothing: every command ends at once, quietly where the reader has gone away, and with an error
//! where the disk is full.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs::{self, File};
use std::io::{Write, pipe};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use testkit::real::wait_until;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples");

/// A place with what the commands need: the samples, a key, a configuration, a database.
fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    for sample in fs::read_dir(SAMPLES).unwrap() {
        let sample = sample.unwrap();
        fs::copy(sample.path(), place.path().join(sample.file_name())).unwrap();
    }
    fs::write(
        place.path().join("c.toml"),
        "[signing]\nkey_directory = 'keys'\n[store]\npath = 'data'\n[tls_policy]\nauthorities = 'bundled'\n",
    )
    .unwrap();
    let made = run(
        place.path(),
        "keys new trust.example --out keys --ed25519 --rsa 2048 --selector s-%k",
        Stdio::piped(),
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let database = store::Place::Sqlite(place.path().join("data/mailward.db"));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = store::Store::new(&database).unwrap();
        store.migrate(mail::UnixTime(0)).await.unwrap();
        store.close().await;
    });
    place
}

/// Runs the program in this place, with a message on its standard input.
fn run(place: &Path, words: &str, stdout: impl Into<Stdio>) -> Output {
    let stdin = File::open(Path::new(SAMPLES).join("good.eml")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    command.args(words.split(' ').map(|word| word.replace('~', " "))).current_dir(place);
    command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

/// One that nobody reads.
fn closed() -> Stdio {
    pipe().unwrap().1.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn each_command_says_what_could_not_be_written() {
    let place = place();
    for words in [
        "--help",
        "--version",
        "verify --dns world.zone good.eml",
        "verify --dns world.zone good.eml dkim-deception.eml",
        "verify --dns world.zone --json good.eml",
        "spf show v=spf1~-all",
        "spf check --json v=spf1~-all",
        "dkim key v=DKIM1;p=",
        "dmarc show v=DMARC1;p=none",
        "arc verify --dns world.zone good.eml",
        "arc verify --dns world.zone --json good.eml",
        "arc seal --dns world.zone --domain a.example --selector s --key keys/trust.example/s-rsa.pem --authserv-id mx.a.example",
        "sign --config c.toml",
        "keys list --config c.toml",
        "keys check trust.example --config c.toml --dns world.zone",
        "tls-policy trust.example --config c.toml --dns world.zone",
        "tls-policy trust.example --config c.toml --dns world.zone --json",
        "tls-policy trust.example --config c.toml --at 1795168805",
        "config sample",
        "config check --config c.toml",
        "init --print-unit",
        "init --dir etc",
        "doctor --config c.toml --dns world.zone",
        "shadow --config c.toml",
    ] {
        let ended = run(place.path(), words, Stdio::piped());
        assert!(!ended.stdout.is_empty(), "{words}: {}", String::from_utf8_lossy(&ended.stderr));
        for (stdout, code, say) in [
            (closed(), 141, ""),
            (
                full(),
                2,
                "mailward: standard output: can't be written: No space left on device (os error 28)\n",
            ),
        ] {
            let ended = run(place.path(), words, stdout);
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!((ended.status.code(), &*said), (Some(code), say), "{words}");
        }
    }
}

#[test]
fn verify_reads_no_further_when_nobody_reads_its_verdicts() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(["verify", "--dns", "world.zone", "--json", "-"])
        .current_dir(SAMPLES)
        .stdin(Stdio::piped())
        .stdout(closed())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let from = "From x Mon Jan  1 00:00:00 2024\n";
    let body = "body\n".repeat(20_000);
    // More may come, for ever.
    stdin.write_all(format!("{from}From: a@b.example\n\n{body}\n{from}From: ").as_bytes()).unwrap();
    assert!(wait_until(|| child.try_wait().unwrap().is_some()));
    assert_eq!(child.wait().unwrap().code(), Some(141));
}
