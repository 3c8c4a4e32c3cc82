//! From names and expressions to a graph: resolving names, checking types, placing series.

use std::collections::HashMap;

use indexmap::IndexMap;
use tradai_domain::Timeframe;

use super::declaration::{Declaration, Formula};
use super::error::Fault;
use super::parameters::ParameterValue;
use super::section::{Faults, Located};
use crate::expression::graph::{CandleField, Graph, NodeId, Op, SeriesId, Typed};
use crate::expression::variable;
use crate::expression::{
    BinaryOp, Compare, Comparison, Expr, ExprKind, ExpressionError, Map1, Map2, NameRef, SeriesRef, WindowOp,
    did_you_mean,
};

/// Deepest nesting over all declarations that an expression goes through.
const MAX_DEPTH: usize = 300;

/// Longest window and furthest look back, in candles.
const MAX_WINDOW: f64 = 100_000.0;

/// Why there is no node.
pub(super) enum Problem {
    /// Something is wrong here.
    Here(ExpressionError),
    /// Something is wrong with a declaration that is used here, and was reported there.
    Elsewhere,
}

impl From<ExpressionError> for Problem {
    fn from(error: ExpressionError) -> Self {
        Self::Here(error)
    }
}

/// What a declaration came to.
#[derive(Clone)]
enum Compiled {
    Value(Typed),
    /// Several outputs, in the order of the indicator's names.
    Outputs(&'static [&'static str], Vec<NodeId>),
    /// It is being compiled: whoever asks now is part of a circle.
    Running,
    Broken,
}

/// Lowers expressions into a graph.
pub(super) struct Compiler<'s> {
    parameters: &'s IndexMap<String, ParameterValue>,
    declarations: &'s IndexMap<String, Declaration>,
    timeframe: Timeframe,
    compiled: HashMap<(usize, SeriesId), Compiled>,
    depth: usize,
    pub(super) graph: Graph,
    pub(super) faults: Faults,
    /// Columns of the frame's own series by the first name they were asked for.
    pub(super) names: HashMap<NodeId, String>,
}

impl<'s> Compiler<'s> {
    pub(super) fn new(
        parameters: &'s IndexMap<String, ParameterValue>,
        declarations: &'s IndexMap<String, Declaration>,
        timeframe: Timeframe,
    ) -> Self {
        Self {
            parameters,
            declarations,
            timeframe,
            compiled: HashMap::new(),
            depth: 0,
            graph: Graph::new(),
            faults: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// Compiles every declaration where it stands, so that unused ones are checked as well; returns the nodes of
    /// each.
    pub(super) fn declarations(&mut self) -> Vec<Vec<NodeId>> {
        let declarations = self.declarations;
        let mut nodes = Vec::with_capacity(declarations.len());
        for (index, declaration) in declarations.values().enumerate() {
            let series = self.graph.series_id(&declaration.series);
            nodes.push(match self.declaration(index, series) {
                Compiled::Value(Typed::Number(id) | Typed::Flag(id)) => vec![id],
                Compiled::Outputs(_, ids) => ids,
                _ => Vec::new(),
            });
        }
        nodes
    }

    /// Compiles a condition of the frame's own series.
    pub(super) fn condition(&mut self, located: &Located) -> Option<NodeId> {
        match self.located(located, Graph::OWN)? {
            Typed::Flag(id) => Some(id),
            other => {
                let message =
                    format!("is {}; a condition is needed, such as `{} > 0`", other.kind(), located.text);
                self.fault(located, &located.expression, message);
                None
            }
        }
    }

    /// Compiles an expression and reports what is wrong with it.
    fn located(&mut self, located: &Located, series: SeriesId) -> Option<Typed> {
        match self.lower(&located.expression, series) {
            Ok(typed) => Some(typed),
            Err(problem) => {
                self.report(located, problem);
                None
            }
        }
    }

    pub(super) fn report(&mut self, located: &Located, problem: Problem) {
        if let Problem::Here(error) = problem {
            self.faults.push(located.fault(&error));
        }
    }

    fn fault(&mut self, located: &Located, at: &Expr, message: String) {
        self.faults.push(located.fault(&ExpressionError::new(at.span, message)));
    }

    fn declaration(&mut self, index: usize, series: SeriesId) -> Compiled {
        if let Some(compiled) = self.compiled.get(&(index, series)) {
            return compiled.clone();
        }
        self.compiled.insert((index, series), Compiled::Running);
        let compiled = self.formula(index, series).unwrap_or(Compiled::Broken);
        self.compiled.insert((index, series), compiled.clone());
        compiled
    }

    fn formula(&mut self, index: usize, series: SeriesId) -> Option<Compiled> {
        let declarations = self.declarations;
        match &declarations[index].formula {
            Formula::Broken => None,
            Formula::Expression(located) => match self.located(located, series)? {
                Typed::Text(_) => {
                    let message = "is a text; a number or a condition is needed".to_owned();
                    self.fault(located, &located.expression, message);
                    None
                }
                typed => Some(Compiled::Value(typed)),
            },
            Formula::Indicator { spec, params, source } => {
                let mut values = Vec::with_capacity(params.len());
                for (param, given) in spec.params.iter().zip(params) {
                    values.push(match given {
                        None => Some(param.default),
                        Some(located) => self.indicator_param(param, located),
                    });
                }
                let source = match source {
                    None => None,
                    Some(located) => Some(self.number_column(located, series)?),
                };
                let params: Option<Vec<u64>> = values.into_iter().map(|v| v.map(f64::to_bits)).collect();
                let call = Op::Indicator { name: spec.name, params: params?, source };
                let call = self.graph.node(call, series);
                let outputs: Vec<NodeId> = (0..spec.outputs.len())
                    .map(|output| self.graph.node(Op::Output(call, output), series))
                    .collect();
                Some(match outputs.as_slice() {
                    [only] => Compiled::Value(Typed::Number(*only)),
                    _ => Compiled::Outputs(spec.outputs, outputs),
                })
            }
        }
    }

    fn indicator_param(&mut self, param: &crate::indicators::ParamSpec, located: &Located) -> Option<f64> {
        let whole = if param.integer { "a whole number" } else { "a number" };
        let allowed = format!("{whole} from {} to {} (or parameters)", param.min, param.max);
        let number = match self.located(located, Graph::OWN)? {
            Typed::Number(id) => self.graph.as_constant(id),
            _ => None,
        };
        match number {
            Some(number) if param.allows(number) => return Some(number),
            Some(number) => self.fault(located, &located.expression, format!("is {number}; {allowed}")),
            None => self.fault(located, &located.expression, format!("must be {allowed}, not a column")),
        }
        None
    }

    fn number_column(&mut self, located: &Located, series: SeriesId) -> Option<NodeId> {
        match self.located(located, series)? {
            Typed::Number(id) if self.graph.as_constant(id).is_none() => Some(id),
            _ => {
                let message = "must be a column of numbers, such as close or rsi".to_owned();
                self.fault(located, &located.expression, message);
                None
            }
        }
    }

    /// Lowers an expression whose names stand for columns of `series`.
    pub(super) fn lower(&mut self, expression: &Expr, series: SeriesId) -> Result<Typed, Problem> {
        self.depth += 1;
        let result = if self.depth > MAX_DEPTH {
            Err(ExpressionError::new(expression.span, "goes through too many indicators, one upon another")
                .into())
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

    fn name(&mut self, name: &NameRef, at: &Expr, series: SeriesId) -> Result<Typed, Problem> {
        if let Some(value) = self.parameters.get(&name.name) {
            if name.output.is_some() || !name.series.is_own() {
                let message = format!("`{}` is a parameter: the same on every candle", name.name);
                return Err(ExpressionError::new(at.span, message).into());
            }
            return Ok(match value {
                ParameterValue::Number(number) => Typed::Number(self.graph.constant(*number)),
                ParameterValue::Bool(flag) => Typed::Flag(self.graph.always(*flag)),
                ParameterValue::Text(text) => Typed::Text(text.clone()),
            });
        }
        let outer = self.graph.series()[series].clone();
        let asked = name.series.within(&outer);
        let (typed, target) = if let Some(field) = CandleField::named(&name.name) {
            if name.output.is_some() {
                let message = format!("`{}` has no outputs", name.name);
                return Err(ExpressionError::new(at.span, message).into());
            }
            let target = self.graph.series_id(&asked);
            (Typed::Number(self.graph.node(Op::Candle(field), target)), target)
        } else if let Some((index, _, declaration)) = self.declarations.get_full(&name.name) {
            check_series(name, declaration, at)?;
            let target = self.graph.series_id(&declaration.series.within(&asked));
            (self.declared(index, target, name, at)?, target)
        } else {
            return Err(self.unknown(name, at));
        };
        self.check_longer(target, &outer, at)?;
        Ok(self.known_here(typed, series, name))
    }

    fn declared(
        &mut self,
        index: usize,
        series: SeriesId,
        name: &NameRef,
        at: &Expr,
    ) -> Result<Typed, Problem> {
        let error = |message: String| Err(ExpressionError::new(at.span, message).into());
        match (self.declaration(index, series), &name.output) {
            (Compiled::Value(typed), None) => Ok(typed),
            (Compiled::Value(_), Some(_)) => {
                error(format!("`{}` has one column; leave out the dot", name.name))
            }
            (Compiled::Outputs(names, ids), Some(output)) => match names.iter().position(|n| n == output) {
                Some(position) => Ok(Typed::Number(ids[position])),
                None => {
                    let hint = did_you_mean(output, names.iter().copied());
                    let all = outputs(&name.name, names);
                    error(format!("`{}` has no output `{output}`{hint} (there are {all})", name.name))
                }
            },
            (Compiled::Outputs(names, _), None) => error(format!(
                "`{}` has several columns; write one of {}",
                name.name,
                outputs(&name.name, names)
            )),
            (Compiled::Running, _) => error(format!("`{}` is computed from itself", name.name)),
            (Compiled::Broken, _) => Err(Problem::Elsewhere),
        }
    }

    /// Candles of a shorter timeframe have no single value per longer candle.
    fn check_longer(&self, target: SeriesId, outer: &SeriesRef, at: &Expr) -> Result<(), Problem> {
        let here = outer.timeframe.unwrap_or(self.timeframe);
        let there = self.graph.series()[target].timeframe.unwrap_or(self.timeframe);
        if there >= here {
            return Ok(());
        }
        let message =
            format!("is computed on {there} candles and used on {here} ones; it must be the other way round");
        Err(ExpressionError::new(at.span, message).into())
    }

    /// Brings a column to the series that asks, and remembers what it is called there.
    fn known_here(&mut self, typed: Typed, series: SeriesId, name: &NameRef) -> Typed {
        let typed = match typed {
            Typed::Number(id) => Typed::Number(self.graph.merge(id, series)),
            Typed::Flag(id) => Typed::Flag(self.merge_flag(id, series, name)),
            text @ Typed::Text(_) => text,
        };
        if let Typed::Number(id) = typed {
            self.remember(id, series, name);
        }
        typed
    }

    /// Conditions travel between series as 1 and 0, and hold nowhere before the first one is known.
    fn merge_flag(&mut self, id: NodeId, series: SeriesId, name: &NameRef) -> NodeId {
        let from = self.graph.series_of(id);
        if from == series || matches!(self.graph.op(id), Op::Always(_)) {
            return id;
        }
        let number = self.graph.node(Op::FlagNumber(id), from);
        let merged = self.graph.merge(number, series);
        self.remember(merged, series, name);
        let half = self.graph.constant(0.5);
        self.graph.compare(Compare::Greater, merged, half, series)
    }

    fn remember(&mut self, id: NodeId, series: SeriesId, name: &NameRef) {
        // The frame has its own candles already, and a constant is no column.
        let there_already = match self.graph.op(id) {
            Op::Constant(_) => true,
            Op::Candle(field) => field.frame_column().is_some() && self.graph.series_of(id) == Graph::OWN,
            _ => false,
        };
        if series == Graph::OWN && !there_already {
            self.names.entry(id).or_insert_with(|| name.to_string());
        }
    }

    fn unknown(&self, name: &NameRef, at: &Expr) -> Problem {
        let wrong = &name.name;
        if variable::find(wrong).is_some() {
            let message = format!("`{wrong}` is known to hooks about a trade, not to rules about candles");
            return ExpressionError::new(at.span, message).into();
        }
        let own = self.declarations.keys().chain(self.parameters.keys()).map(String::as_str);
        let all: Vec<&str> = own.chain(CandleField::NAMES).collect();
        let hint = did_you_mean(wrong, all.iter().copied());
        let message = format!("there is no `{wrong}`{hint} (there are {})", all.join(", "));
        ExpressionError::new(at.span, message).into()
    }
}

/// `rsi@1h` needs an `rsi` that is not tied to another timeframe already.
fn check_series(name: &NameRef, declaration: &Declaration, at: &Expr) -> Result<(), Problem> {
    let tied = (name.series.timeframe.is_some() && declaration.series.timeframe.is_some())
        || (name.series.pair.is_some() && declaration.series.pair.is_some());
    if !tied {
        return Ok(());
    }
    let message = format!("`{}` is declared for {} already", name.name, declaration.series);
    Err(ExpressionError::new(at.span, message).into())
}

fn outputs(name: &str, outputs: &[&str]) -> String {
    let all: Vec<String> = outputs.iter().map(|output| format!("{name}.{output}")).collect();
    all.join(", ")
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
    let usage = crate::expression::FUNCTIONS.iter().find(|function| function.name == name);
    let usage = usage.map_or("", |function| function.usage);
    ExpressionError::new(whole.span, format!("wrong number of arguments; it is called {usage}")).into()
}

/// Names that declarations and parameters cannot have, with the reason.
pub(super) fn reserved(name: &str) -> Option<&'static str> {
    if matches!(name, "and" | "or" | "not" | "true" | "false" | "none") {
        return Some("a word of the language");
    }
    if CandleField::named(name).is_some() {
        return Some("a column of the candles");
    }
    if crate::expression::FUNCTIONS.iter().any(|function| function.name == name) {
        return Some("a function");
    }
    variable::find(name).map(|_| "known to hooks about a trade")
}

/// Checks the names of parameters and declarations.
pub(super) fn check_name(name: &str, place: super::yaml::Place, key: &str, faults: &mut Faults) {
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if !begins || !characters.all(|c| c.is_alphanumeric() || c == '_') || name.len() > 64 {
        let message = "is no name: letters, digits and _ are allowed, and no digit at the beginning";
        faults.push(Fault::new(place, key, message));
    } else if let Some(what) = reserved(name) {
        faults.push(Fault::new(place, key, format!("is {what} already; choose another name")));
    }
}
