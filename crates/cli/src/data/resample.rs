//! `--resample`: candles of a longer timeframe than the stored ones.

use serde_json::{Value, json};
use tradai_domain::{SeriesKey, TimeRange, Timeframe, format_utc};
use tradai_timeseries::{
    AsOf, CandleStore, Incomplete, Read, Resampled, SeriesInfo, resample_until, source_range,
};

use super::series::absent;

/// Incomplete candles named in a text.
const SHOWN: usize = 3;

/// Candles as they were asked for.
pub(super) struct Answer {
    /// What is stored of the version read.
    pub(super) info: SeriesInfo,
    /// The candles of the range, resampled if that was asked for.
    pub(super) read: Read,
    /// What resampling has to say.
    pub(super) resampling: Option<Resampling>,
}

/// How candles were made of the stored ones.
pub(super) struct Resampling {
    timeframe: Timeframe,
    rows: usize,
    made: Resampled,
}

/// Reads the candles that open in `range`; with a timeframe, those made of the stored ones.
pub(super) fn read(
    store: &CandleStore,
    key: &SeriesKey,
    range: TimeRange,
    as_of: &AsOf,
    timeframe: Option<Timeframe>,
) -> anyhow::Result<Answer> {
    let stored_range = timeframe.map_or(range, |timeframe| source_range(range, timeframe));
    let missing = || absent(key, as_of);
    let mut read = store.read(key, stored_range, as_of.clone())?.ok_or_else(missing)?;
    let info = store.info(key, AsOf::Version(read.version))?.ok_or_else(missing)?;
    let Some(timeframe) = timeframe else { return Ok(Answer { info, read, resampling: None }) };
    let seen_until = info.span.map_or(0, |(_, last)| last + key.timeframe.millis());
    let mut made = resample_until(&read.series, key, timeframe, seen_until)?;
    read.series = std::mem::take(&mut made.series);
    let resampling = Resampling { timeframe, rows: read.series.len(), made };
    Ok(Answer { info, read, resampling: Some(resampling) })
}

impl Answer {
    /// Returns what the candles are: the stored series, or what was made of it.
    pub(super) fn key(&self) -> SeriesKey {
        let timeframe = self.resampling.as_ref().map(|resampling| resampling.timeframe);
        let key = &self.info.key;
        SeriesKey { timeframe: timeframe.unwrap_or(key.timeframe), ..key.clone() }
    }
}

impl Resampling {
    /// Says what was made and what it lacks, in a line for each.
    pub(super) fn text(&self) -> String {
        let mut text = format!("resampled to {}: {} candles\n", self.timeframe, self.rows);
        let incomplete = &self.made.incomplete;
        if !incomplete.is_empty() {
            let named: Vec<String> = incomplete.iter().take(SHOWN).map(incomplete_text).collect();
            let more = if incomplete.len() > SHOWN { ", …" } else { "" };
            let count = incomplete.len();
            text.push_str(&format!("{count} of them lack candles: {}{more}\n", named.join(", ")));
        }
        if let Some(open_time) = self.made.unfinished {
            let at = format_utc(open_time);
            text.push_str(&format!("the one of {at} is left out: the stored candles end before it does\n"));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let incomplete: Vec<Value> = self
            .made
            .incomplete
            .iter()
            .map(|hole| {
                let open_time = format_utc(hole.open_time);
                json!({ "open_time": open_time, "found": hole.found, "expected": hole.expected })
            })
            .collect();
        json!({
            "timeframe": self.timeframe,
            "rows": self.rows,
            "incomplete": incomplete,
            "left_out": self.made.unfinished.map(format_utc),
        })
    }
}

fn incomplete_text(hole: &Incomplete) -> String {
    format!("{} ({} of {})", format_utc(hole.open_time), hole.found, hole.expected)
}
