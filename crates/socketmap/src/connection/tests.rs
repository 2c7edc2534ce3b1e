//! How much is kept of answers that nobody takes.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::duplex;

use super::*;
use crate::client::Client;
use crate::reply::{MAX_VALUE, Value};

/// Counts what it is asked, and has the longest answer.
#[derive(Default)]
struct Large(AtomicUsize);

impl Lookup for Large {
    async fn lookup(&self, _: Request<'_>) -> Reply {
        self.0.fetch_add(1, Ordering::SeqCst);
        Reply::Ok(Value::new(&"x".repeat(MAX_VALUE)).unwrap())
    }

    fn trouble(&self, trouble: &Trouble) {
        panic!("{trouble}");
    }
}

#[tokio::test]
async fn nothing_is_looked_up_ahead_of_what_is_taken() {
    let (mut stream, client) = duplex(1000);
    let (lookup, settings) = (Large::default(), Settings::default());
    let (_stop, stopped) = watch::channel(false);
    let serving = converse(&mut stream, &lookup, &settings, stopped);
    let asking = async {
        let mut client = Client::new(client);
        for _ in 0..50 {
            client.queue(b"m", b"k");
        }
        client.flush().await.unwrap();
        for number in 1..=50 {
            tokio::task::yield_now().await;
            // One answer is on its way, one more may wait for it.
            let asked = lookup.0.load(Ordering::SeqCst);
            assert!(asked <= number + 1, "{asked} before answer {number}");
            assert!(matches!(client.reply().await.unwrap(), Reply::Ok(_)));
        }
    };
    let (served, ()) = tokio::join!(serving, asking);
    served.unwrap();
}
