//! Rounding to the steps of a market (CCXT's `decimal_to_precision` in `TICK_SIZE` mode).

use super::precise::{POW10, Precise, nearest};

/// Which way a price goes to its tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To the nearer multiple, a half away from zero.
    Nearest,
    /// To the multiple above.
    Up,
    /// To the multiple below.
    Down,
}

/// Returns `price` as a multiple of `tick`; unchanged without a tick.
pub(crate) fn price_to_precision(price: f64, tick: Option<f64>, rounding: Rounding) -> f64 {
    let Some(tick) = tick else { return price };
    if price.is_nan() {
        return price;
    }
    whole_steps(price, tick, rounding).unwrap_or_else(|| exact_steps(price, tick, rounding))
}

/// Returns `amount` (in base currency) cut to whole steps of contracts.
pub(crate) fn amount_to_precision(amount: f64, step: Option<f64>, contract_size: Option<f64>) -> f64 {
    let Some(step) = step else { return amount };
    let contract_size = contract_size.filter(|size| *size != 1.0 && *size != 0.0);
    let contracts = match contract_size {
        Some(size) => Precise::new(amount).div(Precise::new(size)).to_f64(),
        None => amount,
    };
    let cut = whole_steps(contracts, step, Rounding::Down)
        .unwrap_or_else(|| exact_steps(contracts, step, Rounding::Down));
    match contract_size {
        Some(size) => (Precise::new(cut) * Precise::new(size)).to_f64(),
        None => cut,
    }
}

/// Rounding on the decimal text, as CCXT does it.
fn exact_steps(value: f64, step: f64, rounding: Rounding) -> f64 {
    let (exact, step) = (Precise::new(value), Precise::new(step));
    let missing = exact.rem(step);
    if missing.is_zero() {
        return value;
    }
    let below = exact - missing;
    let up = match rounding {
        Rounding::Up => true,
        Rounding::Down => false,
        Rounding::Nearest => (missing + missing).cmp(step).is_ge(),
    };
    if up { (below + step).to_f64() } else { below.to_f64() }
}

/// The same in floats, where they leave no doubt: the step is a power of ten, and the value lies well away from
/// where the rounding turns. Most values do, and decimal text is slow.
fn whole_steps(value: f64, step: f64, rounding: Rounding) -> Option<f64> {
    /// Far above the error of one multiplication below 1e9 steps.
    const DOUBT: f64 = 1e-6;
    let decimals = (0..=12).find(|&decimals| 1.0 / POW10[decimals] == step)?;
    let steps = value * POW10[decimals];
    if !(0.0..1e9).contains(&steps) {
        return None;
    }
    let below = steps as i64 as f64;
    let rest = steps - below;
    let whole = match rounding {
        _ if !(DOUBT..=1.0 - DOUBT).contains(&rest) => return None,
        Rounding::Nearest if (rest - 0.5).abs() < DOUBT => return None,
        Rounding::Nearest if rest < 0.5 => below,
        Rounding::Down => below,
        Rounding::Nearest | Rounding::Up => below + 1.0,
    };
    Some(whole / POW10[decimals])
}

/// Returns `value` rounded to eight decimals as Python's `round(value, 8)` does.
pub(crate) fn round8(value: f64) -> f64 {
    round_decimals(value, 8)
}

/// Returns `value` rounded to `decimals` (at most 15) as Python's `round` does: on the exact binary value, a half
/// to even.
pub(crate) fn round_decimals(value: f64, decimals: usize) -> f64 {
    let scaled = value * POW10[decimals];
    let whole = nearest(scaled);
    // Away from a tie, and where integers are exact, scaling and dividing rounds correctly.
    if whole.abs() < 1e15 && ((scaled - whole).abs() - 0.5).abs() > 1e-4 {
        return whole / POW10[decimals];
    }
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floats_and_decimals_round_alike(
            units in 0_u64..2_000_000_000, decimals in 0_usize..10, noise in -3_i64..4, step in 0_usize..9,
        ) {
            let value = f64::from_bits(
                (units as f64 / POW10[decimals]).to_bits().saturating_add_signed(noise).max(1),
            );
            let step = 1.0 / POW10[step];
            for rounding in [Rounding::Nearest, Rounding::Up, Rounding::Down] {
                if let Some(quick) = whole_steps(value, step, rounding) {
                    prop_assert_eq!(quick, exact_steps(value, step, rounding), "{} {} {:?}", value, step, rounding);
                }
            }
        }
    }

    #[test]
    fn prices() {
        for (price, tick, rounding, expected) in [
            (1.234_56, 0.01, Rounding::Nearest, 1.23),
            (1.235, 0.01, Rounding::Nearest, 1.24),
            (1.231, 0.01, Rounding::Up, 1.24),
            (1.239, 0.01, Rounding::Down, 1.23),
            (1.23, 0.01, Rounding::Up, 1.23),
            (45_641.02, 0.1, Rounding::Up, 45_641.1),
            (0.000_012_345, 1e-8, Rounding::Nearest, 0.000_012_35),
        ] {
            assert_eq!(price_to_precision(price, Some(tick), rounding), expected, "{price} {rounding:?}");
        }
        assert_eq!(price_to_precision(1.234, None, Rounding::Up), 1.234);
    }

    #[test]
    fn amounts_are_cut() {
        assert_eq!(amount_to_precision(0.019_999_999_999_999_997, Some(0.001), None), 0.019);
        assert_eq!(amount_to_precision(80.199, Some(0.1), None), 80.1);
        assert_eq!(amount_to_precision(7.9, Some(1.0), Some(0.01)), 7.9);
        assert_eq!(amount_to_precision(7.999, Some(1.0), Some(0.01)), 7.99);
    }

    #[test]
    fn python_rounding() {
        // Each as CPython 3.11 answers; none of these decimals is exact in binary.
        assert_eq!(round8(0.123_456_785), 0.123_456_78);
        assert_eq!(round8(2.5e-9), 0.0);
        assert_eq!(round8(-1.000_000_005), -1.0);
        assert_eq!(round_decimals(0.5, 0), 0.0);
        assert_eq!(round_decimals(2.675, 2), 2.67);
    }
}
