//! Expressions of a whole strategy as one graph.
//!
//! Equal sub-expressions are one node, so that what several rules share is computed once, and what no rule needs
//! is not computed at all. A node's operands always come before it.

use std::collections::HashMap;

use super::{BinaryOp, Compare, Map1, Map2, SeriesRef, WindowOp};

/// A node, by position.
pub(crate) type NodeId = usize;

/// A series that columns are computed on, by position; 0 is the frame's own.
pub(crate) type SeriesId = usize;

/// A column that candles have by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CandleField {
    Open,
    High,
    Low,
    Close,
    Volume,
    /// Hour of the candle's opening, UTC.
    Hour,
    /// Minute of the candle's opening.
    Minute,
    /// Day of the candle's opening, Monday is 0.
    Weekday,
}

impl CandleField {
    pub(crate) const NAMES: [&str; 8] =
        ["open", "high", "low", "close", "volume", "hour", "minute", "weekday"];

    /// Returns what a frame calls it, if a frame has it as a column.
    pub(crate) fn frame_column(self) -> Option<&'static str> {
        Some(match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::Hour | Self::Minute | Self::Weekday => return None,
        })
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "open" => Self::Open,
            "high" => Self::High,
            "low" => Self::Low,
            "close" => Self::Close,
            "volume" => Self::Volume,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "weekday" => Self::Weekday,
            _ => return None,
        })
    }
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// A number, by its bits.
    Constant(u64),
    /// A condition that always or never holds.
    Always(bool),
    Candle(CandleField),
    /// All outputs of an indicator: its name, parameters by their bits, and the column it reads in place of close.
    Indicator {
        name: &'static str,
        params: Vec<u64>,
        source: Option<NodeId>,
    },
    /// One output of an indicator.
    Output(NodeId, usize),
    /// A column of another series as it is known here.
    Merge(NodeId),
    Map1(Map1, NodeId),
    Map2(Map2, NodeId, NodeId),
    Compare(Compare, NodeId, NodeId),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Not(NodeId),
    Known(NodeId),
    /// Condition, value where it holds, value elsewhere.
    If(NodeId, NodeId, NodeId),
    Prev(NodeId, usize),
    /// `prev` of a condition; false before there is one.
    PrevFlag(NodeId, usize),
    Window(WindowOp, NodeId, usize),
    Count(NodeId, usize),
    /// 1 where the condition holds, 0 elsewhere.
    FlagNumber(NodeId),
}

impl Op {
    /// Calls `visit` with every operand.
    pub(crate) fn operands(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            Self::Constant(_) | Self::Always(_) | Self::Candle(_) => {}
            Self::Indicator { source, .. } => source.iter().copied().for_each(visit),
            Self::Output(a, _)
            | Self::Merge(a)
            | Self::Map1(_, a)
            | Self::Not(a)
            | Self::Known(a)
            | Self::Prev(a, _)
            | Self::PrevFlag(a, _)
            | Self::Window(_, a, _)
            | Self::Count(a, _)
            | Self::FlagNumber(a) => visit(*a),
            Self::Map2(_, a, b) | Self::Compare(_, a, b) | Self::And(a, b) | Self::Or(a, b) => {
                visit(*a);
                visit(*b);
            }
            Self::If(a, b, c) => {
                visit(*a);
                visit(*b);
                visit(*c);
            }
        }
    }

    /// Whether it gives conditions (and not numbers).
    pub(crate) fn is_flag(&self) -> bool {
        matches!(
            self,
            Self::Always(_)
                | Self::Compare(..)
                | Self::And(..)
                | Self::Or(..)
                | Self::Not(_)
                | Self::Known(_)
                | Self::PrevFlag(..)
        )
    }
}

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Typed {
    /// A number per candle.
    Number(NodeId),
    /// A condition per candle.
    Flag(NodeId),
    /// A constant text.
    Text(String),
}

impl Typed {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Flag(_) => "a condition",
            Self::Text(_) => "a text",
        }
    }
}

/// The graph.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    nodes: Vec<(Op, SeriesId)>,
    ids: HashMap<(Op, SeriesId), NodeId>,
    series: Vec<SeriesRef>,
}

impl Graph {
    /// The frame's own series.
    pub(crate) const OWN: SeriesId = 0;

    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new(), ids: HashMap::new(), series: vec![SeriesRef::default()] }
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn op(&self, id: NodeId) -> &Op {
        &self.nodes[id].0
    }

    pub(crate) fn series_of(&self, id: NodeId) -> SeriesId {
        self.nodes[id].1
    }

    pub(crate) fn series(&self) -> &[SeriesRef] {
        &self.series
    }

    /// Returns the number of a series, making one for a new one.
    pub(crate) fn series_id(&mut self, series: &SeriesRef) -> SeriesId {
        self.series.iter().position(|known| known == series).unwrap_or_else(|| {
            self.series.push(series.clone());
            self.series.len() - 1
        })
    }

    /// Returns the node that computes `op`, making one for a new one.
    pub(crate) fn node(&mut self, op: Op, series: SeriesId) -> NodeId {
        let key = (op, series);
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let id = self.nodes.len();
        self.nodes.push(key.clone());
        self.ids.insert(key, id);
        id
    }

    pub(crate) fn constant(&mut self, number: f64) -> NodeId {
        self.node(Op::Constant(number.to_bits()), Self::OWN)
    }

    /// Returns a node's number when it is the same on every candle.
    pub(crate) fn as_constant(&self, id: NodeId) -> Option<f64> {
        match self.op(id) {
            Op::Constant(bits) => Some(f64::from_bits(*bits)),
            _ => None,
        }
    }

    pub(crate) fn map1(&mut self, map: Map1, a: NodeId, series: SeriesId) -> NodeId {
        match self.as_constant(a) {
            Some(x) => self.constant(map.apply(x)),
            None => self.node(Op::Map1(map, a), series),
        }
    }

    pub(crate) fn map2(&mut self, map: Map2, a: NodeId, b: NodeId, series: SeriesId) -> NodeId {
        match (self.as_constant(a), self.as_constant(b)) {
            (Some(x), Some(y)) => self.constant(map.apply(x, y)),
            _ => self.node(Op::Map2(map, a, b), series),
        }
    }

    pub(crate) fn compare(&mut self, op: Compare, a: NodeId, b: NodeId, series: SeriesId) -> NodeId {
        match (self.as_constant(a), self.as_constant(b)) {
            (Some(x), Some(y)) => self.always(op.apply(x, y)),
            _ => self.node(Op::Compare(op, a, b), series),
        }
    }

    pub(crate) fn always(&mut self, holds: bool) -> NodeId {
        self.node(Op::Always(holds), Self::OWN)
    }

    /// `and` (or `or`) of two conditions, without the constant ones.
    pub(crate) fn logic(&mut self, op: BinaryOp, a: NodeId, b: NodeId, series: SeriesId) -> NodeId {
        let is_and = op == BinaryOp::And;
        match (self.op(a), self.op(b)) {
            (Op::Always(holds), _) => {
                if *holds == is_and {
                    b
                } else {
                    a
                }
            }
            (_, Op::Always(holds)) => {
                if *holds == is_and {
                    a
                } else {
                    b
                }
            }
            _ if a == b => a,
            _ if is_and => self.node(Op::And(a, b), series),
            _ => self.node(Op::Or(a, b), series),
        }
    }

    pub(crate) fn not(&mut self, a: NodeId, series: SeriesId) -> NodeId {
        match *self.op(a) {
            Op::Always(holds) => self.always(!holds),
            Op::Not(inner) => inner,
            _ => self.node(Op::Not(a), series),
        }
    }

    /// Constants have no yesterday: they stay what they are.
    pub(crate) fn prev(&mut self, a: NodeId, n: usize, series: SeriesId) -> NodeId {
        match *self.op(a) {
            _ if n == 0 => a,
            Op::Constant(_) | Op::Always(_) => a,
            Op::Prev(inner, more) => self.node(Op::Prev(inner, n + more), series),
            Op::PrevFlag(inner, more) => self.node(Op::PrevFlag(inner, n + more), series),
            ref op if op.is_flag() => self.node(Op::PrevFlag(a, n), series),
            _ => self.node(Op::Prev(a, n), series),
        }
    }

    /// `a` was not beyond `b` on the candle before and is now.
    pub(crate) fn crosses(&mut self, above: bool, a: NodeId, b: NodeId, series: SeriesId) -> NodeId {
        let (now, before) = if above {
            (Compare::Greater, Compare::LessOrEqual)
        } else {
            (Compare::Less, Compare::GreaterOrEqual)
        };
        let (a_before, b_before) = (self.prev(a, 1, series), self.prev(b, 1, series));
        let now = self.compare(now, a, b, series);
        let before = self.compare(before, a_before, b_before, series);
        self.logic(BinaryOp::And, now, before, series)
    }

    /// Makes a column of another series known in `to`; constants are known everywhere.
    pub(crate) fn merge(&mut self, value: NodeId, to: SeriesId) -> NodeId {
        let constant = matches!(self.op(value), Op::Constant(_) | Op::Always(_));
        if constant || self.series_of(value) == to { value } else { self.node(Op::Merge(value), to) }
    }

    /// Marks what the roots need, not going below nodes for which `stop` holds.
    pub(crate) fn reachable(&self, roots: &[NodeId], stop: impl Fn(NodeId) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.len()];
        for &root in roots {
            reached[root] = true;
        }
        for id in (0..self.len()).rev() {
            if reached[id] && !stop(id) {
                self.op(id).operands(|operand| reached[operand] = true);
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_expressions_are_one_node_and_constants_fold() {
        let mut graph = Graph::new();
        let close = graph.node(Op::Candle(CandleField::Close), Graph::OWN);
        let (two, three) = (graph.constant(2.0), graph.constant(3.0));
        let five = graph.map2(Map2::Add, two, three, Graph::OWN);
        assert_eq!(graph.as_constant(five), Some(5.0));
        let once = graph.crosses(true, close, five, Graph::OWN);
        let nodes = graph.len();
        assert_eq!(graph.crosses(true, close, five, Graph::OWN), once);
        assert_eq!(graph.len(), nodes);
        let always = graph.always(true);
        assert_eq!(graph.logic(BinaryOp::And, always, once, Graph::OWN), once);
        assert_eq!(graph.logic(BinaryOp::Or, once, always, Graph::OWN), always);
    }

    #[test]
    fn what_no_root_needs_is_not_reached() {
        let mut graph = Graph::new();
        let close = graph.node(Op::Candle(CandleField::Close), Graph::OWN);
        let open = graph.node(Op::Candle(CandleField::Open), Graph::OWN);
        let unused = graph.prev(open, 2, Graph::OWN);
        let used = graph.prev(close, 2, Graph::OWN);
        let reached = graph.reachable(&[used], |_| false);
        assert!(reached[used] && reached[close] && !reached[unused] && !reached[open]);
    }
}
