//! Live data over WebSockets: who may listen, and to what.
//!
//! What is wrong with a request is answered as a problem, before the upgrade.

use serde::Deserialize;
use tradai_domain::Symbol;
use tradai_domain::ports::ExchangeKey;
use tradai_exchange::feed::Stream;
use tradai_service::axum::extract;
use tradai_service::axum::extract::ws::WebSocketUpgrade;
use tradai_service::axum::response::Response;
use tradai_service::utoipa::{self, IntoParams};
use tradai_service::{Place, Problem, Query};

use super::live::{StreamMessage, Told};
use super::parse::Fields;
use super::problem::problem;
use super::state::State;
use crate::core::Hub;

/// Symbols of one socket.
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
}

/// Streams closed candles
///
/// A WebSocket: `candle` brings each candle once, when it has closed, in order; `gap` says that some are missing for
/// good, `correction` that the exchange has changed one. Between `reconnecting` or `stale` and `live` nothing is
/// fresh. `dropped` counts what the client was too slow for. `/api/v1/ws/ohlcv` is the same.
#[utoipa::path(get, path = "/ws/ohlcv", operation_id = "stream_ohlcv", tag = "streams",
    params(OhlcvStreamQuery), responses(
    (status = 101, description = "Messages as texts", body = StreamMessage),
    (status = 503, description = "The exchange cannot be reached, or too many sockets are open"),
))]
pub(super) async fn ohlcv(
    extract::State(state): extract::State<State>,
    Query(query): Query<OhlcvStreamQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_query();
    let exchange = fields.exchange(query.exchange.as_deref());
    let timeframe = fields.timeframe(&query.timeframe);
    let symbols = symbols(&mut fields, &query.symbols);
    fields.finish()?;
    let hub = hub(&state, exchange.as_ref())?;
    if !hub.timeframes().contains(&timeframe) {
        let reason = format!("the exchange has no candles of {timeframe}");
        return Err(fault("timeframe", reason));
    }
    let streams = symbols.into_iter().map(|symbol| Stream::Candles { symbol, timeframe }).collect();
    listen(&state, hub, streams, upgrade).await
}

/// Streams best prices
///
/// A WebSocket: `ticker` brings the best bid and ask as decimal texts whenever they change; the other types are those
/// of `/ws/ohlcv`. `/api/v1/ws/tickers` is the same.
#[utoipa::path(get, path = "/ws/tickers", operation_id = "stream_tickers", tag = "streams",
    params(TickersStreamQuery), responses(
    (status = 101, description = "Messages as texts", body = StreamMessage),
    (status = 503, description = "The exchange cannot be reached, or too many sockets are open"),
))]
pub(super) async fn tickers(
    extract::State(state): extract::State<State>,
    Query(query): Query<TickersStreamQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_query();
    let exchange = fields.exchange(query.exchange.as_deref());
    let symbols = symbols(&mut fields, &query.symbols);
    fields.finish()?;
    let hub = hub(&state, exchange.as_ref())?;
    let streams = symbols.into_iter().map(|symbol| Stream::BookTicker { symbol }).collect();
    listen(&state, hub, streams, upgrade).await
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

/// Returns the live data of an exchange.
fn hub<'a>(state: &'a State, exchange: Option<&ExchangeKey>) -> Result<&'a Hub, Problem> {
    let found = state.catalog.exchange(exchange).map_err(|error| problem(error, Place::Query))?;
    state.hubs.get(found.key()).ok_or_else(|| {
        let key = found.key();
        fault("exchange", format!("there is no live data of `{key}`; collect it with /api/v1/sync"))
    })
}

/// Joins the streams, then upgrades the connection.
async fn listen(
    state: &State,
    hub: &Hub,
    streams: Vec<Stream>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let place = state.sockets.place()?;
    let markets = hub.markets().await.map_err(|error| problem(error.into(), Place::Query))?;
    let unknown = streams.iter().map(Stream::symbol).filter(|symbol| markets.find(symbol).is_none());
    let unknown: Vec<String> = unknown.take(10).map(|symbol| format!("`{symbol}`")).collect();
    if !unknown.is_empty() {
        return Err(fault("symbols", format!("the exchange has no market {}", unknown.join(", "))));
    }
    let joined = hub.listen(streams, markets).await;
    let listener = joined.map_err(|error| Problem::from_error(error.kind(), error))?;
    Ok(state.sockets.upgrade(upgrade, place, Told::new(listener, state.clock.clone())))
}

fn fault(field: &str, reason: String) -> Problem {
    let mut fields = Fields::of_query();
    fields.fault(field, reason);
    fields.problem()
}
