//! Everything but Postfix.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use socketmap::client::Client;
use tempfile::TempDir;
use testkit::https::{Authority, Certified, Flaw, Host, end, ok};
use testkit::real::mx::Mx;
use testkit::real::unbound::{Unbound, unbound};
use testkit::real::{Knot, signed_knot, wait_until};
use tokio::net::TcpStream;

/// The policies that are served, by domain; without one the host answers 404.
pub(crate) type Policies = Arc<Mutex<BTreeMap<String, String>>>;

/// The world: names, policy hosts, mail servers.
pub(crate) struct Lab {
    pub(crate) policies: Policies,
    /// Mail servers by name.
    pub(crate) servers: BTreeMap<&'static str, Mx>,
    pub(crate) resolver: Unbound,
    pub(crate) authority: Authority,
    pub(crate) host: Host,
    _knot: Knot,
}

/// Domains with a policy, their mode and the MX hosts that it allows. Each has one MX host, mx.DOMAIN.
const WITH_POLICY: &[(&str, &str, &str)] = &[
    ("sts-good.test", "enforce", "mx.sts-good.test"),
    ("sts-wild.test", "enforce", "*.sts-wild.test"),
    ("sts-wrong-mx.test", "enforce", "mx.other.test"),
    ("sts-other-name.test", "enforce", "mx.sts-other-name.test"),
    ("sts-expired.test", "enforce", "mx.sts-expired.test"),
    ("sts-unknown.test", "enforce", "mx.sts-unknown.test"),
    ("sts-no-tls.test", "enforce", "mx.sts-no-tls.test"),
    ("sts-testing.test", "testing", "mx.other.test"),
    ("sts-none.test", "none", ""),
    ("sts-dane.test", "enforce", "mx.other.test"),
    ("sts-dane-bad.test", "enforce", "mx.sts-dane-bad.test"),
    // Its MX records are not authentic; its host has TLSA records.
    ("unsigned.test", "enforce", "mx.dane-good.test"),
    ("unsigned-wrong.test", "enforce", "mx.sts-good.test"),
    // Three MX hosts, one of which the DNS does not know.
    ("three.test", "enforce", "*.three.test"),
];

impl Lab {
    /// `None` where a program is not there.
    pub(crate) fn start() -> Option<Self> {
        let authority = Authority::new();
        let good = |names: &[&str]| authority.certificate(names, Flaw::None);
        let mut servers = BTreeMap::new();
        let mut tlsa = String::new();
        let sha256 = |certified: &Certified| -> String {
            digest(&SHA256, &certified.chain[0]).as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
        };
        for domain in [
            "sts-good.test",
            "sts-wild.test",
            "sts-wrong-mx.test",
            "sts-testing.test",
            "sts-none.test",
            "plain.test",
        ] {
            let name: &'static str = format!("mx.{domain}").leak();
            servers.insert(name, Mx::start(Some(good(&[name]))));
        }
        servers.insert("mx.sts-other-name.test", Mx::start(Some(good(&["mx.else.test"]))));
        servers.insert(
            "mx.sts-expired.test",
            Mx::start(Some(authority.certificate(&["mx.sts-expired.test"], Flaw::Expired))),
        );
        let stranger = Authority::new().certificate(&["mx.sts-unknown.test"], Flaw::None);
        servers.insert("mx.sts-unknown.test", Mx::start(Some(stranger)));
        servers.insert("mx.sts-no-tls.test", Mx::start(None));
        servers.insert("mx.plain-no-tls.test", Mx::start(None));
        for (name, honest) in [
            ("mx.dane-good.test", true),
            ("mx.dane-bad.test", false),
            ("mx.sts-dane.test", true),
            ("mx.sts-dane-bad.test", false),
            ("mx.dane-bogus.test", true),
        ] {
            // Nobody but the DNS vouches for these, and one is also good for the web.
            let certified = match name {
                "mx.dane-good.test" => good(&[name]),
                _ => authority.certificate(&[name], Flaw::SelfSigned),
            };
            let hash = if honest { sha256(&certified) } else { "00".repeat(32) };
            tlsa.push_str(&format!("_25._tcp.{name}. 300 TLSA 3 0 1 {hash}\n"));
            servers.insert(name, Mx::start(Some(certified)));
        }
        for name in ["mx1.three.test", "mx3.three.test"] {
            servers.insert(name, Mx::start(Some(good(&[name]))));
        }
        let names: Vec<String> = WITH_POLICY.iter().map(|(domain, ..)| format!("mta-sts.{domain}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let policies: Policies = Arc::default();
        let served = Arc::clone(&policies);
        let host = Host::tls("127.0.0.1:0", good(&names), move |tls| {
            let domain = tls
                .conn
                .server_name()
                .and_then(|name| name.strip_prefix("mta-sts."))
                .unwrap_or_default()
                .to_owned();
            let answer = match served.lock().unwrap().get(&domain) {
                Some(policy) => ok(policy),
                None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            };
            let _ = tls.write_all(&answer);
            end(tls);
        });
        for (domain, mode, mx) in WITH_POLICY {
            let mx = if mx.is_empty() { String::new() } else { format!("mx: {mx}\n") };
            let policy = format!("version: STSv1\nmode: {mode}\n{mx}max_age: 604800\n");
            policies.lock().unwrap().insert((*domain).to_owned(), policy);
        }
        let (knot, anchor) = signed_knot(&zone(&servers, &tlsa))?;
        let insecure = [
            "unsigned.test",
            "unsigned-wrong.test",
            "sts-good.test",
            "sts-wild.test",
            "sts-wrong-mx.test",
            "sts-other-name.test",
            "sts-expired.test",
            "sts-unknown.test",
            "sts-no-tls.test",
            "sts-testing.test",
            "sts-none.test",
            "plain.test",
            "plain-no-tls.test",
            "mass.test",
            "mta-sts.test",
        ];
        let mut server = String::from("    module-config: \"validator iterator\"\n");
        server.push_str(&format!("    trust-anchor: \"{anchor}\"\n"));
        for domain in insecure {
            server.push_str(&format!("    domain-insecure: \"{domain}\"\n"));
        }
        // What nobody can prove: anchors that fit no key.
        for name in ["_tcp.mx.dane-bogus.test", "mx2.three.test"] {
            server.push_str(&format!("    trust-anchor: \"{name}. DS 1 13 2 {}\"\n", "ab".repeat(32)));
        }
        let resolver = unbound(knot.addr, &server, "")?;
        Some(Self { policies, servers, resolver, authority, host, _knot: knot })
    }

    /// All that arrived at the servers of a domain, and how much of it over TLS.
    pub(crate) fn arrived(&self, domain: &str) -> (usize, usize) {
        let all = self.servers.values().flat_map(Mx::arrived);
        let ours: Vec<_> = all.filter(|taken| taken.recipient.ends_with(&format!("@{domain}>"))).collect();
        (ours.len(), ours.iter().filter(|taken| taken.tls).count())
    }
}

fn zone(servers: &BTreeMap<&'static str, Mx>, tlsa: &str) -> String {
    let mut zone = String::from(". 300 SOA . . 1 1 1 1 300\n. 300 NS .\n");
    for (name, mx) in servers {
        zone.push_str(&format!("{name}. 300 A {}\n", mx.addr.ip()));
        if let Some(domain) = name.strip_prefix("mx.") {
            zone.push_str(&format!("{domain}. 300 MX 10 {name}.\n"));
        }
    }
    for (domain, ..) in WITH_POLICY {
        zone.push_str(&format!(
            "_mta-sts.{domain}. 30 TXT \"v=STSv1; id=1;\"\nmta-sts.{domain}. 300 A 127.0.0.1\n"
        ));
    }
    zone.push_str(
        "unsigned.test. 300 MX 10 mx.dane-good.test.\nunsigned-wrong.test. 300 MX 10 mx.dane-good.test.\n",
    );
    for (preference, name) in [(10, "mx2"), (20, "mx1"), (30, "mx3")] {
        zone.push_str(&format!("three.test. 300 MX {preference} {name}.three.test.\n"));
    }
    zone.push_str("mx2.three.test. 300 A 127.0.0.9\n");
    zone.push_str("*.mass.test. 300 TXT \"v=STSv1; id=1;\"\n*.mass.test. 300 MX 10 mx.plain.test.\n");
    zone + tlsa
}

/// The program, until it is dropped.
pub(crate) struct Program {
    child: Child,
    lines: Arc<Mutex<String>>,
    folder: TempDir,
    pub(crate) addr: SocketAddr,
}

impl Program {
    /// At a free port.
    pub(crate) fn start(lab: &Lab, version: &str) -> Self {
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self::start_at(lab, version, &format!("'{addr}'"), addr)
    }

    /// At an address as the configuration has it; what is asked over TCP goes to `addr`.
    pub(crate) fn start_at(lab: &Lab, version: &str, place: &str, addr: SocketAddr) -> Self {
        let tls_policy = format!(
            "address = {place}\npostfix_version = '{version}'\npostfix_dane = true\nhttps_port = {}\n",
            lab.host.address.port()
        );
        Self::with(lab.resolver.addr, &lab.authority, &tls_policy, addr)
    }

    /// One that asks this name server and believes this authority, with these lines in `[tls_policy]`; what is asked over TCP
    /// goes to `addr`.
    pub(crate) fn with(
        resolver: SocketAddr,
        authority: &Authority,
        tls_policy: &str,
        addr: SocketAddr,
    ) -> Self {
        Self::with_store(resolver, authority, tls_policy, addr, "path = 'data'")
    }

    /// The same, with another database.
    pub(crate) fn with_store(
        resolver: SocketAddr,
        authority: &Authority,
        tls_policy: &str,
        addr: SocketAddr,
        store: &str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let text = format!(
            "[[listener]]\nname = 'milter'\naddress = '127.0.0.1:0'\n[dns]\nservers = '{resolver}'\ntrusted = true\n\
             [store]\n{store}\n[web]\naddress = ''\n[tls_policy]\nauthorities = 'ca.pem'\n\
             allowed_networks = '127.0.0.0/8'\n{tls_policy}",
        );
        fs::write(folder.path().join("mailward.toml"), text).unwrap();
        let lines = Arc::default();
        let child = spawn(&folder, &lines);
        let program = Self { child, lines, folder, addr };
        program.says("for=\"TLS policies\"", 1);
        program
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("mailward.toml")
    }

    /// Its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("data/mailward.db")
    }

    /// How much memory it takes, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How much time of a processor it took, in hundredths of a second.
    pub(crate) fn processor(&self) -> u64 {
        processor(self.child.id())
    }

    /// Killed without a word, and started again.
    pub(crate) fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.lock().unwrap().clear();
        self.child = spawn(&self.folder, &self.lines);
        self.says("for=\"TLS policies\"", 1);
    }

    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until something stands in the log so often.
    pub(crate) fn says(&self, what: &str, times: usize) {
        let said = wait_until(|| self.log().matches(what).count() >= times);
        assert!(said, "{what} is not there {times} times:\n{}", self.log());
    }

    /// What it answers to a key.
    pub(crate) fn ask(&self, key: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = Client::new(TcpStream::connect(self.addr).await.unwrap());
            let reply = client.ask(b"tls-policy", key.as_bytes()).await.unwrap();
            let mut out = Vec::new();
            reply.encode(&mut out);
            let text = String::from_utf8(out).unwrap();
            text.split_once(':').unwrap().1.trim_end_matches(',').to_owned()
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How much time of a processor a process took, in hundredths of a second.
pub(crate) fn processor(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn spawn(folder: &TempDir, lines: &Arc<Mutex<String>>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    command.arg("serve").arg("--config").arg(folder.path().join("mailward.toml")).current_dir(folder.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (all, stderr) = (Arc::clone(lines), BufReader::new(child.stderr.take().unwrap()));
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            all.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    child
}
