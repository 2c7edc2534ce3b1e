//! Commands: tables of packets, and any command through the codec and back.

use proptest::prelude::*;

use super::*;
use crate::options::{Actions, Steps};
use crate::packet::Frames;

/// How a packet is read, or why not.
fn check(letter: u8, data: &[u8], expected: &str) {
    let command = Command::decode(Packet { letter: Letter(letter), data });
    let shown = command.map_or_else(|error| error.to_string(), |command| format!("{command:?}"));
    assert_eq!(shown, expected, "{} {}", char::from(letter), data.escape_ascii());
}

#[test]
fn packets() {
    check(
        b'O',
        &[0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff],
        "Negotiate(Offer { version: 6, actions: Actions(511), steps: Steps(2097151) })",
    );
    check(b'D', b"C", "Macros(Connect, [])");
    check(b'D', b"Mi\0ABC\0{auth_authen}\0\0", "Macros(Mail, [i, ABC, {auth_authen}, ])");
    check(
        b'C',
        b"h\x004\x00\x19192.0.2.1\0",
        "Connect(Connect { host: [104], peer: Inet(25, [49, 57, 50, 46, 48, 46, 50, 46, 49]) })",
    );
    check(b'C', b"h\0U", "Connect(Connect { host: [104], peer: Unknown })");
    check(b'C', b"h\0L\0\0/s\0", "Connect(Connect { host: [104], peer: Local(0, [47, 115]) })");
    check(b'H', b"\xff\0", "Helo([255])");
    check(b'M', b"<>\0", "Mail([<>])");
    check(b'M', b"<a@b>\0SIZE=1\0", "Mail([<a@b>, SIZE=1])");
    check(b'L', b"A\0\0", "Header { name: [65], value: [] }");
    check(b'B', b"", "Body([])");
    check(b'E', b"x\0", "EndOfBody([120, 0])");
    check(b'K', b"", "QuitNewConnection");
}

#[test]
fn net_02_unknown_packets() {
    for letter in 0..=255 {
        if !b"OCDHMRTLNBEAQKU".contains(&letter) {
            let letter = Letter(letter);
            let error = Command::decode(Packet { letter, data: b"" }).unwrap_err();
            assert_eq!(error, DecodeError { letter, at: 0, flaw: Flaw::Letter });
        }
    }
    check(0xff, b"", "packet 0xff: no such packet at octet 0 of its data");
}

#[test]
fn net_03_missing_and_embedded_nuls() {
    check(b'L', b"From\0", "packet 'L': a string without its NUL at octet 5 of its data");
    check(b'L', b"From", "packet 'L': a string without its NUL at octet 0 of its data");
    check(b'L', b"\0x\0", "packet 'L': an empty name at octet 0 of its data");
    check(b'L', b"From\0a\0b\0", "packet 'L': data left over at octet 7 of its data");
    check(b'D', b"Mi\0", "packet 'D': a name without a value at octet 3 of its data");
    check(b'D', b"Mi\0A", "packet 'D': a string without its NUL at octet 1 of its data");
    check(b'D', b"", "packet 'D': a number is cut off at octet 0 of its data");
    check(b'D', b"Q", "packet 'D': macros for an unknown command at octet 0 of its data");
    check(b'C', b"h\0", "packet 'C': a number is cut off at octet 2 of its data");
    check(b'C', b"h\x004", "packet 'C': a number is cut off at octet 3 of its data");
    check(b'C', b"h\x004\0\x19", "packet 'C': a string without its NUL at octet 5 of its data");
    check(b'C', b"h\x004\0\x19192.0.2.1", "packet 'C': a string without its NUL at octet 5 of its data");
    check(b'C', b"h\0X\0\x19a\0", "packet 'C': an unknown address family at octet 2 of its data");
    check(b'C', b"h\0Ux", "packet 'C': data left over at octet 3 of its data");
    check(b'M', b"", "packet 'M': a string without its NUL at octet 0 of its data");
    check(b'M', b"<a\0b", "packet 'M': a string without its NUL at octet 0 of its data");
    check(b'H', b"", "packet 'H': a string without its NUL at octet 0 of its data");
    check(b'H', b"a\0b", "packet 'H': data left over at octet 2 of its data");
    check(b'O', b"\0\0\0\x06\0", "packet 'O': a number is cut off at octet 4 of its data");
    check(b'A', b"x", "packet 'A': data left over at octet 0 of its data");
}

#[test]
fn env_18_clients() {
    let check = |peer: Peer<'_>, expected: &str| {
        let connect = Connect { host: b"h", peer };
        assert_eq!(format!("{:?}", connect.client()), expected, "{peer:?}");
    };
    check(Peer::Unknown, "Unknown");
    check(Peer::Local(0, b"/s"), "Local");
    check(Peer::Inet(25, b"192.0.2.1"), "Ip(192.0.2.1, 25)");
    check(Peer::Inet(0, b"192.0.2.1"), "Ip(192.0.2.1, 0)");
    check(Peer::Inet(25, b"0.0.0.0"), "Unknown");
    check(Peer::Inet(25, b"unknown"), "Unknown");
    check(Peer::Inet(25, b"192.0.2.1 "), "Unknown");
    check(Peer::Inet(25, b"192.0.2.1\xff"), "Unknown");
    check(Peer::Inet(25, b""), "Unknown");
    check(Peer::Inet6(25, b"2001:db8::1"), "Ip(2001:db8::1, 25)");
    check(Peer::Inet6(25, b"IPv6:2001:db8::1"), "Ip(2001:db8::1, 25)");
    check(Peer::Inet6(25, b"IPv6:::ffff:203.0.113.66"), "Ip(203.0.113.66, 25)");
    check(Peer::Inet6(25, b"::"), "Unknown");
    check(Peer::Inet6(25, b"::ffff:0.0.0.0"), "Unknown");
}

/// A text without NUL.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=255u8, 0..40)
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=255u8, 1..20)
}

fn wire(texts: Vec<Vec<u8>>) -> Vec<u8> {
    texts.into_iter().flat_map(|text| [text, vec![0]].concat()).collect()
}

/// Feeds the encoded command, and asks for the same back.
fn round_trip(command: &Command<'_>) {
    let mut out = Vec::new();
    command.encode(&mut out);
    let mut frames = Frames::default();
    frames.push(&out);
    let packet = frames.take().unwrap().unwrap();
    assert_eq!(Command::decode(packet).as_ref(), Ok(command));
    assert!(frames.is_empty());
}

proptest! {
    #[test]
    fn every_command_comes_back(
        version: u32, actions: u32, steps: u32, port: u16, stage in 0..10usize,
        one in text(), two in text(), name in name(), list in prop::collection::vec(text(), 1..6), bytes: Vec<u8>,
    ) {
        let pairs = wire(list.iter().flat_map(|text| [text.clone(), text.clone()]).collect());
        let list = wire(list);
        let arguments = Strings::new(&list).unwrap();
        round_trip(&Command::Negotiate(Offer { version, actions: Actions(actions), steps: Steps(steps) }));
        round_trip(&Command::Macros(Stage::ALL[stage], Strings::new(&pairs).unwrap()));
        for peer in [Peer::Unknown, Peer::Local(port, &two), Peer::Inet(port, &two), Peer::Inet6(port, &two)] {
            round_trip(&Command::Connect(Connect { host: &one, peer }));
        }
        round_trip(&Command::Helo(&one));
        round_trip(&Command::Mail(arguments));
        round_trip(&Command::Rcpt(arguments));
        round_trip(&Command::Header { name: &name, value: &two });
        round_trip(&Command::Body(&bytes));
        round_trip(&Command::EndOfBody(&bytes));
        round_trip(&Command::Unknown(&one));
        for command in [Command::Data, Command::EndOfHeader, Command::Abort, Command::Quit, Command::QuitNewConnection] {
            round_trip(&command);
        }
    }

    /// Whatever is decoded is encoded to the same octets.
    #[test]
    fn any_bytes_are_refused_or_come_back(letter in prop::sample::select(b"OCDHMRTLNBEAQKU\xff".to_vec()), data in prop::collection::vec(prop::sample::select(b"\0\0\0AaM46LU\xff".to_vec()), 0..24)) {
        let packet = Packet { letter: Letter(letter), data: &data };
        if let Ok(command) = Command::decode(packet) {
            let mut out = Vec::new();
            command.encode(&mut out);
            prop_assert_eq!(&out[5..], &data[..]);
            prop_assert_eq!(out[4], letter);
        }
    }
}
