//! Medians with their spread, and Markdown.

use std::time::Duration;

/// `1.23 (1.20–1.31)`: the median, the least and the most, with so many decimals.
pub fn spread(values: impl IntoIterator<Item = f64>, decimals: usize) -> String {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return "–".to_owned() };
    format!("{:.decimals$} ({least:.decimals$}–{most:.decimals$})", values[values.len() / 2])
}

/// The ratios of two lists, round by round.
pub fn ratios<'a>(above: &'a [Duration], below: &'a [Duration]) -> impl Iterator<Item = f64> + 'a {
    above.iter().zip(below).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64())
}

/// Microseconds for each of so many.
pub fn micros(times: &[Duration], count: usize) -> impl Iterator<Item = f64> + '_ {
    times.iter().map(move |time| time.as_secs_f64() * 1e6 / count as f64)
}

/// One row.
pub fn row<const N: usize>(cells: [&str; N]) {
    println!("| {} |", cells.join(" | "));
}

/// A heading and the head of a table.
pub fn head<const N: usize>(title: &str, cells: [&str; N]) {
    println!("\n{title}\n");
    row(cells);
    row(cells.map(|_| "---"));
}
