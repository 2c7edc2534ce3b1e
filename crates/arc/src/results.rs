//! The ARC-Authentication-Results field (RFC 8617 §4.1.1): the instance in front, read strictly, and what a handler saw,
//! read as tolerantly as any Authentication-Results. What can't be read breaks no chain (RFC 8617 §3.4).

use mail::authres::{AuthResError, AuthenticationResults};

use crate::instance::Instance;

/// What a handler says that it saw, if it can be read.
pub type Results = Result<AuthenticationResults, AuthResError>;

/// Cuts the value after the instance and its semicolon; `None` if they are not in front.
pub(crate) fn cut(value: &[u8]) -> Option<(Instance, &[u8])> {
    // RFC 8617 §3.9 instance: [CFWS] "i" [CFWS] "=" [CFWS] position, and in §4.1.1 [CFWS] ";".
    let rest = skip_cfws(value)?.strip_prefix(b"i")?;
    let rest = skip_cfws(rest)?.strip_prefix(b"=")?;
    let rest = skip_cfws(rest)?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    let rest = skip_cfws(rest)?.strip_prefix(b";")?;
    Some((Instance::parse(number)?, rest))
}

/// The text behind white space, folds and comments (RFC 5322 §3.2.2); `None` if a comment has no end.
fn skip_cfws(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut depth = 0_usize;
    while let [byte, tail @ ..] = rest {
        rest = match byte {
            b'(' => {
                depth += 1;
                tail
            }
            b')' if depth > 0 => {
                depth -= 1;
                tail
            }
            b'\\' if depth > 0 => tail.get(1..)?,
            b' ' | b'\t' | b'\r' | b'\n' => tail,
            _ if depth > 0 => tail,
            _ => break,
        };
    }
    (depth == 0).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<(u8, &str)>) {
        let cut = cut(value.as_bytes());
        let cut = cut.map(|(instance, rest)| (instance.number(), std::str::from_utf8(rest).unwrap()));
        assert_eq!(cut, expected, "{value:?}");
    }

    #[test]
    fn arc_13_the_instance_stands_in_front() {
        check(" i=1; mx.example; spf=pass", Some((1, " mx.example; spf=pass")));
        check(" (a (b) \\( c) i\r\n =\t(x)50 (y) ;", Some((50, "")));
        check("i=1;(null)=pass; (null)=pass", Some((1, "(null)=pass; (null)=pass")));
        for bad in [
            "",
            "i",
            "i=",
            "i=1",
            "I=1;",
            "i=51;",
            "i=01;",
            "i=1 mx.example;",
            "mx.example; i=1;",
            "i=1 (;",
            ") i=1;",
            "i=;",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn dos_comments_without_end_take_linear_time() {
        assert_eq!(cut(&[b'('; 1 << 20]), None);
        assert_eq!(cut(&[b'\\'; 1 << 20]), None);
    }
}
