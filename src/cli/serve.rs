//! `muster serve`: the server.

use clap::Args;

use super::server::{self, Hangup, StopSignals};
use super::{Context, Failure, ServingFlags, sign_in_link, start};
use crate::store::{RunningServer, describe_server};
use crate::telemetry;

/// Serve the API (also without any command).
///
/// Opens the data directory, or creates it, and takes connections once the database is ready. The first start
/// prints a link that signs a browser in. The server stops on Ctrl-C or SIGTERM, after the requests under way have been answered;
/// SIGHUP makes it read its TLS certificate anew, and so does `muster reload`, which says whether that succeeded.
///
/// While a command such as `muster import` has the data directory for itself, the server waits for it, and says so.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ServeArgs {
    /// Settings of the server.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster serve --data-dir /srv/muster
  muster serve --listen 0.0.0.0:8383 --public-url https://muster.example
  muster serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem
  MUSTER_LOG=json muster serve";

/// Serves until it is stopped.
pub fn run(context: &mut Context<'_>, _arguments: &ServeArgs) -> Result<(), Failure> {
    let settings = server::settings(context, "serve")?;
    let data_dir = settings.store.settings.data_dir.clone();
    let hangup = Hangup::Reload { tls: settings.server.tls.clone(), data_dir: data_dir.clone() };
    let request_timeout = settings.http.request_timeout;
    server::block_on(async {
        let mut signals = StopSignals::catch(hangup)?;
        context.manager.status("Opening the database");
        let Some(app) = start::start(context, settings, &mut signals).await? else { return Ok(()) };
        let url = server::url(context, app.address().into());
        let described = RunningServer::this_process(server::port_url(context, app.address().into()), url.clone());
        if let Err(error) = describe_server(&data_dir, &described) {
            tracing::warn!(%error, "cannot write down for commands where this server is reached");
        }
        tracing::info!(version = telemetry::LONG_VERSION, data_dir = %data_dir.display(), "serving {url}");
        let status = format!("Serving {url}");
        context.manager.ready(&status);
        let unreadable = |error| Failure::failed("the tokens cannot be read").because(error);
        if !app.store().read_internal(|tx| tx.has_credentials()).await.map_err(unreadable)? {
            let link = sign_in_link::make(app.store()).await?;
            sign_in_link::welcome(context, &link, app.address(), &data_dir);
        }
        if app.address().ip().is_loopback() {
            tracing::info!(
                "only this machine can connect; --listen 0.0.0.0:PORT lets others in, or an SSH tunnel does"
            );
        }
        tokio::select! {
            () = signals.received() => {}
            () = context.manager.watch(&app, &status, request_timeout) => {}
        }
        context.manager.stopping();
        app.stop().await;
        tracing::info!("stopped");
        Ok(())
    })
}
