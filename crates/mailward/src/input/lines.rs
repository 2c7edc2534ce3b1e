//! Line ends of files. The rule: the first line end of a message decides. If it is a bare LF, the message was stored
//! with LF line ends, and every LF without a CR before it becomes CRLF. Otherwise every byte is taken as it is.

use memchr::{memchr, memchr_iter};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rule {
    /// No line end was seen.
    #[default]
    Unknown,
    /// The first line end was CRLF.
    AsItIs,
    /// The first line end was LF.
    Convert,
}

/// Brings a stream of bytes to CRLF line ends where the rule asks for it; the result does not depend on how the
/// stream was cut.
#[derive(Clone, Debug, Default)]
pub struct LineEnds {
    rule: Rule,
    /// Whether the last byte of the last chunk was a CR.
    after_cr: bool,
}

impl LineEnds {
    /// The next chunk as it counts: the chunk itself, or `out` filled with its converted form.
    pub fn convert<'a>(&mut self, chunk: &'a [u8], out: &'a mut Vec<u8>) -> &'a [u8] {
        if self.rule == Rule::Unknown
            && let Some(at) = memchr(b'\n', chunk)
        {
            self.rule = if self.cr_before(chunk, at) { Rule::AsItIs } else { Rule::Convert };
        }
        let converted = match self.rule {
            Rule::Unknown | Rule::AsItIs => chunk,
            Rule::Convert => self.insert_crs(chunk, out),
        };
        if let Some(last) = chunk.last() {
            self.after_cr = *last == b'\r';
        }
        converted
    }

    /// Whether LF line ends were seen first, so that what came out is not what went in.
    pub fn converted(&self) -> bool {
        self.rule == Rule::Convert
    }

    fn insert_crs<'a>(&self, chunk: &[u8], out: &'a mut Vec<u8>) -> &'a [u8] {
        out.clear();
        out.reserve(chunk.len() + chunk.len() / 16);
        let mut done = 0;
        for at in memchr_iter(b'\n', chunk) {
            if !self.cr_before(chunk, at) {
                out.extend_from_slice(chunk.get(done..at).unwrap_or_default());
                out.push(b'\r');
                done = at;
            }
        }
        out.extend_from_slice(chunk.get(done..).unwrap_or_default());
        out
    }

    fn cr_before(&self, chunk: &[u8], at: usize) -> bool {
        match at.checked_sub(1) {
            Some(before) => chunk.get(before) == Some(&b'\r'),
            None => self.after_cr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(text: &[u8], size: usize) -> (Vec<u8>, bool) {
        let (mut lines, mut out, mut all) = (LineEnds::default(), Vec::new(), Vec::new());
        for chunk in text.chunks(size) {
            all.extend_from_slice(lines.convert(chunk, &mut out));
        }
        (all, lines.converted())
    }

    /// The rule told a second time, without chunks.
    fn naive(text: &[u8]) -> Vec<u8> {
        let lf = |at: usize| text[at] == b'\n' && (at == 0 || text[at - 1] != b'\r');
        match text.iter().position(|b| *b == b'\n') {
            Some(first) if lf(first) => (0..text.len())
                .flat_map(|at| if lf(at) { vec![b'\r', b'\n'] } else { vec![text[at]] })
                .collect(),
            _ => text.to_vec(),
        }
    }

    fn check(text: &str, want: &str, converted: bool) {
        for size in 1..=text.len().max(1) {
            assert_eq!(run(text.as_bytes(), size), (want.as_bytes().to_vec(), converted), "{size} {text:?}");
        }
    }

    #[test]
    fn hdr_14_the_first_line_end_decides() {
        check("A: b\n\nbody\n", "A: b\r\n\r\nbody\r\n", true);
        check("A: b\n\r\nbody\r\n\n", "A: b\r\n\r\nbody\r\n\r\n", true);
        check("A: b\r\n\nbody\n", "A: b\r\n\nbody\n", false);
        check("\n", "\r\n", true);
        check("\r\r\n\n", "\r\r\n\n", false);
        check("a\rb\nc\r", "a\rb\r\nc\r", true);
        check("no line end\r", "no line end\r", false);
        check("", "", false);
    }

    proptest! {
        #[test]
        fn hdr_15_any_cut_gives_the_same(text in "[\r\na.]{0,40}", size in 1usize..9) {
            prop_assert_eq!(run(text.as_bytes(), size).0, naive(text.as_bytes()));
        }
    }
}
