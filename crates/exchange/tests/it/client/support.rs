//! A sandbox, a client of it, and a time that both share and tests move.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tradai_domain::{Clock, ManualClock, Millis, Symbol, Timeframe};
use tradai_exchange::client::{Client, ClientBuilder, Timer};
use tradai_exchange::model::{OrderType, Side};
use tradai_exchange::{Credentials, Decimal, OrderRequest};
use tradai_sandbox::{Pace, Sandbox, Settings, build, sample};

/// 2024-01-01.
pub(crate) const START: Millis = 1_704_067_200_000;
pub(crate) const DAY: Millis = 86_400_000;
pub(crate) const MINUTE: Millis = 60_000;

/// Time that passes only while all who use it sleep: the first to wake moves the clock to its moment.
pub(crate) struct Virtual {
    clock: Arc<ManualClock>,
    /// While set, time stands still and sleepers sleep on.
    pub(crate) held: AtomicBool,
    sleepers: Mutex<(u64, BTreeSet<(Millis, u64)>)>,
}

impl Virtual {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Self {
        Self { clock, held: AtomicBool::new(false), sleepers: Mutex::default() }
    }
}

/// Real time in which requests under way come back before the clock moves on.
const SETTLE: Duration = Duration::from_millis(4);

/// A sleeper's place; left when dropped.
struct Sleeper<'a>(&'a Virtual, (Millis, u64));

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.sleepers.lock().unwrap().1.remove(&self.1);
    }
}

#[async_trait]
impl Timer for Virtual {
    async fn sleep(&self, pause: Duration) {
        let wake_at = self.clock.now_ms() + i64::try_from(pause.as_nanos().div_ceil(1_000_000)).unwrap();
        let sleeper = {
            let mut sleepers = self.sleepers.lock().unwrap();
            sleepers.0 += 1;
            let place = (wake_at, sleepers.0);
            sleepers.1.insert(place);
            Sleeper(self, place)
        };
        while self.clock.now_ms() < wake_at {
            tokio::time::sleep(SETTLE).await;
            let sleepers = self.sleepers.lock().unwrap();
            let now = self.clock.now_ms();
            let held = self.held.load(Ordering::SeqCst);
            if !held && sleepers.1.first() == Some(&sleeper.1) && now < wake_at {
                self.clock.advance(wake_at - now);
            }
        }
    }
}

/// A clock that is off.
pub(crate) struct Off(pub(crate) Arc<ManualClock>, pub(crate) Millis);

impl Clock for Off {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + chrono::TimeDelta::milliseconds(self.1)
    }
}

/// A running sandbox; stops when dropped.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) timer: Arc<Virtual>,
    pub(crate) sandbox: Sandbox,
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Returns settings over ten days of made-up candles, two days in, on the tests' time.
pub(crate) fn settings() -> Settings {
    let symbols: Vec<Symbol> =
        ["BTC/USDT", "BTC/USDT:USDT"].iter().map(|symbol| symbol.parse().unwrap()).collect();
    let mut settings = Settings::new(sample(7, &symbols, Timeframe::M5, START, START + 10 * DAY));
    settings.start = Some(START + 2 * DAY);
    settings.pace = Pace::Running(1);
    settings
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(settings()).await
    }

    pub(crate) async fn of(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::at(settings.start.unwrap()));
        let timer = Arc::new(Virtual::new(clock.clone()));
        let sandbox = build(settings, clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = sandbox.clone();
        let server = tokio::spawn(async move {
            served.serve(listener, std::future::pending()).await.unwrap();
        });
        Self { clock, timer, sandbox, address, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn builder(&self, key: &str) -> ClientBuilder {
        self.builder_on(key, self.clock.clone())
    }

    pub(crate) fn builder_on(&self, key: &str, clock: Arc<dyn Clock>) -> ClientBuilder {
        Client::builder(key, clock)
            .unwrap()
            .base_url(self.url())
            .timer(self.timer.clone())
            .credentials(Credentials::new("sandbox-key", "sandbox-secret"))
    }

    pub(crate) fn client(&self, key: &str) -> Client {
        self.builder(key).build().unwrap()
    }

    /// Sends a request to an admin endpoint.
    pub(crate) async fn admin(&self, method: &str, what: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} /_sandbox/{what} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.unwrap();
        let text = String::from_utf8(reply).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{what}: {text}");
        serde_json::from_str(body).unwrap()
    }

    pub(crate) async fn faults(&self, plan: Value) {
        self.admin("POST", "faults", &plan).await;
    }

    pub(crate) async fn no_faults(&self) {
        self.admin("DELETE", "faults", &Value::Null).await;
    }

    /// Returns the orders (plain and conditional) that have a client id.
    pub(crate) async fn orders_of(&self, client_id: &str) -> usize {
        let all = self.admin("GET", "orders", &Value::Null).await;
        let named = |list: &str, name: &str| {
            all[list].as_array().unwrap().iter().filter(|order| order[name] == client_id).count()
        };
        named("orders", "client_id") + named("algo_orders", "client_id")
    }

    /// Returns the requests that came in, as (time, method and path).
    pub(crate) async fn requests(&self) -> Vec<(Millis, String)> {
        let log = self.admin("GET", "log?after=0", &Value::Null).await;
        let lines = log.as_array().unwrap().iter().filter(|line| line["event"] == "request");
        lines
            .map(|line| {
                let method = line["method"].as_str().unwrap();
                let path = line["path"].as_str().unwrap();
                (line["at"].as_i64().unwrap(), format!("{method} {path}"))
            })
            .collect()
    }
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

/// A limit order below the market, so that it rests.
pub(crate) fn resting(market: &str, id: &str) -> OrderRequest {
    let mut order = OrderRequest::new(
        symbol(market),
        OrderType::Limit,
        Side::Buy,
        Some(decimal("0.01")),
        Some(decimal("30000")),
    );
    order.client_order_id = Some(id.to_owned());
    order
}

/// A market order, which fills at once.
pub(crate) fn filling(market: &str, id: &str) -> OrderRequest {
    let mut order =
        OrderRequest::new(symbol(market), OrderType::Market, Side::Buy, Some(decimal("0.01")), None);
    order.client_order_id = Some(id.to_owned());
    order
}

/// A rule that answers look-ups of orders with "there is no such order" so many times.
pub(crate) fn denying(path: &str, count: u32) -> Value {
    json!({"path": path, "method": "GET", "count": count, "fault": {
        "kind": "status", "status": 400, "body": {"code": -2013, "msg": "Order does not exist."}}})
}
