//! An unbound in front of another name server: the resolver of a site.

use std::net::{SocketAddr, TcpStream};

use super::{Root, Running, Work, free_address};

/// An unbound that runs until it is dropped.
#[derive(Debug)]
pub struct Unbound {
    /// Where it answers, UDP and TCP: an address of 127.0.0.0/8, port 53 unless this machine has that in use.
    pub addr: SocketAddr,
    _running: Running,
    _work: Work,
}

const CONF: &str = "\
server:
    interface: ADDRESS
    access-control: 127.0.0.0/8 allow
    chroot: \"\"
    username: \"\"
    directory: \"DIRECTORY\"
    pidfile: \"\"
    use-syslog: no
    logfile: \"\"
    do-daemonize: no
    do-ip6: no
    do-not-query-localhost: no
    module-config: \"iterator\"
    qname-minimisation: no
    unblock-lan-zones: yes
    insecure-lan-zones: yes
    local-zone: \"in-addr.arpa.\" nodefault
    local-zone: \"test.\" nodefault
    num-threads: 1
SERVER
stub-zone:
    name: \".\"
    stub-addr: BEHIND
";

/// Starts one that asks the server `behind` for everything, with these lines more in its `server:` clause, and these
/// behind all. `None` where no root has unbound ([`Root::find`]).
#[must_use]
pub fn unbound(behind: SocketAddr, server: &str, clauses: &str) -> Option<Unbound> {
    let root = Root::find(&["unbound"])?;
    let (addr, work) = (free_address(53), root.work());
    let at = |address: SocketAddr| format!("{}@{}", address.ip(), address.port());
    let conf = CONF
        .replace("ADDRESS", &at(addr))
        .replace("DIRECTORY", &work.inside().display().to_string())
        .replace("SERVER", server)
        .replace("BEHIND", &at(behind));
    let conf = work.write("unbound.conf", conf + clauses);
    let mut command = root.command("unbound");
    command.args(["-d", "-c"]).arg(conf);
    let mut running = Running::start(command, &work);
    running.wait_until_answers(|| TcpStream::connect(addr).is_ok());
    Some(Unbound { addr, _running: running, _work: work })
}
