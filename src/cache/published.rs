//! Which revision was published for which scope: `max(floor, map[scope])`, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;

/// The newest published revision of every scope. It only rises, except that doubt starts a new account; whoever doubts
/// must also see to it that nothing of the old account is served or kept.
#[derive(Debug)]
pub(super) struct Published<S> {
    /// At least this was published for every scope.
    floor: i64,
    /// Nothing above this was published for any scope, so that a floor that rises to it hides no publication.
    highest: i64,
    scopes: HashMap<S, i64>,
}

impl<S: Clone + Eq + Hash> Published<S> {
    /// Begins with the counter: what was published before is unknown, and nothing above it was.
    pub(super) fn new(counter: i64) -> Self {
        Self { floor: counter, highest: counter, scopes: HashMap::new() }
    }

    /// The newest revision published for a scope.
    pub(super) fn of(&self, scope: &S) -> i64 {
        self.scopes.get(scope).map_or(self.floor, |revision| self.floor.max(*revision))
    }

    /// At least this was published for every scope.
    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// How many scopes are known by name.
    pub(super) fn len(&self) -> usize {
        self.scopes.len()
    }

    /// The counter stood here when something was published.
    pub(super) fn reach(&mut self, counter: i64) {
        self.highest = self.highest.max(counter);
    }

    /// Notes a publication. True when there was no room for the scope, so that the map was emptied and the floor rose.
    #[must_use]
    pub(super) fn raise(&mut self, scope: &S, revision: i64, scopes_max: usize) -> bool {
        self.reach(revision);
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

    /// Forgets everything. The counter may have fallen: then the database is another one.
    pub(super) fn doubt(&mut self, counter: i64) {
        *self = Self::new(counter);
    }
}

#[cfg(all(test, not(muster_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn published_only_rises() {
        let mut published = Published::new(10);
        assert_eq!(published.of(&"a"), 10);
        assert!(!published.raise(&"a", 12, 2));
        assert!(!published.raise(&"a", 11, 2));
        assert_eq!((published.of(&"a"), published.of(&"b")), (12, 10));
        assert!(!published.raise(&"b", 9, 2));
        assert_eq!(published.len(), 1, "what the floor says needs no place in the map");
    }

    #[test]
    fn a_full_map_is_emptied_and_the_floor_hides_no_publication() {
        let mut published = Published::new(0);
        assert!(!published.raise(&"a", 30, 2));
        assert!(!published.raise(&"b", 5, 2));
        assert!(published.raise(&"c", 6, 2), "there is no room for a third scope");
        for scope in ["a", "b", "c", "d"] {
            assert_eq!(published.of(&scope), 30, "of {scope}");
        }
        assert_eq!(published.len(), 0);
    }

    #[test]
    fn doubt_follows_the_counter_even_down() {
        let mut published = Published::new(100);
        assert!(!published.raise(&"a", 101, 2));
        published.doubt(7);
        assert_eq!((published.of(&"a"), published.floor()), (7, 7));
    }
}
