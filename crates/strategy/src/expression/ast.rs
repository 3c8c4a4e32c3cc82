//! Expressions as trees.

use std::fmt;

use tradai_domain::{Symbol, Timeframe};

use super::operation::{BinaryOp, Compare};

/// Where in its text an expression stands, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// Returns the span from the start of one to the end of another.
    #[must_use]
    pub fn to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }
}

/// Which candles something is computed on; `None` stands for those of whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct SeriesRef {
    /// Another pair.
    pub pair: Option<Symbol>,
    /// Another timeframe.
    pub timeframe: Option<Timeframe>,
}

impl SeriesRef {
    /// Returns whether it names neither pair nor timeframe.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.pair.is_none() && self.timeframe.is_none()
    }

    /// Returns the series meant by `self` when it is written in the context of `outer`.
    #[must_use]
    pub fn within(&self, outer: &Self) -> Self {
        Self {
            pair: self.pair.clone().or_else(|| outer.pair.clone()),
            timeframe: self.timeframe.or(outer.timeframe),
        }
    }
}

impl fmt::Display for SeriesRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pair) = &self.pair {
            write!(f, "@{pair}")?;
        }
        if let Some(timeframe) = self.timeframe {
            write!(f, "@{timeframe}")?;
        }
        Ok(())
    }
}

/// A name as it is written: `rsi`, `macd.signal`, `close@1h`, `close@BTC/USDT@1h`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NameRef {
    /// What comes first.
    pub name: String,
    /// What follows the dot.
    pub output: Option<String>,
    /// What follows the `@`.
    pub series: SeriesRef,
}

impl fmt::Display for NameRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(output) = &self.output {
            write!(f, ".{output}")?;
        }
        write!(f, "{}", self.series)
    }
}

/// One expression and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
    /// How many levels it has; bounded by the parser, so that recursion over a tree cannot exhaust the stack.
    depth: usize,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A finite number.
    Number(f64),
    /// A text in quotes.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// `none`: the unknown number.
    None,
    /// A column, a parameter or a value of the trade.
    Name(NameRef),
    /// `not x`.
    Not(Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// Arithmetic, `and`, `or`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a < b`, or a chain `a < b <= c`, which means `a < b and b <= c`.
    Compare(Box<Expr>, Vec<Comparison>),
    /// `name(arguments)`.
    Call(String, Vec<Expr>),
}

/// One link of a chain of comparisons.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// How.
    pub(crate) op: Compare,
    /// With what.
    pub operand: Expr,
}

impl Expr {
    /// Returns an expression whose depth follows from its parts.
    pub(super) fn new(kind: ExprKind, span: Span) -> Self {
        let below = match &kind {
            ExprKind::Not(inner) | ExprKind::Negate(inner) => inner.depth,
            ExprKind::Binary(_, left, right) => left.depth.max(right.depth),
            ExprKind::Compare(first, rest) => {
                rest.iter().map(|link| link.operand.depth).max().unwrap_or(0).max(first.depth)
            }
            ExprKind::Call(_, arguments) => arguments.iter().map(|inner| inner.depth).max().unwrap_or(0),
            _ => 0,
        };
        Self { kind, span, depth: below + 1 }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Calls `visit` with every name in the expression, in the order of writing.
    pub fn for_each_name(&self, visit: &mut impl FnMut(&NameRef)) {
        match &self.kind {
            ExprKind::Name(name) => visit(name),
            ExprKind::Not(inner) | ExprKind::Negate(inner) => inner.for_each_name(visit),
            ExprKind::Binary(_, left, right) => {
                left.for_each_name(visit);
                right.for_each_name(visit);
            }
            ExprKind::Compare(first, rest) => {
                first.for_each_name(visit);
                for link in rest {
                    link.operand.for_each_name(visit);
                }
            }
            ExprKind::Call(_, arguments) => {
                for argument in arguments {
                    argument.for_each_name(visit);
                }
            }
            _ => {}
        }
    }

    /// Returns whether a function of one of these names is called anywhere inside.
    #[must_use]
    pub fn calls_any(&self, names: &[&str]) -> bool {
        match &self.kind {
            ExprKind::Not(inner) | ExprKind::Negate(inner) => inner.calls_any(names),
            ExprKind::Binary(_, left, right) => left.calls_any(names) || right.calls_any(names),
            ExprKind::Compare(first, rest) => {
                first.calls_any(names) || rest.iter().any(|link| link.operand.calls_any(names))
            }
            ExprKind::Call(name, arguments) => {
                names.contains(&name.as_str()) || arguments.iter().any(|inner| inner.calls_any(names))
            }
            _ => false,
        }
    }

    /// How tightly it binds: what binds less tightly than its surroundings is printed in parentheses.
    fn binding(&self) -> u8 {
        match &self.kind {
            ExprKind::Binary(op, ..) => op.binding(),
            ExprKind::Not(_) => BinaryOp::NOT,
            ExprKind::Compare(..) => BinaryOp::COMPARE,
            ExprKind::Negate(_) => BinaryOp::NEGATE,
            _ => u8::MAX,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, at_least: u8) -> fmt::Result {
        if self.binding() < at_least { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

/// Writes the expression so that parsing gives it back.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => write!(f, "{number}"),
            ExprKind::Text(text) => {
                let quote = if text.contains('"') { '\'' } else { '"' };
                write!(f, "{quote}{text}{quote}")
            }
            ExprKind::Bool(flag) => write!(f, "{flag}"),
            ExprKind::None => f.write_str("none"),
            ExprKind::Name(name) => write!(f, "{name}"),
            ExprKind::Not(inner) => {
                f.write_str("not ")?;
                inner.write(f, BinaryOp::NOT)
            }
            ExprKind::Negate(inner) => {
                f.write_str("-")?;
                inner.write(f, BinaryOp::NEGATE)
            }
            ExprKind::Binary(op, left, right) => {
                left.write(f, op.binding())?;
                write!(f, " {} ", op.as_str())?;
                right.write(f, op.binding() + 1)
            }
            ExprKind::Compare(first, rest) => {
                first.write(f, BinaryOp::COMPARE + 1)?;
                for link in rest {
                    write!(f, " {} ", link.op.as_str())?;
                    link.operand.write(f, BinaryOp::COMPARE + 1)?;
                }
                Ok(())
            }
            ExprKind::Call(name, arguments) => {
                write!(f, "{name}(")?;
                for (position, argument) in arguments.iter().enumerate() {
                    if position > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{argument}")?;
                }
                f.write_str(")")
            }
        }
    }
}
