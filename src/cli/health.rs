//! `muster health`: whether a server is ready, for containers and scripts that have no other client.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::rt::{Read, Write};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Context, Failure, ServingFlags, server};
use crate::config::ListenAddress;
use crate::server::tls_probe;

/// How long the server may take to answer. Its own probe gives up after two seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// Largest answer that is read, in bytes: a problem document is a tenth of it.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Ask a server whether it is ready; exit code 0 says yes, 1 no, and why.
///
/// Asks `/readyz`: the database is open and takes writes. Without a URL it asks the server of the data directory, which
/// has written down where it listens; where none has, at the address of `listen`, with TLS where that is set. The
/// certificate is not checked: nothing secret is sent.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct HealthArgs {
    /// Address of the server, such as <http://127.0.0.1:8383>
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// Ask only whether the server answers at all (`/healthz`), for whoever starts it again if not: on a full disk that helps
    /// nobody
    #[arg(long)]
    pub alive: bool,

    /// Settings of the server.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster health
  muster health --alive
  muster health https://muster.example
  muster health --listen 127.0.0.1:9000";

/// Asks, and says what is answered.
pub fn run(context: &mut Context<'_>, arguments: &HealthArgs) -> Result<(), Failure> {
    let serving = &context.config.server;
    let own = || match server::described(context) {
        Some(server) => server.listening,
        None => server::port_url(context, serving.listen),
    };
    let url = arguments.url.as_ref().map_or_else(own, |url| url.trim_end_matches('/').to_owned());
    let (probe, state) = if arguments.alive { ("/healthz", "alive") } else { ("/readyz", "ready") };
    let server = Server::parse(&url, probe).ok_or_else(|| {
        Failure::usage(format!("{url} is no address of a server; it must be such as http://127.0.0.1:8383"))
    })?;
    // A container may have no file that tells what `localhost` is.
    let addresses = match serving.listen.reachable() {
        listen @ ListenAddress::Localhost { .. } if arguments.url.is_none() => listen.candidates(),
        _ => Vec::new(),
    };
    let server = Server { addresses, ..server };
    let (status, answer) = server::block_on(ask(server))?;
    if status == 200 {
        // The exit code says so, too, whether anybody reads this or not.
        let _ = context.print(&format!("{url} is {state}"));
        return Ok(());
    }
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
    let detail = answer.get("detail").and_then(|detail| detail.as_str()).map(|detail| format!(": {detail}"));
    Err(Failure::failed(format!("{url} is not {state}, it answers {status}{}", detail.unwrap_or_default())))
}

/// Where a server is asked.
struct Server {
    with_tls: bool,
    host: String,
    port: u16,
    /// Where that is, where it needs no resolver.
    addresses: Vec<SocketAddr>,
    authority: String,
    path: String,
}

impl Server {
    fn parse(url: &str, probe: &str) -> Option<Self> {
        let uri: Uri = format!("{url}{probe}").parse().ok()?;
        let with_tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let port = uri.port_u16().unwrap_or(if with_tls { 443 } else { 80 });
        let authority = uri.authority()?.to_string();
        let (host, path) = (uri.host()?.to_owned(), uri.path().to_owned());
        Some(Self { with_tls, host, port, addresses: Vec::new(), authority, path })
    }
}

async fn ask(server: Server) -> Result<(u16, Bytes), Failure> {
    let answered = async {
        let stream = if server.addresses.is_empty() {
            TcpStream::connect(format!("{}:{}", server.host, server.port)).await?
        } else {
            TcpStream::connect(server.addresses.as_slice()).await?
        };
        let answer = if server.with_tls {
            send(TokioIo::new(tls_probe::connect(stream, &server.host).await?), &server).await?
        } else {
            send(TokioIo::new(stream), &server).await?
        };
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await?;
        Ok::<_, Box<dyn Error + Send + Sync>>((status, body.to_bytes()))
    };
    match tokio::time::timeout(ANSWER_TIME_MAX, answered).await {
        Ok(answered) => {
            answered.map_err(|error| Failure::failed("the server does not answer; is it running?").because(error))
        }
        Err(_) => Err(Failure::failed(format!("the server did not answer within {} s", ANSWER_TIME_MAX.as_secs()))),
    }
}

async fn send<S: Read + Write + Unpin + Send + 'static>(
    stream: S,
    server: &Server,
) -> Result<Response<Incoming>, Box<dyn Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(stream).await?;
    // It ends with the answer; an error on the way is returned to the caller that waits for that.
    tokio::spawn(connection);
    let request = Request::get(&server.path).header(HOST, &server.authority).body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?)
}
