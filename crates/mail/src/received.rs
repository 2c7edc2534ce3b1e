//! One Received field: whom the host that wrote it took the message from (RFC 5321 §4.4). The grammar leaves comments to
//! the writer, and the client's address stands in them; known are the forms of Postfix, Sendmail, Exim, qmail, Gmail and
//! Microsoft.

use std::net::IpAddr;

/// The host that handed the message over, by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Client {
    /// No address is named in a place where one is known to stand.
    #[default]
    Unnamed,
    /// This one.
    Address(IpAddr),
    /// Several, or something that some reader could take for an address: who greets with a clever name may have
    /// written one of them.
    Ambiguous,
}

/// What one field says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Received {
    /// The client's address.
    pub client: Client,
    /// What the client said in HELO or EHLO.
    pub helo: Option<Vec<u8>>,
    /// MAIL FROM, where the writer notes it.
    pub mail_from: Option<Vec<u8>>,
    /// The recipient, where the writer notes one.
    pub rcpt: Option<Vec<u8>>,
    /// Whether the client asked for SMTPUTF8 (RFC 6531 §4.3).
    pub smtputf8: bool,
}

impl Received {
    /// Reads the value of a field; `None` if it does not begin with a `from` clause.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut tokens = Tokens(value);
        let Some(Token::Word(keyword)) = tokens.next() else { return None };
        let Some(Token::Word(name)) = tokens.next().filter(|_| keyword.eq_ignore_ascii_case(b"from")) else {
            return None;
        };
        let mut reader = Reader { client: Client::Unnamed, says_helo: false, helo: Some(name.to_vec()) };
        let mut this = Self::default();
        let mut clause: &[u8] = b"from";
        for token in tokens {
            match token {
                Token::Comment(text) if clause == b"from" => reader.read_comment(text),
                Token::Comment(text) => this.read_comment(text),
                Token::Open => reader.client = Client::Ambiguous,
                Token::Word(word) if is_keyword(word) => clause = word,
                Token::Word(word) if clause.eq_ignore_ascii_case(b"for") && this.rcpt.is_none() => {
                    this.rcpt = path(word);
                }
                Token::Word(word) if clause.eq_ignore_ascii_case(b"with") => {
                    this.smtputf8 |= word.get(..8).is_some_and(|w| w.eq_ignore_ascii_case(b"UTF8SMTP"));
                }
                Token::Word(_) => {}
            }
        }
        // Exim names a client without a host name by its address alone: `from [192.0.2.1] (helo=h.example)`.
        if reader.client == Client::Unnamed && reader.says_helo && name.starts_with(b"[") {
            reader.note(bracketed(name));
        }
        Some(Self { client: reader.client, helo: reader.helo, ..this })
    }

    /// Exim notes the sender in a comment further down.
    fn read_comment(&mut self, text: &[u8]) {
        let mut words = words(text);
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"envelope-from") && self.mail_from.is_none() {
                self.mail_from = words.next().and_then(path);
            }
        }
    }
}

/// The `from` clause as far as it was read.
struct Reader {
    client: Client,
    /// Whether a comment said what the client greeted with, so that the word behind `from` is not that.
    says_helo: bool,
    helo: Option<Vec<u8>>,
}

impl Reader {
    fn read_comment(&mut self, text: &[u8]) {
        let mut rest = words(text);
        let only = rest.next().filter(|_| rest.next().is_none());
        if let Some(address) = only.and_then(address) {
            // Microsoft, qmail: `from h.example (192.0.2.1)`.
            return self.note(Some(address));
        }
        let mut words = words(text);
        while let Some(word) = words.next() {
            if let Some(helo) = word.strip_prefix(b"helo=") {
                self.take_helo(Some(helo));
            } else if word == b"HELO" || word == b"EHLO" {
                // qmail: `from unknown (HELO h.example) (192.0.2.1)`.
                self.take_helo(words.next());
            } else if word.contains(&b'[') {
                self.note(bracketed(word));
            } else if word.contains(&b'\\') {
                // An escape that not every reader undoes.
                self.client = Client::Ambiguous;
            }
        }
    }

    fn take_helo(&mut self, helo: Option<&[u8]>) {
        self.helo = helo.map(<[u8]>::to_vec);
        self.says_helo = true;
    }

    fn note(&mut self, address: Option<IpAddr>) {
        self.client = match (self.client, address) {
            (Client::Unnamed, Some(address)) => Client::Address(address),
            (Client::Address(first), Some(second)) if first == second => Client::Address(first),
            _ => Client::Ambiguous,
        };
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty())
}

fn is_keyword(word: &[u8]) -> bool {
    [&b"by"[..], b"via", b"with", b"id", b"for"].iter().any(|k| word.eq_ignore_ascii_case(k))
}

/// `[192.0.2.1]`, also with a port after it.
fn bracketed(word: &[u8]) -> Option<IpAddr> {
    let (inside, after) = word.strip_prefix(b"[")?.split_at_checked(memchr::memchr(b']', word)? - 1)?;
    let port = after.strip_prefix(b"]")?;
    let is_port = port.strip_prefix(b":").is_some_and(|p| p.iter().all(u8::is_ascii_digit));
    if port.is_empty() || is_port { address(inside) } else { None }
}

fn address(word: &[u8]) -> Option<IpAddr> {
    let tagged = word.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"IPv6:"));
    let word = if tagged { word.get(5..)? } else { word };
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The path in the value of a Return-Path field or behind a keyword: what stands in angle brackets, brackets included,
/// or else a bare address.
pub fn path(value: &[u8]) -> Option<Vec<u8>> {
    let value = value.trim_ascii();
    let bracketed = value.starts_with(b"<") && value.ends_with(b">");
    (bracketed || value.contains(&b'@')).then(|| value.to_vec())
}

/// A piece of a Received field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a [u8]),
    /// Without its parentheses.
    Comment(&'a [u8]),
    /// A comment that does not end.
    Open,
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
        let Some(comment) = text.strip_prefix(b"(") else {
            let (word, rest) = text.split_at_checked(word_end(text))?;
            self.0 = rest;
            return Some(Token::Word(word));
        };
        let Some((inner, rest)) = comment_end(comment).and_then(|end| comment.split_at_checked(end)) else {
            self.0 = &[];
            return Some(Token::Open);
        };
        self.0 = rest.strip_prefix(b")").unwrap_or(rest);
        Some(Token::Comment(inner))
    }
}

fn word_end(text: &[u8]) -> usize {
    text.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'(' | b';')).unwrap_or(text.len())
}

/// Where the parenthesis stands that closes the one before the text.
fn comment_end(text: &[u8]) -> Option<usize> {
    let mut depth = 1_usize;
    text.iter().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `address helo`, `-` for unnamed and `?` for ambiguous.
    fn check(value: &str, want: &str) {
        let got = Received::parse(value.as_bytes()).map_or("none".to_owned(), |received| {
            let client = match received.client {
                Client::Unnamed => "-".to_owned(),
                Client::Address(ip) => ip.to_string(),
                Client::Ambiguous => "?".to_owned(),
            };
            format!("{client} {}", received.helo.map_or("-".to_owned(), crate::printable))
        });
        assert_eq!(got, want, "{value}");
    }

    #[test]
    fn forms_of_several_programs() {
        check(
            " from h.example (r.example [192.0.2.1])\r\n\t(using TLSv1.3 (256/256 bits))\r\n\tby mx; d",
            "192.0.2.1 h.example",
        );
        check("from h (unknown [IPv6:2001:db8::1]) by mx", "2001:db8::1 h");
        check("FROM h (r [2001:db8::1]) by mx", "2001:db8::1 h");
        check("from r.example ([192.0.2.1]:4711 helo=h.example) by mx", "192.0.2.1 h.example");
        check("from [192.0.2.1] (port=1 helo=[10.0.0.1]) by mx", "192.0.2.1 [10.0.0.1]");
        check("from h.example (192.0.2.1) by x (10.1.1.1) with x", "192.0.2.1 h.example");
        check("from unknown (HELO h.example) (192.0.2.1) by mx", "192.0.2.1 h.example");
        check("from h (IDENT:root@r [192.0.2.1] (may be forged)) by mx", "192.0.2.1 h");
    }

    #[test]
    fn what_a_client_says_is_no_address_of_its_own() {
        // HELO as an address literal, as Postfix writes it.
        check("from [10.0.0.1] (unknown [192.0.2.1]) by mx", "192.0.2.1 [10.0.0.1]");
        check("from [10.0.0.1] (unknown) by mx", "- [10.0.0.1]");
        check("from [10.0.0.1] by mx", "- [10.0.0.1]");
        check("from h by mx ([192.0.2.1]) with SMTP", "- h");
        check("from x (a [10.0.0.1]) (unknown [192.0.2.1]) by mx", "? x");
        check("from h (r [192.0.2.1]) (Client CN \"[10.0.0.1]\" (not verified)) by mx", "? h");
        check("from h (r [192.0.2.1] [192.0.2.1]) by mx", "192.0.2.1 h");
        check("from h (HELO [10.0.0.1]) (192.0.2.1) by mx", "192.0.2.1 [10.0.0.1]");
        check("from h (a\\) [10.0.0.1]) by mx", "? h");
        check("from h (r [192.0.2.1]x) by mx", "? h");
        check("from h (r [unknown]) by mx", "? h");
        check("from h (r [192.0.2.1]:25:x) by mx", "? h");
        check("from h (r [192.0.2.1) by mx", "? h");
        check("from h (r [192.0.2.1]", "? h");
        check("from h (r 192.0.2.1) by mx", "- h");
    }

    #[test]
    fn rubbish() {
        for value in [
            "",
            "from",
            "by mx",
            "by mx from h ([192.0.2.1])",
            "from (r [192.0.2.1]) by mx",
            ";;",
            "; from h",
        ] {
            check(value, "none");
        }
        check("from ())(", "none");
        check("from h ())(", "? h");
        check(&format!("from h {}", "(".repeat(60_000)), "? h");
    }
}
