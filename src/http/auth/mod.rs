//! Who is calling: a bearer token or a session's cookie becomes a [`Caller`], or the request ends here.
//!
//! A bearer token wins where a request has both. A change that is made with a cookie must come from Muster's own pages
//! (`csrf`).
//!
//! Cached tokens need no query and are not rate-limited. A token that is not cached is looked up, because the command
//! line may have made it a moment ago; guessing would exhaust these look-ups, so a [limit](failed_sign_in_limit) comes
//! before them.

mod authenticator;
mod caller;
pub mod cookie;
mod csrf;
pub mod failed_sign_in_limit;
#[cfg(test)]
pub(super) mod sample_access;

pub use self::authenticator::Authenticator;
pub use self::caller::Caller;

pub(super) use self::authenticator::{address_of, is_possible, link_refused};
