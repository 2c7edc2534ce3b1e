//! The vectors of the attack catalogue through the service: what a milter can be shown of them comes to the same verdicts.
//! What it can't be shown as it stands is listed with its reason; an entry that is missing or stale fails.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dns::{Answer, Dns, Overlay, Question, Zone};
use futures_util::{StreamExt, stream};
use mail::authres::AuthservId;
use mail::{Domain, Header, UnixTime};
use mailward::config::{Config, Listener};
use mailward::serve::site::Site;
use milter::session::MAX_ARGUMENT;
use testkit::vector::{Case, rows, unescape};
use tokio::runtime::Runtime;
use verdict::direction::Purpose;
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Settings, SpfCounts, judge};

use super::mta::{Said, Shown, show};

/// The world of a case, as `testkit`'s own run of the vectors has it.
#[derive(Clone)]
struct World(Arc<Overlay<Zone>>);

impl Dns for World {
    async fn ask(&self, question: &Question) -> Answer {
        self.0.ask(question).await
    }
}

fn world(case: &Case) -> World {
    let (own, world) = case.zones();
    let own = Zone::parse(format!("$ORIGIN .\n$TTL 3600\n{own}")).unwrap();
    World(Arc::new(match case.world {
        true => Overlay::new(own, Zone::parse(&world).unwrap()),
        false => Overlay::new(Zone::new(), own),
    }))
}

fn settings(case: &Case) -> Settings {
    let wanted = &case.settings;
    let mut settings = Settings::new(AuthservId::parse("mx.receiver.test").unwrap());
    if wanted.legacy {
        settings.discovery = dmarc::Method::SuffixList;
    }
    if wanted.accept_exact_l {
        settings.dkim.body_length = dkim::BodyLength::Exact;
    }
    if wanted.no_ptr {
        settings.spf.ptr = 0;
    }
    settings.spf_counts = match wanted.spf_counts.as_deref() {
        Some("unless-permissive") => SpfCounts::UnlessPermissive,
        Some("never") => SpfCounts::Never,
        _ => SpfCounts::Always,
    };
    settings.trusted_sealers = wanted.trusted_sealers.iter().map(|d| Domain::parse(d).unwrap()).collect();
    settings.evaluate_several_authors = wanted.several_authors;
    settings.dkim.must_sign = wanted.min_signed.iter().map(|name| name.as_str().into()).collect();
    settings.other_ids = wanted.other_ids.iter().map(|id| AuthservId::parse(id).unwrap()).collect();
    if let Some(names) = &wanted.other_fields {
        settings.other_fields.clone_from(names);
    }
    settings
}

/// Which no milter can be shown as they stand, and why: a table for each [`Unframed`].
const EXCEPTIONS: &str = include_str!("exceptions.toml");

/// Why no milter can be shown a message as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unframed {
    NulInEnvelope,
    LongEnvelope,
    NulInHeader,
    NoName,
    Between,
}

impl Unframed {
    /// Its table in the file.
    fn code(self) -> &'static str {
        match self {
            Self::NulInEnvelope => "nul-in-envelope",
            Self::LongEnvelope => "long-envelope",
            Self::NulInHeader => "nul-in-header",
            Self::NoName => "no-name",
            Self::Between => "between",
        }
    }

    /// Of this case; nothing where it can be shown.
    fn of(case: &Case, header: &Header) -> Option<Self> {
        let has_nul = |bytes: &[u8]| bytes.contains(&0);
        let envelope = [unescape(&case.mail_from), unescape(&case.helo)];
        if envelope.iter().any(|text| has_nul(text)) {
            return Some(Self::NulInEnvelope);
        }
        if envelope.iter().any(|text| text.len() + 20 > MAX_ARGUMENT) {
            return Some(Self::LongEnvelope);
        }
        if has_nul(header.raw()) {
            return Some(Self::NulInHeader);
        }
        if header.field_lines().any(|field| field.name.is_empty()) {
            return Some(Self::NoName);
        }
        (framed(header).raw() != header.raw()).then_some(Self::Between)
    }
}

/// The header as a milter is shown it.
fn framed(header: &Header) -> Header {
    Header::from_fields(header.field_lines().map(|field| (field.name, field.value)))
}

fn site(case: &Case) -> Site {
    let (mut site, _) = Site::new(Config::default()).unwrap();
    site.settings = settings(case);
    site.ids = [&site.settings.authserv_id].into_iter().chain(&site.settings.other_ids).cloned().collect();
    site.listeners = vec![Listener { purpose: Purpose::Inbound, ..Listener::default() }];
    site
}

/// Whether the service does as the verdict on the message says: what is wrong, and why not all of it could be shown.
async fn run(case: Case) -> (Option<String>, Option<Unframed>) {
    let mut message = case.message();
    let (header, body) = mail::header::split(&message);
    let unframed = Unframed::of(&case, &header);
    let body = body.to_vec();
    match unframed {
        None => {}
        // It is shown what is left of it.
        Some(Unframed::Between) => message = [framed(&header).raw(), b"\r\n", &body].concat(),
        Some(_) => return (None, unframed),
    }
    let (helo, mail_from) = (unescape(&case.helo), unescape(&case.mail_from));
    let ip = (case.ip != "unknown").then_some(&*case.ip);
    let envelope = Envelope {
        client: ip.map(|ip| ip.parse::<IpAddr>().unwrap()),
        helo: Some(helo.clone()),
        mail_from: Some(mail_from.clone()),
        rcpt_to: Vec::new(),
        smtputf8: case.smtputf8,
    };
    let (world, now) = (world(&case), UnixTime(case.now));
    let verdict = judge(&world, &envelope, &message, now, &settings(&case), &BuiltIn).await;
    let mail = [&mail_from[..]].into_iter().chain(case.smtputf8.then_some(&b"SMTPUTF8"[..])).collect();
    let fields = header.field_lines().map(|field| (field.name, field.value)).collect();
    let shown = Shown { ip, helo: &helo, mail, header: fields, body: &body, slow: Duration::ZERO };
    let said = show(site(&case), world, case.now, &shown).await;
    let removed: Vec<(Vec<u8>, u32)> = verdict
        .remove()
        .iter()
        .map(|claim| (claim.name.to_ascii_lowercase(), claim.ordinal as u32))
        .collect();
    let sorted = |mut all: Vec<(Vec<u8>, u32)>| {
        all.sort();
        all
    };
    let results = format!(" {}", verdict.authentication_results().value().replace("\r\n", "\n"));
    let wanted = Said {
        removed: sorted(removed),
        inserted: vec![("Authentication-Results".to_owned(), results)],
        last: "Accept".to_owned(),
        log: String::new(),
    };
    let said = Said { removed: sorted(said.removed), log: String::new(), ..said };
    let right = match unframed {
        // Where a value holds a line end, the bytes are another header than the fields: no pass comes of that.
        Some(_) => said.last == wanted.last && (!said.passes() || wanted.passes()),
        None => said == wanted,
    };
    let wrong = (!right).then(|| format!("{}: {said:?}\n  wanted {wanted:?}", case.name));
    (wrong, unframed)
}

impl Said {
    fn passes(&self) -> bool {
        self.inserted.len() != 1 || self.inserted[0].1.contains("dmarc=pass")
    }
}

/// How many are shown at once.
const AT_ONCE: usize = 16;

#[test]
fn vectors_that_framing_can_carry_come_to_the_same_verdicts() {
    let cases = rows(None)
        .into_iter()
        .flat_map(|(id, row)| row.case.into_iter().map(move |case| (format!("{id} {}", case.name), case)));
    let runs = cases.map(|(name, case)| async { (name, tokio::spawn(run(case)).await.unwrap()) });
    let runs: Vec<_> = Runtime::new().unwrap().block_on(stream::iter(runs).buffered(AT_ONCE).collect());
    let (mut same, mut others) = (0, Vec::new());
    let mut unframed = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, (wrong, why)) in runs {
        others.extend(wrong.map(|wrong| format!("{name}: {wrong}")));
        match why {
            Some(why) => _ = unframed.entry(why.code().to_owned()).or_default().insert(name),
            None => same += 1,
        }
    }
    assert!(others.is_empty(), "{} others:\n{}", others.len(), others.join("\n"));
    println!("{same} the same, {} not to be framed", unframed.values().map(BTreeSet::len).sum::<usize>());
    let listed: BTreeMap<String, Exceptions> = toml::from_str(EXCEPTIONS).unwrap();
    assert!(listed.values().all(|listed| !listed.reason.is_empty()));
    let listed: BTreeMap<String, BTreeSet<String>> =
        listed.into_iter().map(|(code, listed)| (code, listed.cases)).collect();
    assert_eq!(listed, unframed, "exceptions.toml and what can't be framed");
    assert!(same > 2_000, "{same}");
}

/// The entry of a reason.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    reason: String,
    cases: BTreeSet<String>,
}
