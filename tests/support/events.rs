//! Reads server-sent events.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use super::Client;

/// How long to wait for an expected event. Generous, since it only matters when a test fails.
const EVENT_TIME_MAX: Duration = Duration::from_secs(20);

/// An open event stream.
pub struct Events {
    response: Response,
    text: String,
}

/// One block of the stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Empty for a comment, and for a block that only carries an id.
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
    pub retry: Option<u64>,
    pub is_comment: bool,
}

impl Events {
    /// Opens the stream; `last_event_id` is the id of the last event that the client has received.
    pub async fn open(client: &Client, last_event_id: Option<&str>) -> Self {
        let mut request = client.request(Method::GET, "/cache/events");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, text: String::new() }
    }

    /// The next block; `None` at the end of the stream, which must not cut off an event.
    pub async fn try_next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event = Event::read(&self.text[..end]);
                self.text.drain(..end + 2);
                return Some(event);
            }
            let chunk = tokio::time::timeout(EVENT_TIME_MAX, self.response.chunk()).await.expect("no event arrives");
            let Some(chunk) = chunk.unwrap() else {
                assert_eq!(self.text, "", "the stream ends in the middle of an event");
                return None;
            };
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub async fn next(&mut self) -> Event {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next event with this name; other blocks are skipped.
    pub async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await;
            if event.name == name {
                return event;
            }
        }
    }

    /// Reads to the end of the stream and returns the remaining blocks.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut all = Vec::new();
        while let Some(event) = self.try_next().await {
            all.push(event);
        }
        all
    }
}

impl Event {
    fn read(block: &str) -> Self {
        let mut event = Self::default();
        for line in block.lines() {
            match line.split_once(": ").unwrap() {
                ("event", name) => name.clone_into(&mut event.name),
                ("id", id) => event.id = Some(id.to_owned()),
                ("data", data) => event.data = serde_json::from_str(data).unwrap(),
                ("retry", millis) => event.retry = Some(millis.parse().unwrap()),
                ("", _) => event.is_comment = true,
                _ => panic!("no line of an event: {line}"),
            }
        }
        event
    }
}
