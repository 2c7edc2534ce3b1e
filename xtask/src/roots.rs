//! Debian roots with the real programs that tests talk to: made once with mmdebstrap, kept under `target/roots/`.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// A Debian root. Tests find it at `target/roots/NAME`, or where the variable `MAILWARD_ROOT_NAME` says (.cargo/config.toml).
#[derive(Hash)]
struct Root {
    name: &'static str,
    suite: &'static str,
    packages: &'static [&'static str],
    /// From PyPI, into a virtual environment at /opt/venv of the root.
    python: &'static [&'static str],
}

/// One row per root. For another one: a row here, a line in .cargo/config.toml, its name in `testkit::real`.
const ROOTS: &[Root] = &[
    Root {
        name: "bookworm",
        suite: "bookworm",
        packages: &[
            "knot",
            "knot-dnsutils",
            "opendkim",
            "opendkim-tools",
            "openssl",
            "postfix",
            "python3",
            "python3-venv",
            "unbound",
        ],
        python: &["dkimpy==1.1.8", "pyspf==2.0.14", "pynacl==1.6.2", "dnspython==2.9.2"],
    },
    // A newer Postfix.
    Root { name: "trixie", suite: "trixie", packages: &["postfix"], python: &[] },
];

const BUILD: &str = include_str!("../roots/build.sh");

/// Makes every root that is missing or was made from another row or script, and removes the one that it replaces.
pub(crate) fn make_all(workspace: &Path) -> Result<(), String> {
    let folder = workspace.join("target/roots");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    ROOTS.iter().try_for_each(|root| make(&folder, root).map_err(|why| format!("{}: {why}", root.name)))
}

fn make(folder: &Path, root: &Root) -> Result<(), String> {
    let said = |error: io::Error| error.to_string();
    // Two at once: the second waits and then finds the root made. The lock ends with the process.
    let lock = File::create(folder.join("lock")).map_err(said)?;
    lock.lock().map_err(said)?;

    let mut hasher = DefaultHasher::new();
    (root, BUILD).hash(&mut hasher);
    let wanted = format!("{}-{:016x}", root.name, hasher.finish());
    let link = folder.join(root.name);
    if fs::read_link(&link).is_ok_and(|target| target == Path::new(&wanted)) && folder.join(&wanted).is_dir()
    {
        return Ok(());
    }

    eprintln!("making a Debian root for tests: target/roots/{wanted}");
    let building = folder.join(format!("{}.building", root.name));
    remove(&building)?;
    build(&building, root)?;
    remove(&folder.join(&wanted))?;
    fs::rename(&building, folder.join(&wanted)).map_err(said)?;
    let old = fs::read_link(&link).ok();
    if old.is_some() {
        fs::remove_file(&link).map_err(said)?;
    }
    symlink(&wanted, &link).map_err(said)?;
    match old {
        Some(old) if old != Path::new(&wanted) => remove(&folder.join(old)),
        _ => Ok(()),
    }
}

fn build(directory: &Path, root: &Root) -> Result<(), String> {
    let mut bash = Command::new("bash");
    bash.args(["-c", BUILD, "build.sh"])
        .arg(directory)
        .arg(root.suite)
        .arg(root.packages.join(","))
        .args(root.python);
    let output = bash.output().map_err(|error| format!("bash: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

fn remove(directory: &Path) -> Result<(), String> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}
