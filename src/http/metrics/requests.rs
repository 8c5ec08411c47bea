//! How often each route was asked, by method and status, and how long its answers took.
//!
//! This is on the way of every request, so it takes no lock, no memory and no look-up there: whoever stands before one
//! route asks for its counters once and keeps them. A route is what the table says, `/enterprise/{enterpriseId}`, never
//! the path that was asked for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};

use crate::http::table::SECOND_ROOT;
use crate::telemetry::{Buckets, Counted};

/// What stands for a route where there is none; the same as in the access log. No route is written like that.
pub(super) const NO_ROUTE: &str = "(none)";

/// The methods that are told apart; the last stands for all others, since a client may invent any.
pub(super) const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// The statuses that are told apart: all that HTTP has a class for.
const STATUSES: std::ops::Range<u16> = 100..600;

/// The ends of the buckets for how long an answer took, in nanoseconds: from a hit's 100 microseconds over the 100
/// milliseconds that an answer should not exceed to what only imports take.
const DURATION_BOUNDS_NANOS: [u64; 9] =
    [100_000, 500_000, 2_000_000, 10_000_000, 50_000_000, 100_000_000, 500_000_000, 2_000_000_000, 10_000_000_000];

/// The counters of all routes.
#[derive(Debug, Default)]
pub struct Requests {
    /// By route. Locked when a route is first asked for something and by scrapes, for a walk over some dozens of routes.
    routes: Mutex<BTreeMap<String, Arc<Route>>>,
}

/// The counters of one route.
#[derive(Debug)]
pub struct Route {
    /// For each of [`METHODS`] one count per status, 4 KiB that a method takes only once it was asked for.
    by_method: [OnceLock<Box<[AtomicU64]>>; METHODS.len()],
    nanos: Buckets<{ DURATION_BOUNDS_NANOS.len() }>,
}

impl Requests {
    /// The counters of a route, or of whatever matches none. A route under `/api` is the same as without.
    pub fn route(&self, path: Option<&MatchedPath>) -> Arc<Route> {
        let path = path.map_or(NO_ROUTE, |path| without_second_root(path.as_str()));
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(path.to_owned()).or_default())
    }

    /// Every route that was asked for something, ordered.
    #[must_use]
    pub fn routes(&self) -> Vec<(String, Arc<Route>)> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.iter().map(|(path, route)| (path.clone(), Arc::clone(route))).collect()
    }
}

impl Default for Route {
    fn default() -> Self {
        Self { by_method: Default::default(), nanos: Buckets::new(&DURATION_BOUNDS_NANOS) }
    }
}

impl Route {
    /// Counts an answer.
    pub fn record(&self, method: &Method, status: StatusCode, took: Duration) {
        let statuses = self.by_method[index_of(method)]
            .get_or_init(|| std::iter::repeat_with(AtomicU64::default).take(STATUSES.len()).collect());
        let status = status.as_u16().clamp(STATUSES.start, STATUSES.end - 1) - STATUSES.start;
        statuses[usize::from(status)].fetch_add(1, Ordering::Relaxed);
        self.nanos.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many answers there were with each method and status, those of which there was none left out.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, u16, u64)> {
        let by_method = METHODS.iter().zip(&self.by_method);
        let asked = by_method.filter_map(|(method, statuses)| Some((*method, statuses.get()?)));
        let counts = asked.flat_map(|(method, statuses)| {
            STATUSES.zip(statuses.iter()).map(move |(status, count)| (method, status, count.load(Ordering::Relaxed)))
        });
        counts.filter(|(.., count)| *count > 0)
    }

    /// How long answers took, in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> Counted {
        self.nanos.counted()
    }
}

/// The route as it is in the table, which has each once.
fn without_second_root(path: &str) -> &str {
    path.strip_prefix(SECOND_ROOT).filter(|rest| rest.starts_with('/')).unwrap_or(path)
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
        let route = Route::default();
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
        let route = Route::default();
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
    fn what_is_under_both_roots_is_one_route() {
        let check = |path: &str, route: &str| assert_eq!(without_second_root(path), route);
        check("/api/enterprise/{enterpriseId}", "/enterprise/{enterpriseId}");
        check("/enterprise/{enterpriseId}", "/enterprise/{enterpriseId}");
        check("/api", "/api");
        check("/apiary", "/apiary");
        check("/", "/");
    }
}
