//! The bounds on entries and bytes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::*;
use super::{TestBody, TestKey};
use crate::cache::lru::Lru;
use crate::cache::{Cache, CacheSettings, CacheStatus, Loaded};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn ten_thousand_keys_never_exceed_a_thousand_entries_or_a_mebibyte() {
    let clock = noon();
    let cache = Cache::new(CacheSettings::new(1_000, MIB, |_| HOUR), clock.clone(), 10);
    let day = clock.now().day();
    let request = async |number: u32, bytes: usize| {
        let load = move || async move {
            Ok::<_, &'static str>(Loaded { as_of: 10, day, value: Some(TestBody::new(10, bytes)) })
        };
        cache.get_or_load(&TestKey { scope: number, part: 0 }, load).await.unwrap();
        cache.check().unwrap();
    };
    // First the bound on entries is reached, then the bound on bytes.
    for number in 0..5_000 {
        request(number, 100).await;
    }
    assert_eq!((cache.entry_totals().entries, cache.stats().removals.size), (1_000, 4_000));
    for number in 5_000..10_000 {
        request(number, 3_000 + (number as usize * 37) % 2_000).await;
    }
    let (totals, stats) = (cache.entry_totals(), cache.stats());
    assert!(totals.entries < 350 && totals.bytes <= MIB && totals.bytes > MIB - 6_000, "{totals:?}");
    let removed = stats.removals.size + stats.removals.bytes;
    assert_eq!(removed, 10_000 - totals.entries as u64, "each removed entry was counted once");
    assert!(cache.get(&TestKey { scope: 9_999, part: 0 }).is_some(), "the last entry is present");
}

#[tokio::test]
async fn the_least_recently_used_entry_is_evicted_first() {
    let clock = noon();
    let cache = Cache::new(CacheSettings { entries_max: 2, ..settings() }, clock.clone(), 10);
    let c = TestKey { scope: 3, part: 0 };
    for key in [&A, &B] {
        request(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    assert!(cache.get(&A).is_some());
    request(&cache, &c, Ok(body(&clock, 10))).await.unwrap();
    assert!(cache.get(&B).is_none());
    assert!(cache.get(&A).is_some() && cache.get(&c).is_some());
}

#[tokio::test]
async fn a_changed_bound_applies_at_once() {
    let clock = noon();
    let cache = test_cache(&clock);
    for scope in 0..100 {
        request(&cache, &TestKey { scope, part: 0 }, Ok(body(&clock, 10))).await.unwrap();
    }
    cache.configure(CacheSettings { entries_max: 40, ..settings() });
    assert_eq!((cache.entry_totals().entries, cache.stats().removals.size), (40, 60));
    let weight = Lru::entry_bytes(&A, &TestBody::new(10, 100));
    cache.configure(CacheSettings { bytes_max: 10 * weight, ..settings() });
    assert_eq!((cache.entry_totals().bytes, cache.stats().removals.bytes), (10 * weight, 30));
    assert!(
        cache.get(&TestKey { scope: 90, part: 0 }).is_some() && cache.get(&TestKey { scope: 89, part: 0 }).is_none()
    );
    cache.check().unwrap();
}

#[tokio::test]
async fn a_body_larger_than_the_bound_is_served_and_not_stored() {
    let clock = noon();
    let cache = Cache::new(CacheSettings { bytes_max: 10_000, ..settings() }, clock.clone(), 10);
    request(&cache, &B, Ok(body(&clock, 10))).await.unwrap();
    let large = Loaded { value: Some(TestBody::new(10, 10_000)), ..body(&clock, 10) };
    assert_eq!(seen(request(&cache, &A, Ok(large)).await), (10, CacheStatus::Miss { stored: false }));
    assert!(cache.get(&A).is_none());
    assert!(cache.get(&B).is_some(), "and no entry is evicted for it");
    cache.configure(CacheSettings { entries_max: 0, ..settings() });
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: false }));
    cache.check().unwrap();
}

#[tokio::test]
async fn the_size_of_a_form_that_is_added_later_is_counted() {
    let clock = noon();
    let weight = Lru::entry_bytes(&A, &TestBody::new(10, 100));
    let cache = Cache::new(CacheSettings { bytes_max: 2 * weight + 50, ..settings() }, clock.clone(), 10);
    for key in [&A, &B] {
        request(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    let b = cache.get(&B).unwrap().value;
    b.bytes.store(140, Ordering::SeqCst);
    cache.update_bytes(&B, &b);
    assert_eq!(cache.entry_totals().bytes, 2 * weight + 40);
    b.bytes.store(160, Ordering::SeqCst);
    cache.update_bytes(&B, &b);
    assert_eq!((cache.entry_totals().bytes, cache.stats().removals.bytes), (weight + 60, 1), "A was evicted");
    // The size of a body that the entry no longer has is ignored.
    cache.publish(11, [(&B.scope, 11)]);
    request(&cache, &B, Ok(body(&clock, 11))).await.unwrap();
    cache.update_bytes(&B, &b);
    assert_eq!(cache.entry_totals().bytes, weight);
    cache.check().unwrap();
}

#[tokio::test]
async fn an_entry_that_outgrows_the_bound_is_removed_alone() {
    let clock = noon();
    let weight = Lru::entry_bytes(&A, &TestBody::new(10, 100));
    let cache = Cache::new(CacheSettings { bytes_max: 3 * weight, ..settings() }, clock.clone(), 10);
    for key in [&A, &B] {
        request(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    // A form that makes one entry exceed the bound by itself, and a bound that is lowered below one entry.
    let b = cache.get(&B).unwrap().value;
    b.bytes.store(3 * weight, Ordering::SeqCst);
    cache.update_bytes(&B, &b);
    assert!(cache.get(&B).is_none());
    assert!(cache.get(&A).is_some(), "no entry is evicted for it");
    let large = Loaded { value: Some(TestBody::new(10, 2 * weight - 100)), ..body(&clock, 10) };
    cache.configure(settings());
    request(&cache, &B, Ok(large)).await.unwrap();
    cache.configure(CacheSettings { bytes_max: 2 * weight, ..settings() });
    assert!(cache.get(&B).is_none() && cache.get(&A).is_some());
    assert_eq!((cache.stats().removals.bytes, cache.stats().removals.size), (2, 0));
    cache.check().unwrap();
}

#[tokio::test]
async fn a_sweep_removes_entries_that_may_not_even_be_served_stale() {
    let clock = noon();
    let cache = test_cache(&clock);
    request(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    clock.advance(HOUR);
    request(&cache, &B, Ok(body(&clock, 10))).await.unwrap();
    assert_eq!((cache.entry_totals().entries, cache.entry_totals().expired, cache.sweep()), (1, 1, 0));
    clock.advance(Duration::from_mins(10));
    assert_eq!(cache.sweep(), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!((cache.sweep(), cache.sweep()), (1, 0));
    assert_eq!(cache.stats().removals.expired, 1);
    assert_eq!(cache.entry_totals().last_sweep, Some(clock.now()));
    assert!(cache.get(&B).is_some());
}
