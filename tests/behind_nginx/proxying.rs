//! What a proxy could spoil, and this one does not: events that wait, uploads that are kept back or cut, addresses.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use muster::config::{BasePath, Network};
use muster::domain::access::Role;

use super::{Nginx, Place};
use crate::support::{TestApp, tool};

/// How long anything may take that should happen at once, in seconds. Generous, since it only matters when a test fails.
const PATIENCE_SECS: &str = "20";

/// Another address of this machine, from which somebody comes.
const CLIENT: &str = "127.0.0.2";

/// Twice as much as a body may have that is no import.
const LARGE_BYTES: usize = 2 << 20;

/// `curl`, which speaks TLS and HTTP/2, to a server whose certificate nobody has signed.
fn curl(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("curl", "the tests behind nginx", "apt-get install curl").unwrap());
    command.args(["-ksS", "--noproxy", "*", "--max-time", PATIENCE_SECS]).args(arguments).arg(url);
    command
}

/// The status of an answer.
fn status(url: &str, arguments: &[&str]) -> String {
    let output = curl(url, &[&["-o", "/dev/null", "-w", "%{http_code}"], arguments].concat()).output().unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nginx_takes_the_example() {
    let Some(nginx) = Nginx::prepare() else { return };
    let checked = nginx.check();
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.success() && said.contains("test is successful") && !said.contains("[warn]"), "{said}");
}

#[tokio::test]
async fn events_and_files_go_through_as_they_come_and_other_bodies_are_bounded() {
    for place in [Place::Host, Place::Path] {
        let Some(nginx) = Nginx::prepare() else { return };
        let app = TestApp::start_with(|settings| settings.http.base_path = BasePath::parse(place.base_path())).await;
        let nginx = nginx.start(app.address());
        let admin = app.client(Role::Admin).await;
        let authorization = format!("Authorization: Bearer {}", admin.token());
        let root = nginx.root(place);

        assert_eq!(status(&format!("{root}/enterprise"), &["-H", &authorization]), "200");
        let elsewhere = if place == Place::Path { "404" } else { "401" };
        assert_eq!(status(&format!("{}/enterprise", nginx.origin(place)), &[]), elsewhere);

        let mut events = Open::start(&mut curl(&format!("{root}/api/cache/events"), &["-N", "-H", &authorization]));
        // A sample comes each second: were they kept back, none would come before the stream ends.
        events.read_until("event: sample");

        let import = format!("{root}/enterprise/acme/contacts/import?employee=u1");
        let row = format!("Ada,{}\n", "Analytical Engines ".repeat(20));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("name,notes\n{}", row.repeat(LARGE_BYTES / row.len() + 1))).unwrap();
        let body = format!("@{}", file.path().display());
        let sending = ["-H", &authorization, "-H", "Content-Type: text/csv", "--data-binary", &body];
        assert_eq!(status(&import, &sending), "200");
        assert_eq!(status(&format!("{root}/AddContact"), &sending), "413");

        // The refusal comes while most of the file has not been sent, which takes minutes: nothing waits for its end.
        let slow = ["-H", "Authorization: Bearer nobody", "--limit-rate", "10k", "--data-binary", &body];
        assert_eq!(status(&import, &slow), "401");
    }
}

#[tokio::test]
async fn the_audit_log_has_the_clients_address_and_not_the_one_that_it_claims() {
    let Some(nginx) = Nginx::prepare() else { return };
    let app = TestApp::start_with(|settings| {
        settings.server.trusted_proxy = vec![Network::parse("127.0.0.1").unwrap()];
    })
    .await;
    let nginx = nginx.start(app.address());
    let admin = app.client(Role::Admin).await;
    let authorization = format!("Authorization: Bearer {}", admin.token());
    let url = format!("{}/cache/clear", nginx.root(Place::Host));
    let claims = ["-X", "DELETE", "--interface", CLIENT, "-H", "X-Forwarded-For: 198.51.100.7", "-H", &authorization];
    assert_eq!(status(&url, &claims), "200");
    let audit = admin.get("/audit?limit=1").await.expect(200);
    assert_eq!((&audit["audit"][0]["action"], &audit["audit"][0]["address"]), (&"cache.clear".into(), &CLIENT.into()));
}

#[tokio::test]
async fn plain_http_leads_to_tls() {
    let Some(nginx) = Nginx::prepare() else { return };
    let app = TestApp::start().await;
    let nginx = nginx.start(app.address());
    let told = ["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"];
    let output = curl(&format!("{}/muster/?a=b", nginx.plain_origin(Place::Path)), &told).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "308 https://localhost/muster/?a=b");
}

/// An answer that is read while it comes.
struct Open {
    child: Child,
    answer: BufReader<ChildStdout>,
}

impl Open {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let answer = BufReader::new(child.stdout.take().unwrap());
        Self { child, answer }
    }

    /// Reads until a text has come; fails where the answer ends before.
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

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
