//! Messages whose signature was seen before.

use super::*;

const LIMITS: Replay = Replay { copies: Some(100), age: Some(7 * 86_400) };

/// A message that passes by its signature alone, which was seen so often and made so many seconds ago.
fn signed(copies: u32, age: Option<u64>) -> Try {
    Try::from("signer.example").with(|t| {
        t.policy.replay = LIMITS;
        t.signed_by = vec!["signer.example"];
        t.signed_at = age.map(|age| NOW.0 - age);
        t.history.copies = Some(copies);
    })
}

#[test]
fn dkp_01_copies_and_age_count_where_the_site_says_so() {
    check(signed(100, None), "accept");
    check(signed(101, None), "quarantine by replayed");
    check(signed(1, Some(7 * 86_400)), "accept");
    check(signed(1, Some(7 * 86_400 + 1)), "quarantine by replayed");
    check(signed(5000, Some(86_400 * 365)).with(|t| t.policy.replay = Replay::default()), "accept");
    check(signed(5000, None).with(|t| t.history.copies = None), "accept");
    check(signed(101, None).action(Rule::Replayed, Action::Refuse), "refuse by replayed");
    check(signed(101, None).mode(Mode::Observe), "accept");
}

#[test]
fn dkp_01_only_of_what_nothing_but_a_signature_vouches_for() {
    let own = |t: &mut Try| (t.client, t.mail_from) = (Some("192.0.2.10"), "<a@signer.example>".to_owned());
    check(signed(101, None).with(own), "accept");
    // Who fails is no replay, whatever was counted.
    check(signed(101, None).with(|t| t.signed_by = vec!["spoof.example"]), "refuse by dmarc-reject");
    let listed = |t: &mut Try| {
        t.policy.known_networks = vec![(Network::parse("203.0.113.0/24").unwrap(), Kind::List)];
    };
    check(signed(101, None).with(listed), "accept");
    let allowed = |t: &mut Try| t.policy.vouchers = [domain("signer.example")].into_iter().collect();
    check(signed(101, None).with(allowed), "accept");
}

#[test]
fn dkp_01_signatures_of_the_authors_organization_are_counted_each() {
    let mut copies = Copies::new(100);
    let mut count = |attempt: &Try| copies.count(&attempt.decide().0, NOW);
    let first = signed(0, None);
    assert_eq!((count(&first), count(&first)), (Some(1), Some(2)));
    // To others: the same signature.
    assert_eq!(count(&first.clone().with(|t| t.recipients = vec!["<b@other.test>"])), Some(3));
    // Another message has another one; so does one of a list on top of the author's.
    let other = first.clone().with(|t| t.header = t.header.replace("Subject: s", "Subject: t"));
    assert_eq!(count(&other), Some(1));
    assert_eq!(count(&first.clone().with(|t| t.signed_by.push("forward.example"))), Some(4));
    // Also of those who publish no policy.
    let plain = signed(0, None).with(|t| {
        t.header = t.header.replace("signer.example", "forward.example");
        t.signed_by = vec!["forward.example"];
    });
    assert_eq!(count(&plain), Some(1));
    // Of who else signed, nothing is counted.
    assert_eq!(count(&first.clone().with(|t| t.signed_by = vec!["spoof.example"])), None);
    assert_eq!(count(&first.with(|t| t.signed_by.clear())), None);
}

#[test]
fn dkp_01_the_reason_is_said() {
    let said = signed(101, None).decide().1.to_string();
    assert_eq!(
        said,
        "quarantine by replayed: the signature was seen too often, or is too old; 101 messages with this signature have \
         come by now; mode enforce"
    );
    assert!(signed(1, Some(9 * 86_400)).decide().1.to_string().contains("it was signed 216 hours ago"));
}
