//! Fair shares: what one caller may have of everything that callers compete for.
//!
//! A caller counts twice, as its token and as its address (IPv6: one /64 network), and each has a share in percent
//! (`share-per-token`, `share-per-address`). So neither one program at full tilt nor many tokens of one machine take
//! what others need. There are four kinds of shares, each for the token and for the address:
//!
//! - *places*, of which so many are held at once: event streams, imports and exports ([`PlaceKind`]). One too many is
//!   refused;
//! - *turns* to read the database or to write it (`turns`). What is beyond them waits, and what waits too long, or
//!   behind too many of the same caller, is refused;
//! - *processor time*, of requests and, separately, of work in the database (`debt`): who has used more than the share
//!   waits until it is paid off;
//! - *new departments and employees* within an hour ([`NewOwners`]).
//!
//! Turns and processor time are shared only while others are there: a caller that is alone gets all there is
//! (`presence`). Refusals are 429 with `Retry-After`, and counted by [`Refusal`]. The bounds for all callers together
//! are elsewhere, and answer 503.

mod debt;
mod holder;
mod metered_answer;
mod new_owners;
mod places;
mod presence;
mod refusal;
mod turns;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::holder::{Holder, Portion};
pub use self::metered_answer::MeteredAnswer;
pub use self::new_owners::NewOwners;
pub use self::places::{Place, PlaceKind};
use self::presence::Presence;
pub use self::refusal::{Refusal, Refusals};
use super::options::HttpLimits;
use crate::clock::Clock;
use crate::config::HttpSettings;
use crate::server::client_network;

/// Holders after which those that hold and owe nothing are forgotten. Each takes some 500 bytes.
const HOLDERS_KEPT: usize = 1_024;

/// Processor time that every request is charged with from the start, for the work around its handler: reading,
/// routing, and writing the answer.
const REQUEST_TIME: Duration = Duration::from_micros(20);

/// Longest time that a request waits for the processor time that its caller owes. With as many connections as an
/// address may have, a caller waits for a fraction of it.
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(5);

/// What everything is a share of.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Reads that run at once.
    pub reads: usize,
    /// Reads that may wait.
    pub reads_waiting: usize,
    /// Writes that may wait.
    pub writes_waiting: usize,
}

/// The shares of all callers. Clones are cheap and count the same.
#[derive(Clone)]
pub struct FairShares(Arc<Inner>);

struct Inner {
    clock: Clock,
    totals: Totals,
    limits: HttpLimits,
    new_owners_per_hour: u64,
    refusals: Arc<Refusals>,
    tokens: Holders<String>,
    addresses: Holders<IpAddr>,
}

/// Those who hold shares of one kind: tokens or addresses.
struct Holders<K> {
    portion: Portion,
    presence: Presence,
    /// Guards the look-up of holders only. What they hold is in themselves.
    known: Mutex<Known<K>>,
}

struct Known<K> {
    holders: HashMap<K, Arc<Holder>>,
    /// Holders at which those without anything are forgotten.
    swept_at: usize,
    /// The number of the next one.
    next: u64,
}

impl<K: Eq + Hash> Holders<K> {
    fn new(percent: u32, clock: &Clock) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            portion: Portion::new(percent, processors),
            presence: Presence::new(clock.instant()),
            known: Mutex::new(Known { holders: HashMap::new(), swept_at: HOLDERS_KEPT, next: 1 }),
        }
    }

    /// The holder with this key, which is present from now on.
    fn find<Q>(&self, key: &Q, own: impl FnOnce() -> K, totals: &Totals, now: Instant) -> Arc<Holder>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut known = self.known.lock();
        let holder = if let Some(holder) = known.holders.get(key) {
            Arc::clone(holder)
        } else {
            let holder = Arc::new(Holder::new(known.next, totals, now));
            known.next += 1;
            if known.holders.len() >= known.swept_at {
                let portion = self.portion;
                known.holders.retain(|_, holder| Arc::strong_count(holder) > 1 || !holder.is_idle(portion, now));
                known.swept_at = HOLDERS_KEPT.max(2 * known.holders.len());
            }
            known.holders.insert(own(), Arc::clone(&holder));
            holder
        };
        drop(known);
        self.presence.note(holder.number, now);
        holder
    }
}

impl FairShares {
    /// Nothing is held yet.
    #[must_use]
    pub fn new(settings: &HttpSettings, limits: HttpLimits, totals: Totals, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            tokens: Holders::new(settings.share_per_token, &clock),
            addresses: Holders::new(settings.share_per_address, &clock),
            new_owners_per_hour: settings.new_owners_per_hour,
            refusals: Arc::default(),
            clock,
            totals,
            limits,
        }))
    }

    /// What was refused so far.
    #[must_use]
    pub fn refusals(&self) -> &Arc<Refusals> {
        &self.0.refusals
    }

    /// The share of a caller: of the token with this id, where there is one, and of the address.
    #[must_use]
    pub fn of(&self, token_id: Option<&str>, address: IpAddr) -> Share {
        let Inner { totals, clock, tokens, addresses, .. } = &*self.0;
        let now = clock.instant();
        let network = client_network(address);
        Share {
            token: token_id.map(|id| tokens.find(id, || id.to_owned(), totals, now)),
            address: addresses.find(&network, || network, totals, now),
            shares: self.clone(),
            since: now,
        }
    }
}

/// The share of one caller.
#[derive(Clone)]
pub struct Share {
    token: Option<Arc<Holder>>,
    address: Arc<Holder>,
    shares: FairShares,
    /// When it was looked up.
    since: Instant,
}

/// Whose share it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Token,
    Address,
}

/// One of the two holders of a caller.
struct Side<'a> {
    whose: Whose,
    holder: &'a Arc<Holder>,
    portion: Portion,
    presence: &'a Presence,
}

impl Side<'_> {
    /// Whether others are there, so that this one keeps to its share.
    fn is_crowded(&self, now: Instant) -> bool {
        self.presence.is_crowded(now)
    }
}

impl Share {
    fn sides(&self) -> impl Iterator<Item = Side<'_>> {
        let Inner { tokens, addresses, .. } = &*self.shares.0;
        let token = self.token.as_ref().map(|holder| Side {
            whose: Whose::Token,
            holder,
            portion: tokens.portion,
            presence: &tokens.presence,
        });
        let address = Side {
            whose: Whose::Address,
            holder: &self.address,
            portion: addresses.portion,
            presence: &addresses.presence,
        };
        token.into_iter().chain([address])
    }

    fn now(&self) -> Instant {
        self.shares.0.clock.instant()
    }

    /// Whether the caller has to keep to its share, because others are there.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.sides().any(|side| side.is_crowded(self.since))
    }

    /// Charges the caller with a request, and tells how long it has to wait for what it owes.
    #[must_use]
    pub fn begin_request(&self) -> Duration {
        let now = self.since;
        let crowded = self.sides().filter(|side| side.is_crowded(now));
        let waits = crowded.map(|side| side.holder.requests.charge(REQUEST_TIME, side.portion, now));
        waits.max().unwrap_or_default().min(REQUEST_WAIT_MAX)
    }

    /// Charges the caller with the processor time that its request has taken.
    pub fn end_request(&self, time: Duration) {
        let now = self.now();
        for side in self.sides().filter(|side| side.is_crowded(now)) {
            side.holder.requests.charge(time, side.portion, now);
        }
    }

    fn refuse(&self, refusal: Refusal) {
        self.shares.0.refusals.count(refusal);
    }
}
