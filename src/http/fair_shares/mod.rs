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
//! (`presence`). Refusals are 429 with `Retry-After`, are held back a little, and counted by [`Refusal`]. The bounds for all callers together
//! are elsewhere, and answer 503.

mod counted;
mod debt;
mod holder;
mod hour;
mod metered_answer;
mod new_owners;
mod places;
mod portion;
mod presence;
mod refusal;
mod shares;
mod turns;

pub use self::holder::Totals;
pub use self::metered_answer::MeteredAnswer;
pub use self::new_owners::NewOwners;
pub use self::places::{Place, PlaceKind};
pub use self::refusal::{Refusal, Refusals};
pub use self::shares::{FairShares, Share};
