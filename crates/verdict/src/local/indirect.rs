//! Signs that a message did not come straight from its author: a mailing list, a forwarder, somebody who sent it again.
//! DMARC can't describe such mail (RFC 9989 §7.4), so it is never refused for failing.

use mail::{Header, ReversePath};

use crate::settings::Envelope;

/// A field of a mailing list (RFC 2369, RFC 2919): its name in lower case, printable.
pub(super) fn list_field(header: &Header) -> Option<String> {
    prefixed(header, b"list-")
}

/// Whether Precedence says that the message is a list's. RFC 3834 §2 knows the field from use only; older list managers
/// write `bulk` and no other sign.
pub(super) fn has_list_precedence(header: &Header) -> bool {
    header.named("Precedence").any(|field| {
        let word = field.value.trim_ascii();
        [&b"list"[..], b"bulk"].iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}

/// A field of an ARC set (RFC 8617 §4.1), valid or not.
pub(super) fn arc_field(header: &Header) -> Option<String> {
    prefixed(header, b"arc-")
}

/// A field of somebody who sent the message again (RFC 5322 §3.6.6).
pub(super) fn resent_field(header: &Header) -> Option<String> {
    prefixed(header, b"resent-")
}

/// Whether a forwarder rewrote the sender, by the Sender Rewriting Scheme: `SRS0=` or `SRS1=`, in any case, also with the
/// other two separators that there are.
///
/// A tag of BATV (`prvs=`) does not count: a sender puts it on its own address.
pub(super) fn is_rewritten(envelope: &Envelope) -> bool {
    let local = match envelope.reverse_path() {
        Some(ReversePath::Mailbox { local, .. }) => local,
        // Who can't write an address may still be a forwarder.
        Some(ReversePath::Invalid(raw)) => {
            raw.into_iter().skip_while(|b| matches!(b, b'<' | b'"' | b' ')).collect()
        }
        Some(ReversePath::Null) | None => return false,
    };
    let tagged = |tag: &[u8]| local.get(..4).is_some_and(|front| front.eq_ignore_ascii_case(tag));
    (tagged(b"SRS0") || tagged(b"SRS1")) && matches!(local.get(4), Some(b'=' | b'+' | b'-'))
}

fn prefixed(header: &Header, prefix: &[u8]) -> Option<String> {
    let mut fields = header.fields();
    let has_prefix = |name: &[u8]| name.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix));
    fields
        .find(|field| has_prefix(field.name))
        .map(|field| mail::shortened(field.name, 40).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signs in a header, as words.
    fn check(header: &str, want: &str) {
        let header = Header::parse(format!("From: a@b.example\r\n{header}\r\n"));
        let precedence = has_list_precedence(&header).then(|| "precedence".to_owned());
        let signs = [list_field(&header), precedence, arc_field(&header), resent_field(&header)];
        let signs: Vec<String> = signs.into_iter().flatten().collect();
        assert_eq!(signs.join(" "), want, "{}", mail::printable(header.raw()));
    }

    #[test]
    fn signs_in_the_header() {
        check("List-Id: <l.example>", "list-id");
        check("LIST-Unsubscribe : <https://l.example>", "list-unsubscribe");
        check("X-List-Id: x", "");
        check("List: x", "");
        check("Listing-x: x", "");
        check("Precedence: list", "precedence");
        check("precedence:\r\n LIST ", "precedence");
        check("Precedence: bulk", "precedence");
        check("Precedence: first-class", "");
        check("Precedence: junk", "");
        check("ARC-Seal: i=1", "arc-seal");
        check("arc-authentication-results: i=1; x; none", "arc-authentication-results");
        check("Arc: x", "");
        check("Resent-From: a@c.example", "resent-from");
        check("Resent: x", "");
        check("Subject: List-Id: x", "");
    }

    fn check_sender(mail_from: &str, want: bool) {
        let envelope = Envelope { mail_from: Some(mail_from.into()), ..Envelope::unknown() };
        assert_eq!(is_rewritten(&envelope), want, "{mail_from}");
    }

    #[test]
    fn rewritten_senders() {
        check_sender("<SRS0=HHH=TT=b.example=a@c.example>", true);
        check_sender("<srs0+HHH=TT=b.example=a@c.example>", true);
        check_sender("<SRS1-HHH=c.example==HHH=TT=b.example=a@d.example>", true);
        check_sender("<\"SRS0=x y\"@c.example>", true);
        check_sender("<SRS0=a@b@c.example", true);
        check_sender("<SRS0@c.example>", false);
        check_sender("<SRS2=x@c.example>", false);
        check_sender("<aSRS0=x@c.example>", false);
        check_sender("<prvs=1234abcdef=a@b.example>", false);
        check_sender("<a@srs0.example>", false);
        check_sender("<>", false);
        assert!(!is_rewritten(&Envelope::unknown()));
    }
}
