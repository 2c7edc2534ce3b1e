//! A new configuration: it takes over only if all of it can.

use std::path::PathBuf;
use std::sync::Arc;

use resolver::Resolver;
use tokio::sync::{mpsc, oneshot};

use super::control::Outcome;
use super::log::Line;
use super::shared::Shared;
use super::site::{Faults, Site};
use super::watch;
use crate::config::{self, Config, Listener};
use crate::input::InputError;

/// An order to read the configuration again, and who wants to know what comes of it.
pub(super) type Order = Option<oneshot::Sender<Outcome>>;

/// What is compared with the new configuration.
#[derive(Clone)]
pub(super) struct Reload {
    /// The file; `None` for the default one, which may come to be there.
    pub(super) path: Option<PathBuf>,
    /// The DNS servers that are asked.
    pub(super) servers: config::Dns,
    /// The listeners that are open.
    pub(super) listeners: Vec<Listener>,
    /// That of the table of TLS policies.
    pub(super) tls: Option<Listener>,
}

impl Reload {
    /// Does what is ordered, one after the other, while mail goes on.
    pub(super) async fn obey(mut self, shared: Arc<Shared<Resolver>>, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            watch::reloading();
            let outcome = self.reload(&shared).await;
            watch::ready();
            // Who is gone does not want to know it.
            let _ = order.map(|order| order.send(outcome));
        }
    }

    /// Reads the configuration and the keys again. What came of it stands in the log.
    async fn reload(&mut self, shared: &Shared<Resolver>) -> Outcome {
        let reading = self.clone();
        // On a thread that may wait for the disk.
        let read = tokio::task::spawn_blocking(move || reading.read()).await;
        let result = read.unwrap_or_else(|_| {
            Err(InputError::new("the configuration", "a mistake in the program: reading it has failed"))
        });
        shared.metrics.reload(result.is_ok());
        let line = Line::new("reload");
        match result {
            Ok(New { site, dns, servers, log }) => {
                self.servers = servers;
                shared.log.set_format(log);
                shared.take_over(site, dns);
                shared.log.write(&line.text("result", "taken over"));
                Outcome { taken_over: true, why: None }
            }
            Err(error) => {
                let line = line.text("result", "refused: what was in force stays");
                shared.log.write(&line.show("why", &error));
                Outcome { taken_over: false, why: Some((&error).into()) }
            }
        }
    }

    fn read(&self) -> Result<New, InputError> {
        let (mut config, _) = Config::load(self.path.as_deref())?;
        if config.listeners.is_empty() {
            config.listeners.push(Listener::default());
        }
        let place = |listener: &Listener| (listener.name.clone(), listener.address.clone());
        if !config.listeners.iter().map(place).eq(self.listeners.iter().map(place)) {
            let message = "the names or addresses of the listeners are others: that needs a restart";
            return Err(InputError::new("[[listener]]", message));
        }
        let place = |listener: Option<Listener>| listener.map(|listener| listener.address);
        if place(config.tls_policy.listener()) != place(self.tls.clone()) {
            let message = "the address is another: that needs a restart";
            return Err(InputError::new("[tls_policy]", message));
        }
        let servers = config.dns.clone();
        // Who is asked as before keeps what is remembered.
        let dns = if servers == self.servers { None } else { Some(super::resolver(&servers)?) };
        let log = config.log;
        let (site, Faults(faults)) = Site::new(config)?;
        match faults.into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(New { site, dns, servers, log }),
        }
    }
}

/// A new configuration that can take over.
struct New {
    site: Site,
    dns: Option<Resolver>,
    servers: config::Dns,
    log: config::LogFormat,
}
