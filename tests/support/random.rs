//! Pseudorandom choices that can be repeated from their seed.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub struct Random(u64);

impl Random {
    /// The environment variable that sets the seed of a test.
    pub const SEED_VARIABLE: &str = "MUSTER_TEST_SEED";

    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of this run of the tests: from the environment, or from the clock.
    pub fn seed_of_this_run() -> u64 {
        match std::env::var(Self::SEED_VARIABLE) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{} must be a number", Self::SEED_VARIABLE)),
            Err(_) => u64::from(std::time::UNIX_EPOCH.elapsed().unwrap_or_default().subsec_nanos()),
        }
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// True in this percentage of cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of some texts.
    pub fn word(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    /// One of the values, chosen by weight.
    pub fn weighted<T: Copy>(&mut self, from: &[(usize, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in from {
            if left < *weight {
                return *value;
            }
            left -= weight;
        }
        unreachable!("the weights add up")
    }
}
