//! Notifications to the service manager: that the server is ready, that it is alive, and that it stops.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::{TestServer, WorkDir};

/// How long to wait for an expected message. Generous, since it only matters when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(20);

const WATCHDOG_MICROS: &str = "2400000";

/// An expected message must be among this many.
const MESSAGES_MAX: usize = 20;

/// A replacement for systemd: a socket that is named in the environment of the service.
struct Manager(UnixDatagram);

impl Manager {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_read_timeout(Some(WAIT_MAX)).unwrap();
        Self(socket)
    }

    /// The lines of the next message.
    fn next(&self) -> Vec<String> {
        let mut message = [0; 4_096];
        let length = self.0.recv(&mut message).expect("a message comes");
        str::from_utf8(&message[..length]).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    /// The next line with this prefix, which must be among the next messages.
    fn next_of(&self, begin: &str) -> String {
        let mut lines = (0..MESSAGES_MAX).flat_map(|_| self.next());
        lines.find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no message begins with {begin}"))
    }
}

fn serve(dir: &WorkDir, socket: &str, arguments: &[&str]) -> Command {
    let mut command = dir.command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
    command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", WATCHDOG_MICROS).env_remove("WATCHDOG_PID");
    command
}

#[test]
fn a_server_notifies_that_it_is_ready_alive_and_stopping() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let path = dir.path("notify.sock");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let mut server = TestServer::start(&dir, &token, serve(&dir, path.to_str().unwrap(), &["--base-path", "/muster"]));
    assert_eq!(manager.next(), ["STATUS=Opening the database"]);
    let address = server.address();
    assert_eq!(manager.next(), ["READY=1".to_owned(), format!("STATUS=Serving http://{address}/muster")]);
    server.client().get("/healthz");
    for _ in 0..3 {
        assert_eq!(manager.next(), ["WATCHDOG=1"]);
    }
    server.terminate();
    assert_eq!(manager.next_of("STOPPING"), "STOPPING=1");
}

#[test]
fn a_suspended_server_sends_no_watchdog_pings() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    // An abstract socket name, as some service managers use.
    let name = format!("muster-test-{}", std::process::id());
    let manager = Manager::at(&SocketAddr::from_abstract_name(&name).unwrap());
    let server = TestServer::start(&dir, &token, serve(&dir, &format!("@{name}"), &[]));
    manager.next_of("WATCHDOG=1");
    server.pause();
    // Every message that was sent before the process was suspended has arrived by then.
    manager.0.set_read_timeout(Some(Duration::from_millis(1_800))).unwrap();
    let mut message = [0; 4_096];
    let more = (0..2).map_while(|_| manager.0.recv(&mut message).ok()).count();
    assert!(more <= 1, "{more} messages of a process that does not run");
    server.resume();
    manager.0.set_read_timeout(Some(WAIT_MAX)).unwrap();
    manager.next_of("WATCHDOG=1");
}

#[test]
fn a_full_or_locked_database_is_reported_and_watchdog_pings_continue() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let path = dir.path("notify.sock");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let limits = ["--request-timeout", "1s", "--database-max", "1MiB"];
    let server = TestServer::start(&dir, &token, serve(&dir, path.to_str().unwrap(), &limits));
    let mut client = server.client();
    client.post("/enterprise", &json!({"id": "acme", "name": "Acme"}));
    client.post("/enterprise/acme/departments", &json!({"id": "sales", "name": "Sales"}));
    client
        .post("/enterprise/acme/departments/sales/employees", &json!({"userId": "u1", "name": "U", "surname": "One"}));
    let contact = json!({"userId": "u1", "contactInfo": {"name": "Ada", "notes": "n".repeat(20_000)}}).to_string();
    while client.send("POST", "/AddContact", &contact).status != 507 {}
    manager.next_of("READY=1");
    for _ in 0..3 {
        manager.next_of("WATCHDOG=1");
    }

    let database = dir.database();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let status = manager.next_of("STATUS=Serving");
    assert!(status.contains(", but the database cannot be written: "), "{status}");
    // For longer than the interval: the watchdog timeout would have passed.
    for _ in 0..4 {
        manager.next_of("WATCHDOG=1");
    }
    database.execute_batch("ROLLBACK").unwrap();
    assert_eq!(manager.next_of("STATUS=Serving"), format!("STATUS=Serving http://{}", server.address()));
}
