//! Where Postfix connects: TCP or a unix socket, made here or given by whoever started the program.
//!
//! Much like the milter's listener. Adapters do not see each other, and a crate for two users of sixty lines would need a
//! place of its own in the house.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// A socket on which Postfix connects. Dropped, it takes the file of a unix socket that it has made with it.
#[derive(Debug)]
pub struct Listener {
    // Goes first, while the socket still listens: nobody else takes that place before it is free.
    _file: Option<SocketFile>,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The file of a unix socket.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Which file that was.
    made: Metadata,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let same = |file: &Metadata| (file.dev(), file.ino()) == (self.made.dev(), self.made.ino());
        // Whoever has put another in its place keeps that; a file that is away already is as good as removed.
        if fs::symlink_metadata(&self.path).is_ok_and(|file| same(&file)) {
            let _ = fs::remove_file(&self.path);
        }
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

    /// Takes a unix socket that is listening; its file belongs to whoever made it. Kept by them over a restart, it lets
    /// clients wait meanwhile.
    pub fn unix(socket: StdUnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Unix(UnixListener::from_std(socket)?), _file: None })
    }

    /// Makes a unix socket at `path` with these rights (like 0o660) and, where given, this owner and group. A socket on
    /// which nobody listens any more is replaced; one that is in use, or another kind of file, is left alone and an error.
    /// It appears at `path` with its rights, never without them.
    pub fn bind_unix(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<Self> {
        is_free(path)?;
        let mut making = path.as_os_str().to_owned();
        making.push(format!(".{}", std::process::id()));
        let making = PathBuf::from(making);
        if let Err(error) = fs::remove_file(&making)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let socket = StdUnixListener::bind(&making)?;
        let mut file = SocketFile { made: fs::symlink_metadata(&making)?, path: making };
        fs::set_permissions(&file.path, fs::Permissions::from_mode(mode))?;
        if let Some((user, group)) = owner {
            chown(&file.path, Some(user), Some(group))?;
        }
        fs::rename(&file.path, path)?;
        file.path = path.to_path_buf();
        Ok(Self { _file: Some(file), ..Self::unix(socket)? })
    }

    /// The next connection. Over TCP small packets are not held back (each write is whole answers, and Postfix waits).
    pub(crate) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let stream = socket.accept().await?.0;
                // It fails on a connection that is dead already, which is found out soon enough.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Socket::Unix(socket) => Ok(Box::new(socket.accept().await?.0)),
        }
    }
}

/// Is there nothing at `path`, or a socket on which nobody listens?
fn is_free(path: &Path) -> io::Result<()> {
    let taken = |kind, why| Err(io::Error::new(kind, why));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            taken(io::ErrorKind::AlreadyExists, "there is a file that is no socket")
        }
        Ok(_) if StdUnixStream::connect(path).is_ok() => {
            taken(io::ErrorKind::AddrInUse, "somebody listens there already")
        }
        Ok(_) => Ok(()),
    }
}
