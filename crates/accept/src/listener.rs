//! Where clients connect: TCP or a unix socket, made here or given by whoever started the program.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// A socket on which clients connect. Dropped, it takes the file of a unix socket that it has made with it.
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

/// Who has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP, from this address.
    Tcp(IpAddr),
    /// Over a unix socket.
    Unix,
}

/// Both directions of a connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The file of a unix socket.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Which file that is.
    id: FileId,
}

/// The device of a file and its number there.
type FileId = (u64, u64);

fn id(path: &Path) -> io::Result<FileId> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever has put another in its place keeps that; a file that is away already is as good as removed.
        if id(&self.path).is_ok_and(|id| id == self.id) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// Takes a TCP socket that is listening: bound by the program, or given by systemd. Inside a runtime.
    pub fn tcp(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { _file: None, socket: Socket::Tcp(TcpListener::from_std(socket)?) })
    }

    /// Takes a unix socket that is listening; its file belongs to whoever made it. Kept by them over a restart, it lets
    /// clients wait meanwhile. Inside a runtime.
    pub fn unix(socket: StdUnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { _file: None, socket: Socket::Unix(UnixListener::from_std(socket)?) })
    }

    /// Makes a unix socket: [`BoundUnix::bind`], and takes it.
    pub fn bind_unix(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<Self> {
        BoundUnix::bind(path, mode, owner)?.listen()
    }

    /// The next connection. Over TCP small packets are not held back: each write is a whole answer, for which the client
    /// waits.
    pub(crate) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                // It fails on a connection that is dead already, which is found out soon enough.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Peer::Tcp(address.ip().to_canonical())))
            }
            Socket::Unix(socket) => Ok((Box::new(socket.accept().await?.0), Peer::Unix)),
        }
    }
}

/// A unix socket that was made, for a program that has no runtime yet. Dropped, it takes its file with it.
#[derive(Debug)]
pub struct BoundUnix {
    // Goes first, as above.
    file: SocketFile,
    socket: StdUnixListener,
}

impl BoundUnix {
    /// Makes a unix socket at `path` with these rights (like 0o660) and, where given, this owner and group. A socket on
    /// which nobody listens any more is replaced; one that is in use, or another kind of file, is left alone and an error.
    /// It appears at `path` with its rights, never without them.
    pub fn bind(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<Self> {
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
        let mut file = SocketFile { id: id(&making)?, path: making };
        fs::set_permissions(&file.path, fs::Permissions::from_mode(mode))?;
        if let Some((user, group)) = owner {
            chown(&file.path, Some(user), Some(group))?;
        }
        fs::rename(&file.path, path)?;
        file.path = path.to_path_buf();
        Ok(Self { file, socket })
    }

    /// Takes it; inside a runtime.
    pub fn listen(self) -> io::Result<Listener> {
        Ok(Listener { _file: Some(self.file), ..Listener::unix(self.socket)? })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn net_12_net_14_a_unix_socket_has_its_rights_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        for mode in [0o660, 0o600, 0o666] {
            let listener = Listener::bind_unix(&path, mode, None).unwrap();
            let file = fs::symlink_metadata(&path).unwrap();
            assert!(file.file_type().is_socket());
            assert_eq!(file.permissions().mode() & 0o777, mode);
            assert!(StdUnixStream::connect(&path).is_ok());
            drop(listener);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
        }
    }

    #[tokio::test]
    async fn net_12_an_owner_is_set_where_that_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let root = fs::metadata("/proc/self").unwrap().uid() == 0;
        match Listener::bind_unix(&path, 0o660, Some((12_345, 23_456))) {
            Ok(_listener) => {
                let file = fs::symlink_metadata(&path).unwrap();
                assert_eq!((file.uid(), file.gid()), (12_345, 23_456));
            }
            Err(error) => {
                assert!(!root && error.kind() == io::ErrorKind::PermissionDenied, "{error}");
                assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left of a failure");
            }
        }
    }

    #[tokio::test]
    async fn what_is_in_the_way_of_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(StdUnixListener::bind(&path).unwrap());
        assert!(fs::symlink_metadata(&path).is_ok(), "a socket on which nobody listens");
        let listener = Listener::bind_unix(&path, 0o660, None).unwrap();
        let error = Listener::bind_unix(&path, 0o660, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(StdUnixStream::connect(&path).is_ok(), "the first still listens");
        drop(listener);
        fs::write(&path, "precious").unwrap();
        let error = Listener::bind_unix(&path, 0o660, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let error = Listener::bind_unix(&folder.path().join("no/such/folder"), 0o660, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_successor_keeps_its_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let first = Listener::bind_unix(&path, 0o600, None).unwrap();
        // It has been put out of the way, as by somebody who cleans up.
        fs::rename(&path, folder.path().join("away")).unwrap();
        let second = Listener::bind_unix(&path, 0o600, None).unwrap();
        drop(first);
        assert!(StdUnixStream::connect(&path).is_ok(), "the second is still found");
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn while_the_file_is_there_somebody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        for _ in 0..200 {
            let listener = Listener::bind_unix(&path, 0o600, None).unwrap();
            let mut waiting = StdUnixStream::connect(&path).unwrap();
            let seen = path.clone();
            // Who finds the file and nobody behind it would take the place, and lose it to the one before. A client that waits
            // for its turn is told when the socket is closed.
            let watch = std::thread::spawn(move || {
                let _ = io::Read::read(&mut waiting, &mut [0]);
                seen.exists()
            });
            drop(listener);
            assert!(!watch.join().unwrap(), "a file without a listener");
        }
    }
}
