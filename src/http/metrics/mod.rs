//! What Prometheus reads: how the server is doing, as counters, gauges and histograms.
//!
//! Nothing is gathered for a scrape that may never come: [`Meters`](super::meters::Meters) count into memory that is
//! there anyway; all else is read at the scrape, and `families` has the name of each metric. No label holds anything
//! that a client may choose, so the number of series is bounded by the code.

mod backups;
mod families;
mod text_format;
mod writer;

use std::fmt;
use std::sync::atomic::Ordering;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use self::families::MetricsSnapshot;
pub(super) use self::text_format::text_of;
use super::state::AppState;
use crate::telemetry;

/// The media type of what [`exposition`] writes, as prometheus-client wants it announced. Prometheus knows it since
/// 2.5.
pub(super) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The media type of what [`text_of`] writes, which every scraper knows.
pub(super) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics at this moment. Asks the file system; for a thread that may block.
pub(super) fn exposition(state: &AppState) -> Result<String, fmt::Error> {
    let cache = state.summaries.cache();
    let (shed, server) = (&state.meters.shed, &state.server);
    let snapshot = MetricsSnapshot {
        routes: state.meters.routes.routes(),
        connections: server.counters.open.len(),
        connections_max: server.settings.connections_max,
        shed: [
            ("transfers", &shed.transfers),
            ("event_streams", &shed.event_streams),
            ("connections", &server.counters.refused),
        ]
        .map(|(what, count)| (what, count.load(Ordering::Relaxed))),
        refused: state.shares.refusals().all().chain([("sign_ins", state.authenticator.refused())]).collect(),
        cache: (cache.stats(), cache.occupancy()),
        store: state.store.figures(),
        backups: state.backups.figures(),
        resident_bytes: telemetry::resident_bytes(),
        log_lines_lost: telemetry::log_lines_lost(),
        started_at: state.meters.started_at,
        tls: server.tls.as_ref().map(|tls| (tls.expires_at(), tls.failures())),
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}
