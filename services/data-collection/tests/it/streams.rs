//! Live data over real sockets, from a sandbox whose time passes when a test says so.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tradai_control_plane::data::{Exchange, Exchanges};
use tradai_data_collection::{FeedSource, Parts, Settings, build};
use tradai_domain::{Clock, ManualClock, SequentialIds, Symbol, Timeframe};
use tradai_exchange::MarketData;
use tradai_exchange::client::Client;
use tradai_sandbox::{Pace, sample};
use tradai_service::{MemoryIdempotency, Shutdown, serve};
use tradai_testkit::socket::{Message, Socket};
use tradai_timeseries::port::{StoreDocuments, StoreRepository};
use tradai_timeseries::{CandleStore, Location};

use crate::support::{MemoryAudit, START, settings};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
/// Longer than anything takes, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SYMBOLS: &str = "BTC/USDT:USDT,ETH/USDT:USDT,A/USDT:USDT,B/USDT:USDT,C/USDT:USDT,D/USDT:USDT,E/USDT:USDT,\
                       F/USDT:USDT,G/USDT:USDT,H/USDT:USDT";
const LINGER: &str = "DATA_COLLECTION_STREAM_LINGER_SECONDS";
const BTC: &str = "/ws/ohlcv?symbols=BTC/USDT:USDT&timeframe=1m";

/// A service with a feed of a sandbox, which stands one day into its candles.
struct Live {
    clock: Arc<ManualClock>,
    sandbox: SocketAddr,
    address: SocketAddr,
    shutdown: Shutdown,
    service: JoinHandle<()>,
    exchange: JoinHandle<()>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.service.abort();
        self.exchange.abort();
    }
}

impl Live {
    async fn new(variables: &[(&str, &str)], faults: &str) -> Self {
        let clock = Arc::new(ManualClock::at(START + DAY));
        let (sandbox, exchange) = start_sandbox(&clock, faults).await;
        let mut settings = settings(variables);
        // Who does not read is not let go for that: it is to be found slow.
        settings.http.limits.request_timeout = 10 * PATIENCE;
        if variables.iter().all(|(name, _)| *name != LINGER) {
            settings.stream_linger_seconds = 0;
        }
        let shutdown = Shutdown::manual();
        let app = build(&settings, parts(sandbox, &clock, &settings), &shutdown);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = shutdown.clone();
        let service = tokio::spawn(async move { serve(listener, app, stop).await.unwrap() });
        Self { clock, sandbox, address, shutdown, service, exchange }
    }

    async fn connect(&self, target: &str) -> Socket {
        let stream = TcpStream::connect(self.address).await.unwrap();
        Socket::open(stream, self.address, target, &[]).await.unwrap()
    }

    async fn events(&self, target: &str, headers: &str) -> Events {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Events(stream)
    }

    /// Code and reason of the close of a request that is refused.
    async fn refused(&self, target: &str, headers: &[(&'static str, &str)]) -> (u16, String) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut socket = Socket::open(stream, self.address, target, headers).await.unwrap();
        match socket.frame().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass, once the feed has answered every ping: the sandbox gives up on who owes one for a minute.
    async fn pass(&self, millis: i64) {
        self.until_sandbox("unanswered_pings", 0).await;
        self.clock.advance(millis);
    }

    /// Waits until the sandbox has so many sockets with streams.
    async fn until_upstream(&self, count: u64) {
        self.until_sandbox("subscribed", count).await;
    }

    async fn until_sandbox(&self, what: &str, count: u64) {
        let asking = async {
            loop {
                let text = get(self.sandbox, "/_sandbox/sockets").await;
                if serde_json::from_str::<Value>(&text).unwrap()[what] == count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the sandbox says so");
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = get(self.address, "/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    }
}

async fn start_sandbox(clock: &Arc<ManualClock>, faults: &str) -> (SocketAddr, JoinHandle<()>) {
    let symbols: Vec<Symbol> = SYMBOLS.split(',').map(|text| text.parse().unwrap()).collect();
    let candles = sample(7, &symbols, Timeframe::M1, START, START + 4 * DAY);
    let mut settings = tradai_sandbox::Settings::new(candles);
    settings.start = Some(START + DAY);
    settings.pace = Pace::Running(1);
    settings.faults = Some(serde_json::from_str(faults).unwrap());
    let sandbox = tradai_sandbox::build(settings, clock.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(async move { sandbox.serve(listener, std::future::pending()).await.unwrap() }))
}

/// Binance's futures and their feed at the sandbox's address, and an exchange without a feed.
fn parts(sandbox: SocketAddr, clock: &Arc<ManualClock>, settings: &Settings) -> Parts {
    let url = format!("http://{sandbox}");
    let (clock, ids): (Arc<dyn Clock>, _) = (clock.clone(), Arc::new(SequentialIds::default()));
    let mut feeds = BTreeMap::new();
    let exchanges = ["binance_futures", "okx_futures"].map(|key| {
        let client = Client::builder(key, clock.clone()).unwrap().base_url(&url).build().unwrap();
        let data = MarketData::new(client).unwrap();
        if let Some(mut feed) = FeedSource::of(&data, Some(&url), 0, clock.clone()) {
            // How fast frames come is the machine's affair: silence is no fault here.
            feed.settings.max_silence = Duration::from_secs(100 * 86_400);
            feed.settings.answer_timeout = Duration::from_secs(100 * 86_400);
            feeds.insert(key.parse().unwrap(), feed);
        }
        let candles = StoreRepository::new(CandleStore::in_memory(clock.clone(), ids.clone()));
        Exchange { source: Arc::new(data), candles: Arc::new(candles) }
    });
    assert_eq!(feeds.len(), 1);
    assert_eq!(settings.location, Location::Memory);
    let documents = Arc::new(StoreDocuments::open(&Location::Memory).unwrap());
    let (audit, idempotency) = (Arc::new(MemoryAudit::default()), Arc::new(MemoryIdempotency::default()));
    let exchanges = Exchanges::new(exchanges.into());
    Parts { exchanges, feeds, documents, audit, idempotency, api_keys: None, clock, ids }
}

async fn get(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// A client of server-sent events.
struct Events(TcpStream);

impl Events {
    /// Reads until a text has come.
    async fn until(&mut self, text: &str) -> String {
        let mut read = String::new();
        let mut buffer = [0; 4_096];
        while !read.contains(text) {
            let some = tokio::time::timeout(PATIENCE, self.0.read(&mut buffer)).await;
            let some = some.unwrap_or_else(|_| panic!("{text} does not come: {read}")).unwrap();
            assert_ne!(some, 0, "the stream ended: {read}");
            read.push_str(std::str::from_utf8(&buffer[..some]).unwrap());
        }
        read
    }

    async fn ended(&mut self) {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.unwrap().unwrap();
    }
}

/// Reads up to and with the candle of a moment.
async fn until_candle(socket: &mut Socket, open_time: i64) -> Vec<Value> {
    let mut messages = vec![socket.next().await];
    while messages.last().unwrap()["data"]["timestamp"] != open_time {
        messages.push(socket.next().await);
    }
    messages
}

fn times(messages: &[Value]) -> Vec<i64> {
    let candles = messages.iter().filter(|message| message["type"] == "candle");
    candles.map(|message| message["data"]["timestamp"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn candles_come_once_and_closed_over_one_upstream_socket() {
    let live = Live::new(&[], "[]").await;
    let mut first = live.connect(BTC).await;
    let live_message = first.until("live").await.pop().unwrap();
    assert_eq!(live_message["data"], serde_json::json!({"symbol": "BTC/USDT:USDT", "timeframe": "1m"}));
    let mut second = live.connect(&format!("/api/v1{BTC}")).await;
    assert_eq!(second.next().await["type"], "live", "who comes later is told the state");
    live.until_upstream(1).await;
    let mut told = Vec::new();
    for minute in 0..5 {
        live.pass(MINUTE).await;
        told.extend(until_candle(&mut first, START + DAY + minute * MINUTE).await);
        assert_eq!(second.next().await["data"], told.last().unwrap()["data"]);
    }
    assert_eq!(times(&told), (0..5).map(|at| START + DAY + at * MINUTE).collect::<Vec<_>>());
    let candle = &told[0]["data"];
    assert!(candle["low"].as_f64() <= candle["open"].as_f64() && candle["volume"].is_f64(), "{candle}");
    // What REST says of a candle that has closed.
    let path = format!("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime={}&limit=1", START + DAY);
    let rows: Value = serde_json::from_str(&get(live.sandbox, &path).await).unwrap();
    let number = |at: usize| rows[0][at].as_str().unwrap().parse::<f64>().ok();
    assert_eq!((candle["open"].as_f64(), candle["close"].as_f64()), (number(1), number(4)));
    assert_eq!(live.metric("tradai_ws_sockets").await, 2);
    drop(first);
    live.pass(MINUTE).await;
    until_candle(&mut second, START + DAY + 5 * MINUTE).await;
    drop(second);
    live.until_upstream(0).await;
    let mut again = live.connect(BTC).await;
    again.until("live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_goes_on_after_the_last_number_it_knows() {
    let live = Live::new(&[(LINGER, "3600")], "[]").await;
    let mut socket = live.connect(BTC).await;
    socket.until("live").await;
    live.pass(2 * MINUTE).await;
    let known = until_candle(&mut socket, START + DAY + MINUTE).await.pop().unwrap()["seq"].clone();
    drop(socket);
    // Nobody listens meanwhile.
    live.pass(3 * MINUTE).await;
    live.until_upstream(1).await;
    let mut again = live.connect(&format!("{BTC}&since_seq={known}")).await;
    let mut told = until_candle(&mut again, START + DAY + 4 * MINUTE).await;
    live.pass(MINUTE).await;
    told.extend(until_candle(&mut again, START + DAY + 5 * MINUTE).await);
    assert_eq!(times(&told), (2..6).map(|at| START + DAY + at * MINUTE).collect::<Vec<_>>());
    assert!(told.iter().all(|message| message["type"] == "candle"), "{told:?}");

    let newest = told.last().unwrap()["seq"].as_u64().unwrap();
    for unknown in [0, newest + 1_000] {
        let mut lost = live.connect(&format!("{BTC}&since_seq={unknown}")).await;
        let messages = lost.until("missed").await;
        assert_eq!(messages.last().unwrap()["data"]["since_seq"], unknown);
        assert_eq!(messages.last().unwrap()["seq"], newest, "what comes now goes on from here");
    }
    drop(again);
    // The hour of waiting is over.
    live.pass(61 * MINUTE).await;
    live.until_upstream(0).await;
    let mut late = live.connect(&format!("{BTC}&since_seq={newest}")).await;
    late.until("missed").await;
    let (status, body) = live.refused(&format!("{BTC}&since_seq=x"), &[]).await;
    assert!(status == 4400 && body.contains("since_seq"), "{status} {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_to_a_stream_that_had_ended_is_told_so_though_nothing_else_was() {
    let live = Live::new(&[], "[]").await;
    let mut socket = live.connect(BTC).await;
    socket.until("live").await;
    live.pass(MINUTE).await;
    let known = until_candle(&mut socket, START + DAY).await.pop().unwrap()["seq"].as_u64().unwrap();
    drop(socket);
    live.until_upstream(0).await;
    live.pass(180 * MINUTE).await;
    let mut again = live.connect(&format!("{BTC}&since_seq={known}")).await;
    let first = again.next().await;
    assert_eq!((&first["type"], &first["data"]["since_seq"]), (&"missed".into(), &known.into()), "{first}");
    assert!(first["seq"].as_u64().unwrap() > known, "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn event_streams_tell_the_same_and_go_on_by_the_last_id() {
    let live = Live::new(&[(LINGER, "3600")], "[]").await;
    let target = "/api/v1/ohlcv/events?symbols=BTC/USDT:USDT&timeframe=1m";
    let mut first = live.events(target, "").await;
    let hello = first.until("event: live").await;
    assert!(hello.contains("text/event-stream") && hello.contains("retry: 2000"), "{hello}");
    live.pass(2 * MINUTE).await;
    let candle = format!("\"timestamp\":{}", START + DAY);
    let told = first.until(&candle).await;
    assert!(told.contains("event: candle"), "{told}");
    // The next one may have come with it.
    let (before, _) = told.split_once(&candle).unwrap();
    let id = before.rsplit("id: ").next().unwrap().lines().next().unwrap().to_owned();
    drop(first);
    let mut again = live.events(target, &format!("Last-Event-ID: {id}\r\n")).await;
    let told = again.until(&format!("\"timestamp\":{}", START + DAY + MINUTE)).await;
    assert!(!told.contains("event: live") && !told.contains("missed"), "{told}");
    live.shutdown.stop();
    again.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_is_listed_while_the_feed_is_open_is_found() {
    let until = START + DAY + 30 * MINUTE;
    let faults = format!(r#"[{{"symbol": "ETHUSDT", "until": {until}, "fault": {{"kind": "delist"}}}}]"#);
    let live = Live::new(&[], &faults).await;
    let eth = BTC.replace("BTC", "ETH");
    let mut socket = live.connect(BTC).await;
    socket.until("live").await;
    let (status, body) = live.refused(&eth, &[]).await;
    assert!(status == 4400 && body.contains("ETH/USDT:USDT"), "{status} {body}");
    live.pass(2 * 60 * MINUTE).await;
    until_candle(&mut socket, START + DAY + 119 * MINUTE).await;
    let mut listed = live.connect(&eth).await;
    listed.until("live").await;
    live.pass(MINUTE).await;
    until_candle(&mut listed, START + DAY + 120 * MINUTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickers_come_as_decimal_texts() {
    let live = Live::new(&[], "[]").await;
    let mut socket = live.connect("/ws/tickers?symbols=ETH/USDT:USDT,BTC/USDT:USDT").await;
    socket.until("live").await;
    socket.until("live").await;
    live.pass(5_000).await;
    let ticker = socket.until("ticker").await.pop().unwrap();
    let price = |name: &str| ticker["data"][name].as_str().unwrap().parse::<f64>().unwrap();
    assert!(price("bid") < price("ask"), "{ticker}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_upstream_is_told_and_costs_no_candle() {
    let faults = r#"[{"path": "btcusdt@kline_1m", "skip": 2, "count": 1, "fault": {"kind": "cut"}}]"#;
    let live = Live::new(&[], faults).await;
    let mut socket = live.connect(BTC).await;
    socket.until("live").await;
    live.pass(3 * MINUTE).await;
    let mut told = socket.until("reconnecting").await;
    assert!(told.last().unwrap()["data"]["reason"].is_string());
    told.extend(socket.until("live").await);
    live.pass(MINUTE).await;
    told.extend(until_candle(&mut socket, START + DAY + 3 * MINUTE).await);
    assert_eq!(times(&told), (0..4).map(|at| START + DAY + at * MINUTE).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_learns_what_it_lost_and_holds_up_nobody() {
    let live = Live::new(&[], "[]").await;
    let target = format!("/ws/ohlcv?symbols={SYMBOLS}&timeframe=1m");
    let narrow = TcpSocket::new_v4().unwrap();
    narrow.set_recv_buffer_size(4_096).unwrap();
    let narrow = narrow.connect(live.address).await.unwrap();
    let mut slow = Socket::open(narrow, live.address, &target, &[]).await.unwrap();
    let mut quick = live.connect(&target).await;
    for _ in 0..10 {
        quick.until("live").await;
    }
    let mut candles = 0;
    while live.metric("tradai_ws_dropped_total").await == 0 {
        assert!(candles < 60 * 600, "the slow client's buffers are full by now");
        live.pass(60 * MINUTE).await;
        candles += 600;
        let mut told = 0;
        while told < 600 {
            let message = quick.next().await;
            assert_ne!(message["type"], "dropped", "the quick one gets them all");
            told += usize::from(message["type"] == "candle");
        }
    }
    let (mut lost, mut received) = (0, BTreeMap::<String, Vec<i64>>::new());
    while lost + received.values().map(Vec::len).sum::<usize>() < candles {
        let message = slow.next().await;
        let symbol = message["data"]["symbol"].as_str().unwrap().to_owned();
        match message["type"].as_str().unwrap() {
            "dropped" => lost += usize::try_from(message["data"]["count"].as_u64().unwrap()).unwrap(),
            "candle" => received.entry(symbol).or_default().extend(times(&[message])),
            _ => {}
        }
    }
    assert!(lost > 0 && received.values().all(|times| times.is_sorted_by(|one, next| one < next)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_by_the_code_of_the_close() {
    let live = Live::new(&[("DATA_COLLECTION_MAX_SOCKETS", "1")], "[]").await;
    let many = (0..101).map(|at| format!("X{at}/USDT")).collect::<Vec<_>>().join(",");
    for (target, text) in [
        ("/ws/ohlcv?symbols=NO/USDT:USDT&timeframe=1m", "has no market `NO/USDT:USDT`"),
        ("/ws/ohlcv?symbols=BTC/USDT:USDT&timeframe=7m", "/timeframe"),
        ("/ws/ohlcv?symbols=,&timeframe=1m", "names no market"),
        ("/ws/ohlcv?symbols=BTC/USDT:USDT", "timeframe"),
        ("/ws/tickers?symbols=BTC/USDT:USDT&exchange=okx_futures", "no live data of `okx_futures`"),
        ("/ws/tickers?symbols=BTC/USDT:USDT&exchange=kraken", "configured are binance_futures"),
        (&format!("/ws/tickers?symbols={many}"), "101 are more than 100"),
    ] {
        let (status, body) = live.refused(target, &[]).await;
        assert!(status == 4400 && body.contains(text), "{target}: {status} {body}");
    }
    let (status, body) = live.refused(BTC, &[("origin", "https://evil.example")]).await;
    assert!(status == 4403 && body.contains("CORS_ORIGINS"), "{status} {body}");
    assert!(get(live.address, BTC).await.contains("\"code\""), "no WebSocket, no stream");
    // None of them has kept the only place.
    let mut only = live.connect(BTC).await;
    only.until("live").await;
    let (status, body) = live.refused(BTC, &[]).await;
    assert!(status == 1013 && body.contains("as many WebSockets"), "{status} {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_come_as_a_subprotocol() {
    let item = format!("page:viewer:{}", blake3::hash(b"secret-1").to_hex());
    let live = Live::new(&[("DATA_COLLECTION_API_KEYS", &item)], "[]").await;
    assert_eq!(live.refused(BTC, &[]).await.0, 4401);
    let wrong = [("sec-websocket-protocol", "tradai, bearer.secret-2")];
    assert_eq!(live.refused(BTC, &wrong).await.0, 4401);
    let stream = TcpStream::connect(live.address).await.unwrap();
    let right = [("sec-websocket-protocol", "tradai, bearer.secret-1")];
    let mut socket = Socket::open(stream, live.address, BTC, &right).await.unwrap();
    socket.until("live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_talk_are_shown_out() {
    let live = Live::new(&[], "[]").await;
    for (length, code) in [(5, 1008), (5_000, 1009)] {
        let mut socket = live.connect(BTC).await;
        socket.say("x".repeat(length)).await;
        assert_eq!(socket.closed().await, code);
    }
    live.until_upstream(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_pinged_and_those_that_do_not_answer_are_let_go() {
    let live = Live::new(&[("DATA_COLLECTION_SOCKET_PING_SECONDS", "1")], "[]").await;
    let mut awake = live.connect(BTC).await;
    while !matches!(awake.frame().await, Message::Ping(_)) {}
    let mut asleep = live.connect(BTC).await;
    // Its bytes are read, and nothing is answered.
    let mut bytes = Vec::new();
    let read = asleep.connection().read_to_end(&mut bytes);
    tokio::time::timeout(PATIENCE, read).await.expect("the service ends the socket").unwrap();
    let code = 4408_u16.to_be_bytes();
    assert!(bytes.windows(2).any(|pair| pair == code), "{:?}", String::from_utf8_lossy(&bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_says_so() {
    let mut live = Live::new(&[], "[]").await;
    let mut sockets = [live.connect(BTC).await, live.connect("/ws/tickers?symbols=BTC/USDT:USDT").await];
    sockets[0].until("live").await;
    live.shutdown.stop();
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 1001);
    }
    tokio::time::timeout(PATIENCE, &mut live.service).await.expect("the service ends").unwrap();
}
