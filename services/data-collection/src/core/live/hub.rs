//! The feed of one exchange, shared by everybody who listens to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, info, warn};
use tradai_domain::ports::PortError;
use tradai_domain::{Clock, Millis, Timeframe};
use tradai_exchange::feed::{Feed, FeedItem, FeedReader, Stream};
use tradai_exchange::{Error, ErrorClass, Markets};

use super::memory::Memory;
use super::queue::Queue;
use super::topic::Topic;
use super::{End, Event, FeedSource, Next};
use crate::core::SocketMetrics;

/// How often it is looked for streams that nobody came back to.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Hands out listeners; ends its task, and with it the feed, when dropped with all of them.
pub(crate) struct Hub {
    source: FeedSource,
    buffer: usize,
    /// At most two wait for each socket, whose number is bounded.
    commands: mpsc::UnboundedSender<Command>,
}

enum Command {
    Join { wanted: Wanted, queue: Arc<Queue>, joined: oneshot::Sender<Joined> },
    Leave(Arc<Queue>),
}

/// What a listener wants to hear.
pub(crate) struct Wanted {
    pub(crate) streams: Vec<Stream>,
    /// Number of the last event that it knows; without, it hears what comes from now on.
    pub(crate) since: Option<u64>,
    /// The markets that the streams are of, as listed now.
    pub(crate) markets: Arc<Markets>,
}

type Joined = Result<(), Error>;

/// Listens to streams until it is dropped.
pub(crate) struct Listener {
    queue: Arc<Queue>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Listener {
    /// Returns what is next. Cancel safe.
    pub(crate) async fn next(&self) -> Next {
        self.queue.next().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Without a task there is no feed to leave.
        drop(self.commands.send(Command::Leave(self.queue.clone())));
    }
}

impl Hub {
    /// Starts the task of an exchange; its feed is opened when somebody listens. `buffer` events may wait for each, and
    /// a stream goes on for as long as `linger` when nobody listens to it any more.
    pub(crate) fn start(
        source: FeedSource,
        buffer: usize,
        linger: Duration,
        clock: Arc<dyn Clock>,
        metrics: SocketMetrics,
    ) -> Self {
        let (commands, obeyed) = mpsc::unbounded_channel();
        let board = Board {
            source: source.clone(),
            open: None,
            topics: BTreeMap::new(),
            memory: Memory::new(clock.now_ms()),
            linger: Millis::try_from(linger.as_millis()).unwrap_or(Millis::MAX),
            clock,
            metrics,
        };
        tokio::spawn(board.run(obeyed).in_current_span());
        Self { source, buffer, commands }
    }

    /// Returns the markets that can be listened to.
    pub(crate) async fn markets(&self) -> Result<Arc<Markets>, PortError> {
        self.source.markets().await
    }

    /// Returns the lengths of candles that the exchange has.
    pub(crate) fn timeframes(&self) -> &[Timeframe] {
        self.source.timeframes()
    }

    /// Listens to streams of known markets.
    pub(crate) async fn listen(&self, wanted: Wanted) -> Result<Listener, Error> {
        let queue = Arc::new(Queue::new(self.buffer));
        // Made first: it leaves even if nobody waits for the answer any more.
        let listener = Listener { queue: queue.clone(), commands: self.commands.clone() };
        let (joined, answer) = oneshot::channel();
        let gone = || Error::new(ErrorClass::ExchangeClosedByUser, "the service stops");
        self.commands.send(Command::Join { wanted, queue, joined }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())??;
        Ok(listener)
    }
}

/// What the task knows.
struct Board {
    source: FeedSource,
    open: Option<(Feed, FeedReader)>,
    topics: BTreeMap<Stream, Topic>,
    memory: Memory,
    /// How long a stream goes on without listeners, in milliseconds.
    linger: Millis,
    clock: Arc<dyn Clock>,
    metrics: SocketMetrics,
}

impl Board {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let has_idle = self.topics.values().any(|topic| topic.idle_since.is_some());
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Join { wanted, queue, joined }) => {
                        let result = self.join(wanted, &queue).await;
                        // Who no longer waits has left, too.
                        drop(joined.send(result));
                    }
                    Some(Command::Leave(queue)) => self.leave(&queue).await,
                    None => return,
                },
                item = next(&mut self.open) => match item {
                    Some(item) => self.tell(item).await,
                    None => self.fail("it ended by itself").await,
                },
                _ = looks.tick(), if has_idle => self.end_idle(self.linger).await,
            }
        }
    }

    async fn join(&mut self, wanted: Wanted, queue: &Arc<Queue>) -> Joined {
        match &self.open {
            Some((feed, _)) => feed.set_markets(wanted.markets.clone()),
            None => {
                info!("opening the feed: somebody listens");
                self.open = Some(self.source.open(wanted.markets.clone()).await?);
            }
        }
        let mut told = Vec::new();
        for stream in wanted.streams {
            self.subscribe(&stream).await?;
            let topic = self.topics.entry(stream.clone());
            let topic = topic.or_insert_with(|| Topic::new(self.memory.break_off()));
            told.extend(topic.greeting(&stream, wanted.since, &self.memory, &*self.clock));
            topic.idle_since = None;
            topic.queues.push(queue.clone());
        }
        told.sort_unstable_by_key(|event| event.seq);
        told.into_iter().for_each(|event| {
            self.metrics.dropped(queue.push(event));
        });
        Ok(())
    }

    /// Subscribes a stream. A feed has room for so many, of which some may only be waited with for who comes back.
    async fn subscribe(&mut self, stream: &Stream) -> Joined {
        let gone = || Error::new(ErrorClass::ExchangeClosedByUser, "the feed ended; connect again");
        let (feed, _) = self.open.as_ref().ok_or_else(gone)?;
        let Err(error) = feed.add(stream.clone().into()).await else { return Ok(()) };
        if self.topics.values().all(|topic| topic.idle_since.is_none()) {
            return Err(error);
        }
        self.remove_idle(0).await;
        let (feed, _) = self.open.as_ref().ok_or_else(gone)?;
        feed.add(stream.clone().into()).await
    }

    /// Forgets a listener.
    async fn leave(&mut self, queue: &Arc<Queue>) {
        let now = self.clock.now_ms();
        for topic in self.topics.values_mut() {
            topic.queues.retain(|other| !Arc::ptr_eq(other, queue));
            if topic.queues.is_empty() {
                topic.idle_since.get_or_insert(now);
            }
        }
        self.end_idle(self.linger).await;
    }

    /// Ends streams that nobody has listened to for so long, and the feed that has no other.
    async fn end_idle(&mut self, linger: Millis) {
        self.remove_idle(linger).await;
        if self.topics.is_empty() {
            self.close().await;
        }
    }

    async fn remove_idle(&mut self, linger: Millis) {
        let Some((feed, _)) = &self.open else { return };
        let now = self.clock.now_ms();
        let is_over =
            |topic: &Topic| topic.idle_since.is_some_and(|since| now.saturating_sub(since) >= linger);
        let unheard: Vec<Stream> = self
            .topics
            .iter()
            .filter(|(_, topic)| is_over(topic))
            .map(|(stream, _)| stream.clone())
            .collect();
        for stream in unheard {
            self.topics.remove(&stream);
            if let Err(error) = feed.remove(&stream).await {
                warn!(%error, "a stream was not ended: {error}");
            }
        }
    }

    async fn close(&mut self) {
        if let Some((feed, _)) = self.open.take() {
            feed.close().await;
            info!("closed the feed: nobody listens");
        }
    }

    async fn tell(&mut self, item: FeedItem) {
        match item {
            FeedItem::Refused { streams, message } => {
                for topic in streams.iter().filter_map(|stream| self.topics.get(stream)) {
                    topic.queues.iter().for_each(|queue| queue.end(End::Refused(message.clone())));
                }
            }
            FeedItem::Dropped { stream: Some(stream), count, .. } => {
                let Some(topic) = self.topics.get_mut(&stream) else { return };
                topic.queues.iter().for_each(|queue| queue.lose(&stream, count));
                topic.began = self.memory.break_off();
            }
            // Nobody knows how the streams are now, nor would learn it of a feed that goes on as it did.
            FeedItem::Dropped { stream: None, .. } => self.fail("states of its streams were lost").await,
            item => {
                let events = Event::of_item(item, self.clock.now_ms());
                events.into_iter().for_each(|event| self.publish(event));
            }
        }
    }

    fn publish(&mut self, event: Event) {
        let Some(topic) = self.topics.get_mut(&event.stream) else { return };
        let event = self.memory.note(event);
        if event.is_state() {
            topic.state = Some(event.clone());
        } else if event.is_ticker() {
            topic.ticker = Some(event.clone());
        }
        let lost = topic.queues.iter().map(|queue| queue.push(event.clone())).sum();
        self.metrics.dropped(lost);
    }

    /// The feed is of no more use: everybody is sent away, and the next listener opens another.
    async fn fail(&mut self, reason: &str) {
        warn!(reason, "the feed is given up: {reason}");
        self.topics.values().flat_map(|topic| &topic.queues).for_each(|queue| queue.end(End::Failed));
        self.topics.clear();
        self.close().await;
    }
}

/// Returns the next item of an open feed; without one never. Cancel safe.
async fn next(open: &mut Option<(Feed, FeedReader)>) -> Option<FeedItem> {
    match open {
        Some((_, reader)) => reader.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tradai_domain::ManualClock;
    use tradai_exchange::MarketData;
    use tradai_exchange::client::Client;

    use super::*;

    const NOW: Millis = 5;

    fn btc() -> Stream {
        Stream::Candles { symbol: "BTC/USDT:USDT".parse().unwrap(), timeframe: Timeframe::H1 }
    }

    /// A board without a feed, on which a candle of a stream was told; and the candle's number.
    fn board() -> (Board, u64) {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        let client = Client::builder("binance_futures", clock.clone()).unwrap().build().unwrap();
        let source = FeedSource::of(&MarketData::new(client).unwrap(), None, 0, clock.clone()).unwrap();
        let mut board = Board {
            source,
            open: None,
            topics: BTreeMap::new(),
            memory: Memory::new(NOW),
            linger: 0,
            clock,
            metrics: SocketMetrics::default(),
        };
        board.topics.insert(btc(), Topic::new(board.memory.break_off()));
        board.publish(candle());
        let known = board.memory.newest();
        (board, known)
    }

    fn candle() -> Event {
        Event::new(btc(), "candle", NOW, json!({"timestamp": 0}))
    }

    fn told(board: &Board, since: u64) -> Vec<&'static str> {
        let topic = &board.topics[&btc()];
        let greeting = topic.greeting(&btc(), Some(since), &board.memory, &*board.clock);
        greeting.iter().map(|event| event.kind).collect()
    }

    #[tokio::test]
    async fn who_was_away_is_told_of_what_the_feed_lost() {
        let (mut board, known) = board();
        assert_eq!(told(&board, known), [""; 0]);
        board.tell(FeedItem::Dropped { stream: Some(btc()), count: 3, candles: None }).await;
        assert_eq!(told(&board, known), ["missed"]);
        board.publish(candle());
        assert_eq!(told(&board, known), ["missed"]);
        assert_eq!(
            told(&board, board.memory.newest()),
            [""; 0],
            "whoever knows what came after lost nothing"
        );
    }

    #[tokio::test]
    async fn lost_states_end_the_feed_for_everybody() {
        let (mut board, _) = board();
        let queue = Arc::new(Queue::new(10));
        board.topics.get_mut(&btc()).unwrap().queues.push(queue.clone());
        board.tell(FeedItem::Dropped { stream: None, count: 1, candles: None }).await;
        assert_eq!(queue.next().await, Next::End(End::Failed));
        assert!(board.topics.is_empty(), "who comes back is told the state anew");
    }
}
