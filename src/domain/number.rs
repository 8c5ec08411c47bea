//! Numbers on the wire.

/// The whole number that a float is; `None` for one that is none, or that has lost the digits that would tell.
#[must_use]
pub fn whole_number(number: f64) -> Option<u64> {
    /// Up to here a float tells each whole number from the next: 2 to the power of 53.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let is_whole = (0.0..=EXACT_MAX).contains(&number) && number.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within the bounds")]
    is_whole.then_some(number as u64)
}
