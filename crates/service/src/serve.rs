//! Answering a socket until told to stop.
//!
//! axum's own loop sets no limit on slow heads, on connections or on draining; this one does.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::future::{join, join_all};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tower::Service as _;
use tracing::{debug, info, warn};
use tradai_platform::settings::sections::AuthSettings;

use crate::connections::{ConnectionPlace, Connections};
use crate::service::App;
use crate::shutdown::Shutdown;

/// What a client is told that there is no room for.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
/// How long who is let into a place that is kept for probes may take to ask.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);
/// About the longest head of a request, and the most that a connection buffers.
const BUFFER_BYTES: usize = 64 * 1024;

/// Why a service does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Everybody could call it, from outside.
    #[error(
        "{0} is reachable from outside and nobody is asked who they are; set API_KEYS or AUTH_JWKS_URL, or listen on loopback"
    )]
    OpenToOutside(SocketAddr),
    /// The address of figures cannot be had.
    #[error("/metrics cannot be served at {0}")]
    Figures(SocketAddr, #[source] io::Error),
    /// The socket is not usable.
    #[error("the listening socket failed")]
    Socket(#[from] io::Error),
}

/// Serves until `shutdown`, then lets running requests end within the service's drain time. Figures that have an address
/// of their own are served there meanwhile.
///
/// # Errors
/// [`ServeError::OpenToOutside`] before anything is answered, if the address is not loopback and nobody is asked
/// who they are; [`ServeError::Figures`].
pub async fn serve(listener: TcpListener, app: App, shutdown: Shutdown) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() && app.auth == AuthSettings::Open {
        return Err(ServeError::OpenToOutside(address));
    }
    if app.auth == AuthSettings::Open {
        info!(%address, "open to everybody on this machine: neither API_KEYS nor AUTH_JWKS_URL is set");
    }
    let figures = figures(&app).await?;
    info!(%address, "{} listens on http://{address}", app.name);
    let drain = app.limits.drain;
    let scrapes = async {
        match &figures {
            Some((listener, app)) => accept_all(listener, app, &shutdown).await,
            None => JoinSet::new(),
        }
    };
    let (connections, scrapes) = join(accept_all(&listener, &app, &shutdown), scrapes).await;
    drop((listener, figures));
    let stopping = join_all(app.on_stop.iter().map(|stop| stop()));
    let ended = join(drain_connections(connections, drain), drain_connections(scrapes, drain));
    let (_, stopped) = join(ended, timeout(drain, stopping)).await;
    if stopped.is_err() {
        warn!("what runs in the background did not end within {drain:?}; it is cut off");
    }
    info!("stopped");
    Ok(())
}

/// Listens where figures are served apart, if they are; what answers there is this service without the rest.
async fn figures(app: &App) -> Result<Option<(TcpListener, App)>, ServeError> {
    let Some((address, router)) = &app.figures else { return Ok(None) };
    let failed = |error| ServeError::Figures(*address, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    info!(%address, "figures of {} are at http://{address}/metrics", app.name);
    Ok(Some((listener, App { router: router.clone(), ..app.clone() })))
}

/// Accepts connections until told to stop. One too many is told so: waiting with those that send nothing, probes would
/// not be heard.
async fn accept_all(listener: &TcpListener, app: &App, shutdown: &Shutdown) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let places = Connections::new(&app.limits);
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, peer) = tokio::select! {
            biased;
            () = shutdown.stopping() => break,
            accepted = accept(listener) => accepted,
        };
        match places.place(peer.ip()) {
            Some(place) => drop(connections.spawn(connection(stream, peer, place, app, shutdown.clone()))),
            None => refuse(&stream, peer),
        }
    }
    connections
}

/// Tells a client that there is no room. What of it does not fit into the socket's empty buffer is not waited for.
fn refuse(stream: &TcpStream, peer: SocketAddr) {
    debug!(%peer, "{peer} is refused: as many connections are open as may");
    drop(stream.try_write(NO_ROOM));
}

/// Waits for a connection. Cancel safe.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The peer is gone already, or files have run out: neither is a reason to stop.
            Err(error) => {
                warn!(%error, "a connection was not accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Answers one connection, which holds its place until it ends.
fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    place: ConnectionPlace,
    app: &App,
    shutdown: Shutdown,
) -> impl Future<Output = ()> + Send + 'static {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "replies may be late: {error}");
    }
    let router = app.router.clone();
    let has_asked = Arc::new(AtomicBool::new(false));
    let asked = has_asked.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    // A client that does not read its reply, or its WebSocket, is let go.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(app.limits.request_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.limits.head_timeout)
        .max_buf_size(BUFFER_BYTES)
        // A client may close its side once it has asked; it still gets its answer.
        .half_close(true)
        .keep_alive(!place.is_kept)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    let first_head = app.limits.first_head_timeout;
    let first_head = if place.is_kept { first_head.min(PROBE_PATIENCE) } else { first_head };
    let idle = async move {
        tokio::time::sleep(first_head).await;
        if has_asked.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    };
    async move {
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // Who connects without asking for anything takes up room.
            () = idle => return,
            () = shutdown.stopping() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "a connection ended early: {error}");
        }
        drop(place);
    }
}

/// Lets connections end by themselves, then ends them.
async fn drain_connections(mut connections: JoinSet<()>, drain: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(drain, all).await.is_err() {
        warn!(open = connections.len(), "cut off connections that did not end in {drain:?}");
    }
    connections.shutdown().await;
}
