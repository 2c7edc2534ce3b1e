//! Any bytes at all: no panic, and the same result in every cut.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use common::{MESSAGE, World, victim};
use dkim::{BodyHasher, Canon};
use proptest::prelude::*;
use testkit::signer::Signer;

/// Bodies that come near every border: line ends, white space, single bytes, long runs.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\t".to_vec()),
        Just(b"word".to_vec()),
        Just(b"\r\n\r\n\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_field(value in proptest::collection::vec(any::<u8>(), 0..200)) {
        World::new().verify(&[b"DKIM-Signature: ", &value[..], b"\r\n", MESSAGE.as_bytes()].concat());
    }

    #[test]
    fn anything_like_a_field(value in "( ?(v=1|a=(rsa|ed25519)-sha(1|256)|[bcdhilqstxz]h?=[ -~]{0,12});?){0,9}") {
        World::new().verify(format!("DKIM-Signature: {value}\r\n{MESSAGE}").as_bytes());
    }

    #[test]
    fn any_record(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut world = World::new();
        world.zone = dns::Zone::new();
        let name = dns::Name::from_dotted("s1._domainkey.victim.example").unwrap();
        world.zone.add(name, 1, dns::Data::txt(&text));
        world.verify(&Signer::new("victim.example", "s1", &victim()).sign(MESSAGE.as_bytes()));
    }

    #[test]
    fn any_change_of_a_message_in_every_cut(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut message = Signer::new("victim.example", "ed", &testkit::signer::TestKey::ed25519(1))
            .tag("c", "simple/simple").tag("h", "from:to:subject:date:message-id").sign(MESSAGE.as_bytes());
        // White space and padding inside b= can change without harm: nothing but b= is where a change may pass.
        let b = message.windows(3).position(|w| w == b" b=").unwrap() + 3;
        let b_end = message.windows(6).position(|w| w == b"\r\nFrom").unwrap();
        let at = at.index(message.len());
        let same = message[at] == byte || (b..b_end).contains(&at);
        message[at] = byte;
        for check in World::new().verify(&message) {
            prop_assert!(check.pass().is_none() || same, "byte {} to {}", at, byte);
        }
    }

    #[test]
    fn body_hashes_agree_with_the_signers(body in body(), relaxed in any::<bool>()) {
        let c = if relaxed { "relaxed/relaxed" } else { "simple/simple" };
        let message = [b"From: a@victim.example\r\n\r\n", &body[..]].concat();
        World::new().check(Signer::new("victim.example", "s1", &victim()).tag("c", c).sign(&message), "pass pass");
    }

    #[test]
    fn body_hashes_are_the_same_for_every_cut(
        body in body(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let mut whole = BodyHasher::new([Canon::Simple, Canon::Relaxed]);
        whole.update(&body);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let mut cut = BodyHasher::new([Canon::Simple, Canon::Relaxed]);
        for pair in cuts.windows(2) {
            cut.update(&body[pair[0]..pair[1]]);
        }
        prop_assert_eq!(whole.finish(), cut.finish());
    }
}
