//! The quick reference of the API is correct: every request of the page is sent to a server that starts empty, in the
//! page's order, and answered as the page shows; and every operation of the API is on the page.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test main quick_reference` rewrites the answers; review what changes.

mod command;
mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use reqwest::{Client, Method, Response};
use serde_json::Value;

use crate::support::WorkDir;
use command::Command;
use json::Json;

const PAGE: &str = "docs/api-quick-reference.md";

/// Set to rewrite the answers.
const UPDATE_VARIABLE: &str = "UPDATE_SNAPSHOTS";

/// The name of the session cookie on the page.
const COOKIE_NAME: &str = "muster_session";

/// The number of events that are read from a stream.
const EVENTS_READ: usize = 2;

/// A request of the page, with the answer shown.
struct Example<'a> {
    /// The operation, as the heading above it names it.
    operation: &'a str,
    /// The command for a shell.
    command: &'a str,
    status: u16,
    /// The lines of the page that contain the answer; `None` where it has no body.
    answer: Option<std::ops::Range<usize>>,
    /// The language of that block.
    language: &'a str,
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)
}

/// The examples: under a heading `### GET /path`, a block of shell, a line `Answer 200:`, and a block with the body.
fn examples<'a>(page: &'a str, lines: &[&'a str]) -> Vec<Example<'a>> {
    let mut examples: Vec<Example<'a>> = Vec::new();
    let mut operation = "";
    let mut index = 0;
    let offset = |line: &str| line.as_ptr() as usize - page.as_ptr() as usize;
    while index < lines.len() {
        let line = lines[index];
        if let Some(heading) = line.strip_prefix("### ") {
            operation = heading.trim().trim_matches('`');
        } else if let Some(status) = line.strip_prefix("Answer ") {
            let status = status.trim_end_matches(|c: char| !c.is_ascii_digit()).parse();
            examples.last_mut().unwrap().status = status.unwrap_or_else(|_| panic!("line {}: {line}", index + 1));
        } else if let Some(language) = line.strip_prefix("```") {
            let first = index + 1;
            let length = lines[first..].iter().position(|line| *line == "```").expect("a block is not closed");
            index = first + length;
            if language == "sh" && !operation.is_empty() {
                let command = &page[offset(lines[first])..offset(lines[index])];
                examples.push(Example { operation, command, status: 200, answer: None, language: "" });
            } else if !operation.is_empty() {
                let example = examples.last_mut().unwrap();
                (example.answer, example.language) = (Some(first..index), language);
            }
        }
        index += 1;
    }
    examples
}

/// Stores the ids in an answer for the commands that follow.
fn store_ids(variables: &mut BTreeMap<String, String>, answer: &Json) {
    let paths =
        [("CONTACT_ID", ["contact", "contactId"]), ("TOKEN_ID", ["token", "id"]), ("SESSION_ID", ["session", "id"])];
    for (name, path) in paths {
        if let Some(value) = answer.text(&path) {
            variables.insert(name.to_owned(), value);
        }
    }
}

/// Name and value of a session cookie.
fn session(cookie: &str) -> Option<(String, String)> {
    let (name, behind) = cookie.split_once('=')?;
    Some((name.to_owned(), behind.split(';').next()?.to_owned()))
}

async fn send(client: &Client, command: &Command) -> Response {
    let method = Method::from_bytes(command.method.as_bytes()).unwrap();
    let mut request = client.request(method, &command.url);
    for (name, value) in &command.headers {
        request = request.header(name, value);
    }
    if let Some(body) = &command.body {
        request = request.body(body.clone());
    }
    request.send().await.unwrap()
}

/// The first events of a stream, read until every event shown on the page has arrived.
async fn first_events(response: Response, shown: &BTreeSet<String>) -> String {
    let mut chunks = response.bytes_stream();
    let mut text = String::new();
    while !events(&text).is_superset(shown) || events(&text).len() < EVENTS_READ.min(shown.len()) {
        let chunk = chunks.next().await.expect("the stream goes on").unwrap();
        text.push_str(str::from_utf8(&chunk).unwrap());
    }
    text
}

fn events(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.strip_prefix("event: ")).map(ToOwned::to_owned).collect()
}

/// Sends the requests of the page; returns the corrected page, and the differences.
async fn replay(page: &str, base: &str, token: &str) -> (String, Vec<String>) {
    let lines: Vec<&str> = page.lines().collect();
    let client = Client::builder().no_proxy().build().unwrap();
    let mut variables = BTreeMap::from([
        ("BASE".to_owned(), base.to_owned()),
        ("TOKEN".to_owned(), token.to_owned()),
        ("AUTH".to_owned(), format!("Authorization: Bearer {token}")),
    ]);
    // The page's cookie has the name that a server at the root of its host gives it.
    let mut cookie_name = COOKIE_NAME.to_owned();
    let (mut corrected_lines, mut differences, mut copied) = (Vec::new(), Vec::new(), 0);
    for Example { operation, command, status, answer, language } in examples(page, &lines) {
        let mut command = Command::parse(command, &variables);
        for (_, value) in command.headers.iter_mut().filter(|(name, _)| name == "Cookie") {
            *value = value.replace(COOKIE_NAME, &cookie_name);
        }
        let response = send(&client, &command).await;
        let answered = response.status().as_u16();
        if let Some(etag) = response.headers().get("etag") {
            variables.insert("ETAG".to_owned(), etag.to_str().unwrap().to_owned());
        }
        if let Some((name, session)) = response.headers().get("set-cookie").and_then(|c| session(c.to_str().ok()?)) {
            cookie_name = name;
            variables.insert("SESSION".to_owned(), session);
        }
        let shown = answer.clone().map(|lines_of_it| lines[lines_of_it].join("\n"));
        let text = if command.streams {
            first_events(response, &events(shown.as_deref().unwrap_or_default())).await
        } else {
            response.text().await.unwrap()
        };
        if answered != status {
            differences.push(format!("{operation} answers {answered}, not {status}: {text}"));
        }
        let Some(lines_of_it) = answer else { continue };
        let shown = shown.unwrap_or_default();
        corrected_lines.extend(lines[copied..lines_of_it.start].iter().map(ToString::to_string));
        copied = lines_of_it.end;
        if language == "json" {
            let json = Json::parse(&text);
            store_ids(&mut variables, &json);
            let difference = match shown.trim() {
                "" => Some("no answer is shown".to_owned()),
                shown => Json::parse(shown).difference(&json, "it"),
            };
            // What still matches is kept, so that an update shows only what changed.
            let answer = if difference.is_some() { json.shortened().pretty() } else { shown };
            corrected_lines.extend(answer.lines().map(ToOwned::to_owned));
            differences.extend(difference.map(|what| format!("{operation}: {what}")));
        } else {
            // Of other texts the page shows lines that begin like those of the answer.
            let begins = |line: &&str| line.split([' ', ',']).next().unwrap_or_default().to_owned();
            let there: BTreeSet<String> = text.lines().map(|line| begins(&line)).collect();
            let missing = shown.lines().find(|line| !there.contains(&begins(line)) && *line != "…");
            differences.extend(missing.map(|line| format!("{operation} does not answer {line:?} but {text:?}")));
            corrected_lines.extend(shown.lines().map(ToOwned::to_owned));
        }
    }
    corrected_lines.extend(lines[copied..].iter().map(ToString::to_string));
    (corrected_lines.join("\n") + "\n", differences)
}

#[tokio::test]
async fn every_answer_of_the_quick_reference_is_what_the_server_answers() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let server = dir.serve_as(&token, &["--installation-name", "berlin"]);
    let page = std::fs::read_to_string(path()).unwrap();
    let (corrected_page, differences) = replay(&page, &format!("http://{}", server.address()), &token).await;
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        std::fs::write(path(), corrected_page).unwrap();
        return;
    }
    assert!(
        differences.is_empty(),
        "{PAGE}:\n- {}\nif that is meant, run\n{UPDATE_VARIABLE}=1 cargo test --test main quick_reference",
        differences.join("\n- ")
    );
}

#[tokio::test]
async fn below_a_base_path_every_answer_of_the_quick_reference_is_the_same() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let server = dir.serve_as(&token, &["--base-path", "/tools/muster", "--installation-name", "berlin"]);
    let page = std::fs::read_to_string(path()).unwrap();
    let base = format!("http://{}/tools/muster", server.address());
    // An origin has no path.
    let page = page.replace("\"Origin: $BASE\"", &format!("\"Origin: http://{}\"", server.address()));
    let (_, differences) = replay(&page, &base, &token).await;
    assert!(differences.is_empty(), "{PAGE}, below /tools/muster:\n- {}", differences.join("\n- "));
}

#[test]
fn the_quick_reference_has_every_operation_once() {
    let page = std::fs::read_to_string(path()).unwrap();
    let lines: Vec<&str> = page.lines().collect();
    let mut shown: Vec<&str> = examples(&page, &lines).iter().map(|example| example.operation).collect();
    shown.dedup();
    let snapshot = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&snapshot).unwrap();
    let mut operations: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        operations.extend(item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let missing: Vec<_> = operations.iter().filter(|operation| !shown.contains(&operation.as_str())).collect();
    let unknown: Vec<_> =
        shown.iter().filter(|shown| !operations.iter().any(|operation| operation == *shown)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing: {missing:#?}\nunknown: {unknown:#?}");
    let once: BTreeSet<_> = shown.iter().collect();
    assert_eq!(once.len(), shown.len(), "an operation is listed twice");
}
