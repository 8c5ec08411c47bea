//! Servers on this machine for the tests: with and without TLS, and a proxy.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server that gives every request the same response and closes the connection.
pub(super) struct TestServer {
    pub(super) port: u16,
    /// The head of each request that arrived.
    heads: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    /// Over plain HTTP.
    pub(super) async fn plain(response: impl Into<Vec<u8>>) -> Self {
        Self::start(None, response.into()).await
    }

    /// Over TLS, with a certificate of this authority for these names.
    pub(super) async fn tls(authority: &Authority, names: &[&str], response: impl Into<Vec<u8>>) -> Self {
        Self::start(Some(authority.acceptor(names)), response.into()).await
    }

    async fn start(tls: Option<TlsAcceptor>, response: Vec<u8>) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let port = listen({
            let heads = Arc::clone(&heads);
            move |stream| {
                let (heads, response, tls) = (Arc::clone(&heads), response.clone(), tls.clone());
                async move {
                    match tls {
                        None => answer(stream, &heads, &response).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, &heads, &response).await;
                            }
                        }
                    }
                }
            }
        })
        .await;
        Self { port, heads }
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }
}

/// A server that accepts connections and never says anything.
pub(super) async fn silent() -> u16 {
    listen(|mut stream| async move {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await
}

/// A proxy: tunnels end at the server with the port that was asked for, whatever its name; plain requests it answers itself.
pub(super) struct TestProxy {
    pub(super) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TestProxy {
    pub(super) async fn start(status: &'static str) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let port = listen({
            let heads = Arc::clone(&heads);
            move |mut stream| {
                let heads = Arc::clone(&heads);
                async move {
                    let head = read_head(&mut stream).await;
                    let port =
                        head.strip_prefix("CONNECT ").and_then(|rest| rest.split([':', ' ']).nth(1)?.parse().ok());
                    heads.lock().push(head);
                    let _ =
                        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
                    let Some(port) = port.filter(|_: &u16| status.starts_with("200")) else { return };
                    let mut server = TcpStream::connect((LOOPBACK, port)).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                }
            }
        })
        .await;
        Self { port, heads }
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }
}

/// Serves each connection by itself, on a port of its own.
async fn listen<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind(SocketAddr::new(LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, heads: &Mutex<Vec<String>>, response: &[u8]) {
    let head = read_head(&mut stream).await;
    heads.lock().push(head);
    let _ = stream.write_all(response).await;
    let _ = stream.shutdown().await;
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A certificate authority and its file.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = Self { issuer, folder };
        std::fs::write(authority.file(), authority.issuer.pem()).unwrap();
        authority
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
