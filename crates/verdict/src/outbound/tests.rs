//! The signing table on small worlds written as text.

use std::sync::Arc;

use dkim::{Options, Selector, SigningKey};
use mail::{Domain, Header};

use super::*;
use crate::network::Network;

/// An Ed25519 seed in base64.
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// `from=a.example,.b.example d=c.example s=one,two net=192.0.2.0/24 user=alice listener=submission`
fn rule((index, text): (usize, &str)) -> Rule {
    let word = |name: &str| {
        let value = text.split_whitespace().find_map(|w| w.strip_prefix(&format!("{name}=")));
        value.map(|v| v.split(',').collect::<Vec<_>>()).unwrap_or_default()
    };
    Rule {
        name: format!("rule {}", index + 1).into(),
        authors: word("from").into_iter().map(|t| DomainPattern::parse(t).unwrap()).collect(),
        domain: word("d").first().map(|t| domain(t)),
        selectors: word("s").into_iter().map(|t| Selector::parse(t).unwrap()).collect(),
        networks: word("net").into_iter().map(|t| Network::parse(t).unwrap()).collect(),
        users: word("user").into_iter().map(Glob::new).collect(),
        listeners: word("listener").into_iter().map(str::to_owned).collect(),
        options: Options::default(),
    }
}

/// `selector@domain`, with a `!` in front of a key that can't be used.
fn key(text: &str) -> Key {
    let (selector, name) = text.trim_start_matches('!').split_once('@').unwrap();
    let key = match text.strip_prefix('!') {
        Some(_) => Err(Arc::from("k.pem: the key is encrypted")),
        None => Ok(SigningKey::parse(SEED.as_bytes()).unwrap()),
    };
    Key { domain: domain(name), selector: Selector::parse(selector).unwrap(), key }
}

struct World {
    table: SigningTable,
}

fn world(rules: &[&str], keys: &str) -> World {
    world_of(rules, keys, None)
}

fn world_of(rules: &[&str], keys: &str, users: Option<&[(&str, &[&str])]>) -> World {
    let rules = rules.iter().copied().enumerate().map(rule).collect();
    let users = users.map(|rows| {
        let entries = |all: &[&str]| all.iter().map(|e| Addresses::parse(e).unwrap()).collect();
        Users::new(rows.iter().map(|(user, all)| (Glob::new(user), entries(all))))
    });
    World {
        table: SigningTable::new(
            rules,
            keys.split_whitespace().map(key).collect(),
            users,
            Options::default(),
        ),
    }
}

impl World {
    /// `message` is a From value, or header lines; with `ip= user= listener=` before a `|`. Wanted: the keys that sign,
    /// and pieces of the story in their order.
    #[track_caller]
    fn check(&self, message: &str, signs: &str, story: &[&str]) -> Plan {
        let (client, text) = message.split_once('|').unwrap_or(("", message));
        let said = |name: &str| {
            client.split_whitespace().find_map(|w| w.strip_prefix(&format!("{name}=")).map(str::to_owned))
        };
        let text = text.trim_start();
        let header = if text.contains("\r\n") { text.to_owned() } else { format!("From: {text}\r\n") };
        let header = Header::parse(header);
        let (user, listener) = (said("user"), said("listener"));
        let plan = self.table.plan(&Outgoing {
            client: said("ip").map(|ip| ip.parse().unwrap()),
            user: user.as_deref().map(str::as_bytes),
            listener: listener.as_deref(),
            header: &header,
        });
        let got: Vec<_> = plan.requests.iter().map(|r| format!("{}@{}", r.selector(), r.domain())).collect();
        let told: Vec<_> = plan.steps.iter().map(Step::to_string).collect();
        assert_eq!(got.join(" "), signs, "{message}\n{}", told.join("\n"));
        let mut rest = told.iter();
        for piece in story {
            assert!(
                rest.any(|step| step.contains(piece)),
                "{piece:?} is not in its place in\n{}",
                told.join("\n")
            );
        }
        plan
    }
}

#[test]
fn keys_alone_sign_for_their_domains() {
    let world = world(&[], "r@example.com e@example.com k@example.net");
    let plan = world.check(
        "Alice <alice@Example.COM>",
        "r@example.com e@example.com",
        &["the author is alice@example.com", "no rule speaks of example.com", "the key r of", "the key e of"],
    );
    assert_eq!(plan.decision(), Decision::Sign);
    assert_eq!(plan.faults().count(), 0);
    world.check("a@example.net", "k@example.net", &[]);
    let plan = world.check("a@sub.example.com", "", &["not signed: there is no key of sub.example.com"]);
    assert_eq!(plan.decision(), Decision::Leave);
}

#[test]
fn all_rules_that_match_sign_once_with_each_key() {
    let world = world(
        &["from=example.com,.example.com d=example.com s=a", "from=* d=relay.example", "from=example.com"],
        "a@example.com b@example.com x@relay.example z@example.org",
    );
    world.check(
        "u@example.com",
        "a@example.com x@relay.example b@example.com",
        &[
            "rule 1 signs for example.com",
            "the key a of example.com signs (Ed25519)",
            "rule 2 signs for relay.example",
            "rule 3 signs for example.com",
            "the key a of example.com signs already, by rule 1",
            "the key b of example.com signs",
        ],
    );
    world.check(
        "u@x.y.example.com",
        "a@example.com x@relay.example",
        &["rule 3 does not sign: it is not for the author domain x.y.example.com"],
    );
    // No rule speaks of example.org: its own keys sign beside the rule for all.
    world.check("u@example.org", "x@relay.example z@example.org", &["no rule speaks of example.org"]);
    world.check("u@example.edu", "x@relay.example", &["rule 1 does not sign"]);
    // Nobody writes as relay.example but by the rule that speaks of it.
    world.check("u@relay.example", "x@relay.example", &[]);
}

#[test]
fn a_rule_takes_its_domain_from_those_who_have_keys() {
    let world = world(&["from=example.com net=192.0.2.0/24"], "a@example.com");
    world.check("ip=192.0.2.9 | u@example.com", "a@example.com", &[]);
    let plan = world.check(
        "ip=198.51.100.1 | u@example.com",
        "",
        &["rule 1 does not sign: it is not for the client 198.51.100.1"],
    );
    assert_eq!(plan.decision(), Decision::Leave);
}

#[test]
fn restrictions_say_what_is_missing() {
    let world = world(
        &[
            "from=* net=192.0.2.0/24,2001:db8::/32",
            "from=* user=alice,*@example.com",
            "from=* listener=submission",
        ],
        "a@example.com",
    );
    let check = |message, signs, story: &[&str]| drop(world.check(message, signs, story));
    check(
        "u@example.com",
        "",
        &[
            "for some clients only",
            "for some users only, and the client is not authenticated",
            "for some listeners only",
        ],
    );
    check("ip=2001:db8::1 | u@example.com", "a@example.com", &["rule 1 signs"]);
    check("ip=::ffff:192.0.2.1 | u@example.com", "a@example.com", &["rule 1 signs"]);
    check("user=Bob@example.com | u@example.com", "a@example.com", &["rule 2 signs"]);
    check("user=alice2 | u@example.com", "", &["rule 2 does not sign: it is not for the user alice2"]);
    check("listener=submission | u@example.com", "a@example.com", &["rule 3 signs"]);
    check("listener=smtp | u@example.com", "", &["rule 3 does not sign: it is not for the listener smtp"]);
}

#[test]
fn a_key_that_can_t_be_used_stops_no_other() {
    let world = world(&["from=* d=gone.example"], "!a@example.com b@example.com !c@example.net");
    let plan = world.check(
        "u@example.com",
        "b@example.com",
        &[
            "rule 1 signs for gone.example",
            "there is no such key of gone.example, which the rule names",
            "the key a of example.com can't be used: k.pem: the key is encrypted",
        ],
    );
    assert_eq!((plan.decision(), plan.faults().count()), (Decision::Sign, 2));
    let plan = world.check("u@example.net", "", &["the key c of example.net can't be used"]);
    assert_eq!(plan.decision(), Decision::NoUsableKey);
}

#[test]
fn what_a_rule_says_is_signed_never_leaves_without() {
    let named = world(&["from=example.com d=example.com s=gone"], "a@example.com");
    let plan =
        named.check("u@example.com", "", &["there is no such key of example.com, which the rule names"]);
    assert_eq!(plan.decision(), Decision::NoUsableKey);
    // A rule for whoever has keys says nothing of those who have none.
    let own = world(&["from=*", "from=* s=gone"], "a@example.com");
    let plan = own.check("u@example.net", "", &["rule 1 does not sign: there is no such key of example.net"]);
    assert_eq!((plan.decision(), plan.faults().count()), (Decision::Leave, 3));
}

#[test]
fn what_can_t_be_a_signature_is_told() {
    let world = world(&[], "a@_x.example.com");
    let plan = world.check(
        "u@_x.example.com",
        "",
        &["the key a of _x.example.com can't be used: not a signing domain"],
    );
    assert_eq!(plan.decision(), Decision::NoUsableKey);
}

#[test]
fn of_two_keys_with_one_name_one_signs() {
    world(&[], "a@example.com a@example.com").check("u@example.com", "a@example.com", &["signs already"]);
    world(&[], "!a@example.com a@example.com").check("u@example.com", "a@example.com", &["can't be used"]);
}

#[test]
fn env_09_exactly_one_author() {
    let world = world(&[], "a@example.com");
    for (header, why) in [
        ("From: u@example.com\r\nFrom: v@example.com\r\n", "not signed: there is no one author"),
        ("From: <u@example.com>, <v@example.com>\r\n", "not signed: From holds 2 addresses"),
        ("From: <u@example.com>, <v@example.net>\r\n", "not signed: there is no one author"),
        ("From: u@example.com <v@example.net>\r\n", "not signed: there is no one author"),
        ("To: u@example.com\r\n", "not signed: there is no one author"),
        ("From: nobody:;\r\n", "not signed: there is no one author"),
        ("From: u@example.com\nFrom: v@example.com\r\nTo: x\r\n", "not signed: there is no one author"),
        ("From : u@example.com\r\nFrom: v@example.com\r\n", "not signed: there is no one author"),
    ] {
        let plan = world.check(header, "", &[why]);
        assert_eq!((plan.decision(), plan.faults().count()), (Decision::Leave, 1), "{header}");
    }
}

#[test]
fn env_09_from_must_be_the_user_s() {
    let users: &[(&str, &[&str])] =
        &[("attacker@example.com", &["{user}", "@lists.example.com"]), ("admin", &["example.com"])];
    let world = world_of(
        &["from=* d=relay.example"],
        "a@example.com r@relay.example l@lists.example.com",
        Some(users),
    );
    let both = "r@relay.example a@example.com";
    world.check("user=attacker@example.com | attacker@example.com", both, &["may write as this author"]);
    world.check(
        "user=attacker@example.com | x@lists.example.com",
        "r@relay.example l@lists.example.com",
        &[],
    );
    world.check("user=admin | Admin <any@example.com>", both, &[]);
    // Without an authenticated user nobody is asked: who may come in without is the MTA's business.
    world.check("admin@example.com", both, &[]);
    for (message, why) in [
        (
            "user=attacker@example.com | admin@example.com",
            "not signed: the user attacker@example.com may not write as admin@example.com",
        ),
        ("user=attacker@example.com | <attacker@example.com>, <admin@example.com>", "From holds 2 addresses"),
        (
            "user=attacker@example.com | From: attacker@example.com\r\nFrom: admin@example.com\r\n",
            "there is no one author",
        ),
        (
            "user=attacker@example.com | admin@example.com <attacker@example.com>",
            "one address in front of another",
        ),
        ("user=admin | x@example.net", "the user admin may not write as x@example.net"),
        ("user=stranger | admin@example.com", "the user stranger is not in the map of users"),
    ] {
        world.check(message, "", &[why]);
    }
    world.check("user=attacker@example.com | attacker@example.com <attacker@example.com>", both, &[]);
}

#[test]
fn steps_show_no_bytes_of_strangers() {
    let users: &[(&str, &[&str])] = &[("alice", &["example.com"])];
    let world = world_of(&[], "a@example.com", Some(users));
    let mut told = String::new();
    for from in ["From: \"\u{202e}x\"@example.com\r\n", "From: u\u{fc}@example.com\r\n"] {
        let header = Header::parse(from);
        let (user, listener) = (Some(b"\x1b[2J".as_slice()), Some("\r\n"));
        let plan = world.table.plan(&Outgoing { client: None, user, listener, header: &header });
        for step in &plan.steps {
            assert!(step.to_string().bytes().all(|b| matches!(b, b' '..=b'~')), "{step}");
            told.push_str(&step.to_string());
        }
    }
    assert!(told.contains("\\x1b[2J") && told.contains("the author is u\\xc3\\xbc@example.com"), "{told}");
}
