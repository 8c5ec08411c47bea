//! Which scopes drew, told in the order of their revisions.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{EventName, LiveEvent, ResetReason, ScopeTold, Shared};
use crate::domain::directory::Scope;
use crate::store::{ReadTx, StoreError};

/// Scopes that one publication names; it counts all of them. A client that shows more than this loads anew.
pub const SCOPES_TOLD_MAX: usize = 100;

/// Scopes that are read at once. A publication of more becomes several, so that an import of any size takes little memory.
const SCOPES_READ_MAX: u32 = 1_000;

/// Pause between two readings. It makes one publication of what a busy second writes, instead of hundreds, and is too short
/// for people to see.
const READ_PAUSE: Duration = Duration::from_millis(25);

/// After so long it is tried again when a reading failed, or met a revision of another process that the cache has not
/// heard of yet; the watcher tells of those sooner.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Changes, as they are told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicationTold {
    revision: i64,
    scope_count: u64,
    scopes: Vec<ScopeTold>,
}

fn publication(revision: i64, scope_count: u64, scopes: &[(Scope, i64)]) -> Arc<LiveEvent> {
    let scopes = scopes.iter().take(SCOPES_TOLD_MAX).map(ScopeTold::from).collect();
    let told = PublicationTold { revision, scope_count, scopes };
    LiveEvent::new(EventName::Publication, Some(revision), &told)
}

/// What was told between two positions, as one publication; `None` when nothing was.
pub(super) fn scopes_told(tx: &ReadTx<'_>, after: i64, up_to: i64) -> Result<Option<Arc<LiveEvent>>, StoreError> {
    let limit = u32::try_from(SCOPES_TOLD_MAX).unwrap_or(u32::MAX);
    let scopes = tx.scopes_drawn(after, up_to, limit)?;
    if scopes.is_empty() {
        return Ok(None);
    }
    Ok(Some(publication(up_to, tx.scopes_drawn_count(after, up_to)?, &scopes)))
}

/// Reads what drew, and tells it.
pub(super) struct Teller {
    epoch: String,
    /// Everything up to here has been told, and the cache has heard of it.
    revision: i64,
    /// Whether the last reading failed.
    failed: bool,
}

/// What one reading found.
struct Reading {
    epoch: String,
    counter: i64,
    scopes: Vec<(Scope, i64)>,
}

/// How far a reading got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// There is nothing more.
    Whole,
    /// There is more to read.
    Partly,
    /// There is more, and it cannot be told yet.
    HeldUp,
}

impl Teller {
    /// Begins after this revision.
    pub(super) fn new(epoch: String, revision: i64) -> Self {
        Self { epoch, revision, failed: false }
    }

    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    /// Passes over what drew while nobody listened.
    pub(super) async fn catch_up(&mut self, shared: &Shared) {
        while self.step(shared, &mut |_| {}).await == Progress::Partly {}
    }

    /// Tells for ever.
    pub(super) async fn tell(&mut self, shared: &Shared) {
        loop {
            let progress = self
                .step(shared, &mut |event| {
                    // First the position, so that whoever joins in between is not told less than it believes.
                    shared.position.send_replace(event.revision);
                    shared.send(event);
                })
                .await;
            match progress {
                Progress::Partly => continue,
                Progress::Whole => shared.drawn.notified().await,
                Progress::HeldUp => {
                    let _ = tokio::time::timeout(TRY_AGAIN, shared.drawn.notified()).await;
                }
            }
            tokio::time::sleep(READ_PAUSE).await;
        }
    }

    /// Reads once, and tells what may be told.
    async fn step(&mut self, shared: &Shared, tell: &mut (dyn FnMut(Arc<LiveEvent>) + Send)) -> Progress {
        let after = self.revision;
        let reading = shared.store.read_patiently(move |tx| {
            let (epoch, counter) = (tx.epoch()?, tx.revision()?);
            Ok(Reading { epoch, counter, scopes: tx.scopes_drawn(after, counter, SCOPES_READ_MAX)? })
        });
        let Reading { epoch, counter, scopes } = match reading.await {
            Ok(reading) => reading,
            Err(error) => {
                // Once per outage.
                if !self.failed {
                    tracing::warn!(%error, "cannot tell listeners of changes");
                }
                self.failed = true;
                return Progress::HeldUp;
            }
        };
        self.failed = false;
        if epoch != self.epoch || counter < self.revision {
            (self.epoch, self.revision) = (epoch, counter);
            tell(LiveEvent::reset(counter, ResetReason::DatabaseExchanged));
            return Progress::Whole;
        }
        // What the cache has not heard of yet is not told: a summary that is asked for now might lack it.
        let told = scopes.iter().take_while(|(scope, drawn)| shared.cache.published(scope) >= *drawn).count();
        let is_held_up = told < scopes.len();
        let is_partly = scopes.len() == SCOPES_READ_MAX as usize;
        if is_held_up || is_partly {
            self.revision = scopes[..told].last().map_or(self.revision, |(_, drawn)| *drawn);
        } else {
            self.revision = counter;
        }
        if told > 0 {
            tell(publication(self.revision, told as u64, &scopes[..told]));
        }
        match (is_held_up, is_partly) {
            (true, _) => Progress::HeldUp,
            (false, true) => Progress::Partly,
            (false, false) => Progress::Whole,
        }
    }
}
