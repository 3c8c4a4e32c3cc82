//! Replies as bytes, sound or spoiled.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;

use super::fuse::Peer;
use crate::api::Reply;
use crate::faults::Spoiled;

const BEFORE_CUT: Duration = Duration::from_millis(20);
const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n\
    </body>\r\n</html>\r\n";

/// Returns a reply of the exchange.
pub(super) fn reply(reply: &Reply) -> Response {
    let mut response = raw(reply.status, JSON, Body::from(reply.body.to_string()));
    add_headers(&mut response, reply);
    response
}

/// Returns a short text.
pub(super) fn plain(status: u16, text: &str) -> Response {
    raw(status, "text/plain", Body::from(text.to_owned()))
}

/// Returns what arrives in place of a reply, which is there when the request was carried out.
pub(super) fn spoiled(spoiled: &Spoiled, reply: Option<&Reply>, peer: &Peer) -> Response {
    let sound = reply.map(|reply| reply.body.to_string()).unwrap_or_default();
    match spoiled {
        // Silence has ended by now: nobody waits that long.
        Spoiled::Reset | Spoiled::Silence | Spoiled::Unknown => {
            peer.cut();
            plain(500, "")
        }
        Spoiled::Status { status, body, retry_after } => {
            let mut response = raw(*status, JSON, Body::from(body.clone()));
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            response
        }
        Spoiled::Truncated => truncated(&sound),
        Spoiled::Html(status) => raw(*status, "text/html", Body::from(HTML)),
        Spoiled::BrokenGzip => {
            // A gzip header, then no deflate stream.
            let mut bytes = vec![0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3];
            bytes.extend_from_slice(sound.as_bytes());
            let mut response = raw(200, JSON, Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
    }
}

/// Half of the body under the length of the whole; then the connection ends. The pause lets the half out first.
fn truncated(sound: &str) -> Response {
    let half = Bytes::copy_from_slice(&sound.as_bytes()[..sound.len() / 2]);
    let parts = stream::unfold(Some(half), |part| async move {
        match part {
            Some(half) => Some((Ok(half), None)),
            None => {
                tokio::time::sleep(BEFORE_CUT).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
            }
        }
    });
    let mut response = raw(200, JSON, Body::from_stream(parts));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(sound.len()));
    response
}

fn raw(status: u16, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn add_headers(response: &mut Response, reply: &Reply) {
    for (name, value) in &reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
}
