//! The envelope as trace fields tell it, for messages that were kept without one. Only used if asked for: whoever
//! wrote the message may have written these fields too, and a verdict can be no better than what it stands on.
//!
//! The rule: the topmost Received field whose `from` clause names a client address that is not a loopback address,
//! after as many Received fields as the caller skips (the hops inside one's own site). HELO, client, recipient and
//! SMTPUTF8 come from that field, the reverse path from the topmost Return-Path or else from that field. Known are the
//! forms of Postfix, Sendmail, Exim, qmail, Gmail and Microsoft.

use std::net::IpAddr;

use mail::Header;

use crate::input::envelope::{Envelope, parse_ip};

/// What the trace fields of a message say; nothing if they can't be read. `skip` Received fields from the top are
/// passed over.
pub fn read(header: &Header, skip: usize) -> Envelope {
    let hop =
        header.named("Received").skip(skip).find_map(|field| Hop::read(field.value)).unwrap_or_default();
    let return_path = header.named("Return-Path").next().and_then(|field| path(field.value));
    let rcpt = hop.rcpt.or_else(|| {
        let field = header.fields().find(|f| f.is("X-Original-To") || f.is("Delivered-To"))?;
        Some(field.value.trim_ascii().to_vec()).filter(|rcpt| !rcpt.is_empty())
    });
    Envelope {
        ip: hop.ip,
        helo: hop.helo,
        mail_from: return_path.or(hop.mail_from),
        rcpt: rcpt.into_iter().collect(),
        now: None,
        smtputf8: hop.smtputf8,
    }
}

#[derive(Debug, Default)]
struct Hop {
    ip: Option<IpAddr>,
    helo: Option<Vec<u8>>,
    mail_from: Option<Vec<u8>>,
    rcpt: Option<Vec<u8>>,
    smtputf8: bool,
}

/// A word of a Received field, or a comment without its parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a [u8]),
    Comment(&'a [u8]),
}

impl Hop {
    /// Reads the value of a Received field; `None` if it names no client.
    fn read(value: &[u8]) -> Option<Self> {
        let mut tokens = Tokens(value);
        let Some(Token::Word(keyword)) = tokens.next() else { return None };
        let Some(Token::Word(from)) = tokens.next().filter(|_| keyword.eq_ignore_ascii_case(b"from")) else {
            return None;
        };
        let mut hop = Self { helo: Some(from.to_vec()), ..Self::default() };
        let mut clause: &[u8] = b"from";
        for token in tokens {
            match token {
                Token::Comment(text) => hop.read_comment(text, clause == b"from"),
                Token::Word(word) if is_keyword(word) => clause = word,
                Token::Word(word) if clause.eq_ignore_ascii_case(b"for") && hop.rcpt.is_none() => {
                    hop.rcpt = path(word)
                }
                Token::Word(word) if clause.eq_ignore_ascii_case(b"with") => {
                    hop.smtputf8 |= word.get(..8).is_some_and(|w| w.eq_ignore_ascii_case(b"UTF8SMTP"));
                }
                Token::Word(_) => {}
            }
        }
        // Exim names a client without a host name by its address alone: `from [192.0.2.1] (helo=h.example)`.
        hop.ip = hop.ip.or_else(|| bracketed(from));
        hop.ip.is_some_and(|ip| !ip.to_canonical().is_loopback()).then_some(hop)
    }

    fn read_comment(&mut self, text: &[u8], of_client: bool) {
        let mut words = text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"envelope-from") {
                // Exim, in a comment of its own further down.
                self.mail_from = self.mail_from.take().or_else(|| words.next().and_then(path));
            } else if !of_client {
                continue;
            } else if let Some(helo) = word.strip_prefix(b"helo=") {
                self.helo = Some(helo.to_vec());
            } else if word == b"HELO" || word == b"EHLO" {
                // qmail: `from unknown (HELO h.example) (192.0.2.1)`.
                self.helo = words.next().map(<[u8]>::to_vec).or(self.helo.take());
            } else if self.ip.is_none() {
                self.ip = bracketed(word).or_else(|| address(word));
            }
        }
    }
}

fn is_keyword(word: &[u8]) -> bool {
    [&b"by"[..], b"via", b"with", b"id", b"for"].iter().any(|k| word.eq_ignore_ascii_case(k))
}

/// `[192.0.2.1]`, also with a port after it.
fn bracketed(word: &[u8]) -> Option<IpAddr> {
    let end = memchr::memchr(b']', word)?;
    address(word.get(..=end).filter(|w| w.starts_with(b"["))?)
}

fn address(word: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(word).ok().and_then(|word| parse_ip(word).ok())
}

/// What stands in angle brackets, brackets included; or a bare address.
fn path(value: &[u8]) -> Option<Vec<u8>> {
    let value = value.trim_ascii();
    let bracketed = value.starts_with(b"<") && value.ends_with(b">");
    (bracketed || value.contains(&b'@')).then(|| value.to_vec())
}

/// Cuts the value of a Received field at white space and comments, up to the `;` before the date.
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let text = self.0.trim_ascii_start();
        if text.is_empty() || text.starts_with(b";") {
            return None;
        }
        let comment = text.starts_with(b"(");
        let end = if comment { comment_end(text) } else { word_end(text) };
        let (token, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
        self.0 = rest;
        Some(if comment {
            let inner = token.strip_prefix(b"(").unwrap_or(token);
            Token::Comment(inner.strip_suffix(b")").unwrap_or(inner))
        } else {
            Token::Word(token)
        })
    }
}

fn word_end(text: &[u8]) -> usize {
    text.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'(' | b';')).unwrap_or(text.len())
}

/// One past the parenthesis that closes the first one.
fn comment_end(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
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
