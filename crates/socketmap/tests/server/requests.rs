//! What is asked and answered: forms of keys, what is no request, many requests at once, any cut.

use std::sync::Arc;

use socketmap::{Reason, Reply, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::common::{Table, start};
use super::{ask, connect, raw, until};

#[tokio::test]
async fn net_11_keys_reach_the_lookup_as_they_were_sent_and_answers_the_client() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut client = connect(server.addr).await;
    let keys = [
        ("example.com", "OK may key=example.com"),
        ("EXAMPLE.Com", "OK may key=EXAMPLE.Com"),
        ("example.com.", "OK may key=example.com."),
        (".example.com", "NOTFOUND "),
        ("[192.0.2.1]:25", "OK may key=[192.0.2.1]:25"),
        ("[IPv6:2001:db8::1]:25", "OK may key=[IPv6:2001:db8::1]:25"),
        ("user@example.com", "OK may key=user@example.com"),
        ("temp.example", "TEMP the table is away"),
        ("timeout.example", "TIMEOUT the table is slow"),
        ("perm.example", "PERM the table is wrong"),
        ("nothing.example", "NOTFOUND "),
    ];
    for (key, expected) in keys {
        assert_eq!(ask(&mut client, key).await, expected);
    }
    assert_eq!(table.asked(), keys.map(|(key, _)| key));
    assert_eq!(table.troubles(), [""; 0]);
    server.end().await;
}

#[tokio::test]
async fn net_10_what_is_no_netstring_is_refused_and_the_connection_closed() {
    for (sent, expected) in [
        ("0005:", "0 of the connection: a length with a leading zero"),
        ("-1:", "0 of the connection: `-` in a length"),
        ("99999999999:", "0 of the connection: a length above 4096"),
        ("4097:", "0 of the connection: a length above 4096"),
        ("5:abc def,", "7 of the connection: `e` where a comma is to end the netstring"),
        ("12:policy a.bcd;", "15 of the connection: `;` where a comma is to end the netstring"),
        ("GET / HTTP/1.1\r\n", "0 of the connection: `G` in a length"),
    ] {
        let table = Arc::new(Table::default());
        let server = start(&table, Settings::default());
        let why = format!("a client broke the protocol: octet {expected}");
        let reply = Reply::Perm(Reason::new(&why));
        assert_eq!(raw(server.addr, sent.as_bytes()).await, wire(&[reply]), "{sent}");
        until(|| table.troubles() == [why.clone()]).await;
        assert_eq!(table.asked(), [""; 0]);
        server.end().await;
    }
}

/// Answers as they are sent.
fn wire(replies: &[Reply]) -> String {
    let mut out = Vec::new();
    replies.iter().for_each(|reply| reply.encode(&mut out));
    out.escape_ascii().to_string()
}

#[tokio::test]
async fn net_10_what_was_asked_before_is_answered_before() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let answer = raw(server.addr, b"8:policy a,8:policy b,08:policy c,8:policy d,").await;
    let why = "a client broke the protocol: octet 22 of the connection: a length with a leading zero";
    let expected = [
        Reply::Ok(socketmap::Value::new("may key=a").unwrap()),
        Reply::Ok(socketmap::Value::new("may key=b").unwrap()),
        Reply::Perm(Reason::new(why)),
    ];
    assert_eq!(answer, wire(&expected));
    assert_eq!(table.asked(), ["a", "b"]);
    server.end().await;
}

#[tokio::test]
async fn net_10_ten_mebibytes_are_refused_and_the_answer_arrives() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut request = b"10485760:policy ".to_vec();
    request.resize(10 << 20, b'x');
    let answer = raw(server.addr, &request).await;
    assert!(answer.contains("PERM a client broke the protocol: octet 0"), "{answer}");
    server.end().await;
}

#[tokio::test]
async fn net_10_the_longest_request_and_the_longest_answer() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut client = connect(server.addr).await;
    let longest = format!("nothing.{}", "x".repeat(4096 - "policy nothing.".len()));
    assert_eq!(ask(&mut client, &longest).await, "NOTFOUND ");
    assert_eq!(ask(&mut client, "large").await.len(), 100_000);
    let reply = client.ask(b"policy", format!("{longest}x").as_bytes()).await.unwrap();
    assert!(matches!(&reply, Reply::Perm(why) if why.as_str().ends_with("a length above 4096")), "{reply:?}");
    server.end().await;
}

#[tokio::test]
async fn net_10_requests_that_are_none_and_maps_that_are_unknown_do_not_end_a_connection() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"6:policy,0:,2: k,7:other k,").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let all = [
        "no space in a request of 6 octets: it is a map, a space and a key",
        "no space in a request of 0 octets: it is a map, a space and a key",
        "no name of a map before the space",
        "no such map",
    ];
    assert_eq!(answer, wire(&all.map(|why| Reply::Perm(Reason::new(why)))));
    assert_eq!(table.troubles().len(), 3);
    server.end().await;
}

#[tokio::test]
async fn net_10_binary_and_newline_keys() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut client = connect(server.addr).await;
    let every: Vec<u8> = (0..=255).collect();
    client.ask(b"policy", &every).await.unwrap();
    client.ask(b"policy", b"a\nb").await.unwrap();
    assert_eq!(table.asked(), [every.escape_ascii().to_string(), "a\\nb".to_owned()]);
    server.end().await;
}

#[tokio::test]
async fn net_10_ten_thousand_at_once_are_answered_in_order() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let (mut requests, mut expected) = (Vec::new(), Vec::new());
    for number in 0..10_000 {
        let key = if number % 7 == 0 { format!(".{number}") } else { format!("k{number}") };
        socketmap::Request { map: b"policy", key: key.as_bytes() }.encode(&mut requests);
        match number % 7 {
            0 => Reply::NotFound.encode(&mut expected),
            _ => Reply::Ok(socketmap::Value::new(&format!("may key={key}")).unwrap()).encode(&mut expected),
        }
    }
    let sending = tokio::spawn(async move {
        to.write_all(&requests).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut answers = Vec::new();
    from.read_to_end(&mut answers).await.unwrap();
    sending.await.unwrap();
    assert!(answers == expected);
    assert_eq!(table.troubles(), [""; 0]);
    server.end().await;
}

#[tokio::test]
async fn net_10_one_octet_at_a_time() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for octet in b"8:policy a,13:policy .b.com," {
        stream.write_all(&[*octet]).await.unwrap();
        tokio::task::yield_now().await;
    }
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "12:OK may key=a,9:NOTFOUND ,");
    server.end().await;
}

#[tokio::test]
async fn answers_that_are_ready_do_not_wait_for_one_that_is_not() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut client = connect(server.addr).await;
    for key in [b"a".as_slice(), b"b", b"gate", b"c"] {
        client.queue(b"policy", key);
    }
    client.flush().await.unwrap();
    let value = |text| Reply::Ok(socketmap::Value::new(text).unwrap());
    assert_eq!(client.reply().await.unwrap(), value("may key=a"));
    assert_eq!(client.reply().await.unwrap(), value("may key=b"));
    assert_eq!(table.asked(), ["a", "b", "gate"]);
    table.gate.notify_one();
    assert_eq!(client.reply().await.unwrap(), value("may"));
    assert_eq!(client.reply().await.unwrap(), value("may key=c"));
    server.end().await;
}
