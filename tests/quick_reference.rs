//! The quick reference of the API is true: every request of the page is sent to a server that begins empty, in the page's
//! order, and answered as the page says; and every operation of the API is there.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test main quick_reference` writes the answers anew; review what changes.

mod command;
mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use reqwest::{Client, Method, Response};
use serde_json::Value;

use crate::support::Place;
use command::Command;
use json::Json;

const PAGE: &str = "docs/api-quick-reference.md";

/// Set to write the answers anew.
const UPDATE_VARIABLE: &str = "UPDATE_SNAPSHOTS";

/// What the page calls the session cookie.
const COOKIE_NAME: &str = "muster_session";

/// Events of a stream that are read before it is left.
const EVENTS_READ: usize = 2;

/// A request of the page, with the answer that is shown.
struct Example<'a> {
    /// The operation, as the heading above it names it.
    operation: &'a str,
    /// What to paste into a shell.
    command: &'a str,
    status: u16,
    /// The lines of the page between which the answer stands; none where it has no body.
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

/// What an answer gives to the commands after it.
fn learn(variables: &mut BTreeMap<String, String>, answer: &Json) {
    let told =
        [("CONTACT_ID", ["contact", "contactId"]), ("TOKEN_ID", ["token", "id"]), ("SESSION_ID", ["session", "id"])];
    for (name, path) in told {
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

/// The first events of a stream; they are read until each name that is shown has come.
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

/// Sends what the page shows and gives the page as it should be, with what is not true of it.
async fn replay(page: &str, base: &str, token: &str) -> (String, Vec<String>) {
    let lines: Vec<&str> = page.lines().collect();
    let client = Client::builder().no_proxy().build().unwrap();
    let mut variables = BTreeMap::from([
        ("BASE".to_owned(), base.to_owned()),
        ("TOKEN".to_owned(), token.to_owned()),
        ("AUTH".to_owned(), format!("Authorization: Bearer {token}")),
    ]);
    // The page's cookie is that of a server at the root of its host.
    let mut cookie_name = COOKIE_NAME.to_owned();
    let (mut true_lines, mut untrue, mut copied) = (Vec::new(), Vec::new(), 0);
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
            untrue.push(format!("{operation} answers {answered}, not {status}: {text}"));
        }
        let Some(lines_of_it) = answer else { continue };
        let shown = shown.unwrap_or_default();
        true_lines.extend(lines[copied..lines_of_it.start].iter().map(ToString::to_string));
        copied = lines_of_it.end;
        if language == "json" {
            let json = Json::parse(&text);
            learn(&mut variables, &json);
            let difference = match shown.trim() {
                "" => Some("no answer is shown".to_owned()),
                shown => Json::parse(shown).difference(&json, "it"),
            };
            // What still holds stays as it is, so that an update shows what changed and nothing else.
            let answer = if difference.is_some() { json.shortened().pretty() } else { shown };
            true_lines.extend(answer.lines().map(ToOwned::to_owned));
            untrue.extend(difference.map(|what| format!("{operation}: {what}")));
        } else {
            // Of another text the page shows lines that begin as those of the answer do.
            let begins = |line: &&str| line.split([' ', ',']).next().unwrap_or_default().to_owned();
            let there: BTreeSet<String> = text.lines().map(|line| begins(&line)).collect();
            let missing = shown.lines().find(|line| !there.contains(&begins(line)) && *line != "…");
            untrue.extend(missing.map(|line| format!("{operation} does not answer {line:?} but {text:?}")));
            true_lines.extend(shown.lines().map(ToOwned::to_owned));
        }
    }
    true_lines.extend(lines[copied..].iter().map(ToString::to_string));
    (true_lines.join("\n") + "\n", untrue)
}

#[tokio::test]
async fn every_answer_of_the_quick_reference_is_what_the_server_answers() {
    let place = Place::new();
    let token = place.token("admin");
    let server = place.serve_as(&token, &[]);
    let page = std::fs::read_to_string(path()).unwrap();
    let (true_page, untrue) = replay(&page, &format!("http://{}", server.address()), &token).await;
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        std::fs::write(path(), true_page).unwrap();
        return;
    }
    assert!(
        untrue.is_empty(),
        "{PAGE}:\n- {}\nif that is meant, run\n{UPDATE_VARIABLE}=1 cargo test --test main quick_reference",
        untrue.join("\n- ")
    );
}

#[tokio::test]
async fn below_a_base_path_every_answer_of_the_quick_reference_is_the_same() {
    let place = Place::new();
    let token = place.token("admin");
    let server = place.serve_as(&token, &["--base-path", "/tools/muster"]);
    let page = std::fs::read_to_string(path()).unwrap();
    let base = format!("http://{}/tools/muster", server.address());
    // An origin has no path.
    let page = page.replace("\"Origin: $BASE\"", &format!("\"Origin: http://{}\"", server.address()));
    let (_, untrue) = replay(&page, &base, &token).await;
    assert!(untrue.is_empty(), "{PAGE}, below /tools/muster:\n- {}", untrue.join("\n- "));
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
    assert_eq!(once.len(), shown.len(), "an operation stands there twice");
}
