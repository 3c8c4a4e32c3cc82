//! Requests as clients make them, and what they are refused with.

use serde_json::Value;

use crate::support::{DAY, Running, START, settings};

fn code(reply: &(u16, Value)) -> (u16, i64) {
    (reply.0, reply.1["code"].as_i64().unwrap_or_default())
}

#[test]
fn what_is_wrong_with_a_signed_request_is_told_apart() {
    let running = Running::start(settings());
    let now = running.sandbox.now();
    let ask = |target: String| code(&running.json("GET", &target, ""));
    let account = "/api/v3/account";
    assert_eq!(ask(running.sign(account, "", now)), (200, 0));
    assert_eq!(ask(running.sign(account, "", now - 5_001)), (400, -1021));
    assert_eq!(ask(running.sign(account, "recvWindow=60000", now - 60_000)), (200, 0));
    assert_eq!(ask(running.sign(account, "", now + 1_001)), (400, -1021));
    assert_eq!(ask(running.sign(account, "", now) + "&more=1"), (400, -1022));
    assert_eq!(ask(format!("{account}?timestamp={now}")), (400, -1102));
    assert_eq!(ask(format!("{account}?timestamp={now}&signature=zz")), (400, -1022));
    assert_eq!(ask("/api/v3/nothing".to_owned()), (404, -1));
}

#[test]
fn orders_are_refused_with_the_exchanges_codes() {
    let running = Running::start(settings());
    let order = |path: &str, params: &str| code(&running.signed("POST", path, params));
    let spot = |params: &str| order("/api/v3/order", params);
    assert_eq!(spot("symbol=NOPE&side=BUY&type=MARKET&quantity=1"), (400, -1121));
    assert_eq!(spot("symbol=BTCUSDT&side=UP&type=MARKET&quantity=1"), (400, -1117));
    assert_eq!(spot("symbol=BTCUSDT&side=BUY&type=WISH&quantity=1"), (400, -1116));
    assert_eq!(spot("symbol=BTCUSDT&side=BUY&type=MARKET"), (400, -1102));
    assert_eq!(spot("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=1"), (400, -1102));
    assert_eq!(spot("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1e5"), (400, -1100));
    assert_eq!(spot("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timeInForce=GTC"), (400, -1106));
    assert_eq!(spot("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=%24"), (400, -1100));
    assert_eq!(spot("symbol=BTCUSDT&side=SELL&type=MARKET&quantity=1"), (400, -2010));
    let futures = |params: &str| order("/fapi/v1/order", params);
    assert_eq!(futures("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0"), (400, -4003));
    assert_eq!(futures("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.00000001"), (400, -1111));
    assert_eq!(futures("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=100"), (400, -2019));
    assert_eq!(futures("symbol=BTCUSDT&side=BUY&type=STOP_MARKET&quantity=1&stopPrice=1"), (400, -4120));
    assert_eq!(futures("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&positionSide=LONG"), (400, -4061));
    let ledger = running.get("/_sandbox/ledger");
    assert_eq!(ledger["accepted_client_ids"], 0, "{ledger}");
}

#[test]
fn weight_is_told_then_refused_then_banned() {
    let running = Running::start(settings());
    running.admin("limits", r#"{"venue": "spot", "weight_per_minute": 4}"#);
    let ask = || running.send("GET", "/api/v3/klines?symbol=BTCUSDT&interval=5m&limit=1", "").unwrap();
    let (status, head, _) = ask();
    assert!(status == 200 && head.contains("x-mbx-used-weight-1m: 2"), "{head}");
    assert_eq!(ask().0, 200);
    let (status, head, _) = ask();
    assert!(status == 429 && head.contains("retry-after: 60"), "{head}");
    for _ in 0..9 {
        assert_eq!(ask().0, 429);
    }
    let (status, _, body) = ask();
    let body = String::from_utf8(body).unwrap();
    assert!(status == 418 && body.contains("IP banned until"), "{body}");
    assert_eq!(running.json("GET", "/fapi/v1/ping", "").0, 200, "the other venue has a limit of its own");
    running.admin("clock", r#"{"advance_ms": 120000}"#);
    assert_eq!(ask().0, 200);
}

#[test]
fn the_same_requests_leave_the_same_log() {
    let run = || {
        let running = Running::start(settings());
        running.admin(
            "faults",
            r#"[{"path": "/api/v3/order", "method": "POST", "probability": 0.3, "fault": {"kind": "unknown_state"}}]"#,
        );
        for step in 0..40 {
            let price = 40_000 + 300 * step;
            let params =
                format!("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={price}");
            running.signed("POST", "/api/v3/order", &params);
            running.signed("POST", "/fapi/v1/order", "symbol=ETHUSDT&side=SELL&type=MARKET&quantity=0.1");
            running.admin("clock", r#"{"advance_ms": 777000}"#);
        }
        running.get("/_sandbox/log")
    };
    let (first, second) = (run(), run());
    assert!(first.as_array().unwrap().len() > 100);
    assert_eq!(first, second);
}

#[test]
fn nonsense_is_answered_and_nothing_breaks() {
    let running = Running::start(settings());
    for target in [
        "/",
        "/api/v3/klines",
        "/api/v3/klines?symbol=%00&interval=%ff",
        "/api/v3/depth?symbol=BTCUSDT&limit=-1",
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=99999999999999999999",
        "/_sandbox/",
        "/_sandbox/log?after=x",
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=9223372036854775807&endTime=-9223372036854775808",
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=-9223372036854775808",
        "/api/v3/aggTrades?symbol=BTCUSDT&startTime=-9223372036854775808&endTime=9223372036854775807",
        "/api/v3/trades?symbol=BTCUSDT&fromId=18446744073709551615",
        "/api/v3/trades?symbol=BTCUSDT&fromId=9223372036854775807",
        "/fapi/v1/fundingRate?symbol=BTCUSDT&startTime=9223372036854775807",
        "/api/v3/exchangeInfo?symbols=[1]",
    ] {
        let (status, body) = running.json("GET", target, "");
        assert!((200..500).contains(&status), "{target}: {status} {body}");
    }
    let huge = "x".repeat(300_000);
    assert_eq!(running.send("POST", "/api/v3/order", &huge).map(|reply| reply.0).unwrap_or(413), 413);
    for body in ["", "[", "{}", r#"{"advance_ms": -1}"#, r#"{"advance_ms": 9e18}"#, r#"{"pace": 0}"#] {
        assert_eq!(running.json("POST", "/_sandbox/clock", body).0, 400, "{body}");
    }
    let huge_price = "9".repeat(30);
    let order = format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={huge_price}&price={huge_price}"
    );
    for path in ["/api/v3/order", "/fapi/v1/order"] {
        assert_eq!(running.signed("POST", path, &order).0, 400);
    }
    running.get("/api/v3/ping");
}

#[test]
fn orders_meet_the_prices_that_come() {
    let running = Running::start(settings());
    let candles = running.get("/api/v3/klines?symbol=BTCUSDT&interval=5m&limit=1");
    assert_eq!(candles[0][0].as_i64(), Some(START + 2 * DAY));
    let price = |body: &Value| body["price"].as_str().unwrap().parse::<f64>().unwrap();
    let last = price(&running.get("/api/v3/ticker/price?symbol=BTCUSDT"));
    let limit = (last * 0.995).round();
    let params = format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price={limit}&newClientOrderId=a"
    );
    assert_eq!(running.signed("POST", "/api/v3/order", &params).1["status"], "NEW");
    running.admin("clock", &format!(r#"{{"advance_ms": {}}}"#, 5 * DAY));
    // The market fell below the limit at some moment in between, or it did not; the order says the same.
    let target =
        format!("/api/v3/klines?symbol=BTCUSDT&interval=5m&startTime={}&limit=1000", START + 2 * DAY);
    let mut lowest = f64::MAX;
    let mut start = START + 2 * DAY;
    while start <= START + 7 * DAY {
        let rows = running.get(&target.replace(&(START + 2 * DAY).to_string(), &start.to_string()));
        let rows = rows.as_array().unwrap();
        if rows.is_empty() {
            break;
        }
        lowest =
            rows.iter().map(|row| row[3].as_str().unwrap().parse::<f64>().unwrap()).fold(lowest, f64::min);
        start = rows[rows.len() - 1][0].as_i64().unwrap() + 1;
    }
    let (_, order) = running.signed("GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=a");
    let filled = order["status"] == "FILLED";
    assert!(filled == (lowest < limit), "{order} lowest {lowest}");
    assert_eq!(running.get("/_sandbox/ledger")["ok"], true);
}
