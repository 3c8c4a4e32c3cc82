//! The client as the port that collects candles.

use serde_json::json;
use tradai_domain::ports::{BreakerStatus, MarketDataSource, MarketType, Span};
use tradai_domain::{CandleKind, CandleSeries, ErrorKind, SeriesKey, Timeframe};
use tradai_exchange::MarketData;
use tradai_sandbox::sample;

use super::support::{DAY, START, World, symbol};

/// Asks from `answered_until` until the last page, as callers of the port do.
async fn collect(source: &dyn MarketDataSource, key: &SeriesKey, span: Span) -> CandleSeries {
    let (mut all, mut from) = (CandleSeries::default(), span.start);
    loop {
        let page = source.fetch_candles(key, Span::new(from, span.end)).await.unwrap();
        for row in 0..page.candles.len() {
            let at = page.candles.open_time()[row];
            assert!(at >= from && at < page.answered_until, "{at}");
            let [open, high, low] =
                [page.candles.open()[row], page.candles.high()[row], page.candles.low()[row]];
            all.push(at, [open, high, low, page.candles.close()[row], page.candles.volume()[row]]);
        }
        assert_eq!(key.timeframe.floor(page.answered_until), page.answered_until);
        if page.is_last {
            return all;
        }
        assert!(page.answered_until > from);
        from = page.answered_until;
    }
}

#[tokio::test]
async fn every_kind_of_series_comes_as_the_exchange_has_it() {
    let world = World::new().await;
    let source = MarketData::new(world.client("binance_futures")).unwrap();
    world.clock.advance(60_000);
    let market = symbol("BTC/USDT:USDT");
    let all = sample(7, std::slice::from_ref(&market), Timeframe::M5, START, START + 10 * DAY);
    for (kind, timeframe) in [
        (CandleKind::Futures, Timeframe::M5),
        (CandleKind::Mark, Timeframe::M5),
        (CandleKind::FundingRate, Timeframe::H8),
    ] {
        let key = SeriesKey { symbol: market.clone(), timeframe, kind };
        let of_kind = all.iter().find(|series| series.key.kind == kind).unwrap();
        let seen = collect(&source, &key, Span::new(START - DAY, START + 10 * DAY)).await;
        let two_days = usize::try_from(2 * DAY / timeframe.millis()).unwrap();
        assert_eq!(seen.len(), two_days, "{kind}");
        let mut known = of_kind.candles.slice(0..two_days);
        if kind == CandleKind::Mark {
            // Mark prices have no volume.
            let (times, [open, high, low, close, volume]) = known.into_columns();
            known = CandleSeries::new(times, open, high, low, close, vec![0.0; volume.len()]).unwrap();
        }
        assert_eq!(seen, known, "{kind}");
    }
}

#[tokio::test]
async fn markets_tickers_rates_and_status() {
    let world = World::new().await;
    let source = MarketData::new(world.client("binance_futures")).unwrap();
    assert_eq!(source.exchange().as_str(), "binance_futures");
    let markets = source.markets().await.unwrap();
    assert_eq!(markets.len(), 1);
    assert_eq!((markets[0].kind, markets[0].settle.as_deref()), (MarketType::Swap, Some("USDT")));
    assert_eq!(source.exchange_time().await.unwrap(), world.sandbox.now());
    let market = symbol("BTC/USDT:USDT");
    for symbols in [vec![], vec![market.clone()]] {
        let tickers = source.tickers(&symbols).await.unwrap();
        assert!(tickers.len() == 1 && tickers[0].last.is_some() && tickers[0].symbol == market);
        let rates = source.funding_rates(&symbols).await.unwrap();
        assert!(rates.len() == 1 && rates[0].rate.is_some());
    }
    let status = source.status();
    assert_eq!(status.breaker, BreakerStatus::Closed);
    assert!(status.budget.used > 0 && status.budget.capacity == 2_400 && status.budget.window_ms == 60_000);
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let world = World::new().await;
    let source = MarketData::new(world.client("binance_futures")).unwrap();
    let unknown = SeriesKey::traded(&symbol("NO/SUCH:SUCH"), Timeframe::M5);
    let span = Span::new(START, START + DAY);
    assert_eq!(source.fetch_candles(&unknown, span).await.unwrap_err().kind, ErrorKind::NotFound);
    let key = SeriesKey::traded(&symbol("BTC/USDT:USDT"), Timeframe::M5);
    world
        .faults(json!([{"fault": {"kind": "status", "status": 418, "retry_after": 900,
        "body": {"code": -1003, "msg": "IP banned"}}}]))
        .await;
    let error = source.fetch_candles(&key, span).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let left = error.retry_after.unwrap().as_secs();
    assert!((890..=900).contains(&left), "{left}");
    assert!(source.status().budget.blocked_until.is_some());
    let option = SeriesKey::traded(&symbol("BTC/USDT"), Timeframe::M5);
    assert_eq!(source.fetch_candles(&option, span).await.unwrap_err().kind, ErrorKind::NotFound);
}
