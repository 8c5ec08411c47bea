//! Muster behind Caddy, with `docs/deploy/Caddyfile`.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use muster::config::Network;
use muster::domain::access::Role;

use crate::support::{TestApp, eventually, tool};

const WHAT: &str = "the test behind Caddy";

/// Caddy, which ends with this value.
struct Caddy(Child);

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example with this machine's name, ports and certificate.
fn configuration(home: &Path, port: u16, upstream: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy/Caddyfile");
    let mut text = std::fs::read_to_string(path).unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(home.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(home.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = format!("tls {0}/cert.pem {0}/key.pem", home.display());
    let changes = [
        ("\nmuster.example {", format!("\nhttps://localhost:{port} {{")),
        ("# tls /etc/ssl/muster/muster.example.pem /etc/ssl/muster/muster.example.key", tls),
        ("reverse_proxy 127.0.0.1:8383", format!("reverse_proxy {upstream}")),
    ];
    for (from, to) in changes {
        assert!(text.contains(from), "the example has no {from}");
        text = text.replacen(from, &to, 1);
    }
    // No port for administration and none for plain HTTP, which other tests may use.
    format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}")
}

fn curl(arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sSk", "--max-time", "60"]).args(arguments);
    command
}

fn status(arguments: &[&str]) -> String {
    let output = curl(&[&["-o", "/dev/null", "-w", "%{http_code}"], arguments].concat()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn caddy_passes_on_the_clients_address_the_host_events_and_imports() {
    let Some(program) = tool("caddy", WHAT, "apt-get install caddy") else { return };
    let app = TestApp::start_with(|settings| {
        settings.server.trusted_proxy = vec![Network::parse("127.0.0.1").unwrap(), Network::parse("::1").unwrap()];
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = home.path().join("Caddyfile");
    std::fs::write(&file, configuration(home.path(), port, &app.address().to_string())).unwrap();
    let mut command = Command::new(program);
    command.env("XDG_DATA_HOME", home.path()).env("XDG_CONFIG_HOME", home.path()).stdin(Stdio::null());
    let log = std::fs::File::create(home.path().join("log")).unwrap();
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file).stdout(Stdio::null()).stderr(log);
    let mut caddy = Caddy(command.spawn().unwrap());
    eventually("Caddy listens", || {
        let log = || std::fs::read_to_string(home.path().join("log")).unwrap();
        assert!(caddy.0.try_wait().unwrap().is_none(), "Caddy ended: {}", log());
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let root = format!("https://localhost:{port}");
    let admin = app.client(Role::Admin).await;
    let authorization = format!("Authorization: Bearer {}", admin.token());

    // A client cannot make an address up.
    let claims = ["-X", "DELETE", "-H", "X-Forwarded-For: 198.51.100.7", "-H", &authorization];
    assert_eq!(status(&[&claims[..], &[&format!("{root}/cache/clear")]].concat()), "200");
    let audit = admin.get("/audit?limit=1").await.expect(200);
    let address = audit["audit"][0]["address"].as_str().unwrap();
    assert!(["127.0.0.1", "::1"].contains(&address), "{address}");
    // Signing in is a change from the server's own pages only where Host is what the browser shows.
    let body = format!("{{\"token\":\"{}\"}}", admin.token());
    let origin = format!("Origin: {root}");
    let json = ["-H", "Content-Type: application/json", "-H", &origin, "-d", &body];
    assert_eq!(status(&[&json[..], &[&format!("{root}/session")]].concat()), "200");
    // A sample is sent each second: collected, none would arrive before the stream ends.
    let mut events = curl(&["-N", "-H", &authorization, &format!("{root}/cache/events")]);
    let mut events = events.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(events.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "event: sample"));
    events.kill().unwrap();
    events.wait().unwrap();
    // An import larger than any buffer.
    let large = home.path().join("large.csv");
    let rows: Vec<String> = (0..60_000).map(|row| format!("Ada{row},{}\n", "Engines ".repeat(10))).collect();
    std::fs::write(&large, format!("name,notes\n{}", rows.concat())).unwrap();
    let import = format!("{root}/enterprise/acme/contacts/import?employee=u1");
    let data = format!("@{}", large.display());
    let sending = ["-H", &authorization, "-H", "Content-Type: text/csv", "--data-binary", &data, &import];
    assert_eq!(status(&sending), "200");
}
