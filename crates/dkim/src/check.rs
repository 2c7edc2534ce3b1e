//! What came of one signature, and the proof that a valid one leaves.

use mail::Domain;

use crate::reason::{Outcome, Reason};
use crate::signature::{Algorithm, Claims, SignedNames};
use crate::step::Step;
use crate::who::{Identity, Selector};

/// What a receiver may want to know of a signature beside its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The domain says that it is only testing (t=y of the key record).
    pub testing: bool,
    /// The key is RSA of less than 2048 bits.
    pub weak_key: bool,
    /// h= names a field more often than the header has it, so that one more would break the signature.
    pub oversigned: bool,
    /// A field that should be there once and is signed is there once more, unsigned; its name, in lower case.
    pub unsigned_duplicate: Option<Box<str>>,
    /// Fields that a reader sees, that are there and not signed; see [`crate::WELL_SIGNED`].
    pub unsigned: Vec<&'static str>,
}

/// One DKIM-Signature field, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub(crate) claims: Claims,
    pub(crate) signed: SignedNames,
    pub(crate) reason: Reason,
    pub(crate) steps: Vec<Step>,
    pub(crate) flags: Flags,
}

impl Check {
    /// d=, if it can be read; proved only if the signature passes.
    pub fn domain(&self) -> Option<&Domain> {
        self.claims.domain.as_ref()
    }

    /// s=, if it can be read.
    pub fn selector(&self) -> Option<&Selector> {
        self.claims.selector.as_ref()
    }

    /// a=, if it is known.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.claims.algorithm
    }

    /// i=, if it can be read and is within the signing domain.
    pub fn identity(&self) -> Option<&Identity> {
        self.claims.identity.as_ref()
    }

    /// t=, in seconds since 1970; [`u64::MAX`] stands for more.
    pub fn signed_at(&self) -> Option<u64> {
        self.claims.signed_at
    }

    /// x=, in the same form.
    pub fn expires_at(&self) -> Option<u64> {
        self.claims.expires_at
    }

    /// The first characters of b=, which tell it from other signatures in reports (RFC 6008); base64 only.
    pub fn b_prefix(&self) -> Option<&str> {
        self.claims.b_prefix.as_deref()
    }

    /// h=; empty where the field is no valid signature.
    pub fn signed(&self) -> &SignedNames {
        &self.signed
    }

    /// Why it passes or does not.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// [`Check::reason`], and behind it all else that speaks against the signature and was found before.
    pub fn reasons(&self) -> Vec<&Reason> {
        let mut reasons = vec![&self.reason];
        for step in &self.steps {
            if let Step::Decided { reason, .. } = step
                && !reasons.contains(&reason)
            {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// The RFC 8601 word.
    pub fn outcome(&self) -> Outcome {
        self.reason.outcome()
    }

    /// What led there.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What else is worth knowing.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// The proof that the signing domain signed this message; only a signature that passes has it.
    pub fn pass(&self) -> Option<DkimPass> {
        match (self.outcome(), &self.claims.domain, &self.claims.selector, self.claims.algorithm) {
            (Outcome::Pass, Some(domain), Some(selector), Some(algorithm)) => {
                Some(DkimPass { domain: domain.clone(), selector: selector.clone(), algorithm })
            }
            _ => None,
        }
    }
}

/// A domain signed this message, checked: nothing but [`Check::pass`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimPass {
    domain: Domain,
    selector: Selector,
    algorithm: Algorithm,
}

impl DkimPass {
    /// The signing domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The selector of the key.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
