//! What every service answers about callers.

use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::AppendHeaders;
use serde::{Deserialize, Serialize};
use tradai_domain::Millis;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::{Caller, Proof};
use super::door::Door;
use crate::extract::Json;
use crate::problem::{Code, Problem};

/// Routes for callers who passed the door.
pub(crate) fn protected_routes(door: &Arc<Door>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(me)).routes(routes!(issue_ticket)).layer(Extension(door.clone()))
}

/// Routes for those who are about to.
pub(crate) fn session_routes(door: &Arc<Door>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(begin_session, end_session)).layer(Extension(door.clone()))
}

/// Who calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The key's name; of a token `jwt:` and its subject; `local` where nobody is asked.
    name: String,
    /// `viewer`, `trader` or `admin`; each may do what the ones before it may.
    #[schema(example = "trader")]
    role: String,
    /// How the caller showed who they are.
    proof: Proof,
    /// When that ends; `null` for keys.
    expires_at: Option<String>,
}

impl Me {
    fn new(caller: Caller, until: Option<Millis>) -> Self {
        let Caller { name, role, proof, .. } = caller;
        Self { name, role: role.to_string(), proof, expires_at: until.map(date) }
    }
}

/// Tells who calls
#[utoipa::path(get, path = "/api/v1/me", tag = "auth", responses((status = 200, body = Me)))]
async fn me(caller: Caller) -> Json<Me> {
    let until = caller.until;
    Json(Me::new(caller, until))
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketReply {
    /// To be sent once as `?ticket=` with a WebSocket's request or one for an event stream.
    ticket: String,
    /// Until when it is good: a minute.
    expires_at: String,
}

/// Makes a ticket
///
/// For pages, which can send no headers with a WebSocket or an event stream: `?ticket=` takes a credential's place
/// there, once and within a minute.
#[utoipa::path(post, path = "/api/v1/auth/tickets", tag = "auth", responses((status = 201, body = TicketReply)))]
async fn issue_ticket(
    Extension(door): Extension<Arc<Door>>,
    caller: Caller,
) -> Result<(StatusCode, Json<TicketReply>), Problem> {
    let none = || Problem::new(Code::Forbidden, "a caller of so long a name gets no ticket");
    let (ticket, until) = door.tickets.issue(&caller).ok_or_else(none)?;
    Ok((StatusCode::CREATED, Json(TicketReply { ticket, expires_at: date(until) })))
}

/// What begins a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionBody {
    /// An API key, or a token.
    key: String,
}

/// Begins a session
///
/// Answers with a cookie that stands for the key in this browser for twelve hours, and that scripts cannot read.
#[utoipa::path(post, path = "/api/v1/auth/session", tag = "auth", request_body = SessionBody,
    responses((status = 200, body = Me), (status = 401)))]
async fn begin_session(
    Extension(door): Extension<Arc<Door>>,
    headers: HeaderMap,
    Json(body): Json<SessionBody>,
) -> Result<(AppendHeaders<[(header::HeaderName, String); 1]>, Json<Me>), Problem> {
    let caller = door.find_holder(&body.key).await?;
    let (cookie, until) = door.sessions.begin(&caller, &body.key, is_tls(&headers));
    let me = Me::new(Caller { proof: Proof::Session, ..caller }, Some(until));
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(me)))
}

/// Ends the session
#[utoipa::path(delete, path = "/api/v1/auth/session", tag = "auth", responses((status = 204)))]
async fn end_session(
    Extension(door): Extension<Arc<Door>>,
) -> (StatusCode, AppendHeaders<[(header::HeaderName, String); 1]>) {
    (StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, door.sessions.end())]))
}

/// Whether the browser came over TLS; proxies end it, but the page's address tells.
pub(super) fn is_tls(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

fn date(moment: Millis) -> String {
    let moment = chrono::DateTime::from_timestamp_millis(moment).unwrap_or_default();
    moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
