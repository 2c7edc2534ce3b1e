//! Whole messages, signed by the test signer and verified in every cut: rows HDR, DKS and DKP.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use common::{MESSAGE, NOW, World, edit, prepend, victim};
use dkim::{BodyLength, Outcome, Reason, Step};
use mail::{Domain, Explain, Suffix, SuffixList, SuffixSection, UnixTime};
use testkit::signer::{Signer, TestKey};

fn signer() -> Signer {
    Signer::new("victim.example", "s1", &victim())
}

fn signed() -> Vec<u8> {
    signer().sign(MESSAGE.as_bytes())
}

#[test]
fn valid_signatures_pass() {
    let world = World::new();
    for c in
        ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple", "relaxed", "RELAXED/simple"]
    {
        let message = signer().tag("c", c).sign(MESSAGE.as_bytes());
        world.check(&message, "pass pass");
        world.check(edit(&message, "this is", "this was"), "fail body-changed");
        world.check(edit(&message, "a test\r\nDate", "a test!\r\nDate"), "fail signature-mismatch");
        world.check(edit(&message, "Ann", "Anne"), "fail signature-mismatch");
        let unsigned = edit(&message, "<1@", "<2@");
        world.check(unsigned, "pass pass");
    }
    let ed = Signer::new("victim.example", "ed", &TestKey::ed25519(1)).sign(MESSAGE.as_bytes());
    world.check(&ed, "pass pass");
    world.check(edit(&ed, "Ann", "Anne"), "fail signature-mismatch");
}

#[test]
fn relaxed_and_simple_differ_where_they_should() {
    let world = World::new();
    let spaced = |m: &[u8]| edit(&edit(m, "is \t a", "is a"), "Subject: a test", "SUBJECT:  a\r\n test");
    world.check(spaced(&signed()), "pass pass");
    let header = signer().tag("c", "simple/relaxed").sign(MESSAGE.as_bytes());
    world.check(spaced(&header), "fail signature-mismatch");
    let body = signer().tag("c", "relaxed/simple").sign(MESSAGE.as_bytes());
    world.check(spaced(&body), "fail body-changed");
    world.check([&signed()[..], b"\r\n\r\n"].concat(), "pass pass");
    world.check([&body[..], b"\r\n\r\n"].concat(), "pass pass");
}

#[test]
fn the_pass_is_the_signing_domains() {
    let checks = World::new().verify(&signer().tag("i", "ann@mail.victim.example").sign(MESSAGE.as_bytes()));
    let pass = checks[0].pass().unwrap();
    assert_eq!((pass.domain().as_str(), pass.selector().as_str()), ("victim.example", "s1"));
    assert_eq!(pass.algorithm().as_str(), "rsa-sha256");
    assert_eq!(checks[0].identity().unwrap().to_string(), "ann@mail.victim.example");
    assert_eq!(checks[0].b_prefix().unwrap().len(), 8);
    assert_eq!(checks[0].signed().iter().collect::<Vec<_>>().join(":"), "from:to:subject:date");
}

#[test]
fn a_key_of_another_does_not_fit() {
    let message = Signer::new("victim.example", "s1", &TestKey::rsa_exponent_3()).sign(MESSAGE.as_bytes());
    World::new().check(message, "fail signature-mismatch");
}

#[test]
fn hdr_01_one_boundary() {
    let world = World::new();
    let smuggled = edit(&signed(), "<1@victim.example>\r\n\r\n", "<1@victim.example>\r\n\n\r\nX: y\r\n\r\n");
    world.check(smuggled, "permerror malformed-header");
}

#[test]
fn hdr_02_03_05_stray_bytes_in_the_header() {
    let world = World::new();
    for stray in ["\nFrom: b@attacker.example", "\rFrom: b@attacker.example", "\0"] {
        world.check(
            edit(&signed(), "a test\r\nDate", &format!("a test{stray}\r\nDate")),
            "permerror malformed-header",
        );
    }
}

#[test]
fn hdr_05_nul_in_the_body_is_a_byte() {
    let world = World::new();
    let message = signer().sign(format!("{MESSAGE}a\0b\r\n\0.\r\n").as_bytes());
    world.check(&message, "pass pass");
    world.check(edit(&message, "a\0b", "ab"), "fail body-changed");
}

#[test]
fn hdr_04_cr_and_lf_alone_in_the_body_are_bytes() {
    let world = World::new();
    for body in ["a\nb\r\n", "a\rb\r\n", "\r", "\n", "\r\r\n", "a \n\r\n", "\n\r\n\r"] {
        for c in ["simple/simple", "relaxed/relaxed"] {
            let message = format!("From: ann@victim.example\r\n\r\n{body}");
            world.check(signer().tag("c", c).sign(message.as_bytes()), "pass pass");
        }
    }
}

#[test]
fn hdr_06_a_line_that_is_no_field() {
    let world = World::new();
    for line in [">From x\r\n", "From a@b Mon, 1 Jan\r\n", ": novalue\r\n", "NoColonLine\r\n", " fold\r\n"] {
        world.check(prepend(line, &signed()), "permerror malformed-header");
    }
}

#[test]
fn hdr_07_a_very_long_field_name() {
    let long = format!("{}: x\r\n", "A".repeat(65_536));
    World::new().check(prepend(&long, &signed()), "permerror malformed-header");
}

#[test]
fn hdr_08_lines_of_white_space_in_the_header() {
    let message = MESSAGE.replace("Subject: a test", "Subject: a\r\n \r\n\t\r\n test");
    for c in ["simple/simple", "relaxed/relaxed"] {
        World::new().check(signer().tag("c", c).sign(message.as_bytes()), "pass pass");
    }
}

#[test]
fn hdr_08_a_value_that_begins_on_the_next_line() {
    let message = MESSAGE.replace("Subject: a test", "Subject:\r\n <v>");
    for c in ["simple/simple", "relaxed/relaxed"] {
        World::new().check(signer().tag("c", c).sign(message.as_bytes()), "pass pass");
    }
}

#[test]
fn hdr_09_nothing_there() {
    let world = World::new();
    for message in ["", "\r\n", "From: a@victim.example", "From: a@victim.example\r\n", "\r\nbody"] {
        assert_eq!(world.results(message), [] as [String; 0]);
    }
    let message = signer().tag("h", "from").sign(b"From: ann@victim.example\r\n");
    world.check(message, "pass pass");
    world.check(signer().tag("h", "from").sign(b"From: ann@victim.example"), "pass pass");
}

#[test]
fn hdr_10_bytes_of_any_charset() {
    let message =
        [b"Subject: caf\xe9 \xff\r\n", MESSAGE.replace("Subject: a test\r\n", "").as_bytes()].concat();
    let signed = signer().sign(&message);
    World::new().check(&signed, "pass pass");
    let changed: Vec<u8> = signed.iter().map(|b| if *b == 0xe9 { 0xe8 } else { *b }).collect();
    World::new().check(changed, "fail signature-mismatch");
}

#[test]
fn hdr_16_dks_10_unsigned_duplicates_of_signed_fields() {
    let mut world = World::new();
    let names = [
        "From",
        "Subject",
        "Date",
        "To",
        "Cc",
        "Reply-To",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "content-x",
    ];
    for name in names {
        let message =
            prepend(&format!("{name}: first\r\n"), MESSAGE.replace(&format!("{name}:"), "X:").as_bytes());
        let h = if name == "From" { "from".to_owned() } else { format!("from:{}", name.to_lowercase()) };
        let message = if name == "From" { message } else { prepend("", &message) };
        let signed = signer().tag("h", &h).sign(&message);
        world.check(&signed, "pass pass");
        let added = prepend(&format!("{name} : You won\r\n"), &signed);
        world.check(&added, "policy unsigned-duplicate");
        let check = &world.verify(&added)[0];
        assert_eq!(check.reason(), &Reason::UnsignedDuplicate(name.to_lowercase().into()));
    }
    // Fields that may be there more than once, and fields that are not signed at all.
    let received =
        signer().tag("h", "from:received").sign(prepend("Received: x\r\n", MESSAGE.as_bytes()).as_slice());
    world.check(prepend("Received: y\r\n", &received), "pass pass");
    world.check(prepend("Cc: y\r\n", &prepend("Cc: z\r\n", &signed())), "pass pass");
    world.policy.accept_unsigned_duplicates = true;
    let added = prepend("Subject: You won\r\n", &signed());
    world.check(&added, "pass pass");
    assert_eq!(world.verify(&added)[0].flags().unsigned_duplicate.as_deref(), Some("subject"));
}

#[test]
fn dks_07_from_not_signed() {
    let message = signer().tag("h", "to:subject").sign(MESSAGE.as_bytes());
    World::new().check(message, "permerror malformed-signature");
}

#[test]
fn dks_08_names_in_any_form() {
    let world = World::new();
    world.check(signer().tag("h", "FROM : to:\r\n\tSubject").sign(MESSAGE.as_bytes()), "pass pass");
    world.check(signer().tag("h", "Message-ID:message-id:from").sign(MESSAGE.as_bytes()), "pass pass");
    // The own field is never covered by h=; another signature can be.
    world.check(signer().tag("h", "from:dkim-signature").sign(MESSAGE.as_bytes()), "pass pass");
    let attacker = Signer::new("attacker.example", "a1", &TestKey::ed25519(66));
    let twice = attacker.tag("h", "from:dkim-signature").sign(&signed());
    assert_eq!(world.results(&twice), ["pass pass", "pass pass"]);
}

#[test]
fn dks_09_instances_from_the_bottom_up() {
    let world = World::new();
    let mut accepting = World::new();
    accepting.policy.accept_unsigned_duplicates = true;
    let two = prepend("Subject: upper\r\n", MESSAGE.as_bytes());
    for (h, upper) in [
        ("from:subject", "pass pass"),
        ("from:subject:subject", "fail signature-mismatch"),
        ("from:subject:subject:subject", "fail signature-mismatch"),
    ] {
        let message = signer().tag("h", h).sign(&two);
        accepting.check(&message, "pass pass");
        accepting.check(edit(&message, "upper", "UPPER"), upper);
        accepting.check(edit(&message, "Subject: a test", "Subject: A"), "fail signature-mismatch");
        assert_eq!(accepting.verify(&message)[0].flags().oversigned, h.matches("subject").count() > 2);
    }
    world.check(signer().tag("h", "from:subject:subject").sign(&two), "pass pass");
}

#[test]
fn dks_11_oversigned_fields_take_no_more() {
    let world = World::new();
    let message = signer().tag("h", "from:from:subject:subject").sign(MESSAGE.as_bytes());
    world.check(&message, "pass pass");
    world.check(prepend("From: b@attacker.example\r\n", &message), "fail signature-mismatch");
    world.check(prepend("Subject: You won\r\n", &message), "fail signature-mismatch");
}

#[test]
fn dks_13_dks_14_body_lengths() {
    let mut world = World::new();
    let sign = |l: &str| signer().tag("l", l).sign(MESSAGE.as_bytes());
    // The relaxed body is `Hello,` and `this is a test.`: 8 and 17 bytes.
    for (l, never, exact) in [
        ("25", "policy length-tag", "pass pass"),
        ("24", "policy body-unsigned", "policy body-unsigned"),
        ("0", "policy body-unsigned", "policy body-unsigned"),
        ("00", "policy body-unsigned", "policy body-unsigned"),
        ("26", "permerror length-beyond-body", "permerror length-beyond-body"),
    ] {
        world.policy.body_length = BodyLength::Never;
        world.check(sign(l), never);
        world.policy.body_length = BodyLength::Exact;
        world.check(sign(l), exact);
    }
    let grown = [&sign("25")[..], b"--BAD\r\nContent-Type: text/html\r\n\r\nYou won\r\n"].concat();
    world.check(&grown, "policy body-unsigned");
    world.policy.body_length = BodyLength::Never;
    world.check(&grown, "policy body-unsigned");
    let none = signer().tag("l", "0").sign(b"From: a@victim.example\r\n\r\n");
    world.check(&none, "policy length-tag");
    world.policy.body_length = BodyLength::Exact;
    world.check(&none, "pass pass");
}

#[test]
fn dks_15_times() {
    let world = World::new();
    let sign = |tag: &str, time: u64| signer().tag(tag, &time.to_string()).sign(MESSAGE.as_bytes());
    world.check(sign("x", NOW - 300), "pass pass");
    world.check(sign("x", NOW - 301), "permerror expired");
    world.check(sign("x", 1), "permerror expired");
    world.check(sign("t", NOW + 300), "pass pass");
    world.check(sign("t", NOW + 301), "policy future-signed");
    world.check(sign("t", NOW + 86_400 * 3650), "policy future-signed");
    world.check(signer().tag("x", "18446744073709551616").sign(MESSAGE.as_bytes()), "pass pass");
    world.check(
        signer().tag("t", "2").tag("x", "2").sign(MESSAGE.as_bytes()),
        "permerror malformed-signature",
    );
    assert_eq!(world.verify(&sign("t", NOW - 60))[0].signed_at(), Some(NOW - 60));
    let mut late = World::new();
    late.now = UnixTime(u64::MAX);
    late.check(sign("x", NOW), "permerror expired");
}

#[test]
fn dks_16_and_expired_are_both_told() {
    let message = "DKIM-Signature: v=1; a=rsa-sha256; d=spoofing.com; s=brisbane;\r\n c=simple; q=dns/txt; \
                   i=@eng.example.net; t=1117574938; x=1118006938;\r\n h=from:to:subject:date;\r\n \
                   bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=;\r\n b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSb\r\n";
    let checks = World::new().verify(&prepend(message, MESSAGE.as_bytes()));
    let told: Vec<(String, String)> = checks[0]
        .steps()
        .iter()
        .map(|step| {
            let quote = step.quote().unwrap();
            (step.to_string(), mail::printable(&quote.text[quote.span.range()]))
        })
        .collect();
    let want = [
        (
            "the signature field is not valid: the identity i= is outside of the signing domain d=",
            "i=@eng.example.net",
        ),
        ("the signature has expired", "x=1118006938"),
    ];
    assert_eq!(told, want.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(checks[0].outcome(), Outcome::PermError);
    assert_eq!(checks[0].domain().unwrap().as_str(), "spoofing.com");
}

#[test]
fn dks_17_quoted_printable_identity() {
    let checks = World::new().verify(&signer().tag("i", "=6Ao=3De@victim.example").sign(MESSAGE.as_bytes()));
    assert_eq!(checks[0].outcome(), Outcome::Pass);
    assert_eq!(checks[0].identity().unwrap().local(), "jo=e");
}

#[test]
fn dks_19_sha1() {
    let message =
        signer().tag("a", "rsa-sha1").tag("bh", "uoq1oCgLlTqpdDX/iUbLy7J1Wic=").sign(MESSAGE.as_bytes());
    World::new().check(message, "permerror sha1");
}

#[test]
fn dks_21_wrong_body_hash() {
    let world = World::new();
    world.check(
        signer().tag("bh", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").sign(MESSAGE.as_bytes()),
        "fail body-changed",
    );
    world.check(
        signer().tag("bh", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==").sign(MESSAGE.as_bytes()),
        "permerror malformed-signature",
    );
}

#[test]
fn dks_22_signatures_of_a_wrong_length() {
    let world = World::new();
    for cut in [1, 128, 255] {
        let short = signer().signature_by(MESSAGE.as_bytes(), |key, hash| key.sign(hash)[cut..].to_vec());
        world.check([&short[..], MESSAGE.as_bytes()].concat(), "fail signature-mismatch");
    }
    let long = signer().signature_by(MESSAGE.as_bytes(), |key, hash| [vec![0], key.sign(hash)].concat());
    world.check([&long[..], MESSAGE.as_bytes()].concat(), "fail signature-mismatch");
    let ed = Signer::new("victim.example", "ed", &TestKey::ed25519(1));
    for length in [1, 63, 65] {
        let wrong = ed.signature_by(MESSAGE.as_bytes(), |key, hash| {
            key.sign(hash).into_iter().chain([0]).take(length).collect()
        });
        world.check([&wrong[..], MESSAGE.as_bytes()].concat(), "fail signature-mismatch");
    }
}

#[test]
fn dks_22_b_folded_and_among_its_likes() {
    let world = World::new();
    for c in ["simple/simple", "relaxed/relaxed"] {
        world.check(signer().tag("c", c).fold(1).sign(MESSAGE.as_bytes()), "pass pass");
        let z = signer().tag("c", c).tag("z", "Subject:=20b=3D;b=X|b:b=b=").tag("b", "{b}");
        world.check(z.sign(MESSAGE.as_bytes()), "permerror malformed-signature");
        let z = signer().tag("c", c).tag("z", "Subject:=20b=3D=3Bb=X|b:=b=5d?=|b=");
        world.check(z.sign(MESSAGE.as_bytes()), "pass pass");
    }
}

#[test]
fn dks_23_the_own_field_in_every_form() {
    let world = World::new();
    for c in ["simple/simple", "relaxed/relaxed", "simple/relaxed"] {
        for template in [
            "DKIM-Signature: v=1; a=rsa-sha256; c={c}; d=victim.example; s=s1; h=from:to:subject:date; bh={bh}; b={b}",
            "DKIM-Signature: v=1; a=rsa-sha256; c={c}; d=victim.example; s=s1; h=from:to:subject:date; bh={bh}; b={b};",
            "DKIM-Signature : b= \r\n {b} \r\n ; v=1; a=rsa-sha256; c={c}; d=victim.example; s=s1; bh={bh};\r\n h=from:to:subject:date",
            "dkim-signature:v=1;a=rsa-sha256;c={c};d=victim.example;s=s1;h=from:to:subject:date;bh\r\n = {bh}\r\n\t;\r\n b\r\n =\r\n {b}\r\n ;",
            "DKIM-SIGNATURE:\r\n v = 1 ; a = rsa-sha256 ; c={c};d=victim.example;s=s1;h=from:to:subject:date;b ={b}; bh={bh} ; x_unknown = a  b",
        ] {
            let message = signer().tag("c", c).field(&template.replace("{c}", c)).sign(MESSAGE.as_bytes());
            world.check(&message, "pass pass");
        }
    }
}

#[test]
fn dks_24_at_most_ten_signatures_are_tried() {
    let mut world = World::new();
    let attacker = Signer::new("attacker.example", "a1", &TestKey::ed25519(66));
    let mut message = MESSAGE.as_bytes().to_vec();
    for _ in 0..20 {
        message = attacker.sign(&message);
    }
    let results = world.results(&message);
    assert_eq!(results[..10], vec!["pass pass"; 10]);
    assert_eq!(results[10..], vec!["policy too-many-signatures"; 10]);
    world.policy.max_signatures = 1;
    assert_eq!(world.results(&message)[1], "policy too-many-signatures");
    world.policy.max_signatures = 100;
    assert_eq!(world.results(&message)[10], "policy too-many-signatures");
}

#[test]
fn dks_24_at_most_ten_keys_are_asked_for() {
    let sign = |n: u8| Signer::new("victim.example", &format!("s{n}"), &TestKey::ed25519(n));
    let message = (0..30).fold(MESSAGE.as_bytes().to_vec(), |message, n| sign(n).sign(&message));
    assert_eq!(World::new().questions(&message), 10);
    let same = (0..9).fold(signed(), |message, _| signer().sign(&message));
    assert_eq!(World::new().questions(&same), 1);
}

#[test]
fn dks_01_nothing_is_asked_for_what_can_not_pass() {
    let mut world = World::new();
    for message in [
        signer().tag("s", "selector._domainkey.attacker.example.\0.any").sign(MESSAGE.as_bytes()),
        signer().tag("x", "1").sign(MESSAGE.as_bytes()),
        signer().tag("l", "25").sign(MESSAGE.as_bytes()),
        signer().tag("a", "rsa-sha1").tag("bh", "uoq1oCgLlTqpdDX/iUbLy7J1Wic=").sign(MESSAGE.as_bytes()),
        prepend("no field\r\n", &signed()),
    ] {
        assert_eq!(world.questions(&message), 0, "{}", mail::printable(message));
    }
    world.policy.body_length = BodyLength::Exact;
    assert_eq!(world.questions(&signer().tag("l", "25").sign(MESSAGE.as_bytes())), 1);
}

#[test]
fn dks_24_fields_that_can_not_pass_use_up_no_place() {
    let broken = "DKIM-Signature: v=1\r\n".repeat(500);
    let results = World::new().results(prepend(&broken, &signed()));
    assert_eq!(results.len(), 501);
    assert_eq!(results[500], "pass pass");
}

#[test]
fn dks_25_the_authors_signature_is_tried_first() {
    let attacker = Signer::new("attacker.example", "a1", &TestKey::ed25519(66));
    for (author, last) in [
        ("victim.example", "pass pass"),
        ("mail.victim.example", "pass pass"),
        ("other.example", "policy too-many-signatures"),
    ] {
        let mut message = signed();
        for _ in 0..10 {
            message = attacker.sign(&message);
        }
        let mut world = World::new();
        world.author = Some(Domain::parse(author).unwrap());
        let results = world.results(&message);
        assert_eq!(results[10], last, "{author}");
        assert_eq!(results[0], "pass pass");
    }
}

#[test]
fn dks_26_a_broken_field_has_a_result() {
    let world = World::new();
    for field in ["DKIM-Signature: \r\n", "DKIM-Signature:;\r\n", "DKIM-Signature: x\r\n"] {
        world.check(prepend(field, MESSAGE.as_bytes()), "permerror malformed-signature");
    }
}

#[test]
fn dks_28_nothing_unprintable_comes_out() {
    // `verify` asserts it for each step.
    let world = World::new();
    for (tag, value) in
        [("d", "%n%s"), ("s", "${run{x}}"), ("i", "\x1b[2J@victim.example"), ("i", "=1B@victim.example")]
    {
        world.check(signer().tag(tag, value).sign(MESSAGE.as_bytes()), "permerror malformed-signature");
    }
}

/// Knows `example`, `co.example` (ICANN) and `pages.test` (private).
struct Suffixes;

impl SuffixList for Suffixes {
    fn suffix(&self, domain: &Domain) -> Suffix {
        let known = [("co.example", SuffixSection::Icann), ("pages.test", SuffixSection::Private)];
        let found = known.iter().find(|(name, _)| domain.is_within(&Domain::parse(name).unwrap()));
        match found {
            Some((_, section)) => Suffix { labels: 2, section: Some(*section) },
            None => Suffix { labels: 1, section: None },
        }
    }
}

#[test]
fn dks_29_public_suffixes_sign_for_nobody() {
    let mut world = World::new();
    let key = TestKey::ed25519(66);
    for (domain, with, without) in [
        ("co.example", "policy public-suffix", "pass pass"),
        ("pages.test", "policy public-suffix", "pass pass"),
        ("a.co.example", "pass pass", "pass pass"),
        ("unknown.zz", "pass pass", "pass pass"),
    ] {
        world.publish(&format!("s._domainkey.{domain}"), &key.record());
        let message =
            Signer::new(domain, "s", &key).tag("i", &format!("@victim.{domain}")).sign(MESSAGE.as_bytes());
        world.suffixes = None;
        world.check(&message, without);
        world.suffixes = Some(Box::new(Suffixes));
        world.check(&message, with);
    }
    world.check(Signer::new("com", "s", &key).sign(MESSAGE.as_bytes()), "permerror malformed-signature");
}

#[test]
fn dks_31_bodies_at_their_end() {
    let world = World::new();
    for body in ["", "\r\n", " \r\n", "x", "x \t", "x\r\n \t\r\n\r\n", "\t\r\n", &" ".repeat(100_000)] {
        for c in ["simple/simple", "relaxed/relaxed"] {
            let message = format!("From: ann@victim.example\r\n\r\n{body}");
            world.check(signer().tag("c", c).sign(message.as_bytes()), "pass pass");
        }
    }
}

#[test]
fn dks_32_a_third_partys_pass_is_its_own() {
    let attacker = Signer::new("attacker.example", "a1", &TestKey::ed25519(66)).tag("atps", "victim.example");
    let checks = World::new().verify(&attacker.sign(MESSAGE.as_bytes()));
    assert_eq!(checks[0].pass().unwrap().domain().as_str(), "attacker.example");
}

#[test]
fn dks_33_other_fields_are_not_looked_at() {
    let message =
        prepend("DKIM2-Signature: i=1\r\nMessage-Instance: v=1\r\nX-DKIM-Signature: x\r\n", &signed());
    World::new().check(message, "pass pass");
}

#[test]
fn dkp_02_03_weakly_signed_and_minimum_of_signed_fields() {
    let mut world = World::new();
    let weak = signer().tag("h", "from").tag("t", "1600000000").sign(MESSAGE.as_bytes());
    let check = &world.verify(&weak)[0];
    assert_eq!(
        (check.outcome(), check.flags().unsigned.clone()),
        (Outcome::Pass, vec!["subject", "date", "to"])
    );
    let told: Vec<String> = check.steps().iter().map(ToString::to_string).collect();
    let unsigned = "not signed, so anybody may have changed it: subject, date, to".to_owned();
    assert!(told.contains(&unsigned), "{told:?}");
    let told = &world.verify(&signed())[0];
    assert!(!told.steps().iter().any(|step| matches!(step, Step::Unsigned { .. })));
    assert_eq!(check.signed_at(), Some(1_600_000_000));
    world.policy.must_sign = ["subject", "date", "to", "content-type"].map(Box::from).to_vec();
    world.check(&weak, "policy unsigned-field");
    world.check(signed(), "pass pass");
    let typed = prepend("Content-Type: text/html\r\n", &signed());
    world.check(typed, "policy unsigned-field");
}

#[test]
fn dkp_05_a_parents_signature_is_the_parents() {
    let mut world = World::new();
    world.publish("s1._domainkey.example.test", &TestKey::ed25519(2).record());
    let parent = Signer::new("example.test", "s1", &TestKey::ed25519(2)).tag("i", "@victim.example.test");
    let checks = world.verify(&parent.sign(MESSAGE.as_bytes()));
    assert_eq!(checks[0].pass().unwrap().domain().as_str(), "example.test");
}

#[test]
fn dos_02_many_names_and_many_instances() {
    let subjects = "Subject: x\r\n".repeat(1_900);
    let message = prepend(&subjects, MESSAGE.as_bytes());
    let h = format!("from:{}", vec!["subject"; 999].join(":"));
    World::new().check(signer().tag("h", &h).sign(&message), "policy unsigned-duplicate");
}

#[test]
fn the_story_of_a_pass() {
    let checks = World::new().verify(&signed());
    let told: Vec<String> = checks[0].steps().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "the signature says that victim.example made it, with its key s1 (rsa-sha256)",
            "the key should be published at s1._domainkey.victim.example",
            "the key is RSA, 2048 bits",
            "the body (relaxed, 25 bytes) is the one that was signed",
            "the 4 signed header fields (relaxed) are the ones that were signed",
            "the signed fields and the body are as the signing domain signed them",
        ]
    );
    assert!(matches!(checks[0].steps().last(), Some(Step::Decided { reason: Reason::Pass, cited: None })));
    let quote = checks[0].steps()[2].quote().unwrap();
    assert_eq!(quote.source, "TXT s1._domainkey.victim.example");
    assert_eq!(quote.text, victim().record().as_bytes());
}
