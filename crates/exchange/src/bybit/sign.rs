//! Requests on their way out. The signature covers time, key, window, and the query or body as sent.

use crate::base::Query;
use crate::base::signing::{base64, hex};
use crate::credentials::Signature;
use crate::{Context, Credentials, Endpoint, Error, ErrorClass, HttpRequest, Json};

/// What a request carries.
pub(super) enum Payload {
    Query(Query),
    Body(Json<'static>),
}

pub(super) fn write(
    endpoint: &'static Endpoint,
    payload: Payload,
    context: &Context<'_>,
) -> Result<HttpRequest, Error> {
    let address = format!("{}{}", endpoint.base, endpoint.path);
    let (query, body) = match payload {
        Payload::Query(query) => (query.encoded(), None),
        Payload::Body(body) => (String::new(), Some(body.to_string())),
    };
    let url = if query.is_empty() { address } else { format!("{address}?{query}") };
    let weight = endpoint.weight;
    if !endpoint.signed {
        return Ok(HttpRequest { endpoint, weight, url, headers: Vec::new(), body });
    }
    let missing = || Error::new(ErrorClass::AuthenticationError, "the call needs keys");
    let keys = context.credentials.ok_or_else(missing)?;
    let (time, window) = (context.now_ms.to_string(), context.recv_window_ms.to_string());
    let text = format!("{time}{}{window}{}", keys.key(), body.as_deref().unwrap_or(&query));
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("X-BAPI-API-KEY", keys.key().to_owned()),
        ("X-BAPI-TIMESTAMP", time),
        ("X-BAPI-RECV-WINDOW", window),
        ("X-BAPI-SIGN", signature(keys, &text)?),
    ];
    Ok(HttpRequest { endpoint, weight, url, headers, body })
}

fn signature(keys: &Credentials, text: &str) -> Result<String, Error> {
    Ok(match keys.sign(text)? {
        Signature::Shared(signed) => hex(&signed),
        Signature::Private(signed) => base64(&signed),
    })
}
