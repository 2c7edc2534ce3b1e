//! The crates under test: `verdict` over `resolver`.

use dns::Dns;
use mail::UnixTime;
use mail::authres::AuthservId;
use resolver::{Resolver, Server};
use verdict::suffix::BuiltIn;
use verdict::{Inbound, Memo, Settings};

use crate::workload::{Mail, RECEIVER, Words};

/// When every message is judged: after it was signed.
pub const NOW: UnixTime = UnixTime(1_795_168_900);

/// A receiver.
pub struct Ours<D> {
    /// Whom it asks.
    pub dns: D,
    settings: Settings,
    memo: Memo,
}

impl Ours<Resolver> {
    /// With an empty cache in front of one server; to be called in a runtime.
    pub fn with_server(address: std::net::SocketAddr) -> Self {
        let settings = resolver::Settings::new(vec![Server::plain(address)]);
        Self::new(Resolver::new(settings).expect("a resolver"))
    }
}

impl<D: Dns> Ours<D> {
    /// Asks this.
    pub fn new(dns: D) -> Self {
        let name = mail::Domain::parse(RECEIVER).expect("a name");
        Self { dns, settings: Settings::new(AuthservId::from(name)), memo: Memo::default() }
    }

    /// The verdict on one message.
    pub async fn judge(&self, mail: &Mail) -> Words {
        let (header, body) = ::mail::header::split(&mail.bytes);
        let inbound =
            Inbound::new(&mail.envelope, &header, NOW, &self.settings, &BuiltIn).with_memo(&self.memo);
        let mut hasher = inbound.body();
        hasher.update(body);
        let facts = inbound.look_up(&self.dns).await;
        let verdict = inbound.conclude(facts, &hasher.finish());
        Words {
            spf: verdict.spf().mail_from.as_ref().map_or("none", |check| check.outcome().as_str()),
            dkim: verdict.dkim().first().map_or("none", |check| check.outcome().as_str()),
            dmarc: verdict.dmarc().outcome().as_str(),
        }
    }
}
