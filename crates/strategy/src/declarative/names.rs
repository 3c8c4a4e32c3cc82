//! What a name stands for, on which candles, and which names are free.

use super::compile::{Compiled, Compiler, Problem};
use super::declaration::Declaration;
use super::error::{Fault, MAX_FAULTS};
use super::parameters::ParameterValue;
use super::section::Faults;
use super::yaml::Place;
use crate::expression::graph::{CandleField, Graph, NodeId, Op, SeriesId, Typed};
use crate::expression::{
    Compare, Expr, ExpressionError, FUNCTIONS, NameRef, SeriesRef, did_you_mean, variable,
};

impl Compiler<'_> {
    pub(super) fn name(&mut self, name: &NameRef, at: &Expr, series: SeriesId) -> Result<Typed, Problem> {
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
        // Nobody is told of more faults than that, and looking for names takes its time.
        if self.faults.len() > MAX_FAULTS {
            return ExpressionError::new(at.span, format!("there is no `{wrong}`")).into();
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

/// Names that declarations and parameters cannot have, with the reason.
pub(super) fn reserved(name: &str) -> Option<&'static str> {
    if matches!(name, "and" | "or" | "not" | "true" | "false" | "none") {
        return Some("a word of the language");
    }
    if CandleField::named(name).is_some() {
        return Some("a column of the candles");
    }
    if FUNCTIONS.iter().any(|function| function.name == name) {
        return Some("a function");
    }
    variable::find(name).map(|_| "known to hooks about a trade")
}

/// Checks the names of parameters and declarations.
pub(super) fn check_name(name: &str, place: Place, key: &str, faults: &mut Faults) {
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if !begins || !characters.all(|c| c.is_alphanumeric() || c == '_') || name.len() > 64 {
        let message = "is no name: letters, digits and _ are allowed, and no digit at the beginning";
        faults.push(Fault::new(place, key, message));
    } else if let Some(what) = reserved(name) {
        faults.push(Fault::new(place, key, format!("is {what} already; choose another name")));
    }
}
