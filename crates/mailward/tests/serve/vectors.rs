//! The vectors of the attack catalogue through the service: what a milter can be shown of them comes to the same verdicts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dns::{Answer, Dns, Overlay, Question, Zone};
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

/// Why no milter can be shown a message as it stands there.
fn not_to_be_framed(case: &Case, header: &Header) -> Option<&'static str> {
    let is_nul = |bytes: &[u8]| bytes.contains(&0);
    if is_nul(&unescape(&case.mail_from)) || is_nul(&unescape(&case.helo)) {
        return Some("texts end with a NUL: none can be in the envelope");
    }
    if [&case.mail_from, &case.helo].iter().any(|text| unescape(text).len() + 20 > MAX_ARGUMENT) {
        return Some("no MTA takes such a long line, and no packet of ours");
    }
    if is_nul(header.raw()) {
        return Some("texts end with a NUL: none can be in a field");
    }
    if header.field_lines().any(|field| field.name.is_empty()) {
        return Some("a field without a name is none for an MTA");
    }
    let framed = Header::from_fields(header.field_lines().map(|field| (field.name, field.value)));
    if framed.raw() != header.raw() {
        return Some("a header is fields with names and values: no stray line, byte or space between them");
    }
    None
}

fn site(case: &Case) -> Site {
    let (mut site, _) = Site::new(Config::default()).unwrap();
    site.settings = settings(case);
    site.ids = [&site.settings.authserv_id].into_iter().chain(&site.settings.other_ids).cloned().collect();
    site.listeners = vec![Listener { purpose: Purpose::Inbound, ..Listener::default() }];
    site
}

/// What the service should do, from the verdict on the message itself.
async fn run(case: &Case) -> Result<Option<String>, &'static str> {
    let message = case.message();
    let (header, body) = mail::header::split(&message);
    if let Some(why) = not_to_be_framed(case, &header) {
        return Err(why);
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
    let (world, now) = (world(case), UnixTime(case.now));
    let verdict = judge(&world, &envelope, &message, now, &settings(case), &BuiltIn).await;
    let mail = [&mail_from[..]].into_iter().chain(case.smtputf8.then_some(&b"SMTPUTF8"[..])).collect();
    let fields = header.field_lines().map(|field| (field.name, field.value)).collect();
    let said = show(
        site(case),
        world,
        case.now,
        &Shown { ip, helo: &helo, mail, header: fields, body, slow: Duration::ZERO },
    )
    .await;
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
    Ok((said != wanted).then(|| format!("{}: {said:?}\n  wanted {wanted:?}", case.name)))
}

#[test]
fn vectors_that_framing_can_carry_come_to_the_same_verdicts() {
    let runtime = Runtime::new().unwrap();
    let (mut same, mut others) = (0, Vec::new());
    let mut exceptions = BTreeMap::<&str, Vec<String>>::new();
    for (id, row) in rows(None) {
        for case in row.case {
            match runtime.block_on(run(&case)) {
                Ok(None) => same += 1,
                Ok(Some(wrong)) => others.push(format!("{id} {wrong}")),
                Err(why) => exceptions.entry(why).or_default().push(format!("{id} {}", case.name)),
            }
        }
    }
    for (why, cases) in &exceptions {
        println!("{} not shown: {why}\n  {}", cases.len(), cases.join("\n  "));
    }
    let left_out: usize = exceptions.values().map(Vec::len).sum();
    println!("{same} the same, {left_out} not to be framed");
    assert!(others.is_empty(), "{} others:\n{}", others.len(), others.join("\n"));
    assert!(same > 2_000 && left_out * 10 < same, "{same} {left_out}");
}
