//! Signals, and the signs of life for systemd.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;

use super::log::{Line, Log};
use crate::input::InputError;

/// The signals that mean something to a daemon.
pub(super) struct Signals {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on none of them kills the process.
    pub(super) fn take() -> Result<Self, InputError> {
        let failed = |error: io::Error| InputError::new("signals", error.to_string());
        Ok(Self {
            hang_up: signal(SignalKind::hangup()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Says that all is ready, and waits: SIGHUP orders a reload by `reload`; SIGTERM and SIGINT have `finish` end what is in
    /// flight, and a second one ends it at once.
    pub(super) async fn until_stopped(self, log: &Log, reload: impl Fn(), finish: impl Future<Output = ()>) {
        let Self { mut hang_up, mut terminate, mut interrupt } = self;
        if let Some(within) = sd_notify::watchdog_enabled() {
            tokio::spawn(alive(within / 2, || tell(&[NotifyState::Watchdog])));
        }
        ready();
        loop {
            tokio::select! {
                _ = hang_up.recv() => reload(),
                () = either(&mut terminate, &mut interrupt) => break,
            }
        }
        tell(&[NotifyState::Stopping]);
        log.write(&Line::new("stop").text("why", "a signal; messages in flight are finished"));
        tokio::select! {
            () = finish => {}
            () = either(&mut terminate, &mut interrupt) => {
                log.write(&Line::new("stop").text("why", "a second signal; messages in flight are cut off"));
            }
        }
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

/// Gives a sign of life every so often. As a task among those that serve mail: where they get no turn, it gets none.
async fn alive(period: Duration, sign: impl Fn()) {
    let mut often = interval(period.max(Duration::from_millis(1)));
    loop {
        often.tick().await;
        sign();
    }
}

/// Tells systemd that a new configuration is being read.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// Tells systemd that all is as it should be.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Without systemd nobody listens.
fn tell(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn while_no_task_gets_a_turn_there_is_no_sign_of_life() {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sign, signs) = mpsc::channel();
        runtime.spawn(alive(Duration::from_millis(1), move || sign.send(()).unwrap()));
        signs.recv().unwrap();
        let (stuck, is_stuck) = mpsc::channel();
        let (free, freed) = mpsc::channel::<()>();
        runtime.spawn(async move {
            stuck.send(()).unwrap();
            freed.recv().unwrap();
        });
        is_stuck.recv().unwrap();
        signs.try_iter().for_each(drop);
        assert!(signs.recv_timeout(Duration::from_millis(200)).is_err(), "a sign of life from the dead");
        free.send(()).unwrap();
        signs.recv().unwrap();
    }
}
