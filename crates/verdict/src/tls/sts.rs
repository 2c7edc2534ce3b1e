//! What counts as a domain's MTA-STS policy, by what is known of it and what the DNS says.

use mail::UnixTime;
use mta_sts::{Known, Lookup};

use super::decide::Sts;

impl Sts {
    /// What counts now. `known` is `None` where what is kept can't be read.
    pub fn of(known: Option<&Known>, published: &Lookup, now: UnixTime) -> Self {
        let Some(known) = known else {
            return match published {
                // The DNS firmly says that there is none.
                Lookup::Nothing | Lookup::Several(_) | Lookup::Invalid(_) => Self::Absent,
                Lookup::Found(..) | Lookup::Unknown(_) => Self::Unknown,
            };
        };
        // RFC 8461 §5.1: one that is in force is, whatever DNS and HTTPS say.
        if let Some(kept) = known.in_force(now) {
            return Self::Policy(kept.policy.clone());
        }
        match (&known.kept, published) {
            (Some(_), _) => Self::Stale,
            (None, Lookup::Found(..)) => Self::Unfetchable,
            (None, Lookup::Nothing | Lookup::Several(_) | Lookup::Invalid(_) | Lookup::Unknown(_)) => {
                Self::Absent
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dns::Failure;
    use mta_sts::{Fraction, Id, Policy, Record};

    use super::*;

    fn check(known: Option<&Known>, age: u64, expected: [&str; 5]) {
        let id = Id::parse(b"2").unwrap();
        let published = [
            Lookup::Found(Record { id }, 60),
            Lookup::Nothing,
            Lookup::Several(2),
            Lookup::Invalid(Vec::new()),
            Lookup::Unknown(Failure::ServerFailure),
        ];
        let found = published.map(|published| match Sts::of(known, &published, UnixTime(age)) {
            Sts::Policy(_) => "policy",
            Sts::Absent => "absent",
            Sts::Stale => "stale",
            Sts::Unfetchable => "unfetchable",
            Sts::Unknown => "unknown",
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn sts_10_what_counts() {
        let policy =
            Policy::parse(b"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 100").value.unwrap();
        let (known, _) = Known::default().fetched(policy, Id::parse(b"1").unwrap(), UnixTime(0), Fraction(0));
        check(Some(&known), 100, ["policy"; 5]);
        check(Some(&known), 101, ["stale"; 5]);
        check(Some(&Known::default()), 0, ["unfetchable", "absent", "absent", "absent", "absent"]);
        check(None, 0, ["unknown", "absent", "absent", "absent", "unknown"]);
    }
}
