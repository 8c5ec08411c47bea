//! What the facts amount to: totals, contacts per company, per day and per person, for each scope.
//!
//! The triggers in `schema.sql` keep the rollups of single rows.
//!
//! - `merge`: the same arithmetic for many rows at once;
//! - `summaries`: summaries, read from the rollups;
//! - `check`: every rollup recomputed from the facts and compared.

pub(super) mod check;
pub(super) mod merge;
pub(super) mod summaries;
