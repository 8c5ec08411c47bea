//! What the hit ratio would have been with another setting.

use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::answer::Answer;
use crate::http::error::ApiError;
use crate::http::extract::{Json, Query};
use crate::http::state::AppState;
use crate::summaries::{SettingValue, SummaryKind, TriedSetting, WhatIf, WhatIfPoint};

/// What is tried out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhatIfParams {
    /// Which setting: a TTL unless given.
    #[param(inline)]
    by: Option<By>,
    /// Whose TTL, by the names of `ttlSettings`: the enterprises' unless given. `default` is that of contact details.
    #[param(inline)]
    kind: Option<TtlKind>,
}

/// Which setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WhatIfSetting)]
enum By {
    /// How long entries of a kind live.
    #[default]
    Ttl,
    /// How many entries there may be.
    MaxCacheSize,
    /// How many bytes they may take; each entry as many as that of its key took last.
    MaxCacheBytes,
}

/// Whose TTL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum TtlKind {
    /// Summaries of enterprises.
    #[default]
    Enterprise,
    /// Summaries of departments.
    Department,
    /// Anything else, which is contact details.
    Default,
    /// The same.
    Details,
}

impl From<TtlKind> for SummaryKind {
    fn from(kind: TtlKind) -> Self {
        match kind {
            TtlKind::Enterprise => Self::Enterprise,
            TtlKind::Department => Self::Department,
            TtlKind::Default | TtlKind::Details => Self::Details,
        }
    }
}

/// What other values of a setting would have brought.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatIfAnswer {
    /// Which setting.
    by: By,
    /// Whose TTL; null when it is not about a TTL.
    #[schema(required)]
    kind: Option<TtlKind>,
    /// By rising value; the one that is set is among them.
    points: Vec<Predicted>,
    /// The one that is set, predicted like the others.
    current: Predicted,
    /// The accesses that the prediction speaks of: all requests of its time.
    #[schema(example = 120_000)]
    accesses: u64,
    /// Those of them that were replayed.
    #[schema(example = 30_000)]
    sampled_accesses: u64,
    /// The keys that were replayed.
    #[schema(example = 250)]
    sampled_keys: usize,
    /// How far back it goes, in seconds.
    #[schema(example = 28_800)]
    span_seconds: u64,
    /// The part of the keys that was replayed: 1, a half, a quarter, and so on.
    #[schema(example = 0.25)]
    sampling_rate: f64,
}

/// A value of the setting, and what it would have brought.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Predicted {
    /// The TTL; only when a TTL is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5m")]
    ttl: Option<String>,
    /// The TTL in milliseconds; only when a TTL is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 300_000)]
    ttl_millis: Option<u64>,
    /// The number of entries; only when that is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_cache_size: Option<usize>,
    /// The number of bytes; only when that is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_cache_bytes: Option<usize>,
    /// The part of all requests, whatever their kind, that would have been hits; null while there is nothing to learn from.
    #[schema(required, example = 0.71)]
    hit_ratio: Option<f64>,
}

impl From<WhatIfPoint> for Predicted {
    fn from(WhatIfPoint { setting, hit_ratio }: WhatIfPoint) -> Self {
        let (ttl, entries, bytes) = match setting {
            SettingValue::Ttl(ttl) => (Some(ttl), None, None),
            SettingValue::Entries(entries) => (None, Some(entries), None),
            SettingValue::Bytes(bytes) => (None, None, Some(bytes)),
        };
        let millis = |ttl: Duration| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Self {
            ttl: ttl.map(|ttl| humantime::format_duration(ttl).to_string()),
            ttl_millis: ttl.map(millis),
            max_cache_size: entries,
            max_cache_bytes: bytes,
            hit_ratio,
        }
    }
}

/// What the hit ratio would have been with another setting
///
/// A sample of the requests of the last hours, with every write and clear between them, is replayed with other values of one
/// setting. While everything fits into the sample, a prediction is what would have been; `samplingRate` says when it is an
/// estimate. An answer may be some seconds old.
#[utoipa::path(
    get, path = "/cache/analytics/what-if", tag = "cache", operation_id = "getCacheWhatIf", params(WhatIfParams),
    responses((status = 200, body = Answer<WhatIfAnswer>))
)]
pub async fn get(
    State(state): State<AppState>,
    Query(WhatIfParams { by, kind }): Query<WhatIfParams>,
) -> Result<Json<Answer<WhatIfAnswer>>, ApiError> {
    let (by, kind) = (by.unwrap_or_default(), kind.unwrap_or_default());
    let tried = match by {
        By::Ttl => TriedSetting::Ttl(kind.into()),
        By::MaxCacheSize => TriedSetting::Entries,
        By::MaxCacheBytes => TriedSetting::Bytes,
    };
    let WhatIf { points, current, basis } = state.summaries.what_if(tried).await?;
    Ok(state.success(WhatIfAnswer {
        by,
        kind: (by == By::Ttl).then_some(kind),
        points: points.into_iter().map(Predicted::from).collect(),
        current: current.into(),
        accesses: basis.accesses,
        sampled_accesses: basis.sampled,
        sampled_keys: basis.sampled_keys,
        span_seconds: basis.span.as_secs(),
        sampling_rate: basis.rate,
    }))
}
