//! Limits of connections and file descriptors.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use testkit::real::wait_until;

use super::program::Program;

const CONFIG: &str = "[[listener]]\nname = 'in'\naddress = '127.0.0.1:0'\nfor = 'inbound'\n[receiving]\ndeadline = '1s'\n\
                      [dns]\nservers = '127.0.0.1:1'\n[web]\naddress = '127.0.0.1:0'\n";

/// Whether the other side closes a connection at once.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn net_06_one_connection_too_many_is_closed_at_once_and_counted() {
    let program = Program::start(&format!("{CONFIG}[daemon]\nconnections = 2\n"));
    let held = [0, 1].map(|_| TcpStream::connect(program.addr()).unwrap());
    assert!(is_closed(&TcpStream::connect(program.addr()).unwrap()));
    assert!(!held.iter().any(is_closed));
    program.says("kind=too-many", 1);
    assert!(program.page("/metrics").1.contains("mailward_connections_refused_total 1\n"));
    drop(held);
    let accepted = || TcpStream::connect(program.addr()).is_ok_and(|stream| !is_closed(&stream));
    assert!(wait_until(accepted));
}

#[test]
fn net_13_with_few_file_descriptors_it_goes_on() {
    let few = ["sh", "-c", "ulimit -n 128; exec \"$@\"", "sh"];
    let mut program = Program::start_by(|_| few.map(str::to_owned).into(), CONFIG);
    // Half of them are for other things.
    program.says("connections=64", 1);
    let storm: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(program.addr()).unwrap()).collect();
    assert!(storm.iter().skip(64).all(is_closed), "{}", program.log());
    assert!(!storm.iter().take(8).any(is_closed), "{}", program.log());
    assert_eq!(program.page("/healthz").0, 200);
    drop(storm);
    assert!(wait_until(|| program.page("/metrics").1.contains("mailward_connections 0\n")));
    assert_eq!(program.show("client.test", "x@a.example").last, "Accept");
    assert!(program.log().matches("kind=too-many").count() <= 10, "{}", program.log());
    program.end();
}
