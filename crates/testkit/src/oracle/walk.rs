//! The DNS tree walk of RFC 9989 §4.10, one name after the other, on labels and positions; with the guard against
//! records of registries that mailward adds to it.

/// What `psd` a record at a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Psd {
    /// `psd=y`
    Yes,
    /// `psd=n`
    No,
    /// `psd=u`, or nothing.
    Unsaid,
}

/// A walk that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The domains whose `_dmarc` was asked for, in order.
    pub asked: Vec<String>,
    /// The organizational domain.
    pub organization: String,
    /// Whose record is the policy for the start, if there is any.
    pub policy_domain: Option<String>,
}

/// Walks from `start`. `record` says what stands at `_dmarc.` below a domain: the one record that counts there, or none.
/// `registry` is how many labels of the start are a registry's by a suffix list.
pub fn walk(start: &str, registry: usize, mut record: impl FnMut(&str) -> Option<Psd>) -> Walk {
    let labels: Vec<&str> = start.split('.').collect();
    let name = |at: usize| labels[at..].join(".");
    let mut asked = Vec::new();
    let mut records: Vec<(usize, Psd)> = Vec::new();
    let mut at = 0;
    while at < labels.len() {
        asked.push(name(at));
        if let Some(psd) = record(&name(at)) {
            let is_registry = labels.len() - at <= registry;
            let psd = if psd == Psd::Unsaid && is_registry { Psd::Yes } else { psd };
            records.push((at, psd));
            // Steps 2 and 6: the walk ends at psd=y and psd=n.
            if psd != Psd::Unsaid {
                break;
            }
        }
        // Step 4: above a name of eight labels or more stands one of seven. Step 7: above others one of a label less.
        at = if at == 0 && labels.len() > 8 { labels.len() - 7 } else { at + 1 };
    }
    // §4.10.2: psd=n is the organization's own, psd=y that of what is above it; else the record of the fewest labels.
    let organization = match records.last() {
        None => 0,
        // Nor any other suffix that the list knows, above or below.
        Some((at, Psd::Yes)) if *at > 0 => (*at - 1).min(labels.len().saturating_sub(registry + 1)),
        Some((at, _)) => *at,
    };
    // §4.10.1: the start's record, then that of the organization, then that of the public suffix.
    let has = |at: usize| records.iter().any(|(record, _)| *record == at);
    let policy = if has(0) {
        Some(0)
    } else if has(organization) {
        Some(organization)
    } else {
        records.last().filter(|(_, psd)| *psd == Psd::Yes).map(|(at, _)| *at)
    };
    Walk { asked, organization: name(organization), policy_domain: policy.map(name) }
}
