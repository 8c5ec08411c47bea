//! Shares of a full cache.

use super::support::*;
use super::{FIRST_OTHER, FIRST_PAGE, TestBody, TestKey};
use crate::cache::lru::Lru;
use crate::cache::{Cache, CacheSettings, CacheStatus, Loaded};
use crate::clock::Clock;

fn page(scope: u32, number: u32) -> TestKey {
    TestKey { scope, part: FIRST_PAGE + number }
}

fn other(scope: u32, number: u32) -> TestKey {
    TestKey { scope, part: FIRST_OTHER + number }
}

/// A cache of twenty entries.
fn small(clock: &Clock) -> TestCache {
    Cache::new(CacheSettings { entries_max: 20, ..settings() }, clock.clone(), 10)
}

async fn load(cache: &TestCache, clock: &Clock, keys: impl IntoIterator<Item = TestKey>) {
    for key in keys {
        request(cache, &key, Ok(body(clock, 10))).await.unwrap();
        cache.check().unwrap();
    }
}

fn present(cache: &TestCache, keys: impl IntoIterator<Item = TestKey>) -> usize {
    let present: Vec<_> = cache.entries(None, usize::MAX, |_| true).into_iter().map(|entry| entry.key).collect();
    keys.into_iter().filter(|key| present.iter().any(|own| **own == *key)).count()
}

#[tokio::test]
async fn pages_take_the_place_of_pages_alone() {
    let clock = noon();
    let cache = small(&clock);
    load(&cache, &clock, (0..10).map(|number| other(number, 0))).await;
    load(&cache, &clock, (0..1_100).map(|number| page(20, number))).await;
    assert_eq!(present(&cache, (0..10).map(|number| other(number, 0))), 10);
    assert_eq!(
        present(&cache, (1_090..1_100).map(|number| page(20, number))),
        10,
        "the newest pages have what is left"
    );
    // Others take what pages have beyond a half of all, and then the place of what was used least recently.
    load(&cache, &clock, (10..20).map(|number| other(number, 0))).await;
    assert_eq!(
        present(&cache, (0..20).map(|number| other(number, 0))),
        20 - present(&cache, (0..1_100).map(|number| page(20, number)))
    );
}

#[tokio::test]
async fn a_page_that_finds_a_full_cache_without_pages_is_not_kept() {
    let clock = noon();
    let cache = small(&clock);
    load(&cache, &clock, (0..20).map(|number| other(number, 0))).await;
    let answer = request(&cache, &page(0, 0), Ok(body(&clock, 10))).await;
    assert_eq!(seen(answer), (10, CacheStatus::Miss { stored: false }));
    assert_eq!(present(&cache, (0..20).map(|number| other(number, 0))), 20);
    cache.check().unwrap();
}

#[tokio::test]
async fn an_owner_with_more_than_a_quarter_makes_room_for_its_own() {
    let clock = noon();
    let cache = small(&clock);
    load(&cache, &clock, (1..15).map(|number| other(number, 0))).await;
    // Six are more than a quarter of twenty.
    load(&cache, &clock, (0..6).map(|number| other(20, number))).await;
    load(&cache, &clock, (6..200).map(|number| other(20, number))).await;
    assert_eq!(present(&cache, (1..15).map(|number| other(number, 0))), 14);
    // The same of pages, among those of others.
    let cache = small(&clock);
    load(&cache, &clock, (1..15).map(|number| page(number, 0))).await;
    load(&cache, &clock, (0..200).map(|number| page(20, number))).await;
    assert_eq!(present(&cache, (1..15).map(|number| page(number, 0))), 14);
}

#[tokio::test]
async fn whoever_is_alone_has_the_whole_cache_in_the_order_of_use() {
    let clock = noon();
    let cache = small(&clock);
    load(&cache, &clock, (0..20).map(|number| other(1, number))).await;
    assert!(cache.get(&other(1, 0)).is_some());
    load(&cache, &clock, [other(1, 20)]).await;
    assert_eq!((present(&cache, [other(1, 0)]), present(&cache, [other(1, 1)])), (1, 0));
}

#[tokio::test]
async fn a_used_entry_of_a_share_stays_before_one_that_is_not() {
    let clock = noon();
    let cache = small(&clock);
    load(&cache, &clock, (1..15).map(|number| other(number, 0))).await;
    load(&cache, &clock, (0..6).map(|number| other(20, number))).await;
    // A first round looks at each.
    load(&cache, &clock, (6..20).map(|number| other(20, number))).await;
    assert!(cache.get(&other(20, 15)).is_some());
    load(&cache, &clock, (20..24).map(|number| other(20, number))).await;
    assert_eq!(present(&cache, [other(20, 15)]), 1);
    assert_eq!(present(&cache, [other(20, 14), other(20, 16)]), 0);
}

#[tokio::test]
async fn shares_are_also_of_bytes() {
    let clock = noon();
    let weight = Lru::entry_bytes(&page(0, 0), &TestBody::new(10, 100));
    let cache = Cache::new(CacheSettings { bytes_max: 20 * weight, ..settings() }, clock.clone(), 10);
    load(&cache, &clock, (0..10).map(|number| other(number, 0))).await;
    for number in 0..100 {
        let large = Loaded { value: Some(TestBody::new(10, 3 * weight)), ..body(&clock, 10) };
        request(&cache, &page(20, number), Ok(large)).await.unwrap();
        cache.check().unwrap();
    }
    assert_eq!(present(&cache, (0..10).map(|number| other(number, 0))), 10);
}
