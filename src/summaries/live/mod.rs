//! The event stream of the cache: what happens to it, sent to every listener while it happens.
//!
//! One task sends the events, and runs only while there are listeners. It takes a sample each second, sends changes of the
//! configuration, and publications: the revision is the position in the stream. A publication of the store only wakes the
//! task to read which scopes drew a revision since its own position (`publications`), so what it sends is complete up to a
//! revision, in order, and the same for a listener that was connected and for one that comes back with the revision it
//! knew. Nothing is sent before the cache knows of it: a client that reads of a change and then requests the summary gets
//! one that has it.
//!
//! What waits for a slow listener is bounded by `EVENTS_WAITING_MAX`, shared by all; a listener that falls behind that is
//! sent a reset.

mod broadcast;
mod channel;
mod event;
mod publications;
mod sample;

pub use self::broadcast::{Listener, Live};
pub use self::event::{EventName, LiveEvent, ResetReason};
pub use self::sample::LiveSample;
