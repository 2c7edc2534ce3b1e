//! Fields and records in the forms that the signers of the world give them: honest mail passes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{MESSAGE, World, victim};
use testkit::signer::{Signer, TestKey};

/// A message whose fields bulk senders sign.
const NEWSLETTER: &str = "From: =?utf-8?q?Ann?= <ann@victim.example>\r\n\
    To: bob@example.test\r\n\
    Subject: =?utf-8?b?aGVsbG8=?=\r\n =?utf-8?b?IQ==?=\r\n\
    Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\
    Message-ID:\r\n <1@victim.example>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/alternative;\r\n\tboundary=\"b\"\r\n\
    List-Unsubscribe: <https://victim.example/u>,\r\n <mailto:u@victim.example>\r\n\
    Feedback-ID: 1.us-east-1.x:AmazonSES\r\n\
    X-Empty:\r\n\
    \r\n\
    --b\r\n\r\nHello \r\n--b--\r\n\r\n\r\n";

/// Signs with this c=, h= and field; `{h}` in the field is h=.
fn check(c: &str, h: &str, fold: usize, field: &str) {
    for message in [NEWSLETTER, MESSAGE] {
        let field = field.replace("{c}", c);
        let signer =
            Signer::new("victim.example", "s1", &victim()).tag("c", c).tag("h", &unfolded(h)).fold(fold);
        let message = signer.field(&field.replace("{h}", h)).sign(message.as_bytes());
        World::new().check(&message, "pass pass");
    }
}

fn unfolded(h: &str) -> String {
    h.split_whitespace().collect()
}

#[test]
fn fields_as_signers_write_them() {
    // OpenDKIM: tabs, t=, h= before b=.
    check(
        "relaxed/simple",
        "From:To:Subject:Date:From",
        60,
        "DKIM-Signature: v=1; a=rsa-sha256; c={c}; d=victim.example;\r\n\ts=s1; t=1699999999;\r\n\tbh={bh};\r\n\th={h};\r\n\tb={b}",
    );
    // Exim: q=, absent fields, a semicolon at the end.
    check(
        "relaxed/relaxed",
        "Date:Message-ID:Content-Type:Sender:Reply-To:Cc:\r\n\tSubject:To:From:Resent-From:List-Id",
        72,
        "DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c={c};\r\n\td=victim.example; s=s1; h={h}; bh={bh}; b={b};",
    );
    // Gmail: each name once and once more, folds before colons.
    check(
        "relaxed/relaxed",
        "to:subject:message-id:date:from\r\n         :mime-version:from:to:cc:subject:date:message-id:reply-to",
        70,
        "DKIM-Signature: v=1; a=rsa-sha256; c={c};\r\n        d=victim.example; s=s1; t=1699999999; x=1700604799; darn=example.test;\r\n        h={h};\r\n        bh={bh};\r\n        b={b}",
    );
    // Amazon SES: no space around anything in h=, spaces inside b=.
    check(
        "relaxed/simple",
        "Content-Type:MIME-Version:From:To:Subject:Message-ID:Date:Feedback-ID",
        66,
        "DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c={c};\r\n\ts=s1; d=victim.example; t=1699999999;\r\n\th={h};\r\n\tbh={bh};\r\n\tb= {b}",
    );
    // Microsoft 365: all on few lines, selector with its own case, mixed case in h=.
    check(
        "relaxed/relaxed",
        "From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-MS-Exchange-SenderADCheck",
        1000,
        "DKIM-Signature: v=1; a=rsa-sha256; c={c}; d=victim.example;\r\n s=S1;\r\n h={h};\r\n bh={bh};\r\n b={b}",
    );
    // Bulk senders: i= with an encoded address, h= with spaces, tags in another order, the version last.
    check(
        "relaxed/relaxed",
        "From : To : Subject : Date : Message-ID : MIME-Version : List-Unsubscribe",
        64,
        "DKIM-Signature: a=rsa-sha256; c={c}; s=s1; d=Victim.Example;\r\n i=bounce-1_2=3Dbob.example@News.victim.example;\r\n h={h};\r\n bh={bh};\r\n b={b}; v=1",
    );
    // Simple in all things, a fold right after the name, blanks before semicolons, an empty field signed.
    check(
        "simple/simple",
        "X-Empty:from:subject:content-type:list-unsubscribe:message-id",
        10,
        "DKIM-Signature:\r\n\tv=1 ;a=RSA-SHA256 ;c=Simple/Simple ;d=victim.example ;\r\n\ts=s1 ;h={h} ;\r\n\tbh={bh} ;b=\r\n\t{b}\r\n\t",
    );
    // Copied fields, an expiry far away, a count of more digits than are needed.
    check(
        "simple",
        "from:to:subject",
        64,
        "DKIM-Signature: v=1; a=rsa-sha256; c=simple; d=victim.example; s=s1; q=x-other:dns/txt;\r\n t=0001699999999; x=999999999999;\r\n z=From:=20Ann=20<ann@victim.example>|To:bob@example.test\r\n |Subject:b=3Db=3B;\r\n h={h}; bh={bh}; b={b}",
    );
}

#[test]
fn records_as_owners_publish_them() {
    let p = STANDARD.encode(victim().public());
    let folded =
        p.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>();
    let message = Signer::new("victim.example", "s1", &victim()).sign(MESSAGE.as_bytes());
    for record in [
        format!("p={p}"),
        format!("k=rsa; p={p}"),
        format!("v=DKIM1;k=rsa;p={p};"),
        format!("v=DKIM1; k=rsa; p={p}; "),
        format!(" v=DKIM1 ;\tk = rsa ; p = {p} ;"),
        format!("v=DKIM1; h=sha256; k=rsa; t=s; p={p}"),
        format!("v=DKIM1; k=RSA; t=s:y; s=email; h=sha1:sha256; p={p}"),
        format!("v=DKIM1; g=*; k=rsa; p={p}"),
        format!("v=DKIM1; g=; k=rsa; n=Contact=20us, please: 1024,1452296000,1; p={p}"),
        format!("v=DKIM1; t=; s=*; n=; p={p}; x_other=a b"),
        format!("v=DKIM1; p={}; k=rsa", folded.join(" ")),
        format!("v=DKIM1; p={}", folded.join("\r\n ")),
        format!("v=DKIM1; p={}", p.trim_end_matches('=')),
    ] {
        World::with_record(&record).check(&message, "pass pass");
    }
    let ed = TestKey::ed25519(7);
    let message = Signer::new("victim.example", "s1", &ed).sign(MESSAGE.as_bytes());
    World::with_record(&ed.record().replace("; ", ";")).check(&message, "pass pass");
}
