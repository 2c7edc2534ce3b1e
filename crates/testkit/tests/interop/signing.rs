//! What we sign verifies with OpenDKIM, dkimpy and our own verifier, with one byte changed or one field added with none.

use std::num::NonZeroU64;

use dkim::{
    Canon, FieldList, Identity, Options, Policy, Preflight, Request, Risk, Selector, SignatureField, Signing,
    SigningKey, Verifier,
};
use dns::Zone;
use mail::header::split;
use mail::{Domain, Header, UnixTime};
use testkit::how_many;
use testkit::signer::TestKey;

use crate::dkim::key_lines;
use crate::messages::{bodies, headers};
use crate::peers::{DOMAIN, Key, Peer, keys, side_by_side};
use crate::random::Random;
use crate::served::{APEX, SIGNED};

/// How many random messages are signed in an ordinary run.
const MESSAGES: usize = 1_000;

/// The keys that can sign.
fn signing_keys() -> Vec<(&'static str, SigningKey)> {
    let parse = |key: &Key| {
        SigningKey::parse(key.key.private_pem().as_bytes()).ok().map(|parsed| (key.selector, parsed))
    };
    let found: Vec<_> = keys().iter().filter_map(parse).collect();
    assert_eq!(found.len(), 2, "RSA of 1024 bits does not sign");
    found
}

fn request((selector, key): &(&'static str, SigningKey), options: &Options) -> Request {
    let domain = Domain::parse(DOMAIN).unwrap();
    Request::new(domain, Selector::parse(selector).unwrap(), key.clone(), options.clone()).unwrap()
}

/// The fields for a message, the same for every cut of its body.
fn sign(message: &[u8], requests: Vec<Request>) -> Vec<SignatureField> {
    let (header, body) = split(message);
    let signing = Signing::new(&header, requests, UnixTime(SIGNED)).unwrap();
    let hash = |size: usize| {
        let mut hasher = signing.body();
        body.chunks(size).for_each(|chunk| hasher.update(chunk));
        hasher.finish()
    };
    let whole = hash(usize::MAX);
    assert!([1, 2, 3, 5, 64].map(hash).iter().all(|hashes| *hashes == whole));
    let fields = signing.finish(&header, &whole).unwrap();
    signing.check_own(&header, &whole, &fields).unwrap();
    fields
}

/// Whether our own verifier takes any signature of a message.
fn passes_here(zone: &Zone, message: &[u8]) -> bool {
    let (header, body) = split(message);
    let verifier = Verifier::new(&header, None, &Policy::default(), UnixTime(SIGNED), None);
    let mut hasher = verifier.body();
    hasher.update(body);
    let keys = pollster::block_on(verifier.keys(zone, None));
    verifier.finish(&header, &keys, &hasher.finish()).iter().any(|check| check.pass().is_some())
}

/// Asserts what all three verifiers say of these messages.
fn assert_all(messages: &[(String, Vec<u8>)], pass: bool) {
    let zone = Zone::parse(format!("{APEX}{}", key_lines())).unwrap();
    let all: Vec<Vec<u8>> = messages.iter().map(|(_, message)| message.clone()).collect();
    let here =
        side_by_side(&all, |some| Some(some.iter().map(|message| passes_here(&zone, message)).collect()));
    let mut said = vec![(
        "mailward",
        here.unwrap().iter().map(|pass| if *pass { "pass" } else { "fail" }.to_owned()).collect(),
    )];
    for peer in Peer::ALL {
        said.extend(peer.verify(&all).map(|words| (peer.name(), words)));
    }
    for (name, words) in said {
        let wrong: Vec<usize> = (0..all.len()).filter(|at| (words[*at] == "pass") != pass).collect();
        if let Some(first) = wrong.first() {
            let (what, message) = &messages[*first];
            let mut kinds: Vec<&String> = wrong.iter().map(|at| &words[*at]).collect();
            kinds.sort();
            kinds.dedup();
            panic!(
                "{kinds:?} {name} says {} of {what}; {} of {} are wrong\n{}",
                words[*first],
                wrong.len(),
                all.len(),
                message.escape_ascii().to_string().replace("\\r\\n", "\\r\\n\n")
            );
        }
        println!("{name}: {} messages, all {}", all.len(), if pass { "pass" } else { "fail" });
    }
}

const NAMES: &[&str] = &[
    "Subject",
    "To",
    "Cc",
    "Date",
    "Reply-To",
    "Message-ID",
    "Content-Type",
    "MIME-Version",
    "subject",
    "TO",
    "Content-Transfer-Encoding",
    "In-Reply-To",
    "References",
    "List-Id",
    "list-unsubscribe",
    "X-Other",
    "Received",
    "Sender",
    "Resent-From",
];

/// A message as it can come over SMTP.
fn message(random: &mut Random) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "a",
        "word",
        "  ",
        "\t",
        " ",
        "x\u{e9}",
        ".",
        "..",
        "=20",
        "From:",
        "--",
        ";",
        "b=",
        "|",
        "\"",
        "<a@b.example>",
        "=?utf-8?q?A=C3=A9?=",
        "0123456789012345678901234567890123456789",
        "\u{1f511}",
        "\u{7f}",
        "\u{1}",
    ];
    let text = |count: usize, random: &mut Random| -> String {
        let count = random.below(count);
        (0..count).map(|_| random.pick(WORDS)).collect()
    };
    let mut fields = Vec::new();
    let count = random.below(14);
    for _ in 0..count {
        let name = random.pick(NAMES);
        let space = random.pick(&["", " ", "  ", "\t", "\r\n "]);
        let mut field = format!("{name}:{space}{}", text(8, random));
        while random.one_in(3) {
            field += &format!("\r\n{}{}", random.pick(&[" ", "\t", "  \t"]), text(6, random));
        }
        fields.push(field + "\r\n");
    }
    let from =
        random.pick(&["From: <author@signed.example>\r\n", "FROM:An Author\r\n <author@signed.example>\r\n"]);
    fields.insert(random.below(fields.len() + 1), from.to_owned());
    let mut body = String::new();
    let lines = random.below(7);
    for _ in 0..lines {
        body += &text(9, random);
        body += "\r\n";
        while random.one_in(6) {
            body += "\r\n";
        }
    }
    if random.one_in(20) {
        body += &"long ".repeat(random.below(600));
        body += "\r\n";
    }
    [fields.concat(), "\r\n".to_owned(), body].concat().into_bytes()
}

fn options(random: &mut Random) -> Options {
    let form = |random: &mut Random| if random.one_in(2) { Canon::Simple } else { Canon::Relaxed };
    let identity =
        random.pick(&["", "@signed.example", "bob=3Db=2Bx@signed.example", "=C3=A9.x+y@News.signed.example"]);
    let own = FieldList::new(["from", "to", "subject"], ["X-Other", "date", "Sender"]).unwrap();
    Options {
        header_canon: form(random),
        body_canon: form(random),
        fields: if random.one_in(5) { own } else { FieldList::default() },
        // OpenDKIM's library takes the time from the machine, wherever that stands.
        expires_after: NonZeroU64::new(random.next() % 3 * 1_000_000_000),
        timestamp: !random.one_in(4),
        copy_fields: random.one_in(3),
        identity: (!identity.is_empty()).then(|| Identity::parse(identity.as_bytes()).unwrap()),
    }
}

/// One letter or digit that is signed, changed into another: in the body, a signed field, or the signature but for b=.
fn damaged(message: &[u8], signed: &FieldList, random: &mut Random) -> Vec<u8> {
    let (header, body) = split(message);
    let mut places: Vec<usize> = (message.len() - body.len()..message.len()).collect();
    for field in header.fields() {
        if field.index == 0 {
            let b = field.raw.windows(4).position(|text| text == b"; b=" || text == b"\n b=").unwrap();
            places.extend(field.span.start..field.span.start + b);
        } else if signed.iter().any(|(name, _)| field.is(name)) {
            places.extend(field.span.range());
        }
    }
    places.retain(|at| message[*at].is_ascii_alphanumeric());
    let at = places[random.below(places.len())];
    let mut other = message.to_vec();
    // Another letter, not the same one in the other case: that may be nothing to relaxed.
    other[at] = if message[at].eq_ignore_ascii_case(&b'q') { b'z' } else { b'q' };
    other
}

/// One field more, on top, at the end of the header or between two fields.
fn added(message: &[u8], name: &str, random: &mut Random) -> Vec<u8> {
    let (header, _) = split(message);
    let starts: Vec<usize> =
        header.fields().map(|field| field.span.start).chain([header.raw().len()]).collect();
    let at = if random.one_in(2) { 0 } else { starts[random.below(starts.len())] };
    let value = random.pick(&["other@signed.example", "", "x"]);
    [&message[..at], format!("{name}: {value}\r\n").as_bytes(), &message[at..]].concat()
}

#[test]
fn dks_12_dkp_04_what_we_sign_verifies_everywhere_and_nothing_else() {
    let keys = signing_keys();
    let mut random = Random::new(4);
    let seeds: Vec<u64> = (0..how_many(MESSAGES)).map(|_| random.next()).collect();
    let work = |seed: &u64| {
        let mut random = Random::new(*seed);
        let plain = message(&mut random);
        let options = options(&mut random);
        let risks = Preflight::new(&split(&plain).0, true).finish();
        assert!(!risks.iter().any(|risk| matches!(risk, Risk::SpacedName { .. })));
        let fields = sign(&plain, keys.iter().map(|key| request(key, &options)).collect());
        // dkimpy looks at the topmost signature only: each goes alone, or in front of the other.
        let alone = &fields[random.below(2)];
        let below = if random.one_in(3) { fields[0].to_string() } else { String::new() };
        let signed = [alone.to_string().as_bytes(), below.as_bytes(), &plain].concat();
        let name = random.pick(dkim::sign_fields::OVERSIGNED);
        let name = if random.one_in(2) { name.to_uppercase() } else { name.to_owned() };
        let is_oversigned =
            options.fields.iter().any(|(listed, more)| more && listed.eq_ignore_ascii_case(&name));
        let name = if is_oversigned { name } else { "From".to_owned() };
        let single = [alone.to_string().as_bytes(), &plain].concat();
        let told = |what: &str| format!("seed {seed}: {what}");
        [
            (told("signed"), signed),
            (told("damaged"), damaged(&single, &options.fields, &mut random)),
            (told("added"), added(&single, &name, &mut random)),
        ]
    };
    let made = side_by_side(&seeds, |seeds| Some(seeds.iter().map(work).collect())).unwrap();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for [signed, damaged, added] in made {
        good.push(signed);
        bad.extend([damaged, added]);
    }
    assert_all(&good, true);
    assert_all(&bad, false);
}

/// A message of the form and length that is the most that we sign.
fn limits() -> Vec<(&'static str, Vec<u8>)> {
    let from = "From: <author@signed.example>\r\n";
    let many = format!("{from}{}\r\nbody\r\n", "To: <b@b.example>\r\n".repeat(984));
    let references =
        format!("{from}References:{}\r\n\r\nbody\r\n", "\r\n <0123456789@a.example>".repeat(2000));
    let one_line = format!("{from}Subject: {}\r\n\r\nbody\r\n", "word ".repeat(12_000));
    vec![
        ("as many fields as we sign", many.into_bytes()),
        ("a long field", references.into_bytes()),
        ("a long line", one_line.into_bytes()),
        ("no empty line", from.as_bytes().to_vec()),
        ("no body", format!("{from}\r\n").into_bytes()),
        ("a last line without its end", format!("{from}\r\nbody\r\nend").into_bytes()),
    ]
}

#[test]
fn odd_messages_that_we_sign_verify_everywhere() {
    let shapes = headers().into_iter().chain(bodies()).map(|shape| (shape.name, shape.message));
    let mut messages = Vec::new();
    for (name, message) in shapes.chain(limits()) {
        for (header_canon, body_canon) in [Canon::Simple, Canon::Relaxed]
            .into_iter()
            .flat_map(|h| [(h, Canon::Simple), (h, Canon::Relaxed)])
        {
            let options = Options { header_canon, body_canon, copy_fields: true, ..Options::default() };
            for key in signing_keys() {
                let field = sign(&message, vec![request(&key, &options)]).remove(0);
                let told = format!("{name}, {header_canon}/{body_canon}, {}", key.0);
                // What SMTP can't send without it is signed as if it were there, and comes with it.
                let end: &[u8] = if message.ends_with(b"\r\n") { b"" } else { b"\r\n" };
                messages.push((told, [field.to_string().as_bytes(), &message, end].concat()));
            }
        }
    }
    assert_all(&messages, true);
}

/// The longest names that a signature can have stand on lines of their own.
#[test]
fn a_field_with_long_names_stays_below_the_limit_of_a_line() {
    let label = "x".repeat(63);
    let domain = Domain::parse([&label[..], &label, &label, &"y".repeat(36), "example"].join(".")).unwrap();
    let identity = format!("{}@{domain}", "=C3=A9".repeat(32));
    let options = Options { identity: Identity::parse(identity.as_bytes()).ok(), ..Options::default() };
    assert!(options.identity.is_some());
    let key = SigningKey::parse(TestKey::ed25519(1).private_pem().as_bytes()).unwrap();
    let request = Request::new(domain, Selector::parse("s").unwrap(), key, options).unwrap();
    let field = sign(b"From: a@b.example\r\n\r\n", vec![request]).remove(0).to_string();
    assert!(field.lines().all(|line| line.len() < dkim::preflight::MAX_LINE));
    assert_eq!(Header::parse(field).fields().len(), 1);
}
