//! Who may call the API, as the database has it.
//!
//! - `access_list`: every token and session, as the change feed carries them;
//! - `tokens`: API tokens; `sessions`: signed-in browsers and one-time links;
//! - `idempotency`: answers that are kept for a token's retries.

pub(super) mod access_list;
pub(super) mod idempotency;
pub(super) mod sessions;
pub(super) mod tokens;
