//! Where a courier goes, and where not.

use std::sync::atomic::{AtomicUsize, Ordering};

use courier::{Courier, FetchError, Settings, Special};
use dns::{Answer, Data, Dns, Question, RecordType, Reply, Zone};
use testkit::https::{Host, ok};

use crate::{AUTHORITY, PLENTY, POLICY, courier, domain, good, said};

/// What comes of these records.
async fn check(zone: &str, expected: &str) {
    let host = Host::answers("127.0.0.1:0", good(), ok(POLICY));
    let zone = Zone::parse(zone).unwrap();
    let found = said(courier(host.address.port()).policy(&zone, &domain(), PLENTY).await);
    assert!(found.contains(expected), "found: {found}, expected: {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_dns_says() {
    check("mta-sts.v.example. A 127.0.0.1", "enforce").await;
    check("mta-sts.v.example. CNAME host.test.\nhost.test. A 127.0.0.1", "enforce").await;
    check("v.example. A 127.0.0.1", "the policy host has no address").await;
    check(";! servfail mta-sts.v.example.", "no address of the policy host: AAAA mta-sts.v.example").await;
    check(";! timeout mta-sts.v.example.", "no answer came in time").await;
    check(";! bogus mta-sts.v.example.", "forged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_13_special_addresses_are_not_connected_to() {
    let host = Host::answers("127.0.0.1:0", good(), ok(POLICY));
    let strict =
        Courier::new(Settings { port: host.address.port(), ..Settings::new(AUTHORITY.roots()) }).unwrap();
    for address in
        ["A 127.0.0.1", "A 0.0.0.0", "AAAA ::ffff:127.0.0.1", "AAAA ::1", "AAAA ::", "AAAA 64:ff9b::7f00:1"]
    {
        let zone = Zone::parse(format!("mta-sts.v.example. {address}")).unwrap();
        let result = strict.policy(&zone, &domain(), PLENTY).await;
        assert!(matches!(result, Err(FetchError::Special(_, Special::Own))), "{address}: {result:?}");
    }
    assert_eq!(host.connections(), 0);
    let zone = Zone::parse("mta-sts.v.example. A 169.254.169.254").unwrap();
    let error = strict.policy(&zone, &domain(), PLENTY).await.unwrap_err();
    let said =
        "the policy host has only addresses that are not public, such as 169.254.169.254 (of the local link)";
    assert_eq!(error.to_string(), said);
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_15_of_several_addresses_only_the_allowed_ones() {
    check(
        "mta-sts.v.example. A 10.0.0.1\nmta-sts.v.example. AAAA ::1\nmta-sts.v.example. A 127.0.0.1",
        "enforce",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_address_does_not_stop_the_next() {
    // Nobody listens at the first; the second does not answer; the third is the host.
    let silent = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let host = Host::answers(&format!("127.0.0.1:{port}"), good(), ok(POLICY));
    let zone = "mta-sts.v.example. A 127.0.0.2\nmta-sts.v.example. A 127.0.0.1";
    let fetched = courier(port).policy(&Zone::parse(zone).unwrap(), &domain(), PLENTY).await;
    assert!(fetched.is_ok(), "{fetched:?}");
    assert_eq!(host.connections(), 1);
}

/// Allowed at first, and then not.
struct Rebinding(AtomicUsize);

impl Dns for Rebinding {
    async fn ask(&self, question: &Question) -> Answer {
        if question.rtype != RecordType::A {
            return Answer::new(Reply::NoData);
        }
        let address = match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => [127, 0, 0, 1],
            _ => [10, 0, 0, 1],
        };
        Answer::new(Reply::from_records([Data::A(address.into())]))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_14_addresses_are_looked_up_once() {
    let host = Host::answers("127.0.0.1:0", good(), ok(POLICY));
    let dns = Rebinding(AtomicUsize::new(0));
    assert!(courier(host.address.port()).policy(&dns, &domain(), PLENTY).await.is_ok());
    assert_eq!(dns.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_too_long_has_no_policy_host() {
    let long = mail::Domain::parse(["a"; 125].join(".")).unwrap();
    let result = courier(443).policy(&Zone::default(), &long, PLENTY).await;
    assert!(matches!(result, Err(FetchError::NoName)));
}
