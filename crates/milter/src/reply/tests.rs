//! Replies: any of them through the codec and back.

use proptest::prelude::*;

use super::*;
use crate::options::{Actions, Steps};
use crate::packet::Frames;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=255u8, 0..40)
}

fn round_trip(reply: &Reply<'_>) {
    let mut out = Vec::new();
    reply.encode(&mut out);
    let mut frames = Frames::default();
    frames.push(&out);
    let packet = frames.take().unwrap().unwrap();
    assert_eq!(Reply::decode(packet).as_ref(), Ok(reply));
    assert!(frames.is_empty());
}

proptest! {
    #[test]
    fn every_reply_comes_back(
        numbers: [u32; 3], index: u32, one in text(), name in prop::collection::vec(1..=255u8, 1..20), bytes: Vec<u8>,
    ) {
        let [version, actions, steps] = numbers;
        let offer = Offer { version, actions: Actions(actions), steps: Steps(steps) };
        let list = [&one[..], b"\0", &name, b"\0"].concat();
        let strings = Strings::new(&list).unwrap();
        round_trip(&Reply::Negotiate(offer, Vec::new()));
        round_trip(&Reply::Negotiate(offer, vec![MacroList { stage: index, names: &one }, MacroList { stage: 0, names: &name }]));
        for reply in [
            Reply::Continue, Reply::Accept, Reply::Reject, Reply::Tempfail, Reply::Discard, Reply::Skip,
            Reply::Progress, Reply::Shutdown, Reply::FailConnection, Reply::ReplyCode(&one),
            Reply::AddHeader(&name, &one), Reply::InsertHeader(index, &name, &one), Reply::ChangeHeader(index, &name, &one),
            Reply::Quarantine(&one), Reply::AddRecipient(&one), Reply::AddRecipientWithArguments(strings),
            Reply::DeleteRecipient(&one), Reply::ChangeSender(strings), Reply::ReplaceBody(&bytes),
        ] {
            round_trip(&reply);
        }
    }
}

#[test]
fn on_the_wire() {
    let check = |reply: Reply<'_>, expected: &[u8]| {
        let mut out = Vec::new();
        reply.encode(&mut out);
        assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
    };
    check(Reply::Continue, b"\0\0\0\x01c");
    check(Reply::InsertHeader(0, b"A", b" b"), b"\0\0\0\x0ai\0\0\0\0A\0 b\0");
    check(Reply::ChangeHeader(1, b"A", b""), b"\0\0\0\x08m\0\0\0\x01A\0\0");
    check(Reply::ReplyCode(b"550 5.7.1 no"), b"\0\0\0\x0ey550 5.7.1 no\0");
    let offer = Offer { version: 6, actions: Actions(0x111), steps: Steps(0x10_0400) };
    let lists = vec![MacroList { stage: 2, names: b"i {auth_authen}" }];
    check(
        Reply::Negotiate(offer, lists),
        b"\0\0\0\x21O\0\0\0\x06\0\0\x01\x11\0\x10\x04\0\0\0\0\x02i {auth_authen}\0",
    );
}

#[test]
fn flaws() {
    let check = |letter: u8, data: &[u8], expected: &str| {
        let reply = Reply::decode(Packet { letter: Letter(letter), data });
        assert_eq!(reply.unwrap_err().to_string(), expected);
    };
    check(b'?', b"", "packet '?': no such packet at octet 0 of its data");
    check(b'c', b"x", "packet 'c': data left over at octet 0 of its data");
    check(b'm', b"\0\0\0\x01A\0", "packet 'm': a string without its NUL at octet 6 of its data");
    check(b'i', b"\0\0\0\x01\0v\0", "packet 'i': an empty name at octet 4 of its data");
}
