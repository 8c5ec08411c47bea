//! The composition root: builds all parts, starts them, and stops them in order.
//!
//! Start: the database is opened (created, migrated), tokens are loaded, the port is opened. Stop, in reverse: no new
//! connections, running requests finish or are cut off, pending state in memory is written, the database closes last.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::backups::Backups;
use crate::backups::machine::MachineFiles;
use crate::clock::Clock;
use crate::config::{BackupSettings, HttpSettings, ListenAddress};
use crate::http::{self, AppState, HttpLimits, HttpOptions, RouterHandler};
use crate::server::{self, Server};
use crate::store::{OpenError, Store, StoreError, StoreOptions};
use crate::summaries::Summaries;

/// How often the last use of tokens and sessions is written to the database.
const TOKEN_USE_INTERVAL: Duration = Duration::from_mins(1);

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// The location and the limits of the database.
    pub store: StoreOptions,
    /// The schedule and the folder of backups.
    pub backups: BackupSettings,
    /// The files of the machine that its backups keep.
    pub machine: Option<MachineFiles>,
    /// How it is reached, and the limits of requests.
    pub http: HttpSettings,
    /// Where it listens, its certificate, and the limits of its connections.
    pub server: Server,
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
        address: ListenAddress,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The address of the open port cannot be read.
    #[error("the port cannot be used: {0}")]
    Port(#[source] io::Error),
    /// The pages embedded in the binary are invalid.
    #[error("the pages of this binary are damaged: {0}")]
    Pages(String),
    /// A task panicked or was cancelled while the server started.
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
    /// Starts a server; it serves requests when this returns. The port is opened last, after the database and the tokens.
    pub async fn start(settings: AppSettings, clock: Clock) -> Result<Self, StartError> {
        let listen = settings.server.settings.listen;
        let opened = Opened::open(settings, clock).await?;
        let listener = Self::listen(listen).await?;
        opened.serve(listener)
    }

    /// Opens a port without serving it yet.
    pub async fn listen(address: ListenAddress) -> Result<TcpListener, StartError> {
        let refused = |error| StartError::Listen { address, reason: explain_listen(&error) };
        server::listen(address).await.map_err(refused)
    }

    /// Starts a server on an open port.
    pub async fn start_on(listener: TcpListener, settings: AppSettings, clock: Clock) -> Result<Self, StartError> {
        Opened::open(settings, clock).await?.serve(listener)
    }

    /// The address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it accepts connections, which it does until it is stopped.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        !self.serving.is_finished()
    }

    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Stops in order; returns when all accepted requests have ended and the database is closed.
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
        self.summaries.flush().await;
        let store = self.store;
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "the database was not closed in order");
        }
    }
}

/// A server with an open database that does not listen yet.
struct Opened {
    store: Store,
    access: Access,
    summaries: Summaries,
    backups: Backups,
    http: HttpSettings,
    server: Server,
}

impl Opened {
    async fn open(settings: AppSettings, clock: Clock) -> Result<Self, StartError> {
        let AppSettings { store: options, backups, machine, http, server } = settings;
        let open = move || {
            let store = Store::open(&options, clock)?;
            let access = Access::open(&store)?;
            let summaries = Summaries::open(&store)?;
            let backups = Backups::open_observed(&store, &backups, machine, None)?;
            Ok(Self { store, access, summaries, backups, http, server })
        };
        tokio::task::spawn_blocking(open).await?
    }

    fn serve(self, listener: TcpListener) -> Result<App, StartError> {
        let Self { store, access, summaries, backups, http, server } = self;
        let stop = CancellationToken::new();
        let (shared, stopping) = (summaries.clone(), stop.clone());
        let options = HttpOptions { settings: http, limits: HttpLimits::default() };
        let state =
            AppState::new(options, server.clone(), store.clone(), access.clone(), shared, backups.clone(), stopping);
        let router = http::router(state).map_err(|error| StartError::Pages(format!("{error:?}")))?;
        let address = listener.local_addr().map_err(StartError::Port)?;
        let serving = tokio::spawn({
            let (clock, stop) = (store.clock().clone(), stop.clone());
            async move { server.serve(listener, RouterHandler(router), clock, stop).await }
        });
        let recording = tokio::spawn(record_token_uses(access.clone(), stop.clone()));
        let tending = tokio::spawn(summaries.clone().maintain(stop.clone()));
        let backing_up = tokio::spawn(backups.tend(stop.clone()));
        Ok(App { store, access, summaries, address, stop, serving, recording, tending, backing_up })
    }
}

async fn record_token_uses(access: Access, stop: CancellationToken) {
    while tokio::time::timeout(TOKEN_USE_INTERVAL, stop.cancelled()).await.is_err() {
        if let Err(error) = access.record_uses().await
            // The store has logged the others.
            && error.trouble().is_none()
        {
            tracing::warn!(%error, "cannot write down when tokens were last used");
        }
    }
}

/// Why a port cannot be opened, and what to do.
pub(crate) fn explain_listen(error: &io::Error) -> String {
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
