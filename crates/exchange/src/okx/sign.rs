//! Requests on their way out. The signature covers time, verb, path with query, and body as sent.

use crate::base::signing::base64;
use crate::base::{Query, iso8601};
use crate::credentials::Signature;
use crate::{Context, Endpoint, Error, ErrorClass, HttpRequest, Json};

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
    let (query, body) = match payload {
        Payload::Query(query) => (query.encoded(), None),
        Payload::Body(body) => (String::new(), Some(body.to_string())),
    };
    let path = if query.is_empty() { endpoint.path.to_owned() } else { format!("{}?{query}", endpoint.path) };
    let url = format!("{}{path}", endpoint.base);
    let weight = endpoint.weight;
    if !endpoint.signed {
        return Ok(HttpRequest { endpoint, weight, url, headers: Vec::new(), body });
    }
    let refused = |message: &'static str| Error::new(ErrorClass::AuthenticationError, message);
    let keys = context.credentials.ok_or_else(|| refused("the call needs keys"))?;
    let passphrase = keys.passphrase().ok_or_else(|| refused("OKX wants a passphrase as well"))?;
    let time = iso8601(context.now_ms).ok_or_else(|| refused("the clock is out of range"))?;
    let text = format!("{time}{}{path}{}", endpoint.method.as_str(), body.as_deref().unwrap_or_default());
    let mut headers = vec![
        ("OK-ACCESS-KEY", keys.key().to_owned()),
        ("OK-ACCESS-PASSPHRASE", passphrase.to_owned()),
        ("OK-ACCESS-TIMESTAMP", time),
    ];
    if body.is_some() {
        headers.push(("Content-Type", "application/json".to_owned()));
    }
    let Signature::Shared(signature) = keys.sign(&text)? else {
        return Err(refused("OKX signs by a shared secret"));
    };
    headers.push(("OK-ACCESS-SIGN", base64(&signature)));
    Ok(HttpRequest { endpoint, weight, url, headers, body })
}
