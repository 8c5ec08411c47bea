//! Warming the cache.

use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::cache::{WHOLE_CACHE, write_down};
use crate::domain::FieldError;
use crate::domain::ids::EnterpriseId;
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, capitalised};
use crate::http::extract::{Json, PathId};
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry};
use crate::summaries::{WarmError, WarmOutcome, WarmReport, WarmRequest};

/// Enterprises that one request may name: as many as the cache keeps entries unless it is configured otherwise.
const ENTERPRISES_MAX: usize = 1_000;

/// The part of a request's time, in percent, in which loads are begun. The rest is for writing it down and for the answer.
const TIME_PERCENT: u32 = 70;

/// What is to be warmed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warming {
    /// The ids of the enterprises; at most 1,000. One that is no text has a result of its own, as one that is unknown has.
    #[serde(default)]
    #[schema(required, value_type = Vec<Value>, max_items = 1_000)]
    enterprise_ids: Value,
    /// Whether their departments are warmed, too.
    #[schema(value_type = Option<bool>, default = false)]
    include_departments: Option<bool>,
}

impl Warming {
    fn check(self) -> Result<(Vec<Value>, bool), ApiError> {
        const FIELD: &str = "enterpriseIds";
        let Value::Array(ids) = self.enterprise_ids else {
            let error = FieldError::new(FIELD, "must be an array");
            return Err(ApiError::invalid_saying("enterpriseIds must be an array", vec![error]));
        };
        if ids.len() > ENTERPRISES_MAX {
            let message = format!("must have at most {ENTERPRISES_MAX} ids");
            return Err(ApiError::invalid(vec![FieldError::new(FIELD, message)]));
        }
        Ok((ids, self.include_departments.unwrap_or(false)))
    }
}

/// What came of warming.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Warmed)]
pub struct WarmedBody {
    /// What happened.
    #[schema(example = "Cache warming completed for 2 enterprises")]
    message: String,
    /// One for each id, in the order of the request.
    results: Vec<WarmResult>,
}

/// What came of warming one enterprise.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WarmResult {
    /// The id, as it was sent.
    #[schema(example = "acme")]
    enterprise_id: Value,
    /// Whether it is in the cache now.
    status: WarmStatus,
    /// How long that took, in milliseconds.
    #[schema(example = 0.41)]
    duration: f64,
    /// Why it is not in the cache; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Enterprise not found")]
    error: Option<String>,
}

/// Whether an enterprise is in the cache now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarmStatus {
    /// It was loaded; with departments, it or at least one of them was.
    Warmed,
    /// It was there; with departments, all of it was.
    AlreadyCached,
    /// It is not.
    Error,
}

impl WarmResult {
    fn new(enterprise_id: Value, report: WarmReport) -> Self {
        let duration = (report.took.as_secs_f64() * 1e6).round() / 1e3;
        let (status, error) = match report.outcome {
            Ok(WarmOutcome::Warmed) => (WarmStatus::Warmed, None),
            Ok(WarmOutcome::AlreadyCached) => (WarmStatus::AlreadyCached, None),
            // In the words of a request that fails for the same reason; the cause is in the log.
            Err(WarmError::Summary(error)) => (WarmStatus::Error, Some(ApiError::from(error).detail().to_owned())),
            Err(error @ (WarmError::NotKept | WarmError::NotReached)) => {
                (WarmStatus::Error, Some(capitalised(&error.to_string())))
            }
        };
        Self { enterprise_id, status, duration, error }
    }

    /// For what cannot be an enterprise's id.
    fn unknown(enterprise_id: Value) -> Self {
        let error = match &enterprise_id {
            Value::String(_) => format!("{} not found", EnterpriseId::WHAT),
            _ => "An enterprise's id is a string".to_owned(),
        };
        Self { enterprise_id, status: WarmStatus::Error, duration: 0.0, error: Some(error) }
    }
}

/// Warm the cache
///
/// Loads the summaries of these enterprises where they are not in the cache, a few at a time, so that other readers hardly
/// notice. An id that is wrong does not stop the rest. It goes on to its end when the client leaves.
#[utoipa::path(
    post, path = "/cache/warm", tag = "cache", operation_id = "warmCache",
    request_body(
        content = Warming, example = json!({"enterpriseIds": ["acme", "globex"], "includeDepartments": false})
    ),
    responses((status = 200, body = Answer<WarmedBody>))
)]
pub async fn warm(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<Warming>,
) -> Result<Json<Answer<WarmedBody>>, ApiError> {
    let (ids, with_departments) = body.check()?;
    let time_max = state.settings.request_timeout * TIME_PERCENT / 100;
    let work = tokio::spawn({
        let state = state.clone();
        async move {
            let results = warm_all(&state, ids, with_departments, time_max).await;
            let entry = AuditEntry::of(AuditAction::CacheWarm, WHOLE_CACHE).after(tally(&results, with_departments));
            write_down(&state, &caller, entry).await;
            results
        }
    });
    let results = work.await.map_err(ApiError::internal)?;
    Ok(state
        .success(WarmedBody { message: format!("Cache warming completed for {} enterprises", results.len()), results }))
}

async fn warm_all(state: &AppState, ids: Vec<Value>, with_departments: bool, time_max: Duration) -> Vec<WarmResult> {
    let parsed: Vec<Option<EnterpriseId>> =
        ids.iter().map(|id| id.as_str().and_then(|id| EnterpriseId::parse(id).ok())).collect();
    let enterprises = parsed.iter().flatten().cloned().collect();
    let request = WarmRequest { enterprises, with_departments, time_max };
    let mut reports = state.summaries.warm(request).await.into_iter();
    let results = ids.into_iter().zip(parsed).map(|(id, parsed)| match parsed.and_then(|_| reports.next()) {
        Some(report) => WarmResult::new(id, report),
        None => WarmResult::unknown(id),
    });
    results.collect()
}

/// What the audit log keeps of the results.
fn tally(results: &[WarmResult], with_departments: bool) -> Value {
    let count = |status| results.iter().filter(|result| result.status == status).count();
    json!({
        "enterprises": results.len(),
        "includeDepartments": with_departments,
        "warmed": count(WarmStatus::Warmed),
        "alreadyCached": count(WarmStatus::AlreadyCached),
        "errors": count(WarmStatus::Error),
    })
}
