//! The DKIM-Signature field: what is read, and every mistake with the text that it points at.

use mail::Header;

use super::*;

const GOOD: &str = "v=1; a=rsa-sha256; d=example.com; s=s1; h=from:to; \
                    bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=QUJDREVGR0hJSktM";

fn parse(value: &str) -> Result<Signature, Box<Malformed>> {
    let header = Header::parse(format!("DKIM-Signature: {value}\r\n"));
    Signature::parse(&header.fields().next().unwrap())
}

/// GOOD with one tag replaced, added (at the end), or taken out (`None`).
fn with(tag: &str, value: Option<&str>) -> String {
    let mut found = false;
    let mut tags: Vec<String> = Vec::new();
    for element in GOOD.split("; ") {
        match (element.split('=').next() == Some(tag), value) {
            (true, Some(value)) => tags.push(format!("{tag}={value}")),
            (true, None) => {}
            (false, _) => tags.push(element.to_owned()),
        }
        found |= element.split('=').next() == Some(tag);
    }
    if let (false, Some(value)) = (found, value) {
        tags.push(format!("{tag}={value}"));
    }
    tags.join("; ")
}

/// The mistakes, each with the text that it points at.
fn errors(value: &str) -> Vec<String> {
    let text = format!("DKIM-Signature: {value}\r\n");
    let Err(malformed) = parse(value) else { return Vec::new() };
    malformed.errors().map(|e| format!("{} @ {}", e.kind, text.get(e.span.range()).unwrap())).collect()
}

fn listed(signature: &Signature) -> String {
    signature.signed.iter().collect::<Vec<_>>().join("|")
}

/// A value of a tag is right.
fn good(tag: &str, value: &str) -> Signature {
    match parse(&with(tag, Some(value))) {
        Ok(signature) => signature,
        Err(_) => panic!("{tag}={value}: {:?}", errors(&with(tag, Some(value)))),
    }
}

/// A value of a tag is wrong, and this is said of it.
fn bad(tag: &str, value: &str, want: &str) {
    assert_eq!(errors(&with(tag, Some(value))), [format!("{want} @ {tag}={value}")]);
}

#[test]
fn every_tag() {
    let s = parse(
        "v=1; a=ed25519-sha256; c=relaxed/simple; d=Example.COM; s=S1.sub; i=jo=3De@mail.example.com; \
         h=From : To\r\n :x-a; q=dns/txt; t=1000; x=2000; l=12; z=From:x=20b=3D|To:y; unknown=1; \
         bh=47DEQpj8HBSa+/TImW+5JCeu\r\n QeRkm5NMpJWZG3hSuFU=; b=QUJDR EVGR0hJ\r\n\tSktM;",
    )
    .unwrap();
    assert_eq!(
        (s.algorithm, s.header_canon, s.body_canon),
        (Algorithm::Ed25519Sha256, Canon::Relaxed, Canon::Simple)
    );
    assert_eq!((s.domain.as_str(), s.selector.as_str()), ("example.com", "s1.sub"));
    assert_eq!(s.key_name.to_string(), "s1.sub._domainkey.example.com");
    assert_eq!((s.identity.local(), s.identity.domain().as_str()), ("jo=e", "mail.example.com"));
    assert_eq!(listed(&s), "from|to|x-a");
    assert_eq!((s.signed_at, s.expires_at, s.body_length), (Some(1000), Some(2000), Some(12)));
    assert_eq!((&*s.signature, s.body_hash.len()), (&b"ABCDEFGHIJKL"[..], 32));
    assert_eq!(s.claims().b_prefix.as_deref(), Some("QUJDREVG"));
}

#[test]
fn defaults() {
    let s = parse(GOOD).unwrap();
    assert_eq!((s.header_canon, s.body_canon), (Canon::Simple, Canon::Simple));
    assert_eq!(s.identity.to_string(), "@example.com");
    assert_eq!((s.signed_at, s.expires_at, s.body_length), (None, None, None));
}

#[test]
fn dks_01_nul_in_the_selector() {
    let want = ["a byte that values of tags can't hold @ \0", "the tag s= is missing @  "];
    let got = errors(&with("s", Some("selector._domainkey.attacker.example.\0.any")));
    assert_eq!(got.len(), 2);
    assert_eq!(got[0], want[0]);
    assert!(got[1].starts_with(want[1]), "{got:?}");
}

#[test]
fn dks_02_no_bytes_in_names_but_those_of_names() {
    let byte = |b: &str| format!("d= is not a domain name: {b} can't stand in a name");
    bad("d", "victim.example'a.attacker.example", &byte("'"));
    bad("d", "victim.example(.attacker.example", &byte("("));
    bad("d", "victim.example\".attacker.example", &byte("\""));
    bad("d", "a b.example", &byte(" "));
    bad("d", "%n%s.example", &byte("%"));
    bad("d", "-a.example", "d= is not a domain name: a label is not letters, digits and hyphens within");
    bad("d", "a_b.example", "d= is not a domain name: a label is not letters, digits and hyphens within");
    bad("d", "example.com.", "d= is not a domain name: a dot at the end");
    bad("d", "com", "d= is not a domain name: a signing domain has at least two labels");
    bad("d", "", "d= is not a domain name: the name is empty");
    bad("s", "${run{x}}", "s= is not a selector: $ can't stand in a name");
    bad("s", "a..b", "s= is not a selector: the name has an empty label");
    bad("s", "a.", "s= is not a selector: a dot at the end");
    bad("s", "", "s= is not a selector: the name is empty");
    assert_eq!(
        errors(&with("d", Some("victim.example;x"))),
        ["no \"=\" between a tag's name and its value @ x"]
    );
}

#[test]
fn dks_03_line_ends_in_values() {
    // A line end that no white space follows ends the field.
    assert_eq!(errors(&with("i", Some("u@example.com\r\nReply-To: x"))), [] as [String; 0]);
    assert_eq!(
        errors(&with("i", Some("u@example.com\nReply-To: x"))),
        ["a byte that values of tags can't hold @ \n"]
    );
    bad(
        "i",
        "u=0D=0AReply-To:=20x@example.com",
        "i= is not an identity: what stands before the \"@\" is no local part of an address",
    );
    bad(
        "i",
        "=1B[2J@example.com",
        "i= is not an identity: what stands before the \"@\" is no local part of an address",
    );
}

#[test]
fn dks_04_duplicate_tags() {
    let full = format!("{GOOD}; c=simple; i=@example.com; l=1; q=dns/txt; t=1; x=2; z=a");
    for tag in full.split("; ") {
        let name = tag.split('=').next().unwrap();
        assert_eq!(errors(&format!("{full}; {name}=1")), [format!("this tag stands there twice @ {name}=1")]);
    }
    assert_eq!(errors(&format!("{GOOD}; other=1; other=2")), ["this tag stands there twice @ other=2"]);
}

#[test]
fn dks_05_missing_tags() {
    for tag in ["v", "a", "b", "bh", "d", "h", "s"] {
        let got = errors(&with(tag, None));
        assert_eq!(got.len(), 1, "{got:?}");
        assert!(got[0].starts_with(&format!("the tag {tag}= is missing")), "{got:?}");
    }
}

#[test]
fn dks_06_names_of_tags() {
    assert_eq!(errors(&with("D", Some("victim.example"))), [] as [String; 0]);
    assert_eq!(parse(&with("D", Some("victim.example"))).unwrap().domain.as_str(), "example.com");
    for unknown in ["toString=1", "x_y=", &format!("{}=1", "a".repeat(300)), "atps=victim.example"] {
        assert_eq!(errors(&format!("{GOOD}; {unknown}")), [] as [String; 0], "{unknown}");
    }
    assert_eq!(parse(&GOOD.replace("d=", "d\r\n =")).unwrap().domain.as_str(), "example.com");
    assert_eq!(errors(&format!("{GOOD};; t=1")), ["nothing stands between two semicolons @ "]);
    assert_eq!(errors(&format!("{GOOD}; =x")), ["this is not the name of a tag @ "]);
    assert_eq!(errors(&format!("{GOOD}; __proto__=x")), ["this is not the name of a tag @ __proto__"]);
    let many = format!("{GOOD}; {}", ";".repeat(60_000));
    assert_eq!(errors(&many).len(), MAX_ERRORS);
}

#[test]
fn dks_07_from_must_be_signed() {
    bad("h", "to:subject", "the From field is not signed: h= does not name it");
}

#[test]
fn dks_08_lists_of_names() {
    assert_eq!(listed(&good("h", "FROM")), "from");
    assert_eq!(listed(&good("h", "from : dkim-signature")), "from|dkim-signature");
    bad("h", "", "h= is not a list of field names");
    bad("h", "::::", "h= is not a list of field names");
    bad("h", "from:a b", "h= is not a list of field names");
    bad("h", "from:caf\u{e9}", "h= is not a list of field names");
    let names = |n: usize| vec!["from"; n].join(":");
    assert_eq!(good("h", &names(MAX_SIGNED_NAMES)).signed.iter().count(), MAX_SIGNED_NAMES);
    bad("h", &names(MAX_SIGNED_NAMES + 1), "h= has more than 1000 names");
}

#[test]
fn dks_14_body_lengths() {
    assert_eq!(good("l", "0").body_length, Some(0));
    assert_eq!(good("l", "00").body_length, Some(0));
    assert_eq!(good("l", "18446744073709551614").body_length, Some(u64::MAX - 1));
    assert_eq!(good("l", &"0".repeat(MAX_LENGTH_DIGITS)).body_length, Some(0));
    let long = "0".repeat(MAX_LENGTH_DIGITS + 1);
    for value in ["-1", "1e3", "", "18446744073709551615", "99999999999999999999999", &long] {
        bad("l", value, "l= is not a number");
    }
}

#[test]
fn dks_15_times() {
    assert_eq!(good("x", "18446744073709551616").expires_at, Some(u64::MAX));
    assert_eq!(good("t", &"9".repeat(100)).signed_at, Some(u64::MAX));
    bad("t", "now", "t= is not a time in seconds since 1970");
    bad("x", "-1", "x= is not a time in seconds since 1970");
    let late = "the time of expiry x= is not after the time of signing t=";
    for x in ["1000", "999"] {
        assert_eq!(errors(&format!("{GOOD}; t=1000; x={x}")), [format!("{late} @ x={x}")]);
    }
    assert!(parse(&format!("{GOOD}; t=1000; x=1001")).is_ok());
}

#[test]
fn dks_16_identity_within_the_signing_domain() {
    let outside = "the identity i= is outside of the signing domain d=";
    for i in ["@attacker.example", "@xexample.com", "@example.com.attacker.example", "@com.example"] {
        bad("i", i, outside);
    }
    assert_eq!(good("i", "@EXAMPLE.com").identity.to_string(), "@example.com");
    assert_eq!(good("i", "u@a.b.example.com").identity.to_string(), "u@a.b.example.com");
}

#[test]
fn dks_17_quoted_printable_identity() {
    assert_eq!(good("i", "=6Ao=3De@example.com").identity.local(), "jo=e");
    assert_eq!(good("i", "\"a=40b\"@example.com").identity.local(), "\"a@b\"");
    for local in ["a=40b", "a=20b", "a=3Bb", "=22a", "=22a=22b", "=22a=5C=22"] {
        let value = format!("{local}@example.com");
        bad(
            "i",
            &value,
            "i= is not an identity: what stands before the \"@\" is no local part of an address",
        );
    }
    assert_eq!(good("i", "j\u{f6}@example.com").identity.to_string(), r"j\xc3\xb6@example.com");
    bad(
        "i",
        "=ZZ@example.com",
        "i= is not an identity: an \"=\" that two upper-case hex digits don't follow",
    );
    bad("i", "example.com", "i= is not an identity: no \"@\"");
    bad("i", "", "i= is not an identity: no \"@\"");
}

#[test]
fn dks_18_versions_algorithms_queries() {
    for v in ["5", "", "01", "1.0"] {
        bad("v", v, "v= is not 1");
    }
    for a in ["rsa-md5", "dsa-sha1", "rsa", "", "rsa -sha256", "rsa-sha256/x"] {
        bad("a", a, "a= names no known algorithm");
    }
}

#[test]
fn dks_18_words_in_any_case() {
    assert_eq!(good("a", "RSA-SHA256").algorithm, Algorithm::RsaSha256);
    good("q", "DNS/TXT");
    good("q", "http : dns/txt");
    for q in ["http", "dns/special", "dns", ""] {
        bad("q", q, "q= names no known way to get the key; dns/txt is");
    }
}

#[test]
fn dks_20_canonical_forms() {
    let forms = |c: &str| (good("c", c).header_canon, good("c", c).body_canon);
    assert_eq!(forms("relaxed"), (Canon::Relaxed, Canon::Simple));
    assert_eq!(forms("simple/relaxed"), (Canon::Simple, Canon::Relaxed));
    assert_eq!(forms("RELAXED"), (Canon::Relaxed, Canon::Simple));
    for c in ["simple/", "/relaxed", "future/future", "relaxed/simple/simple", "", "relaxed / simple"] {
        bad("c", c, "c= names no known canonicalisation");
    }
}

#[test]
fn dks_21_lengths_of_the_body_hash() {
    use crate::values::to_base64;
    for bytes in [20, 31, 33, 65, 66, 67, 4096] {
        bad("bh", &to_base64(&vec![0; bytes]), "bh= is not as long as the hash that a= names");
    }
    assert!(parse(&with("bh", Some(&to_base64(&[0; 20]))).replace("rsa-sha256", "rsa-sha1")).is_ok());
    for bh in ["$", "QQ===", "=QUI", "A"] {
        bad("bh", bh, "bh= is not base64");
    }
    bad("bh", "", "bh= is not as long as the hash that a= names");
    good("bh", "4 7DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
}

#[test]
fn dks_22_values_of_b() {
    for b in ["", "dzdVyOfAKCdL…", "====", "A"] {
        bad("b", b, "b= is not base64");
    }
    good("b", &"A".repeat(MAX_SIGNATURE));
    bad("b", &"A".repeat(MAX_SIGNATURE + 4), "b= is longer than any allowed key's signature");
    let folded = parse(&GOOD.replace("b=QUJD", "b=\r\n Q\r\n\tU\r\n J\r\n D\r\n ")).unwrap();
    assert_eq!(&*folded.signature, b"ABCDEFGHIJKL");
}

#[test]
fn dks_22_only_the_value_of_b_is_blanked() {
    let left = |value: &str| {
        let text = format!("DKIM-Signature: {value}\r\n");
        let s = parse(value).unwrap();
        [text.get(..s.blank.start).unwrap(), text.get(s.blank.end..).unwrap()].concat()
    };
    let z = "z=Subject:b=3Db=|X:=20b=20=3D";
    let start = GOOD.strip_suffix("QUJDREVGR0hJSktM").unwrap();
    assert_eq!(left(&format!("{z}; {GOOD}; t=1")), format!("DKIM-Signature: {z}; {start}; t=1\r\n"));
    let folded = GOOD.replace("b=QUJDREVGR0hJSktM", "b\r\n = \r\n QUJDREVGR0hJSktM \r\n ");
    assert_eq!(left(&folded), format!("DKIM-Signature: {}b\r\n =\r\n", start.strip_suffix("b=").unwrap()));
}

#[test]
fn dks_27_copied_fields_are_not_looked_at() {
    good("z", &format!("From:=00=0D=0A{}|=ZZ", "x".repeat(30_000)));
}

#[test]
fn dkk_20_selectors() {
    let selector = |s: &str| good("s", s).selector.to_string();
    assert_eq!(selector("S1"), "s1");
    assert_eq!(selector("a.b.c"), "a.b.c");
    assert_eq!(selector("_x"), "_x");
    assert_eq!(selector("xn--zz-"), "xn--zz-");
    assert_eq!(selector("2024-01"), "2024-01");
    assert_eq!(selector("b\u{fc}cher"), "xn--bcher-kva");
    // 253 bytes with `._domainkey.example.com`, and one more.
    let long =
        |n: usize| format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(n));
    good("s", &long(253 - 23 - 192));
    bad("s", &long(253 - 23 - 192 + 1), "s= and d= together are too long for a name");
    bad("s", &"a".repeat(64), "s= is not a selector: a label is longer than 63 bytes");
}

#[test]
fn rfc_8616_u_labels() {
    let s = good("d", "b\u{fc}cher.example");
    assert_eq!(s.domain.as_str(), "xn--bcher-kva.example");
    assert_eq!(s.key_name.to_string(), "s1._domainkey.xn--bcher-kva.example");
    let both = with("d", Some("b\u{fc}cher.example")) + "; i=@mail.xn--bcher-kva.example";
    assert_eq!(parse(&both).unwrap().identity.domain().as_str(), "mail.xn--bcher-kva.example");
}

#[test]
fn several_mistakes_are_all_told_and_the_claims_kept() {
    let value = "v=1; a=rsa-sha256; d=spoofing.com; s=brisbane; c=simple; q=dns/txt; i=@eng.example.net; \
                 t=1117574938; x=1118006938; h=from:to:subject:date; bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=; \
                 b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSb…";
    assert_eq!(
        errors(value),
        [
            "the identity i= is outside of the signing domain d= @ i=@eng.example.net",
            "b= is not base64 @ b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSb…",
        ]
    );
    let malformed = parse(value).unwrap_err();
    let claims = malformed.claims();
    assert_eq!(claims.domain.as_ref().unwrap().as_str(), "spoofing.com");
    assert_eq!((claims.expires_at, claims.identity.as_ref()), (Some(1118006938), None));
}
