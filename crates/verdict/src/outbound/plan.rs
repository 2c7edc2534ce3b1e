//! The plan for one message: which keys sign it, and what every rule had to say.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use dkim::{Options, Request, Selector};
use mail::address::{AddressDomain, AddressList, Mailbox};
use mail::{Domain, Explain, Header, Quote, Section, author, shortened};

use super::reason::Reason;
use super::table::{Key, Rule, SigningTable};
use super::users::Owns;

/// Most bytes of an address that a step shows.
const SHOWN: usize = 100;

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The client's address; `None` where there is none, or nobody knows.
    pub client: Option<IpAddr>,
    /// As whom the client is authenticated (SMTP AUTH); `None` where it is not.
    pub user: Option<&'a [u8]>,
    /// On which listener the message came in.
    pub listener: Option<&'a str>,
    /// Its header.
    pub header: &'a Header,
}

/// What to do with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Sign it, with at least one key.
    Sign,
    /// Leave it as it is: nothing says that it should be signed, or it is not for this user to write.
    Leave,
    /// It should be signed, and none of the keys for it can be used.
    NoUsableKey,
}

/// What was decided about one message, and why.
pub struct Plan {
    /// The signatures to make, in the order of the rules.
    pub requests: Vec<Request>,
    /// The story, in its order.
    pub steps: Vec<Step>,
}

/// One step of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The author was found; the address and its field.
    Author(Box<[u8]>, Quote),
    /// The user may write as the author; the name.
    Allowed(Box<[u8]>),
    /// The message is not signed, whatever the rules say.
    Refused(Reason),
    /// The rule of this name does not sign.
    PassedOver(Arc<str>, Reason),
    /// The rule of this name, or for `None` the author domain's own keys, are to sign.
    Applies(Option<Arc<str>>, Domain),
    /// A key signs; its domain, its selector, what it is.
    Signs(Domain, Selector, dkim::PublicKey),
    /// A key that should sign does not.
    KeyPassedOver(Reason),
}

impl Plan {
    /// What to do.
    pub fn decision(&self) -> Decision {
        let unusable = |step: &Step| match step {
            Step::KeyPassedOver(reason) => matches!(reason, Reason::KeyUnusable(..) | Reason::KeyMissing(_)),
            _ => false,
        };
        if !self.requests.is_empty() {
            Decision::Sign
        } else if self.steps.iter().any(unusable) {
            Decision::NoUsableKey
        } else {
            Decision::Leave
        }
    }

    /// Why the message is not signed, or not by all keys that should: the reasons that are not only "another rule's
    /// business". Empty where all is well.
    pub fn faults(&self) -> impl Iterator<Item = &Reason> {
        self.steps.iter().filter_map(|step| match step {
            Step::Refused(reason)
            | Step::KeyPassedOver(reason @ (Reason::KeyUnusable(..) | Reason::KeyMissing(_))) => Some(reason),
            Step::PassedOver(_, reason @ Reason::NoKey(_)) => Some(reason),
            Step::Author(..)
            | Step::Allowed(_)
            | Step::PassedOver(..)
            | Step::Applies(..)
            | Step::Signs(..)
            | Step::KeyPassedOver(_) => None,
        })
    }
}

impl SigningTable {
    /// Decides who signs a message.
    pub fn plan(&self, message: &Outgoing<'_>) -> Plan {
        let mut plan = Planning { table: self, requests: Vec::new(), steps: Vec::new(), by: Vec::new() };
        match plan.author(message) {
            Ok(author) => plan.rules(message, &author),
            Err(reason) => plan.steps.push(Step::Refused(reason)),
        }
        Plan { requests: plan.requests, steps: plan.steps }
    }
}

struct Planning<'t> {
    table: &'t SigningTable,
    requests: Vec<Request>,
    steps: Vec<Step>,
    /// The rule behind each request.
    by: Vec<Arc<str>>,
}

impl Planning<'_> {
    /// The author's domain, if there is one author, and the user may write as it.
    fn author(&mut self, message: &Outgoing<'_>) -> Result<Domain, Reason> {
        let found = author(message.header).map_err(Reason::Author)?;
        // RFC 5322 §3.6.2 lets From hold several; whoever is answerable for the mail could be any of them.
        if found.mailboxes() != 1 {
            return Err(Reason::SeveralAddresses(found.mailboxes()));
        }
        let domain = found.domain().clone();
        let field = message.header.field(found.field());
        let list = field.and_then(|field| AddressList::parse(field.value).ok()).unwrap_or_default();
        let mailbox = list.mailboxes.first().ok_or(Reason::SeveralAddresses(0))?;
        let address = [&*mailbox.local, b"@", domain.as_str().as_bytes()].concat().into_boxed_slice();
        let value = field.map(|field| field.raw).unwrap_or_default().trim_ascii_end();
        self.steps.push(Step::Author(address.clone(), Quote::whole("header field From", value)));
        self.user(message.user, mailbox, &domain, address)?;
        Ok(domain)
    }

    /// RFC 6409 §6.1: whether the user may write as the author.
    fn user(
        &mut self,
        user: Option<&[u8]>,
        mailbox: &Mailbox,
        domain: &Domain,
        address: Box<[u8]>,
    ) -> Result<(), Reason> {
        let (Some(users), Some(user)) = (&self.table.users, user) else { return Ok(()) };
        // `boss@example.com <me@example.com>`: some readers show the first.
        if matches!(mailbox.displayed, Some(AddressDomain::Name(_))) && !shows_itself(mailbox, domain) {
            return Err(Reason::TwoFaced);
        }
        match users.owns(user, &mailbox.local, domain) {
            Owns::Yes => {
                self.steps.push(Step::Allowed(user.into()));
                Ok(())
            }
            Owns::No => Err(Reason::NotTheUsers { user: user.into(), address }),
            Owns::UnknownUser => Err(Reason::UnknownUser(user.into())),
        }
    }

    /// RFC 6376 §5.1: whether, and by whom, the message is to be signed.
    fn rules(&mut self, message: &Outgoing<'_>, author: &Domain) {
        let table = self.table;
        for rule in &table.rules {
            match self.rule(rule, message, author) {
                Ok(()) => {}
                Err(reason) => self.steps.push(Step::PassedOver(Arc::clone(&rule.name), reason)),
            }
        }
        if table.free.contains(author) {
            self.steps.push(Step::Applies(None, author.clone()));
            for key in table.keys.get(author).into_iter().flatten() {
                self.key(key, &table.options, "the keys of its own domain".into());
            }
        } else if !self.steps.iter().any(|step| matches!(step, Step::Applies(..)))
            && !table.keys.contains_key(author)
        {
            self.steps.push(Step::Refused(Reason::NotOurs(author.clone())));
        }
    }

    fn rule(&mut self, rule: &Rule, message: &Outgoing<'_>, author: &Domain) -> Result<(), Reason> {
        matches(rule, message, author)?;
        let domain = rule.domain.as_ref().unwrap_or(author);
        let mut keys =
            self.table.keys.get(domain).into_iter().flatten().filter(|key| rule.takes(key)).peekable();
        if keys.peek().is_none() && rule.domain.is_none() {
            return Err(Reason::NoKey(domain.clone()));
        }
        let missing = keys.peek().is_none();
        self.steps.push(Step::Applies(Some(Arc::clone(&rule.name)), domain.clone()));
        keys.for_each(|key| self.key(key, &rule.options, Arc::clone(&rule.name)));
        // The rule says that such mail is signed, so without a key something is wrong.
        if missing {
            self.steps.push(Step::KeyPassedOver(Reason::KeyMissing(domain.clone())));
        }
        Ok(())
    }

    /// RFC 6376 §5.2: selects a private key and the selector that goes with it.
    fn key(&mut self, key: &Key, options: &Options, by: Arc<str>) {
        let (domain, selector) = (key.domain.clone(), key.selector.clone());
        let same = |request: &Request| *request.domain() == domain && *request.selector() == selector;
        let earlier = self.requests.iter().position(same).and_then(|index| self.by.get(index));
        if let Some(rule) = earlier {
            let reason = Reason::SignsAlready(domain, selector, Arc::clone(rule));
            return self.steps.push(Step::KeyPassedOver(reason));
        }
        let request = key.key.clone().and_then(|signing_key| {
            let request = Request::new(domain.clone(), selector.clone(), signing_key, options.clone());
            request.map_err(|fault| fault.to_string().into())
        });
        self.steps.push(match request {
            Ok(request) => {
                let public = request.key().public_key().clone();
                self.by.push(by);
                self.requests.push(request);
                Step::Signs(domain, selector, public)
            }
            Err(why) => Step::KeyPassedOver(Reason::KeyUnusable(domain, selector, why)),
        });
    }
}

/// Whether what stands in place of the display name is the address itself.
fn shows_itself(mailbox: &Mailbox, domain: &Domain) -> bool {
    let Some(display) = &mailbox.display else { return false };
    let Some(at) = display.bytes.iter().rposition(|b| *b == b'@') else { return false };
    let (local, rest) = display.bytes.split_at(at);
    local == &*mailbox.local && Domain::parse(rest.get(1..).unwrap_or_default()).is_ok_and(|d| d == *domain)
}

/// Whether a rule is for this message.
fn matches(rule: &Rule, message: &Outgoing<'_>, author: &Domain) -> Result<(), Reason> {
    if !rule.authors.iter().any(|pattern| pattern.matches(author)) {
        return Err(Reason::OtherAuthor(author.clone()));
    }
    let from = |client| rule.networks.iter().any(|network| network.contains(client));
    if !rule.networks.is_empty() && !message.client.is_some_and(from) {
        return Err(Reason::OtherClient(message.client));
    }
    let is_user = |user| rule.users.iter().any(|glob| glob.matches(user));
    if !rule.users.is_empty() && !message.user.is_some_and(is_user) {
        return Err(Reason::OtherUser(message.user.map(Box::from)));
    }
    let on = |name| rule.listeners.iter().any(|listener| listener == name);
    if !rule.listeners.is_empty() && !message.listener.is_some_and(on) {
        return Err(Reason::OtherListener(message.listener.map(Box::from)));
    }
    Ok(())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Author(address, _) => write!(f, "the author is {}", shortened(address, SHOWN)),
            Self::Allowed(user) => write!(f, "the user {} may write as this author", shortened(user, SHOWN)),
            Self::Refused(reason) => write!(f, "not signed: {reason}"),
            Self::PassedOver(rule, reason) => write!(f, "{rule} does not sign: {reason}"),
            Self::Applies(Some(rule), domain) => write!(f, "{rule} signs for {domain}"),
            Self::Applies(None, domain) => {
                write!(f, "no rule speaks of {domain}, so its keys sign its own mail")
            }
            Self::Signs(domain, selector, key) => write!(f, "the key {selector} of {domain} signs ({key})"),
            Self::KeyPassedOver(reason) => write!(f, "{reason}"),
        }
    }
}

impl Explain for Step {
    fn section(&self) -> Section {
        match self {
            Self::Author(..) => Section("RFC 5322 §3.6.2"),
            Self::Allowed(_) => Section("RFC 6409 §6.1"),
            Self::Refused(reason) | Self::PassedOver(_, reason) | Self::KeyPassedOver(reason) => {
                reason.section()
            }
            Self::Applies(..) => Section("RFC 6376 §5.1"),
            Self::Signs(..) => Section("RFC 6376 §5.2"),
        }
    }

    fn quote(&self) -> Option<Quote> {
        match self {
            Self::Author(_, quote) => Some(quote.clone()),
            Self::Allowed(_)
            | Self::Refused(_)
            | Self::PassedOver(..)
            | Self::Applies(..)
            | Self::Signs(..)
            | Self::KeyPassedOver(_) => None,
        }
    }
}
