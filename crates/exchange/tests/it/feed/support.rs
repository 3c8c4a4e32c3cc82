//! A sandbox whose candles are a minute long, a feed of it, and a time that passes when a test says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tradai_domain::{Clock, ManualClock, Millis, Symbol, Timeframe};
use tradai_exchange::Page;
use tradai_exchange::client::{Client, Timer};
use tradai_exchange::feed::binance::Venue;
use tradai_exchange::feed::{Feed, FeedItem, FeedReader, FeedSettings, Outside, Stream, Subscription};
use tradai_exchange::model::Candle;
use tradai_sandbox::{Pace, Settings, build, sample};

/// 2024-01-01.
pub(crate) const START: Millis = 1_704_067_200_000;
pub(crate) const DAY: Millis = 86_400_000;
pub(crate) const HOUR: Millis = 3_600_000;
pub(crate) const MINUTE: Millis = 60_000;
pub(crate) const SECOND: Millis = 1_000;

/// Longer than anything takes in real time, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at the sandbox.
const GLANCE: Duration = Duration::from_millis(5);

/// Wakes sleepers when the clock is moved.
pub(crate) struct Stepped {
    clock: Arc<ManualClock>,
    moved: watch::Sender<()>,
}

#[async_trait]
impl Timer for Stepped {
    async fn sleep(&self, pause: Duration) {
        let mut moved = self.moved.subscribe();
        let until = self.clock.now_ms() + i64::try_from(pause.as_millis()).unwrap();
        while self.clock.now_ms() < until {
            moved.changed().await.unwrap();
        }
    }
}

/// A running sandbox; stops when dropped.
pub(crate) struct World {
    pub(crate) venue: Venue,
    clock: Arc<ManualClock>,
    timer: Arc<Stepped>,
    client: Arc<Client>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl World {
    /// Starts a sandbox over three days of made-up candles, one day in, with a fault plan.
    pub(crate) async fn new(venue: Venue, faults: &str) -> Self {
        let symbols: Vec<Symbol> = ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"]
            .iter()
            .map(|s| s.parse().unwrap())
            .collect();
        let mut settings = Settings::new(sample(7, &symbols, Timeframe::M1, START, START + 4 * DAY));
        settings.start = Some(START + DAY);
        settings.pace = Pace::Running(1);
        settings.faults = Some(serde_json::from_str(faults).unwrap());
        let clock = Arc::new(ManualClock::at(START + DAY));
        let sandbox = build(settings, clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            sandbox.serve(listener, std::future::pending()).await.unwrap();
        });
        let key = if venue == Venue::Spot { "binance" } else { "binance_futures" };
        let client = Client::builder(key, clock.clone()).unwrap();
        let client = Arc::new(client.base_url(format!("http://{address}")).build().unwrap());
        let timer = Arc::new(Stepped { clock: clock.clone(), moved: watch::channel(()).0 });
        Self { venue, clock, timer, client, address, server }
    }

    pub(crate) fn symbol(&self, base: &str) -> Symbol {
        let rest = if self.venue == Venue::Spot { "/USDT" } else { "/USDT:USDT" };
        format!("{base}{rest}").parse().unwrap()
    }

    pub(crate) fn candles(&self, timeframe: Timeframe) -> Stream {
        Stream::Candles { symbol: self.symbol("BTC"), timeframe }
    }

    pub(crate) fn trades(&self) -> Stream {
        Stream::Trades { symbol: self.symbol("BTC") }
    }

    pub(crate) fn ticker(&self) -> Stream {
        Stream::BookTicker { symbol: self.symbol("BTC") }
    }

    /// Returns settings with which silence is no fault: how fast frames come is the machine's affair.
    pub(crate) fn settings(&self) -> FeedSettings {
        let mut settings = FeedSettings::new(self.venue);
        settings.url = format!("ws://{}", self.address);
        settings.max_silence = Duration::from_secs(100 * 86_400);
        settings.answer_timeout = Duration::from_secs(100 * 86_400);
        settings
    }

    pub(crate) async fn feed(&self, streams: &[Stream]) -> (Feed, Reader) {
        self.feed_with(self.settings(), streams.iter().cloned().map(Subscription::from).collect()).await
    }

    pub(crate) async fn feed_with(
        &self,
        settings: FeedSettings,
        subscriptions: Vec<Subscription>,
    ) -> (Feed, Reader) {
        let markets = self.client.load_markets(false).await.unwrap();
        let outside =
            Outside { clock: self.clock.clone(), timer: self.timer.clone(), backfill: self.client.clone() };
        let (feed, reader) = Feed::connect(settings, subscriptions, markets, outside).await.unwrap();
        (feed, Reader(reader))
    }

    /// Moves the time of all on at once.
    pub(crate) fn pass(&self, millis: Millis) {
        self.clock.advance(millis);
        self.timer.moved.send_replace(());
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now_ms()
    }

    /// Returns the candles that REST has closed by now, from a moment on.
    pub(crate) async fn closed(&self, timeframe: Timeframe, since: Millis) -> Vec<Candle> {
        let page = Page { since: Some(since), limit: Some(1_000), ..Page::default() };
        let rows = self.client.fetch_ohlcv(&self.symbol("BTC"), &timeframe.to_string(), page).await.unwrap();
        rows.into_iter().filter(|row| row.open_time + timeframe.millis() <= self.now()).collect()
    }

    /// Posts to an admin endpoint.
    pub(crate) async fn admin(&self, what: &str, body: &str) -> Value {
        self.request("POST", what, body).await
    }

    /// Waits until the sandbox has so many subscribed sockets, while time passes by steps.
    pub(crate) async fn until_sockets(&self, count: u64, step: Millis) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.request("GET", "sockets", "").await["subscribed"] != count {
            assert!(tokio::time::Instant::now() < deadline, "{count} sockets are there");
            self.pass(step);
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until the sandbox has heard the answer to every ping: it gives up on who owes one for a minute of the
    /// time that tests move.
    pub(crate) async fn pings_are_answered(&self) {
        while self.request("GET", "sockets", "").await["unanswered_pings"] != 0 {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until the first rule of the fault plan has struck.
    pub(crate) async fn fault_strikes(&self) {
        while self.request("GET", "faults", "").await[0]["fired"] == 0 {
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn request(&self, method: &str, what: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} /_sandbox/{what} HTTP/1.1\r\nHost: s\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

/// A reader that does not wait for ever.
pub(crate) struct Reader(pub(crate) FeedReader);

impl Reader {
    pub(crate) async fn next(&mut self) -> FeedItem {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("an item comes").expect("the feed is open")
    }

    /// Reads up to and with the first item that fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&FeedItem) -> bool) -> Vec<FeedItem> {
        let mut items = Vec::new();
        loop {
            let item = self.next().await;
            let is_it = fits(&item);
            items.push(item);
            if is_it {
                return items;
            }
        }
    }

    /// Reads until so many streams are live.
    pub(crate) async fn live(&mut self, streams: usize) -> Vec<FeedItem> {
        let mut items = Vec::new();
        for _ in 0..streams {
            items.extend(self.until(|item| matches!(item, FeedItem::Live { .. })).await);
        }
        items
    }

    /// Reads up to and with the candle that opens at a moment.
    pub(crate) async fn candle(&mut self, open_time: Millis) -> Vec<FeedItem> {
        self.until(|item| matches!(item, FeedItem::Candle { candle, .. } if candle.open_time == open_time))
            .await
    }
}

pub(crate) fn candles_of(items: &[FeedItem]) -> Vec<Candle> {
    let candle = |item: &FeedItem| match item {
        FeedItem::Candle { candle, .. } => Some(*candle),
        _ => None,
    };
    items.iter().filter_map(candle).collect()
}

/// Returns the kinds of the items that are neither candles, trades nor prices.
pub(crate) fn states(items: &[FeedItem]) -> Vec<&'static str> {
    let name = |item: &FeedItem| match item {
        FeedItem::Candle { .. } | FeedItem::Trade(_) | FeedItem::BookTicker(_) => None,
        FeedItem::Correction { .. } => Some("correction"),
        FeedItem::Gap { .. } => Some("gap"),
        FeedItem::Reconnecting { .. } => Some("reconnecting"),
        FeedItem::Stale { .. } => Some("stale"),
        FeedItem::Live { .. } => Some("live"),
        FeedItem::Dropped { .. } => Some("dropped"),
        _ => Some("other"),
    };
    items.iter().filter_map(name).collect()
}
