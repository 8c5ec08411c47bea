//! The entity tag of a summary or a page of details (RFC 9110, section 8.8.3).

use crate::domain::time::Day;

/// The version of the answers' JSON. It must be raised with every change, so that an older answer is not taken for
/// current.
const FORMAT: u32 = 1;

/// The entity tag: epoch of the database, version of the JSON, revision, day. Weak, because answers with the same data
/// differ in their head and their calculation time.
pub(super) fn entity_tag(epoch: &str, revision: i64, day: Day) -> String {
    format!("W/\"{epoch}-{FORMAT}-{revision}-{}\"", day.number())
}
