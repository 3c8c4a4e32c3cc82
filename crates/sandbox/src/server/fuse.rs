//! Connections that can be reset in the middle of an exchange.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// How long to wait after a failed accept: the process may be out of descriptors for a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections that can be reset.
pub(super) struct FusedListener(pub(super) TcpListener);

/// A connection that can be reset.
pub(super) struct Fused {
    stream: TcpStream,
    is_cut: Arc<AtomicBool>,
}

/// Who is at the other end, and how to be rid of them.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    is_cut: Arc<AtomicBool>,
}

impl Peer {
    /// Resets the connection instead of what would be written next.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }
}

impl Listener for FusedListener {
    type Io = Fused;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Fused, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => return (Fused { stream, is_cut: Arc::default() }, address),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, FusedListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, FusedListener>) -> Self {
        Self { address: *stream.remote_addr(), is_cut: Arc::clone(&stream.io().is_cut) }
    }
}

impl Fused {
    /// A socket that does not linger answers with RST when it is closed.
    fn check(&self) -> io::Result<()> {
        if !self.is_cut.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Fused {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Fused {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Err(cut) = self.check() {
            return Poll::Ready(Err(cut));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Err(cut) = self.check() {
            return Poll::Ready(Err(cut));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
