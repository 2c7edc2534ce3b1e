//! Macros: what the MTA says beside its commands, each list kept as it came until the stage it belongs to is over.

use crate::command::Stage;
use crate::wire::Strings;

/// The largest list of macros that is taken, in octets.
pub const MAX_MACROS: usize = 32 << 10;

/// The macros in force, by the command before which they came.
#[derive(Debug, Default)]
pub struct Macros {
    /// In the order of [`Stage::ALL`], each as on the wire.
    lists: [Vec<u8>; Stage::ALL.len()],
}

impl Macros {
    /// The value of the macro of that name, with or without braces: the latest list that has it counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let wanted = without_braces(name.as_bytes());
        self.lists.iter().rev().find_map(|list| {
            let strings = Strings::new(list)?;
            let mut pairs = strings.iter().step_by(2).zip(strings.iter().skip(1).step_by(2));
            pairs.find_map(|(name, value)| (without_braces(name) == wanted).then_some(value))
        })
    }

    /// A list takes the place of the one that was sent for the same command.
    pub(crate) fn set(&mut self, stage: Stage, pairs: Strings<'_>) {
        if let Some(list) = self.lists.get_mut(stage as usize) {
            *list = pairs.wire().to_vec();
        }
    }

    /// Forgets what belongs to this stage and to all that follow it.
    pub(crate) fn forget_from(&mut self, stage: Stage) {
        for list in self.lists.iter_mut().skip(stage as usize) {
            *list = Vec::new();
        }
    }
}

fn without_braces(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"{").and_then(|name| name.strip_suffix(b"}")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(macros: &mut Macros, stage: Stage, wire: &str) {
        macros.set(stage, Strings::new(wire.as_bytes()).unwrap());
    }

    #[test]
    fn the_latest_list_counts_and_braces_do_not() {
        let mut macros = Macros::default();
        set(&mut macros, Stage::Connect, "j\0mx.example\0{daemon_name}\0in\0");
        set(&mut macros, Stage::Mail, "i\0ONE\0{auth_authen}\0\0");
        set(&mut macros, Stage::EndOfBody, "{i}\0TWO\0");
        let get = |name| macros.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(get("{j}").as_deref(), Some("mx.example"));
        assert_eq!(get("daemon_name").as_deref(), Some("in"));
        assert_eq!(get("i").as_deref(), Some("TWO"));
        assert_eq!(get("auth_authen").as_deref(), Some(""));
        assert_eq!(get("in"), None, "a value is no name");
    }

    #[test]
    fn stages_stand_in_the_order_of_their_numbers() {
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
        }
        let mut macros = Macros::default();
        set(&mut macros, Stage::Helo, "a\x001\0");
        set(&mut macros, Stage::Mail, "b\x002\0");
        set(&mut macros, Stage::EndOfBody, "c\x003\0");
        macros.forget_from(Stage::Mail);
        assert_eq!((macros.get("a"), macros.get("b"), macros.get("c")), (Some(&b"1"[..]), None, None));
    }
}
