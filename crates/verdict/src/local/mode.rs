//! How far local policy may go with a message: the modes, where a site chooses them, and what comes of several
//! recipients who do not agree.

use std::collections::BTreeSet;
use std::fmt;

use mail::{Domain, PathDomain, ReversePath};

use super::domains::DomainMap;

/// How far local policy goes. Later is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mode {
    /// Every message is accepted, with its Authentication-Results and nothing else.
    #[default]
    Observe,
    /// And what asks for it is marked for those who sort mail.
    Quarantine,
    /// And what asks for it is refused or deferred.
    Enforce,
}

impl Mode {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Quarantine, Self::Enforce];

    /// The word for it in configuration and log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Quarantine => "quarantine",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a site chooses its modes.
///
/// What is said of the author domain or of a recipient's domain counts before what is said of the listener, and that
/// before the mode for everything. If author domain and recipient domain each have one, the milder counts: a message is
/// refused only where nobody asked for less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// For everything of which nothing else is said.
    pub global: Mode,
    /// By author domain.
    pub authors: DomainMap<Mode>,
    /// By recipient domain.
    pub recipients: DomainMap<Mode>,
}

/// What is said of the recipients of one message, without the recipients: however many they are, this stays small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    said: BTreeSet<Option<Mode>>,
    others: bool,
}

impl Recipients {
    /// No recipient yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// All of these, as RCPT TO gave them.
    pub fn of<'a>(raw: impl IntoIterator<Item = &'a [u8]>, smtputf8: bool, modes: &Modes) -> Self {
        let mut this = Self::none();
        for raw in raw {
            this.add(raw, smtputf8, modes);
        }
        this
    }

    /// One more, as RCPT TO gave it. One that can't be read is one of whom nothing is said.
    pub fn add(&mut self, raw: &[u8], smtputf8: bool, modes: &Modes) {
        // A forward path is written like a reverse path (RFC 5321 §4.1.2), but for the bare <postmaster>.
        let path = ReversePath::parse(raw, smtputf8);
        let (mode, exempt) = match &path {
            ReversePath::Mailbox { local, domain: PathDomain::Name(domain) } => {
                (modes.recipients.get(domain).copied(), is_exempt(local))
            }
            ReversePath::Mailbox { local, .. } => (None, is_exempt(local)),
            ReversePath::Null => (None, false),
            ReversePath::Invalid(raw) => {
                let bare = raw.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(raw);
                (None, bare.eq_ignore_ascii_case(b"postmaster"))
            }
        };
        self.said.insert(mode);
        self.others |= !exempt;
    }

    /// Whether there are recipients, and each is a postmaster or an abuse desk.
    pub fn are_exempt(&self) -> bool {
        !self.said.is_empty() && !self.others
    }
}

/// RFC 5321 §4.5.1 wants mail for postmaster to get through, RFC 2142 §4 that for abuse: who is refused in error has
/// to be able to say so.
fn is_exempt(local: &[u8]) -> bool {
    [&b"postmaster"[..], b"abuse"].iter().any(|name| local.eq_ignore_ascii_case(name))
}

/// How far local policy may go with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ceiling {
    /// As far as this mode goes: every recipient has it.
    All(Mode),
    /// Recipients differ. Never refused or deferred, as that would hit them all, but marked as the strictest asks.
    Mixed {
        /// The strictest mode of a recipient.
        strictest: Mode,
    },
    /// Postmaster or abuse desk, and nobody else: accepted in every mode.
    Exempt,
}

impl Modes {
    /// What the modes come to for one message. `listener` is the mode of the listener that it came by, if it has one;
    /// `author` the author domain, if there is one.
    pub fn ceiling(
        &self,
        listener: Option<Mode>,
        author: Option<&Domain>,
        recipients: &Recipients,
    ) -> Ceiling {
        if recipients.are_exempt() {
            return Ceiling::Exempt;
        }
        let of_author = author.and_then(|author| self.authors.get(author).copied());
        let mode = |of_recipient: Option<Mode>| match (of_author, of_recipient) {
            (Some(one), Some(other)) => one.min(other),
            (one, other) => one.or(other).or(listener).unwrap_or(self.global),
        };
        let modes: BTreeSet<Mode> = recipients.said.iter().map(|said| mode(*said)).collect();
        match (modes.first(), modes.last()) {
            (Some(mildest), Some(strictest)) if mildest != strictest => {
                Ceiling::Mixed { strictest: *strictest }
            }
            (Some(mode), _) => Ceiling::All(*mode),
            (None, _) => Ceiling::All(mode(None)),
        }
    }
}

impl Ceiling {
    /// Whether a message is let in that could not be judged because of some trouble of ours. Otherwise the client is asked
    /// to come again: where a mode does more than observe, nothing comes in unchecked.
    pub const fn accepts_unchecked(self) -> bool {
        match self {
            Self::All(mode) | Self::Mixed { strictest: mode } => matches!(mode, Mode::Observe),
            Self::Exempt => true,
        }
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(mode) => mode.fmt(f),
            Self::Mixed { strictest } => write!(f, "several modes, the strictest {strictest}"),
            Self::Exempt => f.write_str("exempt"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mode::{Enforce, Observe, Quarantine};

    fn modes() -> Modes {
        let map = |entries: &[(&str, Mode)]| {
            entries.iter().map(|(domain, mode)| (Domain::parse(domain).unwrap(), *mode)).collect()
        };
        Modes {
            global: Observe,
            authors: map(&[
                ("own.example", Enforce),
                ("partner.example", Observe),
                ("half.example", Quarantine),
            ]),
            recipients: map(&[
                ("strict.example", Enforce),
                ("sorted.example", Quarantine),
                ("calm.example", Observe),
            ]),
        }
    }

    fn check(listener: Option<Mode>, author: &str, recipients: &str, want: Ceiling) {
        let author = Domain::parse(author).ok();
        let raw = recipients.split_whitespace().map(str::as_bytes);
        let recipients = Recipients::of(raw, false, &modes());
        let got = modes().ceiling(listener, author.as_ref(), &recipients);
        assert_eq!(got, want, "{listener:?} {author:?} {recipients:?}");
    }

    #[test]
    fn the_most_specific_mode_counts() {
        check(None, "x.example", "<a@y.example>", Ceiling::All(Observe));
        check(Some(Quarantine), "x.example", "<a@y.example>", Ceiling::All(Quarantine));
        check(None, "own.example", "<a@y.example>", Ceiling::All(Enforce));
        check(Some(Observe), "mail.own.example", "<a@y.example>", Ceiling::All(Enforce));
        check(Some(Enforce), "partner.example", "<a@y.example>", Ceiling::All(Observe));
        check(None, "x.example", "<a@strict.example>", Ceiling::All(Enforce));
        check(Some(Enforce), "x.example", "<a@calm.example>", Ceiling::All(Observe));
        check(Some(Quarantine), "", "", Ceiling::All(Quarantine));
    }

    #[test]
    fn of_author_and_recipient_the_milder_counts() {
        check(None, "own.example", "<a@calm.example>", Ceiling::All(Observe));
        check(None, "own.example", "<a@sorted.example>", Ceiling::All(Quarantine));
        check(None, "partner.example", "<a@strict.example>", Ceiling::All(Observe));
        check(None, "own.example", "<a@strict.example>", Ceiling::All(Enforce));
    }

    #[test]
    fn recipients_of_several_modes() {
        let mixed = |strictest| Ceiling::Mixed { strictest };
        check(None, "x.example", "<a@strict.example> <b@y.example>", mixed(Enforce));
        check(None, "x.example", "<a@sorted.example> <b@calm.example>", mixed(Quarantine));
        check(None, "own.example", "<a@strict.example> <b@y.example>", Ceiling::All(Enforce));
        check(None, "half.example", "<a@strict.example> <b@calm.example>", mixed(Quarantine));
        check(None, "x.example", "<a@strict.example> <b@b.strict.example>", Ceiling::All(Enforce));
        // Of a recipient that can't be read nothing is said.
        check(None, "x.example", "<a@strict.example> <rubbish", mixed(Enforce));
        check(Some(Enforce), "x.example", "<a@strict.example> <rubbish", Ceiling::All(Enforce));
    }

    #[test]
    fn postmaster_and_abuse_are_exempt_alone() {
        for alone in ["<postmaster@strict.example>", "<Abuse@strict.example>", "<Postmaster>", "postmaster"] {
            check(None, "own.example", alone, Ceiling::Exempt);
        }
        check(None, "own.example", "<abuse@strict.example> <POSTMASTER@[192.0.2.1]>", Ceiling::Exempt);
        check(None, "x.example", "<abuse@strict.example> <a@strict.example>", Ceiling::All(Enforce));
        check(None, "x.example", "<a@strict.example> <postmaster>", Ceiling::Mixed { strictest: Enforce });
        for none in ["<abuse>", "<postmaster+a@strict.example>", "<mypostmaster@strict.example>"] {
            assert!(!Recipients::of([none.as_bytes()], false, &modes()).are_exempt(), "{none}");
        }
        assert!(!Recipients::none().are_exempt());
    }

    #[test]
    fn ar_07_nothing_comes_in_unchecked_where_more_is_done_than_observing() {
        let check = |ceiling: Ceiling, want: bool| assert_eq!(ceiling.accepts_unchecked(), want, "{ceiling}");
        check(Ceiling::All(Observe), true);
        check(Ceiling::All(Quarantine), false);
        check(Ceiling::All(Enforce), false);
        check(Ceiling::Mixed { strictest: Quarantine }, false);
        check(Ceiling::Exempt, true);
    }

    #[test]
    fn dos_13_a_thousand_recipients_take_no_room() {
        let mut recipients = Recipients::none();
        for number in 0..1000 {
            recipients.add(format!("<a{number}@d{number}.example>").as_bytes(), false, &modes());
        }
        assert_eq!(recipients.said.len(), 1);
    }
}
