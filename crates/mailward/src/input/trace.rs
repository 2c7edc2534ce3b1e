//! The envelope as trace fields tell it, for messages that were kept without one. Only used if asked for: whoever
//! wrote the message may have written these fields too, and a verdict can be no better than what it stands on.
//!
//! The rule: the topmost Received field whose `from` clause names a client address that is not a loopback address,
//! after as many Received fields as the caller skips (the hops inside one's own site). HELO, client, recipient and
//! SMTPUTF8 come from that field, the reverse path from the topmost Return-Path or else from that field. Known are the
//! forms that [`mail::received`] reads.

use mail::Header;
use mail::received::{Client, Received, path};

use crate::input::envelope::Envelope;

/// What the trace fields of a message say; nothing if they can't be read. `skip` Received fields from the top are
/// passed over.
pub fn read(header: &Header, skip: usize) -> Envelope {
    let received = header.named("Received").skip(skip).filter_map(|field| Received::parse(field.value));
    let hop = received.filter_map(|received| match received.client {
        Client::Address(ip) if !ip.to_canonical().is_loopback() => Some((ip, received)),
        Client::Address(_) | Client::Unnamed | Client::Ambiguous => None,
    });
    let (ip, hop) = hop.map(|(ip, hop)| (Some(ip), hop)).next().unwrap_or_default();
    let return_path = header.named("Return-Path").next().and_then(|field| path(field.value));
    let rcpt = hop.rcpt.or_else(|| {
        let field = header.fields().find(|f| f.is("X-Original-To") || f.is("Delivered-To"))?;
        Some(field.value.trim_ascii().to_vec()).filter(|rcpt| !rcpt.is_empty())
    });
    Envelope {
        ip,
        helo: hop.helo,
        mail_from: return_path.or(hop.mail_from),
        rcpt: rcpt.into_iter().collect(),
        now: None,
        smtputf8: hop.smtputf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ip helo mail_from rcpt`, `-` for unknown.
    fn told(header: &str, skip: usize) -> String {
        let crlf = header.replace('\n', "\r\n");
        let envelope = read(&Header::parse(crlf), skip);
        let ip = envelope.ip.map_or("-".to_owned(), |ip| ip.to_string());
        let text = |bytes: Option<Vec<u8>>| bytes.map_or("-".to_owned(), mail::printable);
        let rcpt = text(envelope.rcpt.into_iter().next());
        let utf8 = if envelope.smtputf8 { " utf8" } else { "" };
        format!("{ip} {} {} {rcpt}{utf8}", text(envelope.helo), text(envelope.mail_from))
    }

    fn check(header: &str, want: &str) {
        assert_eq!(told(header, 0), want, "{header}");
    }

    #[test]
    fn forms_of_several_programs() {
        check(
            "Return-Path: <a@b.example>\nReceived: from h.example (r.example [192.0.2.1])\n\t(using TLSv1.3 with cipher \
             X (256/256 bits))\n\tby mx (Postfix) with ESMTPS id 1 for <c@d.example>; Mon, 1 Jan\n",
            "192.0.2.1 h.example <a@b.example> <c@d.example>",
        );
        check(
            "Received: from h (unknown [IPv6:2001:db8::1]) by mx with UTF8SMTPS\n",
            "2001:db8::1 h - - utf8",
        );
        check(
            "Received: from r.example ([192.0.2.1]:4711 helo=h.example)\n by mx with esmtps (Exim 4)\n (envelope-from \
             <a@b.example>) id 1 for c@d.example; x\n",
            "192.0.2.1 h.example <a@b.example> c@d.example",
        );
        check("Received: from [192.0.2.1] (port=1 helo=[10.0.0.1]) by mx\n", "192.0.2.1 [10.0.0.1] - -");
        check("Received: from [10.0.0.1] (r.example [192.0.2.1]) by mx\n", "192.0.2.1 [10.0.0.1] - -");
        check(
            "Delivered-To: c@d.example\nReceived: by 2002:a05:1 with SMTP id x; Mon\nReturn-Path: <a@b.example>\n\
             Received: from h.example (r.example. [192.0.2.1])\n by mx.google.com with ESMTPS id 1\n for \
             <c@d.example>\n (version=TLS1_3 cipher=X bits=128/128); x\n",
            "192.0.2.1 h.example <a@b.example> <c@d.example>",
        );
        check(
            "Received: from h.example (192.0.2.1) by x.prod.outlook.com\n (10.1.1.1) with Microsoft SMTP Server id 1 \
             via Frontend Transport; x\n",
            "192.0.2.1 h.example - -",
        );
        check(
            "Received: from unknown (HELO h.example) (192.0.2.1) by mx with SMTP\n",
            "192.0.2.1 h.example - -",
        );
        check("Received: from h (IDENT:root@r [192.0.2.1] (may be forged)) by mx\n", "192.0.2.1 h - -");
        check("Return-Path: <>\nX-Original-To: c@d.example\n", "- - <> c@d.example");
    }

    #[test]
    fn only_the_client_of_the_topmost_hop_counts() {
        let two = "Received: from localhost (localhost [127.0.0.1]) by mx\nReceived: from in (in [10.0.0.9]) by mx\n\
                   Received: from out (out [192.0.2.1]) by gw\n";
        check(two, "10.0.0.9 in - -");
        assert_eq!(told(two, 2), "192.0.2.1 out - -");
        assert_eq!(told(two, 3), "- - - -");
        // An address outside the from clause is not the client's.
        check("Received: from h by mx ([192.0.2.1]) with SMTP\n", "- - - -");
        check("Received: from h (h [::ffff:127.0.0.1]) by mx\n", "- - - -");
    }

    #[test]
    fn rubbish_says_nothing() {
        for header in [
            "Received:\n",
            "Received: from\n",
            "Received: from (((\n",
            "Received: ;;\n",
            "Received: from h ())(\n",
        ] {
            check(header, "- - - -");
        }
        check("Return-Path: rubbish\nReceived: from h ([192.0.2.1\n", "- - - -");
        let deep = format!("Received: from h {}\n", "(".repeat(60_000));
        check(&deep, "- - - -");
    }
}
