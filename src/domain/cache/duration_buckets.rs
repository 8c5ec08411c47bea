//! A histogram of durations in a compact binary form: the measurements of one minute.

use std::iter;
use std::time::Duration;

/// Bits of a number that one byte of its LEB128 form holds.
const LEB128_BITS: u32 = 7;

/// The bit by which a byte of a LEB128 form says that another follows.
const LEB128_MORE: u8 = 1 << LEB128_BITS;

/// Counts of durations by the buckets of a histogram, ordered by duration.
///
/// Bytes on purpose, as they are stored: a minute of a busy server is some hundred bytes, so that weeks of minutes fit into
/// memory. For each bucket that is not empty, by rising duration, there are two unsigned LEB128 numbers (seven bits a
/// byte, lowest first, the highest bit set in all but the last byte): the bucket's upper end in nanoseconds less that of the
/// bucket before it, and how many durations it holds, never zero. There is no header, so no durations are no bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DurationBuckets(Box<[u8]>);

impl DurationBuckets {
    /// Buckets by their upper ends, which must rise; empty ones are left out.
    pub fn of(buckets: impl IntoIterator<Item = (Duration, u64)>) -> Self {
        let mut bytes = Vec::new();
        let mut before = 0;
        for (end, count) in buckets {
            let end = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
            if count > 0 {
                write(&mut bytes, end.saturating_sub(before));
                write(&mut bytes, count);
                before = end;
            }
        }
        Self(bytes.into())
    }

    /// Decodes the stored bytes; `None` when they were not written by [`Self::as_bytes`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let (mut before, mut is_first) = (0_u64, true);
        while !rest.is_empty() {
            let (step, count) = (read(&mut rest)?, read(&mut rest)?);
            if count == 0 || (step == 0 && !is_first) {
                return None;
            }
            before = before.checked_add(step)?;
            is_first = false;
        }
        Some(Self(bytes.into()))
    }

    /// The bytes that are stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it counts no duration.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Upper ends and counts, by rising duration.
    pub fn iter(&self) -> impl Iterator<Item = (Duration, u64)> {
        let (mut rest, mut end) = (&*self.0, 0_u64);
        iter::from_fn(move || {
            end = end.saturating_add(read(&mut rest)?);
            Some((Duration::from_nanos(end), read(&mut rest)?))
        })
    }

    /// The sum of two histograms.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let (mut ours, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        Self::of(iter::from_fn(move || match (ours.peek(), theirs.peek()) {
            (Some((our_end, _)), Some((their_end, _))) if our_end == their_end => {
                let ((end, ours), (_, theirs)) = (ours.next()?, theirs.next()?);
                Some((end, ours.saturating_add(theirs)))
            }
            (Some((our_end, _)), Some((their_end, _))) if our_end > their_end => theirs.next(),
            (None, _) => theirs.next(),
            _ => ours.next(),
        }))
    }
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= u64::from(LEB128_MORE) {
        bytes.push(low_byte(number) | LEB128_MORE);
        number >>= LEB128_BITS;
    }
    bytes.push(low_byte(number));
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// Reads a number off the front; `None` if there is none.
fn read(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(LEB128_BITS as usize) {
        let (first, others) = rest.split_first()?;
        *rest = others;
        let bits = u64::from(first & !LEB128_MORE);
        let shifted = bits << shift;
        if shifted >> shift != bits {
            return None;
        }
        number |= shifted;
        if first & LEB128_MORE == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(buckets: &[(u64, u64)]) -> DurationBuckets {
        DurationBuckets::of(buckets.iter().map(|(nanos, count)| (Duration::from_nanos(*nanos), *count)))
    }

    fn pairs(buckets: &DurationBuckets) -> Vec<(u64, u64)> {
        buckets.iter().map(|(end, count)| (u64::try_from(end.as_nanos()).unwrap(), count)).collect()
    }

    #[test]
    fn buckets_are_read_as_they_were_written() {
        let check = |buckets: &[(u64, u64)], bytes: &[u8]| {
            assert_eq!(of(buckets).as_bytes(), bytes, "{buckets:?}");
            let parsed = DurationBuckets::parse(bytes).unwrap();
            assert_eq!(pairs(&parsed), buckets);
            assert_eq!(parsed.is_empty(), buckets.is_empty());
        };
        check(&[], &[]);
        check(&[(0, 1)], &[0, 1]);
        check(&[(300, 5)], &[0xac, 2, 5]);
        check(&[(300, 128), (310, 1)], &[0xac, 2, 0x80, 1, 10, 1]);
        let most = [[0xff; 9].as_slice(), &[1]].concat();
        check(&[(u64::MAX, u64::MAX)], &most.repeat(2));
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        let too_long = [[0x80; 10].as_slice(), &[1, 1]].concat();
        let too_large = [[0xff; 9].as_slice(), &[2, 1]].concat();
        let overflowing = [[0xff; 9].as_slice(), &[1, 1, 1, 1]].concat();
        for bytes in [&[5][..], &[0x80], &[5, 0], &[5, 1, 0, 1], &[5, 0x80], &too_long, &too_large, &overflowing] {
            assert_eq!(DurationBuckets::parse(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn merged_buckets_add_up() {
        let check = |one: &[(u64, u64)], other: &[(u64, u64)], sum: &[(u64, u64)]| {
            assert_eq!(pairs(&of(one).merged(&of(other))), sum);
            assert_eq!(pairs(&of(other).merged(&of(one))), sum);
        };
        check(&[], &[], &[]);
        check(&[(1, 2)], &[], &[(1, 2)]);
        check(&[(1, 2), (9, 1)], &[(0, 4), (1, 3), (7, 1), (20, 2)], &[(0, 4), (1, 5), (7, 1), (9, 1), (20, 2)]);
    }
}
