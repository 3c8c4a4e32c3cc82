//! What the WebSockets tell: the events of a listener, numbered.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tradai_domain::Clock;
use tradai_domain::ports::ExchangeKey;
use tradai_service::axum::extract::ws::Utf8Bytes;
use tradai_service::socket::SocketSource;
use tradai_service::socket::close::{self, Close};
use tradai_service::utoipa::{self, ToSchema};

use super::series_view::date;
use crate::core::{End, Event, FeedSource, Hub, Listener, Next, SocketMetrics};

/// A message of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamMessage<'a> {
    /// Counts up by one from 1 within a connection.
    seq: u64,
    /// `candle`, `correction`, `ticker`, `gap`, `live`, `reconnecting`, `stale` or `dropped`.
    #[serde(rename = "type")]
    #[schema(example = "candle")]
    kind: &'static str,
    /// When the service learned of it.
    ts: String,
    /// `symbol`, of candles `timeframe`, and what belongs to the type.
    #[schema(value_type = Object)]
    data: &'a Value,
}

/// The live data of each exchange that has any.
pub(crate) struct Hubs(BTreeMap<ExchangeKey, Hub>);

impl Hubs {
    /// Starts a hub for each feed, in the current runtime.
    pub(crate) fn start(
        feeds: BTreeMap<ExchangeKey, FeedSource>,
        buffer: usize,
        clock: &Arc<dyn Clock>,
        metrics: &SocketMetrics,
    ) -> Self {
        let start = |source| Hub::start(source, buffer, clock.clone(), metrics.clone());
        Self(feeds.into_iter().map(|(key, source)| (key, start(source))).collect())
    }

    /// Returns the live data of an exchange, if we have it.
    pub(super) fn get(&self, exchange: &ExchangeKey) -> Option<&Hub> {
        self.0.get(exchange)
    }
}

/// A listener, as a socket asks it.
pub(super) struct Told {
    listener: Listener,
    clock: Arc<dyn Clock>,
    seq: u64,
}

impl Told {
    pub(super) fn new(listener: Listener, clock: Arc<dyn Clock>) -> Self {
        Self { listener, clock, seq: 0 }
    }

    fn event(&self, next: Next) -> Result<Arc<Event>, Close> {
        match next {
            Next::Event(event) => Ok(event),
            Next::Dropped(stream, count) => Ok(Arc::new(Event::dropped(stream, count, self.clock.now_ms()))),
            Next::End(End::Refused(message)) => {
                Err(Close::new(close::NOT_FOUND, format!("the exchange refused: {message}")))
            }
            Next::End(End::Failed) => Err(Close::new(close::TRY_LATER, "the feed ended; connect again")),
            Next::End(End::TooSlow) => {
                Err(Close::new(close::POLICY, "too slow: connect again, with fewer symbols"))
            }
        }
    }
}

impl SocketSource for Told {
    async fn next(&mut self) -> Result<Utf8Bytes, Close> {
        let next = self.listener.next().await;
        let event = self.event(next)?;
        self.seq += 1;
        let message =
            StreamMessage { seq: self.seq, kind: event.kind, ts: date(event.at), data: &event.data };
        let text = serde_json::to_string(&message);
        text.map(Utf8Bytes::from).map_err(|_| Close::new(close::INTERNAL, "a message could not be written"))
    }
}
