//! Who may call the API, as the database has it.
//!
//! - `tokens`: API tokens; `sessions`: signed-in browsers and one-time links;
//! - `idempotency`: answers that are kept for a token's retries.

pub(super) mod idempotency;
pub(super) mod sessions;
pub(super) mod tokens;
