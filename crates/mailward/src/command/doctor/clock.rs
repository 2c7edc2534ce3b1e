//! The clock. Signatures, their ends and reports need it right to a few minutes. Nobody here can say what time it is; what
//! can be seen is whether the clock stands before what has happened already, and whether the system says that it is kept right.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use tokio::process::Command;
use tokio::time::timeout;

use super::finding::{Report, Severity};
use crate::config::Source;
use crate::keys::ring::Ring;

/// How far files may be ahead, as those of another machine are.
const LEEWAY: Duration = Duration::from_secs(5 * 60);
/// How long the system may take to say something.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn look(report: &mut Report, source: &Source, ring: &Ring) {
    let written = source.path.as_ref().and_then(|path| fs::metadata(path).ok()?.modified().ok());
    let keys = ring.keys.iter().filter_map(|key| key.file.modified);
    judge(report, SystemTime::now(), written.into_iter().chain(keys).max(), is_kept().await);
}

fn judge(report: &mut Report, now: SystemTime, newest: Option<SystemTime>, kept: Option<bool>) {
    const HELP: &str = "run chrony, ntpd or systemd-timesyncd";
    if newest.is_some_and(|newest| newest.duration_since(now).is_ok_and(|ahead| ahead > LEEWAY)) {
        let message = "stands before the time at which our own files were written";
        return report.add("clock-behind", Severity::Error, "clock", message, HELP);
    }
    match kept {
        Some(true) => report.good("clock", "the system says that it is kept right"),
        Some(false) => {
            let message = "the system says that nothing keeps it right";
            report.add("clock-unkept", Severity::Warning, "clock", message, HELP);
        }
        None => {
            let message = "whether something keeps it right is not known here";
            report.add("clock-unknown", Severity::Note, "clock", message, "");
        }
    }
}

/// Whether the kernel counts the clock as kept right, by whatever does that; `None` where the system doesn't say.
async fn is_kept() -> Option<bool> {
    let mut command = Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(TIMEOUT, command.output()).await.ok()?.ok()?;
    match output.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said() {
        let check = |ahead: Option<i64>, kept, want: &str| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            let newest = ahead.map(|ahead| match u64::try_from(ahead) {
                Ok(ahead) => now + Duration::from_secs(ahead),
                Err(_) => now - Duration::from_secs(ahead.unsigned_abs()),
            });
            let mut report = Report::default();
            judge(&mut report, now, newest, kept);
            let found: Vec<&str> = report.0.iter().map(|finding| finding.code).collect();
            assert_eq!(found, [want], "{ahead:?} {kept:?}");
        };
        check(None, Some(true), "");
        check(Some(-5000), Some(true), "");
        check(Some(300), Some(true), "");
        check(Some(301), Some(true), "clock-behind");
        check(Some(301), None, "clock-behind");
        check(Some(0), Some(false), "clock-unkept");
        check(None, None, "clock-unknown");
    }
}
