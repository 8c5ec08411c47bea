//! Bodies that create something, and the `Idempotency-Key` that makes sending one again harmless.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, Request};
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
    /// Chosen by the client, 1 to 255 visible ASCII characters, kept for 24 hours, of each token the newest 10,000
    /// (`idempotency-rows-max`). The same request with the same key does nothing: it gets the status of the first one and
    /// what was made as it is now, with `Idempotent-Replayed: true`; where that is gone or beyond reach, its ids and
    /// `replayed: true`. Another request with the key gets 409. A request that was refused is not kept.
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
                let rows_max = Arc::<HttpSettings>::from_ref(state).idempotency_rows_max;
                Some(IdempotentRequest { token_id, key, request_hash, rows_max })
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
    /// Does the work in one transaction, and answers what is there then. For a request that was done before, it answers
    /// the same status and what is there by now; where that is gone, or the caller reaches it no longer, the ids of what
    /// was made.
    pub async fn write<M, B, W, A>(
        self,
        store: &Store,
        status: StatusCode,
        work: W,
        answer: A,
    ) -> Result<Response, ApiError>
    where
        M: Serialize + DeserializeOwned + Send + 'static,
        B: Serialize + Send + 'static,
        W: FnOnce(&WriteTx<'_>) -> Result<M, StoreError> + Send + 'static,
        A: FnOnce(&WriteTx<'_>, &M) -> Result<B, StoreError> + Send + 'static,
    {
        let Some(request) = self.0 else {
            let body = store.write(move |tx| {
                let made = work(tx)?;
                answer(tx, &made)
            });
            return Ok((status, Json(body.await?)).into_response());
        };
        let (status, body, replayed) = store
            .write(move |tx| {
                let mut made_now = None;
                let kept = tx.idempotent(&request, |tx| {
                    let made = work(tx)?;
                    let ids = serde_json::to_string(&made)
                        .map_err(|error| StoreError::Corrupt(format!("ids cannot be written: {error}")))?;
                    made_now = Some(made);
                    Ok(StoredAnswer { status: status.as_u16(), ids })
                })?;
                if let Some(made) = made_now {
                    return Ok((kept.status, Repetition::Whole(answer(tx, &made)?), false));
                }
                let made: M = serde_json::from_str(&kept.ids)
                    .map_err(|error| StoreError::Corrupt(format!("the ids {:?}: {error}", kept.ids)))?;
                let body = match answer(tx, &made) {
                    Ok(body) => Repetition::Whole(body),
                    Err(StoreError::NotFound(_)) => {
                        Repetition::Ids(Box::new(Answer::new(ReplayedIds { ids: made, replayed: true }, tx.now())))
                    }
                    Err(error) => return Err(error),
                };
                Ok((kept.status, body, true))
            })
            .await?;
        let status = StatusCode::from_u16(status).map_err(ApiError::internal)?;
        let mut response = (status, Json(body)).into_response();
        if replayed {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}

/// The answer to a request that may have been done before.
#[derive(Serialize)]
#[serde(untagged)]
enum Repetition<M, B> {
    /// What is there now.
    Whole(B),
    /// What was made, which is gone or beyond reach.
    Ids(Box<Answer<ReplayedIds<M>>>),
}

/// The ids of what a request has made before.
#[derive(Serialize)]
struct ReplayedIds<M> {
    #[serde(flatten)]
    ids: M,
    /// Always true.
    replayed: bool,
}
