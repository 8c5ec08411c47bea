//! The whole server in this process, on a port of its own, and clients that talk to it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use muster::access::{Access, mint};
use muster::backups::Backups;
use muster::clock::Clock;
use muster::config::BackupSettings;
use muster::domain::access::{Reach, Role};
use muster::domain::time::Timestamp;
use muster::http::meters::Meters;
use muster::http::{AppState, HttpSettings};
use muster::store::{BackupObserver, Store, StoreError, WriteTx};
use muster::summaries::Summaries;
use reqwest::header::HeaderMap;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Directory, TestStore, contact, department, employee, enterprise, name, staff};

/// A listening server on a real database. When it goes, the server has ended in order, and every rollup and the cache's
/// own invariants must be right.
///
/// It holds two enterprises: `acme` with the employee `u1` of `sales` and `u2` of `lab`, and `globex` with `g1` of `ops`;
/// each employee has collected one contact of the company Contoso.
pub struct TestApp {
    address: SocketAddr,
    root: String,
    stop: CancellationToken,
    server: Option<JoinHandle<()>>,
    pub summaries: Summaries,
    pub store: TestStore,
}

impl TestApp {
    /// A server with the default settings.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A server whose database may grow to so many bytes.
    pub async fn start_limited(bytes: u64) -> Self {
        let store = Directory::in_memory().open_with(Clock::system(), |options| options.size_bytes_max = Some(bytes));
        let app = Self::serve_store(store, HttpSettings::default());
        app.write(people).await;
        app
    }

    /// A server with other settings.
    pub async fn start_with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        Self::start_at(Clock::system(), change).await
    }

    /// A server that tells time by this clock.
    pub async fn start_at(clock: Clock, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let app = Self::start_in(&Directory::in_memory(), clock, change);
        app.write(people).await;
        app
    }

    /// The same server once more, with the same data and tokens, after it has ended in order.
    pub fn restart(mut self) -> Self {
        self.stop();
        let (directory, clock) = (self.store.directory().clone(), self.store.clock().clone());
        drop(self);
        Self::start_in(&directory, clock, |_| {})
    }

    /// A server on what is in a directory.
    pub fn start_in(directory: &Directory, clock: Clock, change: impl FnOnce(&mut HttpSettings)) -> Self {
        Self::start_on(directory.open_with(clock, |_| {}), change)
    }

    /// A server on a store that was opened before.
    pub fn start_on(store: TestStore, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let mut settings = HttpSettings::default();
        change(&mut settings);
        Self::serve_store(store, settings)
    }

    /// A server on a store that backs up as these settings say.
    pub fn serve_backing_up(
        store: TestStore,
        settings: HttpSettings,
        backups: &BackupSettings,
        observer: Option<Arc<dyn BackupObserver>>,
    ) -> Self {
        let backups = Backups::open_observed(&store, backups, observer).unwrap();
        Self::serve_with(store, settings, backups)
    }

    fn serve_store(store: TestStore, settings: HttpSettings) -> Self {
        // Only for those who ask: a test that moves its clock is not to be disturbed by them.
        let backups = BackupSettings { every: None, keep: 7, dir: store.data_dir().join("backups") };
        Self::serve_backing_up(store, settings, &backups, None)
    }

    fn serve_with(store: TestStore, settings: HttpSettings, backups: Backups) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = root(address, &settings);
        let stop = CancellationToken::new();
        let summaries = Summaries::open(&store).unwrap();
        let server = std::thread::spawn({
            let (store, access, summaries) = (Store::clone(&store), Access::open(&store).unwrap(), summaries.clone());
            let state =
                AppState::new(settings.clone(), store, access, summaries.clone(), backups.clone(), stop.clone());
            let meters = Arc::clone(&state.meters);
            let (app, stop) = (muster::http::router(state).unwrap(), stop.clone());
            move || serve(listener, app, summaries, backups, &settings, stop, meters)
        });
        Self { address, root, stop, server: Some(server), summaries, store }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the address of everything begins with.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Tells the server to stop and waits until it has.
    pub fn stop(&mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take()
            && server.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }

    /// Tells the server to stop, and goes on while it does.
    pub fn begin_to_stop(&self) {
        self.stop.cancel();
    }

    /// Writes past the API.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        Store::write(&self.store, work).await.unwrap()
    }

    /// Somebody without a token.
    pub fn nobody(&self) -> Client {
        Client::below(self.root.clone())
    }

    /// Somebody with a token for the whole installation.
    pub async fn client(&self, role: Role) -> Client {
        self.holder(role, Reach::Installation, None).await
    }

    /// Somebody with a token for one enterprise.
    pub async fn limited(&self, role: Role, id: &str) -> Client {
        self.holder(role, Reach::Enterprise(enterprise(id)), None).await
    }

    /// Somebody with a token that may have an end.
    pub async fn holder(&self, role: Role, reach: Reach, expires_at: Option<Timestamp>) -> Client {
        let minted = mint(role.as_str().to_owned(), role, reach, self.store.clock().now(), expires_at).unwrap();
        let stored = minted.stored;
        self.write(move |tx| tx.create_token(&stored)).await;
        Client { token: Some(minted.secret), ..self.nobody() }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            self.summaries.cache().check().unwrap();
        }
    }
}

fn root(address: SocketAddr, settings: &HttpSettings) -> String {
    format!("http://{address}{}", settings.base_path.as_ref().map_or("", |base| base.as_str()))
}

/// Has a runtime of its own, so that a test can wait for its end.
fn serve(
    listener: TcpListener,
    app: Router,
    summaries: Summaries,
    backups: Backups,
    settings: &HttpSettings,
    stop: CancellationToken,
    meters: Arc<Meters>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let tending = tokio::spawn(summaries.clone().tend(stop.clone()));
        let backing_up = tokio::spawn(backups.tend(stop.clone()));
        muster::http::serve(listener, app, settings, Clock::system(), stop, meters).await;
        tending.await.unwrap();
        backing_up.await.unwrap();
        summaries.settle().await;
    });
}

/// Writes what every server of these tests holds.
pub fn people(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    for (owner, id, user) in [("acme", "sales", "u1"), ("acme", "lab", "u2"), ("globex", "ops", "g1")] {
        if tx.enterprise(&enterprise(owner)).is_err() {
            tx.create_enterprise(Some(enterprise(owner)), &name(&owner.to_uppercase()))?;
        }
        tx.create_department(&enterprise(owner), Some(department(id)), &name(&id.to_uppercase()))?;
        tx.create_employee(&enterprise(owner), &department(id), Some(employee(user)), &staff(user))?;
        let info = contact(&format!("friend of {user}"), "Contoso");
        tx.add_contact(&Reach::Installation, &employee(user), &info, "AddContact")?;
    }
    Ok(())
}

/// Somebody who calls the API.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: Option<String>,
    /// Name and value of the session cookie.
    session: Option<(String, String)>,
    http: reqwest::Client,
}

impl Client {
    /// Somebody without a token, who calls the server at this address.
    pub fn at(address: SocketAddr) -> Self {
        Self::below(format!("http://{address}"))
    }

    /// The same for a server whose addresses begin so.
    pub fn below(base: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base, token: None, session: None, http }
    }

    /// The browser of somebody who signs in with the same token: it has a session, and pages of the server's own.
    pub async fn browser(&self) -> Self {
        self.signs_in(json!({"token": self.token()})).await
    }

    /// A browser that signs in with a token or the code of a link.
    pub async fn signs_in(&self, with: Value) -> Self {
        let reply = Self { token: None, session: None, ..self.clone() }.post("/session", with).await;
        reply.expect(200);
        let cookie = reply.headers["set-cookie"].to_str().unwrap();
        let (name, behind) = cookie.split_once('=').unwrap();
        let session = behind.split(';').next().unwrap().to_owned();
        Self { token: None, session: Some((name.to_owned(), session)), ..self.clone() }
    }

    /// The same server's caller with the session of another client.
    pub fn as_signed_in(&self, other: &Self) -> Self {
        Self { token: None, session: other.session.clone(), ..self.clone() }
    }

    /// What its session cookie says.
    pub fn session(&self) -> &str {
        self.session.as_ref().map_or("", |(_, value)| value)
    }

    /// The token, as it is sent.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// The same caller with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), session: None, ..self.clone() }
    }

    /// A request that is not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => match &self.session {
                Some(session) => with_cookie(request, session).header("sec-fetch-site", "same-origin"),
                None => request,
            },
        }
    }

    /// A request with the session cookie, and with these headers to say where it comes from.
    pub fn request_from(&self, method: Method, path: &str, origin: &[(&str, &str)]) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = self.session.iter().fold(request, with_cookie);
        origin.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::to(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        Reply::to(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Sends a text as it is, called JSON.
    pub async fn post_text(&self, path: &str, body: impl Into<Body>) -> Reply {
        Reply::to(self.request(Method::POST, path).header("content-type", "application/json").body(body)).await
    }

    /// Sends JSON with an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Reply {
        Reply::to(self.request(Method::POST, path).header("idempotency-key", key).json(&body)).await
    }

    /// Sends a CSV file.
    pub async fn upload(&self, path: &str, file: impl Into<Body>) -> Reply {
        Reply::to(self.request(Method::POST, path).header("content-type", "text/csv").body(file)).await
    }
}

fn with_cookie(request: RequestBuilder, (name, session): &(String, String)) -> RequestBuilder {
    request.header("cookie", format!("theme=dark; {name}={session}"))
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// Sends a request and reads the answer.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // An event stream has no end; whoever wants it opens it as one.
        let is_endless = headers.get("content-type").is_some_and(|value| value == "text/event-stream");
        let body = if is_endless { Vec::new() } else { response.bytes().await.unwrap().to_vec() };
        Self { status, headers, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} is no JSON: {}", self.status, self.text()))
    }

    /// The body of a success with this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        assert_eq!(body["success"], true, "{body}");
        assert!(Timestamp::parse(body["timestamp"].as_str().unwrap()).is_some(), "{body}");
        body
    }

    /// The message of a failure with this status, which is told the way that every failure is told.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json", "{body}");
        assert_eq!((&body["success"], &body["status"]), (&Value::from(false), &Value::from(status)), "{body}");
        assert_eq!(body["requestId"], self.headers["x-request-id"].to_str().unwrap(), "{body}");
        assert_eq!(body["detail"], body["message"], "{body}");
        assert!(body["title"].is_string() && body["type"].is_string(), "{body}");
        body["message"].as_str().unwrap().to_owned()
    }

    /// The message of a 400, and the fields that it names.
    #[track_caller]
    pub fn refused(&self) -> (String, Vec<String>) {
        let message = self.problem(400);
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        (message, errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect())
    }
}
