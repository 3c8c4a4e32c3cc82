//! Exchanges that serve the newest rows first, in windows: how their lists and candles are paged.

use serde_json::{Value, json};
use tradai_domain::{TimeRange, Timeframe};

use super::support::{DAY, MINUTE, START, symbol};
use super::venue::{Query, Venue};

const NOW: i64 = START + 30 * DAY + 20_000;
/// The market was listed then, and was halted for an hour and a half a day later.
const LISTED: i64 = START + 20 * DAY;
const HALT: (i64, i64) = (LISTED + DAY, LISTED + DAY + 90 * MINUTE);

/// The rows of a market in `[from, to]`, newest first, at most so many.
fn newest_first(step: i64, from: i64, to: i64, limit: usize) -> Vec<[String; 7]> {
    let first = from.max(LISTED);
    let first = first + (step - first.rem_euclid(step)) % step;
    let opens = (first..=to.min(NOW)).step_by(usize::try_from(step).unwrap());
    let mut rows: Vec<_> = opens
        .filter(|at| step >= DAY || !(HALT.0..HALT.1).contains(at))
        .map(|at| {
            let price = (100 + at / step % 50).to_string();
            [at.to_string(), price.clone(), price.clone(), price.clone(), price, "1".into(), "1".into()]
        })
        .collect();
    rows.reverse();
    rows.truncate(limit);
    rows
}

fn number(query: &Query, name: &str) -> i64 {
    query.get(name).unwrap_or_else(|| panic!("{name} of {query:?}")).parse().unwrap()
}

fn bybit(path: &str, query: &Query) -> Value {
    let result = match path {
        "/v5/market/time" => json!({}),
        "/v5/market/instruments-info" => {
            let row = |base: &str| {
                json!({"symbol": format!("{base}USDT"), "contractType": "LinearPerpetual", "status": "Trading",
                    "baseCoin": base, "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "1",
                    "priceFilter": {"tickSize": "0.1"}, "lotSizeFilter": {"qtyStep": "0.001"}})
            };
            match (query["category"].as_str(), query.get("cursor").map(String::as_str)) {
                ("linear", None) => json!({"list": [row("BTC")], "nextPageCursor": "two&2"}),
                ("linear", Some("two%262")) => json!({"list": [row("ETH")], "nextPageCursor": "three"}),
                ("linear", Some("three")) => json!({"list": [row("SOL")], "nextPageCursor": ""}),
                (_, None) => json!({"list": [], "nextPageCursor": ""}),
                other => panic!("{other:?}"),
            }
        }
        "/v5/market/kline" => {
            let step = if query["interval"] == "D" { DAY } else { MINUTE };
            let limit = usize::try_from(number(query, "limit")).unwrap();
            assert!(limit <= 1_000);
            json!({"list": newest_first(step, number(query, "start"), number(query, "end"), limit)})
        }
        other => panic!("{other}"),
    };
    json!({"retCode": 0, "retMsg": "OK", "result": result, "time": NOW})
}

fn okx(path: &str, query: &Query) -> Value {
    let data = match path {
        "/api/v5/public/time" => json!([{"ts": NOW.to_string()}]),
        "/api/v5/public/instruments" if query["instType"] == "SWAP" => json!([{
            "instId": "BTC-USDT-SWAP", "instType": "SWAP", "ctType": "linear", "ctVal": "0.01", "ctMult": "1",
            "settleCcy": "USDT", "uly": "BTC-USDT", "tickSz": "0.1", "lotSz": "1", "minSz": "1", "state": "live",
            "listTime": "1"}]),
        "/api/v5/public/instruments" => json!([]),
        "/api/v5/market/history-candles" | "/api/v5/market/candles" => {
            let step = if query["bar"] == "1Dutc" { DAY } else { MINUTE };
            // Both moments are left out.
            let (from, to) = (number(query, "before") + 1, number(query, "after") - 1);
            // The endpoint of old candles serves a hundred at most, whatever is asked for.
            json!(newest_first(step, from, to, 100.min(usize::try_from(number(query, "limit")).unwrap())))
        }
        other => panic!("{other}"),
    };
    json!({"code": "0", "msg": "", "data": data})
}

async fn walk(venue: &Venue, key: &str, market: &str) -> (Vec<i64>, Vec<(i64, i64)>) {
    let client = venue.client(key);
    let range = TimeRange::new(START - 900 * DAY, LISTED + 2 * DAY);
    let mut walk = client.candles(&symbol(market), Timeframe::M1, range);
    let mut opens = Vec::new();
    while let Some(page) = walk.next_page().await.unwrap() {
        opens.extend_from_slice(page.open_time());
    }
    let gaps = walk.report().gaps.iter().map(|gap| (gap.start, gap.end)).collect();
    (opens, gaps)
}

fn expected() -> Vec<i64> {
    (LISTED..LISTED + 2 * DAY)
        .step_by(usize::try_from(MINUTE).unwrap())
        .filter(|at| !(HALT.0..HALT.1).contains(at))
        .collect()
}

#[tokio::test]
async fn bybit_lists_are_followed_and_candles_come_whole() {
    let venue = Venue::new(NOW, bybit).await;
    let client = venue.client("bybit_futures");
    let markets = client.load_markets(false).await.unwrap();
    let listed: Vec<_> = markets.iter().map(|market| market.symbol.to_string()).collect();
    assert_eq!(listed, ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]);
    assert_eq!(walk(&venue, "bybit_futures", "BTC/USDT:USDT").await, (expected(), vec![HALT]));
    // Three years before the listing cost four requests: an empty page and one look at days, each confirmed.
    let pages = expected().len().div_ceil(1_000);
    assert!(venue.asked("/v5/market/kline") <= pages + 8, "{}", venue.asked("/v5/market/kline"));
}

#[tokio::test]
async fn okx_serves_less_than_asked_and_candles_come_whole() {
    let venue = Venue::new(NOW, okx).await;
    assert_eq!(walk(&venue, "okx_futures", "BTC/USDT:USDT").await, (expected(), vec![HALT]));
    assert_eq!(venue.asked("/api/v5/public/instruments"), 3, "one list for each kind of instrument");
}
