//! Two services on one store: nothing is lost, nothing is there twice.

use std::sync::Arc;

use tradai_domain::ManualClock;

use crate::exchange::{HOUR, Market, START, World, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_collect_the_same_symbols_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(START + 400 * HOUR));
    let worlds = [World::in_folder(dir.path(), &clock), World::in_folder(dir.path(), &clock)];
    let symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];
    for world in &worlds {
        for symbol in symbols {
            let outages = vec![tradai_domain::ports::Span::new(START + 7 * HOUR, START + 9 * HOUR)];
            world.exchange.list(symbol, Market { outages, ..Market::default() });
        }
    }
    let (some, others) = (request(&symbols, 0..300), request(&symbols, 100..400));
    let (one, other) = tokio::join!(worlds[0].sync(&some), worlds[1].sync(&others));
    for result in [&one, &other] {
        assert_eq!(result.symbols_synced, 3, "{:?}", result.failed().collect::<Vec<_>>());
    }
    let expected: Vec<i64> = (0..400).filter(|hour| !(7..9).contains(hour)).collect();
    for symbol in symbols {
        assert_eq!(worlds[0].stored_hours(symbol).await, expected, "{symbol}");
    }
}
