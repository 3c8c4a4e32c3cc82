//! Markets that are listed, or change, while a client runs.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tradai_exchange::ErrorClass;

use super::support::{MINUTE, START, symbol};
use super::venue::{Query, Venue};

static LISTED: AtomicBool = AtomicBool::new(false);
const LIST: &str = "/api/v5/public/instruments?instType=SWAP";

fn okx(path: &str, query: &Query) -> Value {
    let row = |base: &str| {
        json!({"instId": format!("{base}-USDT-SWAP"), "instType": "SWAP", "ctType": "linear", "ctVal": "0.01",
            "ctMult": "1", "settleCcy": "USDT", "uly": format!("{base}-USDT"), "tickSz": "0.1", "lotSz": "1",
            "minSz": "1", "state": "live", "listTime": "1"})
    };
    let data = match path {
        "/api/v5/public/instruments" if query["instType"] != "SWAP" => json!([]),
        "/api/v5/public/instruments" if LISTED.load(Ordering::SeqCst) => json!([row("BTC"), row("ETH")]),
        "/api/v5/public/instruments" => json!([row("BTC")]),
        "/api/v5/market/ticker" => {
            json!([{"instId": query["instId"], "last": "100", "ts": START.to_string()}])
        }
        other => panic!("{other}"),
    };
    json!({"code": "0", "msg": "", "data": data})
}

#[tokio::test]
async fn what_is_listed_later_is_found_and_old_lists_are_loaded_anew() {
    let venue = Venue::new(START, okx).await;
    let client = venue.client("okx_futures");
    let eth = symbol("ETH/USDT:USDT");
    for (minutes, lists) in [(0, 1), (1, 2), (0, 2)] {
        venue.clock.advance(minutes * MINUTE);
        let error = client.fetch_ticker(&eth).await.unwrap_err();
        assert_eq!((error.class, venue.asked(LIST)), (ErrorClass::BadSymbol, lists));
    }
    LISTED.store(true, Ordering::SeqCst);
    assert_eq!(client.fetch_ticker(&eth).await.unwrap_err().class, ErrorClass::BadSymbol);
    venue.clock.advance(MINUTE);
    client.fetch_ticker(&eth).await.unwrap();
    assert_eq!(venue.asked(LIST), 3);
    venue.clock.advance(61 * MINUTE);
    client.fetch_ticker(&eth).await.unwrap();
    while venue.asked(LIST) < 4 {
        tokio::task::yield_now().await;
    }
}
