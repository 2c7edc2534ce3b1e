//! Why a message, a rule or a key does not sign.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use dkim::Selector;
use mail::{AuthorError, Domain, Section, shortened};

/// Most bytes of a user's name or an address that a sentence shows.
const SHOWN: usize = 100;

/// Why nothing of the kind is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The message has no author domain.
    Author(AuthorError),
    /// From holds several addresses; how many.
    SeveralAddresses(usize),
    /// From shows one address in place of the display name and holds another.
    TwoFaced,
    /// The user is not in the map of users; the name.
    UnknownUser(Box<[u8]>),
    /// From is not among what the user may write from.
    NotTheUsers {
        /// The user's name.
        user: Box<[u8]>,
        /// The address in From.
        address: Box<[u8]>,
    },
    /// The rule is for other author domains; that of the message.
    OtherAuthor(Domain),
    /// The rule is for other clients; where this one is, if that is known.
    OtherClient(Option<IpAddr>),
    /// The rule is for other users; who this one is, if it is authenticated.
    OtherUser(Option<Box<[u8]>>),
    /// The rule is for other listeners; which one this was, if it is known.
    OtherListener(Option<Box<str>>),
    /// There is no key of the author domain, or none with the selectors that the rule names.
    NoKey(Domain),
    /// The rule names this signing domain, and there is no such key.
    KeyMissing(Domain),
    /// No rule speaks of the author domain, and there is no key of it.
    NotOurs(Domain),
    /// The key can't be used; why.
    KeyUnusable(Domain, Selector, Arc<str>),
    /// The same key signs already, by another rule; the rule's name.
    SignsAlready(Domain, Selector, Arc<str>),
}

impl Reason {
    /// The rule behind it.
    pub(super) fn section(&self) -> Section {
        Section(match self {
            Self::Author(_) | Self::SeveralAddresses(_) | Self::TwoFaced => "RFC 5322 §3.6.2",
            Self::UnknownUser(_) | Self::NotTheUsers { .. } => "RFC 6409 §6.1",
            Self::OtherAuthor(_)
            | Self::OtherClient(_)
            | Self::OtherUser(_)
            | Self::OtherListener(_)
            | Self::NotOurs(_) => "RFC 6376 §5.1",
            Self::NoKey(_) | Self::KeyMissing(_) | Self::KeyUnusable(..) | Self::SignsAlready(..) => {
                "RFC 6376 §5.2"
            }
        })
    }
}

/// A clause, printable.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &[u8]| shortened(text, SHOWN);
        match self {
            Self::Author(error) => write!(f, "there is no one author: {error}"),
            Self::SeveralAddresses(count) => {
                write!(f, "From holds {count} addresses, and only mail of one author is signed")
            }
            Self::TwoFaced => f.write_str("From shows one address in front of another"),
            Self::UnknownUser(user) => write!(f, "the user {} is not in the map of users", shown(user)),
            Self::NotTheUsers { user, address } => {
                write!(f, "the user {} may not write as {}", shown(user), shown(address))
            }
            Self::OtherAuthor(domain) => write!(f, "it is not for the author domain {domain}"),
            Self::OtherClient(Some(client)) => write!(f, "it is not for the client {client}"),
            Self::OtherClient(None) => {
                f.write_str("it is for some clients only, and nobody said which one this is")
            }
            Self::OtherUser(Some(user)) => write!(f, "it is not for the user {}", shown(user)),
            Self::OtherUser(None) => {
                f.write_str("it is for some users only, and the client is not authenticated")
            }
            Self::OtherListener(Some(name)) => {
                write!(f, "it is not for the listener {}", shown(name.as_bytes()))
            }
            Self::OtherListener(None) => {
                f.write_str("it is for some listeners only, and nobody said which one this is")
            }
            Self::NoKey(domain) => write!(f, "there is no such key of {domain}"),
            Self::KeyMissing(domain) => write!(f, "there is no such key of {domain}, which the rule names"),
            Self::NotOurs(domain) => {
                write!(f, "there is no key of {domain}, and no rule signs its mail with another")
            }
            Self::KeyUnusable(domain, selector, why) => {
                write!(f, "the key {selector} of {domain} can't be used: {why}")
            }
            Self::SignsAlready(domain, selector, rule) => {
                write!(f, "the key {selector} of {domain} signs already, by {rule}")
            }
        }
    }
}
