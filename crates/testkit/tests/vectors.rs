//! Runs every vector through the library, and on each of them what holds for all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::sync::LazyLock;

use dns::{Answers, Dns, Overlay, Recorder, Zone};
use libtest_mimic::{Arguments, Failed, Trial};
use mail::authres::{
    AuthenticationResults, AuthservId, MAX_VALUE, MAX_WRITTEN, Method, MethodResult, Property,
};
use mail::{Domain, Splitter, UnixTime};
use testkit::unhurried::Unhurried;
use testkit::vector::{Case, Expect, folder, rows};
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Inbound, Memo, Recorded, Recording, Settings, SpfCounts, Verdict, judge};

/// The domains whose mail nobody but their owner may pass as.
const VICTIMS: [&str; 2] = ["victim.example", "strict.example"];

fn main() {
    let arguments = Arguments::from_args();
    let exceptions = exceptions();
    let mut trials = Vec::new();
    // `env_01::name of the case`, where exactly one is asked for.
    let exactly = arguments.filter.as_ref().filter(|_| arguments.exact);
    let only =
        exactly.and_then(|name| name.split_once("::")).map(|(row, _)| row.to_uppercase().replace('_', "-"));
    let mut stale: BTreeSet<_> = exceptions.keys().filter(|_| only.is_none()).cloned().collect();
    for (id, row) in rows(only.as_deref()) {
        for case in row.case {
            let name = format!("{}::{}", id.to_lowercase().replace('-', "_"), case.name.replace(' ', "_"));
            let key = format!("{id} {}", case.name);
            stale.remove(&key);
            let exception = exceptions.get(&key).cloned();
            trials.push(Trial::test(name, move || run(&case, exception.as_deref())));
        }
    }
    assert!(stale.is_empty(), "exceptions.toml names what is no case: {stale:?}");
    libtest_mimic::run(&arguments, trials).exit();
}

/// `"ENV-01 name of the case" = "why it is not as it should be"`.
fn exceptions() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("exceptions.toml")).unwrap();
    let exceptions: BTreeMap<String, String> = text
        .lines()
        .filter(|l| !l.trim().is_empty() && !l.starts_with('#'))
        .map(|l| {
            let (name, reason) =
                l.split_once(" = ").expect("an exception is a line \"ROW name\" = \"reason\"");
            (name.trim_matches('"').to_owned(), reason.trim_matches('"').to_owned())
        })
        .collect();
    assert!(exceptions.values().all(|reason| reason.len() > 10), "every exception has a reason");
    exceptions
}

fn run(case: &Case, exception: Option<&str>) -> Result<(), Failed> {
    match (check(case), exception) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(_)) => {
            Err("is excepted but gives what it should: take it out of exceptions.toml".into())
        }
        (Err(_), Some(_)) => Ok(()),
        (Err(wrong), None) => Err(wrong.into()),
    }
}

/// The world of a case: the lines of the case hide what the world has at their names; or they are all there is.
fn world(case: &Case) -> Overlay<Zone> {
    let (own, world) = case.zones();
    let own = Zone::parse(format!("$ORIGIN .\n$TTL 3600\n{own}")).unwrap_or_else(|e| panic!("zone: {e}"));
    if !case.world {
        return Overlay::new(Zone::new(), own);
    }
    Overlay::new(own, Zone::parse(&world).unwrap_or_else(|e| panic!("world.zone: {e}")))
}

fn settings(case: &Case) -> Settings {
    let mut settings = Settings::new(AuthservId::parse("mx.receiver.test").unwrap());
    if case.settings.legacy {
        settings.discovery = dmarc::Method::SuffixList;
    }
    if case.settings.accept_exact_l {
        settings.dkim.body_length = dkim::BodyLength::Exact;
    }
    if case.settings.no_ptr {
        settings.spf.ptr = 0;
    }
    settings.spf_counts = match case.settings.spf_counts.as_deref() {
        None => SpfCounts::Always,
        Some("unless-permissive") => SpfCounts::UnlessPermissive,
        Some("never") => SpfCounts::Never,
        Some(other) => panic!("spf-counts = {other:?}"),
    };
    let sealers = case.settings.trusted_sealers.iter();
    settings.trusted_sealers = sealers.map(|name| Domain::parse(name).expect("a sealer")).collect();
    settings.evaluate_several_authors = case.settings.several_authors;
    settings.dkim.must_sign = case.settings.min_signed.iter().map(|name| name.as_str().into()).collect();
    settings.other_ids =
        case.settings.other_ids.iter().map(|id| AuthservId::parse(id).expect("id")).collect();
    if let Some(names) = &case.settings.other_fields {
        settings.other_fields.clone_from(names);
    }
    settings
}

fn envelope(case: &Case) -> Envelope {
    let ip = (case.ip != "unknown").then(|| case.ip.parse::<IpAddr>().expect("ip"));
    Envelope {
        client: ip,
        helo: Some(testkit::vector::unescape(&case.helo)),
        mail_from: Some(testkit::vector::unescape(&case.mail_from)),
        rcpt_to: Vec::new(),
        smtputf8: case.smtputf8,
    }
}

fn check(case: &Case) -> Result<(), String> {
    let (envelope, settings, message) = (envelope(case), settings(case), case.message());
    let (now, dns) = (UnixTime(case.now), Recorder::new(world(case)));
    let (verdict, recorded) =
        pollster::block_on(Recorded::make(&dns, &case.name, &envelope, &message, now, &settings, &BuiltIn));
    let told = tell(&verdict);
    expectations(&case.expect, &verdict, &dns.answers()).map_err(|e| format!("{e}\n\n{told}"))?;
    invariants(case, &verdict).map_err(|e| format!("{e}\n\n{told}"))?;
    let patient = Recorder::new(Unhurried::new(world(case)));
    let other = pollster::block_on(judge(&patient, &envelope, &message, now, &settings, &BuiltIn));
    same(&told, &tell(&other), "asked ahead of need")?;
    if !patient.answers().iter().eq(dns.answers().iter()) {
        return Err("what was asked ahead stands in the recording".to_owned());
    }
    for size in chunk_sizes(message.len()) {
        let other = in_chunks(&MEMO, &dns, &envelope, &message, now, &settings, size);
        same(&told, &tell(&other), &format!("in chunks of {size}"))?;
    }
    let json = Recording { settings, messages: vec![recorded] }.to_json().map_err(|e| e.to_string())?;
    let again = Recording::from_json(json.as_bytes()).map_err(|e| e.to_string())?;
    let replayed = pollster::block_on(again.messages[0].replay(&again.settings));
    same(&told, &tell(&replayed), "replayed")?;
    match again.messages[0].answers.lacking().as_slice() {
        [] => Ok(()),
        lacking => Err(format!("the recording lacks {lacking:?}")),
    }
}

/// One byte at a time for all but the largest messages.
fn chunk_sizes(length: usize) -> Vec<usize> {
    if length > 1 << 20 { vec![4096, 65_535] } else { vec![1, 2, 3, 7, 64, 65_535] }
}

/// One for all messages.
static MEMO: LazyLock<Memo> = LazyLock::new(Memo::default);

/// In chunks, with what one message leaves for the next.
fn in_chunks(
    memo: &Memo,
    dns: &impl Dns,
    envelope: &Envelope,
    message: &[u8],
    now: UnixTime,
    settings: &Settings,
    size: usize,
) -> Verdict {
    let mut splitter = Splitter::default();
    let mut rest = message.chunks(size);
    let mut body = Vec::new();
    while !splitter.in_body() {
        let Some(chunk) = rest.next() else { break };
        body = splitter.push(chunk).to_vec();
    }
    let header = splitter.into_header();
    let inbound = Inbound::new(envelope, &header, now, settings, &BuiltIn).with_memo(memo);
    let mut hasher = inbound.body();
    hasher.update(&body);
    rest.for_each(|chunk| hasher.update(chunk));
    let facts = pollster::block_on(inbound.look_up(dns));
    inbound.conclude(facts, &hasher.finish())
}

fn same(one: &str, other: &str, how: &str) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{how} the verdict is another:\n{one}\n\n{other}")) }
}

/// The verdict in words: all its steps, then the field.
fn tell(verdict: &Verdict) -> String {
    let steps: Vec<_> = verdict
        .steps()
        .iter()
        .map(|(part, step)| format!("{part:?} [{}] {step}", step.section().0))
        .collect();
    format!(
        "{}\n{}remove {:?}, {} {}, {:?}",
        steps.join("\n"),
        verdict.authentication_results().field(),
        verdict.remove(),
        verdict.dmarc().outcome(),
        verdict.dmarc().reason(),
        verdict.local_decision(),
    )
}

/// What holds for every message (the catalogue's I-1 to I-9, as far as one message shows them).
fn invariants(case: &Case, verdict: &Verdict) -> Result<(), String> {
    let dmarc = verdict.dmarc();
    let author = dmarc.author_domain().map(Domain::as_str);
    if dmarc.outcome() == dmarc::Outcome::Pass
        && !case.authorised
        && author.is_some_and(|author| VICTIMS.iter().any(|v| is_within(author, v)))
    {
        return Err(format!("I-1: dmarc=pass for {author:?}, which never sent this"));
    }
    let field = verdict.authentication_results().field();
    if field.len() > MAX_WRITTEN {
        return Err(format!("AR-08: {} bytes of Authentication-Results", field.len()));
    }
    let value = field.split_once(':').ok_or("no field")?.1.trim_end();
    let bare = field.replace("\r\n", "");
    if let Some(bad) = bare.bytes().find(|b| !matches!(b, b' '..=b'~' | b'\t')) {
        return Err(format!("I-9: byte {bad:#x} in Authentication-Results"));
    }
    let read = AuthenticationResults::parse(value.as_bytes()).map_err(|e| format!("I-9: {field}: {e}"))?;
    if !says_all(verdict.authentication_results(), &read, field.len()) {
        return Err(format!("AR-08: read back as {read:?}"));
    }
    if !read.results.iter().any(|r| r.method == Method::Dmarc) {
        return Err("I-8: no dmarc result".to_owned());
    }
    for (_, step) in verdict.steps() {
        let text = step.to_string();
        if let Some(bad) = text.chars().find(|c| !matches!(c, ' '..='~') && !"…–—‘’“”".contains(*c))
        {
            return Err(format!("I-9: {bad:?} in the step {text:?}"));
        }
    }
    Ok(())
}

fn is_within(domain: &str, parent: &str) -> bool {
    domain.strip_suffix(parent).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// Whether a field of this length says what was to be written: all but the properties that can't be written. In a field
/// that is nearly full, signatures may be missing, and what is said of them.
fn says_all(written: &AuthenticationResults, read: &AuthenticationResults, length: usize) -> bool {
    let is_whole = |p: &Property| {
        p.value.as_str().len() <= MAX_VALUE && p.value.as_str().bytes().all(|b| matches!(b, b' '..=b'~'))
    };
    let mut written = written.clone();
    written.results.iter_mut().for_each(|result| result.properties.retain(is_whole));
    if length < MAX_WRITTEN / 2 {
        return *read == written;
    }
    let signatures = |a: &AuthenticationResults| -> (Vec<MethodResult>, Vec<MethodResult>) {
        a.results.iter().cloned().partition(|r| r.method == Method::Dkim)
    };
    let ((dkim, others), (all_dkim, all_others)) = (signatures(read), signatures(&written));
    let mut left = all_dkim.iter();
    others == all_others
        && dkim.iter().all(|read| {
            let is_bare = read.properties.is_empty() && read.reason.is_none() && read.comment.is_none();
            left.any(|w| w == read || is_bare && (&w.method, &w.result) == (&read.method, &read.result))
        })
}

fn expectations(expect: &Expect, verdict: &Verdict, asked: &Answers) -> Result<(), String> {
    let spf = |check: &Option<spf::Check>| check.as_ref().map_or("none", |c| c.outcome().as_str()).to_owned();
    want("spf", &expect.spf, spf(&verdict.spf().mail_from))?;
    want("helo", &expect.helo, spf(&verdict.spf().helo))?;
    let domain = verdict.spf().mail_from.as_ref().and_then(spf::Check::domain);
    want("spf-domain", &expect.spf_domain, domain.map_or("", Domain::as_str).to_owned())?;
    let from = verdict.spf().mail_from.as_ref();
    let words = from.and_then(spf::Check::explanation).map_or("", spf::Explanation::text);
    want("explanation", &expect.explanation, words.to_owned())?;
    let bits = from.and_then(spf::Check::scope).and_then(spf::Scope::bits);
    want("scope-bits", &expect.scope_bits.map(Some), bits)?;
    want("permissive", &expect.permissive, from.is_some_and(spf::Check::is_permissive))?;
    want("dkim", &expect.dkim, verdict.dkim().iter().map(|c| c.outcome().as_str().to_owned()).collect())?;
    want("flags", &expect.flags, verdict.dkim().iter().flat_map(|c| flags(c.flags())).collect())?;
    let dmarc = verdict.dmarc();
    match expect.dmarc.as_deref() {
        Some("not pass") if dmarc.outcome() != dmarc::Outcome::Pass => {}
        _ => want("dmarc", &expect.dmarc, dmarc.outcome().as_str().to_owned())?,
    }
    want("arc", &expect.arc, verdict.arc().outcome().as_str().to_owned())?;
    want("oldest-pass", &expect.oldest_pass.map(Some), verdict.arc().oldest_pass())?;
    let local = match verdict.local_decision() {
        None => "",
        Some(arc::Decision::Override(_)) => "trusted-sealer",
        Some(arc::Decision::Keep(refusal)) => refusal.code(),
    };
    want("local", &expect.local, local.to_owned())?;
    want("disposition", &expect.disposition, dmarc.disposition().as_str().to_owned())?;
    let author = verdict.author().map_or("", |a| a.domain().as_str());
    want("author", &expect.author, author.to_owned())?;
    let from = verdict.author().ok();
    want("mailboxes", &expect.mailboxes, from.map_or(0, mail::Author::mailboxes))?;
    let notes = from.map_or(&[][..], mail::Author::notes);
    want("notes", &expect.notes, notes.iter().map(ToString::to_string).collect())?;
    let policy = dmarc.applied().map_or("", |a| a.domain.as_str());
    want("policy-domain", &expect.policy_domain, policy.to_owned())?;
    want("aligned-by", &expect.aligned_by, dmarc.aligned_by().map_or("", |a| a.as_str()).to_owned())?;
    want("removed", &expect.removed, verdict.remove().iter().map(|c| c.index).collect())?;
    let told = tell(verdict);
    if let Some(text) = expect.says.iter().find(|text| !told.contains(*text)) {
        return Err(format!("says: nothing says {text:?}"));
    }
    let field = verdict.authentication_results().field();
    if let Some(text) = expect.never.iter().find(|text| field.contains(*text)) {
        return Err(format!("never: {text:?} stands in the field"));
    }
    let asked: Vec<_> = asked.iter().map(|(question, _)| question.to_string()).collect();
    if let Some(question) = expect.asked.iter().find(|q| !asked.contains(q)) {
        return Err(format!("asked: {question} was not asked: {asked:?}"));
    }
    if let Some(question) = expect.never_asked.iter().find(|q| asked.contains(q)) {
        return Err(format!("never-asked: {question} was asked"));
    }
    match expect.most_questions {
        Some(most) if asked.len() > most => {
            Err(format!("most-questions: {} were asked: {asked:?}", asked.len()))
        }
        _ => Ok(()),
    }
}

fn flags(flags: &dkim::Flags) -> Vec<String> {
    let said = [(flags.testing, "testing"), (flags.weak_key, "weak key"), (flags.oversigned, "oversigned")];
    let words = said.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned());
    let twice = flags.unsigned_duplicate.iter().map(|name| format!("unsigned duplicate {name}"));
    words.chain(twice).chain(flags.unsigned.iter().map(|name| format!("unsigned {name}"))).collect()
}

fn want<T: PartialEq + std::fmt::Debug>(what: &str, want: &Option<T>, got: T) -> Result<(), String> {
    match want {
        Some(want) if *want != got => Err(format!("{what}: {got:?}, not {want:?}")),
        _ => Ok(()),
    }
}
