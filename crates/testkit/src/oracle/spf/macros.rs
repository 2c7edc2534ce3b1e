//! Macro-strings (RFC 7208 §7).

/// A piece of a macro-string.
pub(super) enum Piece {
    /// A character that stands for itself.
    Literal(char),
    /// `%%`, `%_`, `%-`
    Escape(&'static str),
    /// `%{…}`
    Macro { letter: char, keep: Option<usize>, reverse: bool, delimiters: String },
}

/// The pieces of a macro-string (§7.1); `None` for what is none. In an explanation there are spaces and the letters c, r
/// and t too.
pub(super) fn pieces(text: &str, explanation: bool) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (piece, length) = if rest.starts_with("%%") {
            (Piece::Escape("%"), 2)
        } else if rest.starts_with("%_") {
            (Piece::Escape(" "), 2)
        } else if rest.starts_with("%-") {
            (Piece::Escape("%20"), 2)
        } else if rest.starts_with("%{") {
            let inner = &rest[2..rest.find('}')?];
            (in_braces(inner, explanation)?, inner.len() + 3)
        } else if first.is_ascii_graphic() && first != '%' || explanation && first == ' ' {
            (Piece::Literal(first), 1)
        } else {
            return None;
        };
        pieces.push(piece);
        rest = &rest[length..];
    }
    Some(pieces)
}

fn in_braces(inner: &str, explanation: bool) -> Option<Piece> {
    let letter = inner.chars().next()?;
    let letters = if explanation { "slodiphvcrt" } else { "slodiphv" };
    if !letters.contains(letter.to_ascii_lowercase()) {
        return None;
    }
    let rest = inner[1..].trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &inner[1..inner.len() - rest.len()];
    let keep = if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(usize::MAX)) };
    let (reverse, delimiters) = match rest.strip_prefix(['r', 'R']) {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let good = keep != Some(0) && delimiters.chars().all(|c| ".-+,/_=".contains(c));
    good.then(|| Piece::Macro { letter, keep, reverse, delimiters: delimiters.to_owned() })
}

/// Fills in the macros (§7.3).
pub(super) fn expand(pieces: &[Piece], value: impl Fn(char) -> String) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(c) => out.push(*c),
            Piece::Escape(text) => out += text,
            Piece::Macro { letter, keep, reverse, delimiters } => {
                let value = value(letter.to_ascii_lowercase());
                let delimiters = if delimiters.is_empty() { "." } else { delimiters };
                let mut parts: Vec<&str> = value.split(|c| delimiters.contains(c)).collect();
                if *reverse {
                    parts.reverse();
                }
                while keep.is_some_and(|keep| parts.len() > keep) {
                    parts.remove(0);
                }
                let text = parts.join(".");
                out += &if letter.is_ascii_uppercase() { escaped(&text) } else { text };
            }
        }
    }
    out
}

/// RFC 3986 §2.3.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => c.to_string(),
        _ => format!("%{:02X}", c as u32),
    };
    text.chars().map(escape).collect()
}
