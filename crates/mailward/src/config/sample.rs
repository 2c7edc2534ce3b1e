//! The sample: every key with what it does and its default, all of it in comments, so that it changes nothing.

use super::DEFAULT_PATH;
use super::spec::{Key, PARTS, Part};

/// The sample file.
pub fn sample() -> String {
    let mut out = format!(
        "# {DEFAULT_PATH}: the configuration of mailward. Everything in it is optional.\n\
         # A line with #name = is the default, or an example; take the # away and change it.\n\
         # `mailward config check` shows what is wrong with the file.\n"
    );
    for part in PARTS {
        part_into(part, &mut out);
    }
    out
}

fn part_into(part: &Part, out: &mut String) {
    out.push('\n');
    part.about.iter().for_each(|line| out.push_str(&format!("# {line}\n")));
    let hash = if part.example { "#" } else { "" };
    out.push_str(&format!("{hash}{}\n", part.head));
    for key in part.keys.iter().filter(|key| !key.value.is_empty()) {
        key_into(key, part.example, out);
    }
    part.lines.iter().for_each(|line| out.push_str(&format!("#{line}\n")));
}

fn key_into(key: &Key, within_example: bool, out: &mut String) {
    if !within_example {
        out.push('\n');
    }
    key.about.iter().for_each(|line| out.push_str(&format!("# {line}\n")));
    let remark = if key.is_default || within_example { "" } else { "  # an example" };
    out.push_str(&format!("#{} = {}{remark}\n", key.name, key.value));
}
