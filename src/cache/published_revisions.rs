//! The newest published revision of each scope, `max(floor, map[scope])`, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;

/// The newest published revision of every scope. It never decreases, except by a reset; after a reset the caller must
/// not serve or store anything from before.
#[derive(Debug)]
pub(super) struct PublishedRevisions<S> {
    /// A lower bound for every scope.
    floor: i64,
    /// An upper bound for every scope, so that no publication is lost when the floor rises to it.
    highest: i64,
    scopes: HashMap<S, i64>,
}

impl<S: Clone + Eq + Hash> PublishedRevisions<S> {
    /// Starts at the counter: earlier publications are unknown, and none was above it.
    pub(super) fn new(counter: i64) -> Self {
        Self { floor: counter, highest: counter, scopes: HashMap::new() }
    }

    /// The newest revision published for a scope.
    pub(super) fn of(&self, scope: &S) -> i64 {
        self.scopes.get(scope).map_or(self.floor, |revision| self.floor.max(*revision))
    }

    /// A lower bound for every scope.
    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// The number of scopes in the map.
    pub(super) fn len(&self) -> usize {
        self.scopes.len()
    }

    /// Raises the upper bound to the counter at the time of a publication.
    pub(super) fn raise_highest(&mut self, counter: i64) {
        self.highest = self.highest.max(counter);
    }

    /// Records a publication. Returns whether the map was full, so that it was emptied and the floor was raised.
    #[must_use]
    pub(super) fn raise(&mut self, scope: &S, revision: i64, scopes_max: usize) -> bool {
        self.raise_highest(revision);
        if revision <= self.of(scope) {
            return false;
        }
        if let Some(known) = self.scopes.get_mut(scope) {
            *known = revision;
            return false;
        }
        if self.scopes.len() >= scopes_max {
            self.scopes.clear();
            self.floor = self.highest;
            return true;
        }
        self.scopes.insert(scope.clone(), revision);
        false
    }

    /// Starts again at a counter. It may be lower, if the database was replaced.
    pub(super) fn reset_to(&mut self, counter: i64) {
        *self = Self::new(counter);
    }
}

#[cfg(all(test, not(muster_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn published_revisions_never_decrease() {
        let mut published = PublishedRevisions::new(10);
        assert_eq!(published.of(&"a"), 10);
        assert!(!published.raise(&"a", 12, 2));
        assert!(!published.raise(&"a", 11, 2));
        assert_eq!((published.of(&"a"), published.of(&"b")), (12, 10));
        assert!(!published.raise(&"b", 9, 2));
        assert_eq!(published.len(), 1, "a revision below the floor is not in the map");
    }

    #[test]
    fn a_full_map_is_emptied_and_no_publication_is_lost() {
        let mut published = PublishedRevisions::new(0);
        assert!(!published.raise(&"a", 30, 2));
        assert!(!published.raise(&"b", 5, 2));
        assert!(published.raise(&"c", 6, 2), "the map is full");
        for scope in ["a", "b", "c", "d"] {
            assert_eq!(published.of(&scope), 30, "of {scope}");
        }
        assert_eq!(published.len(), 0);
    }

    #[test]
    fn a_reset_follows_the_counter_even_downwards() {
        let mut published = PublishedRevisions::new(100);
        assert!(!published.raise(&"a", 101, 2));
        published.reset_to(7);
        assert_eq!((published.of(&"a"), published.floor()), (7, 7));
    }
}
