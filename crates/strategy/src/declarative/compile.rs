//! From declarations to a graph: each compiled once per series that asks for it, each fault reported once.
//!
//! `lower` turns expressions into nodes, `names` says what names in them stand for.

use std::collections::HashMap;

use indexmap::IndexMap;
use tradai_domain::Timeframe;

use super::declaration::{Declaration, Formula};
use super::parameters::ParameterValue;
use super::section::{Faults, Located};
use crate::expression::graph::{Graph, NodeId, Op, SeriesId, Typed};
use crate::expression::{Expr, ExpressionError};
use crate::indicators::ParamSpec;

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
pub(super) enum Compiled {
    Value(Typed),
    /// Several outputs, in the order of the indicator's names.
    Outputs(&'static [&'static str], Vec<NodeId>),
    /// It is being compiled: whoever asks now is part of a circle.
    Running,
    Broken,
}

/// Lowers expressions into a graph.
pub(super) struct Compiler<'s> {
    pub(super) parameters: &'s IndexMap<String, ParameterValue>,
    pub(super) declarations: &'s IndexMap<String, Declaration>,
    pub(super) timeframe: Timeframe,
    compiled: HashMap<(usize, SeriesId), Compiled>,
    pub(super) depth: usize,
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

    pub(super) fn declaration(&mut self, index: usize, series: SeriesId) -> Compiled {
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

    fn indicator_param(&mut self, param: &ParamSpec, located: &Located) -> Option<f64> {
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
}
