//! Invariants of each kind of cursor for arbitrary input.

use std::fmt::Debug;

use muster::domain::page::{Cursor, NameCursor, RowCursor, TimeCursor};
use muster::http::routes::cache_entries::EntryCursor;

/// A text that decodes is exactly the text that the cursor encodes to.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    check_kind::<NameCursor>(&text);
    check_kind::<TimeCursor>(&text);
    check_kind::<RowCursor>(&text);
    check_kind::<EntryCursor>(&text);
}

fn check_kind<C: Cursor + Debug + PartialEq>(text: &str) {
    let Ok(cursor) = C::decode(text) else { return };
    let written = cursor.encode();
    assert_eq!(C::decode(&written).as_ref(), Ok(&cursor), "{text:?} was read as what it is not written as");
    assert_eq!(written, text, "two texts are the same cursor");
}
