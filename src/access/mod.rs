//! Who may do what: API tokens and sessions in memory, kept current by the store's change feed.
//!
//! A token reads `muster_<id>_<secret>`: a public id by which it is listed and revoked, and 256 random bits in
//! base64url. The database and this memory hold only the SHA-256 of the secret.
//!
//! - `tokens`: [`Access`], and API tokens; [`sessions`]: signed-in browsers; [`links`]: the one-time links that sign
//!   one in.
//! - `sign_in_without_database`: signing in and out while the database cannot be written.
//! - `credential_cache`: what is in memory, made of `cached_token`, `cached_session` and `unstored_sessions`;
//!   `last_use`.
//! - `secret`: random secrets and their hashes.
//! - `failed_sign_in_audit`: the audit log's entries for addresses that failed too often.

mod cached_session;
mod cached_token;
mod credential_cache;
mod failed_sign_in_audit;
mod last_use;
pub mod links;
mod secret;
pub mod sessions;
mod sign_in_without_database;
mod tokens;
mod unstored_sessions;

pub use self::cached_session::OpenSession;
pub use self::secret::{IDS_MADE_MAX, is_id_taken};
pub use self::tokens::{Access, MintedToken, Recognition, TOKEN_PREFIX, mint};
