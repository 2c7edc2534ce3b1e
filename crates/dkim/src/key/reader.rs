//! The reading of a key record, tag by tag, with findings for its owner.

use std::collections::BTreeMap;

use mail::{Finding, Parsed, Severity, Span, Tag, TagErrorKind, printable, split_tags};

use super::{GOOD_RSA_BITS, KeyRecord, KeyType, MAX_FINDINGS, MAX_KEY, MAX_RECORD, MIN_RSA_BITS, PublicKey};
use crate::values::{Base64Error, base64, colon_list, is_fws, is_hyphenated_word};

/// The tags that a record can have; g= is known from RFC 4871.
const KNOWN: &[&str] = &["v", "g", "h", "k", "n", "p", "s", "t"];
/// What people's word processors make of a straight quote.
const QUOTES: &[&[u8]] = &[b"\"", b"'", "“".as_bytes(), "”".as_bytes(), "„".as_bytes(), b"\x93", b"\x94"];

/// How much of a value is repeated in a message, in bytes.
const MAX_SHOWN: usize = 40;

/// Reads the text of a record.
pub(super) fn read(text: &[u8]) -> Parsed<KeyRecord> {
    let mut reader = Reader { text, tags: BTreeMap::new(), findings: Vec::new(), broken: false };
    let value = reader.record();
    let value = if reader.broken { None } else { value };
    Parsed { value, findings: reader.findings }
}

struct Reader<'a> {
    text: &'a [u8],
    tags: BTreeMap<&'a str, Tag<'a>>,
    findings: Vec<Finding>,
    /// Something makes the record not count.
    broken: bool,
}

impl<'a> Reader<'a> {
    fn record(&mut self) -> Option<KeyRecord> {
        let whole = Span::new(0, self.text.len());
        if self.text.len() > MAX_RECORD {
            self.fail(
                "dkim-key-long-record",
                whole,
                format!("the record has more than {MAX_RECORD} bytes"),
                None,
            );
            return None;
        }
        if self.is_quoted() {
            return None;
        }
        self.cut();
        self.version();
        let key_type = self.key_type();
        let key = self.key(key_type?);
        let record = KeyRecord {
            hashes: self.words("h"),
            services: self.words("s"),
            flags: self.words("t").unwrap_or_default(),
            notes: self.notes(),
            key: key?,
        };
        self.remarks(&record);
        Some(record)
    }

    fn note(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn fail(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: Option<&str>) {
        self.broken = true;
        let finding = Finding::new(code, Severity::Error, span, message);
        self.note(match help {
            Some(help) => finding.with_help(help),
            None => finding,
        });
    }

    fn remark(&mut self, code: &'static str, severity: Severity, span: Span, message: &str, help: &str) {
        let finding = Finding::new(code, severity, span, message);
        self.note(if help.is_empty() { finding } else { finding.with_help(help) });
    }

    fn span(&self, tag: &str) -> Span {
        self.tags.get(tag).map_or(Span::new(0, self.text.len()), Tag::span)
    }

    /// Quotes around the text were copied from a zone file, where they are not part of it.
    fn is_quoted(&mut self) -> bool {
        let start = self.text.iter().take_while(|b| is_fws(**b)).count();
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(quote) = QUOTES.iter().find(|quote| rest.starts_with(quote)) else { return false };
        self.fail(
            "dkim-key-quoted",
            Span::new(start, start + quote.len()),
            "a quote is part of the record",
            Some("publish the text without quotes: in a zone file they are around it, not in it"),
        );
        true
    }

    fn cut(&mut self) {
        for (index, tag) in split_tags(self.text).enumerate() {
            match tag {
                Ok(tag) if self.tags.contains_key(tag.name) => {
                    let message = format!("the tag {}= stands there twice", shown(tag.name.as_bytes()));
                    self.fail("dkim-key-duplicate-tag", tag.span(), message, None);
                }
                Ok(tag) => {
                    // RFC 6376 §3.6.1 v=: if it is there, it is first.
                    if tag.name == "v" && index > 0 {
                        let help = Some("put it in front of the other tags");
                        self.fail("dkim-key-version-place", tag.span(), "v= is not the first tag", help);
                    }
                    self.tags.insert(tag.name, tag);
                    self.unknown_tag(tag);
                }
                Err(error) => self.fail("dkim-key-tag", error.span, error.to_string(), tag_help(error.kind)),
            }
        }
    }

    /// RFC 6376 §3.6.1: unknown tags are ignored; some were meant to be others.
    fn unknown_tag(&mut self, tag: Tag<'_>) {
        if KNOWN.contains(&tag.name) {
            return;
        }
        let lower = tag.name.to_ascii_lowercase();
        let is_key_type = [KeyType::Rsa, KeyType::Ed25519]
            .iter()
            .any(|k| tag.value.eq_ignore_ascii_case(k.as_str().as_bytes()));
        let (severity, help) = if KNOWN.contains(&lower.as_str()) {
            (Severity::Warning, format!("names of tags are in lower case: `{lower}` was meant"))
        } else if is_key_type {
            (Severity::Warning, "`k` was meant: it says the type of the key".to_owned())
        } else {
            (Severity::Note, String::new())
        };
        let message = format!("the tag {}= is not known and ignored", shown(tag.name.as_bytes()));
        self.remark("dkim-key-unknown-tag", severity, tag.name_span, &message, &help);
    }

    fn version(&mut self) {
        let Some(tag) = self.tags.get("v").copied() else { return };
        // RFC 6376 §3.6.1 v=: compared as it is, in upper case.
        if tag.value != b"DKIM1" {
            let help = match tag.value {
                value if value.ends_with(b"\\") => {
                    "write `;` without a backslash: that belongs to zone files, and there only where needed"
                }
                value if value.eq_ignore_ascii_case(b"DKIM1") => "write it in upper case: `v=DKIM1`",
                value if value.get(..5).is_some_and(|front| front.eq_ignore_ascii_case(b"DKIM1")) => {
                    "`v=DKIM1` was meant, with a semicolon after it"
                }
                _ => "a key record begins with `v=DKIM1`",
            };
            let message = format!("the version is \"{}\", not \"DKIM1\"", shown(tag.value));
            self.fail("dkim-key-version", tag.value_span, message, Some(help));
        }
    }

    fn key_type(&mut self) -> Option<KeyType> {
        let Some(tag) = self.tags.get("k").copied() else { return Some(KeyType::Rsa) };
        let known = [KeyType::Rsa, KeyType::Ed25519];
        let found = known.into_iter().find(|k| tag.value.eq_ignore_ascii_case(k.as_str().as_bytes()));
        if found.is_none() {
            // RFC 6376 §3.6.1 k=: unknown types of key are ignored, and the record with them.
            let help = match tag.value {
                b"ed25519-sha256" | b"rsa-sha256" | b"rsa-sha1" => {
                    "k= is the type of the key alone: `rsa` or `ed25519`"
                }
                _ => "known types are `rsa` and `ed25519`",
            };
            let message = format!("the type of key \"{}\" is not known", shown(tag.value));
            self.fail("dkim-key-type", tag.value_span, message, Some(help));
        }
        found
    }

    fn key(&mut self, key_type: KeyType) -> Option<PublicKey> {
        let Some(tag) = self.tags.get("p").copied() else {
            let help = Some("p= holds the public key; `p=` with nothing after it revokes the key");
            self.fail("dkim-key-missing", Span::new(0, self.text.len()), "there is no p= tag", help);
            return None;
        };
        if tag.value.is_empty() {
            return Some(PublicKey::Revoked(key_type));
        }
        let der = match base64(tag.value, MAX_KEY) {
            Ok(der) => der,
            Err(error) => {
                self.bad_base64(tag, error);
                return None;
            }
        };
        match PublicKey::from_der(key_type, &der) {
            Ok(key) => Some(key),
            Err(error) => {
                let help = "copy the whole of p= again from where the key was made, and look at k=";
                self.fail("dkim-key-invalid", tag.value_span, format!("p= is {error}"), Some(help));
                None
            }
        }
    }

    fn bad_base64(&mut self, tag: Tag<'_>, error: Base64Error) {
        let place = |at: usize, len: usize| Span::new(at, at + len).shifted(tag.value_span.start);
        let ellipsis = ["…", "..."].into_iter().find_map(|dots| {
            let at = tag.value.windows(dots.len()).position(|w| w == dots.as_bytes())?;
            Some(place(at, dots.len()))
        });
        match (error, ellipsis) {
            (_, Some(span)) => self.fail(
                "dkim-key-ellipsis",
                span,
                "an ellipsis is not base64: the key was cut short where it was copied from",
                Some("copy the whole key"),
            ),
            (Base64Error::Long, None) => {
                let message = format!("p= has more than {MAX_KEY} characters");
                self.fail("dkim-key-long", tag.value_span, message, Some("2048 bits of RSA are enough"));
            }
            (Base64Error::Byte(at), None) => {
                let byte = tag.value.get(at).copied().unwrap_or_default();
                let help = match byte {
                    b'"' => "strings of a TXT record are put together without the quotes between them",
                    b'\\' => "a backslash belongs to zone files, not to the text",
                    _ => "base64 has letters, digits, `+`, `/`, and `=` at the end",
                };
                let message = format!("{} is not base64", printable([byte]));
                self.fail("dkim-key-base64", place(at, 1), message, Some(help));
            }
            (Base64Error::Form, None) => self.fail(
                "dkim-key-base64",
                tag.value_span,
                "p= is not whole base64: characters are missing, or `=` stands where it can't",
                Some("copy the whole key"),
            ),
        }
    }

    /// The words between colons, in lower case. What is no word is ignored as unknown words are (RFC 6376 §3.6.1).
    fn words(&mut self, tag: &'static str) -> Option<Vec<Box<str>>> {
        let tag = self.tags.get(tag).copied()?;
        let is_word = |word: &[u8]| is_hyphenated_word(word) || word == b"*";
        if !colon_list(tag.value).all(is_word) {
            let message = format!("{}= is not a list of words with colons between", tag.name);
            self.remark("dkim-key-words", Severity::Warning, tag.span(), &message, "");
        }
        let words = colon_list(tag.value).filter(|word| is_word(word));
        Some(words.map(|word| String::from_utf8_lossy(word).to_ascii_lowercase().into()).collect())
    }

    fn notes(&mut self) -> Option<Box<str>> {
        let tag = self.tags.get("n").copied().filter(|tag| !tag.value.is_empty())?;
        match std::str::from_utf8(tag.value) {
            Ok(notes) => Some(notes.into()),
            Err(_) => {
                self.remark(
                    "dkim-key-notes",
                    Severity::Warning,
                    tag.span(),
                    "the notes in n= are not UTF-8",
                    "",
                );
                None
            }
        }
    }

    /// What is worth knowing of a record that counts.
    fn remarks(&mut self, record: &KeyRecord) {
        self.remark_on_key(record);
        if self.tags.contains_key("g") {
            let span = self.span("g");
            let text = "g= is historic (RFC 4871) and ignored";
            self.remark("dkim-key-granularity", Severity::Note, span, text, "leave it out");
        }
        if record.is_testing() {
            let text = "t=y: the domain is testing DKIM; some receivers don't count its signatures";
            let span = self.span("t");
            self.remark(
                "dkim-key-testing",
                Severity::Warning,
                span,
                text,
                "take it out once signatures verify",
            );
        }
        if !record.allows_hash("sha256") {
            let text =
                "h= does not allow sha256, the only hash that counts (RFC 8301): no signature can pass";
            let span = self.span("h");
            self.remark("dkim-key-hash", Severity::Error, span, text, "leave h= out");
        }
        if !record.allows_service("email") {
            let span = self.span("s");
            let text = "s= does not allow email: no signature of a mail can pass";
            self.remark("dkim-key-service", Severity::Warning, span, text, "leave s= out");
        }
    }

    fn remark_on_key(&mut self, record: &KeyRecord) {
        let span = self.span("p");
        match &record.key {
            PublicKey::Revoked(_) => {
                let text = "the key is revoked: p= is empty";
                self.remark("dkim-key-revoked", Severity::Warning, span, text, "");
            }
            PublicKey::Ed25519(_) => {
                let text = "an Ed25519 key";
                let help = "many receivers can't read it yet: sign with an RSA key as well";
                self.remark("dkim-key-info", Severity::Note, span, text, help);
            }
            PublicKey::Rsa(key) => {
                let text = format!("an RSA key of {} bits", key.bits());
                let (code, severity, text, help) = match key.bits() {
                    ..MIN_RSA_BITS => (
                        "dkim-key-short",
                        Severity::Error,
                        format!("{text} is too short to count (RFC 8301): no signature can pass"),
                        "publish a key of 2048 bits",
                    ),
                    MIN_RSA_BITS..GOOD_RSA_BITS => (
                        "dkim-key-weak",
                        Severity::Warning,
                        format!("{text} is weak"),
                        "2048 bits are advised",
                    ),
                    GOOD_RSA_BITS.. => ("dkim-key-info", Severity::Note, text, ""),
                };
                self.remark(code, severity, span, &text, help);
            }
        }
    }
}

/// The text as a message can hold it: printable, and not all of a long one.
fn shown(text: &[u8]) -> String {
    mail::shortened(text, MAX_SHOWN)
}

fn tag_help(kind: TagErrorKind) -> Option<&'static str> {
    match kind {
        TagErrorKind::Empty => Some("one semicolon between two tags is enough"),
        TagErrorKind::NoEquals | TagErrorKind::BadName => {
            Some("a record is a list of `name=value`, with semicolons between")
        }
        TagErrorKind::BadValue => None,
    }
}
