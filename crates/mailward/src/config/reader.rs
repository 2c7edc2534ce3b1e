//! TOML with places: values of the right kind, and findings for everything else.

use std::fmt::Display;
use std::ops::Range;

use mail::{Finding, Severity, Span, printable};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::spec::{PARTS, Part};
use crate::input::envelope::unknown_key;

/// What was noticed so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    findings: Vec<Finding>,
    /// Whether the text is no TOML, so that something may seem to be missing which is only not understood.
    broken: bool,
}

/// A value with its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// The keys of a table that are known.
pub(super) struct Fields<'t, 'a> {
    part: &'static Part,
    table: &'t DeTable<'a>,
}

impl<'t, 'a> Fields<'t, 'a> {
    /// The value of a key of the part.
    pub(super) fn get(&self, key: &str) -> Option<&'t Value<'a>> {
        debug_assert!(self.part.keys.iter().any(|known| known.name == key), "{key} is in the list of keys");
        self.table.get(key)
    }
}

impl Reader {
    /// The document; where it is no TOML, as much of it as can be read.
    pub(super) fn document<'a>(&mut self, text: &'a str) -> Spanned<DeTable<'a>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            self.broken = true;
            let message = printable(error.message().replace('\n', ", "));
            self.error("config-syntax", error.span().unwrap_or(0..0), message);
        }
        document
    }

    /// All findings, in the order of the text.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        if self.broken {
            self.findings.retain(|finding| finding.code != "config-missing");
        }
        self.findings.sort_by_key(|finding| finding.span);
        self.findings
    }

    /// Notes a mistake.
    pub(super) fn error(&mut self, code: &'static str, at: Range<usize>, message: impl Into<String>) {
        self.findings.push(Finding::new(code, Severity::Error, Span::new(at.start, at.end), message));
    }

    /// Notes a mistake, and what to do about it.
    pub(super) fn error_with_help(
        &mut self,
        code: &'static str,
        at: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let finding = Finding::new(code, Severity::Error, Span::new(at.start, at.end), message);
        self.findings.push(finding.with_help(help));
    }

    /// A key without which its table means nothing; `at` is the table.
    pub(super) fn missing(&mut self, at: Range<usize>, key: &str, what: &str) {
        self.error("config-missing", at, format!("{key} is missing: {what}"));
    }

    /// A table whose keys are those of a part; the others are mistakes.
    pub(super) fn fields<'t, 'a>(&mut self, part: &'static Part, table: &'t DeTable<'a>) -> Fields<'t, 'a> {
        let names: Vec<&str> = part.keys.iter().map(|key| key.name).collect();
        for key in table.keys().filter(|key| !names.contains(&&**key.get_ref())) {
            let name = key.get_ref();
            let elsewhere = PARTS.iter().find(|other| {
                !std::ptr::eq(**other, part) && other.keys.iter().any(|known| known.name == &**name)
            });
            let help = match (unknown_key(name, &names), elsewhere) {
                (near, _) if near.starts_with("did you mean") => near,
                (_, Some(other)) => format!("it belongs below {}", other.head),
                (known, None) => known,
            };
            let place = if part.head.is_empty() { "at the top of the file" } else { part.head };
            let message = format!("no such key {place}: {}", printable(name.as_bytes()));
            self.error_with_help("config-unknown-key", key.span(), message, help);
        }
        Fields { part, table }
    }

    fn wrong_kind(&mut self, value: &Value<'_>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.error("config-kind", value.span(), format!("{wanted} was expected, not {found}"));
    }

    /// A table.
    pub(super) fn table<'t, 'a>(&mut self, value: &'t Value<'a>) -> Option<&'t DeTable<'a>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_kind(value, "a table");
        }
        table
    }

    /// The tables of `[[name]]`, with their places.
    pub(super) fn tables<'t, 'a>(
        &mut self,
        value: &'t Value<'a>,
        head: &str,
    ) -> Vec<(&'t DeTable<'a>, Range<usize>)> {
        let all: Vec<&Value<'_>> = match value.get_ref() {
            DeValue::Array(values) => values.iter().collect(),
            DeValue::Table(_) => {
                self.error("config-kind", value.span(), format!("there may be several: write {head}"));
                return Vec::new();
            }
            _ => vec![value],
        };
        all.into_iter().filter_map(|value| Some((self.table(value)?, value.span()))).collect()
    }

    /// A text.
    pub(super) fn text<'t>(&mut self, value: &'t Value<'_>) -> Option<&'t str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_kind(value, "a text in quotes");
        }
        text
    }

    /// A list of texts, or one text. An empty list is a mistake.
    pub(super) fn texts<'t>(&mut self, value: &'t Value<'_>) -> Vec<(&'t str, Range<usize>)> {
        match value.get_ref() {
            DeValue::Array(values) if values.is_empty() => {
                let help = "leave the key out, or name something";
                self.error_with_help("config-empty", value.span(), "an empty list", help);
                Vec::new()
            }
            DeValue::Array(values) => {
                values.iter().filter_map(|value| Some((self.text(value)?, value.span()))).collect()
            }
            DeValue::String(text) => vec![(text, value.span())],
            _ => {
                self.wrong_kind(value, "a text in quotes, or a list of texts,");
                Vec::new()
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, value: &Value<'_>) -> Option<bool> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_kind(value, "true or false");
        }
        flag
    }

    /// A whole number from 0.
    pub(super) fn number(&mut self, value: &Value<'_>) -> Option<u32> {
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_kind(value, "a whole number");
            return None;
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        if number.is_none() {
            self.error("config-value", value.span(), format!("a number from 0 to {} was expected", u32::MAX));
        }
        number
    }

    /// A text that says something of another type.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        value: &Value<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(value)?;
        self.parse_at(text, value.span(), parse)
    }

    /// A list of such texts, or one.
    pub(super) fn all_parsed<T, E: Display>(
        &mut self,
        value: &Value<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let texts = self.texts(value);
        texts.into_iter().filter_map(|(text, at)| self.parse_at(text, at, &parse)).collect()
    }

    fn parse_at<T, E: Display>(
        &mut self,
        text: &str,
        at: Range<usize>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error("config-value", at, error.to_string());
                None
            }
        }
    }
}
