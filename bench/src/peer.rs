//! mail-auth, used as its documentation shows: a cache for each kind of record, DKIM joined with SPF, then DMARC.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Instant;

use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimResult, DmarcResult, DnsCache, MessageAuthenticator, Mx, Negative, Parameters,
    RecordSet, ResolverCache, SpfResult, TxtRecord,
};

use crate::workload::{Mail, RECEIVER, Words};

/// A receiver.
pub struct Peer {
    authenticator: MessageAuthenticator,
    caches: Caches,
}

impl Peer {
    /// With empty caches in front of one server; to be called in a runtime.
    pub fn with_server(address: SocketAddr) -> Self {
        let mut udp = ConnectionConfig::udp();
        udp.port = address.port();
        let server = NameServerConfig::new(address.ip(), true, vec![udp]);
        let config = ResolverConfig::from_name_servers(vec![server]);
        let authenticator = MessageAuthenticator::new(config, ResolverOpts::default()).expect("a resolver");
        Self { authenticator, caches: Caches::default() }
    }

    /// The verdict on one message.
    pub async fn judge(&self, mail: &Mail) -> Words {
        let ip = mail.envelope.client.expect("every client is known");
        let message = AuthenticatedMessage::parse(&mail.bytes).expect("a message");
        let helo = SpfParameters::helo(ip, &mail.helo, RECEIVER);
        let mail_from = SpfParameters::mail_from(ip, &mail.helo, RECEIVER, &mail.mail_from);
        let (dkim, spf, _helo) = tokio::join!(
            self.authenticator.verify_dkim(self.with_cache(&message)),
            self.authenticator.verify_spf(self.with_cache(mail_from)),
            self.authenticator.verify_spf(self.with_cache(helo)),
        );
        let domain = mail.mail_from.rsplit('@').next().unwrap_or_default();
        let parameters = DmarcParameters::new(&message, &dkim, domain, &spf);
        let dmarc = self.authenticator.verify_dmarc(self.with_cache(parameters)).await;
        Words {
            spf: spf_word(spf.result()),
            dkim: dkim.first().map_or("none", |output| dkim_word(output.result())),
            dmarc: dmarc_word(&dmarc.result()),
        }
    }

    fn with_cache<P>(&self, input: P) -> Parameters<'_, P, Caches> {
        Parameters::new(input).with_cache(&self.caches)
    }
}

fn spf_word(result: SpfResult) -> &'static str {
    match result {
        SpfResult::Pass => "pass",
        SpfResult::Fail => "fail",
        SpfResult::SoftFail => "softfail",
        SpfResult::Neutral => "neutral",
        SpfResult::TempError => "temperror",
        SpfResult::PermError => "permerror",
        SpfResult::None => "none",
    }
}

/// A body that was changed is `neutral` to mail-auth and `fail` to RFC 8601 §2.7.1: a matter of names, not counted.
fn dkim_word(result: &DkimResult) -> &'static str {
    match result {
        DkimResult::Pass => "pass",
        DkimResult::Neutral(_) | DkimResult::Fail(_) => "fail",
        DkimResult::PermError(_) => "permerror",
        DkimResult::TempError(_) => "temperror",
        DkimResult::None => "none",
    }
}

fn dmarc_word(result: &DmarcResult) -> &'static str {
    match result {
        DmarcResult::Pass => "pass",
        DmarcResult::Fail(_) => "fail",
        DmarcResult::TempError(_) => "temperror",
        DmarcResult::PermError(_) => "permerror",
        DmarcResult::None => "none",
    }
}

/// A map behind a lock.
struct Cache<K, V>(Mutex<HashMap<K, (V, Instant)>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Clone> ResolverCache<K, V> for Cache<K, V> {
    fn get<Q>(&self, name: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let map = self.0.lock().expect("no panic");
        let (value, expires) = map.get(name)?;
        (*expires > Instant::now()).then(|| value.clone())
    }

    fn remove<Q>(&self, name: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.lock().expect("no panic").remove(name).map(|(value, _)| value)
    }

    fn insert(&self, key: K, value: V, valid_until: Instant) {
        self.0.lock().expect("no panic").insert(key, (value, valid_until));
    }
}

type Found<T> = Result<RecordSet<T>, Negative>;

#[derive(Default)]
struct Caches {
    txt: Cache<Box<str>, TxtRecord>,
    mx: Cache<Box<str>, Found<Mx>>,
    ipv4: Cache<Box<str>, Found<Ipv4Addr>>,
    ipv6: Cache<Box<str>, Found<Ipv6Addr>>,
    ptr: Cache<IpAddr, Found<Box<str>>>,
}

impl DnsCache for Caches {
    type Txt = Cache<Box<str>, TxtRecord>;
    type Mx = Cache<Box<str>, Found<Mx>>;
    type Ipv4 = Cache<Box<str>, Found<Ipv4Addr>>;
    type Ipv6 = Cache<Box<str>, Found<Ipv6Addr>>;
    type Ptr = Cache<IpAddr, Found<Box<str>>>;

    fn txt(&self) -> Option<&Self::Txt> {
        Some(&self.txt)
    }
    fn mx(&self) -> Option<&Self::Mx> {
        Some(&self.mx)
    }
    fn ipv4(&self) -> Option<&Self::Ipv4> {
        Some(&self.ipv4)
    }
    fn ipv6(&self) -> Option<&Self::Ipv6> {
        Some(&self.ipv6)
    }
    fn ptr(&self) -> Option<&Self::Ptr> {
        Some(&self.ptr)
    }
}
