//! Test vectors: a message with its envelope and its world, and what a correct verdict on it is. One TOML file a row of
//! the attack catalogue in `vectors/`, named after the row, with one or more cases; `vectors/README.md` has the format.

mod message;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use message::grow;
pub use message::{Edit, Sealing, Signing, key, unescape, with_keys};

/// One file of vectors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The row's id in the catalogue, `ENV-01`; the file has the same name.
    pub row: String,
    /// What the attack is.
    pub title: String,
    /// The vectors.
    pub case: Vec<Case>,
}

/// One vector.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// What is particular about it, unique in its row.
    pub name: String,
    /// The client's address; the attacker's where nothing is said, none for `unknown`.
    #[serde(default = "attacker_ip")]
    pub ip: String,
    /// The argument of EHLO, with escapes.
    #[serde(default = "attacker_helo")]
    pub helo: String,
    /// The argument of MAIL FROM, with its brackets and escapes.
    #[serde(default = "attacker_path")]
    pub mail_from: String,
    /// Whether the client asked for SMTPUTF8.
    #[serde(default)]
    pub smtputf8: bool,
    /// Master-file lines that are added to the world; a name and type that they have is theirs alone. `{big:N:TEXT}` as
    /// in the message.
    #[serde(default)]
    pub zone: String,
    /// Whether the world is there at all: without it the zone of the case stands alone, and its wildcards match.
    #[serde(default = "yes")]
    pub world: bool,
    /// The message, with escapes; each line end is a CRLF. `{big:N:TEXT}` stands for TEXT repeated N times, `%n` in it
    /// for the number of the repetition, from 0. A plain one from the victim where nothing is said.
    #[serde(default = "victim_message")]
    pub message: String,
    /// Signatures to make on it, each put on top of the last.
    #[serde(default)]
    pub sign: Vec<Signing>,
    /// What is done to it after signing.
    #[serde(default)]
    pub edit: Vec<Edit>,
    /// ARC sets to add after that, each put on top of the last.
    #[serde(default)]
    pub seal: Vec<Sealing>,
    /// What is done to it after sealing.
    #[serde(default)]
    pub edit_sealed: Vec<Edit>,
    /// Seconds since 1970.
    #[serde(default = "now")]
    pub now: u64,
    /// Settings that differ from the defaults.
    #[serde(default)]
    pub settings: Settings,
    /// Whether victim.example authorised this message; only then may it pass DMARC as that domain.
    #[serde(default)]
    pub authorised: bool,
    /// What must come out.
    pub expect: Expect,
}

/// Settings that a vector may change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Which SPF passes count: `unless-permissive`, `never`, or, where nothing is said, always.
    pub spf_counts: Option<String>,
    /// Each of several author domains is evaluated.
    #[serde(default)]
    pub several_authors: bool,
    /// Discovery by suffix list, as RFC 7489 had it.
    #[serde(default)]
    pub legacy: bool,
    /// `l=` is accepted where it covers the whole body.
    #[serde(default)]
    pub accept_exact_l: bool,
    /// Header fields that a signature must cover to pass.
    #[serde(default)]
    pub min_signed: Vec<String>,
    /// Names of ours beside `mx.receiver.test`.
    #[serde(default)]
    pub other_ids: Vec<String>,
    /// The header fields that are treated like Authentication-Results.
    pub other_fields: Option<Vec<String>>,
    /// The ARC sealers that are believed.
    #[serde(default)]
    pub trusted_sealers: Vec<String>,
    /// SPF never looks at the names of the client's address.
    #[serde(default)]
    pub no_ptr: bool,
}

/// The right verdict; what is left out may be anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// SPF of the MAIL FROM identity, the RFC 8601 word.
    pub spf: Option<String>,
    /// SPF of the HELO identity.
    pub helo: Option<String>,
    /// The domain that SPF judged for MAIL FROM; empty for none.
    pub spf_domain: Option<String>,
    /// The words that the domain's owner has for an SPF fail; empty for none.
    pub explanation: Option<String>,
    /// How many bits of the client's address the SPF directive that matched looks at.
    pub scope_bits: Option<u8>,
    /// Whether SPF let everybody in the world through.
    pub permissive: Option<bool>,
    /// DKIM, the words in the order of the signatures from the top.
    pub dkim: Option<Vec<String>>,
    /// What else is noted of the signatures, in words: `testing`, `weak key`, `oversigned`, `unsigned duplicate NAME`,
    /// `unsigned NAME`.
    pub flags: Option<Vec<String>>,
    /// DMARC; `not pass` for any word but that.
    pub dmarc: Option<String>,
    /// The ARC chain.
    pub arc: Option<String>,
    /// The number of the oldest ARC set whose message signature holds, 0 for all.
    pub oldest_pass: Option<u8>,
    /// Whether trusted sealers allow a local policy to override: `trusted-sealer`, or the code of the refusal; empty where
    /// it is no question.
    pub local: Option<String>,
    /// The disposition that the domain asks for: none, quarantine, reject.
    pub disposition: Option<String>,
    /// The author domain; empty for none.
    pub author: Option<String>,
    /// How many mailboxes From holds.
    pub mailboxes: Option<usize>,
    /// What is noted of the author, in words.
    pub notes: Option<Vec<String>>,
    /// The domain whose record was used.
    pub policy_domain: Option<String>,
    /// What made it pass: spf, dkim, both.
    pub aligned_by: Option<String>,
    /// Indexes of the header fields to remove, last first.
    pub removed: Option<Vec<usize>>,
    /// Texts, each of which stands in some step, in the reason or in the field.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that the Authentication-Results never holds.
    #[serde(default)]
    pub never: Vec<String>,
    /// Questions that are asked, as `TXT name`.
    #[serde(default)]
    pub asked: Vec<String>,
    /// Questions that are never asked.
    #[serde(default)]
    pub never_asked: Vec<String>,
    /// How many questions are asked at the most.
    pub most_questions: Option<usize>,
}

impl Case {
    /// The message as it arrives: escapes undone, signed, changed, sealed, changed again.
    pub fn message(&self) -> Vec<u8> {
        let message = self.sign.iter().fold(unescape(&self.message), |m, signing| signing.sign(&m));
        let message = self.edit.iter().fold(message, |m, edit| edit.apply(m));
        let message = self.seal.iter().fold(message, |m, sealing| sealing.seal(&m));
        self.edit_sealed.iter().fold(message, |m, edit| edit.apply(m))
    }

    /// The zone of the case laid over the world: a name that it has is its alone.
    pub fn zones(&self) -> (String, String) {
        let world = if self.world { with_keys(&world()) } else { String::new() };
        (with_keys(&grow(&self.zone)), world)
    }
}

fn attacker_ip() -> String {
    "203.0.113.66".to_owned()
}

fn attacker_helo() -> String {
    "mail.attacker.example".to_owned()
}

fn attacker_path() -> String {
    "<bounce@attacker.example>".to_owned()
}

fn yes() -> bool {
    true
}

fn victim_message() -> String {
    "From: <a@victim.example>\nTo: <b@example.test>\nSubject: hello\n\nbody\n".to_owned()
}

/// 2026-06-01T00:00:00Z
fn now() -> u64 {
    1_780_272_000
}

/// The folder of the vectors.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

/// The world in which all vectors play, as text.
///
/// # Panics
/// If the file can't be read.
pub fn world() -> String {
    let path = folder().join("world.zone");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All rows, by id; of `only`, that one alone, so that a runner with a process for each case does not read all.
///
/// # Panics
/// If a file can't be read, or does not have the form, or not the name of its row.
pub fn rows(only: Option<&str>) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap_or_else(|e| panic!("{}: {e}", folder().display())) {
        let path = entry.unwrap_or_else(|e| panic!("{e}")).path();
        if path.extension().is_none_or(|e| e != "toml") || path.ends_with("exceptions.toml") {
            continue;
        }
        let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if only.is_some_and(|only| only != id) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let row = read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(id, row.row, "the file is named after its row");
        rows.insert(row.row.clone(), row);
    }
    rows
}

/// One file. What its table `each` says, every case says that doesn't say it itself.
fn read(text: &str) -> Result<Row, toml::de::Error> {
    let mut file: toml::Table = toml::from_str(text)?;
    let each = file.remove("each").unwrap_or(toml::Table::new().into());
    let cases = file.get_mut("case").and_then(toml::Value::as_array_mut).into_iter().flatten();
    for case in cases.filter_map(toml::Value::as_table_mut) {
        for (name, value) in each.as_table().into_iter().flatten() {
            case.entry(name).or_insert_with(|| value.clone());
        }
    }
    file.try_into()
}
