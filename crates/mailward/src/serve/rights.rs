//! What the process may do: file descriptors, whose rights it keeps, and what it gives up of them.

use std::ffi::CString;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, User, initgroups, setgid, setuid};

use crate::input::InputError;
use crate::input::error::shown;
use crate::tls::turns;

/// File descriptors that are left for everything but connections, the addresses of policy hosts that are tried at once above all.
/// Where there are few, half of them.
const RESERVED: u64 = 200 + ((turns::FETCHES + turns::SLOW) * courier::MAX_ADDRESSES) as u64;

/// Takes as many file descriptors as the system gives, and says how many connections all listeners together may have.
pub(super) fn connections(wanted: usize, listeners: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    wanted.min(room(if raised { hard } else { soft }, listeners)).max(1)
}

/// How many connections a listener may have with so many file descriptors.
fn room(limit: u64, listeners: usize) -> usize {
    let room = limit.saturating_sub(RESERVED.min(limit / 2)) / (listeners.max(1) as u64);
    usize::try_from(room).unwrap_or(usize::MAX)
}

/// Whether the process has the rights of root.
pub(super) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Has the process go on with the rights of a user, for good. Nothing is done where it is not root; that it is another
/// user then is an error. A folder that was made for that user becomes theirs.
pub(super) fn become_user(name: &str, made: Option<&Path>) -> Result<(), InputError> {
    let failed = |why: &str| InputError::new("[daemon] user", format!("can't become {name}: {why}"));
    let user = User::from_name(name).map_err(|error| failed(error.desc()))?;
    let user = user.ok_or_else(|| failed("there is no such user"))?;
    if !is_root() {
        let is_same = Uid::effective() == user.uid;
        return if is_same { Ok(()) } else { Err(failed("the program was not started as root")) };
    }
    if let Some(folder) = made {
        let given = lchown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        given.map_err(|error| failed(&format!("{} can't be theirs: {error}", shown(folder))))?;
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

/// What a process without keys reads beside its data and what it was given by name: what names of hosts and certificates of
/// databases are looked up in.
const READ_WITHOUT_KEYS: &[&str] = &[
    "/dev/null",
    "/dev/urandom",
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/proc/self",
    "/run/systemd/resolve",
    "/usr",
];

/// What a process goes on reading and writing.
#[derive(Debug)]
pub(super) struct Files {
    /// Files and folders that it reads.
    pub(super) readable: Vec<PathBuf>,
    /// Folders that it writes, and reads.
    pub(super) writable: Vec<PathBuf>,
}

impl Files {
    /// Everything is read, as keys may stand anywhere.
    pub(super) fn all(writable: Vec<PathBuf>) -> Self {
        Self { readable: vec![PathBuf::from("/")], writable }
    }

    /// Only these files are read, and what the system needs.
    pub(super) fn without_keys(files: Vec<PathBuf>, writable: Vec<PathBuf>) -> Self {
        let readable = READ_WITHOUT_KEYS.iter().map(PathBuf::from).chain(files).collect();
        Self { readable, writable }
    }

    /// Whether a file or folder can be read.
    pub(super) fn reads(&self, path: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let path = real(path);
        self.readable.iter().chain(&self.writable).any(|folder| path.starts_with(real(folder)))
    }
}

/// Gives up the right to run programs, and to read and write anything but these files. For this thread and those that it starts
/// from now on. Gives what came of it, in a word for the log.
pub(super) fn sandbox(files: &Files) -> &'static str {
    match restrict(files) {
        Ok(RulesetStatus::FullyEnforced) => "landlock",
        Ok(RulesetStatus::PartiallyEnforced) => "landlock, as far as this kernel has it",
        Ok(RulesetStatus::NotEnforced) => "none: this kernel has no landlock",
        Err(_) => "none: landlock failed",
    }
}

fn restrict(files: &Files) -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V3;
    let read: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write = AccessFs::from_all(abi) & !AccessFs::Execute;
    let readable = files.readable.iter().map(|path| (path, read));
    let rules = readable.chain(files.writable.iter().map(|path| (path, write)));
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi))?.create()?;
    for (path, access) in rules {
        // What is not there can't be read or written.
        let Ok(place) = PathFd::new(path) else { continue };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
        ruleset = ruleset.add_rule(PathBeneath::new(place, access))?;
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
        assert_eq!(room(1_024, 2), 256);
        // As the unit has it: what fetches may take at most is left.
        assert_eq!(room(16_384, 1), 16_384 - 200 - (256 + 64) * 8);
    }

    #[test]
    fn net_14_what_is_given_up_is_gone() {
        let room = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let key = elsewhere.path().join("key");
        std::fs::write(&key, "secret").unwrap();
        let (inside, outside) = (room.path().to_owned(), elsewhere.path().to_owned());
        let check = |files: fn(Vec<PathBuf>) -> Files, reads: bool| {
            let (inside, outside, key) = (inside.clone(), outside.clone(), key.clone());
            let ended = std::thread::spawn(move || {
                let files = files(vec![inside.clone()]);
                assert_eq!((files.reads(&inside), files.reads(&key)), (true, reads));
                let word = sandbox(&files);
                let wrote = |path: &PathBuf| std::fs::write(path.join("x"), "x").is_ok();
                let read = std::fs::read(&key).is_ok();
                let list = std::fs::read_dir(&outside).is_ok();
                let ran = std::process::Command::new("/bin/true").status().is_ok();
                (word, wrote(&inside), wrote(&outside), read, list, ran, std::fs::read("/etc/hosts").is_ok())
            });
            let (word, inside, outside, read, list, ran, hosts) = ended.join().unwrap();
            assert!(inside && hosts, "{word}");
            if word.starts_with("landlock") {
                assert_eq!((outside, ran, read, list), (false, false, reads, reads), "{word}");
            } else {
                println!("a test of the sandbox did NOT run: {word}");
            }
        };
        check(Files::all, true);
        check(|writable| Files::without_keys(Vec::new(), writable), false);
    }
}
