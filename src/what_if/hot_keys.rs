//! A filter for the keys that are sampled although their hash is above the threshold.

use std::mem;

/// Words of the filter, 4 KiB. One bit distinguishes some thousand hot keys from the others well enough.
const WORDS: usize = 512;

/// A Bloom filter with one bit for a key: it may contain keys that were not inserted, and lacks none that were.
pub(super) struct HotKeyFilter(Box<[u64; WORDS]>);

impl HotKeyFilter {
    pub(super) fn new() -> Self {
        Self(Box::new([0; WORDS]))
    }

    #[inline]
    pub(super) fn may_contain(&self, hash: u64) -> bool {
        let (word, bit) = position(hash);
        self.0[word] & bit != 0
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let (word, bit) = position(hash);
        self.0[word] |= bit;
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn bytes(&self) -> usize {
        mem::size_of_val(&*self.0)
    }
}

/// The word and the bit of a hash. The upper bits of sampled hashes are equal, so the lowest ones decide.
fn position(hash: u64) -> (usize, u64) {
    let word = usize::try_from(hash >> 6).unwrap_or(0) % WORDS;
    (word, 1 << (hash % 64))
}
