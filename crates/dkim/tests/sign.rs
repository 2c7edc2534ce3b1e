//! What the signer writes: its text, and that it verifies, however the message looks and is cut.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use std::num::NonZeroU64;

use common::{MESSAGE, NOW, World, edit, prepend};
use dkim::sign::{MAX_COPIED, MAX_LINE, MAX_SIGNED, MAX_WRITTEN};
use dkim::sign_fields::OVERSIGNED;
use dkim::signature::MAX_SIGNED_NAMES;
use dkim::{
    Canon, FieldList, Identity, Options, Refusal, Request, RequestFault, Selector, SignatureField, Signing,
    SigningKey,
};
use mail::header::{MAX_FIELDS, MAX_HEADER, split};
use mail::{Domain, Header, UnixTime};
use proptest::prelude::*;
use testkit::signer::{Signer, TestKey};

const FORMS: [Canon; 2] = [Canon::Simple, Canon::Relaxed];

fn key(key: &TestKey) -> SigningKey {
    SigningKey::parse(key.private_pem().as_bytes()).unwrap()
}

/// The key published under a selector of [`World`].
fn published(selector: &str) -> TestKey {
    if selector == "ed" { TestKey::ed25519(1) } else { TestKey::rsa(2048) }
}

fn request(selector: &str, options: Options) -> Request {
    let domain = Domain::parse("victim.example").unwrap();
    Request::new(domain, Selector::parse(selector).unwrap(), key(&published(selector)), options).unwrap()
}

/// The fields for a message whose body comes in chunks of this size, each checked by the signer itself.
fn fields(message: &[u8], requests: Vec<Request>, chunk: usize) -> Vec<SignatureField> {
    let (header, body) = split(message);
    let signing = Signing::new(&header, requests, UnixTime(NOW)).unwrap();
    let mut hasher = signing.body();
    body.chunks(chunk).for_each(|chunk| hasher.update(chunk));
    let hashes = hasher.finish();
    let fields = signing.finish(&header, &hashes).unwrap();
    signing.check_own(&header, &hashes, &fields).unwrap();
    fields
}

/// The message with its signatures on top.
fn sign(message: &[u8], requests: Vec<Request>) -> Vec<u8> {
    let top = |message: Vec<u8>, field: &SignatureField| prepend(&field.to_string(), &message);
    fields(message, requests, usize::MAX).iter().fold(message.to_vec(), top)
}

/// Signs the message in every form with both keys, whatever else is asked for; the naive signer has to make the same
/// fields, and the verifier has to take them, and the text has to be one that nobody needs to touch.
fn check(message: &[u8], options: &Options) {
    for (header_canon, body_canon) in FORMS.iter().flat_map(|one| FORMS.map(|other| (*one, other))) {
        let options = Options { header_canon, body_canon, ..options.clone() };
        let requests = vec![request("s1", options.clone()), request("ed", options)];
        let fields = fields(message, requests.clone(), usize::MAX);
        assert_eq!(fields.len(), 2);
        for field in &fields {
            check_text(field);
            let key = published(if field.algorithm().as_str() == "rsa-sha256" { "s1" } else { "ed" });
            assert_eq!(naive(message, field, &key), field.to_string(), "{}", mail::printable(message));
        }
        let signed = sign(message, requests);
        assert_eq!(World::new().results(&signed), ["pass pass"; 2], "{}", mail::printable(signed));
    }
}

/// The same field, made by the naive signer: it takes all from it but for the two hashes.
fn naive(message: &[u8], field: &SignatureField, key: &TestKey) -> String {
    let text = field.to_string();
    let (front, b) = text.trim_end().split_once(" b=").unwrap();
    let value = |tag: &str| -> String {
        let value = front.split(';').find_map(|part| part.trim().strip_prefix(&format!("{tag}="))).unwrap();
        value.replace("\r\n ", "")
    };
    let template = front.replace(&value("bh"), "{bh}") + " b={b}";
    let signer = Signer::new("victim.example", "any", key).field(&template).fold(10_000);
    let made = signer.tag("c", &value("c")).tag("h", &value("h")).signature(message);
    let made = String::from_utf8(made).unwrap();
    // The folds of b= are not hashed: they are taken over.
    let (made_front, made_b) = made.trim_end().split_once(" b=").unwrap();
    assert_eq!(made_front, front);
    if b.replace("\r\n ", "") == made_b { text } else { made }
}

/// Only ASCII, lines that nobody folds anew, each fold a CRLF and a space with a visible character behind it (SMUG-03).
fn check_text(field: &SignatureField) {
    let text = field.to_string();
    assert_eq!(text, format!("{}: {}\r\n", field.name(), field.value()));
    let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
    for (number, line) in lines.iter().enumerate() {
        assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line:?}");
        assert!(number == 0 || line.starts_with(' ') && line.as_bytes()[1] != b' ', "{line:?}");
        let word = line.split([' ', ':']).map(str::len).max().unwrap();
        assert!(line.len() <= MAX_LINE || word + 1 == line.len(), "{line:?}");
        assert!(line.len() < 900, "{line:?}");
    }
}

#[test]
fn the_text_of_a_field() {
    let fields = fields(MESSAGE.as_bytes(), vec![request("ed", Options::default())], usize::MAX);
    let text = fields[0].to_string();
    let (front, b) = text.split_once(" b=").unwrap();
    assert_eq!(
        front,
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=victim.example;\r\n \
         s=ed; t=1700000000; h=from:from:subject:subject:to:to:cc:date:date:reply-to:\r\n \
         message-id:message-id:content-type:mime-version:content-transfer-encoding;\r\n \
         bh=8k2P4sWyvVWPFCnsMIrIX8qSZC9mMsmZkbsIb7az2lA=;"
    );
    assert_eq!(b.replace("\r\n ", "").trim_end().len(), 88);
}

#[test]
fn messages_of_every_shape() {
    let long = "word ".repeat(190);
    let very_long = "<0123456789012345678901234567890123456789@x.example>\r\n ".repeat(900);
    for header in [
        "From: a@victim.example\r\n",
        "From:a@victim.example\r\nSubject:close\r\nTO:x\r\n",
        "fRoM: a@victim.example\r\nSUBJECT: Case\r\nmIME-vERSION: 1.0\r\nreferences: <r>\r\n",
        "From: =?utf-8?q?A=C3=A9?=\r\n <a@victim.example>\r\nSubject: a\r\n \r\n\t\r\n b\r\n",
        "From: a@victim.example\r\nSubject:\r\nIn-Reply-To: \t \r\nCc:\r\n\tx@y.example\r\n",
        "From: a@victim.example\r\nSubject: one\r\nsubject: two\r\nSubject: one\r\nTo: x\r\nTo: y\r\n",
        "From: a@victim.example\r\nSubject: Gr\u{fc}\u{df}e \u{1f511}\r\n",
        "From \t: a@victim.example\r\nSubject : spaced\r\n",
        "Received: x\r\nFrom: a@victim.example\r\nList-Id: <l>\r\n",
        &format!("From: a@victim.example\r\nSubject: {long}\r\n"),
        &format!("From: a@victim.example\r\nReferences: {very_long}x\r\n"),
    ] {
        for body in [
            "",
            "\r\n",
            "\r\n\r\n",
            " \t\r\n",
            "text",
            "text\r\n",
            "a  b \r\n\r\n\t\r\nc\r\n\r\n",
            "\u{e9}\r\n",
        ] {
            let message = [header, "\r\n", body].concat();
            check(message.as_bytes(), &Options { copy_fields: true, ..Options::default() });
        }
        check(header.as_bytes(), &Options::default());
    }
    check(b"From: \xff\xfe <a@victim.example>\r\nSubject: \x80\r\n\r\n\xff\x00\r\n", &Options::default());
}

#[test]
fn signatures_of_others_are_left_alone() {
    let message = prepend("DKIM-Signature: v=1; b=\r\n", MESSAGE.as_bytes());
    let signed = sign(&message, vec![request("s1", Options::default())]);
    assert_eq!(World::new().results(&signed), ["pass pass", "permerror malformed-signature"]);
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(
        &["Subject", "to", "DATE", "References", "X-a", "List-Id", "Cc", "MIME-Version"][..],
    );
    let value = "( |\t|[!-~]|\u{e9}|\r\n |\r\n\t){0,90}";
    let field =
        (name, "[ \t]{0,2}", value).prop_map(|(name, space, value)| format!("{name}{space}:{value}\r\n"));
    let body = prop::collection::vec(
        prop::sample::select(&["\r\n", " ", "\t", "a", "word", "\r", "\n", "\0", "\u{e9}"][..]),
        0..40,
    );
    (prop::collection::vec(field, 0..9), 0_usize..9, body).prop_map(|(mut fields, at, body)| {
        fields.insert(at.min(fields.len()), "From: Ann <ann@victim.example>\r\n".to_owned());
        [fields.concat(), "\r\n".to_owned(), body.concat()].concat().into_bytes()
    })
}

fn options() -> impl Strategy<Value = Options> {
    let identity = prop::option::of("[a-zA-Z0-9._+=b|!-]{0,20}|\u{fc}");
    (any::<bool>(), any::<bool>(), prop::option::of(1_u64..), identity).prop_map(
        |(timestamp, copy_fields, expires, identity)| Options {
            timestamp,
            copy_fields,
            expires_after: expires.and_then(NonZeroU64::new),
            identity: identity.map(|local| identity_of(&local)),
            ..Options::default()
        },
    )
}

/// `local@news.victim.example`.
fn identity_of(local: &str) -> Identity {
    let quoted: String = local.bytes().map(|byte| format!("={byte:02X}")).collect();
    Identity::parse(format!("{quoted}@news.victim.example").as_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn smug_03_any_message_with_any_options(message in message(), options in options()) {
        check(&message, &options);
    }

    #[test]
    fn chunks_make_no_difference(message in message(), chunk in 1_usize..9) {
        let requests = || vec![request("ed", Options::default())];
        prop_assert_eq!(fields(&message, requests(), chunk), fields(&message, requests(), usize::MAX));
    }
}

/// The value of a tag, without its folds.
fn tag(field: &SignatureField, name: &str) -> Option<String> {
    let text = field.value().replace("\r\n ", " ");
    let found = text.split("; ").find_map(|tag| tag.strip_prefix(&format!("{name}=")));
    found.map(|value| value.replace(' ', "").trim_end_matches(';').to_owned())
}

fn one(message: &str, options: Options) -> SignatureField {
    fields(message.as_bytes(), vec![request("ed", options)], usize::MAX).remove(0)
}

#[test]
fn tags_that_can_be_asked_for() {
    let plain = one(MESSAGE, Options::default());
    assert_eq!(
        ["t", "x", "i", "z", "l"].map(|name| tag(&plain, name)),
        [Some(NOW.to_string()), None, None, None, None]
    );
    let without = one(MESSAGE, Options { timestamp: false, ..Options::default() });
    assert_eq!(tag(&without, "t"), None);
    let expiring = Options { expires_after: NonZeroU64::new(60), ..Options::default() };
    assert_eq!(tag(&one(MESSAGE, expiring), "x"), Some((NOW + 60).to_string()));
    // RFC 6376 §3.5: no more than twelve digits.
    let late = Options { expires_after: NonZeroU64::new(u64::MAX), ..Options::default() };
    assert_eq!(tag(&one(MESSAGE, late), "x").as_deref(), Some("999999999999"));
    let identity = Options { identity: Some(identity_of("\"b=\u{e9}|;x\"")), ..Options::default() };
    let quoted = "\"b=3D=C3=A9=7C=3Bx\"@news.victim.example";
    assert_eq!(tag(&one(MESSAGE, identity), "i").as_deref(), Some(quoted));
}

#[test]
fn copied_fields() {
    let copies = |message: &str| tag(&one(message, Options { copy_fields: true, ..Options::default() }), "z");
    let z = copies("From: a@victim.example\r\nSubject:\tx | y; b=\r\n z\r\nX-Other: no\r\nTo:\r\n\r\n");
    let want = "From:=20a@victim.example|Subject:=09x=20=7C=20y=3B=20=62=3D=0D=0A=20z|To:";
    assert_eq!(z.as_deref(), Some(want));
    // Each is there or not, as a whole: the name, the colon, the value.
    let front = "From:a@victim.example".len() + "Subject:".len();
    for (length, is_there) in [(MAX_COPIED - front, true), (MAX_COPIED - front + 1, false)] {
        let message = format!("From:a@victim.example\r\nSubject:{}\r\n\r\n", "x".repeat(length));
        assert_eq!(copies(&message).unwrap().contains("Subject:"), is_there, "{length}");
    }
    let long = format!("From:a@victim.example,{}\r\n\r\n", "x".repeat(MAX_COPIED));
    assert_eq!(copies(&long), None);
}

#[test]
fn several_signatures_in_one_pass() {
    let relaxed = Options::default();
    let simple = Options { body_canon: Canon::Simple, ..relaxed.clone() };
    let simple_header = Options { header_canon: Canon::Simple, ..relaxed.clone() };
    let few = Options { fields: FieldList::new(["from"], ["to"]).unwrap(), ..relaxed.clone() };
    let message = edit(MESSAGE.as_bytes(), "Subject: a", "SUBJECT:  a");
    let all = [&relaxed, &simple, &simple_header, &relaxed, &few, &simple_header];
    let requests = |selector| all.map(|options| request(selector, options.clone())).to_vec();
    let signed = sign(&message, requests("ed"));
    assert_eq!(World::new().results(&signed), ["pass pass"; 6]);
    // The order is that of the requests, and each is the same as alone, but that RSA stands on top.
    let together = fields(&message, [requests("s1"), requests("ed")].concat(), usize::MAX);
    let alone = |request| fields(&message, vec![request], usize::MAX).remove(0);
    let wanted: Vec<_> = requests("ed").into_iter().chain(requests("s1")).map(alone).collect();
    assert_eq!(together, wanted);
    assert_eq!(fields(&message, Vec::new(), 1), []);
}

/// DKS-12, DKP-04: whatever field is added on top of, or below, what is there, no signature passes.
#[test]
fn dks_12_dkp_04_an_added_field_breaks_the_signature() {
    let added = [
        "From: Mallory <m@victim.example>",
        "Subject: other",
        "To: other@victim.example",
        "Cc: other@victim.example",
        "Date: Wed, 15 Nov 2023 22:13:20 +0000",
        "Reply-To: m@attacker.example",
        "Message-ID: <2@victim.example>",
        "Content-Type: text/html",
        "MIME-Version: 1.0",
        "Content-Transfer-Encoding: base64",
    ];
    let full = prepend(
        "Cc: c\r\nReply-To: r\r\nContent-Type: text/plain\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n",
        MESSAGE.as_bytes(),
    );
    for message in [MESSAGE.as_bytes(), &full] {
        let signed =
            sign(message, vec![request("s1", Options::default()), request("ed", Options::default())]);
        assert_eq!(World::new().results(&signed), ["pass pass"; 2]);
        for field in added {
            for changed in [
                prepend(&format!("{field}\r\n"), &signed),
                prepend(&format!("{}\r\n", field.to_uppercase()), &signed),
                edit(&signed, "\r\nMessage-ID: <1", &format!("\r\n{field}\r\nMessage-ID: <1")),
                edit(&signed, "\r\n\r\nHello", &format!("\r\n{field}\r\n\r\nHello")),
            ] {
                assert_eq!(World::new().results(&changed), ["fail signature-mismatch"; 2], "{field}");
            }
        }
        // Lists add theirs, and relays.
        for field in ["List-Id: <l.example>", "Received: by x", "X-Other: y", "Sender: l@l.example"] {
            let changed = prepend(&format!("{field}\r\n"), &signed);
            assert_eq!(World::new().results(&changed), ["pass pass"; 2], "{field}");
        }
    }
}

fn refusal(header: impl Into<Vec<u8>>) -> Option<Refusal> {
    let header = Header::parse(header);
    Signing::new(&header, vec![request("ed", Options::default())], UnixTime(NOW)).err()
}

/// ENV-09: not without exactly one From, and no header that could be read in two ways.
#[test]
fn env_09_messages_that_are_not_signed() {
    use mail::Defect::{
        BadName, BareCr, BareLf, LeadingFold, LongField, LongHeader, ManyFields, NoColon, Nul,
    };
    let from = "From: a@victim.example\r\n";
    assert_eq!(refusal(from), None);
    assert_eq!(refusal(""), Some(Refusal::NoFrom));
    assert_eq!(refusal("X-From: a\r\n"), Some(Refusal::NoFrom));
    assert_eq!(refusal([from, from].concat()), Some(Refusal::SeveralFrom(2)));
    assert_eq!(refusal([from, "FROM :b\r\n", from].concat()), Some(Refusal::SeveralFrom(3)));
    let large = format!("X: {}\r\n", "x".repeat(mail::header::MAX_FIELD));
    for (text, defect) in [
        ("X: a\nb\r\n", BareLf),
        ("X: a\rb\r\n", BareCr),
        ("X: a\0b\r\n", Nul),
        ("no colon\r\n", NoColon),
        ("X\u{e9}: y\r\n", BadName),
        (&large, LongField),
        (&"X: y\r\n".repeat(mail::header::MAX_FIELDS), ManyFields),
        (&format!("X: {}\r\n", "x".repeat(60_000)).repeat(5), LongHeader),
    ] {
        let refused = refusal([from, text].concat());
        assert_eq!(refused, Some(Refusal::MalformedHeader(defect)));
    }
    assert_eq!(refusal([" folded\r\n", from].concat()), Some(Refusal::MalformedHeader(LeadingFold)));
}

#[test]
fn too_many_fields_are_not_signed() {
    // Each name of the default list once, From twice, and the rest.
    let names = OVERSIGNED.len() + 1;
    let bytes: usize = OVERSIGNED.iter().map(|name| name.len() + 1).sum::<usize>() + "from:".len();
    let message = |name: &str, count: usize| {
        "From: a@victim.example\r\n".to_owned() + &format!("{name}: b\r\n").repeat(count)
    };
    for (name, most) in
        [("To", MAX_SIGNED_NAMES - names), ("References", (MAX_SIGNED - bytes) / "references:".len())]
    {
        assert_eq!(refusal(message(name, most)), None);
        assert_eq!(refusal(message(name, most + 1)), Some(Refusal::ManyFields));
        let most = message(name, most) + "\r\n";
        World::new().check(sign(most.as_bytes(), vec![request("ed", Options::default())]), "pass pass");
    }
}

#[test]
fn what_is_signed_is_within_the_limits_with_its_signatures() {
    let from = "From: a@victim.example\r\n";
    let both = || vec![request("s1", Options::default()), request("ed", Options::default())];
    let refusal = |message: &str| Signing::new(&split(message.as_bytes()).0, both(), UnixTime(NOW)).err();
    let fields = |count: usize| from.to_owned() + &"X: y\r\n".repeat(count - 1) + "\r\n";
    let bytes = |count: usize| {
        let line = format!("X: {}\r\n", "x".repeat(995));
        let rest = count - from.len();
        let last = format!("X: {}\r\n", "x".repeat(rest % line.len() + line.len() - "X: \r\n".len()));
        from.to_owned() + &line.repeat(rest / line.len() - 1) + &last + "\r\n"
    };
    for (message, more) in [
        (fields(MAX_FIELDS - 2), fields(MAX_FIELDS - 1)),
        (bytes(MAX_HEADER - 2 * MAX_WRITTEN), bytes(MAX_HEADER - 2 * MAX_WRITTEN + 1)),
    ] {
        assert_eq!(refusal(&more), Some(Refusal::NoRoom));
        let signed = sign(message.as_bytes(), both());
        assert_eq!(World::new().results(&signed), ["pass pass"; 2]);
    }
}

#[test]
fn no_signature_is_longer_than_the_room_that_it_needs() {
    let label = "d".repeat(60);
    let domain = Domain::parse(format!("{label}.{label}.{label}.example")).unwrap();
    let identity =
        Identity::parse(format!("{}@{domain}", "=FC".repeat(64).replace("=FC", "=C3=BC")).as_bytes());
    let names: Vec<String> = (0..61).map(|number| format!("x-{number:02}-{}", "x".repeat(59))).collect();
    let list = FieldList::new(["from"], names.iter().map(String::as_str)).unwrap();
    let options = Options {
        fields: list,
        copy_fields: true,
        expires_after: NonZeroU64::new(u64::MAX),
        identity: Some(identity.unwrap()),
        ..Options::default()
    };
    // The signature of the longest key has 340 characters more.
    let (key, more) = (key(&TestKey::rsa(2048)), 400);
    let selector = Selector::parse("s".repeat(50)).unwrap();
    let request = Request::new(domain, selector, key, options).unwrap();
    for value in ["y", &"y".repeat(60), &"\u{e9}".repeat(9)] {
        let fields: String = names.iter().map(|name| format!("{name}:{value}\r\n")).collect();
        let header = Header::parse(format!("From: a@b.example\r\n{fields}"));
        let signing = Signing::new(&header, vec![request.clone()], UnixTime(NOW)).unwrap();
        let signed = signing.finish(&header, &signing.body().finish()).unwrap();
        let length = signed[0].to_string().len();
        assert!((8_000..MAX_WRITTEN - more).contains(&length), "{length}");
    }
}

#[test]
fn requests_that_could_not_be_valid() {
    let fault = |domain: &str, selector: &str, options: Options| {
        let (domain, selector) = (Domain::parse(domain).unwrap(), Selector::parse(selector).unwrap());
        Request::new(domain, selector, key(&TestKey::ed25519(1)), options).err()
    };
    let identity = || Options { identity: Some(identity_of("a")), ..Options::default() };
    assert_eq!(fault("victim.example", "s", identity()), None);
    assert_eq!(fault("news.victim.example", "s", identity()), None);
    assert_eq!(fault("ews.victim.example", "s", identity()), Some(RequestFault::IdentityOutside));
    assert_eq!(
        fault("localhost", "s", Options::default()),
        Some(RequestFault::Domain(dkim::WhoError::OneLabel))
    );
    assert_eq!(
        fault("a_b.example", "s", Options::default()),
        Some(RequestFault::Domain(dkim::WhoError::NotLdh))
    );
    // A name has 253 bytes at most: three full labels, `_domainkey`, the domain, five dots and the rest.
    let long = |length: usize| [&["x"; 3].map(|x| x.repeat(63)).join("."), ".", &"x".repeat(length)].concat();
    let most = 253 - 3 * 63 - "_domainkey".len() - "victim.example".len() - 5;
    assert_eq!(fault("victim.example", &long(most), Options::default()), None);
    assert_eq!(fault("victim.example", &long(most + 1), Options::default()), Some(RequestFault::LongKeyName));
}

/// The self-check is no formality.
#[test]
fn the_self_check_finds_what_is_wrong() {
    let (header, body) = split(MESSAGE.as_bytes());
    let mut requests = vec![request("s1", Options::default())];
    let signing = Signing::new(&header, requests.clone(), UnixTime(NOW)).unwrap();
    let hash = |body: &[u8]| {
        let mut hasher = signing.body();
        hasher.update(body);
        hasher.finish()
    };
    let hashes = hash(body);
    let fields = signing.finish(&header, &hashes).unwrap();
    let reason = |header: &Header, hashes: &dkim::BodyHashes| match signing.check_own(header, hashes, &fields)
    {
        Ok(()) => "ok",
        Err(fault) => fault.0.code(),
    };
    assert_eq!(reason(&header, &hashes), "ok");
    assert_eq!(reason(&header, &hash(b"other\r\n")), "body-changed");
    let other = Header::parse(edit(header.raw(), "a test", "a best"));
    assert_eq!(reason(&other, &hashes), "signature-mismatch");
    // Two keys under one selector: one of them is not published.
    let domain = Domain::parse("victim.example").unwrap();
    let selector = Selector::parse("s1").unwrap();
    requests
        .push(Request::new(domain, selector, key(&TestKey::rsa_exponent_3()), Options::default()).unwrap());
    let signing = Signing::new(&header, requests, UnixTime(NOW)).unwrap();
    let fields = signing.finish(&header, &hashes).unwrap();
    assert!(signing.check_own(&header, &hashes, &fields).is_err());
    // The hashes of another hasher.
    let simple = Options { body_canon: Canon::Simple, ..Options::default() };
    let signing = Signing::new(&header, vec![request("ed", simple)], UnixTime(NOW)).unwrap();
    assert_eq!(
        signing.finish(&header, &hashes).unwrap_err(),
        dkim::SigningFault::BodyNotHashed(Canon::Simple)
    );
}

#[test]
fn fields_of_ones_own_choice() {
    let fields = FieldList::new(["From"], ["X-Token", "to"]).unwrap();
    let options = Options { fields, ..Options::default() };
    let message = prepend("X-Token: 1\r\n", MESSAGE.as_bytes());
    let signed = sign(&message, vec![request("ed", options)]);
    World::new().check(&signed, "pass pass");
    World::new().check(edit(&signed, "X-Token: 1", "X-Token: 2"), "fail signature-mismatch");
    World::new().check(edit(&signed, "Subject: a", "Subject: b"), "pass pass");
    World::new().check(prepend("From: b\r\n", &signed), "fail signature-mismatch");
}
