//! Bodies and header fields as real mail has them: text, quoted-printable HTML, base64 attachments.

use std::fmt::Write as _;

use crate::random::Random;

const WORDS: &[&str] = &[
    "the",
    "order",
    "invoice",
    "please",
    "find",
    "attached",
    "meeting",
    "on",
    "Thursday",
    "with",
    "regards",
    "your",
    "account",
    "number",
    "has",
    "been",
    "shipped",
    "and",
    "will",
    "arrive",
    "within",
    "days",
    "we",
    "are",
    "happy",
    "to",
    "announce",
    "a",
    "new",
    "release",
    "of",
    "our",
    "product",
    "which",
    "is",
    "now",
    "available",
    "for",
    "download",
    "from",
    "all",
    "mirrors",
    "questions",
    "should",
    "go",
    "to",
    "support",
];
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A body of about so many bytes, and its Content-Type.
pub fn body(random: &mut Random, bytes: usize) -> (String, &'static str) {
    let mut body = String::with_capacity(bytes + 256);
    // What is large is an attachment, mostly.
    let kind = if bytes > 128 * 1024 { 2 + random.below(8) } else { random.below(10) };
    match kind {
        0..=2 => {
            text(random, &mut body, bytes);
            (body, "text/plain; charset=utf-8")
        }
        3..=5 => {
            html(random, &mut body, bytes);
            (body, "text/html; charset=utf-8")
        }
        _ => {
            attachment(random, &mut body, bytes);
            (body, "multipart/mixed;\r\n\tboundary=\"=_boundary_7f3a\"")
        }
    }
}

/// Some words.
pub fn words(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| random.pick(WORDS)).collect::<Vec<_>>().join(" ")
}

fn text(random: &mut Random, body: &mut String, bytes: usize) {
    while body.len() < bytes {
        let count = 4 + random.below(9);
        // A line of an mbox that begins with "From " would have to be quoted: none does, the words are in lower case.
        body.push_str(&words(random, count));
        match random.below(12) {
            0 => body.push_str("\r\n\r\n"),
            1 => body.push_str("  \r\n"),
            2 => body.push_str("  double  spaces\tand a tab\r\n"),
            _ => body.push_str("\r\n"),
        }
    }
}

fn html(random: &mut Random, body: &mut String, bytes: usize) {
    body.push_str("<html><head><meta charset=3D\"utf-8\"></head><body>\r\n");
    while body.len() < bytes {
        let count = 3 + random.below(3);
        let words = words(random, count);
        let _ = match random.below(4) {
            0 => write!(body, "    <td style=3D\"padding:0 8px;color:#333\">{words}=\r\n</td>\r\n"),
            1 => write!(
                body,
                "  <p class=3D\"x{}\">{words} =E2=82=AC{}=\r\n",
                random.below(99),
                random.below(999)
            ),
            2 => write!(body, "</p>\r\n\r\n    <tr>\r\n"),
            _ => write!(
                body,
                "      <a href=3D\"https://shop.example/p/{}\">{words}</a>=20\r\n",
                random.below(1 << 20)
            ),
        };
    }
    body.push_str("</body></html>\r\n");
}

fn attachment(random: &mut Random, body: &mut String, bytes: usize) {
    body.push_str("--=_boundary_7f3a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
    text(random, body, 600.min(bytes / 4));
    body.push_str("\r\n--=_boundary_7f3a\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\n");
    body.push_str("Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n");
    while body.len() < bytes {
        for _ in 0..8 {
            let mut bits = random.bits();
            for _ in 0..10 {
                body.push(char::from(BASE64[(bits % 64) as usize]));
                bits /= 64;
            }
        }
        body.truncate(body.len() - 4);
        body.push_str("\r\n");
    }
    body.push_str("--=_boundary_7f3a--\r\n");
}

/// The fields below the signature: so many in all, folded and not.
pub fn header(random: &mut Random, fields: usize, from: &str, domain: &str, content_type: &str) -> String {
    let number = random.bits();
    let subject = words(random, 6);
    let mut all = vec![
        format!("Return-Path: <bounce@{domain}>"),
        format!("From: \"{}\" <{from}>", words(random, 2)),
        "To: Alice Example <alice@receiver.example>".to_owned(),
        format!("Subject: {subject}\r\n  =?utf-8?Q?=E2=82=AC_{}?=", random.below(1000)),
        "Date: Fri, 20 Nov 2026 10:00:00 +0000".to_owned(),
        format!("Message-ID: <{number:016x}@{domain}>"),
        "MIME-Version: 1.0".to_owned(),
        format!("Content-Type: {content_type}"),
    ];
    for at in all.len()..fields {
        let n = random.below(1 << 20);
        all.push(match at % 7 {
            0 => format!(
                "Received: from relay{}.{domain} (relay{}.{domain} [192.0.2.{}])\r\n\tby mx.receiver.example (Postfix) with ESMTPS id {n:08X}\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\tfor <alice@receiver.example>; Fri, 20 Nov 2026 10:00:05 +0000 (UTC)",
                at, at, random.below(255)
            ),
            1 => format!("X-Mailer-{at}: Mailer {n}"),
            2 => format!("List-Unsubscribe: <https://{domain}/u/{n}>,\r\n <mailto:unsubscribe-{n}@{domain}>"),
            3 => format!("X-Report-Abuse-{at}: Please report abuse to abuse@{domain}   with   id {n}"),
            4 => format!("X-Google-Smtp-Source-{at}: {:064x}", u128::from(random.bits()) << 40),
            5 => format!("X-Campaign-{at}: {}", words(random, 9)),
            _ => format!("X-Spam-Status-{at}: No, score=-{}.1 required=5.0 tests=ALL_TRUSTED,\r\n\tDKIM_SIGNED,HTML_MESSAGE autolearn=ham", random.below(9)),
        });
    }
    all.join("\r\n") + "\r\n"
}
