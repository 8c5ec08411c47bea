//! What a route lets through, decided before a handler sees anything of the request.
//!
//! A guard surrounds each route of the `route_list`. In this order it asks: who is calling (401, 429), and does a
//! change with a cookie come from one of the server's own pages (403); may the caller's role do this (403); does what
//! the path names lie within the caller's reach (403, 404)? Only then does the handler run, and with it everything that
//! reads a query or a body. The guard also sees to it that a caller keeps to its share of processor time and of the
//! database (`fair_shares`), and ends a request that takes too long, unless the route streams.

use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use tower::{Layer, Service, ServiceExt};

use super::auth::{Authenticator, address_of};
use super::error::ApiError;
use super::extract::{FromParams, PathId};
use super::fair_shares::{FairShares, MeteredAnswer, Share};
use crate::domain::access::{Reach, Role};
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::server::BodyProgress;
use crate::store::{Turns, on_behalf_of};

/// Within what a route works, and so what becomes of a token that does not reach all of it. What lies beyond gets the
/// same 404 as what does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// The whole installation: a limited token gets 403.
    Installation,
    /// The whole enterprise that the path names as `{enterpriseId}`.
    Enterprise,
    /// The whole department that the path names as `{departmentId}`.
    Department,
    /// What belongs to the employee that the path names as `{employeeId}`.
    Own,
    /// What the caller reaches, wherever that is: the handler hands [`Caller::reach`](super::Caller::reach) to the
    /// store, which looks at nothing outside it. If the path names an enterprise, something of that must lie within.
    Reach,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAccess {
    /// Everyone, without a token.
    Public,
    /// Tokens with at least this role.
    Token(Role, Within),
}

/// The check around one route.
#[derive(Clone)]
pub struct Guard {
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) shares: FairShares,
    pub(super) access: RouteAccess,
    /// `None` for routes that stream.
    pub(super) time_max: Option<Duration>,
}

impl Guard {
    /// Answers a request in the share of its caller.
    async fn serve<S>(&self, mut request: Request, inner: S) -> Result<Response, Infallible>
    where
        S: Service<Request, Response = Response, Error = Infallible>,
    {
        let address = address_of(request.extensions().get().copied());
        let share = match self.admit(&mut request).await {
            Ok(share) => Arc::new(share),
            Err(refusal) => {
                // Whoever it was, the address is known, and pays.
                let share = self.shares.of(None, address);
                share.pay().await;
                return Ok(held_back(refusal.into_response(), &share).await);
            }
        };
        let answer = on_behalf_of(Arc::clone(&share) as Arc<dyn Turns>, inner.oneshot(request));
        let answer = if share.is_crowded() {
            share.pay().await;
            MeteredAnswer::new(Arc::clone(&share), answer).await?
        } else {
            answer.await?
        };
        Ok(held_back(answer, &share).await)
    }

    /// Lets a request through, with its caller in it, and says in whose share.
    async fn admit(&self, request: &mut Request) -> Result<Share, ApiError> {
        let RouteAccess::Token(role, within) = self.access else {
            let address = address_of(request.extensions().get().copied());
            self.authenticator.refuse_foreign(request.method(), request.headers())?;
            return Ok(self.shares.of(None, address));
        };
        // From here on the caller knows the address.
        let address = address_of(request.extensions_mut().remove());
        let mut caller = self.authenticator.admit(request.method(), request.headers(), address).await?;
        let share = self.shares.of(Some(Arc::clone(caller.shared_token())), address);
        caller.must_be(role)?;
        match caller.reach() {
            Reach::Installation => {}
            Reach::Enterprise(_) | Reach::Departments(..) | Reach::Employees(..) => {
                if within == Within::Installation {
                    return Err(ApiError::forbidden("This takes a token that is not limited to one enterprise"));
                }
                if request.method().is_safe() {
                    let reads = self.authenticator.reading_reach(&caller).await?;
                    caller.set_reads(reads);
                }
                check_reach(request, within, caller.reach()).await?;
            }
        }
        request.extensions_mut().insert(caller);
        Ok(share)
    }
}

/// Holds an answer back if it is the refusal of what the caller has its share of.
async fn held_back(answer: Response, share: &Share) -> Response {
    if answer.status() == StatusCode::TOO_MANY_REQUESTS {
        share.hold_refusal().await;
    }
    answer
}

/// Lets through what lies within a limited reach.
async fn check_reach(request: &mut Request, within: Within, reach: &Reach) -> Result<(), ApiError> {
    let (mut parts, body) = mem::take(request).into_parts();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
    *request = Request::from_parts(parts, body);
    // Only what is not UTF-8 has no parameters, and no id is written so.
    let params = params.map_err(|_| ApiError::not_found(EnterpriseId::WHAT))?;
    let names_enterprise = params.iter().any(|(name, _)| name == EnterpriseId::PARAM);
    if within == Within::Reach && !names_enterprise {
        return Ok(());
    }
    let enterprise = EnterpriseId::from_params(&params)?;
    let is_within = match within {
        Within::Installation => false,
        Within::Enterprise => reach.covers_enterprise(&enterprise),
        Within::Reach | Within::Department | Within::Own => reach.touches(&enterprise),
    };
    if !is_within {
        return Err(ApiError::not_found(EnterpriseId::WHAT));
    }
    let is_within = match within {
        Within::Installation | Within::Enterprise | Within::Reach => true,
        Within::Department => reach.covers_department(&enterprise, &DepartmentId::from_params(&params)?),
        Within::Own => {
            let (department, employee) = FromParams::from_params(&params)?;
            reach.covers_employee(&enterprise, &department, &employee)
        }
    };
    if is_within { Ok(()) } else { Err(ApiError::not_found(DepartmentId::WHAT)) }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded(Arc::new(GuardedRoute { guard: self.clone(), inner }))
    }
}

/// A route behind its guard. A router clones it for each request, which counts one reference.
pub struct Guarded<S>(Arc<GuardedRoute<S>>);

/// A guard and what it stands before.
struct GuardedRoute<S> {
    guard: Guard,
    inner: S,
}

impl<S> Clone for Guarded<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The route that a request gets is cloned for it, and is made ready then.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self(route) = self.clone();
        Box::pin(async move {
            let GuardedRoute { guard, inner } = &*route;
            let time_max = guard.time_max;
            // Only what has a body can be late with it.
            let progress =
                if request.body().is_end_stream() { None } else { request.extensions().get::<BodyProgress>().cloned() };
            let answer = guard.serve(request, inner.clone());
            let Some(time_max) = time_max else { return answer.await };
            let mut answer = pin!(answer);
            // Most answers are there at once. Only for one that is not, a timer is worth its cost.
            let first = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context)));
            if let Poll::Ready(answer) = first.await {
                return answer;
            }
            match tokio::time::timeout(time_max, answer).await {
                Ok(answer) => answer,
                Err(_) if progress.is_some_and(|body| !body.is_complete()) => {
                    Ok(body_too_slow(time_max).into_response())
                }
                Err(_) => Ok(too_slow(time_max).into_response()),
            }
        })
    }
}

fn body_too_slow(time_max: Duration) -> ApiError {
    let secs = time_max.as_secs();
    ApiError::request_timeout(format!("The body did not arrive within {secs} s; nothing was changed"))
}

fn too_slow(time_max: Duration) -> ApiError {
    let detail = format!(
        "The server did not finish within {} s; a change that was asked for may have been made all the same",
        time_max.as_secs()
    );
    ApiError::unavailable(detail, 1).caused_by("the time limit of the request")
}
