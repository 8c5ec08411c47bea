//! What Prometheus reads of the backups.

use std::fmt;
use std::time::Duration;

use super::writer::MetricsWriter;
use crate::backups::BackupFigures;

/// Writes every family. As long as there is no good backup its time is 0, so that an alert on its age needs no second
/// rule.
pub(super) fn write(writer: &mut MetricsWriter<'_>, figures: &BackupFigures) -> fmt::Result {
    let BackupFigures { last, made, failed, is_failing, is_running, every } = figures;
    let millis = |count: i64| Duration::from_millis(u64::try_from(count).unwrap_or(0)).as_secs_f64();
    let last_at = last.as_ref().map_or(0.0, |record| millis(record.at.millis()));
    let last_took = last.as_ref().map_or(0.0, |record| Duration::from_millis(record.took_millis).as_secs_f64());
    let last_bytes = last.as_ref().map_or(0, |record| record.bytes);
    let every = every.unwrap_or_default().as_secs_f64();
    writer.gauge(
        "muster_backup_last_success_timestamp_seconds",
        "When the last good backup was made, in seconds since the Unix epoch; 0 as long as there is none.",
        last_at,
    )?;
    writer.gauge("muster_backup_last_duration_seconds", "How long the last good backup took to make.", last_took)?;
    writer.gauge("muster_backup_last_size_bytes", "Size of the last good backup.", last_bytes)?;
    writer.gauge(
        "muster_backup_interval_seconds",
        "How often the server makes a backup by itself; 0 for never.",
        every,
    )?;
    writer.gauge("muster_backup_failing", "1 if the last attempt at a backup failed.", u64::from(*is_failing))?;
    writer.gauge("muster_backup_running", "1 while a backup is being made.", u64::from(*is_running))?;
    writer.counter("muster_backups", "Good backups that this process made.", *made)?;
    writer.counter("muster_backup_failures", "Attempts at a backup that failed.", *failed)
}
