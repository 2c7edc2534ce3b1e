//! From a DNS message to an answer: what the message says about the question, and nothing else that it holds.

use dns::{Data, Name, Question, RecordType, Reply};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_resolver::proto::rr::{self, DNSClass, RData, Record};

/// What a message says about a question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The end of the matter, and for how many seconds.
    Reply(Reply, u32),
    /// The name is another name for this one, about which the message is silent; so many links, so many seconds.
    Alias(Name, usize, u32),
}

const FAILURE: Said = Said::Reply(Reply::ServerFailure, 0);

/// Reads a message as the response to a question, with at most so many aliases. Records of other names than the
/// question's and its aliases' are passed over (RFC 5452 §6).
pub(crate) fn read(question: &Question, message: &Message, aliases: usize) -> Said {
    if !answers(question, message) {
        return FAILURE;
    }
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::ServFail if says_bogus(message) => return Said::Reply(Reply::Bogus, 0),
        _ => return FAILURE,
    }
    let mut here = question.name.clone();
    let mut ttl = u32::MAX;
    for links in 0..=aliases {
        match records(&here, question.rtype, message) {
            None => return FAILURE,
            Some((data, data_ttl)) if !data.is_empty() => return found(message, data, ttl.min(data_ttl)),
            Some(_) => {}
        }
        match alias(&here, message) {
            Some((target, link_ttl)) => {
                ttl = ttl.min(link_ttl);
                here = target;
            }
            None => return nothing(message, here, links, ttl),
        }
    }
    FAILURE
}

/// Whether the message is a response to this question (RFC 5452 §9.1).
fn answers(question: &Question, message: &Message) -> bool {
    match message.queries.as_slice() {
        [query] => {
            query.query_class == DNSClass::IN
                && query.query_type == type_of(question.rtype)
                && name(&query.name).is_some_and(|name| name == question.name)
                && !message.metadata.truncation
        }
        _ => false,
    }
}

fn found(message: &Message, data: Vec<Data>, ttl: u32) -> Said {
    // "No such name" with records for it is no answer at all.
    match message.metadata.response_code {
        ResponseCode::NoError => Said::Reply(Reply::from_records(data), ttl),
        _ => FAILURE,
    }
}

/// The message has no record for the last name of the chain.
fn nothing(message: &Message, here: Name, links: usize, ttl: u32) -> Said {
    let soa = negative_ttl(message);
    let no_ttl = soa.unwrap_or(0).min(ttl);
    if message.metadata.response_code == ResponseCode::NXDomain {
        // RFC 2308 §2.1: it is said of the last name of the chain.
        return Said::Reply(Reply::NoSuchName, no_ttl);
    }
    if soa.is_none() && links > 0 {
        return Said::Alias(here, links, ttl);
    }
    // RFC 2308 §2.2: name servers of a zone below, without a SOA, are a referral, and no "no data".
    let referral = soa.is_none()
        && !message.metadata.authoritative
        && message.authorities.iter().any(|record| matches!(record.data, RData::NS(_)));
    if referral { FAILURE } else { Said::Reply(Reply::NoData, no_ttl) }
}

/// The records of a type at a name, and the shortest of their TTLs; `None` where one can't be read.
fn records(owner: &Name, rtype: RecordType, message: &Message) -> Option<(Vec<Data>, u32)> {
    let mut ttl = u32::MAX;
    let mut all = Vec::new();
    for record in of(owner, &message.answers).filter(|r| r.record_type() == type_of(rtype)) {
        all.push(data(&record.data)?);
        ttl = ttl.min(seconds(record.ttl));
    }
    Some((all, ttl))
}

fn alias(owner: &Name, message: &Message) -> Option<(Name, u32)> {
    of(owner, &message.answers).find_map(|record| match &record.data {
        RData::CNAME(target) => Some((name(&target.0)?, seconds(record.ttl))),
        _ => None,
    })
}

/// Whether a message says that the name of a question is an alias, and the question is for something else.
pub(crate) fn is_alias(question: &Question, message: &Message) -> bool {
    question.rtype != RecordType::Cname && alias(&question.name, message).is_some()
}

fn of<'a>(owner: &'a Name, records: &'a [Record]) -> impl Iterator<Item = &'a Record> {
    records.iter().filter(move |r| r.dns_class == DNSClass::IN && same(owner, &r.name))
}

/// RFC 2308 §5: the lesser of the SOA record's own TTL and its MINIMUM field.
fn negative_ttl(message: &Message) -> Option<u32> {
    message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(seconds(record.ttl).min(seconds(soa.minimum))),
        _ => None,
    })
}

/// RFC 2181 §8: a TTL with the highest bit set counts as zero.
fn seconds(ttl: u32) -> u32 {
    if ttl > i32::MAX.unsigned_abs() { 0 } else { ttl }
}

/// RFC 8914 §4: the extended errors that mean that validation failed.
fn says_bogus(message: &Message) -> bool {
    let option = message.edns.as_ref().and_then(|edns| edns.option(EdnsCode::from(15)));
    match option {
        Some(EdnsOption::Unknown(_, bytes)) => match bytes.as_slice() {
            [high, low, ..] => matches!(u16::from_be_bytes([*high, *low]), 6..=12),
            _ => false,
        },
        _ => false,
    }
}

fn data(data: &RData) -> Option<Data> {
    Some(match data {
        RData::A(address) => Data::A(address.0),
        RData::AAAA(address) => Data::Aaaa(address.0),
        RData::MX(mx) => Data::Mx { preference: mx.preference, exchange: name(&mx.exchange)? },
        RData::TXT(text) => Data::Txt(text.txt_data.iter().cloned().collect()),
        RData::PTR(target) => Data::Ptr(name(&target.0)?),
        RData::NS(target) => Data::Ns(name(&target.0)?),
        RData::CNAME(target) => Data::Cname(name(&target.0)?),
        RData::TLSA(tlsa) => Data::Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.as_slice().into(),
        },
        RData::SOA(soa) => Data::Soa { mname: name(&soa.mname)?, serial: soa.serial, minimum: soa.minimum },
        _ => return None,
    })
}

/// Names go from label to label, as bytes: the text form of the library refuses some that SPF macros make.
pub(crate) fn name(name: &rr::Name) -> Option<Name> {
    Name::from_labels(name.iter()).ok()
}

fn same(ours: &Name, theirs: &rr::Name) -> bool {
    let mut labels = theirs.iter();
    ours.labels().all(|label| labels.next().is_some_and(|l| l.eq_ignore_ascii_case(label)))
        && labels.next().is_none()
}

pub(crate) fn type_of(rtype: RecordType) -> rr::RecordType {
    match rtype {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Mx => rr::RecordType::MX,
        RecordType::Txt => rr::RecordType::TXT,
        RecordType::Ptr => rr::RecordType::PTR,
        RecordType::Tlsa => rr::RecordType::TLSA,
        RecordType::Ns => rr::RecordType::NS,
        RecordType::Soa => rr::RecordType::SOA,
        RecordType::Cname => rr::RecordType::CNAME,
    }
}

#[cfg(test)]
mod tests;
