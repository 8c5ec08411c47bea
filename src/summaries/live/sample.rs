//! The counters of each second.

use std::time::Duration;

use serde::Serialize;
use tokio::time::MissedTickBehavior;
use utoipa::ToSchema;

use super::channel::EventChannel;
use super::event::{EventName, LiveEvent};
use crate::cache::Stats;
use crate::domain::time::Timestamp;
use crate::domain::trouble::StoreTrouble;
use crate::summaries::cache_counters::{Counts, DurationCounts, Micros};
use crate::telemetry;

/// How often a sample is taken.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The counters of one second, and the totals at its end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveSample {
    /// When it was taken.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// What was counted since the sample before.
    last: Counts,
    /// What was counted since the server started.
    total: Counts,
    /// How long the hits since the sample before took.
    hit_micros: Micros,
    /// How long the loads since the sample before took.
    load_micros: Micros,
    /// The same hits by how long they took, to be added to those of `/cache/analytics`.
    hit_buckets: DurationCounts,
    /// The same loads by how long they took.
    load_buckets: DurationCounts,
    /// Load time that these hits avoided, in milliseconds.
    #[schema(example = 7.25)]
    saved_millis: f64,
    /// Entries that would be served now.
    #[schema(example = 42)]
    entries: u64,
    /// Bytes of all entries.
    #[schema(example = 1_258_291)]
    bytes: u64,
    /// Loads under way.
    #[schema(example = 0)]
    loads_in_flight: u64,
    /// The process's memory in bytes; null where the system does not say.
    #[schema(required, value_type = Option<u64>, example = 33_030_144)]
    rss_bytes: Option<u64>,
    /// What keeps the database from being written; null where nothing does.
    #[schema(required)]
    trouble: Option<StoreTrouble>,
}

/// Sends a sample each second, without end.
pub(super) async fn send_each_second(channel: &EventChannel) {
    let mut earlier = channel.cache.stats();
    let mut ticks = tokio::time::interval(SAMPLE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is immediate.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let stats = channel.cache.stats();
        channel.send(LiveEvent::new(EventName::Sample, None, &sample(channel, &stats, &stats.since(&earlier))));
        earlier = stats;
    }
}

fn sample(channel: &EventChannel, total: &Stats, last: &Stats) -> LiveSample {
    let totals = channel.cache.entry_totals();
    LiveSample {
        timestamp: channel.store.clock().now(),
        last: last.into(),
        total: total.into(),
        hit_micros: (&last.hit_durations).into(),
        load_micros: (&last.load_durations).into(),
        hit_buckets: (&last.hit_durations).into(),
        load_buckets: (&last.load_durations).into(),
        saved_millis: last.saved.as_secs_f64() * 1_000.0,
        entries: totals.entries as u64,
        bytes: totals.bytes as u64,
        loads_in_flight: totals.loads as u64,
        rss_bytes: telemetry::resident_bytes(),
        trouble: channel.store.trouble(),
    }
}
