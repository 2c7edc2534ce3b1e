//! Which set of a chain a field belongs to (RFC 8617 §4.2.1).

use std::fmt;

/// Most sets of one message (RFC 8617 §4.2.1, §5.2).
pub const MAX_SETS: u8 = 50;

/// The number of a set, from 1, the oldest, to [`MAX_SETS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance(u8);

impl Instance {
    /// The oldest set's.
    pub const FIRST: Self = Self(1);

    /// Reads the value of i=.
    ///
    /// DEVIATION: RFC 8617 §3.9 has one or two digits, so that `01` could be read as 1. Nobody writes it, and programs that
    /// disagree on it would see different chains: it is no instance.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match *text {
            [one @ b'1'..=b'9'] => Some(Self(one - b'0')),
            [ten @ b'1'..=b'9', one @ b'0'..=b'9'] => Self::new((ten - b'0') * 10 + (one - b'0')),
            _ => None,
        }
    }

    /// This number, if a set can have it.
    pub fn new(number: u8) -> Option<Self> {
        (1..=MAX_SETS).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// That of the next set; `None` after [`MAX_SETS`].
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arc_02_from_1_to_50_in_one_way_only() {
        for number in 1..=MAX_SETS {
            assert_eq!(Instance::parse(number.to_string().as_bytes()).map(Instance::number), Some(number));
        }
        for bad in [
            "",
            "0",
            "00",
            "01",
            "51",
            "99",
            "100",
            "4294967297",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "a",
            "1a",
            "\u{661}",
        ] {
            assert_eq!(Instance::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Instance::FIRST.next().map(Instance::number), Some(2));
        assert_eq!(Instance::new(MAX_SETS).and_then(Instance::next), None);
    }
}
