//! A seeded pseudo-random number generator and weighted draws.

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, fast, and with a separate stream for each seed, so that the
/// hundredth contact can be generated without the ninety-nine before it.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// 2 to the power of -53: the distance of neighbouring values of [`Random::fraction`].
const FRACTION_STEP: f64 = 1.0 / 9_007_199_254_740_992.0;

impl Random {
    /// The stream for item `number` of this topic.
    pub(super) fn of(seed: u64, topic: u64, number: u64) -> Self {
        let mut stream = Self(seed ^ mix(topic.wrapping_mul(GOLDEN_GAMMA)) ^ mix(number.wrapping_add(GOLDEN_GAMMA)));
        stream.0 = stream.next();
        stream
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        mix(self.0)
    }

    /// A number from 0 up to, but not including, `bound`, which is at least 1. The bias of the multiplication is
    /// negligible for demonstration data.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * (bound as u128);
        // The product is below bound * 2^64.
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// A number from 0 up to, but not including, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 * FRACTION_STEP
    }

    /// True with this probability, in percent.
    pub(super) fn percent(&mut self, percentage: usize) -> bool {
        self.below(100) < percentage
    }

    /// One of the items with equal probability; the default value for an empty list.
    pub(super) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        items.get(self.below(items.len().max(1))).copied().unwrap_or_default()
    }
}

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A weighted draw of positions; holds the cumulative weights.
#[derive(Clone, Debug)]
pub(super) struct Weighted(Vec<f64>);

impl Weighted {
    /// Takes a weight for each position.
    pub(super) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        Self(
            weights
                .into_iter()
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        )
    }

    /// Zipf's weights: position `n` has the weight `1 / (n + 1) ^ exponent`.
    #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^52")]
    pub(super) fn zipf(len: usize, exponent: f64) -> Self {
        Self::new((1..=len).map(|rank| (rank as f64).powf(-exponent)))
    }

    /// A position, with a probability proportional to its weight.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        self.locate(random.fraction()).0
    }

    /// The position at a fraction of the total weight, and the fraction within the position's weight.
    pub(super) fn locate(&self, fraction: f64) -> (usize, f64) {
        let target = fraction * self.0.last().copied().unwrap_or_default();
        let position = self.0.partition_point(|sum| *sum <= target).min(self.0.len().saturating_sub(1));
        let before = position.checked_sub(1).and_then(|before| self.0.get(before)).copied().unwrap_or_default();
        let own = self.0.get(position).copied().unwrap_or_default() - before;
        (position, if own > 0.0 { ((target - before) / own).clamp(0.0, 1.0) } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_random_stream_matches_the_reference_implementation() {
        // The first outputs of the reference implementation for the seed 1234567.
        let mut random = Random(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn draws_follow_the_weights() {
        let weighted = Weighted::new([1.0, 0.0, 3.0]);
        assert_eq!(weighted.locate(0.0), (0, 0.0));
        assert_eq!(weighted.locate(0.25).0, 2);
        assert_eq!(weighted.locate(0.625), (2, 0.5));
        let mut random = Random::of(1, 2, 3);
        let heavy = (0..1_000).filter(|_| weighted.draw(&mut random) == 2).count();
        assert!((700..800).contains(&heavy), "{heavy}");
    }
}
