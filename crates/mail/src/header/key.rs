//! A number for the name of a field, which tells it from most others at a glance.

/// The same for two names that differ in nothing but case; mostly another for two that are not the same. Whoever must
/// know for certain compares the names as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(u64);

/// What upper and lower case of a letter differ in, in each of eight bytes.
const CASE: u64 = u64::from_ne_bytes([0x20; 8]);
/// An odd number without a pattern.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

impl NameKey {
    /// The key of a name in any case: made of its length and of its first and last bytes, which overlap in a short one.
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        let (first, last) = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (name.first_chunk(), name.last_chunk()) {
                (Some(first), Some(last)) => {
                    (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
                }
                _ => (name.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
            },
        };
        let first = (first | CASE).wrapping_mul(MIX).rotate_left(32);
        Self(((last | CASE) ^ first).wrapping_mul(MIX) ^ name.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_whatever_their_case() {
        let names = [
            "To",
            "Cc",
            "From",
            "Form",
            "Date",
            "Subject",
            "Reply-To",
            "Received",
            "List-Id",
            "List-Unsubscribe",
        ];
        for name in names {
            let key = NameKey::of(name.as_bytes());
            assert_eq!(NameKey::of(name.to_ascii_uppercase().as_bytes()), key);
            assert_eq!(NameKey::of(name.to_ascii_lowercase().as_bytes()), key);
            assert_eq!(
                names.iter().filter(|other| NameKey::of(other.as_bytes()) == key).count(),
                1,
                "{name}"
            );
        }
    }

    #[test]
    fn every_length_has_a_key() {
        let keys: std::collections::BTreeSet<_> =
            (0..40).map(|length| NameKey::of(&vec![b'x'; length])).collect();
        assert_eq!(keys.len(), 40);
    }
}
