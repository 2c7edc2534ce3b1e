//! What of an HTTPS answer may count as a policy (RFC 8461 §3.2, §3.3).

use std::fmt;

use mail::Domain;

use crate::policy::MAX_POLICY;

/// Why an answer is no policy, before anybody reads its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The status is not 200; the status.
    Status(u16),
    /// The media type is not `text/plain`.
    MediaType,
    /// The body is encoded (gzip and others), which nobody asked for.
    Encoded,
    /// The body is longer than [`MAX_POLICY`].
    TooLong,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) if (300..400).contains(status) => {
                write!(f, "status {status}: a redirect, which is never followed")
            }
            Self::Status(status) => write!(f, "status {status} instead of 200"),
            Self::MediaType => f.write_str("the media type is not text/plain"),
            Self::Encoded => f.write_str("the body is compressed, which was not asked for"),
            Self::TooLong => write!(f, "the body is longer than {MAX_POLICY} bytes"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The host that serves the policy of a domain, at the path `/.well-known/mta-sts.txt`; `None` where its name would be
/// too long.
pub fn policy_host(domain: &Domain) -> Option<Domain> {
    domain.prefixed("mta-sts").ok()
}

/// Whether an answer may be read as a policy, by its status, the fields Content-Type, Content-Encoding and Content-Length if
/// there are any.
pub fn response(
    status: u16,
    media_type: Option<&[u8]>,
    encoding: Option<&[u8]>,
    length: Option<u64>,
) -> Result<(), Refusal> {
    // RFC 8461 §3.3: only 200 will do; redirects are not followed.
    if status != 200 {
        return Err(Refusal::Status(status));
    }
    // RFC 8461 §3.2: the type guards against pages that users of a site may put there; parameters don't matter.
    let essence = media_type.and_then(|value| value.split(|b| *b == b';').next()).unwrap_or_default();
    if !essence.trim_ascii().eq_ignore_ascii_case(b"text/plain") {
        return Err(Refusal::MediaType);
    }
    let identity = |encoding: &[u8]| encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
    if !encoding.is_none_or(|encoding| identity(encoding.trim_ascii())) {
        return Err(Refusal::Encoded);
    }
    match length {
        Some(length) if !usize::try_from(length).is_ok_and(|length| length <= MAX_POLICY) => {
            Err(Refusal::TooLong)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, media_type: &str, encoding: &str, expected: Result<(), Refusal>) {
        let field = |text: &'static str| (text != "-").then_some(text.as_bytes());
        let (media, coding) = (media_type.to_owned().leak(), encoding.to_owned().leak());
        assert_eq!(
            response(status, field(media), field(coding), None),
            expected,
            "{status} {media_type} {encoding}"
        );
    }

    #[test]
    fn sts_04_status_and_type() {
        check(200, "text/plain", "-", Ok(()));
        check(200, "Text/Plain ; charset=utf-16", "-", Ok(()));
        check(200, "text/plain;charset=\"us-ascii\"; x=y", "identity", Ok(()));
        for media_type in
            ["-", "", "text/html", "text/plainer", "text", "application/text/plain", ";text/plain"]
        {
            check(200, media_type, "-", Err(Refusal::MediaType));
        }
        for status in [204, 206, 304, 404, 500, 0] {
            check(status, "text/plain", "-", Err(Refusal::Status(status)));
        }
    }

    #[test]
    fn sts_01_redirects_are_refused() {
        for status in [301, 302, 303, 307, 308] {
            check(status, "text/plain", "-", Err(Refusal::Status(status)));
            assert!(Refusal::Status(status).to_string().contains("redirect"));
        }
    }

    #[test]
    fn sts_02_encoded_and_long_bodies() {
        check(200, "text/plain", "gzip", Err(Refusal::Encoded));
        check(200, "text/plain", "identity, gzip", Err(Refusal::Encoded));
        let length = |length| response(200, Some(b"text/plain"), None, Some(length));
        assert_eq!(length(65_536), Ok(()));
        assert_eq!(length(65_537), Err(Refusal::TooLong));
        assert_eq!(length(1_000_000_000_000), Err(Refusal::TooLong));
    }

    #[test]
    fn sts_09_the_policy_host_belongs_to_the_domain() {
        let host = |domain: &str| policy_host(&Domain::parse(domain).unwrap()).map(|host| host.to_string());
        assert_eq!(host("v.example").as_deref(), Some("mta-sts.v.example"));
        assert_eq!(host(&["a"; 125].join(".")), None);
    }
}
