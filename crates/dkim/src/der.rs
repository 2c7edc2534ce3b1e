//! Just enough DER (X.690 §10) to read a public key: definite, shortest lengths; nothing left over; no recursion.

/// A public key as its DER says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DerKey<'a> {
    /// RSA: modulus and exponent, big-endian, without zeros in front.
    Rsa { modulus: &'a [u8], exponent: &'a [u8] },
    /// Ed25519 in a SubjectPublicKeyInfo (RFC 8410 §4): the bytes of the key, however many.
    Ed25519(&'a [u8]),
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1, rsaEncryption.
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.3.101.112, id-Ed25519.
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Reads an RSAPublicKey (RFC 8017 §A.1.1) or a SubjectPublicKeyInfo (RFC 5280 §4.1); `None` if it is neither.
pub(crate) fn public_key(der: &[u8]) -> Option<DerKey<'_>> {
    let mut body = whole(der, SEQUENCE)?;
    if body.0.first() == Some(&INTEGER) {
        return rsa_key(body);
    }
    let mut algorithm = Reader(body.take(SEQUENCE)?);
    let (unused, key) = body.take(BIT_STRING)?.split_first()?;
    if !body.is_done() || *unused != 0 {
        return None;
    }
    match algorithm.take(OID)? {
        RSA_ENCRYPTION => {
            let no_parameters = algorithm.take(NULL)?.is_empty() && algorithm.is_done();
            if no_parameters { rsa_key(whole(key, SEQUENCE)?) } else { None }
        }
        ED25519 => algorithm.is_done().then_some(DerKey::Ed25519(key)),
        _ => None,
    }
}

fn rsa_key(mut body: Reader<'_>) -> Option<DerKey<'_>> {
    let modulus = body.take_positive()?;
    let exponent = body.take_positive()?;
    body.is_done().then_some(DerKey::Rsa { modulus, exponent })
}

/// The content of the one element that `der` is.
pub(crate) fn whole(der: &[u8], tag: u8) -> Option<Reader<'_>> {
    let mut reader = Reader(der);
    let content = reader.take(tag)?;
    reader.is_done().then_some(Reader(content))
}

pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// The content of the next element, if it has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let rest = self.0.strip_prefix(&[tag])?;
        let (len, rest) = match rest {
            [short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
            [0x81, len @ 0x80..=0xff, rest @ ..] => (usize::from(*len), rest),
            [0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
            // Longer than any key that is allowed, or of indefinite or not the shortest length.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(content)
    }

    /// The next element as a number of 1 or more, without the zero that may keep it positive.
    pub(crate) fn take_positive(&mut self) -> Option<&'a [u8]> {
        match self.take(INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Some(rest),
            number @ [1..=0x7f, ..] => Some(number),
            // Negative, zero, empty, or not in the shortest form.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dkk_17_only_the_shortest_form_counts() {
        let good: &[u8] = &[0x30, 6, 2, 1, 0x23, 2, 1, 3];
        assert_eq!(public_key(good), Some(DerKey::Rsa { modulus: &[0x23], exponent: &[3] }));
        let bad: &[&[u8]] = &[
            &[],
            &[0x30],
            &[0x30, 6, 2, 1, 0x23, 2, 1],
            // One byte after the end, outside and inside.
            &[0x30, 6, 2, 1, 0x23, 2, 1, 3, 0],
            &[0x30, 7, 2, 1, 0x23, 2, 1, 3, 0],
            // Indefinite length; lengths in more bytes than needed.
            &[0x30, 0x80, 2, 1, 0x23, 2, 1, 3, 0, 0],
            &[0x30, 0x81, 6, 2, 1, 0x23, 2, 1, 3],
            &[0x30, 0x82, 0, 6, 2, 1, 0x23, 2, 1, 3],
            &[0x30, 0x84, 0, 0, 0, 6, 2, 1, 0x23, 2, 1, 3],
            // A zero too many, a negative number, zero, nothing.
            &[0x30, 7, 2, 2, 0, 0x23, 2, 1, 3],
            &[0x30, 6, 2, 1, 0x83, 2, 1, 3],
            &[0x30, 6, 2, 1, 0, 2, 1, 3],
            &[0x30, 5, 2, 0, 2, 1, 3],
        ];
        for der in bad {
            assert_eq!(public_key(der), None, "{der:02x?}");
        }
    }
}
