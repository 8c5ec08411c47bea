//! New departments and employees: how many a caller may have created within an hour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::holder::Holder;
use super::refusal::Refusal;
use super::{Share, Whose};
use crate::http::error::ApiError;

/// The span over which they are counted.
const HOUR: Duration = Duration::from_hours(1);

/// What a holder has created in its hour, which begins with the first.
pub(super) struct Hour(Mutex<Created>);

/// Guarded by the lock of [`Hour`], under which nothing but arithmetic is done.
struct Created {
    began: Instant,
    count: u64,
}

impl Hour {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Created { began: now, count: 0 }))
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        let mut created = self.0.lock();
        created.roll(now);
        created.count == 0
    }

    /// Takes as many as there are of these; or says for how long there are none.
    fn take(&self, wanted: u64, max: u64, now: Instant) -> Result<(u64, Instant), Duration> {
        let mut created = self.0.lock();
        created.roll(now);
        let taken = wanted.min(max.saturating_sub(created.count));
        if taken == 0 && wanted > 0 {
            return Err(HOUR.saturating_sub(now.saturating_duration_since(created.began)));
        }
        created.count += taken;
        Ok((taken, created.began))
    }

    /// Gives back what was taken in the hour that began then, and not used.
    fn give_back(&self, count: u64, began: Instant) {
        let mut created = self.0.lock();
        if created.began == began {
            created.count = created.count.saturating_sub(count);
        }
    }
}

impl Created {
    fn roll(&mut self, now: Instant) {
        if self.count == 0 || now.saturating_duration_since(self.began) >= HOUR {
            *self = Self { began: now, count: 0 };
        }
    }
}

/// Leave to create departments and employees. What is not used of it is given back.
pub struct NewOwners {
    left: u64,
    taken: Vec<(Arc<Holder>, Instant)>,
}

impl NewOwners {
    /// How many may be created.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Notes that so many were created.
    pub fn created(&mut self, count: u64) {
        self.left = self.left.saturating_sub(count);
    }
}

impl Drop for NewOwners {
    fn drop(&mut self) {
        for (holder, began) in &self.taken {
            holder.new_owners.give_back(self.left, *began);
        }
    }
}

impl Share {
    /// Leave to create up to so many departments and employees.
    ///
    /// # Errors
    ///
    /// 429 if the caller has created all that it may within an hour.
    pub fn new_owners(&self, wanted: u64) -> Result<NewOwners, ApiError> {
        let now = self.now();
        let inner = &self.shares.0;
        let mut leave = NewOwners { left: wanted, taken: Vec::new() };
        for side in self.sides() {
            // The setting is a token's; an address may create more in the same proportion as it has of all else.
            let per_hour = match side.whose {
                Whose::Token => inner.new_owners_per_hour,
                Whose::Address => {
                    inner.addresses.portion.in_proportion(inner.tokens.portion, inner.new_owners_per_hour)
                }
            };
            let wanted = leave.left;
            match side.holder.new_owners.take(wanted, per_hour, now) {
                Ok((taken, began)) => {
                    // What this one has too little of is given back to the other.
                    leave.give_back(wanted - taken);
                    leave.left = taken;
                    leave.taken.push((Arc::clone(side.holder), began));
                }
                Err(wait) => {
                    self.refuse(Refusal::NewOwners);
                    let whose = match side.whose {
                        Whose::Token => "This token has",
                        Whose::Address => "This address has",
                    };
                    let detail = format!(
                        "{whose} created {per_hour} departments and employees within an hour, the most that it may; wait"
                    );
                    return Err(ApiError::too_many_requests(detail, wait.as_secs().max(1)));
                }
            }
        }
        Ok(leave)
    }
}

impl NewOwners {
    fn give_back(&self, count: u64) {
        for (holder, began) in &self.taken {
            holder.new_owners.give_back(count, *began);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_begins_with_the_first_and_what_is_given_back_can_be_taken_again() {
        let begun = Instant::now();
        let after = |minutes| begun + Duration::from_mins(minutes);
        let hour = Hour::new(begun);
        let (taken, began) = hour.take(8, 10, after(30)).unwrap();
        assert_eq!((taken, began), (8, after(30)));
        assert_eq!(hour.take(5, 10, after(40)).unwrap().0, 2);
        assert_eq!(hour.take(1, 10, after(50)), Err(Duration::from_mins(40)));
        hour.give_back(3, began);
        assert_eq!(hour.take(9, 10, after(60)).unwrap().0, 3);
        assert!(!hour.is_over(after(89)) && hour.is_over(after(90)));
        assert_eq!(hour.take(1, 10, after(90)).unwrap().0, 1);
        hour.give_back(5, began);
        assert_eq!(hour.take(10, 10, after(90)).unwrap().0, 9, "what is of another hour gives nothing back");
    }
}
