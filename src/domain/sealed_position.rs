//! Positions in the history of a database, sealed: whoever gets one can give it back, and learns nothing of it.
//!
//! A position is a value of the counter that every write of the installation moves, so its number, or the difference
//! between two, would tell those who reach a part of the installation how much is written elsewhere.

use sha2::{Digest, Sha256};

/// Rounds of the permutation. Four make it as good as a random one of these numbers to whoever may ask for both
/// directions (Luby and Rackoff, "How to construct pseudorandom permutations", 1988).
const ROUNDS: u8 = 4;

/// A position as it is shown: 16 hexadecimal digits, always the same ones of a key and a position.
#[must_use]
pub fn seal(position: i64, key: &str) -> String {
    let [mut left, mut right] = halves(position);
    for round in 0..ROUNDS {
        (left, right) = (right, left ^ mix(right, round, key));
    }
    format!("{left:08x}{right:08x}")
}

/// The position of such a text; none where the text has another form. A text that was invented gives some number.
#[must_use]
pub fn open(text: &str, key: &str) -> Option<i64> {
    if text.len() != 16 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let [mut left, mut right] = halves(i64::from_be_bytes(u64::from_str_radix(text, 16).ok()?.to_be_bytes()));
    for round in (0..ROUNDS).rev() {
        (left, right) = (right ^ mix(left, round, key), left);
    }
    Some(i64::from_be_bytes((u64::from(left) << 32 | u64::from(right)).to_be_bytes()))
}

/// The same with a proof: an invented text opens to nothing.
#[must_use]
pub fn seal_proven(position: i64, key: &str) -> String {
    seal(position, key) + &seal(!position, key)
}

/// The position of such a text; none where no holder of the key has made it.
#[must_use]
pub fn open_proven(text: &str, key: &str) -> Option<i64> {
    let (sealed, proof) = text.split_at_checked(text.len() / 2)?;
    let position = open(sealed, key)?;
    (open(proof, key)? == !position).then_some(position)
}

fn halves(number: i64) -> [u32; 2] {
    let bytes = number.to_be_bytes();
    let half = |half: Option<&[u8; 4]>| half.map_or(0, |bytes| u32::from_be_bytes(*bytes));
    [half(bytes.first_chunk()), half(bytes.last_chunk())]
}

/// The round function: a keyed hash.
fn mix(half: u32, round: u8, key: &str) -> u32 {
    let hash = Sha256::new().chain_update(key).chain_update([0, round]).chain_update(half.to_be_bytes()).finalize();
    hash.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_position_opens_with_its_key_alone() {
        for position in [0, 1, 4_711, 4_712, i64::from(u32::MAX) + 1, 1 << 52, i64::MAX, -1] {
            let sealed = seal(position, "key");
            assert_eq!(open(&sealed, "key"), Some(position));
            assert_ne!(open(&sealed, "other"), Some(position));
            assert_eq!(seal(position, "key"), sealed);
        }
        for text in ["", "4711", "000000000000000g", "00000000000000000", "00000000-0000000", "000000000000000A"] {
            assert_eq!(open(text, "key"), None, "{text}");
        }
    }

    #[test]
    fn an_invented_position_opens_to_nothing() {
        let sealed = seal_proven(4_711, "key");
        assert_eq!((sealed.len(), open_proven(&sealed, "key"), open_proven(&sealed, "other")), (32, Some(4_711), None));
        for text in ["", "4711", "yesterday", "ä", &sealed[1..], &sealed[..16].repeat(2), &"0".repeat(32)] {
            assert_eq!(open_proven(text, "key"), None, "{text}");
        }
    }

    #[test]
    fn neighbouring_positions_have_nothing_in_common() {
        let near = (0..200).map(|position| seal(position, "key")).collect::<Vec<_>>();
        let shared = |one: &String, other: &String| one.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
        // Of 16 digits one is the same by chance.
        let most = near.iter().zip(&near[1..]).map(|(one, other)| shared(one, other)).max();
        assert!(most < Some(9), "{most:?}");
    }
}
