//! Trees as zones, evidence as words, results as one line: the examples of RFC 9989, the rows of the catalogue.

use dns::{Dns, Zone};
use mail::{AuthorError, Explain};

use super::*;
use crate::align::Because;
use crate::testing::*;
use crate::{Method, Options, discover};

/// The catalogue's fixtures.
const WORLD: &str = r#"
_dmarc.victim.example.    TXT "v=DMARC1; p=reject; adkim=r; aspf=r; rua=mailto:r@victim.example"
_dmarc.strict.example.    TXT "v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:r@strict.example"
attacker.example.         TXT "v=spf1 ip4:203.0.113.66 -all"
"#;

fn check(zone_text: &str, author: &str, pieces: &str, want: &str) {
    let text = format!("{WORLD}\n{zone_text}");
    assert_eq!(show(&run(&zone(&text), author, pieces)), want, "From {author}, {pieces}\n{zone_text}");
}

fn listed(zone_text: &str, author: &str, pieces: &str, want: &str) {
    let text = format!("{WORLD}\n{zone_text}");
    let check = run_with(&zone(&text), author, &evidence(pieces), &List::usual(), Method::SuffixList);
    assert_eq!(show(&check), want, "legacy: From {author}, {pieces}\n{zone_text}");
}

fn organization(zone_text: &str, of: &str) -> (String, Because) {
    let walk = pollster::block_on(crate::walk(&zone(zone_text), &domain(of), &List::usual()));
    let organization = walk.organization().unwrap();
    (organization.domain.to_string(), organization.because)
}

#[test]
fn dma_01_appendix_b_1_alignment() {
    let tree = r#"_dmarc.example.com. TXT "v=DMARC1; p=reject""#;
    // B.1.1 SPF, B.1.2 DKIM.
    for mechanism in ["spf", "dkim"] {
        let pass = format!("pass by {mechanism}");
        check(tree, "example.com", &format!("{mechanism}=example.com"), &pass);
        check(tree, "example.com", &format!("{mechanism}=child.example.com"), &pass);
        check(tree, "child.example.com", &format!("{mechanism}=example.com"), &pass);
        check(tree, "child.example.com", &format!("{mechanism}=example.net"), "fail example.com p=reject");
    }
}

#[test]
fn dma_01_appendix_b_3_1() {
    let tree =
        r#"_dmarc.example.com. TXT "v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com""#;
    check(tree, "example.com", "spf=mail.example.com dkim=example.com", "pass by both");
}

#[test]
fn dma_01_appendix_b_4_1_simple() {
    let tree = r#"
        _dmarc.example.com.         TXT "v=DMARC1; p=reject"
        _dmarc.signing.example.com. TXT "v=DMARC1; p=none"
    "#;
    check(tree, "example.com", "spf=example.com dkim=signing.example.com", "pass by both");
    check(tree, "example.com", "dkim=signing.example.com", "pass by dkim");
    check(tree, "example.com", "", "fail example.com p=reject");
    assert_eq!(organization(tree, "signing.example.com"), ("example.com".into(), Because::FewestLabels));
    assert_eq!(organization(tree, "example.com"), ("example.com".into(), Because::FewestLabels));
}

#[test]
fn dma_01_appendix_b_4_2_deep() {
    let tree = r#"
        _dmarc.example.com.         TXT "v=DMARC1; p=reject; sp=quarantine"
        _dmarc.signing.example.com. TXT "v=DMARC1; p=none"
    "#;
    let author = "a.b.c.d.e.f.g.h.i.j.k.example.com";
    check(tree, author, "spf=example.com dkim=signing.example.com", "pass by both");
    check(tree, author, "dkim=signing.example.com", "pass by dkim");
    check(tree, author, "", "fail example.com sp=quarantine");
}

#[test]
fn dma_01_appendix_b_4_3_public_suffix() {
    let tree = r#"
        _dmarc.bank.example.       TXT "v=DMARC1; p=reject; psd=y"
        _dmarc.giant.bank.example. TXT "v=DMARC1; p=quarantine"
    "#;
    let author = "giant.bank.example";
    check(tree, author, "spf=mail.giant.bank.example", "pass by spf");
    check(tree, author, "dkim=mail.mega.bank.example", "fail giant.bank.example p=quarantine");
    let below = || Because::BelowSuffix(domain("bank.example"));
    assert_eq!(organization(tree, "giant.bank.example"), ("giant.bank.example".into(), below()));
    assert_eq!(organization(tree, "mail.giant.bank.example"), ("giant.bank.example".into(), below()));
    assert_eq!(organization(tree, "mail.mega.bank.example"), ("mega.bank.example".into(), below()));
    // The public suffix's record is the last resort.
    check(tree, "mail.mega.bank.example", "", "fail bank.example p=reject");
    check(tree, "mail.mega.bank.example", "dkim=mega.bank.example", "pass by dkim");
    check(tree, "mail.mega.bank.example", "dkim=giant.bank.example", "fail bank.example p=reject");
}

#[test]
fn dma_01_section_4_10_2_examples() {
    let start = "a.mail.example.com";
    let two = r#"
        _dmarc.mail.example.com. TXT "v=DMARC1; p=none"
        _dmarc.example.com.      TXT "v=DMARC1; p=none"
    "#;
    assert_eq!(organization(two, start), ("example.com".into(), Because::FewestLabels));
    let no = r#"_dmarc.mail.example.com. TXT "v=DMARC1; psd=n""#;
    assert_eq!(organization(no, start), ("mail.example.com".into(), Because::SaysSo));
    let yes = r#"_dmarc.com. TXT "v=DMARC1; psd=y""#;
    assert_eq!(organization(yes, start), ("example.com".into(), Because::BelowSuffix(domain("com"))));
    assert_eq!(organization("", start), (start.into(), Because::NoRecord));
    assert_eq!(organization(yes, "com"), ("com".into(), Because::IsSuffix));
}

#[test]
fn dma_02_names_asked() {
    let asked = |author: &str| {
        let dns = Watched::new(Zone::new());
        run(&dns, author, "");
        let mut asked = dns.asked();
        asked.sort_by_key(|name| std::cmp::Reverse(name.len()));
        asked
    };
    assert_eq!(
        asked("a.b.c.d.e.f.g.h.i.j.mail.example.com"),
        [
            "TXT _dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com",
            "TXT _dmarc.g.h.i.j.mail.example.com",
            "TXT _dmarc.h.i.j.mail.example.com",
            "TXT _dmarc.i.j.mail.example.com",
            "TXT _dmarc.j.mail.example.com",
            "TXT _dmarc.mail.example.com",
            "TXT _dmarc.example.com",
            "TXT _dmarc.com",
        ]
    );
    for labels in 1..=123 {
        let author = vec!["a"; labels].join(".");
        assert_eq!(asked(&author).len(), labels.min(crate::MAX_NAMES), "{labels} labels");
    }
    // `_dmarc.` in front would be too long for the DNS: nothing can stand there.
    assert_eq!(asked(&vec!["a"; 127].join(".")).len(), crate::MAX_NAMES - 1);
}

#[test]
fn dma_02_names_of_several_identifiers_are_asked_once() {
    let dns = Watched::new(Zone::new());
    run(
        &dns,
        "a.example.com",
        "spf=b.example.com dkim=a.example.com dkim=example.com dkim=other.example.net",
    );
    let mut asked = dns.asked();
    asked.sort();
    assert_eq!(
        asked,
        ["TXT _dmarc.a.example.com", "TXT _dmarc.b.example.com", "TXT _dmarc.com", "TXT _dmarc.example.com"]
    );
    let dns = Watched::new(zone(WORLD));
    let many: String = (0..40).map(|n| format!("dkim=d{n}.victim.example ")).collect();
    let all = run(&dns, "victim.example", &many);
    assert_eq!(dns.asked().len(), 2 + crate::MAX_IDENTIFIERS);
    assert_eq!(all.outcome(), Outcome::Pass);
    assert_eq!(all.identifiers()[crate::MAX_IDENTIFIERS].alignment, Alignment::Unknown);
}

#[test]
fn names_written_from_right_to_left() {
    let author = domain("דוגמה.test");
    let world = format!("_dmarc.{author}. TXT \"v=DMARC1; p=reject\"");
    check(&world, author.as_str(), "", &format!("fail {author} p=reject"));
}

#[test]
fn dma_03_multiple_records() {
    let two = r#"
        _dmarc.a.victim.example. TXT "v=DMARC1; p=none"
        _dmarc.a.victim.example. TXT "v=DMARC1; p=quarantine"
    "#;
    check(two, "a.victim.example", "", "fail victim.example p=reject");
    check(two, "a.victim.example", "dkim=victim.example", "pass by dkim");
    let alone = r#"
        _dmarc.two.test. TXT "v=DMARC1; p=reject"
        _dmarc.two.test. TXT "v=DMARC1; p=none"
    "#;
    check(alone, "two.test", "dkim=two.test", "none");
    let said = run(&zone(alone), "two.test", "")
        .steps()
        .iter()
        .any(|step| step.to_string().contains("2 DMARC records"));
    assert!(said);
    let found = pollster::block_on(crate::lookup(&zone(alone), &domain("two.test"), None));
    assert_eq!(found.findings()[0].code, "dmarc-multiple-records");
    // RFC 7489 §6.6.3 step 5.
    listed(two, "a.victim.example", "", "none");
}

#[test]
fn dma_04_others_go_before_records_are_counted() {
    let mixed = r#"
        _dmarc.mix.test. TXT "v=dmarc1; p=none"
        _dmarc.mix.test. TXT "v=DMARC1x; p=none"
        _dmarc.mix.test. TXT " v=DMARC1; p=none"
        _dmarc.mix.test. TXT "p=none; v=DMARC1"
        _dmarc.mix.test. TXT "v = DMARC1; p=reject"
    "#;
    check(mixed, "mix.test", "", "fail mix.test p=reject");
    check(r#"_dmarc.mix.test. TXT "v=dmarc1; p=reject""#, "mix.test", "", "none");
    check(r#"_dmarc.mix.test. TXT "v=DMARC1""#, "mix.test", "dkim=mix.test", "permerror");
}

#[test]
fn dma_05_duplicate_tags() {
    check(r#"_dmarc.dup.test. TXT "v=DMARC1; p=none; p=reject""#, "dup.test", "dkim=dup.test", "permerror");
    let rua = r#"_dmarc.dup.test. TXT "v=DMARC1; p=none; p=reject; rua=mailto:r@dup.test""#;
    check(rua, "dup.test", "", "fail dup.test -=none");
}

#[test]
fn dma_06_invalid_or_missing_p() {
    let record = |text: &str| format!(r#"_dmarc.bad.test. TXT "v=DMARC1; {text}""#);
    for text in ["", "p=rejct", "p=reject;sp=bogus"] {
        check(&record(text), "bad.test", "", "permerror");
        check(&record(&format!("{text}; rua=mailto:x@y.example")), "bad.test", "", "fail bad.test -=none");
        check(&record(&format!("{text}; rua=mailto:x@y.example")), "bad.test", "spf=bad.test", "pass by spf");
    }
}

#[test]
fn dma_08_strict_is_strict() {
    let author = "strict.example";
    check("", author, "dkim=mail.strict.example spf=mail.strict.example", "fail strict.example p=reject");
    check("", author, "dkim=strict.example", "pass by dkim");
    // The modes are separate, and the author may itself be the subdomain.
    let dkim = r#"_dmarc.one.test. TXT "v=DMARC1; p=reject; adkim=s""#;
    check(dkim, "one.test", "dkim=mail.one.test", "fail one.test p=reject");
    check(dkim, "one.test", "dkim=mail.one.test spf=mail.one.test", "pass by spf");
    check(dkim, "sub.one.test", "dkim=one.test", "fail one.test p=reject");
    check(dkim, "sub.one.test", "dkim=sub.one.test", "pass by dkim");
}

#[test]
fn dma_09_relaxed_is_no_suffix_match() {
    for other in ["evilvictim.example", "victim.example.attacker.example", "example", "xn--victim.example"] {
        if let Ok(other) = Domain::parse(other) {
            check("", "victim.example", &format!("dkim={other} spf={other}"), "fail victim.example p=reject");
        }
    }
}

#[test]
fn dma_10_suffix_guard() {
    let shop = |suffix: &str| {
        format!(
            r#"_dmarc.{suffix}. TXT "v=DMARC1; p=none"
               _dmarc.shop.{suffix}. TXT "v=DMARC1; p=reject""#
        )
    };
    // Registries without psd=y: their tenants don't align with each other, nor with them.
    for suffix in ["co.uk", "com", "x.kawasaki.jp", "brandnewtld"] {
        let tree = shop(suffix);
        let author = format!("shop.{suffix}");
        let fail = format!("fail {author} p=reject");
        check(&tree, &author, &format!("dkim=other.{suffix}"), &fail);
        check(&tree, &author, &format!("dkim={suffix}"), &fail);
        check(&tree, &author, &format!("dkim=mail.shop.{suffix}"), "pass by dkim");
        check(&tree, &format!("a.shop.{suffix}"), &format!("dkim=b.shop.{suffix}"), "pass by dkim");
    }
    // The section of private owners and an exception don't matter: the tree decides.
    for no_suffix in ["github.io", "city.kawasaki.jp", "github.io"] {
        let tree = shop(no_suffix);
        check(&tree, &format!("shop.{no_suffix}"), &format!("dkim=other.{no_suffix}"), "pass by dkim");
    }
    // Who says psd=n at a suffix is taken at its word.
    let brand = r#"_dmarc.brand. TXT "v=DMARC1; p=reject; psd=n""#;
    check(brand, "a.brand", "dkim=b.brand", "pass by dkim");
    // The policy of a registry still reaches those without one, as that of a public suffix.
    check(r#"_dmarc.co.uk. TXT "v=DMARC1; p=none; np=reject""#, "no.shop.co.uk", "", "fail co.uk np=reject");
    // Two suffixes above each other.
    let both = r#"
        _dmarc.uk.         TXT "v=DMARC1; p=none"
        _dmarc.co.uk.      TXT "v=DMARC1; p=none"
        _dmarc.shop.co.uk. TXT "v=DMARC1; p=reject"
    "#;
    check(both, "shop.co.uk", "dkim=other.co.uk", "fail shop.co.uk p=reject");
    check(both, "gov.uk", "dkim=gov.uk", "pass by dkim");
}

#[test]
fn dma_12_a_record_above_a_suffix_makes_no_organization_of_it() {
    // The registry of the top level publishes; the suffix below it, whose tenants are strangers to each other, does not.
    for psd in ["", "; psd=y"] {
        let tree = format!(
            r#"_dmarc.uk.            TXT "v=DMARC1; p=none{psd}"
               _dmarc.jp.            TXT "v=DMARC1; p=none{psd}"
               _dmarc.victim.co.uk.  TXT "v=DMARC1; p=reject""#
        );
        check(&tree, "victim.co.uk", "dkim=attacker.co.uk", "fail victim.co.uk p=reject");
        check(&tree, "victim.co.uk", "dkim=co.uk", "fail victim.co.uk p=reject");
        check(&tree, "victim.co.uk", "dkim=mail.victim.co.uk", "pass by dkim");
        check(&tree, "a.victim.co.uk", "dkim=b.victim.co.uk", "pass by dkim");
        check(&tree, "silent.co.uk", "spf=attacker.co.uk", "fail uk p=none");
        check(&tree, "victim.x.kawasaki.jp", "dkim=attacker.x.kawasaki.jp", "fail jp p=none");
    }
    // kawasaki.jp itself is no suffix, but what stands right below it is.
    let wildcard = r#"_dmarc.kawasaki.jp. TXT "v=DMARC1; p=reject""#;
    check(wildcard, "victim.x.kawasaki.jp", "dkim=attacker.y.kawasaki.jp", "fail kawasaki.jp p=reject");
    check(wildcard, "victim.x.kawasaki.jp", "dkim=attacker.x.kawasaki.jp", "fail kawasaki.jp p=reject");
    check(wildcard, "kawasaki.jp", "dkim=kawasaki.jp", "pass by dkim");
}

#[test]
fn dma_10_legacy_discovery() {
    let tree = r#"
        _dmarc.a.b.shop.co.uk.  TXT "v=DMARC1; p=none"
        _dmarc.b.shop.co.uk.    TXT "v=DMARC1; p=none; psd=n"
        _dmarc.shop.co.uk.      TXT "v=DMARC1; p=reject; sp=quarantine"
        _dmarc.co.uk.           TXT "v=DMARC1; p=none; psd=y"
        _dmarc.tenant.github.io. TXT "v=DMARC1; p=reject"
        _dmarc.fail.test.        TXT "v=DMARC1; p=none"
        ;! servfail _dmarc.fail.test.
    "#;
    listed(tree, "x.b.shop.co.uk", "", "fail shop.co.uk sp=quarantine");
    check(tree, "x.b.shop.co.uk", "", "fail b.shop.co.uk p=none");
    listed(tree, "a.b.shop.co.uk", "dkim=other.shop.co.uk", "pass by dkim");
    check(tree, "a.b.shop.co.uk", "dkim=other.shop.co.uk", "fail a.b.shop.co.uk p=none");
    listed(tree, "tenant.github.io", "dkim=other.github.io", "fail tenant.github.io p=reject");
    listed(tree, "other.co.uk", "", "none");
    listed(tree, "fail.test", "", "temperror");
    listed(tree, "a.fail.test", "", "temperror");
    listed(tree, "a.b.shop.co.uk", "dkim?=x.other.co.uk", "fail a.b.shop.co.uk p=none");
    let dns = Watched::new(zone(tree));
    run_with(&dns, "x.b.shop.co.uk", &[], &List::usual(), Method::SuffixList);
    assert_eq!(dns.asked(), ["TXT _dmarc.shop.co.uk", "TXT _dmarc.x.b.shop.co.uk"]);
}

#[test]
fn dma_11_malicious_psd() {
    let tree = r#"
        _dmarc.attacker.example.        TXT "v=DMARC1; p=none; psd=y"
        _dmarc.sub.attacker.example.    TXT "v=DMARC1; p=none; psd=n"
        _dmarc.evil.victim.example.     TXT "v=DMARC1; p=none; psd=n"
    "#;
    for identifier in
        ["attacker.example", "sub.attacker.example", "x.sub.attacker.example", "evil.victim.example"]
    {
        check(tree, "victim.example", &format!("dkim={identifier}"), "fail victim.example p=reject");
        check(tree, "a.victim.example", &format!("spf={identifier}"), "fail victim.example p=reject");
    }
    check(tree, "x.evil.victim.example", "dkim=evil.victim.example", "pass by dkim");
}

#[test]
fn dma_12_record_above_the_organization() {
    let tree = r#"_dmarc.example. TXT "v=DMARC1; p=none""#;
    check(tree, "victim.example", "dkim=attacker.example", "fail victim.example p=reject");
    check(tree, "unprotected.example", "dkim=attacker.example", "fail example p=none");
    check(tree, "a.victim.example", "dkim=victim.example", "pass by dkim");
}

#[test]
fn dma_13_policy_by_existence() {
    let tree = r#"
        _dmarc.np.test.    TXT "v=DMARC1; p=none; sp=quarantine; np=reject"
        www.np.test.       A   192.0.2.1
        a.b.np.test.       A   192.0.2.1
        *.wild.np.test.    A   192.0.2.1
        ;! servfail down.np.test.
        ;! timeout slow.np.test.
        _dmarc.same.test.  TXT "v=DMARC1; p=none; sp=reject; np=reject"
        ;! servfail down.same.test.
    "#;
    check(tree, "np.test", "", "fail np.test p=none");
    check(tree, "gone.np.test", "", "fail np.test np=reject");
    check(tree, "www.np.test", "", "fail np.test sp=quarantine");
    check(tree, "b.np.test", "", "fail np.test sp=quarantine");
    check(tree, "x.wild.np.test", "", "fail np.test sp=quarantine");
    check(tree, "down.np.test", "", "temperror");
    check(tree, "slow.np.test", "", "temperror");
    // Nothing depends on it: another identifier passes, or the policies are the same.
    check(tree, "down.np.test", "dkim=np.test", "pass by dkim");
    check(tree, "down.same.test", "", "fail same.test sp=reject");
}

#[test]
fn dma_14_subdomain_that_does_not_exist() {
    check("", "does-not-exist.victim.example", "spf=attacker.example", "fail victim.example p=reject");
}

#[test]
fn dma_15_testing() {
    let record = |text: &str| format!(r#"_dmarc.t.test. TXT "v=DMARC1; {text}""#);
    check(&record("p=reject; t=y"), "t.test", "", "fail t.test p=reject, asks quarantine");
    check(&record("p=quarantine; t=y"), "t.test", "", "fail t.test p=quarantine, asks none");
    check(&record("p=none; t=y"), "t.test", "", "fail t.test p=none");
    check(&record("p=reject; t=n"), "t.test", "", "fail t.test p=reject");
    check(&record("p=reject; pct=0"), "t.test", "", "fail t.test p=reject");
    check(&record("p=reject; t=y"), "t.test", "dkim=t.test", "pass by dkim");
}

#[test]
fn dma_16_dns_errors_of_the_walk() {
    for fault in ["servfail", "timeout", "bogus"] {
        let at = |name: &str| format!(";! {fault} _dmarc.{name}");
        check(&at("new.example."), "new.example", "dkim=new.example", "temperror");
        // Its own record counts whatever fails above it, and an author's own pass needs no walk.
        check(&at("example."), "victim.example", "dkim=victim.example", "pass by dkim");
        check(&at("example."), "victim.example", "", "fail victim.example p=reject");
        check(&at("example."), "victim.example", "dkim=mail.victim.example", "pass by dkim");
        // psd=n might have stood there.
        check(&at("example."), "a.victim.example", "", "temperror");
        check(&at("b.victim.example."), "a.b.victim.example", "", "temperror");
        check(&at("b.victim.example."), "a.b.victim.example", "dkim=a.b.victim.example", "temperror");
        // Behind the end of the walk nothing has an effect.
        let tree = format!("_dmarc.top.test. TXT \"v=DMARC1; p=reject; psd=n\"\n{}", at("test."));
        check(&tree, "a.top.test", "dkim=b.top.test", "pass by dkim");
        check(&tree, "a.top.test", "dkim=top2.test", "fail top.test p=reject");
    }
}

#[test]
fn dma_16_dns_errors_of_an_identifier() {
    let at = |name: &str| format!(";! servfail _dmarc.{name}");
    // psd=n might keep it apart from the victim.
    check(&at("mail.victim.example."), "victim.example", "dkim=mail.victim.example", "temperror");
    check(
        &at("mail.victim.example."),
        "victim.example",
        "dkim=mail.victim.example dkim=victim.example",
        "pass by dkim",
    );
    // Whatever stands there, it stays outside the author's organization.
    check(
        &at("attacker.example."),
        "victim.example",
        "dkim=attacker.example",
        "fail victim.example p=reject",
    );
    check(
        &at("a.attacker.example."),
        "a.victim.example",
        "spf=a.attacker.example",
        "fail victim.example p=reject",
    );
    check(&at("attacker.com."), "victim.example", "spf=attacker.com", "fail victim.example p=reject");
    check(
        &at("mail.strict.example."),
        "strict.example",
        "spf=mail.strict.example",
        "fail strict.example p=reject",
    );
}

#[test]
fn dma_16_what_might_have_stood_there() {
    let own = |author: &str| format!("_dmarc.{author}. TXT \"v=DMARC1; p=reject\"\n");
    // psd=n would bring the two together.
    let tree = own("a.org.test") + ";! servfail _dmarc.org.test.";
    check(&tree, "a.org.test", "dkim=b.org.test", "temperror");
    check(&tree, "a.org.test", "dkim=b.org2.test", "fail a.org.test p=reject");
    // psd=y right above the author domain would.
    let tree = own("b.org.test") + &own("a.b.org.test") + ";! servfail _dmarc.org.test.";
    check(&tree, "b.org.test", "dkim=c.a.b.org.test", "pass by dkim");
    // psd=y between would part them, psd=n would not.
    let tree = own("org.test") + &own("a.b.org.test") + ";! servfail _dmarc.b.org.test.";
    check(&tree, "a.b.org.test", "dkim=c.b.org.test", "temperror");
    check(&tree, "a.b.org.test", "dkim=b.org.test", "temperror");
    check(&tree, "a.b.org.test", "dkim=c.a.b.org.test", "pass by dkim");
    check(&tree, "a.b.org.test", "dkim=other.test", "fail a.b.org.test p=reject");
}

#[test]
fn dma_17_other_records_at_the_name() {
    let tree = r#"
        *.wild.test.       TXT "v=spf1 -all"
        _dmarc.split.test. TXT "google-site-verification=x"
        _dmarc.split.test. TXT "v=DM" "ARC1; p=re" "ject"
        _dmarc.split.test. A   192.0.2.1
        _dmarc.alias.test. CNAME _dmarc.split.test.
    "#;
    check(tree, "wild.test", "", "none");
    check(tree, "split.test", "", "fail split.test p=reject");
    check(tree, "alias.test", "", "fail alias.test p=reject");
}

#[test]
fn dma_18_huge_records() {
    let show = |text: &str| {
        let mut world = World::default();
        world.set(&domain("_dmarc.big.test"), texts(&[text]));
        show(&run(&world, "big.test", ""))
    };
    let record = |len: usize| format!("v=DMARC1; p=reject; {:a<1$}", "x=", len - 20);
    assert_eq!(show(&record(crate::MAX_RECORD)), "fail big.test p=reject");
    assert_eq!(show(&record(crate::MAX_RECORD + 1)), "none");
    assert_eq!(show(&format!("v=DMARC1; {} p=reject", "x=1;".repeat(10_000))), "fail big.test p=reject");
}

#[test]
fn dma_25_unaligned_passes() {
    check("", "victim.example", "dkim=esp.example spf=esp.example", "fail victim.example p=reject");
}

#[test]
fn dma_26_dns_errors_of_the_mechanisms() {
    let fail = "fail victim.example p=reject";
    check("", "victim.example", "dkim?=victim.example", "temperror");
    check("", "victim.example", "dkim?=mail.victim.example", "temperror");
    check("", "victim.example", "spf?=victim.example dkim=attacker.example", "temperror");
    check("", "victim.example", "spf?=victim.example dkim=victim.example", "pass by dkim");
    check("", "victim.example", "spf?=attacker.example dkim?=attacker.com", fail);
    check("", "strict.example", "dkim?=mail.strict.example", "fail strict.example p=reject");
    check("", "unprotected.example", "dkim?=unprotected.example", "none");
}

#[test]
fn dma_27_the_author_is_who_was_asked_about() {
    let check = run(&zone(WORLD), "a.victim.example", "dkim=victim.example");
    assert_eq!(check.author_domain(), Some(&domain("a.victim.example")));
    assert_eq!(check.applied().map(|applied| applied.domain.as_str()), Some("victim.example"));
    assert_eq!(check.organization().map(|org| org.domain.as_str()), Some("victim.example"));
    assert_eq!(check.method().map(Method::as_str), Some("treewalk"));
}

#[test]
fn dma_28_by_what_it_passed() {
    check("", "victim.example", "spf=victim.example", "pass by spf");
    check("", "victim.example", "dkim=victim.example dkim=attacker.example", "pass by dkim");
    check("", "victim.example", "spf=a.victim.example dkim=b.victim.example", "pass by both");
}

#[test]
fn dma_29_record_text_is_quoted_only() {
    let tree = r#"_dmarc.evil.test. TXT "v=DMARC1; p=<b>\010\027[31m; rua=mailto:r@evil.test""#;
    let check = run(&zone(tree), "evil.test", "dkim=other.test");
    for step in check.steps() {
        let told = step.to_string();
        assert!(
            !told.contains("<b>") && told.bytes().all(|b| (b' '..=b'~').contains(&b) || b >= 0x80),
            "{told}"
        );
    }
    assert!(check.steps().iter().filter_map(Explain::quote).any(|quote| quote.text.contains(&0x1b)));
}

#[test]
fn from_08_messages_without_one_author() {
    let alone = Check::no_author(AuthorError::NoFrom);
    assert_eq!(
        (alone.outcome(), alone.disposition(), alone.author_domain()),
        (Outcome::PermError, Policy::None, None)
    );
    let zone = zone(WORLD);
    let checks = [
        run(&zone, "attacker.example", "dkim=attacker.example"),
        run(&zone, "victim.example", "dkim=attacker.example"),
        run(&zone, "strict.example", "dkim=strict.example"),
    ];
    let all = Check::several_authors(AuthorError::NoFrom, &checks);
    assert_eq!(
        (all.outcome(), all.disposition(), all.aligned_by()),
        (Outcome::PermError, Policy::Reject, None)
    );
    let passing = Check::several_authors(AuthorError::NoFrom, &checks[2..]);
    assert_eq!((passing.outcome(), passing.disposition()), (Outcome::PermError, Policy::None));
    let late: Vec<_> = [2, 2, 2, 2, 1].map(|index: usize| checks[index].clone()).into();
    assert_eq!(Check::several_authors(AuthorError::NoFrom, &late).disposition(), Policy::None);
    assert_eq!(Check::several_authors(AuthorError::NoFrom, &late[1..]).disposition(), Policy::Reject);
}

#[test]
fn steps_tell_the_story() {
    let tree = r#"_dmarc.story.test. TXT "v=DMARC1; p=none; sp=reject; t=y""#;
    let check = run(&zone(tree), "mail.story.test", "spf=story.test.attacker.test dkim=other.story.net");
    let told: Vec<_> = check.steps().iter().map(|step| format!("{step} [{}]", step.section().0)).collect();
    assert_eq!(
        told,
        [
            "TXT _dmarc.mail.story.test: no DMARC record [RFC 9989 §4.10]",
            "TXT _dmarc.story.test: a DMARC record [RFC 9989 §4.10]",
            "TXT _dmarc.test: no DMARC record [RFC 9989 §4.10]",
            "the record of story.test applies to mail.story.test, a subdomain: sp=reject [RFC 9989 §4.10.1]",
            "the organizational domain of mail.story.test is story.test: no shorter name has a record [RFC 9989 §4.10.2]",
            "the organizational domain of story.test.attacker.test is story.test.attacker.test: no name from it upwards has a record [RFC 9989 §4.10.2]",
            "SPF passed for story.test.attacker.test, of another organization than mail.story.test: not aligned [RFC 9989 §4.10.2]",
            "DKIM passed for other.story.net, of another organization than mail.story.test: not aligned [RFC 9989 §4.10.2]",
            "t=y: the owner is testing, so reject becomes quarantine [RFC 9989 §4.7]",
            "dmarc=fail: no aligned SPF or DKIM [RFC 9989 §5.3.5]",
        ]
    );
    let quote = check.steps()[3].quote().unwrap();
    assert_eq!(&quote.text[quote.span.range()], b"sp=reject");
    assert_eq!(quote.source, "TXT _dmarc.story.test");
}

#[test]
fn discovery_can_move_between_threads() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    fn start<D: Dns>(dns: &D) {
        let suffixes = List::usual();
        let author = domain("victim.example");
        let options = Options { suffixes: &suffixes, method: Method::TreeWalk, memo: None };
        pollster::block_on(send(discover(dns, &author, &[], &options)));
    }
    start(&zone(WORLD));
}
