//! The other side of a health check: what compose runs inside the container, without an HTTP client.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Most of a reply that is read.
const REPLY_BYTES: u64 = 64 * 1024;

/// Asks the service at `address` for `path`; `Ok` if it answers 200. A service that listens on every address is
/// asked on loopback.
///
/// # Errors
/// When it cannot be reached, is slower than `patience` in any step, or answers something else.
pub fn healthcheck(address: SocketAddr, path: &str, patience: Duration) -> Result<()> {
    let address = reachable(address);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut reply = Vec::new();
    stream.take(REPLY_BYTES).read_to_end(&mut reply)?;
    let reply = String::from_utf8_lossy(&reply);
    let status = reply.lines().next().unwrap_or_default();
    if status.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Err(Error::new(ErrorKind::InvalidData, format!("{address}{path} answered {status:?} {body}")))
}

fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
