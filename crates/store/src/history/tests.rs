//! What is remembered, and what is not.

use mail::{Domain, UnixTime};

use super::{DAY, DEFERRAL_KEPT, DeferralKey, Deferred, History, HistoryLimits, MAX_NETWORKS, PASSING_DAYS};
use crate::testing::full_row;
use crate::{MessageRow, RowId};

fn history() -> History {
    History::new(HistoryLimits::default())
}

fn at_day(day: u64) -> MessageRow {
    MessageRow { id: RowId::new(UnixTime(day * DAY + 7), [1; 10]), ..full_row(1) }
}

fn org() -> Domain {
    full_row(1).org_domain.unwrap()
}

#[test]
fn days_with_an_aligned_signature_count_once_each() {
    let history = history();
    for day in [20_000, 20_000, 20_001, 20_005] {
        history.note(&at_day(day));
    }
    history.note(&MessageRow { dkim_aligned: false, ..at_day(20_006) });
    let days = |day: u64| history.days_signed(&org(), UnixTime(day * DAY));
    assert_eq!(
        [days(19_999), days(20_001), days(20_005), days(20_029), days(20_030), days(20_035)],
        [0, 2, 3, 3, 2, 0]
    );
    assert_eq!(history.days_signed(&Domain::parse("other.example").unwrap(), UnixTime(20_005 * DAY)), 0);
}

#[test]
fn networks_from_which_mail_passed() {
    let history = history();
    let row = at_day(20_000);
    let (author, client) = (row.author_domain.clone().unwrap(), row.client_ip.unwrap());
    let known = |day: u64| history.passed_from(&author, client, UnixTime(day * DAY));
    history.note(&MessageRow { dmarc: dmarc::Outcome::Fail, ..row.clone() });
    assert!(!known(20_000), "a failure shows nothing");
    history.note(&row);
    assert!(known(20_000) && known(20_000 + u64::from(PASSING_DAYS)));
    assert!(!known(20_001 + u64::from(PASSING_DAYS)));
    assert!(!history.passed_from(&author, "203.0.114.9".parse().unwrap(), UnixTime(20_000 * DAY)));
}

#[test]
fn networks_are_bounded_and_the_longest_unseen_goes_first() {
    let history = history();
    let from = |net: usize| format!("10.0.{net}.1").parse().unwrap();
    for net in 0..=MAX_NETWORKS {
        let row = at_day(20_000 + net as u64);
        history.note(&MessageRow { client_ip: Some(from(net)), ..row });
    }
    let author = full_row(1).author_domain.unwrap();
    let known = |net| history.passed_from(&author, from(net), UnixTime(20_040 * DAY));
    assert!(!known(0));
    assert!((1..=MAX_NETWORKS).all(known));
}

/// Puts off at each of the times, and says of each when it began by what was known before.
fn deferrals(times: &[u64]) -> Vec<Deferred> {
    let history = history();
    let key = DeferralKey::from_bytes([7; 16]);
    let defer = |at: &u64| {
        let before = history.deferred(&key, UnixTime(*at));
        let id = RowId::new(UnixTime(*at), [2; 10]);
        history.note(&MessageRow { id, deferral: Some(key), ..full_row(1) });
        before
    };
    times.iter().map(defer).collect()
}

#[test]
fn when_mail_was_first_put_off_is_known_until_it_is_over() {
    let t = 1_000_000;
    let since = Deferred::Since(UnixTime(t));
    assert_eq!(deferrals(&[t, t + 60, t + 20_000]), [Deferred::Never, since, since]);
    let last = t + 14_400;
    assert_eq!(
        deferrals(&[t, last, last + DEFERRAL_KEPT - 1]),
        [Deferred::Never, since, since],
        "still the same trouble"
    );
    assert_eq!(
        deferrals(&[t, last, last + DEFERRAL_KEPT]),
        [Deferred::Never, since, Deferred::Never],
        "another trouble"
    );
}

#[test]
fn net_16_what_was_put_off_by_a_clock_that_was_ahead_is_told_with_its_time() {
    let (t, year) = (1_000_000, 365 * DAY);
    let ahead = Deferred::Since(UnixTime(t + year));
    assert_eq!(deferrals(&[t + year, t, t + 14_400]), [Deferred::Never, ahead, ahead]);
}

#[test]
fn net_16_a_clock_that_was_ahead_does_not_forget_who_signs() {
    let history = history();
    for day in [20_000, 20_001, 20_002, 20_365, 20_003, 20_004, 20_005] {
        history.note(&at_day(day));
    }
    assert_eq!(history.days_signed(&org(), UnixTime(20_005 * DAY)), 3);
}

#[test]
fn where_nothing_more_can_be_remembered_nothing_is_put_off() {
    let history = History::new(HistoryLimits { deferrals: 2, ..HistoryLimits::default() });
    let key = |byte| DeferralKey::from_bytes([byte; 16]);
    for byte in [1, 2] {
        assert_eq!(history.deferred(&key(byte), UnixTime(1_000)), Deferred::Never);
        let id = RowId::new(UnixTime(1_000), [byte; 10]);
        history.note(&MessageRow { id, deferral: Some(key(byte)), ..full_row(1) });
    }
    assert_eq!(history.deferred(&key(1), UnixTime(1_001)), Deferred::Since(UnixTime(1_000)));
    assert_eq!(history.deferred(&key(3), UnixTime(1_001)), Deferred::NoRoom);
    let over = UnixTime(1_000 + DEFERRAL_KEPT);
    assert_eq!(history.deferred(&key(3), over), Deferred::Never, "what is over makes room");
}
