//! The JSON form of what another mode would have done.

use serde::Serialize;

use super::{Found, Line, Total, done, sender, time};

/// `mailward shadow`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ShadowJson {
    /// The mode: `quarantine` or `enforce`.
    mode: &'static str,
    /// The first moment that counts.
    from: String,
    /// The first that does not count any more.
    to: String,
    /// How many messages, by what would have been done with them; the strictest first.
    totals: Vec<TotalJson>,
    /// Whether there were more senders than are counted.
    more: bool,
    /// The senders of those messages, the one with most messages first.
    senders: Vec<SenderJson>,
    /// How many senders are not shown.
    left_out: usize,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TotalJson {
    /// `refused`, `deferred`, `quarantined` or `accepted`.
    would_be: &'static str,
    /// How many messages.
    messages: u64,
    /// Of how many senders.
    senders: usize,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SenderJson {
    /// `refused`, `deferred`, `quarantined` or `accepted`.
    would_be: &'static str,
    /// The author domain; null for messages without one.
    author: Option<String>,
    /// How many messages.
    messages: u64,
    /// When the latest came.
    at: String,
    /// The latest; null if it was removed meanwhile.
    latest: Option<LatestJson>,
}

/// One message.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LatestJson {
    /// The identity of its row.
    id: String,
    /// The listener that it came by.
    listener: String,
    /// Where it came from; null if that is not known.
    client: Option<String>,
    /// The domain of MAIL FROM; `<>` for the null sender, `-` where it is not known.
    mail_from: String,
    /// The rule that decided, or would have.
    rule: String,
    /// The results.
    spf: Option<&'static str>,
    dkim: Vec<DkimJson>,
    dmarc: &'static str,
    /// What was done: `accept`, `mark`, `defer` or `refuse`.
    taken: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DkimJson {
    domain: String,
    selector: String,
    result: &'static str,
}

impl ShadowJson {
    pub(super) fn new(found: &Found) -> Self {
        Self {
            mode: found.mode.stored().as_str(),
            from: time(found.from),
            to: time(found.to),
            totals: found.totals.iter().map(TotalJson::new).collect(),
            more: found.more,
            senders: found.lines.iter().map(SenderJson::new).collect(),
            left_out: found.left_out,
        }
    }
}

impl TotalJson {
    fn new(total: &Total) -> Self {
        Self { would_be: done(total.action), messages: total.messages, senders: total.senders }
    }
}

impl SenderJson {
    fn new(line: &Line) -> Self {
        let shadow = &line.shadow;
        Self {
            would_be: done(shadow.action),
            author: shadow.author_domain.as_ref().map(ToString::to_string),
            messages: shadow.messages,
            at: time(shadow.latest.time()),
            latest: line.latest.as_ref().map(|row| LatestJson {
                id: row.id.to_string(),
                listener: row.listener.to_string(),
                client: row.client_ip.map(|ip| ip.to_string()),
                mail_from: sender(row).to_owned(),
                rule: row.rule.to_string(),
                spf: row.spf_mail_from.as_ref().map(|result| result.outcome.as_str()),
                dkim: row
                    .dkim
                    .iter()
                    .map(|result| DkimJson {
                        domain: result.domain.to_string(),
                        selector: result.selector.to_string(),
                        result: result.outcome.as_str(),
                    })
                    .collect(),
                dmarc: row.dmarc.as_str(),
                taken: row.taken.as_str(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ShadowJson;

    /// The schema that the documentation shows is the one of the structs. `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_schema_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/shadow.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(ShadowJson)).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema,
            "docs/shadow.schema.json is not up to date: run the tests with UPDATE_DOCS=1"
        );
    }
}
