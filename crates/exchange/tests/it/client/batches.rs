//! Batches of which the exchange does a part.

use serde_json::{Value, json};
use tradai_exchange::model::OrderStatus;
use tradai_exchange::{Call, Scope};

use super::support::{START, decimal, resting, symbol};
use super::venue::{Query, Venue};

const SYMBOL: &str = "BTC/USDT:USDT";
const BATCH: &str = "POST /api/v5/trade/batch-orders";

/// Takes the first order of a batch; of the second the batch's answer says what the test's venue does.
fn partly(path: &str, query: &Query, second: &str) -> Value {
    let done = json!({"ordId": "1", "clOrdId": "one", "sCode": "0", "sMsg": ""});
    let rest = json!({"ordId": "", "clOrdId": "two", "sCode": second, "sMsg": "text"});
    let (code, data) = match path {
        "/api/v5/public/time" => ("0", json!([{"ts": START.to_string()}])),
        "/api/v5/public/instruments" if query["instType"] == "SWAP" => (
            "0",
            json!([{
            "instId": "BTC-USDT-SWAP", "instType": "SWAP", "ctType": "linear", "ctVal": "0.01", "ctMult": "1",
            "settleCcy": "USDT", "uly": "BTC-USDT", "tickSz": "0.1", "lotSz": "1", "minSz": "1", "state": "live",
            "listTime": "1"}]),
        ),
        "/api/v5/public/instruments" => ("0", json!([])),
        BATCH => ("2", json!([done, rest])),
        "POST /api/v5/trade/cancel-batch-orders" => ("2", json!([done, rest])),
        "/api/v5/trade/order" => (
            "0",
            json!([{"ordId": query["clOrdId"], "clOrdId": query["clOrdId"],
            "instId": "BTC-USDT-SWAP", "side": "buy", "ordType": "limit", "sz": "1", "px": "30000",
            "state": "live"}]),
        ),
        other => panic!("{other}"),
    };
    json!({"code": code, "msg": "", "data": data})
}

#[tokio::test]
async fn what_a_partly_refused_batch_placed_is_not_placed_again() {
    let refused = |path: &str, query: &Query| partly(path, query, "51008");
    let unclear = |path: &str, query: &Query| partly(path, query, "50004");
    for (answer, status) in
        [(refused as fn(&str, &Query) -> Value, Some(OrderStatus::Rejected)), (unclear, None)]
    {
        let venue = Venue::new(START, answer).await;
        let client = venue.client("okx_futures");
        let orders = ["one", "two"].map(|id| {
            let mut order = resting(SYMBOL, id);
            order.amount = Some(decimal("1"));
            order
        });
        let placed = client.create_orders(&orders).await.unwrap();
        let told: Vec<_> = placed.iter().map(|order| (order.id.as_deref(), order.status.clone())).collect();
        assert_eq!(told[0].0, Some("1"));
        assert_eq!(told[1], (None, status));
        for order in &orders {
            let again = client.create_order(order).await.unwrap();
            assert_eq!(again.client_order_id, order.client_order_id, "it was looked for and found");
        }
        assert_eq!(venue.asked(BATCH), 1, "nothing was sent again");
    }
}

#[tokio::test]
async fn a_partly_done_cancellation_is_no_refusal() {
    let venue = Venue::new(START, |path, query| partly(path, query, "51400")).await;
    let client = venue.client("okx_futures");
    let ids = vec!["1".to_owned(), "2".to_owned()];
    let call = Call::CancelOrders { ids, symbol: Some(symbol(SYMBOL)) };
    let error = client.scoped(call, Scope::default()).await.unwrap_err();
    assert!(error.is_order_unknown(), "{error}");
}
