//! The numbers are exact, and an entry stands in for a failed load within its limits only.

use std::time::Duration;

use super::TestKey;
use super::support::*;
use crate::cache::{Cache, CacheStatus, Loaded, Removals, Settings};

#[tokio::test]
async fn a_scripted_log_gives_exactly_the_predicted_numbers() {
    let clock = noon();
    let cache = Cache::new(Settings { entries_max: 3, ..settings() }, clock.clone(), 10);
    let key = |scope| TestKey { scope, part: 0 };
    // Three misses, three loads, two hits.
    for scope in [1, 2, 3, 1, 2] {
        ask(&cache, &key(scope), Ok(body(&clock, 10))).await.unwrap();
    }
    // A miss; 3 is the least recently used and goes.
    ask(&cache, &key(4), Ok(body(&clock, 10))).await.unwrap();
    // A miss and a load that finds nothing; then a 304 from the row alone.
    assert!(ask(&cache, &key(5), Ok(Loaded { value: None, ..body(&clock, 10) })).await.unwrap().is_none());
    assert!(cache.get(&key(3)).is_none());
    cache.count_revalidated(&B);
    // 1 is invalidated, 2 and 4 stay; a load of 3 is coalesced once.
    cache.publish(11, [(&1, 11)]);
    let mut held = Held::ask(&cache, &key(3));
    held.begun().await;
    let joins = Held::ask(&cache, &key(3));
    until(|| cache.stats().coalesced == 1).await;
    held.bring(Ok(body(&clock, 11))).await.unwrap();
    assert_eq!(seen(joins.asker.await.unwrap()), (11, CacheStatus::Coalesced));
    // 2 outlives its TTL; a failing load is a miss, a failure, and stale. A hit of a 304 is a hit.
    clock.advance(HOUR);
    assert_eq!(seen(ask(&cache, &key(2), Err("disk")).await), (10, CacheStatus::Stale));
    ask(&cache, &key(2), Ok(body(&clock, 11))).await.unwrap();
    assert!(cache.get(&key(2)).is_some());
    // 3 and 4 outlive all; then what is left is cleared, and two more make it a mass invalidation.
    clock.advance(Duration::from_mins(11));
    assert_eq!((cache.sweep(), cache.clear()), (2, 1));
    for scope in [6, 7] {
        ask(&cache, &key(scope), Ok(body(&clock, 11))).await.unwrap();
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
async fn an_entry_stands_in_for_a_failed_load_for_so_long_and_no_longer() {
    let clock = noon();
    let cache = test_cache(&clock);
    ask(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    clock.advance(HOUR + Duration::from_mins(10));
    let answer = ask(&cache, &A, Err("disk")).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.age), (CacheStatus::Stale, HOUR + Duration::from_mins(10)));
    clock.advance(Duration::from_millis(1));
    assert!(ask(&cache, &A, Err("disk")).await.is_err());
    assert_eq!(cache.stats().stale, 1);
}

#[tokio::test]
async fn while_publications_may_be_missing_an_entry_stands_in_for_as_long_and_no_longer() {
    let clock = noon();
    let cache = test_cache(&clock);
    ask(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    clock.advance(HOUR / 4);
    cache.suspend();
    clock.advance(Duration::from_mins(10));
    // Whoever says it again does not say that it began again.
    cache.suspend();
    assert_eq!(seen(ask(&cache, &A, Err("disk")).await), (10, CacheStatus::Stale));
    assert_eq!(cache.sweep(), 0);
    clock.advance(Duration::from_millis(1));
    assert!(ask(&cache, &A, Err("disk")).await.is_err(), "although its TTL runs");
    assert_eq!((cache.sweep(), cache.stats().stale), (1, 1));
}

#[tokio::test]
async fn an_entry_that_lacks_a_write_never_stands_in() {
    let clock = noon();
    let cache = test_cache(&clock);
    ask(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    cache.publish(11, [(&A.scope, 11)]);
    assert!(ask(&cache, &A, Err("disk")).await.is_err());
    assert_eq!(cache.stats().stale, 0);
}

#[tokio::test]
async fn hits_save_what_their_load_took() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut held = Held::ask(&cache, &A);
    held.begun().await;
    clock.advance(Duration::from_millis(40));
    held.bring(Ok(body(&clock, 10))).await.unwrap();
    for _ in 0..3 {
        assert!(cache.get(&A).is_some());
    }
    let stats = cache.stats();
    assert_eq!(stats.saved, Duration::from_millis(120));
    let max = stats.load_durations.max().as_millis();
    assert_eq!(max, 40);
}

#[tokio::test]
async fn entries_are_listed_in_pages_and_counted_by_what_is_left_of_them() {
    let clock = noon();
    let ttl = |key: &TestKey| if key.scope == 1 { HOUR } else { 2 * HOUR };
    let cache = Cache::new(Settings::new(100, 1 << 20, ttl), clock.clone(), 10);
    for (scope, part) in [(2, 1), (1, 0), (1, 1), (2, 0)] {
        ask(&cache, &TestKey { scope, part }, Ok(body(&clock, 10))).await.unwrap();
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
