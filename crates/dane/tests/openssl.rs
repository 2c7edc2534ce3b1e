//! OpenSSL's own tests of DANE (test/danetest.in), the library by which Postfix holds certificates against TLSA records.
//! Records of the usages 0 and 1 are left out, as SMTP can't use them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dane::{Tlsa, Usage, certificate};
use dns::{Data, Name};
use mail::UnixTime;

/// In 2026.
const NOW: UnixTime = UnixTime(1_780_000_000);

/// Blocks whose result is another one here, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "49",
        "no",
        "RFC 7671 §5.2.2: an authority that is not sent has to stand in the record with all of its certificate",
    ),
    ("50", "no", "the same"),
    ("54", "EndEntity", "RFC 7672 §3.2.1: names don't count with usage 3; the test has them counted"),
];

/// One test: records, certificates, and what should come of it.
struct Block {
    number: String,
    records: Vec<Data>,
    chain: Vec<Vec<u8>>,
    expected: &'static str,
}

fn read(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    let mut number = String::new();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("# ").filter(|rest| rest.parse::<u32>().is_ok()) {
            number = rest.to_owned();
        }
        let head: Vec<i32> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [records, certificates, _, result, depth] = head[..] else { continue };
        let number = number.clone();
        let records = lines.by_ref().take(usize::try_from(records).unwrap()).map(record).collect();
        let chain = (0..certificates).map(|_| pem(&mut lines)).collect();
        let expected = match (result, depth) {
            (0, 0) => "EndEntity",
            (0, _) => "TrustAnchor",
            _ => "no",
        };
        blocks.push(Block { number, records, chain, expected });
    }
    blocks
}

fn record(line: &str) -> Data {
    let fields: Vec<&str> = line.split(' ').collect();
    let [usage, selector, matching, hex] = fields[..] else { panic!("{line}") };
    let octet = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    let data: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
    let number = |text: &str| text.parse().unwrap();
    Data::Tlsa {
        usage: number(usage),
        selector: number(selector),
        matching: number(matching),
        data: data.into(),
    }
}

fn pem<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<u8> {
    let inside = lines.skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let text: String = inside.take_while(|line| !line.starts_with("-----END")).map(str::trim).collect();
    STANDARD.decode(text).unwrap()
}

fn found(block: &Block) -> &'static str {
    let records: Vec<Tlsa> =
        block.records.iter().filter_map(|record| Tlsa::from_data(record).unwrap().ok()).collect();
    let chain: Vec<&[u8]> = block.chain.iter().map(Vec::as_slice).collect();
    match certificate(&records, &chain, &[Name::from_dotted("example.com").unwrap()], NOW) {
        Ok(Usage::EndEntity) => "EndEntity",
        Ok(Usage::TrustAnchor) => "TrustAnchor",
        Err(_) => "no",
    }
}

#[test]
fn what_openssl_says() {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("MAILWARD_SUITES").map_or_else(default, PathBuf::from);
    let path = folder.join("dane-openssl/test/danetest.in");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("THE SUITE OF OPENSSL DID NOT RUN: {}: {error}", path.display());
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the suite has to run here");
            return;
        }
    };
    let blocks = read(&text);
    assert_eq!(blocks.len(), 54);
    let (mut held, mut other) = (0, Vec::new());
    for block in &blocks {
        let of_smtp = block.records.iter().any(|record| Tlsa::from_data(record).unwrap().is_ok());
        if !of_smtp {
            assert_eq!(found(block), "no", "{}", block.number);
            continue;
        }
        held += 1;
        let found = found(block);
        if found != block.expected {
            other.push((block.number.as_str(), found));
        }
    }
    let expected: Vec<_> = EXCEPTIONS.iter().map(|(number, result, _)| (*number, *result)).collect();
    assert_eq!(other, expected);
    assert_eq!(held, 34);
}
