//! What WebSockets and event streams tell: the events of a listener.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tradai_domain::Clock;
use tradai_domain::ports::ExchangeKey;
use tradai_service::socket::close::{self, Close};
use tradai_service::socket::{self, StreamSource};
use tradai_service::utoipa::{self, ToSchema};

use super::series_view::date;
use crate::core::{End, Event, FeedSource, Hub, Listener, Next, SocketMetrics};

/// A message of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamMessage<'a> {
    /// Its number among the events of the exchange, which rises over connections and restarts: `since_seq` goes on
    /// after it. `dropped` and `missed` have that of what came before them.
    seq: u64,
    /// `candle`, `correction`, `ticker`, `gap`, `live`, `reconnecting`, `stale`, `dropped` or `missed`.
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
        linger: Duration,
        clock: &Arc<dyn Clock>,
        metrics: &SocketMetrics,
    ) -> Self {
        let start = |source| Hub::start(source, buffer, linger, clock.clone(), metrics.clone());
        Self(feeds.into_iter().map(|(key, source)| (key, start(source))).collect())
    }

    /// Returns the live data of an exchange, if we have it.
    pub(super) fn get(&self, exchange: &ExchangeKey) -> Option<&Hub> {
        self.0.get(exchange)
    }
}

/// A listener, as a connection asks it.
pub(super) struct Told {
    listener: Listener,
    clock: Arc<dyn Clock>,
    /// Number of what was told last.
    seq: u64,
}

impl Told {
    pub(super) fn new(listener: Listener, since: Option<u64>, clock: Arc<dyn Clock>) -> Self {
        Self { listener, clock, seq: since.unwrap_or(0) }
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
                Err(Close::new(close::TRY_LATER, "too slow: connect again, with fewer symbols"))
            }
        }
    }
}

impl StreamSource for Told {
    async fn next(&mut self) -> Result<socket::StreamMessage, Close> {
        let event = self.event(self.listener.next().await)?;
        // What was made for this listener alone has no number.
        if event.seq > 0 {
            self.seq = event.seq;
        }
        let message =
            StreamMessage { seq: self.seq, kind: event.kind, ts: date(event.at), data: &event.data };
        let text = serde_json::to_string(&message);
        let text = text.map_err(|_| Close::new(close::INTERNAL, "a message could not be written"))?;
        Ok(socket::StreamMessage { seq: self.seq, kind: event.kind, text })
    }
}
