//! Deliveries under policies out of the server: to an MX that the DNS names and that cannot do TLS.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use socketmap::{Listener, Settings};
use testkit::real::postfix::Postfix;
use testkit::real::smtp::Sink;
use testkit::real::{Knot, Root, knot, wait_until};
use tokio::runtime::Runtime;

use super::common::{Running, Table, start_on};

/// A Postfix, its DNS, the MX of every domain below `receiver.test`, and the server.
pub struct Site {
    pub postfix: Postfix,
    pub table: Arc<Table>,
    pub mx: Sink,
    pub server: Option<Running>,
    pub runtime: Runtime,
    _dns: Knot,
}

/// Where the socket lies in Postfix's folder.
const SOCKET: &str = "queue/socketmap";

impl Site {
    /// `map` is the socketmap's address; `None` for the server's unix socket. Lines of main.cf may name the MX's address
    /// as `ADDRESS`.
    pub fn start(root: &Root, map: Option<String>, settings: &str) -> Self {
        let mx = Sink::start_as_mx();
        let zone = format!(
            ". 300 SOA . . 1 1 1 1 300\n. 300 NS .\nmx.receiver.test. 300 A {0}\n*.receiver.test. 300 MX 10 mx.receiver.test.\n",
            mx.addr.ip()
        );
        let dns = knot(&zone).expect("the root that has postfix has knot");
        // $queue_directory is known to Postfix alone.
        let map = map.unwrap_or_else(|| "unix:$queue_directory/socketmap".to_owned());
        let settings = settings.replace("ADDRESS", &mx.addr.ip().to_string());
        let settings = format!(
            "relay_transport = smtp\nsmtp_tls_policy_maps = socketmap:{map}:tls\nsmtp_tls_security_level = may\n{settings}\n"
        );
        let postfix = Postfix::start_with_dns(root, &settings, "", dns.addr);
        let table = Arc::new(Table::default());
        let mut site = Self { postfix, table, mx, server: None, runtime: Runtime::new().unwrap(), _dns: dns };
        site.serve();
        site
    }

    /// Starts a server on Postfix's unix socket.
    pub fn serve(&mut self) {
        let folder = self.postfix.folder();
        let user = std::fs::metadata(folder.join("data")).unwrap();
        assert_ne!(user.uid(), 0);
        let _guard = self.runtime.enter();
        let listener =
            Listener::bind_unix(&folder.join(SOCKET), 0o600, Some((user.uid(), user.gid()))).unwrap();
        let nowhere = ([127, 0, 0, 1], 0).into();
        self.server = Some(start_on(&self.table, Settings::default(), listener, nowhere));
    }

    /// Ends the server.
    pub fn end(&mut self) {
        let server = self.server.take().unwrap();
        self.runtime.block_on(server.end());
    }

    /// Sends a message to somebody in a domain, and waits until Postfix has an end for it: what its log says.
    pub fn send(&self, domain: &str) -> String {
        let before = self.postfix.log().matches(" status=").count();
        let mut client = self.postfix.converse();
        client.say("EHLO client.example");
        let reply = client.message("", &[&format!("b@{domain}")], b"Subject: x\r\n\r\nbody\r\n");
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
        assert!(wait_until(|| self.postfix.log().matches(" status=").count() > before));
        let log = self.postfix.log();
        let line = log.lines().rfind(|line| line.contains(" status=")).unwrap();
        line.split_once("dsn=").unwrap().1.to_owned()
    }

    /// The keys asked since so many.
    fn asked_since(&self, before: usize) -> String {
        self.table.asked()[before..].join(" ")
    }

    /// Sends to a domain: the keys that are asked, how it ends.
    fn check(&self, domain: &str, keys: &str, end: &str) {
        let before = self.table.asked().len();
        let found = self.send(domain);
        assert_eq!(self.asked_since(before), keys, "{domain}");
        assert!(found.contains(end), "{domain}: {found}\n{}", self.postfix.log());
    }
}

const ROUTES: &str = "transport_maps = inline:{ \
    {host.receiver.test = smtp:[mx.receiver.test]} \
    {host-port.receiver.test = smtp:[mx.receiver.test]:25} \
    {port.receiver.test = smtp:else.receiver.test:25} \
    {address.receiver.test = smtp:[ADDRESS]} \
    {address-port.receiver.test = smtp:[ADDRESS]:25} \
    {upper.receiver.test = smtp:[MX.Receiver.TEST]:25} }";

#[test]
fn net_11_what_postfix_asks_and_what_it_makes_of_the_answer() {
    for root in Root::all(&["postfix", "knotd"]) {
        let site = Site::start(&root, None, ROUTES);
        let sent = "status=sent";
        let address = site.mx.addr.ip();
        site.check("none.receiver.test", "none.receiver.test", sent);
        site.check("may.receiver.test", "may.receiver.test", sent);
        site.check("MAY.Receiver.TEST", "MAY.Receiver.TEST", sent);
        site.check("nothing.receiver.test", "nothing.receiver.test .receiver.test .test", sent);
        site.check(
            "nothing.a.B.receiver.test",
            "nothing.a.B.receiver.test .a.B.receiver.test .B.receiver.test .receiver.test .test",
            sent,
        );
        site.check("host.receiver.test", "[mx.receiver.test]", sent);
        site.check("host-port.receiver.test", "[mx.receiver.test]:25", sent);
        site.check("port.receiver.test", "else.receiver.test:25", sent);
        site.check("address.receiver.test", &format!("[{address}]"), sent);
        site.check("address-port.receiver.test", &format!("[{address}]:25"), sent);
        site.check("upper.receiver.test", "[MX.Receiver.TEST]:25", sent);
        let delivered = site.mx.arrived().len();
        for (domain, why) in [
            ("encrypt.receiver.test", "TLS is required, but was not offered"),
            ("temp.receiver.test", "4.7.5"),
            ("timeout.receiver.test", "4.7.5"),
            ("perm.receiver.test", "4.7.5"),
        ] {
            site.check(domain, domain, "status=deferred");
            site.check(domain, domain, why);
        }
        assert_eq!(site.mx.arrived().len(), delivered);
        assert!(wait_until(|| site.postfix.queued("deferred") == 8), "{}", site.postfix.log());
        assert_eq!(site.table.troubles(), [""; 0]);
    }
}
