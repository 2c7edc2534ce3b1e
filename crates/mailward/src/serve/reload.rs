//! A new configuration: it takes over only if all of it can.

use std::path::PathBuf;

use resolver::Resolver;

use super::log::Line;
use super::shared::Shared;
use super::site::{Faults, Site};
use crate::config::{self, Config, Listener};
use crate::input::InputError;

/// What is compared with the new configuration.
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
    /// Reads the configuration and the keys again. What came of it stands in the log.
    pub(super) fn reload(&mut self, shared: &Shared<Resolver>) {
        let result = self.read();
        shared.metrics.reload(result.is_ok());
        let line = Line::new("reload");
        match result {
            Ok(New { site, dns, servers, log }) => {
                self.servers = servers;
                shared.log.set_format(log);
                shared.take_over(site, dns);
                shared.log.write(&line.text("result", "taken over"));
            }
            Err(error) => {
                let line = line.text("result", "refused: what was in force stays");
                shared.log.write(&line.show("why", error));
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
