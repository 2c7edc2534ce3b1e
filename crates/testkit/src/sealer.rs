//! An ARC sealer for tests: it adds a set as RFC 8617 §5.1 says, step by step and slowly, and also what no sealer should add.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::oracle::canon::{self, to_bytes, to_text};
use crate::signer::{Signer, TestKey, split, without_b};

/// The names of a set's fields in the order in which a seal covers them.
const NAMES: [&str; 3] = ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"];

/// A set to be added. `{i}` in a text stands for its number.
#[derive(Clone, Debug)]
pub struct Sealer {
    key: TestKey,
    domain: String,
    selector: String,
    /// i=, in all three fields.
    instance: String,
    /// cv=
    status: String,
    /// What stands behind `i=N;` in the ARC-Authentication-Results.
    results: String,
    /// h= of the ARC-Message-Signature.
    signed: String,
    /// More tags of the ARC-Message-Signature and of the ARC-Seal, each with its semicolon.
    more: (String, String),
    /// The domain of the ARC-Message-Signature, if it is another one.
    signer: Option<String>,
    /// Whether the seal covers its own set alone.
    alone: bool,
}

impl Sealer {
    /// A set of this number, with cv= as it must be.
    #[must_use]
    pub fn new(instance: u32, domain: &str, selector: &str, key: &TestKey) -> Self {
        Self {
            key: key.clone(),
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            instance: instance.to_string(),
            status: if instance == 1 { "none" } else { "pass" }.to_owned(),
            results: format!(" {domain}; none"),
            signed: "from:to:subject:date".to_owned(),
            more: Default::default(),
            signer: None,
            alone: false,
        }
    }

    /// With another i=, as it is written.
    #[must_use]
    pub fn instance(mut self, text: &str) -> Self {
        text.clone_into(&mut self.instance);
        self
    }

    /// With this cv=.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    /// With these results, behind the instance and its semicolon.
    #[must_use]
    pub fn results(mut self, results: &str) -> Self {
        results.clone_into(&mut self.results);
        self
    }

    /// With this h=.
    #[must_use]
    pub fn signed(mut self, names: &str) -> Self {
        names.clone_into(&mut self.signed);
        self
    }

    /// With more tags in the ARC-Message-Signature and in the ARC-Seal, `name=value;`.
    #[must_use]
    pub fn more(mut self, message: &str, seal: &str) -> Self {
        self.more = (message.to_owned(), seal.to_owned());
        self
    }

    /// With an ARC-Message-Signature of another domain, which has the same key.
    #[must_use]
    pub fn signer(mut self, domain: &str) -> Self {
        self.signer = Some(domain.to_owned());
        self
    }

    /// With a seal that covers its own set alone (RFC 8617 §5.1.2).
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The message with the set on top.
    #[must_use]
    pub fn seal(&self, message: &[u8]) -> Vec<u8> {
        let Self { instance, selector, domain, .. } = self;
        let signer = self.signer.as_ref().unwrap_or(domain);
        let a = self.key.algorithm();
        let results = format!("ARC-Authentication-Results: i={instance};{}\r\n", self.results);
        let template = format!(
            "ARC-Message-Signature: i={instance}; a={a}; c=relaxed/relaxed; d={signer}; s={selector};\r\n\
             \x20h={}; {}bh={{bh}};\r\n b={{b}}",
            self.signed, self.more.0
        );
        let body_length = self.more.0.split(';').find_map(|tag| tag.trim().strip_prefix("l="));
        let mut maker = Signer::new(signer, selector, &self.key).tag("h", &self.signed).field(&template);
        if let Some(length) = body_length {
            maker = maker.tag("l", length);
        }
        let message_signature = to_text(&maker.signature(message));
        let seal = format!(
            "ARC-Seal: i={instance}; a={a}; cv={}; d={domain}; s={selector}; {}b={{b}}",
            self.status, self.more.1
        );
        let mut hashed = if self.alone { String::new() } else { sets(message) };
        for field in [results.as_str(), message_signature.as_str()] {
            hashed += &(canon::field(true, field.trim_end_matches("\r\n")) + "\r\n");
        }
        hashed += &canon::field(true, &without_b(&seal));
        let signature = STANDARD.encode(self.key.sign(digest(&SHA256, &to_bytes(&hashed)).as_ref()));
        let seal = seal.replace("{b}", &signature) + "\r\n";
        [&to_bytes(&seal), &to_bytes(&message_signature), results.as_bytes(), message].concat()
    }
}

/// The relaxed forms of all sets that the message has, in the order of their numbers.
fn sets(message: &[u8]) -> String {
    let message = to_text(message);
    let (fields, _) = split(&message);
    let mut out = String::new();
    for instance in 1..=50 {
        for name in NAMES {
            for field in &fields {
                let (of, value) = field.split_once(':').unwrap_or_default();
                let number = value.trim_start().strip_prefix("i=").and_then(|v| v.split(';').next());
                if of.eq_ignore_ascii_case(name) && number == Some(&instance.to_string()) {
                    out += &(canon::field(true, field) + "\r\n");
                }
            }
        }
    }
    out
}
