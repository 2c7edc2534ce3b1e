//! `mailward sign`: a message in, the message with its DKIM signatures out.

mod args;
mod json;
mod report;

use std::io;

use dkim::preflight::{Preflight, Risk};
use dkim::sign::OwnFault;
use dkim::{BodyHasher, Refusal, Request, SignatureField, Signing};
use mail::header::Splitter;
use mail::{Header, UnixTime};

pub use self::args::Args;
use self::args::Signer;
use self::report::Report;
use crate::cli::Exit;
use crate::config::signing::OnFailure;
use crate::input::{InputError, Spooled, now};

/// What became of the message.
enum Made {
    /// These fields go on top.
    Signed(Vec<SignatureField>),
    /// It is left as it came.
    Unsigned,
    /// It does not go out; why.
    Refused(String),
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let mut report = Report::default();
    let exit = sign(args, &mut report).unwrap_or_else(|error| {
        report.error = Some(error);
        Exit::Error
    });
    report.print(args);
    exit
}

fn sign(args: &Args, report: &mut Report) -> Result<Exit, InputError> {
    let signer = args.signer(report)?;
    let mut message = Spooled::open()?;
    let made = pass(&mut message, &signer, args, report)?;
    let (fields, exit) = match made {
        Made::Signed(fields) => (fields, Exit::Pass),
        Made::Unsigned => (Vec::new(), Exit::Fail),
        Made::Refused(why) => return Err(InputError::new("sign", why)),
    };
    report.signed = fields.iter().map(|field| field.algorithm().as_str()).collect();
    // The last of them is the topmost.
    message.write(&fields.iter().rev().map(ToString::to_string).collect::<String>())?;
    Ok(exit)
}

/// The first pass over the message: all that has to be known before its first byte goes out.
fn pass(
    message: &mut Spooled,
    signer: &Signer,
    args: &Args,
    report: &mut Report,
) -> Result<Made, InputError> {
    let mut chunks = message.read();
    let mut splitter = Splitter::default();
    let broken = |error: io::Error| InputError::io("standard input", &error);
    let mut first = Vec::new();
    while !splitter.in_body()
        && let Some(chunk) = chunks.next_chunk().map_err(broken)?
    {
        first = splitter.push(chunk).to_vec();
    }
    let header = splitter.into_header();
    let mut body = match begin(&header, signer, args, report, now())? {
        Ok(body) => body,
        Err(made) => {
            // To its end, so that a copy of all of it is there.
            while chunks.next_chunk().map_err(broken)?.is_some() {}
            message.ends_with_lf = chunks.lf_converted();
            return Ok(made);
        }
    };
    body.update(&first);
    while let Some(chunk) = chunks.next_chunk().map_err(broken)? {
        body.update(chunk);
    }
    message.ends_with_lf = chunks.lf_converted();
    body.finish(&header, signer, report)
}

/// A message of which the header is known and the body comes.
struct Body {
    signing: Signing,
    hasher: BodyHasher,
    preflight: Preflight,
}

/// Decides by the header who signs.
fn begin(
    header: &Header,
    signer: &Signer,
    args: &Args,
    report: &mut Report,
    now: UnixTime,
) -> Result<Result<Body, Made>, InputError> {
    let requests = match signer.requests(header, args, report) {
        Ok(requests) => requests,
        Err(made) => return Ok(Err(made)),
    };
    let preflight = Preflight::new(header, signer.eight_bit);
    let requests = match signer.adapts {
        true => adapted(requests, &preflight.clone().finish())?,
        false => requests,
    };
    match Signing::new(header, requests, now) {
        Ok(signing) => Ok(Ok(Body { hasher: signing.body(), signing, preflight })),
        Err(refusal) => {
            report.refused(&refusal);
            Ok(Err(Made::Unsigned))
        }
    }
}

/// The same signatures in the form that survives more.
fn adapted(requests: Vec<Request>, risks: &[Risk]) -> Result<Vec<Request>, InputError> {
    let adapt = |request: &Request| {
        let (domain, selector, key) =
            (request.domain().clone(), request.selector().clone(), request.key().clone());
        Request::new(domain, selector, key, request.options().surviving(risks))
    };
    let adapted: Result<_, _> = requests.iter().map(adapt).collect();
    adapted.map_err(|fault: dkim::RequestFault| InputError::new("sign", fault.to_string()))
}

impl Body {
    fn update(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        self.preflight.update(chunk);
    }

    fn finish(self, header: &Header, signer: &Signer, report: &mut Report) -> Result<Made, InputError> {
        report.risks = self.preflight.finish();
        let hashes = self.hasher.finish();
        let fields = self.signing.finish(header, &hashes);
        let fields = fields.map_err(|fault| InputError::new("sign", fault.to_string()))?;
        report.requests(self.signing.requests());
        // A run of the command is the first message of each key.
        let Some(failure) = signer.self_check else { return Ok(Made::Signed(fields)) };
        let fault = match self.signing.check_own(header, &hashes, &fields) {
            Ok(()) => {
                report.self_check = Some(Ok(()));
                return Ok(Made::Signed(fields));
            }
            Err(fault) => fault,
        };
        report.self_check = Some(Err(fault.to_string()));
        Ok(after(failure, &fault, fields))
    }
}

/// What becomes of a message whose own signature does not verify.
fn after(failure: OnFailure, fault: &OwnFault, fields: Vec<SignatureField>) -> Made {
    match failure {
        OnFailure::Refuse => Made::Refused(fault.to_string()),
        OnFailure::Unsigned => Made::Unsigned,
        OnFailure::Signed => Made::Signed(fields),
    }
}

impl Report {
    fn refused(&mut self, refusal: &Refusal) {
        self.not_signed.push(refusal.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dkim::Reason;

    #[test]
    fn a_signature_that_does_not_verify_goes_out_only_if_that_was_asked_for() {
        let fault = OwnFault(Reason::SignatureMismatch);
        let after = |failure| after(failure, &fault, Vec::new());
        assert!(matches!(after(OnFailure::default()), Made::Refused(why) if why.contains("does not verify")));
        assert!(matches!(after(OnFailure::Unsigned), Made::Unsigned));
        assert!(matches!(after(OnFailure::Signed), Made::Signed(_)));
    }
}
