//! Single-flight: one load for concurrent requests, whichever of them are cancelled.

use std::future::Ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::{JoinSet, yield_now};

use super::support::*;
use crate::cache::{Cache, CacheSettings, CacheStatus, LoadError, Loaded, WarmLoad};

/// Starts this many requests for A, each with a load that must not run, and returns when all of them wait.
async fn concurrent_requests(cache: &TestCache, requests: u64) -> JoinSet<TestAnswer> {
    let misses = cache.stats().misses;
    let mut others = JoinSet::new();
    for _ in 0..requests {
        let cache = cache.clone();
        others.spawn(async move { request(&cache, &A, Err("a second load ran")).await });
    }
    until(|| cache.stats().misses == misses + requests).await;
    others
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_hundred_concurrent_requests_share_one_load() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut first = ControlledLoad::request(&cache, &A);
    first.started().await;
    let others = concurrent_requests(&cache, 499).await;
    assert_eq!(seen(first.finish(Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: true }));
    for answer in others.join_all().await {
        assert_eq!(seen(answer), (10, CacheStatus::Coalesced));
    }
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.misses, stats.coalesced, stats.hits), (1, 500, 499, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_load_continues_when_the_request_that_started_it_is_cancelled() {
    let clock = noon();
    let cache = test_cache(&clock);
    let (go, gone) = tokio::sync::oneshot::channel();
    let (has_started, started) = tokio::sync::oneshot::channel();
    let day = clock.now().day();
    let first = {
        let cache = cache.clone();
        let load = move || async move {
            has_started.send(()).unwrap();
            gone.await.unwrap();
            Ok(Loaded { as_of: 10, day, value: Some(super::TestBody::new(10, 1)) })
        };
        tokio::spawn(async move { cache.get_or_load(&A, load).await })
    };
    started.await.unwrap();
    let others = concurrent_requests(&cache, 499).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    for answer in others.join_all().await {
        assert_eq!(seen(answer), (10, CacheStatus::Coalesced));
    }
    assert_eq!((cache.stats().loads, cache.stats().misses), (1, 500));
    assert!(cache.get(&A).is_some());
}

#[tokio::test]
async fn the_value_of_a_load_is_stored_although_all_its_requests_were_cancelled() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut first = ControlledLoad::request(&cache, &A);
    first.started().await;
    first.request.abort();
    assert!(first.finish_task(Ok(body(&clock, 10))).await.unwrap_err().is_cancelled());
    until(|| cache.entry_totals().loads == 0).await;
    assert_eq!(cache.get(&A).unwrap().as_of, 10);
}

#[tokio::test]
async fn under_steady_publications_one_load_runs_and_one_waits() {
    let clock = noon();
    let cache = test_cache(&clock);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::new(std::sync::atomic::AtomicI64::new(10));
    let mut requests = JoinSet::new();
    let watched = cache.clone();
    for turn in 0..2_000 {
        let revision = counter.fetch_add(1, Ordering::SeqCst) + 1;
        cache.publish(revision, [(&A.scope, revision)]);
        let day = clock.now().day();
        let (cache, running, most, counter) = (watched.clone(), running.clone(), most.clone(), counter.clone());
        requests.spawn(async move {
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
            assert!(seen >= revision, "requested after {revision} was published, got {seen}");
        });
        assert!(watched.entry_totals().loads <= 2);
        if turn % 3 == 0 {
            yield_now().await;
        }
    }
    requests.join_all().await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
    let stats = cache.stats();
    assert_eq!(stats.loads, stats.misses - stats.coalesced, "each load was started by one request");
    assert!(stats.coalesced > 0, "{stats:?}");
    assert_eq!(cache.entry_totals().loads, 0);
}

#[tokio::test]
async fn a_failed_load_returns_its_error_to_all_requests_and_is_not_stored() {
    let clock = noon();
    let cache = test_cache(&clock);
    let mut first = ControlledLoad::request(&cache, &A);
    first.started().await;
    let others = concurrent_requests(&cache, 20).await;
    let answer = first.finish(Err("disk")).await;
    assert!(matches!(&answer, Err(LoadError::Failed(error)) if **error == "disk"), "{answer:?}");
    for answer in others.join_all().await {
        assert!(matches!(&answer, Err(LoadError::Failed(error)) if **error == "disk"), "{answer:?}");
    }
    assert_eq!((cache.stats().loads, cache.stats().load_failures, cache.entry_totals().entries), (1, 1, 0));
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: true }));
}

fn panics() -> Ready<Result<Loaded<super::TestBody>, &'static str>> {
    panic!("this panic belongs to the test")
}

#[tokio::test]
async fn a_load_that_panics_fails_only_its_own_requests() {
    let clock = noon();
    let cache = test_cache(&clock);
    let in_future = cache.get_or_load(&A, || async { panic!("this panic belongs to the test") }).await;
    assert!(matches!(in_future, Err(LoadError::Panicked)), "{in_future:?}");
    let in_closure = cache.get_or_load(&A, panics).await;
    assert!(matches!(in_closure, Err(LoadError::Panicked)), "{in_closure:?}");
    assert_eq!((cache.stats().loads, cache.stats().load_failures, cache.entry_totals().loads), (2, 2, 0));
    assert_eq!(seen(request(&cache, &A, Ok(body(&clock, 10))).await), (10, CacheStatus::Miss { stored: true }));
}

#[tokio::test]
async fn a_load_has_a_deadline_after_which_the_waiting_load_starts() {
    let clock = noon();
    let cache = Cache::new(CacheSettings { load_deadline: Duration::from_millis(20), ..settings() }, clock.clone(), 10);
    let slow = ControlledLoad::request(&cache, &A);
    until(|| cache.entry_totals().loads == 1).await;
    cache.publish(11, [(&A.scope, 11)]);
    let next = request(&cache, &A, Ok(body(&clock, 11))).await;
    assert_eq!(seen(next), (11, CacheStatus::Miss { stored: true }));
    // The first request is answered with the entry of the second load, or with its own error.
    match slow.request.await.unwrap() {
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
        let mut held = ControlledLoad::request(&cache, &A);
        held.started().await;
        cache.clear();
        let _waiting = ControlledLoad::request(&cache, &A);
        until(|| cache.entry_totals().loads == 2).await;
    });
    drop(stopped);
    assert_eq!(cache.entry_totals().loads, 0);
    let next = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = next.block_on(request(&cache, &A, Ok(body(&clock, 10))));
    assert_eq!(seen(answer), (10, CacheStatus::Miss { stored: true }));
}

#[tokio::test]
async fn warming_loads_a_key_without_fresh_entry_or_joins_its_load() {
    let clock = noon();
    let cache = test_cache(&clock);
    let warm = async |result| cache.warm(&A, || async { result }).await;
    let mut held = ControlledLoad::request(&cache, &A);
    held.started().await;
    let joined = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.warm(&A, || async { Err("a second load ran") }).await })
    };
    yield_now().await;
    held.finish(Ok(body(&clock, 10))).await.unwrap();
    assert_eq!(joined.await.unwrap().unwrap(), WarmLoad::Loaded { stored: true });
    assert_eq!(warm(Err("no load")).await.unwrap(), WarmLoad::AlreadyFresh);
    cache.clear();
    assert_eq!(warm(Ok(body(&clock, 10))).await.unwrap(), WarmLoad::Loaded { stored: true });
    cache.clear();
    assert_eq!(warm(Ok(Loaded { value: None, ..body(&clock, 10) })).await.unwrap(), WarmLoad::Absent);
    assert!(warm(Err("disk")).await.is_err());
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.load_failures), (0, 1, 4, 1));
}
