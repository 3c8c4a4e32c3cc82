//! The same work as `oracle/peers/ccxt_bench.py`, per CPU second, as JSON: run both one after the other.
//!
//! `cargo bench -p tradai-exchange --bench ccxt`; without the shared folder the crate's own cases serve.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use nix::sys::resource::{UsageWho, getrusage};
use tradai_exchange::model::{OrderType, Side};
use tradai_exchange::{
    Adapter, Call, Context, Credentials, Markets, OrderRef, OrderRequest, Page, PriceKind, Request,
    amount_to_precision, binance, price_to_precision,
};

/// Microseconds of CPU this process has used in user mode.
fn cpu_us() -> i64 {
    let time = getrusage(UsageWho::RUSAGE_SELF).unwrap().user_time();
    time.tv_sec() * 1_000_000 + time.tv_usec()
}

/// Runs `work`, which does `count` things, for two CPU seconds; returns things per CPU second.
fn rate(count: i64, mut work: impl FnMut()) -> i64 {
    let (started, mut done) = (cpu_us(), 0);
    while cpu_us() - started < 2_000_000 {
        work();
        done += count;
    }
    done * 1_000_000 / (cpu_us() - started)
}

fn raw(name: &str) -> Vec<u8> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared =
        std::env::var_os("TRADAI_SHARED").map_or_else(|| crate_folder.join("../../../shared"), PathBuf::from);
    let file = format!("binance/markets/raw/{name}_exchangeInfo.json");
    let path = shared.join("fixtures/exchange").join(&file);
    std::fs::read(&path).or_else(|_| std::fs::read(crate_folder.join("tests/cases").join(&file))).unwrap()
}

fn load(spot: &[u8], futures: &[u8]) -> Markets {
    let sources = binance::SPOT.market_sources();
    let mut list = binance::SPOT.parse_markets(sources[0], spot).unwrap();
    list.extend(binance::SPOT.parse_markets(sources[1], futures).unwrap());
    Markets::new(list)
}

/// A thousand candles with prices of eight decimals, as the exchange sends them.
fn candles() -> String {
    let row = |index: u64| {
        let price = |step: u64| {
            format!("\"{}.{:08}\"", 30_000 + (index * 7 + step) % 100, index * 99_991 % 100_000_000)
        };
        let open_time = 1_600_000_000_000 + index * 60_000;
        let prices = [price(1), price(2), price(3), price(4)].join(",");
        format!(
            "[{open_time},{prices},\"{}.12345678\",1600000059999,\"123.45678900\",100,\"50.1\",\"60.1\",\"0\"]",
            index % 100
        )
    };
    format!("[{}]", (0..1_000).map(row).collect::<Vec<_>>().join(","))
}

fn main() {
    let (spot, futures) = (raw("spot"), raw("fapi"));
    let markets = load(&spot, &futures);
    let keys = Credentials::new("k".repeat(64), "s".repeat(64));
    let context = Context {
        markets: &markets,
        credentials: Some(&keys),
        now_ms: 1_700_000_000_000,
        recv_window_ms: 10_000,
        new_client_order_id: "tradai-1",
        leverage_tiers: None,
    };
    let symbol: tradai_domain::Symbol = "BTC/USDT".parse().unwrap();
    let count = i64::try_from(markets.iter().count()).unwrap();
    let markets_per_s = rate(count, || drop(black_box(load(&spot, &futures))));

    let text = candles();
    let page = Page::default();
    let fetch = Request::from(Call::FetchOhlcv {
        symbol: symbol.clone(),
        timeframe: "1m".into(),
        page,
        price: PriceKind::Last,
    });
    let ohlcv_rows_per_s =
        rate(1_000, || drop(black_box(binance::SPOT.parse(&fetch, text.as_bytes(), &context).unwrap())));

    let number = |text: &str| Some(text.parse().unwrap());
    let order =
        OrderRequest::new(symbol.clone(), OrderType::Limit, Side::Buy, number("0.01"), number("30000"));
    let create = Request::from(Call::CreateOrder(order));
    let signed_orders_per_s = rate(100, || {
        for _ in 0..100 {
            drop(black_box(binance::SPOT.build_request(&create, &context).unwrap()));
        }
    });

    let reply = r#"{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"x","transactTime":1507725176595,"price":"1.0","origQty":"10.0","executedQty":"10.0","cummulativeQuoteQty":"10.0","status":"FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL","fills":[]}"#;
    let look_up = Request::from(Call::FetchOrder(OrderRef {
        id: Some("28".into()),
        client_order_id: None,
        symbol: Some(symbol.clone()),
    }));
    let parsed_orders_per_s = rate(100, || {
        for _ in 0..100 {
            drop(black_box(binance::SPOT.parse(&look_up, reply.as_bytes(), &context).unwrap()));
        }
    });

    let market = markets.get(&symbol).unwrap();
    let (amount, price) = ("0.123456789".parse().unwrap(), "30000.123456".parse().unwrap());
    let precision_pairs_per_s = rate(100, || {
        for _ in 0..100 {
            drop(black_box((amount_to_precision(market, amount), price_to_precision(market, price))));
        }
    });
    let rates = serde_json::json!({
        "markets": count,
        "markets_per_s": markets_per_s,
        "ohlcv_rows_per_s": ohlcv_rows_per_s,
        "signed_orders_per_s": signed_orders_per_s,
        "parsed_orders_per_s": parsed_orders_per_s,
        "precision_pairs_per_s": precision_pairs_per_s,
    });
    println!("{rates:#}");
}
