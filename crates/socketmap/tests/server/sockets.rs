//! Unix sockets: one of the server's own, and one that outlives it. What a listener does is tested in `accept`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
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
async fn net_12_a_unix_socket_serves_and_goes_away() {
    let folder = Folder::new("rights");
    let path = folder.0.join("socket");
    let table = Arc::new(Table::default());
    let server = serve(&table, Listener::bind_unix(&path, 0o660, None).unwrap());
    assert!(answered(&path).await);
    server.end().await;
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left");
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
