//! Unix sockets: one of the server's own, and one that it was given. What a listener does is tested in `accept`.

use std::fs;
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
async fn net_14_a_unix_socket_serves_and_goes_away() {
    let folder = Folder::new("rights");
    let path = folder.0.join("socket");
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
