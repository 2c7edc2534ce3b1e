//! The sockets of the listeners: made here, or given by systemd. Opened before rights are given up and threads start.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use milter::BoundUnix;
use nix::unistd::{Group, User};

use crate::config::listener::{Address, Listener, UnixSocket};
use crate::input::InputError;

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

/// Opens the sockets of all listeners, in their order; if systemd gives sockets, it gives all of them.
pub(super) fn open(listeners: &[Listener]) -> Result<Vec<Socket>, InputError> {
    let mut given = ListenFd::from_env();
    match given.len() {
        0 => listeners.iter().map(bind).collect(),
        count if count == listeners.len() => (0..count).map(|index| take(&mut given, index)).collect(),
        count => {
            let wanted = listeners.len();
            let message =
                format!("systemd gives {count} sockets, and the configuration has {wanted} listeners");
            Err(InputError::new("socket activation", message))
        }
    }
}

fn take(given: &mut ListenFd, index: usize) -> Result<Socket, InputError> {
    // Whether it is of the other kind is an error of this one.
    if let Ok(Some(socket)) = given.take_tcp_listener(index) {
        return Ok(Socket::Tcp(socket));
    }
    match given.take_unix_listener(index) {
        Ok(Some(socket)) => Ok(Socket::Given(socket)),
        _ => Err(InputError::new("socket activation", format!("socket {index} is neither TCP nor unix"))),
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
    /// Where it is, as it turned out.
    pub(super) fn address(&self, listener: &Listener) -> String {
        match self {
            Self::Tcp(socket) => match socket.local_addr() {
                Ok(address) => Address::Tcp(address).to_string(),
                Err(_) => listener.address.to_string(),
            },
            Self::Given(socket) => {
                let address = socket.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                path.map_or_else(
                    || "a socket of systemd's".to_owned(),
                    |path| format!("unix:{}", crate::input::error::shown(path)),
                )
            }
            Self::Unix(_) => listener.address.to_string(),
        }
    }

    /// Takes connections on it; inside a runtime.
    pub(super) fn listen(self) -> io::Result<milter::Listener> {
        match self {
            Self::Tcp(socket) => milter::Listener::tcp(socket),
            Self::Unix(socket) => socket.listen(),
            Self::Given(socket) => milter::Listener::unix(socket),
        }
    }
}
