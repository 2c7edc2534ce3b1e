//! Is there a policy? What the DNS says of it (RFC 8461 §3.1).

use dns::{Answer, Dns, Failure, Name, Question, RecordType};
use mail::Domain;

use crate::record::Record;

/// What stands at `_mta-sts` below a policy domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// No record.
    Nothing,
    /// More than one record, so none counts; how many.
    Several(usize),
    /// One record that does not count: its text.
    Invalid(Vec<u8>),
    /// The record, and for how many seconds it may be kept.
    Found(Record, u32),
    /// The answer is not known.
    Unknown(Failure),
}

impl Lookup {
    /// Reads the answer to the question for a policy domain's record.
    pub fn from_answer(answer: &Answer) -> Self {
        if let Some(failure) = answer.reply.failure() {
            return Self::Unknown(failure);
        }
        // RFC 8461 §3.1: the strings put together without spaces; others discarded; unless one is left there is no policy.
        let texts = answer.records().iter().filter_map(|data| data.text());
        let records: Vec<_> = texts.filter(|text| Record::is_record(text)).collect();
        match records.as_slice() {
            [] => Self::Nothing,
            [text] => match Record::parse(text).value {
                Some(record) => Self::Found(record, answer.ttl),
                None => Self::Invalid(text.to_vec()),
            },
            several => Self::Several(several.len()),
        }
    }
}

/// Asks for the record of a policy domain, which is the domain of the addresses or the smart host itself, never what an
/// alias or MX leads to, nor the domain above it (RFC 8461 §3.4).
pub async fn lookup<D: Dns>(dns: &D, domain: &Domain) -> Lookup {
    // A name that is too long for the label has no record.
    let Ok(name) = domain.prefixed("_mta-sts") else { return Lookup::Nothing };
    Lookup::from_answer(&dns.ask(&Question::new(Name::from(&name), RecordType::Txt)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, expected: &str) {
        let zone = dns::Zone::parse(zone).unwrap();
        let found = pollster::block_on(lookup(&zone, &Domain::parse("v.example").unwrap()));
        let found = match found {
            Lookup::Found(record, ttl) => format!("{} {ttl}", record.id),
            Lookup::Invalid(text) => format!("invalid {}", mail::printable(text)),
            other => format!("{other:?}"),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn sts_12_what_is_published() {
        check("_mta-sts.v.example. 60 TXT \"v=STSv1; id=1\"", "1 60");
        check("_mta-sts.v.example. 60 TXT \"v=STSv1; \" \"id=1\" \"2\"", "12 60");
        check("_mta-sts.v.example. TXT x\n_mta-sts.v.example. 5 TXT \"v=STSv1; id=1\"", "1 5");
        check(
            "_mta-sts.v.example. TXT \"v=STSv1; id=1\"\n_mta-sts.v.example. TXT \"v=STSv1;\"",
            "Several(2)",
        );
        check("_mta-sts.v.example. TXT \"v=STSv1;\"", "invalid v=STSv1;");
        check("_mta-sts.v.example. TXT other", "Nothing");
        // The first string of a record may be empty, or end in the middle of the version.
        check("_mta-sts.v.example. 60 TXT \"\" \"v=STS\" \"v1; id\" \"=1;\"", "1 60");
        // What is no record is not counted, even if it looks like one. (go-mtasts counts all texts.)
        check(
            "_mta-sts.v.example. 9 TXT \"v=STSv1 ; id=1\"\n_mta-sts.v.example. 9 TXT \"v=STSv2; id=1\"\n\
             _mta-sts.v.example. 9 TXT \"v=STSv1\"\n_mta-sts.v.example. 9 TXT \" v=STSv1; id=2\"\n\
             _mta-sts.v.example. 9 TXT \"V=STSv1; id=3\"\n_mta-sts.v.example. 9 TXT \"v=spf1 -all\"",
            "1 9",
        );
        // One of two that does not count is one of two all the same.
        check(
            "_mta-sts.v.example. TXT \"v=STSv1; id=1\"\n_mta-sts.v.example. TXT \"v=STSv1; id=-\"",
            "Several(2)",
        );
        check(
            "_mta-sts.v.example. CNAME x.test.\nx.test. CNAME y.test.\ny.test. 6 TXT \"v=STSv1; id=1\"",
            "1 6",
        );
        check("_mta-sts.v.example. CNAME x.test.", "Nothing");
        check("_mta-sts.v.example. CNAME x.test.\n;! servfail x.test.", "Unknown(ServerFailure)");
        check("v.example. TXT x", "Nothing");
        check("_mta-sts.v.example. 7 CNAME x.test.\nx.test. 60 TXT \"v=STSv1; id=1\"", "1 7");
    }

    #[test]
    fn dns_11_trouble_is_no_absence() {
        check(";! bogus _mta-sts.v.example.", "Unknown(Bogus)");
        check(";! servfail _mta-sts.v.example.", "Unknown(ServerFailure)");
        check(";! timeout _mta-sts.v.example.", "Unknown(TimeOut)");
    }

    #[test]
    fn sts_09_neither_the_domain_above_nor_an_alias_has_the_policy() {
        check("_mta-sts.example. TXT \"v=STSv1; id=1\"", "Nothing");
        check("v.example. CNAME evil.test.\n_mta-sts.evil.test. TXT \"v=STSv1; id=1\"", "Nothing");
    }
}
