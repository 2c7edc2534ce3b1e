//! One question to one resolver, as bytes, so that everything in the answer can be seen: over UDP and TCP, with EDNS.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// A name that is signed as long as anything is.
pub(super) const SIGNED: &str = "";
/// A name that never is: RFC 8375 §7 wants its delegation to be insecure.
pub(super) const UNSIGNED: &str = "home.arpa";

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How often UDP is tried.
const TRIES: usize = 2;
/// The UDP answers that we say we take, in bytes (the size that DNS Flag Day 2020 settled on).
const UDP_SIZE: u16 = 1232;
/// RFC 1035 §3.2.2 and RFC 6891 §6.1.1.
const SOA: u16 = 6;
const OPT: u16 = 41;

/// What an answer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The response code: 0 for an answer, 3 for no such name.
    pub(super) code: u8,
    /// Whether the resolver says that all of it is authentic (AD, RFC 4035 §3.2.3).
    pub(super) authentic: bool,
    /// Whether there is an OPT record: the resolver speaks EDNS (RFC 6891 §6.1.1).
    pub(super) edns: bool,
}

/// Asks for the SOA record of a name over UDP.
pub(super) async fn udp(server: SocketAddr, name: &str) -> io::Result<Said> {
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    let (query, id) = query(name);
    for _ in 0..TRIES {
        socket.send(&query).await?;
        let answer = async {
            let mut bytes = vec![0; usize::from(u16::MAX)];
            loop {
                let length = socket.recv(&mut bytes).await?;
                // Something else may have come to this port.
                if let Some(said) = bytes.get(..length).and_then(|bytes| read(bytes, id)) {
                    return io::Result::Ok(said);
                }
            }
        };
        if let Ok(said) = timeout(TIMEOUT, answer).await {
            return said;
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The same over TCP.
pub(super) async fn tcp(server: SocketAddr, name: &str) -> io::Result<Said> {
    let (query, id) = query(name);
    let ask = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(query.len()).unwrap_or_default();
        stream.write_all(&[&length.to_be_bytes()[..], &query].concat()).await?;
        let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut bytes).await?;
        read(&bytes, id).ok_or_else(|| io::ErrorKind::InvalidData.into())
    };
    timeout(TIMEOUT, ask).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A query (RFC 1035 §4.1) and its id. AD in it asks for AD in the answer (RFC 6840 §5.7).
fn query(name: &str) -> (Vec<u8>, [u8; 2]) {
    // What keeps strangers out is the connected socket; a doctor asks nothing whose answer matters.
    let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos());
    let id = ((nanos >> 4) as u16).to_be_bytes();
    let mut query = id.to_vec();
    // RD and AD; one question, and one additional record.
    query.extend([0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        query.push(u8::try_from(label.len()).unwrap_or_default());
        query.extend(label.as_bytes());
    }
    query.push(0);
    query.extend([SOA.to_be_bytes(), [0, 1]].concat());
    // RFC 6891 §6.1.2: the root, OPT, the size that is taken, no flags, nothing in it.
    query.push(0);
    query.extend([OPT.to_be_bytes(), UDP_SIZE.to_be_bytes(), [0, 0], [0, 0], [0, 0]].concat());
    (query, id)
}

/// Reads an answer; `None` for what is none to this query.
fn read(bytes: &[u8], id: [u8; 2]) -> Option<Said> {
    let [a, b, flags, code, header @ ..] = bytes.first_chunk::<12>()?;
    if [*a, *b] != id || flags & 0x80 == 0 {
        return None;
    }
    let count = |at: usize| Some(u16::from_be_bytes([*header.get(at)?, *header.get(at + 1)?]));
    let mut rest = bytes.get(12..)?;
    for _ in 0..count(0)? {
        rest = skip_name(rest)?.get(4..)?;
    }
    let mut edns = false;
    for _ in 0..u32::from(count(2)?) + u32::from(count(4)?) + u32::from(count(6)?) {
        rest = skip_name(rest)?;
        let (fixed, behind) = rest.split_first_chunk::<10>()?;
        let [high, low, .., length_high, length_low] = fixed;
        edns |= u16::from_be_bytes([*high, *low]) == OPT;
        rest = behind.get(usize::from(u16::from_be_bytes([*length_high, *length_low]))..)?;
    }
    Some(Said { code: code & 0x0f, authentic: code & 0x20 != 0, edns })
}

/// What stands behind a name.
fn skip_name(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, behind) = rest.split_first()?;
        match length {
            0 => return Some(behind),
            // RFC 1035 §4.1.4: a pointer ends a name.
            0xc0.. => return behind.get(1..),
            length => rest = behind.get(usize::from(*length)..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let (query, id) = query("home.arpa");
        assert_eq!(read(&query, id), None, "a question is no answer");
        let mut answer = query.clone();
        answer[2] |= 0x80;
        answer[3] = 0x03;
        assert_eq!(read(&answer, id), Some(Said { code: 3, authentic: false, edns: true }));
        answer[3] = 0xa0;
        assert_eq!(read(&answer, id), Some(Said { code: 0, authentic: true, edns: true }));
        assert_eq!(read(&answer, [id[0] ^ 1, id[1]]), None);
        for length in 0..answer.len() {
            assert_eq!(read(&answer[..length], id), None, "{length}");
        }
        // An answer whose name is a pointer, and no OPT.
        let mut short = answer[..answer.len() - 11].to_vec();
        (short[7], short[11]) = (1, 0);
        short.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]);
        assert_eq!(read(&short, id), Some(Said { code: 0, authentic: true, edns: false }));
    }
}
