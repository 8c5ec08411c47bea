//! Ids that are made, not given: time-ordered ones that no other maker of this process is given, and ids from names with
//! another ending where the first is taken.

use parking_lot::Mutex;

use super::ids::{ID_LEN_MAX, SEQUENCE_BITS, TimeOrderedId, slug};
use super::time::Timestamp;

/// Ids of one millisecond.
const SEQUENCE_LEN: u32 = 1 << SEQUENCE_BITS;

/// How far behind the newest id a moment may be and still continue from it. A clock that was set back further begins
/// again, at a random number; whoever stores the id then makes another if it is taken.
const BEHIND_MAX_MILLIS: i64 = 60_000;

/// How many endings are tried for an id from a name before a time-ordered one is made.
const ENDINGS_MAX: u32 = 1_000;

/// The newest millisecond for which ids were made, where its sequence began, and how many were made.
struct Sequence {
    millis: i64,
    start: u32,
    made: u32,
}

static SEQUENCE: Mutex<Sequence> = Mutex::new(Sequence { millis: i64::MIN, start: 0, made: 0 });

/// A time-ordered id for this moment that this process has not made before. It may be of a later millisecond, where
/// many are made. Other processes may make the same one, in a case in a million for each two of one millisecond.
#[must_use]
pub fn make_id(now: Timestamp) -> TimeOrderedId {
    // Without entropy, ids of two processes clash more easily, and are made again.
    let start = getrandom::u32().unwrap_or_default() % SEQUENCE_LEN;
    SEQUENCE.lock().next(now.millis(), start)
}

/// The same after one that was taken: begins the sequence again at a random number, since the ones that follow may be
/// taken, too.
#[must_use]
pub fn make_another_id(now: Timestamp) -> TimeOrderedId {
    let start = getrandom::u32().unwrap_or_default() % SEQUENCE_LEN;
    let mut sequence = SEQUENCE.lock();
    let millis = now.millis().max(sequence.millis.min(now.millis() + BEHIND_MAX_MILLIS));
    *sequence = Sequence { millis, start, made: 0 };
    sequence.next(millis, start)
}

impl Sequence {
    fn next(&mut self, now: i64, start: u32) -> TimeOrderedId {
        let behind = self.millis.saturating_sub(now);
        if !(0..=BEHIND_MAX_MILLIS).contains(&behind) {
            *self = Self { millis: now, start, made: 0 };
        } else if self.made == SEQUENCE_LEN {
            *self = Self { millis: self.millis + 1, start, made: 0 };
        }
        // Wraps around: the sequence has each number once.
        let number = (self.start + self.made) % SEQUENCE_LEN;
        self.made += 1;
        TimeOrderedId::at(Timestamp::from_millis(self.millis), number)
    }
}

/// The ids that a name may get, best first: its slug, then with endings. None where the name leaves no slug.
pub fn ids_from_name(name: &str) -> impl Iterator<Item = String> {
    let slug = slug(name);
    let with_ending = {
        let slug = slug.clone().unwrap_or_default();
        move |number: u32| {
            let ending = format!("-{number}");
            let start = &slug[..slug.len().min(ID_LEN_MAX - ending.len())];
            format!("{}{ending}", start.trim_end_matches('-'))
        }
    };
    let endings = if slug.is_some() { 2..ENDINGS_MAX } else { 0..0 };
    slug.into_iter().chain(endings.map(with_ending))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_hundred_thousand_ids_of_one_moment_by_64_makers_are_all_different() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let makers: Vec<_> = (0..64)
            .map(|_| std::thread::spawn(move || (0..100_000 / 64).map(|_| make_id(now)).collect::<Vec<_>>()))
            .collect();
        let ids: Vec<_> = makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn ids_go_on_when_a_millisecond_is_used_up_or_the_clock_is_a_little_behind() {
        let mut sequence = Sequence { millis: 0, start: 0, made: 0 };
        let mut made = HashSet::new();
        for _ in 0..=SEQUENCE_LEN {
            assert!(made.insert(sequence.next(1_000_000, SEQUENCE_LEN - 1)));
        }
        assert!(made.insert(sequence.next(999_000, 7)), "a second behind");
        assert_eq!(sequence.next(1_000_000 - 2 * BEHIND_MAX_MILLIS, 7).number() & i64::from(SEQUENCE_LEN - 1), 7);
    }

    #[test]
    fn a_name_has_many_ids_each_of_them_valid() {
        let ids = |name: &str| ids_from_name(name).take(3).collect::<Vec<_>>();
        assert_eq!(ids("C++"), ["c", "c-2", "c-3"]);
        assert_eq!(ids("東京 Sales"), ["sales", "sales-2", "sales-3"]);
        assert_eq!(ids("営業部"), Vec::<String>::new());
        let long = "Long name ".repeat(30);
        for id in ids_from_name(&long) {
            assert!(super::super::ids::DepartmentId::parse(id.clone()).is_ok(), "{id}");
        }
    }
}
