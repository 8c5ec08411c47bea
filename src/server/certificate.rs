//! The server's certificate and its private key, as they are read from their files.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::config::{ServerSettings, read_small_file};
use crate::domain::time::Timestamp;

/// The files of the certificate and of its private key.
#[derive(Clone, Debug)]
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl TlsFiles {
    /// The files that the settings name, if they do; `config` lets only both of them pass.
    pub(super) fn of(settings: &ServerSettings) -> Option<Self> {
        let (certificate, key) = settings.tls_cert.clone().zip(settings.tls_key.clone())?;
        Some(Self { certificate, key })
    }
}

/// Permissions of the key's file that nobody but its owner and group should have.
const OTHERS_READ_OR_WRITE: u32 = 0o006;

/// How the PEM of an encrypted key begins.
const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// Why a certificate cannot be used: one line that names the file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{what} file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in a file cannot be used.
    #[error("{} {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as what follows its name.
        problem: String,
    },
    /// The key is another certificate's.
    #[error("the private key in {} is not that of the first certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The certificate has expired.
    #[error("the certificate in {} expired at {at}; renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// The TLS library refuses its own default settings.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// A certificate that matches its key and has not expired.
#[derive(Debug)]
pub(super) struct LoadedCertificate {
    pub(super) certified: Arc<CertifiedKey>,
    /// When it expires, where that can be read.
    pub(super) expires_at: Option<Timestamp>,
}

/// Says, as sshd does, that others can read the key: whoever has it can pretend to be this server.
fn warn_if_exposed(key: &Path) {
    let Ok(mode) = fs::metadata(key).map(|file| file.mode() & 0o7777) else { return };
    if mode & OTHERS_READ_OR_WRITE != 0 {
        let path = key.display();
        tracing::warn!(
            mode = format!("{mode:04o}"),
            "everybody on this machine can read the private key in {path}; run: chmod o-rwx {path}"
        );
    }
}

impl LoadedCertificate {
    pub(super) fn read(files: &TlsFiles, provider: &CryptoProvider, now: Timestamp) -> Result<Self, TlsError> {
        let TlsFiles { certificate: certificate_path, key: key_path } = files;
        let unusable = |path: &Path, problem: String| TlsError::Unusable { path: path.to_owned(), problem };
        let chain = certificates(certificate_path)?;
        let key = private_key(key_path)?;
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|error| unusable(key_path, format!("holds a private key that cannot be used: {error}")))?;
        let expires_at = chain.first().and_then(expires_at);
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(TlsError::Mismatch { certificate: certificate_path.clone(), key: key_path.clone() });
            }
            Err(error) => {
                return Err(unusable(certificate_path, format!("holds a certificate that cannot be used: {error}")));
            }
        }
        if let Some(at) = expires_at.filter(|at| *at <= now) {
            return Err(TlsError::Expired { path: certificate_path.clone(), at });
        }
        warn_if_exposed(key_path);
        Ok(Self { certified: Arc::new(certified), expires_at })
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    read_small_file(path).map_err(|source| TlsError::Unreadable { what, path: path.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |problem: String| TlsError::Unusable { path: path.to_owned(), problem };
    let text = read("the certificate", path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| unusable(format!("is not valid PEM: {error}")))?;
    if chain.is_empty() {
        let problem = "holds no certificate; PEM begins with -----BEGIN CERTIFICATE-----";
        return Err(unusable(problem.to_owned()));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let unusable = |problem: String| TlsError::Unusable { path: path.to_owned(), problem };
    let text = read("the private key", path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) => unusable(
            "holds a private key that is encrypted, and nobody is there to type its password; decrypt it with \
             openssl pkey"
                .to_owned(),
        ),
        pem::Error::NoItemsFound => {
            unusable("holds no private key; PEM begins with -----BEGIN PRIVATE KEY-----".to_owned())
        }
        error => unusable(format!("is not valid PEM: {error}")),
    })
}

/// The time after which clients refuse a certificate. A form that this library cannot read may still work with clients.
fn expires_at(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let parsed = Certificate::from_der(certificate).ok()?;
    let since_epoch = parsed.tbs_certificate().validity().not_after.to_unix_duration();
    i64::try_from(since_epoch.as_millis()).ok().map(Timestamp::from_millis)
}
