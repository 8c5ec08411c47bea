//! A minimal HTTP client over a socket, for tests of the server from outside.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long to wait for a response. Longer than any limit of the server, so that the server's limit applies first.
const RESPONSE_TIME_MAX: Duration = Duration::from_mins(1);

/// A server may have closed a connection that was idle for this long.
const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(5);

/// One client with one connection that is kept alive.
pub struct WireClient {
    address: SocketAddr,
    token: String,
    /// The address that it connects from; `None` leaves that to the system.
    from: Option<IpAddr>,
    connection: Option<(Instant, BufReader<TcpStream>)>,
}

/// A response.
#[derive(Clone, Debug)]
pub struct WireReply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl WireReply {
    /// The value of a header; the name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Returns itself if it has this status; fails the test otherwise.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl WireClient {
    pub fn new(address: SocketAddr, token: &str) -> Self {
        Self { address, token: token.to_owned(), from: None, connection: None }
    }

    /// The same from another address of this machine: all of 127.0.0.0/8 are.
    pub fn at_address(self, address: IpAddr) -> Self {
        Self { from: Some(address), ..self }
    }

    /// A client of the same server with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self::new(self.address, token)
    }

    /// The body of a successful `GET`.
    pub fn get(&mut self, path: &str) -> Value {
        self.send("GET", path, "").expect(200).json()
    }

    /// The body of a successful `POST` of JSON.
    pub fn post(&mut self, path: &str, body: &Value) -> Value {
        let reply = self.send("POST", path, body.to_string());
        assert!(matches!(reply.status, 200..=201), "{} {}", reply.status, reply.text());
        reply.json()
    }

    /// Sends a request that must get a response.
    pub fn send(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> WireReply {
        self.try_send(method, path, &[], body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends a request with further headers; an error means that no complete response arrived.
    pub fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> io::Result<WireReply> {
        let mut connection = match self.connection.take() {
            Some((used, connection)) if used.elapsed() < CONNECTION_IDLE_MAX => connection,
            _ => self.connect()?,
        };
        let request = self.request(method, path, headers, body.as_ref());
        connection.get_mut().write_all(&request)?;
        let reply = read_reply(&mut connection)?;
        if reply.header("connection") != Some("close") {
            self.connection = Some((Instant::now(), connection));
        }
        Ok(reply)
    }

    /// Opens a connection to the server, for requests that are sent in parts.
    pub fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = match self.from {
            None => TcpStream::connect(self.address)?,
            Some(from) => connect_from(from, self.address)?,
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(RESPONSE_TIME_MAX))?;
        Ok(BufReader::new(stream))
    }

    /// The bytes of a request.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        // Without a token it is a browser, or nobody.
        if !self.token.is_empty() {
            let _ = write!(head, "Authorization: Bearer {}\r\n", self.token);
        }
        if headers.iter().all(|(name, _)| *name != "Content-Type") {
            head.push_str("Content-Type: application/json\r\n");
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }
}

/// Connects from an address, which the standard library cannot.
fn connect_from(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Reads one response.
pub fn read_reply(input: &mut impl BufRead) -> io::Result<WireReply> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "no answer in HTTP");
    let line = read_line(input)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(input)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut reply = WireReply { status, headers, body: Vec::new() };
    if reply.header("transfer-encoding") == Some("chunked") {
        loop {
            let len = usize::from_str_radix(&read_line(input)?, 16).map_err(|_| malformed())?;
            let begin = reply.body.len();
            reply.body.resize(begin + len, 0);
            input.read_exact(&mut reply.body[begin..])?;
            read_line(input)?;
            if len == 0 {
                return Ok(reply);
            }
        }
    }
    let len = reply.header("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    reply.body.resize(len, 0);
    input.read_exact(&mut reply.body)?;
    Ok(reply)
}

fn read_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
