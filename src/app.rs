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
use crate::backups::Backups;
use crate::clock::Clock;
use crate::config::BackupSettings;
use crate::http::{self, AppState, HttpSettings};
use crate::store::{OpenError, Store, StoreError, StoreOptions};
use crate::summaries::Summaries;

/// How often it is written down when tokens were last used.
const TOKEN_USE_INTERVAL: Duration = Duration::from_mins(1);

/// What a server is built from.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// Where the database is and how it is driven.
    pub store: StoreOptions,
    /// When the database is backed up, and where to.
    pub backups: BackupSettings,
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
    /// The port is open and cannot say which it is.
    #[error("the port cannot be used: {0}")]
    Port(#[source] io::Error),
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
    summaries: Summaries,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    recording: JoinHandle<()>,
    tending: JoinHandle<()>,
    backing_up: JoinHandle<()>,
}

impl App {
    /// Starts a server; it answers when this returns. The port is opened last, once the database and the tokens are there.
    pub async fn start(settings: AppSettings, clock: Clock) -> Result<Self, StartError> {
        let listen = settings.listen;
        let opened = Opened::open(settings, clock).await?;
        let listener = Self::listen(listen).await?;
        opened.serve(listener)
    }

    /// Opens a port without answering on it yet.
    pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
        TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, reason: explain(&error) })
    }

    /// Starts a server on a port that was opened before.
    pub async fn start_on(listener: TcpListener, settings: AppSettings, clock: Clock) -> Result<Self, StartError> {
        Opened::open(settings, clock).await?.serve(listener)
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it takes connections; until it is told to stop, it does.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        !self.serving.is_finished()
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
        for task in [self.serving, self.recording, self.tending, self.backing_up] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the server failed");
            }
        }
        if let Err(error) = self.access.record_uses().await {
            tracing::warn!(%error, "cannot write down when tokens were last used");
        }
        self.summaries.settle().await;
        let store = self.store;
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "the database was not closed in order");
        }
    }
}

/// A server that has its database and no port yet.
struct Opened {
    store: Store,
    access: Access,
    summaries: Summaries,
    backups: Backups,
    http: HttpSettings,
}

impl Opened {
    async fn open(settings: AppSettings, clock: Clock) -> Result<Self, StartError> {
        let AppSettings { store: options, backups, http, .. } = settings;
        let open = move || {
            let store = Store::open(&options, clock)?;
            let access = Access::open(&store)?;
            let summaries = Summaries::open(&store)?;
            let backups = Backups::open(&store, &backups)?;
            Ok(Self { store, access, summaries, backups, http })
        };
        tokio::task::spawn_blocking(open).await?
    }

    fn serve(self, listener: TcpListener) -> Result<App, StartError> {
        let Self { store, access, summaries, backups, http: settings } = self;
        let stop = CancellationToken::new();
        let (shared, stopping) = (summaries.clone(), stop.clone());
        let state = AppState::new(settings.clone(), store.clone(), access.clone(), shared, backups.clone(), stopping);
        let meters = Arc::clone(&state.meters);
        let router = http::router(state).map_err(|error| StartError::Pages(format!("{error:?}")))?;
        let address = listener.local_addr().map_err(StartError::Port)?;
        let serving = tokio::spawn({
            let (clock, stop) = (store.clock().clone(), stop.clone());
            async move { http::serve(listener, router, &settings, clock, stop, meters).await }
        });
        let recording = tokio::spawn(record_token_uses(access.clone(), stop.clone()));
        let tending = tokio::spawn(summaries.clone().tend(stop.clone()));
        let backing_up = tokio::spawn(backups.tend(stop.clone()));
        Ok(App { store, access, summaries, address, stop, serving, recording, tending, backing_up })
    }
}

async fn record_token_uses(access: Access, stop: CancellationToken) {
    while tokio::time::timeout(TOKEN_USE_INTERVAL, stop.cancelled()).await.is_err() {
        if let Err(error) = access.record_uses().await
            // Of the others the store has told.
            && error.trouble().is_none()
        {
            tracing::warn!(%error, "cannot write down when tokens were last used");
        }
    }
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
