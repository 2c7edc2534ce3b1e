//! The rules of local policy as data: for each what is done where it holds, and what the client is told.

use std::collections::BTreeMap;
use std::fmt;

use mail::{AuthorError, Section};

use super::reply::{Class, Template};

/// A rule: a state of affairs that a site may want to do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The author domain is on the site's deny list.
    Denied,
    /// There is no From field, or no address in it.
    MissingFrom,
    /// There are several From fields, or several domains in one.
    SeveralFrom,
    /// From is no list of addresses, or what stands after an `@` is no domain name.
    UnparsableFrom,
    /// The address in From has a single label or an IP address in place of a domain that others could know.
    UnqualifiedFrom,
    /// Programs may show another address than stands in From.
    EncodedFrom,
    /// The header has a form that programs read in different ways.
    MalformedHeader,
    /// The author domain's record has no usable policy.
    DmarcRecord,
    /// DMARC fails, and the domain asks to refuse such mail.
    DmarcReject,
    /// DMARC fails, and the domain asks to be suspicious of such mail.
    DmarcQuarantine,
    /// DMARC passes by a signature alone that was seen too often, or is too old.
    Replayed,
    /// SPF of MAIL FROM fails, and DMARC does not pass.
    SpfFail,
    /// SPF of MAIL FROM is a permerror, and DMARC does not pass.
    SpfPermError,
    /// An answer of the DNS is missing that a result depends on.
    DnsTempError,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Denied,
        Self::MissingFrom,
        Self::SeveralFrom,
        Self::UnparsableFrom,
        Self::UnqualifiedFrom,
        Self::EncodedFrom,
        Self::MalformedHeader,
        Self::DmarcRecord,
        Self::DmarcReject,
        Self::DmarcQuarantine,
        Self::Replayed,
        Self::SpfFail,
        Self::SpfPermError,
        Self::DnsTempError,
    ];

    /// The word for it in configuration, log and header fields.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::MissingFrom => "missing-from",
            Self::SeveralFrom => "several-from",
            Self::UnparsableFrom => "unparsable-from",
            Self::UnqualifiedFrom => "unqualified-from",
            Self::EncodedFrom => "encoded-from",
            Self::MalformedHeader => "malformed-header",
            Self::DmarcRecord => "dmarc-record",
            Self::DmarcReject => "dmarc-reject",
            Self::DmarcQuarantine => "dmarc-quarantine",
            Self::Replayed => "replayed",
            Self::SpfFail => "spf-fail",
            Self::SpfPermError => "spf-permerror",
            Self::DnsTempError => "dns-temperror",
        }
    }

    /// What the rule says of a message, as a clause.
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Denied => "the author domain is denied here",
            Self::MissingFrom => "the message names no author",
            Self::SeveralFrom => "the message names authors of several domains",
            Self::UnparsableFrom => "the author can't be read",
            Self::UnqualifiedFrom => "the author has no domain that others could know",
            Self::EncodedFrom => "programs may show another author than stands there",
            Self::MalformedHeader => "the header can be read in several ways",
            Self::DmarcRecord => "the DMARC record has no usable policy",
            Self::DmarcReject => "DMARC fails, and the domain asks to refuse such mail",
            Self::DmarcQuarantine => "DMARC fails, and the domain asks to be suspicious of such mail",
            Self::Replayed => "the signature was seen too often, or is too old",
            Self::SpfFail => "SPF fails, and DMARC does not pass",
            Self::SpfPermError => "the sender's SPF record has an error, and DMARC does not pass",
            Self::DnsTempError => "an answer of the DNS is missing",
        }
    }

    /// The rule for an error in who the author is.
    pub const fn of_author(error: &AuthorError) -> Self {
        match error {
            AuthorError::Defect(..) => Self::MalformedHeader,
            AuthorError::NoFrom | AuthorError::NoAddress(_) => Self::MissingFrom,
            AuthorError::SeveralFrom { .. } | AuthorError::SeveralDomains { .. } => Self::SeveralFrom,
            AuthorError::Syntax(_) | AuthorError::BadDomain(..) => Self::UnparsableFrom,
            AuthorError::Literal(_) | AuthorError::NotFullyQualified(..) => Self::UnqualifiedFrom,
            AuthorError::EncodedAddress(..) => Self::EncodedFrom,
        }
    }

    /// Where the rule comes from.
    pub const fn section(self) -> Section {
        Section(match self {
            Self::Denied => "RFC 9989 §5.4",
            Self::MissingFrom
            | Self::SeveralFrom
            | Self::UnparsableFrom
            | Self::UnqualifiedFrom
            | Self::EncodedFrom
            | Self::MalformedHeader => "RFC 9989 §11.5",
            Self::DmarcRecord => "RFC 9989 §4.10.1",
            Self::DmarcReject => "RFC 9989 §7.4",
            Self::DmarcQuarantine | Self::DnsTempError => "RFC 9989 §5.3.6",
            Self::Replayed => "RFC 6376 §8.6",
            Self::SpfFail => "RFC 7208 §8.4",
            Self::SpfPermError => "RFC 7208 §8.7",
        })
    }

    /// What is done where the rule holds, unless the site says otherwise.
    pub const fn default_action(self) -> Action {
        match self {
            Self::Denied
            | Self::MissingFrom
            | Self::SeveralFrom
            | Self::UnparsableFrom
            | Self::DmarcReject => Action::Refuse,
            Self::DmarcQuarantine | Self::Replayed => Action::Quarantine,
            Self::UnqualifiedFrom
            | Self::EncodedFrom
            | Self::MalformedHeader
            | Self::DmarcRecord
            | Self::SpfPermError => Action::Mark,
            // RFC 9989 §7.1: an SPF fail may be a forwarded message that DKIM vouches for, so alone it is no reason.
            Self::SpfFail => Action::Accept,
            Self::DnsTempError => Action::Defer,
        }
    }

    /// Whether its replies refuse or defer.
    pub const fn class(self) -> Class {
        match self {
            Self::DnsTempError => Class::Defer,
            _ => Class::Refuse,
        }
    }

    /// What the client is told, unless the site says otherwise: the text of a [`Template`].
    ///
    /// RFC 7372 §3: 7.23 is a failed SPF check, 7.24 an SPF error, 7.26 more than one failed check, as DMARC's failure
    /// is; RFC 9989 §7.2: the word DMARC stands in the text.
    pub const fn default_reply(self) -> &'static str {
        match self {
            Self::Denied => "550 5.7.1 Mail from %{author} is not accepted here",
            Self::MissingFrom => "550 5.7.1 DMARC: the message has no author in From",
            Self::SeveralFrom => "550 5.7.1 DMARC: From shows authors of several domains",
            Self::UnparsableFrom => "550 5.7.1 DMARC: the author in From can't be read",
            Self::UnqualifiedFrom => "550 5.7.1 DMARC: the address in From has no fully qualified domain",
            Self::EncodedFrom => "550 5.7.1 DMARC: the address in From has encoded words in it",
            Self::MalformedHeader => "550 5.6.0 DMARC: the header of the message is malformed",
            Self::DmarcRecord => "550 5.7.1 DMARC: the record of %{policy-domain} has no usable policy",
            Self::DmarcReject => {
                "550 5.7.26 DMARC: nothing proves that this is from %{author}, and %{policy-domain} asks to refuse it"
            }
            Self::DmarcQuarantine => "550 5.7.26 DMARC: nothing proves that this is from %{author}",
            Self::Replayed => "550 5.7.1 DKIM: the signature of %{author} was seen too often or is too old",
            Self::SpfFail => "550 5.7.23 SPF: %{sender} does not let %{client} send its mail",
            Self::SpfPermError => "550 5.7.24 SPF: the record of %{sender} has an error",
            Self::DnsTempError => "451 4.4.3 DMARC: the DNS gives no answer about %{author}; try again later",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done where a rule holds, as far as the mode lets it. Later is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing; the rule is counted all the same.
    Accept,
    /// The message is marked as noteworthy.
    Mark,
    /// The message is marked as suspicious.
    Quarantine,
    /// The client is asked to try again later.
    Defer,
    /// The message is refused.
    Refuse,
}

impl Action {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Mark => "mark",
            Self::Quarantine => "quarantine",
            Self::Defer => "defer",
            Self::Refuse => "refuse",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a rule can't be as a site wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Only a missing answer may be there later.
    #[error("{0} can't be defer: waiting changes nothing about it")]
    CanNotDefer(Rule),
    /// Nobody may refuse for good what the DNS could not say.
    #[error("{0} can't be refuse: the answer may come; defer is the strictest")]
    CanNotRefuse(Rule),
    /// The reply code is of the other class.
    #[error("the reply of {rule} begins with {}", match class { Class::Defer => "4", Class::Refuse => "5" })]
    ReplyClass {
        /// The rule.
        rule: Rule,
        /// What its replies have to be.
        class: Class,
    },
}

/// What is done by each rule, and what the client is told.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rules {
    actions: BTreeMap<Rule, Action>,
    replies: BTreeMap<Rule, Template>,
}

impl Rules {
    /// Has a rule do something else than by default.
    pub fn set_action(&mut self, rule: Rule, action: Action) -> Result<(), RuleError> {
        match (rule, action) {
            (Rule::DnsTempError, Action::Refuse) => Err(RuleError::CanNotRefuse(rule)),
            (rule, Action::Defer) if rule != Rule::DnsTempError => Err(RuleError::CanNotDefer(rule)),
            _ => {
                self.actions.insert(rule, action);
                Ok(())
            }
        }
    }

    /// Has a rule tell the client something else than by default.
    pub fn set_reply(&mut self, rule: Rule, reply: Template) -> Result<(), RuleError> {
        let class = rule.class();
        if reply.class() != class {
            return Err(RuleError::ReplyClass { rule, class });
        }
        self.replies.insert(rule, reply);
        Ok(())
    }

    /// What is done where the rule holds.
    pub fn action(&self, rule: Rule) -> Action {
        self.actions.get(&rule).copied().unwrap_or(rule.default_action())
    }

    /// What the client is told.
    pub fn reply(&self, rule: Rule) -> Template {
        let own = self.replies.get(&rule).cloned();
        let default = || Template::parse(rule.default_reply());
        // Every default is a template, so the last resort is none but for the compiler.
        own.map_or_else(default, Ok).unwrap_or_else(|_| Template::bare(rule.class(), rule.clause()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid() {
        let mut rules = Rules::default();
        for rule in Rule::ALL {
            let template = Template::parse(rule.default_reply()).unwrap();
            assert_eq!(rules.reply(rule), template, "{rule}");
            assert_eq!(rules.set_reply(rule, template), Ok(()));
            assert_eq!(rules.action(rule), rule.default_action());
            assert_eq!(rules.set_action(rule, rule.default_action()), Ok(()));
        }
    }

    #[test]
    fn only_a_missing_answer_is_deferred() {
        let mut rules = Rules::default();
        for rule in Rule::ALL {
            let is_dns = rule == Rule::DnsTempError;
            assert_eq!(rules.set_action(rule, Action::Defer).is_ok(), is_dns, "{rule}");
            assert_eq!(rules.set_action(rule, Action::Refuse).is_ok(), !is_dns, "{rule}");
            let defer = Template::parse("450 4.7.1 x").unwrap();
            assert_eq!(rules.set_reply(rule, defer).is_ok(), is_dns, "{rule}");
            let refuse = Template::parse("550 5.7.1 x").unwrap();
            assert_eq!(rules.set_reply(rule, refuse).is_ok(), !is_dns, "{rule}");
        }
    }

    #[test]
    fn what_is_set_counts() {
        let mut rules = Rules::default();
        rules.set_action(Rule::SpfFail, Action::Refuse).unwrap();
        rules.set_reply(Rule::SpfFail, Template::parse("554 5.7.0 no").unwrap()).unwrap();
        assert_eq!(rules.action(Rule::SpfFail), Action::Refuse);
        assert_eq!(rules.reply(Rule::SpfFail), Template::parse("554 5.7.0 no").unwrap());
    }
}
