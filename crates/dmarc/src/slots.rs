//! The tags of one record, each in its slot: what is there once, what is there twice, what is not known.

use std::collections::BTreeMap;

use mail::{Finding, Severity, Span, Tag, TagErrorKind, split_tags};

/// How many findings about the shape of a record are made; a record of ten thousand odd tags has no more to say.
pub const MAX_TAG_FINDINGS: usize = 64;

/// The tags of RFC 9989 §4.7, without `v`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    P,
    Sp,
    Np,
    Psd,
    T,
    Adkim,
    Aspf,
    Fo,
    Rua,
    Ruf,
}

impl Key {
    const ALL: [Self; 10] = [
        Self::P,
        Self::Sp,
        Self::Np,
        Self::Psd,
        Self::T,
        Self::Adkim,
        Self::Aspf,
        Self::Fo,
        Self::Rua,
        Self::Ruf,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P => "p",
            Self::Sp => "sp",
            Self::Np => "np",
            Self::Psd => "psd",
            Self::T => "t",
            Self::Adkim => "adkim",
            Self::Aspf => "aspf",
            Self::Fo => "fo",
            Self::Rua => "rua",
            Self::Ruf => "ruf",
        }
    }

    const fn values(self) -> &'static str {
        match self {
            Self::P | Self::Sp | Self::Np => "none, quarantine or reject",
            Self::Psd => "y, n or u",
            Self::T => "y or n",
            Self::Adkim | Self::Aspf => "r or s",
            Self::Fo => "0 or 1, d, s, with colons between, each at most once",
            Self::Rua | Self::Ruf => "URIs such as mailto:reports@example.com, with commas between",
        }
    }

    fn of(name: &str) -> Option<Self> {
        // RFC 9989 §4.8: tag names match in any case, as every word of ABNF does.
        Self::ALL.into_iter().find(|key| key.name().eq_ignore_ascii_case(name))
    }
}

/// Tags that RFC 7489 had, now historic (RFC 9989 §9.3), and what became of each.
const HISTORIC: [(&str, &str); 3] = [
    ("pct", "every receiver takes the whole policy now; \"t=y\" asks for one level less while testing"),
    ("rf", "there is one format of failure reports"),
    ("ri", "aggregate reports cover a day"),
];

enum Slot<'a> {
    Once(Tag<'a>),
    Repeated,
}

/// A tag's value after reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<T> {
    /// The tag isn't there.
    Missing,
    /// It is, and counts for nothing.
    Bad,
    /// What it says.
    Good(T),
}

impl<T: Copy> Value<T> {
    pub(crate) fn good(self) -> Option<T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Missing | Self::Bad => None,
        }
    }
}

/// A record's tags and what was noticed about them so far.
pub(crate) struct Slots<'a> {
    slots: BTreeMap<Key, Slot<'a>>,
    /// Whether a tag that has a meaning is there more than once.
    pub(crate) repeats: bool,
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Slots<'a> {
    /// Takes in everything behind the version tag.
    pub(crate) fn collect(text: &'a [u8]) -> Self {
        let mut this = Self { slots: BTreeMap::new(), repeats: false, findings: Vec::new() };
        for element in split_tags(text).skip(1) {
            match element {
                Ok(tag) => this.take(tag),
                // RFC 9989 §4.8: what is no tag is ignored outright, the rest still counts.
                Err(error) if error.kind == TagErrorKind::Empty => {
                    this.note("dmarc-empty-tag", Severity::Warning, error.span, || error.to_string(), None);
                }
                Err(error) => {
                    this.note("dmarc-syntax", Severity::Error, error.span, || error.to_string(), None);
                }
            }
        }
        this
    }

    fn take(&mut self, tag: Tag<'a>) {
        let Some(key) = Key::of(tag.name) else { return self.take_unknown(&tag) };
        if self.slots.contains_key(&key) {
            // RFC 6376 §3.2, whose syntax RFC 9989 §4.7 takes over: a tag name that occurs twice makes the list
            // invalid. Neither of its values counts, nor does any policy of the record.
            self.repeats = true;
            self.slots.insert(key, Slot::Repeated);
            let message = || format!("{} is there more than once, so none of its values counts", key.name());
            self.note("dmarc-duplicate-tag", Severity::Error, tag.span(), message, None);
        } else {
            self.slots.insert(key, Slot::Once(tag));
        }
    }

    fn take_unknown(&mut self, tag: &Tag<'_>) {
        let name = tag.name.to_ascii_lowercase();
        if name == "v" {
            let message = || "v counts at the very front only".to_owned();
            return self.note("dmarc-duplicate-tag", Severity::Error, tag.span(), message, None);
        }
        if let Some((_, instead)) = HISTORIC.into_iter().find(|(historic, _)| *historic == name) {
            let message = || format!("{name} is historic and ignored");
            return self.note(
                "dmarc-historic-tag",
                Severity::Note,
                tag.span(),
                message,
                Some(instead.into()),
            );
        }
        // RFC 9989 §4.7: unknown tags are ignored.
        let message = || format!("{name} is no DMARC tag and ignored");
        self.note("dmarc-unknown-tag", Severity::Warning, tag.name_span, message, meant(&name));
    }

    fn note(
        &mut self,
        code: &'static str,
        severity: Severity,
        span: Span,
        message: impl Fn() -> String,
        help: Option<String>,
    ) {
        if self.findings.len() < MAX_TAG_FINDINGS {
            self.findings.push(Finding { code, severity, span, message: message(), help });
        }
    }

    /// The tag, if it is there exactly once.
    pub(crate) fn once(&self, key: Key) -> Option<Tag<'a>> {
        match self.slots.get(&key) {
            Some(Slot::Once(tag)) => Some(*tag),
            Some(Slot::Repeated) | None => None,
        }
    }

    /// Reads a tag's value; one that can't be read is said, and counts for nothing.
    pub(crate) fn read<T>(&mut self, key: Key, read: fn(&[u8]) -> Option<T>) -> Value<T> {
        let tag = match self.slots.get(&key) {
            Some(Slot::Once(tag)) => *tag,
            Some(Slot::Repeated) => return Value::Bad,
            None => return Value::Missing,
        };
        if let Some(value) = read(tag.value) {
            return Value::Good(value);
        }
        let message = format!("{} can't be \"{}\"", key.name(), mail::printable(tag.value));
        let finding = Finding::new("dmarc-bad-value", Severity::Error, tag.value_span, message);
        self.findings.push(finding.with_help(format!("{} is {}", key.name(), key.values())));
        Value::Bad
    }
}

/// The tag that was probably meant by `name`: two letters changed places, one is wrong, missing or too much.
fn meant(name: &str) -> Option<String> {
    let historic = HISTORIC.into_iter().map(|(tag, _)| (tag, " (which is historic)"));
    let known = Key::ALL.into_iter().map(|key| (key.name(), ""));
    // Everything is close to a name of one or two letters.
    let mut likely =
        known.chain(historic).filter(|(tag, _)| tag.len() > 2 && is_near(name.as_bytes(), tag.as_bytes()));
    likely.next().map(|(tag, more)| format!("{tag}{more} was probably meant"))
}

fn is_near(a: &[u8], b: &[u8]) -> bool {
    let front = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(front..).unwrap_or_default(), b.get(front..).unwrap_or_default());
    match (a, b) {
        ([x, y, a @ ..], [v, w, b @ ..]) if x == w && y == v && a == b => true,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, a @ ..], b) if a == b => true,
        (a, [_, b @ ..]) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn what_was_meant() {
        assert_eq!(meant("ptc").as_deref(), Some("pct (which is historic) was probably meant"));
        assert_eq!(meant("urf").as_deref(), Some("ruf was probably meant"));
        assert_eq!(meant("ruaa").as_deref(), Some("rua was probably meant"));
        assert_eq!(meant("adkin").as_deref(), Some("adkim was probably meant"));
        assert_eq!(meant("asp").as_deref(), Some("aspf was probably meant"));
        assert_eq!(meant("x"), None);
        assert_eq!(meant("policy"), None);
    }
}
