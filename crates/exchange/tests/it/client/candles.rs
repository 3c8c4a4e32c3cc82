//! Long stretches of candles through everything that goes wrong on the way.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tradai_domain::ports::Span;
use tradai_domain::{CandleSeries, SeriesKey, TimeRange, Timeframe};
use tradai_exchange::ErrorClass;
use tradai_exchange::client::{CandleReport, CandleWalk};
use tradai_sandbox::{Pace, Series, Settings, sample};

use super::support::{DAY, MINUTE, Off, START, World, symbol};

/// Candles that leave out these rows.
fn without(candles: &CandleSeries, missing: &[std::ops::Range<usize>]) -> CandleSeries {
    let mut kept = CandleSeries::default();
    for row in (0..candles.len()).filter(|row| !missing.iter().any(|range| range.contains(row))) {
        let values = [
            candles.open()[row],
            candles.high()[row],
            candles.low()[row],
            candles.close()[row],
            candles.volume()[row],
        ];
        kept.push(candles.open_time()[row], values);
    }
    kept
}

/// A sandbox of one market's minutes, listed ten days after [`START`], and the candles it has.
async fn world_with_gaps(market: &str, missing: &[std::ops::Range<usize>]) -> (World, CandleSeries) {
    let listed = START + 10 * DAY;
    let of = sample(7, &[symbol(market)], Timeframe::M1, listed, listed + 7 * DAY);
    let key = SeriesKey::traded(&symbol(market), Timeframe::M1);
    let full = of.into_iter().find(|series| series.key == key).unwrap();
    let candles = without(&full.candles, missing);
    let mut settings = Settings::new(vec![Series { key, candles: candles.clone() }]);
    settings.start = Some(listed + 7 * DAY + MINUTE);
    settings.pace = Pace::Running(1);
    (World::of(settings).await, candles)
}

async fn collect(mut walk: CandleWalk) -> (CandleSeries, CandleReport) {
    let mut all = CandleSeries::default();
    while let Some(page) = walk.next_page().await.unwrap() {
        for row in 0..page.len() {
            let values =
                [page.open()[row], page.high()[row], page.low()[row], page.close()[row], page.volume()[row]];
            all.push(page.open_time()[row], values);
        }
    }
    (all, walk.report().clone())
}

fn klines(probability: f64, fault: &Value) -> Value {
    json!({"path": "/*", "method": "GET", "probability": probability, "fault": fault})
}

/// X16: 10,000 candles with resets, limits, duplicates, holes and shuffled pages are exactly the exchange's candles.
#[tokio::test]
async fn fault_x16_ten_thousand_candles_through_every_fault_are_the_exchanges_own() {
    let gaps = [1_000..1_007, 4_321..4_322, 6_000..7_500];
    for (key, market) in [("binance", "BTC/USDT"), ("binance_futures", "BTC/USDT:USDT")] {
        let (world, candles) = world_with_gaps(market, &gaps).await;
        let client = world.client(key);
        let edit = |kind: &str| json!({"kind": "candles", "edit": kind});
        world
            .faults(json!([
                klines(0.02, &json!({"kind": "reset"})),
                klines(0.01, &json!({"kind": "status", "status": 429, "retry_after": 5})),
                klines(0.01, &json!({"kind": "truncate"})),
                klines(0.05, &json!({"kind": "status", "status": 200, "body": []})),
                klines(0.2, &edit("duplicate")),
                klines(0.2, &edit("missing")),
                klines(0.2, &edit("out_of_order")),
            ]))
            .await;
        let listed = START + 10 * DAY;
        let end = listed + 10_000 * MINUTE;
        let walk = client.candles(&symbol(market), Timeframe::M1, TimeRange::new(START, end));
        let (walked, report) = collect(walk).await;
        let rows = candles.rows_in(TimeRange::new(START, end));
        assert_eq!(walked, candles.slice(rows), "{market}");
        assert_eq!(report.candles, 10_000 - 7 - 1 - 1_500);
        let minutes = |span: &Span| (span.start - listed) / MINUTE..(span.end - listed) / MINUTE;
        assert_eq!(
            report.gaps.iter().map(minutes).collect::<Vec<_>>(),
            [1_000..1_007, 4_321..4_322, 6_000..7_500]
        );
        assert_eq!((report.first, report.nothing_from), (Some(listed), None));
    }
}

/// X16: what is asked for is little: the pages there are, and one more for each that has a hole.
#[tokio::test]
async fn fault_x16_a_walk_asks_for_no_more_than_it_needs() {
    let (world, candles) = world_with_gaps("BTC/USDT", &[]).await;
    let client = world.client("binance");
    client.load_markets(false).await.unwrap();
    let all = TimeRange { start: Some(START - 2_000 * DAY), end: None };
    let (walked, report) = collect(client.candles(&symbol("BTC/USDT"), Timeframe::M1, all)).await;
    assert_eq!(walked, candles);
    assert_eq!(report.first, Some(START + 10 * DAY));
    let asked = world.requests().await.iter().filter(|(_, what)| what == "GET /api/v3/klines").count();
    // 10,080 candles make 11 pages; the first starts years before the listing, which a second answer confirms.
    assert_eq!(asked, 12);
}

/// X16: candles that make no sense are asked for again, and refused by name when they stay so.
#[tokio::test]
async fn fault_x16_nonsense_is_asked_for_again_and_then_refused() {
    let (world, candles) = world_with_gaps("BTC/USDT", &[]).await;
    let client = world.client("binance");
    client.load_markets(false).await.unwrap();
    let at = START + 10 * DAY;
    let row = |at: i64, prices: [&str; 4]| {
        let [open, high, low, close] = prices;
        json!([at, open, high, low, close, "1", at + 59_999, "1", 1, "1", "1", "0"])
    };
    let good = ["10", "11", "9", "10"];
    for (rows, word) in [
        (json!([row(at, ["10", "8", "9", "10"])]), "is below low"),
        (json!([row(at, ["10", "11", "-9", "10"])]), "not above zero"),
        (json!([row(at + 1, good)]), "none of its times"),
        (json!([row(at, good), row(at, ["10", "12", "9", "10"])]), "two different candles"),
        (json!([row(at, ["10", "NaN", "9", "10"])]), "no number"),
    ] {
        let fault = |count: u32| {
            let body = &rows;
            json!([{"path": "/api/v3/klines", "count": count, "fault": {"kind": "status", "status": 200, "body": body}}])
        };
        let walk =
            || client.candles(&symbol("BTC/USDT"), Timeframe::M1, TimeRange::new(at, at + 10 * MINUTE));
        world.faults(fault(2)).await;
        let (walked, _) = collect(walk()).await;
        assert_eq!(walked, candles.slice(0..10), "{word}");
        world.faults(fault(1_000)).await;
        let mut stubborn = walk();
        let error = stubborn.next_page().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::BadResponse);
        assert!(error.to_string().contains(word), "{error}");
        world.no_faults().await;
        assert_eq!(
            stubborn.next_page().await.unwrap(),
            Some(candles.slice(0..10)),
            "it goes on where it was"
        );
        // The stock of retries fills with calls that work.
        for _ in 0..120 {
            client.fetch_time().await.unwrap();
        }
    }
}

/// X16: rows that belong to another stretch are cut off.
#[tokio::test]
async fn fault_x16_rows_outside_what_was_asked_are_cut_off() {
    let (world, candles) = world_with_gaps("BTC/USDT", &[]).await;
    let client = world.client("binance");
    let at = START + 10 * DAY + 20 * MINUTE;
    let walk =
        client.candles(&symbol("BTC/USDT"), Timeframe::M1, TimeRange::new(at + 1, at + 5 * MINUTE + 1));
    let (walked, _) = collect(walk).await;
    assert_eq!(walked, candles.slice(21..26), "opens inside the range");
}

/// The candle that still forms is not handed out, whatever the machine's clock says.
#[tokio::test]
async fn the_exchanges_clock_says_which_candle_has_closed() {
    for off in [-3_600_000, 0, 3_600_000] {
        let world = World::new().await;
        let clock = Arc::new(Off(world.clock.clone(), off));
        let client = world.builder_on("binance", clock).build().unwrap();
        world.clock.advance(7 * MINUTE);
        let five = Timeframe::M5;
        let start = five.floor(world.sandbox.now()) - 2 * five.millis();
        let range = TimeRange { start: Some(start), end: None };
        let (walked, report) = collect(client.candles(&symbol("BTC/USDT"), five, range)).await;
        assert_eq!(walked.open_time(), [start, start + five.millis()], "{off}");
        assert_eq!(report.nothing_from, None);
    }
}

/// A market that is not traded any more ends; its end is told, and found without walking through the years after.
#[tokio::test]
async fn the_end_of_a_market_is_told() {
    let (world, candles) = world_with_gaps("BTC/USDT", &[]).await;
    let client = world.client("binance");
    client.load_markets(false).await.unwrap();
    world.clock.advance(900 * DAY);
    let range = TimeRange { start: Some(START + 16 * DAY), end: None };
    let (walked, report) = collect(client.candles(&symbol("BTC/USDT"), Timeframe::M1, range)).await;
    assert_eq!(walked.open_time().last(), candles.open_time().last());
    assert_eq!(report.nothing_from, Some(START + 17 * DAY));
    let asked = world.requests().await.iter().filter(|(_, what)| what == "GET /api/v3/klines").count();
    assert!(asked <= 6, "{asked}");
}

#[tokio::test]
async fn a_stream_of_pages() {
    let (world, candles) = world_with_gaps("BTC/USDT", &[]).await;
    let client = world.client("binance");
    let pages = client.candles(&symbol("BTC/USDT"), Timeframe::M5, TimeRange::ALL).into_stream();
    let rows: usize = pages.map(|page| page.unwrap().len()).collect::<Vec<_>>().await.into_iter().sum();
    assert_eq!(rows, candles.len() / 5);
}
