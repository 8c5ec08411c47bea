//! Which server is attacked, and the connections to it.

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::support::{WireReply, read_reply};

/// The number of the target when nothing is attacked any more.
const STOPPED: usize = usize::MAX;

/// Longer than any limit of the server.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);

/// Which of two servers is attacked.
pub struct Target {
    addresses: [SocketAddr; 2],
    current: AtomicUsize,
    failed: AtomicBool,
    /// All connections of the attackers, which are closed when they turn to the other server: nothing that one server
    /// was asked may burden it when it is no longer attacked.
    open: Mutex<Vec<TcpStream>>,
}

impl Target {
    pub fn new(addresses: [SocketAddr; 2]) -> Self {
        Self { addresses, current: AtomicUsize::new(0), failed: AtomicBool::new(false), open: Mutex::default() }
    }

    /// The number of the server that is attacked; `None` once it is over.
    pub fn current(&self) -> Option<usize> {
        Some(self.current.load(Ordering::SeqCst)).filter(|target| *target != STOPPED)
    }

    pub fn turn_to(&self, target: usize) {
        self.current.store(target, Ordering::SeqCst);
        for stream in self.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn stop(&self) {
        self.turn_to(STOPPED);
    }

    /// An attacker found a wrong answer, and the run ends.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }

    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to this server while it is the one that is attacked.
    pub fn connect(&self, target: usize) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(self.addresses[target])?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        let mut open = self.lock();
        if self.current() != Some(target) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        open.push(stream.try_clone()?);
        Ok(BufReader::new(stream))
    }
}

/// The bytes of a request.
pub fn request(method: &str, path: &str, token: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// One client of the attacked server, with a connection that is kept.
pub struct AttackClient<'a> {
    target: &'a Target,
    connection: Option<(usize, BufReader<TcpStream>)>,
}

impl<'a> AttackClient<'a> {
    pub fn new(target: &'a Target) -> Self {
        Self { target, connection: None }
    }

    /// Sends a request to this server. An error means that the attackers have turned away meanwhile.
    pub fn send(&mut self, target: usize, request: &[u8]) -> io::Result<WireReply> {
        let mut connection = match self.connection.take() {
            Some((of, connection)) if of == target => connection,
            _ => self.target.connect(target)?,
        };
        connection.get_mut().write_all(request)?;
        let reply = read_reply(&mut connection)?;
        if reply.header("connection") != Some("close") {
            self.connection = Some((target, connection));
        }
        Ok(reply)
    }
}
