//! Which fields a signature covers, and how often h= names each (RFC 6376 §5.4).

use std::sync::Arc;

use mail::Header;

/// Fields that are signed once more than they are there, so that none can be added (RFC 6376 §8.15): what readers see,
/// and what says how the body is read.
pub const OVERSIGNED: &[&str] = &[
    "from",
    "subject",
    "to",
    "cc",
    "date",
    "reply-to",
    "message-id",
    "content-type",
    "mime-version",
    "content-transfer-encoding",
];

/// Fields that are signed as often as they are there. Mailing lists add theirs, so one more must do no harm.
pub const WHEN_PRESENT: &[&str] = &[
    "in-reply-to",
    "references",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
];

/// What the names of fields begin with that are there once for each time that a message was sent again (RFC 5322 §3.6.6);
/// they are never signed either.
const RESENT: &str = "resent-";

/// Fields that are never signed: those that every relay adds, changes or takes away (RFC 6376 §5.4.1), and the signatures
/// themselves. Nor are those whose name begins with `resent-`.
pub const NEVER: &[&str] = &[
    "received",
    "return-path",
    "delivered-to",
    "bcc",
    "comments",
    "keywords",
    "authentication-results",
    "received-spf",
    "dkim-signature",
    "arc-authentication-results",
    "arc-message-signature",
    "arc-seal",
];

/// Longest name in a list, in bytes: it has to fit on a line of h=.
pub const MAX_FIELD_NAME: usize = 64;
/// Most names in a list.
pub const MAX_LISTED: usize = 100;

/// Why names are no list of fields to sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldListError {
    /// Not letters, digits, hyphens and underscores, or longer than [`MAX_FIELD_NAME`].
    #[error("{} is no field name that can be signed", mail::shortened(.0.as_bytes(), 40))]
    Name(Box<str>),
    /// One of [`NEVER`], or one that begins with `resent-`.
    #[error("{0} is never signed: it is changed, added or taken away on the way")]
    Never(Box<str>),
    /// A name that is in the list already.
    #[error("{0} is in the list twice")]
    Twice(Box<str>),
    /// From is not oversigned.
    #[error("From has to be among the oversigned fields, or anybody could add one")]
    NoFrom,
    /// More than [`MAX_LISTED`] names.
    #[error("more than {MAX_LISTED} names")]
    Many,
}

/// The fields that are signed. The default is [`OVERSIGNED`] and [`WHEN_PRESENT`]; a copy costs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldList(Arc<[Listed]>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    /// In lower case.
    name: Box<str>,
    oversigned: bool,
}

impl Default for FieldList {
    fn default() -> Self {
        let list = |names: &[&str], oversigned| -> Vec<Listed> {
            names.iter().map(|name| Listed { name: (*name).into(), oversigned }).collect()
        };
        Self([list(OVERSIGNED, true), list(WHEN_PRESENT, false)].concat().into())
    }
}

impl FieldList {
    /// A list of names, in any case: those that are signed once more than they are there, From among them, and those that
    /// are signed as often as they are there.
    pub fn new<'a>(
        oversigned: impl IntoIterator<Item = &'a str>,
        when_present: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, FieldListError> {
        let all = oversigned.into_iter().map(|name| (name, true));
        let mut list: Vec<Listed> = Vec::new();
        for (name, oversigned) in all.chain(when_present.into_iter().map(|name| (name, false))) {
            let name = field_name(name)?;
            if list.iter().any(|listed| listed.name == name) {
                return Err(FieldListError::Twice(name));
            }
            if list.len() == MAX_LISTED {
                return Err(FieldListError::Many);
            }
            list.push(Listed { name, oversigned });
        }
        // RFC 6376 §5.4: From must be signed. Here also one that is not there yet.
        if !list.iter().any(|listed| listed.oversigned && &*listed.name == "from") {
            return Err(FieldListError::NoFrom);
        }
        Ok(Self(list.into()))
    }

    /// The list without those of these names that are not oversigned.
    #[must_use]
    pub fn without(&self, names: &[Box<str>]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|listed| listed.oversigned || !names.contains(&listed.name))
                .cloned()
                .collect(),
        )
    }

    /// The names, in lower case, and whether each is signed once more than it is there.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().map(|listed| (&*listed.name, listed.oversigned))
    }

    /// The names that h= has for a message with this header.
    pub fn names(&self, header: &Header) -> Vec<Box<str>> {
        self.select(header).names(self).map(Box::from).collect()
    }

    /// Finds the listed fields of a header, in one pass.
    pub(crate) fn select(&self, header: &Header) -> Selection {
        let place = |name: &[u8]| self.0.iter().position(|listed| listed.is(name));
        let mut found: Vec<(usize, usize)> =
            header.fields().rev().filter_map(|field| Some((place(field.name)?, field.index))).collect();
        // A stable sort: the instances of a name stay in their order.
        found.sort_by_key(|(listed, _)| *listed);
        let mut counts: Vec<usize> = self.0.iter().map(|listed| usize::from(listed.oversigned)).collect();
        for (listed, _) in &found {
            counts.iter_mut().skip(*listed).take(1).for_each(|count| *count += 1);
        }
        Selection { counts, fields: found.into_iter().map(|(_, index)| index).collect() }
    }
}

impl Listed {
    fn is(&self, name: &[u8]) -> bool {
        self.name.len() == name.len() && self.name.as_bytes().eq_ignore_ascii_case(name)
    }
}

/// What of a header is signed by a list.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// How often h= names each name of the list.
    counts: Vec<usize>,
    /// The fields, by their index, in the order in which they are hashed: RFC 6376 §5.4.2, the instances of a name from the
    /// bottom up.
    pub(crate) fields: Vec<usize>,
}

impl Selection {
    /// h=: the names of the list that this was selected by.
    pub(crate) fn names<'a>(&'a self, list: &'a FieldList) -> impl Iterator<Item = &'a str> {
        list.iter().zip(&self.counts).flat_map(|((name, _), count)| std::iter::repeat_n(name, *count))
    }
}

/// A name in lower case, if it can stand in h= and may be signed.
fn field_name(name: &str) -> Result<Box<str>, FieldListError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let lower = name.to_ascii_lowercase().into_boxed_str();
    match name.len() {
        1..=MAX_FIELD_NAME if name.bytes().all(good) => {}
        _ => return Err(FieldListError::Name(name.into())),
    }
    if NEVER.contains(&&*lower) || lower.starts_with(RESENT) {
        Err(FieldListError::Never(lower))
    } else {
        Ok(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(oversigned: &[&str], when_present: &[&str], want: &str) {
        let got = match FieldList::new(oversigned.iter().copied(), when_present.iter().copied()) {
            Ok(list) => list
                .iter()
                .map(|(name, more)| format!("{name}{}", if more { "+" } else { "" }))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(got, want);
    }

    #[test]
    fn lists() {
        check(&["From", "SUBJECT"], &["X-a_1"], "from+ subject+ x-a_1");
        check(&["subject"], &["from"], "NoFrom");
        check(&[], &[], "NoFrom");
        check(&["from", "From"], &[], "Twice(\"from\")");
        check(&["from"], &["FROM"], "Twice(\"from\")");
        check(&["from", "Received"], &[], "Never(\"received\")");
        check(&["from"], &["DKIM-Signature"], "Never(\"dkim-signature\")");
        for never in NEVER.iter().chain(&["resent-from", "resent-date", "resent-message-id", "resent-"]) {
            check(&["from", never], &[], &format!("Never({never:?})"));
            check(&["from"], &[&never.to_uppercase()], &format!("Never({never:?})"));
        }
        check(&["from"], &["x-resent-from"], "from+ x-resent-from");
        for bad in ["", "a b", "a:", "a;", "a=b", "caf\u{e9}", "a\r\nb", "a|b"] {
            check(&["from", bad], &[], &format!("Name({bad:?})"));
        }
        let (most, long) = ("x".repeat(MAX_FIELD_NAME), "x".repeat(MAX_FIELD_NAME + 1));
        check(&["from", &most], &[], &format!("from+ {most}+"));
        check(&["from", &long], &[], &format!("Name({long:?})"));
        let many: Vec<String> = (1..=MAX_LISTED).map(|i| format!("x-{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(FieldList::new(["from"], many[1..].iter().copied()).is_ok());
        check(&["from"], &many, "Many");
    }

    #[test]
    fn the_default_is_a_list_that_could_be_asked_for() {
        let same = FieldList::new(OVERSIGNED.iter().copied(), WHEN_PRESENT.iter().copied());
        assert_eq!(same, Ok(FieldList::default()));
        let without = FieldList::default().without(&["references".into(), "to".into()]);
        assert!(
            without.iter().all(|(name, _)| name != "references")
                && without.iter().any(|(name, _)| name == "to")
        );
    }

    #[test]
    fn dks_12_each_name_once_more_than_it_is_there() {
        let header =
            Header::parse("From: a\r\nTO: b\r\nto : c\r\nReferences: d\r\nreferences: e\r\nX: f\r\n");
        let list = FieldList::new(["to", "from", "cc"], ["references", "list-id"]).unwrap();
        let selection = list.select(&header);
        let names: Vec<&str> = selection.names(&list).collect();
        assert_eq!(names, ["to", "to", "to", "from", "from", "cc", "references", "references"]);
        assert_eq!(selection.fields, [2, 1, 0, 4, 3]);
    }
}
