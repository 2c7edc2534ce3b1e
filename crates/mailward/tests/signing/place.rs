//! What tests of the program share: a directory of their own, and the program run in it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Where a test works.
pub(crate) struct Place(TempDir);

/// What the program did.
pub(crate) struct Run {
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Run {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap()
    }

    /// That it ended like this, and said all this on standard error.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, said: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{}\n{}", String::from_utf8_lossy(&self.out), self.err);
        for word in said {
            assert!(self.err.contains(word), "{word:?} is not in\n{}", self.err);
        }
        self
    }

    /// That it ended like this, and printed all this.
    #[track_caller]
    pub(crate) fn prints(&self, code: i32, words: &[&str]) -> &Self {
        self.check(code, &[]);
        let text = self.text();
        for word in words {
            assert!(text.contains(word), "{word:?} is not in\n{text}");
        }
        self
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        self.mode(name, 0o600);
        path
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn mode_of(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    /// Runs the program with nothing to read.
    pub(crate) fn run(&self, command: &str) -> Run {
        self.pipe(command, b"")
    }

    /// Runs the program with a pipe to read from.
    pub(crate) fn pipe(&self, command: &str, input: &[u8]) -> Run {
        self.with(command, Stdio::piped(), input)
    }

    /// Runs the program with standard input from a file.
    pub(crate) fn redirect(&self, command: &str, name: &str) -> Run {
        self.with(command, fs::File::open(self.path(name)).unwrap().into(), b"")
    }

    fn with(&self, command: &str, stdin: Stdio, input: &[u8]) -> Run {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
            .args(command.split_whitespace())
            .current_dir(self.0.path())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = child.stdin.take();
        let input = input.to_vec();
        // The program may end without reading.
        let writer = std::thread::spawn(move || drop(pipe.map(|mut pipe| pipe.write_all(&input))));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        Run { out: output.stdout, err, code: output.status.code().unwrap() }
    }
}
