//! No order is ever placed twice, and none is lost from sight.

use std::time::Duration;

use serde_json::{Value, json};
use tradai_exchange::client::{Client, OrderPolicy, Timeouts};
use tradai_exchange::model::{OrderStatus, OrderType, Side};
use tradai_exchange::{Call, ErrorClass, OrderRef, OrderRequest, Reply, Scope};

use super::support::{World, decimal, denying, filling, resting, symbol};

const SPOT: &str = "/api/v3/order";
const LINEAR: &str = "/fapi/v1/order";

/// The faults after which nobody knows what became of an order.
fn ways_to_lose(path: &str) -> Vec<(&'static str, Value)> {
    let on_post = |fault: Value| json!({"path": path, "method": "POST", "count": 1, "fault": fault});
    let body =
        json!({"code": -1006, "msg": "An unexpected response was received; execution status unknown."});
    vec![
        ("reset before", on_post(json!({"kind": "reset"}))),
        ("reset after", on_post(json!({"kind": "reset", "when": "after"}))),
        ("-1007 after", on_post(json!({"kind": "unknown_state"}))),
        ("503 before", on_post(json!({"kind": "status", "status": 503}))),
        ("503 after", on_post(json!({"kind": "status", "status": 503, "when": "after"}))),
        ("-1006 after", on_post(json!({"kind": "status", "status": 400, "when": "after", "body": body}))),
        ("page", on_post(json!({"kind": "html"}))),
        ("half a reply", on_post(json!({"kind": "truncate"}))),
        ("silence before", on_post(json!({"kind": "silence"}))),
        ("silence after", on_post(json!({"kind": "silence", "when": "after"}))),
    ]
}

fn client(world: &World, key: &str) -> Client {
    let mut timeouts = Timeouts::default();
    timeouts.request = Duration::from_millis(400);
    world.builder(key).timeouts(timeouts).build().unwrap()
}

async fn ledger_is_sound(world: &World) {
    let ledger = world.admin("GET", "ledger", &Value::Null).await;
    assert_eq!(ledger["ok"], true, "{ledger}");
    assert_eq!(ledger["repeated_client_ids"], json!([]), "{ledger}");
}

/// Places orders that each get lost in one of the ways: there is one of each in the end.
async fn one_order_each(is_meant: impl Fn(&str) -> bool) {
    for (key, market, path) in [("binance", "BTC/USDT", SPOT), ("binance_futures", "BTC/USDT:USDT", LINEAR)] {
        let world = World::new().await;
        let client = client(&world, key);
        let ways = ways_to_lose(path).into_iter().filter(|(way, _)| is_meant(way));
        for (index, (way, fault)) in ways.enumerate() {
            for (kind, order) in
                [("resting", resting as fn(&str, &str) -> OrderRequest), ("filling", filling)]
            {
                world.faults(json!([fault])).await;
                let id = format!("{kind}-{index}");
                let placed = client.create_order(&order(market, &id)).await;
                let placed = placed.unwrap_or_else(|error| panic!("{market} {way} {kind}: {error}"));
                assert_eq!(placed.client_order_id.as_deref(), Some(id.as_str()));
                let expected = if kind == "resting" { OrderStatus::Open } else { OrderStatus::Closed };
                assert_eq!(placed.status, Some(expected), "{market} {way} {kind}");
                assert_eq!(world.orders_of(&id).await, 1, "{market} {way} {kind}");
            }
        }
        ledger_is_sound(&world).await;
    }
}

/// X18: the exchange has the order, and the reply gets lost, whole or in part: it is looked for, and not sent again.
#[tokio::test]
async fn fault_x18_an_order_whose_reply_gets_lost_is_placed_once() {
    one_order_each(|way| !way.ends_with("before")).await;
}

/// X19: the order gets lost before the exchange has it: it is sent again under the same id once it is known to be absent.
#[tokio::test]
async fn fault_x19_an_order_that_never_arrived_is_sent_again_under_its_id() {
    one_order_each(|way| way.ends_with("before")).await;
}

#[tokio::test]
async fn look_ups_that_deny_the_order_for_a_while_do_not_make_a_second_one() {
    let world = World::new().await;
    let client = client(&world, "binance");
    for (index, (way, fault)) in ways_to_lose(SPOT).into_iter().enumerate() {
        world.faults(json!([fault, denying(SPOT, 4)])).await;
        let id = format!("denied-{index}");
        let placed = client.create_order(&filling("BTC/USDT", &id)).await;
        assert!(placed.is_ok(), "{way}: {placed:?}");
        assert_eq!(world.orders_of(&id).await, 1, "{way}");
    }
    ledger_is_sound(&world).await;
}

/// The exchange keeps the order to itself for longer than a lost request could still arrive.
#[tokio::test]
async fn an_order_that_hides_is_found_when_it_shows() {
    let world = World::new().await;
    let client = client(&world, "binance");
    let lose = json!({"path": SPOT, "method": "POST", "count": 1, "fault": {"kind": "unknown_state"}});
    world.faults(json!([lose, {"fault": {"kind": "hide_orders", "ms": 8_000}}])).await;
    let placed = client.create_order(&resting("BTC/USDT", "hidden")).await.unwrap();
    assert_eq!(placed.status, Some(OrderStatus::Open));
    // Hidden beyond the window: the resend meets the taken id, which is as good as finding it.
    world.faults(json!([lose, {"fault": {"kind": "hide_orders", "ms": 30_000}}])).await;
    let placed = client.create_order(&resting("BTC/USDT", "hidden-long")).await.unwrap();
    assert_eq!(placed.status, Some(OrderStatus::Open));
    for id in ["hidden", "hidden-long"] {
        assert_eq!(world.orders_of(id).await, 1, "{id}");
    }
    ledger_is_sound(&world).await;
}

#[tokio::test]
async fn conditional_contract_orders_are_looked_for_in_their_own_book() {
    let world = World::new().await;
    let client = client(&world, "binance_futures");
    let stop = |id: &str| {
        let mut order = OrderRequest::new(
            symbol("BTC/USDT:USDT"),
            OrderType::Market,
            Side::Sell,
            Some(decimal("0.01")),
            None,
        );
        order.stop_loss_price = Some(decimal("20000"));
        order.client_order_id = Some(id.to_owned());
        order
    };
    for (index, (way, fault)) in ways_to_lose("/fapi/v1/algoOrder").into_iter().enumerate() {
        world.faults(json!([fault, {"fault": {"kind": "hide_algos", "ms": 30_000}}])).await;
        let id = format!("stop-{index}");
        let placed = client.create_order(&stop(&id)).await;
        assert!(placed.is_ok(), "{way}: {placed:?}");
        assert_eq!(world.orders_of(&id).await, 1, "{way}");
    }
    ledger_is_sound(&world).await;
}

#[tokio::test]
async fn what_cannot_be_decided_says_so_and_names_the_order() {
    let world = World::new().await;
    let client = client(&world, "binance");
    let lose = json!({"path": SPOT, "method": "POST", "count": 1, "fault": {"kind": "unknown_state"}});
    let blind = json!({"path": SPOT, "method": "GET", "fault": {"kind": "status", "status": 503}});
    world.faults(json!([lose, blind])).await;
    let error = client.create_order(&filling("BTC/USDT", "unseen")).await.unwrap_err();
    assert!(error.is_order_unknown() && !error.is_transient());
    assert_eq!(error.kind(), tradai_domain::ErrorKind::Conflict);
    assert_eq!(error.unresolved.as_ref().unwrap().client_order_id.as_deref(), Some("unseen"));
    assert!(error.to_string().ends_with("the fate of order unseen is unknown"), "{error}");
    assert_eq!(world.orders_of("unseen").await, 1, "never sent again while blind");
    // The filled order's id is free at the exchange: only the look before sending keeps a second one away.
    world.no_faults().await;
    world.clock.advance(60_000);
    let found = client.create_order(&filling("BTC/USDT", "unseen")).await.unwrap();
    assert_eq!(found.status, Some(OrderStatus::Closed));
    assert_eq!(world.orders_of("unseen").await, 1);
    ledger_is_sound(&world).await;
}

/// Callers may leave at any moment, and try again with the same order.
#[tokio::test]
async fn a_dropped_order_is_looked_for_before_it_is_sent_again() {
    let world = World::new().await;
    let client = world.client("binance");
    client.fetch_balance().await.unwrap();
    for (index, fault) in ["silence", "delay"].into_iter().enumerate() {
        let fault = match fault {
            "silence" => json!({"kind": "silence", "when": "after"}),
            _ => json!({"kind": "delay", "ms": 300}),
        };
        world.faults(json!([{"path": SPOT, "method": "POST", "count": 1, "fault": fault}])).await;
        let id = format!("dropped-{index}");
        let order = filling("BTC/USDT", &id);
        let left = tokio::time::timeout(Duration::from_millis(150), client.create_order(&order)).await;
        assert!(left.is_err(), "it was left");
        let placed = client.create_order(&order).await.unwrap();
        assert_eq!(placed.status, Some(OrderStatus::Closed));
        assert_eq!(world.orders_of(&id).await, 1);
    }
    ledger_is_sound(&world).await;
}

#[tokio::test]
async fn the_same_order_placed_again_is_the_same_order() {
    let world = World::new().await;
    let client = world.client("binance");
    let order = filling("BTC/USDT", "twice");
    let first = client.create_order(&order).await.unwrap();
    let second = client.create_order(&order).await.unwrap();
    assert_eq!(first.id, second.id);
    let mut other = order.clone();
    other.amount = Some(decimal("0.02"));
    assert_eq!(client.create_order(&other).await.unwrap_err().class, ErrorClass::DuplicateOrderId);
    // A process that starts anew knows nothing; it resumes.
    let restarted = world.client("binance");
    let third = restarted.resume_order(&order).await.unwrap();
    assert_eq!(first.id, third.id);
    let new = restarted.resume_order(&filling("BTC/USDT", "never-sent")).await.unwrap();
    assert_eq!(new.status, Some(OrderStatus::Closed));
    let resting = resting("BTC/USDT", "resting");
    let placed = client.create_order(&resting).await.unwrap();
    assert_eq!(restarted.create_order(&resting).await.unwrap().id, placed.id, "a taken id means it is there");
    for id in ["twice", "never-sent", "resting"] {
        assert_eq!(world.orders_of(id).await, 1, "{id}");
    }
    ledger_is_sound(&world).await;
}

#[tokio::test]
async fn one_id_at_a_time() {
    let world = World::new().await;
    let client = world.client("binance");
    client.fetch_balance().await.unwrap();
    let order = resting("BTC/USDT", "both");
    let (first, second) = tokio::join!(client.create_order(&order), client.create_order(&order));
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err().class, ErrorClass::DuplicateOrderId);
    assert_eq!(world.orders_of("both").await, 1);
}

#[tokio::test]
async fn what_breaks_a_rule_is_not_sent() {
    let world = World::new().await;
    let client = world.client("binance");
    client.load_markets(false).await.unwrap();
    let order = |change: fn(&mut OrderRequest)| {
        let mut order = resting("BTC/USDT", "wrong");
        change(&mut order);
        order
    };
    for (wrong, class, word) in [
        (order(|order| order.client_order_id = None), ErrorClass::ArgumentsRequired, "client order id"),
        (
            order(|order| order.client_order_id = Some("with space".into())),
            ErrorClass::InvalidOrder,
            "1 to 36",
        ),
        (
            order(|order| order.amount = Some(decimal("0.0000000001"))),
            ErrorClass::InvalidOrder,
            "at least its step",
        ),
        (order(|order| order.price = Some(decimal("100"))), ErrorClass::InvalidOrder, "below the smallest"),
        (order(|order| order.amount = None), ErrorClass::InvalidOrder, "needs an amount"),
        (order(|order| order.price = None), ErrorClass::InvalidOrder, "needs a price"),
    ] {
        let error = client.create_order(&wrong).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    let sent = world.requests().await.iter().filter(|(_, what)| what.starts_with("POST")).count();
    assert_eq!(sent, 0);
    // A refusal by the exchange leaves the id free for another try.
    let mut large = resting("BTC/USDT", "again");
    large.amount = Some(decimal("50"));
    let error = client.create_order(&large).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::InsufficientFunds);
    assert_eq!(
        client.create_order(&resting("BTC/USDT", "again")).await.unwrap().status,
        Some(OrderStatus::Open)
    );
}

#[tokio::test]
async fn a_lost_cancellation_is_looked_into() {
    let world = World::new().await;
    let client = client(&world, "binance");
    for (index, (way, fault)) in ways_to_lose(SPOT).into_iter().enumerate() {
        let id = format!("cancel-{index}");
        let order = client.create_order(&resting("BTC/USDT", &id)).await.unwrap();
        let mut fault = fault;
        fault["method"] = json!("DELETE");
        world.faults(json!([fault])).await;
        let named = OrderRef { id: None, client_order_id: Some(id.clone()), symbol: order.symbol };
        let canceled = client.cancel_order(&named).await;
        let canceled = canceled.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(canceled.status, Some(OrderStatus::Canceled), "{way}");
    }
    let unknown =
        OrderRef { id: Some("999999".into()), client_order_id: None, symbol: Some(symbol("BTC/USDT")) };
    let error = client.cancel_order(&unknown).await.unwrap_err();
    assert_eq!((error.class, error.is_order_unknown()), (ErrorClass::OrderNotFound, false));
}

#[tokio::test]
async fn batches_and_edits_are_sent_once() {
    let world = World::new().await;
    let client = client(&world, "binance_futures");
    let orders = [resting("BTC/USDT:USDT", "batch-1"), resting("BTC/USDT:USDT", "batch-2")];
    let lose = |path: &str, method: &str| json!([{"path": path, "method": method, "count": 1, "fault": {"kind": "reset", "when": "after"}}]);
    world.faults(lose("/fapi/v1/batchOrders", "POST")).await;
    let placed = client.create_orders(&orders).await.unwrap();
    assert_eq!(placed.len(), 2);
    world.faults(json!([{"path": "/fapi/v1/batchOrders", "method": "POST", "count": 1, "fault": {"kind": "reset"}}])).await;
    let error = client.create_orders(&[resting("BTC/USDT:USDT", "batch-3")]).await.unwrap_err();
    assert!(error.is_order_unknown());
    assert_eq!(world.orders_of("batch-3").await, 0, "batches are not sent again");
    world.faults(lose(LINEAR, "PUT")).await;
    let named =
        OrderRef { id: None, client_order_id: Some("batch-1".into()), symbol: Some(symbol("BTC/USDT:USDT")) };
    let mut change = resting("BTC/USDT:USDT", "batch-1");
    change.price = Some(decimal("30500"));
    let error = client.edit_order(&named, &change).await.unwrap_err();
    assert_eq!(error.unresolved.as_ref().unwrap().client_order_id.as_deref(), Some("batch-1"));
    let edited = client.fetch_order(&named).await.unwrap();
    assert_eq!(edited.price, Some(decimal("30500")));
    let open = client
        .scoped(Call::FetchOpenOrders { symbol: named.symbol, page: Default::default() }, Scope::default());
    assert!(matches!(open.await.unwrap(), Reply::Orders(open) if open.len() == 2));
    ledger_is_sound(&world).await;
}

/// Spot replaces an order by one with an id of its own, which is free again once that order has filled.
#[tokio::test]
async fn what_replaces_an_order_is_not_placed_again() {
    let world = World::new().await;
    let client = client(&world, "binance");
    let replace = |id: &str| {
        let mut change = resting("BTC/USDT", id);
        change.price = Some(decimal("30500"));
        change
    };
    let lost = json!({"path": "/api/v3/order/cancelReplace", "method": "POST", "count": 1, "fault":
        {"kind": "reset", "when": "after"}});
    for (index, faults) in [json!([]), json!([lost])].into_iter().enumerate() {
        let (old, new) = (format!("old-{index}"), format!("new-{index}"));
        let order = client.create_order(&resting("BTC/USDT", &old)).await.unwrap();
        let named = OrderRef { id: order.id, client_order_id: None, symbol: order.symbol };
        world.faults(faults).await;
        let change = replace(&new);
        let edited = client.edit_order(&named, &change).await;
        assert_eq!(edited.as_ref().is_err_and(|error| error.is_order_unknown()), index == 1, "{edited:?}");
        let sent = OrderRef { id: None, client_order_id: Some(new.clone()), symbol: named.symbol };
        // Done, so that the exchange takes the id again.
        client.cancel_order(&sent).await.unwrap();
        world.clock.advance(60_000);
        let again = client.create_order(&change).await.unwrap();
        assert_eq!(again.status, Some(OrderStatus::Canceled), "it was looked for");
        assert_eq!(world.orders_of(&new).await, 1);
    }
}

#[tokio::test]
async fn without_leave_to_send_again_a_lost_order_stays_lost() {
    let world = World::new().await;
    let mut policy = OrderPolicy::default();
    policy.resends = 0;
    let client = world.builder("binance").orders(policy).build().unwrap();
    world.faults(json!([{"path": SPOT, "method": "POST", "count": 1, "fault": {"kind": "reset"}}])).await;
    let error = client.create_order(&resting("BTC/USDT", "lost")).await.unwrap_err();
    assert!(error.is_order_unknown());
    assert_eq!(world.orders_of("lost").await, 0);
}
