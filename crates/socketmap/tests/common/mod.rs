//! A table that answers by the key and writes down what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketmap::{Listener, Lookup, Reason, Reply, Request, Settings, Trouble, Value, serve};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// The table. A key is answered by its first part, up to a dot or a colon; every other with `may`, and in the map `policy`
/// with the key too, which is no policy for Postfix.
#[derive(Default)]
pub struct Table {
    asked: Mutex<Vec<String>>,
    troubles: Mutex<Vec<String>>,
    /// Lets a `gate` through.
    pub gate: Notify,
}

impl Table {
    /// The keys so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub fn troubles(&self) -> Vec<String> {
        self.troubles.lock().unwrap().clone()
    }
}

impl Lookup for Table {
    async fn lookup(&self, request: Request<'_>) -> Reply {
        let key = request.key.escape_ascii().to_string();
        self.asked.lock().unwrap().push(key.clone());
        if request.map != b"policy" && request.map != b"tls" {
            return Reply::Perm(Reason::new("no such map"));
        }
        match key.split(['.', ':']).next().unwrap() {
            "" | "nothing" => Reply::NotFound,
            "temp" => Reply::Temp(Reason::new("the table is away")),
            "timeout" => Reply::Timeout(Reason::new("the table is slow")),
            "perm" => Reply::Perm(Reason::new("the table is wrong")),
            "panic" => panic!("told to"),
            "gate" => {
                self.gate.notified().await;
                Reply::Ok(Value::new("may").unwrap())
            }
            "slow" => {
                tokio::time::sleep(Duration::from_secs(61)).await;
                Reply::Ok(Value::new("may").unwrap())
            }
            "large" => Reply::Ok(Value::new(&"x".repeat(socketmap::reply::MAX_VALUE)).unwrap()),
            "none" => Reply::Ok(Value::new("none").unwrap()),
            "encrypt" => Reply::Ok(Value::new("encrypt").unwrap()),
            _ if request.map == b"tls" => Reply::Ok(Value::new("may").unwrap()),
            _ => Reply::Ok(Value::new(&format!("may key={key}")).unwrap()),
        }
    }

    fn trouble(&self, trouble: &Trouble) {
        self.troubles.lock().unwrap().push(trouble.to_string());
    }
}

/// A server that runs.
pub struct Running {
    pub addr: SocketAddr,
    pub stop: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<()>,
}

impl Running {
    /// Asks it to stop and waits until it has.
    pub async fn end(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap();
    }
}

/// Serves a table on a port of loopback.
pub fn start(table: &Arc<Table>, settings: Settings) -> Running {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    start_on(table, settings, Listener::tcp(socket).unwrap(), addr)
}

/// Serves a table on a listener.
pub fn start_on(table: &Arc<Table>, settings: Settings, listener: Listener, addr: SocketAddr) -> Running {
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve(listener, Arc::clone(table), settings, async {
        let _ = stopped.await;
    }));
    Running { addr, stop: Some(stop), task }
}
