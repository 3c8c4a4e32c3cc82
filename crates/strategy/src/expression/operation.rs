//! The operators and functions, and what each does to single numbers.

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `and`
    And,
    /// `or`
    Or,
}

impl BinaryOp {
    pub(crate) const NOT: u8 = 3;
    pub(crate) const COMPARE: u8 = 4;
    pub(crate) const NEGATE: u8 = 7;

    /// How tightly it binds; higher is tighter.
    pub(crate) fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide | Self::Remainder => 6,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

/// A comparison of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Compare {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// An unknown number (NaN) makes every comparison false, `!=` included: what is not known triggers nothing.
    pub(crate) fn apply(self, a: f64, b: f64) -> bool {
        match self {
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
            Self::Equal => a == b,
            Self::NotEqual => a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_ne),
        }
    }
}

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Map1 {
    Negate,
    Abs,
    Sqrt,
    Log,
    Exp,
    Floor,
    Ceil,
    Round,
    Sign,
}

impl Map1 {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "abs" => Self::Abs,
            "sqrt" => Self::Sqrt,
            "log" => Self::Log,
            "exp" => Self::Exp,
            "floor" => Self::Floor,
            "ceil" => Self::Ceil,
            "round" => Self::Round,
            "sign" => Self::Sign,
            _ => return None,
        })
    }

    #[inline]
    pub(crate) fn apply(self, x: f64) -> f64 {
        match self {
            Self::Negate => -x,
            Self::Abs => x.abs(),
            Self::Sqrt => x.sqrt(),
            Self::Log => x.ln(),
            Self::Exp => x.exp(),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Round => x.round_ties_even(),
            Self::Sign => f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)) + 0.0 * x,
        }
    }
}

/// A function of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Map2 {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Min,
    Max,
    Pow,
    /// The first number, or the second where the first is unknown.
    Default,
}

impl Map2 {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "min" => Self::Min,
            "max" => Self::Max,
            "pow" => Self::Pow,
            "nz" => Self::Default,
            _ => return None,
        })
    }

    #[inline]
    pub(crate) fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            // The sign of the divisor, as in Python: `hour - 24 % 24` stays a time of day.
            Self::Remainder => a - (a / b).floor() * b,
            // `f64::min` would hide an unknown operand.
            Self::Min => {
                if a.is_nan() || a < b {
                    a
                } else {
                    b
                }
            }
            Self::Max => {
                if a.is_nan() || a > b {
                    a
                } else {
                    b
                }
            }
            Self::Pow => a.powf(b),
            Self::Default => {
                if a.is_nan() {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// A trailing window over one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WindowOp {
    Highest,
    Lowest,
    Sum,
    Mean,
    Std,
}

impl WindowOp {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "highest" => Self::Highest,
            "lowest" => Self::Lowest,
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "std" => Self::Std,
            _ => return None,
        })
    }
}

/// One function as the reference describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionDoc {
    /// Its name.
    pub name: &'static str,
    /// How it is called.
    pub usage: &'static str,
    /// What it gives.
    pub summary: &'static str,
    /// Whether it exists in hooks only.
    pub hooks_only: bool,
}

const fn function(name: &'static str, usage: &'static str, summary: &'static str) -> FunctionDoc {
    FunctionDoc { name, usage, summary, hooks_only: false }
}

/// Every function, sorted by name.
pub const FUNCTIONS: &[FunctionDoc] = &[
    function("abs", "abs(x)", "x without its sign"),
    function("ceil", "ceil(x)", "the next whole number upwards"),
    function("count", "count(condition, n)", "how many of the last n candles the condition held on"),
    function("crosses_above", "crosses_above(a, b)", "a is above b now and was not on the candle before"),
    function("crosses_below", "crosses_below(a, b)", "a is below b now and was not on the candle before"),
    function("exp", "exp(x)", "e to the power of x"),
    function("floor", "floor(x)", "the next whole number downwards"),
    function("highest", "highest(x, n)", "largest of the last n values, this candle's included"),
    function("if", "if(condition, a, b)", "a where the condition holds, b elsewhere"),
    function("known", "known(x)", "whether x has a value yet"),
    function("log", "log(x)", "natural logarithm"),
    function("lowest", "lowest(x, n)", "smallest of the last n values, this candle's included"),
    function("max", "max(a, b, …)", "the largest; unknown as soon as one of them is"),
    function("mean", "mean(x, n)", "mean of the last n values"),
    function("min", "min(a, b, …)", "the smallest; unknown as soon as one of them is"),
    function("nz", "nz(x, y)", "x, or y where x has no value yet"),
    function("pow", "pow(x, y)", "x to the power of y"),
    function("prev", "prev(x, n)", "x as it was n candles ago; n is 1 when left out"),
    function("round", "round(x)", "the nearest whole number, halves to the even one"),
    function("sign", "sign(x)", "-1, 0 or 1"),
    function("sqrt", "sqrt(x)", "square root"),
    function("std", "std(x, n)", "sample standard deviation (divisor n - 1) of the last n values"),
    FunctionDoc {
        name: "stoploss_from_absolute",
        usage: "stoploss_from_absolute(price)",
        summary: "the stop at a price, as `custom_stoploss` wants it",
        hooks_only: true,
    },
    FunctionDoc {
        name: "stoploss_from_open",
        usage: "stoploss_from_open(ratio)",
        summary: "the stop at a profit ratio counted from the entry, as `custom_stoploss` wants it",
        hooks_only: true,
    },
    function("sum", "sum(x, n)", "sum of the last n values"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn unknown_numbers_stay_unknown() {
        for (a, b) in [(f64::NAN, 1.0), (1.0, f64::NAN)] {
            assert!(Map2::Min.apply(a, b).is_nan() && Map2::Max.apply(a, b).is_nan());
            for op in [Compare::Less, Compare::Equal, Compare::NotEqual, Compare::GreaterOrEqual] {
                assert!(!op.apply(a, b));
            }
        }
        assert!(Map1::Sign.apply(f64::NAN).is_nan());
        assert_eq!(Map2::Default.apply(f64::NAN, 2.0), 2.0);
    }

    #[test]
    fn remainder_has_the_sign_of_the_divisor() {
        assert_eq!(Map2::Remainder.apply(-1.0, 24.0), 23.0);
        assert_eq!(Map2::Remainder.apply(7.5, 2.0), 1.5);
    }
}
