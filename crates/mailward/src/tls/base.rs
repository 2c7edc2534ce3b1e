//! What a keeper needs of the database, which tests make up.

use std::future::Future;

use mail::{Domain, UnixTime};
use store::{Error, Forgotten, Store, TlsEvent, TlsPolicy, TlsStored};

/// The database, by the methods of [`Store`] of the same names.
pub trait Base: Send + Sync + 'static {
    /// The policy that is kept of a domain, and what is not to be kept any more.
    fn tls_stored(&self, domain: &Domain) -> impl Future<Output = Result<TlsStored, Error>> + Send;

    /// What was said last of a domain, if it was kept.
    fn tls_answered(&self, domain: &Domain) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// Keeps a policy; false if one is there that was fetched later, or if it is not to be kept any more.
    fn put_tls_policy(
        &self,
        policy: &TlsPolicy,
        known: Forgotten,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Has a policy be due later.
    fn postpone_tls_policy(
        &self,
        domain: &Domain,
        refresh_at: UnixTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Policies in force that should be fetched again.
    fn due_tls_policies(
        &self,
        now: UnixTime,
        days: u32,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<TlsPolicy>, Error>> + Send;

    /// What was forgotten after a day before `newest`.
    fn forgotten_tls_policies(
        &self,
        newest: Forgotten,
    ) -> impl Future<Output = Result<Vec<(Domain, Forgotten)>, Error>> + Send;

    /// Counts a day of use of each of these domains.
    fn use_tls_policies(
        &self,
        domains: &[Domain],
        now: UnixTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps what came to pass.
    fn note_tls(&self, events: &[TlsEvent]) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes what is too old, and what is too much.
    fn trim_tls(&self, bytes: u64, now: UnixTime) -> impl Future<Output = Result<u64, Error>> + Send;
}

impl Base for Store {
    async fn tls_stored(&self, domain: &Domain) -> Result<TlsStored, Error> {
        Self::tls_stored(self, domain).await
    }

    async fn tls_answered(&self, domain: &Domain) -> Result<Option<String>, Error> {
        Self::tls_answered(self, domain).await
    }

    async fn put_tls_policy(&self, policy: &TlsPolicy, known: Forgotten) -> Result<bool, Error> {
        Self::put_tls_policy(self, policy, known).await
    }

    async fn postpone_tls_policy(&self, domain: &Domain, refresh_at: UnixTime) -> Result<(), Error> {
        Self::postpone_tls_policy(self, domain, refresh_at).await
    }

    async fn due_tls_policies(&self, now: UnixTime, days: u32, limit: u32) -> Result<Vec<TlsPolicy>, Error> {
        Self::due_tls_policies(self, now, days, limit).await
    }

    async fn forgotten_tls_policies(&self, newest: Forgotten) -> Result<Vec<(Domain, Forgotten)>, Error> {
        Self::forgotten_tls_policies(self, newest).await
    }

    async fn use_tls_policies(&self, domains: &[Domain], now: UnixTime) -> Result<(), Error> {
        Self::use_tls_policies(self, domains, now).await
    }

    async fn note_tls(&self, events: &[TlsEvent]) -> Result<(), Error> {
        Self::note_tls(self, events).await
    }

    async fn trim_tls(&self, bytes: u64, now: UnixTime) -> Result<u64, Error> {
        Self::trim_tls(self, bytes, now).await
    }
}
