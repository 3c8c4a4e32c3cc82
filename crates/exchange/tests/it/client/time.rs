//! The exchange's time and ours.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use tradai_domain::ports::Span;
use tradai_domain::{ManualClock, SeriesKey, Timeframe};
use tradai_exchange::{Environment, OrderRef};

use super::support::{MINUTE, Off, World, decimal, resting, settings, symbol};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn asked_for_time(world: &World) -> usize {
    world.requests().await.iter().filter(|(_, what)| what == "GET /api/v3/time").count()
}

/// X27: the machine's clock is off by minutes; signed calls go by the exchange's, and a person is told once.
#[tokio::test]
async fn fault_x27_signed_calls_work_however_far_the_clock_is_off() {
    for off in [-5 * MINUTE, 5 * MINUTE, 999, -1_500] {
        let world = World::new().await;
        let clock = Arc::new(Off(world.clock.clone(), off));
        let client = world.builder_on("binance", clock).build().unwrap();
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        client.fetch_balance().await.unwrap();
        world.clock.advance(10 * MINUTE);
        client.fetch_balance().await.unwrap();
        // The second call went by what was known, and asked aside.
        while asked_for_time(&world).await < 2 {
            tokio::task::yield_now().await;
        }
        assert!((client.exchange_now() - world.sandbox.now()).abs() <= 10, "{off}");
        let told = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let warnings =
            told.lines().filter(|line| line.contains("WARN") && line.contains("clock differs")).count();
        assert_eq!(warnings, usize::from(off.abs() > 1_000), "{off}: {told}");
        assert!(!told.contains("sandbox-secret") && !told.contains("signature"), "{told}");
        assert_eq!(asked_for_time(&world).await, 2, "once at first, once when what was measured was old");
    }
}

/// X27: the exchange's clock jumps between two calls; the refused call is sent once more with the right time.
#[tokio::test]
async fn fault_x27_a_refused_time_is_measured_anew_and_the_call_sent_once_more() {
    let world = World::new().await;
    let client = world.client("binance");
    client.fetch_balance().await.unwrap();
    world.faults(json!([{"fault": {"kind": "skew", "ms": 3 * MINUTE}}])).await;
    client.fetch_balance().await.unwrap();
    world
        .faults(json!([
        {"path": "/api/v3/account", "fault": {"kind": "status", "status": 400,
            "body": {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}}}]))
        .await;
    let error = client.fetch_balance().await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("-1021"));
}

#[tokio::test]
async fn a_sandbox_takes_the_place_of_every_host_whatever_the_environment() {
    let world = World::of(settings()).await;
    let client = world.builder("binance_futures").environment(Environment::Demo).build().unwrap();
    assert!(client.load_markets(false).await.unwrap().iter().count() >= 1);
    let balances = client.fetch_balance().await.unwrap();
    assert_eq!(balances.currencies["USDT"].total, Some(decimal("100000")));
}

/// An exchange that answers everything but the question for its time does not hold up what takes risk away.
#[tokio::test]
async fn a_cancellation_does_not_wait_for_an_old_time_to_be_measured_anew() {
    let world = World::new().await;
    let client = world.client("binance");
    let order = client.create_order(&resting("BTC/USDT", "aside")).await.unwrap();
    world.clock.advance(10 * MINUTE);
    world.faults(json!([{"path": "/api/v3/time", "fault": {"kind": "silence"}}])).await;
    let before = world.sandbox.now();
    let named = OrderRef { id: order.id, client_order_id: None, symbol: order.symbol };
    client.cancel_order(&named).await.unwrap();
    assert_eq!(world.sandbox.now(), before, "there was no pause for another try");
}

/// A clock put forward makes an open candle look closed: what closed is not told by an old time.
#[tokio::test]
async fn candles_are_not_taken_for_closed_by_an_old_time() {
    let world = World::new().await;
    let clock = Arc::new(ManualClock::at(world.sandbox.now()));
    let client = world.builder_on("binance", clock.clone()).build().unwrap();
    let key = SeriesKey::traded(&symbol("BTC/USDT"), Timeframe::M5);
    let span = Span::new(world.sandbox.now() - 10 * MINUTE, world.sandbox.now() + 60 * MINUTE);
    let first = client.candle_chunk(&key, span).await.unwrap().candles.len();
    clock.advance(30 * MINUTE);
    assert_eq!(client.candle_chunk(&key, span).await.unwrap().candles.len(), first, "measured anew");
    clock.advance(30 * MINUTE);
    world.faults(json!([{"path": "/api/v3/time", "fault": {"kind": "status", "status": 503}}])).await;
    assert!(client.candle_chunk(&key, span).await.is_err());
}
