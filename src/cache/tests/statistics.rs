//! The counters are exact, and an expired entry is served for a failed load only within its limits.

use std::time::Duration;

use super::TestKey;
use super::support::*;
use crate::cache::{Cache, CacheSettings, CacheStatus, Loaded, Removals};

#[tokio::test]
async fn a_scripted_sequence_gives_exact_counters() {
    let clock = noon();
    let cache = Cache::new(CacheSettings { entries_max: 3, ..settings() }, clock.clone(), 10);
    let key = |scope| TestKey { scope, part: 0 };
    // Three misses, three loads, two hits.
    for scope in [1, 2, 3, 1, 2] {
        request(&cache, &key(scope), Ok(body(&clock, 10))).await.unwrap();
    }
    // A miss; 3 is the least recently used entry and is evicted.
    request(&cache, &key(4), Ok(body(&clock, 10))).await.unwrap();
    // A miss and a load that finds nothing; then a 304 without a load.
    assert!(request(&cache, &key(5), Ok(Loaded { value: None, ..body(&clock, 10) })).await.unwrap().is_none());
    assert!(cache.get(&key(3)).is_none());
    cache.count_revalidated(&B);
    // 1 is invalidated, 2 and 4 stay; a load of 3 is coalesced once.
    cache.publish(11, [(&1, 11)]);
    let mut held = ControlledLoad::request(&cache, &key(3));
    held.started().await;
    let joins = ControlledLoad::request(&cache, &key(3));
    until(|| cache.stats().coalesced == 1).await;
    held.finish(Ok(body(&clock, 11))).await.unwrap();
    assert_eq!(seen(joins.request.await.unwrap()), (11, CacheStatus::Coalesced));
    // 2 expires; a failing load is a miss, a failure, and stale. The next load is a miss and followed by a hit.
    clock.advance(HOUR);
    assert_eq!(seen(request(&cache, &key(2), Err("disk")).await), (10, CacheStatus::Stale));
    request(&cache, &key(2), Ok(body(&clock, 11))).await.unwrap();
    assert!(cache.get(&key(2)).is_some());
    // 3 and 4 are swept; then the one that is left is cleared, and clearing two more is a mass invalidation.
    clock.advance(Duration::from_mins(11));
    assert_eq!((cache.sweep(), cache.clear()), (2, 1));
    for scope in [6, 7] {
        request(&cache, &key(scope), Ok(body(&clock, 11))).await.unwrap();
    }
    assert_eq!(cache.clear(), 2);
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.coalesced, stats.revalidated, stats.stale), (3, 12, 1, 1, 1));
    assert_eq!((stats.loads, stats.load_failures, stats.mass_invalidations), (10, 1, 1));
    let removals = Removals { expired: 2, replaced: 1, size: 1, bytes: 0, invalidated: 1, cleared: 3 };
    assert_eq!(stats.removals, removals);
    assert_eq!((stats.hit_durations.len(), stats.load_durations.len()), (3, 10));
    cache.check().unwrap();
}

#[tokio::test]
async fn an_expired_entry_is_served_for_a_failed_load_within_stale_if_error_only() {
    let clock = noon();
    let cache = test_cache(&clock);
    request(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    clock.advance(HOUR + Duration::from_mins(10));
    let answer = request(&cache, &A, Err("disk")).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.age), (CacheStatus::Stale, HOUR + Duration::from_mins(10)));
    clock.advance(Duration::from_millis(1));
    assert!(request(&cache, &A, Err("disk")).await.is_err());
    assert_eq!(cache.stats().stale, 1);
}

#[tokio::test]
async fn while_suspended_an_entry_is_served_for_a_failed_load_within_stale_if_error_only() {
    let clock = noon();
    let cache = test_cache(&clock);
    request(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    clock.advance(HOUR / 4);
    cache.suspend();
    clock.advance(Duration::from_mins(10));
    // A second call does not restart the time.
    cache.suspend();
    assert_eq!(seen(request(&cache, &A, Err("disk")).await), (10, CacheStatus::Stale));
    assert_eq!(cache.sweep(), 0);
    clock.advance(Duration::from_millis(1));
    assert!(request(&cache, &A, Err("disk")).await.is_err(), "although its TTL has not expired");
    assert_eq!((cache.sweep(), cache.stats().stale), (1, 1));
}

#[tokio::test]
async fn an_outdated_entry_is_never_served_for_a_failed_load() {
    let clock = noon();
    let cache = test_cache(&clock);
    request(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    cache.publish(11, [(&A.scope, 11)]);
    assert!(request(&cache, &A, Err("disk")).await.is_err());
    assert_eq!(cache.stats().stale, 0);
}

#[tokio::test]
async fn a_hit_saves_the_duration_of_its_load() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut held = ControlledLoad::request(&cache, &A);
    held.started().await;
    clock.advance(Duration::from_millis(40));
    held.finish(Ok(body(&clock, 10))).await.unwrap();
    for _ in 0..3 {
        assert!(cache.get(&A).is_some());
    }
    let stats = cache.stats();
    assert_eq!(stats.saved, Duration::from_millis(120));
    let max = stats.load_durations.max().as_millis();
    assert_eq!(max, 40);
}

#[tokio::test]
async fn entries_are_listed_in_pages_and_counted_by_the_rest_of_their_ttl() {
    let clock = noon();
    let ttl = |key: &TestKey| if key.scope == 1 { HOUR } else { 2 * HOUR };
    let cache = Cache::new(CacheSettings::new(100, 1 << 20, ttl), clock.clone(), 10);
    for (scope, part) in [(2, 1), (1, 0), (1, 1), (2, 0)] {
        request(&cache, &TestKey { scope, part }, Ok(body(&clock, 10))).await.unwrap();
    }
    clock.advance(Duration::from_mins(56));
    for _ in 0..2 {
        assert!(cache.get(&TestKey { scope: 2, part: 1 }).is_some());
    }
    let keys = |views: Vec<crate::cache::EntryView<TestKey>>| -> Vec<(u32, u32)> {
        views.iter().map(|view| (view.key.scope, view.key.part)).collect()
    };
    let first = cache.entries(None, 3, |_| true);
    let last = first[2].key.clone();
    assert_eq!(first[0].ttl_left, Duration::from_mins(4));
    assert_eq!(keys(first), [(1, 0), (1, 1), (2, 0)]);
    assert_eq!(keys(cache.entries(Some(&last), 3, |_| true)), [(2, 1)]);
    assert_eq!(keys(cache.entries(None, 3, |key| key.part == 1)), [(1, 1), (2, 1)]);
    let most = cache.most_accessed(1);
    assert_eq!((most[0].accesses, most[0].as_of, most[0].fresh), (2, 10, true));
    let totals = cache.entry_totals();
    assert_eq!((totals.entries, totals.accesses_total), (4, 2));
    assert_eq!((totals.expiring_soon, totals.expiring_within_hour, totals.expiring_later), (2, 0, 2));
    clock.advance(Duration::from_mins(4));
    let totals = cache.entry_totals();
    assert_eq!((totals.entries, totals.expired, totals.age_total), (2, 2, 2 * HOUR));
    let listed = cache.entries(None, 1, |_| true);
    assert_eq!((listed[0].fresh, listed[0].ttl_left), (false, Duration::ZERO));
}
