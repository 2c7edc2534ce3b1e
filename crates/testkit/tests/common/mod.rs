//! What several of the tests do with a verdict: tell it in words, and look at the field that comes of it.
#![allow(clippy::unwrap_used)]

use mail::UnixTime;
use mail::authres::{AuthenticationResults, AuthservId, MAX_WRITTEN, Method};
use verdict::{Settings, Verdict};

/// 2026-06-01T00:00:00Z
pub(crate) const NOW: UnixTime = UnixTime(1_780_272_000);

pub(crate) fn settings() -> Settings {
    Settings::new(AuthservId::parse("mx.receiver.test").unwrap())
}

/// The verdict in words: all its steps, then the field, and what to remove.
pub(crate) fn tell(verdict: &Verdict) -> String {
    let mut told = String::new();
    for (part, step) in verdict.steps() {
        told += &format!("{part:?} [{}] {step}\n", step.section().0);
    }
    let (field, dmarc) = (verdict.authentication_results().field(), verdict.dmarc());
    told + &format!("{field}remove {:?}, {} {}", verdict.remove(), dmarc.outcome(), dmarc.reason())
}

/// Nothing but what we wrote stands in the field: it is printable, and reads back as what was meant. Where there were too
/// many signatures for it, it is still bounded, and all but some of those signatures is there.
pub(crate) fn check_field(verdict: &Verdict) {
    let (field, meant) = (verdict.authentication_results().field(), verdict.authentication_results());
    assert!(field.len() <= MAX_WRITTEN, "{} bytes", field.len());
    let bare = field.replace("\r\n", "");
    assert!(bare.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')), "{field:?}");
    let read = AuthenticationResults::parse(field.split_once(':').unwrap().1.trim_end().as_bytes()).unwrap();
    if verdict.dkim().len() <= 10 && field.len() < MAX_WRITTEN / 2 {
        assert_eq!(read, *meant, "{field}");
    }
    let others = |results: &AuthenticationResults| -> Vec<_> {
        let all = results.results.iter();
        all.filter(|result| result.method != Method::Dkim)
            .map(|r| (r.method.clone(), r.result.clone()))
            .collect()
    };
    assert_eq!(others(&read), others(meant), "{field}");
}
