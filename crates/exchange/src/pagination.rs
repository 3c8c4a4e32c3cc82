//! Long stretches of candles, a page at a time.

use tradai_domain::Millis;

use crate::model::Candle;
use crate::{Call, Page, Request, base::timeframe_seconds};

/// Splits a request for candles into windows of `page_rows` candles that together cover it, oldest first, up to
/// `until` or now. Consecutive windows share a millisecond, so that no candle falls between two.
///
/// Without a start, as many windows as the limit takes end now. Requests that cannot be split, with neither start
/// nor limit or of a timeframe we do not know, come back as they are.
#[must_use]
pub fn candle_pages(request: &Request, page_rows: u32, now_ms: Millis) -> Vec<Request> {
    let whole = || vec![request.clone()];
    let Call::FetchOhlcv { symbol, timeframe, page, price } = &request.call else { return whole() };
    let length = timeframe_seconds(timeframe).and_then(|seconds| seconds.checked_mul(1_000));
    let step = length.and_then(|length| length.checked_mul(page_rows.into())).map(|window| window - 1);
    let end = page.until.unwrap_or(now_ms).min(now_ms);
    let start = page.since.or_else(|| start_of_last(page.limit?, page_rows, length?, end));
    let most =
        page.limit.filter(|_| page.since.is_none()).map_or(usize::MAX, |rows| windows(rows, page_rows));
    let (Some(mut since), Some(step)) = (start, step) else { return whole() };
    let mut pages = Vec::new();
    while since < end && step > 0 && pages.len() < most {
        let page = Page { since: Some(since), until: page.until, limit: Some(page_rows) };
        let call =
            Call::FetchOhlcv { symbol: symbol.clone(), timeframe: timeframe.clone(), page, price: *price };
        pages.push(Request { call, scope: request.scope });
        match since.checked_add(step) {
            Some(next) => since = next,
            None => break,
        }
    }
    if pages.is_empty() { whole() } else { pages }
}

/// Returns where the windows begin that hold the last `rows` candles before `end`.
fn start_of_last(rows: u32, page_rows: u32, length_ms: i64, end: Millis) -> Option<Millis> {
    let windows = i64::try_from(windows(rows, page_rows)).ok()?;
    let span = windows.checked_mul(page_rows.into())?.checked_mul(length_ms)?;
    end.checked_sub(span)?.checked_sub(1)
}

fn windows(rows: u32, page_rows: u32) -> usize {
    usize::try_from(rows.div_ceil(page_rows.max(1))).unwrap_or(usize::MAX)
}

/// Puts the pages of candles together: in order, one per time, within the page that was asked for.
#[must_use]
pub fn merge_candles(pages: Vec<Vec<Candle>>, page: &Page) -> Vec<Candle> {
    let mut candles: Vec<Candle> = pages.into_iter().flatten().collect();
    candles.sort_by_key(|candle| candle.open_time);
    candles.dedup_by_key(|candle| candle.open_time);
    candles.retain(|candle| {
        page.since.is_none_or(|since| candle.open_time >= since)
            && page.until.is_none_or(|until| candle.open_time <= until)
    });
    let limit = page.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    if candles.len() > limit {
        if page.since.is_some() {
            candles.truncate(limit);
        } else {
            candles.drain(..candles.len() - limit);
        }
    }
    candles
}

/// As [`candle_pages`], for exchanges that serve the newest rows between a start and an end: where the stretch
/// has an end, every window has one of its own.
pub(crate) fn bounded_candle_pages(request: &Request, page_rows: u32, now_ms: Millis) -> Vec<Request> {
    let mut pages = candle_pages(request, page_rows, now_ms);
    for page in &mut pages {
        let Call::FetchOhlcv { timeframe, page, .. } = &mut page.call else { continue };
        let length = timeframe_seconds(timeframe).and_then(|seconds| seconds.checked_mul(1_000));
        let span = length.and_then(|length| length.checked_mul(page_rows.into()));
        let end = page.since.zip(span).and_then(|(since, span)| since.checked_add(span));
        page.until = page.until.zip(end).map(|(until, end)| until.min(end)).or(page.until);
    }
    pages
}
