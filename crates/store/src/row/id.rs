//! The identity of a row: its time, then random bytes. Rows of one day lie side by side, and no two nodes make the same.

use std::fmt;

use mail::UnixTime;

/// The latest time that an identity holds: 48 bits of seconds.
const LATEST: u64 = (1 << 48) - 1;

/// The identity of a row, made once for each message. The same row put twice is kept once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId([u8; 16]);

impl RowId {
    /// A new identity for a message judged at `at`. `random`: 80 bits that nobody else has.
    pub fn new(at: UnixTime, random: [u8; 10]) -> Self {
        Self::from_number((u128::from(at.0.min(LATEST)) << 80) | tail(random))
    }

    /// The smallest identity of that time.
    pub(crate) fn first_of(at: UnixTime) -> Self {
        Self::new(at, [0; 10])
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads what [`fmt::Display`] writes.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32).map(Self::from_number)
    }

    fn from_number(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    /// The bytes, in the order in which rows are sorted.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// When the message was judged.
    pub fn time(&self) -> UnixTime {
        UnixTime(u64::try_from(u128::from_be_bytes(self.0) >> 80).unwrap_or(LATEST))
    }
}

fn tail(random: [u8; 10]) -> u128 {
    random.iter().fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use mail::UnixTime;

    use super::{LATEST, RowId};

    #[test]
    fn identities_hold_their_time_and_sort_by_it() {
        let id = |at, byte| RowId::new(UnixTime(at), [byte; 10]);
        assert_eq!(id(1_800_000_000, 0xab).to_string(), "00006b49d200abababababababababab");
        assert_eq!(id(1_800_000_000, 0xff).time(), UnixTime(1_800_000_000));
        assert_eq!(RowId::from_hex("00006b49d200abababababababababab"), Some(id(1_800_000_000, 0xab)));
        assert_eq!(RowId::from_hex("6b49d200abababababababababab"), None);
        assert!(id(1, 0xff) < id(2, 0) && id(2, 0) < id(2, 1));
        assert_eq!(RowId::first_of(UnixTime(2)), id(2, 0));
        for at in [0, LATEST] {
            assert_eq!(id(at, 7).time(), UnixTime(at));
        }
        assert_eq!(id(LATEST + 1, 7).time(), UnixTime(LATEST), "later than the latest");
    }
}
