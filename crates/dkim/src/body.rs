//! The body hashed as it streams by: one pass for any number of signatures.

use aws_lc_rs::digest::{Context, SHA256};

use crate::canon::{BodyCanon, Canon};

/// What a canonical form of the whole body came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyHash {
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Its length, in bytes.
    pub length: u64,
}

/// Hashes a body in up to two canonical forms. `l=` needs no hash of its own: a signature of less than the whole body
/// never passes, and one of the whole body has the whole body's hash (see [`crate::BodyLength`]).
#[derive(Clone)]
pub struct BodyHasher {
    simple: Option<Pass>,
    relaxed: Option<Pass>,
}

#[derive(Clone)]
struct Pass {
    canon: BodyCanon,
    sha256: Context,
    length: u64,
}

/// The hashes that a [`BodyHasher`] was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyHashes {
    simple: Option<BodyHash>,
    relaxed: Option<BodyHash>,
}

impl BodyHasher {
    /// Begins a body that is wanted in these canonical forms.
    pub fn new(forms: impl IntoIterator<Item = Canon>) -> Self {
        let mut hasher = Self { simple: None, relaxed: None };
        for canon in forms {
            let slot = match canon {
                Canon::Simple => &mut hasher.simple,
                Canon::Relaxed => &mut hasher.relaxed,
            };
            slot.get_or_insert_with(|| Pass::new(canon));
        }
        hasher
    }

    /// Takes the next bytes of the body, cut anywhere.
    pub fn update(&mut self, chunk: &[u8]) {
        [&mut self.simple, &mut self.relaxed].into_iter().flatten().for_each(|pass| pass.update(chunk));
    }

    /// Ends the body.
    pub fn finish(self) -> BodyHashes {
        BodyHashes { simple: self.simple.map(Pass::finish), relaxed: self.relaxed.map(Pass::finish) }
    }
}

impl Pass {
    fn new(canon: Canon) -> Self {
        Self { canon: BodyCanon::new(canon), sha256: Context::new(&SHA256), length: 0 }
    }

    fn update(&mut self, chunk: &[u8]) {
        let Self { canon, sha256, length } = self;
        canon.update(chunk, &mut put(sha256, length));
    }

    fn finish(self) -> BodyHash {
        let Self { canon, mut sha256, mut length } = self;
        canon.finish(&mut put(&mut sha256, &mut length));
        let mut hash = BodyHash { sha256: [0; 32], length };
        // SHA-256 has 32 bytes, so all of them are written.
        hash.sha256.iter_mut().zip(sha256.finish().as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }
}

/// Hashes and counts.
fn put(sha256: &mut Context, length: &mut u64) -> impl FnMut(&[u8]) {
    |bytes| {
        sha256.update(bytes);
        *length = length.saturating_add(bytes.len() as u64);
    }
}

impl BodyHashes {
    /// The hash of the body in this canonical form, if it was asked for.
    pub fn get(&self, canon: Canon) -> Option<BodyHash> {
        match canon {
            Canon::Simple => self.simple,
            Canon::Relaxed => self.relaxed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::to_base64;

    fn check(canon: Canon, body: &str, sha256: &str, length: u64) {
        let mut hasher = BodyHasher::new([canon, canon]);
        hasher.update(body.as_bytes());
        let hashes = hasher.finish();
        let hash = hashes.get(canon).unwrap();
        assert_eq!((to_base64(&hash.sha256).as_str(), hash.length), (sha256, length), "{canon} {body:?}");
    }

    #[test]
    fn rfc_6376_3_4_3_and_3_4_4_empty_bodies() {
        check(Canon::Simple, "", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=", 2);
        check(Canon::Relaxed, "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", 0);
        check(Canon::Relaxed, " \r\n", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", 0);
    }

    #[test]
    fn dos_12_memory_is_the_same_for_every_body() {
        // Nothing in it can grow: arrays, numbers, and the state of two hashes.
        assert!(size_of::<BodyHasher>() <= 4096);
        let mut hasher = BodyHasher::new([Canon::Simple, Canon::Relaxed]);
        for _ in 0..64 {
            hasher.update(&[0; 64 * 1024]);
            hasher.update(b" \t\r\n");
        }
        let length = 64 * (64 * 1024 + 2);
        assert_eq!(hasher.finish().get(Canon::Relaxed).unwrap().length, length);
    }

    #[test]
    fn dos_04_at_most_two_passes_and_none_unasked() {
        let hashes = BodyHasher::new([Canon::Relaxed; 10]).finish();
        assert!(hashes.get(Canon::Relaxed).is_some() && hashes.get(Canon::Simple).is_none());
    }
}
