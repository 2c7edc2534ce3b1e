//! The JSON form of a finding, stable from now on.

use serde::Serialize;

/// A finding as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding<'a> {
    /// The stable name of what was found.
    pub code: &'a str,
    /// `note`, `warning` or `error`.
    pub severity: &'static str,
    /// The first byte of the text that it is about.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What is wrong, in a sentence.
    pub message: &'a str,
    /// What was meant, or what to do; `null` if there is nothing to say.
    pub help: Option<&'a str>,
}

impl<'a> From<&'a mail::Finding> for Finding<'a> {
    fn from(finding: &'a mail::Finding) -> Self {
        Self {
            code: finding.code,
            severity: match finding.severity {
                mail::Severity::Note => "note",
                mail::Severity::Warning => "warning",
                mail::Severity::Error => "error",
            },
            start: finding.span.start,
            end: finding.span.end,
            message: &finding.message,
            help: finding.help.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mail::{Severity, Span};

    #[test]
    fn keys_and_words_are_fixed() {
        let finding = mail::Finding::new("x-y", Severity::Warning, Span::new(3, 5), "what \"it\" is");
        let json = |finding: mail::Finding| serde_json::to_string(&super::Finding::from(&finding)).unwrap();
        let front = r#"{"code":"x-y","severity":"warning","start":3,"end":5,"message":"what \"it\" is""#;
        assert_eq!(json(finding.clone()), format!("{front},\"help\":null}}"));
        assert_eq!(json(finding.with_help("do")), format!("{front},\"help\":\"do\"}}"));
    }
}
