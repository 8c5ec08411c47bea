//! What the hit ratio would have been with another setting, by the sampled history of accesses.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;

use super::activity::Activity;
use super::key::Kind;
use super::{Summaries, SummaryCache, policy, recording};
use crate::clock::Moment;
use crate::domain::cache_configuration::CacheConfiguration;
use crate::store::StoreError;
use crate::what_if::Prediction;

/// TTLs to try, beside the one that is set. Nothing lives past its UTC day, so a longer one would change nothing.
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

/// Numbers of entries to try, beside the one that is set.
const ENTRIES: [usize; 10] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// Bounds of all bytes to try, beside the one that is set.
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

/// How long an answer is given again: a dashboard that draws it anew with each sample costs one simulation in this time.
const ANSWER_KEPT: Duration = Duration::from_secs(5);

/// Which setting is tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tried {
    /// The TTL that entries of this kind have.
    Ttl(Kind),
    /// How many entries there may be.
    Entries,
    /// How many bytes they may take.
    Bytes,
}

/// A value of the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// How long entries live.
    Ttl(Duration),
    /// How many entries there may be.
    Entries(usize),
    /// How many bytes they may take.
    Bytes(usize),
}

/// What a value of the setting would have brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WhatIfPoint {
    /// The value.
    pub setting: Setting,
    /// The part of all accesses that would have been hits; `None` without any access to learn from.
    pub hit_ratio: Option<f64>,
}

/// What other values of a setting would have brought.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// By rising value; the one that is set is among them.
    pub points: Vec<WhatIfPoint>,
    /// The one that is set, predicted like the others.
    pub current: WhatIfPoint,
    /// What the predictions rest on.
    pub basis: Prediction,
}

/// Runs simulations, one at a time, and keeps their answers for some seconds.
#[derive(Clone, Default)]
pub(super) struct Simulator {
    /// Held while a simulation runs, by the thread that runs it: whoever waits for it finds its answer, and who goes away
    /// leaves it to those who wait.
    answers: Arc<AsyncMutex<HashMap<Tried, Kept>>>,
}

struct Kept {
    at: Instant,
    configuration: CacheConfiguration,
    answer: WhatIf,
}

impl Summaries {
    /// What other values of a setting would have brought.
    ///
    /// # Errors
    ///
    /// If the simulation fails, which would be a mistake in it.
    pub async fn what_if(&self, tried: Tried) -> Result<WhatIf, StoreError> {
        let mut answers = Arc::clone(&self.simulator.answers).lock_owned().await;
        let ((_, configuration), now) = (self.configuration(), self.store.clock().instant());
        let holds = |kept: &&Kept| kept.configuration == configuration && now < kept.at + ANSWER_KEPT;
        if let Some(kept) = answers.get(&tried).filter(holds) {
            return Ok(kept.answer.clone());
        }
        let (cache, activity) = (self.cache.clone(), Arc::clone(&self.activity));
        let clock = self.store.clock().clone();
        let simulation = tokio::task::spawn_blocking(move || {
            let answer = simulate(&cache, clock.moment(), &activity, &configuration, tried);
            answers.insert(tried, Kept { at: now, configuration, answer: answer.clone() });
            answer
        });
        simulation.await.map_err(|_| StoreError::Panicked)
    }
}

fn simulate(
    cache: &SummaryCache,
    now: Moment,
    activity: &Arc<Activity>,
    configuration: &CacheConfiguration,
    tried: Tried,
) -> WhatIf {
    let trace = cache.with_observer(|recorder| recorder.snapshot(now));
    let predict = |setting| {
        let changed = setting_changed(configuration, tried, setting);
        trace.predict(&recording::scenario(&policy::settings(&changed, activity)))
    };
    let set = current(configuration, tried);
    let basis = predict(set);
    let point = |setting, prediction: Prediction| WhatIfPoint { setting, hit_ratio: prediction.hit_ratio };
    let mut settings: Vec<Setting> = match tried {
        Tried::Ttl(_) => TTLS.map(Setting::Ttl).to_vec(),
        Tried::Entries => ENTRIES.map(Setting::Entries).to_vec(),
        Tried::Bytes => BYTES.map(Setting::Bytes).to_vec(),
    };
    settings.push(set);
    settings.sort_unstable();
    settings.dedup();
    let points = settings.into_iter().map(|setting| point(setting, predict(setting))).collect();
    WhatIf { points, current: point(set, basis), basis }
}

/// The value that is set.
fn current(configuration: &CacheConfiguration, tried: Tried) -> Setting {
    match tried {
        Tried::Ttl(Kind::Enterprise) => Setting::Ttl(configuration.ttl.enterprise),
        Tried::Ttl(Kind::Department) => Setting::Ttl(configuration.ttl.department),
        Tried::Ttl(Kind::Details) => Setting::Ttl(configuration.ttl.default),
        Tried::Entries => Setting::Entries(configuration.entries_max),
        Tried::Bytes => Setting::Bytes(configuration.bytes_max),
    }
}

/// The configuration with one value changed: what an administrator would set, with everything that follows from it.
fn setting_changed(configuration: &CacheConfiguration, tried: Tried, setting: Setting) -> CacheConfiguration {
    let mut changed = configuration.clone();
    match (tried, setting) {
        (Tried::Ttl(Kind::Enterprise), Setting::Ttl(ttl)) => changed.ttl.enterprise = ttl,
        (Tried::Ttl(Kind::Department), Setting::Ttl(ttl)) => changed.ttl.department = ttl,
        (Tried::Ttl(Kind::Details), Setting::Ttl(ttl)) => changed.ttl.default = ttl,
        (_, Setting::Entries(entries)) => changed.entries_max = entries,
        (_, Setting::Bytes(bytes)) => changed.bytes_max = bytes,
        (Tried::Entries | Tried::Bytes, Setting::Ttl(_)) => {}
    }
    changed
}
