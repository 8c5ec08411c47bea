//! The TTL of each key, by the configuration and the write activity of its enterprise.

use std::sync::Arc;
use std::time::Duration;

use super::key::{SummaryKey, SummaryKind};
use super::write_activity::WriteActivity;
use crate::cache::CacheSettings;
use crate::domain::cache_configuration::{ActivityLimits, CacheConfiguration, TtlSettings};

/// The cache's settings for a configuration.
pub(super) fn settings(configuration: &CacheConfiguration, activity: &Arc<WriteActivity>) -> CacheSettings<SummaryKey> {
    let (ttl, limits, activity) = (configuration.ttl, configuration.activity, Arc::clone(activity));
    let settings = CacheSettings::new(configuration.entries_max, configuration.bytes_max, move |key| {
        by_activity(by_kind(&ttl, key), &ttl, limits, key, &activity)
    });
    CacheSettings { stale_if_error: configuration.stale_if_error, ..settings }
}

fn by_kind(ttl: &TtlSettings, key: &SummaryKey) -> Duration {
    match key.kind() {
        SummaryKind::Enterprise => ttl.enterprise,
        SummaryKind::Department => ttl.department,
        SummaryKind::Details => ttl.default,
    }
}

/// The TTL of a key whose kind has the TTL `usual`. The activity is read only if it could change the TTL.
fn by_activity(
    usual: Duration,
    ttl: &TtlSettings,
    limits: ActivityLimits,
    key: &SummaryKey,
    activity: &WriteActivity,
) -> Duration {
    let could_be_shorter = ttl.high_activity < usual && activity.reaches_hourly(limits.high_per_hour);
    let could_be_longer = ttl.low_activity > usual && limits.low_per_day > 0 && activity.has_whole_day();
    if !could_be_shorter && !could_be_longer {
        return usual;
    }
    let writes = activity.of(&key.of().enterprise);
    if writes.last_hour >= limits.high_per_hour {
        usual.min(ttl.high_activity)
    } else if writes.last_day.is_some_and(|writes| writes < limits.low_per_day) {
        usual.max(ttl.low_activity)
    } else {
        usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::directory::Scope;
    use crate::domain::ids::{DepartmentId, EnterpriseId};
    use crate::domain::time::Timestamp;
    use crate::store::Publication;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn high_activity_shortens_and_low_activity_lengthens_the_ttls_of_an_enterprise() {
        let clock = Clock::manual(Timestamp::parse("2026-11-22T08:00:00Z").unwrap());
        let activity = Arc::new(WriteActivity::new(clock.clone()));
        let acme = Scope::enterprise(EnterpriseId::parse("acme").unwrap());
        let sales = Scope::department(acme.enterprise.clone(), DepartmentId::parse("sales").unwrap());
        let write = |revision: i64, writes: u32| {
            let scopes = vec![(acme.clone(), revision)];
            activity.record(&Publication { revision, scopes, writes: Some(vec![writes]) });
        };
        let check = |configuration: &CacheConfiguration, expected: [u64; 2]| {
            let settings = settings(configuration, &activity);
            let minutes = |scope: &Scope| (settings.ttl)(&SummaryKey::summary(scope.clone())).as_secs() / 60;
            assert_eq!([minutes(&acme), minutes(&sales)], expected);
        };
        let usual = CacheConfiguration::default();
        let mut other = usual.clone();
        // A TTL for high activity that is longer than usual, or for low activity that is shorter, has no effect.
        other.ttl.high_activity = 300 * MINUTE;
        other.ttl.low_activity = 10 * MINUTE;
        let mut never_low = usual.clone();
        never_low.activity.low_per_day = 0;

        write(1, 59);
        check(&usual, [60, 30]);
        write(2, 1);
        check(&usual, [15, 15]);
        check(&other, [60, 30]);
        clock.advance(60 * MINUTE);
        check(&usual, [15, 15]);
        clock.advance(MINUTE);
        check(&usual, [60, 30]);
        clock.advance(23 * 60 * MINUTE);
        check(&usual, [60, 30]);
        clock.advance(15 * MINUTE);
        check(&usual, [120, 120]);
        check(&other, [60, 30]);
        check(&never_low, [60, 30]);
        write(3, 1);
        check(&usual, [60, 30]);
    }
}
