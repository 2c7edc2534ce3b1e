//! The part of a text that is worth showing: the lines that findings point into, or of a long line the piece around
//! them.

use std::ops::Range;

/// How many characters are shown before what is pointed at, where a line has to be cut.
const BEFORE: usize = 20;
/// Stands where a line was cut.
const CUT: &str = "...";

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The piece, with [`CUT`] where a line goes on.
    pub(super) text: String,
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    /// Where it begins in the whole text, and how much of `text` stands before that.
    start: usize,
    shift: usize,
    /// How much of the whole text it has.
    length: usize,
}

impl View {
    /// The lines that hold `range`, if none of them is longer than `width` characters; otherwise the piece of a line
    /// that does, if it fits.
    pub(super) fn of(text: &str, range: &Range<usize>, width: usize) -> Option<Self> {
        let lines = lines_of(text, range);
        let shown = text.get(lines.clone())?;
        if shown.lines().all(|line| line.chars().count() <= width) {
            return Some(Self::cut(text, lines.clone(), &lines));
        }
        let fits = text.get(range.clone())?.chars().count() + BEFORE + 2 * CUT.len() <= width;
        (fits && !shown.contains('\n')).then(|| Self::window(text, range.start, &lines, width))
    }

    /// As [`View::of`], but of a range that does not fit only its beginning.
    pub(super) fn of_start(text: &str, range: &Range<usize>, width: usize) -> Self {
        Self::of(text, range, width).unwrap_or_else(|| {
            let line = lines_of(text, &(range.start..range.start));
            Self::window(text, range.start, &line, width)
        })
    }

    /// Where a range of the whole text stands in the piece; what is not in it is cut off.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        let place = |at: usize| at.clamp(self.start, self.start + self.length) - self.start + self.shift;
        place(range.start)..place(range.end)
    }

    /// About `width` characters of a line, beginning a little before `at`.
    fn window(text: &str, at: usize, line: &Range<usize>, width: usize) -> Self {
        let room = width.saturating_sub(2 * CUT.len()).max(1);
        let before = text.get(line.start..at).unwrap_or_default();
        let after = text.get(at..line.end).unwrap_or_default();
        // Near the end of the line there is more room in front.
        let front = room.saturating_sub(after.chars().count()).max(BEFORE.min(room / 2));
        let start = match front {
            0 => at,
            _ => before.char_indices().rev().nth(front - 1).map_or(line.start, |(i, _)| line.start + i),
        };
        let shown = text.get(start..line.end).unwrap_or_default();
        let end = shown.char_indices().nth(room).map_or(line.end, |(i, _)| start + i);
        Self::cut(text, start..end, line)
    }

    fn cut(text: &str, piece: Range<usize>, line: &Range<usize>) -> Self {
        let front = if piece.start > line.start { CUT } else { "" };
        let back = if piece.end < line.end { CUT } else { "" };
        Self {
            text: format!("{front}{}{back}", text.get(piece.clone()).unwrap_or_default()),
            line: text.get(..piece.start).unwrap_or_default().matches('\n').count() + 1,
            start: piece.start,
            shift: front.len(),
            length: piece.len(),
        }
    }
}

/// From the start of the first line of a range to the end of its last, without the line end.
fn lines_of(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = text.get(..range.start).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    // A range that takes the line end in does not reach into the next line.
    let last = range.end
        - usize::from(!range.is_empty() && text.get(..range.end).is_some_and(|t| t.ends_with('\n')));
    let end = text.get(last..).unwrap_or_default().find('\n').map_or(text.len(), |at| last + at);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The view of `text` with `[` and `]` around what is pointed at, shown with the same marks.
    fn check(text: &str, width: usize, want: &str) {
        let start = text.find('[').unwrap();
        let end = text.find(']').unwrap() - 1;
        let plain = text.replace(['[', ']'], "");
        let view = View::of_start(&plain, &(start..end), width);
        let place = view.place(&(start..end));
        let (mut got, len) = (view.text.clone(), view.text.len());
        assert!(got.lines().all(|line| line.chars().count() <= width), "{len}: {got}");
        got.insert(place.end, ']');
        got.insert(place.start, '[');
        assert_eq!(format!("{}:{got}", view.line), want);
    }

    #[test]
    fn short_lines_are_shown_whole() {
        check("a [b] c", 40, "1:a [b] c");
        check("one\ntwo [x]\nthree", 40, "2:two [x]");
        check("one [1\ntwo 2] two\nthree", 40, "1:one [1\ntwo 2] two");
        check("one[\n]two", 40, "1:one[]");
        check("one[]\ntwo", 40, "1:one[]");
        check("[]", 40, "1:[]");
    }

    #[test]
    fn long_lines_are_cut_around_what_matters() {
        let dots = ".".repeat(200);
        let d = |n: usize| ".".repeat(n);
        check(&format!("[ab]{dots}"), 40, &format!("1:[ab]{}...", d(32)));
        check(&format!("{dots}[ab]"), 40, &format!("1:...{}[ab]", d(32)));
        check(&format!("{dots}[ab]{dots}"), 40, &format!("1:...{}[ab]{}...", d(17), d(15)));
        check(&format!("{dots}[ab]....."), 60, &format!("1:...{}[ab].....", d(47)));
        check(&format!("x\n{dots}[ab]{dots}\ny"), 40, &format!("2:...{}[ab]{}...", d(17), d(15)));
        check(&format!("“{dots}[“]{dots}"), 40, &format!("1:...{}[“]{}...", d(17), d(16)));
    }

    #[test]
    fn of_a_span_that_does_not_fit_the_start_is_shown() {
        let (d, x) = (".".repeat(200), |n: usize| "x".repeat(n));
        check(&format!("{d}[{}]{d}", x(200)), 40, &format!("1:...{}[{}]...", ".".repeat(17), x(17)));
        check(&format!("[{}]", x(41)), 40, &format!("1:[{}]...", x(34)));
        check(&format!("[{}]", x(40)), 40, &format!("1:[{}]", x(40)));
        check(&format!("{d}[ab\ncd]"), 40, &format!("1:...{}[ab]", ".".repeat(32)));
    }

    #[test]
    fn several_things_fit_one_view_or_none() {
        let text = format!("{}ab{}cd{}", ".".repeat(200), ".".repeat(20), ".".repeat(200));
        assert!(View::of(&text, &(200..224), 50).is_some());
        assert!(View::of(&text, &(200..224), 49).is_none());
    }
}
