//! What commands that run a server share: its runtime, its settings, and the end by a signal.

use std::future::Future;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Context, Failure, file_limit, memory_limit};
use crate::app::{AppSettings, StartError};
use crate::backups::machine::{MachineFiles, UnitPlace};
use crate::clock::Clock;
use crate::config::{BasePath, ListenAddress, Origin, ReportLine, ServerSettings};
use crate::server::{Server, Tls};
use crate::store::{Mode, RunningServer, StoreOptions, described_server, note_reload};
use crate::telemetry;

/// The settings that say how a server is reached.
const LOCATING: [&str; 4] = ["listen", "public-url", "base-path", "tls-cert"];

/// The settings of a server, from the configuration, and its connections as far as the system allows them; reads the
/// certificate.
pub(super) fn settings(context: &Context<'_>, name: &str) -> Result<AppSettings, Failure> {
    let config = &context.config;
    let http = &config.http;
    memory_limit::check_memory(true)?;
    let connections_max = file_limit::connections_max(config.server.connections_max, config.store.readers)?;
    let settings = ServerSettings { connections_max, ..config.server.clone() };
    let server = Server::new(settings, Clock::system().now());
    let server = server.map_err(|error| Failure::failed("TLS cannot be set up").because(error))?;
    if !server.settings.trusted_proxy.is_empty() && http.public_url.is_none() && server.tls.is_none() {
        tracing::warn!(
            "trusted-proxy is set and public-url is not: session cookies are not marked Secure; where the proxy speaks TLS, \
             set public-url to the https:// address of the proxy"
        );
    }
    Ok(AppSettings {
        store: StoreOptions {
            settings: config.store.clone(),
            mode: Mode::Server,
            holder: format!("`muster {name}`"),
            create: true,
            time_max: http.request_timeout,
        },
        backups: config.backups.clone(),
        machine: Some(MachineFiles {
            settings: config.kept_settings(true),
            unit: context.manager.is_there().then(UnitPlace::of_this_process),
            certificates: config.backups.backup_certificates,
        }),
        http: http.clone(),
        server,
    })
}

/// The address at which people reach the server, its base path included, without a slash at the end.
pub(super) fn url(context: &Context<'_>, listening: ListenAddress) -> String {
    let http = &context.config.http;
    let base = http.base_path.as_ref().map_or("", BasePath::as_str);
    match &http.public_url {
        Some(url) if url.path().is_empty() => format!("{url}{base}"),
        // Its path is the base path, or what a proxy takes away.
        Some(url) => url.to_string(),
        None => format!("{}{base}", port_url(context, listening)),
    }
}

/// The address of the server's port for programs on this machine.
pub(super) fn port_url(context: &Context<'_>, listening: ListenAddress) -> String {
    let scheme = if context.config.server.has_tls() { "https" } else { "http" };
    format!("{scheme}://{}", listening.reachable())
}

/// The server of the data directory as it describes itself; none where the command line says how a server is reached.
pub(super) fn described(context: &Context<'_>) -> Option<RunningServer> {
    let by_flag = |line: &ReportLine| LOCATING.contains(&line.key) && matches!(line.origin, Origin::Flag(_));
    if context.config.report().iter().any(by_flag) {
        return None;
    }
    described_server(&context.config.store.data_dir)
}

/// Runs a server's work on a runtime of its own.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("muster-worker")
        .build()
        .map_err(|error| Failure::failed("the server cannot be started").because(error))?;
    runtime.block_on(work)
}

/// What SIGHUP means to a server.
pub(super) enum Hangup {
    /// The terminal has gone, and with it whoever looked at the server.
    Stop,
    /// The certificate is to be read anew, where there is one, and `muster reload` to be told how that went.
    Reload { tls: Option<Tls>, data_dir: PathBuf },
}

/// The signals that a server takes, caught from the moment this is made: Ctrl-C and SIGTERM stop it, and SIGHUP does what
/// `hangup` says. Made before the port is open, or a signal that comes as soon as the server answers would end the process
/// out of order.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    gone: Signal,
    hangup: Hangup,
}

impl StopSignals {
    pub(super) fn catch(hangup: Hangup) -> Result<Self, Failure> {
        let no_signal = |error| Failure::failed("signals cannot be received").because(error);
        let interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
        let terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
        let gone = signal(SignalKind::hangup()).map_err(no_signal)?;
        Ok(Self { interrupt, terminate, gone, hangup })
    }

    /// Waits until somebody wants the server to stop. A second signal ends the process at once.
    pub(super) async fn received(mut self) {
        let name = self.next().await;
        tracing::info!(signal = name, "stopping; again to stop at once");
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("stopped at once");
            telemetry::flush();
            std::process::exit(1);
        });
    }

    /// The next signal that stops the server; obeys the others. May be dropped and called again.
    pub(super) async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.gone.recv() => match &self.hangup {
                    Hangup::Stop => return "SIGHUP",
                    Hangup::Reload { tls, data_dir } => {
                        let (tls, data_dir) = (tls.clone(), data_dir.clone());
                        // It reads files, which may take a while.
                        let _ = tokio::task::spawn_blocking(move || reload(tls.as_ref(), &data_dir)).await;
                    }
                },
            }
        }
    }
}

fn reload(tls: Option<&Tls>, data_dir: &Path) {
    let outcome = tls.map_or(Ok(()), |tls| tls.reload(Clock::system().now()).map_err(|error| error.to_string()));
    match &outcome {
        Ok(()) if tls.is_some() => tracing::info!("SIGHUP: new connections get the certificate that was just read"),
        Ok(()) => tracing::info!("SIGHUP: there is no certificate to read anew; settings are read at the start only"),
        Err(reason) => tracing::error!("SIGHUP: the old certificate stays in use: {reason}"),
    }
    if let Err(error) = note_reload(data_dir, outcome) {
        tracing::warn!(%error, "cannot tell `muster reload` how that went");
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::failed(error.to_string())
    }
}
