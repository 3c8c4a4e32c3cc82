//! The report page as text: what it carries, what it must not, and that it is always the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tradai_domain::{CandleSeries, SeriesKey, Symbol, TimeRange};
use tradai_engine::{CandleProvider, GivenSignal, MarketRules, Outcome, PairData, SignalSource, Statistics};
use tradai_runner::market_rules;
use tradai_runner::replay::GivenSignals;
use tradai_runner::report::{ReportInput, render};
use tradai_strategy::{Settings, flag};

/// Text that would run if any part of the page took it for markup.
pub(crate) const HOSTILE: &str =
    "</script><img src=x onerror=\"document.title='owned'\"><!--<script>{{library}}";

const MINUTE: i64 = 60_000;
const START: i64 = 1_704_067_200_000;

/// A price that swings; the same everywhere.
struct Waves;

impl CandleProvider for Waves {
    fn load(&self, key: &SeriesKey, range: TimeRange) -> Result<Option<CandleSeries>, String> {
        let mut series = CandleSeries::with_capacity(0);
        let base = if key.symbol.base() == "BTC" { 100.0 } else { 20.0 };
        let price = |at: f64| base * (1.0 + 0.05 * (at / 90.0).sin() + 0.01 * (at / 7.0).sin());
        for row in 0..20_000_i32 {
            let open_time = START + i64::from(row) * 5 * MINUTE;
            if range.contains(open_time) {
                let (open, close) = (price(f64::from(row)), price(f64::from(row + 1)));
                series.push(open_time, [open, open.max(close) * 1.001, open.min(close) * 0.999, close, 10.0]);
            }
        }
        Ok(Some(series))
    }
}

/// A finished backtest to report.
pub(crate) struct Sample {
    settings: Settings,
    statistics: Statistics,
    outcome: Outcome,
    pairs: Vec<PairData>,
}

impl Sample {
    /// Two pairs over 69 days, an entry every `every` candles (none at all for 0), tagged `tag`.
    pub(crate) fn new(every: usize, tag: &str) -> Self {
        let Value::Object(map) = json!({
            "timeframe": "5m", "minimal_roi": {"0": 0.02, "300": 0.0}, "stoploss": -0.03, "stake_currency": "USDT",
            "stake_amount": 100.0, "max_open_trades": 2, "dry_run_wallet": 1_000.0, "fee": 0.001,
            "pair_whitelist": ["BTC/USDT", "ETH/USDT"], "timerange": "20240101-20240310",
        }) else {
            unreachable!("an object was written")
        };
        let settings = Settings::merge(&[&map as &Map<String, Value>]).unwrap();
        let rows = (1..19_000).filter(|row| every > 0 && row % every == 0);
        let signals: Vec<GivenSignal> = rows
            .map(|row| GivenSignal {
                time: START + i64::try_from(row).unwrap() * 5 * MINUTE,
                flags: flag::ENTER_LONG,
                enter_tag: tag.to_owned(),
                exit_tag: String::new(),
            })
            .collect();
        let pairs = settings.pair_whitelist.iter();
        let signals: BTreeMap<Symbol, Vec<GivenSignal>> =
            pairs.map(|pair| (pair.clone(), signals.clone())).collect();
        let rules = market_rules::complete(&MarketRules::default(), &settings).rules;
        let given = SignalSource::Given(&signals);
        let pairs = tradai_engine::prepare(&settings, &GivenSignals, &Waves, &rules, given, &()).unwrap();
        let outcome = tradai_engine::backtest::run(&settings, &GivenSignals, &pairs, &());
        let statistics = Statistics::new(&settings, &pairs, &outcome);
        Self { settings, statistics, outcome, pairs }
    }

    pub(crate) fn page(&self, title: &str) -> String {
        render(&ReportInput {
            title,
            job_id: "01990000-0000-7000-8000-000000000000",
            strategy: title,
            synthetic: true,
            settings: &self.settings,
            statistics: &self.statistics,
            outcome: &self.outcome,
            pairs: &self.pairs,
            facts: &[("Engine".to_owned(), title.to_owned())],
        })
    }
}

/// The page without the chart library, which we do not write.
fn ours(page: &str) -> String {
    let nonce = page.split_once("'nonce-").unwrap().1.split_once('\'').unwrap().0;
    let scripts = format!("<script nonce=\"{nonce}\">");
    let parts: Vec<&str> = page.split(&scripts).collect();
    assert_eq!(parts.len(), 3, "our script and the library's");
    let after = parts[2].split_once("</script>").unwrap().1;
    format!("{}{}{after}", parts[0], parts[1])
}

/// The JSON that the page carries.
fn content(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"content\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn hostile_names_stay_text() {
    let sample = Sample::new(200, HOSTILE);
    let page = sample.page(HOSTILE);
    let ours = ours(&page);
    assert!(!ours.contains("<img"), "markup from a name reached the page");
    assert_eq!(ours.matches("<script").count(), 1, "of the content; the others were cut out");
    assert_eq!(ours.matches("</script>").count(), 2);
    let content = content(&page);
    assert_eq!(content["strategy"], HOSTILE);
    assert!(content["trades"]["words"].as_array().unwrap().contains(&json!(HOSTILE)));
}

#[test]
fn the_same_backtest_gives_the_same_bytes() {
    assert_eq!(Sample::new(150, "dip").page("Dip"), Sample::new(150, "dip").page("Dip"));
}

#[test]
fn nothing_is_fetched() {
    let page = Sample::new(150, "dip").page("Dip");
    let policy =
        page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{policy}");
    assert!(!policy.contains("connect-src") && !policy.contains("unsafe-eval") && !policy.contains("http"));
    let ours = ours(&page);
    for outside in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!ours.contains(outside), "{outside}");
    }
}

#[test]
fn the_content_is_thinned_and_whole() {
    let sample = Sample::new(150, "dip");
    let page = sample.page("Dip");
    let content = content(&page);
    let trades = sample.outcome.trades.len();
    assert!(trades > 100, "{trades}");
    assert_eq!(content["trades"]["rows"].as_array().unwrap().len(), trades);
    let counted = content["histogram"]["counts"].as_array().unwrap().iter();
    assert_eq!(counted.filter_map(Value::as_u64).sum::<u64>(), trades as u64);
    let bars = content["bars"][0]["slot"].as_array().unwrap().len();
    assert!((500..=3_000).contains(&bars), "{bars}");
    let wallet = content["curves"]["wallet"]["value"].as_array().unwrap();
    let most = wallet.iter().filter_map(Value::as_f64).fold(f64::MIN, f64::max);
    let highest = sample.outcome.equity.values.iter().copied().fold(f64::MIN, f64::max);
    assert!(wallet.len() <= 3_000 && (most - highest).abs() < 1e-4, "{most} {highest}");
    assert!(ours(&page).len() < 600_000, "{}", ours(&page).len());
}
