//! What is found out about a domain now.

use courier::Fetched;
use dane::{Destination, Mx};
use dns::{Dns, Name};
use mail::UnixTime;
use mta_sts::{Fetch, Fraction, Known, Lookup, Mode, Record};
use store::{Place, Store, TlsPolicy};
use verdict::tls::postfix::{Answer, Version};
use verdict::tls::{Asked, Decision, Facts, Level, Step, Sts, UseDane, decide};

use super::Args;
use super::probed::Probed;
use crate::config::Config;
use crate::input::{InputError, now};
use crate::show::escape::escape;
use crate::tls::keeper::FETCH_WITHIN;
use crate::tls::next_hop::NextHop;
use crate::tls::site::TlsSite;
use crate::world::{Below, View, World};

/// All that was found out.
pub(super) struct Look {
    pub(super) hop: NextHop,
    pub(super) published: Lookup,
    /// What was known before, and now; `None` where what is kept can't be read, with the reason.
    pub(super) kept: Result<Option<TlsPolicy>, String>,
    /// What came of a fetch, if there was one.
    pub(super) fetched: Option<Result<Fetched, String>>,
    pub(super) sts: Sts,
    pub(super) decision: Decision,
    pub(super) answer: Answer,
    /// What was seen of the MX hosts, if they were looked at.
    pub(super) probed: Option<Probed>,
    version: Version,
    /// Whether a Postfix asks, by the configuration.
    is_asked: bool,
    /// The MX hosts, or why there are none.
    mx: Mx,
    now: UnixTime,
}

/// An MX host, for people.
pub(super) struct HostRow {
    pub(super) name: String,
    pub(super) policy: &'static str,
    pub(super) dane: String,
    pub(super) used: &'static str,
}

/// A next hop out of the command line.
pub(super) fn hop(args: &Args) -> Result<NextHop, InputError> {
    NextHop::parse(args.domain.as_bytes()).ok_or_else(|| {
        let message = format!("{} is no domain that has a policy of its own", escape(&args.domain));
        let help = match args.domain.rsplit_once('@') {
            Some((_, domain)) => format!("name the domain of the address: {}", escape(domain)),
            None => "name a domain such as example.com, or a next hop such as [mx.example.com]:25".to_owned(),
        };
        InputError::new("DOMAIN", message).with_help(help)
    })
}

/// The database, which has to be there.
pub(super) async fn kept(config: &Config) -> Result<Store, InputError> {
    let place = || config.store.place().to_string();
    let found = database(config).await.map_err(|error| InputError::new(place(), error.to_string()))?;
    found.ok_or_else(|| {
        InputError::new(place(), "there is no database")
            .with_help("[store] of the configuration says where serve keeps it")
    })
}

/// The database of the configuration, as this program knows it; `None` where there is none yet.
pub(super) async fn database(config: &Config) -> Result<Option<Store>, store::Error> {
    let place = config.store.place();
    match &place {
        // It would be made. What can't be looked at may be there.
        Place::Sqlite(path) if matches!(path.try_exists(), Ok(false)) => return Ok(None),
        Place::Sqlite(_) | Place::Postgres(_) => {}
    }
    let store = Store::new(&place)?;
    store.check_version().await?;
    Ok(Some(store))
}

impl Look {
    pub(super) async fn at(args: &Args) -> Result<Self, InputError> {
        let hop = hop(args)?;
        let (config, _) = Config::load(args.config.as_deref())?;
        let site = TlsSite::new(&config.tls_policy)?;
        let named = args.dns.dns.is_some() || args.dns.overlay.is_some();
        let world =
            named.then(|| World::open(args.dns.dns.as_deref(), args.dns.overlay.as_deref())).transpose()?;
        match &world {
            Some(world) => Self::with(args, hop, &config, &site, &world.view(None)).await,
            None => {
                let resolver = crate::serve::resolver(&config.dns)?;
                Self::with(args, hop, &config, &site, &View::Plain(Below::Resolver(&resolver))).await
            }
        }
    }

    async fn with(
        args: &Args,
        hop: NextHop,
        config: &Config,
        site: &TlsSite,
        dns: &View<'_>,
    ) -> Result<Self, InputError> {
        let kept = match database(config).await {
            Ok(Some(store)) => store.tls_policy(&hop.domain).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let kept = kept.map_err(|error| error.to_string());
        let published = mta_sts::lookup(dns, &hop.domain).await;
        let now = now();
        let mut known = kept.as_ref().ok().map(|kept| Known {
            kept: kept.clone().map(|TlsPolicy { kept, refresh_at, .. }| (kept, refresh_at)),
            failed: None,
        });
        let id = match (known.clone().unwrap_or_default().fetch(&published, now), &published) {
            (Fetch::Now(id), _) => Some(id),
            (_, Lookup::Found(record, _)) if args.fetch => Some(record.id.clone()),
            _ => None,
        };
        let mut fetched = None;
        if let Some(id) = id {
            let result = site.fetch(dns, &hop.domain, FETCH_WITHIN).await;
            if let Ok(Fetched { policy, .. }) = &result {
                known = Some(Known::default().fetched(policy.clone(), id, now, Fraction(0)).0);
            }
            fetched = Some(result);
        }
        let sts = Sts::of(known.as_ref(), &published, now);
        let destination = destination(dns, &hop, site.dane).await;
        let decision =
            decide(Facts { domain: &hop.domain, sts: &sts, destination: &destination, dane: site.dane });
        let answer = site.postfix.answer(&decision);
        let version = site.postfix.version;
        let probed = match args.probe {
            true => Some(Probed::of(&config.tls_policy, dns, &hop, &sts, now).await?),
            false => None,
        };
        let (is_asked, mx) = (config.tls_policy.address.is_some(), destination.mx);
        Ok(Self { hop, published, kept, fetched, sts, mx, decision, answer, probed, version, is_asked, now })
    }

    /// Whether mail waits.
    pub(super) fn is_deferred(&self) -> bool {
        matches!(self.answer, Answer::Temp(_)) || self.no_host().is_some()
    }

    /// Why mail waits though Postfix is not told so: it looks for the hosts itself, and finds what we do.
    fn no_host(&self) -> Option<&'static str> {
        let hosts = self.hosts();
        match (&self.answer, &self.mx) {
            (Answer::Temp(_), _) => None,
            (_, Mx::Unknown(_)) => Some("the MX records can't be looked up"),
            _ if !hosts.is_empty() && hosts.iter().all(|host| host.used == "no") => {
                Some("of each MX host, the address or the TLSA records can't be looked up")
            }
            _ => None,
        }
    }

    /// To whom the answer is given.
    pub(super) fn told(&self) -> String {
        let Version { major, minor, patch } = self.version;
        match self.is_asked {
            true => format!("Postfix {major}.{minor}.{patch} is told"),
            false => format!(
                "No Postfix asks ([tls_policy] has no address). {major}.{minor}.{patch} would be told"
            ),
        }
    }

    /// The result in a sentence.
    pub(super) fn conclusion(&self) -> String {
        if let Some(why) = self.no_host() {
            return format!("No mail now: {why}.");
        }
        let text = Step::Concluded(self.decision.level.clone()).to_string();
        let mut letters = text.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>() + ".")
            .unwrap_or_default()
    }

    /// What is known, by name.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("MTA-STS record", self.record())];
        facts.push((
            "kept policy",
            match &self.kept {
                Err(why) => format!("can't be read: {}", escape(why)),
                Ok(None) => "none".to_owned(),
                Ok(Some(TlsPolicy { kept, .. })) => {
                    let state = if kept.is_fresh(self.now) { "in force until" } else { "over since" };
                    format!(
                        "id {}, mode {}, fetched {}, {state} {}",
                        kept.id,
                        kept.policy.mode(),
                        time(kept.fetched),
                        time(kept.expires())
                    )
                }
            },
        ));
        if let Some(fetched) = &self.fetched {
            facts.push((
                "fetched now",
                match fetched {
                    Ok(fetched) if self.is_another(fetched) => {
                        "another one than is kept, by which serve goes until it fetches it too".to_owned()
                    }
                    Ok(_) => "yes".to_owned(),
                    Err(why) => format!("no: {}", escape(why)),
                },
            ));
        }
        facts.extend(self.noticed().into_iter().map(|message| ("odd in its file", message)));
        if let Sts::Policy(policy) = &self.sts {
            let names: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            facts.push((
                "what it says",
                format!("mode {}, MX hosts {names}, max_age {}", policy.mode(), policy.max_age()),
            ));
        }
        facts
    }

    /// What its owner should look at in the file that was fetched now.
    pub(super) fn noticed(&self) -> Vec<String> {
        let Some(Ok(Fetched { findings, .. })) = &self.fetched else { return Vec::new() };
        findings.iter().map(|finding| finding.message.clone()).collect()
    }

    /// Whether what was fetched is not what is kept and in force.
    fn is_another(&self, fetched: &Fetched) -> bool {
        let kept = self.kept.as_ref().ok().and_then(Option::as_ref).map(|policy| &policy.kept);
        kept.is_some_and(|kept| kept.is_fresh(self.now) && kept.policy != fetched.policy)
    }

    /// What the DNS says of a policy.
    pub(super) fn record(&self) -> String {
        match &self.published {
            Lookup::Nothing => "none".to_owned(),
            Lookup::Several(count) => format!("{count} of them, so none counts"),
            Lookup::Invalid(text) => {
                let parsed = Record::parse(text);
                let why = parsed.first_error().map_or("", |finding| finding.message.as_str());
                format!("one that does not count: {} ({why})", escape(text))
            }
            Lookup::Found(record, _) => format!("id {}", record.id),
            Lookup::Unknown(failure) => format!("not known now: {failure}"),
        }
    }

    /// Each MX host, and whether it gets mail.
    pub(super) fn hosts(&self) -> Vec<HostRow> {
        let enforced = matches!(&self.sts, Sts::Policy(policy) if policy.mode() == Mode::Enforce);
        let rows = self.decision.steps.iter().filter_map(|step| match step {
            Step::Host { name, asked, allowed } => Some(HostRow {
                name: name.to_string(),
                policy: match allowed {
                    Some(true) => "allowed",
                    Some(false) => "not allowed",
                    None => "",
                },
                dane: match asked {
                    Asked::Nothing => String::new(),
                    Asked::Encryption => "TLS".to_owned(),
                    Asked::Certificate => "certificate".to_owned(),
                    Asked::Unknown(_) => "unknown".to_owned(),
                },
                used: if self.uses(name, asked, enforced) { "yes" } else { "no" },
            }),
            _ => None,
        });
        rows.collect()
    }

    fn uses(&self, name: &Name, asked: &Asked, enforced: bool) -> bool {
        match &self.decision.level {
            Level::Nothing => true,
            Level::Dane => !matches!(asked, Asked::Unknown(_)),
            Level::DaneOnly => *asked == Asked::Certificate,
            Level::Secure(secure) => {
                let host = name.to_domain();
                enforced
                    && secure
                        .hosts
                        .as_ref()
                        .is_some_and(|hosts| host.is_some_and(|host| hosts.contains(&host)))
            }
            Level::Defer(_) => false,
        }
    }
}

/// The MX hosts, also where no answer hangs on them.
async fn destination<D: Dns>(dns: &D, hop: &NextHop, dane: UseDane) -> Destination {
    let name = Name::from(&hop.domain);
    match (dane, hop.is_host) {
        (UseDane::No, false) => Destination { mx: dane::mx(dns, &name).await, hosts: Vec::new() },
        (UseDane::No, true) => Destination { mx: Mx::Itself(name), hosts: Vec::new() },
        (UseDane::Yes, _) => crate::tls::answer::with_dane(dns, hop).await,
    }
}

/// A moment, for people.
pub(super) fn time(at: UnixTime) -> String {
    let at = i64::try_from(at.0).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    at.map_or_else(|| "in a far future".to_owned(), |at| at.to_string())
}
