//! Faults on the wire.

use std::time::Duration;

use serde_json::{Value, json};
use tradai_domain::{Clock, SystemClock};

use crate::support::{Running, settings};

fn with(rule: &str) -> Running {
    let running = Running::start(settings());
    running.admin("faults", &format!("[{rule}]"));
    running
}

#[test]
fn an_order_of_unknown_state_was_carried_out() {
    let running = with(
        r#"{"path": "/api/v3/order", "method": "POST", "count": 1, "fault": {"kind": "unknown_state"}}"#,
    );
    let params = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newClientOrderId=mine";
    let (status, body) = running.signed("POST", "/api/v3/order", params);
    assert_eq!((status, body["code"].as_i64()), (500, Some(-1007)));
    let (_, order) = running.signed("GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine");
    assert_eq!(order["status"], "FILLED");
}

#[test]
fn connections_are_reset_before_and_after_the_order() {
    for (when, accepted) in [("before", 0), ("after", 1)] {
        let rule = format!(r#"{{"method": "POST", "fault": {{"kind": "reset", "when": "{when}"}}}}"#);
        let running = with(&rule);
        let target = running.sign(
            "/api/v3/order",
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1",
            running.sandbox.now(),
        );
        let reset = running.send("POST", &target, "").unwrap_err();
        assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset, "{when}");
        let orders = running.get("/_sandbox/orders");
        assert_eq!(orders["orders"].as_array().map(Vec::len), Some(accepted), "{when}");
    }
}

const BUY: &str = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newClientOrderId=mine";
const A_WHILE: Duration = Duration::from_millis(300);

#[test]
fn silence_before_and_after_the_order() {
    for (when, accepted) in [("before", 0), ("after", 1)] {
        let running = with(&format!(
            r#"{{"method": "POST", "count": 1, "fault": {{"kind": "silence", "when": "{when}"}}}}"#
        ));
        let target = running.sign("/fapi/v1/order", BUY, running.sandbox.now());
        assert!(!running.is_answered("POST", &target, A_WHILE), "{when}");
        let orders = running.get("/_sandbox/orders");
        assert_eq!(orders["orders"].as_array().map(Vec::len), Some(accepted), "{when}");
    }
}

#[test]
fn a_delayed_order_is_carried_out_though_its_client_has_left() {
    let running = with(r#"{"method": "POST", "count": 1, "fault": {"kind": "delay", "ms": 900}}"#);
    let target = running.sign("/api/v3/order", BUY, running.sandbox.now());
    assert!(!running.is_answered("POST", &target, A_WHILE));
    let find = || running.signed("GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine").1;
    assert_eq!(find()["code"], -2013, "not yet");
    while find()["code"] == -2013 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(find()["status"], "FILLED");
}

#[test]
fn orders_cannot_be_found_for_a_while_but_are_there() {
    for (order, open, trades) in [
        ("/api/v3/order", "/api/v3/openOrders", "/api/v3/myTrades"),
        ("/fapi/v1/order", "/fapi/v1/openOrders", "/fapi/v1/userTrades"),
    ] {
        let running = with(r#"{"symbol": "BTCUSDT", "fault": {"kind": "hide_orders", "ms": 30000}}"#);
        running.signed("POST", order, BUY);
        let price = running.get(&order.replace("order", "ticker/price?symbol=BTCUSDT"))["price"].clone();
        let below = (price.as_str().unwrap().parse::<f64>().unwrap() * 0.97).floor();
        let resting = &format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price={below}&newClientOrderId=rests"
        );
        assert_eq!(running.signed("POST", order, resting).0, 200);
        let find =
            |id: &str| running.signed("GET", order, &format!("symbol=BTCUSDT&origClientOrderId={id}")).1;
        let count = |path: &str| running.signed("GET", path, "symbol=BTCUSDT").1.as_array().unwrap().len();
        assert_eq!(
            (find("mine")["code"].as_i64(), find("rests")["code"].as_i64()),
            (Some(-2013), Some(-2013))
        );
        assert_eq!((count(open), count(trades)), (0, 0));
        assert_eq!(
            running.signed("DELETE", order, "symbol=BTCUSDT&origClientOrderId=rests").1["code"],
            -2011
        );
        assert_eq!(running.signed("POST", order, resting).0, 400, "a duplicate all the same");
        running.admin("clock", r#"{"advance_ms": 30000}"#);
        assert_eq!((&find("mine")["status"], &find("rests")["status"]), (&json!("FILLED"), &json!("NEW")));
        assert_eq!((count(open), count(trades)), (1, 1));
        assert_eq!(running.get("/_sandbox/ledger")["repeated_client_ids"], json!([]));
    }
}

#[test]
fn replies_are_spoiled_on_the_way() {
    let klines = "/api/v3/klines?symbol=BTCUSDT&interval=5m&limit=10";
    let sound = Running::start(settings()).send("GET", klines, "").unwrap().2;
    let spoiled = |fault: &str| with(&format!(r#"{{"fault": {fault}}}"#)).send("GET", klines, "");
    let (status, head, body) = spoiled(r#"{"kind": "truncate"}"#).unwrap();
    assert!(status == 200 && head.contains(&format!("content-length: {}", sound.len())), "{head}");
    assert_eq!(body, sound[..sound.len() / 2]);
    let (_, head, body) = spoiled(r#"{"kind": "broken_gzip"}"#).unwrap();
    assert!(head.contains("content-encoding: gzip") && body.starts_with(&[0x1f, 0x8b]));
    let (status, head, _) = spoiled(r#"{"kind": "html", "status": 403}"#).unwrap();
    assert!(status == 403 && head.contains("text/html"));
    let (status, head, body) = spoiled(r#"{"kind": "status", "status": 418, "retry_after": 7}"#).unwrap();
    assert!(status == 418 && head.contains("retry-after: 7") && body.is_empty());
    let begun = SystemClock.now_ms();
    drop(spoiled(r#"{"kind": "delay", "ms": 150}"#).unwrap());
    assert!(SystemClock.now_ms() - begun >= 150);
}

#[test]
fn candles_are_edited_but_the_tape_is_not() {
    let klines = "/api/v3/klines?symbol=BTCUSDT&interval=5m&limit=10";
    let opens = |rows: &Value| -> Vec<i64> {
        rows.as_array().unwrap().iter().map(|row| row[0].as_i64().unwrap()).collect()
    };
    let running = Running::start(settings());
    let sound = running.get(klines);
    for (edit, rows) in
        [("duplicate", 11), ("missing", 9), ("late", 8), ("out_of_order", 10), ("corrected", 10)]
    {
        running.admin(
            "faults",
            &format!(r#"[{{"count": 1, "fault": {{"kind": "candles", "edit": "{edit}"}}}}]"#),
        );
        let edited = running.get(klines);
        assert_eq!(opens(&edited).len(), rows, "{edit}");
        assert_ne!(edited, sound, "{edit}");
        assert_eq!(opens(&edited).is_sorted(), edit != "out_of_order", "{edit}");
        assert_eq!(running.get(klines), sound, "{edit}: only once");
    }
}

#[test]
fn clocks_run_off_markets_halt_and_stops_hide() {
    let running = with(r#"{"fault": {"kind": "skew", "ms": 3000}}"#);
    let now = running.sandbox.now();
    assert_eq!(running.get("/api/v3/time")["serverTime"].as_i64(), Some(now + 3_000));
    assert_eq!(running.json("GET", &running.sign("/api/v3/account", "", now + 3_000), "").0, 200);
    assert_eq!(
        running.json("GET", &running.sign("/api/v3/account", "recvWindow=2000", now), "").1["code"],
        -1021
    );

    running.admin("faults", r#"[{"symbol": "BTCUSDT", "fault": {"kind": "halt"}}]"#);
    let order = |symbol: &str| {
        running.signed("POST", "/api/v3/order", &format!("symbol={symbol}&side=BUY&type=MARKET&quantity=0.1"))
    };
    assert_eq!(order("BTCUSDT").1["msg"], "Market is closed.");
    assert_eq!(order("ETHUSDT").0, 200);
    assert_eq!(running.get("/api/v3/exchangeInfo?symbol=BTCUSDT")["symbols"][0]["status"], "BREAK");

    running.admin("faults", r#"[{"fault": {"kind": "hide_algos", "ms": 30000}}]"#);
    let stop = "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.1&triggerPrice=1000&algoType=CONDITIONAL&clientAlgoId=s";
    assert_eq!(running.signed("POST", "/fapi/v1/algoOrder", stop).0, 200);
    let find = || running.signed("GET", "/fapi/v1/algoOrder", "clientAlgoId=s").1;
    assert_eq!(find()["code"], -2013);
    assert_eq!(running.signed("GET", "/fapi/v1/openAlgoOrders", "").1, serde_json::json!([]));
    running.admin("clock", r#"{"advance_ms": 30000}"#);
    assert_eq!(find()["algoStatus"], "NEW");
}

#[test]
fn a_bad_plan_is_refused_and_the_old_one_stays() {
    let running = with(r#"{"path": "/api/v3/ping", "fault": {"kind": "status", "status": 503}}"#);
    for plan in
        ["{}", r#"[{"fault": {"kind": "magic"}}]"#, r#"[{"probability": 7, "fault": {"kind": "reset"}}]"#]
    {
        assert_eq!(running.json("POST", "/_sandbox/faults", plan).0, 400, "{plan}");
    }
    assert_eq!(running.json("GET", "/api/v3/ping", "").0, 503);
    assert_eq!(running.get("/_sandbox/faults")[0]["fired"], 1);
}
