//! Expansion, with the examples of RFC 7208 §7.4.

use std::borrow::Cow;

use mail::{Helo, UnixTime};
use proptest::prelude::*;

use super::*;
use crate::macros::{DomainSpec, MacroString};

struct World {
    ip: &'static str,
    local: Vec<u8>,
    domain: &'static str,
    helo: Helo,
    validated: Option<&'static str>,
}

fn world() -> World {
    World {
        ip: "192.0.2.3",
        local: b"strong-bad".to_vec(),
        domain: "email.example.com",
        helo: Helo::parse(b"mail.example.net"),
        validated: None,
    }
}

impl World {
    fn values(&self) -> Values<'_> {
        Values {
            ip: self.ip.parse().unwrap(),
            local: &self.local,
            sender_domain: "email.example.com",
            domain: Cow::Borrowed(self.domain.as_bytes()),
            helo: &self.helo,
            receiver: "mx.receiver.test",
            now: UnixTime(1_700_000_000),
            validated: self.validated.map(|name| Name::from_dotted(name).unwrap()),
        }
    }

    fn text(&self, string: &str) -> String {
        explanation(&MacroString::parse_explanation(string.as_bytes()).unwrap(), &self.values())
    }

    /// The name, as zones write it.
    fn name(&self, spec: &str) -> Result<String, NoTarget> {
        target(&DomainSpec::parse(spec.as_bytes()).unwrap(), &self.values()).map(|name| name.to_string())
    }
}

#[test]
fn examples_of_the_rfc() {
    let w = world();
    for (string, want) in [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
    ] {
        assert_eq!(w.text(string), want, "{string}");
    }
    let w = World { ip: "2001:db8::cb01", ..world() };
    assert_eq!(
        w.name("%{ir}.%{v}._spf.%{d2}").unwrap(),
        "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
            .replace("1.0.b.c.0.0.0.0", "1.0.b.c.0.0.0.0.0.0.0.0")
    );
    assert_eq!(w.text("%{c} %{r} %{t} %{h}"), "2001:db8::cb01 mx.receiver.test 1700000000 mail.example.net");
}

#[test]
fn spf_15_transformers() {
    let w = World { local: b"a.b-c+d,e/f_g=h".to_vec(), ..world() };
    assert_eq!(w.text("%{l32r-.+,/_=}"), "h.g.f.e.d.c.b.a");
    assert_eq!(w.text("%{l1000}"), "a.b-c+d,e/f_g=h");
    assert_eq!(w.text("%{l99999999999}"), "a.b-c+d,e/f_g=h");
    assert_eq!(w.text("%{l2-}"), "a.b.c+d,e/f_g=h");
    // Empty parts are parts (§7.3).
    assert_eq!(World { local: b"-a--b-".to_vec(), ..world() }.text("%{lr-}"), ".b..a.");
    assert_eq!(w.text("%%%_%-"), "% %20");
}

#[test]
fn spf_15_one_pass_only() {
    let w = World { local: b"%{d}%%".to_vec(), ..world() };
    assert_eq!(w.text("%{l} %{L}"), "%{d}%% %25%7Bd%7D%25%25");
    assert_eq!(w.name("%{l}.example").unwrap(), "%{d}%%.example");
}

#[test]
fn spf_16_url_escapes() {
    let w = World { local: b"\x80\xff/% ~jack&jill=up-a_b3.c".to_vec(), ..world() };
    assert_eq!(w.text("%{L}"), "%80%FF%2F%25%20~jack%26jill%3Dup-a_b3.c");
    assert_eq!(w.name("%{L}.x.example").unwrap(), "%80%ff%2f%25%20~jack%26jill%3dup-a_b3.c.x.example");
    assert_eq!(w.name("%{S}.x.example").unwrap().matches("%40").count(), 1);
    let w = World { local: (0..=255).collect(), ..world() };
    let MacroString { parts } = MacroString::parse_explanation(b"%{L}").unwrap();
    // Of 256 bytes, 26 + 26 + 10 + 4 stay as they are.
    assert_eq!(expand_part(&parts[0], &w.values()).len(), 66 + 3 * (256 - 66));
}

#[test]
fn spf_16_a_local_part_that_is_not_ascii_matches_nothing() {
    let w = World { local: "b\u{fc}cher".into(), ..world() };
    assert_eq!(w.name("%{l}.example"), Err(NoTarget::NonAsciiLocal));
    assert_eq!(w.name("%{s}.example"), Err(NoTarget::NonAsciiLocal));
    assert_eq!(w.name("%{L}.example").unwrap(), "b%c3%bccher.example");
    assert_eq!(w.name("%{d}.example").unwrap(), "email.example.com.example");
}

#[test]
fn spf_17_lengths() {
    let name = |labels: usize, front: usize| format!("{}{}", "a".repeat(front), ".a".repeat(labels));
    let of = |text: &str| world().name(&format!("{text}.example"));
    assert_eq!(of(&name(122, 1)).unwrap().len(), 253);
    // 254 bytes: the first label goes.
    assert_eq!(of(&name(122, 2)).unwrap(), name(121, 1) + ".example");
    assert_eq!(of(&name(200, 1)).unwrap(), name(122, 1) + ".example");
    assert_eq!(of(&name(1, 64)), Err(NoTarget::Name(NameError::LongLabel)));
    assert_eq!(of(&"a".repeat(300)), Ok("example".to_owned()), "what is cut off is not looked at");
    assert_eq!(world().name("%{l}%%").map(|n| n.len()), Ok(11));
    assert_eq!(of("a..b"), Err(NoTarget::Name(NameError::EmptyLabel)));
    assert_eq!(world().name("a.example.").unwrap(), "a.example");
    let w = World { local: b"a..".to_vec(), ..world() };
    assert_eq!(w.name("%{l}"), Err(NoTarget::Name(NameError::EmptyLabel)));
    let w = World { local: b".".to_vec(), ..world() };
    assert_eq!(w.name("%{l}"), Err(NoTarget::Empty));
    let w = World { local: vec![b'x'; 300], ..world() };
    assert_eq!(w.name("%{l}"), Err(NoTarget::Name(NameError::LongLabel)));
    // 13,001 macros, of which a name needs the last few.
    let long = format!("{}%{{d}}", "%{d}.".repeat(13_000));
    assert_eq!(world().name(&long).unwrap().len(), 14 * 17 + 13);
}

#[test]
fn spf_19_hostile_helo() {
    let helo = |raw: &[u8]| World { helo: Helo::parse(raw), ..world() };
    assert_eq!(helo(b"[1.2.3.4]").name("%{h}.x.example").unwrap(), "[1.2.3.4].x.example");
    assert_eq!(helo(b"a b").name("%{h}.x.example").unwrap(), "a\\032b.x.example");
    assert_eq!(helo(b"x'(.attacker.example").name("%{h}").unwrap(), "x'\\(.attacker.example");
    assert_eq!(helo(b"a\r\nb").name("%{h}.x.example"), Err(NoTarget::Byte(b'\r')));
    assert_eq!(helo(b"a\0b").name("%{h}.x.example"), Err(NoTarget::Byte(0)));
    assert_eq!(helo(b"a\xffb").name("%{h}.x.example"), Err(NoTarget::Byte(0xff)));
    assert_eq!(helo(&[b'a'; 300]).name("x.%{h}"), Err(NoTarget::Name(NameError::LongLabel)));
    assert_eq!(helo(b"").name("%{h}"), Err(NoTarget::Empty));
}

#[test]
fn spf_21_explanations_are_short_and_printable() {
    let w = World { helo: Helo::Other(b"a\r\n\x1b<b>\xff".to_vec()), ..world() };
    assert_eq!(w.text("%{h}"), "a???<b>?");
    let text = |n: usize| world().text(&"y".repeat(n)).len();
    assert_eq!((text(511), text(512), text(513)), (511, 512, 512));
    assert_eq!(world().text(&"%{s}".repeat(16_000)).len(), 512);
}

#[test]
fn spf_18_validated_name() {
    assert_eq!(world().text("%{p}"), "unknown");
    assert_eq!(
        World { validated: Some("mx.example.org"), ..world() }.text("%{p} %{p2r}"),
        "mx.example.org example.mx"
    );
}

/// RFC 7208 §7.3 word for word.
fn naive(value: &[u8], keep: Option<u32>, reverse: bool, delimiters: &str) -> Vec<u8> {
    let delimiters = if delimiters.is_empty() { "." } else { delimiters };
    let mut parts: Vec<&[u8]> = value.split(|b| delimiters.as_bytes().contains(b)).collect();
    if reverse {
        parts.reverse();
    }
    let drop = parts.len().saturating_sub(keep.map_or(usize::MAX, |keep| keep as usize));
    parts[drop..].join(&b'.')
}

#[test]
#[allow(clippy::disallowed_methods)]
fn spf_15_macros_that_keep_little_cost_little() {
    // Ten thousand macros whose value is nothing, each of a local part as long as a path can be.
    let start = std::time::Instant::now();
    for (spec, local) in
        [("%{l1-}", "-".repeat(2000)), ("%{l1r-}", "-".repeat(2000)), ("%{L1-}", "-".repeat(2000))]
    {
        let w = World { local: local.into(), ..world() };
        assert_eq!(w.name(&(spec.repeat(10_000) + "a.example")).unwrap(), "a.example");
    }
    assert!(start.elapsed() < std::time::Duration::from_millis(500), "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn spf_15_transformers_as_the_rfc_has_them(
        value in "[ab.+-]{0,12}", keep in proptest::option::of(1_u32..8), reverse: bool, delimiters in "[.+-]{0,2}",
    ) {
        let keep_text = keep.map(|keep| keep.to_string()).unwrap_or_default();
        let spec = format!("%{{l{keep_text}{}{delimiters}}}", if reverse { "r" } else { "" });
        let string = MacroString::parse(spec.as_bytes()).unwrap();
        let w = World { local: value.clone().into(), ..world() };
        let want = naive(value.as_bytes(), keep, reverse, &delimiters);
        prop_assert_eq!(expand_part(&string.parts()[0], &w.values()).into_owned(), want, "{} of {}", spec, value);
    }

    /// The name that is cut from the right-hand end is the one that is cut from the whole.
    #[test]
    fn expanding_the_end_is_enough(parts in proptest::collection::vec("[a-z.]{1,40}|%\\{[dslDSL]\\}", 1..30)) {
        let w = world();
        let string = parts.concat() + ".example";
        let whole: Vec<u8> = MacroString::parse(string.as_bytes()).unwrap().parts().iter()
            .flat_map(|part| expand_part(part, &w.values()).into_owned()).collect();
        let want = Name::from_labels(truncate_left(&whole).split(|&b| b == b'.')).map_err(NoTarget::Name);
        prop_assert_eq!(w.name(&string), want.map(|name| name.to_string()));
    }
}
