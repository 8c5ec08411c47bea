//! New departments and employees: how many a caller may have created within an hour.

use std::sync::Arc;
use std::time::Instant;

use super::holder::Holder;
use super::refusal::Refusal;
use super::shares::{Share, Whose};
use crate::http::error::ApiError;

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
