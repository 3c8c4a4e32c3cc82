//! The feed as its users see it: what to subscribe, who reads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tradai_domain::Clock;
use tradai_http_client::{ClientConfig, tls};

use crate::client::{Timer, no_client};
use crate::feed::binance::{Route, stream_name};
use crate::feed::line::{Command, Line, Shared};
use crate::feed::pacer::Pacer;
use crate::feed::queue::Queue;
use crate::feed::{Backfill, FeedReader, FeedSettings, Stream, Subscription};
use crate::{Error, ErrorClass, Markets};

/// Commands that wait for a line.
const COMMANDS: usize = 64;
/// Streams of a feed: eight full lines.
const MAX_STREAMS: usize = 8 * 1_024;

/// What a feed needs of the world.
#[derive(Clone)]
pub struct Outside {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How it waits.
    pub timer: Arc<dyn Timer>,
    /// Where it gets what its sockets missed.
    pub backfill: Arc<dyn Backfill>,
}

/// Live market data of one exchange. Dropping it ends its sockets and, once they have read what waits for them, its
/// readers.
pub struct Feed {
    settings: FeedSettings,
    markets: Mutex<Arc<Markets>>,
    outside: Outside,
    tls: Arc<ClientConfig>,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lines: Vec<LineHandle>,
    /// Name of each stream on its line.
    streams: BTreeMap<Stream, (usize, String)>,
    tasks: JoinSet<()>,
}

struct LineHandle {
    route: Route,
    streams: usize,
    commands: mpsc::Sender<Command>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("venue", &self.settings.venue).finish_non_exhaustive()
    }
}

impl Feed {
    /// Opens sockets for what is subscribed, in tasks of the current runtime, and returns the feed with its first
    /// reader. `markets` say what the exchange calls each symbol.
    ///
    /// # Errors
    /// As [`Feed::add`].
    pub async fn connect(
        settings: FeedSettings,
        subscriptions: impl IntoIterator<Item = Subscription>,
        markets: Arc<Markets>,
        outside: Outside,
    ) -> Result<(Self, FeedReader), Error> {
        let (most, window) = settings.venue.connections();
        let budget = Mutex::new(Pacer::new(most, window));
        let feed = Self {
            shared: Arc::new(Shared { budget, queues: Mutex::default() }),
            tls: tls().map(Arc::new).map_err(|error| no_client(&error))?,
            state: Mutex::default(),
            settings,
            markets: Mutex::new(markets),
            outside,
        };
        let reader = feed.reader();
        for subscription in subscriptions {
            feed.add(subscription).await?;
        }
        Ok((feed, reader))
    }

    /// Goes by these markets from now on: some may have been listed since the feed was opened.
    pub fn set_markets(&self, markets: Arc<Markets>) {
        *self.markets.lock().unwrap_or_else(PoisonError::into_inner) = markets;
    }

    /// Returns another reader, which is told what comes from now on, in a queue of its own.
    #[must_use]
    pub fn reader(&self) -> FeedReader {
        let queue = Queue::new(&self.settings);
        self.shared.queues.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&queue));
        FeedReader(queue)
    }

    /// Subscribes a stream. One that is subscribed stays as it is.
    ///
    /// # Errors
    /// `BadSymbol` when there is no such market, `BadRequest` for a start off the timeframe's grid or too many
    /// streams, `ExchangeClosedByUser` when the feed's tasks are gone.
    pub async fn add(&self, subscription: Subscription) -> Result<(), Error> {
        let markets = self.markets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let market = markets.get(subscription.stream.symbol())?;
        if let (Stream::Candles { timeframe, .. }, Some(since)) = (&subscription.stream, subscription.since)
            && timeframe.floor(since) != since
        {
            let message =
                format!("`since` is {since}; candles of {timeframe} open at whole multiples of that");
            return Err(Error::new(ErrorClass::BadRequest, message));
        }
        let name = stream_name(&subscription.stream, &market.id);
        let commands = {
            let mut state = self.lock();
            if state.streams.contains_key(&subscription.stream) {
                return Ok(());
            }
            if state.streams.len() >= MAX_STREAMS {
                let message = format!("a feed has {MAX_STREAMS} streams at most");
                return Err(Error::new(ErrorClass::BadRequest, message));
            }
            let at = self.line_for(self.settings.venue.route(&subscription.stream), &mut state);
            state.streams.insert(subscription.stream.clone(), (at, name.clone()));
            state.lines[at].streams += 1;
            state.lines[at].commands.clone()
        };
        commands.send(Command::Add(name, subscription)).await.map_err(|_| gone())
    }

    /// Ends a subscription. One that is not there is no error.
    ///
    /// # Errors
    /// `ExchangeClosedByUser` when the feed's tasks are gone.
    pub async fn remove(&self, stream: &Stream) -> Result<(), Error> {
        let (commands, name) = {
            let mut state = self.lock();
            let Some((at, name)) = state.streams.remove(stream) else { return Ok(()) };
            state.lines[at].streams -= 1;
            (state.lines[at].commands.clone(), name)
        };
        commands.send(Command::Remove(name)).await.map_err(|_| gone())
    }

    /// Ends all sockets and waits until they are gone. Readers come to their end.
    pub async fn close(self) {
        let mut tasks = std::mem::take(&mut self.lock().tasks);
        tasks.shutdown().await;
    }

    /// Returns the place of a line with room, a new one if there is none.
    fn line_for(&self, route: Route, state: &mut State) -> usize {
        let most = self.settings.venue.streams_per_socket();
        let has_room = |line: &LineHandle| line.route == route && line.streams < most;
        if let Some(at) = state.lines.iter().position(has_room) {
            return at;
        }
        let (commands, obeyed) = mpsc::channel(COMMANDS);
        let at = state.lines.len();
        let line = Line::new(
            &self.settings,
            format!("{}{}", self.settings.url, route.path()),
            self.settings.seed.wrapping_add(at as u64),
            Arc::clone(&self.tls),
            self.outside.clone(),
            Arc::clone(&self.shared),
        );
        state.tasks.spawn(line.run(obeyed));
        state.lines.push(LineHandle { route, streams: 0, commands });
        at
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        for queue in self.shared.queues.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            queue.close();
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorClass::ExchangeClosedByUser, "the feed is closed")
}
