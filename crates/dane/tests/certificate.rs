//! Real chains against TLSA records: an authority, one below it, and a server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use dane::{MAX_CHAIN, Tlsa, certificate};
use dns::{Data, Name};
use mail::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData, date_time_ymd,
};

/// In 2026.
const NOW: UnixTime = UnixTime(1_780_000_000);

/// A certificate, and its public key.
struct Made {
    der: Vec<u8>,
    key: Vec<u8>,
}

/// An authority, one below it, and servers of the latter.
struct World {
    root: Made,
    middle: Made,
    good: Made,
    expired: Made,
    early: Made,
    other_name: Made,
    next_hop: Made,
    wild: Made,
    odd_wild: Made,
    alone: Made,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let made = |certificate: &rcgen::Certificate, key: &KeyPair| Made {
        der: certificate.der().to_vec(),
        key: key.subject_public_key_info(),
    };
    let (params, key) = (authority("root"), KeyPair::generate().unwrap());
    let root = made(&params.self_signed(&key).unwrap(), &key);
    let top = Issuer::new(params, key);
    let (params, key) = (authority("middle"), KeyPair::generate().unwrap());
    let middle = made(&params.signed_by(&key, &top).unwrap(), &key);
    let below = Issuer::new(params, key);
    let server = |name: &str, change: &dyn Fn(&mut CertificateParams)| {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        made(&params.signed_by(&key, &below).unwrap(), &key)
    };
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["mx.v.example".to_owned()]).unwrap();
    World {
        root,
        middle,
        good: server("mx.v.example", &|_| {}),
        expired: server("mx.v.example", &|params| params.not_after = date_time_ymd(2001, 1, 1)),
        early: server("mx.v.example", &|params| params.not_before = date_time_ymd(2090, 1, 1)),
        other_name: server("mx.w.example", &|_| {}),
        next_hop: server("v.example", &|_| {}),
        wild: server("*.v.example", &|_| {}),
        odd_wild: server("m*.v.example", &|_| {}),
        alone: made(&params.self_signed(&key).unwrap(), &key),
    }
});

/// A record such as `3 1 1` about a certificate.
fn tlsa(fields: &str, made: &Made) -> Tlsa {
    let [usage, selector, matching] =
        fields.split(' ').map(|n| n.parse().unwrap()).collect::<Vec<u8>>().try_into().unwrap();
    let part = if selector == 0 { &made.der } else { &made.key };
    let data = match matching {
        0 => part.clone(),
        1 => digest(&SHA256, part).as_ref().to_vec(),
        _ => digest(&SHA512, part).as_ref().to_vec(),
    };
    Tlsa::from_data(&Data::Tlsa { usage, selector, matching, data: data.into() }).unwrap().unwrap()
}

/// What comes of records, a chain, and the names `mx.v.example` and `v.example`.
fn said(records: &[Tlsa], chain: &[&Made]) -> String {
    let chain: Vec<&[u8]> = chain.iter().map(|made| made.der.as_slice()).collect();
    let names = ["mx.v.example", "v.example"].map(|name| Name::from_dotted(name).unwrap());
    match certificate(records, &chain, &names, NOW) {
        Ok(usage) => format!("{usage:?}"),
        Err(why) => why.to_string(),
    }
}

fn check(record: &str, about: &Made, chain: &[&Made], expected: &str) {
    assert_eq!(said(&[tlsa(record, about)], chain), expected, "{record}");
}

const NO_RECORD: &str = "no TLSA record speaks of the server's certificates";
const INCOMPLETE: &str =
    "a TLSA record speaks of an authority, but the server's certificate has no complete chain to it";

#[test]
fn usage_3_is_about_the_servers_own_whatever_its_name_and_time() {
    let w = &*WORLD;
    for record in ["3 0 0", "3 0 1", "3 0 2", "3 1 0", "3 1 1", "3 1 2"] {
        for own in [&w.good, &w.expired, &w.early, &w.other_name, &w.alone] {
            check(record, own, &[own], "EndEntity");
            check(record, own, &[own, &w.middle], "EndEntity");
        }
        check(record, &w.good, &[&w.expired], NO_RECORD);
        // One above it is not its own.
        check(record, &w.middle, &[&w.good, &w.middle], NO_RECORD);
    }
}

#[test]
fn usage_2_is_about_an_authority_above() {
    let w = &*WORLD;
    for record in ["2 0 0", "2 0 1", "2 0 2", "2 1 0", "2 1 1", "2 1 2"] {
        check(record, &w.middle, &[&w.good, &w.middle], "TrustAnchor");
        check(record, &w.root, &[&w.good, &w.middle, &w.root], "TrustAnchor");
        // In any order (RFC 8446 §4.4.2).
        check(record, &w.root, &[&w.good, &w.root, &w.middle], "TrustAnchor");
        check(record, &w.middle, &[&w.good, &w.middle, &w.root], "TrustAnchor");
    }
    // A record about the server's own makes it no authority of itself.
    for record in ["2 0 1", "2 1 1"] {
        check(record, &w.alone, &[&w.alone], NO_RECORD);
        check(record, &w.good, &[&w.good, &w.middle], NO_RECORD);
    }
}

#[test]
fn usage_2_wants_names_and_times() {
    let w = &*WORLD;
    let but =
        |what: &str| format!("a TLSA record speaks of an authority, but the server's certificate {what}");
    for record in ["2 0 1", "2 1 1"] {
        check(record, &w.middle, &[&w.expired, &w.middle], &but("or one above it is expired"));
        check(record, &w.middle, &[&w.early, &w.middle], &but("or one above it is not valid yet"));
        check(record, &w.middle, &[&w.other_name, &w.middle], &but("is for another name"));
        // RFC 7672 §3.2.2, §3.2.3: the next hop's name will do, and a wildcard that is the whole first label.
        check(record, &w.middle, &[&w.next_hop, &w.middle], "TrustAnchor");
        check(record, &w.middle, &[&w.wild, &w.middle], "TrustAnchor");
        check(record, &w.middle, &[&w.odd_wild, &w.middle], &but("is for another name"));
    }
}

#[test]
fn usage_2_wants_the_whole_chain() {
    let w = &*WORLD;
    for record in ["2 0 1", "2 1 1"] {
        // The authority was not sent: nobody can know its hash.
        check(record, &w.root, &[&w.good, &w.middle], NO_RECORD);
        // What stands between was not sent.
        check(record, &w.root, &[&w.good, &w.root], INCOMPLETE);
        // Sent, and no issuer of it.
        check(record, &w.alone, &[&w.good, &w.alone], INCOMPLETE);
        check(record, &w.middle, &[&w.alone, &w.middle], INCOMPLETE);
    }
    // An authority that stands whole in the record need not be sent.
    check("2 0 0", &w.root, &[&w.good, &w.middle], "TrustAnchor");
    check("2 0 0", &w.root, &[&w.good], INCOMPLETE);
    // A bare key is none (RFC 7671 §5.2.2).
    check("2 1 0", &w.root, &[&w.good, &w.middle], NO_RECORD);
}

#[test]
fn one_record_is_enough() {
    let w = &*WORLD;
    let bad = || tlsa("3 1 1", &w.expired);
    assert_eq!(said(&[bad(), tlsa("3 1 1", &w.good)], &[&w.good]), "EndEntity");
    assert_eq!(said(&[bad(), tlsa("2 1 1", &w.middle)], &[&w.good, &w.middle]), "TrustAnchor");
    let records = [tlsa("2 1 1", &w.middle), tlsa("3 1 1", &w.other_name)];
    assert_eq!(said(&records, &[&w.other_name, &w.middle]), "EndEntity");
}

/// RFC 7671 §9: of several hashes only the strongest counts, for each usage and selector by itself; what stands whole always.
#[test]
fn the_strongest_hash_counts() {
    let w = &*WORLD;
    let check = |good: &str, others: &[&str], expected: &str| {
        let mut records: Vec<Tlsa> = others.iter().map(|record| tlsa(record, &w.expired)).collect();
        records.push(tlsa(good, &w.good));
        assert_eq!(said(&records, &[&w.good, &w.middle]), expected, "{good} {others:?}");
        records.reverse();
        assert_eq!(said(&records, &[&w.good, &w.middle]), expected, "{good} {others:?}");
    };
    check("3 1 1", &["3 1 2"], NO_RECORD);
    check("3 0 1", &["3 0 2", "3 0 1"], NO_RECORD);
    check("3 1 2", &["3 1 1"], "EndEntity");
    check("3 1 0", &["3 1 2"], "EndEntity");
    check("3 1 1", &["3 1 0", "3 0 2", "2 1 2", "3 1 1"], "EndEntity");
    // So too for authorities.
    let of_authority = |record| tlsa(record, &w.middle);
    let records = [of_authority("2 1 1"), tlsa("2 1 2", &w.alone)];
    assert_eq!(said(&records, &[&w.good, &w.middle]), NO_RECORD);
    let records = [of_authority("2 1 2"), tlsa("2 1 1", &w.alone)];
    assert_eq!(said(&records, &[&w.good, &w.middle]), "TrustAnchor");
}

#[test]
fn a_signature_that_was_changed() {
    let w = &*WORLD;
    let mut der = w.good.der.clone();
    *der.last_mut().unwrap() ^= 1;
    let forged = Made { der, key: w.good.key.clone() };
    check("2 1 1", &w.middle, &[&forged, &w.middle], INCOMPLETE);
}

#[test]
fn what_a_server_can_send() {
    let w = &*WORLD;
    check("3 1 1", &w.good, &[], "the server sent no certificate");
    let mut chain = vec![&w.good; MAX_CHAIN];
    check("3 1 1", &w.good, &chain, "EndEntity");
    chain.push(&w.good);
    check("3 1 1", &w.good, &chain, "the server sent 17 certificates");
    for der in [Vec::new(), vec![0x30], vec![0; 40], w.good.der[..100].to_vec()] {
        let torn = Made { der, key: w.good.key.clone() };
        check("3 1 1", &w.good, &[&torn], NO_RECORD);
        check("3 1 1", &w.good, &[&torn, &w.good], NO_RECORD);
        let found = said(&[tlsa("2 1 1", &w.middle)], &[&torn, &w.middle]);
        assert!(found.contains("is not good: "), "{found}");
    }
}
