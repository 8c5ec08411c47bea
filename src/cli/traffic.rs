//! A steady mix of real requests to a demonstration, so that its figures move.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use crate::config::BasePath;
use crate::demo::DemoData;

/// Clients that read, and the pause of each between two requests: some 80 reads a second.
const READERS: u64 = 4;
const READ_PAUSE: Duration = Duration::from_millis(50);

/// Pause between two writes: some two a second.
const WRITE_PAUSE: Duration = Duration::from_millis(500);

/// Pause after a failed request, so that a server that is gone is not hammered.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Sends requests until it is dropped.
pub(super) async fn send(address: SocketAddr, base_path: Option<BasePath>, token: String, data: Arc<DemoData>) {
    let sender = Sender {
        client: Client::builder(TokioExecutor::new()).build_http(),
        root: format!("http://{address}{}", base_path.as_ref().map_or("", BasePath::as_str)),
        authorization: format!("Bearer {token}"),
        data,
        turn: AtomicU64::new(0),
    };
    let readers = (0..READERS).map(|_| sender.read());
    tokio::join!(futures_util::future::join_all(readers), sender.write());
}

struct Sender {
    client: HttpClient,
    /// The server's address with its base path.
    root: String,
    authorization: String,
    data: Arc<DemoData>,
    turn: AtomicU64,
}

impl Sender {
    /// Reads summaries, the first enterprises and departments most, as people do.
    async fn read(&self) {
        loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let Some(path) = self.summary_path(turn) else { return };
            self.request(Method::GET, &path, Bytes::new()).await;
            tokio::time::sleep(READ_PAUSE).await;
        }
    }

    fn summary_path(&self, turn: u64) -> Option<String> {
        let enterprise = skewed(self.data.enterprises(), turn)?;
        let id = &enterprise.id;
        if turn.is_multiple_of(3) {
            return Some(format!("/enterprise/{id}/contacts/summary"));
        }
        let department = &skewed(&enterprise.departments, turn / 3)?.id;
        Some(format!("/enterprise/{id}/departments/{department}/contacts/summary"))
    }

    /// Adds contacts.
    async fn write(&self) {
        for number in self.data.contacts_len().. {
            let Some(contact) = self.data.contact(number) else { return };
            let fields = contact.info.fields();
            let body = json!({"userId": contact.employee, "contactInfo": {
                "name": fields.name, "surname": fields.surname, "email": fields.email, "phone": fields.phone,
                "company": fields.company, "position": fields.position, "howWeMet": fields.how_we_met,
            }});
            self.request(Method::POST, "/AddContact", body.to_string().into()).await;
            tokio::time::sleep(WRITE_PAUSE).await;
        }
    }

    async fn request(&self, method: Method, path: &str, body: Bytes) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.root))
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body));
        let Ok(request) = request else { return };
        let answered = match self.client.request(request).await {
            // The body is read to its end, so that the connection can be used again.
            Ok(answer) => answer.into_body().collect().await.map(drop).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = answered {
            tracing::debug!(error, path, "a request of the demonstration failed");
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
    }
}

/// One of several, early ones much more often than late ones.
fn skewed<T>(items: &[T], turn: u64) -> Option<&T> {
    // A fixed scramble of the turn as a fraction of 2^20, cubed.
    let fraction = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
    let cubed = usize::try_from(fraction.pow(3) >> 40).ok()?;
    items.get((cubed * items.len()) >> 20)
}
