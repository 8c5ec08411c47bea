//! A server whose standard error nobody reads.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::support::{Exposition, WireClient, WorkDir, eventually};

/// More requests than there is room for in the log's memory and in a pipe, a line each.
const REQUESTS_MAX: usize = 20_000;

/// Requests between two looks at the metrics.
const REQUESTS_PER_LOOK: usize = 500;

struct UnreadServer {
    child: Child,
    stderr: BufReader<ChildStderr>,
    client: WireClient,
}

impl UnreadServer {
    /// A server with a line for each request, whose log is read until it serves, and no further.
    fn start(dir: &WorkDir, format: &str) -> Self {
        let token = dir.token("admin");
        let arguments =
            ["serve", "--listen", "127.0.0.1:0", "--log", format, "--log-level", "info,muster::access=debug"];
        let mut serve = dir.command(&arguments);
        let mut child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended");
            if let Some((_, behind)) = line.split_once("serving http://") {
                break behind.split(|c: char| c == '"' || c.is_whitespace()).next().unwrap().parse().unwrap();
            }
        };
        Self { child, stderr, client: WireClient::new(address, &token) }
    }

    fn lines_lost(&mut self) -> u64 {
        let reply = self.client.send("GET", "/metrics", "").expect(200);
        Exposition::read(&reply.text()).count("muster_log_lines_lost_total", &[])
    }

    /// Sends requests until lines of the log are lost, each of which must be answered.
    fn fill(&mut self) -> u64 {
        for _ in 0..REQUESTS_MAX / REQUESTS_PER_LOOK {
            for _ in 0..REQUESTS_PER_LOOK {
                self.client.send("GET", "/healthz", "").expect(200);
            }
            let lost = self.lines_lost();
            if lost > 0 {
                return lost;
            }
        }
        panic!("no line was lost");
    }

    fn terminate(&mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended well.
    fn end(&mut self) {
        let status = eventually("the server ends", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for UnreadServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_log_that_nobody_reads_stops_neither_requests_nor_the_end_of_the_server() {
    let dir = WorkDir::new();
    let mut server = UnreadServer::start(&dir, "text");
    server.fill();
    let contact = r#"{"id": "acme", "name": "Acme"}"#;
    server.client.send("POST", "/enterprise", contact).expect(201);
    server.client.send("GET", "/readyz", "").expect(200);
    server.terminate();
    server.end();
    assert_eq!(dir.muster(&["check"]).code, Some(0));
}

#[test]
fn a_log_that_is_read_again_says_how_many_of_its_lines_are_missing() {
    let dir = WorkDir::new();
    let mut server = UnreadServer::start(&dir, "json");
    let lost = server.fill();
    let mut told = None;
    while told.is_none() {
        let mut line = String::new();
        assert!(server.stderr.read_line(&mut line).unwrap() > 0, "it ended");
        let line: serde_json::Value = serde_json::from_str(&line).expect("whole lines");
        if line["message"].as_str().is_some_and(|message| message.contains("lines of the log were lost")) {
            assert_eq!(line["level"], "WARN");
            told = line["lines"].as_u64();
        }
    }
    assert!(told >= Some(lost), "{told:?} {lost}");
    assert_eq!(Some(server.lines_lost()), told);
    server.terminate();
    let mut rest = String::new();
    server.stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.lines().last().unwrap().contains("stopped"), "{rest}");
    server.end();
}
