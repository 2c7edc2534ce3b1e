//! Unix sockets: rights, what is in the way, and what is left.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use milter::reply::Reply;
use milter::{Listener, Settings};
use tokio::net::UnixStream;

use super::common::{Filter, Plan, WISH, start_on};
use super::mta::{CONNECT, OFFER, head};

/// A folder of this test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("milter-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn net_14_a_unix_socket_has_its_rights_and_serves_and_goes_away() {
    let folder = Folder::new("rights");
    let path = folder.0.join("socket");
    for (mode, owner) in [(0o660, None), (0o600, None), (0o666, None)] {
        let listener = Listener::bind_unix(&path, mode, owner).unwrap();
        let file = fs::symlink_metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, mode);
        drop(listener);
        assert!(fs::symlink_metadata(&path).is_err());
    }
    let filter = Filter::with(Plan::default());
    let listener = Listener::bind_unix(&path, 0o660, None).unwrap();
    let (stop, task) = start_on(&filter, Settings::new(WISH), listener);
    let stream = UnixStream::connect(&path).await.unwrap();
    let mut mta = milter::client::Client::open(stream, OFFER).await.unwrap().0;
    for command in [CONNECT].into_iter().chain(head()) {
        assert_eq!(mta.ask(&command).await.unwrap().last().unwrap(), Reply::Continue);
    }
    drop(mta);
    drop(stop);
    task.await.unwrap();
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left");
}

#[tokio::test]
async fn an_owner_is_set_where_that_is_allowed() {
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
async fn a_socket_that_was_given_is_served_and_stays() {
    let folder = Folder::new("given");
    let path = folder.0.join("socket");
    let listener = Listener::unix(UnixListener::bind(&path).unwrap()).unwrap();
    let filter = Filter::with(Plan::default());
    let (stop, task) = start_on(&filter, Settings::new(WISH), listener);
    let stream = UnixStream::connect(&path).await.unwrap();
    assert!(milter::client::Client::open(stream, OFFER).await.is_ok());
    drop(stop);
    task.await.unwrap();
    assert!(fs::symlink_metadata(&path).is_ok());
}
