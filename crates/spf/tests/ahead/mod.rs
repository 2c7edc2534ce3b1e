//! A check with the walk beside it that asks ahead: it must come to the same.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::pin::pin;

use dns::{Dns, Question, Recorder};
use futures_util::future::{Either, select};
use mail::ReversePath;
use spf::{Check, Client, Limits, MAX_EXPLORED, check_mail_from, explore_mail_from};
use testkit::unhurried::Unhurried;

/// Does the check again, with the walk beside it.
#[track_caller]
pub(crate) fn same<D: Dns>(check: &Check, dns: &D, client: &Client<'_>, path: &ReversePath, limits: &Limits) {
    let dns = Unhurried::new(dns);
    let again = pollster::block_on(async {
        let check = pin!(check_mail_from(&dns, client, path, limits, None));
        match select(check, pin!(explore_mail_from(&dns, client, path, limits, None))).await {
            Either::Left((check, _)) => check,
            Either::Right(((), check)) => check.await,
        }
    });
    assert_eq!(*check, again);
    assert!(dns.ahead().len() <= MAX_EXPLORED);
}

/// What the check asks, and what the walk asks that is left to itself.
pub(crate) fn questions<D: Dns>(
    dns: &D,
    client: &Client<'_>,
    path: &ReversePath,
    limits: &Limits,
) -> (BTreeSet<Question>, BTreeSet<Question>) {
    let needed = Recorder::new(dns);
    pollster::block_on(check_mail_from(&needed, client, path, limits, None));
    let ahead = Unhurried::new(dns);
    pollster::block_on(explore_mail_from(&ahead, client, path, limits, None));
    (needed.answers().iter().map(|(question, _)| question.clone()).collect(), ahead.ahead())
}
