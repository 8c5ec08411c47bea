//! One that is counted while it is there.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One that is counted until it is dropped, also when it gives up.
pub(super) struct Counted<'a> {
    count: &'a AtomicUsize,
    /// How many there were before it. It is counted first, so that concurrent ones cannot exceed a bound.
    pub(super) before: usize,
}

impl<'a> Counted<'a> {
    pub(super) fn new(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
