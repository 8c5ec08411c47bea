//! Which entries of the cache are listed, and in which order.

use std::cmp::Ordering;

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::cache::EntryView;
use crate::domain::FieldError;
use crate::http::error::ApiError;
use crate::summaries::{SummaryKey, SummaryKind};

/// The parameters by which entries are chosen and ordered.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct EntryParams {
    /// Only entries of this kind, such as `enterprise` or `department`.
    #[param(inline)]
    kind: Option<EntryKind>,
    /// Only entries with this text in their key.
    search: Option<String>,
    /// What they are ordered by: the key unless given. Entries that are equal in it follow one another by key.
    #[param(inline)]
    sort: Option<SortBy>,
    /// Which come first: those with the least unless given.
    #[param(inline)]
    order: Option<Direction>,
}

/// What kind of answer an entry is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum EntryKind {
    /// An enterprise's summary.
    Enterprise,
    /// A department's summary.
    Department,
    /// A page of contacts.
    Details,
}

/// What entries are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum SortBy {
    /// What they are found by.
    #[default]
    Key,
    /// What they weigh.
    Bytes,
    /// How long ago they were loaded.
    Age,
    /// How long their TTL still runs.
    TtlLeft,
    /// How many requests they have answered.
    Accesses,
    /// The revision up to which they lack nothing.
    Revision,
}

/// Which entries come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    /// Those with the least.
    #[default]
    Asc,
    /// Those with the most.
    Desc,
}

/// Which entries are wanted, and in which order.
#[derive(Debug)]
pub(super) struct EntryFilter {
    kind: Option<SummaryKind>,
    search: Option<String>,
    sort: SortBy,
    direction: Direction,
}

impl EntryParams {
    /// The filter, if there is a cursor only where there are cursors.
    pub(super) fn check(self, has_cursor: bool) -> Result<EntryFilter, ApiError> {
        let kind = self.kind.map(SummaryKind::from);
        let search = self.search.filter(|text| !text.is_empty());
        let (sort, direction) = (self.sort.unwrap_or_default(), self.order.unwrap_or_default());
        let filter = EntryFilter { kind, search, sort, direction };
        if has_cursor && !filter.is_by_rising_key() {
            let error = FieldError::new("cursor", "belongs to a list by rising key; use page");
            return Err(ApiError::invalid(vec![error]));
        }
        Ok(filter)
    }
}

impl From<EntryKind> for SummaryKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Enterprise => Self::Enterprise,
            EntryKind::Department => Self::Department,
            EntryKind::Details => Self::Details,
        }
    }
}

impl EntryFilter {
    /// Whether the entry with this key is wanted.
    pub(super) fn wants(&self, key: &SummaryKey) -> bool {
        self.kind.is_none_or(|kind| key.kind() == kind)
            && self.search.as_ref().is_none_or(|text| key.to_string().contains(text))
    }

    /// Whether this is the order in which an entry's place does not change.
    pub(super) fn is_by_rising_key(&self) -> bool {
        self.sort == SortBy::Key && self.direction == Direction::Asc
    }

    /// Puts entries that are ordered by key into the order that is wanted.
    pub(super) fn ordered(&self, mut entries: Vec<EntryView<SummaryKey>>) -> Vec<EntryView<SummaryKey>> {
        if !self.is_by_rising_key() {
            // A stable sort leaves entries that are equal as they are, by key.
            entries.sort_by(|one, other| match self.direction {
                Direction::Asc => self.sort.compare(one, other),
                Direction::Desc => self.sort.compare(other, one),
            });
        }
        entries
    }
}

impl SortBy {
    fn compare(self, one: &EntryView<SummaryKey>, other: &EntryView<SummaryKey>) -> Ordering {
        match self {
            Self::Key => one.key.cmp(&other.key),
            Self::Bytes => one.bytes.cmp(&other.bytes),
            Self::Age => one.age.cmp(&other.age),
            Self::TtlLeft => one.ttl_left.cmp(&other.ttl_left),
            Self::Accesses => one.accesses.cmp(&other.accesses),
            Self::Revision => one.version.cmp(&other.version),
        }
    }
}
