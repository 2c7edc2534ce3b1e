//! What a site decides once for all, and what one decision is about.

use mail::{Header, UnixTime};

use super::domains::{DomainMap, DomainSet};
use super::existence::Existence;
use super::history::History;
use super::mode::{Mode, Modes, Recipients};
use super::refusal::Kind;
use super::replay::Replay;
use super::rule::Rules;
use super::strip::{FieldName, FieldPattern};
use crate::network::Network;
use crate::settings::Envelope;
use crate::verdict::Verdict;

/// A receiver's local policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalPolicy {
    /// How far it goes, and where.
    pub modes: Modes,
    /// What each rule does.
    pub rules: Rules,
    /// What has to come together before a failure under p=reject is refused.
    pub refuse: Refuse,
    /// The site's own domains.
    pub own: DomainSet,
    /// The allow and deny list by author domain. An allowed domain is let in by whoever writes it into From: allow by
    /// [`LocalPolicy::vouchers`] where that can be done.
    pub authors: DomainMap<Listed>,
    /// The allow list by proof: what SPF or DKIM pass for one of these is let in.
    pub vouchers: DomainSet,
    /// Networks of known forwarders and lists, and of clients that are exempt: failures that come from there are
    /// quarantined, but not refused.
    pub known_networks: Vec<(Network, Kind)>,
    /// The same by proof: SPF or DKIM pass for one of these domains.
    pub known_domains: DomainMap<Kind>,
    /// What is taken for a replay.
    pub replay: Replay,
    /// Whether what is quarantined is also held in the MTA's queue (Postfix HOLD) until somebody looks at it.
    pub hold: bool,
    /// What the field is called by which messages are marked.
    pub marking: FieldName,
    /// What else is removed from inbound mail.
    pub strip: Vec<FieldPattern>,
}

impl LocalPolicy {
    /// The fields that are removed from inbound mail, for [`super::is_removed`]: also the one by which we mark, or anybody
    /// could.
    pub fn removed_fields(&self) -> Vec<FieldPattern> {
        std::iter::once(self.marking.clone().into()).chain(self.strip.iter().cloned()).collect()
    }
}

/// What has to come together before a failure under p=reject is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Refuse {
    /// All conditions of [`super::Condition`]; otherwise it is quarantined.
    #[default]
    Known,
    /// Nothing: the policy is enough.
    ///
    /// DEVIATION: RFC 9989 §7.4 says that receivers must not refuse because of the policy alone. Mail of lists and
    /// forwarders is lost by this.
    Policy,
}

/// What a site says of an author domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listed {
    /// Its mail is let in, whatever the checks say.
    Allow,
    /// Its mail is unwanted, whatever the checks say.
    Deny,
}

/// One message that has its verdict, and what else a decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// The header that it was made from.
    pub header: &'a Header,
    /// The envelope that it was made from: behind a relay, with the client that SPF judged.
    pub envelope: &'a Envelope,
    /// What is said of the recipients.
    pub recipients: &'a Recipients,
    /// The mode of the listener, if it has one of its own.
    pub listener: Option<Mode>,
    /// Whether the author domain exists.
    pub existence: Existence,
    /// The past.
    pub history: &'a History,
    /// When it came.
    pub now: UnixTime,
    /// What the MTA calls the message, for replies.
    pub queue: Option<&'a [u8]>,
}
