//! Whether the machine's clock can be believed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tradai_domain::ports::{ExchangeKey, MarketDataSource as _};
use tradai_domain::{Millis, format_utc};
use tradai_exchange::MarketData;
use tradai_exchange::client::Client;

use super::check::Check;
use crate::context::Context;

const CLOCK: &str = "clock";
const EXCHANGE: &str = "clock of the exchange";
/// The program was written after this: 2026-01-01.
const WRITTEN: Millis = 1_767_225_600_000;
/// Files may be this much younger than now: disks round, and machines share folders.
const SLACK: Duration = Duration::from_secs(60);
/// Exchanges refuse signed requests whose time is further off.
const REFUSED: Millis = 5_000;
/// More than a round trip explains.
const FAR: Millis = 1_000;

/// Holds the clock against what it cannot be before: the program, and the newest change of the folder.
pub(super) fn local(ctx: &Context) -> Check {
    let now = ctx.clock.now_ms();
    let found = format!("{} UTC", format_utc(now));
    if now < WRITTEN {
        return Check::fail(CLOCK, found, "it is before this program was written; set the clock");
    }
    let state = std::fs::metadata(ctx.data_dir.join("state.db")).and_then(|file| file.modified());
    let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now).unwrap_or(0)) + SLACK;
    if state.is_ok_and(|changed| changed > moment) {
        return Check::fail(CLOCK, format!("{found}; state.db was changed after that"), "set the clock");
    }
    Check::ok(CLOCK, found)
}

/// Holds the clock against an exchange's.
pub(super) async fn of_exchange(ctx: &Context, exchange: &ExchangeKey) -> Check {
    let client =
        Client::builder(exchange.as_str(), Arc::clone(&ctx.clock)).and_then(|builder| builder.build());
    let data = match client.and_then(MarketData::new) {
        Ok(data) => data,
        Err(error) => {
            return Check::fail(EXCHANGE, error, "name an exchange that `tradai data sync --help` lists");
        }
    };
    let before = ctx.clock.now_ms();
    match data.exchange_time().await {
        Ok(theirs) => judge(exchange, theirs, before, ctx.clock.now_ms()),
        Err(error) => Check::warn(EXCHANGE, error, "candles cannot be collected while it cannot be reached"),
    }
}

/// Their time was taken between two moments of ours.
fn judge(exchange: &ExchangeKey, theirs: Millis, before: Millis, after: Millis) -> Check {
    let off = if theirs < before { before - theirs } else { (theirs - after).max(0) };
    match off {
        0..FAR => Check::ok(EXCHANGE, format!("{exchange}'s agrees")),
        FAR..REFUSED => Check::warn(EXCHANGE, format!("{off} ms off {exchange}'s"), "let NTP set the clock"),
        _ => Check::fail(EXCHANGE, format!("{off} ms off {exchange}'s"), "let NTP set the clock"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    #[test]
    fn only_what_the_round_trip_does_not_explain_is_off() {
        let exchange: ExchangeKey = "binance".parse().unwrap();
        let status = |theirs| judge(&exchange, theirs, 100_000, 103_000).status;
        assert_eq!(status(100_000), Status::Ok);
        assert_eq!(status(103_999), Status::Ok);
        assert_eq!(status(104_000), Status::Warn);
        assert_eq!(status(99_000), Status::Warn);
        assert_eq!(status(108_000), Status::Fail);
        assert_eq!(status(95_000), Status::Fail);
    }
}
