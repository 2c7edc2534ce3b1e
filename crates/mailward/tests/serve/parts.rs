//! `serve --only`: the same program and configuration, in parts.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::thread;

use nix::sys::signal::Signal;
use socketmap::client::Client;
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

/// The version of a database.
fn version(place: &store::Place) -> Result<Option<u32>, store::Error> {
    Runtime::new().unwrap().block_on(async {
        let store = store::Store::new(place).unwrap();
        let version = store.version().await;
        store.close().await;
        version
    })
}

/// What makes it answer Postfix.
const TABLE: &str = "[tls_policy]\naddress = '127.0.0.1:0'\nauthorities = 'bundled'\n";

/// What its table of TLS policies says.
fn ask(program: &Program, key: &str) -> String {
    program.says("for=\"TLS policies\"", 1);
    let addr = program.at("listener=tls-policy at=inet:");
    let reply = Runtime::new().unwrap().block_on(async {
        let mut client = Client::new(tokio::net::TcpStream::connect(addr).await.unwrap());
        client.ask(b"tls-policy", key.as_bytes()).await.unwrap()
    });
    format!("{reply:?}")
}

#[test]
fn net_14_the_part_that_asks_policy_hosts_needs_no_keys_and_shows_what_it_knows() {
    if !nix::unistd::Uid::effective().is_root() {
        return not_run("keys that only root can read", "it has to be root");
    }
    let (_folder, text) = site();
    let text = format!("{text}[dns]\nservers = '127.0.0.1:1'\n{TABLE}");
    let mut program = Program::start_with(&text, &["--only", "tls-policy,web"], |_| {});
    // Nobody answers about this one, and nothing is known of it.
    assert_eq!(ask(&program, "a.example"), "NotFound");
    assert_eq!(program.page("/healthz"), (200, "tls-policy: good\ndns: good\nstore: good\n".to_owned()));
    let (_, page) = program.page("/metrics");
    assert!(page.contains("mailward_tls_answers_total{level=\"nothing\"} 1\n"), "{page}");
    assert!(
        page.contains("mailward_dns_answers_total") && !page.contains("mailward_messages_total"),
        "{page}"
    );
    let log = program.log();
    assert!(log.contains("parts=tls-policy,web ") && !log.contains("listener=milter"), "{log}");
    let data = program.folder.path().join("mailward-data");
    assert!(!data.join("journal").exists() && !data.join("reload.sock").exists(), "it handles no mail");
    assert_eq!(version(&program.place()), Ok(Some(store::VERSION)), "it keeps policies by itself");
    program.signal(Signal::SIGHUP);
    program.says("these parts need a restart", 1);
    program.end();
}

#[test]
fn the_part_that_handles_mail_keeps_no_table_and_reloads_without_it() {
    let (_folder, text) = site();
    let text = text.replace("[daemon]\nuser = 'nobody'\n", TABLE);
    let mut program = Program::start_with(&text, &["--only", "milter"], |_| {});
    program.says("event=listening", 1);
    let reloaded = mailward(program.folder.path(), &["reload", "--config", "mailward.toml"]);
    assert!(reloaded.status.success(), "{}", program.log());
    program.end();
    assert!(!program.log().contains("TLS policies"), "{}", program.log());
}

/// The running part opens a key by a path under which another file stood when it gave up its rights: it has the database's
/// authorities read then, once that asks for TLS.
#[test]
fn net_14_parts_that_face_strangers_cannot_read_the_folder_of_keys() {
    for part in ["web", "tls-policy"] {
        let said = opens_a_key(part, false);
        assert!(!said.contains("denied"), "{part} in no sandbox may: {said}");
        let said = opens_a_key(part, true);
        match said.contains("sandbox=landlock") {
            true => assert!(said.contains("Permission denied"), "{part}: {said}"),
            false => not_run("keys that a part can't read", "this kernel has no landlock"),
        }
    }
}

/// The log of the part until its database was away.
fn opens_a_key(part: &str, sandbox: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (authorities, keys) = (folder.path().join("ca.pem"), folder.path().join("keys"));
    fs::create_dir(&keys).unwrap();
    let key = keys.join("key.pem");
    [&authorities, &key].into_iter().for_each(|file| fs::write(file, "nothing").unwrap());
    let database = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!(
        "[web]\naddress = '127.0.0.1:0'\n{TABLE}[signing]\nkey_directory = '{}'\n[dns]\nservers = '127.0.0.1:1'\n\
         [store]\nurl = 'postgres://u@{}/d?sslmode=verify-ca&sslrootcert={}'\n[daemon]\nsandbox = {sandbox}\n",
        keys.display(),
        database.local_addr().unwrap(),
        authorities.display()
    );
    thread::spawn(move || {
        for stream in database.incoming() {
            let mut stream = stream.unwrap();
            // It runs, and asks for TLS.
            stream.read_exact(&mut [0; 8]).unwrap();
            let _ = fs::remove_file(&authorities);
            symlink(&key, &authorities).unwrap();
            stream.write_all(b"S").unwrap();
        }
    });
    let program = Program::start_with(&text, &["--only", part], |_| {});
    let is_away = || ["the database is away", "until="].iter().any(|words| program.log().contains(words));
    assert!(wait_until(is_away), "{}", program.log());
    program.log()
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
    let made = || version(&database) == Ok(Some(store::VERSION));
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
    let version = || version(&place);
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
