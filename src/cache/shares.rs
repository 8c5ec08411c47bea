//! Whose entries go when there are too many.
//!
//! Entries are evicted in the order of use, with three exceptions, so that nobody's entries drive out everybody else's:
//!
//! - *Pages* are entries of which a client can ask for any number. A page takes the place of another page, or is not
//!   kept; never that of an entry that is no page.
//! - An owner whose pages are more than a quarter of what the cache may hold makes room by the oldest of them, and one
//!   whose other entries are more than that likewise.
//! - As long as pages are more than half of what the cache may hold, they make room for all other entries.
//!
//! While the cache is not full, nothing of this matters: one owner alone may fill it.
//!
//! Within a share, the oldest entry goes that was not used since it was looked at last (the second chance, or CLOCK,
//! algorithm), because the exact order would have to be changed at each hit, and a hit must stay cheap.

use std::collections::HashMap;
use std::sync::Arc;

use lru::LruCache;

use super::interface::{EntryShare, Key};
use super::settings::Bounds;
use super::stats::RemovalCause;

/// The part of the cache's bounds that pages of one owner, and other entries of one owner, may have when it is full.
const OWNER_PART: usize = 4;

/// The part that all pages may have when it is full.
const PAGES_PART: usize = 2;

/// Entries that get a second chance in one look for the oldest, so that a look takes microseconds.
const SECOND_CHANCES_MAX: usize = 64;

/// The entries of each share.
pub(super) struct Shares<K: Key> {
    pages: Queue<K>,
    pages_of: HashMap<K::Owner, Queue<K>>,
    others_of: HashMap<K::Owner, Queue<K>>,
}

/// What has to go.
pub(super) enum Victim<K> {
    /// This entry.
    Entry(Arc<K>),
    /// The least recently used one of all.
    LeastRecentlyUsed,
}

/// Entries from the oldest to the newest, with the number of accesses when they were looked at.
struct Queue<K: Key> {
    order: LruCache<Arc<K>, u64>,
    bytes: usize,
}

impl<K: Key> Queue<K> {
    fn new() -> Self {
        Self { order: LruCache::unbounded(), bytes: 0 }
    }

    fn add(&mut self, key: Arc<K>, bytes: usize) {
        self.order.put(key, 0);
        self.bytes += bytes;
    }

    fn remove(&mut self, key: &K, bytes: usize) {
        if self.order.pop(key).is_some() {
            self.bytes -= bytes;
        }
    }

    /// Whether it is more than a part of what the bound allows that was exceeded.
    fn exceeds(&self, bounds: Bounds, part: usize, cause: RemovalCause) -> bool {
        match cause {
            RemovalCause::Bytes => self.bytes > bounds.bytes_max / part,
            _ => self.order.len() > (bounds.entries_max / part).max(1),
        }
    }

    /// The oldest entry that was not used since it was looked at last, other than the new one if there is another.
    fn oldest(&mut self, new: &K, accesses: impl Fn(&K) -> u64) -> Option<Arc<K>> {
        for _ in 0..SECOND_CHANCES_MAX {
            let (key, seen) = self.order.peek_lru()?;
            let now = accesses(key);
            if *seen == now && **key != *new {
                break;
            }
            let key = Arc::clone(key);
            self.order.put(key, now);
        }
        self.order.peek_lru().map(|(key, _)| Arc::clone(key))
    }
}

impl<K: Key> Shares<K> {
    pub(super) fn new() -> Self {
        Self { pages: Queue::new(), pages_of: HashMap::new(), others_of: HashMap::new() }
    }

    pub(super) fn add(&mut self, key: &Arc<K>, bytes: usize) {
        let of_owner = match key.share() {
            EntryShare::None => return,
            EntryShare::Page(owner) => {
                self.pages.add(Arc::clone(key), bytes);
                self.pages_of.entry(owner.clone())
            }
            EntryShare::Other(owner) => self.others_of.entry(owner.clone()),
        };
        of_owner.or_insert_with(Queue::new).add(Arc::clone(key), bytes);
    }

    pub(super) fn remove(&mut self, key: &K, bytes: usize) {
        let (queues, owner) = match key.share() {
            EntryShare::None => return,
            EntryShare::Page(owner) => {
                self.pages.remove(key, bytes);
                (&mut self.pages_of, owner)
            }
            EntryShare::Other(owner) => (&mut self.others_of, owner),
        };
        if let Some(queue) = queues.get_mut(owner) {
            queue.remove(key, bytes);
            if queue.order.is_empty() {
                queues.remove(owner);
            }
        }
    }

    /// Changes the size of an entry.
    pub(super) fn resize(&mut self, key: &K, before: usize, after: usize) {
        let resized = |queue: &mut Queue<K>| queue.bytes = queue.bytes - before + after;
        match key.share() {
            EntryShare::None => {}
            EntryShare::Page(owner) => {
                resized(&mut self.pages);
                self.pages_of.get_mut(owner).map(resized).unwrap_or_default();
            }
            EntryShare::Other(owner) => self.others_of.get_mut(owner).map(resized).unwrap_or_default(),
        }
    }

    /// What has to go of so many entries for a new or larger one when a bound is exceeded.
    pub(super) fn victim(
        &mut self,
        new: &Arc<K>,
        entries: usize,
        bounds: Bounds,
        cause: RemovalCause,
        accesses: impl Fn(&K) -> u64,
    ) -> Victim<K> {
        let oldest = match new.share() {
            EntryShare::None => None,
            EntryShare::Page(owner) => {
                let own = self.pages_of.get_mut(owner).filter(|own| own.exceeds(bounds, OWNER_PART, cause));
                // The new one is a page itself, so if there is no other it goes again.
                own.unwrap_or(&mut self.pages).oldest(new, accesses)
            }
            EntryShare::Other(_) if self.pages.exceeds(bounds, PAGES_PART, cause) => self.pages.oldest(new, accesses),
            EntryShare::Other(owner) => {
                let own = self.others_of.get_mut(owner).filter(|own| own.exceeds(bounds, OWNER_PART, cause));
                // Who has all entries shares them with nobody.
                own.filter(|own| own.order.len() < entries).and_then(|own| own.oldest(new, accesses))
            }
        };
        oldest.map_or(Victim::LeastRecentlyUsed, Victim::Entry)
    }

    /// Checks that every entry is in its share, and no other: the bytes and number of those that have one.
    pub(super) fn check<'a>(&self, entries: impl Iterator<Item = (&'a Arc<K>, usize)>) -> Result<(), String>
    where
        K: 'a,
    {
        let (mut pages, mut others) = ((0, 0), (0, 0));
        for (key, bytes) in entries {
            let (queue, sum) = match key.share() {
                EntryShare::None => continue,
                EntryShare::Page(owner) => (self.pages_of.get(owner), &mut pages),
                EntryShare::Other(owner) => (self.others_of.get(owner), &mut others),
            };
            if !queue.is_some_and(|queue| queue.order.contains(key)) {
                return Err("an entry is not in its share".to_owned());
            }
            *sum = (sum.0 + 1, sum.1 + bytes);
        }
        let sum = |queues: &HashMap<K::Owner, Queue<K>>| {
            queues.values().fold((0, 0), |sum, queue| (sum.0 + queue.order.len(), sum.1 + queue.bytes))
        };
        let counted = [sum(&self.pages_of), (self.pages.order.len(), self.pages.bytes), sum(&self.others_of)];
        if counted == [pages, pages, others] {
            Ok(())
        } else {
            Err(format!("{counted:?}, not {pages:?} and {others:?}"))
        }
    }
}
