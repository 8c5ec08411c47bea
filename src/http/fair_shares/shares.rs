//! The shares of all callers, and that of one.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use super::counted::Counted;
use super::holder::{Holder, Totals};
use super::portion::Portion;
use super::presence::Presence;
use super::refusal::{Refusal, Refusals};
use crate::clock::Clock;
use crate::config::HttpSettings;
use crate::domain::access::Token;
use crate::http::options::HttpLimits;
use crate::server::client_network;

/// Holders after which those that hold and owe nothing are forgotten. Each takes some 500 bytes.
const HOLDERS_KEPT: usize = 1_024;

/// Processor time that every request is charged with from the start, for the work around its handler: reading,
/// routing, and writing the answer, with what the system does for it.
const REQUEST_TIME: Duration = Duration::from_micros(50);

/// How long a refusal is held back, so that whoever asks again at once does so a few times a second and not thousands of
/// times. Each refusal says how long to wait, which is longer.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);

/// Refusals of one address that are held back at a time; further ones are answered at once. A held one takes some
/// kilobytes.
const REFUSALS_HELD_MAX: usize = 1_000;

/// Longest time that a request waits for the processor time that its caller owes. With as many connections as an
/// address may have, a caller waits for a fraction of it.
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(5);

/// The shares of all callers. Clones are cheap and count the same.
#[derive(Clone)]
pub struct FairShares(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) clock: Clock,
    pub(super) totals: Totals,
    pub(super) limits: HttpLimits,
    pub(super) new_owners_per_hour: u64,
    pub(super) refusals: Arc<Refusals>,
    pub(super) tokens: Holders<String>,
    pub(super) addresses: Holders<IpAddr>,
    /// All those together who have used up their own.
    busy: Holder,
    busy_portion: Portion,
}

/// Processor time for all those together who have used up their own, in percent: the other half is for those who use
/// little, however many others there are.
const BUSY_PERCENT: u32 = 50;

/// The writer's time for all those together who write several things at once, in percent. Less than a half, because
/// whoever writes meanwhile waits for the rest of what the writer has begun, and then for its own.
const BUSY_WRITER_PERCENT: u32 = 33;

/// Those who hold shares of one kind: tokens or addresses.
pub(super) struct Holders<K> {
    pub(super) portion: Portion,
    presence: Presence,
    /// Guards the look-up of holders only. What they hold is in themselves.
    known: Mutex<Known<K>>,
}

struct Known<K> {
    holders: HashMap<K, Arc<Holder>>,
    /// Holders at which those without anything are forgotten.
    swept_at: usize,
}

/// A number that stands for a network.
fn number_of(network: IpAddr) -> u64 {
    match network {
        IpAddr::V4(address) => address.to_bits().into(),
        // Only the upper half says which network it is.
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

impl<K: Eq + Hash> Holders<K> {
    fn new(percent: u32, clock: &Clock) -> Self {
        Self {
            portion: Portion::new(percent, processors()),
            presence: Presence::new(clock.instant()),
            known: Mutex::new(Known { holders: HashMap::new(), swept_at: HOLDERS_KEPT }),
        }
    }

    /// The holder with this key.
    fn find<Q>(&self, key: &Q, own: impl FnOnce() -> K, totals: &Totals, now: Instant) -> Arc<Holder>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut known = self.known.lock();
        if let Some(holder) = known.holders.get(key) {
            return Arc::clone(holder);
        }
        if known.holders.len() >= known.swept_at {
            let portion = self.portion;
            known.holders.retain(|_, holder| Arc::strong_count(holder) > 1 || !holder.is_idle(portion, now));
            known.swept_at = HOLDERS_KEPT.max(2 * known.holders.len());
        }
        let holder = Arc::new(Holder::new(totals, now));
        known.holders.insert(own(), Arc::clone(&holder));
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
            busy: Holder::new(&totals, clock.instant()),
            busy_portion: Portion::new(BUSY_PERCENT, processors()),
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

    /// The share of a caller: of the token, where there is one, and of the address. The caller is there from now on.
    #[must_use]
    pub fn of(&self, token: Option<Arc<Token>>, address: IpAddr) -> Share {
        let Inner { clock, tokens, addresses, .. } = &*self.0;
        let now = clock.instant();
        let network = client_network(address);
        addresses.presence.note(number_of(network), now);
        if let Some(token) = &token {
            tokens.presence.note(xxh3_64(token.id.as_bytes()), now);
        }
        Share { token, network, shares: self.clone(), since: now, holders: OnceLock::new() }
    }
}

/// The share of one caller.
#[derive(Clone)]
pub struct Share {
    token: Option<Arc<Token>>,
    network: IpAddr,
    pub(super) shares: FairShares,
    /// When it was asked for.
    since: Instant,
    /// Looked up when they are needed: a hit of a caller that is alone needs none.
    holders: OnceLock<FoundHolders>,
}

#[derive(Clone)]
struct FoundHolders {
    token: Option<Arc<Holder>>,
    address: Arc<Holder>,
}

/// Whose share it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Token,
    Address,
}

/// What processor time is used for. Each has an account of its own, so that reads of the database do not delay what needs
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    Requests,
    Reads,
}

/// One of the two holders of a caller.
pub(super) struct Side<'a> {
    pub(super) whose: Whose,
    pub(super) holder: &'a Arc<Holder>,
    pub(super) portion: Portion,
    presence: &'a Presence,
    /// Those with a token, who are others to somebody without.
    with_token: Option<&'a Presence>,
}

impl Side<'_> {
    /// Whether others are there, so that this one keeps to its share.
    pub(super) fn is_crowded(&self, now: Instant) -> bool {
        self.presence.is_crowded(now) || self.with_token.is_some_and(|tokens| tokens.is_anybody_there(now))
    }
}

impl Share {
    fn holders(&self) -> &FoundHolders {
        self.holders.get_or_init(|| {
            let Inner { totals, tokens, addresses, .. } = &*self.shares.0;
            let token = self.token.as_deref();
            let find_token = |token: &Token| tokens.find(&*token.id, || token.id.clone(), totals, self.since);
            let address = addresses.find(&self.network, || self.network, totals, self.since);
            FoundHolders { token: token.map(find_token), address }
        })
    }

    pub(super) fn sides(&self) -> impl Iterator<Item = Side<'_>> {
        let Inner { tokens, addresses, .. } = &*self.shares.0;
        let FoundHolders { token, address } = self.holders();
        let token = token.as_ref().map(|holder| Side {
            whose: Whose::Token,
            holder,
            portion: tokens.portion,
            presence: &tokens.presence,
            with_token: None,
        });
        let address = Side {
            whose: Whose::Address,
            holder: address,
            portion: addresses.portion,
            presence: &addresses.presence,
            with_token: self.token.is_none().then_some(&tokens.presence),
        };
        token.into_iter().chain([address])
    }

    /// Whether the caller has to keep to its share, because others are there.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.is_crowded_at(self.since)
    }

    pub(super) fn is_crowded_at(&self, now: Instant) -> bool {
        let Inner { tokens, addresses, .. } = &*self.shares.0;
        let is_crowd_of_tokens =
            if self.has_token() { tokens.presence.is_crowded(now) } else { tokens.presence.is_anybody_there(now) };
        is_crowd_of_tokens || addresses.presence.is_crowded(now)
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub(super) fn now(&self) -> Instant {
        self.shares.0.clock.instant()
    }

    pub(super) fn thread_time(&self) -> Duration {
        self.shares.0.clock.thread_time()
    }

    /// Charges the caller with processor time, and tells how long it takes until what it owed before is paid off.
    pub(super) fn charge(&self, account: Account, time: Duration, now: Instant) -> Duration {
        if !self.is_crowded_at(now) {
            return Duration::ZERO;
        }
        let debt = |holder: &Holder, portion| match account {
            Account::Requests => holder.requests.charge(time, portion, now),
            Account::Reads => holder.reading.charge(time, portion, now),
        };
        let crowded = self.sides().filter(|side| side.is_crowded(now));
        let wait = crowded.map(|side| debt(side.holder, side.portion)).max().unwrap_or_default();
        if wait.is_zero() {
            return wait;
        }
        let Inner { busy, busy_portion, .. } = &*self.shares.0;
        wait.max(debt(busy, *busy_portion))
    }

    /// Charges those who fill the writer's queue with the writer's time, and tells how long it takes until what they owed
    /// before is paid off.
    pub(super) fn charge_writer(&self, time: Duration, now: Instant) -> Duration {
        let Inner { busy, .. } = &*self.shares.0;
        busy.writing.charge(time, Portion::of_one(BUSY_WRITER_PERCENT), now)
    }

    /// Charges the caller with a request, and waits until what it owed before is paid off.
    pub async fn pay(&self) {
        let wait = self.charge(Account::Requests, REQUEST_TIME, self.since).min(REQUEST_WAIT_MAX);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Holds a refusal back.
    pub async fn hold_refusal(&self) {
        let held = Counted::new(&self.holders().address.refusals_held);
        if held.before < REFUSALS_HELD_MAX {
            tokio::time::sleep(REFUSAL_DELAY).await;
        }
    }

    /// Charges the caller with the processor time that its request has taken.
    pub fn end_request(&self, time: Duration) {
        self.charge(Account::Requests, time, self.now());
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        self.shares.0.refusals.count(refusal);
    }
}
