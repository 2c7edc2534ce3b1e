//! The JSON form of what `mailward init` did.

use serde::Serialize;

use super::Done;
use super::files::Written;
use crate::command::keys::{FaultJson, KeyJson};
use crate::input::error::shown;

/// `mailward init`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct InitJson {
    /// The configuration.
    config: FileJson,
    /// The key files.
    files: Vec<FileJson>,
    /// The keys of the domains, each with the record to publish.
    keys: Vec<KeyJson>,
    /// What is wrong with the directory of keys.
    faults: Vec<FaultJson>,
    /// What the domains have of SPF and DMARC.
    records: Vec<WantedJson>,
    postfix: PostfixJson,
}

/// A file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FileJson {
    /// Where it is; bytes that are not printable ASCII are escaped.
    file: String,
    /// Whether it was written now; false if it was there already and was left as it is.
    written: bool,
}

/// A record that a domain should have.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct WantedJson {
    /// Where it stands.
    name: String,
    /// `published`, `missing`, `several` or `unknown`.
    state: &'static str,
    /// What could be published; null if nothing has to be.
    suggestion: Option<String>,
}

/// The lines for Postfix.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PostfixJson {
    /// Of main.cf.
    main_cf: Vec<String>,
    /// Of master.cf, below each service by which users hand in mail; empty if nothing is needed.
    master_cf_submission: Vec<String>,
    /// The folder of the socket, which has to be there; null over TCP.
    socket_folder: Option<String>,
}

impl From<&Written> for FileJson {
    fn from(file: &Written) -> Self {
        Self { file: shown(&file.path), written: file.is_new }
    }
}

impl InitJson {
    pub(super) fn new(done: &Done) -> Self {
        Self {
            config: (&done.config).into(),
            files: done.keys.iter().map(Into::into).collect(),
            keys: done.ring.keys.iter().map(Into::into).collect(),
            faults: done.ring.errors.iter().map(Into::into).collect(),
            records: done
                .wanted
                .iter()
                .map(|wanted| WantedJson {
                    name: wanted.name.clone(),
                    state: wanted.state.word(),
                    suggestion: wanted.suggestion().map(str::to_owned),
                })
                .collect(),
            postfix: PostfixJson {
                main_cf: done.lines.main.clone(),
                master_cf_submission: done.lines.submission.clone(),
                socket_folder: done.socket_folder.as_deref().map(shown),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InitJson;
    use crate::command::doctor::DoctorJson;

    /// Everything that the commands about an installation print with --json.
    #[derive(schemars::JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Install {
        Init(InitJson),
        Doctor(DoctorJson),
        Reload(crate::serve::control::Outcome),
    }

    /// The schema that the documentation shows is the one of the structs. `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_schema_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/install.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Install)).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema,
            "docs/install.schema.json is not up to date: run the tests with UPDATE_DOCS=1"
        );
    }
}
