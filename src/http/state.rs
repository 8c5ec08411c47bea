//! What every handler can reach.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::FromRef;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::assets::Asset;
use super::auth::{Authenticator, Caller};
use super::fair_shares::{FairShares, Share, Totals};
use super::meters::Meters;
use super::options::{HttpLimits, HttpOptions};
use super::readiness::Readiness;
use crate::access::Access;
use crate::backups::Backups;
use crate::clock::Clock;
use crate::config::HttpSettings;
use crate::server::{Server, TransferLimits};
use crate::store::Store;
use crate::summaries::Summaries;

/// What every handler can reach. Cloning it counts one reference: axum does so several times for each request.
#[derive(Clone)]
pub struct AppState(Arc<AppStateFields>);

/// What an [`AppState`] shares; its fields read as the state's own.
pub struct AppStateFields {
    /// Time, for timestamps of answers.
    pub clock: Clock,
    pub settings: Arc<HttpSettings>,
    /// The limits that no setting changes.
    pub limits: HttpLimits,
    /// The facts.
    pub store: Store,
    /// Who may do what.
    pub access: Access,
    /// Who is calling, and the cookie of those who sign in.
    pub(super) authenticator: Arc<Authenticator>,
    /// What the facts amount to.
    pub summaries: Summaries,
    /// What was backed up, and what is to be.
    pub backups: Backups,
    /// Cancelled when the server begins to shut down.
    pub stop: CancellationToken,
    /// The server that serves it, with the counts of its connections.
    pub server: Server,
    /// Whether browsers reach the server by TLS: its own, or a proxy's.
    pub(super) is_https: bool,
    /// What the HTTP layer counts of itself.
    pub meters: Arc<Meters>,
    /// Whether the database answers.
    pub(super) readiness: Readiness,
    /// When the server started.
    pub(super) started: Instant,
    /// What each caller may have of what callers compete for.
    pub(super) shares: FairShares,
    /// A place for each event stream that may be open at once.
    pub(super) event_streams: Arc<Semaphore>,
    /// A place for each import or export that may run at once.
    pub(super) transfers: Arc<Semaphore>,
    /// The OpenAPI document, which exists once all routes do.
    pub(super) document: Arc<OnceLock<Asset>>,
}

impl AppState {
    /// The state of a server on this store.
    #[must_use]
    pub fn new(
        options: HttpOptions,
        server: Server,
        store: Store,
        access: Access,
        summaries: Summaries,
        backups: Backups,
        stop: CancellationToken,
    ) -> Self {
        let HttpOptions { settings, limits } = options;
        let is_https = server.tls.is_some() || settings.public_origin().is_some_and(|origin| origin.is_https());
        let clock = store.clock().clone();
        let figures = store.figures();
        let totals = Totals {
            reads: store.readers(),
            reads_waiting: figures.reads_waiting_max,
            writes_waiting: figures.jobs_waiting_max,
        };
        Self(Arc::new(AppStateFields {
            authenticator: Arc::new(Authenticator::new(access.clone(), &settings, is_https, clock.clone())),
            clock,
            server,
            is_https,
            meters: Arc::new(Meters::new(store.clock().now())),
            started: store.clock().instant(),
            readiness: Readiness::default(),
            event_streams: Arc::new(Semaphore::new(limits.event_streams_max)),
            transfers: Arc::new(Semaphore::new(limits.transfers_max)),
            shares: FairShares::new(&settings, limits, totals, store.clock().clone()),
            settings: Arc::new(settings),
            limits,
            store,
            access,
            summaries,
            backups,
            stop,
            document: Arc::default(),
        }))
    }
}

impl AppStateFields {
    /// What a caller may have of what callers compete for.
    pub(super) fn share_of(&self, caller: &Caller) -> Share {
        self.shares.of(Some(Arc::clone(caller.shared_token())), caller.address())
    }
}

impl Deref for AppState {
    type Target = AppStateFields;

    fn deref(&self) -> &AppStateFields {
        &self.0
    }
}

impl FromRef<AppState> for Clock {
    fn from_ref(state: &AppState) -> Self {
        state.clock.clone()
    }
}

impl FromRef<AppState> for TransferLimits {
    fn from_ref(state: &AppState) -> Self {
        state.server.transfer_limits
    }
}

impl FromRef<AppState> for Arc<HttpSettings> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.settings)
    }
}
