//! What commands that run a server share: its runtime, its settings, and the end by a signal.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Context, Failure};
use crate::app::{AppSettings, StartError};
use crate::config::{BasePath, PublicUrl};
use crate::http::HttpSettings;
use crate::store::{Mode, StoreOptions};

/// The settings of a server, from the configuration.
pub(super) fn settings(context: &Context<'_>, name: &str) -> AppSettings {
    let config = &context.config;
    let http = &config.http;
    AppSettings {
        store: StoreOptions {
            readers: u32::try_from(config.store.readers).unwrap_or(u32::MAX),
            write_queue_len_max: config.store.write_queue_max,
            time_limit: http.request_timeout,
            size_bytes_max: config.store.database_bytes_max.map(|bytes| bytes as u64),
            ..StoreOptions::new(&config.store.data_dir, Mode::Server, format!("`muster {name}`"))
        },
        http: HttpSettings {
            header_read_time_max: http.header_read_timeout,
            request_time_max: http.request_timeout,
            drain_time_max: http.shutdown_drain,
            body_bytes_max: http.body_bytes_max,
            connections_max: http.connections_max,
            failed_sign_ins_per_minute_max: u32::try_from(http.sign_in_failures_per_minute_max).unwrap_or(u32::MAX),
            cors_origins: http.cors_origins.clone(),
            public_origin: http.public_url.as_ref().and_then(PublicUrl::origin),
            base_path: http.base_path.clone(),
            ..HttpSettings::default()
        },
        listen: http.listen,
    }
}

/// The address at which people reach the server, its base path included, without a slash at the end.
pub(super) fn url(context: &Context<'_>, listening: SocketAddr) -> String {
    let http = &context.config.http;
    let base = http.base_path.as_ref().map_or("", BasePath::as_str);
    match &http.public_url {
        Some(url) if url.path().is_empty() => format!("{url}{base}"),
        // Its path is the base path, or what a proxy takes away.
        Some(url) => url.to_string(),
        None => format!("http://{}{base}", reachable(listening)),
    }
}

/// An address that can be typed: the wildcard means this machine to a browser on it.
pub(super) fn reachable(listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listening.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), listening.port()),
        _ => listening,
    }
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

/// The signals that stop a server, Ctrl-C and SIGTERM, caught from the moment this is made. Made before the port is open,
/// or a signal that comes as soon as the server answers would end the process out of order.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    pub(super) fn catch() -> Result<Self, Failure> {
        let no_signal = |error| Failure::failed("signals cannot be received").because(error);
        let interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
        let terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits until somebody wants the server to stop. A second signal ends the process at once.
    pub(super) async fn received(mut self) {
        let name = self.next().await;
        tracing::info!(signal = name, "stopping; again to stop at once");
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("stopped at once");
            std::process::exit(1);
        });
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::failed(error.to_string())
    }
}
