//! Every fault and where it is, both sides of the limit, every way to cut a stream.

use proptest::prelude::*;

use super::*;

/// What comes of a stream in pieces of this size: the netstrings, and the error that ends it.
fn read(limit: usize, stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<String>) {
    let mut frames = Frames::new(limit);
    let mut found = Vec::new();
    for piece in stream.chunks(size) {
        frames.push(piece);
        loop {
            let ready = frames.is_ready();
            match frames.take() {
                Ok(Some(octets)) => found.push(octets.to_vec()),
                Ok(None) => break assert!(!ready),
                Err(error) => return (found, Some(error.to_string())),
            }
            assert!(ready);
        }
    }
    (found, None)
}

/// What is read of a stream, cut anyhow: the netstrings with `|` between, and the error.
fn check(stream: &str, expected: &str, error: &str) {
    for size in 1..=stream.len() {
        let (found, wrong) = read(9, stream.as_bytes(), size);
        let found: Vec<_> = found.iter().map(|octets| String::from_utf8_lossy(octets)).collect();
        assert_eq!(found.join("|"), expected, "{stream} in pieces of {size}");
        assert_eq!(wrong.unwrap_or_default(), error, "{stream} in pieces of {size}");
    }
}

#[test]
fn net_10_what_is_read() {
    check("3:a b,", "a b", "");
    check("3:a b,1:c,0:,2:d,,", "a b|c||d,", "");
    check("9:123456789,", "123456789", "");
    check("3:a b", "", "");
    check("3", "", "");
}

#[test]
fn net_10_what_is_wrong_and_where() {
    let zero = "a length with a leading zero";
    check("0005:", "", &format!("octet 0 of the connection: {zero}"));
    check("00:,", "", &format!("octet 0 of the connection: {zero}"));
    check("1:a,01:b,", "a", &format!("octet 4 of the connection: {zero}"));
    check("-1:", "", "octet 0 of the connection: `-` in a length");
    check("+1:a,", "", "octet 0 of the connection: `+` in a length");
    check(" 1:a,", "", "octet 0 of the connection: ` ` in a length");
    check(":a,", "", "octet 0 of the connection: `:` in a length");
    check("1 :a,", "", "octet 1 of the connection: ` ` in a length");
    check("1:a,\n1:b,", "a", "octet 4 of the connection: `\\n` in a length");
    check("10:", "", "octet 0 of the connection: a length above 9");
    check("1:a,99999999999:", "a", "octet 4 of the connection: a length above 9");
    check("18446744073709551617:", "", "octet 0 of the connection: a length above 9");
    check("5:abc de,", "", "octet 7 of the connection: `e` where a comma is to end the netstring");
    check("2:a,3:bcd,", "", "octet 4 of the connection: `3` where a comma is to end the netstring");
    check("GET / HTTP/1.1", "", "octet 0 of the connection: `G` in a length");
}

#[test]
fn net_10_a_length_is_refused_before_a_digit_too_many_came() {
    let (found, error) = read(4096, b"4097", 4);
    assert_eq!((found.len(), error.is_some()), (0, true));
    assert_eq!(read(4096, b"4096", 4), (vec![], None));
    assert_eq!(read(100_000, b"100000", 1), (vec![], None));
    assert!(read(100_000, b"100001", 1).1.is_some());
}

#[test]
fn net_10_memory_follows_what_came_and_not_what_was_announced() {
    let mut frames = Frames::new(10 << 20);
    frames.push(b"10485760:");
    for came in [10, 1000, 100_000] {
        frames.push(&vec![0; came]);
        assert!(frames.memory() <= 2 * (came + 1100) + READ, "{} after {came}", frames.memory());
    }
}

#[test]
fn a_stream_of_small_netstrings_does_not_gather() {
    let mut frames = Frames::new(4096);
    let mut stream = Vec::new();
    for _ in 0..1000 {
        put(&mut stream, &[b"policy ", b"example.com"]);
    }
    for _ in 0..100 {
        for piece in stream.chunks(1000) {
            frames.push(piece);
            while frames.take().unwrap().is_some() {}
        }
        assert!(frames.is_empty());
    }
    assert!(frames.memory() <= 4 * READ, "{}", frames.memory());
}

proptest! {
    #[test]
    fn net_10_pipelined_and_cut_anyhow(
        all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..50),
        cuts in prop::collection::vec(1..300_usize, 1..20),
    ) {
        let mut stream = Vec::new();
        for octets in &all {
            put(&mut stream, &[octets]);
        }
        let mut frames = Frames::new(199);
        let mut found = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*cut).min(rest.len()));
            rest = behind;
            frames.push(piece);
            while let Some(octets) = frames.take().unwrap() {
                found.push(octets.to_vec());
            }
        }
        prop_assert!(frames.is_empty());
        prop_assert_eq!(found, all);
    }

    #[test]
    fn net_10_anything_at_all(stream in "([0-9]{1,3}:?|[a-z ,:]){0,40}", size in 1..20_usize) {
        let whole = read(50, stream.as_bytes(), usize::MAX);
        prop_assert_eq!(read(50, stream.as_bytes(), size), whole);
    }
}
