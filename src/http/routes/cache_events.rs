//! The cache's live event stream, as server-sent events (WHATWG HTML, section 9.2).
//!
//! Each stream has a task of its own between the events and the connection, with a buffer of one piece: a client that
//! reads nothing delays no other client, and is disconnected after the time that any download may stall. Before each
//! piece the token, or session, is checked again.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use utoipa::{IntoParams, ToSchema};

use crate::domain::access::Role;
use crate::domain::sealed_position;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fair_shares::{Place, PlaceKind};
use crate::http::state::AppState;
use crate::summaries::{Listener, LiveEvent};

/// The header with the position that a client has reached.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx to hand every event on at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How long a client waits before it comes back, in milliseconds: about as long as a restart takes.
const RECONNECT_AFTER_MILLIS: u64 = 2_000;

/// Pieces that wait for the connection; the events behind them wait once for all clients.
const PIECES_WAITING_MAX: usize = 1;

/// What is sent when nothing else is, so that no proxy takes the connection for dead.
const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// A position that no database has, for one that cannot be read.
const NO_POSITION: i64 = -1;

/// What a client that comes back sends.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes a header")]
pub struct LastEvent {
    /// The `id` of the last event that the client has, sent by browsers themselves: the stream begins with what the
    /// client missed.
    #[param(rename = "Last-Event-ID", value_type = String, required = false)]
    last_event_id: Option<String>,
}

/// One event of the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `written` writes")]
pub struct StreamEvent {
    /// What happened.
    event: StreamEventName,
    /// The position up to which the client has been told everything, to be given back as it is; what tells none has none.
    #[schema(nullable = false)]
    id: Option<String>,
    /// A JSON object.
    #[schema(example = "{\"reason\":\"unknownPosition\"}")]
    data: String,
    /// In the first event: how long a client waits before it comes back, in milliseconds.
    #[schema(nullable = false, minimum = 0)]
    retry: Option<u64>,
}

/// What an event is about.
#[derive(ToSchema)]
#[schema(as = EventName, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes `LiveEvent`")]
enum StreamEventName {
    Sample,
    Publication,
    Configuration,
    Reset,
}

/// Watch the cache
///
/// Server-sent events, each with a JSON object as its data:
///
/// - `sample`, each second: `last` (what was counted since the sample before) and `total` (since the server started), each
///   with `hits`, `misses`, `hitRatio`, `coalesced`, `revalidated`, `stale`, `loads`, `loadFailures`, `massInvalidations` and
///   `removals`; of the last second `hitMicros` and `loadMicros`, the same durations by buckets in `hitBuckets` and
///   `loadBuckets` (to be added to the `buckets` of `/cache/analytics`), and `savedMillis`; `entries`, `bytes`,
///   `loadsInFlight`, `rssBytes`; `trouble`, what keeps the database from being written (`kind`, `since`, `message`), null
///   where nothing does.
/// - `publication`: summaries may have changed. `revision`, `scopeCount`, and in `scopes` the first hundred of them with
///   `enterpriseId`, `departmentId` (null for the enterprise itself) and `revision`. Whoever asks for one of these summaries
///   now gets one that has the change.
/// - `configuration`: the cache's configuration changed; `version`.
/// - `reset`: load everything anew and go on from here; `revision`, and as `reason` `overflow` (the client was too slow),
///   `unknownPosition`, `databaseExchanged` or `unreadable`.
///
/// The `id` of an event is the revision up to which the client has been told everything. A client that comes back with
/// `Last-Event-ID` is first told what it missed, as one `publication`, or to `reset`. The stream ends when the server stops
/// and when the token, or session, is revoked or expires.
#[utoipa::path(
    get, path = "/cache/events", tag = "cache", operation_id = "watchCache", params(LastEvent),
    responses((
        status = 200, description = "The stream; the schema is that of one event", body = StreamEvent,
        content_type = "text/event-stream",
        example = "retry: 2000\nid: 5f0c…\n\nevent: publication\nid: 91b2…\ndata: {\"scopeCount\":1,\
            \"scopes\":[{\"enterpriseId\":\"acme\",\"departmentId\":null}]}\n\n"
    ))
)]
pub async fn watch(State(state): State<AppState>, caller: Caller, request: HeaderMap) -> Result<Response, ApiError> {
    let share = state.share_of(&caller);
    let place = share.place(PlaceKind::EventStream, &state.event_streams, &state.meters.shed.event_streams)?;
    let key = state.store.read_internal(|tx| tx.tag_key()).await?;
    let seen = request.get(LAST_EVENT_ID).map(|id| {
        let id = id.to_str().ok().and_then(|id| sealed_position::open_proven(id.trim(), &key));
        id.unwrap_or(NO_POSITION)
    });
    if let Some(seen) = seen.filter(|_| caller.role() == Role::Admin) {
        // A position that is ahead shows that the machine was rolled back; the stream then begins with a reset.
        state.summaries.renew_if_position_ahead(seen).await;
    }
    let (pieces, taker) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::spawn(
        Stream { state, credential_id: caller.credential_id().to_owned(), key, pieces, _place: place }.run(seen),
    );
    let pieces = stream::unfold(taker, async |mut taker| Some((Ok::<_, Infallible>(taker.recv().await?), taker)));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// One client's stream, beside its connection.
struct Stream {
    state: AppState,
    credential_id: String,
    /// With what positions are sealed.
    key: String,
    pieces: mpsc::Sender<Bytes>,
    _place: Place,
}

impl Stream {
    /// Runs until the client goes or may not go on, or the server stops.
    async fn run(self, seen: Option<i64>) {
        let pieces = self.pieces.clone();
        let stop = self.state.stop.clone();
        tokio::select! {
            () = self.tell(seen) => {}
            () = stop.cancelled() => {}
            () = pieces.closed() => {}
        }
    }

    async fn tell(self, seen: Option<i64>) {
        let live = self.state.summaries.live();
        let mut listener = live.listen().await;
        let opening = self.opening(&listener, seen).await;
        let mut keep_alive = tokio::time::interval(self.state.limits.event_keep_alive);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is now.
        keep_alive.tick().await;
        let mut piece = opening;
        loop {
            // Waits for room first, so that what is asked of the token is asked when the piece goes out.
            let idle_time_max = self.state.server.transfer_limits.download_idle_time_max;
            let Ok(Ok(room)) = tokio::time::timeout(idle_time_max, self.pieces.reserve()).await else { return };
            if !self.state.access.holds(&self.credential_id).await {
                return;
            }
            room.send(Bytes::from(piece));
            piece = tokio::select! {
                event = listener.next() => written(&event, &self.key),
                _ = keep_alive.tick() => KEEP_ALIVE.to_owned(),
            };
        }
    }

    /// What a stream begins with: when to come back, and what was missed or where the client stands.
    async fn opening(&self, listener: &Listener, seen: Option<i64>) -> String {
        let revision = listener.revision();
        let missed = match seen {
            Some(seen) => self.state.summaries.live().missed(seen, revision).await,
            None => None,
        };
        let position = missed.map_or_else(
            || format!("id: {}\n\n", sealed_position::seal_proven(revision, &self.key)),
            |event| written(&event, &self.key),
        );
        format!("retry: {RECONNECT_AFTER_MILLIS}\n{position}")
    }
}

/// An event as it goes over the wire. JSON has no line breaks, so its data is one line.
fn written(event: &LiveEvent, key: &str) -> String {
    let id = event
        .revision
        .map_or(String::new(), |revision| format!("id: {}\n", sealed_position::seal_proven(revision, key)));
    format!("event: {}\n{id}data: {}\n\n", event.name.as_str(), event.data)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::access::{Access, mint};
    use crate::backups::Backups;
    use crate::clock::Clock;
    use crate::config::{BackupSettings, ServerSettings};
    use crate::domain::access::Reach;
    use crate::http::options::HttpOptions;
    use crate::server::Server;
    use crate::store::{Mode, Store, StoreOptions};
    use crate::summaries::Summaries;

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreOptions::new(dir.path(), Mode::Server, "a test"), Clock::system()).unwrap();
        let (access, summaries) = (Access::open(&store).unwrap(), Summaries::open(&store).unwrap());
        let mut options = HttpOptions::default();
        options.limits.event_keep_alive = Duration::from_millis(1);
        let mut server = Server::new(ServerSettings::default(), store.clock().now()).unwrap();
        server.transfer_limits.download_idle_time_max = Duration::from_millis(10);
        let minted = mint("slow".into(), Role::Viewer, Reach::Installation, store.clock().now(), None).unwrap();
        let credential_id = minted.stored.id.clone();
        store.write(move |tx| tx.insert_token(&minted.stored)).await.unwrap();
        let backups = Backups::open(&store, &BackupSettings::default()).unwrap();
        let state = AppState::new(options, server, store, access, summaries.clone(), backups, CancellationToken::new());
        let places = Arc::new(Semaphore::new(1));
        let share = state.shares.of(None, Ipv4Addr::LOCALHOST.into());
        let place = share.place(PlaceKind::EventStream, &places, &state.meters.shed.event_streams).unwrap();
        let (pieces, mut taker) = mpsc::channel(PIECES_WAITING_MAX);
        Stream { state, credential_id, key: String::new(), pieces, _place: place }.run(None).await;
        assert_eq!((places.available_permits(), summaries.live().listeners()), (1, 0));
        let opening = format!("retry: 2000\nid: {}\n\n", sealed_position::seal_proven(0, ""));
        assert_eq!(taker.recv().await.as_deref(), Some(opening.as_bytes()));
        assert_eq!(taker.recv().await, None);
    }
}
