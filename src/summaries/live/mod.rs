//! The event stream of the cache.
//!
//! One task sends the events, and runs only while there are listeners. It sends a sample each second, changes of the
//! configuration, and publications. The position in the stream is a revision. A publication of the store only wakes the
//! task, which then reads the scopes with revisions above its own position (`publications`). So the publications are
//! complete up to a revision, in order, and the same for a connected listener and for one that reconnects with the
//! revision it knows. A publication is sent only after it has reached the cache, so a client that receives it and then
//! requests the summary gets the changed one.
//!
//! At most `EVENTS_WAITING_MAX` events wait for a slow listener, shared by all. A listener that falls further behind is
//! sent a reset.

mod broadcast;
mod channel;
mod event;
mod publications;
mod sample;

pub use self::broadcast::{Listener, Live};
pub use self::event::{EventName, LiveEvent, ResetReason};
pub use self::sample::LiveSample;
