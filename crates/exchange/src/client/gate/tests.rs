use std::pin::pin;
use std::task::Poll;

use async_trait::async_trait;
use futures_util::poll;
use tradai_domain::ManualClock;

use super::*;
use crate::binance;

/// Never comes back by itself: the tests move the clock and wake who waits.
struct Still;

#[async_trait]
impl Timer for Still {
    async fn sleep(&self, _pause: Duration) {
        std::future::pending().await
    }
}

const SETTINGS: GateSettings = GateSettings {
    failures_to_open: 2,
    breaker_pause: Duration::from_secs(10),
    max_in_flight: 4,
    max_wait: Duration::from_secs(100),
};

fn gate() -> (Arc<Gate>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(0));
    let gate = Gate::new(&binance::SPOT, clock.clone(), Arc::new(Still), SETTINGS);
    (Arc::new(gate), clock)
}

fn ask(name: &str, weight: u32) -> Ask {
    let endpoint = binance::SPOT.endpoints().iter().find(|endpoint| endpoint.name == name).unwrap();
    Ask { endpoint, lane: endpoint.lane, weight, orders: u32::from(endpoint.lane == Lane::Order) }
}

fn used(gate: &Gate) -> u32 {
    gate.standing(ask("time", 1).endpoint).used
}

fn wake(gate: &Gate) {
    gate.changed.notify_waiters();
}

#[tokio::test]
async fn a_waiting_cancellation_overtakes_waiting_data() {
    let (gate, clock) = gate();
    gate.pass(ask("klines", 3_000)).await.unwrap().answered();
    let mut data = pin!(gate.pass(ask("klines", 3_000)));
    assert!(poll!(&mut data).is_pending(), "half the budget is data's");
    gate.pass(ask("cancelOrder", 3_000)).await.unwrap().answered();
    let mut more = pin!(gate.pass(ask("klines", 3_000)));
    let mut cancel = pin!(gate.pass(ask("cancelOrder", 1)));
    let mut later = pin!(gate.pass(ask("cancelOrder", 6_000)));
    assert!(
        poll!(&mut more).is_pending() && poll!(&mut cancel).is_pending() && poll!(&mut later).is_pending()
    );
    clock.advance(60_000);
    wake(&gate);
    assert!(poll!(&mut data).is_pending(), "cancellations that came later go first");
    assert!(matches!(poll!(&mut cancel), Poll::Ready(Ok(_))));
    assert!(poll!(&mut later).is_pending(), "and in the order they came");
    assert!(poll!(&mut data).is_pending(), "and while one waits no data goes");
}

#[tokio::test]
async fn who_leaves_the_queue_lets_the_next_one_go() {
    let (gate, _clock) = gate();
    gate.pass(ask("klines", 2_000)).await.unwrap().answered();
    let mut large = Box::pin(gate.pass(ask("klines", 3_000)));
    assert!(poll!(&mut large).is_pending());
    let mut small = pin!(gate.pass(ask("klines", 10)));
    assert!(poll!(&mut small).is_pending(), "behind the large one");
    drop(large);
    assert!(matches!(poll!(&mut small), Poll::Ready(Ok(_))));
    assert_eq!(used(&gate), 2_010, "what was left took nothing");
}

#[tokio::test]
async fn connections_are_bounded_and_some_are_kept_for_cancellations() {
    let (gate, _clock) = gate();
    let first = gate.pass(ask("klines", 1)).await.unwrap();
    let _second = gate.pass(ask("klines", 1)).await.unwrap();
    let mut third = pin!(gate.pass(ask("klines", 1)));
    assert!(poll!(&mut third).is_pending());
    let _order = gate.pass(ask("createOrder", 1)).await.unwrap();
    let _cancel = gate.pass(ask("cancelOrder", 1)).await.unwrap();
    let mut fifth = pin!(gate.pass(ask("cancelOrder", 1)));
    assert!(poll!(&mut fifth).is_pending(), "four is the bound");
    drop(first);
    assert!(matches!(poll!(&mut fifth), Poll::Ready(Ok(_))));
    assert!(poll!(&mut third).is_pending());
}

#[tokio::test]
async fn a_half_open_breaker_tries_once_and_a_dropped_try_is_handed_on() {
    let (gate, clock) = gate();
    gate.pass(ask("time", 1)).await.unwrap().failed();
    gate.pass(ask("time", 1)).await.unwrap().failed();
    let refused = gate.pass(ask("cancelOrder", 1)).await.err().unwrap();
    assert_eq!(
        (refused.class, refused.retry_after),
        (ErrorClass::ExchangeNotAvailable, Some(SETTINGS.breaker_pause))
    );
    clock.advance(10_000);
    let attempt = gate.pass(ask("time", 1)).await.unwrap();
    assert!(gate.pass(ask("time", 1)).await.is_err(), "one is trying");
    drop(attempt);
    gate.pass(ask("time", 1)).await.unwrap().answered();
    assert_eq!(gate.standing(ask("time", 1).endpoint).breaker, BreakerState::Closed);
}

fn limited(class: ErrorClass, code: Option<&str>, message: &'static str, seconds: u64) -> Error {
    let mut error = Error::new(class, message);
    error.code = code.map(str::to_owned);
    error.retry_after = Some(Duration::from_secs(seconds));
    error
}

#[tokio::test]
async fn a_limit_stops_its_host_to_the_millisecond_and_a_ban_stops_all() {
    let (gate, clock) = gate();
    let spot = ask("time", 1);
    let linear = Ask {
        endpoint: binance::SPOT.endpoints().iter().find(|e| e.path == "/fapi/v1/time").unwrap(),
        ..spot
    };
    gate.block(spot.endpoint, &limited(ErrorClass::RateLimitExceeded, Some("-1003"), "", 7));
    gate.block(spot.endpoint, &limited(ErrorClass::RateLimitExceeded, Some("-1003"), "", 1));
    gate.pass(linear).await.unwrap().answered();
    clock.advance(6_999);
    let mut waiting = pin!(gate.pass(ask("cancelOrder", 1)));
    assert!(poll!(&mut waiting).is_pending());
    clock.advance(1);
    wake(&gate);
    assert!(matches!(poll!(&mut waiting), Poll::Ready(Ok(_))));
    gate.block(spot.endpoint, &limited(ErrorClass::DDoSProtection, None, "", 120));
    for ask in [spot, linear] {
        let refused = gate.pass(ask).await.err().unwrap();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(120)), "longer than a call waits");
    }
    let mut named = limited(ErrorClass::DDoSProtection, None, "", 0);
    named.retry_at = Some(clock.now_ms() + 500_000);
    gate.block(spot.endpoint, &named);
    assert_eq!(gate.pass(spot).await.err().unwrap().retry_after, Some(Duration::from_secs(500)));
}

#[tokio::test]
async fn too_many_orders_stop_orders_only() {
    let (gate, _clock) = gate();
    let message = "Too many new orders; current limit is 100 orders per 10 SECOND.";
    gate.block(
        ask("createOrder", 1).endpoint,
        &limited(ErrorClass::RateLimitExceeded, Some("-1015"), message, 9),
    );
    let mut order = pin!(gate.pass(ask("createOrder", 1)));
    assert!(poll!(&mut order).is_pending());
    gate.pass(ask("cancelOrder", 1)).await.unwrap().answered();
    gate.pass(ask("klines", 1)).await.unwrap().answered();
}

#[tokio::test]
async fn measuring_the_time_anew_does_not_end_a_ban() {
    let (gate, clock) = gate();
    clock.advance(1_000_000);
    gate.block(ask("time", 1).endpoint, &limited(ErrorClass::RateLimitExceeded, None, "", 60));
    gate.server_time(|time| time.measure(1_000_000, 1_000_000, 1_300_000));
    let mut waiting = pin!(gate.pass(ask("time", 1)));
    assert!(poll!(&mut waiting).is_pending());
}

#[tokio::test]
async fn capacities_and_counts_of_the_exchange_hold() {
    let (gate, _clock) = gate();
    let klines = ask("klines", 2);
    gate.set_limits(klines.endpoint.base, &[("weight", 100), ("unknown", 1)]);
    gate.note(klines.endpoint, &[LimitNote::Used { budget: "weight", used: 49 }], 0);
    let mut waiting = pin!(gate.pass(klines));
    assert!(poll!(&mut waiting).is_pending());
    gate.note(klines.endpoint, &[LimitNote::Exhausted { budget: "weight", until: 5_000 }], 0);
    let mut cancel = pin!(gate.pass(ask("cancelOrder", 1)));
    assert!(poll!(&mut cancel).is_pending());
}
