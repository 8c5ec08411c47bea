//! Limits of the system: the size of files, open files, memory.

use std::net::TcpStream;
use std::time::Duration;

use crate::support::{CommandOutput, Exposition, RunningCommand, TestServer, WorkDir};

/// The exit code where the libraries of a program cannot be loaded.
const NOT_LOADED: i32 = 127;

const OWNER: [&str; 7] = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];

/// Runs a command with a limit, in the words of `prlimit`.
fn run(dir: &WorkDir, limit: &str, arguments: &[&str]) -> CommandOutput {
    RunningCommand::start(dir.command_by(&["prlimit", limit], arguments)).finish()
}

/// A file of many contacts.
fn write_people(dir: &WorkDir, count: usize) {
    let rows: Vec<String> = (0..count).map(|row| format!("Given{row},p{row}@people.example\n")).collect();
    dir.write("people.csv", format!("name,email\n{}", rows.concat()));
}

#[test]
fn a_command_that_meets_the_limit_for_the_size_of_files_says_so_and_leaves_what_is_whole() {
    let dir = WorkDir::new();
    write_people(&dir, 20_000);
    let import = [&["import", "people.csv"], &OWNER[..]].concat();
    let check = |limit: &str, arguments: &[&str]| {
        let ended = run(&dir, limit, arguments);
        assert_eq!(ended.code, Some(1), "{arguments:?} {}", ended.stderr);
        let line = ended.stderr.lines().last().unwrap_or_default();
        assert!(line.contains("LimitFSIZE=") && line.contains("ulimit -f"), "{arguments:?}: {line}");
    };
    // Too little for an empty database; none is left.
    check("--fsize=100000", &import);
    assert!(!dir.exists("muster-data/muster.db"));
    // Too little for the contacts.
    check("--fsize=1000000", &import);
    assert_eq!(dir.muster(&["check"]).code, Some(0));
    dir.muster_ok(&import);
    check("--fsize=100000", &["backup", "backup.db"]);
    assert!(!dir.exists("backup.db"));
    check("--fsize=100000", &["export", "--enterprise", "acme", "--output", "acme.csv"]);
}

#[test]
fn idle_connections_leave_files_for_backups_reads_and_readiness() {
    const FILES_MAX: usize = 256;
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--header-read-timeout", "1h"];
    let server = TestServer::start(&dir, &token, dir.command_by(&["prlimit", "--nofile=256:256"], &serve));
    let mut client = server.client();
    client.get("/healthz");
    let idle: Vec<TcpStream> = (0..FILES_MAX).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    client.send("POST", "/backup", "").expect(201);
    client.send("GET", "/readyz", "").expect(200);
    client.post("/enterprise", &serde_json::json!({"id": "acme", "name": "Acme"}));
    client.get("/enterprise/acme/contacts/summary");
    let metrics = Exposition::read(&client.send("GET", "/metrics", "").text());
    let (open, most) =
        (metrics.count("muster_http_connections", &[]), metrics.count("muster_http_connections_max", &[]));
    assert_eq!(open, most);
    assert!((100..FILES_MAX as u64).contains(&most), "{most}");
    let log = server.log();
    assert!(log.contains(&format!("connections-max is {most} instead of 10000")), "{log}");
    assert!(!log.contains("cannot accept"), "{log}");
    drop(idle);
}

#[test]
fn a_server_that_may_open_too_few_files_refuses_to_start() {
    let dir = WorkDir::new();
    let ended = run(&dir, "--nofile=60:60", &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("may open only 60 files") && ended.stderr.contains("LimitNOFILE="),
        "{}",
        ended.stderr
    );
}

#[test]
fn several_hundred_connections_may_wait_until_they_are_accepted() {
    /// More than the 128 of the standard library.
    const WAITING: usize = 400;
    let system = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let waiting = WAITING.min(system.trim().parse().unwrap());
    let dir = WorkDir::new();
    let server = dir.serve_as(&dir.token("admin"), &["--connections-max", "1", "--header-read-timeout", "1h"]);
    let held = TcpStream::connect(server.address()).unwrap();
    // One that finds no place is tried again by the system after a second, and then after two.
    let connect = |_| TcpStream::connect_timeout(&server.address(), Duration::from_millis(900));
    let connected: Vec<_> = (0..waiting).map(connect).collect();
    let refused = connected.iter().filter(|connection| connection.is_err()).count();
    assert_eq!(refused, 0);
    drop((held, connected));
}

#[test]
fn a_limit_for_memory_ends_in_a_sentence() {
    let dir = WorkDir::new();
    dir.write("people.csv", "name\nGrace\n");
    dir.muster_ok(&[&["import", "people.csv"], &OWNER[..]].concat());
    let serve = run(&dir, "--as=150000000", &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(serve.code, Some(1), "{}", serve.stderr);
    assert!(serve.stderr.contains("only 143 MiB of memory") && serve.stderr.contains("ulimit -v"), "{}", serve.stderr);
    // How much the program itself takes depends on its build: below that, the system does not start it.
    let mut refused = 0;
    for mib in (32..=128).step_by(8) {
        let ended = run(&dir, &format!("--as={}", mib << 20), &["check"]);
        match ended.code {
            Some(0) => {}
            Some(1) => {
                assert!(ended.stderr.starts_with("muster: ") && ended.stderr.contains("ulimit"), "{}", ended.stderr);
                refused += 1;
            }
            // The system did not start it.
            Some(NOT_LOADED) | None if !ended.stderr.contains("memory allocation") => {}
            code => panic!("{mib} MiB: {code:?} {}", ended.stderr),
        }
    }
    assert!(refused > 0);
}
