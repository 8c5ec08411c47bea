//! The commands of the guides: each page's commands are run in order, in a shell, in an empty folder, and must succeed.
//!
//! Commands that cannot run in a test are in [`NOT_RUN`] with the reason, so a new command is run unless it is added there.
//! System paths such as `/etc` are mapped into the test's folder, `sudo` only runs its command, `systemctl` starts and stops
//! the server as systemd would, and the ports are free ones. `tests/booted-machine.sh` follows the deployment guide with
//! nothing of this replaced, where a machine can be booted.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::documents::markdown::fenced;
use crate::support::{RunningCommand, WorkDir};

/// The beginnings of commands that are not run here, each with the reason.
const NOT_RUN: [(&str, &str); 14] = [
    ("cargo ", "these tests are cargo's; `.ci/run` begins with them"),
    ("just ", "`.ci/run` runs what these targets stand for"),
    ("curl --proto ", "it installs Rust, which runs these tests"),
    ("ssh ", "there is no other machine"),
    ("sudo journalctl ", "the services of these tests write no journal"),
    ("sudo useradd ", "it would add a user to the machine that runs the tests"),
    ("sudo userdel ", "as above"),
    ("sudo ufw ", "it would change the firewall of that machine"),
    ("sudo firewall-cmd ", "as above"),
    ("docker ", "no container engine is at hand"),
    ("sudo nginx ", "a test of its own runs nginx with this file"),
    ("sudo systemctl reload nginx", "as above"),
    ("curl --resolve ", "as above"),
    ("promtool ", "a test of its own runs it, where Debian's package is installed"),
];

/// System folders, which the tests replace with folders of their own.
const SYSTEM_FOLDERS: [&str; 6] = ["/usr/local/", "/etc/", "/var/lib/", "/var/log/", "/mnt/", "/srv/"];

/// What a path in a command begins behind.
const PATH_STARTS: [char; 6] = [' ', '"', '=', ':', '-', '\''];

/// The ports of the page.
const PORTS: [&str; 3] = ["8383", "9393", "8484"];

/// Shell functions for the commands: servers run in the background, and a failure reports the line of the page.
const PRELUDE: &str = include_str!("guides/prelude.sh");

/// A command of a page, which may have several lines.
struct Step {
    line: usize,
    command: String,
}

/// The commands of a page, put together from their lines.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // The delimiter of the here-document of the last command, while it is open.
    let mut here_document_end: Option<String> = None;
    let mut continued = false;
    for (line, text) in fenced(page, "sh") {
        let opens = text.split_once("<<").map(|(_, word)| word.trim().trim_matches('\'').to_owned());
        match steps.last_mut().filter(|_| continued || here_document_end.is_some()) {
            Some(step) => write!(step.command, "\n{text}").unwrap(),
            None if text.trim().is_empty() || text.starts_with('#') => continue,
            None => steps.push(Step { line, command: text.to_owned() }),
        }
        here_document_end = match here_document_end {
            Some(end) if text == end => None,
            Some(end) => Some(end),
            None => opens,
        };
        continued = here_document_end.is_none() && text.ends_with(['\\', '|']);
    }
    steps
}

fn is_run(step: &Step) -> bool {
    !NOT_RUN.iter().any(|(start, _)| step.command.starts_with(start))
}

/// Runs every command of a page that can be run.
fn run(path: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join(path)).unwrap();
    let dir = WorkDir::new();
    for folder in ["bin", "dist", "system/usr/local/bin", "system/etc/systemd/system", "system/srv", "system/var/lib"] {
        fs::create_dir_all(dir.path(folder)).unwrap();
    }
    for name in ["docs", "tests"] {
        symlink(root.join(name), dir.path(name)).unwrap();
    }
    let muster = env!("CARGO_BIN_EXE_muster");
    for link in ["bin/muster", "dist/muster"] {
        symlink(muster, dir.path(link)).unwrap();
    }
    // The commands need port numbers, so the ports are only known to have been free a moment ago.
    let free = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = free.map(|listener| listener.local_addr().unwrap().port());
    let system = dir.path("system");
    let mut script = PRELUDE.to_owned();
    let mut count = 0;
    for step in steps(&page).iter().filter(|step| is_run(step)) {
        let mut command = step.command.clone();
        for (of_page, port) in PORTS.iter().zip(ports) {
            command = command.replace(of_page, &port.to_string());
        }
        for (start, folder) in PATH_STARTS.iter().flat_map(|start| SYSTEM_FOLDERS.map(|folder| (start, folder))) {
            command = command.replace(&format!("{start}{folder}"), &format!("{start}{}{folder}", system.display()));
        }
        writeln!(script, "at '{path}:{}'\n{command}", step.line).unwrap();
        count += 1;
    }
    assert!(count > 0, "{path} has no commands, or none that run");
    let mut command = Command::new("bash");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MUSTER_")) {
        command.env_remove(name);
    }
    command.args(["-c", &script]).current_dir(dir.path("")).env("SYSTEM", &system);
    command.env("MUSTER_LISTEN", format!("127.0.0.1:{}", ports[0]));
    let ended = RunningCommand::start(command).finish();
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
}

#[test]
fn every_command_of_the_readme_succeeds() {
    run("README.md");
}

#[test]
fn every_command_of_the_deployment_guide_succeeds() {
    run("docs/deployment-guide.md");
}

#[test]
fn every_command_of_the_page_on_a_new_machine_succeeds() {
    run("docs/new-machine.md");
}

#[test]
fn every_skipped_command_is_in_a_guide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = ["README.md", "docs/deployment-guide.md", "docs/new-machine.md"]
        .map(|path| fs::read_to_string(root.join(path)).unwrap());
    let commands: Vec<Step> = pages.iter().flat_map(|page| steps(page)).collect();
    for (start, _) in NOT_RUN {
        assert!(commands.iter().any(|step| step.command.starts_with(start)), "no page has a command {start}");
    }
}

#[test]
fn a_command_of_several_lines_is_one_step() {
    let page = "```sh\na \\\n  b\n\n# c\nd <<'END'\n# e\nf\nEND\ng |\n h\n```\n";
    let found: Vec<_> = steps(page).into_iter().map(|step| (step.line, step.command)).collect();
    let expected = [(2, "a \\\n  b"), (6, "d <<'END'\n# e\nf\nEND"), (10, "g |\n h")];
    assert_eq!(found, expected.map(|(line, command)| (line, command.to_owned())));
}
