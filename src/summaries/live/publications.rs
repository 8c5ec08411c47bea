//! Publications: the scopes with new revisions, in the order of the revisions.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::channel::EventChannel;
use super::event::{EventName, LiveEvent, ResetReason};
use crate::domain::directory::Scope;
use crate::store::{ReadTx, StoreError};

/// Scopes that are listed in one publication, which also has the number of all. A client that shows others reloads.
const PUBLICATION_SCOPES_MAX: usize = 100;

/// Scopes that are read at once. More of them become several publications, so that a large import takes little memory.
const SCOPES_READ_MAX: u32 = 1_000;

/// The pause between two reads. It combines many writes into few publications, and is too short to be noticed by users.
const READ_PAUSE: Duration = Duration::from_millis(25);

/// The time until the next read after a read failed, or found a revision of another process that has not reached the
/// cache. Usually the watcher publishes that one sooner.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicationData {
    scope_count: u64,
    scopes: Vec<ScopeData>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeData {
    enterprise_id: String,
    department_id: Option<String>,
}

impl From<&(Scope, i64)> for ScopeData {
    fn from((scope, _): &(Scope, i64)) -> Self {
        Self {
            enterprise_id: scope.enterprise.to_string(),
            department_id: scope.department.as_ref().map(ToString::to_string),
        }
    }
}

fn publication(revision: i64, scope_count: u64, scopes: &[(Scope, i64)]) -> Arc<LiveEvent> {
    let scopes = scopes.iter().take(PUBLICATION_SCOPES_MAX).map(ScopeData::from).collect();
    LiveEvent::new(EventName::Publication, Some(revision), &PublicationData { scope_count, scopes })
}

/// The changes between two positions as one publication; `None` if there are none.
pub(super) fn publication_between(
    tx: &ReadTx<'_>,
    after: i64,
    up_to: i64,
) -> Result<Option<Arc<LiveEvent>>, StoreError> {
    let limit = u32::try_from(PUBLICATION_SCOPES_MAX).unwrap_or(u32::MAX);
    let scopes = tx.scopes_drawn(after, up_to, limit)?;
    if scopes.is_empty() {
        return Ok(None);
    }
    Ok(Some(publication(up_to, tx.scopes_drawn_count(after, up_to)?, &scopes)))
}

/// Reads the scopes with new revisions, and sends them.
pub(super) struct PublicationReader {
    epoch: String,
    /// Everything up to this revision was sent, and has reached the cache.
    revision: i64,
    /// Whether the last read failed.
    failed: bool,
}

/// The result of one read.
struct Reading {
    epoch: String,
    counter: i64,
    scopes: Vec<(Scope, i64)>,
}

/// How far one read got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadingProgress {
    /// Everything was sent.
    Whole,
    /// There is more to read.
    Partly,
    /// There is more, and it cannot be sent yet.
    HeldUp,
}

impl PublicationReader {
    /// Starts after this revision.
    pub(super) fn new(epoch: String, revision: i64) -> Self {
        Self { epoch, revision, failed: false }
    }

    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    /// Skips what was published while there was no listener.
    pub(super) async fn catch_up(&mut self, channel: &EventChannel) {
        while self.step(channel, &mut |_| {}).await == ReadingProgress::Partly {}
    }

    /// Sends publications without end.
    pub(super) async fn run(&mut self, channel: &EventChannel) {
        loop {
            let progress = self
                .step(channel, &mut |event| {
                    // The position is set first: a listener that joins in between would otherwise get a position that
                    // includes an event it did not receive.
                    channel.position.send_replace(event.revision);
                    channel.send(event);
                })
                .await;
            match progress {
                ReadingProgress::Partly => continue,
                ReadingProgress::Whole => channel.publications.notified().await,
                ReadingProgress::HeldUp => {
                    let _ = tokio::time::timeout(RETRY_INTERVAL, channel.publications.notified()).await;
                }
            }
            tokio::time::sleep(READ_PAUSE).await;
        }
    }

    /// Reads once, and sends what has reached the cache.
    async fn step(&mut self, channel: &EventChannel, send: &mut (dyn FnMut(Arc<LiveEvent>) + Send)) -> ReadingProgress {
        let after = self.revision;
        let reading = channel.store.read_internal(move |tx| {
            let (epoch, counter) = (tx.epoch()?, tx.revision()?);
            Ok(Reading { epoch, counter, scopes: tx.scopes_drawn(after, counter, SCOPES_READ_MAX)? })
        });
        let Reading { epoch, counter, scopes } = match reading.await {
            Ok(reading) => reading,
            Err(error) => {
                // Logged once per outage.
                if !self.failed {
                    tracing::warn!(%error, "cannot read changes for the event stream");
                }
                self.failed = true;
                return ReadingProgress::HeldUp;
            }
        };
        self.failed = false;
        if epoch != self.epoch || counter < self.revision {
            (self.epoch, self.revision) = (epoch, counter);
            send(LiveEvent::reset(counter, ResetReason::DatabaseExchanged));
            return ReadingProgress::Whole;
        }
        // Revisions that have not reached the cache are not sent, because a summary that is requested now might be
        // older.
        let known = scopes.iter().take_while(|(scope, drawn)| channel.cache.published(scope) >= *drawn).count();
        let is_held_up = known < scopes.len();
        let is_partly = scopes.len() == SCOPES_READ_MAX as usize;
        if is_held_up || is_partly {
            self.revision = scopes[..known].last().map_or(self.revision, |(_, drawn)| *drawn);
        } else {
            self.revision = counter;
        }
        if known > 0 {
            send(publication(self.revision, known as u64, &scopes[..known]));
        }
        match (is_held_up, is_partly) {
            (true, _) => ReadingProgress::HeldUp,
            (false, true) => ReadingProgress::Partly,
            (false, false) => ReadingProgress::Whole,
        }
    }
}
