//! The way of an inbound message: what is known at the end of its header, the look-ups, the body, the conclusion.

use std::pin::pin;

use arc::Chain;
use dkim::{BodyHasher, BodyHashes, Canon, KeyCache, Keys, Verifier};
use dmarc::{Discovery, DkimEvidence, MAX_AUTHOR_DOMAINS, SpfEvidence};
use dns::Dns;
use futures_util::future::{Either, OptionFuture, join, join_all, join4, select};
use mail::{
    Author, AuthorError, Domain, Header, Helo, PathDomain, ReversePath, SuffixList, UnixTime, author,
};

use crate::replay::Recipients;
use crate::settings::{Envelope, Settings, SpfCounts};
use crate::verdict::{Checks, Sent, Spf, Verdict};

/// An inbound message whose header has been read.
pub struct Inbound<'a> {
    envelope: &'a Envelope,
    header: &'a Header,
    now: UnixTime,
    settings: &'a Settings,
    suffixes: &'a dyn SuffixList,
    helo: Option<Helo>,
    reverse_path: Option<ReversePath>,
    author: Result<Author, AuthorError>,
    signatures: Verifier,
    chain: Chain,
    memo: Option<&'a Memo>,
}

/// What was worked out for other messages and is true of this one as well: pure functions of texts, by the text. No
/// verdict depends on it.
#[derive(Debug, Default)]
pub struct Memo {
    /// Parsed key records.
    pub keys: KeyCache,
    /// Parsed SPF records.
    pub spf: spf::RecordMemo,
    /// Parsed DMARC records.
    pub dmarc: dmarc::RecordMemo,
}

/// All that the DNS had to say about a message.
pub struct Facts {
    spf: Spf,
    keys: Keys,
    chain_keys: Keys,
    discovery: Result<Discovery, Unjudged>,
}

/// Why there is no one author domain, and what was asked about several all the same.
struct Unjudged {
    error: AuthorError,
    discoveries: Vec<Discovery>,
}

impl<'a> Inbound<'a> {
    /// Takes what is known when the header has ended.
    pub fn new(
        envelope: &'a Envelope,
        header: &'a Header,
        now: UnixTime,
        settings: &'a Settings,
        suffixes: &'a dyn SuffixList,
    ) -> Self {
        let author = author(header);
        let domain = author.as_ref().ok().map(Author::domain);
        let signatures = Verifier::new(header, domain, &settings.dkim, now, Some(suffixes));
        let chain = Chain::read(header, &settings.dkim, now);
        Self {
            envelope,
            header,
            now,
            settings,
            suffixes,
            helo: envelope.helo(),
            reverse_path: envelope.reverse_path(),
            author,
            signatures,
            chain,
            memo: None,
        }
    }

    /// The same message, looked up faster: `memo` is one for all messages of a receiver.
    #[must_use]
    pub fn with_memo(self, memo: &'a Memo) -> Self {
        Self { memo: Some(memo), ..self }
    }

    /// The hasher that the body has to go through, in chunks of any size, while [`Inbound::look_up`] goes on or after.
    pub fn body(&self) -> BodyHasher {
        self.body_with(None)
    }

    /// The same for a body that somebody else needs in another form too.
    pub fn body_with(&self, more: Option<Canon>) -> BodyHasher {
        BodyHasher::new(self.signatures.forms().chain(self.chain.forms()).chain(more))
    }

    /// Asks all that has to be asked: SPF for both identities, the keys of DKIM and ARC and the DMARC walks, side by side. What SPF will
    /// come to ask is asked ahead of it ([`Dns::warm`]), so that it takes as many round trips as its tree is deep.
    pub async fn look_up<D: Dns>(&self, dns: &D) -> Facts {
        let cache = self.memo.map(|memo| &memo.keys);
        let (keys, chain_keys) = (self.signatures.keys(dns, cache), self.chain.keys(dns, cache));
        let (spf, keys, chain_keys, discovery) =
            join4(self.check_spf(dns), keys, chain_keys, self.discover(dns)).await;
        Facts { spf, keys, chain_keys, discovery }
    }

    /// The verdict.
    pub fn conclude(self, facts: Facts, body: &BodyHashes) -> Verdict {
        let dkim = self.signatures.finish(self.header, &facts.keys, body);
        let arc = self.chain.check(self.header, &facts.chain_keys, body);
        let mail_from = self.spf_evidence(&facts.spf);
        let signatures: Vec<_> = dkim.iter().map(DkimEvidence::from).collect();
        let evaluate = |discovery: &Discovery| dmarc::evaluate(discovery, &mail_from, &signatures);
        let dmarc = match facts.discovery {
            Ok(discovery) => evaluate(&discovery),
            Err(Unjudged { error, discoveries }) => {
                let checks: Vec<_> = discoveries.iter().map(evaluate).collect();
                dmarc::Check::several_authors(error, &checks)
            }
        };
        let sent = Sent {
            client: self.envelope.client,
            by_null: self.reverse_path == Some(ReversePath::Null),
            at: self.now,
            to: Recipients::new(self.header, self.envelope),
        };
        let checks = Checks { spf: facts.spf, author: self.author, dkim, arc, dmarc };
        Verdict::new(self.header, self.settings, sent, checks)
    }

    async fn check_spf<D: Dns>(&self, dns: &D) -> Spf {
        let Some(ip) = self.envelope.client else { return Spf::default() };
        // Not known is not the same as not said, but SPF's macros have to expand to something.
        let unknown = Helo::Other(Vec::new());
        let helo = self.helo.as_ref().unwrap_or(&unknown);
        let receiver = self.settings.authserv_id.as_str();
        let client = spf::Client { ip, helo, receiver, now: self.now };
        let (limits, memo) = (&self.settings.spf, self.memo.map(|memo| &memo.spf));
        let path = self.reverse_path.as_ref();
        let mail_from = async { Some(spf::check_mail_from(dns, &client, path?, limits, memo).await) };
        let helo =
            async { Some(spf::check_helo(dns, &client, limits, memo).await).filter(|_| self.helo.is_some()) };
        let ahead = path.map(|path| spf::explore_mail_from(dns, &client, path, limits, memo));
        let ahead = join(OptionFuture::from(ahead), spf::explore_helo(dns, &client, limits, memo));
        // What is asked ahead goes on beside the checks, each time after them, and no longer: checks that find all
        // answers at hand end before it has begun.
        let (mail_from, helo) = match select(pin!(join(mail_from, helo)), pin!(ahead)).await {
            Either::Left((done, _)) => done,
            Either::Right((_, checks)) => checks.await,
        };
        Spf { mail_from, helo }
    }

    fn spf_evidence(&self, spf: &Spf) -> SpfEvidence {
        let counts = |check: &&spf::Check| match self.settings.spf_counts {
            SpfCounts::Always => true,
            SpfCounts::UnlessPermissive => !check.is_permissive(),
            SpfCounts::Never => false,
        };
        spf.mail_from.as_ref().filter(counts).map_or(SpfEvidence::Other, SpfEvidence::from)
    }

    async fn discover<D: Dns>(&self, dns: &D) -> Result<Discovery, Unjudged> {
        let mut identifiers: Vec<Domain> = self.signatures.domains().cloned().collect();
        identifiers.extend(self.spf_domain());
        let memo = self.memo.map(|memo| &memo.dmarc);
        let options = dmarc::Options { suffixes: self.suffixes, method: self.settings.discovery, memo };
        let ask = |author| dmarc::discover(dns, author, &identifiers, &options);
        let error = match &self.author {
            Ok(author) => return Ok(ask(author.domain()).await),
            Err(error) => error.clone(),
        };
        let authors: &[Domain] = match &error {
            AuthorError::SeveralDomains { domains, .. } if self.settings.evaluate_several_authors => domains,
            _ => &[],
        };
        let discoveries = join_all(authors.iter().take(MAX_AUTHOR_DOMAINS).map(ask)).await;
        Err(Unjudged { error, discoveries })
    }

    /// The domain that SPF will judge as MAIL FROM.
    fn spf_domain(&self) -> Option<Domain> {
        self.envelope.client?;
        match self.reverse_path.as_ref()? {
            ReversePath::Mailbox { domain: PathDomain::Name(domain), .. } => Some(domain.clone()),
            // RFC 7208 §2.4: for the null sender, HELO's name stands for the sender's domain.
            ReversePath::Null => self.helo.as_ref()?.name().cloned(),
            ReversePath::Mailbox { .. } | ReversePath::Invalid(_) => None,
        }
    }
}

/// The verdict on a message whose body is at hand in one piece.
pub async fn judge<D: Dns>(
    dns: &D,
    envelope: &Envelope,
    message: &[u8],
    now: UnixTime,
    settings: &Settings,
    suffixes: &dyn SuffixList,
) -> Verdict {
    let (header, body) = mail::header::split(message);
    let inbound = Inbound::new(envelope, &header, now, settings, suffixes);
    let mut hasher = inbound.body();
    hasher.update(body);
    let facts = inbound.look_up(dns).await;
    inbound.conclude(facts, &hasher.finish())
}
