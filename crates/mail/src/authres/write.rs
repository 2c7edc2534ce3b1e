//! Writes the field: strictly RFC 8601 §2.2, ASCII, folded.

use super::parse::is_tspecial;
use super::{AuthenticationResults, FIELD_NAME, MAX_RESULTS, Method, MethodResult, Property, Text, Word};

/// Longest property value that is written, in bytes; 64 for a local part and 255 for a domain have room in it. With
/// every byte escaped it still fits on a line of 998.
pub const MAX_VALUE: usize = 400;
/// Longest field that is written, in bytes, from its name to its CRLF.
pub const MAX_WRITTEN: usize = 8 * 1024;
/// The length that lines stay below where their words allow it (RFC 5322 §2.1.1: 78, one kept for the semicolon).
const LINE: usize = 77;
/// Room that is kept for the comment about results that were left out.
const ROOM_FOR_COMMENT: usize = 64;
/// What stands before each result.
const BETWEEN: &str = ";\r\n ";

impl AuthenticationResults {
    /// The whole field with its CRLF: ASCII, no line longer than 998 bytes and none longer than 78 but for a single
    /// long word, at most [`MAX_WRITTEN`] bytes. No CR or LF but in CRLF, and white space follows each but the last.
    pub fn field(&self) -> String {
        format!("{FIELD_NAME}: {}\r\n", self.value())
    }

    /// What follows the field's name, colon and space: for those who add a field by name and value.
    ///
    /// A property that can't be written exactly is left out: one with characters other than printable ASCII, or of
    /// more than [`MAX_VALUE`] bytes. A result that no longer fits is written without its properties, reason and
    /// comment; if not even that fits, or there are more than [`MAX_RESULTS`], it is left out and a comment at the end
    /// says how many were. DKIM's are left out first, those that pass after the others.
    pub fn value(&self) -> String {
        let mut out = self.id.as_str().to_owned();
        if self.results.is_empty() {
            // RFC 8601 §2.2 no-result
            out.push_str("; none");
        }
        let texts = self.texts(
            (MAX_WRITTEN - FIELD_NAME.len() - ": \r\n".len() - ROOM_FOR_COMMENT).saturating_sub(out.len()),
        );
        for text in texts.iter().flatten() {
            out.push_str(BETWEEN);
            out.push_str(text);
        }
        match texts.iter().filter(|text| text.is_none()).count() {
            0 => {}
            left_out => out.push_str(&format!("\r\n ({left_out} more results left out)")),
        }
        out
    }

    /// The text of each result in its place, all together with what stands between them within `room`; `None` for one
    /// that is left out.
    fn texts(&self, mut room: usize) -> Vec<Option<String>> {
        // A sender can put any number of signatures into a message: what they leave no room for must not be the others.
        let mut by_weight: Vec<_> = self.results.iter().enumerate().collect();
        by_weight.sort_by_key(|(_, result)| (result.method == Method::Dkim, result.result != Word::Pass));
        let mut texts = vec![None; self.results.len()];
        for (index, result) in by_weight.into_iter().take(MAX_RESULTS) {
            let forms = [folded(&words(result)), statement(result)];
            let fitting = forms.into_iter().find(|text| BETWEEN.len() + text.len() <= room);
            room -= fitting.as_ref().map_or(0, |text| BETWEEN.len() + text.len());
            if let Some(place) = texts.get_mut(index) {
                *place = fitting;
            }
        }
        texts
    }
}

/// `dkim=pass`
fn statement(result: &MethodResult) -> String {
    format!("{}={}", result.method, result.result)
}

/// The parts of a result between which the line may be broken.
fn words(result: &MethodResult) -> Vec<String> {
    let mut words = vec![statement(result)];
    words.extend(result.comment.iter().flat_map(|text| enclosed("(", text, ")", &['(', ')', '\\'])));
    words.extend(result.reason.iter().flat_map(|text| enclosed("reason=\"", text, "\"", &['"', '\\'])));
    words.extend(result.properties.iter().filter_map(property));
    words
}

/// The words of a text, what ends it early escaped, with `open` in front of the first and `close` behind the last.
/// [`Text`] has one space between words, so a fold there is read as that space.
fn enclosed(open: &str, text: &Text, close: &str, special: &[char]) -> Vec<String> {
    let mut whole = open.to_owned();
    for c in text.as_str().chars() {
        if special.contains(&c) {
            whole.push('\\');
        }
        whole.push(c);
    }
    whole.push_str(close);
    whole.split(' ').map(str::to_owned).collect()
}

/// `header.d=example.com`, or nothing for a value that can't be written exactly.
fn property(property: &Property) -> Option<String> {
    let value = property.value.as_str();
    let writable = value.len() <= MAX_VALUE && value.bytes().all(|b| matches!(b, b' '..=b'~'));
    writable.then(|| {
        let text = if is_token(value) || is_address(value) { value.to_owned() } else { quoted(value) };
        format!("{}.{}={text}", property.ptype.as_str(), property.property.as_str())
    })
}

/// RFC 2045 §5.1 token
fn is_token(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && !is_tspecial(b))
}

/// RFC 8601 §2.2: an e-mail identity is written as such, not as a quoted string.
fn is_address(value: &str) -> bool {
    value.rsplit_once('@').is_some_and(|(local, domain)| {
        (local.is_empty() || is_dot_atom(local) || is_quoted(local)) && is_domain_name(domain)
    })
}

/// RFC 5322 §3.2.3
fn is_dot_atom(local: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// A quoted string as we would write it, of printable ASCII.
fn is_quoted(local: &str) -> bool {
    let inner = local.strip_prefix('"').and_then(|l| l.strip_suffix('"'));
    let mut escaped = false;
    let well_formed = inner.is_some_and(|inner| {
        inner.bytes().all(|b| {
            let fits = if escaped { matches!(b, b'"' | b'\\') } else { b != b'"' };
            escaped = !escaped && b == b'\\';
            fits
        })
    });
    well_formed && !escaped
}

/// RFC 6376 §3.5 domain-name: two labels or more
fn is_domain_name(domain: &str) -> bool {
    let is_label = |label: &str| {
        label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

/// RFC 5322 §3.2.4 quoted-string
fn quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// The words with a space or a fold between them; the first one stands behind one space.
fn folded(words: &[String]) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in words {
        if column > 0 && column + 1 + word.len() > LINE {
            out.push_str("\r\n ");
            column = 1;
        } else {
            out.push_str(if column > 0 { " " } else { "" });
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out
}

#[cfg(test)]
mod tests;
