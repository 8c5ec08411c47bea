//! nginx as a child process on free ports, with `docs/deploy/nginx.conf` and a self-signed certificate.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{eventually, tool};

const EXAMPLE: &str = "docs/deploy/nginx.conf";

const WHAT: &str = "the tests behind nginx";

/// The address at which Muster listens in the example.
const UPSTREAM: &str = "127.0.0.1:8383";

/// One of the two server blocks of the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerBlock {
    /// A: Muster alone on a host.
    OwnHost,
    /// B: Muster below `/muster` of a shared host.
    SharedHost,
}

impl ServerBlock {
    /// The host name that replaces the one of the example; both resolve to this machine.
    fn name(self) -> &'static str {
        match self {
            Self::OwnHost => "127.0.0.1",
            Self::SharedHost => "localhost",
        }
    }

    pub fn base_path(self) -> &'static str {
        match self {
            Self::OwnHost => "",
            Self::SharedHost => "/muster",
        }
    }
}

/// nginx with its files in a temporary folder; dropping it ends the process.
pub struct Nginx {
    program: PathBuf,
    home: TempDir,
    port: u16,
    plain_port: u16,
    child: Option<Child>,
}

impl Nginx {
    /// Chooses two free ports and makes a certificate; `None` where nginx or openssl is missing and the test may be skipped.
    pub fn prepare() -> Option<Self> {
        let program = tool("nginx", WHAT, "apt-get install nginx-light")?;
        let openssl = tool("openssl", WHAT, "apt-get install openssl")?;
        let home = tempfile::tempdir().unwrap();
        make_certificate(&openssl, home.path());
        let free = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [port, plain_port] = free.map(|listener| listener.local_addr().unwrap().port());
        Some(Self { program, home, port, plain_port, child: None })
    }

    /// Starts nginx in front of a server.
    pub fn start(mut self, upstream: SocketAddr) -> Self {
        self.configure(upstream);
        let log = std::fs::File::create(self.home.path().join("stderr")).unwrap();
        let child = self.command(&[]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.child = Some(child);
        eventually("nginx listens", || {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("nginx ended with {status}: {}", self.log());
            }
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()
        });
        self
    }

    /// Checks the example with `nginx -t`.
    pub fn check(&self) -> Output {
        self.configure(UPSTREAM.parse().unwrap());
        self.command(&["-t"]).output().unwrap()
    }

    /// The public URL of Muster in this server block.
    pub fn root(&self, block: ServerBlock) -> String {
        format!("{}{}", self.origin(block), block.base_path())
    }

    pub fn origin(&self, block: ServerBlock) -> String {
        format!("https://{}:{}", block.name(), self.port)
    }

    /// The origin of plain HTTP.
    pub fn plain_origin(&self, block: ServerBlock) -> String {
        format!("http://{}:{}", block.name(), self.plain_port)
    }

    fn command(&self, more: &[&str]) -> Command {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command.arg("-p").arg(home).arg("-c").arg(home.join("nginx.conf")).arg("-e").arg(home.join("error.log"));
        command.args(more);
        command
    }

    /// Writes the example with this machine's names, ports and paths, and a main configuration that includes it.
    fn configure(&self, upstream: SocketAddr) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE);
        let mut text = String::new();
        for line in std::fs::read_to_string(path).unwrap().lines().filter(|line| !line.contains("listen [::]")) {
            writeln!(text, "{line}").unwrap();
        }
        let changes = [
            (UPSTREAM, upstream.to_string()),
            ("listen 80;", format!("listen 127.0.0.1:{};", self.plain_port)),
            ("listen 443 ", format!("listen 127.0.0.1:{} ", self.port)),
            ("server_name muster.example;", format!("server_name {};", ServerBlock::OwnHost.name())),
            ("server_name intranet.example;", format!("server_name {};", ServerBlock::SharedHost.name())),
            ("/etc/ssl/muster/muster.example.", format!("{}/own.", self.home.path().display())),
            ("/etc/ssl/muster/intranet.example.", format!("{}/own.", self.home.path().display())),
        ];
        for (from, to) in changes {
            assert!(text.contains(from), "{EXAMPLE} has no {from}");
            text = text.replace(from, &to);
        }
        let home = self.home.path();
        std::fs::write(home.join("muster.conf"), text).unwrap();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = kinds.map(|kind| format!("{kind}_temp_path {kind};")).join(" ");
        // The workers write into this folder, which only its owner may enter.
        let user = if is_root() { "user root;" } else { "" };
        let main = format!(
            "daemon off; worker_processes 1; pid nginx.pid; {user}\nevents {{}}\n\
             http {{ access_log off; {temporary} include {}/muster.conf; }}\n",
            home.display()
        );
        std::fs::write(home.join("nginx.conf"), main).unwrap();
    }

    fn log(&self) -> String {
        ["stderr", "error.log"]
            .map(|name| std::fs::read_to_string(self.home.path().join(name)).unwrap_or_default())
            .concat()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // SIGTERM also ends the workers, SIGKILL only the main process.
        let signalled = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        if !signalled.is_ok_and(|status| status.success()) {
            let _ = child.kill();
        }
        let _ = child.wait();
        if std::thread::panicking() {
            eprintln!("nginx says:\n{}", self.log());
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

/// Makes a self-signed certificate for both host names.
fn make_certificate(openssl: &Path, home: &Path) {
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .arg("-keyout")
        .arg(home.join("own.key"))
        .arg("-out")
        .arg(home.join("own.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
