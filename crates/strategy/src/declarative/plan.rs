//! A strategy ready to run: one graph, and what to read off it.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use tradai_domain::Timeframe;

use super::compile::Compiler;
use super::declaration::{Declaration, Formula};
use super::hook_compile::{CompiledHook, HookCompiler};
use super::hooks::{HookSource, Piece};
use super::parameters::ParameterValue;
use super::rules::{Rule, RuleSide};
use super::section::Faults;
use crate::expression::graph::{Graph, NodeId};
use crate::expression::lookback::lookbacks;
use crate::expression::{Expr, SeriesRef};
use crate::signals::flag;

/// What a file says, before parameters have values.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) timeframe: Timeframe,
    pub(super) declarations: IndexMap<String, Declaration>,
    pub(super) entry: Vec<Rule>,
    pub(super) exit: Vec<Rule>,
    pub(super) hooks: Vec<HookSource>,
}

/// A rule ready to run.
#[derive(Debug, Clone)]
pub(super) struct PlannedRule {
    pub(super) condition: NodeId,
    pub(super) bits: u8,
    pub(super) tag: String,
}

/// A strategy ready to run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) graph: Graph,
    /// Columns that `populate_indicators` adds to the frame, by node.
    pub(super) columns: BTreeMap<NodeId, String>,
    pub(super) entry: Vec<PlannedRule>,
    pub(super) exit: Vec<PlannedRule>,
    pub(super) hooks: Vec<CompiledHook>,
    /// Candles of other pairs and timeframes that are needed.
    pub(super) informative: Vec<SeriesRef>,
    /// Candles before the first one on which every rule and hook can have its values.
    pub(super) lookback: usize,
    /// The lookback of every declaration.
    pub(super) lookbacks: Vec<usize>,
    /// Names of declarations and parameters that rules and hooks rest on.
    pub(super) used: BTreeSet<String>,
}

impl Plan {
    /// Compiles a file for given values of its parameters. The faults say what is wrong with the plan.
    pub(super) fn compile(source: &Source, values: &IndexMap<String, ParameterValue>) -> (Self, Faults) {
        let mut compiler = Compiler::new(values, &source.declarations, source.timeframe);
        let declared = compiler.declarations();
        let entry = rules(&mut compiler, &source.entry, [flag::ENTER_LONG, flag::ENTER_SHORT]);
        let exit = rules(&mut compiler, &source.exit, [flag::EXIT_LONG, flag::EXIT_SHORT]);
        let mut columns = BTreeMap::new();
        let mut hook_compiler = HookCompiler { compiler: &mut compiler, columns: &mut columns };
        let hooks: Vec<CompiledHook> = source.hooks.iter().map(|hook| hook_compiler.hook(hook)).collect();
        let Compiler { graph, faults, names, .. } = compiler;

        // Rules read columns that have names off the frame and compute the rest themselves.
        let conditions: Vec<NodeId> = entry.iter().chain(&exit).map(|rule| rule.condition).collect();
        let reached = graph.reachable(&conditions, |id| names.contains_key(&id));
        columns.extend(names.into_iter().filter(|(id, _)| reached[*id]));

        let roots: Vec<NodeId> = columns.keys().copied().chain(conditions).collect();
        let needed = graph.reachable(&roots, |_| false);
        let lookback = lookbacks(&graph);
        let of_declaration = |ids: &Vec<NodeId>| ids.iter().map(|&id| lookback[id]).max().unwrap_or(0);
        let mut series = BTreeSet::new();
        for id in (0..graph.len()).filter(|&id| needed[id] && graph.series_of(id) != Graph::OWN) {
            series.insert(graph.series()[graph.series_of(id)].clone());
        }
        let plan = Self {
            informative: series.into_iter().collect(),
            lookback: roots.iter().map(|&root| lookback[root]).max().unwrap_or(0),
            lookbacks: declared.iter().map(of_declaration).collect(),
            used: used_names(source),
            graph,
            columns,
            entry,
            exit,
            hooks,
        };
        (plan, faults)
    }
}

fn rules(compiler: &mut Compiler<'_>, rules: &[Rule], bits: [u8; 2]) -> Vec<PlannedRule> {
    let planned = rules.iter().filter_map(|rule| {
        let condition = compiler.condition(&rule.when)?;
        let bits = if rule.side == RuleSide::Long { bits[0] } else { bits[1] };
        Some(PlannedRule { condition, bits, tag: rule.tag.clone() })
    });
    planned.collect()
}

/// Returns the names that rules and hooks rest on, however indirectly.
fn used_names(source: &Source) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open: Vec<&Expr> = Vec::new();
    open.extend(source.entry.iter().chain(&source.exit).map(|rule| &rule.when.expression));
    for case in source.hooks.iter().flat_map(|hook| &hook.cases) {
        open.extend(case.when.iter().chain(&case.value).map(|located| &located.expression));
        open.extend(case.tag.iter().filter_map(|piece| match piece {
            Piece::Expression(located) => Some(&located.expression),
            Piece::Text(_) => None,
        }));
    }
    while let Some(expression) = open.pop() {
        expression.for_each_name(&mut |name| {
            if !names.insert(name.name.clone()) {
                return;
            }
            let Some(declaration) = source.declarations.get(&name.name) else { return };
            match &declaration.formula {
                Formula::Broken => {}
                Formula::Expression(located) => open.push(&located.expression),
                Formula::Indicator { params, source, .. } => {
                    open.extend(params.iter().flatten().chain(source).map(|located| &located.expression));
                }
            }
        });
    }
    names
}
