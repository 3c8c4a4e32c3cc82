//! How complete stored candles are: a bar per series.

use maud::{Markup, html};
use serde_json::Value;
use tradai_control_plane::jobs::BacktestRequest;
use tradai_domain::{Millis, parse_date_ms};

use super::imported::Wanted;
use super::page::{self, missing};
use super::peers::{self, count, items, text};
use super::state::Dashboard;
use super::text::{count as grouped, minute_of, percent};
use crate::core::DAYS_WITHOUT_START;

/// Units across a bar.
const WIDTH: i64 = 1_000;
/// Pairs that the panel beside a form shows.
const MOST: usize = 20;

/// What is stored for what a form asks for.
pub(super) async fn of_request(
    state: &Dashboard,
    request: &BacktestRequest,
    of_strategy: Option<&str>,
) -> Markup {
    html! {
        h2 { "Stored candles" }
        (match &request.exchange {
            None => imported(state, request, of_strategy).await,
            Some(exchange) => collected(state, request, exchange, of_strategy).await,
        })
    }
}

/// Those that `tradai data` wrote into the data folder: nobody completes them, so that a run has what is there.
async fn imported(state: &Dashboard, request: &BacktestRequest, of_strategy: Option<&str>) -> Markup {
    let stored = match state.core.imported.list().await {
        Err(error) => return missing("It is not known what is stored:", &error.to_string()),
        Ok(stored) => stored,
    };
    let day = |text: &Option<String>| text.as_deref().and_then(|text| parse_date_ms(text).ok());
    let wanted = Wanted {
        symbols: request.symbols.iter().filter_map(|symbol| symbol.parse().ok()).collect(),
        timeframe: request.timeframe.as_deref().or(of_strategy).and_then(|text| text.parse().ok()),
        start: day(&request.start),
        end: day(&request.end),
    };
    let found = wanted.coverage(&stored, state.clock.now_ms());
    html! {
        @for series in found.iter().take(MOST) {
            @if series["version"].is_null() {
                p.message.warn { (text(series, "symbol")) " " (text(series, "timeframe")) " is not imported." }
            } @else { (line(series)) }
        }
        @if found.len() > MOST { p.note { "And " (grouped((found.len() - MOST) as u64)) " more; " a href="/data" { "Data" } " lists them." } }
        @if found.is_empty() { p.note { "No imported candles of this timeframe. " code { "tradai data import" } " brings files in." } }
        p.note { "Imported candles are taken as they are; choose an exchange to use what is collected from it." }
    }
}

async fn collected(
    state: &Dashboard,
    request: &BacktestRequest,
    exchange: &str,
    of_strategy: Option<&str>,
) -> Markup {
    let Some(timeframe) = request.timeframe.as_deref().or(of_strategy) else {
        return html! { p.note { "Choose a strategy or a timeframe." } };
    };
    let readable = |symbol: &&String| symbol.parse::<tradai_domain::Symbol>().is_ok();
    let symbols: Vec<&str> = request.symbols.iter().filter(readable).take(MOST).map(String::as_str).collect();
    if symbols.is_empty() {
        return html! { p.note { "Name pairs to see what is stored of them." } };
    }
    let symbols = symbols.join(",");
    let mut query = vec![("exchange", exchange), ("symbols", &symbols), ("timeframe", timeframe)];
    let sides = [("start", request.start.as_deref()), ("end", request.end.as_deref())];
    query.extend(
        sides
            .iter()
            .filter_map(|(name, text)| Some((*name, (*text)?)))
            .filter(|(_, text)| parse_date_ms(text).is_ok()),
    );
    match peers::ask(&state.peers.data_collection, "/api/v1/coverage", &query).await {
        Err(error) => missing("It is not known what is stored:", &error.for_callers()),
        Ok(reply) => html! {
            @for series in items(&reply, "items") { (line(series)) }
            p.note { (before_the_run(request)) }
        },
    }
}

/// Says what the job collects, as `core/stretch.rs` has it.
fn before_the_run(request: &BacktestRequest) -> String {
    match (&request.start, &request.end) {
        (Some(_), _) => "What is missing is collected before the run.".to_owned(),
        (None, end) => format!(
            "Before the run, what is stored is completed up to {}, and the last {DAYS_WITHOUT_START} days are collected of a \
             pair of which nothing is, unless the strategy's config has a first day.",
            if end.is_some() { "the end" } else { "now" }
        ),
    }
}

fn line(series: &Value) -> Markup {
    html! {
        div.field {
            p {
                strong { (text(series, "symbol")) } " " (text(series, "timeframe"))
                @if series["synthetic"] == true { " " (page::synthetic()) }
                @if counted(series) {
                    span.quiet { " " (grouped(count(series, "stored"))) " candles, " (percent(ratio(series))) }
                }
            }
            (bar(series))
            p.hint { (in_words(series)) }
        }
    }
}

/// Funding rates keep no grid, so that there is no telling how many there should be.
fn counted(series: &Value) -> bool {
    text(series, "price") != "funding_rate"
}

fn ratio(series: &Value) -> f64 {
    series.get("ratio").and_then(Value::as_f64).unwrap_or_default()
}

/// Says what a bar shows.
pub(super) fn in_words(series: &Value) -> String {
    let (missing, absent) = (count(series, "missing"), count(series, "absent"));
    let span = series
        .get("span")
        .map(|span| format!("{} to {}", minute_of(text(span, "start")), minute_of(text(span, "end"))));
    let mut words = vec![span.unwrap_or_default()];
    if missing > 0 {
        words.push(format!("{} missing", grouped(missing)));
    }
    if absent > 0 {
        words.push(format!("{} that the exchange does not have", grouped(absent)));
    }
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

/// Draws what is stored, missing and absent over the span of a series.
pub(super) fn bar(series: &Value) -> Markup {
    let words = in_words(series);
    let label = if counted(series) { format!("{} stored. {words}", percent(ratio(series))) } else { words };
    let parts = |key, class| rectangles(series, key).into_iter().map(move |(x, width)| (x, width, class));
    // Only so many spans are listed, so that what is stored is the ground and holes are drawn on top. A series
    // that has no version is a hole as a whole.
    let nothing = series.get("version").is_none_or(Value::is_null);
    html! {
        svg.cover viewBox={ "0 0 " (WIDTH) " 12" } preserveAspectRatio="none" role="img" aria-label=(label) {
            rect class=(if nothing { "missing" } else { "stored" }) x="0" y="0" width=(WIDTH) height="12" {}
            @for (x, width, class) in parts("absent_spans", "absent").chain(parts("missing_spans", "missing")) {
                rect class=(class) x=(x) y="0" width=(width) height="12" {}
            }
        }
    }
}

/// Places of spans on the bar; the shortest is still seen.
fn rectangles(series: &Value, key: &str) -> Vec<(i64, i64)> {
    let ends = |span: &Value| Some((moment(span, "start")?, moment(span, "end")?));
    let Some((start, end)) = series.get("span").and_then(ends).filter(|(start, end)| start < end) else {
        return Vec::new();
    };
    let place = |at: Millis| {
        (i128::from(at.clamp(start, end) - start) * i128::from(WIDTH) / i128::from(end - start)) as i64
    };
    let spans = items(series, key).iter().filter_map(ends);
    spans.map(|(from, to)| (place(from).min(WIDTH - 3), (place(to) - place(from)).max(3))).collect()
}

fn moment(span: &Value, key: &str) -> Option<Millis> {
    chrono::DateTime::parse_from_rfc3339(text(span, key)).ok().map(|moment| moment.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn series() -> Value {
        let span = |start: &str, end: &str| json!({"start": start, "end": end, "candles": 1});
        json!({
            "version": 1, "price": "traded", "synthetic": false, "stored": 50, "missing": 25, "absent": 0, "ratio": 0.75,
            "span": span("2024-01-01T00:00:00Z", "2024-01-05T00:00:00Z"),
            "missing_spans": [span("2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z"), span("2024-01-05T00:00:00Z", "2024-01-05T00:00:00Z")],
        })
    }

    #[test]
    fn holes_are_where_they_are() {
        assert_eq!(rectangles(&series(), "missing_spans"), [(250, 250), (997, 3)]);
        assert!(rectangles(&series(), "absent_spans").is_empty());
        assert_eq!(in_words(&series()), "2024-01-01 00:00 to 2024-01-05 00:00, 25 missing");
    }

    #[test]
    fn funding_rates_are_there_though_nobody_counts_them() {
        let mut funding = series();
        funding["price"] = json!("funding_rate");
        (funding["stored"], funding["ratio"]) = (json!(0), json!(0.0));
        funding["missing_spans"] = json!([]);
        let drawn = bar(&funding).into_string();
        assert!(drawn.contains("class=\"stored\"") && !drawn.contains("class=\"missing\""), "{drawn}");
        let shown = line(&funding).into_string();
        assert!(!shown.contains('%') && !shown.contains("0 candles"), "{shown}");
        funding["version"] = json!(null);
        assert!(bar(&funding).into_string().contains("class=\"missing\""), "nothing is stored");
    }

    #[test]
    fn made_up_candles_are_labelled() {
        let mut made_up = series();
        assert!(!line(&made_up).into_string().contains("SYNTHETIC"));
        made_up["synthetic"] = json!(true);
        assert!(line(&made_up).into_string().contains("SYNTHETIC"));
    }

    #[test]
    fn what_is_promised_is_what_is_collected() {
        let said = |start: Option<&str>| {
            let start = start.map(ToOwned::to_owned);
            before_the_run(&BacktestRequest { start, ..BacktestRequest::default() })
        };
        assert!(said(Some("2024-01-01")).contains("is collected before"));
        assert!(said(None).contains("completed up to now, and the last 30 days"));
    }

    #[test]
    fn what_a_peer_makes_up_draws_nothing() {
        for odd in [
            json!(null),
            json!({"span": 1}),
            json!({"span": {"start": "x", "end": "y"}, "missing_spans": "z"}),
        ] {
            assert!(rectangles(&odd, "missing_spans").is_empty());
            assert!(bar(&odd).into_string().contains("missing"));
        }
    }
}
