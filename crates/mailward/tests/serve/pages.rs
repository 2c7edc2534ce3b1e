//! `/metrics` and `/healthz` of the program.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use super::program::Program;

/// A listener and pages, and a DNS server that says nothing.
fn config(silent: &UdpSocket, more: &str) -> String {
    format!(
        "[[listener]]\nname = 'in'\naddress = '127.0.0.1:0'\nfor = 'inbound'\n[receiving]\ndeadline = '1s'\n\
         [dns]\nservers = '{}'\n[web]\naddress = '127.0.0.1:0'\n{more}",
        silent.local_addr().unwrap()
    )
}

fn silent() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

#[test]
fn web_09_what_strangers_send_is_counted_and_never_shown() {
    let silent = silent();
    let mut program = Program::start(&config(&silent, ""));
    let said = program.show("evil-7f3a\"} 1\nx{a=\"", "x@evil-7f3a.example");
    assert_eq!(said.last, "Accept", "{said:?}");
    let (status, page) = program.page("/metrics");
    assert_eq!(status, 200);
    for line in [
        "mailward_messages_total{direction=\"inbound\"} 1\n",
        "mailward_results_total{method=\"dmarc\",result=\"temperror\"} 1\n",
        "mailward_connections_total 1\n",
        "mailward_rows_total 1\n",
    ] {
        assert!(page.contains(line), "{line:?} is not in\n{page}");
    }
    assert!(page.contains("mailward_dns_answers_total{reply=\"time-out\"} "), "{page}");
    assert!(!page.contains("reply=\"time-out\"} 0\n"), "{page}");
    assert!(!page.contains("evil"), "{page}");
    let health = program.page("/healthz");
    assert_eq!(health, (200, "milter: good\ndns: good\nstore: good\n".to_owned()));
    let web = program.web();
    program.end();
    assert!(TcpStream::connect(web).is_err());
}

#[test]
fn a_database_that_is_away_strains_and_mail_goes_on() {
    let silent = silent();
    // Nobody answers there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://mailward@{}/mailward?sslmode=disable", nobody.local_addr().unwrap());
    drop(nobody);
    let program = Program::start(&config(&silent, &format!("[store]\nurl = '{url}'\n")));
    assert_eq!(program.show("client.test", "x@a.example").last, "Accept");
    let (status, page) = program.page("/healthz");
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("store: strained: the database is away"), "{page}");
}

#[test]
fn web_08_slow_and_senseless_clients_of_the_pages_harm_nobody() {
    let silent = silent();
    let program = Program::start(&config(&silent, ""));
    let web = program.web();
    // As many as it takes, which say nothing, or half of something.
    let mut slow: Vec<TcpStream> =
        (0..web::MAX_CONNECTIONS).map(|_| TcpStream::connect(web).unwrap()).collect();
    for stream in slow.iter_mut().skip(10) {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: 127").unwrap();
    }
    let closed = |mut stream: TcpStream| matches!(stream.read(&mut [0]), Ok(0) | Err(_));
    assert!(closed(TcpStream::connect(web).unwrap()), "one too many is closed at once");
    program.says("kind=http-too-many", 1);
    assert_eq!(program.show("client.test", "x@a.example").last, "Accept");
    drop(slow);
    assert!(testkit::real::wait_until(|| {
        let mut stream = TcpStream::connect(web).unwrap();
        stream.write_all(b"\0\xff\x16\x03\x01 garbage\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer.starts_with(b"HTTP/1.1 400 ")
    }));
    assert_eq!(program.page("/healthz").0, 200);
    assert!(!program.log().contains("garbage"));
}
