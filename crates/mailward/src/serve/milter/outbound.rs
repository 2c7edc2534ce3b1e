//! An outbound message: who signs it is decided by its header, its body is hashed while it comes, and the signatures go on
//! top at its end.

use dkim::preflight::Preflight;
use dkim::{BodyHasher, BodyHashes, Request, SignatureField, Signing as Signatures};
use mail::authres::find::Claim;
use mail::authres::{self, AuthenticationResults, Method, MethodResult, RegisteredProperty, Word};
use mail::{Domain, Header};
use milter::{EditError, Edits, End, Verdict};
use verdict::outbound::{Decision, Outgoing, Plan};

use super::{About, answer};
use crate::config::signing::OnFailure;
use crate::serve::log::Line;
use crate::serve::metrics::{Signed, Trouble};
use crate::serve::shared::Shared;
use crate::serve::site::Site;

const LATER: &str = "The message should be signed and can't be now; try again later";

/// A message that is on its way out.
pub(super) enum Signing {
    /// It is left as it is; why.
    Left(String),
    /// It should be signed and can't be; why.
    Unable(String),
    /// It is being signed.
    Going(Box<Going>),
}

/// A message that is being signed.
pub(super) struct Going {
    header: Header,
    signatures: Signatures,
    hasher: BodyHasher,
    preflight: Preflight,
}

/// What came of it.
enum Made {
    Signed(Vec<SignatureField>),
    Left(String),
    /// It should be signed and no key for it can be used.
    Failed(String),
    /// Its own signatures are wrong, so it does not go out.
    Wrong(String),
}

impl Made {
    /// What becomes of the message. `without_key`: whether it goes out unsigned where no key can be used.
    fn counted(&self, without_key: bool) -> Signed {
        match self {
            Self::Signed(_) => Signed::Yes,
            Self::Left(_) => Signed::Left,
            Self::Failed(_) if without_key => Signed::Unsigned,
            Self::Failed(_) | Self::Wrong(_) => Signed::Failed,
        }
    }
}

impl Signing {
    /// Decides by the header.
    pub(super) fn begin(site: &Site, about: &About, header: Header) -> Self {
        let plan = site.table.plan(&Outgoing {
            client: about.client,
            user: about.user.as_deref(),
            listener: Some(&about.listener),
            header: &header,
        });
        match plan.decision() {
            Decision::Leave => return Self::Left(faults(&plan)),
            _ if is_unproven(site, &header) => {
                let why = "it came from outside, where nothing proved its author, and is only handed on here";
                return Self::Left(why.to_owned());
            }
            Decision::NoUsableKey => return Self::Unable(faults(&plan)),
            Decision::Sign => {}
        }
        let preflight = Preflight::new(&header, site.signing.eight_bit);
        let requests = match site.signing.adapts {
            true => adapted(plan.requests, &preflight),
            false => Ok(plan.requests),
        };
        let requests = match requests {
            Ok(requests) => requests,
            Err(why) => return Self::Unable(why),
        };
        match Signatures::new(&header, requests, about.now) {
            Ok(signatures) => {
                Self::Going(Box::new(Going { hasher: signatures.body(), header, signatures, preflight }))
            }
            // A signature of it could be taken for one of another message.
            Err(refusal) => Self::Left(refusal.to_string()),
        }
    }

    pub(super) fn body(&mut self, piece: &[u8]) {
        if let Self::Going(going) = self {
            going.hasher.update(piece);
            going.preflight.update(piece);
        }
    }

    pub(super) async fn end<D>(
        self,
        shared: &Shared<D>,
        site: &Site,
        about: &About,
        removed: &[Claim],
        queue: Option<Vec<u8>>,
    ) -> End {
        let line = about.line(queue.as_deref());
        let line = about.user.iter().fold(line, |line, user| line.text("user", user));
        let (made, line) = self.make(site, line).await;
        let signed = made.counted(site.signing.unsigned_without_key);
        let count = if let Made::Signed(fields) = &made { fields.len() } else { 0 };
        let line = line.number("signed", count as u64);
        let (fields, line) = match made {
            Made::Signed(fields) => (fields, line),
            Made::Left(why) | Made::Failed(why) | Made::Wrong(why) => (Vec::new(), line.text("reason", why)),
        };
        let done = match signed {
            Signed::Failed => Ok(answer::later(LATER)),
            Signed::Yes | Signed::Left | Signed::Unsigned => edited(&fields, removed),
        };
        shared.ground.metrics.outbound(if done.is_err() { Signed::Failed } else { signed }, count);
        let (end, line) = match done {
            Ok(end) => (end, line),
            Err(error) => {
                shared.ground.metrics.trouble(Trouble::Edit);
                (answer::later(LATER), line.show("trouble", error))
            }
        };
        let disposition = if end.verdict == Verdict::Accept { "accept" } else { "defer" };
        shared.ground.log.write(&line.text("disposition", disposition));
        end
    }

    async fn make(self, site: &Site, line: Line) -> (Made, Line) {
        let going = match self {
            Self::Left(why) => return (Made::Left(why), line),
            Self::Unable(why) => return (Made::Failed(why), line),
            Self::Going(going) => going,
        };
        let requests = going.signatures.requests().iter();
        let is_checked =
            site.is_to_be_checked(requests.map(|request| (request.domain(), request.selector())));
        let failure = site.signing.self_check_failure;
        // In a task of its own, so that a bug costs this message and no connection.
        let made = tokio::spawn(async move { going.finish(is_checked, failure) }).await;
        let (made, risks) =
            made.unwrap_or_else(|_| (Made::Failed("signing has failed".to_owned()), String::new()));
        let line = if risks.is_empty() { line } else { line.text("fragile", risks) };
        (made, line)
    }
}

impl Going {
    /// The signatures, and what relays will change on the message.
    fn finish(self, is_checked: bool, failure: OnFailure) -> (Made, String) {
        let hashes = self.hasher.finish();
        let risks: Vec<String> = self.preflight.finish().iter().take(3).map(ToString::to_string).collect();
        let made = sign(&self.signatures, &self.header, &hashes, is_checked, failure);
        (made, risks.join("; "))
    }
}

fn sign(
    signatures: &Signatures,
    header: &Header,
    hashes: &BodyHashes,
    is_checked: bool,
    failure: OnFailure,
) -> Made {
    let fields = match signatures.finish(header, hashes) {
        Ok(fields) => fields,
        Err(fault) => return Made::Failed(fault.to_string()),
    };
    if !is_checked {
        return Made::Signed(fields);
    }
    match (signatures.check_own(header, hashes, &fields), failure) {
        (Ok(()), _) | (Err(_), OnFailure::Signed) => Made::Signed(fields),
        (Err(fault), OnFailure::Unsigned) => Made::Left(fault.to_string()),
        (Err(fault), OnFailure::Refuse) => Made::Wrong(fault.to_string()),
    }
}

/// Whether our own results stand on the message, and say that DMARC did not pass for this author: a list, a script or a
/// content filter of this host hands on what came from outside. Who forges them only keeps himself from being signed.
fn is_unproven(site: &Site, header: &Header) -> bool {
    let Ok(author) = mail::author(header) else { return false };
    let read =
        header.named(authres::FIELD_NAME).filter_map(|field| AuthenticationResults::parse(field.value).ok());
    let ours = read.filter(|results| site.ids.contains(&results.id));
    let is_author = |result: &MethodResult| match result.property(RegisteredProperty::HeaderFrom) {
        Some(from) => Domain::parse(from.as_str()).is_ok_and(|from| from == *author.domain()),
        // What could not be checked names nobody.
        None => true,
    };
    let is_bad = |result: &MethodResult| result.method == Method::Dmarc && result.result != Word::Pass;
    ours.flat_map(|results| results.results).any(|result| is_bad(&result) && is_author(&result))
}

/// The same signatures in the form that survives more.
fn adapted(requests: Vec<Request>, preflight: &Preflight) -> Result<Vec<Request>, String> {
    let risks = preflight.clone().finish();
    let adapt = |request: &Request| {
        let (domain, selector, key) =
            (request.domain().clone(), request.selector().clone(), request.key().clone());
        Request::new(domain, selector, key, request.options().surviving(&risks))
    };
    requests.iter().map(adapt).collect::<Result<_, _>>().map_err(|fault| fault.to_string())
}

fn faults(plan: &Plan) -> String {
    let faults: Vec<String> = plan.faults().take(3).map(ToString::to_string).collect();
    if faults.is_empty() { "nothing says that it should be signed".to_owned() } else { faults.join("; ") }
}

/// The fields on top, each above the one before it; and what claims to be ours removed, as nobody of ours wrote it.
fn edited(fields: &[SignatureField], removed: &[Claim]) -> Result<End, EditError> {
    let mut edits = Edits::default();
    answer::remove(&mut edits, removed)?;
    for field in fields.iter().rev() {
        edits.insert(0, field.name().as_bytes(), field.value().as_bytes())?;
    }
    Ok(End { edits, verdict: Verdict::Accept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_signature_is_no_missing_key() {
        let failed = Made::Failed(String::new());
        let wrong = Made::Wrong(String::new());
        assert_eq!(
            [false, true].map(|without_key| failed.counted(without_key)),
            [Signed::Failed, Signed::Unsigned]
        );
        assert_eq!(
            [false, true].map(|without_key| wrong.counted(without_key)),
            [Signed::Failed, Signed::Failed]
        );
    }
}
