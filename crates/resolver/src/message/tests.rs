//! Messages and what they say.

use std::str::FromStr;

use dns::MAX_CNAMES;
use hickory_resolver::proto::op::{Edns, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, NS, SOA, TXT};
use proptest::prelude::*;

use super::*;

fn wire_name(text: &str) -> rr::Name {
    rr::Name::from_str(&format!("{text}.")).unwrap()
}

fn question(name: &str, rtype: RecordType) -> Question {
    Question::new(Name::from_presentation(name).unwrap(), rtype)
}

/// A response to a question for the addresses of `a.example`.
fn response(answers: Vec<(&str, RData)>) -> Message {
    let mut message = Message::new(1, MessageType::Response, OpCode::Query);
    message.queries.push(Query::query(wire_name("a.example"), rr::RecordType::A));
    message.answers =
        answers.into_iter().map(|(owner, data)| Record::from_rdata(wire_name(owner), 60, data)).collect();
    message
}

fn soa(ttl: u32, minimum: u32) -> Record {
    Record::from_rdata(
        wire_name("example"),
        ttl,
        RData::SOA(SOA::new(wire_name("ns"), wire_name("x"), 1, 1, 1, 1, minimum)),
    )
}

fn address(last: u8) -> RData {
    RData::A(A::new(192, 0, 2, last))
}

fn cname(target: &str) -> RData {
    RData::CNAME(CNAME(wire_name(target)))
}

#[track_caller]
fn check(message: &Message, expected: &str) {
    let said = match read(&question("a.example", RecordType::A), message, MAX_CNAMES) {
        Said::Reply(Reply::Records(data), ttl) => {
            format!("{} ttl {ttl}", data.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        Said::Reply(reply, ttl) => format!("{reply:?} ttl {ttl}"),
        Said::Alias(name, links, ttl) => format!("{name} after {links} ttl {ttl}"),
    };
    assert_eq!(said, expected);
}

#[test]
fn records_and_every_kind_of_no() {
    check(
        &response(vec![("a.example", address(1)), ("a.example", address(2))]),
        "192.0.2.1 192.0.2.2 ttl 60",
    );
    check(&response(vec![("A.Example", address(1))]), "192.0.2.1 ttl 60");
    check(&response(vec![]), "NoData ttl 0");
    let mut message = response(vec![]);
    message.authorities.push(soa(300, 200));
    check(&message, "NoData ttl 200");
    message.authorities = vec![soa(100, 200)];
    check(&message, "NoData ttl 100");
    message.metadata.response_code = ResponseCode::NXDomain;
    check(&message, "NoSuchName ttl 100");
    for code in 0..=23 {
        message.metadata.response_code = ResponseCode::from(code >> 4, code & 15);
        match code {
            0 => check(&message, "NoData ttl 100"),
            3 => check(&message, "NoSuchName ttl 100"),
            _ => check(&message, "ServerFailure ttl 0"),
        }
    }
}

#[test]
fn dns_11_the_extended_error_says_bogus() {
    for (code, expected) in
        [(5, "ServerFailure"), (6, "Bogus"), (7, "Bogus"), (12, "Bogus"), (13, "ServerFailure")]
    {
        let mut message = response(vec![]);
        message.metadata.response_code = ResponseCode::ServFail;
        let edns = message.edns.get_or_insert_with(Edns::new);
        edns.options_mut().insert(EdnsOption::Unknown(15, vec![0, code, b'x']));
        check(&message, &format!("{expected} ttl 0"));
    }
}

#[test]
fn a_referral_is_no_answer() {
    let mut message = response(vec![]);
    message.authorities.push(Record::from_rdata(
        wire_name("example"),
        60,
        RData::NS(NS(wire_name("ns.example"))),
    ));
    check(&message, "ServerFailure ttl 0");
    message.metadata.authoritative = true;
    check(&message, "NoData ttl 0");
}

#[test]
fn dns_05_the_response_is_to_the_question() {
    let with = |change: fn(&mut Message)| {
        let mut message = response(vec![("a.example", address(1))]);
        change(&mut message);
        message
    };
    check(&with(|_| ()), "192.0.2.1 ttl 60");
    check(&with(|m| m.queries.clear()), "ServerFailure ttl 0");
    check(&with(|m| m.queries.push(m.queries[0].clone())), "ServerFailure ttl 0");
    check(&with(|m| m.queries[0].name = wire_name("b.example")), "ServerFailure ttl 0");
    check(&with(|m| m.queries[0].query_type = rr::RecordType::TXT), "ServerFailure ttl 0");
    check(&with(|m| m.queries[0].query_class = DNSClass::CH), "ServerFailure ttl 0");
    check(&with(|m| m.metadata.truncation = true), "ServerFailure ttl 0");
    check(&with(|m| m.metadata.response_code = ResponseCode::NXDomain), "ServerFailure ttl 0");
    check(&with(|m| m.answers[0].dns_class = DNSClass::CH), "NoData ttl 0");
}

#[test]
fn spf_33_records_of_other_names_and_types_are_passed_over() {
    check(&response(vec![("b.example", address(1)), ("a.example", address(2))]), "192.0.2.2 ttl 60");
    check(&response(vec![("b.example", address(1))]), "NoData ttl 0");
    check(&response(vec![("a.example", RData::TXT(TXT::new(vec!["x".into()])))]), "NoData ttl 0");
    let mut message = response(vec![]);
    message.additionals.push(Record::from_rdata(wire_name("a.example"), 60, address(1)));
    check(&message, "NoData ttl 0");
}

#[test]
fn dns_15_aliases_in_the_message() {
    check(&response(vec![("b.example", address(1)), ("a.example", cname("b.example"))]), "192.0.2.1 ttl 60");
    check(&response(vec![("a.example", cname("b.example"))]), "b.example after 1 ttl 60");
    let mut message = response(vec![("a.example", cname("b.example"))]);
    message.authorities.push(soa(30, 30));
    check(&message, "NoData ttl 30");
    message.metadata.response_code = ResponseCode::NXDomain;
    check(&message, "NoSuchName ttl 30");
    check(&response(vec![("a.example", cname("a.example"))]), "ServerFailure ttl 0");
    let chain = |links: usize| {
        let names: Vec<_> =
            (0..=links).map(|n| if n == 0 { "a.example".into() } else { format!("n{n}.example") }).collect();
        let mut answers: Vec<_> = names.windows(2).map(|w| (w[0].as_str(), cname(&w[1]))).collect();
        answers.push((names.last().unwrap(), address(1)));
        response(answers)
    };
    check(&chain(8), "192.0.2.1 ttl 60");
    check(&chain(9), "ServerFailure ttl 0");
    check(&chain(100), "ServerFailure ttl 0");
}

#[test]
fn dns_12_ttls() {
    let with = |ttl: u32| {
        let mut message = response(vec![("a.example", address(1)), ("a.example", address(2))]);
        message.answers[1].ttl = ttl;
        message
    };
    check(&with(59), "192.0.2.1 192.0.2.2 ttl 59");
    check(&with(0), "192.0.2.1 192.0.2.2 ttl 0");
    check(&with(1 << 31), "192.0.2.1 192.0.2.2 ttl 0");
    check(&with(i32::MAX as u32), "192.0.2.1 192.0.2.2 ttl 60");
}

/// The bytes of a response to `a.example MX` with what stands behind the question, which ends at byte 27.
fn bytes(answers: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0x81, 0x80, 0, 1];
    bytes.extend(answers.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(b"\x01a\x07example\0\0\x0f\0\x01");
    bytes.extend(rest);
    bytes
}

/// The record `a.example MX`, its owner a pointer to the question.
fn mx(length: u16, data: &[u8]) -> Vec<u8> {
    let mut record = b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c".to_vec();
    record.extend(length.to_be_bytes());
    record.extend(data);
    record
}

/// What the bytes say; `None` where they are no message.
fn parse(bytes: &[u8]) -> Option<Said> {
    let message = Message::from_vec(bytes).ok()?;
    Some(read(&question("a.example", RecordType::Mx), &message, MAX_CNAMES))
}

#[test]
fn dns_01_bytes_inside_labels_stay_inside_labels() {
    let data = b"\0\x0a\x0fvictim.example\0\x03x y\x03a\\b\0";
    let said = parse(&bytes(1, &mx(data.len() as u16, data))).unwrap();
    let Said::Reply(Reply::Records(records), 60) = said else { panic!("{said:?}") };
    assert_eq!(records[0].to_string(), r"10 victim\.example\000.x\032y.a\\b.");
}

#[test]
fn dns_02_compression_pointers() {
    // The target is where the MX data's name begins: 27 + 12 bytes of record header + 2 of preference.
    let here = 41;
    let target = |name: &[u8]| mx(name.len() as u16 + 2, &[&[0, 10], name].concat());
    let check = |name: &[u8], readable: bool| {
        assert_eq!(parse(&bytes(1, &target(name))).is_some(), readable, "{name:?}")
    };
    check(&[0xc0, 0x0c], true);
    check(&[0xc0, here], false);
    check(&[1, b'x', 0xc0, here], false);
    check(&[0xc0, here + 2, 0xc0, here + 4, 0xc0, here], false);
    check(&[0xc0, here + 2, 1, b'x', 0], false);
    check(&[0xff, 0xff], false);
    check(&[0x80, 0], false);
    check(&[0x41, b'x'], false);
}

/// A record of an unknown type holds the way, each jump going to the one before; an MX record takes it.
#[test]
fn dns_02_many_jumps() {
    let way_of = |jumps: u16| {
        let start = 27 + 12;
        let mut way = vec![0];
        for jump in 0..jumps {
            let to = if jump == 0 { start } else { start + 1 + 2 * (jump - 1) };
            way.extend((0xc000 | to).to_be_bytes());
        }
        let mut holder = mx(way.len() as u16, &way);
        holder[2] = 0xff;
        let last = 0xc000 | (start + 1 + 2 * (jumps - 1));
        bytes(2, &[holder, mx(4, &[&[0, 10], &last.to_be_bytes()[..]].concat())].concat())
    };
    // Backwards only and without recursion: as far as a message can be long, there is an end.
    for jumps in [1, 127, 8000] {
        let said = parse(&way_of(jumps));
        let expected = Data::Mx { preference: 10, exchange: Name::root() };
        assert_eq!(said, Some(Said::Reply(Reply::from_records([expected]), 60)));
    }
}

#[test]
fn dns_03_lengths_and_counts_that_lie() {
    assert!(parse(&bytes(1, &mx(4, &[0, 10, 0xc0, 0x0c]))).is_some());
    assert_eq!(parse(&bytes(u16::MAX, &mx(4, &[0, 10, 0xc0, 0x0c]))), None);
    assert_eq!(parse(&bytes(1, &mx(400, &[0, 10, 0xc0, 0x0c]))), None);
    assert_eq!(parse(&bytes(1, &mx(1, &[0, 10, 0xc0, 0x0c]))), None);
    assert_eq!(parse(&bytes(1, &mx(3, &[0, 10, 0xc0, 0x0c]))), None);
    let mut text = bytes(1, &mx(10, b"\xffaaaaaaaaa"));
    text[23 + 1] = 16;
    text[27 + 3] = 16;
    assert!(parse(&text).is_none());
    text[39] = 9;
    assert!(Message::from_vec(&text).is_ok());
    for length in 0..27 {
        assert!(parse(&bytes(1, &mx(4, &[0, 10, 0xc0, 0x0c]))[..length]).is_none());
    }
}

#[test]
fn txt_strings_are_kept_apart() {
    let text = TXT::from_bytes(vec![b"v=spf1 ", b"", b"\xff\0\"\\ -all"]);
    assert_eq!(data(&RData::TXT(text)).unwrap().to_string(), r#""v=spf1 " "" "\255\000\"\\ -all""#);
    let exchange = rr::Name::from_labels([&b"a.b"[..], b"c"]).unwrap();
    assert_eq!(data(&RData::MX(MX::new(5, exchange))).unwrap().to_string(), r"5 a\.b.c.");
}

proptest! {
    #[test]
    fn dns_16_any_bytes_end_well(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn dns_16_any_answer_section_ends_well(count in 0_u16..4, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes(count, &rest));
        let _ = parse(&bytes(1, &mx(rest.len() as u16, &rest)));
    }
}
