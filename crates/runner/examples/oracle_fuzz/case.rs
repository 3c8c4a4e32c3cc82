//! One case: made from seed and number, written as a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value, json};
use tradai_domain::{CandleKind, CandleSeries, Millis, SeriesKey, Symbol, TimeRange, Timeframe};
use tradai_engine::GivenSignal;
use tradai_strategy::flag;
use tradai_timeseries::files::{read_parquet_candles, write_candles};

use crate::candles::{self, Span, Walk};
use crate::oracle_strategy::{Callbacks, CaseStrategy};
use crate::rng::Rng;
use crate::{callbacks, python, settings};

/// Everything that both sides need.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) settings: Map<String, Value>,
    pub(crate) callbacks: Callbacks,
    pub(crate) markets: Map<String, Value>,
    pub(crate) tiers: Map<String, Value>,
    pub(crate) series: Vec<(SeriesKey, CandleSeries)>,
    pub(crate) signals: BTreeMap<Symbol, Vec<GivenSignal>>,
}

/// Timeframes with the detail timeframes that go with them.
const TIMEFRAMES: [(Timeframe, &[Timeframe]); 5] = [
    (Timeframe::M5, &[Timeframe::M1]),
    (Timeframe::M15, &[Timeframe::M5, Timeframe::M3]),
    (Timeframe::M30, &[Timeframe::M15, Timeframe::M5]),
    (Timeframe::H1, &[Timeframe::M15, Timeframe::M5]),
    (Timeframe::H4, &[Timeframe::H1]),
];

/// A real data set: name, timeframe, detail timeframe, bases, first day (milliseconds), days.
type Dataset = (&'static str, Timeframe, Option<Timeframe>, &'static str, Millis, i64);

const DATASETS: [Dataset; 5] = [
    ("spot5m_2021", Timeframe::M5, None, "ADA XRP LTC ETH BTC LINK", 1_606_780_800_000, 228),
    ("spot5m_2022_23", Timeframe::M5, None, "DOGE SOL CHZ AVAX", 1_659_312_000_000, 395),
    ("spot1m_2025", Timeframe::M5, Some(Timeframe::M1), "ETH BTC", 1_747_699_200_000, 90),
    ("fut15m_2024_26", Timeframe::M15, None, "SOL ETH BTC", 1_704_067_200_000, 850),
    ("fut15m_2024_26", Timeframe::M15, None, "BTC SOL ETH", 1_704_067_200_000, 850),
];

impl Case {
    /// Returns case `number` of a seed; a `small` one has fewer candles and pairs.
    pub(crate) fn random(seed: u64, number: u64, small: bool) -> Result<Self> {
        let mut rng = Rng::new(seed, number);
        let rng = &mut rng;
        let (timeframe, details) = TIMEFRAMES[rng.pick(&[0, 0, 1, 1, 1, 2, 3, 3, 4])];
        let detail = rng.maybe(0.25, |rng| rng.pick(details));
        let is_futures = rng.chance(0.5);
        let most = match (small, detail) {
            (true, _) => 260,
            (false, Some(_)) => 450,
            (false, None) => 1_100,
        };
        let rows = rng.int(120, most);
        let span = Span::random(rng, timeframe, rows);
        let scale = rng.pick(&[0.002, 0.005, 0.01, 0.03]);
        let startup = if rng.chance(0.5) { 0 } else { rng.int(1, 60) };
        let count = rng.int(1, if small { 3 } else { 5 });
        let mut case = Self {
            settings: Map::new(),
            callbacks: callbacks::random(rng, is_futures, timeframe.minutes(), scale),
            markets: Map::new(),
            tiers: Map::new(),
            series: Vec::new(),
            signals: BTreeMap::new(),
        };
        let frames = Frames { timeframe, detail, is_futures, scale };
        let mut pairs = Vec::new();
        for base in ["AAA", "BOB", "CAT", "DOG", "EEL"].into_iter().take(usize::try_from(count)?) {
            let name = if is_futures { format!("{base}/USDT:USDT") } else { format!("{base}/USDT") };
            case.add_pair(rng, &name.parse()?, &frames, span);
            pairs.push(name);
        }
        // Not always in the order of their names.
        if rng.chance(0.5) {
            pairs.reverse();
        }
        let timerange = timerange(rng, span);
        let given = settings::Given {
            is_futures,
            timeframe,
            detail,
            pairs,
            scale,
            startup,
            timerange,
            callbacks: &case.callbacks,
        };
        case.settings = settings::random(rng, &given);
        Ok(case)
    }

    fn add_pair(&mut self, rng: &mut Rng, symbol: &Symbol, frames: &Frames, span: Span) {
        let own = part_of(rng, span, frames.timeframe);
        let price = 10_f64.powf(rng.range(-1.5, 4.5));
        // About three to five digits move.
        let decimals = (5 - price.log10().ceil() as i32 - i32::from(rng.chance(0.4))).clamp(0, 7);
        let later_decimals = match rng.index(6) {
            0 => decimals + 1,
            1 if decimals > 1 => decimals - 1,
            2 if price > 1_000.0 => 0,
            _ => decimals,
        };
        let shortest = frames.detail.unwrap_or(frames.timeframe);
        let candles_of = frames.timeframe.millis() as f64 / shortest.millis() as f64;
        let walk = Walk { price, scale: frames.scale / candles_of.sqrt(), decimals, later_decimals };
        let whole = candles::walk(rng, walk, shortest, own);
        let main = candles::joined(&whole, frames.timeframe);
        if frames.is_futures {
            let hourly = candles::joined(&whole, Timeframe::H1);
            let marks = candles::mark(rng, &hourly);
            let marks = if rng.chance(0.2) { candles::with_holes(rng, &marks) } else { marks };
            let funding = candles::funding(rng, own);
            self.push(symbol, Timeframe::H1, CandleKind::Mark, marks);
            self.push(symbol, Timeframe::H1, CandleKind::FundingRate, funding);
            self.tiers.insert(symbol.to_string(), tiers(rng));
        }
        let kind = CandleKind::traded(symbol);
        if let Some(detail) = frames.detail {
            let mut short = candles::with_holes(rng, &whole);
            if rng.chance(0.1) {
                // Begins with a main candle: Freqtrade takes the first detail candle for the main candle's first
                // one whatever its time, and closes trades before they open.
                let from = frames.timeframe.floor(own.start + own.length() / 3);
                let row = short.open_time().partition_point(|&time| time < from);
                short = short.slice(row..short.len());
            }
            self.push(symbol, detail, kind, short);
        }
        let signals = signals(rng, &main, frames.timeframe, frames.is_futures);
        self.signals.insert(symbol.clone(), signals);
        let main = candles::with_holes(rng, &main);
        self.push(symbol, frames.timeframe, kind, main);
        self.markets.insert(symbol.to_string(), market(rng, symbol, price, decimals));
    }

    fn push(&mut self, symbol: &Symbol, timeframe: Timeframe, kind: CandleKind, series: CandleSeries) {
        self.series.push((SeriesKey { symbol: symbol.clone(), timeframe, kind }, series));
    }

    /// Returns case `number` of a seed on stretches of real candles (`data/market` of the shared folder), under the
    /// market rules beside them.
    pub(crate) fn real(seed: u64, number: u64, shared: &Path) -> Result<Self> {
        let mut rng = Rng::new(seed ^ 0x5EA1, number);
        let rng = &mut rng;
        let (dataset, timeframe, detail, bases, first_day, days) = rng.pick(&DATASETS);
        let is_futures = dataset.starts_with("fut");
        let rows = rng.int(200, if detail.is_some() { 600 } else { 2_000 });
        let start = first_day + rng.int(2, days - 10) * 86_400_000;
        let span = Span { start, end: start + rows * timeframe.millis() };
        let detail = detail.filter(|_| rng.chance(0.5));
        let scale = rng.pick(&[0.002, 0.005, 0.02]);
        let mut case = Self {
            settings: Map::new(),
            callbacks: callbacks::random(rng, is_futures, timeframe.minutes(), scale),
            markets: Map::new(),
            tiers: Map::new(),
            series: Vec::new(),
            signals: BTreeMap::new(),
        };
        let read = |name: &str| -> Result<Map<String, Value>> {
            Ok(serde_json::from_str(&fs::read_to_string(shared.join("oracle").join(name))?)?)
        };
        let (markets, tiers) = (read("markets.json")?, read("leverage_tiers.json")?);
        let mut pairs = Vec::new();
        for base in bases.split(' ').take(rng.index(4) + 1) {
            let name = if is_futures { format!("{base}/USDT:USDT") } else { format!("{base}/USDT") };
            let symbol: Symbol = name.parse()?;
            let kind = CandleKind::traded(&symbol);
            let mut wanted = vec![(timeframe, kind)];
            wanted.extend(detail.map(|detail| (detail, kind)));
            if is_futures {
                wanted.extend([(Timeframe::H1, CandleKind::Mark), (Timeframe::H1, CandleKind::FundingRate)]);
                case.tiers.insert(name.clone(), tiers[&name].clone());
            }
            for (timeframe, kind) in wanted {
                let key = SeriesKey { symbol: symbol.clone(), timeframe, kind };
                let path = shared.join("data/market").join(format!("{dataset}__{}", file_name(&key)));
                let range = TimeRange { start: Some(span.start), end: Some(span.end) };
                case.series.push((key, read_parquet_candles(&path, range)?));
            }
            let main =
                case.series.iter().rev().find(|(key, _)| key.timeframe == timeframe && key.kind == kind);
            let main = &main.context("the main candles have just been read")?.1;
            let signals = signals(rng, main, timeframe, is_futures);
            case.signals.insert(symbol, signals);
            case.markets.insert(name.clone(), markets[&name].clone());
            pairs.push(name);
        }
        let startup = if rng.chance(0.5) { 0 } else { rng.int(1, 60) };
        let timerange = timerange(rng, span);
        let given = settings::Given {
            is_futures,
            timeframe,
            detail,
            pairs,
            scale,
            startup,
            timerange,
            callbacks: &case.callbacks,
        };
        case.settings = settings::random(rng, &given);
        Ok(case)
    }

    /// Returns the strategy for our own engine.
    pub(crate) fn strategy(&self) -> CaseStrategy {
        CaseStrategy { callbacks: self.callbacks.clone(), signals: self.signals.clone() }
    }

    /// Writes the case into a folder, replacing what is there.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder.join("data"))?;
        for (key, series) in &self.series {
            write_candles(&folder.join("data").join(file_name(key)), series, true)?;
        }
        write_signals(&folder.join("signals.parquet"), &self.signals)?;
        let text =
            |name: &str, text: &str| fs::write(folder.join(name), text).with_context(|| name.to_owned());
        let json = |name: &str, value: &Value| text(name, &format!("{value:#}\n"));
        text("strategy.py", &python::strategy(&self.settings, &self.callbacks))?;
        json("settings.json", &Value::Object(self.settings.clone()))?;
        json("config.json", &self.config())?;
        text("markets.json", &lines(&self.markets))?;
        text("leverage_tiers.json", &lines(&self.tiers))?;
        let mut arguments = Vec::new();
        if self.settings["enable_protections"] == true {
            arguments.push("--enable-protections".to_owned());
        }
        if let Some(detail) = self.settings.get("timeframe_detail").and_then(Value::as_str) {
            arguments.extend(["--timeframe-detail".to_owned(), detail.to_owned()]);
        }
        let timerange = self.settings.get("timerange").cloned().unwrap_or_else(|| json!(""));
        let case = json!({"timerange": timerange, "arguments": arguments, "callbacks": self.callbacks});
        json("case.json", &case)
    }

    /// Freqtrade's configuration file: what is neither the strategy's nor the command line's.
    fn config(&self) -> Value {
        let apart = ["pair_whitelist", "timerange", "timeframe_detail", "enable_protections", "callbacks"];
        let mut config: Map<String, Value> = self
            .settings
            .iter()
            .filter(|(key, _)| !python::is_attribute(key) && !apart.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let side = |side: &str| {
            let is_market = self.settings["order_types"][side] == "market";
            json!({"price_side": if is_market { "other" } else { "same" }, "use_order_book": true, "order_book_top": 1})
        };
        config.insert("entry_pricing".into(), side("entry"));
        config.insert("exit_pricing".into(), side("exit"));
        config.insert("dry_run".into(), json!(true));
        config.insert("dataformat_ohlcv".into(), json!("feather"));
        config.insert("pairlists".into(), json!([{"method": "StaticPairList"}]));
        let pairs = &self.settings["pair_whitelist"];
        let exchange = json!({"name": "binance", "key": "", "secret": "", "pair_whitelist": pairs, "pair_blacklist": []});
        config.insert("exchange".into(), exchange);
        Value::Object(config)
    }
}

/// A map as JSON with one line per key.
fn lines(map: &Map<String, Value>) -> String {
    let lines: Vec<String> = map.iter().map(|(key, value)| format!("{key:?}: {value}")).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// Name of a series' file.
fn file_name(key: &SeriesKey) -> String {
    let kind = match key.kind {
        CandleKind::Spot => String::new(),
        kind => format!("-{}", kind.as_str()),
    };
    format!("{}-{}{kind}.parquet", key.symbol.file_stem(), key.timeframe.as_str())
}

struct Frames {
    timeframe: Timeframe,
    detail: Option<Timeframe>,
    is_futures: bool,
    scale: f64,
}

/// Some pairs begin later or end earlier than others.
fn part_of(rng: &mut Rng, span: Span, timeframe: Timeframe) -> Span {
    let length = span.length() as f64;
    let mut cut = || if rng.chance(0.25) { timeframe.floor((rng.unit() * 0.3 * length) as i64) } else { 0 };
    Span { start: span.start + cut(), end: span.end - cut() }
}

fn timerange(rng: &mut Rng, span: Span) -> String {
    if rng.chance(0.3) {
        return String::new();
    }
    let length = span.length() as f64;
    let at = |rng: &mut Rng, low: f64, high: f64| span.start + (rng.range(low, high) * length) as Millis;
    let side = |rng: &mut Rng, time: Millis| {
        let hour = 3_600_000;
        match rng.index(4) {
            0 => (time / 1_000).to_string(),
            1 => time.to_string(),
            _ => (time / hour * hour / 1_000).to_string(),
        }
    };
    let start = at(rng, -0.15, 0.3);
    let end = at(rng, 0.55, 1.15);
    let (start, end) = (side(rng, start), side(rng, end));
    match rng.index(6) {
        0 => format!("{start}-"),
        1 => format!("-{end}"),
        _ => format!("{start}-{end}"),
    }
}

fn market(rng: &mut Rng, symbol: &Symbol, price: f64, decimals: i32) -> Value {
    let is_futures = symbol.is_futures();
    // A step is worth between a hundredth of a cent and a few units of stake.
    let worth = 10_f64.powf(rng.range(-4.0, 0.5));
    let power = (worth / price).log10().round() as i32;
    let contract: f64 = if is_futures && rng.chance(0.15) { rng.pick(&[0.01, 10.0, 100.0]) } else { 1.0 };
    let step = round_power(power - contract.log10().round() as i32);
    let step = if rng.chance(0.1) {
        format!("5{}", &format!("{step:e}")[1..]).parse().unwrap_or(step)
    } else {
        step
    };
    let (base, quote) = (symbol.base(), symbol.quote());
    let smallest = rng.pick(&[5.0, 5.0, 10.0, 20.0, 100.0]);
    let most_amount =
        rng.maybe(0.3, |rng| (rng.range(50.0, 50_000.0) / price / contract / step).ceil() * step);
    let most_cost = rng.maybe(0.1, |rng| rng.range(100.0, 50_000.0).round());
    json!({
        "id": format!("{base}{quote}"), "symbol": symbol, "base": base, "quote": quote,
        "settle": symbol.settle(), "baseId": base, "quoteId": quote, "settleId": symbol.settle(),
        "type": if is_futures { "swap" } else { "spot" }, "spot": !is_futures, "margin": false,
        "swap": is_futures, "future": false, "option": false, "active": true, "contract": is_futures,
        "linear": is_futures.then_some(true), "inverse": is_futures.then_some(false),
        "taker": if is_futures { 0.0005 } else { 0.001 }, "maker": if is_futures { 0.0002 } else { 0.001 },
        "contractSize": is_futures.then_some(contract), "expiry": null, "expiryDatetime": null,
        "strike": null, "optionType": null,
        "precision": {"amount": step, "price": round_power(-decimals), "base": 1e-8, "quote": 1e-8},
        "limits": {
            "leverage": {"min": null, "max": null},
            "amount": {"min": if rng.chance(0.9) { json!(step) } else { Value::Null }, "max": most_amount},
            "price": {"min": round_power(-decimals), "max": null},
            "cost": {"min": if rng.chance(0.9) { json!(smallest / contract) } else { Value::Null }, "max": most_cost},
        },
        "info": {"status": "TRADING"},
    })
}

/// The float that the power of ten is written as.
fn round_power(power: i32) -> f64 {
    format!("1e{power}").parse().unwrap_or(1.0)
}

/// Tiers with consistent maintenance amounts, as exchanges publish them.
fn tiers(rng: &mut Rng) -> Value {
    let mut tiers = Vec::new();
    let (mut from, mut rate, mut deducted) = (0.0, rng.pick(&[0.004, 0.005, 0.01, 0.025]), 0.0);
    let mut leverage = rng.pick(&[150.0, 100.0, 75.0, 20.0]);
    let mut to = rng.pick(&[300.0, 5_000.0, 50_000.0]);
    for _ in 0..rng.int(2, 6) {
        tiers.push(json!({"minNotional": from, "maxNotional": to, "maintenanceMarginRate": rate,
            "maxLeverage": leverage, "maintAmt": deducted}));
        let next = ((rate * rng.pick(&[1.25, 1.5, 2.0])) * 1e4_f64).round() / 1e4;
        deducted += to * (next - rate);
        deducted = (deducted * 1e6_f64).round() / 1e6;
        (from, rate) = (to, next);
        leverage = (leverage / rng.pick(&[1.25_f64, 2.0])).floor().max(1.0);
        to *= rng.pick(&[3.0, 10.0]);
    }
    let last = tiers.len() - 1;
    tiers[last]["maxNotional"] = json!(1e9);
    Value::Array(tiers)
}

fn signals(rng: &mut Rng, main: &CandleSeries, timeframe: Timeframe, is_futures: bool) -> Vec<GivenSignal> {
    let Some((&first, &last)) = main.open_time().first().zip(main.open_time().last()) else {
        return Vec::new();
    };
    let density = |rng: &mut Rng| rng.pick(&[0.005, 0.03, 0.1, 0.4, 0.95]);
    let mut chances = [
        (flag::ENTER_LONG, density(rng)),
        (flag::EXIT_LONG, density(rng) * 0.5),
        (flag::ENTER_SHORT, density(rng)),
        (flag::EXIT_SHORT, density(rng) * 0.5),
    ];
    if !is_futures && rng.chance(0.7) {
        chances[2].1 = 0.0;
        chances[3].1 = 0.0;
    }
    let tags = if rng.chance(0.5) { vec![""] } else { vec!["", "one", "two words"] };
    let mut signals = Vec::new();
    let mut time = first;
    while time <= last {
        let mut flags = 0;
        for (bit, chance) in chances {
            if rng.chance(chance) {
                flags |= bit;
            }
        }
        if flags != 0 {
            let (enter_tag, exit_tag) = (rng.pick(&tags).to_owned(), rng.pick(&tags).to_owned());
            signals.push(GivenSignal { time, flags, enter_tag, exit_tag });
        }
        time += timeframe.millis();
    }
    signals
}

fn write_signals(path: &Path, signals: &BTreeMap<Symbol, Vec<GivenSignal>>) -> Result<()> {
    let schema = "message signals { required binary pair (UTF8); required int64 timestamp; \
                  required int32 enter_long; required int32 exit_long; required int32 enter_short; \
                  required int32 exit_short; required binary enter_tag (UTF8); required binary exit_tag (UTF8); }";
    let schema = Arc::new(parse_message_type(schema)?);
    let rows: Vec<(&Symbol, &GivenSignal)> =
        signals.iter().flat_map(|(pair, signals)| signals.iter().map(move |signal| (pair, signal))).collect();
    let texts = |text: &dyn Fn(&(&Symbol, &GivenSignal)) -> String| -> Vec<ByteArray> {
        rows.iter().map(|row| ByteArray::from(text(row).into_bytes())).collect()
    };
    let mut writer =
        SerializedFileWriter::new(fs::File::create(path)?, schema, Arc::new(WriterProperties::new()))?;
    let mut group = writer.next_row_group()?;
    for index in 0..8 {
        let mut column = group.next_column()?.context("the schema has eight columns")?;
        let bit =
            |bit: u8| -> Vec<i32> { rows.iter().map(|row| i32::from(row.1.flags & bit != 0)).collect() };
        match index {
            0 => column.typed::<ByteArrayType>().write_batch(&texts(&|row| row.0.to_string()), None, None)?,
            1 => {
                let times: Vec<i64> = rows.iter().map(|row| row.1.time).collect();
                column.typed::<Int64Type>().write_batch(&times, None, None)?
            }
            6 => column.typed::<ByteArrayType>().write_batch(
                &texts(&|row| row.1.enter_tag.clone()),
                None,
                None,
            )?,
            7 => column.typed::<ByteArrayType>().write_batch(
                &texts(&|row| row.1.exit_tag.clone()),
                None,
                None,
            )?,
            flag => column.typed::<Int32Type>().write_batch(&bit(1 << (flag - 2)), None, None)?,
        };
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}
