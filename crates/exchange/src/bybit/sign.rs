//! Requests on their way out. The signature covers time, key, window, and the query or body as sent.

use crate::base::Query;
use crate::base::signing::{PrivateKey, base64, hex, hmac_sha256};
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
    let secret = keys.secret();
    if !secret.contains("PRIVATE KEY") {
        return Ok(hex(&hmac_sha256(secret.as_bytes(), text.as_bytes())));
    }
    let signed = PrivateKey::from_pem(secret).and_then(|key| key.sign(text.as_bytes()));
    let signed = signed.map_err(|error| Error::new(ErrorClass::AuthenticationError, error.to_string()))?;
    Ok(base64(&signed))
}
