//! What Postfix notices of a server that ends and of another that takes its place: nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use socketmap::Settings;
use testkit::real::{Root, wait_until};
use tokio::runtime::Runtime;

use super::common::{Table, start};
use super::deliveries::Site;

#[test]
fn a_restart_between_two_deliveries_is_not_noticed() {
    for root in Root::all(&["postfix", "knotd"]) {
        let mut site = Site::start(&root, None, "");
        for number in 0..3 {
            let end = site.send(&format!("may{number}.receiver.test"));
            assert!(end.contains("status=sent"), "{end}\n{}", site.postfix.log());
            site.end();
            site.serve();
        }
        assert_eq!(site.mx.arrived().len(), 3);
        assert_eq!(site.table.asked().len(), 3);
        assert!(!site.postfix.log().contains("socketmap"), "no warning: {}", site.postfix.log());
    }
}

#[test]
fn without_a_server_mail_waits() {
    for root in Root::all(&["postfix", "knotd"]) {
        let mut site = Site::start(&root, None, "");
        assert!(site.send("may.receiver.test").contains("status=sent"));
        site.end();
        let end = site.send("may.receiver.test");
        assert!(end.starts_with("4.7.5") && end.contains("status=deferred"), "{end}");
        site.serve();
        // The log says so before the message lies in the queue that is flushed.
        assert!(wait_until(|| site.postfix.queued("deferred") == 1));
        let again = wait_until(|| {
            assert!(site.postfix.command("postqueue").arg("-f").status().unwrap().success());
            site.mx.arrived().len() == 2
        });
        assert!(again, "{}", site.postfix.log());
    }
}

/// Hands on to the server what Postfix asks; the answers on the first connection break off in the middle.
fn breaking(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, mut postfix) in listener.incoming().flatten().enumerate() {
            let mut server = TcpStream::connect(server).unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = postfix.read(&mut buffer) {
                    server.write_all(&buffer[..count]).unwrap();
                    let count = server.read(&mut buffer).unwrap();
                    let whole = number > 0;
                    postfix.write_all(&buffer[..if whole { count } else { count / 2 }]).unwrap();
                    if !whole {
                        break;
                    }
                }
            });
        }
    });
    addr
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_an_answer_is_asked_again() {
    for root in Root::all(&["postfix", "knotd"]) {
        let runtime = Runtime::new().unwrap();
        let table = Arc::new(Table::default());
        let guard = runtime.enter();
        let server = start(&table, Settings::default());
        drop(guard);
        let addr = breaking(server.addr);
        let site = Site::start(&root, Some(format!("inet:{}:{}", addr.ip(), addr.port())), "");
        let end = site.send("encrypt.receiver.test");
        assert!(end.contains("TLS is required, but was not offered"), "{end}\n{}", site.postfix.log());
        assert_eq!(table.asked(), ["encrypt.receiver.test", "encrypt.receiver.test"]);
        assert_eq!(table.troubles(), [""; 0]);
    }
}
