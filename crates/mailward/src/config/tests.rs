//! The reader of the configuration, on files written as text.

use super::spec::{PARTS, USERS};
use super::*;

/// The findings of a file as `line:column code: message`, with the help behind it.
fn findings(text: &str) -> Vec<String> {
    let (_, findings) = Config::parse(text, Path::new("/dir"));
    let place = |finding: &Finding| {
        let position = Position::of(text.as_bytes(), finding.span.start);
        let help = finding.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        let column = position.column.unwrap();
        format!("{}:{column} {}: {}{help}", position.line, finding.code, finding.message)
    };
    findings.iter().map(place).collect()
}

#[track_caller]
fn check(text: &str, want: &[&str]) {
    let got = findings(text);
    assert_eq!(got.len(), want.len(), "{got:#?}");
    for (got, want) in got.iter().zip(want) {
        assert!(got.contains(want), "{want:?} is not in {got:?}");
    }
}

#[track_caller]
fn good(text: &str) -> Config {
    check(text, &[]);
    Config::parse(text, Path::new("/dir")).0
}

#[test]
fn nothing_has_to_be_said() {
    for text in ["", "# nothing\n", "[signing]\n"] {
        let config = good(text);
        assert_eq!(config.signing.key_directory, Path::new(signing::DEFAULT_KEYS));
        assert!(
            !config.signing.is_named && config.signing.rules.is_empty() && config.signing.users.is_none()
        );
    }
}

#[test]
fn all_that_can_be_said() {
    let config = good(
        "[signing]\nkey_directory = 'keys'\ncanonicalization = 'simple/relaxed'\ntimestamp = false\n\
         expires_after = '2w'\ncopy_fields = true\nself_check_every = 0\nself_check_failure = 'unsigned'\n\
         oversigned_fields = 'From'\nsigned_fields = []\nfragile_mail = 'adapt'\nrelays_take_8bit = false\n\
         [[signing.key]]\ndomain = ['a.example', 'b.example']\nselector = 's1'\nfile = '/k.pem'\n\
         [[signing.key]]\ndomain = 'a.example'\nselector = 's2'\nfile = 'k.pem'\n\
         [[signing.rule]]\nfrom = ['a.example', '.b.example']\ndomain = 'a.example'\nselectors = 's1'\n\
         networks = ['192.0.2.0/24']\nusers = '*@a.example'\nlisteners = 'submission'\nidentity = '@x.a.example'\n\
         canonicalization = 'simple'\n\
         [[signing.rule]]\nfrom = '*'\n\
         [signing.users]\n'*' = '{user}'\nalice = ['a@a.example', 'b.example']\n",
    );
    let signing = &config.signing;
    assert_eq!(signing.key_directory, Path::new("/dir/keys"));
    assert!(signing.is_named && signing.adapts && !signing.eight_bit);
    assert_eq!((signing.self_check_every, signing.self_check_failure), (0, signing::OnFailure::Unsigned));
    let options = &signing.options;
    assert_eq!((options.header_canon.as_str(), options.body_canon.as_str()), ("simple", "relaxed"));
    assert_eq!(options.expires_after.map(|seconds| seconds.get()), Some(14 * 24 * 60 * 60));
    assert!(!options.timestamp && options.copy_fields);
    assert_eq!(options.fields.iter().collect::<Vec<_>>(), [("from", true)]);
    let files: Vec<&Path> = signing.keys.iter().map(|key| key.file.as_path()).collect();
    assert_eq!(files, [Path::new("/k.pem"), Path::new("/dir/k.pem")]);
    assert_eq!(signing.keys[0].domains.len(), 2);
    let (first, second) = (&signing.rules[0].0, &signing.rules[1].0);
    assert_eq!((&*first.name, &*second.name), ("rule 1", "rule 2"));
    let listed = (first.authors.len(), first.selectors.len(), first.networks.len(), first.users.len());
    assert_eq!((listed, first.listeners.as_slice()), ((2, 1, 1, 1), ["submission".to_owned()].as_slice()));
    assert_eq!(first.options.body_canon.as_str(), "simple");
    assert_eq!(first.options.identity.as_ref().map(ToString::to_string).as_deref(), Some("@x.a.example"));
    // A rule says what [signing] says where it is silent.
    assert_eq!(second.options, *options);
    assert_eq!(signing.users.as_ref().map(|users| users.len()), Some(2));
}

#[test]
fn all_mistakes_at_once_with_their_places() {
    check(
        "[sining]\n\n[signing]\nkey_dir = 'x'\ntimestamp = 'yes'\nexpires_after = '14'\n\n[[signing.rule]]\n\
         fro = 'example.com'\nnetworks = ['192.0.2.7/24', '::/129']\n\n[[signing.key]]\ndomain = 'com'\nselector = 'a b'\n",
        &[
            "1:2 config-unknown-key: no such key at the top of the file: sining | did you mean signing?",
            "4:1 config-unknown-key: no such key [signing]: key_dir | known are key_directory",
            "5:13 config-kind: true or false was expected, not string",
            "6:17 config-value: a time such as 12h, 14d or 4w was expected",
            "8:1 config-missing: from is missing: whose mail it is for",
            "9:1 config-unknown-key: no such key [[signing.rule]]: fro | did you mean from?",
            "10:13 config-value: the address has bits beyond the length of the network; 192.0.2.0/24 was probably meant",
            "10:29 config-value: not an IP address or network",
            "12:1 config-missing: file is missing: where the key is",
            "13:10 config-value: a whole domain was expected",
            "14:12 config-value: no selector",
        ],
    );
}

#[test]
fn keys_in_the_wrong_place_are_told_where_they_belong() {
    check("key_directory = 'x'", &["1:1 config-unknown-key"][..]);
    assert!(findings("key_directory = 'x'")[0].ends_with("it belongs below [signing]"));
    assert!(findings("[signing]\nnetworks = '::/0'")[0].ends_with("it belongs below [[signing.rule]]"));
}

#[test]
fn single_values() {
    let signing = |line: &str| findings(&format!("[signing]\n{line}"));
    let rule = |line: &str| findings(&format!("[[signing.rule]]\nfrom = '*'\n{line}"));
    let cases = [
        (signing("canonicalization = 'loose'"), "relaxed or simple was expected"),
        (signing("canonicalization = 'relaxed/'"), "relaxed or simple was expected"),
        (signing("expires_after = '0d'"), "up to ten years"),
        (signing("expires_after = '99999w'"), "up to ten years"),
        (signing("expires_after = '+1d'"), "up to ten years"),
        (signing("expires_after = ''"), "up to ten years"),
        (signing("expires_after = 'ü'"), "up to ten years"),
        (signing("self_check_every = -1"), "a number from 0"),
        (signing("self_check_every = 1.5"), "a whole number was expected, not float"),
        (signing("self_check_failure = 'x'"), "\"refuse\", \"unsigned\" or \"signed\""),
        (signing("fragile_mail = 'x'"), "\"warn\" or \"adapt\""),
        (signing("oversigned_fields = ['subject']"), "From has to be among the oversigned fields"),
        (signing("signed_fields = ['received']"), "received is never signed"),
        (signing("oversigned_fields = []"), "From has to be among the oversigned fields"),
        (signing("key_directory = ''"), "a path was expected"),
        (signing("key_directory = 1"), "a text in quotes was expected, not integer"),
        (signing("users = 'x'"), "a table was expected, not string"),
        (signing("rule = 'x'"), "a table was expected, not string"),
        (signing("[signing.rule]\nfrom = '*'"), "there may be several: write [[signing.rule]]"),
        (signing("[signing.users]\nAlice = '{user}'\nalice = '{user}'"), "this user is there already"),
        (signing("[signing.users]\nalice = '{user}@'"), "neither an address nor a domain"),
        (signing("[signing.users]\nalice = []"), "an empty list"),
        (rule("domain = 'example'"), "a whole domain was expected"),
        (rule("users = []"), "an empty list | leave the key out"),
        (rule("users = ''"), "an empty name"),
        (rule("networks = 'localhost'"), "not an IP address or network"),
        (rule("selectors = '..'"), "no selector"),
        (rule("identity = '@a.example'"), "an identity needs a rule that names its signing domain"),
        (rule("domain = 'a.example'\nidentity = '@b.example'"), "the identity has to be of a.example"),
        (rule("domain = 'a.example'\nidentity = 'a.example'"), "no \"@\""),
        (findings("[[signing.rule]]\nfrom = 'a b'"), "no domain"),
        (findings("[signing]\nkey_directory = 'a'\nkey_directory = 'b'"), "duplicate key"),
        (
            findings(
                "[[signing.key]]\ndomain = ['a.example', 'b.example']\nselector = 's'\nfile = 'x'\n\
                 [[signing.key]]\ndomain = 'B.example'\nselector = 'S'\nfile = 'y'",
            ),
            "the key s of b.example is there already",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got.len(), 1, "{got:?}");
        assert!(got[0].contains(want), "{want:?} is not in {got:?}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_the_other_mistakes() {
    let got = findings("[signing]\ntimestamp = \nself_check_every = 'x'\n[[signing.rule]]\nfrom = [\n");
    assert!(got.iter().any(|f| f.contains("config-syntax")), "{got:?}");
    // It is not missing, it is not understood.
    let got = findings("[[signing.rule]]\nfrom 'example.com'\n");
    assert!(got.iter().any(|f| f.contains("config-syntax")), "{got:?}");
    assert!(!got.iter().any(|f| f.contains("config-missing")), "{got:?}");
}

#[test]
fn web_05_no_bytes_of_the_file_reach_the_terminal_as_they_are() {
    let text = "\"\\u001b[2J\" = 1\n[signing.users]\n\"\\u0007\" = '\u{1b}'\n";
    let got = findings(text).concat();
    assert!(got.contains("\\x1b[2J") && !got.contains('\u{1b}'), "{got:?}");
    let source = Source { path: None, text: text.to_owned(), findings: Config::parse(text, Path::new("")).1 };
    assert!(!source.show().contains('\u{7}'));
}

/// The sample with every value taken out of its comment, the defaults only or the examples too.
fn uncommented(examples: bool) -> String {
    let is_value = |line: &str| line.starts_with("#    ") || line.starts_with('#') && !line.starts_with("# ");
    let sample = sample::sample();
    let mut lines: Vec<&str> = Vec::new();
    for line in sample.lines() {
        if !examples && line.starts_with("#[") {
            break;
        }
        if is_value(line) && (examples || !line.ends_with("# an example")) {
            lines.push(line.strip_prefix('#').unwrap());
        }
        if line.starts_with('[') {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[test]
fn the_sample_changes_nothing() {
    let default = format!("{:?}", Config::default());
    assert_eq!(format!("{:?}", good(&sample::sample())), default);
    // What the comments call defaults are the defaults; but somebody has named the directory then.
    let mut config = good(&uncommented(false));
    assert!(std::mem::replace(&mut config.signing.is_named, false));
    assert_eq!(format!("{config:?}"), default);
}

#[test]
fn the_sample_shows_every_key_and_no_mistake() {
    let text = uncommented(true);
    let config = good(&text);
    assert_eq!((config.signing.keys.len(), config.signing.rules.len()), (1, 1));
    assert_eq!(config.signing.users.map(|users| users.len()), Some(3));
    for part in PARTS {
        assert!(text.contains(part.head), "{}", part.head);
        for key in part.keys.iter().filter(|key| !key.value.is_empty()) {
            assert!(text.contains(&format!("\n{} = ", key.name)), "{}", key.name);
        }
    }
    assert!(USERS.keys.is_empty());
}

#[test]
fn all_that_can_be_said_about_serving() {
    use std::net::IpAddr;
    use verdict::direction::{Direction, Origin, Purpose};
    use verdict::local::{Action, Kind, Listed, Mode, Refuse, Rule};

    let config = good(
        "[[listener]]\nname = 'in'\naddress = '[::1]:25'\nfor = 'inbound'\nmode = 'enforce'\npeers = '192.0.2.0/24'\n\
         [[listener]]\nname = 'out'\naddress = 'run/out.sock'\nfor = 'outbound'\nsocket_mode = '0600'\nsocket_owner = 'a:b'\n\
         [receiving]\nauthserv_id = 'mx.a.example'\nother_ids = 'b.example'\nother_fields = 'X-AR'\n\
         removed_fields = 'X-Spam-*'\nreceived_spf = true\nspf_counts = 'never'\ntrusted_sealers = 'l.example'\ndeadline = '50s'\n\
         [dns]\nservers = ['127.0.0.1', 'tls://192.0.2.1#d.example']\ntrusted = true\n\
         [network]\nown = '192.0.2.0/24'\nrelays = '192.0.2.25'\ndirections = ['authenticated: outbound', 'own-network: inbound']\n\
         [policy]\nmode = 'quarantine'\nown_domains = 'a.example'\nrefuse = 'policy'\nforwarders = ['192.0.2.9', 'f.example']\n\
         lists = 'l.example'\nexempt = '::1'\nallow = 'p.example'\nallow_authors = 'm.example'\ndeny_authors = 'u.example'\n\
         max_copies = 50\nmax_signature_age = '2d'\nhold = true\nmarking_field = 'X-Mark'\nmark_all = true\n\
         [policy.authors]\n'a.example' = 'enforce'\n[policy.recipients]\n'b.example' = 'observe'\n\
         [policy.rules]\nspf-fail = 'refuse'\n[policy.replies]\nspf-fail = '550 5.7.23 no'\n\
         [store]\npath = 'data'\ndays = 7\nmegabytes = 10\n[log]\nformat = 'json'\n\
         [daemon]\nuser = 'u'\nconnections = 5\nsandbox = false\n[signing]\nwithout_key = 'unsigned'\n\
         [sealing]\ndomain = 'a.example'\nselector = 's'\nrecipients = ['alumni.a.example', 'b@a.example']\nlisteners = 'in'\n",
    );
    let sealing = config.sealing.as_ref().unwrap();
    assert!(sealing.forwarded.by_listener("in") && !sealing.forwarded.by_listener("out"));
    assert!(
        sealing.forwarded.to(b"<x@alumni.a.example>", false)
            && !sealing.forwarded.to(b"<x@a.example>", false)
    );
    let d = |text: &str| mail::Domain::parse(text).unwrap();
    let [inside, out] = config.listeners.as_slice() else { panic!() };
    assert_eq!((&*inside.name, inside.purpose, inside.mode), ("in", Purpose::Inbound, Some(Mode::Enforce)));
    assert_eq!(out.address.to_string(), "unix:/dir/run/out.sock");
    let listener::Address::Unix(socket) = &out.address else { panic!() };
    assert_eq!((socket.mode, &socket.owner), (0o600, &Some(("a".to_owned(), "b".to_owned()))));
    let receiving = &config.receiving;
    assert_eq!(receiving.authserv_id.as_ref().map(|id| id.as_str()), Some("mx.a.example"));
    assert_eq!((receiving.deadline.as_secs(), receiving.received_spf), (50, true));
    assert_eq!((config.dns.servers.len(), config.dns.trusted), (2, true));
    let local = &config.policy.local;
    assert_eq!((local.modes.global, local.refuse, local.hold), (Mode::Quarantine, Refuse::Policy, true));
    assert_eq!(
        local.known_networks.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(),
        [Kind::Forwarder, Kind::Exempt]
    );
    assert_eq!(local.replay, verdict::local::Replay { copies: Some(50), age: Some(172_800) });
    assert_eq!(local.known_domains.get(&d("x.l.example")), Some(&Kind::List));
    assert_eq!(local.authors.get(&d("u.example")), Some(&Listed::Deny));
    assert_eq!(local.modes.authors.get(&d("a.example")), Some(&Mode::Enforce));
    assert_eq!(local.rules.action(Rule::SpfFail), Action::Refuse);
    assert_eq!((config.store.keep.days, config.store.keep.bytes), (7, 10 << 20));
    assert_eq!(config.store.path, Path::new("/dir/data"));
    assert!(config.signing.unsigned_without_key && config.policy.mark_all && !config.daemon.sandbox);
    let origin = Origin {
        purpose: Purpose::Both,
        client: Some(IpAddr::from([192, 0, 2, 1])),
        authenticated: false,
        local: false,
        null_sender: false,
    };
    assert_eq!(config.directions.decide(&origin).0, Direction::Inbound);
    assert_eq!(config.directions.decide(&Origin { authenticated: true, ..origin }).0, Direction::Outbound);
}

#[test]
fn mistakes_about_serving() {
    let listener = |more: &str| findings(&format!("[[listener]]\nname = 'a'\n{more}"));
    let policy = |line: &str| findings(&format!("[policy]\n{line}"));
    let cases = [
        (listener(""), "address is missing"),
        (listener("address = '127.0.0.1'"), "an IP address and a port"),
        (listener("address = '127.0.0.1:99999'"), "an IP address and a port"),
        (listener("address = '/x/'"), "an IP address and a port"),
        (listener("address = '127.0.0.1:1'\nsocket_mode = '660'"), "only a unix socket has rights"),
        (listener("address = '/x'\nsocket_mode = '888'"), "rights as chmod takes them"),
        (listener("address = '/x'\nsocket_owner = 'a'"), "an owner and a group"),
        (
            listener("address = '/x'\nfor = 'outbound'\nmode = 'observe'"),
            "mail that is not checked has no mode",
        ),
        (
            listener("address = '/x'\nmode = 'observe'\nfor = 'reinjected'"),
            "mail that is not checked has no mode",
        ),
        (listener("address = '/x'\nfor = 'x'"), "\"reinjected\" was expected"),
        (listener("address = '/x'\n[[listener]]\nname = 'b'\naddress = '/x'"), "at this address"),
        (listener("address = '/x'\n[[listener]]\nname = 'a'\naddress = '/y'"), "of this name"),
        (findings("[receiving]\nauthserv_id = 'a b'"), "no name"),
        (findings("[receiving]\nremoved_fields = 'From'"), "part of every message"),
        (findings("[receiving]\ndeadline = '51s'"), "1s to 50s"),
        (findings("[dns]\nservers = 'dns.example'"), "not an IP address"),
        (findings("[dns]\nservers = ['::1', '::2', '::3', '::4']"), "more than 3 servers"),
        (findings("[network]\ndirections = 'relay: neither'"), "inbound or outbound was expected"),
        (findings("[network]\ndirections = 'x: inbound'"), "before a colon"),
        (findings("[network]\nown = ['127.0.0.1', '0.0.0.0/0']"), "all mail would be signed"),
        (findings("[network]\nown = '::/0'"), "all mail would be signed"),
        (findings("[network]\nrelays = '0.0.0.0/0'"), "would be believed"),
        (policy("max_copies = 0"), "a number from 1"),
        (policy("max_signature_age = 7"), "a text in quotes"),
        (policy("mode = 'x'"), "\"observe\", \"quarantine\" or \"enforce\""),
        (policy("forwarders = '192.0.2.1/33'"), "neither a network nor a domain"),
        (policy("allow_authors = 'a.example'\ndeny_authors = 'a.example'"), "both allowed and denied"),
        (policy("[policy.rules]\ndmarc-rejects = 'mark'"), "did you mean dmarc-reject?"),
        (policy("[policy.rules]\ndmarc-reject = 'defer'"), "can't be defer"),
        (policy("[policy.replies]\ndmarc-reject = '450 4.7.1 x'"), "begins with 5"),
        (policy("[policy.replies]\ndmarc-reject = '550 5.7.1 %{autor}'"), "a percent sign"),
        (policy("[policy.authors]\n'a b' = 'observe'"), "no domain"),
        (findings("[store]\nurl = 'mysql://secret@h/d'"), "starts with postgres://"),
        (findings("[store]\ndays = 0"), "from 1"),
        (findings("[sealing]\nrecipients = 'a.example'"), "domain is missing"),
        (findings("[sealing]\ndomain = 'a.example'"), "recipients is missing"),
        (findings("[sealing]\ndomain = 'a.example'\nrecipients = 'a b'"), "neither an address nor a domain"),
        (findings("[sealing]\ndomain = 'a.example'\nlisteners = 'in'"), "no listener of this name"),
        (
            findings(
                "[[listener]]\nname = 'o'\naddress = '/x'\nfor = 'outbound'\n[sealing]\ndomain = 'a.example'\nlisteners = 'o'",
            ),
            "only inbound mail is sealed",
        ),
        (findings("[log]\nformat = 'xml'"), "\"logfmt\" or \"json\""),
        (findings("[daemon]\nconnections = 0"), "from 1 to 1000000"),
    ];
    for (got, want) in cases {
        assert_eq!(got.len(), 1, "{got:?}");
        assert!(got[0].contains(want) && !got[0].contains("secret"), "{want:?} is not in {got:?}");
    }
}
