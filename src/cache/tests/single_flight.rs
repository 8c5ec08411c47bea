//! Single-flight: one load for everybody, whatever becomes of whom.

use std::future::Ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::{JoinSet, yield_now};

use super::support::*;
use crate::cache::{Cache, CacheStatus, LoadError, Loaded, Settings, WarmResult};

/// Has `askers` more ask for A, each with a load that must not run, and waits until all of them wait.
async fn crowd(cache: &TestCache, askers: u64) -> JoinSet<Answer> {
    let misses = cache.stats().misses;
    let mut crowd = JoinSet::new();
    for _ in 0..askers {
        let cache = cache.clone();
        crowd.spawn(async move { ask(&cache, &A, Err("a second load ran")).await });
    }
    until(|| cache.stats().misses == misses + askers).await;
    crowd
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_hundred_ask_at_once_and_one_load_runs() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut first = Held::ask(&cache, &A);
    first.begun().await;
    let crowd = crowd(&cache, 499).await;
    assert_eq!(seen(first.bring(Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: true }));
    for answer in crowd.join_all().await {
        assert_eq!(seen(answer), (10, CacheStatus::Coalesced));
    }
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.misses, stats.coalesced, stats.hits), (1, 500, 499, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_load_goes_on_when_the_first_asker_goes_away() {
    let clock = noon();
    let cache = test_cache(&clock);
    let (go, gone) = tokio::sync::oneshot::channel();
    let (has_begun, begun) = tokio::sync::oneshot::channel();
    let day = clock.now().day();
    let first = {
        let cache = cache.clone();
        let load = move || async move {
            has_begun.send(()).unwrap();
            gone.await.unwrap();
            Ok(Loaded { as_of: 10, day, value: Some(super::TestBody::new(10, 1)) })
        };
        tokio::spawn(async move { cache.get_or_load(&A, load).await })
    };
    begun.await.unwrap();
    let crowd = crowd(&cache, 499).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    for answer in crowd.join_all().await {
        assert_eq!(seen(answer), (10, CacheStatus::Coalesced));
    }
    assert_eq!((cache.stats().loads, cache.stats().misses), (1, 500));
    assert!(cache.get(&A).is_some());
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_any_more_is_kept() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut first = Held::ask(&cache, &A);
    first.begun().await;
    first.asker.abort();
    assert!(first.release(Ok(body(&clock, 10))).await.unwrap_err().is_cancelled());
    until(|| cache.entry_totals().loads == 0).await;
    assert_eq!(cache.get(&A).unwrap().as_of, 10);
}

#[tokio::test]
async fn under_steady_publications_one_load_runs_and_one_waits() {
    let clock = noon();
    let cache = test_cache(&clock);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::new(std::sync::atomic::AtomicI64::new(10));
    let mut askers = JoinSet::new();
    let watched = cache.clone();
    for turn in 0..2_000 {
        let revision = counter.fetch_add(1, Ordering::SeqCst) + 1;
        cache.publish(revision, [(&A.scope, revision)]);
        let day = clock.now().day();
        let (cache, running, most, counter) = (watched.clone(), running.clone(), most.clone(), counter.clone());
        askers.spawn(async move {
            let load = move || async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let as_of = counter.load(Ordering::SeqCst);
                for _ in 0..turn % 7 {
                    yield_now().await;
                }
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(Loaded { as_of, day, value: Some(super::TestBody::new(as_of, 1)) })
            };
            let (seen, _) = seen(cache.get_or_load(&A, load).await);
            assert!(seen >= revision, "asked after {revision} was published, got {seen}");
        });
        assert!(watched.entry_totals().loads <= 2);
        if turn % 3 == 0 {
            yield_now().await;
        }
    }
    askers.join_all().await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
    let stats = cache.stats();
    assert_eq!(stats.loads, stats.misses - stats.coalesced, "each load had been asked for by one request");
    assert!(stats.coalesced > 0, "{stats:?}");
    assert_eq!(cache.entry_totals().loads, 0);
}

#[tokio::test]
async fn a_load_that_fails_gives_everybody_the_error_and_is_not_kept() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut first = Held::ask(&cache, &A);
    first.begun().await;
    let crowd = crowd(&cache, 20).await;
    let answer = first.bring(Err("disk")).await;
    assert!(matches!(&answer, Err(LoadError::Failed(error)) if **error == "disk"), "{answer:?}");
    for answer in crowd.join_all().await {
        assert!(matches!(&answer, Err(LoadError::Failed(error)) if **error == "disk"), "{answer:?}");
    }
    assert_eq!((cache.stats().loads, cache.stats().load_failures, cache.entry_totals().entries), (1, 1, 0));
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: true }));
}

fn panics() -> Ready<Result<Loaded<super::TestBody>, &'static str>> {
    panic!("this panic belongs to the test")
}

#[tokio::test]
async fn a_load_that_panics_fails_alone() {
    let clock = noon();
    let cache = test_cache(&clock);
    let in_future = cache.get_or_load(&A, || async { panic!("this panic belongs to the test") }).await;
    assert!(matches!(in_future, Err(LoadError::Panicked)), "{in_future:?}");
    let in_closure = cache.get_or_load(&A, panics).await;
    assert!(matches!(in_closure, Err(LoadError::Panicked)), "{in_closure:?}");
    assert_eq!((cache.stats().loads, cache.stats().load_failures, cache.entry_totals().loads), (2, 2, 0));
    assert_eq!(seen(ask(&cache, &A, Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: true }));
}

#[tokio::test]
async fn a_load_has_a_deadline_and_the_one_that_waits_begins_after_it() {
    let clock = noon();
    let cache = Cache::new(Settings { load_deadline: Duration::from_millis(20), ..settings() }, clock.clone(), 10);
    let slow = Held::ask(&cache, &A);
    until(|| cache.entry_totals().loads == 1).await;
    cache.publish(11, [(&A.scope, 11)]);
    let next = ask(&cache, &A, Ok(body(&clock, 11))).await;
    assert_eq!(seen(next), (11, CacheStatus::Miss { stored: true }));
    // The entry that the second load brought stands in for the first one's answer, or it tells what happened to it.
    match slow.asker.await.unwrap() {
        Ok(Some(served)) => assert_eq!((served.as_of, served.status), (11, CacheStatus::Coalesced)),
        other => assert!(matches!(other, Err(LoadError::TooSlow(_))), "{other:?}"),
    }
    assert_eq!((cache.stats().loads, cache.stats().load_failures), (2, 1));
}

#[test]
fn a_runtime_that_stops_leaves_no_key_stuck() {
    let clock = noon();
    let cache = test_cache(&clock);
    let stopped = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    stopped.block_on(async {
        let mut held = Held::ask(&cache, &A);
        held.begun().await;
        cache.clear();
        let _waiting = Held::ask(&cache, &A);
        until(|| cache.entry_totals().loads == 2).await;
    });
    drop(stopped);
    assert_eq!(cache.entry_totals().loads, 0);
    let next = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = next.block_on(ask(&cache, &A, Ok(body(&clock, 10))));
    assert_eq!(seen(answer), (10, CacheStatus::Miss { stored: true }));
}

#[tokio::test]
async fn warming_loads_what_is_not_fresh_and_joins_what_is_loading() {
    let clock = noon();
    let cache = test_cache(&clock);
    let warm = async |brings| cache.warm(&A, || async { brings }).await;
    let mut held = Held::ask(&cache, &A);
    held.begun().await;
    let joined = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.warm(&A, || async { Err("a second load ran") }).await })
    };
    yield_now().await;
    held.bring(Ok(body(&clock, 10))).await.unwrap();
    assert_eq!(joined.await.unwrap().unwrap(), WarmResult::Loaded { stored: true });
    assert_eq!(warm(Err("no load")).await.unwrap(), WarmResult::AlreadyFresh);
    cache.clear();
    assert_eq!(warm(Ok(body(&clock, 10))).await.unwrap(), WarmResult::Loaded { stored: true });
    cache.clear();
    assert_eq!(warm(Ok(Loaded { value: None, ..body(&clock, 10) })).await.unwrap(), WarmResult::Absent);
    assert!(warm(Err("disk")).await.is_err());
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.load_failures), (0, 1, 4, 1));
}
