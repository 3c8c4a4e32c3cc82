//! Expressions of hooks: numbers about one trade at one moment.
//!
//! What depends on candles alone was hoisted into columns beforehand; what is left is arithmetic on a handful of
//! numbers. Conditions are 1 and 0, `none` is NaN.

use super::variable::Variable;
use super::{BinaryOp, Compare, Map1, Map2};

/// An expression that hooks evaluate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Constant(f64),
    Variable(Variable),
    /// A column's value at the last closed candle.
    Column(String),
    Map1(Map1, Box<Scalar>),
    Map2(Map2, Box<Scalar>, Box<Scalar>),
    Compare(Compare, Box<Scalar>, Box<Scalar>),
    /// `and` or `or`.
    Logic(BinaryOp, Box<Scalar>, Box<Scalar>),
    Not(Box<Scalar>),
    Known(Box<Scalar>),
    If(Box<Scalar>, Box<Scalar>, Box<Scalar>),
    /// Whether a text about the trade equals another one.
    TextEquals(Variable, String),
    /// The stop at a profit ratio counted from the entry.
    StopFromOpen(Box<Scalar>),
    /// The stop at a price.
    StopFromAbsolute(Box<Scalar>),
}

/// What a hook knows.
pub(crate) trait Knowledge {
    fn number(&self, variable: Variable) -> f64;
    fn text(&self, variable: Variable) -> &str;
    fn column(&self, name: &str) -> f64;
}

impl Scalar {
    /// Returns the value; 1 or 0 for a condition, NaN for none.
    pub(crate) fn evaluate(&self, known: &dyn Knowledge) -> f64 {
        let flag = |holds: bool| f64::from(u8::from(holds));
        match self {
            Self::Constant(number) => *number,
            Self::Variable(variable) => known.number(*variable),
            Self::Column(name) => known.column(name),
            Self::Map1(map, a) => map.apply(a.evaluate(known)),
            Self::Map2(map, a, b) => map.apply(a.evaluate(known), b.evaluate(known)),
            Self::Compare(op, a, b) => flag(op.apply(a.evaluate(known), b.evaluate(known))),
            Self::Logic(BinaryOp::And, a, b) => flag(a.holds(known) && b.holds(known)),
            Self::Logic(_, a, b) => flag(a.holds(known) || b.holds(known)),
            Self::Not(a) => flag(!a.holds(known)),
            Self::Known(a) => flag(!a.evaluate(known).is_nan()),
            Self::If(condition, a, b) => {
                if condition.holds(known) {
                    a.evaluate(known)
                } else {
                    b.evaluate(known)
                }
            }
            Self::TextEquals(variable, text) => flag(known.text(*variable) == text),
            Self::StopFromOpen(ratio) => stop_from_open(ratio.evaluate(known), known),
            Self::StopFromAbsolute(price) => stop_from_absolute(price.evaluate(known), known),
        }
    }

    /// Returns whether a condition holds; an unknown one does not.
    pub(crate) fn holds(&self, known: &dyn Knowledge) -> bool {
        self.evaluate(known) == 1.0
    }
}

/// The stop, as a fraction of the current rate times leverage, whose price is at a profit of `ratio` (of the
/// stake) seen from the entry; 0 when that price has been passed (Freqtrade's `stoploss_from_open`).
fn stop_from_open(ratio: f64, known: &dyn Knowledge) -> f64 {
    let leverage = known.number(Variable::Leverage);
    let is_short = known.number(Variable::IsShort) == 1.0;
    let profit = known.number(Variable::CurrentProfit) / leverage;
    if profit == if is_short { 1.0 } else { -1.0 } {
        return 1.0;
    }
    let stop = if is_short {
        -1.0 + (1.0 - ratio / leverage) / (1.0 - profit)
    } else {
        1.0 - (1.0 + ratio / leverage) / (1.0 + profit)
    };
    at_least_zero(stop * leverage)
}

/// The same for a stop at a price (Freqtrade's `stoploss_from_absolute`).
fn stop_from_absolute(price: f64, known: &dyn Knowledge) -> f64 {
    let rate = known.number(Variable::CurrentRate);
    if rate == 0.0 {
        return 1.0;
    }
    let long = 1.0 - price / rate;
    let stop = if known.number(Variable::IsShort) == 1.0 { -long } else { long };
    // A short's stop may lie more than the whole price away; `f64::min` would turn an unknown stop into 1.
    at_least_zero(if stop > 1.0 { 1.0 } else { stop }) * known.number(Variable::Leverage)
}

/// An unknown stop stays unknown and leaves the stop where it is; `f64::max` would make it 0.
fn at_least_zero(stop: f64) -> f64 {
    if stop < 0.0 { 0.0 } else { stop }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trade of leverage 2 at a rate of 100.
    struct Known {
        is_short: bool,
        profit: f64,
    }

    impl Knowledge for Known {
        fn number(&self, variable: Variable) -> f64 {
            match variable {
                Variable::Leverage => 2.0,
                Variable::CurrentRate => 100.0,
                Variable::CurrentProfit => self.profit,
                Variable::IsShort => f64::from(u8::from(self.is_short)),
                _ => f64::NAN,
            }
        }

        fn text(&self, _variable: Variable) -> &str {
            "dip"
        }

        fn column(&self, _name: &str) -> f64 {
            7.0
        }
    }

    #[test]
    fn stops_by_hand() {
        let long = Known { is_short: false, profit: 0.2 };
        let short = Known { is_short: true, profit: 0.2 };
        let open = |ratio, known| Scalar::StopFromOpen(Box::new(Scalar::Constant(ratio))).evaluate(known);
        let absolute =
            |price, known| Scalar::StopFromAbsolute(Box::new(Scalar::Constant(price))).evaluate(known);
        // Long: entry 100 / 1.1, stop at +5 % of the price from there, that is 1.05 / 1.1 of the rate.
        assert!((open(0.1, &long) - 2.0 * (1.0 - 1.05 / 1.1)).abs() < 1e-12);
        assert!((open(0.1, &short) - 2.0 * (0.95 / 0.9 - 1.0)).abs() < 1e-12);
        assert_eq!(open(0.5, &long), 0.0);
        assert!((absolute(97.0, &long) - 0.06).abs() < 1e-12);
        assert!((absolute(103.0, &short) - 0.06).abs() < 1e-12);
        assert_eq!((absolute(103.0, &long), absolute(300.0, &short)), (0.0, 2.0));
        assert!(absolute(f64::NAN, &long).is_nan() && open(f64::NAN, &short).is_nan());
    }

    #[test]
    fn unknown_conditions_do_not_hold() {
        let known = Known { is_short: false, profit: f64::NAN };
        let profit = || Box::new(Scalar::Variable(Variable::CurrentProfit));
        let above = Scalar::Compare(Compare::Greater, profit(), Box::new(Scalar::Constant(0.0)));
        assert!(!above.holds(&known) && Scalar::Not(Box::new(above)).holds(&known));
        assert!(!Scalar::Known(profit()).holds(&known));
        assert!(Scalar::TextEquals(Variable::EntryTag, "dip".into()).holds(&known));
        assert_eq!(Scalar::Column("rsi".into()).evaluate(&known), 7.0);
    }
}
