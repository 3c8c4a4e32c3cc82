//! The feed of one exchange, shared by everybody who listens to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, info, warn};
use tradai_domain::ports::PortError;
use tradai_domain::{Clock, Timeframe};
use tradai_exchange::feed::{Feed, FeedItem, FeedReader, Stream};
use tradai_exchange::{Error, ErrorClass, Markets};

use super::queue::Queue;
use super::{End, Event, FeedSource, Next};
use crate::core::SocketMetrics;

/// Hands out listeners; ends its task, and with it the feed, when dropped with all of them.
pub(crate) struct Hub {
    source: FeedSource,
    buffer: usize,
    /// At most two wait for each socket, whose number is bounded.
    commands: mpsc::UnboundedSender<Command>,
}

enum Command {
    Join { streams: Vec<Stream>, queue: Arc<Queue>, markets: Arc<Markets>, joined: oneshot::Sender<Joined> },
    Leave(Arc<Queue>),
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
    /// Starts the task of an exchange; its feed is opened when somebody listens. `buffer` events may wait for each.
    pub(crate) fn start(
        source: FeedSource,
        buffer: usize,
        clock: Arc<dyn Clock>,
        metrics: SocketMetrics,
    ) -> Self {
        let (commands, obeyed) = mpsc::unbounded_channel();
        let board = Board { source: source.clone(), open: None, topics: BTreeMap::new(), clock, metrics };
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
    pub(crate) async fn listen(
        &self,
        streams: Vec<Stream>,
        markets: Arc<Markets>,
    ) -> Result<Listener, Error> {
        let queue = Arc::new(Queue::new(self.buffer));
        // Made first: it leaves even if nobody waits for the answer any more.
        let listener = Listener { queue: queue.clone(), commands: self.commands.clone() };
        let (joined, answer) = oneshot::channel();
        let gone = || Error::new(ErrorClass::ExchangeClosedByUser, "the service stops");
        let join = Command::Join { streams, queue, markets, joined };
        self.commands.send(join).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())??;
        Ok(listener)
    }
}

/// What the task knows.
struct Board {
    source: FeedSource,
    open: Option<(Feed, FeedReader)>,
    topics: BTreeMap<Stream, Topic>,
    clock: Arc<dyn Clock>,
    metrics: SocketMetrics,
}

#[derive(Default)]
struct Topic {
    queues: Vec<Arc<Queue>>,
    /// How the stream is, for who comes later.
    state: Option<Arc<Event>>,
}

impl Board {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Join { streams, queue, markets, joined }) => {
                        let result = self.join(streams, &queue, markets).await;
                        // Who no longer waits has left, too.
                        drop(joined.send(result));
                    }
                    Some(Command::Leave(queue)) => self.leave(&queue).await,
                    None => return,
                },
                item = next(&mut self.open) => match item {
                    Some(item) => self.tell(item),
                    None => self.fail().await,
                },
            }
        }
    }

    async fn join(&mut self, streams: Vec<Stream>, queue: &Arc<Queue>, markets: Arc<Markets>) -> Joined {
        let feed = match &mut self.open {
            Some((feed, _)) => feed,
            None => {
                info!("opening the feed: somebody listens");
                &self.open.insert(self.source.open(markets).await?).0
            }
        };
        for stream in streams {
            feed.add(stream.clone().into()).await?;
            let topic = self.topics.entry(stream).or_default();
            if let Some(state) = &topic.state {
                queue.push(state.clone());
            }
            topic.queues.push(queue.clone());
        }
        Ok(())
    }

    /// Forgets a listener, the streams that nobody else listens to, and the feed without streams.
    async fn leave(&mut self, queue: &Arc<Queue>) {
        let Some((feed, _)) = &self.open else { return };
        let mut unheard = Vec::new();
        for (stream, topic) in &mut self.topics {
            topic.queues.retain(|other| !Arc::ptr_eq(other, queue));
            if topic.queues.is_empty() {
                unheard.push(stream.clone());
            }
        }
        for stream in unheard {
            self.topics.remove(&stream);
            if let Err(error) = feed.remove(&stream).await {
                warn!(%error, "a stream was not ended: {error}");
            }
        }
        if self.topics.is_empty() {
            self.close().await;
        }
    }

    async fn close(&mut self) {
        if let Some((feed, _)) = self.open.take() {
            feed.close().await;
            info!("closed the feed: nobody listens");
        }
    }

    fn tell(&mut self, item: FeedItem) {
        match item {
            FeedItem::Refused { streams, message } => {
                for topic in streams.iter().filter_map(|stream| self.topics.get(stream)) {
                    topic.queues.iter().for_each(|queue| queue.end(End::Refused(message.clone())));
                }
            }
            FeedItem::Dropped { stream: Some(stream), count, .. } => {
                for queue in self.topics.get(&stream).into_iter().flat_map(|topic| &topic.queues) {
                    queue.lose(&stream, count);
                }
            }
            // Nobody knows how the streams are now; who comes back is told.
            FeedItem::Dropped { stream: None, .. } => self.end_all(),
            item => {
                let events = Event::of_item(item, self.clock.now_ms());
                events.into_iter().for_each(|event| self.publish(&Arc::new(event)));
            }
        }
    }

    fn publish(&mut self, event: &Arc<Event>) {
        let Some(topic) = self.topics.get_mut(&event.stream) else { return };
        if event.is_state() {
            topic.state = Some(event.clone());
        }
        let lost = topic.queues.iter().map(|queue| queue.push(event.clone())).sum();
        self.metrics.dropped(lost);
    }

    /// The feed has ended by itself: everybody is sent away, and the next listener opens another.
    async fn fail(&mut self) {
        warn!("the feed ended");
        self.end_all();
        self.topics.clear();
        self.close().await;
    }

    fn end_all(&self) {
        self.topics.values().flat_map(|topic| &topic.queues).for_each(|queue| queue.end(End::Failed));
    }
}

/// Returns the next item of an open feed; without one never. Cancel safe.
async fn next(open: &mut Option<(Feed, FeedReader)>) -> Option<FeedItem> {
    match open {
        Some((_, reader)) => reader.next().await,
        None => std::future::pending().await,
    }
}
