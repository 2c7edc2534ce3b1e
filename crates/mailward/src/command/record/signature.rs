//! A DKIM-Signature that was pasted where a key record is expected: what can be said of it without its message.

use dkim::{Keys, Policy, Verifier};
use mail::{Finding, Header, Severity, Span, split_tags};

use crate::input::now;

const NAME: &[u8] = b"DKIM-Signature:";

/// What speaks against the signature, with spans in `text`; `None` if the text is no signature.
pub(super) fn findings(text: &[u8]) -> Option<Vec<Finding>> {
    // A key record has neither of these tags (RFC 6376 §3.6.1), a signature has both (§3.5).
    let has = |name| split_tags(text).flatten().any(|tag| tag.name == name);
    if !(has("bh") && has("b")) {
        return None;
    }
    let help = "a signature stands in a message: `mailward verify FILE` judges it";
    let message = "this is a DKIM-Signature, not a key record";
    let whole = Span::new(0, text.len());
    let mut findings =
        vec![Finding::new("record-other-kind", Severity::Error, whole, message).with_help(help)];
    let header = Header::parse([NAME, text, b"\r\n"].concat());
    let verifier = Verifier::new(&header, None, &Policy::default(), now(), None);
    if verifier.domains().next().is_some() {
        // Nothing speaks against it so far.
        return Some(findings);
    }
    for check in verifier.finish(&header, &Keys::default(), &verifier.body().finish()) {
        for step in check.steps() {
            let Some(quote) = mail::Explain::quote(step) else { continue };
            let back = |at: usize| at.saturating_sub(NAME.len()).min(text.len());
            let span = Span::new(back(quote.span.start), back(quote.span.end));
            findings.push(Finding::new("dkim-signature", Severity::Error, span, step.to_string()));
        }
    }
    Some(findings)
}
