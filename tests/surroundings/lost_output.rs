//! Standard output that is closed, full, or no longer read.

use std::process::{Command, Output, Stdio};

use crate::support::{WorkDir, assert_no_panic};

/// How standard output is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The command was started without one.
    Closed,
    /// Its disk is full.
    Full,
    /// Its reader has gone.
    Unread,
}

const LOSSES: [Loss; 3] = [Loss::Closed, Loss::Full, Loss::Unread];

fn run(dir: &WorkDir, loss: Loss, arguments: &[&str]) -> Output {
    let mut command = match loss {
        Loss::Closed => dir.command_by(&["sh", "-c", "exec \"$0\" \"$@\" >&-"], arguments),
        Loss::Full | Loss::Unread => dir.command(arguments),
    };
    let stdout: Stdio = match loss {
        Loss::Closed => Stdio::null(),
        Loss::Full => std::fs::File::options().write(true).open("/dev/full").unwrap().into(),
        Loss::Unread => std::io::pipe().unwrap().1.into(),
    };
    spawn(command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()))
}

/// The command's own copy of the pipe has to be closed before it is waited for.
fn spawn(command: &mut Command) -> Output {
    command.spawn().unwrap().wait_with_output().unwrap()
}

fn seeded() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("seed.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1"];
    dir.muster_ok(&[&["import", "seed.csv", "--create-missing"], &owner[..]].concat());
    dir
}

#[test]
fn a_command_whose_output_is_lost_has_failed() {
    let dir = seeded();
    for loss in LOSSES {
        for arguments in [
            &["export", "--enterprise", "acme"][..],
            &["check"],
            &["check", "--json"],
            &["config"],
            &["token", "create", "--role", "viewer"],
            &["sign-in-link"],
            &["import", "seed.csv", "--enterprise", "acme", "--employee", "u1", "--json"],
            &["backup", "backup.db", "--force", "--json"],
            &["backup", "-"],
        ] {
            let ended = run(&dir, loss, arguments);
            let stderr = String::from_utf8(ended.stderr).unwrap();
            assert_no_panic(&stderr);
            assert_eq!(ended.status.code(), Some(1), "{loss:?} {arguments:?} {stderr}");
            let line = stderr.lines().last().unwrap_or_default();
            assert!(
                line.starts_with("muster: ") && line.contains("standard output"),
                "{loss:?} {arguments:?} {stderr}"
            );
        }
    }
}

#[test]
fn a_token_or_link_that_nobody_has_seen_does_not_work() {
    let dir = seeded();
    for loss in LOSSES {
        let ended = run(&dir, loss, &["token", "create", "--role", "admin"]);
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert!(stderr.contains("nobody has seen the token") && stderr.contains("so it was revoked"), "{stderr}");
        let ended = run(&dir, loss, &["sign-in-link"]);
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert!(stderr.contains("nobody has seen the link, so it was withdrawn"), "{stderr}");
    }
    assert_eq!(dir.muster_ok(&["token", "list", "--json"]).trim(), "[]");
    let works = "SELECT count(*) FROM sign_in_link WHERE used_at IS NULL";
    assert_eq!(dir.database().query_row(works, [], |row| row.get(0)), Ok(0));
}

#[test]
fn a_list_that_is_cut_short_and_an_answer_that_is_the_exit_code_have_not_failed() {
    let dir = seeded();
    for arguments in [&["token", "list"][..], &["completions", "bash"], &["man"]] {
        let ended = run(&dir, Loss::Unread, arguments);
        assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "{arguments:?}");
        assert_eq!(run(&dir, Loss::Full, arguments).status.code(), Some(1), "{arguments:?}");
    }
    assert_eq!(run(&dir, Loss::Full, &["--help"]).status.code(), Some(1));
    let server = dir.serve();
    let url = format!("http://{}", server.address());
    for loss in LOSSES {
        assert_eq!(run(&dir, loss, &["health", &url]).status.code(), Some(0), "{loss:?}");
    }
    // Whether the database is sound is asked without a wish to read it.
    let mut command = dir.command(&["check"]);
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
}
