//! Unix sockets: rights, what is in the way, what is left, and one that outlives its server.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use socketmap::client::Client;
use socketmap::{Listener, Reply, Settings};
use tokio::net::UnixStream;

use super::common::{Running, Table, start_on};

/// A folder of this test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("socketmap-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn serve(table: &Arc<Table>, listener: Listener) -> Running {
    start_on(table, Settings::default(), listener, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

async fn answered(path: &Path) -> bool {
    let mut client = Client::new(UnixStream::connect(path).await.unwrap());
    client.ask(b"policy", b".a").await.unwrap() == Reply::NotFound
}

#[tokio::test]
async fn net_12_a_unix_socket_has_its_rights_and_serves_and_goes_away() {
    let folder = Folder::new("rights");
    let path = folder.0.join("socket");
    for mode in [0o660, 0o600, 0o666] {
        let listener = Listener::bind_unix(&path, mode, None).unwrap();
        let file = fs::symlink_metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, mode);
        drop(listener);
        assert!(fs::symlink_metadata(&path).is_err());
    }
    let table = Arc::new(Table::default());
    let server = serve(&table, Listener::bind_unix(&path, 0o660, None).unwrap());
    assert!(answered(&path).await);
    server.end().await;
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left");
}

#[tokio::test]
async fn net_12_an_owner_is_set_where_that_is_allowed() {
    let folder = Folder::new("owner");
    let path = folder.0.join("socket");
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    match Listener::bind_unix(&path, 0o660, Some((12_345, 23_456))) {
        Ok(_listener) => {
            let file = fs::symlink_metadata(&path).unwrap();
            assert_eq!((file.uid(), file.gid()), (12_345, 23_456));
        }
        Err(error) => {
            assert!(!root && error.kind() == ErrorKind::PermissionDenied, "{error}");
            assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left of a failure");
        }
    }
}

#[tokio::test]
async fn what_is_in_the_way_of_a_socket() {
    let folder = Folder::new("stale");
    let path = folder.0.join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(fs::symlink_metadata(&path).is_ok(), "a socket on which nobody listens");
    let listener = Listener::bind_unix(&path, 0o660, None).unwrap();
    let error = Listener::bind_unix(&path, 0o660, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(UnixStream::connect(&path).await.is_ok(), "the first still listens");
    drop(listener);
    fs::write(&path, "precious").unwrap();
    let error = Listener::bind_unix(&path, 0o660, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let error = Listener::bind_unix(&folder.0.join("no/such/folder"), 0o660, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_socket_that_somebody_put_in_the_place_of_ours_stays() {
    let folder = Folder::new("successor");
    let path = folder.0.join("socket");
    let ours = Listener::bind_unix(&path, 0o660, None).unwrap();
    fs::remove_file(&path).unwrap();
    let theirs = Listener::bind_unix(&path, 0o660, None).unwrap();
    drop(ours);
    let table = Arc::new(Table::default());
    let server = serve(&table, theirs);
    assert!(answered(&path).await);
    server.end().await;
}

/// Who starts the program keeps the socket: clients that come between two servers wait for the second.
#[tokio::test]
async fn a_socket_that_was_given_outlives_its_server() {
    let folder = Folder::new("given");
    let path = folder.0.join("socket");
    let kept = UnixListener::bind(&path).unwrap();
    let table = Arc::new(Table::default());
    let server = serve(&table, Listener::unix(kept.try_clone().unwrap()).unwrap());
    assert!(answered(&path).await);
    server.end().await;
    let mut between = Client::new(UnixStream::connect(&path).await.unwrap());
    between.queue(b"policy", b".a");
    between.flush().await.unwrap();
    let server = serve(&table, Listener::unix(kept.try_clone().unwrap()).unwrap());
    assert_eq!(between.reply().await.unwrap(), Reply::NotFound);
    server.end().await;
    assert!(fs::symlink_metadata(&path).is_ok());
}
