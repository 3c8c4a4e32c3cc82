//! Best prices of one market: never an older one after a newer one.

use crate::feed::BookTicker;

/// The latest update that was told.
#[derive(Debug, Default)]
pub(crate) struct BookTickerTracker {
    latest: Option<u64>,
}

impl BookTickerTracker {
    /// Returns best prices that the socket told, unless they are known or old.
    pub(crate) fn heard(&mut self, ticker: BookTicker) -> Option<BookTicker> {
        if self.latest >= Some(ticker.update_id) {
            return None;
        }
        self.latest = Some(ticker.update_id);
        Some(ticker)
    }

    /// All sockets were lost and one is back: an exchange that was restarted may count anew.
    pub(crate) fn recover(&mut self) {
        self.latest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decimal;

    fn ticker(update_id: u64) -> BookTicker {
        let zero = Decimal::ZERO;
        let symbol = "BTC/USDT".parse().unwrap();
        BookTicker { symbol, update_id, bid: zero, bid_amount: zero, ask: zero, ask_amount: zero }
    }

    #[test]
    fn old_and_repeated_prices_are_left_out_until_the_exchange_counts_anew() {
        let mut tracker = BookTickerTracker::default();
        let told: Vec<u64> = [5, 7, 7, 6, 9]
            .into_iter()
            .filter_map(|id| tracker.heard(ticker(id)))
            .map(|ticker| ticker.update_id)
            .collect();
        assert_eq!(told, [5, 7, 9]);
        tracker.recover();
        assert_eq!(tracker.heard(ticker(1)), Some(ticker(1)));
    }
}
