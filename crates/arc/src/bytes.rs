//! What a seal covers (RFC 8617 §5.1.1), as the bytes that are hashed for it.

use aws_lc_rs::digest::{Context, Digest, SHA256};
use dkim::Canon;
use dkim::canon::put_field;
use dkim::fields::put_own_field;
use mail::Span;

/// The hash of sets, in the order of their instances. It goes on from one seal to the next, so that all seals of a chain
/// together cost one pass over its fields.
#[derive(Clone)]
pub(crate) struct SealedSets(Context);

impl SealedSets {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Takes a whole field, with or without the CRLF at its end.
    pub(crate) fn add(&mut self, field: &[u8]) {
        let mut bytes = Vec::with_capacity(field.len());
        // RFC 8617 §4.1.3: seals use the relaxed form of fields only.
        put_field(Canon::Relaxed, field.strip_suffix(b"\r\n").unwrap_or(field), &mut bytes);
        bytes.extend_from_slice(b"\r\n");
        self.0.update(&bytes);
    }

    /// The hash that a seal signs: all that was added, then the seal itself with an empty b= and no CRLF.
    pub(crate) fn digest(&self, seal: &[u8], blank: Span) -> Digest {
        let mut bytes = Vec::with_capacity(seal.len());
        put_own_field(Canon::Relaxed, blank, seal, &mut bytes);
        let mut context = self.0.clone();
        context.update(&bytes);
        context.finish()
    }
}
