//! A client that is no more than enough: requests over kept connections, and WebSockets that stay open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long each request took.
pub(super) struct Samples(Vec<Duration>);

impl Samples {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many percent of the requests did not exceed.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    }
}

pub(super) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

pub(super) fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Sends a request and returns the body of its reply.
pub(super) fn ask_once(port: u16, request: &str) -> anyhow::Result<String> {
    let mut connection = Connection::open(port)?;
    let status = connection.ask(request)?;
    let body = String::from_utf8_lossy(&connection.reply).into_owned();
    if status >= 400 {
        bail!("answered {status}: {body}");
    }
    Ok(body)
}

/// Sends `count` requests over `connections`, each connection one after the other.
pub(super) fn load(
    port: u16,
    request: &str,
    connections: usize,
    count: usize,
    expected: u16,
) -> anyhow::Result<Samples> {
    let each = count.div_ceil(connections);
    let ask = || -> anyhow::Result<Vec<Duration>> {
        let mut connection = Connection::open(port)?;
        let mut samples = Vec::with_capacity(each);
        for _ in 0..each {
            let started = Instant::now();
            let status = connection.ask(request)?;
            samples.push(started.elapsed());
            if status != expected {
                bail!(
                    "answered {status} in place of {expected}: {}",
                    String::from_utf8_lossy(&connection.reply)
                );
            }
        }
        Ok(samples)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(ask)).collect();
        let mut all = Vec::with_capacity(count);
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow::anyhow!("a client ended early"))??);
        }
        Ok(Samples(all))
    })
}

/// Opens WebSockets and leaves them open.
pub(super) fn open_sockets(port: u16, path: &str, count: usize) -> anyhow::Result<Vec<TcpStream>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let open = |_| -> anyhow::Result<TcpStream> {
        let mut connection = Connection::open(port)?;
        let status = connection.ask(&request)?;
        if status != 101 {
            bail!("no WebSocket at {path}: {status} {}", String::from_utf8_lossy(&connection.reply));
        }
        Ok(connection.stream)
    };
    (0..count).map(open).collect()
}

struct Connection {
    stream: TcpStream,
    /// What was received and not used.
    rest: Vec<u8>,
    /// The body of the last reply.
    reply: Vec<u8>,
}

impl Connection {
    fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, rest: Vec::new(), reply: Vec::new() })
    }

    /// Sends a request, reads the whole reply, and returns its status.
    fn ask(&mut self, request: &str) -> anyhow::Result<u16> {
        self.stream.write_all(request.as_bytes())?;
        let head_end = loop {
            if let Some(at) = self.rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.receive()?;
        };
        let head = String::from_utf8_lossy(&self.rest[..head_end]).to_ascii_lowercase();
        let status: u16 =
            head.split(' ').nth(1).and_then(|text| text.parse().ok()).context("no HTTP reply")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = match length {
            Some(text) => text.trim().parse().context("no content length")?,
            None if status == 101 => 0,
            None => bail!("a reply without content-length: {head}"),
        };
        while self.rest.len() < head_end + length {
            self.receive()?;
        }
        self.reply = self.rest[head_end..head_end + length].to_vec();
        self.rest.drain(..head_end + length);
        Ok(status)
    }

    fn receive(&mut self) -> anyhow::Result<()> {
        let mut bytes = [0; 16 * 1024];
        let read = self.stream.read(&mut bytes)?;
        if read == 0 {
            bail!("the server ended the connection");
        }
        self.rest.extend_from_slice(&bytes[..read]);
        Ok(())
    }
}
