//! One-time sign-in links as users get them: at the first start, on the command line, and from the demonstration.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Client, TestServer, WorkDir, eventually};

/// The part of a link before its code.
const SIGN_IN: &str = "/#/sign-in/";

/// Starts a server that logs everything, and waits for the last message of its start.
fn serve(dir: &WorkDir) -> TestServer {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-level", "trace"];
    let server = TestServer::start(dir, "", dir.command(&arguments));
    eventually("the server has started", || server.log().contains("only this machine can connect").then_some(()));
    server
}

/// The code of a link, which must have this base URL.
fn code<'a>(link: &'a str, address: &str) -> &'a str {
    let (before, code) = link.split_once(SIGN_IN).unwrap_or_else(|| panic!("no link: {link}"));
    assert_eq!(before, address);
    code
}

async fn browser(address: SocketAddr, code: &str) -> Client {
    let browser = Client::at(address).sign_in(json!({"code": code})).await;
    let session = browser.get("/session").await.expect(200)["session"].clone();
    assert_eq!((&session["role"], &session["name"]), (&json!("admin"), &json!("sign-in link")));
    browser
}

#[tokio::test]
async fn the_first_start_prints_a_link_and_later_ones_do_not() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    let (address, log) = (server.address(), server.log());
    let link = log.lines().map(str::trim).find(|line| line.contains(SIGN_IN)).unwrap_or_else(|| panic!("{log}"));
    let port = address.port();
    let tunnel = format!("ssh -N -L {port}:127.0.0.1:{port} ");
    let another = "muster sign-in-link --data-dir muster-data\n".to_owned();
    for way in [&*tunnel, &another, "--listen 0.0.0.0", "--public-url", "muster token create"] {
        assert!(log.contains(way), "{way}: {log}");
    }
    let signed_in = browser(address, code(link, &format!("http://{address}"))).await;
    drop(server);
    // A session exists now, so that no further link is printed.
    let server = serve(&dir);
    assert!(!server.log().contains(SIGN_IN), "{}", server.log());
    let signed_in = Client::at(server.address()).as_signed_in(&signed_in);
    signed_in.delete("/session").await.expect(200);
    drop(server);
    // An administrator who signed out without creating a token is not locked out.
    let server = serve(&dir);
    assert!(server.log().contains(SIGN_IN), "{}", server.log());
    drop(server);
    dir.token("viewer");
    assert!(!serve(&dir).log().contains(SIGN_IN));
}

#[tokio::test]
async fn a_link_from_the_command_line_works_beside_the_server() {
    let dir = WorkDir::new();
    let missing = dir.muster(&["sign-in-link"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(1), ""), "{}", missing.stderr);
    dir.token("viewer");
    let server = serve(&dir);
    let listen = server.address().to_string();
    let printed = dir.muster(&["sign-in-link"]);
    assert_eq!((printed.code, printed.stdout.lines().count()), (Some(0), 1), "the link alone: {}", printed.stdout);
    let link = printed.stdout.trim_end();
    assert!(printed.stderr.contains("within 15 minutes") && !printed.stderr.contains(SIGN_IN), "{}", printed.stderr);
    let code = code(link, &format!("http://{listen}"));
    let signed_in = browser(server.address(), code).await;
    Client::at(server.address()).post("/session", json!({"code": code})).await.problem(401);

    // Neither the code nor the session's secret is in the log, at any level.
    let log = server.log();
    for secret in [code, signed_in.session()] {
        assert!(!log.contains(secret.split_once('.').unwrap().1), "{log}");
    }
    assert!(log.contains("/session"), "the request itself is: {log}");

    let check = |arguments: &[&str], address: &str| {
        let link = dir.muster_ok(&[&["sign-in-link"], arguments].concat());
        self::code(link.trim_end(), address);
    };
    check(&[], &format!("http://{listen}"));
    check(&["--listen", &listen], &format!("http://{listen}"));
    check(&["--listen", "0.0.0.0:9000"], "http://127.0.0.1:9000");
    check(&["--listen", "127.0.0.1:0", "--public-url", "https://muster.example/m/"], "https://muster.example/m");
    let unknown = dir.muster(&["sign-in-link", "--listen", "127.0.0.1:0"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("--listen ADDRESS:PORT"), "{}", unknown.stderr);
}

#[tokio::test]
async fn the_demonstration_prints_a_link_that_signs_in() {
    let dir = WorkDir::new();
    let mut command = dir.command(&["demo", "--contacts", "10", "--listen", "127.0.0.1:0"]);
    let mut demo = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let line = lines.find_map(|line| line.unwrap().strip_prefix("Dashboard:").map(|link| link.trim().to_owned()));
    let line = line.expect("it says where the dashboard is");
    let (url, code) = line.split_once(SIGN_IN).unwrap();
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let signed_in = browser(address, code).await;
    assert_eq!(signed_in.get("/enterprise").await.expect(200)["success"], true);
    // Its data is deleted when it ends.
    assert!(Command::new("kill").arg(demo.id().to_string()).status().unwrap().success());
    assert!(demo.wait().unwrap().success());
}
