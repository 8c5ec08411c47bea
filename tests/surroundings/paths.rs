//! Paths that are unusual: no UTF-8, like a URI, named pipes; and the name of this machine.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use crate::support::{CommandOutput, RunningCommand, TestServer, WorkDir, eventually};

const OWNER: [&str; 7] = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];

fn run(mut command: Command, set: impl FnOnce(&mut Command)) -> CommandOutput {
    set(&mut command);
    RunningCommand::start(command).finish()
}

fn make_pipe(dir: &WorkDir, name: &str) {
    assert!(Command::new("mkfifo").arg(dir.path(name)).status().unwrap().success());
}

#[test]
fn files_whose_names_are_no_utf_8_are_taken_and_settings_refuse_them_by_name() {
    let dir = WorkDir::new();
    let name = |start: &str| {
        let mut name = start.as_bytes().to_vec();
        name.push(0xff);
        OsStr::from_bytes(&name).to_owned()
    };
    std::fs::write(dir.path("").join(name("people")), "name\nGrace\nnobody@\n").unwrap();
    let ok = |arguments: &[&str], file: &str, rest: &[&str]| {
        let ended = run(dir.command(arguments), |command| {
            command.arg(name(file)).args(rest);
        });
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    ok(&["import"], "people", &OWNER);
    ok(&["backup"], "backup", &[]);
    ok(&["restore", "--yes"], "backup", &[]);
    ok(&["export", "--enterprise", "acme", "--output"], "out", &[]);
    std::fs::create_dir(dir.path("").join(name("folder"))).unwrap();
    let ended = run(dir.command(&[&["import", "../people"], &OWNER[..]].concat()), |command| {
        std::fs::write(dir.path("people"), "name\nGrace\n").unwrap();
        command.current_dir(dir.path("").join(name("folder")));
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = run(dir.command(&["check", "--data-dir"]), |command| {
        command.arg(name("folder"));
    });
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("of --data-dir <DIR> is not valid UTF-8"), "{}", ended.stderr);
    let ended = run(dir.command(&["check"]), |command| {
        command.env("MUSTER_DATA_DIR", name("folder"));
    });
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("MUSTER_DATA_DIR in the environment is not valid UTF-8"), "{}", ended.stderr);
}

#[test]
fn a_path_that_looks_like_a_uri_of_sqlite_is_a_path() {
    let dir = WorkDir::new();
    dir.write("people.csv", "name\nGrace\n");
    let data_dir = ["--data-dir", "file:data?mode=memory"];
    dir.muster_ok(&[&["import", "people.csv"], &OWNER[..], &data_dir].concat());
    assert!(dir.exists("file:data?mode=memory/muster.db"));
    assert!(dir.muster_ok(&[&["check"], &data_dir[..]].concat()).contains("1 contacts"));
    let backup = "file:backup.db?mode=ro&immutable=1";
    dir.muster_ok(&[&["backup", backup], &data_dir[..]].concat());
    assert!(dir.exists(backup));
    dir.muster_ok(&["restore", backup]);
    assert!(dir.muster_ok(&["check"]).contains("1 contacts"));
    let token = dir.token("admin");
    let server = dir.serve_as(&token, &["--backup-dir", "file:backups?mode=memory"]);
    server.client().send("POST", "/backup", "").expect(201);
    let kept = std::fs::read_dir(dir.path("file:backups?mode=memory")).unwrap().count();
    assert_eq!(kept, 1);
}

#[test]
fn a_pipe_that_nobody_writes_into_is_no_settings_file_and_no_certificate() {
    let dir = WorkDir::new();
    make_pipe(&dir, "pipe");
    let check = |arguments: &[&str], code: i32| {
        let ended = dir.muster(arguments);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("pipe cannot be read: it is a pipe, into which nobody wrote"),
            "{}",
            ended.stderr
        );
    };
    check(&["check", "--config", "pipe"], 2);
    check(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", "pipe", "--tls-key", "pipe"], 1);
    // Somebody who writes is read to the end.
    let shell = dir.command_by(&["bash", "-c", "\"$0\" \"$@\" --config <(echo 'log-level = \"warn\"')"], &["config"]);
    let ended = RunningCommand::start(shell).finish();
    assert!(ended.stdout.contains("log-level = \"warn\""), "{} {}", ended.stdout, ended.stderr);
}

#[test]
fn an_import_and_an_export_say_that_they_wait_for_the_other_end_of_a_pipe() {
    let dir = WorkDir::new();
    make_pipe(&dir, "in");
    make_pipe(&dir, "out");
    let waiting = |arguments: &[&str], line: &str| {
        let mut command = dir.command(arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        stderr.read_line(&mut first).unwrap();
        assert_eq!(first.trim_end(), line);
        (child, stderr)
    };
    let import = [&["import", "in"], &OWNER[..]].concat();
    let (mut child, _stderr) = waiting(&import, "in is a pipe; waiting until somebody writes into it");
    let mut pipe = std::fs::File::options().write(true).open(dir.path("in")).unwrap();
    pipe.write_all(b"name\nGrace\n").unwrap();
    drop(pipe);
    assert_eq!(eventually("the import ends", || child.try_wait().unwrap()).code(), Some(0));
    let export = ["export", "--enterprise", "acme", "--output", "out"];
    let (mut child, _stderr) = waiting(&export, "out is a pipe; waiting until somebody reads from it");
    let text = std::fs::read_to_string(dir.path("out")).unwrap();
    assert!(text.contains("Grace"), "{text}");
    assert_eq!(eventually("the export ends", || child.try_wait().unwrap()).code(), Some(0));
}

#[test]
fn localhost_is_an_address_to_listen_on_and_to_ask() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let server = TestServer::start(&dir, &token, dir.command(&["serve", "--listen", "localhost:0"]));
    let address = server.address();
    assert!(address.ip().is_loopback());
    assert!(server.log().contains(&format!("serving http://{address}")));
    let listen = format!("localhost:{}", address.port());
    let answer = dir.muster_ok(&["health", "--listen", &listen]);
    assert_eq!(answer.trim(), format!("http://{listen} is ready"));
    let link = dir.muster_ok(&["sign-in-link", "--listen", &listen]);
    assert!(link.starts_with(&format!("http://{listen}/#/sign-in/")), "{link}");
    // Where another program has the port, it is not taken on the other loopback.
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("localhost:{}", occupied.local_addr().unwrap().port());
    let ended = dir.muster(&["serve", "--data-dir", "other", "--listen", &listen]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("cannot listen on {listen}: another program")), "{}", ended.stderr);
}
