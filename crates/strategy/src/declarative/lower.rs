//! From trees to nodes: operators and functions, with their types checked.

use super::compile::{Compiler, Problem};
use crate::expression::graph::{NodeId, Op, SeriesId, Typed};
use crate::expression::{
    BinaryOp, Compare, Comparison, Expr, ExprKind, ExpressionError, FUNCTIONS, Map1, Map2, WindowOp,
};

/// Deepest nesting over all declarations that an expression goes through.
const MAX_DEPTH: usize = 300;

/// Most steps of all expressions together, those on other candles included.
const MAX_STEPS: usize = 100_000;

/// Longest window and furthest look back, in candles.
const MAX_WINDOW: f64 = 100_000.0;

impl Compiler<'_> {
    /// Lowers an expression whose names stand for columns of `series`.
    pub(super) fn lower(&mut self, expression: &Expr, series: SeriesId) -> Result<Typed, Problem> {
        self.depth += 1;
        let refused = |message: &str| Err(ExpressionError::new(expression.span, message).into());
        let result = if self.depth > MAX_DEPTH {
            refused("goes through too many indicators, one upon another")
        } else if self.graph.len() > MAX_STEPS {
            refused("is one step too many; rules and indicators may come to 100000 steps")
        } else {
            self.lower_kind(expression, series)
        };
        self.depth -= 1;
        result
    }

    fn lower_kind(&mut self, expression: &Expr, series: SeriesId) -> Result<Typed, Problem> {
        Ok(match &expression.kind {
            ExprKind::Number(number) => Typed::Number(self.graph.constant(*number)),
            ExprKind::None => Typed::Number(self.graph.constant(f64::NAN)),
            ExprKind::Bool(flag) => Typed::Flag(self.graph.always(*flag)),
            ExprKind::Text(text) => Typed::Text(text.clone()),
            ExprKind::Name(name) => self.name(name, expression, series)?,
            ExprKind::Not(inner) => {
                let inner = self.flag(inner, "not", series)?;
                Typed::Flag(self.graph.not(inner, series))
            }
            ExprKind::Negate(inner) => {
                let inner = self.number(inner, "-", series)?;
                Typed::Number(self.graph.map1(Map1::Negate, inner, series))
            }
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
                let left = self.flag(left, op.as_str(), series)?;
                let right = self.flag(right, op.as_str(), series)?;
                Typed::Flag(self.graph.logic(*op, left, right, series))
            }
            ExprKind::Binary(op, left, right) => {
                let left = self.number(left, op.as_str(), series)?;
                let right = self.number(right, op.as_str(), series)?;
                Typed::Number(self.graph.map2(arithmetic(*op), left, right, series))
            }
            ExprKind::Compare(first, rest) => Typed::Flag(self.comparison(first, rest, series)?),
            ExprKind::Call(name, arguments) => self.call(name, arguments, expression, series)?,
        })
    }

    fn number(&mut self, expression: &Expr, for_what: &str, series: SeriesId) -> Result<NodeId, Problem> {
        match self.lower(expression, series)? {
            Typed::Number(id) => Ok(id),
            other => Err(needs(expression, for_what, "a number", other.kind())),
        }
    }

    fn flag(&mut self, expression: &Expr, for_what: &str, series: SeriesId) -> Result<NodeId, Problem> {
        match self.lower(expression, series)? {
            Typed::Flag(id) => Ok(id),
            other => Err(needs(expression, for_what, "a condition", other.kind())),
        }
    }

    fn comparison(&mut self, first: &Expr, rest: &[Comparison], series: SeriesId) -> Result<NodeId, Problem> {
        let mut left = (first, self.lower(first, series)?);
        let mut whole = self.graph.always(true);
        for Comparison { op, operand } in rest {
            let right = (operand, self.lower(operand, series)?);
            let link = match (&left.1, &right.1) {
                (Typed::Number(a), Typed::Number(b)) => self.graph.compare(*op, *a, *b, series),
                (Typed::Text(a), Typed::Text(b)) => {
                    let holds = text_comparison(*op, a == b, operand)?;
                    self.graph.always(holds)
                }
                (Typed::Number(_), other) => {
                    return Err(needs(operand, op.as_str(), "a number", other.kind()));
                }
                (Typed::Text(_), other) => return Err(needs(operand, op.as_str(), "a text", other.kind())),
                (other, _) => return Err(needs(left.0, op.as_str(), "a number", other.kind())),
            };
            whole = self.graph.logic(BinaryOp::And, whole, link, series);
            left = right;
        }
        Ok(whole)
    }

    fn call(
        &mut self,
        name: &str,
        arguments: &[Expr],
        whole: &Expr,
        series: SeriesId,
    ) -> Result<Typed, Problem> {
        if let Some(map) = Map1::named(name) {
            let [x] = exactly(arguments, name, whole)?;
            let x = self.number(x, name, series)?;
            return Ok(Typed::Number(self.graph.map1(map, x, series)));
        }
        if let Some(map) = Map2::named(name) {
            let least = matches!(map, Map2::Min | Map2::Max);
            if arguments.len() < 2 || (arguments.len() > 2 && !least) {
                return Err(arity(name, whole));
            }
            let mut result = self.number(&arguments[0], name, series)?;
            for argument in &arguments[1..] {
                let next = self.number(argument, name, series)?;
                result = self.graph.map2(map, result, next, series);
            }
            return Ok(Typed::Number(result));
        }
        if let Some(op) = WindowOp::named(name) {
            let [x, n] = exactly(arguments, name, whole)?;
            let x = self.number(x, name, series)?;
            let n = self.whole(n, name, 1.0, series)?;
            return Ok(Typed::Number(
                self.graph.node(Op::Window(op, self.not_constant(x, arguments)?, n), series),
            ));
        }
        match name {
            "prev" => self.prev(arguments, whole, series),
            "crosses_above" | "crosses_below" => {
                let [a, b] = exactly(arguments, name, whole)?;
                let a = self.number(a, name, series)?;
                let b = self.number(b, name, series)?;
                Ok(Typed::Flag(self.graph.crosses(name == "crosses_above", a, b, series)))
            }
            "count" => {
                let [condition, n] = exactly(arguments, name, whole)?;
                let condition = self.flag(condition, name, series)?;
                let n = self.whole(n, name, 1.0, series)?;
                Ok(Typed::Number(self.graph.node(Op::Count(condition, n), series)))
            }
            "known" => {
                let [x] = exactly(arguments, name, whole)?;
                let x = self.number(x, name, series)?;
                Ok(Typed::Flag(match self.graph.as_constant(x) {
                    Some(number) => self.graph.always(!number.is_nan()),
                    None => self.graph.node(Op::Known(x), series),
                }))
            }
            "if" => self.choice(arguments, whole, series),
            _ => Err(ExpressionError::new(whole.span, format!("`{name}` exists in hooks only")).into()),
        }
    }

    /// A window over a number that never changes is a slip.
    fn not_constant(&self, x: NodeId, arguments: &[Expr]) -> Result<NodeId, Problem> {
        match self.graph.as_constant(x) {
            None => Ok(x),
            Some(_) => Err(ExpressionError::new(arguments[0].span, "is the same on every candle").into()),
        }
    }

    fn prev(&mut self, arguments: &[Expr], whole: &Expr, series: SeriesId) -> Result<Typed, Problem> {
        let (x, n) = match arguments {
            [x] => (x, 1),
            [x, n] => (x, self.whole(n, "prev", 0.0, series)?),
            _ => return Err(arity("prev", whole)),
        };
        match self.lower(x, series)? {
            Typed::Number(id) => Ok(Typed::Number(self.graph.prev(id, n, series))),
            Typed::Flag(id) => Ok(Typed::Flag(self.graph.prev(id, n, series))),
            Typed::Text(_) => Err(needs(x, "prev", "a number or a condition", "a text")),
        }
    }

    fn choice(&mut self, arguments: &[Expr], whole: &Expr, series: SeriesId) -> Result<Typed, Problem> {
        let [condition, a, b] = exactly(arguments, "if", whole)?;
        let condition = self.flag(condition, "if", series)?;
        match (self.lower(a, series)?, self.lower(b, series)?) {
            (Typed::Number(a), Typed::Number(b)) => Ok(Typed::Number(match *self.graph.op(condition) {
                Op::Always(holds) => {
                    if holds {
                        a
                    } else {
                        b
                    }
                }
                _ => self.graph.node(Op::If(condition, a, b), series),
            })),
            (Typed::Flag(a), Typed::Flag(b)) => {
                let inverse = self.graph.not(condition, series);
                let first = self.graph.logic(BinaryOp::And, condition, a, series);
                let second = self.graph.logic(BinaryOp::And, inverse, b, series);
                Ok(Typed::Flag(self.graph.logic(BinaryOp::Or, first, second, series)))
            }
            (first, second) => {
                let message = format!("`if` gives {} here and {} there", first.kind(), second.kind());
                Err(ExpressionError::new(whole.span, message).into())
            }
        }
    }

    /// A number of candles: constant, whole and not negative, which is what keeps the future out.
    fn whole(&mut self, n: &Expr, function: &str, least: f64, series: SeriesId) -> Result<usize, Problem> {
        let id = self.number(n, function, series)?;
        match self.graph.as_constant(id) {
            Some(number) if number.fract() == 0.0 && (least..=MAX_WINDOW).contains(&number) => {
                // Exact: whole and within the bounds above.
                Ok(number as usize)
            }
            _ => {
                let message = format!(
                    "the number of candles of `{function}` must be whole, the same on every candle, and from \
                     {least} to {MAX_WINDOW}"
                );
                Err(ExpressionError::new(n.span, message).into())
            }
        }
    }
}

pub(super) fn arithmetic(op: BinaryOp) -> Map2 {
    match op {
        BinaryOp::Add => Map2::Add,
        BinaryOp::Subtract => Map2::Subtract,
        BinaryOp::Multiply => Map2::Multiply,
        BinaryOp::Divide => Map2::Divide,
        BinaryOp::Remainder | BinaryOp::And | BinaryOp::Or => Map2::Remainder,
    }
}

pub(super) fn text_comparison(op: Compare, equal: bool, at: &Expr) -> Result<bool, Problem> {
    match op {
        Compare::Equal => Ok(equal),
        Compare::NotEqual => Ok(!equal),
        _ => Err(ExpressionError::new(at.span, "texts are compared with == and != only").into()),
    }
}

pub(super) fn needs(at: &Expr, for_what: &str, needed: &str, found: &str) -> Problem {
    ExpressionError::new(at.span, format!("`{for_what}` needs {needed}; `{at}` is {found}")).into()
}

pub(super) fn exactly<'e, const N: usize>(
    arguments: &'e [Expr],
    name: &str,
    whole: &Expr,
) -> Result<&'e [Expr; N], Problem> {
    arguments.try_into().map_err(|_| arity(name, whole))
}

pub(super) fn arity(name: &str, whole: &Expr) -> Problem {
    let usage = FUNCTIONS.iter().find(|function| function.name == name);
    let usage = usage.map_or("", |function| function.usage);
    ExpressionError::new(whole.span, format!("wrong number of arguments; it is called {usage}")).into()
}
