//! Whether a site may act on what the sealers of a chain saw, where DMARC fails.
//!
//! A chain that passes proves who handled the message; everybody can make one (RFC 8617 §9.4). What is decided here changes
//! no result: it is a reason for a local policy to be milder than the author's domain asks.

use std::collections::BTreeSet;
use std::fmt;

use mail::Domain;
use mail::authres::{Method, RegisteredProperty, Word};

use crate::check::{Check, Holds, Hop};
use crate::instance::Instance;
use crate::reason::Outcome;
use crate::results::Results;

/// The sealers that a site believes, by the signing domain: that domain and no other, neither above nor below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedSealers(BTreeSet<Domain>);

impl TrustedSealers {
    /// Whether the domain is one of them; both are A-labels in lower case.
    pub fn contains(&self, domain: &Domain) -> bool {
        self.0.contains(domain)
    }

    /// Whether nobody is trusted, as it is where nothing else is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The domains in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Domain> {
        self.0.iter()
    }
}

impl FromIterator<Domain> for TrustedSealers {
    fn from_iter<T: IntoIterator<Item = Domain>>(domains: T) -> Self {
        Self(domains.into_iter().collect())
    }
}

/// What a site may do with a message that fails DMARC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A trusted sealer saw it pass, and nothing that the author wrote was changed since: a local policy may let it through.
    Override(Grounds),
    /// Nothing of the kind: the failure stands.
    Keep(Refusal),
}

/// Why the failure need not stand: nothing but [`consider`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grounds {
    instance: Instance,
    sealer: Domain,
    author: Domain,
}

impl Grounds {
    /// The set whose handler saw DMARC pass.
    pub fn instance(&self) -> Instance {
        self.instance
    }

    /// That handler, by the domain that sealed the set.
    pub fn sealer(&self) -> &Domain {
        &self.sealer
    }

    /// The author domain for which it passed, that of From as it is now.
    pub fn author(&self) -> &Domain {
        &self.author
    }
}

impl fmt::Display for Grounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, sealer, author } = self;
        write!(f, "{sealer}, which is trusted here, saw DMARC pass for {author} (ARC set {instance})")
    }
}

/// Why the failure stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The site trusts no sealer.
    NobodyTrusted,
    /// The message has no valid chain.
    NoValidChain,
    /// A trusted sealer was the last to seal it, and whether the chain is valid is not known now: an answer of the DNS is
    /// missing.
    ChainUnknown,
    /// From does not name one author domain.
    NoAuthor,
    /// A set on the way was sealed or signed by a domain that is not trusted.
    NotTrusted {
        /// The set.
        instance: Instance,
        /// The domain.
        domain: Domain,
    },
    /// The message was changed after a set was added, or nobody can say: the set's message signature does not hold.
    Changed(Instance),
    /// A set's message signature does not cover From.
    FromNotSigned(Instance),
    /// A field that should be there once and is signed is there once more, unsigned.
    UnsignedDuplicate {
        /// The set.
        instance: Instance,
        /// The field's name.
        name: Box<str>,
    },
    /// No trusted handler says in one clear result that DMARC passed.
    NobodySawItPass,
    /// A trusted handler saw DMARC pass, but From has another domain now.
    AuthorChanged {
        /// The set.
        instance: Instance,
        /// The author domain that it saw.
        saw: Domain,
    },
}

impl Refusal {
    /// A stable, kebab-case name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NobodyTrusted => "nobody-trusted",
            Self::NoValidChain => "no-valid-chain",
            Self::ChainUnknown => "chain-unknown",
            Self::NoAuthor => "no-author",
            Self::NotTrusted { .. } => "not-trusted",
            Self::Changed(_) => "changed",
            Self::FromNotSigned(_) => "from-not-signed",
            Self::UnsignedDuplicate { .. } => "unsigned-duplicate",
            Self::NobodySawItPass => "nobody-saw-it-pass",
            Self::AuthorChanged { .. } => "author-changed",
        }
    }
}

/// A clause, without a full stop.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyTrusted => f.write_str("no sealer is trusted here"),
            Self::NoValidChain => f.write_str("the message has no valid ARC chain"),
            Self::ChainUnknown => f.write_str(
                "whether its ARC chain, which a trusted sealer sealed last, is valid is not known now, as an answer of \
                 the DNS is missing",
            ),
            Self::NoAuthor => f.write_str("From does not name one author domain"),
            Self::NotTrusted { instance, domain } => {
                write!(f, "{domain}, which is not trusted here, handled the message (ARC set {instance})")
            }
            Self::Changed(instance) => {
                write!(f, "the message is not proved to be as it was when ARC set {instance} was added")
            }
            Self::FromNotSigned(instance) => {
                write!(f, "the message signature of ARC set {instance} does not cover From")
            }
            Self::UnsignedDuplicate { instance, name } => write!(
                f,
                "there is one more field {} than the message signature of ARC set {instance} covers",
                mail::printable(name.as_bytes())
            ),
            Self::NobodySawItPass => f.write_str("no trusted sealer says that it saw DMARC pass"),
            Self::AuthorChanged { instance, saw } => {
                write!(
                    f,
                    "DMARC passed for {saw} when ARC set {instance} was added, and From has another domain now"
                )
            }
        }
    }
}

/// Whether a site that trusts these sealers may override a failure of DMARC. `author` is the author domain of From as it is
/// now, `None` where it has not exactly one.
///
/// From the newest set down: every set must be sealed and signed by trusted domains, its message signature must hold and
/// cover From, and the first whose own results say once and clearly `dmarc=pass` for this very domain decides. Where one
/// condition is not met on the way, older sets don't count either: whoever sealed later could have changed the message.
pub fn consider(chain: &Check, author: Option<&Domain>, trusted: &TrustedSealers) -> Decision {
    match grounds(chain, author, trusted) {
        Ok(grounds) => Decision::Override(grounds),
        Err(refusal) => Decision::Keep(refusal),
    }
}

fn grounds(chain: &Check, author: Option<&Domain>, trusted: &TrustedSealers) -> Result<Grounds, Refusal> {
    if trusted.is_empty() {
        return Err(Refusal::NobodyTrusted);
    }
    if chain.outcome() != Outcome::Pass {
        let newest = chain.hops().last();
        let unknown =
            chain.reason().is_temporary() && newest.is_some_and(|hop| check_trust(hop, trusted).is_ok());
        return Err(if unknown { Refusal::ChainUnknown } else { Refusal::NoValidChain });
    }
    let author = author.ok_or(Refusal::NoAuthor)?;
    let mut refusal = Refusal::NobodySawItPass;
    for hop in chain.hops().iter().rev() {
        check_trust(hop, trusted)?;
        check_unchanged(hop)?;
        match saw(&hop.results) {
            Some(domain) if domain == *author => {
                return Ok(Grounds {
                    instance: hop.instance,
                    sealer: hop.sealer.domain.clone(),
                    author: domain,
                });
            }
            Some(saw) => refusal = Refusal::AuthorChanged { instance: hop.instance, saw },
            None => {}
        }
    }
    Err(refusal)
}

/// The domains of the seal and of the message signature, which may be two (RFC 8617 §4.1.2), are both trusted.
fn check_trust(hop: &Hop, trusted: &TrustedSealers) -> Result<(), Refusal> {
    let signer = hop.message.as_ref().map(|message| &message.by.domain);
    for domain in std::iter::once(&hop.sealer.domain).chain(signer) {
        if !trusted.contains(domain) {
            return Err(Refusal::NotTrusted { instance: hop.instance, domain: domain.clone() });
        }
    }
    Ok(())
}

/// The message is as the handler passed it on, From and all.
fn check_unchanged(hop: &Hop) -> Result<(), Refusal> {
    let instance = hop.instance;
    match (&hop.holds, &hop.message) {
        (Holds::Yes { .. }, Some(message)) if !message.signs("from") => Err(Refusal::FromNotSigned(instance)),
        (Holds::Yes { unsigned_duplicate: None }, Some(_)) => Ok(()),
        (Holds::Yes { unsigned_duplicate: Some(name) }, _) => {
            Err(Refusal::UnsignedDuplicate { instance, name: name.clone() })
        }
        _ => Err(Refusal::Changed(instance)),
    }
}

/// The author domain for which a handler saw DMARC pass; `None` unless it says so once, for one domain.
fn saw(results: &Results) -> Option<Domain> {
    let results = results.as_ref().ok()?;
    let mut dmarc = results.results.iter().filter(|result| result.method == Method::Dmarc);
    let (only, None) = (dmarc.next()?, dmarc.next()) else { return None };
    if only.result != Word::Pass {
        return None;
    }
    let mut froms = only.properties.iter().filter(|p| p.is(RegisteredProperty::HeaderFrom));
    let (from, None) = (froms.next()?, froms.next()) else { return None };
    Domain::parse(from.value.as_str()).ok()
}
