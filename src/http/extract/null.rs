//! Fields of bodies for which absence, null and a value are not the same.

use serde::{Deserialize, Deserializer};

/// For fields that may be absent and must not be null: `#[serde(default, deserialize_with = "not_null")]`.
pub fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For fields in which null says something else than absence: `#[serde(default, deserialize_with = "nullable")]` gives
/// `Some(None)` for it.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
