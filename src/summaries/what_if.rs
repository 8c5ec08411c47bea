//! The hit ratio that the cache would have had with another setting, predicted from the recorded access history.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;

use super::key::SummaryKind;
use super::summary_cache::SummaryCache;
use super::write_activity::WriteActivity;
use super::{recording, ttl_policy};
use crate::clock::{Clock, Moment};
use crate::domain::cache_configuration::CacheConfiguration;
use crate::store::StoreError;
use crate::what_if::Prediction;

/// TTLs to try besides the current one. An entry expires with its UTC day, so a longer TTL would have no effect.
const TTLS: [Duration; 9] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
    Duration::from_hours(24),
];

/// Numbers of entries to try besides the current one.
const ENTRIES: [usize; 10] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// Numbers of bytes to try besides the current one.
const BYTES: [usize; 12] = [
    64 << 10,
    256 << 10,
    1 << 20,
    2 << 20,
    4 << 20,
    8 << 20,
    16 << 20,
    32 << 20,
    64 << 20,
    128 << 20,
    256 << 20,
    1 << 30,
];

/// How long an answer is reused: a dashboard that is redrawn with each sample costs one simulation in this time.
const ANSWER_TTL: Duration = Duration::from_secs(5);

/// The setting that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriedSetting {
    /// The TTL of entries of this kind.
    Ttl(SummaryKind),
    /// The most entries.
    Entries,
    /// The most bytes.
    Bytes,
}

/// A value of the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingValue {
    /// A TTL.
    Ttl(Duration),
    /// The most entries.
    Entries(usize),
    /// The most bytes.
    Bytes(usize),
}

/// The predicted hit ratio of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WhatIfPoint {
    /// The value.
    pub setting: SettingValue,
    /// The fraction of all accesses that would have been hits; `None` if there were no accesses.
    pub hit_ratio: Option<f64>,
}

/// The predicted hit ratios of other values of a setting.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// By increasing value, the current one included.
    pub points: Vec<WhatIfPoint>,
    /// The current value, predicted like the others.
    pub current: WhatIfPoint,
    /// What the predictions are based on.
    pub basis: Prediction,
}

/// Runs simulations, one at a time, and caches their answers for some seconds.
#[derive(Clone, Default)]
pub(super) struct Simulator {
    /// Held while a simulation runs, by the thread that runs it: requests that wait for it find its answer, also when
    /// the one that began it is cancelled.
    answers: Arc<AsyncMutex<HashMap<TriedSetting, CachedAnswer>>>,
}

struct CachedAnswer {
    at: Instant,
    configuration: CacheConfiguration,
    answer: WhatIf,
}

impl Simulator {
    /// The hit ratio that other values of a setting would have had; an answer of the last seconds is given again. The
    /// configuration that holds, and the time, are read when no other simulation runs.
    pub(super) async fn what_if(
        &self,
        cache: &SummaryCache,
        activity: &Arc<WriteActivity>,
        clock: &Clock,
        tried: TriedSetting,
        current: impl FnOnce() -> (CacheConfiguration, Instant),
    ) -> Result<WhatIf, StoreError> {
        let mut answers = Arc::clone(&self.answers).lock_owned().await;
        let (configuration, now) = current();
        let holds = |kept: &&CachedAnswer| kept.configuration == configuration && now < kept.at + ANSWER_TTL;
        if let Some(kept) = answers.get(&tried).filter(holds) {
            return Ok(kept.answer.clone());
        }
        let (cache, activity) = (cache.clone(), Arc::clone(activity));
        let clock = clock.clone();
        let simulation = tokio::task::spawn_blocking(move || {
            let answer = simulate(&cache, clock.moment(), &activity, &configuration, tried);
            answers.insert(tried, CachedAnswer { at: now, configuration, answer: answer.clone() });
            answer
        });
        simulation.await.map_err(|_| StoreError::Panicked)
    }
}

fn simulate(
    cache: &SummaryCache,
    now: Moment,
    activity: &Arc<WriteActivity>,
    configuration: &CacheConfiguration,
    tried: TriedSetting,
) -> WhatIf {
    let trace = cache.with_observer(|recorder| recorder.snapshot(now));
    let predict = |setting| {
        let changed = setting_changed(configuration, tried, setting);
        trace.predict(&recording::scenario(&ttl_policy::settings(&changed, activity)))
    };
    let set = current(configuration, tried);
    let basis = predict(set);
    let point = |setting, prediction: Prediction| WhatIfPoint { setting, hit_ratio: prediction.hit_ratio };
    let mut settings: Vec<SettingValue> = match tried {
        TriedSetting::Ttl(_) => TTLS.map(SettingValue::Ttl).to_vec(),
        TriedSetting::Entries => ENTRIES.map(SettingValue::Entries).to_vec(),
        TriedSetting::Bytes => BYTES.map(SettingValue::Bytes).to_vec(),
    };
    settings.push(set);
    settings.sort_unstable();
    settings.dedup();
    let points = settings.into_iter().map(|setting| point(setting, predict(setting))).collect();
    WhatIf { points, current: point(set, basis), basis }
}

/// The current value of the setting.
fn current(configuration: &CacheConfiguration, tried: TriedSetting) -> SettingValue {
    match tried {
        TriedSetting::Ttl(SummaryKind::Enterprise) => SettingValue::Ttl(configuration.ttl.enterprise),
        TriedSetting::Ttl(SummaryKind::Department) => SettingValue::Ttl(configuration.ttl.department),
        TriedSetting::Ttl(SummaryKind::Details) => SettingValue::Ttl(configuration.ttl.default),
        TriedSetting::Entries => SettingValue::Entries(configuration.entries_max),
        TriedSetting::Bytes => SettingValue::Bytes(configuration.bytes_max),
    }
}

/// The configuration with one value changed. Settings that depend on it are evaluated as if it had been stored.
fn setting_changed(
    configuration: &CacheConfiguration,
    tried: TriedSetting,
    setting: SettingValue,
) -> CacheConfiguration {
    let mut changed = configuration.clone();
    match (tried, setting) {
        (TriedSetting::Ttl(SummaryKind::Enterprise), SettingValue::Ttl(ttl)) => changed.ttl.enterprise = ttl,
        (TriedSetting::Ttl(SummaryKind::Department), SettingValue::Ttl(ttl)) => changed.ttl.department = ttl,
        (TriedSetting::Ttl(SummaryKind::Details), SettingValue::Ttl(ttl)) => changed.ttl.default = ttl,
        (_, SettingValue::Entries(entries)) => changed.entries_max = entries,
        (_, SettingValue::Bytes(bytes)) => changed.bytes_max = bytes,
        (TriedSetting::Entries | TriedSetting::Bytes, SettingValue::Ttl(_)) => {}
    }
    changed
}
