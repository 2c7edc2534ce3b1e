//! When a failure under p=reject is refused: RFC 9989 §7.4 forbids to do so because of the policy alone, so here is the
//! other knowledge that it asks for, as a list of conditions. One that does not hold is enough to let the message in.

use std::fmt;

use mail::{Domain, Explain, Section};

use super::existence::Existence;
use super::indirect;
use super::policy::{Case, LocalPolicy};
use super::voucher::Voucher;

/// One of the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The author domain is the site's own, or known here to sign, or does not exist.
    KnownSender,
    /// The organizational domain has no signature on the message, not even a broken one.
    Unsigned,
    /// The message does not come from a mailing list.
    NoList,
    /// It has no ARC chain.
    NoArc,
    /// Nobody sent it again.
    NotResent,
    /// No forwarder rewrote the sender.
    NotRewritten,
    /// The client is no forwarder or list that the site knows, nor exempt.
    UnlistedClient,
    /// No mail of the author domain passed before when it came from the client's network.
    NewNetwork,
}

/// Why a condition does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The message has no one author domain.
    NoAuthor,
    /// The author's organizational domain depends on a missing answer.
    OrganizationUnknown,
    /// The organizational domain is not known to sign: its mail may be unsigned on other days as well.
    NotKnownToSign(Domain),
    /// Nobody knows whether it is.
    SigningUnknown,
    /// A signature of this domain: mail of the owner that was changed on its way has one too.
    Signed(Domain),
    /// A signature whose domain can't be read.
    UnreadableSignature,
    /// A field of a mailing list.
    ListField(String),
    /// `Precedence: list`.
    ListPrecedence,
    /// A field of an ARC set.
    ArcField(String),
    /// A field of somebody who sent the message again.
    ResentField(String),
    /// A sender by the Sender Rewriting Scheme.
    RewrittenSender,
    /// The site knows the client as this.
    Listed(Kind),
    /// An answer is missing without which nobody knows whether this domain, which the site lists, vouches for the
    /// message.
    VoucherUnknown(Domain),
    /// The client's address is not known.
    ClientUnknown,
    /// Mail of the author domain came from there and passed.
    PassedBefore,
    /// Nobody knows whether it did.
    PassesUnknown,
}

impl Obstacle {
    /// The word for it in header fields and logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoAuthor => "no-author",
            Self::OrganizationUnknown => "organization-unknown",
            Self::NotKnownToSign(_) => "not-known-to-sign",
            Self::SigningUnknown => "signing-unknown",
            Self::Signed(_) => "signed",
            Self::UnreadableSignature => "unreadable-signature",
            Self::ListField(_) => "list-field",
            Self::ListPrecedence => "precedence",
            Self::ArcField(_) => "arc-chain",
            Self::ResentField(_) => "resent",
            Self::RewrittenSender => "rewritten-sender",
            Self::Listed(kind) => kind.as_str(),
            Self::VoucherUnknown(_) => "voucher-unknown",
            Self::ClientUnknown => "client-unknown",
            Self::PassedBefore => "passed-before",
            Self::PassesUnknown => "passes-unknown",
        }
    }
}

/// A clause; nothing unprintable in it.
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAuthor => f.write_str("there is no one author domain"),
            Self::OrganizationUnknown => {
                f.write_str("the organizational domain depends on an answer that is missing")
            }
            Self::NotKnownToSign(domain) => write!(f, "{domain} is not known here to sign its mail"),
            Self::SigningUnknown => f.write_str("whether the domain signs its mail is not known now"),
            Self::Signed(domain) => write!(f, "there is a signature of {domain}, if a broken one"),
            Self::UnreadableSignature => f.write_str("there is a signature whose domain can't be read"),
            Self::ListField(name) => write!(f, "there is a field of a mailing list, {name}"),
            Self::ListPrecedence => f.write_str("Precedence says that it is a list's"),
            Self::ArcField(name) => write!(f, "there is an ARC chain, {name}"),
            Self::ResentField(name) => write!(f, "somebody sent it again, {name}"),
            Self::RewrittenSender => f.write_str("a forwarder rewrote the sender"),
            Self::Listed(kind) => write!(f, "the client is listed: {}", kind.as_str()),
            Self::VoucherUnknown(domain) => {
                write!(f, "whether {domain}, which is listed, vouches for it is not known now")
            }
            Self::ClientUnknown => f.write_str("the client's address is not known"),
            Self::PassedBefore => {
                f.write_str("mail of the domain passed when it came from this network before")
            }
            Self::PassesUnknown => {
                f.write_str("whether mail of the domain passed from this network before is not known now")
            }
        }
    }
}

/// What a site knows a client as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It forwards mail.
    Forwarder,
    /// It runs mailing lists.
    List,
    /// It has some other right to send what fails.
    Exempt,
}

impl Kind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forwarder => "known-forwarder",
            Self::List => "known-list",
            Self::Exempt => "exempt-client",
        }
    }
}

/// What makes the author domain one whose failures mean something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// It is the site's own, by this entry of its list.
    Own(Domain),
    /// This organizational domain is known to sign.
    KnownToSign(Domain),
    /// It does not exist.
    DoesNotExist,
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(domain) => write!(f, "{domain} is one of our own domains"),
            Self::KnownToSign(domain) => write!(f, "{domain} is known here to sign its mail"),
            Self::DoesNotExist => f.write_str("the author domain does not exist"),
        }
    }
}

/// One condition, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub condition: Condition,
    /// Why it does not hold; `None` where it does.
    pub obstacle: Option<Obstacle>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(obstacle) = &self.obstacle {
            return write!(f, "not to be refused: {obstacle}");
        }
        f.write_str(match self.condition {
            Condition::KnownSender => "it is known what mail of the author domain looks like",
            Condition::Unsigned => {
                "there is no signature of the organizational domain, not even a broken one"
            }
            Condition::NoList => "nothing in the header is a list's",
            Condition::NoArc => "there is no ARC chain",
            Condition::NotResent => "nobody sent it again",
            Condition::NotRewritten => "no forwarder rewrote the sender",
            Condition::UnlistedClient => "the client is no forwarder or list that is known here",
            Condition::NewNetwork => "no mail of the author domain that passed came from this network before",
        })
    }
}

impl Explain for Finding {
    fn section(&self) -> Section {
        // RFC 9989 §7.4: "other knowledge and analysis", first of all observed sending.
        Section("RFC 9989 §7.4")
    }
}

/// All conditions, looked at for one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why the first condition holds, if it does.
    pub ground: Option<Ground>,
    /// Every condition, in the order of [`Condition`].
    pub findings: Vec<Finding>,
}

impl Refusal {
    /// Whether every condition holds.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.obstacle.is_none())
    }

    /// The first reason not to refuse.
    pub fn obstacle(&self) -> Option<&Obstacle> {
        self.findings.iter().find_map(|finding| finding.obstacle.as_ref())
    }
}

/// What is taken for true where answers are missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Supposed<'a> {
    /// The author's organizational domain.
    pub(super) organization: Option<&'a Domain>,
    /// Whether the author domain exists.
    pub(super) existence: Existence,
    /// What becomes of listed domains that vouch for the message, if the answers about them are missing.
    pub(super) vouchers: Vouchers,
}

/// Two ways to look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vouchers {
    /// They may vouch for it.
    MayPass,
    /// They do not.
    Fail,
}

/// Looks at every condition.
pub(super) fn examine(policy: &LocalPolicy, case: &Case<'_>, supposed: &Supposed<'_>) -> Refusal {
    let (ground, stranger) = match known_sender(policy, case, supposed) {
        Ok(ground) => (Some(ground), None),
        Err(obstacle) => (None, Some(obstacle)),
    };
    let finding = |condition, obstacle| Finding { condition, obstacle };
    let header = case.header;
    let findings = vec![
        finding(Condition::KnownSender, stranger),
        finding(Condition::Unsigned, signature(case, supposed.organization)),
        finding(
            Condition::NoList,
            indirect::list_field(header)
                .map(Obstacle::ListField)
                .or(indirect::has_list_precedence(header).then_some(Obstacle::ListPrecedence)),
        ),
        finding(Condition::NoArc, indirect::arc_field(header).map(Obstacle::ArcField)),
        finding(Condition::NotResent, indirect::resent_field(header).map(Obstacle::ResentField)),
        finding(
            Condition::NotRewritten,
            indirect::is_rewritten(case.envelope).then_some(Obstacle::RewrittenSender),
        ),
        finding(Condition::UnlistedClient, listed_client(policy, case, supposed)),
        finding(Condition::NewNetwork, passed_before(case)),
    ];
    Refusal { ground, findings }
}

fn known_sender(policy: &LocalPolicy, case: &Case<'_>, supposed: &Supposed<'_>) -> Result<Ground, Obstacle> {
    let author = case.verdict.dmarc().author_domain().ok_or(Obstacle::NoAuthor)?;
    if let Some((own, ())) = policy.own.find(author) {
        return Ok(Ground::Own(own.clone()));
    }
    if supposed.existence == Existence::DoesNotExist {
        return Ok(Ground::DoesNotExist);
    }
    let organization = supposed.organization.ok_or(Obstacle::OrganizationUnknown)?;
    let signers = case.history.signers.as_ref().ok_or(Obstacle::SigningUnknown)?;
    match signers.contains(organization) {
        true => Ok(Ground::KnownToSign(organization.clone())),
        false => Err(Obstacle::NotKnownToSign(organization.clone())),
    }
}

fn signature(case: &Case<'_>, organization: Option<&Domain>) -> Option<Obstacle> {
    let checks = case.verdict.dkim();
    let Some(organization) = organization else {
        return (!checks.is_empty()).then_some(Obstacle::OrganizationUnknown);
    };
    checks.iter().find_map(|check| match check.domain() {
        None => Some(Obstacle::UnreadableSignature),
        // RFC 9989 §4.10.2: a domain of that organization is that domain or below it. The other way round a record
        // could say otherwise, but nobody asked for one for signatures that can't pass.
        Some(domain) if domain.is_within(organization) => Some(Obstacle::Signed(domain.clone())),
        Some(_) => None,
    })
}

fn listed_client(policy: &LocalPolicy, case: &Case<'_>, supposed: &Supposed<'_>) -> Option<Obstacle> {
    let Some(ip) = case.envelope.client else { return Some(Obstacle::ClientUnknown) };
    if let Some((_, kind)) = policy.known_networks.iter().find(|(network, _)| network.contains(ip)) {
        return Some(Obstacle::Listed(*kind));
    }
    match Voucher::find(case.verdict, &policy.known_domains) {
        Voucher::Known { value, .. } => Some(Obstacle::Listed(*value)),
        Voucher::Unknown(domain) => match supposed.vouchers {
            Vouchers::MayPass => Some(Obstacle::VoucherUnknown(domain.clone())),
            Vouchers::Fail => None,
        },
        Voucher::None => None,
    }
}

/// Whether the site knows the client as a forwarder, a list or exempt.
pub(super) fn is_known_client(policy: &LocalPolicy, case: &Case<'_>) -> bool {
    let supposed = Supposed { organization: None, existence: Existence::NotAsked, vouchers: Vouchers::Fail };
    matches!(listed_client(policy, case, &supposed), Some(Obstacle::Listed(_)))
}

fn passed_before(case: &Case<'_>) -> Option<Obstacle> {
    match case.history.passed_from_network {
        Some(false) => None,
        Some(true) => Some(Obstacle::PassedBefore),
        None => Some(Obstacle::PassesUnknown),
    }
}
