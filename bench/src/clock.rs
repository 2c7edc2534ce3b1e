//! Processor time, which other load on the machine does not count into, and pinning to a core.

use std::ops::Range;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// What this thread has used of its core.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The processor time that a piece of work takes on this thread.
pub fn spent(work: impl FnOnce()) -> Duration {
    let start = thread_time();
    work();
    thread_time().saturating_sub(start)
}

/// Keeps this thread, and those that it starts from now on, on one core.
pub fn pin(core: usize) {
    pin_to(core..core + 1);
}

/// The same on these.
pub fn pin_to(range: Range<usize>) {
    let mut cores = CpuSet::new();
    range.clone().for_each(|core| cores.set(core));
    if let Err(error) = sched_setaffinity(None, &cores) {
        eprintln!("WARNING: not pinned to cores {range:?}: {error}");
    }
}

/// What ended children of this process have used.
pub fn children_time() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel tells");
    let time = used.user_time() + used.system_time();
    Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000)
}

/// The clock of a process.
pub fn of_process(pid: u32) -> nix::time::ClockId {
    nix::time::clock_getcpuclockid(Pid::from_raw(pid.cast_signed())).expect("the process is there")
}

/// What a process has used since it was started.
pub fn used(clock: nix::time::ClockId) -> Duration {
    nix::time::clock_gettime(clock).expect("the process is there").into()
}
