//! Rows to columns and back.

use proptest::prelude::*;

use super::{COLUMNS, Columns, Value};
use crate::MAX_RECORD;
use crate::row::{MAX_DKIM_RESULTS, MAX_OVERRIDES, MessageRow};
use crate::testing::{any_row, full_row, sparse_row};

fn column(name: &str) -> usize {
    COLUMNS.iter().position(|(known, _)| *known == name).unwrap()
}

/// Row, columns, row: the same row.
fn check(row: &MessageRow) {
    assert_eq!(Columns::from(row).read().as_ref(), Ok(row));
    let json = Columns::from(row).to_json();
    assert_eq!(Columns::from_json(&json).unwrap(), Columns::from(row));
}

#[test]
fn rows_are_read_back_as_they_were() {
    check(&full_row(1));
    check(&sparse_row(2));
}

proptest! {
    #[test]
    fn any_row_is_read_back_as_it_was(row in any_row()) {
        check(&row);
    }
}

/// A column that holds something else is an error that names it.
fn check_wrong(name: &str, value: Value) {
    let mut columns = Columns::from(&full_row(1));
    columns.0[column(name)] = value;
    let error = columns.read().unwrap_err().to_string();
    assert!(error.contains(name) || error.contains("NULL"), "{name}: {error}");
}

#[test]
fn what_nobody_wrote_is_not_read() {
    for (name, text) in [
        ("listener", "\u{1b}[2J"),
        ("mode", "Observe"),
        ("client_ip", "192.0.2.1.example"),
        ("envelope_from", "a b"),
        ("author_domain", "<script>"),
        ("org_domain", ""),
        ("dmarc", "PASS"),
        ("policy_domain", ".."),
        ("published", "treewalk v=DMARC1; p=perhaps"),
        ("published", "v=DMARC1; p=none"),
        ("spf", "[{}]"),
        ("spf", r#"[{"scope":"mfrom","domain":"a.example","result":"hardfail"}]"#),
        ("dkim", "{}"),
        ("dkim", r#"[{"domain":"a.example","selector":"s","result":"pass","human":"\u0000"}]"#),
        ("overrides", r#"[{"type":"whim"}]"#),
        ("disposition", "hold"),
        ("taken", ""),
        ("would_enforce", "reject"),
    ] {
        check_wrong(name, Value::Text(Some(text.to_owned())));
    }
    check_wrong("id", Value::Blob(Some(vec![1; 15])));
    check_wrong("deferral", Value::Blob(Some(vec![1; 17])));
    for name in ["id", "listener", "mode", "spf", "dkim", "rule", "would_observe"] {
        let null = if name == "id" { Value::Blob(None) } else { Value::Text(None) };
        check_wrong(name, null);
    }
}

#[test]
fn lists_are_kept_to_their_limits() {
    let mut row = full_row(1);
    for (length, kept) in [(MAX_DKIM_RESULTS, MAX_DKIM_RESULTS), (MAX_DKIM_RESULTS + 1, MAX_DKIM_RESULTS)] {
        row.dkim = vec![row.dkim[0].clone(); length];
        assert_eq!(Columns::from(&row).read().unwrap().dkim.len(), kept);
    }
    for (length, kept) in [(MAX_OVERRIDES, MAX_OVERRIDES), (MAX_OVERRIDES + 1, MAX_OVERRIDES)] {
        row.overrides = vec![row.overrides[0].clone(); length];
        assert_eq!(Columns::from(&row).read().unwrap().overrides.len(), kept);
    }
}

#[test]
fn the_size_counts_every_text() {
    let (mut row, bytes) = (full_row(1), column("bytes"));
    let size = |row: &MessageRow| Columns::from(row).0[bytes].clone();
    let Value::Int(Some(before)) = size(&row) else { panic!("a number") };
    row.rule = crate::Note::new(format!("{}1234567890", row.rule));
    assert_eq!(size(&row), Value::from(before + 10));
}

#[test]
fn the_same_policy_is_the_same_text() {
    let published = column("published");
    let text =
        Value::from("treewalk v=DMARC1; p=reject; sp=quarantine; np=reject; t=y; adkim=s; aspf=r; fo=1:d");
    assert_eq!(Columns::from(&full_row(1)).0[published], text);
}

#[test]
fn the_longest_row_fits_into_a_record_of_the_journal() {
    let long = mail::Domain::parse(vec!["x".repeat(62); 4].join(".")).unwrap();
    // A backslash is escaped as itself, in the list, and in the record.
    let note = || Some(crate::Note::new([0; MAX_RECORD]));
    let mut row = full_row(1);
    let selector = dkim::Selector::parse(long.as_str()).unwrap();
    let dkim = crate::DkimResult { domain: long.clone(), selector, human: note(), ..row.dkim[0].clone() };
    let reason = crate::Override { comment: note(), ..row.overrides[0].clone() };
    row.dkim = vec![dkim; MAX_DKIM_RESULTS + 1];
    row.overrides = vec![reason; MAX_OVERRIDES + 1];
    (row.author_domain, row.org_domain) = (Some(long.clone()), Some(long));
    let longest = Columns::from(&row).to_json().len();
    assert!((MAX_RECORD / 4..MAX_RECORD).contains(&longest), "{longest}");
}
