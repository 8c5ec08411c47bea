//! What happens to a load when something changes while it runs.

use std::time::Duration;

use super::support::*;
use crate::cache::{Cache, CacheStatus, LoadError, Settings};
use crate::domain::time::Timestamp;

const KEPT: CacheStatus = CacheStatus::Miss { stored: true };
const NOT_KEPT: CacheStatus = CacheStatus::Miss { stored: false };

#[tokio::test]
async fn what_a_load_brings_from_before_a_write_is_for_those_who_asked_before_it() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut before = Held::ask(&cache, &A);
    before.begun().await;
    cache.publish(11, [(&A.scope, 11)]);
    // Asked after the write: it must not get what the running load brings.
    let mut after = Held::ask(&cache, &A);
    until(|| cache.stats().misses == 2).await;
    assert!(!after.has_begun(), "a key has one running load");
    assert_eq!(seen(before.bring(Ok(body(&clock, 10))).await), (10, NOT_KEPT));
    after.begun().await;
    assert!(cache.get(&A).is_none());
    assert_eq!(seen(after.bring(Ok(body(&clock, 11))).await), (11, KEPT));
    assert_eq!(seen(ask(&cache, &A, Err("no load")).await), (11, CacheStatus::Hit));
    cache.check().unwrap();
}

#[tokio::test]
async fn a_load_that_saw_a_write_before_its_publication_is_kept() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut held = Held::ask(&cache, &A);
    held.begun().await;
    cache.publish(11, [(&A.scope, 11)]);
    assert_eq!(seen(held.bring(Ok(body(&clock, 11))).await), (11, KEPT));
    cache.publish(11, [(&A.scope, 11)]);
    assert_eq!(cache.get(&A).unwrap().as_of, 11, "a publication that is repeated costs nothing");
}

#[tokio::test]
async fn a_publication_for_one_scope_touches_no_other() {
    let clock = noon();
    let cache = test_cache(&clock);
    for key in [&A, &B] {
        ask(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    cache.publish(11, [(&A.scope, 11)]);
    assert!(cache.get(&A).is_none());
    assert_eq!(cache.get(&B).unwrap().as_of, 10);
    assert_eq!((cache.stats().removals.invalidated, cache.stats().mass_invalidations), (1, 0));
}

#[tokio::test]
async fn what_a_load_brings_from_before_a_clear_is_kept_for_nobody() {
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
        let mut before = Held::ask(&cache, &A);
        before.begun().await;
        clear(&cache);
        let mut after = Held::ask(&cache, &A);
        until(|| cache.stats().misses == 2).await;
        assert_eq!(cache.stats().coalesced, 0, "{name}: the running load is of an older generation");
        assert_eq!(seen(before.bring(Ok(body(&clock, 10))).await), (10, NOT_KEPT), "{name}");
        assert!(cache.get(&A).is_none(), "{name}");
        after.begun().await;
        assert_eq!(seen(after.bring(Ok(body(&clock, 10))).await), (10, KEPT), "{name}");
        cache.check().unwrap();
    }
}

#[tokio::test]
async fn what_the_load_of_an_asker_who_went_away_brings_is_for_those_who_joined_it_before() {
    type Change = fn(&TestCache);
    let changes: [(&str, i64, Change); 3] = [
        ("a write", 11, |cache| cache.publish(11, [(&A.scope, 11)])),
        ("a clear", 10, |cache| assert_eq!(cache.clear(), 0)),
        ("a drop", 10, |cache| assert!(!cache.remove(&A))),
    ];
    for (name, newest, change) in changes {
        let clock = noon();
        let cache = test_cache(&clock);
        let mut first = Held::ask(&cache, &A);
        first.begun().await;
        let joined = Held::ask(&cache, &A);
        until(|| cache.stats().coalesced == 1).await;
        first.asker.abort();
        change(&cache);
        let mut after = Held::ask(&cache, &A);
        until(|| cache.entry_totals().loads == 2).await;
        assert!(first.release(Ok(body(&clock, 10))).await.unwrap_err().is_cancelled(), "{name}");
        assert_eq!(seen(joined.asker.await.unwrap()), (10, CacheStatus::Coalesced), "{name}");
        after.begun().await;
        assert!(cache.get(&A).is_none(), "{name}: it is kept for nobody");
        assert_eq!(seen(after.bring(Ok(body(&clock, newest))).await), (newest, KEPT), "{name}");
        assert_eq!((cache.stats().loads, cache.entry_totals().loads), (2, 0), "{name}");
        cache.check().unwrap();
    }
}

#[tokio::test]
async fn who_asked_for_the_load_that_waits_may_go_away_too() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut running = Held::ask(&cache, &A);
    running.begun().await;
    cache.publish(11, [(&A.scope, 11)]);
    let mut waiting = Held::ask(&cache, &A);
    until(|| cache.entry_totals().loads == 2).await;
    let joined = Held::ask(&cache, &A);
    until(|| cache.stats().coalesced == 1).await;
    waiting.asker.abort();
    assert_eq!(seen(running.bring(Ok(body(&clock, 10))).await), (10, NOT_KEPT));
    waiting.begun().await;
    assert!(waiting.release(Ok(body(&clock, 11))).await.unwrap_err().is_cancelled());
    assert_eq!(seen(joined.asker.await.unwrap()), (11, CacheStatus::Coalesced));
    assert_eq!(cache.get(&A).unwrap().as_of, 11);
    assert_eq!(cache.stats().loads, 2);
}

#[tokio::test]
async fn a_clear_of_others_lets_a_load_be_kept() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut held = Held::ask(&cache, &A);
    held.begun().await;
    cache.clear_where(|key| key.scope == B.scope);
    assert_eq!(seen(held.bring(Ok(body(&clock, 10))).await), (10, KEPT));
}

#[tokio::test]
async fn a_ttl_that_changes_holds_for_what_is_there_and_for_what_lands() {
    let clock = noon();
    let cache = test_cache(&clock);
    ask(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    let mut held = Held::ask(&cache, &B);
    held.begun().await;
    clock.advance(HOUR / 2);
    let quarter = |_: &_| HOUR / 4;
    cache.configure(Settings { stale_if_error: settings().stale_if_error, ..Settings::new(1_000, 1 << 30, quarter) });
    assert!(cache.get(&A).is_none(), "too old by the new TTL");
    // B's load began half an hour ago.
    assert_eq!(seen(held.bring(Ok(body(&clock, 10))).await), (10, NOT_KEPT));
    cache.configure(settings());
    assert_eq!(cache.get(&A).unwrap().ttl_left, HOUR / 2, "and young enough again by the old one");
}

#[tokio::test]
async fn a_ttl_that_is_raised_while_a_load_runs_keeps_what_lands() {
    let clock = noon();
    let ttl = |minutes| Settings { ttl: std::sync::Arc::new(move |_| Duration::from_mins(minutes)), ..settings() };
    let cache = Cache::new(ttl(1), clock.clone(), 10);
    let mut held = Held::ask(&cache, &A);
    held.begun().await;
    clock.advance(Duration::from_mins(5));
    cache.configure(ttl(8));
    assert_eq!(seen(held.bring(Ok(body(&clock, 10))).await), (10, KEPT));
    assert_eq!(cache.get(&A).unwrap().ttl_left, Duration::from_mins(3), "from when its load began");
    clock.advance(Duration::from_mins(3));
    assert!(cache.get(&A).is_none());
}

#[tokio::test]
async fn a_load_of_yesterday_is_not_kept_and_an_entry_ends_with_its_day() {
    let clock = noon();
    let cache = test_cache(&clock);
    clock.set_wall(Timestamp::parse("2026-11-22T23:59:59Z").unwrap());
    ask(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    let mut held = Held::ask(&cache, &B);
    held.begun().await;
    let yesterday = body(&clock, 10);
    assert!(cache.get(&A).is_some());
    clock.advance(Duration::from_secs(1));
    assert!(cache.get(&A).is_none(), "midnight");
    let mut today = Held::ask(&cache, &B);
    until(|| cache.entry_totals().loads == 2).await;
    assert_eq!(seen(held.bring(Ok(yesterday)).await), (10, NOT_KEPT));
    today.begun().await;
    assert_eq!(seen(today.bring(Ok(body(&clock, 10))).await), (10, KEPT));
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 10))).await), (10, KEPT));
    assert_eq!(cache.stats().removals.replaced, 1);
}

#[tokio::test]
async fn an_answer_from_before_what_its_asker_must_see_is_given_to_nobody() {
    let clock = noon();
    let cache = test_cache(&clock);
    cache.publish(12, [(&A.scope, 12)]);
    let answer = ask(&cache, &A, Ok(body(&clock, 11))).await;
    assert!(matches!(answer, Err(LoadError::Outdated { as_of: 11, required: 12 })), "{answer:?}");
    assert_eq!((cache.stats().loads, cache.stats().load_failures), (1, 1));
}

#[tokio::test]
async fn an_entry_is_never_replaced_by_an_older_one() {
    let clock = noon();
    let cache = test_cache(&clock);
    ask(&cache, &A, Ok(body(&clock, 15))).await.unwrap();
    clock.advance(HOUR);
    // The TTL is over and the source, read through another connection, shows less than it did; but not too little.
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 14))).await), (14, NOT_KEPT));
    assert_eq!(cache.entries(None, 9, |_| true)[0].as_of, 15);
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 15))).await), (15, KEPT));
}

#[tokio::test]
async fn a_full_map_raises_the_floor_and_costs_recomputations_only() {
    let clock = noon();
    let cache = Cache::new(Settings { published_scopes_max: 2, ..settings() }, clock.clone(), 10);
    for key in [&A, &B] {
        ask(&cache, key, Ok(body(&clock, 10))).await.unwrap();
    }
    let mut held = Held::ask(&cache, &super::TestKey { scope: 9, part: 0 });
    held.begun().await;
    cache.publish(13, [(&5, 11), (&6, 12), (&7, 13)]);
    assert!(cache.get(&A).is_none() && cache.get(&B).is_none());
    assert_eq!(seen(held.bring(Ok(body(&clock, 10))).await), (10, NOT_KEPT));
    assert_eq!((cache.stats().mass_invalidations, cache.stats().removals.invalidated), (1, 2));
    cache.check().unwrap();
}

#[tokio::test]
async fn a_database_with_a_lower_counter_is_served_anew() {
    let clock = noon();
    let cache = test_cache(&clock);
    cache.publish(500, [(&A.scope, 500)]);
    ask(&cache, &A, Ok(body(&clock, 500))).await.unwrap();
    cache.reset_to(3);
    assert!(cache.get(&A).is_none(), "500 of the other history is no proof");
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 3))).await), (3, KEPT));
    assert_eq!(cache.stats().mass_invalidations, 1);
}

#[tokio::test]
async fn nothing_is_fresh_while_publications_may_be_missing() {
    let clock = noon();
    let cache = test_cache(&clock);
    ask(&cache, &A, Ok(body(&clock, 10))).await.unwrap();
    cache.suspend();
    assert!(cache.get(&A).is_none());
    assert_eq!(seen(ask(&cache, &A, Err("disk")).await), (10, CacheStatus::Stale));
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 11))).await), (11, NOT_KEPT));
    cache.reset_to(11);
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 11))).await), (11, KEPT));
    assert_eq!(seen(ask(&cache, &A, Err("no load")).await), (11, CacheStatus::Hit));
}
