//! Where MTAs connect: TCP or a unix socket, made here or given by whoever started the program.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::handler::Mta;

/// A socket on which MTAs connect. Dropped, it takes the file of a unix socket that it has made with it.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The file of a unix socket.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever has put another in its place keeps that; a file that is away already is as good as removed.
        let _ = fs::remove_file(&self.0);
    }
}

/// Both directions of a connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Listener {
    /// Takes a TCP socket that is listening: bound by the program, or given by systemd.
    pub fn tcp(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Tcp(TcpListener::from_std(socket)?), _file: None })
    }

    /// Takes a unix socket that is listening; its file belongs to whoever made it.
    pub fn unix(socket: StdUnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Unix(UnixListener::from_std(socket)?), _file: None })
    }

    /// Makes a unix socket at `path` with these rights (like 0o660) and, where given, this owner and group. A socket on
    /// which nobody listens any more is replaced; one that is in use, or another kind of file, is left alone and an error.
    /// It appears at `path` with its rights, never without them.
    pub fn bind_unix(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(file) if !file.file_type().is_socket() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "there is a file that is no socket",
                ));
            }
            Ok(_) if StdUnixStream::connect(path).is_ok() => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there already"));
            }
            Ok(_) => {}
        }
        let mut making = path.as_os_str().to_owned();
        making.push(format!(".{}", std::process::id()));
        let making = PathBuf::from(making);
        if let Err(error) = fs::remove_file(&making)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let socket = StdUnixListener::bind(&making)?;
        let file = SocketFile(making);
        fs::set_permissions(&file.0, fs::Permissions::from_mode(mode))?;
        if let Some((user, group)) = owner {
            chown(&file.0, Some(user), Some(group))?;
        }
        fs::rename(&file.0, path)?;
        let file = SocketFile(path.to_path_buf());
        Ok(Self { _file: Some(file), ..Self::unix(socket)? })
    }

    /// The next connection. Over TCP small packets are not held back (each reply is one write, and the MTA waits for it).
    pub(crate) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Mta)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                // It fails on a connection that is dead already, which is found out soon enough.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Mta::Tcp(address.ip().to_canonical())))
            }
            Socket::Unix(socket) => Ok((Box::new(socket.accept().await?.0), Mta::Unix)),
        }
    }
}
