//! TLS: the handshake, and the certificate, which can be replaced while the server runs.
//!
//! Every handshake uses the certificate that is current at that moment; a new one that cannot be used changes nothing.
//! TLS 1.2 and 1.3 with the suites that rustls calls safe; ALPN offers HTTP/1.1 only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{LoadedCertificate, TlsError, TlsFiles};
use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// How long before its expiry a certificate is warned of: automatic renewal happens at 30 days, so by then it has
/// failed for two weeks, and two more are left.
const EXPIRY_WARNING_TIME: Duration = Duration::from_hours(14 * 24);

/// How often the expiry is checked.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_hours(24);

/// The first byte of a TLS connection: a record of the type "handshake" (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 0x16;

/// The response to a client that speaks plain HTTP to a port that speaks TLS.
const PLAIN_REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 44\r\nConnection: close\r\n\r\nThis port speaks TLS; begin with https://.\r\n";

/// How long, and how much of, a plain request is read, so that its sender sees the response and no reset.
const PLAIN_DRAIN_TIME_MAX: Duration = Duration::from_secs(2);
const PLAIN_DRAIN_BYTES_MAX: u64 = 64 * 1024;

/// The TLS side of a server. Cloning it counts a reference.
#[derive(Clone, Debug)]
pub struct Tls(Arc<TlsState>);

#[derive(Debug)]
struct TlsState {
    files: TlsFiles,
    config: Arc<ServerConfig>,
    certificate: Arc<CurrentCertificate>,
    reload_failures: AtomicU64,
    handshake_failures: AtomicU64,
}

/// The certificate that handshakes use.
#[derive(Debug)]
struct CurrentCertificate {
    /// Guards the reference only, which is cloned or replaced.
    loaded: RwLock<Arc<LoadedCertificate>>,
    provider: Arc<CryptoProvider>,
}

impl Tls {
    /// Reads the certificate and its key.
    pub(super) fn open(files: TlsFiles, now: Timestamp) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let loaded = RwLock::new(Arc::new(LoadedCertificate::read(&files, &provider, now)?));
        let certificate = Arc::new(CurrentCertificate { loaded, provider: Arc::clone(&provider) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (reload_failures, handshake_failures) = (AtomicU64::new(0), AtomicU64::new(0));
        let config = Arc::new(config);
        let tls = Self(Arc::new(TlsState { files, config, certificate, reload_failures, handshake_failures }));
        tls.log_certificate(now);
        Ok(tls)
    }

    /// Reads both files again. Handshakes from now on use what is in them; where that cannot be used, they go on with
    /// the current certificate.
    pub fn reload(&self, now: Timestamp) -> Result<(), TlsError> {
        match LoadedCertificate::read(&self.0.files, &self.0.certificate.provider, now) {
            Ok(loaded) => {
                *self.0.certificate.loaded.write() = Arc::new(loaded);
                self.log_certificate(now);
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
        self.0.certificate.loaded().expires_at
    }

    /// How often a new certificate could not be used, and how often a handshake failed.
    #[must_use]
    pub fn failures(&self) -> (u64, u64) {
        (self.0.reload_failures.load(Ordering::Relaxed), self.0.handshake_failures.load(Ordering::Relaxed))
    }

    /// Warns once a day of a certificate that expires soon. Never ends.
    pub(super) async fn watch(&self, clock: &Clock) {
        loop {
            tokio::time::sleep(EXPIRY_CHECK_INTERVAL).await;
            self.warn_of_expiry(clock.now());
        }
    }

    /// Logs which certificate is in use.
    fn log_certificate(&self, now: Timestamp) {
        let file = self.0.files.certificate.display();
        let end = self.expires_at().map(|at| format!(", which expires at {at}")).unwrap_or_default();
        tracing::info!("TLS with the certificate in {file}{end}");
        self.warn_of_expiry(now);
    }

    fn warn_of_expiry(&self, now: Timestamp) {
        let Some(at) = self.expires_at() else { return };
        let left = Duration::from_millis(u64::try_from(at.millis() - now.millis()).unwrap_or(0));
        if left < EXPIRY_WARNING_TIME {
            let (file, days) = (self.0.files.certificate.display(), left.as_secs() / (24 * 60 * 60));
            tracing::warn!(days, "the certificate in {file} expires at {at}; renew it, and send SIGHUP");
        }
    }

    /// Performs the handshake with a client. `None` where that fails or the client does not speak TLS; it has its
    /// response then.
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

/// The first byte that a client sends, which stays in the socket; `None` if the client disconnects before.
pub(super) async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    let read = stream.peek(&mut first).await.ok()?;
    (read == 1).then_some(first[0])
}

/// Answers a client that speaks plain HTTP.
async fn refuse_plain<I: AsyncRead + AsyncWrite + Unpin>(mut stream: I, first_byte: u8) {
    // Methods are upper-case letters. Any other client would not understand the response.
    if !first_byte.is_ascii_uppercase() || stream.write_all(PLAIN_REFUSED).await.is_err() {
        return;
    }
    let drain = async {
        let _ = stream.shutdown().await;
        let mut rest = stream.take(PLAIN_DRAIN_BYTES_MAX);
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    };
    let _ = tokio::time::timeout(PLAIN_DRAIN_TIME_MAX, drain).await;
}

impl CurrentCertificate {
    fn loaded(&self) -> Arc<LoadedCertificate> {
        Arc::clone(&self.loaded.read())
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.loaded().certified))
    }
}
