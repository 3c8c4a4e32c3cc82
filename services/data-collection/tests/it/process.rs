//! The service as a process of its own, over sockets, against a sandbox exchange that goes wrong on purpose.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tradai_domain::{CandleSeries, RandomIds, SeriesKey, Symbol, SystemClock, TimeRange, Timeframe};
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::wiring::Wiring;
use tradai_sandbox::{Series, Settings, build, sample};
use tradai_timeseries::{AsOf, CandleStore};

use crate::support::START;

const DAY: i64 = 86_400_000;

/// Candles of a day at five minutes.
const OF_DAY: u64 = 288;

/// A sandbox half a minute after the ninth day of its made-up candles; its time stands still. The half minute is for
/// clients, which know its time only as well as requests are quick.
struct Sandbox {
    address: SocketAddr,
    series: Vec<Series>,
    _runtime: tokio::runtime::Runtime,
}

impl Sandbox {
    fn start(symbols: &[&str]) -> Self {
        let symbols: Vec<Symbol> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
        let series = sample(7, &symbols, Timeframe::M5, START, START + 10 * DAY);
        let mut settings = Settings::new(series.clone());
        settings.start = Some(START + 9 * DAY + 30_000);
        let sandbox = build(settings, Arc::new(SystemClock)).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { sandbox.serve(listener, std::future::pending()).await });
        Self { address, series, _runtime: runtime }
    }

    fn admin(&self, path: &str, body: &str) {
        let (status, reply) = send(self.address, "POST", &format!("/_sandbox/{path}"), body).unwrap();
        assert!(status < 300, "{reply}");
    }

    /// Requests for candles of a market that arrived.
    fn requests(&self, market: &str) -> usize {
        let (_, log) = send(self.address, "GET", "/_sandbox/log?after=0", "").unwrap();
        let of_market = |line: &&str| line.contains("klines") && line.contains(market);
        log.split('{').filter(of_market).count()
    }

    /// What the exchange has of a market in the first days, as it was made up.
    fn candles(&self, symbol: &str, days: i64) -> CandleSeries {
        let symbol: Symbol = symbol.parse().unwrap();
        let found = self.series.iter().find(|series| series.key.symbol == symbol).unwrap();
        let rows = found.candles.rows_in(TimeRange::new(START, START + days * DAY));
        found.candles.slice(rows)
    }
}

/// A running service; killed when dropped.
struct Service {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Service {
    fn start(sandbox: &Sandbox, data: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let urls = format!("binance_futures=http://{0},binance=http://{0}", sandbox.address);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradai-data-collection"));
        command
            .env_clear()
            .env("LOG_FORMAT", "json")
            .env("DATA_COLLECTION_PORT", port.to_string())
            .env("DATA_COLLECTION_EXCHANGES", "binance_futures,binance")
            .env("DATA_COLLECTION_EXCHANGE_URLS", urls)
            .env("DATA_COLLECTION_DATA_DIR", data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut service = Self { child, log, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        let mut line = String::new();
        while !line.contains("listens on") {
            line.clear();
            assert_ne!(service.log.read_line(&mut line).unwrap(), 0, "the service did not start");
        }
        service
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_with(path, body, "")
    }

    /// With headers, each with its line's end.
    fn post_with(&self, path: &str, body: &Value, headers: &str) -> (u16, Value) {
        let body = body.to_string();
        let (status, reply) = send_with(self.address, "POST", path, &body, headers).unwrap();
        (status, serde_json::from_str(&reply).unwrap_or_else(|error| panic!("{error}: {reply}")))
    }

    fn get(&self, path: &str) -> Value {
        let (_, reply) = send(self.address, "GET", path, "").unwrap();
        serde_json::from_str(&reply).unwrap_or_else(|error| panic!("{error}: {reply}"))
    }

    /// Collects five-minute candles of the first days and waits for the end.
    fn sync(&self, symbols: &[&str], days: i64) -> Value {
        let (_, job) = self.post("/api/v1/sync?wait=25", &five_minutes(symbols, days));
        let path = job["links"]["self"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned();
        let mut job = job;
        while job["status"] == "running" {
            job = self.get(&format!("{path}?wait=25"));
        }
        job
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Tells it to stop and returns how it ended.
    fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn five_minutes(symbols: &[&str], days: i64) -> Value {
    let end = format!("2024-01-{:02}", days + 1);
    json!({"symbols": symbols, "timeframe": "5m", "start": "2024-01-01", "end": end})
}

fn send(address: SocketAddr, method: &str, target: &str, body: &str) -> std::io::Result<(u16, String)> {
    send_with(address, method, target, body, "")
}

fn send_with(
    address: SocketAddr,
    method: &str,
    target: &str,
    body: &str,
    headers: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, if head.to_lowercase().contains("chunked") { unchunked(body) } else { body.to_owned() }))
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        text.push_str(rest.get(..length).unwrap_or_default());
        body = rest.get(length + 2..).unwrap_or_default();
    }
    text
}

/// What the store in a data folder has of a market, as `tradai --store` would read it.
fn stored(data: &Path, exchange: &str, symbol: &str) -> CandleSeries {
    let store =
        CandleStore::open(&data.join("store").join(exchange), Arc::new(SystemClock), Arc::new(RandomIds));
    let key = SeriesKey::traded(&symbol.parse().unwrap(), Timeframe::M5);
    let read = store.unwrap().read(&key, TimeRange::ALL, AsOf::Latest).unwrap();
    read.map(|read| read.series).unwrap_or_default()
}

#[test]
fn candles_arrive_bit_for_bit_from_two_exchanges() {
    let sandbox = Sandbox::start(&["BTC/USDT:USDT", "ETH/USDT:USDT", "BTC/USDT"]);
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&sandbox, data.path());
    let result = service.sync(&["BTC/USDT:USDT", "ETH/USDT:USDT", "NOPE/USDT:USDT"], 9);
    assert_eq!(
        (&result["symbols_synced"], &result["rows_synced"]),
        (&json!(2), &json!(2 * 9 * OF_DAY)),
        "{result}"
    );
    assert_eq!(result["errors"][0]["kind"], "not_found");
    let mut spot = five_minutes(&["BTC/USDT"], 2);
    spot["exchange"] = json!("binance");
    assert_eq!(service.post("/api/v1/sync?wait=25", &spot).1["rows_synced"], 2 * OF_DAY);
    for (exchange, symbol, days) in [
        ("binance_futures", "BTC/USDT:USDT", 9),
        ("binance_futures", "ETH/USDT:USDT", 9),
        ("binance", "BTC/USDT", 2),
    ] {
        assert_eq!(
            stored(data.path(), exchange, symbol),
            sandbox.candles(symbol, days),
            "{exchange} {symbol}"
        );
    }
    assert!(service.get("/api/v1/exchanges/binance/markets")["items"][0]["symbol"].is_string());
    assert!(service.get("/api/v1/tickers?symbols=BTC/USDT:USDT")["items"][0]["last"].is_string());
    assert!(service.get("/api/v1/funding?symbols=BTC/USDT:USDT")["items"][0]["rate"].is_string());
    assert_eq!(service.get("/api/v1/health")["status"], "ok");
    assert!(service.stop().success());
}

#[test]
fn the_candle_that_forms_is_not_stored_and_the_rest_comes_later() {
    let sandbox = Sandbox::start(&["BTC/USDT:USDT"]);
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&sandbox, data.path());
    // It is half a minute after 2024-01-10; seven minutes later one more candle is closed, and one forms.
    sandbox.admin("clock", r#"{"advance_ms": 420000}"#);
    let open_end = json!({"symbols": ["BTC/USDT:USDT"], "timeframe": "5m", "start": "2024-01-09"});
    assert_eq!(service.post("/api/v1/sync?wait=25", &open_end).1["rows_synced"], OF_DAY + 1);
    assert!(service.stop().success());
    sandbox.admin("clock", r#"{"advance_ms": 300000}"#);
    // Another process: one that runs knows the exchange's time, and expects it to pass as its own does.
    let service = Service::start(&sandbox, data.path());
    let incremental = json!({"timeframe": "5m"});
    assert_eq!(service.post("/api/v1/sync/incremental?wait=25", &incremental).1["rows_synced"], 1);
    assert_eq!(stored(data.path(), "binance_futures", "BTC/USDT:USDT").len(), 290);
}

#[test]
fn a_symbol_that_is_refused_stops_no_other_and_comes_later() {
    let sandbox = Sandbox::start(&["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]);
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&sandbox, data.path());
    for status in [429, 418] {
        let rule = format!(
            r#"[{{"path": "/fapi/v1/klines", "symbol": "ETHUSDT",
                  "fault": {{"kind": "status", "status": {status}, "retry_after": 1, "body": {{"code": -1003, "msg": "x"}}}}}}]"#
        );
        sandbox.admin("faults", &rule);
        let result = service.sync(&["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"], 3);
        assert_eq!(
            (&result["status"], &result["symbols_synced"]),
            (&json!("completed"), &json!(2)),
            "{result}"
        );
        let error = &result["errors"][0];
        assert_eq!(
            (&error["symbol"], &error["kind"]),
            (&json!("ETH/USDT:USDT"), &json!("unavailable")),
            "{result}"
        );
        // Whatever is left of the exchange's pause is passed on.
        sandbox.admin("faults", "[]");
    }
    let result = service.sync(&["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"], 3);
    assert_eq!(
        (&result["symbols_synced"], &result["rows_synced"]),
        (&json!(3), &json!(3 * OF_DAY)),
        "{result}"
    );
}

#[test]
fn duplicates_disorder_and_gaps_of_the_exchange() {
    for edit in ["duplicate", "out_of_order"] {
        let sandbox = Sandbox::start(&["BTC/USDT:USDT"]);
        let data = tempfile::tempdir().unwrap();
        let service = Service::start(&sandbox, data.path());
        let rule =
            format!(r#"[{{"path": "/fapi/v1/klines", "fault": {{"kind": "candles", "edit": "{edit}"}}}}]"#);
        sandbox.admin("faults", &rule);
        let result = service.sync(&["BTC/USDT:USDT"], 9);
        assert_eq!(result["symbols_synced"], 1, "{edit}: {result}");
        assert_eq!(
            stored(data.path(), "binance_futures", "BTC/USDT:USDT"),
            sandbox.candles("BTC/USDT:USDT", 9),
            "{edit}"
        );
    }
    let sandbox = Sandbox::start(&["BTC/USDT:USDT"]);
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&sandbox, data.path());
    sandbox
        .admin("faults", r#"[{"path": "/fapi/v1/klines", "fault": {"kind": "candles", "edit": "missing"}}]"#);
    // The ninth day is left out: its last candle may just be late.
    let result = service.sync(&["BTC/USDT:USDT"], 8);
    let absent = result["symbols"][0]["candles_absent"].as_u64().unwrap();
    assert!(absent > 0, "{result}");
    assert_eq!(result["rows_synced"], 8 * OF_DAY - absent);
    let candles = stored(data.path(), "binance_futures", "BTC/USDT:USDT");
    let whole = sandbox.candles("BTC/USDT:USDT", 8);
    let have: BTreeSet<i64> = candles.open_time().iter().copied().collect();
    let lacking = whole.open_time().iter().filter(|time| !have.contains(time)).count();
    assert_eq!(u64::try_from(lacking).unwrap(), absent);
    // It is recorded as the exchange's, and not asked for again.
    let coverage =
        &service.get("/api/v1/coverage?symbols=BTC/USDT:USDT&timeframe=5m&end=2024-01-09")["items"][0];
    assert_eq!((&coverage["absent"], &coverage["complete"]), (&json!(absent), &json!(true)));
    let before = sandbox.requests("BTCUSDT");
    assert_eq!(service.sync(&["BTC/USDT:USDT"], 8)["rows_synced"], 0);
    assert_eq!(sandbox.requests("BTCUSDT"), before);
}

#[test]
fn a_killed_service_loses_nothing_and_goes_on() {
    let symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT"];
    let sandbox = Sandbox::start(&symbols);
    let data = tempfile::tempdir().unwrap();
    // Every symbol takes two requests; the first half of all come at once, then it is slow.
    let slow = r#"[{"path": "/fapi/v1/klines", "skip": 4, "fault": {"kind": "delay", "ms": 400}}]"#;
    sandbox.admin("faults", slow);
    let service = Service::start(&sandbox, data.path());
    let (_, job) = service.post("/api/v1/sync?wait=0", &five_minutes(&symbols, 9));
    let path = job["links"]["self"].as_str().unwrap().to_owned();
    while service.get(&path)["progress"]["candles_answered"].as_u64().unwrap() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    service.signal(Signal::SIGKILL);
    drop(service);
    sandbox.admin("faults", "[]");
    let service = Service::start(&sandbox, data.path());
    let result = service.sync(&symbols, 9);
    assert_eq!(result["symbols_synced"], 4, "{result}");
    for symbol in symbols {
        assert_eq!(stored(data.path(), "binance_futures", symbol), sandbox.candles(symbol, 9), "{symbol}");
    }
}

#[test]
fn who_did_what_and_what_was_answered_is_known_after_a_restart() {
    let sandbox = Sandbox::start(&["BTC/USDT:USDT"]);
    let data = tempfile::tempdir().unwrap();
    let key = "Idempotency-Key: once\r\n";
    let body = five_minutes(&["BTC/USDT:USDT"], 2);
    let service = Service::start(&sandbox, data.path());
    let (_, first) = service.post_with("/api/v1/sync?wait=25", &body, key);
    assert_eq!(first["status"], "completed", "{first}");
    assert!(service.stop().success());
    let service = Service::start(&sandbox, data.path());
    assert_eq!(service.post_with("/api/v1/sync?wait=25", &body, key), (200, first));
    assert_eq!(service.post_with("/api/v1/sync", &five_minutes(&["BTC/USDT:USDT"], 3), key).0, 422);
    assert!(service.stop().success());
    let state = StateSettings::new(data.path().to_owned());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entries = runtime.block_on(async { Wiring::open(&state, []).unwrap().audit.list(None, 10).await });
    let entries = entries.unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!((&*entries[0].1.action, &*entries[0].1.actor), ("candles.sync", "local"));
}

#[test]
fn a_stopped_service_stores_what_it_has_fetched() {
    let sandbox = Sandbox::start(&["BTC/USDT:USDT"]);
    let data = tempfile::tempdir().unwrap();
    // The second request of the nine days never gets an answer while the service runs.
    sandbox.admin("faults", r#"[{"path": "/fapi/v1/klines", "skip": 1, "fault": {"kind": "silence"}}]"#);
    let service = Service::start(&sandbox, data.path());
    let (_, job) = service.post("/api/v1/sync?wait=0", &five_minutes(&["BTC/USDT:USDT"], 9));
    let path = job["links"]["self"].as_str().unwrap().to_owned();
    let answered = loop {
        let answered = service.get(&path)["progress"]["candles_answered"].as_u64().unwrap();
        if answered > 0 {
            break answered;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(service.stop().success());
    let candles = stored(data.path(), "binance_futures", "BTC/USDT:USDT");
    assert_eq!(u64::try_from(candles.len()).unwrap(), answered);
}

#[test]
fn two_services_on_one_store_lose_nothing_and_store_nothing_twice() {
    let symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];
    let sandbox = Sandbox::start(&symbols);
    let data = tempfile::tempdir().unwrap();
    let services = [Service::start(&sandbox, data.path()), Service::start(&sandbox, data.path())];
    std::thread::scope(|scope| {
        for (service, days) in services.iter().zip([9, 7]) {
            scope.spawn(move || {
                let result = service.sync(&symbols, days);
                assert_eq!(result["symbols_synced"], 3, "{result}");
            });
        }
    });
    for symbol in symbols {
        assert_eq!(stored(data.path(), "binance_futures", symbol), sandbox.candles(symbol, 9), "{symbol}");
    }
}

#[test]
fn wrong_settings_end_the_process_and_a_dead_exchange_does_not() {
    let program = env!("CARGO_BIN_EXE_tradai-data-collection");
    let output = Command::new(program)
        .env_clear()
        .env("DATA_COLLECTION_EXCHANGES", "kraken")
        .env("DATA_COLLECTION_PORT", "x")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("2 faults in the settings") && text.contains("`kraken` is not known"), "{text}");

    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(&["BTC/USDT:USDT"]);
    let service = Service::start(&sandbox, data.path());
    service.sync(&["BTC/USDT:USDT"], 1);
    drop(sandbox);
    let stored = service.get("/api/v1/ohlcv?symbol=BTC/USDT:USDT&timeframe=5m&limit=10");
    assert_eq!(stored["rows"].as_array().unwrap().len(), 10);
    let (status, ready) = send(service.address, "GET", "/api/v1/ready", "").unwrap();
    assert_eq!(status, 200, "{ready}");
    let failed = service.sync(&["BTC/USDT:USDT"], 2);
    assert_eq!(
        (&failed["status"], &failed["errors"][0]["kind"]),
        (&json!("failed"), &json!("unavailable")),
        "{failed}"
    );
}
