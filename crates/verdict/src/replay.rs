//! What tells a replayed message from the first copy, as far as one message can: a valid signature says nothing of whom
//! the mail was for.

use std::collections::BTreeSet;

use mail::address::{AddressDomain, AddressList};
use mail::{Domain, Header, PathDomain, ReversePath};

use crate::settings::Envelope;

/// Whom the envelope and the header say that a message is for, both as they came: few ask, and then it is read.
#[derive(Clone, Debug)]
pub(crate) struct Recipients {
    rcpt_to: Vec<Vec<u8>>,
    smtputf8: bool,
    /// The values of the fields To and Cc.
    shown: Vec<Box<[u8]>>,
}

impl Recipients {
    pub(crate) fn new(header: &Header, envelope: &Envelope) -> Self {
        let shown = header.named_any(&["To", "Cc"]);
        Self {
            rcpt_to: envelope.rcpt_to.clone(),
            smtputf8: envelope.smtputf8,
            shown: shown.map(|field| field.value.into()).collect(),
        }
    }

    /// Whether every recipient stands in To or Cc. `None` where that is not known: no recipients, one that has no domain,
    /// or a field that can't be read.
    pub(crate) fn all_named(&self) -> Option<bool> {
        let missing: Option<BTreeSet<_>> =
            self.rcpt_to.iter().map(|raw| recipient(raw, self.smtputf8)).collect();
        let mut missing = missing.filter(|recipients| !recipients.is_empty())?;
        for value in &self.shown {
            for mut mailbox in AddressList::parse(value).ok()?.mailboxes {
                if let AddressDomain::Name(domain) = mailbox.domain {
                    mailbox.local.make_ascii_lowercase();
                    missing.remove(&(mailbox.local, domain));
                }
            }
        }
        Some(missing.is_empty())
    }
}

/// Local part, in lower case, and domain. A forward path is written like a reverse path (RFC 5321 §4.1.2).
fn recipient(raw: &[u8], smtputf8: bool) -> Option<(Vec<u8>, Domain)> {
    match ReversePath::parse(raw, smtputf8) {
        ReversePath::Mailbox { mut local, domain: PathDomain::Name(domain) } => {
            local.make_ascii_lowercase();
            Some((local, domain))
        }
        ReversePath::Mailbox { .. } | ReversePath::Null | ReversePath::Invalid(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, recipients: &[&str], want: Option<bool>) {
        let rcpt_to = recipients.iter().map(|r| r.as_bytes().to_vec()).collect();
        let envelope = Envelope { rcpt_to, ..Envelope::unknown() };
        let recipients = Recipients::new(&Header::parse(header), &envelope);
        assert_eq!(recipients.all_named(), want, "{header} {recipients:?}");
    }

    #[test]
    fn dkp_01_recipients_in_to_or_cc() {
        let header = "To: A <a@x.example>\r\nCc: \"B, b\" <b@Y.example>, G: c@z.example;\r\n";
        check(header, &["<a@x.example>"], Some(true));
        check(header, &["<A@X.example>", "b@y.example", "<c@z.example>"], Some(true));
        check(header, &["<a@x.example>", "<d@x.example>"], Some(false));
        check("Subject: s\r\n", &["<a@x.example>"], Some(false));
        check("Bcc: a@x.example\r\n", &["<a@x.example>"], Some(false));
        check("To: a@x.example <\r\n", &["<a@x.example>"], None);
        check(header, &[], None);
        check(header, &["<postmaster>"], None);
    }
}
