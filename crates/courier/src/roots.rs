//! Whose certificates are believed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::RootsError;

/// Which authorities.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Roots {
    /// Those that the system believes.
    #[default]
    System,
    /// Those that Mozilla believed when this program was built.
    Bundled,
    /// Those in a file, as PEM.
    File(PathBuf),
}

impl Roots {
    /// Reads them. Later changes of files are not seen.
    pub fn read(&self) -> Result<Arc<RootCertStore>, RootsError> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::Bundled => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                // Systems have some that are too old to be read.
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let why =
                        found.errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
                    return Err(RootsError::None(why));
                }
            }
            Self::File(path) => roots = file(path)?,
        }
        Ok(Arc::new(roots))
    }
}

fn file(path: &Path) -> Result<RootCertStore, RootsError> {
    let shown = || mail::printable(path.to_string_lossy().as_bytes());
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut roots = RootCertStore::empty();
    let found = found.map_err(|error| RootsError::File(format!("{}: {error}", shown())))?;
    roots.add_parsable_certificates(found);
    match roots.is_empty() {
        true => Err(RootsError::Empty(shown())),
        false => Ok(roots),
    }
}
