//! `serve --only`: the same program and configuration, in parts.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use testkit::real::postgres::Postgres;
use testkit::real::{not_run, wait_until};
use tokio::runtime::Runtime;

use super::program::{Program, mailward};

/// A site whose keys nobody but root can read, and that runs as nobody.
fn site() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::create_dir(&keys).unwrap();
    fs::set_permissions(&keys, PermissionsExt::from_mode(0o700)).unwrap();
    let text = format!(
        "[[listener]]\nname = 'milter'\naddress = '127.0.0.1:0'\n[web]\naddress = '127.0.0.1:0'\n\
         [signing]\nkey_directory = '{}'\n[daemon]\nuser = 'nobody'\n",
        keys.display()
    );
    (folder, text)
}

#[test]
fn net_14_the_part_that_faces_the_web_needs_no_keys_and_shows_what_it_knows() {
    if !nix::unistd::Uid::effective().is_root() {
        return not_run("keys that only root can read", "it has to be root");
    }
    let (folder, text) = site();
    let file = folder.path().join("mailward.toml");
    fs::write(&file, &text).unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let mut whole = Command::new(env!("CARGO_BIN_EXE_mailward"));
    let whole =
        whole.args(["serve", "--config"]).arg(&file).current_dir(folder.path()).stderr(Stdio::piped());
    let whole = whole.output().unwrap();
    let said = String::from_utf8_lossy(&whole.stderr).into_owned();
    assert!(whole.status.code() == Some(2) && said.contains("keys: permission denied"), "{said}");

    let mut program = Program::start_with(&text, &["--only", "web"], |_| {});
    assert_eq!(program.page("/healthz"), (200, "store: good\n".to_owned()));
    let (status, page) = program.page("/metrics");
    assert!(
        status == 200 && page.contains("mailward_build_info{version=") && !page.contains("_total"),
        "{page}"
    );
    let log = program.log();
    assert!(log.contains("parts=web ") && !log.contains("listener=milter"), "{log}");
    assert!(!program.folder.path().join("mailward-data/journal").exists(), "it writes no rows");
    program.signal(Signal::SIGHUP);
    program.says("these parts need a restart", 1);
    program.end();
}

#[test]
fn a_part_that_has_nothing_to_do_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mailward.toml"), "[web]\naddress = ''\n").unwrap();
    for (part, why) in [("web", "there is nothing to show"), ("mail", "invalid value 'mail'")] {
        let ended = mailward(folder.path(), &["serve", "--config", "mailward.toml", "--only", part]);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && said.contains(why), "{said}");
    }
}

#[test]
fn net_14_keys_where_the_web_part_reads_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display();
    fs::create_dir(folder.path().join("keys")).unwrap();
    let text = format!(
        "[web]\naddress = '127.0.0.1:0'\n[store]\npath = '{data}'\n[signing]\nkey_directory = '{data}/keys'\n"
    );
    let program = Program::start_with(&text, &["--only", "web"], |_| {});
    program.says("signing keys stand where this part reads", 1);
}

#[test]
fn the_part_that_handles_mail_opens_no_pages_and_the_jobs_open_nothing() {
    let (_folder, text) = site();
    let text = text.replace("[daemon]\nuser = 'nobody'\n", "");
    let mut milter = Program::start_with(&text, &["--only", "milter"], |_| {});
    milter.says("event=listening", 1);
    assert!(TcpStream::connect(milter.addr()).is_ok());
    let mut jobs = Program::start_with(&text, &["--only", "jobs"], |_| {});
    let database = store::Place::Sqlite(jobs.folder.path().join("mailward-data/mailward.db"));
    let runtime = Runtime::new().unwrap();
    let made = || {
        runtime.block_on(async {
            let store = store::Store::new(&database).unwrap();
            let version = store.version().await;
            store.close().await;
            version == Ok(Some(store::VERSION))
        })
    };
    assert!(wait_until(made), "{}", jobs.log());
    milter.end();
    jobs.end();
    assert!(
        milter.log().contains("parts=milter ") && !milter.log().contains("listener=web"),
        "{}",
        milter.log()
    );
    assert!(jobs.log().contains("parts=jobs ") && !jobs.log().contains("event=listening"), "{}", jobs.log());
    let mut both = Program::start_with(&text, &["--only", "web,jobs"], |_| {});
    assert_eq!(both.page("/healthz").0, 200);
    both.end();
    assert!(both.log().contains("parts=web,jobs "), "{}", both.log());
}

#[test]
fn parts_without_keys_reach_a_postgresql_and_the_web_part_changes_nothing_in_it() {
    let Some(mut postgres) = Postgres::start() else { return };
    let text = format!("[web]\naddress = '127.0.0.1:0'\n[store]\nurl = '{}'\n", postgres.url());
    let place = store::Place::Postgres(store::PostgresUrl::parse(&postgres.url()).unwrap());
    let runtime = Runtime::new().unwrap();
    let version = || {
        runtime.block_on(async {
            let store = store::Store::new(&place).unwrap();
            let version = store.version().await;
            store.close().await;
            version
        })
    };
    assert!(wait_until(|| version().is_ok()));
    let mut web = Program::start_with(&text, &["--only", "web"], |_| {});
    let good = (200, "store: good\n".to_owned());
    assert!(wait_until(|| web.page("/healthz") == good), "{}", web.log());
    assert_eq!(version(), Ok(None));
    assert!(!web.folder.path().join("mailward-data").exists());
    let mut jobs = Program::start_with(&text, &["--only", "jobs"], |_| {});
    assert!(wait_until(|| version() == Ok(Some(store::VERSION))), "{}", jobs.log());
    jobs.end();
    postgres.stop();
    let bad = (503, "store: bad: the database is away\n".to_owned());
    assert!(wait_until(|| web.page("/healthz") == bad), "{}", web.log());
    postgres.run();
    assert!(wait_until(|| web.page("/healthz") == good), "{}", web.log());
    web.end();
}
