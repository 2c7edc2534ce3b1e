//! The server as clients find it: curl, byte for byte, garbage, slow ones, too many.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use web::{GRACE, Listener, MAX_FIELDS, MAX_HEADER, Metrics, Part, Settings, Source, State, Trouble};

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

#[derive(Default)]
struct Fake {
    asked: AtomicU64,
    parts: Mutex<Vec<Part>>,
    troubles: Mutex<Vec<String>>,
}

impl Source for Fake {
    fn metrics(&self, page: &mut Metrics) {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(asked < 3, "a page that fails");
        page.counters("asked_total", "How often this page was asked for.", [([], asked)]);
        page.gauges("parts", "How many parts.", [([("state", "good")], 1.0), ([("state", "bad")], 0.0)]);
    }

    fn health(&self) -> Vec<Part> {
        self.parts.lock().unwrap().clone()
    }

    fn trouble(&self, trouble: &Trouble) {
        self.troubles.lock().unwrap().push(trouble.to_string());
    }
}

struct Site {
    source: Arc<Fake>,
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Site {
    async fn start(settings: Settings) -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let listener = Listener::tcp(socket).unwrap();
        let source = Arc::new(Fake::default());
        source.parts.lock().unwrap().push(Part { name: "milter", state: State::Good });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(web::serve(listener, Arc::clone(&source), settings, async {
            let _ = stopped.await;
        }));
        Self { source, addr, stop: Some(stop), task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Everything that comes back for these bytes.
    async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // The server may have closed the connection before the end.
        let _ = stream.write_all(bytes.as_ref()).await;
        rest(&mut stream).await
    }

    /// The status of the answer to these bytes; 0 where there is none.
    async fn status(&self, bytes: impl AsRef<[u8]>) -> u16 {
        let answer = self.say(bytes).await;
        answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
    }
}

/// What comes until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = async { while let Ok(1..) = stream.read_buf(&mut answer).await {} };
    timeout(Duration::from_secs(20), read).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn curl(site: &Site, path: &str, more: &[&str]) -> Option<String> {
    let mut command = Command::new("curl");
    command.args(["-sS", "-i", "--noproxy", "*"]).args(more);
    let Ok(output) = command.arg(format!("http://{}{path}", site.addr)).output() else {
        eprintln!("a test with curl did NOT run: there is no curl");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_the_pages() {
    let site = Site::start(Settings::default()).await;
    let Some(page) = curl(&site, "/metrics", &[]) else { return };
    let (header, body) = page.split_once("\r\n\r\n").unwrap();
    for field in [
        "HTTP/1.1 200 OK",
        "content-type: text/plain; version=0.0.4; charset=utf-8",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "connection: close",
    ] {
        assert!(header.contains(field), "{field} is not in\n{header}");
    }
    let want = "# HELP asked_total How often this page was asked for.\n# TYPE asked_total counter\nasked_total 1\n\
                # HELP parts How many parts.\n# TYPE parts gauge\nparts{state=\"good\"} 1\nparts{state=\"bad\"} 0\n";
    assert_eq!(body, want);
    let head = curl(&site, "/healthz", &["--head"]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    let page = curl(&site, "/healthz", &["--http1.0"]).unwrap();
    assert!(page.starts_with("HTTP/1.0 200") && page.ends_with("\r\n\r\nmilter: good\n"), "{page}");
}

#[tokio::test]
async fn health_is_told_by_status_and_text() {
    let site = Site::start(Settings::default()).await;
    site.source.parts.lock().unwrap().push(Part { name: "dns", state: State::Bad("no answer for a minute") });
    let answer = site.say(GET).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nmilter: good\ndns: bad: no answer for a minute\n"), "{answer}");
    site.source.parts.lock().unwrap()[1].state = State::Strained("slow");
    assert_eq!(site.status(GET).await, 200);
}

#[tokio::test]
async fn web_10_what_is_no_page_is_refused() {
    let site = Site::start(Settings::default()).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        ("GET /metrics/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        ("GET /%2e%2e/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        ("POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", 405),
        ("OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        ("TRACE /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        ("FOO /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        ("GET /healthz?x=y HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
    ] {
        assert_eq!(site.status(request).await, status, "{request}");
    }
}

#[tokio::test]
async fn web_06_a_name_of_a_stranger_is_refused() {
    let site = Site::start(Settings { names: vec!["mx.example".to_owned()], ..Settings::default() }).await;
    for (fields, status) in [
        ("Host: localhost:9\r\n", 200),
        ("Host: mx.example\r\n", 200),
        ("Host: evil.example\r\n", 421),
        ("Host: 127.0.0.1.evil.example\r\n", 421),
        ("Host: \r\n", 421),
        ("Host: \u{fc}\r\n", 400),
        ("", 400),
        ("Host: 127.0.0.1\r\nHost: evil.example\r\n", 400),
    ] {
        for path in ["/healthz", "/metrics?"] {
            let got = site.status(format!("GET {path} HTTP/1.1\r\n{fields}\r\n")).await;
            let fine = status == 200 && path == "/metrics?";
            // The third time this page fails.
            assert!(got == status || fine, "{path} {fields}: {got}");
        }
    }
    let target = "GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    assert_eq!(site.status(target).await, 421);
    assert_eq!(site.status("GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n").await, 421);
}

#[tokio::test]
async fn web_08_long_headers_are_refused() {
    let site = Site::start(Settings::default()).await;
    let with = |length: usize| {
        let front = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ";
        format!("{front}{}\r\n\r\n", "x".repeat(length - front.len() - 4))
    };
    assert_eq!(site.status(with(MAX_HEADER - 1)).await, 200);
    assert_eq!(site.status(with(MAX_HEADER + 2)).await, 431);
    assert!(matches!(site.status(with(1 << 20)).await, 431 | 0));
    let fields = |count: usize| {
        let others = "X: y\r\n".repeat(count - 1);
        format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n{others}\r\n")
    };
    assert_eq!(site.status(fields(MAX_FIELDS)).await, 200);
    assert_eq!(site.status(fields(MAX_FIELDS + 1)).await, 431);
}

#[tokio::test]
async fn garbage_gets_400_or_nothing() {
    let site = Site::start(Settings::default()).await;
    for garbage in [
        &b"\r\n\r\n\r\n\0\0\0\0"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"EHLO client.example\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost : 127.0.0.1\n\n",
        b"GET /healthz HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /he\x00lthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\xff\xfe\xfd\xfc\r\n\r\n",
    ] {
        let mut stream = site.connect().await;
        stream.write_all(garbage).await.unwrap();
        let _ = stream.shutdown().await;
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{garbage:?}: {answer}");
    }
    assert_eq!(site.status(GET).await, 200);
    assert!(site.source.troubles.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_is_one_question() {
    let site = Site::start(Settings::default()).await;
    let answer = site.say(GET.repeat(5)).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_page_that_panics_harms_nobody_else() {
    let site = Site::start(Settings::default()).await;
    let metrics = GET.replace("/healthz", "/metrics");
    for status in [200, 200, 0] {
        assert_eq!(site.status(&metrics).await, status);
    }
    assert_eq!(site.status(GET).await, 200);
    assert_eq!(*site.source.troubles.lock().unwrap(), ["what served a connection has panicked"]);
}

#[tokio::test]
async fn web_08_slow_clients_are_cut_off_and_make_place() {
    let settings = Settings { connections: 2, header: Duration::from_millis(300), ..Settings::default() };
    let site = Site::start(settings).await;
    let (mut silent, mut slow) = (site.connect().await, site.connect().await);
    slow.write_all(&GET.as_bytes()[..GET.len() - 2]).await.unwrap();
    // Both are taken before the third, which is turned away at once.
    assert_eq!(site.status(GET).await, 0);
    assert_eq!(*site.source.troubles.lock().unwrap(), ["refused a connection: 2 are open"]);
    let (one, other) = tokio::join!(rest(&mut silent), rest(&mut slow));
    assert!(one.is_empty() && !other.contains(" 200 "), "{one}{other}");
    assert_eq!(site.status(GET).await, 200);
}

#[tokio::test]
async fn web_08_nobody_stays_longer_than_allowed() {
    // Nothing else ends it while the test waits.
    let header = Duration::from_secs(600);
    let settings = Settings { whole: Duration::from_millis(300), header, ..Settings::default() };
    let site = Site::start(settings).await;
    let mut silent = site.connect().await;
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn shutdown_waits_for_nobody_who_says_nothing() {
    let mut site = Site::start(Settings::default()).await;
    let mut half = site.connect().await;
    half.write_all(b"GET /healthz").await.unwrap();
    // Answered after the other was taken.
    assert_eq!(site.status(GET).await, 200);
    let start = Instant::now();
    site.stop.take().unwrap().send(()).unwrap();
    site.task.await.unwrap();
    assert!(start.elapsed() < GRACE + Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(TcpStream::connect(site.addr).await.is_err());
    assert!(!rest(&mut half).await.contains(" 200 "));
}
