//! The zones of the tests answer as name servers do: knot is the oracle for `dns::Zone`, and unbound in front of it
//! changes nothing.

use std::collections::BTreeSet;

use dns::{Answer, Data, Name, Question, RecordType, Reply, Zone};
use testkit::real::knot;
use testkit::real::unbound::unbound;
use testkit::vector::{with_keys, world};

use crate::served::Served;

/// What the world of the vectors has none of. Its own zone has a SOA with a short minimum for the TTL of a "no".
const MORE: &str = "\
mx.more.          MX    10 a.mx.more.
mx.more.          MX    10 b.mx.more.
mx.more.          MX    0 .
a.mx.more.        A     192.0.2.1
a.mx.more.        A     192.0.2.2
a.mx.more.   60   AAAA  2001:db8::1
*.wild.more.      TXT   \"wild\" \"card\"
*.wild.more.      MX    5 mx.more.
here.wild.more.   A     192.0.2.3
below.empty.wild.more. A 192.0.2.4
*.alias.more. 90  CNAME target.more.
one.more.     50  CNAME two.more.
two.more.     40  CNAME target.more.
target.more.      TXT   \"reached\"
dead.more.        CNAME nowhere.more.
nodata.more.      CNAME a.mx.more.
to-wild.more.     CNAME x.wild.more.
loop.more.        CNAME pool.more.
pool.more.        CNAME loop.more.
self.more.        CNAME self.more.
deep.a.b.c.d.more. TXT  \"deep\"
Mixed.CASE.more.  TXT   \"case\"
bytes.more.       TXT   \"\\000\\255 \\\"quoted\\\" \\\\ ; semicolon\" \"\" \"\\195\\188\"
many.more.        TXT   \"one\"
many.more.        TXT   \"two\"
many.more.        TXT   \"three\"
_25._tcp.mx.more. TLSA  3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
4.3.2.1.in-addr.arpa. PTR a.mx.more.
odd\\.dot.more.   TXT   \"a dot in a label\"
odd\\000\\255.more. TXT \"bytes in a label\"
";

fn zone_text() -> String {
    let long = "0123456789 ".repeat(300);
    let strings: String =
        long.as_bytes().chunks(250).map(|c| format!("\"{}\" ", String::from_utf8_lossy(c))).collect();
    let chain: String = (0..12).map(|i| format!("c{i}.more. CNAME c{}.more.\n", i + 1)).collect();
    format!("{}\n{MORE}{chain}c12.more. A 192.0.2.9\nlong.more. TXT {strings}\n", with_keys(&world()))
}

/// Every name that has a line, all above them, names beside and below them; each with every type.
fn questions(zone: &str) -> Vec<Question> {
    let mut names = BTreeSet::from([Name::root()]);
    for line in zone.lines().filter(|line| !line.starts_with([';', '$', '@', ' '])) {
        let Some(owner) = line.split_whitespace().next() else { continue };
        let mut here = Some(Name::from_presentation(owner).unwrap());
        while let Some(name) = here {
            for label in ["nx", "*", "_dmarc", "x"] {
                names.extend(name.child(label.as_bytes()).ok());
            }
            names.extend(name.child(b"x").and_then(|child| child.child(b"deeper")).ok());
            here = name.parent();
            names.insert(name);
        }
    }
    let all = names.iter().flat_map(|name| RecordType::ALL.map(|rtype| Question::new(name.clone(), rtype)));
    all.collect()
}

/// What is compared: the records in one order, and how long they may be kept. A server does not give more than a day,
/// nor less than half a minute, nor does the resolver.
fn told(answer: &Answer) -> (String, u32) {
    let ttl = match answer.reply {
        // How long a failure is kept is the resolver's own.
        Reply::ServerFailure | Reply::TimeOut | Reply::Bogus => 0,
        Reply::Records(_) | Reply::NoData | Reply::NoSuchName => answer.ttl.max(resolver::MIN_TTL),
    };
    let reply = match &answer.reply {
        Reply::Records(records) => {
            let mut records: Vec<String> = records.iter().map(Data::to_string).collect();
            records.sort();
            records.join(" | ")
        }
        other => format!("{other:?}"),
    };
    (reply, ttl)
}

/// Compares all answers; with a cache between, what is left of a TTL may be a little less.
fn compare(zone: &Zone, questions: &[Question], served: &Served, slack: u32) {
    let mut wrong = Vec::new();
    let mut kinds = [0; 4];
    for question in questions {
        let (expected, got) = (told(&zone.answer(question)), told(&served.ask(question)));
        let kind = ["NoSuchName", "NoData", "ServerFailure"].iter().position(|kind| *kind == expected.0);
        kinds[kind.map_or(0, |kind| kind + 1)] += 1;
        if expected.0 != got.0 || got.1 > expected.1 || got.1 + slack < expected.1 {
            wrong.push(format!("{question}: the zone says {expected:?}, the server {got:?}"));
        }
    }
    let [records, nothing, no_data, failures] = kinds;
    println!("{records} records, {nothing} NXDOMAIN, {no_data} NODATA, {failures} failures");
    assert!(kinds.iter().all(|count| *count > 3), "every kind of answer is compared: {kinds:?}");
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), questions.len(), wrong.join("\n"));
}

#[test]
fn a_zone_in_memory_answers_as_knot_does() {
    let text = zone_text();
    let Some(served) = Served::new(&text) else { return };
    compare(&Zone::parse(&text).unwrap(), &questions(&text), &served, 0);
}

/// Where nobody answers, and nobody is asked.
const SERVER: &str = "\
    do-not-query-address: 127.9.9.9/32
    local-zone: \"refused.example.\" always_refuse
";
const DEAD: &str = "\
stub-zone:
    name: \"dead.example.\"
    stub-addr: 127.9.9.9
";

#[test]
fn a_resolver_between_changes_nothing() {
    let text = zone_text();
    let Some(knot) = knot(&text) else { return };
    let Some(unbound) = unbound(knot.addr, SERVER, DEAD) else { return };
    let served = Served::at(unbound.addr);
    let zone =
        Zone::parse(format!("{text};! servfail dead.example.\n;! servfail refused.example.\n")).unwrap();
    // In special-use zones a resolver answers for itself.
    let own = |question: &Question| question.name.to_string().ends_with("arpa");
    let mut questions = questions(&text);
    questions.retain(|question| !own(question));
    questions.extend(
        RecordType::ALL.map(|rtype| Question::new(Name::from_dotted("dead.example").unwrap(), rtype)),
    );
    compare(&zone, &questions, &served, 30);
}
