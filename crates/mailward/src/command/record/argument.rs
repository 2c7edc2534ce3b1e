//! Which of the three an argument is: a record, a file that holds one, or a domain to ask about.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;

use mail::{Domain, printable};

use crate::input::InputError;
use crate::input::error::shown;

/// What a command was given.
pub(in crate::command) enum Argument {
    /// A domain to ask about.
    Domain(Domain),
    /// A record, pasted or in a file.
    Text {
        /// Where it stands, for people.
        source: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl Argument {
    /// `-` is standard input; what has `=`, white space or quotes in it is a record; what exists is a file; everything
    /// else is a domain.
    pub(in crate::command) fn read(text: &str) -> Result<Self, InputError> {
        if text == "-" {
            let bytes = read(io::stdin().lock()).map_err(|e| InputError::io("standard input", &e))?;
            return not_empty("standard input".to_owned(), bytes);
        }
        if !is_url(text) && is_record(text) {
            return not_empty("argument".to_owned(), text.as_bytes().to_vec());
        }
        let path = Path::new(text);
        if path.exists() && !path.is_dir() {
            let io = |error| InputError::io(shown(path), &error);
            let bytes = File::open(path).and_then(read).map_err(io)?;
            return not_empty(shown(path), bytes);
        }
        domain(text).map(Self::Domain)
    }
}

/// The one argument that is expected. A record without quotes around it comes as several.
pub(in crate::command) fn one(arguments: &[String]) -> Result<&str, InputError> {
    match arguments {
        [argument] => Ok(argument),
        _ => {
            let shown = arguments.iter().map(printable).collect::<Vec<_>>().join(" ");
            Err(InputError::new(shown, "several arguments where one is expected")
                .with_help("put a record in single quotes: 'v=spf1 mx -all'"))
        }
    }
}

/// Reads a domain from the command line; what people paste in its place is recognised.
pub(in crate::command) fn domain(text: &str) -> Result<Domain, InputError> {
    let shown = if text.is_empty() { "argument".to_owned() } else { printable(text) };
    let error = |message: String| InputError::new(shown.clone(), message);
    let instead = |what: &str, meant: &str| {
        let error = error(format!("this is {what}, not a domain"));
        match Domain::parse(meant) {
            Ok(domain) => error.with_help(format!("the domain alone was meant: {domain}")),
            Err(_) => error,
        }
    };
    if let Some((_, rest)) = text.split_once("://") {
        let end = rest.find(['/', '?', '#', ':']).unwrap_or(rest.len());
        return Err(instead("a URL", rest.get(..end).unwrap_or_default()));
    }
    if let Some((_, rest)) = text.rsplit_once('@') {
        return Err(instead("an e-mail address", rest.trim_end_matches('>')));
    }
    if text.parse::<IpAddr>().is_ok() {
        let help = "name the domain whose record is wanted; for SPF, the client's address goes to --ip";
        return Err(error("this is an IP address, not a domain".to_owned()).with_help(help));
    }
    let path = Path::new(text);
    if text.contains('/') {
        let what = if path.is_dir() { "this is a directory, not a file" } else { "no such file" };
        return Err(error(what.to_owned()).with_help("name a domain, a file, or a record in quotes"));
    }
    let help = "name a domain such as example.com, a file that exists, or a record in quotes";
    match Domain::parse(text) {
        Ok(domain) if domain.is_fqdn() => Ok(domain),
        Ok(_) if path.is_dir() => {
            Err(error("this is a directory, neither a file nor a domain".to_owned()).with_help(help))
        }
        Ok(_) => {
            let message = "there is no file of that name, and a whole domain has two labels or more";
            Err(error(message.to_owned()).with_help(help))
        }
        Err(why) => {
            Err(error(format!("there is no file of that name, and it is no domain: {why}")).with_help(help))
        }
    }
}

/// Whether a text is meant as a record, not as a name.
pub(in crate::command) fn is_record(text: &str) -> bool {
    text.contains(|c: char| c == '=' || c.is_whitespace() || is_quote(c))
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '\u{2018}'..='\u{201f}' | '«' | '»')
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Reads a little more than counts, so that what is too long is seen to be.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(dns::paste::MAX_PASTE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_empty(source: String, bytes: Vec<u8>) -> Result<Argument, InputError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(InputError::new(source, "nothing is there").with_help("paste a record"));
    }
    Ok(Argument::Text { source, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = match Argument::read(text) {
            Ok(Argument::Domain(domain)) => format!("domain {domain}"),
            Ok(Argument::Text { source, .. }) => format!("text in {source}"),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(want), "{text}: {got}");
    }

    #[test]
    fn which_of_the_three() {
        check("example.com", "domain example.com");
        check("Bücher.example.", "domain xn--bcher-kva.example");
        check("v=spf1", "text in argument");
        check("spf1 a", "text in argument");
        check("“a”", "text in argument");
        check("Cargo.toml", "text in Cargo.toml");
        check("", "the name is empty");
        check(" ", "nothing is there");
    }

    #[test]
    fn what_was_meant_as_a_domain() {
        check("https://www.example.com:443/a?b=c", "the domain alone was meant: www.example.com");
        check("<bob@example.com>", "the domain alone was meant: example.com");
        check("192.0.2.1", "an IP address");
        check("src", "a directory");
        check("./nothing/here.txt", "no such file");
        check("localhost", "two labels");
        check("example,com", ", can't stand in a name");
        check("a..example", "empty label");
        check("a\u{1b}[31m.example", "\\x1b");
    }
}
