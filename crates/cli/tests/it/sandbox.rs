//! `tradai sandbox`, spoken to over its socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::Value;

use crate::bad_input::check;
use crate::program::Place;

/// A sandbox in a process of its own; killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// What it said when it was up.
    started: Value,
}

impl Running {
    pub(crate) fn start(place: &Place, arguments: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tradai"))
            .args(["--json", "sandbox", "--port", "0"])
            .args(arguments.split_whitespace())
            .current_dir(place.path())
            .env_remove("TRADAI_SANDBOX_KEY")
            .env_remove("TRADAI_SANDBOX_SECRET")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = serde_json::Deserializer::from_reader(child.stdout.take().unwrap());
        let started = Value::deserialize(&mut answers).unwrap();
        Self { child, started }
    }

    pub(crate) fn url(&self) -> &str {
        self.started["url"].as_str().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let address = self.url().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (_, body) = reply.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {reply}"))
    }

    /// Asks it to stop, and returns its exit code.
    fn stop(&mut self) -> i32 {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn made_up_candles_surround_the_moment() {
    let place = Place::new();
    let mut sandbox = Running::start(&place, "--timeframe 1h --symbols BTC/USDT,ETH/USDT:USDT");
    assert_eq!(sandbox.started["synthetic"], true);
    assert_eq!(sandbox.started["symbols"], serde_json::json!(["BTC/USDT", "ETH/USDT:USDT"]));
    let time = sandbox.get("/api/v3/time")["serverTime"].as_i64().unwrap();
    let rows = sandbox.get("/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=3");
    let (first, last) = (rows[0][0].as_i64().unwrap(), rows[2][0].as_i64().unwrap());
    assert_eq!((last - first, last), (2 * 3_600_000, time - time % 3_600_000));
    assert_eq!(
        sandbox.get("/fapi/v1/klines?symbol=ETHUSDT&interval=4h&limit=2").as_array().unwrap().len(),
        2
    );
    assert_eq!(sandbox.get("/_sandbox/ledger")["ok"], true);
    assert_eq!(sandbox.stop(), 0);
}

#[test]
fn stored_candles_are_replayed_from_where_they_start() {
    let place = Place::new().with_candles();
    let arguments = "--stored --symbols BTC/USDT --timeframe 5m --pace stepped";
    let sandbox = Running::start(&place, arguments);
    assert_eq!(sandbox.started["time"], "2023-01-02 00:00:00");
    assert_eq!(sandbox.started["pace"], "stepped");
    let stored = place.run("--json data show BTC/USDT 1h --head 24").ok().json();
    let rows = sandbox.get("/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1000");
    let (rows, stored) = (rows.as_array().unwrap(), stored["candles"].as_array().unwrap());
    // The last one is open still.
    assert_eq!((rows.len(), stored.len()), (25, 24));
    for (row, stored) in rows.iter().zip(stored) {
        assert_eq!(row[0], stored[0]);
        let close: f64 = row[4].as_str().unwrap().parse().unwrap();
        assert_eq!(close, stored[4].as_f64().unwrap());
    }
}

#[test]
fn a_fault_plan_comes_from_a_file() {
    let place = Place::new();
    let plan = r#"[{"path": "/api/v3/time", "count": 1, "fault": {"kind": "status", "status": 503, "body": "{\"code\":-1008}"}}]"#;
    place.file("plan.json", plan);
    let sandbox = Running::start(&place, "--timeframe 1h --symbols BTC/USDT --faults plan.json");
    assert_eq!(sandbox.get("/api/v3/time")["code"], -1008);
    assert!(sandbox.get("/api/v3/time")["serverTime"].is_i64());
}

#[test]
fn what_cannot_work_is_refused() {
    let place = Place::new();
    place.file("plan.json", "[{\"fault\": {\"kind\": \"earthquake\"}}]");
    place.file("torn.json", "[{");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port_taken = format!("sandbox --timeframe 1h --port {}", taken.local_addr().unwrap().port());
    check(
        &place,
        &[
            ("sandbox --host 0.0.0.0", 2, &["--key", "TRADAI_SANDBOX_SECRET", "127.0.0.1"]),
            ("sandbox --key mine", 2, &["--secret"]),
            ("sandbox --pace 0", 2, &["1 to 10000", "stepped"]),
            ("sandbox --port 0 --timeframe 1h --faults plan.json", 2, &["earthquake"]),
            ("sandbox --port 0 --faults torn.json", 2, &["torn.json"]),
            ("sandbox --port 0 --faults missing.json", 3, &["missing.json"]),
            ("sandbox --port 0 --candles nowhere", 3, &["nowhere"]),
            ("sandbox --port 0 --stored --symbols BTC/USDT", 3, &["BTC/USDT 1m"]),
            ("sandbox --candles x --symbols BTC/USDT", 2, &["--candles"]),
            (&port_taken, 6, &["cannot listen at 127.0.0.1", "--port"]),
        ],
    );
}
