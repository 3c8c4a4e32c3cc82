//! Faults that are states of the exchange, and those that befall orders and users.

use serde_json::{Value, json};

use crate::sockets::Socket;
use crate::support::{DAY, Running, START, settings};

const NOW: i64 = START + 2 * DAY;
const MINUTE: i64 = 60_000;

fn with(rule: &str) -> Running {
    let running = Running::start(settings());
    running.admin("faults", &format!("[{rule}]"));
    running
}

/// Places a limit order a little below the price and returns it.
fn rest(running: &Running, quantity: &str) -> Value {
    let price = running.get("/fapi/v1/ticker/price?symbol=BTCUSDT")["price"].clone();
    let below = (price.as_str().unwrap().parse::<f64>().unwrap() * 0.99).floor();
    let asked = format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={below}&newClientOrderId=rests"
    );
    let (status, order) = running.signed("POST", "/fapi/v1/order", &asked);
    assert_eq!(status, 200, "{order}");
    order
}

#[test]
fn the_clock_runs_off_from_a_moment_on() {
    let running =
        with(&format!(r#"{{"from": {NOW}, "fault": {{"kind": "skew", "ms": 100, "drift_ppm": 500}}}}"#));
    let off = || running.get("/fapi/v1/time")["serverTime"].as_i64().unwrap() - running.sandbox.now();
    assert_eq!(off(), 100);
    running.admin("clock", r#"{"advance_ms": 600000}"#);
    assert_eq!(off(), 400, "300 ms in ten minutes");
}

#[test]
fn a_delisted_market_is_unknown_and_its_orders_end() {
    let running = Running::start(settings());
    rest(&running, "0.1");
    let rule = json!([{"symbol": "BTCUSDT", "from": NOW + MINUTE, "until": NOW + 2 * MINUTE, "fault": {"kind": "delist"}}]);
    running.admin("faults", &rule.to_string());
    let find = || running.signed("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=rests").1;
    assert_eq!(find()["status"], "NEW", "not yet");
    running.admin("clock", r#"{"advance_ms": 60000}"#);
    assert_eq!(running.json("GET", "/fapi/v1/klines?symbol=BTCUSDT&interval=5m", "").1["code"], -1121);
    assert_eq!(find()["code"], -1121);
    let listed = running.get("/fapi/v1/exchangeInfo")["symbols"].as_array().unwrap().len();
    assert_eq!(listed, 1);
    running.admin("clock", r#"{"advance_ms": 60000}"#);
    assert_eq!(find()["status"], "EXPIRED");
    assert_eq!(running.get("/_sandbox/ledger")["ok"], true);
}

#[test]
fn rules_change_in_the_middle_and_back() {
    let filters = r#"[{"filterType": "LOT_SIZE", "stepSize": "0.5", "minQty": "0.5"}]"#;
    let running = with(&format!(
        r#"{{"symbol": "BTCUSDT", "until": {}, "fault": {{"kind": "filters", "filters": {filters}}}}}"#,
        NOW + MINUTE
    ));
    let buy = || running.signed("POST", "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1");
    assert_eq!(buy().1["msg"], "Filter failure: LOT_SIZE");
    let step = || {
        let info = running.get("/api/v3/exchangeInfo?symbol=BTCUSDT");
        let filters = info["symbols"][0]["filters"].as_array().unwrap().clone();
        let lot = filters.into_iter().find(|filter| filter["filterType"] == "LOT_SIZE").unwrap();
        lot["stepSize"].as_str().unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(step().to_string(), "0.5");
    running.admin("clock", r#"{"advance_ms": 60000}"#);
    assert_eq!(buy().0, 200);
    assert!(step() < 0.5);
}

#[test]
fn candles_of_a_gap_are_nowhere_then_and_later() {
    let (from, until) = (NOW + 5 * MINUTE, NOW + 15 * MINUTE);
    let running = with(&format!(
        r#"{{"symbol": "ETHUSDT", "from": {from}, "until": {until}, "fault": {{"kind": "gap"}}}}"#
    ));
    let mut socket = Socket::open(&running, "/stream?streams=ethusdt@kline_5m/btcusdt@kline_5m");
    running.admin("clock", r#"{"advance_ms": 1500000}"#);
    let told = socket.all();
    let closed = |id: &str| -> Vec<i64> {
        let of = told.iter().map(|frame| &frame["data"]["k"]).filter(|k| k["s"] == id && k["x"] == true);
        of.map(|k| (k["t"].as_i64().unwrap() - NOW) / MINUTE).collect()
    };
    assert_eq!((closed("ETHUSDT"), closed("BTCUSDT")), (vec![0, 15, 20], vec![0, 5, 10, 15, 20]));
    let rows = running.get(&format!("/api/v3/klines?symbol=ETHUSDT&interval=5m&startTime={NOW}"));
    let opens: Vec<i64> =
        rows.as_array().unwrap().iter().map(|row| (row[0].as_i64().unwrap() - NOW) / MINUTE).collect();
    assert_eq!(opens, [0, 15, 20, 25]);
    let problem = running.json("POST", "/_sandbox/faults", r#"[{"fault": {"kind": "gap"}}]"#);
    assert!(problem.0 == 400 && problem.1.to_string().contains("until"), "{problem:?}");
}

#[test]
fn a_listen_key_ends_before_its_time_once() {
    let running = Running::start(settings());
    let new_key =
        || running.json("POST", "/fapi/v1/listenKey", "").1["listenKey"].as_str().unwrap().to_owned();
    let key = new_key();
    let mut socket = Socket::open(&running, &format!("/private/ws?listenKey={key}"));
    running.admin("faults", r#"[{"fault": {"kind": "expire_listen_key"}}]"#);
    assert!(
        socket
            .all()
            .iter()
            .any(|frame| frame["e"] == "listenKeyExpired" && frame["listenKey"] == key.as_str())
    );
    let (second, third) = (new_key(), new_key());
    assert!(second != key && second == third);
}

#[test]
fn what_is_canceled_may_be_filled_by_then() {
    for (share, executed, canceled) in [("0.5", "0.100", true), ("1", "0.200", false)] {
        let running = with(&format!(
            r#"{{"method": "DELETE", "path": "/fapi/v1/order", "fault": {{"kind": "fill_before_cancel", "share": {share}}}}}"#
        ));
        rest(&running, "0.2");
        let (status, reply) =
            running.signed("DELETE", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=rests");
        assert_eq!(status == 200, canceled, "{reply}");
        let (_, order) = running.signed("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=rests");
        assert_eq!(
            order["executedQty"].as_str().unwrap().parse::<f64>().unwrap(),
            executed.parse::<f64>().unwrap()
        );
        assert_eq!(order["status"], if canceled { "CANCELED" } else { "FILLED" });
        assert_eq!(running.get("/_sandbox/ledger")["ok"], true);
    }
}

#[test]
fn frames_come_late_and_candles_are_corrected() {
    let running =
        with(r#"{"path": "btcusdt@trade", "skip": 1, "count": 1, "fault": {"kind": "late_frame"}}"#);
    let mut socket = Socket::open(&running, "/ws/btcusdt@trade");
    running.admin("clock", r#"{"advance_ms": 300000}"#);
    let ids: Vec<i64> = socket.all().iter().map(|frame| frame["t"].as_i64().unwrap()).collect();
    let first = ids[0];
    assert_eq!(ids[..4], [first, first + 2, first + 1, first + 3]);

    let running = with(r#"{"path": "btcusdt@kline_5m", "count": 1, "fault": {"kind": "correct_closed"}}"#);
    let mut socket = Socket::open(&running, "/ws/btcusdt@kline_5m");
    running.admin("clock", r#"{"advance_ms": 600000}"#);
    let closed: Vec<Value> = socket.all().into_iter().filter(|frame| frame["k"]["x"] == true).collect();
    let number = |frame: &Value| frame["k"]["c"].as_str().unwrap().parse::<f64>().unwrap();
    assert_eq!((closed.len(), &closed[0]["k"]["t"]), (3, &closed[1]["k"]["t"]));
    assert!(number(&closed[1]) > number(&closed[0]));
}

#[test]
fn users_hear_things_twice_or_late() {
    let told = |fault: &str| -> Vec<Value> {
        let running = with(&format!(r#"{{"path": "user", "count": 1, "fault": {{"kind": "{fault}"}}}}"#));
        let key = running.json("POST", "/fapi/v1/listenKey", "").1["listenKey"].as_str().unwrap().to_owned();
        let mut socket = Socket::open(&running, &format!("/private/ws?listenKey={key}"));
        running.signed("POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1");
        let updates = socket.all().into_iter().filter(|frame| frame["e"] == "ORDER_TRADE_UPDATE");
        updates.map(|frame| frame["o"]["x"].clone()).collect()
    };
    assert_eq!(told("never_closed"), ["NEW", "TRADE"]);
    assert_eq!(told("duplicate_frame"), ["NEW", "NEW", "TRADE"]);
    assert_eq!(told("late_frame"), ["TRADE", "NEW"]);
    assert_eq!(told("drop_frame"), ["TRADE"]);
}

/// A seed, a plan and the same requests: the same replies and the same log, down to what each fault drew.
#[test]
fn a_run_can_be_repeated() {
    let plan = r#"[
        {"probability": 0.3, "path": "/api/v3/*", "fault": {"kind": "status", "status": 503}},
        {"probability": 0.3, "fault": {"kind": "candles", "edit": "missing"}},
        {"probability": 0.3, "method": "POST", "fault": {"kind": "unknown_state"}},
        {"probability": 0.3, "fault": {"kind": "html"}}]"#;
    let run = |seed: u64| -> (Vec<(u16, Value)>, Value) {
        let mut settings = settings();
        settings.seed = seed;
        settings.faults = Some(serde_json::from_str(plan).unwrap());
        let running = Running::start(settings);
        let mut replies = Vec::new();
        for at in 0..40 {
            replies.push(running.json("GET", "/api/v3/klines?symbol=BTCUSDT&interval=5m&limit=20", ""));
            let order = format!("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&newClientOrderId=c{at}");
            replies.push(running.signed("POST", "/api/v3/order", &order));
            running.admin("clock", r#"{"advance_ms": 10000}"#);
        }
        (replies, running.get("/_sandbox/log"))
    };
    let first = run(5);
    assert_eq!(first, run(5));
    assert_ne!(first.1, run(6).1);
}
