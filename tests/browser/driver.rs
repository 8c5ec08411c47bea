//! Chromium and chromedriver as child processes: finding, starting and ending them with all their own children.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::{installed, skip};

/// The program names of the browser on Debian and on other distributions.
const BROWSERS: [&str; 2] = ["chromium", "chromium-browser"];

const DRIVER: &str = "chromedriver";

/// Limits the browsers that run at once: each takes most of a core, and the memory of several processes.
static BROWSER_PERMITS: Semaphore = Semaphore::const_new(2);

/// How long the driver may take to listen. Generous, since it only matters when a test fails.
const START_TIME_MAX: Duration = Duration::from_secs(20);

/// How long the driver may take to end its browser before it is killed.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// Flags that keep Chromium from contacting other machines and from doing work that no test needs. The sandbox is off
/// because tests may run as root in a container and open only Muster's pages.
const ARGUMENTS: [&str; 13] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--lang=en-US",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/// A running browser; dropping it ends the process, also when the test has failed.
pub struct Browser {
    pub client: Client,
    driver: Child,
    port: u16,
    _home: TempDir,
    _permit: SemaphorePermit<'static>,
}

impl Browser {
    /// Starts a browser; `None` on a machine that has none and where the test may be skipped.
    pub async fn start(width: u32, height: u32) -> Option<Self> {
        let chromium = BROWSERS.iter().find_map(|name| installed(name));
        let (Some(chromium), Some(driver)) = (chromium, installed(DRIVER)) else {
            skip("the tests in a browser", "apt-get install chromium chromium-driver");
            return None;
        };
        let permit = BROWSER_PERMITS.acquire().await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let (mut driver, port) = start_driver(&driver, home.path());
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&chromium, width, height))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("the browser does not start: {error}"));
        let driver = driver.0.take().unwrap();
        Some(Self { client, driver, port, _home: home, _permit: permit })
    }

    /// Sends a command of Chromium that is not part of the `WebDriver` standard.
    pub async fn command(&self, path: &str, body: Value) -> Value {
        let session = self.client.session_id().await.unwrap().unwrap();
        let url = format!("http://127.0.0.1:{}/session/{session}/{path}", self.port);
        let driver = reqwest::Client::builder().no_proxy().build().unwrap();
        let reply: Value = driver.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        reply["value"].clone()
    }
}

/// A driver whose browser is not yet started; dropping it ends the driver, so that a failing test leaves none behind.
struct StartingDriver(Option<Child>);

impl Drop for StartingDriver {
    fn drop(&mut self) {
        if let Some(driver) = &mut self.0 {
            let _ = driver.kill();
            let _ = driver.wait();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Only the driver has the list of the browser's processes.
        shut_down(self.port);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Requests the driver to end its browser and itself, and waits until it has.
fn shut_down(port: u16) {
    let Ok(mut connection) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
    let _ = connection.set_read_timeout(Some(SHUTDOWN_TIME_MAX));
    let _ = write!(connection, "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let _ = connection.read_to_end(&mut Vec::new());
}

/// Starts the driver on a port that it chooses.
fn start_driver(program: &Path, home: &Path) -> (StartingDriver, u16) {
    let mut driver = Command::new(program)
        .args(["--port=0", "--log-level=SEVERE"])
        // Chromium's profile is stored there and removed with the folder.
        .env("HOME", home)
        .env("TMPDIR", home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (sender, port) = channel();
    // Reads to the end, so that the driver is never blocked by a full pipe.
    std::thread::spawn(move || {
        for line in lines {
            if let Some((_, number)) = line.split_once("started successfully on port ") {
                let _ = sender.send(number.trim_end_matches('.').parse().unwrap());
            }
        }
    });
    let driver = StartingDriver(Some(driver));
    let port = port.recv_timeout(START_TIME_MAX).expect("the driver says where it listens");
    (driver, port)
}

fn capabilities(chromium: &Path, width: u32, height: u32) -> Capabilities {
    let size = format!("--window-size={width},{height}");
    let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([&*size]).collect();
    let wanted = json!({
        "browserName": "chrome",
        // The certificates of the tests are self-signed.
        "acceptInsecureCerts": true,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        "goog:chromeOptions": {
            "binary": chromium,
            "args": arguments,
            "perfLoggingPrefs": {"enableNetwork": true, "enablePage": false},
        },
    });
    let Value::Object(capabilities) = wanted else { unreachable!("it is written as an object") };
    capabilities
}
