//! Whether the database answers, found out by asking it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::error::ApiError;
use crate::store::{Store, StoreError};

/// How long the database may take to answer before the server counts as not ready. A healthy one takes milliseconds; a
/// command that writes beside the server holds the lock for 100 ms at most.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);

/// Seconds after which asking again makes sense.
const RETRY_SECS: u64 = 1;

/// Probes the database, at most once at a time, since every client may call for it.
#[derive(Clone, Default)]
pub struct Readiness {
    /// The newest outcome. Held while a probe is under way: callers that came meanwhile wait for a probe that began
    /// after they came, and share its outcome, so that a flood of callers puts one job into the write queue.
    newest: Arc<Mutex<Option<ProbeOutcome>>>,
}

struct ProbeOutcome {
    begun: Instant,
    result: Result<(), ApiError>,
}

impl Readiness {
    /// Asks whether the store reads and writes; says what does not work.
    pub async fn probe(&self, store: &Store) -> Result<(), ApiError> {
        let came = store.clock().instant();
        let mut newest = self.newest.lock().await;
        if let Some(outcome) = newest.as_ref().filter(|outcome| outcome.begun > came) {
            return outcome.result.clone();
        }
        let begun = store.clock().instant();
        let too_slow = |_| {
            let secs = PROBE_TIME_MAX.as_secs();
            ApiError::unavailable(format!("The database did not answer within {secs} s"), RETRY_SECS)
        };
        let answer = match tokio::time::timeout(PROBE_TIME_MAX, store.probe()).await {
            // A server that turns writes away for a moment is at work, and must not lose its readers for it.
            Ok(Err(StoreError::QueueFull | StoreError::ReadQueueFull)) => Ok(Ok(())),
            answer => answer,
        };
        let result = answer.map_err(too_slow).and_then(|answer| answer.map_err(explain));
        *newest = Some(ProbeOutcome { begun, result: result.clone() });
        result
    }
}

/// Whatever is wrong with the database, the server is there and only not ready.
fn explain(error: StoreError) -> ApiError {
    if let Some(kind) = error.trouble() {
        // What became of a write is no matter here, and the store has said in the log what is wrong.
        return ApiError::unavailable(format!("{}: {}", kind.what(), kind.advice()), RETRY_SECS);
    }
    match error {
        error @ (StoreError::Sqlite(_) | StoreError::Corrupt(_) | StoreError::Panicked) => {
            ApiError::unavailable("The database cannot be used; the log says why", RETRY_SECS).caused_by(error)
        }
        error => ApiError::from(error),
    }
}
