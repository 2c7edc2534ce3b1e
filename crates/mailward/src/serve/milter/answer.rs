//! What is said to the MTA: changes to the header, and the last word.

use mail::authres::find::Claim;
use mail::authres::{self, AuthenticationResults, AuthservId, Method, MethodResult, Text, Word};
use milter::{EditError, Edits, End, SmtpReply, Verdict};
use verdict::local::Reply;

/// Removes these fields.
pub(super) fn remove(edits: &mut Edits, claims: &[Claim]) -> Result<(), EditError> {
    claims
        .iter()
        .try_for_each(|claim| edits.delete(&claim.name, u32::try_from(claim.ordinal).unwrap_or(u32::MAX)))
}

/// Puts Authentication-Results on top.
pub(super) fn results(edits: &mut Edits, results: &AuthenticationResults) -> Result<(), EditError> {
    edits.insert(0, authres::FIELD_NAME.as_bytes(), results.value().as_bytes())
}

/// What is said of a message that could not be judged.
pub(super) fn unknown(id: &AuthservId, why: &str) -> AuthenticationResults {
    let result = |method| MethodResult {
        method,
        result: Word::TempError,
        comment: None,
        reason: Text::new(why),
        properties: Vec::new(),
    };
    let results = [Method::Spf, Method::Dkim, Method::Dmarc].map(result).to_vec();
    AuthenticationResults { id: id.clone(), results }
}

/// The client is asked to come again, as something is wrong with us.
pub(super) fn later(text: &str) -> End {
    // RFC 3463 §3.4: other or undefined system status.
    SmtpReply::new(451, (3, 0), text).map_or(Verdict::Tempfail, Verdict::Refuse).into()
}

/// What local policy says to the client.
pub(super) fn reply(reply: &Reply) -> Verdict {
    let enhanced = reply.enhanced();
    let mut numbers = enhanced.split('.').skip(1).filter_map(|number| number.parse().ok());
    let enhanced = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    SmtpReply::new(reply.code(), enhanced, reply.text()).map_or(Verdict::Tempfail, Verdict::Refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ar_07_a_message_that_could_not_be_judged_says_so() {
        let unknown = unknown(&AuthservId::parse("mx.example.com").unwrap(), "no\r\nanswer");
        assert_eq!(
            unknown.value(),
            "mx.example.com;\r\n spf=temperror reason=\"no answer\";\r\n dkim=temperror reason=\"no answer\";\r\n \
             dmarc=temperror reason=\"no answer\""
        );
    }
}
