//! Names of streams, and when they have something to say.

use tradai_domain::{Millis, Timeframe};

use super::frames;
use crate::engine::Engine;
use crate::market::Venue;
use serde_json::Value;

/// What a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Kline(Timeframe),
    Trade,
    AggTrade,
    BookTicker,
    MiniTicker,
    /// Changes of the book.
    DepthDiff,
    /// The top levels of the book.
    DepthTop(u32),
    /// Every so many milliseconds.
    MarkPrice(Millis),
}

/// A subscribed stream.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) name: String,
    topic: Topic,
    market: usize,
    /// What happened up to here was told.
    told: Millis,
    /// The book's last told update, of book streams; the last told moment, of streams that repeat.
    mark: u64,
}

impl Topic {
    fn parse(venue: Venue, text: &str) -> Option<Self> {
        let (topic, option) =
            text.split_once('@').map_or((text, None), |(topic, option)| (topic, Some(option)));
        let is_speed = option.is_none_or(|speed| matches!(speed, "100ms" | "250ms" | "500ms" | "1000ms"));
        match (topic, venue) {
            ("trade", _) if option.is_none() => Some(Self::Trade),
            ("aggTrade", _) if option.is_none() => Some(Self::AggTrade),
            ("bookTicker", _) if option.is_none() => Some(Self::BookTicker),
            ("miniTicker", _) if option.is_none() => Some(Self::MiniTicker),
            ("markPrice", Venue::UsdM) if option.is_none() => Some(Self::MarkPrice(3_000)),
            ("markPrice", Venue::UsdM) if option == Some("1s") => Some(Self::MarkPrice(1_000)),
            ("depth", _) if is_speed => Some(Self::DepthDiff),
            ("depth5", _) if is_speed => Some(Self::DepthTop(5)),
            ("depth10", _) if is_speed => Some(Self::DepthTop(10)),
            ("depth20", _) if is_speed => Some(Self::DepthTop(20)),
            _ if option.is_none() => topic.strip_prefix("kline_")?.parse().ok().map(Self::Kline),
            _ => None,
        }
    }
}

impl Stream {
    /// Returns the stream of a name from now on; `None` when there is no such one.
    pub(super) fn open(name: &str, venue: Venue, engine: &Engine) -> Option<Self> {
        let (symbol, topic) = name.split_once('@')?;
        let is_lower = symbol.chars().all(|c| !c.is_ascii_uppercase());
        let market = engine.find_market(venue, &symbol.to_ascii_uppercase()).filter(|_| is_lower)?;
        let topic = Topic::parse(venue, topic)?;
        let mark = match topic {
            Topic::DepthDiff => engine.book(market).map_or(0, |book| book.epoch),
            _ => 0,
        };
        Some(Self { name: name.to_owned(), topic, market, told: engine.now, mark })
    }

    pub(super) fn is_kline(&self) -> bool {
        matches!(self.topic, Topic::Kline(_))
    }

    /// Returns what is new up to a moment, oldest first.
    pub(super) fn frames(&mut self, engine: &Engine, until: Millis) -> Vec<Value> {
        let (since, market) = (self.told, &engine.markets[self.market]);
        if until <= since || market.is_delisted {
            return Vec::new();
        }
        self.told = until;
        match self.topic {
            Topic::Kline(timeframe) => frames::klines(market, timeframe, since, until),
            Topic::Trade | Topic::AggTrade => {
                let points = market.tape.points(since, until).filter(|point| point.units > 0);
                let is_trade = self.topic == Topic::Trade;
                points
                    .map(|point| {
                        if is_trade {
                            frames::trade(market, &point)
                        } else {
                            frames::agg_trade(market, &point)
                        }
                    })
                    .collect()
            }
            Topic::MiniTicker => {
                let due = self.is_due(until, 1_000);
                due.then(|| crate::api::mini_ticker(market, until)).flatten().into_iter().collect()
            }
            Topic::MarkPrice(every) => {
                let due = self.is_due(until, every);
                due.then(|| frames::mark_price(market, until)).into_iter().collect()
            }
            Topic::BookTicker | Topic::DepthDiff | Topic::DepthTop(_) => self.book_frames(engine, until),
        }
    }

    /// Whether a stream that repeats is due, in steps of the exchange's clock.
    fn is_due(&mut self, now: Millis, every: Millis) -> bool {
        let step = now.div_euclid(every).unsigned_abs();
        let is_due = step != self.mark;
        self.mark = step;
        is_due
    }

    fn book_frames(&mut self, engine: &Engine, until: Millis) -> Vec<Value> {
        let market = &engine.markets[self.market];
        let book = engine.book(self.market).filter(|book| book.epoch != self.mark);
        let Some(book) = book else { return Vec::new() };
        let before = std::mem::replace(&mut self.mark, book.epoch);
        vec![match self.topic {
            Topic::BookTicker => frames::book_ticker(market, &book, until),
            Topic::DepthTop(levels) => frames::depth_top(market, &book, levels, until),
            _ => frames::depth_diff(market, &book, before, until),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_exchange() {
        let parse = |text| Topic::parse(Venue::UsdM, text);
        assert_eq!(parse("kline_1m"), Some(Topic::Kline(Timeframe::M1)));
        assert_eq!(parse("markPrice@1s"), Some(Topic::MarkPrice(1_000)));
        assert_eq!(parse("depth20@100ms"), Some(Topic::DepthTop(20)));
        assert_eq!(parse("depth@7ms"), None);
        assert_eq!(parse("kline_1s"), None);
        assert_eq!(Topic::parse(Venue::Spot, "markPrice"), None);
    }
}
