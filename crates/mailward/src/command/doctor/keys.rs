//! The keys on the disk, held against what their zones publish.

use super::super::keys::{Checked, see_all};
use super::finding::{Report, Severity};
use super::world;
use crate::config::Dns;
use crate::input::InputError;
use crate::keys::record;
use crate::keys::ring::Ring;

pub(super) async fn look(
    report: &mut Report,
    ring: &Ring,
    named: Option<&str>,
    dns: &Dns,
) -> Result<(), InputError> {
    if ring.keys.is_empty() {
        return Ok(());
    }
    let world = world(named, dns)?;
    for Checked { key, seen } in see_all(&world, named, ring).await {
        let place = record::name(&key.selector, &key.domain);
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                let help = error.help.clone().unwrap_or_default();
                report.add("key-unknown", Severity::Warning, place, error.message, help);
                continue;
            }
        };
        let bad: Vec<_> = seen.iter().filter(|seen| !seen.is_good()).collect();
        for seen in &bad {
            let (code, severity, help) = match seen.is_answer() {
                true => (
                    "key-unpublished",
                    Severity::Error,
                    format!(
                        "publish what `mailward keys list` prints; mailward keys check {} shows more",
                        key.domain
                    ),
                ),
                false => ("key-unknown", Severity::Warning, String::new()),
            };
            report.add(code, severity, &place, format!("{}: {}", seen.server, seen.words()), help);
        }
        if bad.is_empty() && !seen.is_empty() {
            report.good(place, "published as it is on the disk");
        }
    }
    Ok(())
}
