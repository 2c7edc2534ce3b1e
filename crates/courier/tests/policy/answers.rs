//! What a host answers.

use std::io::Write;
use std::time::Duration;

use courier::FetchError;
use testkit::https::{Host, end, ok};

use crate::{PLENTY, POLICY, answer, fetch, good};

/// An answer with this head and the policy.
async fn check(head: &str, expected: &str) {
    let found = answer(format!("{head}\r\n\r\n{POLICY}")).await;
    assert!(found.contains(expected), "{head:?}\n    found: {found}\n expected: {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy() {
    let host = Host::answers("127.0.0.1:0", good(), ok(POLICY));
    let fetched = fetch(&host, PLENTY).await.unwrap();
    assert_eq!(fetched.policy.to_string(), POLICY.replace('\n', "\r\n"));
    assert!(fetched.findings.is_empty());
    let heads = host.heads();
    let (name, request) = heads[0].split_once('\n').unwrap();
    assert_eq!(name, "mta-sts.v.example");
    let request = request.to_ascii_lowercase();
    assert!(
        request.starts_with("get /.well-known/mta-sts.txt http/1.1\r\nhost: mta-sts.v.example\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\naccept-encoding: identity\r\n"), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_by_length_by_chunks_and_to_the_end() {
    check("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close", "enforce 604800").await;
    check("HTTP/1.0 200 OK\r\nContent-Type: text/plain", "enforce 604800").await;
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (one, two) = POLICY.split_at(20);
    let chunks = format!("14\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", two.len());
    assert_eq!(answer(format!("{chunked}{chunks}")).await, "enforce 604800");
    assert_eq!(
        answer(format!("HTTP/1.1 100 Continue\r\n\r\n{}", String::from_utf8(ok(POLICY)).unwrap())).await,
        "enforce 604800"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_01_redirects() {
    for status in [301, 302, 303, 307, 308] {
        for target in ["https://mta-sts.v.example/x", "http://169.254.169.254/", "//other.example/", "/y"] {
            let head = format!(
                "HTTP/1.1 {status} Moved\r\nLocation: {target}\r\nContent-Type: text/plain\r\nContent-Length: 0"
            );
            check(&head, &format!("status {status}: a redirect, which is never followed")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_02_huge_bodies() {
    let filled = |length: usize| format!("{POLICY}x: {}\n", "y".repeat(length - POLICY.len() - 4));
    assert_eq!(answer(ok(&filled(65_536))).await, "enforce 604800");
    let too_long = "the body is longer than 65536 bytes";
    assert!(answer(ok(&filled(65_537))).await.contains(too_long));
    let until_close = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{}", filled(65_537));
    assert!(answer(until_close).await.contains(too_long));
    check("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000000000000", too_long).await;
    // Without an end.
    let host = Host::tls("127.0.0.1:0", good(), |tls| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        let _ = tls.write_all(head.as_bytes());
        while tls.write_all(chunk.as_bytes()).is_ok() {}
    });
    let error = fetch(&host, PLENTY).await.unwrap_err();
    assert!(error.to_string().contains(too_long), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_02_compressed_bodies() {
    for coding in ["gzip", "br", "identity, gzip"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: {coding}");
        check(&head, "the body is compressed").await;
    }
    check(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: identity\r\nContent-Encoding: gzip",
        "compressed",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_03_slow_answers() {
    for (name, first) in [
        ("headers", "HTTP/1.1 200 OK\r\nX: "),
        ("body", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"),
        ("status", "HTTP/1.1 200 "),
    ] {
        let host = Host::tls("127.0.0.1:0", good(), move |tls| {
            let _ = tls.write_all(first.as_bytes());
            while tls.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let started = std::time::Instant::now();
        assert!(matches!(fetch(&host, Duration::from_millis(600)).await, Err(FetchError::Late)), "{name}");
        assert!(started.elapsed() < Duration::from_secs(5), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_03_endless_headers() {
    for line in ["X: y\r\n", "X"] {
        let host = Host::tls("127.0.0.1:0", good(), move |tls| {
            let _ = tls.write_all(b"HTTP/1.1 200 OK\r\n");
            while tls.write_all(line.as_bytes()).is_ok() {}
        });
        assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Http(_))), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_04_status_and_type() {
    for (status, said) in [(204, "204"), (206, "206"), (404, "404"), (410, "410"), (500, "500"), (503, "503")]
    {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: 0");
        check(&head, &format!("status {said} instead of 200")).await;
    }
    for field in
        ["Content-Type: text/html\r\n", "", "Content-Type: text/html\r\nContent-Type: text/plain\r\n"]
    {
        check(&format!("HTTP/1.1 200 OK\r\n{field}Connection: close"), "the media type is not text/plain")
            .await;
    }
    check("HTTP/1.1 200 OK\r\nContent-Type: TEXT/plain; charset=utf-16\r\nConnection: close", "enforce")
        .await;
    check(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nConnection: close",
        "media type",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_06_files_that_are_no_policy() {
    for (body, why) in [
        ("", "the policy has no \"version\""),
        ("<html>", "is no field"),
        ("version: STSv2\nmode: none\nmax_age: 1\n", "version is \"STSv2\""),
        ("version: STSv1\nmode: enforce\nmax_age: 1\n", "the policy has no \"mx\""),
    ] {
        let found = answer(ok(body)).await;
        assert!(found.contains(why), "{body:?}: {found}");
    }
    assert_eq!(answer(ok("version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n")).await, "none 86400");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http() {
    for bytes in
        ["220 mx.v.example ESMTP\r\n", "\0\0\0", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2xx\r\n\r\n", "\r\n\r\n\r\n"]
    {
        let host = Host::answers("127.0.0.1:0", good(), bytes);
        assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Http(_))), "{bytes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lengths_are_none() {
    let host = Host::tls("127.0.0.1:0", good(), |tls| {
        let lengths = "Content-Length: 5\r\nContent-Length: 71";
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{lengths}\r\n\r\n{POLICY}");
        let _ = tls.write_all(answer.as_bytes());
        end(tls);
    });
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Http(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_02_what_is_read_has_an_end_whatever_it_is() {
    // None of it counts as a head or a body, so no limit of those is met.
    for piece in ["HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let host = Host::tls("127.0.0.1:0", good(), move |tls| {
            let many = piece.repeat(1_000);
            while tls.write_all(many.as_bytes()).is_ok() {}
        });
        let error = fetch(&host, PLENTY).await.unwrap_err().to_string();
        assert!(error.contains("more than 524288 bytes"), "{piece:?}: {error}");
    }
    // The longest policy in the shortest chunks is within it.
    let policy = format!("{POLICY}x: {}\n", "y".repeat(65_536 - POLICY.len() - 4));
    let chunks: String = policy.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(answer(format!("{head}{chunks}0\r\n\r\n")).await, "enforce 604800");
}
