//! Limits of calls, breakers, retries and bounds.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tradai_exchange::client::{Client, RetryPolicy, Timeouts};
use tradai_exchange::{Call, Error, ErrorClass, OrderRef, Request};

use super::support::{MINUTE, World, resting, symbol};

const TIME: &str = "GET /api/v3/time";

async fn fetch_time(client: &Client) -> Result<i64, Error> {
    client.fetch_time().await
}

/// The moments at which requests of a kind arrived.
async fn arrivals(world: &World, what: &str) -> Vec<i64> {
    world.requests().await.into_iter().filter(|(_, seen)| seen == what).map(|(at, _)| at).collect()
}

/// X15: after 429 nothing is sent before the moment the exchange named, by nobody; then calls go on.
#[tokio::test]
async fn fault_x15_a_limit_is_waited_for_to_the_second_by_all_callers() {
    let world = World::new().await;
    let mut at_once = RetryPolicy::default();
    at_once.first_pause = Duration::ZERO;
    let client = world.builder("binance").retries(at_once).build().unwrap();
    client.load_markets(false).await.unwrap();
    world
        .faults(json!([{"path": "/api/v3/time", "count": 1, "fault": {
        "kind": "status", "status": 429, "retry_after": 37,
        "body": {"code": -1003, "msg": "Too much request weight used; current limit is 6000."}}}]))
        .await;
    let before = world.sandbox.now();
    let btc = symbol("BTC/USDT");
    let (first, ticker, book) =
        tokio::join!(fetch_time(&client), client.fetch_ticker(&btc), client.fetch_order_book(&btc, None));
    assert!(first.is_ok() && ticker.is_ok() && book.is_ok());
    // Who was on the way when the limit came is not held back; nothing leaves afterwards until it ends.
    let after: Vec<i64> =
        world.requests().await.into_iter().map(|(at, _)| at).filter(|at| *at > before).collect();
    assert!(!after.is_empty() && after.iter().all(|at| *at >= before + 37_000), "{before}: {after:?}");
    fetch_time(&client).await.unwrap();
}

/// X15: the real thing: the budget runs out at the sandbox because another client used it up.
#[tokio::test]
async fn fault_x15_budgets_follow_what_the_exchange_counts() {
    let world = World::new().await;
    let (client, other) = (world.client("binance"), world.client("binance"));
    client.load_markets(false).await.unwrap();
    for _ in 0..30 {
        other.fetch_order_book(&symbol("BTC/USDT"), Some(500)).await.unwrap();
    }
    // The twelve weigh 3,000, which is data's half: what the other client used leaves no room for all of them.
    for _ in 0..12 {
        client.fetch_order_book(&symbol("BTC/USDT"), Some(5_000)).await.unwrap();
    }
    let refused = world.admin("GET", "log?after=0", &Value::Null).await;
    let refused = refused.as_array().unwrap().iter().filter(|line| line["status"] == 429).count();
    assert_eq!(refused, 0, "nobody ran into the limit");
    let minutes: std::collections::BTreeSet<i64> =
        arrivals(&world, "GET /api/v3/depth").await.into_iter().map(|at| at / MINUTE).collect();
    assert!(minutes.len() > 1, "some waited for the next minute: {minutes:?}");
}

/// X15: orders are counted apart, and what the count has no room for waits.
#[tokio::test]
async fn fault_x15_orders_wait_for_their_own_budget() {
    let world = World::new().await;
    let client = world.client("binance");
    for number in 0..95 {
        client.create_order(&resting("BTC/USDT", &format!("order-{number}"))).await.unwrap();
    }
    let log = world.admin("GET", "log?after=0", &Value::Null).await;
    assert!(log.as_array().unwrap().iter().all(|line| line["code"] != -1015), "never refused");
    let windows: std::collections::BTreeSet<i64> =
        arrivals(&world, "POST /api/v3/order").await.into_iter().map(|at| at / 10_000).collect();
    assert_eq!(windows.len(), 2, "90 of 100 in the first ten seconds are orders', the rest came later");
}

/// Data that waits for the next minute does not hold up a cancellation.
#[tokio::test]
async fn a_cancellation_goes_out_past_a_queue_of_data() {
    let world = World::new().await;
    let client = world.client("binance");
    let btc = symbol("BTC/USDT");
    let order = client.create_order(&resting("BTC/USDT", "queue")).await.unwrap();
    let minute = world.sandbox.now() / MINUTE;
    world.timer.held.store(true, Ordering::SeqCst);
    let books: Vec<_> = (0..30)
        .map(|_| {
            let (client, btc) = (client.clone(), btc.clone());
            tokio::spawn(async move { client.fetch_order_book(&btc, Some(5_000)).await.map(drop) })
        })
        .collect();
    // Until data's half is used up and the rest of the thirty waits.
    while arrivals(&world, "GET /api/v3/depth").await.len() < 11 {
        tokio::task::yield_now().await;
    }
    // Its time is refused and has to be asked for: that does not wait behind data either.
    let body = json!({"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."});
    let refused = json!({"path": "/api/v3/order", "method": "DELETE", "count": 1, "fault":
        {"kind": "status", "status": 400, "body": body}});
    world.faults(json!([refused])).await;
    let named = OrderRef { id: order.id, client_order_id: None, symbol: Some(btc.clone()) };
    client.cancel_order(&named).await.unwrap();
    world.timer.held.store(false, Ordering::SeqCst);
    for book in books {
        book.await.unwrap().unwrap();
    }
    let canceled = arrivals(&world, "DELETE /api/v3/order").await;
    assert_eq!(canceled.iter().map(|at| at / MINUTE).collect::<Vec<_>>(), [minute]);
    let asked = arrivals(&world, "GET /api/v3/time").await;
    assert_eq!(asked.iter().map(|at| at / MINUTE).collect::<Vec<_>>(), [minute, minute]);
    let last = arrivals(&world, "GET /api/v3/depth").await.last().copied().unwrap();
    assert!(last / MINUTE >= minute + 2, "the queue took minutes");
}

/// X15: 418 tells the end of a ban in its text; a call that would wait too long fails at once and says for how long.
#[tokio::test]
async fn fault_x15_a_ban_stops_every_host_until_its_named_end() {
    let world = World::new().await;
    let client = world.client("binance");
    client.load_markets(false).await.unwrap();
    let until = world.sandbox.now() + 400_000;
    world
        .faults(
            json!([{"path": "/api/v3/time", "count": 1, "fault": {"kind": "status", "status": 418, "body": {
        "code": -1003, "msg": format!("Way too much request weight used; IP banned until {until}. Please use \
        WebSocket Streams for live updates to avoid bans.")}}}]),
        )
        .await;
    let error = fetch_time(&client).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::RateLimitExceeded);
    let sent = world.requests().await.len();
    for market in ["BTC/USDT", "BTC/USDT:USDT"] {
        let error = client.fetch_ticker(&symbol(market)).await.unwrap_err();
        let wait = error.retry_after.unwrap();
        assert!(wait > Duration::from_secs(390) && wait <= Duration::from_secs(400), "{wait:?}");
    }
    assert_eq!(world.requests().await.len(), sent, "nothing was sent meanwhile");
    world.clock.advance(400_000);
    client.fetch_ticker(&symbol("BTC/USDT")).await.unwrap();
    client.fetch_ticker(&symbol("BTC/USDT:USDT")).await.unwrap();
}

/// The breaker opens after failures in a row, is left alone, tries once, and closes.
#[tokio::test]
async fn a_breaker_opens_tries_once_and_closes() {
    let world = World::new().await;
    let once = RetryPolicy::default();
    let client = world
        .builder("binance")
        .breaker(3, Duration::from_secs(10))
        .retries(no_retries(once))
        .build()
        .unwrap();
    client.load_markets(false).await.unwrap();
    let down = json!([{"path": "/api/v3/*", "fault": {"kind": "status", "status": 503}}]);
    world.faults(down).await;
    for _ in 0..3 {
        assert_eq!(fetch_time(&client).await.unwrap_err().status, Some(503));
    }
    let refused = fetch_time(&client).await.unwrap_err();
    assert_eq!((refused.class, refused.status), (ErrorClass::ExchangeNotAvailable, None));
    assert_eq!(refused.retry_after, Some(Duration::from_secs(10)));
    client.fetch_ticker(&symbol("BTC/USDT:USDT")).await.unwrap();
    world.clock.advance(10_000);
    assert_eq!(fetch_time(&client).await.unwrap_err().status, Some(503), "the one try");
    assert_eq!(fetch_time(&client).await.unwrap_err().retry_after, Some(Duration::from_secs(20)));
    world.no_faults().await;
    world.clock.advance(20_000);
    fetch_time(&client).await.unwrap();
    fetch_time(&client).await.unwrap();
}

fn no_retries(mut policy: RetryPolicy) -> RetryPolicy {
    policy.attempts = 1;
    policy
}

/// A caller that leaves in the middle of the one try of a half-open breaker takes nothing with it.
#[tokio::test]
async fn a_dropped_call_holds_nothing() {
    let world = World::new().await;
    let client = world
        .builder("binance")
        .breaker(1, Duration::from_secs(10))
        .retries(no_retries(RetryPolicy::default()))
        .max_connections(2)
        .build()
        .unwrap();
    fetch_time(&client).await.unwrap();
    world.faults(json!([{"path": "/api/v3/time", "count": 1, "fault": {"kind": "reset"}}])).await;
    fetch_time(&client).await.unwrap_err();
    world.clock.advance(10_000);
    world.faults(json!([{"path": "/api/v3/time", "count": 1, "fault": {"kind": "silence"}}])).await;
    for _ in 0..3 {
        let left = tokio::time::timeout(Duration::from_millis(200), fetch_time(&client)).await;
        if left.is_ok() {
            break;
        }
    }
    // One connection is data's share: a leaked one would leave none.
    fetch_time(&client).await.unwrap();
    fetch_time(&client).await.unwrap();
}

/// Retries of all calls together are bounded: an exchange that is down does not get four times the traffic.
#[tokio::test]
async fn retries_come_out_of_one_stock() {
    let world = World::new().await;
    let client = world.builder("binance").breaker(u32::MAX, Duration::from_secs(1)).build().unwrap();
    client.load_markets(false).await.unwrap();
    world.faults(json!([{"path": "/api/v3/time", "fault": {"kind": "reset"}}])).await;
    let calls = 40;
    for _ in 0..calls {
        fetch_time(&client).await.unwrap_err();
    }
    let faults = world.admin("GET", "faults", &Value::Null).await;
    let sent = faults[0]["fired"].as_u64().unwrap();
    assert_eq!(sent, calls + 20, "a stock of 20");
}

/// What is safe to repeat is repeated through every kind of broken reply.
#[tokio::test]
async fn reads_survive_broken_replies() {
    let world = World::new().await;
    let client = world.client("binance");
    client.load_markets(false).await.unwrap();
    for fault in [
        json!({"kind": "reset"}),
        json!({"kind": "truncate"}),
        json!({"kind": "html"}),
        json!({"kind": "broken_gzip"}),
        json!({"kind": "status", "status": 503}),
        json!({"kind": "status", "status": 500, "body": {"code": -1000, "msg": "unknown"}}),
    ] {
        world.faults(json!([{"path": "/api/v3/ticker/24hr", "count": 2, "fault": fault}])).await;
        let ticker = client.fetch_ticker(&symbol("BTC/USDT")).await;
        assert!(ticker.is_ok(), "{fault}: {ticker:?}");
    }
}

#[tokio::test]
async fn a_reply_beyond_the_bound_is_refused_and_texts_hold_no_secrets() {
    let world = World::new().await;
    let client = world
        .builder("binance")
        .max_reply_bytes(200)
        .retries(no_retries(RetryPolicy::default()))
        .build()
        .unwrap();
    fetch_time(&client).await.unwrap();
    let error = client.load_markets(false).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::BadResponse);
    assert!(error.to_string().contains("200 bytes"), "{error}");
    let gone = world.builder("binance").base_url("http://127.0.0.1:1").build().unwrap();
    let error = gone.fetch_balance().await.unwrap_err();
    let shown = format!("{error} {error:?} {client:?}");
    for hidden in ["127.0.0.1", "signature", "sandbox-key", "sandbox-secret", "http"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[tokio::test]
async fn a_silent_exchange_is_given_up_on() {
    let world = World::new().await;
    let mut timeouts = Timeouts::default();
    timeouts.request = Duration::from_millis(300);
    let client = world
        .builder("binance")
        .timeouts(timeouts)
        .retries(no_retries(RetryPolicy::default()))
        .build()
        .unwrap();
    world.faults(json!([{"path": "/api/v3/time", "fault": {"kind": "silence"}}])).await;
    let error = client.call(&Request::from(Call::FetchTime)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::RequestTimeout);
    assert_eq!(arrivals(&world, TIME).await.len(), 0);
}
