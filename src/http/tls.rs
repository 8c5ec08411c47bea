//! TLS: the certificate, which can be exchanged while the server runs, and the handshake.
//!
//! Every handshake takes the certificate that is held at that moment. A new one that cannot be used changes nothing. TLS 1.2
//! and 1.3 with the suites that rustls calls safe; HTTP/1.1 is what is spoken inside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::clock::Clock;
use crate::config::TlsFiles;
use crate::domain::time::Timestamp;

/// So long before its end a certificate is warned of: renewing is automatic at 30 days where it is automatic at all, so by
/// then it has failed for two weeks, and two more are left.
const EXPIRY_WARNING: Duration = Duration::from_hours(14 * 24);

/// How often it is looked at.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_hours(24);

/// What a TLS connection begins with: a record of the type "handshake" (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 0x16;

/// The answer to a client that speaks plain HTTP to a port that speaks TLS.
const PLAIN_REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 44\r\nConnection: close\r\n\r\nThis port speaks TLS; begin with https://.\r\n";

/// How long, and how much of, a plain request is taken in, so that its sender reads the answer and no reset.
const PLAIN_LINGER_TIME_MAX: Duration = Duration::from_secs(2);
const PLAIN_LINGER_BYTES_MAX: u64 = 64 * 1024;

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
    /// The certificate's time is over.
    #[error("the certificate in {} expired at {at}; renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// The library does not take its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// A server's TLS. Cloning it counts a reference.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: TlsFiles,
    config: Arc<ServerConfig>,
    held: Arc<Held>,
    reload_failures: AtomicU64,
    handshake_failures: AtomicU64,
}

/// The certificate that handshakes take.
#[derive(Debug)]
struct Held {
    /// Guards the reference only, which is cloned out or exchanged.
    current: RwLock<Arc<Usable>>,
    provider: Arc<CryptoProvider>,
}

/// A certificate that has its key and whose time is not over.
#[derive(Debug)]
struct Usable {
    certified: Arc<CertifiedKey>,
    /// When it expires, where that can be read.
    expires_at: Option<Timestamp>,
}

impl Tls {
    /// Reads the certificate and its key.
    pub fn open(files: TlsFiles, now: Timestamp) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let current = RwLock::new(Arc::new(Usable::read(&files, &provider, now)?));
        let held = Arc::new(Held { current, provider: Arc::clone(&provider) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&held) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (reload_failures, handshake_failures) = (AtomicU64::new(0), AtomicU64::new(0));
        let tls = Self(Arc::new(Shared { files, config: Arc::new(config), held, reload_failures, handshake_failures }));
        tls.tell(now);
        Ok(tls)
    }

    /// Reads both files anew. Handshakes from now on take what is in them; where that cannot be used, they go on with what
    /// is held.
    pub fn reload(&self, now: Timestamp) -> Result<(), TlsError> {
        match Usable::read(&self.0.files, &self.0.held.provider, now) {
            Ok(usable) => {
                *self.0.held.current.write() = Arc::new(usable);
                self.tell(now);
                Ok(())
            }
            Err(error) => {
                self.0.reload_failures.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// When the certificate expires, where that can be read.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.held.current().expires_at
    }

    /// How often a new certificate could not be used, and how often a handshake failed.
    #[must_use]
    pub fn failures(&self) -> (u64, u64) {
        (self.0.reload_failures.load(Ordering::Relaxed), self.0.handshake_failures.load(Ordering::Relaxed))
    }

    /// Warns day by day of a certificate that expires soon. Never ends.
    pub(super) async fn watch(&self, clock: &Clock) {
        loop {
            tokio::time::sleep(EXPIRY_CHECK_INTERVAL).await;
            self.warn(clock.now());
        }
    }

    /// Says in the log what is held.
    fn tell(&self, now: Timestamp) {
        let file = self.0.files.certificate.display();
        let end = self.expires_at().map(|at| format!(", which expires at {at}")).unwrap_or_default();
        tracing::info!("TLS with the certificate in {file}{end}");
        self.warn(now);
    }

    fn warn(&self, now: Timestamp) {
        let Some(at) = self.expires_at() else { return };
        let left = Duration::from_millis(u64::try_from(at.millis() - now.millis()).unwrap_or(0));
        if left < EXPIRY_WARNING {
            let (file, days) = (self.0.files.certificate.display(), left.as_secs() / (24 * 60 * 60));
            tracing::warn!(days, "the certificate in {file} expires at {at}; renew it, and send SIGHUP");
        }
    }

    /// Shakes hands with a client. `None` for one that cannot, or that speaks no TLS; it was told.
    pub(super) async fn accept<I: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: I,
        first_byte: u8,
    ) -> Option<TlsStream<I>> {
        if first_byte != HANDSHAKE {
            refuse_plain(stream, first_byte).await;
            return None;
        }
        match TlsAcceptor::from(Arc::clone(&self.0.config)).accept(stream).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                self.0.handshake_failures.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
        }
    }
}

/// The first byte that a client sends, which stays where it is; `None` if the client goes without.
pub(super) async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    let read = stream.peek(&mut first).await.ok()?;
    (read == 1).then_some(first[0])
}

/// Tells a client that speaks plain HTTP what is spoken here.
async fn refuse_plain<I: AsyncRead + AsyncWrite + Unpin>(mut stream: I, first_byte: u8) {
    // Methods are upper-case letters. Anything else would not understand the answer.
    if !first_byte.is_ascii_uppercase() || stream.write_all(PLAIN_REFUSED).await.is_err() {
        return;
    }
    let linger = async {
        let _ = stream.shutdown().await;
        let mut rest = stream.take(PLAIN_LINGER_BYTES_MAX);
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    };
    let _ = tokio::time::timeout(PLAIN_LINGER_TIME_MAX, linger).await;
}

impl Held {
    fn current(&self) -> Arc<Usable> {
        Arc::clone(&self.current.read())
    }
}

impl ResolvesServerCert for Held {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current().certified))
    }
}

impl Usable {
    fn read(files: &TlsFiles, provider: &CryptoProvider, now: Timestamp) -> Result<Self, TlsError> {
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
        Ok(Self { certified: Arc::new(certified), expires_at })
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable { what, path: path.to_owned(), source })
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

/// How the PEM of an encrypted key begins.
const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// The moment behind which clients refuse a certificate. One in a form that this library does not read may still serve.
fn expires_at(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let parsed = Certificate::from_der(certificate).ok()?;
    let since_epoch = parsed.tbs_certificate().validity().not_after.to_unix_duration();
    i64::try_from(since_epoch.as_millis()).ok().map(Timestamp::from_millis)
}
