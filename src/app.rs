//! The composition root: builds everything, starts it, and stops it in order.
//!
//! Started in this order: the database is opened (created, migrated), tokens are loaded, the port is opened. Stopped in the
//! reverse: no new connections, running requests finish or are cut, what memory alone knows is written down, the database
//! closes last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::clock::Clock;
use crate::http::{self, ApiError, AppState, HttpSettings};
use crate::store::{OpenError, Store, StoreError, StoreOptions};
use crate::summaries::Summaries;

/// How often it is written down when tokens were last used.
const TOKEN_USE_INTERVAL: Duration = Duration::from_mins(1);

/// What a server is built from.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// Where the database is and how it is driven.
    pub store: StoreOptions,
    /// The limits of the HTTP layer.
    pub http: HttpSettings,
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database could not be read.
    #[error("the database cannot be read: {0}")]
    Store(#[from] StoreError),
    /// The port could not be opened.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The binary itself is broken.
    #[error("the pages of this binary are damaged: {0}")]
    Pages(String),
    /// A task of the server ended in a way that it must not.
    #[error("starting was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// A running server.
pub struct App {
    store: Store,
    access: Access,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    recording: JoinHandle<()>,
}

impl App {
    /// Starts a server; it answers when this returns.
    pub async fn start(settings: AppSettings, clock: Clock) -> Result<Self, StartError> {
        let AppSettings { store: options, http: settings, listen } = settings;
        let (store, access) = tokio::task::spawn_blocking(move || {
            let store = Store::open(&options, clock)?;
            let access = Access::open(&store)?;
            Ok::<_, StartError>((store, access))
        })
        .await??;
        Self::serve(store, access, settings, listen).await
    }

    /// Starts a server on a database that is open already.
    pub async fn serve(
        store: Store,
        access: Access,
        settings: HttpSettings,
        listen: SocketAddr,
    ) -> Result<Self, StartError> {
        let stop = CancellationToken::new();
        let summaries = Summaries::new(store.clone());
        let state = AppState::new(settings.clone(), store.clone(), access.clone(), summaries, stop.clone());
        let router = http::app(state, Arc::new(access.clone())).map_err(|error| broken_pages(&error))?;
        let listen_error = |error: io::Error| StartError::Listen { address: listen, reason: explain(&error) };
        let listener = TcpListener::bind(listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move { http::serve(listener, router, &settings, stop).await }
        });
        let recording = tokio::spawn(record_token_uses(access.clone(), stop.clone()));
        Ok(Self { store, access, address, stop, serving, recording })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The tokens.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Stops in order; returns when everything that was accepted is done and the database is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in [self.serving, self.recording] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the server failed");
            }
        }
        if let Err(error) = self.access.record_uses().await {
            tracing::warn!(%error, "cannot write down when tokens were last used");
        }
        let store = self.store;
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "the database was not closed in order");
        }
    }
}

async fn record_token_uses(access: Access, stop: CancellationToken) {
    while tokio::time::timeout(TOKEN_USE_INTERVAL, stop.cancelled()).await.is_err() {
        if let Err(error) = access.record_uses().await {
            tracing::warn!(%error, "cannot write down when tokens were last used");
        }
    }
}

fn broken_pages(error: &ApiError) -> StartError {
    StartError::Pages(format!("{error:?}"))
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another port with --listen".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose one of its own, or 0.0.0.0 for all, with --listen".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; ports below 1024 need a privilege, choose another with --listen".to_owned()
        }
        _ => error.to_string(),
    }
}
