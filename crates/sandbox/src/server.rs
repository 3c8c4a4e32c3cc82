//! The sandbox on a socket: HTTP in front of the exchange, and the faults that are of the wire.

mod fuse;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts, Request as HttpRequest, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

use crate::admin;
use crate::api::{Reply, Request};
use crate::error::Error;
use crate::exchange::Exchange;
use crate::faults::{Shot, Spoiled};
use crate::ws::{self, Endpoint};
use fuse::{FusedListener, Peer};

/// Bytes of a request's body.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// How long a silence lasts; then the connection is reset. Longer than any client waits.
const SILENCE: Duration = Duration::from_secs(600);
/// How often an exchange whose time passes by itself catches up with it, asked or not.
const CATCH_UP_EVERY: Duration = Duration::from_millis(20);

/// A sandbox exchange. Clones are the same one.
#[derive(Clone)]
pub struct Sandbox {
    exchange: Arc<Mutex<Exchange>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self { exchange: Arc::new(Mutex::new(exchange)) }
    }

    /// A panic while it was held left no half-done change that another request could make worse than a dead sandbox.
    pub(crate) fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the exchange's time, in milliseconds since the epoch.
    #[must_use]
    pub fn now(&self) -> tradai_domain::Millis {
        self.exchange().catch_up()
    }

    /// Serves on a socket until `shutdown` completes. The admin endpoints answer peers on loopback alone, whatever
    /// the socket is bound to.
    ///
    /// # Errors
    /// [`Error::Io`] when the socket fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        let ticker = tokio::spawn(tick(self.clone()));
        let app = Router::new().fallback(handle).with_state(self.clone());
        let app = app.into_make_service_with_connect_info::<Peer>();
        let served = axum::serve(FusedListener(listener), app).with_graceful_shutdown(shutdown).await;
        ticker.abort();
        served.map_err(|source| Error::Io { what: "the sandbox's socket failed".to_owned(), source })
    }
}

/// Keeps the exchange up with its clock, so that a fast one never has much to catch up with.
async fn tick(sandbox: Sandbox) {
    let mut every = tokio::time::interval(CATCH_UP_EVERY);
    loop {
        every.tick().await;
        sandbox.exchange().catch_up();
    }
}

/// Opens a socket, unless a fault has another answer to the request for one.
async fn open(sandbox: Sandbox, peer: &Peer, endpoint: Endpoint, http: HttpRequest) -> Response {
    let (mut parts, _) = http.into_parts();
    let path = parts.uri.path().to_owned();
    let request = Request { method: "GET".to_owned(), path, ..Request::default() };
    let shot = sandbox.exchange().draw(&request);
    pause(shot.delay_before).await;
    if let Some(spoiled) = &shot.instead {
        return spoil(spoiled, None, peer).await;
    }
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade.max_message_size(ws::MAX_MESSAGE_BYTES),
        Err(refused) => return refused.into_response(),
    };
    let speaker = ws::speaker(&endpoint, &mut sandbox.exchange());
    upgrade.on_upgrade(move |socket| ws::talk(sandbox, speaker, socket))
}

async fn handle(
    State(sandbox): State<Sandbox>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    http: HttpRequest,
) -> Response {
    let host = http.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if let Some(endpoint) = Endpoint::parse(host, http.uri().path(), http.uri().query().unwrap_or_default()) {
        return open(sandbox, &peer, endpoint, http).await;
    }
    let request = match read(http).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    if request.path.starts_with(admin::PREFIX) {
        return wire::reply(&admin_answer(&sandbox, peer.address, &request));
    }
    let shot = sandbox.exchange().draw(&request);
    if let Some(spoiled) = &shot.instead {
        pause(shot.delay_before).await;
        return spoil(spoiled, None, &peer).await;
    }
    let path = request.path.clone();
    let Ok(reply) = tokio::spawn(carry_out(sandbox, request, shot.clone())).await else {
        return wire::plain(500, "");
    };
    pause(shot.delay_after).await;
    match &shot.after {
        None => wire::reply(&reply),
        Some(Spoiled::Unknown) => wire::reply(&Exchange::unknown_state(&path)),
        Some(spoiled) => spoil(spoiled, Some(&reply), &peer).await,
    }
}

/// Carries a request out, late when it is delayed. A task of its own: a client that gives up and leaves does not
/// take back what it sent.
async fn carry_out(sandbox: Sandbox, request: Request, shot: Shot) -> Reply {
    pause(shot.delay_before).await;
    sandbox.exchange().answer(&request, &shot)
}

async fn spoil(spoiled: &Spoiled, reply: Option<&Reply>, peer: &Peer) -> Response {
    if *spoiled == Spoiled::Silence {
        tokio::time::sleep(SILENCE).await;
    }
    wire::spoiled(spoiled, reply, peer)
}

async fn pause(millis: u64) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

fn admin_answer(sandbox: &Sandbox, from: SocketAddr, request: &Request) -> Reply {
    if !from.ip().to_canonical().is_loopback() {
        let body = serde_json::json!({"error": "only from this machine"});
        return Reply { status: 403, headers: Vec::new(), body };
    }
    admin::answer(&mut sandbox.exchange(), request)
}

/// Reads a request whole, within bounds.
async fn read(http: HttpRequest) -> Result<Request, Response> {
    let (parts, body) = http.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return Err(wire::plain(413, "request too large"));
    };
    let Ok(body) = String::from_utf8(body.to_vec()) else {
        return Err(wire::plain(400, "the body must be UTF-8"));
    };
    let api_key = parts.headers.get("X-MBX-APIKEY").and_then(|key| key.to_str().ok());
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
        api_key: api_key.map(str::to_owned),
    })
}
