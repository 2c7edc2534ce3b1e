//! `NAME.envelope.toml`: the envelope that stands beside its message.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use mail::{UnixTime, printable};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Envelope;
use super::keys::{KEYS, parse_ip, unknown};
use crate::input::error::{InputError, Position, shown};
use crate::input::time::parse_time;

/// Longest envelope file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// The envelope beside a message: of `a.eml` it is `a.eml.envelope.toml` or, if there is none, `a.envelope.toml`.
/// Says nothing if there is neither.
pub(super) fn beside(path: &Path) -> Result<Envelope, InputError> {
    for candidate in candidates(path) {
        match File::open(&candidate) {
            Ok(file) => return read(&candidate, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(InputError::io(shown(&candidate), &error)),
        }
    }
    Ok(Envelope::default())
}

fn candidates(path: &Path) -> impl Iterator<Item = PathBuf> {
    let named = |name: Option<&std::ffi::OsStr>| {
        let mut name = OsString::from(name?);
        name.push(".envelope.toml");
        Some(path.with_file_name(name))
    };
    let whole = named(path.file_name());
    let stem = path.extension().and_then(|_| named(path.file_stem()));
    [whole, stem].into_iter().flatten()
}

fn read(path: &Path, file: File) -> Result<Envelope, InputError> {
    let name = shown(path);
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| InputError::io(name.clone(), &error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(InputError::new(name, format!("longer than {} KiB, so no envelope", MAX_FILE / 1024)));
    }
    parse(&name, &bytes)
}

/// Reads the text of an envelope file; `name` is for errors.
fn parse(name: &str, bytes: &[u8]) -> Result<Envelope, InputError> {
    let error = |at: usize, message: String| InputError::new(name, message).at(Position::of(bytes, at));
    let text = std::str::from_utf8(bytes).map_err(|e| error(e.valid_up_to(), "not UTF-8".to_owned()))?;
    let document = DeTable::parse(text)
        .map_err(|e| error(e.span().map_or(0, |s| s.start), printable(e.message().replace('\n', ", "))))?;
    let mut envelope = Envelope::default();
    for (key, value) in document.get_ref() {
        set(&mut envelope, key.get_ref(), value).map_err(|wrong| {
            let at = if wrong.in_key { key.span() } else { wrong.span };
            let found =
                error(at.start, format!("{}: {}", printable(key.get_ref().as_bytes()), wrong.message));
            wrong.help.into_iter().fold(found, InputError::with_help)
        })?;
    }
    Ok(envelope)
}

struct Wrong {
    in_key: bool,
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

fn wrong(value: &Spanned<DeValue<'_>>, message: impl Into<String>) -> Wrong {
    Wrong { in_key: false, span: value.span(), message: message.into(), help: None }
}

fn set(envelope: &mut Envelope, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Wrong> {
    match key {
        "ip" => envelope.ip = Some(parse_ip(string(value)?).map_err(|e| wrong(value, e))?),
        "helo" => envelope.helo = Some(string(value)?.into()),
        "mail_from" => envelope.mail_from = Some(string(value)?.into()),
        "rcpt" => envelope.rcpt = strings(value)?,
        "now" => envelope.now = Some(moment(value)?),
        "smtputf8" => {
            let flag = value.get_ref().as_bool();
            envelope.smtputf8 = flag.ok_or_else(|| wrong(value, "true or false was expected"))?;
        }
        _ => {
            let help = Some(unknown(key, &KEYS));
            return Err(Wrong { in_key: true, help, ..wrong(value, "no such key in an envelope") });
        }
    }
    Ok(())
}

fn string<'a>(value: &'a Spanned<DeValue<'_>>) -> Result<&'a str, Wrong> {
    let found = value.get_ref().type_str();
    value
        .get_ref()
        .as_str()
        .ok_or_else(|| wrong(value, format!("a text in quotes was expected, not {found}")))
}

fn strings(value: &Spanned<DeValue<'_>>) -> Result<Vec<Vec<u8>>, Wrong> {
    match value.get_ref().as_array() {
        Some(array) => array.iter().map(|v| string(v).map(|s| s.as_bytes().to_vec())).collect(),
        None => Ok(vec![string(value)?.as_bytes().to_vec()]),
    }
}

fn moment(value: &Spanned<DeValue<'_>>) -> Result<UnixTime, Wrong> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::Integer(integer) => {
            let number = i128::from_str_radix(integer.as_str(), integer.radix());
            number.map_or_else(|_| integer.to_string(), |n| n.to_string())
        }
        other => return Err(wrong(value, format!("a time was expected, not {}", other.type_str()))),
    };
    parse_time(&text).map_err(|e| wrong(value, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Envelope) {
        assert_eq!(parse("a.toml", text.as_bytes()), Ok(want), "{text}");
    }

    fn check_error(text: impl AsRef<[u8]>, want: &str) {
        assert_eq!(parse("a.toml", text.as_ref()).unwrap_err().to_string(), want);
    }

    #[test]
    fn every_key() {
        let text = "ip = \"192.0.2.1\"\nhelo = \"h.example\"\nmail_from = \"<>\"\nrcpt = [\"a@b.example\", \"c@d.example\"]\n\
                    now = 1780000000\nsmtputf8 = true";
        check(
            text,
            Envelope {
                ip: Some("192.0.2.1".parse().unwrap()),
                helo: Some(b"h.example".to_vec()),
                mail_from: Some(b"<>".to_vec()),
                rcpt: vec![b"a@b.example".to_vec(), b"c@d.example".to_vec()],
                now: Some(UnixTime(1_780_000_000)),
                smtputf8: true,
            },
        );
        check("# nothing", Envelope::default());
        check("mail_from = ''", Envelope { mail_from: Some(vec![]), ..Envelope::default() });
        check(
            "rcpt = 'a@b.example'",
            Envelope { rcpt: vec![b"a@b.example".to_vec()], ..Envelope::default() },
        );
        check(
            "helo = \"a\\u0000\\u00ff\"",
            Envelope { helo: Some(b"a\0\xc3\xbf".to_vec()), ..Envelope::default() },
        );
    }

    #[test]
    fn times_of_every_kind() {
        let now = |seconds| Envelope { now: Some(UnixTime(seconds)), ..Envelope::default() };
        check("now = 2026-05-28T20:26:40Z", now(1_780_000_000));
        check("now = 2026-05-28 22:26:40+02:00", now(1_780_000_000));
        check("now = \"2026-05-28T20:26:40Z\"", now(1_780_000_000));
        check("now = 1_780_000_000", now(1_780_000_000));
        check("now = 0x10", now(16));
        let zone = "the zone is missing: write 2026-05-01T12:00:00Z, or with an offset such as +02:00";
        check_error("now = 2026-05-28T20:26:40", &format!("a.toml:1:7: now: {zone}"));
        check_error("now = 2026-05-28", &format!("a.toml:1:7: now: {zone}"));
        check_error("now = -1", "a.toml:1:7: now: a time before 1970 makes no sense for mail");
        check_error("now = 1.5", "a.toml:1:7: now: a time was expected, not float");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        check_error(
            "ip = \"192.0.2.1\"\n\nmail-from = \"a@b\"",
            "a.toml:3:1: mail-from: no such key in an envelope\n  help: did you mean mail_from?",
        );
        check_error(
            "ip = \"192.0.2\"",
            "a.toml:1:6: ip: not an IP address, such as 192.0.2.1 or 2001:db8::1",
        );
        check_error("helo = 1", "a.toml:1:8: helo: a text in quotes was expected, not integer");
        check_error("rcpt = [\"a@b\", 1]", "a.toml:1:16: rcpt: a text in quotes was expected, not integer");
        check_error("smtputf8 = 'yes'", "a.toml:1:12: smtputf8: true or false was expected");
        check_error("helo = \"a\"\nhelo = \"b\"", "a.toml:2:1: duplicate key");
        check_error(b"helo = \"\xff\"", "a.toml:1:9: not UTF-8");
        check_error(
            "\"\\u001b\" = 1",
            "a.toml:1:1: \\x1b: no such key in an envelope\n  help: known are ip, helo, mail_from, rcpt, now, smtputf8",
        );
        let bare = parse("a.toml", b"helo = a.example").unwrap_err();
        assert_eq!(bare.position, Some(Position { line: 1, column: Some(8) }), "{bare}");
    }
}
