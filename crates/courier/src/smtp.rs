//! As much SMTP as it takes to come to STARTTLS (RFC 5321, RFC 3207), with a server that may be an attacker's.

use std::io;

use mail::Domain;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::certificate::Certificate;
use crate::connect::Unreached;

/// Longest line of a reply, in bytes, its end included. RFC 5321 §4.5.3.1.5 allows 512.
pub const MAX_LINE: usize = 2 << 10;
/// Most lines of a reply.
pub const MAX_LINES: usize = 64;

/// Why the certificates of a mail server were not seen. Texts from outside are printable and short.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no connection.
    #[error(transparent)]
    Unreached(#[from] Unreached),
    /// The connection ended or broke.
    #[error("the connection ended: {0}")]
    Ended(io::Error),
    /// It says something else than was hoped for.
    #[error("{0} was answered with \"{1}\"")]
    Refused(&'static str, String),
    /// Its reply is none, or has no end.
    #[error("no reply of SMTP: {0}")]
    Reply(&'static str),
    /// It does not offer STARTTLS.
    #[error("STARTTLS is not offered")]
    NoTls,
    /// Something stands behind a reply that nobody asked for; behind that to STARTTLS, somebody in between may have put it there.
    #[error("there is more behind the answer to {0}, in clear")]
    Injected(&'static str),
    /// There is no name to ask for.
    #[error("no TLS: {0} is no name for a certificate")]
    Name(Domain),
    /// The handshake failed.
    #[error("no TLS: {0}")]
    Tls(String),
    /// The handshake was signed with another key than that of the certificate.
    #[error("no TLS: the server does not have the key of its certificate")]
    Key,
    /// The certificate can't be used at all.
    #[error("no TLS: its certificate is {0}")]
    Certificate(Certificate),
    /// It took too long.
    #[error("no answer in time")]
    Late,
}

/// A reply of a server.
struct Reply {
    code: [u8; 3],
    /// What stands behind the code, line by line.
    lines: Vec<Vec<u8>>,
}

/// Talks with a server until TLS is to begin on the stream. Nothing that came in clear is left for it.
pub(crate) async fn starttls<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    helo: &Domain,
) -> Result<(), ProbeError> {
    expect(stream, "the connection", b"220").await?;
    say(stream, &format!("EHLO {helo}\r\n")).await?;
    let hello = expect(stream, "EHLO", b"250").await?;
    // RFC 5321 §4.1.1.1: the first line is the greeting, each of the others begins with a keyword.
    let offered = |line: &Vec<u8>| {
        line.split(u8::is_ascii_whitespace).next().is_some_and(|word| word.eq_ignore_ascii_case(b"STARTTLS"))
    };
    if !hello.lines.iter().skip(1).any(offered) {
        return Err(ProbeError::NoTls);
    }
    say(stream, "STARTTLS\r\n").await?;
    expect(stream, "STARTTLS", b"220").await.map(drop)
}

/// Takes leave; whoever does not listen any more misses nothing.
pub(crate) async fn quit<S: AsyncWrite + Unpin>(stream: &mut S) {
    if say(stream, "QUIT\r\n").await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> Result<(), ProbeError> {
    stream.write_all(line.as_bytes()).await.map_err(ProbeError::Ended)?;
    stream.flush().await.map_err(ProbeError::Ended)
}

async fn expect<S: AsyncRead + Unpin>(
    stream: &mut S,
    to: &'static str,
    code: &[u8; 3],
) -> Result<Reply, ProbeError> {
    let reply = reply(stream, to).await?;
    if reply.code == *code {
        return Ok(reply);
    }
    let text = reply.lines.join(b" ".as_slice());
    let text = [reply.code.as_slice(), b" ", &text].concat();
    Err(ProbeError::Refused(to, mail::shortened(text, 200)))
}

/// Reads a reply (RFC 5321 §4.2), and sees to it that nothing stands behind it.
async fn reply<S: AsyncRead + Unpin>(stream: &mut S, to: &'static str) -> Result<Reply, ProbeError> {
    let (mut buffer, mut lines, mut code) = (Vec::new(), Vec::new(), None);
    loop {
        while let Some(end) = buffer.iter().position(|octet| *octet == b'\n') {
            let rest = buffer.split_off(end + 1);
            let line = std::mem::replace(&mut buffer, rest);
            let (its, last, text) = parse(&line)?;
            if *code.get_or_insert(its) != its {
                return Err(ProbeError::Reply("its lines have several codes"));
            }
            lines.push(text.to_vec());
            if last {
                // RFC 3207 §6, and CVE-2011-0411: what came before TLS must not count as if it came over it.
                let clean = buffer.is_empty();
                return if clean { Ok(Reply { code: its, lines }) } else { Err(ProbeError::Injected(to)) };
            }
            if lines.len() == MAX_LINES {
                return Err(ProbeError::Reply("too many lines"));
            }
        }
        if buffer.len() >= MAX_LINE {
            return Err(ProbeError::Reply("a line is too long"));
        }
        let mut octets = [0; MAX_LINE];
        let room = MAX_LINE - buffer.len();
        let room = octets.get_mut(..room).unwrap_or_default();
        match stream.read(room).await.map_err(ProbeError::Ended)? {
            0 => return Err(ProbeError::Ended(io::ErrorKind::UnexpectedEof.into())),
            count => buffer.extend_from_slice(room.get(..count).unwrap_or_default()),
        }
    }
}

/// The code of a line, whether it is the last, and what else it says.
fn parse(line: &[u8]) -> Result<([u8; 3], bool, &[u8]), ProbeError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let wrong = ProbeError::Reply("a line begins with no code");
    let Some((code, rest)) = line.split_first_chunk::<3>() else { return Err(wrong) };
    match (code.iter().all(u8::is_ascii_digit), rest) {
        (true, []) => Ok((*code, true, rest)),
        (true, [b' ', text @ ..]) => Ok((*code, true, text)),
        (true, [b'-', text @ ..]) => Ok((*code, false, text)),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// What comes of a server that says these things, one after each thing that is said to it, and what was said to it.
    async fn check(says: &[&str], expected: &str) {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 20);
        let says: Vec<String> = says.iter().map(ToString::to_string).collect();
        let server = async move {
            let mut heard = String::new();
            for text in says {
                theirs.write_all(text.as_bytes()).await.unwrap();
                let mut octets = [0; 100];
                let count = theirs.read(&mut octets).await.unwrap();
                heard += std::str::from_utf8(&octets[..count]).unwrap();
            }
            heard
        };
        let client = async {
            let helo = Domain::parse("h.example").unwrap();
            let found = starttls(&mut ours, &helo).await;
            drop(ours);
            found.map_or_else(|why| why.to_string(), |()| "TLS".to_owned())
        };
        let (found, heard) = tokio::join!(client, server);
        assert_eq!(found, expected);
        let whole = "EHLO h.example\r\nSTARTTLS\r\n";
        assert!(whole.starts_with(&heard), "{heard:?}");
    }

    const HI: &str = "220 mx\r\n";
    const OFFER: &str = "250-mx\r\n250 STARTTLS\r\n";

    #[tokio::test]
    async fn to_starttls() {
        check(&[HI, OFFER, "220 go\r\n"], "TLS").await;
        check(&["220-hello\r\n220\r\n", "250-mx\n250-starttls\n250 SIZE 1\n", "220-a\r\n220 b\r\n"], "TLS")
            .await;
    }

    #[tokio::test]
    async fn refusals() {
        check(&["554 go away\r\n"], "the connection was answered with \"554 go away\"").await;
        check(&[HI, "502 what\x1b?\r\n"], "EHLO was answered with \"502 what\\x1b?\"").await;
        check(&[HI, OFFER, "454-not\r\n454 now\r\n"], "STARTTLS was answered with \"454 not now\"").await;
        for hello in
            ["250 mx\r\n", "250 STARTTLS\r\n", "250-mx\r\n250 XSTARTTLS\r\n", "250-mx\r\n250 X STARTTLS\r\n"]
        {
            check(&[HI, hello], "STARTTLS is not offered").await;
        }
    }

    #[tokio::test]
    async fn what_stands_behind_a_reply_is_refused() {
        let injected = "there is more behind the answer to STARTTLS, in clear";
        check(&[HI, OFFER, "220 go\r\n250 mx\r\n"], injected).await;
        check(&[HI, OFFER, "220 go\r\nx"], injected).await;
        check(&[HI, OFFER, "220 go\r\n\r\n"], injected).await;
        check(
            &[HI, "250-mx\r\n250 STARTTLS\r\n220 go\r\n"],
            "there is more behind the answer to EHLO, in clear",
        )
        .await;
    }

    #[tokio::test]
    async fn limits_on_both_sides() {
        let line = |length: usize| format!("220-{}\r\n220 x\r\n", "a".repeat(length - 6));
        check(&[&line(MAX_LINE), OFFER, "220 go\r\n"], "TLS").await;
        check(&[&line(MAX_LINE + 1)], "no reply of SMTP: a line is too long").await;
        let lines = |count: usize| "220-a\r\n".repeat(count - 1) + "220 a\r\n";
        check(&[&lines(MAX_LINES), OFFER, "220 go\r\n"], "TLS").await;
        check(&[&lines(MAX_LINES + 1)], "no reply of SMTP: too many lines").await;
    }

    #[tokio::test]
    async fn replies_that_are_none() {
        let wrong = "no reply of SMTP: a line begins with no code";
        for text in ["\r\n", "22\r\n", "hello\r\n", "220_x\r\n", "2200\r\n", "HTTP/1.1 400 Bad Request\r\n"] {
            check(&[text], wrong).await;
        }
        check(&["220-a\r\n250 b\r\n"], "no reply of SMTP: its lines have several codes").await;
    }
}
