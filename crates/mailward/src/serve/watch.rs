//! Signals, and the signs of life for systemd.

use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use resolver::Resolver;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, interval};

use super::log::Line;
use super::reload::Reload;
use super::shared::Shared;
use crate::input::InputError;

/// Waits for signals: SIGHUP reloads; SIGTERM and SIGINT have `finish` end what is in flight, and a second one ends it
/// at once.
pub(super) async fn until_stopped(
    shared: &Shared<Resolver>,
    mut reload: Reload,
    finish: impl Future<Output = ()>,
) -> Result<(), InputError> {
    let failed = |error: io::Error| InputError::new("signals", error.to_string());
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut watchdog = sd_notify::watchdog_enabled().map(|within| every(within / 2));
    tell(&[NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = hang_up.recv() => {
                if let Ok(now) = NotifyState::monotonic_usec_now() {
                    tell(&[NotifyState::Reloading, now]);
                }
                reload.reload(shared);
                tell(&[NotifyState::Ready]);
            }
            () = either(&mut terminate, &mut interrupt) => break,
            () = tick(&mut watchdog) => tell(&[NotifyState::Watchdog]),
        }
    }
    tell(&[NotifyState::Stopping]);
    shared.log.write(&Line::new("stop").text("why", "a signal; messages in flight are finished"));
    tokio::select! {
        () = finish => {}
        () = either(&mut terminate, &mut interrupt) => {
            shared.log.write(&Line::new("stop").text("why", "a second signal; messages in flight are cut off"));
        }
    }
    Ok(())
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn every(period: Duration) -> Interval {
    interval(period.max(Duration::from_millis(1)))
}

async fn tick(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(interval) => {
            interval.tick().await;
        }
        None => pending().await,
    }
}

/// Without systemd nobody listens.
fn tell(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}
