//! `mailward reload` and the daemon that it tells.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::program::{Program, mailward};

const GOOD: &str = "[[listener]]\nname = 'in'\naddress = '127.0.0.1:0'\nfor = 'inbound'\n[receiving]\ndeadline = '1s'\n\
                    [dns]\nservers = '127.0.0.1:1'\n";

/// What `mailward reload` says, and how it ends.
fn reload(program: &Program, more: &[&str]) -> (i32, String) {
    let words = [&["reload", "--config", "mailward.toml"], more].concat();
    let output = mailward(program.folder.path(), &words);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn net_15_what_comes_of_a_reload_is_told() {
    let mut program = Program::start(GOOD);
    let socket = program.folder.path().join("mailward-data/reload.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(reload(&program, &[]), (0, "The configuration has taken over.\n".to_owned()));
    let taken: Value = serde_json::from_str(&reload(&program, &["--json"]).1).unwrap();
    assert_eq!(taken, json!({ "taken_over": true, "why": null }));

    let mut full = Command::new(env!("CARGO_BIN_EXE_mailward"));
    full.args(["reload", "--config", "mailward.toml"]).current_dir(program.folder.path());
    full.stdout(fs::File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(full.status().unwrap().code(), Some(2), "nobody is told");

    program.write(&format!("{GOOD}[policy]\nmode = 'wrong'\nmod = 1\n"));
    let (code, said) = reload(&program, &[]);
    assert_eq!(code, 1);
    assert!(
        said.starts_with("mailward: refused, and what was in force stays: ")
            && said.contains("mailward.toml:")
    );
    assert!(said.contains(":10:8: ") && said.contains("1 more"), "{said}");
    let (code, said) = reload(&program, &["--json"]);
    let refused: Value = serde_json::from_str(&said).unwrap();
    let why = &refused["why"];
    assert_eq!(
        (code, &refused["taken_over"], &why["line"], &why["column"]),
        (1, &json!(false), &json!(10), &json!(8))
    );

    program.write(&GOOD.replace("name = 'in'", "name = 'other'"));
    let (code, said) = reload(&program, &[]);
    assert!(code == 1 && said.contains("that needs a restart"), "{code} {said}");
    // Not even TOML, so that nothing can be read of it but that the data are where they are by default.
    program.write("= [");
    let (code, said) = reload(&program, &[]);
    assert!(code == 1 && said.contains("mailward.toml:1:1: "), "{code} {said}");
    assert_eq!(program.show("client.test", "x@a.example").last, "Accept");

    program.end();
    let (code, said) = reload(&program, &[]);
    assert!(code == 2 && said.contains("no mailward serves here"), "{code} {said}");
    assert!(!socket.exists());
}

#[test]
fn net_15_mail_goes_on_while_a_configuration_is_read_slowly() {
    const O_NONBLOCK: i32 = 0o4000;
    // One thread for everything, so that who waits on it keeps all mail.
    let mut program = Program::start_with(GOOD, &[], |command| {
        command.env("TOKIO_WORKER_THREADS", "1");
    });
    program.says("event=listening", 1);
    // Who reads this waits until somebody writes it.
    fs::remove_file(&program.file).unwrap();
    assert!(Command::new("mkfifo").arg(&program.file).status().unwrap().success());
    let open = || fs::OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&program.file).ok();
    let being_read = || std::iter::repeat_with(open).flatten().next().unwrap();
    program.signal(Signal::SIGHUP);
    let mut first = being_read();
    for _ in 0..3 {
        // These are ordered meanwhile, and one is enough for them.
        program.signal(Signal::SIGHUP);
        assert_eq!(program.show("client.test", "x@a.example").last, "Accept");
    }
    assert!(!program.log().contains("event=reload"));
    first.write_all(GOOD.as_bytes()).unwrap();
    drop(first);
    program.says("event=reload result=\"taken over\"", 1);
    let _second = being_read();
    // That it is being read keeps nobody from ending it.
    program.end();
    assert_eq!(program.log().matches("event=reload").count(), 1, "{}", program.log());
}

#[test]
fn who_asks_for_something_else_gets_no_answer() {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    let program = Program::start(GOOD);
    let socket = program.folder.path().join("mailward-data/reload.sock");
    for words in ["", "x\n", "reload", "reloads\n", "\0\0\0\0\0\0\0\0\0\0\0\0"] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // It may be closed before all was said.
        let _ = stream.write_all(words.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert_eq!(answer, "", "{words:?}");
    }
    assert!(!program.log().contains("event=reload"), "{}", program.log());
}
