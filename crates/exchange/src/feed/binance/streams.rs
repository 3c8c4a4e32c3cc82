//! Hosts, routes and names of streams, and the limits on who listens.

use std::time::Duration;

use tradai_domain::Timeframe;

use crate::feed::Stream;

/// One of Binance's two exchanges with websockets of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Spot.
    Spot,
    /// Futures settled in stablecoins.
    UsdM,
}

/// A group of streams that share sockets. USD-M keeps books apart from the rest since March 2026; a stream asked
/// for on the other path is accepted and never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Route {
    /// All of spot.
    Spot,
    /// Candles and trades of USD-M.
    Market,
    /// Books of USD-M.
    Public,
}

impl Venue {
    /// Returns scheme and host of the sockets.
    #[must_use]
    pub fn url(self) -> &'static str {
        match self {
            Self::Spot => "wss://stream.binance.com:9443",
            Self::UsdM => "wss://fstream.binance.com",
        }
    }

    pub(crate) fn route(self, stream: &Stream) -> Route {
        match (self, stream) {
            (Self::Spot, _) => Route::Spot,
            (Self::UsdM, Stream::BookTicker { .. }) => Route::Public,
            (Self::UsdM, _) => Route::Market,
        }
    }

    /// Messages that a client may send in a second: the exchange allows 5 and 10, counting the pongs that it asks
    /// for, for which one is left.
    pub(crate) fn messages_per_second(self) -> usize {
        match self {
            Self::Spot => 4,
            Self::UsdM => 9,
        }
    }

    /// Streams of one socket: what the documentation allows.
    pub(crate) fn streams_per_socket(self) -> usize {
        1_024
    }

    /// Sockets that an address may open per window; the exchange allows 300, for all programs at that address.
    pub(crate) fn connections(self) -> (usize, Duration) {
        (100, Duration::from_secs(300))
    }
}

impl Route {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Spot => "/ws",
            Self::Market => "/market/ws",
            Self::Public => "/public/ws",
        }
    }
}

/// Returns the exchange's name for a stream of the market that it calls `id`.
pub(crate) fn stream_name(stream: &Stream, id: &str) -> String {
    let id = id.to_lowercase();
    match stream {
        Stream::Candles { timeframe, .. } => kline_name(&id, *timeframe),
        Stream::Trades { .. } => format!("{id}@aggTrade"),
        Stream::BookTicker { .. } => format!("{id}@bookTicker"),
    }
}

fn kline_name(id: &str, timeframe: Timeframe) -> String {
    format!("{id}@kline_{timeframe}")
}

/// Returns the message that subscribes streams, or ends that.
pub(crate) fn subscribe_message(is_on: bool, names: &[String], id: u64) -> String {
    let method = if is_on { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
    serde_json::json!({"method": method, "params": names, "id": id}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_routes_are_those_of_the_exchange() {
        let symbol: tradai_domain::Symbol = "BTC/USDT:USDT".parse().unwrap();
        let candles = Stream::Candles { symbol: symbol.clone(), timeframe: Timeframe::H4 };
        let ticker = Stream::BookTicker { symbol };
        assert_eq!(stream_name(&candles, "BTCUSDT"), "btcusdt@kline_4h");
        assert_eq!(Venue::UsdM.route(&candles).path(), "/market/ws");
        assert_eq!(Venue::UsdM.route(&ticker).path(), "/public/ws");
        assert_eq!(Venue::Spot.route(&ticker).path(), "/ws");
        let names = [stream_name(&ticker, "BTCUSDT")];
        let message = subscribe_message(true, &names, 7);
        assert_eq!(message, r#"{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":7}"#);
    }
}
