//! An OpenDKIM that verifies what a Postfix shows it.

use std::net::{SocketAddr, TcpStream};

use super::{Root, Running, Work, free_address};

/// An OpenDKIM in verify mode that runs until it is dropped. It calls itself `verifier.test`, and finds keys in the DNS.
#[derive(Debug)]
pub struct OpenDkim {
    /// Where it speaks the milter protocol.
    pub addr: SocketAddr,
    _running: Running,
    _work: Work,
}

const CONF: &str = "\
Mode v
Socket inet:PORT@ADDRESS
Background no
AutoRestart no
Syslog no
UserID root
AuthservID verifier.test
AlwaysAddARHeader yes
ResolverConfiguration DIRECTORY/resolver.conf
";

/// For the unbound inside of OpenDKIM, which has ideas of its own about `.test` and loopback.
const RESOLVER_CONF: &str = "\
server:
    module-config: \"iterator\"
    do-not-query-localhost: no
    local-zone: \"test.\" nodefault
forward-zone:
    name: \".\"
    forward-addr: RESOLVER
";

/// Starts one that asks the name server at `resolver`. `None` where no root has OpenDKIM ([`Root::find`]).
#[must_use]
pub fn opendkim(resolver: SocketAddr) -> Option<OpenDkim> {
    let root = Root::find(&["opendkim"])?;
    let (addr, work) = (free_address(0), root.work());
    let conf = CONF
        .replace("PORT", &addr.port().to_string())
        .replace("ADDRESS", &addr.ip().to_string())
        .replace("DIRECTORY", &work.inside().display().to_string());
    let resolver = format!("{}@{}", resolver.ip(), resolver.port());
    work.write("resolver.conf", RESOLVER_CONF.replace("RESOLVER", &resolver));
    let conf = work.write("opendkim.conf", conf);
    let mut command = root.command("opendkim");
    command.arg("-f").arg("-x").arg(conf);
    let mut running = Running::start(command, &work);
    running.wait_until_answers(|| TcpStream::connect(addr).is_ok());
    Some(OpenDkim { addr, _running: running, _work: work })
}
