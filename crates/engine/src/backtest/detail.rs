//! Main candles taken apart into shorter ones (`timeframe_detail`).

use std::ops::Range;

use tradai_domain::Millis;

use super::Simulation;
use super::pair::{Row, Side, direction};

/// A pair's part in the current main candle.
#[derive(Debug, Clone)]
struct DetailPair {
    pair: usize,
    main: Row,
    side: Option<Side>,
    /// Rows of the detail candles inside the main one.
    rows: Range<usize>,
}

impl Simulation<'_> {
    /// One main candle, detail candle by detail candle, all pairs side by side.
    ///
    /// A pair without a signal or an open trade stays out. A pair whose trade closes stays out for the rest of the
    /// main candle.
    pub(super) fn main_candle_in_detail(&mut self, entries: &[(u32, u32)]) {
        let now = self.time_of(self.step);
        let mut traded: Vec<usize> = self.slots.pairs().to_vec();
        let mut first: Vec<usize> = traded.clone();
        first.extend(entries.iter().map(|&(_, pair)| pair as usize).filter(|pair| !traded.contains(pair)));
        let mut parts: Vec<DetailPair> = Vec::with_capacity(first.len());
        for pair in first {
            let Some(index) = self.row_at(pair, self.step) else { continue };
            let main = self.pairs[pair].row(index, now);
            let side = direction(main.flags, self.settings.shorts_allowed());
            let rows = self.detail_rows(pair, now);
            let row = self.detail_row(pair, &main, rows.start).filter(|_| !rows.is_empty()).unwrap_or(main);
            if self.takes_part(pair, &mut traded) {
                parts.push(DetailPair { pair, main, side, rows });
                self.process_row(pair, &row, side, now != self.end);
            }
        }
        let longest = parts.iter().map(|part| part.rows.len()).max().unwrap_or(0);
        for index in 1..longest {
            self.detail_candle(&parts, index, now, &mut traded);
        }
        let open: Vec<usize> = self.slots.pairs().to_vec();
        for pair in open {
            self.next_event[pair] = self.step + 1;
        }
    }

    fn detail_candle(&mut self, parts: &[DetailPair], index: usize, now: Millis, traded: &mut Vec<usize>) {
        let Some(detail) = self.settings.timeframe_detail else { return };
        let time = now + i64::try_from(index).unwrap_or_default() * detail.millis();
        for part in self.in_order(parts) {
            let DetailPair { pair, side, .. } = *part;
            let row = part.rows.start + index;
            if row >= part.rows.end || !self.takes_part(pair, traded) {
                continue;
            }
            let Some(row) = self.detail_row(pair, &part.main, row) else { continue };
            let expired = self.settings.ignore_buying_expired_candle_after;
            let late = expired != 0 && (time - now) > expired * 1_000;
            self.process_row(pair, &row, side.filter(|_| !late), time != self.end);
        }
    }

    /// Pairs with open trades first (oldest trade first), then the others as whitelisted.
    fn in_order<'p>(&self, parts: &'p [DetailPair]) -> Vec<&'p DetailPair> {
        let open = self.slots.pairs();
        let rank = |part: &&DetailPair| {
            let place = open.iter().position(|&pair| pair == part.pair);
            (place.unwrap_or(usize::MAX), part.pair)
        };
        let mut ordered: Vec<&DetailPair> = parts.iter().collect();
        ordered.sort_by_key(rank);
        ordered
    }

    fn takes_part(&self, pair: usize, traded: &mut Vec<usize>) -> bool {
        let open = self.slots.get(pair).is_some();
        let known = traded.contains(&pair);
        if open && !known {
            traded.push(pair);
        }
        open || !known
    }

    fn detail_rows(&self, pair: usize, now: Millis) -> Range<usize> {
        let Some(detail) = &self.pairs[pair].detail else { return 0..0 };
        let times = detail.open_time();
        let end = now + self.timeframe.millis();
        times.partition_point(|&time| time < now)..times.partition_point(|&time| time < end)
    }

    fn detail_row(&self, pair: usize, main: &Row, index: usize) -> Option<Row> {
        let detail = self.pairs[pair].detail.as_ref()?;
        Some(Row {
            time: *detail.open_time().get(index)?,
            open: detail.open()[index],
            high: detail.high()[index],
            low: detail.low()[index],
            detail: Some(index),
            flags: main.flags,
            known_rows: main.known_rows,
        })
    }
}
