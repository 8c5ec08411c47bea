//! Entries and bytes: never exceeded, whatever comes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::*;
use super::{TestBody, TestKey};
use crate::cache::lru::Lru;
use crate::cache::{Cache, CacheStatus, Loaded, Settings};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn ten_thousand_keys_never_exceed_a_thousand_entries_or_a_mebibyte() {
    let clock = noon();
    let cache = Cache::new(Settings::new(1_000, MIB, |_| HOUR), clock.clone(), 10);
    let day = clock.now().day();
    let ask = async |number: u32, bytes: usize| {
        let load = move || async move {
            Ok::<_, &'static str>(Loaded { as_of: 10, day, value: Some(TestBody::new(10, bytes)) })
        };
        cache.get_or_load(&TestKey { scope: number, part: 0 }, load).await.unwrap();
        cache.check().unwrap();
    };
    // First the entries are the bound, then the bytes.
    for number in 0..5_000 {
        ask(number, 100).await;
    }
    assert_eq!((cache.entry_totals().entries, cache.stats().removals.size), (1_000, 4_000));
    for number in 5_000..10_000 {
        ask(number, 3_000 + (number as usize * 37) % 2_000).await;
    }
    let (totals, stats) = (cache.entry_totals(), cache.stats());
    assert!(totals.entries < 350 && totals.bytes <= MIB && totals.bytes > MIB - 6_000, "{totals:?}");
    let removed = stats.removals.size + stats.removals.bytes;
    assert_eq!(removed, 10_000 - totals.entries as u64, "each entry that went was counted once");
    assert!(cache.get(&TestKey { scope: 9_999, part: 0 }).is_some(), "the last one is there");
}

#[tokio::test]
async fn the_least_recently_used_goes_first() {
    let clock = noon();
    let cache = Cache::new(Settings { entries_max: 2, ..settings() }, clock.clone(), 10);
    let c = TestKey { scope: 3, part: 0 };
    for key in [&A, &B] {
        ask(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    assert!(cache.get(&A).is_some());
    ask(&cache, &c, Ok(body(&clock, 10))).await.unwrap();
    assert!(cache.get(&B).is_none());
    assert!(cache.get(&A).is_some() && cache.get(&c).is_some());
}

#[tokio::test]
async fn a_bound_that_changes_holds_at_once() {
    let clock = noon();
    let cache = test_cache(&clock);
    for scope in 0..100 {
        ask(&cache, &TestKey { scope, part: 0 }, Ok(body(&clock, 10))).await.unwrap();
    }
    cache.configure(Settings { entries_max: 40, ..settings() });
    assert_eq!((cache.entry_totals().entries, cache.stats().removals.size), (40, 60));
    let weight = Lru::entry_bytes(&A, &TestBody::new(10, 100));
    cache.configure(Settings { bytes_max: 10 * weight, ..settings() });
    assert_eq!((cache.entry_totals().bytes, cache.stats().removals.bytes), (10 * weight, 30));
    assert!(
        cache.get(&TestKey { scope: 90, part: 0 }).is_some() && cache.get(&TestKey { scope: 89, part: 0 }).is_none()
    );
    cache.check().unwrap();
}

#[tokio::test]
async fn a_body_larger_than_everything_may_be_is_served_and_not_kept() {
    let clock = noon();
    let cache = Cache::new(Settings { bytes_max: 10_000, ..settings() }, clock.clone(), 10);
    ask(&cache, &B, Ok(body(&clock, 10))).await.unwrap();
    let large = Loaded { value: Some(TestBody::new(10, 10_000)), ..body(&clock, 10) };
    assert_eq!(seen(ask(&cache, &A, Ok(large)).await), (10, CacheStatus::Miss { stored: false }));
    assert!(cache.get(&A).is_none());
    assert!(cache.get(&B).is_some(), "and nothing makes room for it in vain");
    cache.configure(Settings { entries_max: 0, ..settings() });
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: false }));
    cache.check().unwrap();
}

#[tokio::test]
async fn a_form_that_is_added_later_counts() {
    let clock = noon();
    let weight = Lru::entry_bytes(&A, &TestBody::new(10, 100));
    let cache = Cache::new(Settings { bytes_max: 2 * weight + 50, ..settings() }, clock.clone(), 10);
    for key in [&A, &B] {
        ask(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    let b = cache.get(&B).unwrap().value;
    b.bytes.store(140, Ordering::SeqCst);
    cache.update_bytes(&B, &b);
    assert_eq!(cache.entry_totals().bytes, 2 * weight + 40);
    b.bytes.store(160, Ordering::SeqCst);
    cache.update_bytes(&B, &b);
    assert_eq!((cache.entry_totals().bytes, cache.stats().removals.bytes), (weight + 60, 1), "A had to go");
    // A body that is no longer the entry's weighs nothing.
    cache.publish(11, [(&B.scope, 11)]);
    ask(&cache, &B, Ok(body(&clock, 11))).await.unwrap();
    cache.update_bytes(&B, &b);
    assert_eq!(cache.entry_totals().bytes, weight);
    cache.check().unwrap();
}

#[tokio::test]
async fn what_outgrows_everything_goes_alone() {
    let clock = noon();
    let weight = Lru::entry_bytes(&A, &TestBody::new(10, 100));
    let cache = Cache::new(Settings { bytes_max: 3 * weight, ..settings() }, clock.clone(), 10);
    for key in [&A, &B] {
        ask(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    // A form that makes an entry larger than all together may be, and a bound that falls below an entry.
    let b = cache.get(&B).unwrap().value;
    b.bytes.store(3 * weight, Ordering::SeqCst);
    cache.update_bytes(&B, &b);
    assert!(cache.get(&B).is_none());
    assert!(cache.get(&A).is_some(), "nothing makes room for it in vain");
    let large = Loaded { value: Some(TestBody::new(10, 2 * weight - 100)), ..body(&clock, 10) };
    cache.configure(settings());
    ask(&cache, &B, Ok(large)).await.unwrap();
    cache.configure(Settings { bytes_max: 2 * weight, ..settings() });
    assert!(cache.get(&B).is_none() && cache.get(&A).is_some());
    assert_eq!((cache.stats().removals.bytes, cache.stats().removals.size), (2, 0));
    cache.check().unwrap();
}

#[tokio::test]
async fn a_sweep_takes_what_may_not_even_be_served_stale() {
    let clock = noon();
    let cache = test_cache(&clock);
    ask(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    clock.advance(HOUR);
    ask(&cache, &B, Ok(body(&clock, 10))).await.unwrap();
    assert_eq!((cache.entry_totals().entries, cache.entry_totals().expired, cache.sweep()), (1, 1, 0));
    clock.advance(Duration::from_mins(10));
    assert_eq!(cache.sweep(), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!((cache.sweep(), cache.sweep()), (1, 0));
    assert_eq!(cache.stats().removals.expired, 1);
    assert_eq!(cache.entry_totals().last_sweep, Some(clock.now()));
    assert!(cache.get(&B).is_some());
}
