//! What a verdict is told beside the message: the envelope, and what the receiver has decided once for all.

use std::net::IpAddr;

use mail::authres::AuthservId;
use mail::{Helo, ReversePath};

/// What the client said in SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its address; `None` where nobody knows it (a message from a file, a local socket). SPF is not checked then.
    pub client: Option<IpAddr>,
    /// The argument of HELO or EHLO, as transmitted; `None` where it is not known, so that it is not checked.
    pub helo: Option<Vec<u8>>,
    /// The argument of MAIL FROM, as transmitted, with or without its brackets; `None` as above.
    pub mail_from: Option<Vec<u8>>,
    /// The arguments of RCPT TO, as transmitted. No result depends on them.
    pub rcpt_to: Vec<Vec<u8>>,
    /// Whether the client asked for SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

impl Envelope {
    /// An envelope about which nothing is known.
    pub const fn unknown() -> Self {
        Self { client: None, helo: None, mail_from: None, rcpt_to: Vec::new(), smtputf8: false }
    }

    pub(crate) fn helo(&self) -> Option<Helo> {
        self.helo.as_deref().map(Helo::parse)
    }

    pub(crate) fn reverse_path(&self) -> Option<ReversePath> {
        self.mail_from.as_ref().map(|raw| ReversePath::parse(raw, self.smtputf8))
    }
}

/// Which SPF passes DMARC counts as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum SpfCounts {
    /// Every aligned one, as RFC 9989 §4.4.2 has it.
    #[default]
    Always,
    /// All but those of records that let everybody pass, such as `+all`.
    ///
    /// DEVIATION: RFC 9989 §4.4.2 counts any pass. A record like that proves nothing about the sender (§11.1).
    UnlessPermissive,
    /// None: a message has to be signed.
    ///
    /// DEVIATION: RFC 9989 §4.4.2 counts any pass. Networks shared with strangers make passes for each other.
    Never,
}

/// The receiver's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Our name in Authentication-Results; also SPF's `%{r}`.
    pub authserv_id: AuthservId,
    /// Other names under which inbound Authentication-Results are taken for ours, and removed.
    pub other_ids: Vec<AuthservId>,
    /// Other header fields that are treated like Authentication-Results.
    pub other_fields: Vec<String>,
    /// SPF's limits.
    pub spf: spf::Limits,
    /// What a DKIM signature must have beside being valid; the signatures of an ARC chain too.
    pub dkim: dkim::Policy,
    /// How policy records and organizational domains are found.
    pub discovery: dmarc::Method,
    /// Which SPF passes DMARC counts.
    pub spf_counts: SpfCounts,
    /// Whether each of several author domains is evaluated, for the strictest disposition (RFC 9989 §11.5). The result
    /// is a permerror either way.
    pub evaluate_several_authors: bool,
    /// The ARC sealers that are believed where DMARC fails; nobody where nothing is said.
    pub trusted_sealers: arc::TrustedSealers,
}

impl Default for Settings {
    /// For a receiver called `localhost`.
    fn default() -> Self {
        Self::new(AuthservId::localhost())
    }
}

impl Settings {
    /// The defaults, for a receiver of this name.
    pub fn new(authserv_id: AuthservId) -> Self {
        Self {
            authserv_id,
            other_ids: Vec::new(),
            other_fields: vec!["X-Authentication-Results".to_owned()],
            spf: spf::Limits::default(),
            dkim: dkim::Policy::default(),
            discovery: dmarc::Method::default(),
            spf_counts: SpfCounts::default(),
            evaluate_several_authors: false,
            trusted_sealers: arc::TrustedSealers::default(),
        }
    }
}
