//! Who may log in, for a real Postfix: the server half of Dovecot's authentication protocol, with one password for all.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The password of everybody.
pub const PASSWORD: &str = "secret";

/// The lines of main.cf for a Postfix whose users log in at this server.
#[must_use]
pub fn settings(server: SocketAddr) -> String {
    format!(
        "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:{server}\n\
         smtpd_sasl_security_options = noanonymous\n"
    )
}

/// Answers until the process ends; gives where.
#[must_use]
pub fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    addr
}

/// `AUTH PLAIN` for this user, as a client says it.
#[must_use]
pub fn plain(user: &str, password: &str) -> String {
    format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{password}")))
}

/// One connection, to its end.
fn answer(stream: TcpStream) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let hello = format!(
        "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t{}\nCUID\t1\nCOOKIE\t{}\nDONE\n",
        process::id(),
        "0".repeat(32)
    );
    writer.write_all(hello.as_bytes()).ok()?;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let mut words = line.split('\t');
        if words.next() != Some("AUTH") {
            continue;
        }
        let id = words.next()?;
        let response = words.find_map(|word| word.strip_prefix("resp="))?;
        let response = String::from_utf8(STANDARD.decode(response).ok()?).ok()?;
        let reply = match response.split('\0').collect::<Vec<_>>()[..] {
            [_, user, PASSWORD] => format!("OK\t{id}\tuser={user}\n"),
            _ => format!("FAIL\t{id}\n"),
        };
        writer.write_all(reply.as_bytes()).ok()?;
    }
    Some(())
}
