//! From the expressions of hooks to what is evaluated for a trade.
//!
//! Whatever depends on candles alone becomes a column of the frame; the rest stays a small tree. So windows and
//! `prev` work inside of hooks as they do in rules, on columns.

use std::collections::BTreeMap;

use super::compile::{Compiler, Problem};
use super::hooks::{Answer, Case, Hook, HookSource, Piece};
use super::lower::{self, arity, exactly, needs};
use super::section::Located;
use crate::expression::graph::{Graph, NodeId, Op, Typed};
use crate::expression::scalar::Scalar;
use crate::expression::variable::{self, Variable, VariableKind};
use crate::expression::{BinaryOp, Compare, Comparison, Expr, ExprKind, ExpressionError, Map1, Map2};

/// A hook that can be asked.
#[derive(Debug, Clone)]
pub(super) struct CompiledHook {
    pub(super) hook: Hook,
    pub(super) cases: Vec<CompiledCase>,
    /// Whether it wants to know if it is asked right after a fill.
    pub(super) asks_after_fill: bool,
}

#[derive(Debug, Clone)]
pub(super) struct CompiledCase {
    pub(super) when: Option<Scalar>,
    pub(super) value: Option<Scalar>,
    pub(super) tag: Vec<CompiledPiece>,
}

#[derive(Debug, Clone)]
pub(super) enum CompiledPiece {
    Text(String),
    Number(Scalar),
}

/// What an expression of a hook comes to.
enum HookValue {
    Number(Scalar),
    Flag(Scalar),
    Text(String),
    TextVariable(Variable),
}

impl HookValue {
    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Flag(_) => "a condition",
            Self::Text(_) | Self::TextVariable(_) => "a text",
        }
    }
}

/// Lowers the expressions of one hook.
pub(super) struct HookCompiler<'c, 's> {
    pub(super) compiler: &'c mut Compiler<'s>,
    /// Columns that hooks read, by node.
    pub(super) columns: &'c mut BTreeMap<NodeId, String>,
}

impl HookCompiler<'_, '_> {
    pub(super) fn hook(&mut self, source: &HookSource) -> CompiledHook {
        let hook = source.hook;
        let cases = source.cases.iter().map(|case| self.case(hook, case)).collect();
        let mut asks_after_fill = false;
        for located in source.cases.iter().flat_map(|case| case.when.iter().chain(&case.value)) {
            located.expression.for_each_name(&mut |name| asks_after_fill |= name.name == "after_fill");
        }
        CompiledHook { hook, cases, asks_after_fill }
    }

    fn case(&mut self, hook: Hook, case: &Case) -> CompiledCase {
        let when = case.when.as_ref().and_then(|when| self.typed(hook, when, true));
        let flag = hook.answer() == Answer::Flag;
        let value = case.value.as_ref().and_then(|value| self.typed(hook, value, flag));
        let tag = case
            .tag
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text(text) => Some(CompiledPiece::Text(text.clone())),
                Piece::Expression(located) => self.typed(hook, located, false).map(CompiledPiece::Number),
            })
            .collect();
        CompiledCase { when, value, tag }
    }

    /// Lowers an expression that must be a condition, or a number.
    fn typed(&mut self, hook: Hook, located: &Located, flag: bool) -> Option<Scalar> {
        let at = &located.expression;
        let result = self.lower(at, hook).and_then(|value| match value {
            HookValue::Flag(scalar) if flag => Ok(scalar),
            HookValue::Number(scalar) if !flag => Ok(scalar),
            other => {
                let needed = if flag { "a condition" } else { "a number" };
                let message = format!("is {}; {needed} is needed", other.kind());
                Err(ExpressionError::new(at.span, message).into())
            }
        });
        result.map_err(|problem| self.compiler.report(located, problem)).ok()
    }

    fn lower(&mut self, expression: &Expr, hook: Hook) -> Result<HookValue, Problem> {
        if depends_on_trade(expression) {
            self.scalar(expression, hook)
        } else {
            self.column(expression, hook)
        }
    }

    /// Lowers what depends on candles and parameters alone.
    fn column(&mut self, expression: &Expr, hook: Hook) -> Result<HookValue, Problem> {
        Ok(match self.compiler.lower(expression, Graph::OWN)? {
            Typed::Text(text) => HookValue::Text(text),
            Typed::Number(id) => HookValue::Number(self.read(id, expression, hook)?),
            Typed::Flag(id) => HookValue::Flag(match *self.compiler.graph.op(id) {
                Op::Always(holds) => Scalar::Constant(f64::from(u8::from(holds))),
                _ => {
                    let number = self.compiler.graph.node(Op::FlagNumber(id), Graph::OWN);
                    self.read(number, expression, hook)?
                }
            }),
        })
    }

    fn read(&mut self, id: NodeId, expression: &Expr, hook: Hook) -> Result<Scalar, Problem> {
        if let Some(number) = self.compiler.graph.as_constant(id) {
            return Ok(Scalar::Constant(number));
        }
        if hook == Hook::CustomRoi {
            let message = "custom_roi sees the trade and no candles";
            return Err(ExpressionError::new(expression.span, message).into());
        }
        let graph = &self.compiler.graph;
        if let (&Op::Candle(field), Graph::OWN) = (graph.op(id), graph.series_of(id))
            && let Some(name) = field.frame_column()
        {
            return Ok(Scalar::Column(name.to_owned()));
        }
        let named = self.compiler.names.get(&id).cloned();
        let name = self.columns.entry(id).or_insert_with(|| named.unwrap_or_else(|| expression.to_string()));
        Ok(Scalar::Column(name.clone()))
    }

    fn number(&mut self, at: &Expr, for_what: &str, hook: Hook) -> Result<Box<Scalar>, Problem> {
        match self.lower(at, hook)? {
            HookValue::Number(scalar) => Ok(Box::new(scalar)),
            other => Err(needs(at, for_what, "a number", other.kind())),
        }
    }

    fn flag(&mut self, at: &Expr, for_what: &str, hook: Hook) -> Result<Box<Scalar>, Problem> {
        match self.lower(at, hook)? {
            HookValue::Flag(scalar) => Ok(Box::new(scalar)),
            other => Err(needs(at, for_what, "a condition", other.kind())),
        }
    }

    fn scalar(&mut self, expression: &Expr, hook: Hook) -> Result<HookValue, Problem> {
        Ok(match &expression.kind {
            ExprKind::Name(name) => return variable(&name.to_string(), expression, hook),
            ExprKind::Not(inner) => HookValue::Flag(Scalar::Not(self.flag(inner, "not", hook)?)),
            ExprKind::Negate(inner) => {
                HookValue::Number(Scalar::Map1(Map1::Negate, self.number(inner, "-", hook)?))
            }
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
                let left = self.flag(left, op.as_str(), hook)?;
                HookValue::Flag(Scalar::Logic(*op, left, self.flag(right, op.as_str(), hook)?))
            }
            ExprKind::Binary(op, left, right) => {
                let left = self.number(left, op.as_str(), hook)?;
                let right = self.number(right, op.as_str(), hook)?;
                HookValue::Number(Scalar::Map2(lower::arithmetic(*op), left, right))
            }
            ExprKind::Compare(first, rest) => HookValue::Flag(self.comparison(first, rest, hook)?),
            ExprKind::Call(name, arguments) => return self.call(name, arguments, expression, hook),
            _ => return self.column(expression, hook),
        })
    }

    fn comparison(&mut self, first: &Expr, rest: &[Comparison], hook: Hook) -> Result<Scalar, Problem> {
        let mut left = first;
        let mut whole: Option<Scalar> = None;
        for Comparison { op, operand } in rest {
            let link = self.link(left, *op, operand, hook)?;
            whole = Some(match whole {
                None => link,
                Some(before) => Scalar::Logic(BinaryOp::And, Box::new(before), Box::new(link)),
            });
            left = operand;
        }
        Ok(whole.unwrap_or(Scalar::Constant(1.0)))
    }

    fn link(&mut self, left: &Expr, op: Compare, right: &Expr, hook: Hook) -> Result<Scalar, Problem> {
        match (self.lower(left, hook)?, self.lower(right, hook)?) {
            (HookValue::Number(a), HookValue::Number(b)) => Ok(Scalar::Compare(op, Box::new(a), Box::new(b))),
            (HookValue::TextVariable(variable), HookValue::Text(text))
            | (HookValue::Text(text), HookValue::TextVariable(variable)) => {
                let equal = Scalar::TextEquals(variable, text);
                let holds = lower::text_comparison(op, true, right)?;
                Ok(if holds { equal } else { Scalar::Not(Box::new(equal)) })
            }
            (HookValue::Number(_), other) => Err(needs(right, op.as_str(), "a number", other.kind())),
            (HookValue::TextVariable(_), other) => {
                Err(needs(right, op.as_str(), "a text in quotes", other.kind()))
            }
            (other, _) => Err(needs(left, op.as_str(), "a number", other.kind())),
        }
    }

    fn call(
        &mut self,
        name: &str,
        arguments: &[Expr],
        whole: &Expr,
        hook: Hook,
    ) -> Result<HookValue, Problem> {
        if let Some(map) = Map1::named(name) {
            let [x] = exactly(arguments, name, whole)?;
            return Ok(HookValue::Number(Scalar::Map1(map, self.number(x, name, hook)?)));
        }
        if let Some(map) = Map2::named(name) {
            let many = matches!(map, Map2::Min | Map2::Max);
            if arguments.len() < 2 || (arguments.len() > 2 && !many) {
                return Err(arity(name, whole));
            }
            let mut result = self.number(&arguments[0], name, hook)?;
            for argument in &arguments[1..] {
                result = Box::new(Scalar::Map2(map, result, self.number(argument, name, hook)?));
            }
            return Ok(HookValue::Number(*result));
        }
        match name {
            "known" => {
                let [x] = exactly(arguments, name, whole)?;
                Ok(HookValue::Flag(Scalar::Known(self.number(x, name, hook)?)))
            }
            "if" => self.choice(arguments, whole, hook),
            "stoploss_from_open" | "stoploss_from_absolute" => {
                let [x] = exactly(arguments, name, whole)?;
                if hook != Hook::CustomStoploss {
                    let message = format!("`{name}` exists in custom_stoploss only");
                    return Err(ExpressionError::new(whole.span, message).into());
                }
                let x = self.number(x, name, hook)?;
                Ok(HookValue::Number(match name {
                    "stoploss_from_open" => Scalar::StopFromOpen(x),
                    _ => Scalar::StopFromAbsolute(x),
                }))
            }
            _ => {
                let message = format!(
                    "`{name}` looks back over candles; what is known about the trade has no past ones"
                );
                Err(ExpressionError::new(whole.span, message).into())
            }
        }
    }

    fn choice(&mut self, arguments: &[Expr], whole: &Expr, hook: Hook) -> Result<HookValue, Problem> {
        let [condition, a, b] = exactly(arguments, "if", whole)?;
        let condition = self.flag(condition, "if", hook)?;
        match (self.lower(a, hook)?, self.lower(b, hook)?) {
            (HookValue::Number(a), HookValue::Number(b)) => {
                Ok(HookValue::Number(Scalar::If(condition, Box::new(a), Box::new(b))))
            }
            (HookValue::Flag(a), HookValue::Flag(b)) => {
                Ok(HookValue::Flag(Scalar::If(condition, Box::new(a), Box::new(b))))
            }
            (first, second) => {
                let message = format!("`if` gives {} here and {} there", first.kind(), second.kind());
                Err(ExpressionError::new(whole.span, message).into())
            }
        }
    }
}

/// Whether anything in it is known about a trade only.
fn depends_on_trade(expression: &Expr) -> bool {
    let mut depends = expression.calls_any(&["stoploss_from_open", "stoploss_from_absolute"]);
    expression.for_each_name(&mut |name| {
        depends |= name.output.is_none() && name.series.is_own() && variable::find(&name.name).is_some();
    });
    depends
}

fn variable(name: &str, at: &Expr, hook: Hook) -> Result<HookValue, Problem> {
    let known = variable::find(name).filter(|doc| doc.is_known_in(hook.groups()));
    let Some(doc) = known else {
        let all: Vec<&str> = variable::VARIABLES
            .iter()
            .filter(|doc| doc.is_known_in(hook.groups()))
            .map(|doc| doc.name)
            .collect();
        let message = format!("`{name}` is not known to {} (known are {})", hook.as_str(), all.join(", "));
        return Err(ExpressionError::new(at.span, message).into());
    };
    Ok(match doc.kind {
        VariableKind::Number => HookValue::Number(Scalar::Variable(doc.variable)),
        VariableKind::Flag => HookValue::Flag(Scalar::Variable(doc.variable)),
        VariableKind::Text => HookValue::TextVariable(doc.variable),
    })
}
