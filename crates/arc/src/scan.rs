//! The fields of a chain, gathered by instance (RFC 8617 §5.2 step 1): nothing is asked or hashed for a chain before this
//! has found it whole.

use std::collections::BTreeMap;

use mail::{Field, Header};

use crate::field::Kind;
use crate::instance::{Instance, MAX_SETS};
use crate::reason::Reason;
use crate::results;
use crate::seal::Status;
use crate::tags;

/// The fields of one instance, at least one.
#[derive(Default)]
pub(crate) struct Group<'h> {
    results: Option<Field<'h>>,
    message: Option<Field<'h>>,
    seal: Option<Field<'h>>,
}

/// One set whose three fields are there.
pub(crate) struct Whole<'h> {
    pub(crate) instance: Instance,
    pub(crate) results: Field<'h>,
    pub(crate) message: Field<'h>,
    pub(crate) seal: Field<'h>,
}

impl<'h> Group<'h> {
    fn slot(&mut self, kind: Kind) -> &mut Option<Field<'h>> {
        match kind {
            Kind::Results => &mut self.results,
            Kind::Message => &mut self.message,
            Kind::Seal => &mut self.seal,
        }
    }

    /// RFC 8617 §5.2 step 3.A: exactly one of each.
    pub(crate) fn whole(&self, instance: Instance) -> Result<Whole<'h>, Reason> {
        let field = |field: Option<Field<'h>>, kind| field.ok_or(Reason::Missing { kind, instance });
        Ok(Whole {
            instance,
            results: field(self.results, Kind::Results)?,
            message: field(self.message, Kind::Message)?,
            seal: field(self.seal, Kind::Seal)?,
        })
    }
}

/// The fields by instance, whatever their order in the header.
pub(crate) type Groups<'h> = BTreeMap<Instance, Group<'h>>;

/// RFC 8617 §5.2 step 1: collects all sets. Stops at the first field that belongs to no set or is there twice, so after
/// [`MAX_SETS`] fields of a kind at the latest: there are no more instances.
pub(crate) fn collect(header: &Header) -> Result<Groups<'_>, Reason> {
    let mut groups = Groups::new();
    for field in header.named_any(&Kind::ALL.map(Kind::name)) {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| field.is(kind.name())) else { continue };
        let instance = instance_of(kind, &field).ok_or(Reason::NoInstance { kind })?;
        // RFC 8617 §5.2 step 3.B: no repetition.
        if groups.entry(instance).or_default().slot(kind).replace(field).is_some() {
            return Err(Reason::Duplicate { kind, instance });
        }
    }
    Ok(groups)
}

/// The instance of a field, which may be wrong in every other way.
fn instance_of(kind: Kind, field: &Field<'_>) -> Option<Instance> {
    match kind {
        Kind::Results => results::cut(field.value).map(|(instance, _)| instance),
        Kind::Message | Kind::Seal => tags::find(field, "i").and_then(Instance::parse),
    }
}

/// What the newest seal says of the chain before it, if it can be read.
pub(crate) fn newest_status(groups: &Groups<'_>) -> Option<Status> {
    let newest = groups.values().next_back()?.seal?;
    tags::find(&newest, "cv").and_then(Status::parse)
}

/// RFC 8617 §5.2 steps 2, 3.A and 3.B: the newest seal does not say that the chain has failed, and the sets are whole and
/// numbered from 1 without gaps. In the order of their numbers; empty only if there is no ARC field at all.
pub(crate) fn whole_sets<'h>(groups: &Groups<'h>) -> Result<Vec<Whole<'h>>, Reason> {
    if let (Some(Status::Fail), Some((newest, _))) = (newest_status(groups), groups.last_key_value()) {
        return Err(Reason::SaysFailed(*newest));
    }
    let numbered = (1..=MAX_SETS).filter_map(Instance::new).zip(groups);
    numbered
        .map(|(expected, (instance, group))| match expected == *instance {
            true => group.whole(*instance),
            false => Err(Reason::Gap(expected)),
        })
        .collect()
}
