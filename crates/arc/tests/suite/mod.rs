//! The suite's files and their exceptions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use dns::{Data, Name, Zone};
use serde::Deserialize;
use yaml_rust2::{Yaml, YamlLoader};

/// Tests that share keys.
pub(crate) struct Scenario {
    pub(crate) zone: Zone,
    pub(crate) tests: Vec<Test>,
    yaml: Yaml,
}

/// One test.
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) message: Vec<u8>,
    yaml: Yaml,
}

impl Scenario {
    fn read(yaml: Yaml) -> Self {
        let mut zone = Zone::new();
        for (name, text) in yaml["txt-records"].as_hash().into_iter().flatten() {
            // The signing tests' records have line ends in them, which are the file's own.
            let text = scalar(text).replace('\n', "");
            zone.add(Name::from_dotted(name.as_str().unwrap()).unwrap(), 300, Data::txt(text));
        }
        let tests = yaml["tests"].as_hash().unwrap().iter().map(|(name, test)| Test {
            name: scalar(name),
            message: scalar(&test["message"]).replace('\n', "\r\n").into_bytes(),
            yaml: test.clone(),
        });
        Self { zone, tests: tests.collect(), yaml: yaml.clone() }
    }

    pub(crate) fn text(&self, key: &str) -> String {
        scalar(&self.yaml[key])
    }
}

impl Test {
    /// A value of the test, as text.
    pub(crate) fn text(&self, key: &str) -> String {
        scalar(&self.yaml[key])
    }
}

fn scalar(yaml: &Yaml) -> String {
    match yaml {
        Yaml::String(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        // YAML reads the unquoted word so.
        Yaml::Null => String::new(),
        other => panic!("{other:?} is no text"),
    }
}

/// The scenarios of a file; `None`, loudly, where the suite is not there.
pub(crate) fn load(file: &str) -> Option<Vec<Scenario>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("MAILWARD_SUITES").map_or_else(default, PathBuf::from);
    let path = folder.join("arc-valimail/tests").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let documents = YamlLoader::load_from_str(&with_names_of_their_own(&text)).unwrap();
            Some(documents.into_iter().filter(|yaml| !yaml.is_null()).map(Scenario::read).collect())
        }
        Err(error) => {
            eprintln!("THE SUITE {file} DID NOT RUN: {}: {error}", path.display());
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the suite has to run here");
            None
        }
    }
}

/// The suite has four tests twice in one mapping, which YAML does not allow; the second one gets another name.
fn with_names_of_their_own(text: &str) -> String {
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("---") {
            seen.clear();
        }
        let is_name = line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':');
        let line = match is_name && !seen.insert(line) {
            true => line.replace(':', "_again:"),
            false => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    result: String,
    reason: String,
}

/// Tests whose result is another one here.
pub(crate) struct Exceptions(BTreeMap<String, Exception>);

impl Exceptions {
    pub(crate) fn load(file: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/exceptions").join(file);
        let exceptions: BTreeMap<String, Exception> =
            toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(exceptions.values().all(|exception| !exception.reason.is_empty()));
        Self(exceptions)
    }

    /// What is wrong with a result.
    pub(crate) fn hold(&mut self, name: &str, result: &str, expected: &str) -> Option<String> {
        match self.0.remove(name) {
            None => (result != expected).then(|| format!("{name}: {result}, not {expected}")),
            Some(_) if result == expected => Some(format!("{name}: no exception is needed any more")),
            Some(exception) => {
                (result != exception.result).then(|| format!("{name}: {result}, not {}", exception.result))
            }
        }
    }

    /// Those that no test has.
    pub(crate) fn unused(&self) -> impl Iterator<Item = String> {
        self.0.keys().map(|name| format!("{name}: there is no such test"))
    }
}
