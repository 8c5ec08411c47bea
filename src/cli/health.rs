//! `muster health`: whether a server is ready, for containers and scripts that have no other client.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::{Context, Failure, ServingFlags, server};

/// How long the server may take to answer. Its own probe gives up after two seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// Largest answer that is read, in bytes: a problem document is a tenth of it.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Ask a server whether it is ready; exit code 0 says yes, 1 no, and why.
///
/// Asks `/readyz`: the database is open and takes writes. Without a URL it asks the server on this machine, at the port of
/// `listen`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct HealthArgs {
    /// Address of the server, such as <http://127.0.0.1:8383>
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// Settings of the server.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster health
  muster health http://10.0.0.7:8383
  muster health --listen 127.0.0.1:9000";

/// Asks, and says what is answered.
pub fn run(context: &mut Context<'_>, arguments: &HealthArgs) -> Result<(), Failure> {
    let url = match &arguments.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", server::reachable(context.config.http.listen)),
    };
    let uri: Uri = format!("{url}/readyz").parse().map_err(|_| not_an_address(&url))?;
    if uri.scheme_str() != Some("http") || uri.host().is_none() {
        return Err(not_an_address(&url));
    }
    let (status, answer) = server::block_on(ask(uri))?;
    if status == 200 {
        return context.print(&format!("{url} is ready"));
    }
    let detail = serde_json::from_slice::<serde_json::Value>(&answer).ok().and_then(|body| {
        let detail = body.get("detail")?.as_str()?;
        Some(detail.to_owned())
    });
    Err(Failure::failed(format!("{url} is not ready, it answers {status}: {}", detail.unwrap_or_default())))
}

fn not_an_address(url: &str) -> Failure {
    Failure::usage(format!("{url} is no address of a server; it must be such as http://127.0.0.1:8383"))
}

async fn ask(uri: Uri) -> Result<(u16, Bytes), Failure> {
    let unreachable = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::failed("the server does not answer; is it running?").because(error)
    };
    let request = Request::get(uri).body(Full::<Bytes>::default()).map_err(|error| unreachable(error.into()))?;
    let answered = async {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await?;
        Ok((status, body.to_bytes()))
    };
    match tokio::time::timeout(ANSWER_TIME_MAX, answered).await {
        Ok(answered) => answered.map_err(unreachable),
        Err(_) => Err(Failure::failed(format!("the server did not answer within {} s", ANSWER_TIME_MAX.as_secs()))),
    }
}
