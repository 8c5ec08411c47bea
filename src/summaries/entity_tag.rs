//! The entity tag of a summary or a page of details (RFC 9110, section 8.8.3).

use crate::domain::time::Day;

/// The shape of the answers. To be raised with every change of it, so that no client takes an older shape for today's.
const FORMAT: u32 = 1;

/// The entity tag: database, shape, revision, day. Weak, because the head of the answer and the time it took differ while
/// it says the same.
pub(super) fn entity_tag(epoch: &str, revision: i64, day: Day) -> String {
    format!("W/\"{epoch}-{FORMAT}-{revision}-{}\"", day.number())
}
