//! `/healthz`: whether the program does its work, a line for each part of it.

/// How a part is doing. What is said of it is written in the program, never made of what came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Good,
    /// It works, with something that somebody should look at: rows that go to the journal because the database is away.
    Strained(&'static str),
    /// It does not work: nobody listens, the DNS gives no answers.
    Bad(&'static str),
}

/// A part of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is called: `milter`, `dns`, `store`.
    pub name: &'static str,
    /// How it is doing.
    pub state: State,
}

/// Whether all parts work, and the page that says so. A program without parts does no work.
pub(crate) fn page(parts: &[Part]) -> (bool, String) {
    let lines = parts.iter().map(|part| match part.state {
        State::Good => format!("{}: good\n", part.name),
        State::Strained(why) => format!("{}: strained: {why}\n", part.name),
        State::Bad(why) => format!("{}: bad: {why}\n", part.name),
    });
    let works = !parts.is_empty() && parts.iter().all(|part| !matches!(part.state, State::Bad(_)));
    (works, if parts.is_empty() { "nothing runs\n".to_owned() } else { lines.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(states: &[State], works: bool, text: &str) {
        let names = ["milter", "dns", "store"];
        let parts: Vec<Part> =
            names.iter().zip(states).map(|(name, state)| Part { name, state: *state }).collect();
        assert_eq!(page(&parts), (works, text.to_owned()));
    }

    #[test]
    fn one_bad_part_is_enough() {
        check(&[], false, "nothing runs\n");
        check(&[State::Good], true, "milter: good\n");
        check(
            &[State::Good, State::Good, State::Strained("the database is away")],
            true,
            "milter: good\ndns: good\nstore: strained: the database is away\n",
        );
        check(
            &[State::Good, State::Bad("no answer"), State::Good],
            false,
            "milter: good\ndns: bad: no answer\nstore: good\n",
        );
    }
}
