//! What holds for every message, policy and past: found by random ones, and by trying every way in which missing answers
//! could have turned out.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, ready};

use dns::{Answer, Data, Dns, Question, RecordType, Reply};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

const AUTHORS: [&str; 19] = [
    "own.example",
    "signer.example",
    "a.signer.example",
    "strict.example",
    "other.example",
    "no-such.other.example",
    "suspect.example",
    "testing.example",
    "calm.example",
    "no-such.below.example",
    "odd.example",
    "plain.example",
    "down.example",
    "gone.example",
    "slow-spf.example",
    "unsure.below.example",
    "unsure.other.example",
    "sub.wide.example",
    "part.half.example",
];

const LIST_FIELDS: [&str; 9] = [
    "List-Id: <l.example>",
    "Precedence: list",
    "ARC-Seal: i=1",
    "Resent-From: a@b.example",
    "DKIM-Signature: v=1; a=rsa-sha256; d=signer.example; s=x; h=from; bh=AAAA; b=AAAA",
    "DKIM-Signature: v=1; a=rsa-sha256; d=spoof.example; s=x; h=from; bh=AAAA; b=AAAA",
    "DKIM-Signature: rubbish",
    "From: second@spoof.example",
    "X-Other: List-Id",
];

const SENDERS: [&str; 6] = [
    "<bob@spoof.example>",
    "<SRS0=a=b=c.example=d@spoof.example>",
    "<bob@slow-plain.example>",
    "<bob@bad-spf.example>",
    "<bob@slow-spf.example>",
    "<>",
];

fn mode() -> impl Strategy<Value = Mode> {
    select(&Mode::ALL[..])
}

fn modes() -> impl Strategy<Value = Modes> {
    let entries = |names: &'static [&'static str]| {
        prop::collection::vec((select(names), mode()), 0..3).prop_map(|entries| {
            entries.into_iter().map(|(name, mode)| (domain(name), mode)).collect::<DomainMap<Mode>>()
        })
    };
    let recipients = entries(&["receiver.test", "strict.test", "test"]);
    (mode(), entries(&["signer.example", "own.example", "example"]), recipients)
        .prop_map(|(global, authors, recipients)| Modes { global, authors, recipients })
}

fn deferral() -> impl Strategy<Value = Deferral> {
    let since = |ago| Deferral::Since(UnixTime(NOW.0 - ago));
    select(vec![Deferral::Unknown, Deferral::Never, since(60), since(MAX_DEFERRAL)])
}

fn history() -> impl Strategy<Value = History> {
    let names = vec!["signer.example", "other.example", "wide.example", "slow-spf.example", "down.example"];
    let signers = prop::option::weighted(0.8, subsequence(names, 0..=5));
    (signers, prop::option::weighted(0.8, any::<bool>()), deferral()).prop_map(
        |(signers, passed, deferral)| {
            let signers = signers.map(|names| names.into_iter().map(domain).collect());
            History { signers, passed_from_network: passed, deferral, copies: None }
        },
    )
}

fn actions() -> impl Strategy<Value = Vec<(Rule, Action)>> {
    let all = [Action::Accept, Action::Mark, Action::Quarantine, Action::Defer, Action::Refuse];
    prop::collection::vec((select(&Rule::ALL[..]), select(all.to_vec())), 0..4)
}

fn attempt() -> impl Strategy<Value = Try> {
    let message = (
        select(&AUTHORS[..]),
        prop::collection::vec(select(&LIST_FIELDS[..]), 0..2),
        select(&SENDERS[..]),
        prop::option::weighted(0.9, select(vec![OUTSIDE, "192.0.2.10"])),
    );
    let recipients = vec!["<a@receiver.test>", "<b@strict.test>", "<c@d.test>", "<postmaster@receiver.test>"];
    let policy = (modes(), actions(), prop::bool::weighted(0.2), prop::option::of(mode()));
    let known = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (message, subsequence(recipients, 0..=4), policy, known, history()).prop_map(
        |(
            (author, fields, sender, client),
            recipients,
            (modes, actions, insist, listener),
            known,
            history,
        )| {
            let mut this = Try::from(author);
            for field in fields {
                this = this.field(field);
            }
            this.mail_from = sender.to_owned();
            this.client = client;
            this.recipients = recipients;
            this.listener = listener;
            this.history = history;
            this.policy.modes = modes;
            for (rule, action) in actions {
                // Some can't be; then the default is as good.
                let _ = this.policy.rules.set_action(rule, action);
            }
            if insist {
                this.policy.refuse = Refuse::Policy;
            }
            let (network, name, voucher) = known;
            if network {
                this.policy.known_networks = vec![(Network::parse("203.0.113.0/24").unwrap(), Kind::List)];
            }
            if name {
                this.policy.known_domains =
                    [(domain("slow-plain.example"), Kind::List)].into_iter().collect();
            }
            if voucher {
                this.policy.vouchers = [domain("slow-plain.example")].into_iter().collect();
            }
            this
        },
    )
}

/// The conditions for a refusal by dmarc-reject, read off the message as it was made.
fn may_be_refused(attempt: &Try) -> bool {
    let Try { header, mail_from, history, policy, .. } = attempt;
    let author = header.rsplit_once("From: Bob <bob@").unwrap().1.split_once('>').unwrap().0;
    let signers = history.signers.clone().unwrap_or_default();
    let own = author == "own.example";
    let nobody = author.starts_with("no-such.");
    let (organization, asks) = match author {
        "own.example" | "signer.example" | "strict.example" | "other.example" => (author, true),
        "a.signer.example" => ("signer.example", true),
        "no-such.other.example" | "unsure.other.example" => ("other.example", true),
        "no-such.below.example" => ("below.example", true),
        "slow-spf.example" => (author, !mail_from.contains("slow-spf")),
        // Depends on a missing answer.
        "part.half.example" => ("nobody.example", true),
        _ => ("", false),
    };
    let passes = attempt.client == Some("192.0.2.10") && mail_from.contains(author);
    let signed = header.contains("d=signer.example") && organization == "signer.example"
        || header.contains("DKIM-Signature: rubbish")
        || author == "part.half.example" && header.contains("DKIM-Signature");
    let indirect =
        ["|List-Id", "|Precedence", "|ARC", "|Resent"].iter().any(|sign| format!("|{header}").contains(sign));
    let known = !policy.known_networks.is_empty() && attempt.client == Some(OUTSIDE)
        || policy.known_domains.contains(&domain("slow-plain.example")) && mail_from.contains("slow-plain");
    let one_author = !header.contains("From: second");
    asks && one_author
        && !passes
        && (own || nobody || signers.contains(&domain(organization)))
        && !signed
        && !indirect
        && !mail_from.contains("SRS0")
        && !known
        && attempt.client.is_some()
        && history.passed_from_network == Some(false)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_the_message(attempt in attempt()) {
        let (verdict, decision) = attempt.decide();
        let action = decision.disposition().action();
        let refuses = |rule| decision.held().contains(&Held { rule, action: Action::Refuse });
        match decision.ceiling() {
            Ceiling::All(Mode::Observe) | Ceiling::Exempt => prop_assert_eq!(decision.disposition(), &Disposition::Accept),
            Ceiling::All(Mode::Quarantine) | Ceiling::Mixed { .. } => prop_assert!(action < Action::Defer),
            Ceiling::All(Mode::Enforce) => {}
        }
        if attempt.policy.refuse == Refuse::Known {
            let holds = may_be_refused(&attempt);
            let wanted = attempt.policy.rules.action(Rule::DmarcReject) == Action::Refuse;
            let voucher = !attempt.policy.vouchers.contains(&domain("slow-plain.example"))
                || !attempt.mail_from.contains("slow-plain");
            prop_assert_eq!(refuses(Rule::DmarcReject), holds && wanted && voucher);
            prop_assert_eq!(decision.refusal().is_some_and(Refusal::holds), holds);
        }
        if let Disposition::Refuse(reply) | Disposition::Defer(reply) = decision.disposition() {
            prop_assert!(reply.to_string().bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert_eq!(reply.class() == Class::Defer, action == Action::Defer);
        }
        if action == Action::Defer {
            prop_assert_eq!(decision.rule(), Some(Rule::DnsTempError));
            prop_assert!(attempt.history.deferral.may_go_on(NOW));
        }
        // A stricter mode never does less, and the mode that is in force does what it says it would.
        let under = Mode::ALL.map(|mode| decision.under(mode).map_or(Action::Accept, |held| held.action));
        prop_assert!(under.is_sorted());
        if let Ceiling::All(mode) = decision.ceiling() {
            prop_assert_eq!(decision.under(mode).map(|held| held.rule), decision.rule());
        }
        let marking = Marking::of(&decision, &verdict);
        prop_assert_eq!(marking.is_some(), action < Action::Defer);
        for text in marking.map(|marking| marking.to_string()).into_iter().chain([decision.to_string()]) {
            prop_assert!(text.bytes().all(|b| matches!(b, b' '..=b'~')) && text.len() < 900, "{}", text);
        }
    }
}

/// What an attacker chooses: whatever ends a line, a string or a comment, and what is no ASCII.
fn hostile() -> impl Strategy<Value = String> {
    "[\\r\\n\\x00\\t \"();<@=.%{}a\\x7f\u{e9}\u{2028}]{0,80}"
}

proptest! {
    /// Authentication-Results, the marking, the reply and the line for the log.
    #[test]
    fn smug_03_nothing_of_the_client_breaks_a_line(
        sender in hostile(), author in hostile(), name in hostile(), field in hostile(),
        mode in select(&Mode::ALL[..])
    ) {
        let plain = Try::from("signer.example").mode(mode).sender(&sender);
        let named = plain.clone().with(|t| t.header = format!("From: {name} <b@signer.example>|Subject: {field}"));
        let domain = plain.clone().with(|t| t.header = format!("From: <{name}@{author}signer.example>"));
        let added = plain.field(&format!("DKIM-Signature: v=1; d={author}; s={field}; i={name}"));
        for attempt in [named, domain, added] {
            let (verdict, decision) = attempt.decide();
            let field = verdict.authentication_results().value();
            for line in field.strip_suffix("\r\n").unwrap_or(&field).split("\r\n").skip(1) {
                prop_assert!(line.starts_with([' ', '\t']) && !line.trim().is_empty(), "{:?}", field);
            }
            let reply = match decision.disposition() {
                Disposition::Refuse(reply) | Disposition::Defer(reply) => Some(reply.to_string()),
                _ => None,
            };
            let marking = Marking::of(&decision, &verdict).map(|marking| marking.to_string());
            let lines = [Some(field.replace("\r\n", "")), reply, marking, Some(decision.to_string())];
            for text in lines.into_iter().flatten() {
                prop_assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t')), "{:?}", text);
            }
        }
    }
}

/// A world of single answers, without what one says about another.
#[derive(Clone, Debug)]
struct World(BTreeMap<&'static str, Option<&'static str>>);

impl World {
    fn reply(&self, name: &str) -> Reply {
        match self.0.get(name) {
            None | Some(Some("no such name")) => Reply::NoSuchName,
            Some(Some("")) => Reply::NoData,
            Some(Some(text)) => Reply::from_records(vec![Data::txt(text)]),
            Some(None) => Reply::ServerFailure,
        }
    }
}

impl Dns for World {
    fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send {
        let is_txt = question.rtype == RecordType::Txt;
        let reply = if is_txt { self.reply(&question.name.to_string()) } else { Reply::NoData };
        ready(Answer::new(reply))
    }
}

const RECORDS: [&str; 11] = [
    "no such name",
    "",
    "v=DMARC1; p=reject",
    "v=DMARC1; p=reject; adkim=s; aspf=s",
    "v=DMARC1; p=reject; psd=n",
    "v=DMARC1; p=reject; psd=y",
    "v=DMARC1; p=reject; t=y",
    "v=DMARC1; p=quarantine",
    "v=DMARC1; p=none",
    "v=DMARC1; p=none; sp=none; np=reject",
    "v=DMARC1; p=none; sp=reject; np=none",
];
const TEXTS: [&str; 4] = ["no such name", "", "v=spf1 ip4:203.0.113.66 -all", "v=spf1 -all"];

const NAMES: [(&str, &[&str]); 5] = [
    ("_dmarc.x.victim.example", &RECORDS),
    ("_dmarc.victim.example", &RECORDS),
    ("_dmarc.example", &RECORDS),
    ("x.victim.example", &TEXTS),
    ("victim.example", &TEXTS),
];

fn world() -> impl Strategy<Value = World> {
    let answers = NAMES.map(|(_, answers)| prop::option::weighted(0.7, select(answers)));
    answers.prop_map(|answers| World(NAMES.iter().map(|(name, _)| *name).zip(answers).collect())).prop_filter(
        "at most two answers are missing, and what does not exist has nothing below it",
        |world| {
            let missing = world.0.values().filter(|answer| answer.is_none()).count();
            let below =
                |name, above| world.0[above] != Some("no such name") || world.0[name] == Some("no such name");
            (1..=2).contains(&missing)
                && below("_dmarc.x.victim.example", "x.victim.example")
                && below("_dmarc.victim.example", "victim.example")
                && below("x.victim.example", "victim.example")
        },
    )
}

/// Every world that this one may be.
fn completions(world: &World) -> Vec<World> {
    let mut all = vec![world.clone()];
    for (name, answers) in NAMES.iter().filter(|(name, _)| world.0[name].is_none()) {
        let with = |world: World| {
            answers.iter().map(move |answer| {
                let mut world = world.clone();
                world.0.insert(name, Some(answer));
                world
            })
        };
        all = all.into_iter().flat_map(with).collect();
    }
    all
}

fn decide_in(world: &World, attempt: &Try) -> (Verdict, Decision) {
    let (envelope, message) = (attempt.envelope(), attempt.message());
    let (header, _) = mail::header::split(&message);
    let verdict = pollster::block_on(crate::judge(world, &envelope, &message, NOW, &attempt.settings, &Bare));
    let raw = envelope.rcpt_to.iter().map(Vec::as_slice);
    let decision = attempt.policy.decide(&Case {
        verdict: &verdict,
        header: &header,
        envelope: &envelope,
        recipients: &Recipients::of(raw, false, &attempt.policy.modes),
        listener: None,
        existence: pollster::block_on(existence(world, &verdict)),
        history: &attempt.history,
        now: NOW,
        queue: None,
    });
    (verdict, decision)
}

/// What does not exist has no record of its own, whatever its name server says: the one above counts.
#[test]
fn a_name_that_does_not_exist_has_no_record() {
    let answers = [
        ("_dmarc.x.victim.example", None),
        ("_dmarc.victim.example", Some("v=DMARC1; p=none")),
        ("_dmarc.example", Some("")),
        ("x.victim.example", Some("no such name")),
        ("victim.example", Some("")),
    ];
    let attempt =
        Try::from("x.victim.example").with(|t| t.history.signers = Some([domain("victim.example")].into()));
    let (_, decision) = decide_in(&World(answers.into()), &attempt);
    assert_eq!(show(&decision), "mark by dns-temperror");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A message is refused exactly if it would be in every world that the known answers allow, and deferred if in some.
    #[test]
    fn deferred_exactly_if_it_could_be_refused(
        world in world(),
        author in select(vec!["victim.example", "x.victim.example"]),
        sender in select(vec!["<b@victim.example>", "<b@x.victim.example>", "<b@spoof.example>"]),
        signature in prop::option::weighted(0.3, select(vec!["victim.example", "x.victim.example", "spoof.example"])),
        signers in subsequence(vec!["victim.example", "x.victim.example"], 0..=2),
        insist in any::<bool>(),
        spf in any::<bool>(),
    ) {
        let mut attempt = Try::from(author).sender(sender);
        attempt.helo = "[203.0.113.66]";
        attempt.history.signers = Some(signers.into_iter().map(domain).collect());
        if let Some(signer) = signature {
            attempt = attempt.field(&format!("DKIM-Signature: v=1; a=rsa-sha256; d={signer}; s=k; h=from; bh=AAAA; b=AAAA"));
        }
        if insist {
            attempt.policy.refuse = Refuse::Policy;
        }
        if spf {
            attempt = attempt.action(Rule::SpfFail, Action::Refuse);
        }
        let (verdict, decision) = decide_in(&world, &attempt);
        let possible = completions(&world);
        let is_refused = |world: &&World| decide_in(world, &attempt).1.disposition().action() == Action::Refuse;
        let refused = possible.iter().filter(is_refused).count();
        match decision.disposition().action() {
            Action::Refuse => prop_assert_eq!(refused, possible.len(), "refused, and may not be"),
            Action::Defer => {
                // A missing record is not weighed together with what passed and may be aligned by it, and where the
                // organization is open, domains may be among those in question that can't be it.
                let dmarc = verdict.dmarc();
                let spf_passed = verdict.spf().mail_from.as_ref().is_some_and(|check| check.pass().is_some());
                let by_record = matches!(dmarc.reason(), dmarc::Reason::RecordUnknown(_));
                let is_open = dmarc.organization().is_none() && attempt.history.signers != Some(BTreeSet::new());
                if is_open || by_record && spf_passed && !sender.contains("spoof") {
                    return Ok(());
                }
                let could = refused > 0;
                prop_assert!(could, "deferred, and can't be refused");
            }
            _ => prop_assert_eq!(refused, 0, "let in, and may have to be refused"),
        }
    }
}
