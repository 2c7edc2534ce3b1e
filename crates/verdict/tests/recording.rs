//! Recordings: every answer comes back as it was, a replay sees what was seen, and what is wrong is said with its place.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::Duration;

use dns::{Answer, Answers, Data, Name, Question, RecordType, Reply, Zone};
use mail::authres::AuthservId;
use mail::{Domain, Suffix, SuffixList, SuffixSection, UnixTime};
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Recorded, Recording, Settings, Verdict};

const NOW: UnixTime = UnixTime(1_780_272_000);
const MESSAGE: &str = "From: <a@victim.example>\r\nSubject: s\r\n\r\nbody\r\n";
const ZONE: &str = "\
victim.example.         60 TXT \"v=spf1 include:slow.example ip4:192.0.2.10 -all\"
slow.example.           60 TXT \"v=spf1 -all\"
_dmarc.victim.example.  60 TXT \"v=DMARC1; p=reject\"
";

fn envelope() -> Envelope {
    Envelope {
        client: Some([192, 0, 2, 10].into()),
        helo: Some(b"mail.victim.example".to_vec()),
        mail_from: Some(b"<a@victim.example>".to_vec()),
        rcpt_to: vec![b"<b@receiver.test>".to_vec()],
        smtputf8: false,
    }
}

fn record(zone: &str, settings: &Settings, suffixes: &dyn SuffixList) -> (Verdict, Recorded) {
    let zone = Zone::parse(zone).unwrap();
    pollster::block_on(Recorded::make(
        &zone,
        "a message",
        &envelope(),
        MESSAGE.as_bytes(),
        NOW,
        settings,
        suffixes,
    ))
}

fn tell(verdict: &Verdict) -> String {
    let steps = verdict.steps().into_iter().map(|(part, step)| format!("{part:?} {step}\n"));
    steps.collect::<String>() + &verdict.authentication_results().field()
}

fn one(recorded: Recorded, settings: &Settings) -> Recording {
    Recording { settings: settings.clone(), messages: vec![recorded] }
}

/// Through JSON and back.
fn again(recording: &Recording) -> Recording {
    let json = recording.to_json().unwrap();
    let read = Recording::from_json(json.as_bytes()).unwrap();
    assert_eq!(read.to_json().unwrap(), json, "the same recording, the same bytes");
    read
}

/// What a verdict is when it is made, after a way through JSON, and with the recording's own settings.
#[track_caller]
fn check_replay(zone: &str, settings: &Settings, suffixes: &dyn SuffixList, says: &str) {
    let (verdict, recorded) = record(zone, settings, suffixes);
    let told = tell(&verdict);
    assert!(told.contains(says), "nothing says {says:?}:\n{told}");
    let read = again(&one(recorded, settings));
    assert_eq!(read.settings, *settings);
    assert_eq!(tell(&pollster::block_on(read.messages[0].replay(&read.settings))), told);
    assert_eq!(read.messages[0].answers.lacking(), []);
}

fn question(name: &str, rtype: RecordType) -> Question {
    Question::new(Name::from_presentation(name).unwrap(), rtype)
}

fn name(text: &str) -> Name {
    Name::from_presentation(text).unwrap()
}

/// One answer of each kind, and of each type of record.
fn every_answer() -> Vec<(Question, Answer)> {
    let txt = |strings: &[&[u8]]| Data::Txt(strings.iter().map(|s| Box::from(*s)).collect::<Vec<_>>().into());
    let data = [
        Data::A([192, 0, 2, 1].into()),
        Data::Aaaa("2001:db8::1".parse().unwrap()),
        Data::Mx { preference: 65535, exchange: name(".") },
        txt(&[b"one", b"", b"\xff\x00\xfe", "zw\u{f6}lf \"\\".as_bytes()]),
        Data::Ptr(name("host.example.")),
        Data::Tlsa { usage: 3, selector: 1, matching: 255, data: Arc::from(&b"\x00\xff"[..]) },
        Data::Ns(name("ns\\.with\\.dots.\\000\\255.example.")),
        Data::Soa { mname: name("ns.example."), serial: u32::MAX, minimum: 0 },
        Data::Cname(name("other.example.")),
    ];
    let replies =
        [Reply::NoData, Reply::NoSuchName, Reply::ServerFailure, Reply::TimeOut, Reply::Bogus].into_iter();
    let mut answers: Vec<(Question, Answer)> = replies
        .enumerate()
        .map(|(i, reply)| (question(&format!("r{i}.example."), RecordType::Txt), Answer::new(reply)))
        .collect();
    for data in data {
        let rtype = data.record_type();
        let answer = Answer {
            reply: Reply::from_records([data]),
            ttl: u32::MAX,
            authenticated: true,
            alias: true,
            took: Duration::from_micros(20_000_001),
        };
        answers.push((question("\\000\\255\\.x.*.example.", rtype), answer));
    }
    let several = Answer {
        ttl: 7,
        ..Answer::new(Reply::from_records([txt(&[b"b"]), txt(&[b"a"]), txt(&[b"b", b""])]))
    };
    answers.push((question("several.example.", RecordType::Txt), several));
    answers
}

#[test]
fn every_answer_comes_back() {
    let answers = every_answer();
    assert!(RecordType::ALL.iter().all(|rtype| answers.iter().any(|(question, _)| question.rtype == *rtype)));
    let recorded = Recorded {
        name: "\u{0}\u{1f511} a name".to_owned(),
        envelope: Envelope {
            client: Some("2001:db8::1".parse().unwrap()),
            helo: Some(b"\xff".to_vec()),
            mail_from: Some(Vec::new()),
            rcpt_to: vec![b"\x80".to_vec(), Vec::new()],
            smtputf8: true,
        },
        message: (0..=255).collect(),
        now: UnixTime(u64::MAX),
        answers: answers.iter().cloned().collect::<Answers>(),
        suffixes: verdict::suffix::Answers(
            [
                (Domain::parse("a.example").unwrap(), Suffix { labels: 0, section: None }),
                (
                    Domain::parse("b.example").unwrap(),
                    Suffix { labels: 2, section: Some(SuffixSection::Icann) },
                ),
                (
                    Domain::parse("c.example").unwrap(),
                    Suffix { labels: 3, section: Some(SuffixSection::Private) },
                ),
            ]
            .into(),
        ),
    };
    let read = again(&one(recorded, &Settings::default())).messages.remove(0);
    let mut sorted: Vec<_> = answers.iter().map(|(question, answer)| (question, answer)).collect();
    sorted.sort_by_key(|(question, _)| *question);
    assert_eq!(read.answers.iter().collect::<Vec<_>>(), sorted);
    assert_eq!(read.name, "\u{0}\u{1f511} a name");
    assert_eq!(read.message, (0..=255).collect::<Vec<u8>>());
    assert_eq!(read.now, UnixTime(u64::MAX));
    assert_eq!(read.envelope.helo.as_deref(), Some(&b"\xff"[..]));
    assert_eq!(read.envelope.mail_from.as_deref(), Some(&b""[..]));
    assert_eq!(read.envelope.rcpt_to, [b"\x80".to_vec(), Vec::new()]);
    assert!(read.envelope.smtputf8);
    assert_eq!(read.suffixes.0.len(), 3);
    assert_eq!(read.suffixes.0[&Domain::parse("c.example").unwrap()].section, Some(SuffixSection::Private));
}

#[test]
fn unknown_stays_unknown() {
    let zone = Zone::parse(ZONE).unwrap();
    let (settings, unknown) = (Settings::default(), Envelope::unknown());
    let made = Recorded::make(&zone, "", &unknown, b"", UnixTime(0), &settings, &BuiltIn);
    let (_, recorded) = pollster::block_on(made);
    assert_eq!(again(&one(recorded, &settings)).messages[0].envelope, unknown);
}

#[test]
fn replays_failures_and_delays() {
    let settings = Settings::default();
    let with = |line: &str| format!("{ZONE}{line}\n");
    check_replay(ZONE, &settings, &BuiltIn, "spf=pass");
    check_replay(&with(";! timeout slow.example."), &settings, &BuiltIn, "spf=temperror");
    check_replay(&with(";! servfail _dmarc.victim.example."), &settings, &BuiltIn, "dmarc=temperror");
    check_replay(&with(";! bogus victim.example. TXT"), &settings, &BuiltIn, "spf=temperror");
    // RFC 7208 §4.6.4: the check as a whole has twenty seconds, and how long an answer took is part of the answer.
    check_replay(&with(";! delay 19999ms slow.example."), &settings, &BuiltIn, "spf=pass");
    check_replay(&with(";! delay 20001ms slow.example."), &settings, &BuiltIn, "spf=temperror");
}

#[test]
fn replays_with_the_settings_of_then() {
    let mut settings = Settings::new(AuthservId::parse("mx.then.test").unwrap());
    settings.other_ids = vec![AuthservId::parse("old.then.test").unwrap()];
    settings.other_fields = vec!["X-Verdict".to_owned()];
    settings.spf = spf::Limits { lookups: 0, voids: 1, mx: 2, ptr: 3, time: Duration::from_millis(1500) };
    settings.dkim = dkim::Policy {
        skew: 1,
        body_length: dkim::BodyLength::Exact,
        accept_unsigned_duplicates: true,
        must_sign: vec!["subject".into()],
        min_rsa_bits: 2048,
        max_signatures: 3,
        service: dkim::Service::TlsRpt,
    };
    settings.discovery = dmarc::Method::SuffixList;
    // With no look-up allowed, the include is one too many.
    check_replay(ZONE, &settings, &BuiltIn, "spf=permerror");
    let (_, recorded) = record(ZONE, &settings, &BuiltIn);
    // Other settings ask other questions: one that was not asked then has no answer, and is named.
    let default = Settings { spf: spf::Limits::default(), ..settings };
    let other = pollster::block_on(recorded.replay(&default));
    assert!(tell(&other).contains("spf=temperror"), "{}", tell(&other));
    assert_eq!(recorded.answers.lacking(), [question("slow.example", RecordType::Txt)]);
}

/// A list of another day, on which `example` is nobody's and `victim.example` a public suffix.
struct OtherDay;

impl SuffixList for OtherDay {
    fn suffix(&self, domain: &Domain) -> Suffix {
        Suffix { labels: domain.label_count().min(2), section: Some(SuffixSection::Icann) }
    }
}

#[test]
fn replays_with_the_suffix_list_of_then() {
    let zone = "\
        victim.example. 60 TXT \"v=spf1 -all\"\n\
        sub.victim.example. 60 TXT \"v=spf1 ip4:192.0.2.10 -all\"\n\
        _dmarc.victim.example. 60 TXT \"v=DMARC1; p=reject\"\n";
    let settings = Settings { discovery: dmarc::Method::SuffixList, ..Settings::default() };
    let judge = |suffixes: &dyn SuffixList| {
        let zone = Zone::parse(zone).unwrap();
        let envelope = Envelope { mail_from: Some(b"<a@sub.victim.example>".to_vec()), ..envelope() };
        pollster::block_on(Recorded::make(&zone, "", &envelope, MESSAGE.as_bytes(), NOW, &settings, suffixes))
    };
    let (today, _) = judge(&BuiltIn);
    let (then, recorded) = judge(&OtherDay);
    assert_eq!(today.dmarc().outcome(), dmarc::Outcome::Pass, "{}", tell(&today));
    assert_eq!(then.dmarc().outcome(), dmarc::Outcome::Fail, "{}", tell(&then));
    let read = again(&one(recorded, &settings));
    assert_eq!(tell(&pollster::block_on(read.messages[0].replay(&settings))), tell(&then));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let make =
        || one(record(ZONE, &Settings::default(), &BuiltIn).1, &Settings::default()).to_json().unwrap();
    assert_eq!(make(), make());
    // Answers stand in the order of their names, whatever order they were asked or given in.
    let mut answers = every_answer();
    let json = |answers: &[(Question, Answer)]| {
        let (_, recorded) = record(ZONE, &Settings::default(), &BuiltIn);
        let recorded = Recorded { answers: answers.iter().cloned().collect(), ..recorded };
        one(recorded, &Settings::default()).to_json().unwrap()
    };
    let one_way = json(&answers);
    answers.reverse();
    assert_eq!(json(&answers), one_way);
}

/// The error for a recording in which the first `old` is `new`.
#[track_caller]
fn check_error(old: &str, new: &str, says: &[&str]) {
    let json = one(record(ZONE, &Settings::default(), &BuiltIn).1, &Settings::default()).to_json().unwrap();
    assert!(json.contains(old), "{old} does not stand in\n{json}");
    let error = Recording::from_json(json.replacen(old, new, 1).as_bytes()).unwrap_err().to_string();
    for text in says {
        assert!(error.contains(text), "{error:?} does not say {text:?}");
    }
}

#[test]
fn errors_say_what_and_where() {
    check_error("\"mailward-recording\": 1,", "\"mailward-recording\": 1", &["line 3 column 3"]);
    check_error("\"mailward-recording\": 1", "\"mailward-recording\": 2", &["format 2", "format 1"]);
    check_error("\"mailward-recording\": 1", "\"mailward-recording\": \"1\"", &["expected u32", "line 2"]);
    check_error("\"mailward-recording\": 1", "\"recording\": 1", &["missing field `mailward-recording`"]);
    check_error(
        "\"name\": \"a message\"",
        "\"name\": \"a message\", \"extra\": 0",
        &["unknown field `extra`", "line "],
    );
    check_error("\"now\": 1780272000", "\"now\": -1", &["-1", "line "]);
    check_error("\"ip\": \"192.0.2.10\"", "\"ip\": \"192.0.2.256\"", &["IP address", "line "]);
    check_error(
        "\"authserv_id\": \"localhost\"",
        "\"authserv_id\": \"a b\"",
        &["settings: the authserv-id \"a b\""],
    );
    check_error(
        "\"type\": \"TXT\"",
        "\"type\": \"ANY\"",
        &["messages[0].answers[0]: \"ANY\" is no record type"],
    );
    let slow = |rtype| format!("\"name\": \"slow.example\",\n          \"type\": \"{rtype}\"");
    check_error(
        &slow("TXT"),
        &slow("MX"),
        &["messages[0].answers[1]: a record of type TXT in an answer of type MX"],
    );
    check_error(
        "slow.example\"",
        "slow..example\"",
        &["messages[0].answers[1]: \"slow..example\" is no name"],
    );
    check_error("\"no-such-name\"", "{\"records\": []}", &["messages[0].answers[0]: \"records\" is empty"]);
    check_error("\"txt\": [", "\"txt\": [{\"base64\": \"!\"},", &["base64", "line "]);
    check_error("\"txt\": [", "\"text\": [", &["unknown variant `text`", "line "]);
    check_error("\"reply\": \"no-such-name\"", "\"reply\": \"gone\"", &["unknown variant `gone`", "line "]);
    check_error("\"domain\": \"example\"", "\"domain\": \"..\"", &["messages[0].suffixes[0]", "\"..\""]);
}
