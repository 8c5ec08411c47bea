//! Runs the whole server in this process on an ephemeral port, and provides HTTP clients for it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use muster::access::{Access, mint};
use muster::backups::Backups;
use muster::clock::Clock;
use muster::config::{BackupSettings, HttpSettings, ServerSettings};
use muster::domain::access::{Reach, Role};
use muster::domain::time::Timestamp;
use muster::http::{AppState, HttpLimits, HttpOptions, RouterHandler};
use muster::server::{Server, TransferLimits};
use muster::store::{BackupObserver, Store, StoreError, WriteTx};
use muster::summaries::Summaries;
use reqwest::header::HeaderMap;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Directory, TestStore, contact, department, employee, enterprise, name, staff};

/// The settings and limits of a test's server.
#[derive(Clone, Debug, Default)]
pub struct TestSettings {
    pub server: ServerSettings,
    pub transfer_limits: TransferLimits,
    pub http: HttpSettings,
    pub http_limits: HttpLimits,
}

/// A listening server on a real database. Dropping it checks that the server shuts down gracefully, that every rollup
/// is correct and that the cache's invariants hold.
///
/// It holds two enterprises: `acme` with the employee `u1` of `sales` and `u2` of `lab`, and `globex` with `g1` of
/// `ops`; each employee has one contact of the company Contoso.
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

    /// A server whose database is limited to this many bytes.
    pub async fn start_limited(bytes: usize) -> Self {
        let store =
            Directory::in_memory().open_with(Clock::system(), |options| options.settings.database_max = Some(bytes));
        let app = Self::serve_store(store, TestSettings::default());
        app.write(people).await;
        app
    }

    /// A server with other settings.
    pub async fn start_with(change: impl FnOnce(&mut TestSettings)) -> Self {
        Self::start_at(Clock::system(), change).await
    }

    /// A server that uses this clock.
    pub async fn start_at(clock: Clock, change: impl FnOnce(&mut TestSettings)) -> Self {
        let app = Self::start_in(&Directory::in_memory(), clock, change);
        app.write(people).await;
        app
    }

    /// Restarts the server on the same data and tokens after a graceful shutdown.
    pub fn restart(mut self) -> Self {
        self.stop();
        let (directory, clock) = (self.store.directory().clone(), self.store.clock().clone());
        drop(self);
        Self::start_in(&directory, clock, |_| {})
    }

    /// A server on the contents of a data directory.
    pub fn start_in(directory: &Directory, clock: Clock, change: impl FnOnce(&mut TestSettings)) -> Self {
        Self::start_on(directory.open_with(clock, |_| {}), change)
    }

    /// A server on an open store.
    pub fn start_on(store: TestStore, change: impl FnOnce(&mut TestSettings)) -> Self {
        let mut settings = TestSettings::default();
        change(&mut settings);
        Self::serve_store(store, settings)
    }

    /// A server with these backup settings.
    pub fn serve_backing_up(
        store: TestStore,
        settings: TestSettings,
        backups: &BackupSettings,
        observer: Option<Arc<dyn BackupObserver>>,
    ) -> Self {
        let backups = Backups::open_observed(&store, backups, None, observer).unwrap();
        Self::serve_with(store, settings, backups)
    }

    fn serve_store(store: TestStore, settings: TestSettings) -> Self {
        // Without a schedule, so that a test that moves its clock starts no backup; they are made on request only.
        let backups = BackupSettings { backup_every: None, ..BackupSettings::default() };
        Self::serve_backing_up(store, settings, &backups, None)
    }

    fn serve_with(store: TestStore, settings: TestSettings, backups: Backups) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = root(address, &settings.http);
        let stop = CancellationToken::new();
        let summaries = Summaries::open(&store).unwrap();
        let server = std::thread::spawn({
            let (store, access, summaries) = (Store::clone(&store), Access::open(&store).unwrap(), summaries.clone());
            let TestSettings { server, transfer_limits, http, http_limits } = settings;
            let options = HttpOptions { settings: http, limits: http_limits };
            let server = Server { transfer_limits, ..Server::new(server, store.clock().now()).unwrap() };
            let (shared, stopping) = (summaries.clone(), stop.clone());
            let state = AppState::new(options, server.clone(), store, access, shared, backups.clone(), stopping);
            let (app, stop) = (muster::http::router(state).unwrap(), stop.clone());
            move || serve(&server, listener, app, summaries, backups, stop)
        });
        Self { address, root, stop, server: Some(server), summaries, store }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL: scheme, address and base path.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Stops the server and waits for its shutdown.
    pub fn stop(&mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take()
            && server.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }

    /// Requests a shutdown without waiting for it.
    pub fn request_shutdown(&self) {
        self.stop.cancel();
    }

    /// Writes directly to the store, without the API.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        Store::write(&self.store, work).await.unwrap()
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::below(self.root.clone())
    }

    /// A client with a token for the whole installation.
    pub async fn client(&self, role: Role) -> Client {
        self.client_with(role, Reach::Installation, None).await
    }

    /// A client with a token for one enterprise.
    pub async fn enterprise_client(&self, role: Role, id: &str) -> Client {
        self.client_with(role, Reach::Enterprise(enterprise(id)), None).await
    }

    /// A client with a token of this reach, which may expire.
    pub async fn client_with(&self, role: Role, reach: Reach, expires_at: Option<Timestamp>) -> Client {
        let minted = mint(role.as_str().to_owned(), role, reach, self.store.clock().now(), expires_at).unwrap();
        let stored = minted.stored;
        self.write(move |tx| tx.insert_token(&stored)).await;
        Client { token: Some(minted.secret), ..self.anonymous() }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            self.summaries.cache().check().unwrap();
            self.summaries.cache().with_observer(|recorder| recorder.check()).unwrap();
        }
    }
}

fn root(address: SocketAddr, settings: &HttpSettings) -> String {
    format!("http://{address}{}", settings.base_path.as_ref().map_or("", |base| base.as_str()))
}

/// Runs the server on its own runtime, so that a test can wait for its shutdown.
fn serve(
    server: &Server,
    listener: TcpListener,
    app: Router,
    summaries: Summaries,
    backups: Backups,
    stop: CancellationToken,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let tending = tokio::spawn(summaries.clone().maintain(stop.clone()));
        let backing_up = tokio::spawn(backups.tend(stop.clone()));
        server.serve(listener, RouterHandler(app), Clock::system(), stop).await;
        tending.await.unwrap();
        backing_up.await.unwrap();
        summaries.flush().await;
    });
}

/// Writes the data that every server of these tests starts with.
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

/// An API client with a token, a session, or neither.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: Option<String>,
    /// Name and value of the session cookie.
    session: Option<(String, String)>,
    http: reqwest::Client,
}

impl Client {
    /// A client without a token for the server at this address.
    pub fn at(address: SocketAddr) -> Self {
        Self::below(format!("http://{address}"))
    }

    /// A client without a token for a server with this base URL.
    pub fn below(base: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base, token: None, session: None, http }
    }

    /// A browser signed in with the same token: it sends a session cookie and same-origin requests.
    pub async fn browser(&self) -> Self {
        self.sign_in(json!({"token": self.token()})).await
    }

    /// A browser signed in with a token or the code of a sign-in link.
    pub async fn sign_in(&self, with: Value) -> Self {
        let reply = Self { token: None, session: None, ..self.clone() }.post("/session", with).await;
        reply.expect(200);
        let cookie = reply.headers["set-cookie"].to_str().unwrap();
        let (name, behind) = cookie.split_once('=').unwrap();
        let session = behind.split(';').next().unwrap().to_owned();
        Self { token: None, session: Some((name.to_owned(), session)), ..self.clone() }
    }

    /// This client with the session of another client.
    pub fn as_signed_in(&self, other: &Self) -> Self {
        Self { token: None, session: other.session.clone(), ..self.clone() }
    }

    /// The same caller with a session that was opened before.
    pub fn with_session(&self, cookie: &str, session: &str) -> Self {
        Self { token: None, session: Some((cookie.to_owned(), session.to_owned())), ..self.clone() }
    }

    /// The value of the session cookie.
    pub fn session(&self) -> &str {
        self.session.as_ref().map_or("", |(_, value)| value)
    }

    /// The token in clear text.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// This client with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), session: None, ..self.clone() }
    }

    /// Builds a request without sending it.
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

    /// Builds a request with the session cookie and with these headers, which state its origin.
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

    /// Sends a text unchanged with the content type of JSON.
    pub async fn post_text(&self, path: &str, body: impl Into<Body>) -> Reply {
        Reply::to(self.request(Method::POST, path).header("content-type", "application/json").body(body)).await
    }

    /// Sends JSON with an idempotency key.
    pub async fn post_with_key(&self, path: &str, key: &str, body: Value) -> Reply {
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

/// A response with its complete body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// Sends a request and reads the response.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // An event stream has no end; a test that reads one opens it with `Events`.
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

    /// The message of a failure with this status, after checking the form that all problem responses share.
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

    /// The message of a 400 response, and the fields that it names.
    #[track_caller]
    pub fn invalid_fields(&self) -> (String, Vec<String>) {
        let message = self.problem(400);
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        (message, errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect())
    }
}
