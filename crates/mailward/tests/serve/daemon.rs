//! The program itself: started, told to read its configuration again, ended, killed.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use testkit::long;
use testkit::real::postfix::Postfix;
use testkit::real::{Root, knot, wait_until};

use super::load::{Load, Sent, audit, good, is_tagged};
use super::program::{Program, inbound, text};
use super::world::{outside, sample, zone};

fn postfix(addr: impl std::fmt::Display) -> Option<Postfix> {
    let root = Root::find(&["postfix"])?;
    let settings = format!("smtpd_milters = {addr}\nsmtpd_authorized_xclient_hosts = 127.0.0.0/8\n");
    Some(Postfix::start(&root, &settings))
}

fn send(postfix: &Postfix) -> String {
    let mut client = outside(postfix, "192.0.2.10", "mail.trust.example");
    client.message("bob@trust.example", &["alice@receiver.test"], &sample("good.eml"))
}

#[test]
fn net_15_a_good_configuration_takes_over_under_load_and_a_bad_one_never() {
    let Some(knot) = knot(&zone("")) else { return };
    let program = Program::start(&inbound(knot.addr, ""));
    let Some(postfix) = postfix(format!("inet:{}", program.addr())) else { return };
    let contents = [
        "[policy]\nmode = 'quarantine'\n",
        "[policy]\nmode = 'wrong'\n",
        "[signing]\nkey_directory = '/nowhere'\n",
    ];
    let load = Load::start(postfix.addr, 4, Duration::from_millis(5), &good());
    // As fast as it can be done, or each second for ten minutes.
    let rounds = if long() { 600 } else { 30 };
    for round in 0..rounds {
        let text = inbound(knot.addr, contents[round % contents.len()]);
        fs::write(&program.file, text).unwrap();
        program.signal(Signal::SIGHUP);
        program.says("event=reload", round + 1);
        if long() {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    load.wait_for(20);
    let sent = load.end();
    let arrived = audit(&postfix, &sent);
    println!("{} messages during {rounds} reloads", sent.len());
    assert!(sent.iter().all(Sent::accepted), "{sent:?}\n{}", program.log());
    assert!(arrived.values().all(|content| is_tagged(content)));
    program.says("event=message", sent.len());
    let log = program.log();
    assert_eq!(log.matches("result=\"taken over\"").count(), rounds / 3, "{log}");
    assert_eq!(log.matches("result=\"refused: what was in force stays\"").count(), rounds / 3 * 2, "{log}");
    let judged = log.matches("mode quarantine").count() + log.matches("mode observe").count();
    assert_eq!(judged, sent.len(), "{log}");
}

#[test]
fn dns_13_without_the_dns_mail_is_tagged_and_goes_on_and_all_is_well_when_it_is_back() {
    let Some(server) = knot(&zone("")) else { return };
    // Nobody answers there.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let program = Program::start(&text(nobody.local_addr().unwrap(), ""));
    let Some(postfix) = postfix(format!("inet:{}", program.addr())) else { return };
    let reply = send(&postfix);
    assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}", program.log());
    let content = String::from_utf8_lossy(&postfix.sink.wait_for(1)[0].content).into_owned();
    assert!(content.contains("dmarc=temperror") && content.contains("spf=temperror"), "{content}");
    fs::write(&program.file, text(server.addr, "")).unwrap();
    program.signal(Signal::SIGHUP);
    program.says("result=\"taken over\"", 1);
    let reply = send(&postfix);
    assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}", program.log());
    let content = String::from_utf8_lossy(&postfix.sink.wait_for(2)[1].content).into_owned();
    assert!(content.contains("dmarc=pass"), "{content}");
}

#[test]
fn net_08_told_to_end_it_finishes_what_is_in_flight_and_then_nothing_comes_in_unchecked() {
    let Some(knot) = knot(&zone("")) else { return };
    let mut program = Program::start(&text(knot.addr, ""));
    let Some(postfix) = postfix(format!("inet:{}", program.addr())) else { return };
    let mut client = outside(&postfix, "192.0.2.10", "mail.trust.example");
    let reply = client.envelope("bob@trust.example", &["alice@receiver.test"]);
    assert!(reply.starts_with("354"), "{reply}");
    program.signal(Signal::SIGTERM);
    program.says("event=stop", 1);
    client.raw(&[&sample("good.eml")[..], b".\r\n"].concat());
    let reply = client.reply();
    assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}", program.log());
    let content = String::from_utf8_lossy(&postfix.sink.wait_for(1)[0].content).into_owned();
    assert!(content.contains("dmarc=pass"), "{content}");
    drop(client);
    assert!(wait_until(|| program.has_ended()), "{}", program.log());
    // Nobody is there now: Postfix does as `milter_default_action` says.
    let mut client = postfix.converse();
    client.say("EHLO xclient.test");
    let reply = client.message("bob@trust.example", &["alice@receiver.test"], &sample("good.eml"));
    assert!(reply.starts_with('4'), "{reply}");
    assert_eq!(postfix.sink.arrived().len(), 1);
}

#[test]
fn a_unix_socket_has_its_rights_and_is_gone_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("milter.sock");
    let config = format!("[[listener]]\nname = 'in'\naddress = '{}'\nsocket_mode = '606'\n", path.display());
    let mut program = Program::start(&config);
    let mode =
        |path: &Path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions());
    assert_eq!(mode(&path) & 0o777, 0o606);
    program.signal(Signal::SIGINT);
    assert!(wait_until(|| program.has_ended()), "{}", program.log());
    assert!(!path.exists());
}

#[test]
fn net_14_rights_of_root_are_given_up() {
    if !nix::unistd::Uid::effective().is_root() {
        return testkit::real::not_run("giving up the rights of root", "it has to be root");
    }
    let program =
        Program::start("[[listener]]\nname = 'in'\naddress = '127.0.0.1:0'\n[daemon]\nuser = 'nobody'\n");
    let status = fs::read_to_string(program.proc("status")).unwrap();
    let ids = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(!ids("Uid:").split_whitespace().skip(1).any(|id| id == "0"), "{status}");
    for name in ["Gid:", "Groups:"] {
        assert!(!ids(name).split_whitespace().skip(1).any(|id| id == "0"), "{status}");
    }
    for name in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert!(ids(name).ends_with("\t0000000000000000"), "{status}");
    }
    assert!(ids("NoNewPrivs:").ends_with('1'), "{status}");
    assert!(!program.log().contains("rights of root"), "{}", program.log());
    for task in fs::read_dir(program.proc("task")).unwrap().flatten() {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        assert!(!status.contains("Uid:\t0"), "{status}");
    }
}

#[test]
fn the_folder_of_the_data_is_made_before_the_rights_of_root_are_given_up() {
    if !nix::unistd::Uid::effective().is_root() {
        return testkit::real::not_run("giving up the rights of root", "it has to be root");
    }
    let folder = tempfile::tempdir().unwrap();
    // Others may go through it, and make nothing in it.
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let data = folder.path().join("mailward");
    let config = "[[listener]]\nname = 'in'\naddress = '127.0.0.1:0'\n[daemon]\nuser = 'nobody'\n";
    let mut program = Program::start(&format!("{config}[store]\npath = '{}'\n", data.display()));
    program.end();
    let made = fs::metadata(&data).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
    assert_ne!(made.uid(), 0);
    assert!(data.join("mailward.db").exists(), "{}", program.log());
}

#[test]
fn mistakes_are_told_and_nothing_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mailward.toml");
    fs::write(&file, "[policy]\nmode = 'x'\n[[listener]]\nname = 'a'\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    let mut child = command.arg("serve").arg("--config").arg(&file).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(said.contains("2:8") && said.contains("1 more"), "{said}");
}

#[test]
fn what_was_seen_before_a_restart_is_known_after_it() {
    let Some(knot) = knot(&zone("")) else { return };
    let data = tempfile::tempdir().unwrap();
    let config = text(knot.addr, &format!("[store]\npath = '{}'\n", data.path().display()));
    let mut program = Program::start(&config);
    let Some(root) = Root::find(&["postfix"]) else { return };
    let settings =
        format!("smtpd_milters = inet:{}\nsmtpd_authorized_xclient_hosts = 127.0.0.0/8\n", program.addr());
    let postfix = Postfix::start(&root, &settings);
    assert!(send(&postfix).starts_with("250"), "{}", program.log());
    program.signal(Signal::SIGTERM);
    assert!(wait_until(|| program.has_ended()), "{}", program.log());
    // The good mail passed from this network, so what fails from there is not refused.
    let enforce = format!("{config}[policy]\nmode = 'enforce'\nown_domains = 'trust.example'\n");
    let again = Program::start(&enforce.replace("127.0.0.1:0", &program.addr().to_string()));
    let from = |ip: &str| {
        let mut client = outside(&postfix, ip, "mail.spoofing.example");
        client.message("bob@spoofing.example", &["alice@receiver.test"], &sample("spf-deception.eml"))
    };
    let reply = from("203.0.113.66");
    assert!(reply.starts_with("550 5.7.26"), "{reply}\n{}", again.log());
    let reply = from("192.0.2.11");
    assert!(reply.starts_with("250"), "{reply}\n{}", again.log());
    again.says("passed when it came from this network before", 1);
}
