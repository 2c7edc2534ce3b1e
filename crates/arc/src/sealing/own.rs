//! The self-check: what was sealed is verified with our own verifier, with the key at hand and no DNS.

use dkim::fields::FieldIndex;
use dkim::{BodyHashes, Keys, Policy};
use mail::Header;

use super::{NewSet, Sealing};
use crate::bytes::SealedSets;
use crate::chain::Setting;
use crate::examine::Message;
use crate::field::Kind;
use crate::reason::Reason;
use crate::scan::{collect, whole_sets};
use crate::seal::Status;

/// A set of ours that our own verifier does not take: an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFault(pub Reason);

impl std::fmt::Display for OwnFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the set just sealed does not verify: {}", self.0)
    }
}

impl std::error::Error for OwnFault {}

impl Sealing {
    /// Verifies a set that [`Sealing::finish`] gave for this header and body, read from its text on top of them as a
    /// receiver would, who finds the public half of the key in the DNS. The sets below it are those of others: they are
    /// covered by the seal, and nobody asks for their keys again. It gives no proof of anything but that the sealer works.
    pub fn check_own(&self, header: &Header, body: &BodyHashes, set: &NewSet) -> Result<(), OwnFault> {
        self.verify(header, body, set).map_err(OwnFault)
    }

    fn verify(&self, header: &Header, body: &BodyHashes, set: &NewSet) -> Result<(), Reason> {
        let header = Header::parse([set.to_string().as_bytes(), header.raw()].concat());
        if let Some((defect, _)) = header.defects().first() {
            return Err(Reason::MalformedHeader(*defect));
        }
        let groups = collect(&header)?;
        let mut sets = match self.status {
            // RFC 8617 §5.1.2: as if this newest set was the only one.
            Status::Fail => match groups.last_key_value() {
                Some((instance, group)) => vec![group.whole(*instance)?],
                None => Vec::new(),
            },
            Status::None | Status::Pass => whole_sets(&groups)?,
        };
        let policy = Policy::default();
        let own = Setting { policy: &policy, now: self.now }.set(sets.pop().ok_or(Reason::NoSets)?)?;
        let instance = self.instance;
        if (own.instance, own.seal.status) != (instance, self.status) {
            return Err(Reason::Status { instance: own.instance, status: own.seal.status });
        }
        let keys = Keys::own([(self.sealer.key_name.clone(), &self.sealer.key)]);
        let message = Message { header: FieldIndex::new(&header, 1), keys: &keys, body, policy: &policy };
        let signature = own.message.as_ref().map_err(|hopeless| hopeless.reason(Kind::Message, instance))?;
        let broken = |kind| move |why| Reason::Broken { kind, instance, why };
        message.check_message(signature, &own.message_field).map_err(broken(Kind::Message))?;
        let mut sealed = SealedSets::new();
        for field in sets.iter().flat_map(|set| [&set.results, &set.message, &set.seal]) {
            sealed.add(field.raw);
        }
        sealed.add(&own.results_field.raw);
        sealed.add(&own.message_field.raw);
        message.check_seal(&own.seal.by, &own.seal_field, &sealed).map_err(broken(Kind::Seal))
    }
}
