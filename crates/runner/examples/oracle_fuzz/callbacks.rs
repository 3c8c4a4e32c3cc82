//! Random hooks.

use crate::oracle_strategy::{
    AdjustRule, Callbacks, Change, Choice, ConfirmExit, ExitRule, Reprice, Stake, StopRule,
};
use crate::rng::Rng;

/// Returns hooks for a case; `scale` is about how far prices move in a candle.
pub(crate) fn random(rng: &mut Rng, is_futures: bool, minutes: i64, scale: f64) -> Callbacks {
    // Without any hook the engine skips over quiet candles, which deserves its share of cases.
    let often = rng.pick(&[0.0, 0.0, 0.12, 0.3]);
    let mut own = Callbacks {
        leverage: rng.maybe(if is_futures { 0.8 } else { 0.0 }, leverage),
        ..Callbacks::default()
    };
    own.bot_loop_start = rng.chance(0.05);
    own.custom_stoploss = rng.maybe(often, |rng| stop_rule(rng, scale));
    own.custom_roi = rng.maybe(often, |rng| {
        choice(rng, 4, |rng| rng.maybe(0.7, |rng| rng.decimal(-0.5, 4.0, 2) * (scale * 1e4).round() / 1e4))
    });
    own.custom_exit = rng.maybe(often, |rng| exit_rule(rng, minutes, scale));
    own.custom_entry_price = rng.maybe(often * 1.3, |rng| choice(rng, 4, |rng| offset(rng, scale)));
    own.custom_exit_price = rng.maybe(often * 1.3, |rng| choice(rng, 4, |rng| offset(rng, scale)));
    own.custom_stake_amount = rng.maybe(often, |rng| choice(rng, 4, stake));
    own.confirm_trade_entry = rng.maybe(often, |rng| choice(rng, 4, |rng| rng.chance(0.6)));
    own.confirm_trade_exit = rng.maybe(often, |rng| ConfirmExit {
        allow: choice(rng, 4, |rng| rng.chance(0.6)),
        reasons: if rng.chance(0.5) {
            Vec::new()
        } else {
            let reasons = ["roi", "stop_loss", "trailing_stop_loss", "exit_signal", "custom_exit"];
            rng.several(2, |rng| rng.pick(&reasons).to_owned())
        },
    });
    own.adjust_trade_position = rng.maybe(often * 1.3, |rng| adjust_rule(rng, scale));
    let waits = own.custom_entry_price.is_some() || own.custom_exit_price.is_some();
    let reprices = if waits { 0.5 } else { often * 0.3 };
    own.adjust_order_price = rng.maybe(reprices, |rng| choice(rng, 5, |rng| reprice(rng, scale)));
    own.check_entry_timeout = rng.maybe(reprices * 0.4, |rng| rng.int(0, 6 * minutes));
    own.check_exit_timeout = rng.maybe(reprices * 0.4, |rng| rng.int(0, 6 * minutes));
    own
}

fn choice<T>(rng: &mut Rng, most: i64, make: impl FnMut(&mut Rng) -> T) -> Choice<T> {
    Choice { salt: rng.int(0, 1_000).unsigned_abs(), of: rng.several(most, make) }
}

fn leverage(rng: &mut Rng) -> Choice<f64> {
    let most = rng.pick(&[2.0, 5.0, 20.0, 60.0, 200.0]);
    choice(rng, 4, |rng| {
        let decimals = i32::from(rng.chance(0.3));
        rng.decimal(0.5, most, decimals)
    })
}

fn stop_rule(rng: &mut Rng, scale: f64) -> StopRule {
    let sign = if rng.chance(0.5) { -1.0 } else { 1.0 };
    let stop = |rng: &mut Rng| sign * (rng.range(0.2, 8.0) * scale * 1e5).round() / 1e5;
    let mut steps: Vec<(f64, f64)> =
        rng.several(3, |rng| ((rng.range(-2.0, 6.0) * scale * 1e4).round() / 1e4, stop(rng)));
    steps.sort_by(|one, other| other.0.total_cmp(&one.0));
    let wants_after_fill = rng.chance(0.5);
    StopRule {
        steps,
        otherwise: rng.maybe(0.5, stop),
        wants_after_fill,
        after_fill: rng.maybe(if wants_after_fill { 0.5 } else { 0.0 }, stop),
    }
}

fn exit_rule(rng: &mut Rng, minutes: i64, scale: f64) -> ExitRule {
    let reasons = [
        "",
        "late",
        "a reason of far more than sixty-four letters, which has to be cut somewhere, doesn't it",
    ];
    ExitRule {
        after_minutes: rng.int(0, 40) * minutes / 2,
        above: rng.maybe(0.3, |rng| (rng.range(-3.0, 3.0) * scale * 1e4).round() / 1e4),
        below: rng.maybe(0.3, |rng| (rng.range(-3.0, 3.0) * scale * 1e4).round() / 1e4),
        reason: rng.pick(&reasons).to_owned(),
    }
}

fn offset(rng: &mut Rng, scale: f64) -> f64 {
    if rng.chance(0.2) { 0.0 } else { (rng.normal() * scale * 1e5).round() / 1e5 }
}

fn stake(rng: &mut Rng) -> Stake {
    match rng.index(6) {
        0 => Stake::Min(rng.pick(&[0.5, 0.8, 1.0, 1.1, 3.0])),
        1 => Stake::Max(rng.pick(&[0.1, 0.5, 1.0, 2.0])),
        2 => Stake::Fixed(rng.pick(&[0.0, 5.0, 25.0, 100.0, 1e6])),
        _ => Stake::Proposed(rng.decimal(0.1, 1.5, 2)),
    }
}

fn adjust_rule(rng: &mut Rng, scale: f64) -> AdjustRule {
    let change = |rng: &mut Rng| match rng.index(6) {
        0 | 1 => Change::Nothing,
        2 => Change::Money(rng.decimal(5.0, 200.0, 2)),
        3 => Change::Share(rng.decimal(0.1, 1.5, 2)),
        4 => Change::Share(rng.pick(&[-1.0, -0.999, -2.0, -1.0 / 3.0])),
        _ => Change::Share(-rng.decimal(0.05, 0.95, 2)),
    };
    AdjustRule {
        change: choice(rng, 8, change),
        above: rng.maybe(0.3, |rng| (rng.range(-3.0, 3.0) * scale * 1e4).round() / 1e4),
        below: rng.maybe(0.3, |rng| (rng.range(-3.0, 3.0) * scale * 1e4).round() / 1e4),
        waits: rng.chance(0.4),
        tag: if rng.chance(0.5) { String::new() } else { "adjusted".to_owned() },
    }
}

fn reprice(rng: &mut Rng, scale: f64) -> Reprice {
    match rng.index(7) {
        0 | 1 => Reprice::Keep,
        2 => Reprice::Cancel,
        3 => Reprice::FromOpen(0.0),
        4 | 5 => Reprice::FromOpen(offset(rng, scale)),
        _ => Reprice::FromOrder(offset(rng, scale)),
    }
}
