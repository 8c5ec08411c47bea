//! How often each route was asked, by method and status, and how long its answers took.
//!
//! This is on the way of every request, so it takes no lock, no allocation and no look-up there: the layer around a
//! route looks its counters up once and keeps them, and threads that serve the same route count apart. A route is its
//! template, `/enterprise/{enterpriseId}`, never the path of a request.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use parking_lot::Mutex;

use super::api_root::without_second_root;
use crate::telemetry::{Buckets, Counted};

/// The route of requests that match none, also in the access log. No route is written like that.
pub(super) const NO_ROUTE: &str = "(none)";

/// The methods that are told apart; the last is for all others, since a client may invent any.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// The statuses that are told apart: all that HTTP has a class for.
const STATUSES: Range<u16> = 100..600;

/// Statuses in a class.
const CLASS_LEN: u16 = 100;

/// Classes of statuses.
const CLASSES: usize = ((STATUSES.end - STATUSES.start) / CLASS_LEN) as usize;

/// Parts that each route's counters are in, so that threads that count at the same time do not pass one cache line to
/// and fro: that costs more than all the rest. One for each thread of a small machine's runtime.
const SHARDS: usize = 4;

/// The ends of the buckets for how long an answer took, in nanoseconds: from a hit's 100 microseconds over the 100
/// milliseconds that an answer should not exceed to what only imports take.
const DURATION_BOUNDS_NANOS: [u64; 9] =
    [100_000, 500_000, 2_000_000, 10_000_000, 50_000_000, 100_000_000, 500_000_000, 2_000_000_000, 10_000_000_000];

/// The counters of all routes.
#[derive(Debug, Default)]
pub struct RouteMeters {
    /// By route. Locked when a route is first asked for something and by scrapes, for a walk over some dozens of
    /// routes.
    routes: Mutex<BTreeMap<String, Arc<RouteMeter>>>,
}

/// The counters of one route.
#[derive(Debug, Default)]
pub struct RouteMeter {
    shards: [Shard; SHARDS],
}

/// What some of the threads counted. Wide enough that no two share a cache line, or a pair of lines that is fetched
/// together.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    /// For each of [`METHODS`] and each class one count per status, 800 bytes that are taken when the first is counted.
    answers: [[OnceLock<Box<Class>>; CLASSES]; METHODS.len()],
    nanos: Buckets<{ DURATION_BOUNDS_NANOS.len() }>,
}

type Class = [AtomicU64; CLASS_LEN as usize];

impl RouteMeters {
    /// The counters of a route, or of whatever matches none. A route under `/api` is the same as without.
    pub fn route(&self, path: Option<&MatchedPath>) -> Arc<RouteMeter> {
        let path = path.map_or(NO_ROUTE, |path| without_second_root(path.as_str()));
        let mut routes = self.routes.lock();
        Arc::clone(routes.entry(path.to_owned()).or_default())
    }

    /// Every route that was asked for something, ordered.
    #[must_use]
    pub fn routes(&self) -> Vec<(String, Arc<RouteMeter>)> {
        let routes = self.routes.lock();
        routes.iter().map(|(path, route)| (path.clone(), Arc::clone(route))).collect()
    }
}

impl RouteMeter {
    /// Counts an answer.
    pub fn record(&self, method: &Method, status: StatusCode, took: Duration) {
        let shard = &self.shards[SHARD.with(|shard| *shard)];
        shard.count(method, status).fetch_add(1, Ordering::Relaxed);
        shard.nanos.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many answers there were with each method and status, those of which there was none left out.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, u16, u64)> {
        let classes = (0..METHODS.len())
            .flat_map(|method| STATUSES.step_by(usize::from(CLASS_LEN)).map(move |first| (method, first)));
        // Most are empty: a route knows a few methods, and answers each with a few statuses.
        let seen = classes.filter(|(method, first)| self.classes(*method, *first).next().is_some());
        let counts = seen.flat_map(move |(method, first)| {
            (first..first + CLASS_LEN).map(move |status| (METHODS[method], status, self.counted(method, status)))
        });
        counts.filter(|(.., count)| *count > 0)
    }

    fn counted(&self, method: usize, status: u16) -> u64 {
        let (_, place) = place_of(status);
        self.classes(method, status).map(|class| class[place].load(Ordering::Relaxed)).sum()
    }

    /// The counts of a status' class, in those shards that have any.
    fn classes(&self, method: usize, status: u16) -> impl Iterator<Item = &Class> {
        let (class, _) = place_of(status);
        self.shards.iter().filter_map(move |shard| shard.answers[method][class].get().map(|class| &**class))
    }

    /// How long answers took, in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> Counted {
        let mut all = Counted::default();
        for shard in &self.shards {
            all.add(&shard.nanos.counted());
        }
        all
    }
}

thread_local! {
    /// The shard of this thread: threads take turns as they come.
    static SHARD: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS
    };
}

impl Default for Shard {
    fn default() -> Self {
        Self { answers: Default::default(), nanos: Buckets::new(&DURATION_BOUNDS_NANOS) }
    }
}

impl Shard {
    fn count(&self, method: &Method, status: StatusCode) -> &AtomicU64 {
        let (class, place) = place_of(status.as_u16().clamp(STATUSES.start, STATUSES.end - 1));
        let class = &self.answers[index_of(method)][class];
        &class.get_or_init(|| Box::new([const { AtomicU64::new(0) }; CLASS_LEN as usize]))[place]
    }
}

/// The class of one of [`STATUSES`], and its place in it.
fn place_of(status: u16) -> (usize, usize) {
    let place = status - STATUSES.start;
    (usize::from(place / CLASS_LEN), usize::from(place % CLASS_LEN))
}

/// Where a method stands in [`METHODS`].
fn index_of(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        _ => METHODS.len() - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_counted_under_its_name_and_an_invented_one_among_the_others() {
        let route = RouteMeter::default();
        for name in METHODS {
            route.record(&name.parse().unwrap(), StatusCode::OK, Duration::ZERO);
        }
        for name in ["TRACE", "BREW", "get"] {
            route.record(&name.parse().unwrap(), StatusCode::NOT_FOUND, Duration::ZERO);
        }
        let mut expected: Vec<_> = METHODS.iter().map(|method| (*method, 200, 1)).collect();
        expected.push(("other", 404, 3));
        assert_eq!(route.answers().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_status_has_its_place() {
        let route = RouteMeter::default();
        for code in 100..1_000 {
            route.record(&Method::GET, StatusCode::from_u16(code).unwrap(), Duration::from_millis(3));
        }
        let answers: Vec<_> = route.answers().collect();
        assert_eq!(answers.len(), STATUSES.len());
        assert!(answers[..answers.len() - 1].iter().all(|(.., count)| *count == 1));
        assert_eq!(*answers.last().unwrap(), ("GET", 599, 401), "what HTTP has no class for is a failure");
        let nanos = route.nanos();
        assert_eq!((nanos.buckets[3], nanos.sum), ((10_000_000, 900), 900 * 3_000_000));
    }

    #[test]
    fn what_threads_count_at_the_same_time_is_all_there() {
        const EACH: u64 = 1_000;
        let route = RouteMeter::default();
        std::thread::scope(|threads| {
            for _ in 0..2 * SHARDS {
                threads.spawn(|| {
                    for _ in 0..EACH {
                        route.record(&Method::GET, StatusCode::OK, Duration::from_nanos(7));
                    }
                });
            }
        });
        let all = 2 * SHARDS as u64 * EACH;
        assert_eq!(route.answers().collect::<Vec<_>>(), [("GET", 200, all)]);
        assert_eq!((route.nanos().buckets[0].1, route.nanos().sum), (all, 7 * all));
    }
}
