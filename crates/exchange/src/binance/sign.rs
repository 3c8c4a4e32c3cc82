//! Requests on their way out: query or form, timestamp, signature.

use super::weights;
use crate::base::signing::{base64, hex};
use crate::base::{Query, append_pair};
use crate::credentials::Signature;
use crate::{Context, Credentials, Endpoint, Error, ErrorClass, HttpRequest, Method};

/// Writes a request. Signed ones get `timestamp` first and `recvWindow` last; the signature covers the text
/// exactly as it is sent.
pub(super) fn write(
    endpoint: &'static Endpoint,
    query: &Query,
    weight: u32,
    context: &Context<'_>,
) -> Result<HttpRequest, Error> {
    let url = format!("{}{}", endpoint.base, endpoint.path);
    if !endpoint.signed {
        let url = if query.is_empty() { url } else { format!("{url}?{}", query.encoded()) };
        return Ok(HttpRequest { endpoint, weight, url, headers: Vec::new(), body: None });
    }
    let missing = || Error::new(ErrorClass::AuthenticationError, "the call needs keys");
    let credentials = context.credentials.ok_or_else(missing)?;
    let mut signed = payload(query, context);
    let signature = signature(credentials, &signed)?;
    append_pair(&mut signed, "signature", &signature);
    let mut headers = vec![("X-MBX-APIKEY", credentials.key().to_owned())];
    if matches!(endpoint.method, Method::Get | Method::Delete) {
        return Ok(HttpRequest { endpoint, weight, url: format!("{url}?{signed}"), headers, body: None });
    }
    headers.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
    Ok(HttpRequest { endpoint, weight, url, headers, body: Some(signed) })
}

/// Parameters that go after `recvWindow`: kept there so that signatures equal the reference's.
const LAST: &str = "orderidlist";

fn payload(query: &Query, context: &Context<'_>) -> String {
    let mut text = String::with_capacity(512);
    append_pair(&mut text, "timestamp", &context.now_ms.to_string());
    for (name, value) in query.iter().filter(|(name, _)| *name != LAST) {
        append_pair(&mut text, name, value);
    }
    append_pair(&mut text, "recvWindow", &context.recv_window_ms.to_string());
    if let Some(last) = query.get(LAST) {
        append_pair(&mut text, LAST, last);
    }
    text
}

/// Binance takes what a shared secret made in hexadecimal, and what a private key made in base64.
fn signature(credentials: &Credentials, payload: &str) -> Result<String, Error> {
    Ok(match credentials.sign(payload)? {
        Signature::Shared(signed) => hex(&signed),
        Signature::Private(signed) => base64(&signed),
    })
}

/// Returns the weight of a request whose endpoint alone does not tell.
pub(super) fn weight_of(
    request: &crate::Request,
    target: &super::book::Target<'_>,
    endpoint: &Endpoint,
) -> u32 {
    use crate::Call;
    match &request.call {
        Call::FetchOhlcv { page, .. } => weights::klines(target.book, page.limit.unwrap_or(500).min(1000)),
        Call::FetchOrderBook { limit, .. } => weights::depth(target.book, *limit),
        Call::FetchTicker { .. } => weights::tickers(target.book, 1),
        Call::FetchTickers { symbols } => weights::tickers(target.book, symbols.len()),
        Call::FetchOpenOrders { symbol, .. } => weights::open_orders(target.book, symbol.is_some()),
        _ => endpoint.weight,
    }
}
