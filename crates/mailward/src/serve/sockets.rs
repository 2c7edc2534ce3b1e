//! The sockets of the listeners and of the pages: made here, or given by systemd. Opened before rights are given up and
//! threads start.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use accept::BoundUnix;
use listenfd::ListenFd;
use nix::unistd::{Group, User};

use crate::config::listener::{Address, Listener, UnixSocket};
use crate::config::{Web, web};
use crate::input::InputError;

/// What the socket of the pages is called among those that systemd gives.
const WEB: &str = "web";
const ACTIVATION: &str = "socket activation";

/// A socket on which nobody is served yet.
#[derive(Debug)]
pub(super) enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket of ours.
    Unix(BoundUnix),
    /// A unix socket of systemd's.
    Given(UnixListener),
}

/// All of them.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Those of the listeners, in their order.
    pub(super) listeners: Vec<Socket>,
    /// That of the pages.
    pub(super) web: Option<Socket>,
    /// Why there is none, where the usual place is taken.
    pub(super) no_web: Option<InputError>,
}

/// Opens the sockets of all listeners, and that of the pages where some are shown.
pub(super) fn open(listeners: &[Listener], web: Option<&Web>) -> Result<Sockets, InputError> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut given = ListenFd::from_env();
    let count = given.len();
    let mut wanted: Vec<&str> = listeners.iter().map(|listener| listener.name.as_str()).collect();
    wanted.extend(web.map(|_| WEB));
    let places = places(count, &names, &wanted, listeners.len())?;
    let mut places = places.into_iter();
    let mut opened = Vec::new();
    for (listener, place) in listeners.iter().zip(&mut places) {
        opened.push(place.map_or_else(|| bind(listener), |index| take(&mut given, index))?);
    }
    let mut sockets = Sockets { listeners: opened, web: None, no_web: None };
    match (web, places.next().flatten()) {
        (Some(_), Some(index)) => sockets.web = Some(take(&mut given, index)?),
        (Some(Web { address: Some(address) }), None) => match pages(*address) {
            Ok(socket) => sockets.web = Some(socket),
            // Mail is not to wait for pages that nobody asked for.
            Err(error) if *address == web::DEFAULT_ADDRESS => sockets.no_web = Some(error),
            Err(error) => return Err(error),
        },
        _ => {}
    }
    Ok(sockets)
}

/// Which of the sockets that systemd gives is whose, in the order of `wanted`. By their names where one of them is known; what
/// is not among them is opened here. Otherwise by their order: those of the `listeners`, and that of the pages last.
fn places(
    count: usize,
    names: &str,
    wanted: &[&str],
    listeners: usize,
) -> Result<Vec<Option<usize>>, InputError> {
    let failed = |message: String| Err(InputError::new(ACTIVATION, message));
    let names: Vec<&str> = names.split(':').collect();
    if count == 0 {
        return Ok(vec![None; wanted.len()]);
    }
    if names.len() != count || !names.iter().any(|name| wanted.contains(name)) {
        return match count == wanted.len() || count == listeners {
            true => Ok((0..wanted.len()).map(|index| (index < count).then_some(index)).collect()),
            false => failed(format!(
                "systemd gives {count} sockets, and the configuration has {listeners} listeners"
            )),
        };
    }
    for (index, name) in names.iter().enumerate() {
        let shown = mail::printable(name);
        if !wanted.contains(name) {
            return failed(format!("systemd gives a socket named {shown}, and no listener has that name"));
        }
        if names.iter().take(index).any(|other| other == name) {
            return failed(format!("systemd gives two sockets named {shown}"));
        }
    }
    Ok(wanted.iter().map(|name| names.iter().position(|given| given == name)).collect())
}

fn take(given: &mut ListenFd, index: usize) -> Result<Socket, InputError> {
    // Whether it is of the other kind is an error of this one.
    if let Ok(Some(socket)) = given.take_tcp_listener(index) {
        return Ok(Socket::Tcp(socket));
    }
    match given.take_unix_listener(index) {
        Ok(Some(socket)) => Ok(Socket::Given(socket)),
        _ => Err(InputError::new(ACTIVATION, format!("socket {index} is neither TCP nor unix"))),
    }
}

fn bind(listener: &Listener) -> Result<Socket, InputError> {
    let failed = |error: io::Error| {
        let message = format!("the listener can't be opened at {}: {error}", listener.address);
        InputError::new(listener.name.as_str(), message)
    };
    match &listener.address {
        Address::Tcp(address) => TcpListener::bind(address).map(Socket::Tcp).map_err(failed),
        Address::Unix(socket) => {
            let owner = owner(socket).map_err(failed)?;
            BoundUnix::bind(&socket.path, socket.mode, owner).map(Socket::Unix).map_err(failed)
        }
    }
}

fn pages(address: SocketAddr) -> Result<Socket, InputError> {
    TcpListener::bind(address).map(Socket::Tcp).map_err(|error| {
        InputError::new("[web]", format!("there are no pages at {address}: {error}"))
            .with_help("address names another place, or none with \"\"")
    })
}

fn owner(socket: &UnixSocket) -> io::Result<Option<(u32, u32)>> {
    let Some((user, group)) = &socket.owner else { return Ok(None) };
    let unknown = |kind: &str, name: &str| {
        io::Error::new(io::ErrorKind::NotFound, format!("there is no {kind} {name}"))
    };
    let user = User::from_name(user)?.ok_or_else(|| unknown("user", user))?;
    let group = Group::from_name(group)?.ok_or_else(|| unknown("group", group))?;
    Ok(Some((user.uid.as_raw(), group.gid.as_raw())))
}

impl Socket {
    /// Where it is, as it turned out; `None` for one without a place in the file system.
    fn place(&self) -> Option<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok().map(Address::Tcp),
            Self::Given(socket) => {
                let path = socket.local_addr().ok()?.as_pathname()?.to_owned();
                Some(Address::Unix(UnixSocket { path, mode: 0, owner: None }))
            }
            Self::Unix(_) => None,
        }
    }

    /// Where the listener is, as it turned out.
    pub(super) fn address(&self, listener: &Listener) -> String {
        match (self, self.place()) {
            (_, Some(place)) => place.to_string(),
            (Self::Given(_), None) => "a socket of systemd's".to_owned(),
            (Self::Tcp(_) | Self::Unix(_), None) => listener.address.to_string(),
        }
    }

    /// Where the pages are, as a browser wants it.
    pub(super) fn url(&self) -> String {
        match self.place() {
            Some(Address::Tcp(address)) => format!("http://{address}/"),
            Some(place) => place.to_string(),
            None => "a socket of systemd's".to_owned(),
        }
    }

    /// Takes connections on it; inside a runtime.
    pub(super) fn listen(self) -> io::Result<accept::Listener> {
        match self {
            Self::Tcp(socket) => accept::Listener::tcp(socket),
            Self::Unix(socket) => socket.listen(),
            Self::Given(socket) => accept::Listener::unix(socket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two listeners and the pages, and what systemd gives.
    #[track_caller]
    fn check(count: usize, names: &str, want: Result<[Option<usize>; 3], &str>) {
        let got = places(count, names, &["in", "out", WEB], 2);
        match (got, want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want, "{count} {names}"),
            (Err(got), Err(want)) => assert!(got.message.contains(want), "{count} {names}: {got}"),
            (got, want) => panic!("{count} {names}: {got:?}, not {want:?}"),
        }
    }

    #[test]
    fn sockets_of_systemd_find_their_listeners() {
        check(0, "", Ok([None, None, None]));
        check(2, "", Ok([Some(0), Some(1), None]));
        check(3, "", Ok([Some(0), Some(1), Some(2)]));
        check(2, "mailward.socket:mailward.socket", Ok([Some(0), Some(1), None]));
        check(1, "mailward.socket", Err("gives 1 sockets"));
        check(4, "", Err("gives 4 sockets"));
        check(3, "web:out:in", Ok([Some(2), Some(1), Some(0)]));
        check(1, "web", Ok([None, None, Some(0)]));
        check(2, "out:in", Ok([Some(1), Some(0), None]));
        check(2, "out:other", Err("named other"));
        check(2, "out:out", Err("two sockets named out"));
        // Names that are not as many as the sockets mean nothing.
        check(2, "web", Ok([Some(0), Some(1), None]));
    }
}
