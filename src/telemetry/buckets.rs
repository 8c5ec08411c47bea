//! A histogram with fixed buckets, in constant memory.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of the values in each of `N` buckets and of those above all bounds. Recording takes no lock and allocates nothing.
#[derive(Debug)]
pub struct Buckets<const N: usize> {
    bounds: &'static [u64; N],
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

/// A snapshot of [`Buckets`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Each bound, ascending, with the number of values in the bucket that ends there, including the bound itself.
    pub buckets: Vec<(u64, u64)>,
    /// The number of values above all bounds.
    pub above: u64,
    /// The sum of all values.
    pub sum: u64,
}

impl<const N: usize> Buckets<N> {
    /// Empty buckets with these upper bounds, which must ascend.
    #[must_use]
    pub const fn new(bounds: &'static [u64; N]) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; N], above: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        // A linear search: there are few bounds, and most values are small.
        let bucket = self.bounds.iter().zip(&self.counts).find(|(bound, _)| value <= **bound);
        bucket.map_or(&self.above, |(_, count)| count).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

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
    /// Adds another snapshot of buckets with the same bounds.
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
    fn a_value_is_counted_in_the_first_bucket_that_ends_at_it_or_above() {
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
