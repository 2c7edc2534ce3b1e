//! The other programs: what goes to them and what comes back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::real::{Root, not_run, python};
use testkit::signer::TestKey;

use crate::served::SIGNED;

/// A key under its selector of signed.example.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) selector: &'static str,
    pub(crate) key: TestKey,
}

/// The signing domain of all messages.
pub(crate) const DOMAIN: &str = "signed.example";

/// One key of each kind.
pub(crate) fn keys() -> [Key; 3] {
    [
        Key { selector: "r1024", key: TestKey::rsa(1024) },
        Key { selector: "r2048", key: TestKey::rsa(2048) },
        Key { selector: "ed", key: TestKey::ed25519(7) },
    ]
}

/// A message to be signed.
pub(crate) struct Job<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) key: &'a Key,
    /// c=
    pub(crate) form: &'a str,
}

/// A program that signs and verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    OpenDkim,
    Dkimpy,
}

impl Peer {
    pub(crate) const ALL: [Self; 2] = [Self::OpenDkim, Self::Dkimpy];

    /// Its name, as people know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenDkim => "OpenDKIM",
            Self::Dkimpy => "dkimpy",
        }
    }

    /// The messages with signatures on top; `None` where the program is not there.
    pub(crate) fn sign(self, jobs: &[Job<'_>]) -> Option<Vec<Vec<u8>>> {
        let jobs: Vec<Value> = jobs
            .iter()
            .map(|job| {
                let (pem, seed) = (job.key.key.private_pem(), job.key.key.seed().unwrap_or_default());
                json!({
                    "message": STANDARD.encode(job.message), "selector": job.key.selector, "domain": DOMAIN,
                    "a": job.key.key.algorithm(), "c": job.form, "pem": pem, "seed": STANDARD.encode(seed),
                })
            })
            .collect();
        let signed = self.run(&json!(jobs), &json!([]))?;
        let bytes = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
        Some(signed["signed"].as_array().unwrap().iter().map(bytes).collect())
    }

    /// `pass`, or what is wrong, for the topmost signature (dkimpy) or any (OpenDKIM).
    pub(crate) fn verify(self, messages: &[Vec<u8>]) -> Option<Vec<String>> {
        side_by_side(messages, |some| {
            let some: Vec<String> = some.iter().map(|message| STANDARD.encode(message)).collect();
            let verified = self.run(&json!([]), &json!(some))?;
            let word = |text: &Value| text.as_str().unwrap().to_owned();
            Some(verified["verified"].as_array().unwrap().iter().map(word).collect())
        })
    }

    fn run(self, sign: &Value, verify: &Value) -> Option<Value> {
        let records: serde_json::Map<String, Value> = keys()
            .iter()
            .map(|key| (format!("{}._domainkey.{DOMAIN}", key.selector), json!(key.key.record())))
            .collect();
        let work = json!({ "time": SIGNED, "keys": records, "sign": sign, "verify": verify });
        let script = match self {
            Self::OpenDkim => {
                // The program comes with its library, which is what is wanted here.
                Root::find(&["opendkim"])?;
                include_str!("peers/opendkim.py")
            }
            Self::Dkimpy => include_str!("peers/dkimpy.py"),
        };
        Some(serde_json::from_slice(&python(script, work.to_string().as_bytes())?).unwrap())
    }
}

/// What pyspf says of every client of every world: the word, and its complaint or the owner's explanation.
pub(crate) fn pyspf(worlds: &[Value]) -> Option<Vec<(String, String)>> {
    let said = side_by_side(worlds, |some| {
        let printed = python(include_str!("peers/pyspf.py"), json!(some).to_string().as_bytes())?;
        Some(serde_json::from_slice(&printed).unwrap())
    });
    if said.is_none() {
        not_run("the comparison with pyspf", "there is no Python");
    }
    said
}

/// How many programs run at once.
const AT_ONCE: usize = 4;

/// Does the work in as many parts as run at once, and gives what came of it in order.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&[T]) -> Option<Vec<R>> + Sync,
) -> Option<Vec<R>> {
    let parts = all.chunks(all.len().div_ceil(AT_ONCE).max(1));
    std::thread::scope(|scope| {
        let running: Vec<_> = parts.map(|part| scope.spawn(|| work(part))).collect();
        let done: Option<Vec<_>> = running.into_iter().map(|part| part.join().unwrap()).collect();
        Some(done?.into_iter().flatten().collect())
    })
}
