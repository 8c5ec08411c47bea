//! Runs the real binary: commands to their end, and a server that is stopped gracefully and checked when it is dropped.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster::clock::Clock;
use muster::store::{Mode, Store, StoreOptions};
use tempfile::TempDir;

use super::{WireClient, eventually};

/// How long a command may take. Generous, since it only matters when a test fails.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(90);

/// A temporary working directory for commands; their data directory is `muster-data` in it by default.
#[derive(Clone)]
pub struct WorkDir(Arc<TempDir>);

impl WorkDir {
    pub fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// The path of an entry in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path("muster-data")
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// A connection to its database that writes without the store's code.
    pub fn database(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(muster::store::database_path(&self.data_dir())).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    /// `muster` with these arguments, without the `MUSTER_` variables of the tests' environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MUSTER_")) {
            command.env_remove(name);
        }
        // A panic shows its whole backtrace.
        command.env("RUST_BACKTRACE", "1").current_dir(self.0.path()).args(arguments);
        command
    }

    /// Runs `muster` with these arguments to its end.
    pub fn muster(&self, arguments: &[&str]) -> CommandOutput {
        RunningCommand::start(self.command(arguments)).finish()
    }

    /// Runs a command that must succeed and returns its standard output.
    pub fn muster_ok(&self, arguments: &[&str]) -> String {
        let ended = self.muster(arguments);
        assert_eq!(ended.code, Some(0), "muster {arguments:?}\n{}", ended.stderr);
        ended.stdout
    }

    /// Creates a token on the command line, and the database before that where there is none.
    pub fn token(&self, role: &str) -> String {
        if !muster::store::database_path(&self.data_dir()).exists() {
            let options = StoreOptions { create: true, ..StoreOptions::new(self.data_dir(), Mode::Command, "a test") };
            Store::open(&options, Clock::system()).unwrap().close();
        }
        self.muster_ok(&["token", "create", "--role", role]).trim().to_owned()
    }

    /// Starts a server with an administrator's token.
    pub fn serve(&self) -> TestServer {
        self.serve_as(&self.token("admin"), &[])
    }

    /// Starts the server of another build.
    pub fn serve_by(&self, binary: &Path, token: &str) -> TestServer {
        let like = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut serve = Command::new(binary);
        serve.args(like.get_args()).current_dir(self.0.path());
        for (name, _) in like.get_envs().filter(|(_, value)| value.is_none()) {
            serve.env_remove(name);
        }
        TestServer::start(self, token, serve)
    }

    /// `muster` with these arguments, run by another program, such as `prlimit` with limits for it.
    pub fn command_by(&self, program: &[&str], arguments: &[&str]) -> Command {
        let muster = self.command(arguments);
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(muster.get_program()).args(muster.get_args()).current_dir(self.0.path());
        for (name, value) in muster.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Starts a server with an existing token and further arguments.
    pub fn serve_as(&self, token: &str, arguments: &[&str]) -> TestServer {
        TestServer::start(self, token, self.command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()))
    }
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl CommandOutput {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("Muster writes UTF-8");
        let ended = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert_no_panic(&ended.stderr);
        ended
    }
}

/// A running command.
pub struct RunningCommand {
    id: u32,
    command: String,
    ended: Receiver<std::io::Result<Output>>,
}

impl RunningCommand {
    pub fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, ended) = channel();
        let (id, command) = (child.id(), format!("{command:?}"));
        // Reads both outputs at once, so that a full pipe does not block the command.
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        Self { id, command, ended }
    }

    pub fn finish(self) -> CommandOutput {
        match self.ended.recv_timeout(COMMAND_TIME_MAX) {
            Ok(output) => CommandOutput::new(output.unwrap()),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                signal(self.id, "KILL");
                panic!("it did not end within {COMMAND_TIME_MAX:?}: {}", self.command);
            }
        }
    }
}

/// Fails if a program panicked or printed a backtrace.
pub fn assert_no_panic(stderr: &str) {
    for noise in ["panicked", "stack backtrace", "RUST_BACKTRACE"] {
        assert!(!stderr.contains(noise), "{stderr}");
    }
}

/// Sends a signal to a process.
fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.unwrap().success(), "cannot send {name} to {process}");
}

/// A running server. Dropping it checks that it shuts down gracefully and leaves a clean database.
pub struct TestServer {
    /// `None` once it was killed.
    child: Option<Child>,
    is_stopping: bool,
    dir: WorkDir,
    address: SocketAddr,
    token: String,
    log: Log,
}

impl TestServer {
    /// Starts a serving command and waits until it serves.
    pub fn start(dir: &WorkDir, token: &str, mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::of(&mut child);
        let address = eventually("the server serves", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status}:\n{}", log.text());
            }
            log.address()
        });
        Self { child: Some(child), is_stopping: false, dir: dir.clone(), address, token: token.to_owned(), log }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client with the administrator's token.
    pub fn client(&self) -> WireClient {
        WireClient::new(self.address, &self.token)
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Requests a shutdown with SIGTERM, as a service manager does, without waiting for it.
    pub fn terminate(&mut self) {
        self.is_stopping = true;
        signal(self.child.as_ref().unwrap().id(), "TERM");
    }

    /// The peak and the current resident memory in bytes; `None` where the system does not report them.
    pub fn memory(&self) -> Option<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.as_ref()?.id())).ok()?;
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        Some((kilobytes("VmHWM:")? * 1024, kilobytes("VmRSS:")? * 1024))
    }

    /// Limits the size of the files that it writes, in bytes or `unlimited`.
    pub fn limit_file_size(&self, bytes: &str) {
        let process = self.child.as_ref().unwrap().id().to_string();
        // The hard limit is kept, so that the soft one can be raised again.
        let limit = format!("--fsize={bytes}:");
        let limited = Command::new("prlimit").args(["--pid", &process, &limit]).status();
        assert!(limited.unwrap().success(), "cannot limit {process}");
    }

    /// The number of its threads; `None` where the system does not report it.
    pub fn threads(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.as_ref()?.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
    }

    /// Suspends the process with SIGSTOP until [`resume`](Self::resume).
    pub fn pause(&self) {
        signal(self.child.as_ref().unwrap().id(), "STOP");
    }

    /// Sends SIGHUP, which reloads the certificate.
    pub fn send_sighup(&self) {
        signal(self.child.as_ref().unwrap().id(), "HUP");
    }

    /// Continues the suspended process.
    pub fn resume(&self) {
        signal(self.child.as_ref().unwrap().id(), "CONT");
    }

    /// Ends the process with SIGKILL, without a shutdown.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for its exit.
    fn end(child: &mut Child) -> ExitStatus {
        eventually("the server ends", || child.try_wait().unwrap())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if std::thread::panicking() {
            let _ = child.kill();
            let _ = child.wait();
            eprintln!("the server's log:\n{}", self.log.text());
            return;
        }
        // A second SIGTERM would end it at once.
        if !self.is_stopping && child.try_wait().unwrap().is_none() {
            signal(child.id(), "TERM");
        }
        let status = Self::end(&mut child);
        let log = self.log.text();
        assert_eq!(status.code(), Some(0), "{log}");
        assert_no_panic(&log);
        let check = self.dir.muster(&["check"]);
        assert_eq!(check.code, Some(0), "{}{}\n{log}", check.stdout, check.stderr);
    }
}

/// The standard error of a server.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn of(child: &mut Child) -> Self {
        let log = Self::default();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let text = Arc::clone(&log.0);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut text = text.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        log
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// The address that it serves on, once it is logged.
    fn address(&self) -> Option<SocketAddr> {
        let text = self.text();
        let (_, behind) = text.split_once("serving http://").or_else(|| text.split_once("serving https://"))?;
        behind.split(|c: char| c == '/' || c.is_whitespace()).next()?.parse().ok()
    }
}

/// A file in `tests/fixtures`.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}
