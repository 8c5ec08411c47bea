//! The cache's counters, minute by minute. Samples are not facts: writing one draws no revision.

use std::ops::RangeInclusive;
use std::time::Duration;

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::domain::cache::DurationBuckets;
use crate::domain::cache::{CacheGauges, CacheSample, Minute, RemovalCounters, RequestCounters};
use crate::store::engine::error::StoreError;
use crate::store::engine::tx::{ReadTx, WriteTx};

/// The numbers of a sample, as the column `counters` has them. A missing one is zero or unknown.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counters {
    #[serde(flatten)]
    requests: RequestCounters,
    #[serde(default)]
    removals: RemovalCounters,
    #[serde(default)]
    saved_nanos: u64,
    #[serde(default)]
    gauges: Option<CacheGauges>,
}

/// A sample, or `None` for a row that cannot be read.
type ReadSample = (Minute, Option<CacheSample>);

/// Samples in the order of their minutes.
#[derive(Debug)]
pub struct SamplePage {
    pub samples: Vec<(Minute, CacheSample)>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Minute>,
}

impl ReadTx<'_> {
    /// The samples of these minutes, oldest first, from at most `limit` rows. Rows that cannot be read are skipped with
    /// a warning.
    pub fn cache_samples(&self, minutes: RangeInclusive<Minute>, limit: u32) -> Result<SamplePage, StoreError> {
        const SQL: &str = "SELECT minute, counters, hit_durations, load_durations FROM cache_sample
                            WHERE minute BETWEEN ?1 AND ?2 ORDER BY minute LIMIT ?3";
        let bounds = params![minutes.start().number(), minutes.end().number(), limit];
        let rows: Vec<ReadSample> = self.all(SQL, bounds, |row| Ok(read_sample(row)?))?;
        let is_full = rows.len() >= limit as usize;
        let next = rows.last().map(|(minute, _)| minute.plus(1)).filter(|_| is_full);
        let mut unreadable = rows.iter().filter(|(_, sample)| sample.is_none());
        if let Some((minute, _)) = unreadable.next() {
            let rows = 1 + unreadable.count();
            tracing::warn!(rows, first = %minute.start(), "some samples of the cache cannot be read and are left out");
        }
        let samples = rows.into_iter().filter_map(|(minute, sample)| Some((minute, sample?))).collect();
        Ok(SamplePage { samples, next })
    }
}

impl WriteTx<'_> {
    /// Adds samples to those of their minutes.
    pub fn add_cache_samples(&self, samples: &[(Minute, CacheSample)]) -> Result<(), StoreError> {
        const SELECT: &str =
            "SELECT minute, counters, hit_durations, load_durations FROM cache_sample WHERE minute = ?1";
        const REPLACE: &str = "INSERT INTO cache_sample (minute, counters, hit_durations, load_durations)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET counters = excluded.counters, hit_durations = excluded.hit_durations,
                load_durations = excluded.load_durations";
        for (minute, sample) in samples {
            let there = self.first(SELECT, [minute.number()], |row| Ok(read_sample(row)?.1))?;
            let mut sum = match there {
                Some(Some(there)) => there,
                Some(None) => {
                    tracing::warn!(minute = %minute.start(), "a sample of the cache cannot be read and is replaced");
                    CacheSample::default()
                }
                None => CacheSample::default(),
            };
            sum += sample;
            let counters = Counters {
                requests: sum.requests,
                removals: sum.removals,
                saved_nanos: u64::try_from(sum.saved.as_nanos()).unwrap_or(u64::MAX),
                gauges: sum.gauges,
            };
            let counters = serde_json::to_string(&counters).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let (hits, loads) = (sum.hit_durations.as_bytes(), sum.load_durations.as_bytes());
            self.execute(REPLACE, params![minute.number(), counters, hits, loads])?;
        }
        Ok(())
    }

    /// Deletes samples outside of these minutes, at most `limit`; returns how many.
    pub fn delete_cache_samples(&self, kept: RangeInclusive<Minute>, limit: u32) -> Result<usize, StoreError> {
        const SQL: &str = "DELETE FROM cache_sample WHERE minute IN
            (SELECT minute FROM cache_sample WHERE minute < ?1 UNION ALL
             SELECT minute FROM cache_sample WHERE minute > ?2 LIMIT ?3)";
        self.execute(SQL, params![kept.start().number(), kept.end().number(), limit])
    }
}

fn read_sample(row: &Row<'_>) -> rusqlite::Result<ReadSample> {
    let minute = Minute::from_number(row.get(0)?);
    let (counters, hits, loads) = (row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?);
    let sample = || {
        let counters: Counters = serde_json::from_str(counters.as_str().ok()?).ok()?;
        Some(CacheSample {
            requests: counters.requests,
            removals: counters.removals,
            saved: Duration::from_nanos(counters.saved_nanos),
            hit_durations: DurationBuckets::parse(hits.as_blob().ok()?)?,
            load_durations: DurationBuckets::parse(loads.as_blob().ok()?)?,
            gauges: counters.gauges,
        })
    };
    Ok((minute, sample()))
}

#[cfg(test)]
impl WriteTx<'_> {
    /// Makes every row unreadable.
    pub(crate) fn damage_cache_samples(&self) -> Result<(), StoreError> {
        self.execute("UPDATE cache_sample SET hit_durations = x'80'", [])?;
        Ok(())
    }
}
