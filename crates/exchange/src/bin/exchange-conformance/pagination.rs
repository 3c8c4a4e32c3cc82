//! Long stretches of candles: which requests are sent, and what comes of the replies.

use std::path::Path;

use tradai_exchange::base::timeframe_seconds;
use tradai_exchange::{Call, HttpRequest, Json, Reply, Request, merge_candles};

use crate::report::{Case, Outcome, Report};
use crate::venue::Venue;
use crate::{files, input};

pub(crate) fn run(venue: &Venue, path: &Path, report: &mut Report) -> Result<(), String> {
    files::for_each_case(&path.join("pagination.json"), |json| {
        let case = Case { exchange: &venue.name, kind: "pagination", method: "fetchOHLCV", json };
        let outcome = check(venue, json);
        report.add(&case, outcome);
    })
}

fn check(venue: &Venue, json: &Json<'_>) -> Outcome {
    let request = input::request("fetchOHLCV", json.get("input")).map_err(|error| error.to_string())?;
    let context = venue.context();
    let pages = venue.adapter.candle_pages(&request, context.now_ms);
    let wanted = json.get("requests").items();
    if pages.len() != wanted.len() {
        return Err(format!("expected {} requests, got {}", wanted.len(), pages.len()));
    }
    let mut replies = Vec::new();
    for (page, wanted) in pages.iter().zip(wanted) {
        let built = venue.adapter.build_request(page, &context).map_err(|error| error.to_string())?;
        same_request(&built, wanted)?;
        let body = pretend(venue, page, &built, context.now_ms).ok_or("cannot play the exchange")?;
        match venue.adapter.parse(page, body.as_bytes(), &context) {
            Ok(Reply::Candles(candles)) => replies.push(candles),
            other => return Err(format!("no candles: {other:?}")),
        }
    }
    let Call::FetchOhlcv { page, .. } = &request.call else { return Err("no candles asked".to_owned()) };
    let candles = merge_candles(replies, page);
    let seen =
        (candles.len() as i64, candles.first().map(|c| c.open_time), candles.last().map(|c| c.open_time));
    let expect = |name: &str| json.get(name).as_i64();
    if seen == (expect("expect_count").unwrap_or_default(), expect("expect_first"), expect("expect_last")) {
        return Ok(());
    }
    Err(format!("count, first, last: {seen:?}"))
}

fn same_request(built: &HttpRequest, wanted: &Json<'_>) -> Outcome {
    let (address, query) = built.url.split_once('?').unwrap_or((&built.url, ""));
    let matches_path = wanted.get("path").as_str().is_some_and(|path| address.ends_with(path));
    let mut pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let mut expected: Vec<_> = wanted
        .get("query")
        .members()
        .iter()
        .map(|(n, v)| (n.as_ref(), v.as_str().unwrap_or_default()))
        .collect();
    pairs.sort_unstable();
    expected.sort_unstable();
    if matches_path && pairs == expected {
        Ok(())
    } else {
        Err(format!("expected {expected:?}, got {pairs:?}"))
    }
}

/// Plays the exchange: candles of the asked window, oldest first from its start, in the exchange's own shape.
fn pretend(venue: &Venue, page: &Request, built: &HttpRequest, now_ms: i64) -> Option<String> {
    let Call::FetchOhlcv { timeframe, .. } = &page.call else { return None };
    let length = timeframe_seconds(timeframe)? * 1_000;
    let query = built.url.split_once('?')?.1;
    let number = |names: &[&str]| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| names.contains(name)).and_then(|(_, value)| value.parse::<i64>().ok())
    };
    let okx = venue.name == "okx";
    let limit = number(&["limit"]).unwrap_or(500);
    let start = number(&["startTime", "start", "before"]).unwrap_or(0) + i64::from(okx);
    let end = number(&["endTime", "end", "after"])
        .map_or(now_ms - 1, |end| if okx { end - 1 } else { end })
        .min(now_ms - 1);
    let first = (start + length - 1).div_euclid(length) * length;
    let count = ((end - first).div_euclid(length) + 1).clamp(0, limit);
    // With a start and no end, Bybit serves from the start.
    let newest_first = okx || (venue.name == "bybit" && number(&["end"]).is_some());
    // Exchanges that answer newest first cut at the old end.
    let skipped = if newest_first { ((end - first).div_euclid(length) + 1 - count).max(0) } else { 0 };
    let row = |index: i64| {
        format!("[{},\"1\",\"1\",\"1\",\"1\",\"1\",0,\"1\"]", first + (skipped + index) * length)
    };
    let mut rows: Vec<String> = (0..count).map(row).collect();
    if newest_first {
        rows.reverse();
    }
    let rows = rows.join(",");
    Some(match venue.name.as_str() {
        "bybit" => format!("{{\"retCode\":0,\"result\":{{\"list\":[{rows}]}}}}"),
        "okx" => format!("{{\"code\":\"0\",\"data\":[{rows}]}}"),
        _ => format!("[{rows}]"),
    })
}
