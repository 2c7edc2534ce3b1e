//! The real programs that other tests lean on do run here, answer on loopback, and go away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;

use testkit::real::{Root, Running, knot, output, python, wait_until};

const ZONE: &str = "\
.            60 SOA . . 1 60 60 60 60
.            60 NS  ns.
ns.          60 A   127.0.0.1
example.com. 60 TXT \"v=spf1 ip4:192.0.2.1 -all\"
*.wild.example. 60 TXT \"found\" \" by a wildcard\"
";

fn kdig(root: &Root, server: std::net::SocketAddr, question: &[&str]) -> String {
    let mut command = root.command("kdig");
    command
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string(), "+short"])
        .args(question);
    String::from_utf8(output(command, b"")).unwrap()
}

#[test]
fn knot_serves_a_world_over_udp_and_tcp() {
    let (Some(root), Some(knot)) = (Root::find(&["kdig"]), knot(ZONE)) else { return };
    let spf = "\"v=spf1 ip4:192.0.2.1 -all\"\n";
    assert_eq!(kdig(&root, knot.addr, &["example.com", "TXT"]), spf);
    assert_eq!(kdig(&root, knot.addr, &["+tcp", "example.com", "TXT"]), spf);
    assert_eq!(kdig(&root, knot.addr, &["a.wild.example", "TXT"]), "\"found\" \" by a wildcard\"\n");
    assert_eq!(kdig(&root, knot.addr, &["example.net", "TXT"]), "");
}

#[test]
fn two_knots_do_not_meet() {
    let (Some(root), Some(one)) = (Root::find(&["kdig"]), knot(ZONE)) else { return };
    let two = knot(&ZONE.replace("192.0.2.1", "192.0.2.2")).unwrap();
    assert_ne!(one.addr, two.addr);
    assert!(kdig(&root, one.addr, &["example.com", "TXT"]).contains("192.0.2.1"));
    assert!(kdig(&root, two.addr, &["example.com", "TXT"]).contains("192.0.2.2"));
}

#[test]
fn a_dropped_knot_is_gone() {
    let Some(knot) = knot(ZONE) else { return };
    let addr = knot.addr;
    assert!(TcpStream::connect(addr).is_ok());
    drop(knot);
    assert!(wait_until(|| TcpStream::connect(addr).is_err()));
}

#[test]
fn a_knot_outlives_the_thread_that_made_it() {
    let Some(knot) = std::thread::spawn(|| knot(ZONE)).join().unwrap() else { return };
    let root = Root::find(&["kdig"]).unwrap();
    assert!(kdig(&root, knot.addr, &["example.com", "TXT"]).contains("v=spf1"));
}

#[test]
#[should_panic(expected = "the program does not answer (ended: Some")]
fn a_program_that_ends_at_once_is_not_waited_for() {
    let Some(root) = Root::find(&["knotd"]) else { panic!("the program does not answer (ended: Some") };
    let work = root.work();
    let mut command = root.command("knotd");
    command.args(["-c", "/nowhere"]);
    Running::start(command, &work).wait_until_answers(|| false);
}

#[test]
fn a_work_folder_is_seen_from_both_sides_and_goes_away() {
    let Some(root) = Root::find(&["cat", "cp"]) else { return };
    let work = root.work();
    let file = work.write("file", "text");
    let mut cat = root.command("cat");
    cat.arg(&file);
    assert_eq!(output(cat, b""), b"text");
    let mut copy = root.command("cp");
    copy.arg(&file).arg(work.inside().join("copy"));
    assert_eq!(output(copy, b""), b"");
    assert_eq!(work.read("copy"), b"text");
    let outside: PathBuf = work.outside().into();
    drop(work);
    assert!(fs::symlink_metadata(outside).is_err());
}

#[test]
fn python_has_dkimpy_and_pyspf() {
    let script = "import sys, dkim, spf, nacl, dns.resolver\n\
                  sys.stdout.buffer.write(spf.__version__.encode() + b' ' + sys.stdin.buffer.read())";
    let large = vec![0xff; 1 << 20];
    let Some(printed) = python(script, &large) else { return };
    assert_eq!(printed, [b"2.0.14 ".as_slice(), &large].concat());
}

#[test]
fn opendkim_and_openssl_run() {
    let Some(root) = Root::find(&["opendkim", "opendkim-genkey", "openssl"]) else { return };
    let mut opendkim = root.command("opendkim");
    opendkim.arg("-V");
    assert!(String::from_utf8(output(opendkim, b"")).unwrap().starts_with("opendkim: OpenDKIM Filter v2.11"));
    let work = root.work();
    let mut genkey = root.command("opendkim-genkey");
    genkey.args(["-b", "2048", "-d", "example.com", "-s", "sel", "-D"]).arg(work.inside());
    let _ = output(genkey, b"");
    assert!(work.read("sel.private").starts_with(b"-----BEGIN"));
}
