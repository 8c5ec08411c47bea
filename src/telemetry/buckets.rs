//! Counts in fixed buckets: what a distribution looks like, in memory that never grows.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of values up to each of `N` bounds, and of those above all of them. Recording takes no lock and no memory.
#[derive(Debug)]
pub struct Buckets<const N: usize> {
    bounds: &'static [u64; N],
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

/// What [`Buckets`] held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Each bound, ascending, with how many values lie in the bucket that ends there, its end included.
    pub buckets: Vec<(u64, u64)>,
    /// How many values lie above all bounds.
    pub above: u64,
    /// All values, added up.
    pub sum: u64,
}

impl<const N: usize> Buckets<N> {
    /// Empty buckets that end at these bounds, which must ascend.
    #[must_use]
    pub const fn new(bounds: &'static [u64; N]) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; N], above: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        // The bounds are few, and small values are the frequent ones.
        let bucket = self.bounds.iter().zip(&self.counts).find(|(bound, _)| value <= **bound);
        bucket.map_or(&self.above, |(_, count)| count).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        Counted {
            buckets: self.bounds.iter().copied().zip(counts).collect(),
            above: self.above.load(Ordering::Relaxed),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl Counted {
    /// Adds what was counted elsewhere into buckets with the same ends.
    pub fn add(&mut self, other: &Self) {
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
        } else {
            for ((_, count), (_, more)) in self.buckets.iter_mut().zip(&other.buckets) {
                *count += more;
            }
        }
        self.above += other.above;
        self.sum += other.sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_the_first_bucket_that_ends_at_it_or_above() {
        let buckets = Buckets::new(&[1, 2, 8]);
        for value in [0, 1, 2, 3, 8, 9, 1_000] {
            buckets.record(value);
        }
        let counted = buckets.counted();
        assert_eq!(counted, Counted { buckets: vec![(1, 2), (2, 1), (8, 2)], above: 2, sum: 1_023 });
        let mut twice = Counted::default();
        twice.add(&counted);
        twice.add(&counted);
        assert_eq!(twice, Counted { buckets: vec![(1, 4), (2, 2), (8, 4)], above: 4, sum: 2_046 });
    }
}
