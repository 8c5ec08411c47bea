//! Proxying by nginx: unbuffered event streams and uploads, body limits, client addresses and redirects.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use muster::config::{BasePath, Network};
use muster::domain::access::Role;

use super::{Nginx, ServerBlock};
use crate::support::{TestApp, tool};

/// The time limit of a request that should be answered at once. Generous, since it only matters when a test fails.
const TIMEOUT_SECS: &str = "20";

/// Another loopback address, from which the client connects.
const CLIENT: &str = "127.0.0.2";

/// Twice the limit of a body other than an import.
const LARGE_BYTES: usize = 2 << 20;

/// `curl` with TLS and HTTP/2, which accepts a self-signed certificate.
fn curl(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("curl", "the tests behind nginx", "apt-get install curl").unwrap());
    command.args(["-ksS", "--noproxy", "*", "--max-time", TIMEOUT_SECS]).args(arguments).arg(url);
    command
}

/// The status of an answer.
fn status(url: &str, arguments: &[&str]) -> String {
    let output = curl(url, &[&["-o", "/dev/null", "-w", "%{http_code}"], arguments].concat()).output().unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nginx_accepts_the_example_configuration() {
    let Some(nginx) = Nginx::prepare() else { return };
    let checked = nginx.check();
    let text = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.success() && text.contains("test is successful") && !text.contains("[warn]"), "{text}");
}

#[tokio::test]
async fn nginx_streams_events_and_imports_and_limits_other_bodies() {
    for block in [ServerBlock::OwnHost, ServerBlock::SharedHost] {
        let Some(nginx) = Nginx::prepare() else { return };
        let app = TestApp::start_with(|settings| settings.http.base_path = BasePath::parse(block.base_path())).await;
        let nginx = nginx.start(app.address());
        let admin = app.client(Role::Admin).await;
        let authorization = format!("Authorization: Bearer {}", admin.token());
        let root = nginx.root(block);

        assert_eq!(status(&format!("{root}/enterprise"), &["-H", &authorization]), "200");
        let elsewhere = if block == ServerBlock::SharedHost { "404" } else { "401" };
        assert_eq!(status(&format!("{}/enterprise", nginx.origin(block)), &[]), elsewhere);

        let events = curl(&format!("{root}/api/cache/events"), &["-N", "-H", &authorization]);
        let mut events = StreamedAnswer::start(events);
        // The server sends a sample each second: if nginx buffered them, none would arrive before the stream ends.
        events.read_until("event: sample");

        let import = format!("{root}/enterprise/acme/contacts/import?employee=u1");
        let row = format!("Ada,{}\n", "Analytical Engines ".repeat(20));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("name,notes\n{}", row.repeat(LARGE_BYTES / row.len() + 1))).unwrap();
        let body = format!("@{}", file.path().display());
        let sending = ["-H", &authorization, "-H", "Content-Type: text/csv", "--data-binary", &body];
        assert_eq!(status(&import, &sending), "200");
        assert_eq!(status(&format!("{root}/AddContact"), &sending), "413");

        // Sending the file takes minutes; the refusal arrives before, because nginx does not buffer the upload.
        let slow = ["-H", "Authorization: Bearer nobody", "--limit-rate", "10k", "--data-binary", &body];
        assert_eq!(status(&import, &slow), "401");
    }
}

#[tokio::test]
async fn the_audit_log_has_the_clients_address_and_not_a_forged_one() {
    let Some(nginx) = Nginx::prepare() else { return };
    let app = TestApp::start_with(|settings| {
        settings.server.trusted_proxy = vec![Network::parse("127.0.0.1").unwrap()];
    })
    .await;
    let nginx = nginx.start(app.address());
    let admin = app.client(Role::Admin).await;
    let authorization = format!("Authorization: Bearer {}", admin.token());
    let url = format!("{}/cache/clear", nginx.root(ServerBlock::OwnHost));
    let claims = ["-X", "DELETE", "--interface", CLIENT, "-H", "X-Forwarded-For: 198.51.100.7", "-H", &authorization];
    assert_eq!(status(&url, &claims), "200");
    let audit = admin.get("/audit?limit=1").await.expect(200);
    assert_eq!((&audit["audit"][0]["action"], &audit["audit"][0]["address"]), (&"cache.clear".into(), &CLIENT.into()));
}

#[tokio::test]
async fn plain_http_is_redirected_to_https() {
    let Some(nginx) = Nginx::prepare() else { return };
    let app = TestApp::start().await;
    let nginx = nginx.start(app.address());
    let printed = ["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"];
    let url = format!("{}/muster/?a=b", nginx.plain_origin(ServerBlock::SharedHost));
    let output = curl(&url, &printed).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "308 https://localhost/muster/?a=b");
}

/// An answer that is read while it is received.
struct StreamedAnswer {
    child: Child,
    answer: BufReader<ChildStdout>,
}

impl StreamedAnswer {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let answer = BufReader::new(child.stdout.take().unwrap());
        Self { child, answer }
    }

    /// Reads until a text has been received; fails when the answer ends before.
    fn read_until(&mut self, text: &str) {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains(text) {
            let piece = self.answer.fill_buf().unwrap();
            assert!(!piece.is_empty(), "{text} has not come, but {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(piece);
            let taken = piece.len();
            self.answer.consume(taken);
        }
    }
}

impl Drop for StreamedAnswer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
