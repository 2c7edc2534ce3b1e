//! A small world for checks: a zone, a client, and what was asked.
#![allow(dead_code, clippy::unwrap_used, clippy::disallowed_types)]

use std::collections::HashMap;
use std::sync::Mutex;

use dns::zone::Zone;
use dns::{Answer, Data, Dns, Name, Question, Reply};
use mail::{Helo, ReversePath, UnixTime};
use spf::{Check, Client, Limits, check_helo, check_mail_from};

/// The client is 203.0.113.66 and says `mail.example.net`, unless told otherwise.
#[derive(Debug)]
pub(crate) struct World {
    text: String,
    zone: Zone,
    extra: Vec<(Name, Data)>,
    answers: HashMap<Name, Vec<Data>>,
    asked: Mutex<Vec<String>>,
    ip: String,
    helo: Vec<u8>,
    utf8: bool,
    limits: Limits,
}

/// A world with this zone, in master-file form.
pub(crate) fn world(zone: &str) -> World {
    World {
        text: zone.to_owned(),
        zone: parse(zone),
        extra: Vec::new(),
        answers: HashMap::new(),
        asked: Mutex::default(),
        ip: "203.0.113.66".to_owned(),
        helo: b"mail.example.net".to_vec(),
        utf8: false,
        limits: Limits::default(),
    }
}

/// A zone that may be indented as a whole.
fn parse(zone: &str) -> Zone {
    Zone::parse(zone.lines().map(|line| format!("{}\n", line.trim_start())).collect::<String>()).unwrap()
}

impl Dns for World {
    async fn ask(&self, question: &Question) -> Answer {
        self.asked.lock().unwrap().push(question.to_string());
        match self.answers.get(&question.name) {
            Some(records) => Answer::new(Reply::from_records(records.clone())),
            None => self.zone.answer(question),
        }
    }
}

impl World {
    fn build(mut self) -> Self {
        self.zone = parse(&self.text);
        for (name, data) in &self.extra {
            self.zone.add(name.clone(), 60, data.clone());
        }
        self
    }

    /// With more of a zone.
    pub(crate) fn and(mut self, zone: &str) -> Self {
        self.text = format!("{}\n{zone}\n", self.text);
        self.build()
    }

    /// With one more record.
    pub(crate) fn with(mut self, name: &str, data: Data) -> Self {
        self.extra.push((Name::from_dotted(name).unwrap(), data));
        self.build()
    }

    /// With exactly these records for every question at a name.
    pub(crate) fn answer(mut self, name: &str, records: Vec<Data>) -> Self {
        self.answers.insert(Name::from_dotted(name).unwrap(), records);
        self
    }

    pub(crate) fn ip(self, ip: &str) -> Self {
        Self { ip: ip.to_owned(), ..self }
    }

    pub(crate) fn helo(self, helo: impl AsRef<[u8]>) -> Self {
        Self { helo: helo.as_ref().to_vec(), ..self }
    }

    /// The client asked for SMTPUTF8.
    pub(crate) fn utf8(self) -> Self {
        Self { utf8: true, ..self }
    }

    pub(crate) fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(crate) fn path(&self, path: impl AsRef<[u8]>) -> ReversePath {
        ReversePath::parse(path.as_ref(), self.utf8)
    }

    pub(crate) async fn check(&self, path: &str) -> Check {
        let helo = Helo::parse(&self.helo);
        check_mail_from(self, &self.client(&helo), &self.path(path), &self.limits, None).await
    }

    pub(crate) fn client<'a>(&self, helo: &'a Helo) -> Client<'a> {
        Client {
            ip: self.ip.parse().unwrap(),
            helo,
            receiver: "mx.receiver.test",
            now: UnixTime(1_700_000_000),
        }
    }

    pub(crate) fn mail_from(&self, path: impl AsRef<[u8]>) -> Check {
        let helo = Helo::parse(&self.helo);
        pollster::block_on(check_mail_from(self, &self.client(&helo), &self.path(path), &self.limits, None))
    }

    pub(crate) fn check_helo(&self) -> Check {
        let helo = Helo::parse(&self.helo);
        pollster::block_on(check_helo(self, &self.client(&helo), &self.limits, None))
    }

    /// What the client says in HELO.
    pub(crate) fn helo_said(&self) -> Helo {
        Helo::parse(&self.helo)
    }

    /// The questions, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
