//! `[web]`: the pages that are shown over HTTP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use toml::de::DeTable;

use super::reader::Reader;
use super::spec;

/// Where the pages are unless the file says otherwise.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8890);

/// `[web]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Where the pages are; `None` for nowhere.
    pub address: Option<SocketAddr>,
}

impl Default for Web {
    fn default() -> Self {
        Self { address: Some(DEFAULT_ADDRESS) }
    }
}

impl Web {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>) -> Self {
        let fields = reader.fields(&spec::WEB, table);
        let parse = |text: &str| match text {
            "" => Ok(None),
            _ => text.parse().map(Some).map_err(
                |_| "an IP address and a port such as 127.0.0.1:8890 was expected, or \"\" for no pages",
            ),
        };
        let address = fields.get("address").and_then(|value| reader.parsed(value, parse));
        address.map_or_else(Self::default, |address| Self { address })
    }
}
