//! Replies from an exchange that means harm: mutated cases never make a reader panic, nor use memory out of
//! proportion.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use tradai_exchange::model::{MarginMode, OrderType, Side};
use tradai_exchange::{
    Adapter, Call, Context, Credentials, HttpReply, Json, Markets, OrderRef, OrderRequest, Page, PriceKind,
    Request, Scope, adapter,
};

/// One body and the exchange it is of.
struct Sample {
    adapter: &'static dyn Adapter,
    body: String,
}

struct World {
    samples: Vec<Sample>,
    markets: Markets,
}

/// Bodies of all cases we carry, and the markets of all exchanges.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut world = World { samples: Vec::new(), markets: Markets::default() };
        let mut markets = Vec::new();
        for (folder, key) in [
            ("binance", "binance"),
            ("binanceusdm", "binance_futures"),
            ("bybit", "bybit_futures"),
            ("okx", "okx_futures"),
        ] {
            let Some(adapter) = adapter(key) else { continue };
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(folder);
            for file in fs::read_dir(path.join("response")).unwrap() {
                let bytes = fs::read(file.unwrap().path()).unwrap();
                let cases = Json::parse(&bytes).unwrap();
                let bodies = cases.items().iter().map(|case| case.get("httpResponse").to_string());
                world.samples.extend(bodies.map(|body| Sample { adapter, body }));
            }
            for file in fs::read_dir(path.join("markets/raw")).unwrap() {
                let body = fs::read_to_string(file.unwrap().path()).unwrap();
                for source in adapter.market_sources() {
                    markets.extend(adapter.parse_markets(source, body.as_bytes()).unwrap_or_default());
                }
                world.samples.push(Sample { adapter, body });
            }
        }
        world.markets = Markets::new(markets);
        world
    })
}

/// Every call that reads a reply in a way of its own, on spot, linear and inverse markets.
fn calls() -> Vec<Request> {
    let mut calls = Vec::new();
    for symbol in ["BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC"] {
        let symbol: tradai_domain::Symbol = symbol.parse().unwrap();
        let page = Page { since: Some(1), until: None, limit: Some(3) };
        let order = OrderRef { id: Some("1".into()), client_order_id: None, symbol: Some(symbol.clone()) };
        let create = OrderRequest::new(symbol.clone(), OrderType::Market, Side::Buy, None, None);
        calls.extend([
            Call::FetchTime,
            Call::FetchStatus,
            Call::FetchCurrencies,
            Call::FetchMarkets,
            Call::FetchTicker { symbol: symbol.clone() },
            Call::FetchTickers { symbols: vec![symbol.clone()] },
            Call::FetchBidsAsks { symbols: vec![symbol.clone()] },
            Call::FetchOrderBook { symbol: symbol.clone(), limit: None },
            Call::FetchTrades { symbol: symbol.clone(), page },
            Call::FetchOhlcv { symbol: symbol.clone(), timeframe: "1m".into(), page, price: PriceKind::Last },
            Call::FetchFundingRate { symbol: symbol.clone() },
            Call::FetchFundingRates { symbols: vec![symbol.clone()] },
            Call::FetchFundingRateHistory { symbol: Some(symbol.clone()), page },
            Call::FetchOpenInterest { symbol: symbol.clone() },
            Call::FetchTradingFee { symbol: symbol.clone() },
            Call::FetchPositions { symbols: vec![symbol.clone()] },
            Call::FetchPositionMode { symbol: Some(symbol.clone()) },
            Call::FetchLeverage { symbol: symbol.clone() },
            Call::FetchLeverageTiers { symbols: vec![symbol.clone()] },
            Call::FetchMarketLeverageTiers { symbol: symbol.clone() },
            Call::FetchFundingHistory { symbol: Some(symbol.clone()), page },
            Call::FetchMyTrades { symbol: Some(symbol.clone()), page },
            Call::FetchOrder(order.clone()),
            Call::FetchOrders { symbol: Some(symbol.clone()), page },
            Call::FetchClosedOrders { symbol: Some(symbol.clone()), page },
            Call::CreateOrders(vec![create]),
            Call::CancelAllOrders { symbol: Some(symbol.clone()) },
            Call::SetMarginMode { mode: MarginMode::Cross, symbol: Some(symbol.clone()), leverage: None },
            Call::AddMargin { symbol, amount: tradai_exchange::Decimal::ONE },
        ]);
    }
    let mut requests: Vec<Request> = calls.into_iter().map(Request::from).collect();
    requests.push(Request { call: Call::FetchBalance, scope: Scope::default() });
    requests
}

/// Reads a body as the answer to everything.
fn read_as_everything(adapter: &dyn Adapter, body: &[u8]) {
    let keys = Credentials::new("k", "s");
    let context = Context {
        markets: &world().markets,
        credentials: Some(&keys),
        now_ms: 1_700_000_000_000,
        recv_window_ms: 5_000,
        new_client_order_id: "id",
        leverage_tiers: None,
    };
    for request in calls() {
        drop(adapter.parse(&request, body, &context));
    }
    for source in adapter.market_sources() {
        drop(adapter.parse_markets(source, body));
    }
    for status in [200, 400, 429] {
        drop(adapter.find_error("/fapi/v1/order", &HttpReply { status, retry_after: None, body }));
    }
}

/// What is done to a body.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    /// Replaces a value: a number by a string, an object by a number and so on.
    Swap(prop::sample::Index, &'static str),
    Double(prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let values = prop::sample::select(vec![
        "null",
        "[]",
        "{}",
        "\"\"",
        "-1",
        "0",
        "true",
        "1e400",
        "99999999999999999999999999999999999999999999",
        "-170141183460469231731687303715884105728",
        "9223372036854775807",
        "0.00000000000000000000000000000000000000000000001",
        "\"NaN\"",
        "\"1e-999999999\"",
        "\"\u{ff11}\"",
        "\"BTC-991399-1-C\"",
        "[[[[[[[[]]]]]]]]",
    ]);
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        any::<prop::sample::Index>().prop_map(Mutation::Truncate),
        (any::<prop::sample::Index>(), values).prop_map(|(at, value)| Mutation::Swap(at, value)),
        any::<prop::sample::Index>().prop_map(Mutation::Double),
    ]
}

fn mutate(body: &mut Vec<u8>, mutation: &Mutation) {
    if body.is_empty() {
        return;
    }
    match mutation {
        Mutation::Flip(at, bits) => {
            let at = at.index(body.len());
            body[at] ^= bits;
        }
        Mutation::Truncate(at) => body.truncate(at.index(body.len())),
        Mutation::Swap(at, value) => {
            // Values start behind colons, commas and brackets; the one nearest to the place is replaced.
            let starts: Vec<usize> = (1..body.len()).filter(|at| b":,[".contains(&body[at - 1])).collect();
            if starts.is_empty() {
                return;
            }
            let start = starts[at.index(starts.len())];
            let end = (start..body.len()).find(|at| b",]}".contains(&body[*at])).unwrap_or(body.len());
            body.splice(start..end, value.bytes());
        }
        Mutation::Double(at) => {
            let middle = at.index(body.len());
            let copy: Vec<u8> = body[middle..].to_vec();
            body.extend(copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mutated_replies_are_read_or_refused(
        sample in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let sample = &world().samples[sample.index(world().samples.len())];
        let mut body = sample.body.clone().into_bytes();
        for mutation in &mutations {
            mutate(&mut body, mutation);
        }
        read_as_everything(sample.adapter, &body);
    }
}

#[test]
fn deep_and_long_replies_are_refused_or_read() {
    let deep = "[".repeat(50_000);
    let wide = format!("[{}0]", "0,".repeat(25_000));
    let long_number = format!("{{\"serverTime\":{}}}", "9".repeat(50_000));
    let long_text = format!("{{\"msg\":\"{}\"}}", "\\u0041".repeat(10_000));
    for body in [deep, wide, long_number, long_text] {
        for key in ["binance", "bybit_futures", "okx_futures"] {
            if let Some(adapter) = adapter(key) {
                read_as_everything(adapter, body.as_bytes());
            }
        }
    }
}
