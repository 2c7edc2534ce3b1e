//! The envelope: which domain is judged, and when nothing is asked at all.

use spf::{NoDomain, Outcome, Reason};

use crate::FIXTURE;
use crate::world::world;

#[test]
fn env_01_a_pass_of_helo_is_no_proof() {
    let w = world(FIXTURE).and(r#"helo.attacker.example. TXT "v=spf1 ip4:203.0.113.66 -all""#);
    let w = w.helo("helo.attacker.example");
    let check = w.mail_from("<any@mailfrom.notexist.victim.example>");
    assert_eq!(check.outcome(), Outcome::None);
    assert_eq!(check.domain().unwrap().as_str(), "mailfrom.notexist.victim.example");
    let helo = w.check_helo();
    assert_eq!(helo.outcome(), Outcome::Pass);
    assert!(helo.pass().is_none() && check.pass().is_none());
}

/// Paths that can't be read: permerror, nothing asked, nothing taken for the null sender.
fn invalid(path: &[u8]) {
    let w = world(FIXTURE).helo("attacker.example");
    let check = w.mail_from(path);
    assert_eq!(check.reason(), &Reason::InvalidPath, "{}", mail::printable(path));
    assert_eq!(check.outcome(), Outcome::PermError);
    assert_eq!(w.asked(), [""; 0]);
    assert!(check.pass().is_none() && check.domain().is_none());
}

#[test]
fn env_02_unclosed_comment_is_no_null_sender() {
    invalid(b"<(any@victim.example>");
}

#[test]
fn env_03_parenthesis_in_the_domain() {
    invalid(b"<any@victim.example(a.attacker.example>");
}

#[test]
fn env_04_two_at_signs() {
    invalid(b"<any@victim.example'@any.attacker.example>");
}

#[test]
fn env_05_source_route() {
    let w = world(FIXTURE);
    let check = w.mail_from("<@victim.example,@any.com:'any@attacker.example>");
    assert_eq!(check.pass().unwrap().domain().as_str(), "attacker.example");
}

#[test]
fn env_06_null_sender_is_postmaster_at_helo() {
    let zone = r#"
        mail.victim.example.  TXT "v=spf1 exists:%{l}.%{o}.x.example ip4:192.0.2.10 -all exp=why.example"
        why.example.          TXT "%{s} from %{i}"
    "#;
    let w = world(zone).helo("mail.victim.example");
    let check = w.mail_from("<>");
    assert_eq!(check.outcome(), Outcome::Fail);
    assert_eq!(check.explanation().unwrap().text(), "postmaster@mail.victim.example from 203.0.113.66");
    assert!(w.asked().contains(&"A postmaster.mail.victim.example.x.example".to_owned()));
    let check = world(zone).helo("mail.victim.example").ip("192.0.2.10").mail_from("<>");
    assert_eq!(check.pass().unwrap().domain().as_str(), "mail.victim.example");
    assert_eq!(world("").helo("mail.victim.example").mail_from("<>").outcome(), Outcome::None);
}

#[test]
fn env_07_forged_helo_changes_nothing() {
    let w = world(FIXTURE).helo("victim.example");
    assert_eq!(w.mail_from("<a@attacker.example>").pass().unwrap().domain().as_str(), "attacker.example");
    assert_eq!(w.check_helo().outcome(), Outcome::Fail);
}

#[test]
fn env_08_helo_that_is_no_name() {
    for helo in [&b"[203.0.113.66]"[..], b"localhost", b"", &[b'a'; 300], b"\xff\xfe", b"203.0.113.66"] {
        let w = world(FIXTURE).helo(helo);
        assert_eq!(w.check_helo().outcome(), Outcome::None, "{}", mail::printable(helo));
        assert_eq!(w.mail_from("<>").outcome(), Outcome::None);
        assert_eq!(w.asked(), [""; 0]);
    }
}

#[test]
fn env_11_u_labels() {
    let zone = r#"xn--vctim-zsa.example. TXT "v=spf1 exists:%{o}.x.example -all""#;
    invalid("<a@v\u{ed}ctim.example>".as_bytes());
    let w = world(zone).utf8();
    let check = w.mail_from("<a@v\u{ed}ctim.example>");
    assert_eq!(check.outcome(), Outcome::Fail, "{}", check.reason());
    assert_eq!(w.asked(), ["TXT xn--vctim-zsa.example", "A xn--vctim-zsa.example.x.example"]);
    assert_eq!(world(zone).mail_from("<a@xn--vctim-zsa.example>").domain(), check.domain());
}

#[test]
fn env_12_control_bytes() {
    invalid(b"<a\x00@victim.example>");
    invalid(b"<a@victim.example\x00.attacker.example>");
    invalid(b"<a\t@victim.example>");
    invalid(b"<a@victim.example\x0b>");
    invalid(b"<a@victim.example\x7f>");
}

#[test]
fn env_13_address_literal() {
    let w = world(FIXTURE);
    let check = w.mail_from("<a@[192.0.2.10]>");
    assert_eq!(check.reason(), &Reason::NoDomain(NoDomain::Literal));
    assert_eq!((check.outcome(), w.asked().len()), (Outcome::None, 0));
}

#[test]
fn env_14_quoted_local_part() {
    for path in [r#"<"x@victim.example"@attacker.example>"#, r#"<"a b\"c"@attacker.example>"#] {
        let check = world(FIXTURE).mail_from(path);
        assert_eq!(check.pass().unwrap().domain().as_str(), "attacker.example", "{path}");
    }
}

#[test]
fn env_15_case_and_dot() {
    let check = world(FIXTURE).ip("192.0.2.10").mail_from("<a@VICTIM.Example.>");
    assert_eq!(check.pass().map(|p| p.domain().to_string()).as_deref(), Some("victim.example"));
}

#[test]
fn env_16_long_names() {
    let label = format!("<a@{}.example>", "a".repeat(64));
    let name = format!("<a@{}example>", "a.".repeat(124));
    let labels = format!("<a@{}example>", "a.".repeat(300));
    for path in [label, name, labels, "<a@localhost>".into()] {
        let w = world(FIXTURE);
        assert_eq!(w.mail_from(&path).outcome(), Outcome::None, "{path}");
        assert_eq!(w.asked(), [""; 0], "{path}");
    }
}
