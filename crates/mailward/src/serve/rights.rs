//! What the process may do: file descriptors, whose rights it keeps, and what it gives up of them.

use std::ffi::CString;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, User, initgroups, setgid, setuid};

use crate::input::InputError;

/// File descriptors that are left for everything but connections.
const RESERVED: u64 = 200;

/// Takes as many file descriptors as the system gives, and says how many connections all listeners together may have.
pub(super) fn connections(wanted: usize, listeners: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let limit = if raised { hard } else { soft };
    let room = limit.saturating_sub(RESERVED.min(limit / 2)) / (listeners.max(1) as u64);
    wanted.min(usize::try_from(room).unwrap_or(usize::MAX)).max(1)
}

/// Whether the process has the rights of root.
pub(super) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Has the process go on with the rights of a user, for good. Nothing is done where it is not root; that it is another
/// user then is an error.
pub(super) fn become_user(name: &str) -> Result<(), InputError> {
    let failed = |why: &str| InputError::new("[daemon] user", format!("can't become {name}: {why}"));
    let user = User::from_name(name).map_err(|error| failed(error.desc()))?;
    let user = user.ok_or_else(|| failed("there is no such user"))?;
    if !is_root() {
        let is_same = Uid::effective() == user.uid;
        return if is_same { Ok(()) } else { Err(failed("the program was not started as root")) };
    }
    let c_name = CString::new(name).map_err(|_| failed("this is no name"))?;
    initgroups(&c_name, user.gid).map_err(|error| failed(error.desc()))?;
    setgid(user.gid).map_err(|error| failed(error.desc()))?;
    setuid(user.uid).map_err(|error| failed(error.desc()))?;
    // Who could come back would not be gone.
    if !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(failed("the rights of root could be had back"));
    }
    Ok(())
}

/// Gives up the right to run programs, and to write anywhere but below these directories. For this thread and those that it
/// starts from now on. Gives what came of it, in a word for the log.
pub(super) fn sandbox(writable: &[PathBuf]) -> &'static str {
    match restrict(writable) {
        Ok(RulesetStatus::FullyEnforced) => "landlock",
        Ok(RulesetStatus::PartiallyEnforced) => "landlock, as far as this kernel has it",
        Ok(RulesetStatus::NotEnforced) => "none: this kernel has no landlock",
        Err(_) => "none: landlock failed",
    }
}

fn restrict(writable: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V3;
    let read: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write = AccessFs::from_all(abi) & !AccessFs::Execute;
    let rules =
        std::iter::once((PathBuf::from("/"), read)).chain(writable.iter().map(|path| (path.clone(), write)));
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi))?.create()?;
    for (path, access) in rules {
        // What is not there can't be written to.
        if let Ok(path) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(path, access))?;
        }
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_13_connections_leave_room_for_other_files() {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert!(connections(usize::MAX, 2) as u64 <= hard.max(soft) / 2);
        assert_eq!(connections(10, 1), 10);
        assert_eq!(connections(0, 0), 1);
    }

    #[test]
    fn net_14_what_is_given_up_is_gone() {
        let room = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let (inside, outside) = (room.path().to_owned(), elsewhere.path().to_owned());
        let ended = std::thread::spawn(move || {
            let word = sandbox(std::slice::from_ref(&inside));
            let wrote = |path: &PathBuf| std::fs::write(path.join("x"), "x").is_ok();
            (word, wrote(&inside), wrote(&outside), std::fs::read_dir(&outside).is_ok())
        });
        let (word, inside, outside, read) = ended.join().unwrap();
        assert!(inside && read, "{word}");
        assert_eq!(outside, !word.starts_with("landlock"), "{word}");
    }
}
