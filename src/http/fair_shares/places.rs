//! Places: what is held for a while and refused to those who hold their share of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::holder::Holder;
use super::refusal::Refusal;
use super::shares::{Share, Whose};
use crate::http::error::ApiError;

/// Seconds after which a place may have become free.
const PLACE_RETRY_SECS: u64 = 5;

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// An event stream.
    EventStream,
    /// An import or export.
    Transfer,
}

impl PlaceKind {
    fn refusal(self) -> Refusal {
        match self {
            Self::EventStream => Refusal::EventStreams,
            Self::Transfer => Refusal::Transfers,
        }
    }

    fn full(self) -> &'static str {
        match self {
            Self::EventStream => "Too many event streams are open; close one, or try again",
            Self::Transfer => "Too many imports and exports run at the moment; try again",
        }
    }

    fn share_is_taken(self, whose: Whose, share: usize) -> String {
        match (self, whose) {
            (Self::EventStream, Whose::Token) => {
                format!("This token has {share} event streams open, which is its share; close one, or try again")
            }
            (Self::EventStream, Whose::Address) => {
                format!("{share} event streams are open from this address, which is its share; close one, or try again")
            }
            (Self::Transfer, Whose::Token) => {
                format!("This token runs {share} imports and exports, which is its share; try again when one has ended")
            }
            (Self::Transfer, Whose::Address) => format!(
                "{share} imports and exports run from this address, which is its share; try again when one has ended"
            ),
        }
    }
}

/// A place that is held until this is dropped.
pub struct Place {
    _all: OwnedSemaphorePermit,
    _own: [Option<HeldPlace>; 2],
}

/// A place among those of one holder.
struct HeldPlace {
    holder: Arc<Holder>,
    kind: PlaceKind,
}

impl HeldPlace {
    fn count(&self) -> &AtomicUsize {
        &self.holder.places[self.kind as usize]
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        self.count().fetch_sub(1, Ordering::Relaxed);
    }
}

impl Share {
    /// A place for the caller, of `all` places.
    ///
    /// # Errors
    ///
    /// 429 if the caller holds its share, 503 if all places are taken; `shed` then counts that.
    pub fn place(&self, kind: PlaceKind, all: &Arc<Semaphore>, shed: &AtomicU64) -> Result<Place, ApiError> {
        let limits = self.shares.0.limits;
        let total = match kind {
            PlaceKind::EventStream => limits.event_streams_max,
            PlaceKind::Transfer => limits.transfers_max,
        };
        let mut own = [None, None];
        for (side, held) in self.sides().zip(&mut own) {
            let share = side.portion.of(total);
            let place = HeldPlace { holder: Arc::clone(side.holder), kind };
            // Counted before it is compared, so that concurrent callers cannot exceed the share.
            if place.count().fetch_add(1, Ordering::Relaxed) >= share && share < total {
                self.refuse(kind.refusal());
                return Err(ApiError::too_many_requests(kind.share_is_taken(side.whose, share), PLACE_RETRY_SECS));
            }
            *held = Some(place);
        }
        let all = Arc::clone(all).try_acquire_owned().map_err(|_| {
            shed.fetch_add(1, Ordering::Relaxed);
            ApiError::unavailable(kind.full(), PLACE_RETRY_SECS)
        })?;
        Ok(Place { _all: all, _own: own })
    }
}
