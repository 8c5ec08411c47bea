//! The servers that Muster is compared with, each as a child process: `benches/peers/`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::axum_peer;

/// Longest time for a peer to start; Varnish compiles its configuration with a C compiler.
const START_TIME_MAX: Duration = Duration::from_mins(1);

/// A running peer; dropping it ends the process.
pub(crate) struct Peer {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// Why a peer could not be started, and how to install it.
pub(crate) struct Missing(pub(crate) &'static str);

/// The bare axum handler, which answers with the bytes of a file.
pub(crate) fn axum(body: &Path) -> Peer {
    let program = std::env::current_exe().unwrap();
    Peer::start(Command::new(program).arg(axum_peer::ARGUMENT).arg(body))
}

/// Express with a Map, installed from its lock file into `dir`.
pub(crate) fn express(body: &Path, dir: &Path) -> Result<Peer, Missing> {
    const ADVICE: Missing = Missing("needs node and npm: apt-get install nodejs npm");
    let dir = dir.join("express");
    fs::create_dir_all(&dir).unwrap();
    for file in ["package.json", "package-lock.json", "server.js"] {
        fs::copy(source("express").join(file), dir.join(file)).unwrap();
    }
    let install = ["ci", "--omit=dev", "--no-audit", "--no-fund", "--silent"];
    match Command::new("npm").args(install).current_dir(&dir).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(_) => return Err(Missing("npm could not install express")),
        Err(_) => return Err(ADVICE),
    }
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Err(ADVICE);
    }
    let mut node = Command::new("node");
    // Production mode, without the work that Express does for developers only.
    node.env("NODE_ENV", "production").current_dir(&dir).arg("server.js").arg(body);
    Ok(Peer::start(&mut node))
}

/// Varnish in front of another peer, with everything in memory.
pub(crate) fn varnish(backend: SocketAddr, dir: &Path) -> Result<Peer, Missing> {
    let dir = dir.join("varnish");
    fs::create_dir_all(&dir).unwrap();
    let configuration = fs::read_to_string(source("varnish.vcl")).unwrap();
    let file = dir.join("peer.vcl");
    fs::write(&file, configuration.replace("PORT", &backend.port().to_string())).unwrap();
    // varnishd cannot report a port that it chose, so it gets one that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
    let log = fs::File::create(dir.join("log")).unwrap();
    let child = Command::new("varnishd")
        .args(["-F", "-j", "none", "-a", &address.to_string(), "-s", "malloc,64m"])
        .arg("-n")
        .arg(dir.join("work"))
        .arg("-f")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    let Ok(child) = child else { return Err(Missing("needs varnishd: apt-get install varnish")) };
    let mut peer = Peer { child, address };
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        let ended = peer.child.try_wait().unwrap().is_some();
        if ended || begun.elapsed() > START_TIME_MAX {
            eprintln!("{}", fs::read_to_string(dir.join("log")).unwrap_or_default());
            return Err(Missing("varnishd did not start; what it said is above"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(peer)
}

impl Peer {
    /// Starts a peer that prints its address.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        // A peer that did not start has written the reason to standard error.
        let address = line.trim().strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, address }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // On SIGTERM, unlike on SIGKILL, Varnish also ends its worker process.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name)
}
