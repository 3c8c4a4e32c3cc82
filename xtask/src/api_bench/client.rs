//! A client that is no more than enough: requests over kept connections, all of them from one thread, and WebSockets
//! that stay open.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mio::{Events, Interest, Poll, Token};

/// How long a server may take to answer anything.
const PATIENCE: Duration = Duration::from_secs(60);

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
    let (_, reply) = ask(port, request)?;
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    if reply.status >= 400 {
        bail!("answered {}: {body}", reply.status);
    }
    Ok(body)
}

/// Opens WebSockets and leaves them open.
pub(super) fn open_sockets(port: u16, path: &str, count: usize) -> anyhow::Result<Vec<TcpStream>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let open = |_| -> anyhow::Result<TcpStream> {
        let (stream, reply) = ask(port, &request)?;
        if reply.status != 101 {
            let body = String::from_utf8_lossy(&reply.body);
            bail!("no WebSocket at {path}: {} {body}", reply.status);
        }
        Ok(stream)
    };
    (0..count).map(open).collect()
}

/// Sends a request over a connection of its own, and waits.
fn ask(port: u16, request: &str) -> anyhow::Result<(TcpStream, Reply)> {
    let mut stream = TcpStream::connect(address(port)).context("cannot connect")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut received = Vec::new();
    loop {
        if let Some(reply) = Reply::take(&mut received)? {
            return Ok((stream, reply));
        }
        if read_some(&mut stream, &mut received)? == 0 {
            bail!("the server ended the connection");
        }
    }
}

/// Sends `count` requests over `connections`, each connection one after the other. One thread asks them all, so that a
/// server under load finds several requests at once, as it does where clients are many; and it never sleeps, or the
/// server would pay for waking it, which no client on another machine makes it do.
pub(super) fn load(
    port: u16,
    request: &str,
    connections: usize,
    count: usize,
    expected: u16,
) -> anyhow::Result<Samples> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(connections);
    let mut clients = Vec::with_capacity(connections);
    for index in 0..connections {
        let mut client = Client::connect(port)?;
        poll.registry().register(&mut client.stream, Token(index), Interest::READABLE)?;
        client.send(request)?;
        clients.push(client);
    }
    let (mut samples, mut sent, mut answered) = (Vec::with_capacity(count), connections, Instant::now());
    while samples.len() < count {
        poll.poll(&mut events, Some(Duration::ZERO))?;
        if events.is_empty() && answered.elapsed() > PATIENCE {
            bail!("no answer in {PATIENCE:?}");
        }
        for event in &events {
            let client = clients.get_mut(event.token().0).context("no such connection")?;
            let Some(taken) = client.receive(expected)? else { continue };
            samples.push(taken);
            answered = Instant::now();
            if sent < count {
                client.send(request)?;
                sent += 1;
            }
        }
    }
    Ok(Samples(samples))
}

/// A connection that does not wait.
struct Client {
    stream: mio::net::TcpStream,
    sent: Instant,
    received: Vec<u8>,
}

impl Client {
    fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address(port)).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let stream = mio::net::TcpStream::from_std(stream);
        Ok(Self { stream, sent: Instant::now(), received: Vec::new() })
    }

    /// Sends a request; the socket has room for one, as the reply to the last has been read.
    fn send(&mut self, request: &str) -> anyhow::Result<()> {
        self.sent = Instant::now();
        self.stream.write_all(request.as_bytes()).context("a request was not sent")
    }

    /// Reads what is there, and returns how long the reply took if that was all of it.
    fn receive(&mut self, expected: u16) -> anyhow::Result<Option<Duration>> {
        loop {
            match read_some(&mut self.stream, &mut self.received) {
                Ok(0) => bail!("the server ended the connection"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let Some(reply) = Reply::take(&mut self.received)? else { return Ok(None) };
        if reply.status != expected {
            let body = String::from_utf8_lossy(&reply.body);
            bail!("answered {} in place of {expected}: {body}", reply.status);
        }
        Ok(Some(self.sent.elapsed()))
    }
}

/// A reply with a length.
struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Reply {
    /// Takes a reply off what was received, once it is whole.
    fn take(received: &mut Vec<u8>) -> anyhow::Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
        let start = end + 4;
        let head = String::from_utf8_lossy(&received[..start]).to_ascii_lowercase();
        let status: u16 =
            head.split(' ').nth(1).and_then(|text| text.parse().ok()).context("no HTTP reply")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = match length {
            Some(text) => text.trim().parse().context("no content length")?,
            None if status == 101 => 0,
            None => bail!("a reply without content-length: {head}"),
        };
        if received.len() < start + length {
            return Ok(None);
        }
        let body = received[start..start + length].to_vec();
        received.drain(..start + length);
        Ok(Some(Self { status, body }))
    }
}

fn read_some(stream: &mut impl Read, received: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut bytes = [0; 16 * 1024];
    let read = stream.read(&mut bytes)?;
    received.extend_from_slice(&bytes[..read]);
    Ok(read)
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
