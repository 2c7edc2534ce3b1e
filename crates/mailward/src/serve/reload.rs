//! A new configuration: it takes over only if all of it can.

use std::path::PathBuf;
use std::sync::Arc;

use resolver::Resolver;
use tokio::sync::{mpsc, oneshot};

use super::control::Outcome;
use super::log::Line;
use super::parts::{Part, Parts};
use super::shared::Shared;
use super::site::{Faults, Site};
use super::tls_policy::TlsPolicy;
use super::watch;
use crate::config::{self, Config, Listener};
use crate::input::InputError;
use crate::tls::site::TlsSite;

/// An order to read the configuration again, and who wants to know what comes of it.
pub(super) type Order = Option<oneshot::Sender<Outcome>>;

/// What is compared with the new configuration.
#[derive(Clone)]
pub(super) struct Reload {
    /// The parts of this process.
    pub(super) parts: Parts,
    /// The file; `None` for the default one, which may come to be there.
    pub(super) path: Option<PathBuf>,
    /// The DNS servers that are asked.
    pub(super) servers: config::Dns,
    /// The listeners that are open.
    pub(super) listeners: Vec<Listener>,
    /// That of the table of TLS policies, where there is one.
    pub(super) tls: Option<Listener>,
}

/// What it takes over in.
pub(super) struct Served {
    pub(super) shared: Arc<Shared<Resolver>>,
    pub(super) table: Option<Arc<TlsPolicy<Resolver>>>,
}

impl Reload {
    /// Does what is ordered, one after the other, while mail goes on.
    pub(super) async fn obey(mut self, served: Served, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            watch::reloading();
            let outcome = self.reload(&served).await;
            watch::ready();
            // Who is gone does not want to know it.
            let _ = order.map(|order| order.send(outcome));
        }
    }

    /// Reads the configuration and the keys again. What came of it stands in the log.
    async fn reload(&mut self, Served { shared, table }: &Served) -> Outcome {
        let reading = self.clone();
        // On a thread that may wait for the disk.
        let read = tokio::task::spawn_blocking(move || reading.read()).await;
        let result = read.unwrap_or_else(|_| {
            Err(InputError::new("the configuration", "a mistake in the program: reading it has failed"))
        });
        let ground = &shared.ground;
        ground.metrics.reload(result.is_ok());
        let line = Line::new("reload");
        match result {
            Ok(New { site, tls, dns, servers, log }) => {
                self.servers = servers;
                ground.log.set_format(log);
                dns.into_iter().for_each(|dns| ground.take_over(dns));
                shared.take_over(site);
                table.iter().zip(tls).for_each(|(table, tls)| table.take_over(tls));
                ground.log.write(&line.text("result", "taken over"));
                Outcome { taken_over: true, why: None }
            }
            Err(error) => {
                let line = line.text("result", "refused: what was in force stays");
                ground.log.write(&line.show("why", &error));
                Outcome { taken_over: false, why: Some((&error).into()) }
            }
        }
    }

    fn read(&self) -> Result<New, InputError> {
        let (config, _) = Config::load(self.path.as_deref())?;
        let place = |listener: &Listener| (listener.name.clone(), listener.address.clone());
        if !config.listeners.iter().map(place).eq(self.listeners.iter().map(place)) {
            let message = "the names or addresses of the listeners are others: that needs a restart";
            return Err(InputError::new("[[listener]]", message));
        }
        let place = |listener: Option<Listener>| listener.map(|listener| listener.address);
        let tls = config.tls_policy.listener().filter(|_| self.parts.has(Part::TlsPolicy));
        if place(tls) != place(self.tls.clone()) {
            let message = "the address is another: that needs a restart";
            return Err(InputError::new("[tls_policy]", message));
        }
        let servers = config.dns.clone();
        // Who is asked as before keeps what is remembered.
        let dns = if servers == self.servers { None } else { Some(super::resolver(&servers)?) };
        let log = config.log;
        let tls = self.tls.as_ref().map(|_| TlsSite::new(&config.tls_policy)).transpose()?;
        let (site, Faults(faults)) = Site::new(config)?;
        match faults.into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(New { site, tls, dns, servers, log }),
        }
    }
}

/// A new configuration that can take over.
struct New {
    site: Site,
    tls: Option<TlsSite>,
    dns: Option<Resolver>,
    servers: config::Dns,
    log: config::LogFormat,
}
