//! Request weight and order counts, and what follows when they run out: 429 first, then a ban.

use std::collections::BTreeMap;

use tradai_domain::Millis;

use crate::market::{Venue, rate_limits};
use crate::refusal::{Outcome, Refusal};

const MINUTE: Millis = 60_000;
const SHORT: Millis = 10_000;
const DAY: Millis = 86_400_000;

/// Requests sent in spite of 429 that bring a ban.
const TOLERATED: u32 = 10;
/// First ban; each further one is twice as long, up to [`LONGEST_BAN`].
const FIRST_BAN: Millis = 120_000;
const LONGEST_BAN: Millis = 3 * DAY;

/// A count that starts anew with every interval of the clock.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    interval: Millis,
    count: u64,
}

impl Counter {
    fn at(self, now: Millis, length: Millis) -> Self {
        let interval = now.div_euclid(length);
        if self.interval == interval { self } else { Self { interval, count: 0 } }
    }
}

/// Usage of one venue. All clients of a sandbox share an address.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    weight: Counter,
    short_orders: Counter,
    long_orders: Counter,
    ignored: u32,
    banned_until: Millis,
    bans: u32,
}

/// Usage of all venues.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    usage: BTreeMap<Venue, Usage>,
    /// Limits that replace the usual weight per minute.
    pub(crate) weight_limits: BTreeMap<Venue, u64>,
}

impl Limits {
    pub(crate) fn weight_limit(&self, venue: Venue) -> u64 {
        self.weight_limits.get(&venue).copied().unwrap_or(rate_limits(venue).weight)
    }

    /// Counts a request, or refuses it.
    pub(crate) fn admit(&mut self, venue: Venue, weight: u64, now: Millis) -> Outcome<()> {
        let limit = self.weight_limit(venue);
        let usage = self.usage.entry(venue).or_default();
        if now < usage.banned_until {
            return Err(banned(usage.banned_until, now));
        }
        let counter = usage.weight.at(now, MINUTE);
        if counter.interval != usage.weight.interval {
            usage.ignored = 0;
        }
        usage.weight = Counter { count: counter.count + weight, ..counter };
        if usage.weight.count <= limit {
            return Ok(());
        }
        usage.ignored += 1;
        if usage.ignored > TOLERATED {
            let length = FIRST_BAN.saturating_mul(1 << usage.bans.min(12)).min(LONGEST_BAN);
            usage.banned_until = now + length;
            usage.bans += 1;
            usage.ignored = 0;
            return Err(banned(usage.banned_until, now));
        }
        let text = format!(
            "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket \
             Streams for live updates to avoid polling the API."
        );
        let wait = (MINUTE - now.rem_euclid(MINUTE) + 999) / 1_000;
        Err(Refusal { retry_after: Some(wait), ..Refusal::new(-1003, text).with_status(429) })
    }

    /// Counts an order, or refuses it.
    pub(crate) fn admit_order(&mut self, venue: Venue, now: Millis) -> Outcome<()> {
        let limits = rate_limits(venue);
        let long = long_interval(venue);
        let usage = self.usage.entry(venue).or_default();
        usage.short_orders = usage.short_orders.at(now, SHORT);
        usage.long_orders = usage.long_orders.at(now, long);
        let too_many = |limit: u64, interval: &str, length: Millis| {
            let text = format!("Too many new orders; current limit is {limit} orders per {interval}.");
            let wait = (length - now.rem_euclid(length) + 999) / 1_000;
            Err(Refusal { retry_after: Some(wait), ..Refusal::new(-1015, text).with_status(429) })
        };
        if usage.short_orders.count >= limits.orders_short {
            return too_many(limits.orders_short, "10 SECOND", SHORT);
        }
        if usage.long_orders.count >= limits.orders_long {
            return too_many(
                limits.orders_long,
                if venue == Venue::Spot { "1 DAY" } else { "1 MINUTE" },
                long,
            );
        }
        usage.short_orders.count += 1;
        usage.long_orders.count += 1;
        Ok(())
    }

    /// Returns the headers that tell a client where it stands.
    pub(crate) fn headers(&self, venue: Venue, is_order: bool, now: Millis) -> Vec<(String, String)> {
        let usage = self.usage.get(&venue).copied().unwrap_or_default();
        let weight = usage.weight.at(now, MINUTE).count.to_string();
        let mut headers = vec![("X-MBX-USED-WEIGHT-1M".to_owned(), weight.clone())];
        if venue == Venue::Spot {
            headers.push(("X-MBX-USED-WEIGHT".to_owned(), weight));
        }
        if is_order {
            let [short, long] = self.order_counts(venue, now);
            let name = if venue == Venue::Spot { "X-MBX-ORDER-COUNT-1D" } else { "X-MBX-ORDER-COUNT-1M" };
            headers.push(("X-MBX-ORDER-COUNT-10S".to_owned(), short.to_string()));
            headers.push((name.to_owned(), long.to_string()));
        }
        headers
    }

    /// Returns the orders of the running 10 seconds, and of the day or minute.
    pub(crate) fn order_counts(&self, venue: Venue, now: Millis) -> [u64; 2] {
        let usage = self.usage.get(&venue).copied().unwrap_or_default();
        [usage.short_orders.at(now, SHORT).count, usage.long_orders.at(now, long_interval(venue)).count]
    }
}

fn long_interval(venue: Venue) -> Millis {
    if venue == Venue::Spot { DAY } else { MINUTE }
}

fn banned(until: Millis, now: Millis) -> Refusal {
    let text = format!(
        "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live updates to \
         avoid bans."
    );
    let wait = (until - now + 999) / 1_000;
    Refusal { retry_after: Some(wait), ..Refusal::new(-1003, text).with_status(418) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_runs_out_then_the_stubborn_are_banned() {
        let mut limits = Limits::default();
        let mut ask = |now| {
            limits.admit(Venue::Spot, 3_000, now).map_err(|refusal| (refusal.status, refusal.retry_after))
        };
        assert_eq!([ask(0), ask(1)], [Ok(()), Ok(())]);
        assert_eq!(ask(30_000), Err((429, Some(30))));
        assert_eq!(ask(60_000), Ok(()), "a new minute");
        assert_eq!(ask(60_000), Ok(()));
        for _ in 0..10 {
            assert_eq!(ask(61_000), Err((429, Some(59))));
        }
        assert_eq!(ask(61_000), Err((418, Some(120))));
        assert_eq!(ask(120_000), Err((418, Some(61))), "a ban outlasts the minute");
        assert_eq!(ask(181_000), Ok(()));
    }

    #[test]
    fn orders_are_counted_apart() {
        let mut limits = Limits::default();
        for _ in 0..100 {
            assert_eq!(limits.admit_order(Venue::Spot, 5), Ok(()));
        }
        assert_eq!(limits.admit_order(Venue::Spot, 5).map_err(|refusal| refusal.code), Err(-1015));
        assert_eq!(limits.order_counts(Venue::Spot, 5), [100, 100]);
        assert_eq!(limits.admit_order(Venue::Spot, 10_000), Ok(()));
        let headers = limits.headers(Venue::Spot, true, 10_000);
        assert_eq!(headers[2], ("X-MBX-ORDER-COUNT-10S".to_owned(), "1".to_owned()));
    }
}
