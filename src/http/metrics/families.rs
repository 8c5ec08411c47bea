//! Every metric with its name and what it means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::backups;
use super::writer::{HistogramBuckets, MetricsWriter};
use crate::backups::BackupFigures;
use crate::cache::{DurationHistogram, Occupancy, Stats};
use crate::domain::time::Timestamp;
use crate::domain::trouble::TroubleKind;
use crate::http::route_meters::RouteMeter;
use crate::store::StoreFigures;
use crate::telemetry::{self, Counted};

/// The ends of the buckets for how long hits took, in nanoseconds: they take less than a microsecond unless the machine
/// is busy.
const HIT_BOUNDS_NANOS: [u64; 8] = [250, 500, 1_000, 2_500, 10_000, 100_000, 1_000_000, 10_000_000];

/// The ends of the buckets for how long loads took, in nanoseconds: from a small department's to the deadline of a
/// load.
const LOAD_BOUNDS_NANOS: [u64; 10] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// Everything that is written, as it is at one moment.
#[derive(Debug)]
pub(super) struct MetricsSnapshot {
    pub(super) routes: Vec<(String, Arc<RouteMeter>)>,
    pub(super) connections: usize,
    pub(super) connections_max: usize,
    pub(super) shed: [(&'static str, u64); 3],
    /// What callers were refused that had their share, by reason.
    pub(super) refused: Vec<(&'static str, u64)>,
    pub(super) cache: (Stats, Occupancy),
    pub(super) store: StoreFigures,
    pub(super) backups: BackupFigures,
    pub(super) resident_bytes: Option<u64>,
    pub(super) log_lines_lost: u64,
    pub(super) started_at: Timestamp,
    /// When the certificate expires; new ones that could not be used, and handshakes that failed.
    pub(super) tls: Option<(Option<Timestamp>, (u64, u64))>,
}

impl Collector for MetricsSnapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = MetricsWriter(encoder);
        self.write_requests(&mut writer)?;
        let (stats, occupancy) = &self.cache;
        write_cache_counts(&mut writer, stats)?;
        write_cache_size(&mut writer, *occupancy)?;
        self.write_store(&mut writer)?;
        backups::write(&mut writer, &self.backups)?;
        self.write_tls(&mut writer)?;
        self.write_process(&mut writer)
    }
}

impl MetricsSnapshot {
    fn write_requests(&self, writer: &mut MetricsWriter<'_>) -> fmt::Result {
        let statuses = self.routes.iter().flat_map(|(path, route)| {
            route.answers().map(move |(method, status, count)| {
                let labels = [("route", path.clone()), ("method", method.to_owned()), ("status", status.to_string())];
                (labels, count)
            })
        });
        writer.counters(
            "muster_http_requests",
            "Requests that were answered, by route, method and status; (none) is the route of what matches none.",
            statuses,
        )?;
        let durations = self
            .routes
            .iter()
            .map(|(path, route)| ([("route", path.as_str())], HistogramBuckets::of_nanos(&route.nanos())));
        writer.histograms(
            "muster_http_request_duration_seconds",
            "Time from the end of a request's head to the beginning of its answer, by route.",
            durations,
        )?;
        let of_store = [("reads", self.store.reads_refused), ("writes", self.store.jobs_refused)];
        writer.counters(
            "muster_http_shed",
            "What was turned away because there was too much of it.",
            of_store.into_iter().chain(self.shed).map(|(what, count)| ([("what", what)], count)),
        )?;
        writer.counters(
            "muster_requests_refused",
            "Requests that were refused with 429, by what the caller had its share of.",
            self.refused.iter().map(|(reason, count)| ([("reason", *reason)], *count)),
        )?;
        writer.count("muster_http_connections", "Connections that are open.", self.connections)?;
        writer.count("muster_http_connections_max", "Connections that may be open.", self.connections_max)
    }

    fn write_store(&self, writer: &mut MetricsWriter<'_>) -> fmt::Result {
        let store = &self.store;
        writer.count("muster_write_queue_jobs", "Write jobs that wait in the queue.", store.jobs_waiting)?;
        writer.count(
            "muster_write_queue_jobs_max",
            "Write jobs that may wait in the queue.",
            store.jobs_waiting_max,
        )?;
        writer.count(
            "muster_read_queue_reads",
            "Reads that wait for a connection to the database.",
            store.reads_waiting,
        )?;
        writer.count("muster_read_queue_reads_max", "Reads that may wait.", store.reads_waiting_max)?;
        writer.counter(
            "muster_reads",
            "Read transactions that were begun; hits of the cache need none.",
            store.reads,
        )?;
        writer.counter("muster_write_jobs", "Write jobs that were committed.", store.group_jobs.sum)?;
        writer.histogram(
            "muster_write_group_jobs",
            "Write jobs that shared one commit.",
            &HistogramBuckets::of_numbers(&store.group_jobs),
        )?;
        let troubles =
            TroubleKind::ALL.map(|kind| ([("cause", kind.as_str())], u64::from(store.trouble == Some(kind))));
        writer.gauges(
            "muster_database_trouble",
            "1 for what keeps the database from being written, 0 for what does not.",
            troubles,
        )?;
        let refused = store.refused.iter().map(|(kind, count)| ([("cause", kind.as_str())], *count));
        writer.counters(
            "muster_writes_refused",
            "Writes that were refused, by what kept them from the disk.",
            refused,
        )?;
        if let Some(bytes) = store.database_bytes {
            writer.gauge("muster_database_size_bytes", "Size of the database's file, without its log.", bytes)?;
        }
        if let Some(bytes) = store.wal_bytes {
            let help = "Size of the write-ahead log's file, which stays as it is when the log starts over.";
            writer.gauge("muster_wal_size_bytes", help, bytes)?;
        }
        Ok(())
    }

    /// Nothing where the server speaks no TLS.
    fn write_tls(&self, writer: &mut MetricsWriter<'_>) -> fmt::Result {
        let Some((expires_at, (reload_failures, handshake_failures))) = self.tls else { return Ok(()) };
        if let Some(at) = expires_at {
            let help = "When the certificate expires, in seconds since the Unix epoch.";
            writer.gauge("muster_tls_certificate_expiry_timestamp_seconds", help, at.millis().div_euclid(1_000))?;
        }
        let help = "New certificates that could not be used, so that the old one stayed.";
        writer.counter("muster_tls_reload_failures", help, reload_failures)?;
        writer.counter("muster_tls_handshake_failures", "TLS handshakes that failed.", handshake_failures)
    }

    fn write_process(&self, writer: &mut MetricsWriter<'_>) -> fmt::Result {
        if let Some(bytes) = self.resident_bytes {
            writer.gauge("process_resident_memory_bytes", "Resident memory of the process.", bytes)?;
        }
        let help = "Lines of the log that were dropped, because standard error was not read in time.";
        writer.counter("muster_log_lines_lost", help, self.log_lines_lost)?;
        let started_at = Duration::from_millis(u64::try_from(self.started_at.millis()).unwrap_or(0));
        let help = "When the server started, in seconds since the Unix epoch.";
        writer.gauge("process_start_time_seconds", help, started_at.as_secs_f64())?;
        let build = [("version", env!("CARGO_PKG_VERSION")), ("revision", telemetry::BUILT_FROM)];
        writer.info("muster_build", "What is running, and from which commit it is built.", &build)
    }
}

fn write_cache_counts(writer: &mut MetricsWriter<'_>, stats: &Stats) -> fmt::Result {
    let removals = stats.removals;
    let removals = [
        ("expired", removals.expired),
        ("replaced", removals.replaced),
        ("size", removals.size),
        ("bytes", removals.bytes),
        ("invalidated", removals.invalidated),
        ("cleared", removals.cleared),
    ];
    writer.counter("muster_cache_hits", "Questions answered from a fresh entry.", stats.hits)?;
    writer.counter("muster_cache_misses", "Questions not answered from a fresh entry.", stats.misses)?;
    writer.counter(
        "muster_cache_coalesced",
        "Misses that joined a load which another had asked for.",
        stats.coalesced,
    )?;
    writer.counter("muster_cache_revalidated", "Misses answered with 304 and without a load.", stats.revalidated)?;
    writer.counter("muster_cache_stale", "Misses served an overdue entry because the load failed.", stats.stale)?;
    writer.counter("muster_cache_loads", "Loads that ended, those that failed included.", stats.loads)?;
    writer.counter("muster_cache_load_failures", "Loads that failed.", stats.load_failures)?;
    writer.counters(
        "muster_cache_removals",
        "Entries that went, by cause.",
        removals.map(|(cause, count)| ([("cause", cause)], count)),
    )?;
    writer.counter(
        "muster_cache_mass_invalidations",
        "Clears of more than one entry, and times when all that was known came into doubt.",
        stats.mass_invalidations,
    )?;
    writer.counter_of_seconds("muster_cache_saved_seconds", "Load time that hits avoided.", stats.saved)?;
    writer.histogram(
        "muster_cache_hit_duration_seconds",
        "Time from the question to the shared body, for hits.",
        &HistogramBuckets::of_nanos(&rebucketed(&stats.hit_durations, &HIT_BOUNDS_NANOS)),
    )?;
    writer.histogram(
        "muster_cache_load_duration_seconds",
        "Time that loads took, those that failed included.",
        &HistogramBuckets::of_nanos(&rebucketed(&stats.load_durations, &LOAD_BOUNDS_NANOS)),
    )
}

fn write_cache_size(writer: &mut MetricsWriter<'_>, occupancy: Occupancy) -> fmt::Result {
    let Occupancy { entries, entries_max, bytes, bytes_max, loads } = occupancy;
    writer.count(
        "muster_cache_entries",
        "Entries in the cache, expired ones included until they are swept.",
        entries,
    )?;
    writer.count("muster_cache_entries_max", "Entries that the cache may hold.", entries_max)?;
    writer.count("muster_cache_size_bytes", "Bytes of all entries, keys and bookkeeping included.", bytes)?;
    writer.count("muster_cache_size_max_bytes", "Bytes that all entries may have.", bytes_max)?;
    writer.count("muster_cache_loads_in_flight", "Loads that are running or wait to run.", loads)
}

/// The fine buckets of the cache's histogram poured into few. A fine one goes where its upper end belongs, so a bucket never
/// claims what was longer than its end; the sum is made of upper ends too and at most one percent above the truth.
fn rebucketed(durations: &DurationHistogram, bounds: &[u64]) -> Counted {
    let mut counted = Counted { buckets: bounds.iter().map(|bound| (*bound, 0)).collect(), ..Counted::default() };
    for (duration, count) in durations.buckets() {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = counted.buckets.iter_mut().find(|(end, _)| nanos <= *end);
        *bucket.map_or(&mut counted.above, |(_, of_bucket)| of_bucket) += count;
        counted.sum = counted.sum.saturating_add(nanos.saturating_mul(count));
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fine_buckets_are_poured_into_few_and_none_is_lost() {
        let mut durations = DurationHistogram::default();
        for (nanos, count) in [(1, 5), (250, 1), (251, 2), (999, 3), (20_000_000, 4), (u64::MAX, 1)] {
            durations.record(Duration::from_nanos(nanos), count);
        }
        let counted = rebucketed(&durations, &HIT_BOUNDS_NANOS);
        let counts: Vec<u64> = counted.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts, counted.above), (vec![6, 2, 3, 0, 0, 0, 0, 0], 5));
        assert_eq!(rebucketed(&DurationHistogram::default(), &HIT_BOUNDS_NANOS).sum, 0);
    }

    #[test]
    fn a_sum_of_durations_is_right_to_a_percent_and_never_falls() {
        let mut durations = DurationHistogram::default();
        let (mut before, mut truth) = (0, 0_u64);
        for micros in 1..=2_000 {
            durations.record(Duration::from_micros(micros * micros), 1);
            truth += micros * micros * 1_000;
            let sum = rebucketed(&durations, &LOAD_BOUNDS_NANOS).sum;
            assert!(sum > before && sum >= truth && sum <= truth + truth / 100, "{before} {sum} {truth}");
            before = sum;
        }
    }
}
