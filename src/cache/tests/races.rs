//! Changes during a load: publications, clears, resets, settings.

use std::time::Duration;

use super::support::*;
use crate::cache::{Cache, CacheSettings, CacheStatus, LoadError};
use crate::domain::time::Timestamp;

const STORED: CacheStatus = CacheStatus::Miss { stored: true };
const NOT_STORED: CacheStatus = CacheStatus::Miss { stored: false };

#[tokio::test]
async fn a_value_from_before_a_write_is_returned_only_to_requests_from_before_it() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut before = ControlledLoad::request(&cache, &A);
    before.started().await;
    cache.publish(11, [(&A.scope, 11)]);
    // A request after the write: it must not get the value of the running load.
    let mut after = ControlledLoad::request(&cache, &A);
    until(|| cache.stats().misses == 2).await;
    assert!(!after.has_started(), "a key has one running load");
    assert_eq!(seen(before.finish(Ok(body(&clock, 10))).await), (10, NOT_STORED));
    after.started().await;
    assert!(cache.get(&A).is_none());
    assert_eq!(seen(after.finish(Ok(body(&clock, 11))).await), (11, STORED));
    assert_eq!(seen(request(&cache, &A, Err("no load")).await), (11, CacheStatus::Hit));
    cache.check().unwrap();
}

#[tokio::test]
async fn the_value_of_a_load_that_saw_a_write_before_its_publication_is_stored() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut held = ControlledLoad::request(&cache, &A);
    held.started().await;
    cache.publish(11, [(&A.scope, 11)]);
    assert_eq!(seen(held.finish(Ok(body(&clock, 11))).await), (11, STORED));
    cache.publish(11, [(&A.scope, 11)]);
    assert_eq!(cache.get(&A).unwrap().as_of, 11, "a repeated publication removes nothing");
}

#[tokio::test]
async fn a_publication_for_one_scope_invalidates_no_other() {
    let clock = noon();
    let cache = test_cache(&clock);
    for key in [&A, &B] {
        request(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    cache.publish(11, [(&A.scope, 11)]);
    assert!(cache.get(&A).is_none());
    assert_eq!(cache.get(&B).unwrap().as_of, 10);
    assert_eq!((cache.stats().removals.invalidated, cache.stats().mass_invalidations), (1, 0));
}

#[tokio::test]
async fn a_value_from_before_a_clear_is_not_stored() {
    type Clear = fn(&TestCache);
    let clears: [(&str, Clear); 4] = [
        ("clear", |cache| assert_eq!(cache.clear(), 0)),
        ("clear_where", |cache| assert_eq!(cache.clear_where(|key| key.scope == A.scope), 0)),
        ("remove", |cache| assert!(!cache.remove(&A))),
        ("doubt", |cache| cache.reset_to(10)),
    ];
    for (name, clear) in clears {
        let clock = noon();
        let cache = test_cache(&clock);
        let mut before = ControlledLoad::request(&cache, &A);
        before.started().await;
        clear(&cache);
        let mut after = ControlledLoad::request(&cache, &A);
        until(|| cache.stats().misses == 2).await;
        assert_eq!(cache.stats().coalesced, 0, "{name}: the running load is superseded");
        assert_eq!(seen(before.finish(Ok(body(&clock, 10))).await), (10, NOT_STORED), "{name}");
        assert!(cache.get(&A).is_none(), "{name}");
        after.started().await;
        assert_eq!(seen(after.finish(Ok(body(&clock, 10))).await), (10, STORED), "{name}");
        cache.check().unwrap();
    }
}

#[tokio::test]
async fn a_value_whose_request_was_cancelled_is_returned_to_the_requests_that_joined_before_the_change() {
    type Change = fn(&TestCache);
    let changes: [(&str, i64, Change); 3] = [
        ("a write", 11, |cache| cache.publish(11, [(&A.scope, 11)])),
        ("a clear", 10, |cache| assert_eq!(cache.clear(), 0)),
        ("a drop", 10, |cache| assert!(!cache.remove(&A))),
    ];
    for (name, newest, change) in changes {
        let clock = noon();
        let cache = test_cache(&clock);
        let mut first = ControlledLoad::request(&cache, &A);
        first.started().await;
        let joined = ControlledLoad::request(&cache, &A);
        until(|| cache.stats().coalesced == 1).await;
        first.request.abort();
        change(&cache);
        let mut after = ControlledLoad::request(&cache, &A);
        until(|| cache.entry_totals().loads == 2).await;
        assert!(first.finish_task(Ok(body(&clock, 10))).await.unwrap_err().is_cancelled(), "{name}");
        assert_eq!(seen(joined.request.await.unwrap()), (10, CacheStatus::Coalesced), "{name}");
        after.started().await;
        assert!(cache.get(&A).is_none(), "{name}: it is not stored");
        assert_eq!(seen(after.finish(Ok(body(&clock, newest))).await), (newest, STORED), "{name}");
        assert_eq!((cache.stats().loads, cache.entry_totals().loads), (2, 0), "{name}");
        cache.check().unwrap();
    }
}

#[tokio::test]
async fn the_waiting_load_runs_although_its_request_was_cancelled() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut running = ControlledLoad::request(&cache, &A);
    running.started().await;
    cache.publish(11, [(&A.scope, 11)]);
    let mut waiting = ControlledLoad::request(&cache, &A);
    until(|| cache.entry_totals().loads == 2).await;
    let joined = ControlledLoad::request(&cache, &A);
    until(|| cache.stats().coalesced == 1).await;
    waiting.request.abort();
    assert_eq!(seen(running.finish(Ok(body(&clock, 10))).await), (10, NOT_STORED));
    waiting.started().await;
    assert!(waiting.finish_task(Ok(body(&clock, 11))).await.unwrap_err().is_cancelled());
    assert_eq!(seen(joined.request.await.unwrap()), (11, CacheStatus::Coalesced));
    assert_eq!(cache.get(&A).unwrap().as_of, 11);
    assert_eq!(cache.stats().loads, 2);
}

#[tokio::test]
async fn a_value_is_stored_although_other_keys_were_cleared() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut held = ControlledLoad::request(&cache, &A);
    held.started().await;
    cache.clear_where(|key| key.scope == B.scope);
    assert_eq!(seen(held.finish(Ok(body(&clock, 10))).await), (10, STORED));
}

#[tokio::test]
async fn a_changed_ttl_applies_to_entries_and_to_running_loads() {
    let clock = noon();
    let cache = test_cache(&clock);
    request(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    let mut held = ControlledLoad::request(&cache, &B);
    held.started().await;
    clock.advance(HOUR / 2);
    let quarter = |_: &_| HOUR / 4;
    cache.configure(CacheSettings {
        stale_if_error: settings().stale_if_error,
        ..CacheSettings::new(1_000, 1 << 30, quarter)
    });
    assert!(cache.get(&A).is_none(), "expired under the new TTL");
    // B's load started half an hour ago.
    assert_eq!(seen(held.finish(Ok(body(&clock, 10))).await), (10, NOT_STORED));
    cache.configure(settings());
    assert_eq!(cache.get(&A).unwrap().ttl_left, HOUR / 2, "fresh again under the old TTL");
}

#[tokio::test]
async fn a_value_is_stored_under_a_ttl_that_was_raised_during_its_load() {
    let clock = noon();
    let ttl = |minutes| CacheSettings { ttl: std::sync::Arc::new(move |_| Duration::from_mins(minutes)), ..settings() };
    let cache = Cache::new(ttl(1), clock.clone(), 10);
    let mut held = ControlledLoad::request(&cache, &A);
    held.started().await;
    clock.advance(Duration::from_mins(5));
    cache.configure(ttl(8));
    assert_eq!(seen(held.finish(Ok(body(&clock, 10))).await), (10, STORED));
    assert_eq!(cache.get(&A).unwrap().ttl_left, Duration::from_mins(3), "counted from the start of its load");
    clock.advance(Duration::from_mins(3));
    assert!(cache.get(&A).is_none());
}

#[tokio::test]
async fn a_value_of_yesterday_is_not_stored_and_an_entry_expires_with_its_day() {
    let clock = noon();
    let cache = test_cache(&clock);
    clock.set_wall(Timestamp::parse("2026-11-22T23:59:59Z").unwrap());
    request(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    let mut held = ControlledLoad::request(&cache, &B);
    held.started().await;
    let yesterday = body(&clock, 10);
    assert!(cache.get(&A).is_some());
    clock.advance(Duration::from_secs(1));
    assert!(cache.get(&A).is_none(), "midnight");
    let mut today = ControlledLoad::request(&cache, &B);
    until(|| cache.entry_totals().loads == 2).await;
    assert_eq!(seen(held.finish(Ok(yesterday)).await), (10, NOT_STORED));
    today.started().await;
    assert_eq!(seen(today.finish(Ok(body(&clock, 10))).await), (10, STORED));
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 10))).await), (10, STORED));
    assert_eq!(cache.stats().removals.replaced, 1);
}

#[tokio::test]
async fn a_value_older_than_the_request_requires_is_an_error() {
    let clock = noon();
    let cache = test_cache(&clock);
    cache.publish(12, [(&A.scope, 12)]);
    let answer = request(&cache, &A, Ok(body(&clock, 11))).await;
    assert!(matches!(answer, Err(LoadError::Outdated { as_of: 11, required: 12 })), "{answer:?}");
    assert_eq!((cache.stats().loads, cache.stats().load_failures), (1, 1));
}

#[tokio::test]
async fn an_entry_is_never_replaced_by_an_older_one() {
    let clock = noon();
    let cache = test_cache(&clock);
    request(&cache, &A, Ok(body(&clock, 15))).await.unwrap();
    clock.advance(HOUR);
    // The TTL has expired, and the source, read through another connection, shows an older revision, but not too old a
    // one.
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 14))).await), (14, NOT_STORED));
    assert_eq!(cache.entries(None, 9, |_| true)[0].as_of, 15);
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 15))).await), (15, STORED));
}

#[tokio::test]
async fn a_full_map_of_revisions_raises_the_floor_and_costs_only_recomputations() {
    let clock = noon();
    let cache = Cache::new(CacheSettings { published_scopes_max: 2, ..settings() }, clock.clone(), 10);
    for key in [&A, &B] {
        request(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    let mut held = ControlledLoad::request(&cache, &super::TestKey { scope: 9, part: 0 });
    held.started().await;
    cache.publish(13, [(&5, 11), (&6, 12), (&7, 13)]);
    assert!(cache.get(&A).is_none() && cache.get(&B).is_none());
    assert_eq!(seen(held.finish(Ok(body(&clock, 10))).await), (10, NOT_STORED));
    assert_eq!((cache.stats().mass_invalidations, cache.stats().removals.invalidated), (1, 2));
    cache.check().unwrap();
}

#[tokio::test]
async fn a_reset_to_a_lower_counter_removes_all_entries() {
    let clock = noon();
    let cache = test_cache(&clock);
    cache.publish(500, [(&A.scope, 500)]);
    request(&cache, &A, Ok(body(&clock, 500))).await.unwrap();
    cache.reset_to(3);
    assert!(cache.get(&A).is_none(), "500 is a revision of another history");
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 3))).await), (3, STORED));
    assert_eq!(cache.stats().mass_invalidations, 1);
}

#[tokio::test]
async fn nothing_is_fresh_while_the_cache_is_suspended() {
    let clock = noon();
    let cache = test_cache(&clock);
    request(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    cache.suspend();
    assert!(cache.get(&A).is_none());
    assert_eq!(seen(request(&cache, &A, Err("disk")).await), (10, CacheStatus::Stale));
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 11))).await), (11, NOT_STORED));
    cache.reset_to(11);
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 11))).await), (11, STORED));
    assert_eq!(seen(request(&cache, &A, Err("no load")).await), (11, CacheStatus::Hit));
}
