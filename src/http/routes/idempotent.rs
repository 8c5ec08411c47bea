//! Bodies that create something, and the `Idempotency-Key` that makes sending one again harmless.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::config::HttpSettings;
use crate::domain::FieldError;
use crate::http::answer::Answer;
use crate::http::api_root::without_second_root;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, RawJson};
use crate::store::{IdempotentRequest, Store, StoreError, StoredAnswer, WriteTx};

/// The header with the client's key.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The same as it is documented.
pub const IDEMPOTENCY_KEY_HEADER: &str = "Idempotency-Key";

/// Marks an answer that repeats the one to the first request with this key.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Longest key, in bytes.
const KEY_LEN_MAX: usize = 255;

/// A JSON body whose write is done at most once if the client gave the request a key.
#[derive(Debug)]
pub struct IdempotentBody<T> {
    /// What was sent.
    pub body: T,
    /// How to write it.
    pub once: IdempotentWrite,
}

/// The write that such a request asks for.
#[derive(Debug)]
pub struct IdempotentWrite(Option<IdempotentRequest>);

/// The header as it is documented, for `params(IdempotencyParams)` of a handler.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes a header")]
pub struct IdempotencyParams {
    /// Chosen by the client, 1 to 255 visible ASCII characters, kept for 24 hours. The same request with the same key gets
    /// the answer of the first one, with `Idempotent-Replayed: true`, and does nothing; another request with it gets 409.
    /// A request that was refused is not kept.
    #[param(
        rename = "Idempotency-Key", value_type = String, required = false,
        min_length = 1, max_length = 255, pattern = "^[!-~]+$"
    )]
    key: Option<String>,
}

impl<S, T> FromRequest<S> for IdempotentBody<T>
where
    S: Send + Sync,
    Arc<HttpSettings>: FromRef<S>,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let key = key_of(request.headers())?;
        let token_id = request.extensions().get::<Caller>().map(|caller| caller.token_id().to_owned());
        let method = request.method().clone();
        let route = without_second_root(request.uri().path()).to_owned();
        let raw = RawJson::from_request(request, state).await?;
        let body = raw.parse()?;
        let once = match key {
            None => None,
            Some(key) => {
                let token_id = token_id.ok_or_else(|| ApiError::internal("a public route takes an Idempotency-Key"))?;
                let request_hash = hash(&[method.as_str().as_bytes(), route.as_bytes(), &raw.0]);
                Some(IdempotentRequest { token_id, key, request_hash })
            }
        };
        Ok(Self { body, once: IdempotentWrite(once) })
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=KEY_LEN_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    if let (Some(key), None) = (key, values.next()) {
        return Ok(Some(key.to_owned()));
    }
    let message = format!("must be given once, as 1 to {KEY_LEN_MAX} visible ASCII characters");
    Err(ApiError::invalid(vec![FieldError::new("Idempotency-Key", message)]))
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths go before parts, so that no two requests feed the hash the same bytes.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl IdempotentWrite {
    /// Does the work in one transaction and answers what it gives, or repeats what was answered to this request before.
    pub async fn write<B, F>(self, store: &Store, status: StatusCode, work: F) -> Result<Response, ApiError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<B, StoreError> + Send + 'static,
        B: Serialize + Send + 'static,
    {
        let Some(request) = self.0 else {
            let body = store.write(move |tx| Ok(Answer::new(work(tx)?, tx.now()))).await?;
            return Ok((status, Json(body)).into_response());
        };
        let (answer, replayed) = store
            .write(move |tx| {
                let mut replayed = true;
                let answer = tx.idempotent(&request, |tx| {
                    replayed = false;
                    let body = serde_json::to_string(&Answer::new(work(tx)?, tx.now()))
                        .map_err(|error| StoreError::Corrupt(format!("an answer cannot be written: {error}")))?;
                    Ok(StoredAnswer { status: status.as_u16(), body })
                })?;
                Ok((answer, replayed))
            })
            .await?;
        let status = StatusCode::from_u16(answer.status).map_err(ApiError::internal)?;
        let content_type = HeaderValue::from_static("application/json");
        let mut response = (status, [(CONTENT_TYPE, content_type)], Body::from(answer.body)).into_response();
        if replayed {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}
