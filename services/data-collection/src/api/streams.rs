//! Live data: who may listen, and to what; over WebSockets and as server-sent events.
//!
//! What is wrong with a request is answered as a problem, before the upgrade.

use serde::Deserialize;
use tradai_domain::Symbol;
use tradai_domain::ports::ExchangeKey;
use tradai_exchange::feed::Stream;
use tradai_service::axum::extract;
use tradai_service::axum::extract::ws::WebSocketUpgrade;
use tradai_service::axum::http::HeaderMap;
use tradai_service::axum::response::Response;
use tradai_service::socket::{event_stream, last_event_id};
use tradai_service::utoipa::{self, IntoParams};
use tradai_service::{Caller, Place, Problem, Query};

use super::live::{StreamMessage, Told};
use super::parse::Fields;
use super::problem::problem;
use super::state::State;
use crate::core::{Hub, Wanted};

/// Symbols of one connection.
const MAX_SYMBOLS: usize = 100;

/// Which candles.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OhlcvStreamQuery {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// Markets, separated by commas; 100 at most.
    #[param(example = "BTC/USDT:USDT")]
    symbols: String,
    /// Length of the candles.
    #[param(example = "1m")]
    timeframe: String,
    /// `seq` of the last message that is known: what came after it is sent first.
    since_seq: Option<String>,
}

/// Which prices.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TickersStreamQuery {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// Markets, separated by commas; 100 at most.
    #[param(example = "BTC/USDT:USDT")]
    symbols: String,
    /// `seq` of the last message that is known: the newest price is sent first, if it is newer.
    since_seq: Option<String>,
}

/// A request, checked as far as it can be without the exchange's markets.
struct Request<'a> {
    hub: &'a Hub,
    streams: Vec<Stream>,
    since: Option<u64>,
}

/// Streams closed candles
///
/// A WebSocket: `candle` brings each candle once, when it has closed, in order; `gap` says that some are missing for
/// good, `correction` that the exchange has changed one. Between `reconnecting` or `stale` and `live` nothing is
/// fresh. `dropped` counts what the client was too slow for. With `since_seq` it goes on after that message; `missed`
/// says that what came since is not known here any more, and is to be read from `/api/v1/ohlcv`.
/// What is wrong is told by the code of the close: 4400 the request, 4401 and 4403 the caller, 4404 a market that the
/// exchange refuses, 4429 too many open, 1013 no room, a client that does not keep up, or an exchange that cannot be
/// reached. Pages offer the subprotocols `tradai` and `bearer.<key>`, or take a ticket. `/api/v1/ws/ohlcv` is the same.
#[utoipa::path(get, path = "/ws/ohlcv", operation_id = "stream_ohlcv", tag = "streams",
    params(OhlcvStreamQuery), responses(
    (status = 101, description = "Messages as texts", body = StreamMessage),
    (status = 400, description = "A key is offered as a subprotocol, and `tradai` is not"),
))]
pub(super) async fn ohlcv(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Query(query): Query<OhlcvStreamQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    socket(&state, &caller, query.check(&state, None)?, upgrade).await
}

/// Streams closed candles, as server-sent events
///
/// The messages of `/ws/ohlcv`: `id` is `seq`, `event` the type. A browser that lost the stream goes on by
/// `Last-Event-ID`.
#[utoipa::path(get, path = "/api/v1/ohlcv/events", operation_id = "ohlcv_events", tag = "streams",
    params(OhlcvStreamQuery, ("Last-Event-ID" = Option<String>, Header)), responses(
    (status = 200, body = StreamMessage, content_type = "text/event-stream"),
    (status = 503, description = "The exchange cannot be reached, or too many streams are open"),
))]
pub(super) async fn ohlcv_events(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Query(query): Query<OhlcvStreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    events(&state, &caller, query.check(&state, Some(&headers))?).await
}

/// Streams best prices
///
/// A WebSocket: `ticker` brings the best bid and ask as decimal texts whenever they change; the other types are those
/// of `/ws/ohlcv`. `/api/v1/ws/tickers` is the same.
#[utoipa::path(get, path = "/ws/tickers", operation_id = "stream_tickers", tag = "streams",
    params(TickersStreamQuery), responses(
    (status = 101, description = "Messages as texts", body = StreamMessage),
    (status = 400, description = "A key is offered as a subprotocol, and `tradai` is not"),
))]
pub(super) async fn tickers(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Query(query): Query<TickersStreamQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    socket(&state, &caller, query.check(&state, None)?, upgrade).await
}

/// Streams best prices, as server-sent events
///
/// The messages of `/ws/tickers`.
#[utoipa::path(get, path = "/api/v1/tickers/events", operation_id = "tickers_events", tag = "streams",
    params(TickersStreamQuery, ("Last-Event-ID" = Option<String>, Header)), responses(
    (status = 200, body = StreamMessage, content_type = "text/event-stream"),
    (status = 503, description = "The exchange cannot be reached, or too many streams are open"),
))]
pub(super) async fn tickers_events(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Query(query): Query<TickersStreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    events(&state, &caller, query.check(&state, Some(&headers))?).await
}

impl OhlcvStreamQuery {
    fn check<'a>(&self, state: &'a State, headers: Option<&HeaderMap>) -> Result<Request<'a>, Problem> {
        let mut fields = Fields::of_query();
        let exchange = fields.exchange(self.exchange.as_deref());
        let timeframe = fields.timeframe(&self.timeframe);
        let symbols = symbols(&mut fields, &self.symbols);
        let since = since(&mut fields, self.since_seq.as_deref());
        fields.finish()?;
        let hub = hub(state, exchange.as_ref())?;
        if !hub.timeframes().contains(&timeframe) {
            return Err(fault("timeframe", format!("the exchange has no candles of {timeframe}")));
        }
        let streams = symbols.into_iter().map(|symbol| Stream::Candles { symbol, timeframe }).collect();
        Ok(Request { hub, streams, since: headers.map_or(Ok(None), last_event_id)?.or(since) })
    }
}

impl TickersStreamQuery {
    fn check<'a>(&self, state: &'a State, headers: Option<&HeaderMap>) -> Result<Request<'a>, Problem> {
        let mut fields = Fields::of_query();
        let exchange = fields.exchange(self.exchange.as_deref());
        let symbols = symbols(&mut fields, &self.symbols);
        let since = since(&mut fields, self.since_seq.as_deref());
        fields.finish()?;
        let hub = hub(state, exchange.as_ref())?;
        let streams = symbols.into_iter().map(|symbol| Stream::BookTicker { symbol }).collect();
        Ok(Request { hub, streams, since: headers.map_or(Ok(None), last_event_id)?.or(since) })
    }
}

/// Parses the markets, each of which counts once.
fn symbols(fields: &mut Fields, text: &str) -> Vec<Symbol> {
    let mut symbols = fields.symbol_list(Some(text)).unwrap_or_default();
    symbols.sort();
    symbols.dedup();
    if text.split(',').all(|text| text.trim().is_empty()) {
        fields.fault("symbols", "names no market");
    } else if symbols.len() > MAX_SYMBOLS {
        fields.fault("symbols", format!("{} are more than {MAX_SYMBOLS}", symbols.len()));
    }
    symbols
}

fn since(fields: &mut Fields, text: Option<&str>) -> Option<u64> {
    text.and_then(|text| fields.parse("since_seq", text))
}

/// Returns the live data of an exchange.
fn hub<'a>(state: &'a State, exchange: Option<&ExchangeKey>) -> Result<&'a Hub, Problem> {
    let found = state.catalog.exchange(exchange).map_err(|error| problem(error, Place::Query))?;
    state.hubs.get(found.key()).ok_or_else(|| {
        let key = found.key();
        fault("exchange", format!("there is no live data of `{key}`; collect it with /api/v1/sync"))
    })
}

async fn socket(
    state: &State,
    caller: &Caller,
    request: Request<'_>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let place = state.sockets.place(caller)?;
    let told = listen(state, request).await?;
    Ok(state.sockets.upgrade(upgrade, place, told))
}

async fn events(state: &State, caller: &Caller, request: Request<'_>) -> Result<Response, Problem> {
    let place = state.sockets.place(caller)?;
    let told = listen(state, request).await?;
    Ok(event_stream(told, place, state.shutdown.clone()))
}

/// Joins the streams of a request.
async fn listen(state: &State, request: Request<'_>) -> Result<Told, Problem> {
    let Request { hub, streams, since } = request;
    let markets = hub.markets().await.map_err(|error| problem(error.into(), Place::Query))?;
    let unknown = streams.iter().map(Stream::symbol).filter(|symbol| markets.find(symbol).is_none());
    let unknown: Vec<String> = unknown.take(10).map(|symbol| format!("`{symbol}`")).collect();
    if !unknown.is_empty() {
        return Err(fault("symbols", format!("the exchange has no market {}", unknown.join(", "))));
    }
    let joined = hub.listen(Wanted { streams, since, markets }).await;
    let listener = joined.map_err(|error| Problem::from_error(error.kind(), error))?;
    Ok(Told::new(listener, since, state.clock.clone()))
}

fn fault(field: &str, reason: String) -> Problem {
    let mut fields = Fields::of_query();
    fields.fault(field, reason);
    fields.problem()
}
