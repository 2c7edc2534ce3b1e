//! `[signing]`: where the keys are, the rules, the users, and how it is signed.

use std::num::NonZeroU64;
use std::ops::Range;
use std::path::{Path, PathBuf};

use dkim::{Canon, FieldList, Identity, Options, Selector};
use mail::Domain;
use toml::de::DeTable;
use verdict::network::Network;
use verdict::outbound::{Addresses, DomainPattern, Glob, Rule, Users};

use super::reader::{Fields, Reader, Value};
use super::spec;

/// Where keys are looked for where the file names no other directory.
pub const DEFAULT_KEYS: &str = "/etc/mailward/keys";
/// Most rules.
pub const MAX_RULES: usize = 1_000;
/// Longest time for which a signature can be made valid, in seconds: ten years.
const MAX_VALID: u64 = 3650 * 24 * 60 * 60;

/// What the file says about signing.
#[derive(Debug)]
pub struct Signing {
    /// The directory of keys. It need not be there if nobody named it.
    pub key_directory: PathBuf,
    /// Whether somebody named it.
    pub is_named: bool,
    /// Keys that stand elsewhere.
    pub keys: Vec<KeyEntry>,
    /// The rules, each with its place in the file.
    pub rules: Vec<(Rule, Range<usize>)>,
    /// Who may write as whom.
    pub users: Option<Users>,
    /// How it is signed where a rule says nothing else.
    pub options: Options,
    /// Whether mail that relays will change is signed in the form that survives more.
    pub adapts: bool,
    /// Whether all relays that mail goes to next take 8BITMIME.
    pub eight_bit: bool,
    /// How often own signatures are checked: the first of each key, then one in so many; 0 for never.
    pub self_check_every: u32,
    /// What becomes of a message whose own signature fails.
    pub self_check_failure: OnFailure,
    /// Whether mail that should be signed goes out unsigned while no key for it can be used.
    pub unsigned_without_key: bool,
}

/// `[[signing.key]]`
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// The signing domains that it is a key of.
    pub domains: Vec<Domain>,
    /// Under which selector it is published.
    pub selector: Selector,
    /// The file.
    pub file: PathBuf,
    /// Where the entry stands in the configuration.
    pub at: Range<usize>,
}

/// What becomes of a message whose own signature fails the check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnFailure {
    /// It does not go out.
    #[default]
    Refuse,
    /// It goes out without signatures.
    Unsigned,
    /// It goes out with the signatures as they were made.
    Signed,
}

impl OnFailure {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "unsigned" => Ok(Self::Unsigned),
            "signed" => Ok(Self::Signed),
            _ => Err("\"refuse\", \"unsigned\" or \"signed\" was expected"),
        }
    }
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            key_directory: PathBuf::from(DEFAULT_KEYS),
            is_named: false,
            keys: Vec::new(),
            rules: Vec::new(),
            users: None,
            options: Options::default(),
            adapts: false,
            eight_bit: true,
            self_check_every: 100,
            self_check_failure: OnFailure::default(),
            unsigned_without_key: false,
        }
    }
}

impl Signing {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>, directory: &Path) -> Self {
        let mut signing = Self::default();
        let fields = reader.fields(&spec::SIGNING, table);
        if let Some(path) = fields.get("key_directory").and_then(|value| path(reader, value, directory)) {
            signing.key_directory = path;
            signing.is_named = true;
        }
        read_options(reader, &fields, &mut signing.options);
        if let Some(adapts) = fields.get("fragile_mail").and_then(|value| reader.parsed(value, adapts)) {
            signing.adapts = adapts;
        }
        if let Some(flag) = fields.get("relays_take_8bit").and_then(|value| reader.flag(value)) {
            signing.eight_bit = flag;
        }
        if let Some(every) = fields.get("self_check_every").and_then(|value| reader.number(value)) {
            signing.self_check_every = every;
        }
        let failure = fields.get("self_check_failure");
        if let Some(failure) = failure.and_then(|value| reader.parsed(value, OnFailure::parse)) {
            signing.self_check_failure = failure;
        }
        let without_key = fields.get("without_key");
        if let Some(unsigned) = without_key.and_then(|value| reader.parsed(value, unsigned)) {
            signing.unsigned_without_key = unsigned;
        }
        if let Some(value) = fields.get("key") {
            let tables = reader.tables(value, spec::KEY.head);
            signing.keys = tables.into_iter().filter_map(|(t, at)| key(reader, t, at, directory)).collect();
            twice(reader, &signing.keys);
        }
        if let Some(value) = fields.get("rule") {
            let mut tables = reader.tables(value, spec::RULE.head);
            if let Some((_, at)) = tables.get(MAX_RULES) {
                reader.error("config-value", at.clone(), format!("more than {MAX_RULES} rules"));
            }
            tables.truncate(MAX_RULES);
            for (number, (table, at)) in (1..).zip(tables) {
                let rule = rule(reader, table, number, at.clone(), &signing.options);
                signing.rules.extend(rule.map(|rule| (rule, at)));
            }
        }
        signing.users = fields.get("users").and_then(|value| users(reader, value));
        signing
    }
}

pub(super) fn path(reader: &mut Reader, value: &Value<'_>, directory: &Path) -> Option<PathBuf> {
    let text = reader.text(value)?;
    if text.is_empty() || text.contains('\0') {
        reader.error("config-value", value.span(), "a path was expected");
        return None;
    }
    Some(directory.join(text))
}

/// What `[signing]` and its rules both may say about how it is signed.
fn read_options(reader: &mut Reader, fields: &Fields<'_, '_>, options: &mut Options) {
    let canon = fields.get("canonicalization").and_then(|value| reader.parsed(value, canonicalization));
    if let Some((header, body)) = canon {
        (options.header_canon, options.body_canon) = (header, body);
    }
    if let Some(flag) = fields.get("timestamp").and_then(|value| reader.flag(value)) {
        options.timestamp = flag;
    }
    if let Some(seconds) = fields.get("expires_after").and_then(|value| reader.parsed(value, duration)) {
        options.expires_after = Some(seconds);
    }
    if let Some(flag) = fields.get("copy_fields").and_then(|value| reader.flag(value)) {
        options.copy_fields = flag;
    }
    let (oversigned, signed) = (fields.get("oversigned_fields"), fields.get("signed_fields"));
    if let Some(value) = oversigned.or(signed) {
        let mut list = |value: Option<&Value<'_>>, is_over: bool| -> Vec<String> {
            let all = options.fields.iter().filter(|(_, over)| *over == is_over);
            let default = all.map(|(name, _)| name.to_owned()).collect();
            // An empty list is one of fields like others; whether it will do, the list of fields says.
            let is_empty = |value: &Value<'_>| value.get_ref().as_array().is_some_and(|list| list.is_empty());
            match value {
                None => default,
                Some(value) if is_empty(value) => Vec::new(),
                Some(value) => reader.texts(value).into_iter().map(|(text, _)| text.to_owned()).collect(),
            }
        };
        let (over, when_present) = (list(oversigned, true), list(signed, false));
        match FieldList::new(over.iter().map(String::as_str), when_present.iter().map(String::as_str)) {
            Ok(fields) => options.fields = fields,
            Err(error) => reader.error("config-value", value.span(), error.to_string()),
        }
    }
}

/// `relaxed/simple`; one word for both.
pub fn canonicalization(text: &str) -> Result<(Canon, Canon), &'static str> {
    let canon = |word| match word {
        "relaxed" => Ok(Canon::Relaxed),
        "simple" => Ok(Canon::Simple),
        _ => Err(
            "relaxed or simple was expected for the header and, after a slash, for the body: relaxed/simple",
        ),
    };
    // RFC 6376 §3.5 c= takes simple for a body that is not named; here nobody has to know.
    let (header, body) = text.split_once('/').unwrap_or((text, text));
    Ok((canon(header)?, canon(body)?))
}

/// `90s`, `30m`, `12h`, `14d`, `4w`, in seconds.
pub fn duration(text: &str) -> Result<NonZeroU64, &'static str> {
    const FORM: &str = "a time such as 12h, 14d or 4w was expected, up to ten years";
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 60 * 60,
        Some(b'd') => 24 * 60 * 60,
        Some(b'w') => 7 * 24 * 60 * 60,
        _ => return Err(FORM),
    };
    let digits = text.get(..text.len() - 1).unwrap_or_default();
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
    let seconds = number.and_then(|n| n.checked_mul(unit)).filter(|seconds| *seconds <= MAX_VALID);
    seconds.and_then(NonZeroU64::new).ok_or(FORM)
}

/// Whether signatures of fragile mail are adapted.
pub fn adapts(text: &str) -> Result<bool, &'static str> {
    match text {
        "warn" => Ok(false),
        "adapt" => Ok(true),
        _ => Err("\"warn\" or \"adapt\" was expected"),
    }
}

/// Whether mail goes out unsigned for which there is no key.
fn unsigned(text: &str) -> Result<bool, &'static str> {
    match text {
        "refuse" => Ok(false),
        "unsigned" => Ok(true),
        _ => Err("\"refuse\" or \"unsigned\" was expected"),
    }
}

pub(super) fn signing_domain(text: &str) -> Result<Domain, String> {
    match Domain::parse(text) {
        Ok(domain) if domain.is_fqdn() => Ok(domain),
        Ok(_) => Err("a whole domain was expected: it has two labels or more".to_owned()),
        Err(why) => Err(format!("no domain: {why}")),
    }
}

pub(super) fn selector(text: &str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|why| format!("no selector: {why}"))
}

fn key(reader: &mut Reader, table: &DeTable<'_>, at: Range<usize>, directory: &Path) -> Option<KeyEntry> {
    let fields = reader.fields(&spec::KEY, table);
    let (name, of, file) = (fields.get("selector"), fields.get("domain"), fields.get("file"));
    for (key, value, what) in [
        ("domain", of, "the signing domain, such as \"example.com\""),
        ("selector", name, "under which the public half is published"),
        ("file", file, "where the key is"),
    ] {
        if value.is_none() {
            reader.missing(at.clone(), key, what);
        }
    }
    let domains = of.map(|value| reader.all_parsed(value, signing_domain)).unwrap_or_default();
    let selector = name.and_then(|value| reader.parsed(value, selector));
    let file = file.and_then(|value| path(reader, value, directory));
    Some(KeyEntry { domains, selector: selector?, file: file?, at })
}

/// One name of a key must not stand for two.
fn twice(reader: &mut Reader, keys: &[KeyEntry]) {
    for (index, key) in keys.iter().enumerate() {
        let earlier = keys.iter().take(index).filter(|other| other.selector == key.selector);
        let shared = earlier.flat_map(|other| &other.domains).find(|domain| key.domains.contains(domain));
        if let Some(domain) = shared {
            let message = format!("the key {} of {domain} is there already", key.selector);
            reader.error("config-twice", key.at.clone(), message);
        }
    }
}

fn rule(
    reader: &mut Reader,
    table: &DeTable<'_>,
    number: usize,
    at: Range<usize>,
    defaults: &Options,
) -> Option<Rule> {
    let fields = reader.fields(&spec::RULE, table);
    let domain_pattern = |text: &str| DomainPattern::parse(text).map_err(|why| format!("no domain: {why}"));
    let name = |text: &str| match text {
        "" => Err("an empty name"),
        _ => Ok(text.to_owned()),
    };
    let glob = |text: &str| name(text).map(|text| Glob::new(&text));
    let from = fields.get("from");
    if from.is_none() {
        reader.missing(at, "from", "whose mail it is for; \"*\" for all");
    }
    let mut rule = Rule {
        name: format!("rule {number}").into(),
        authors: from.map(|value| reader.all_parsed(value, domain_pattern)).unwrap_or_default(),
        domain: fields.get("domain").and_then(|value| reader.parsed(value, signing_domain)),
        selectors: fields.get("selectors").map(|v| reader.all_parsed(v, selector)).unwrap_or_default(),
        networks: fields.get("networks").map(|v| reader.all_parsed(v, Network::parse)).unwrap_or_default(),
        users: fields.get("users").map(|v| reader.all_parsed(v, glob)).unwrap_or_default(),
        listeners: fields.get("listeners").map(|v| reader.all_parsed(v, name)).unwrap_or_default(),
        options: defaults.clone(),
    };
    read_options(reader, &fields, &mut rule.options);
    if let Some(value) = fields.get("identity")
        && let Some(identity) = reader.parsed(value, |text| Identity::parse(text.as_bytes()))
    {
        match &rule.domain {
            Some(domain) if identity.domain().is_within(domain) => rule.options.identity = Some(identity),
            Some(domain) => {
                let message = format!("the identity has to be of {domain} or below it");
                reader.error("config-value", value.span(), message);
            }
            None => {
                let message = "an identity needs a rule that names its signing domain";
                reader.error("config-value", value.span(), message);
            }
        }
    }
    (!rule.authors.is_empty()).then_some(rule)
}

fn users(reader: &mut Reader, value: &Value<'_>) -> Option<Users> {
    let table = reader.table(value)?;
    let entry = |text: &str| {
        Addresses::parse(text).map_err(|why| {
            format!(
                "neither an address nor a domain: {why}; write alice@example.com, example.com or {{user}}"
            )
        })
    };
    let mut names: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (key, value) in table {
        let lower = key.get_ref().to_ascii_lowercase();
        if names.contains(&lower) {
            reader.error("config-twice", key.span(), "this user is there already, in other letters");
        }
        names.push(lower);
        rows.push((Glob::new(key.get_ref()), reader.all_parsed(value, entry)));
    }
    Some(Users::new(rows))
}
