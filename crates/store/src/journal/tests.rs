//! Segments as files: cut off, changed, full.

#![allow(clippy::disallowed_methods, reason = "it looks at the files that the journal wrote")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::segment::{HEAD, record};
use super::{Journal, JournalError, JournalLimits, MAX_RECORD, Reader, SEGMENT};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder, JournalLimits::default()).unwrap()
}

fn rows(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Everything that a file gives, and how much of it is torn.
fn read(path: &Path) -> (Vec<Vec<u8>>, u64) {
    let mut reader = Reader::open(path).unwrap();
    let mut all = Vec::new();
    while let Some(payload) = reader.next().unwrap() {
        all.push(payload);
    }
    assert!(reader.next().unwrap().is_none(), "the end stays the end");
    (all, reader.torn())
}

#[test]
fn what_was_appended_is_read_after_a_restart() {
    let folder = folder();
    let mut journal = open(folder.path());
    assert!(journal.oldest().is_none());
    assert_eq!(journal.append(&rows(&["one", "", "three"])).unwrap(), 3);
    assert_eq!(journal.append(&rows(&["four"])).unwrap(), 1);
    drop(journal);
    let mut journal = open(folder.path());
    journal.append(&rows(&["five"])).unwrap();
    let (number, path) = journal.oldest().unwrap();
    assert_eq!(read(&path), (rows(&["one", "", "three", "four"]), 0));
    journal.remove(number).unwrap();
    let (number, path) = journal.oldest().unwrap();
    assert_eq!(read(&path), (rows(&["five"]), 0));
    // It was the one being written: what comes now goes to another.
    journal.append(&rows(&["six"])).unwrap();
    assert_eq!(read(&path), (rows(&["five"]), 0));
    journal.remove(number).unwrap();
    let (number, path) = journal.oldest().unwrap();
    assert_eq!(read(&path), (rows(&["six"]), 0));
    journal.remove(number).unwrap();
    assert_eq!((journal.bytes(), journal.oldest()), (0, None));
}

#[test]
fn a_journal_cut_off_at_any_byte_gives_the_rows_before() {
    let folder = folder();
    let payloads = rows(&["one", "", "a longer third row", "four"]);
    open(folder.path()).append(&payloads).unwrap();
    let whole = fs::read(folder.path().join("0000000000000001.rows")).unwrap();
    let ends: Vec<usize> = payloads
        .iter()
        .scan(HEAD.len(), |end, payload| {
            *end += payload.len() + 8;
            Some(*end)
        })
        .collect();
    assert_eq!(ends.last(), Some(&whole.len()));
    let file = folder.path().join("cut");
    for length in 0..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let kept = ends.iter().filter(|end| **end <= length).count();
        let good = if length < HEAD.len() { 0 } else { ends[..kept].last().copied().unwrap_or(HEAD.len()) };
        let torn = if length == 0 { 1 } else { length - good };
        assert_eq!(read(&file), (payloads[..kept].to_vec(), torn as u64), "cut at {length}");
    }
}

#[test]
fn any_byte_that_changed_ends_the_reading_before_its_record() {
    let folder = folder();
    let payloads = rows(&["one", "two", "three"]);
    open(folder.path()).append(&payloads).unwrap();
    let whole = fs::read(folder.path().join("0000000000000001.rows")).unwrap();
    let file = folder.path().join("changed");
    for index in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[index] ^= flip;
            fs::write(&file, &changed).unwrap();
            let kept = if index < 8 { 0 } else { ((index - 8) / 11).min(2) };
            assert_eq!(read(&file).0, payloads[..kept], "byte {index} ^ {flip:#x}");
        }
    }
    // Space that a crash left behind, allocated but never written.
    fs::write(&file, [whole.clone(), vec![0; 4096]].concat()).unwrap();
    assert_eq!(read(&file), (payloads, 4096));
}

#[test]
fn after_a_torn_end_new_rows_go_to_a_new_segment() {
    let folder = folder();
    open(folder.path()).append(&rows(&["one", "two"])).unwrap();
    let path = folder.path().join("0000000000000001.rows");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let mut journal = open(folder.path());
    journal.append(&rows(&["three"])).unwrap();
    let (number, path) = journal.oldest().unwrap();
    assert_eq!(read(&path), (rows(&["one"]), 10));
    journal.remove(number).unwrap();
    assert_eq!(read(&journal.oldest().unwrap().1), (rows(&["three"]), 0));
}

#[test]
fn the_journal_is_bounded_in_bytes() {
    let folder = folder();
    let size = HEAD.len() as u64 + 3 * record(b"12345").unwrap().len() as u64;
    for (bytes, kept) in [(size, 3), (size - 1, 2), (size + 12, 3), (0, 0), (HEAD.len() as u64, 0)] {
        let path = folder.path().join(bytes.to_string());
        let mut journal = Journal::open(&path, JournalLimits { bytes }).unwrap();
        assert_eq!(journal.append(&rows(&["12345"; 4])).unwrap(), kept, "{bytes} bytes");
        assert!(journal.bytes() <= bytes);
        assert_eq!(journal.append(&rows(&["12345"])).unwrap(), 0);
    }
}

#[test]
fn a_record_is_bounded() {
    let folder = folder();
    let mut journal = open(folder.path());
    assert_eq!(journal.append(&[vec![7; MAX_RECORD]]).unwrap(), 1);
    assert!(journal.append(&[vec![7; MAX_RECORD + 1]]).is_err());
    let path = journal.oldest().unwrap().1;
    assert_eq!(read(&path), (vec![vec![7; MAX_RECORD]], 0));
    // Nor is a longer one read, whose checksum is right: nobody gets to say how much memory is taken.
    let payload = vec![7; MAX_RECORD + 1];
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let checksum = crc32fast::hash(&[&length[..], &payload[..]].concat()).to_le_bytes();
    fs::write(&path, [&HEAD[..], &length[..], &checksum[..], &payload[..]].concat()).unwrap();
    assert_eq!(read(&path), (Vec::new(), MAX_RECORD as u64 + 9));
}

#[test]
fn segments_are_of_a_size() {
    let folder = folder();
    let mut journal = open(folder.path());
    let payloads = vec![vec![7; MAX_RECORD]; 16];
    while journal.segments.len() < 2 {
        assert_eq!(journal.append(&payloads).unwrap(), 16);
    }
    let (_, first) = journal.segments.first_key_value().unwrap();
    assert!((SEGMENT..SEGMENT + 17 * MAX_RECORD as u64).contains(first), "{first}");
}

#[test]
fn one_process_at_a_time() {
    let folder = folder();
    let first = open(folder.path());
    let second = Journal::open(folder.path(), JournalLimits::default());
    assert!(matches!(second, Err(JournalError::InUse(_))), "{second:?}");
    drop(first);
    open(folder.path());
}

#[test]
fn other_files_are_left_alone() {
    let folder = folder();
    fs::write(folder.path().join("notes.rows"), "mine").unwrap();
    fs::write(folder.path().join("1.rows"), "mine").unwrap();
    let mut journal = open(folder.path());
    assert_eq!((journal.bytes(), journal.oldest()), (0, None));
}
