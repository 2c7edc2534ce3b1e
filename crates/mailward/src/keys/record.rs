//! The record that publishes a key, as zone files and web forms take it.

use dkim::Selector;
use mail::Domain;

/// Longest string of a TXT record, in bytes (RFC 1035 §3.3.14).
pub const MAX_STRING: usize = 255;

/// Where the record of a key stands, such as `2026._domainkey.example.com`.
pub fn name(selector: &Selector, domain: &Domain) -> String {
    format!("{selector}._domainkey.{domain}")
}

/// The strings of a TXT record with this value, none longer than [`MAX_STRING`]. The value is ASCII.
pub fn strings(value: &str) -> Vec<&str> {
    let mut rest = value;
    let mut strings = Vec::new();
    while let Some((front, behind)) = rest.split_at_checked(MAX_STRING) {
        strings.push(front);
        rest = behind;
    }
    if !rest.is_empty() {
        strings.push(rest);
    }
    strings
}

/// The record as BIND and knot read it in a zone file: absolute, so that it may stand anywhere in the zone.
pub fn zone_line(name: &str, value: &str) -> String {
    match strings(value).as_slice() {
        [one] => format!("{name}. IN TXT \"{one}\"\n"),
        several => {
            let strings: Vec<String> = several.iter().map(|string| format!("\n    \"{string}\"")).collect();
            format!("{name}. IN TXT ({} )\n", strings.concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dns::{Data, Name, Question, RecordType, Zone};

    #[track_caller]
    fn check(length: usize, lengths: &[usize]) {
        let value: String = "v=DKIM1; p=".chars().chain("Aa0/".chars().cycle()).take(length).collect();
        let got: Vec<usize> = strings(&value).iter().map(|s| s.len()).collect();
        assert_eq!(got, lengths);
        let line = zone_line("s._domainkey.example.com", &value);
        let zone = Zone::parse(&line).unwrap();
        let name = Name::from_dotted("s._domainkey.example.com").unwrap();
        let answer = zone.answer(&Question::new(name, RecordType::Txt));
        let texts: Vec<Vec<u8>> =
            answer.records().iter().filter_map(Data::text).map(std::borrow::Cow::into_owned).collect();
        assert_eq!(texts, [value.as_bytes()], "{line}");
    }

    #[test]
    fn strings_of_255_bytes() {
        check(20, &[20]);
        check(254, &[254]);
        check(255, &[255]);
        check(256, &[255, 1]);
        check(410, &[255, 155]);
        check(510, &[255, 255]);
        check(766, &[255, 255, 255, 1]);
    }
}
