//! Columns of a graph's nodes.
//!
//! Nodes are computed in the order in which they stand, each once, as whole columns; a column is dropped when the
//! last node that needs it is done.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use tradai_domain::{CandleSeries, SeriesKey};

use super::graph::{CandleField, Graph, NodeId, Op, SeriesId};
use super::kernels::{self, Operand};
use super::{SeriesRef, indicator, window};
use crate::frame::{CandleSource, Frame};
use crate::strategy::StrategyError;

/// What a node came to.
#[derive(Debug, Clone)]
pub(crate) enum Column<'a> {
    /// The same number on every candle.
    Constant(f64),
    /// A condition that always or never holds.
    Always(bool),
    Numbers(Cow<'a, [f64]>),
    Flags(Vec<bool>),
    /// Another node's column, so many candles late.
    Late(NodeId, usize),
    /// All outputs of an indicator.
    Outputs(Vec<Vec<f64>>),
}

/// Returns the series that a reference names for a frame.
pub(crate) fn series_key(series: &SeriesRef, frame: &Frame) -> SeriesKey {
    let pair = series.pair.as_ref().unwrap_or(frame.pair());
    SeriesKey::traded(pair, series.timeframe.unwrap_or(frame.timeframe()))
}

/// The candles that a graph is evaluated on: the frame's own and those of other pairs and timeframes.
pub(crate) struct Frames<'a> {
    own: &'a Frame,
    /// By series; nothing stands for the frame's own.
    others: Vec<Option<Frame>>,
}

impl<'a> Frames<'a> {
    /// The frame's own candles, for nodes that need no others.
    pub(crate) fn own(own: &'a Frame) -> Self {
        Self { own, others: Vec::new() }
    }

    /// Loads the series that reachable nodes are computed on.
    pub(crate) fn load(
        graph: &Graph,
        reached: &[bool],
        own: &'a Frame,
        source: &dyn CandleSource,
    ) -> Result<Self, StrategyError> {
        let own_key = series_key(&SeriesRef::default(), own);
        let mut others: Vec<Option<Frame>> = vec![None; graph.series().len()];
        for id in (0..graph.len()).filter(|&id| reached[id]) {
            let series = graph.series_of(id);
            let key = series_key(&graph.series()[series], own);
            if others[series].is_some() || key == own_key {
                continue;
            }
            let candles = source.candles(&key).ok_or_else(|| StrategyError::MissingCandles(key.clone()))?;
            others[series] = Some(Frame::new(key.symbol, key.timeframe, candles));
        }
        Ok(Self { own, others })
    }

    fn get(&self, series: SeriesId) -> &Frame {
        self.others.get(series).and_then(Option::as_ref).unwrap_or(self.own)
    }
}

/// Computes the roots. Nodes in `stored` are read from the frame's columns of those names.
pub(crate) fn evaluate<'a>(
    graph: &Graph,
    roots: &[NodeId],
    stored: &BTreeMap<NodeId, String>,
    frames: &'a Frames<'_>,
) -> Result<Vec<Column<'a>>, StrategyError> {
    let reached = graph.reachable(roots, |id| stored.contains_key(&id));
    let mut uses = vec![0_usize; graph.len()];
    for &root in roots {
        uses[root] += 1;
    }
    for id in (0..graph.len()).filter(|&id| reached[id] && !stored.contains_key(&id)) {
        graph.op(id).operands(|operand| uses[operand] += 1);
    }
    let mut evaluation =
        Evaluation { graph, frames, columns: vec![None; graph.len()], uses, rows: HashMap::new() };
    for id in (0..graph.len()).filter(|&id| reached[id]) {
        evaluation.columns[id] = Some(match stored.get(&id) {
            Some(name) => Column::Numbers(Cow::Borrowed(frames.own.column(name)?)),
            None => evaluation.compute(id)?,
        });
        // A late column keeps the one that it looks at; everything else is done with its operands.
        if !stored.contains_key(&id) && !matches!(graph.op(id), Op::Prev(..)) {
            graph.op(id).operands(|operand| evaluation.release(operand));
        }
    }
    // A late root reads the column it looks at, so those go first.
    let is_late = |id: &NodeId| matches!(graph.op(*id), Op::Prev(..));
    let late: HashMap<NodeId, Column<'a>> =
        roots.iter().filter(|id| is_late(id)).map(|&id| (id, evaluation.result(id))).collect();
    let result = |root: &NodeId| match late.get(root) {
        Some(column) => column.clone(),
        None => evaluation.result(*root),
    };
    Ok(roots.iter().map(result).collect())
}

struct Evaluation<'g, 'a> {
    graph: &'g Graph,
    frames: &'a Frames<'a>,
    columns: Vec<Option<Column<'a>>>,
    /// How many nodes (and roots) still need a column.
    uses: Vec<usize>,
    /// For every row of a series, the last known row of another one.
    rows: HashMap<(SeriesId, SeriesId), Vec<Option<usize>>>,
}

impl<'a> Evaluation<'_, 'a> {
    fn release(&mut self, id: NodeId) {
        self.uses[id] -= 1;
        if self.uses[id] == 0
            && let Some(Column::Late(inner, _)) = self.columns[id].take()
        {
            self.release(inner);
        }
    }

    /// Takes a column away if nobody else needs it, or copies it.
    fn take_flags(&mut self, id: NodeId, rows: usize) -> Vec<bool> {
        let last = self.uses[id] == 1;
        match if last { self.columns[id].take() } else { self.columns[id].clone() } {
            Some(Column::Flags(flags)) => flags,
            Some(Column::Always(holds)) => vec![holds; rows],
            _ => vec![false; rows],
        }
    }

    fn flags(&self, id: NodeId, rows: usize) -> Cow<'_, [bool]> {
        match &self.columns[id] {
            Some(Column::Flags(flags)) => Cow::Borrowed(flags),
            Some(Column::Always(holds)) => Cow::Owned(vec![*holds; rows]),
            _ => Cow::Owned(vec![false; rows]),
        }
    }

    fn operand(&self, id: NodeId) -> Operand<'_> {
        match &self.columns[id] {
            Some(Column::Constant(number)) => Operand::Constant(*number),
            Some(Column::Numbers(values)) => Operand::Column { values, shift: 0 },
            Some(Column::Late(inner, shift)) => match &self.columns[*inner] {
                Some(Column::Numbers(values)) => Operand::Column { values, shift: *shift },
                _ => Operand::Constant(f64::NAN),
            },
            _ => Operand::Constant(f64::NAN),
        }
    }

    fn numbers(&self, id: NodeId, rows: usize) -> Cow<'_, [f64]> {
        match self.operand(id) {
            Operand::Column { values, shift: 0 } => Cow::Borrowed(values),
            operand => Cow::Owned(operand.to_vec(rows)),
        }
    }

    /// Hands a root's column out, without a copy when it is the last to ask.
    fn result(&mut self, root: NodeId) -> Column<'a> {
        if let Some(Column::Late(..)) = self.columns[root] {
            return Column::Numbers(Cow::Owned(self.numbers(root, self.frames.own.len()).into_owned()));
        }
        self.uses[root] -= 1;
        let column =
            if self.uses[root] == 0 { self.columns[root].take() } else { self.columns[root].clone() };
        column.unwrap_or(Column::Constant(f64::NAN))
    }

    fn compute(&mut self, id: NodeId) -> Result<Column<'a>, StrategyError> {
        let series = self.graph.series_of(id);
        let frame = self.frames.get(series);
        let rows = frame.len();
        let owned = |values: Vec<f64>| Column::Numbers(Cow::Owned(values));
        Ok(match *self.graph.op(id) {
            Op::Constant(bits) => Column::Constant(f64::from_bits(bits)),
            Op::Always(holds) => Column::Always(holds),
            Op::Candle(field) => Column::Numbers(candle_column(frame.candles(), field)),
            Op::Indicator { name, ref params, source } => {
                let source = source.map(|source| self.numbers(source, rows));
                Column::Outputs(indicator::compute(name, params, source.as_deref(), frame.candles())?)
            }
            Op::Output(call, index) => owned(self.take_output(call, index)),
            Op::Merge(from) => owned(self.merge(from, series)?),
            Op::Map1(map, a) => owned(kernels::map1(map, self.operand(a), rows)),
            Op::Map2(map, a, b) => owned(kernels::map2(map, self.operand(a), self.operand(b), rows)),
            Op::Compare(op, a, b) => {
                Column::Flags(kernels::compare(op, self.operand(a), self.operand(b), rows))
            }
            Op::And(a, b) => self.combine(a, b, rows, |left, right| *left &= right),
            Op::Or(a, b) => self.combine(a, b, rows, |left, right| *left |= right),
            Op::Not(a) => {
                let mut flags = self.take_flags(a, rows);
                flags.iter_mut().for_each(|flag| *flag = !*flag);
                Column::Flags(flags)
            }
            Op::Known(a) => Column::Flags(kernels::known(self.operand(a), rows)),
            Op::If(condition, a, b) => {
                owned(kernels::choose(&self.flags(condition, rows), self.operand(a), self.operand(b)))
            }
            Op::Prev(a, n) => match &self.columns[a] {
                Some(Column::Numbers(_)) => Column::Late(a, n),
                _ => owned(self.operand(a).to_vec(rows)),
            },
            Op::PrevFlag(a, n) => Column::Flags(kernels::prev_flag(&self.flags(a, rows), n)),
            Op::Window(op, a, n) => owned(window::window(op, &self.numbers(a, rows), n)),
            Op::Count(a, n) => owned(window::count(&self.flags(a, rows), n)),
            Op::FlagNumber(a) => {
                owned(self.flags(a, rows).iter().map(|&flag| f64::from(u8::from(flag))).collect())
            }
        })
    }

    fn combine(&mut self, a: NodeId, b: NodeId, rows: usize, join: impl Fn(&mut bool, bool)) -> Column<'a> {
        let mut flags = self.take_flags(a, rows);
        for (left, &right) in flags.iter_mut().zip(self.flags(b, rows).iter()) {
            join(left, right);
        }
        Column::Flags(flags)
    }

    /// Every output is one node, so its column can be moved out.
    fn take_output(&mut self, call: NodeId, index: usize) -> Vec<f64> {
        match &mut self.columns[call] {
            Some(Column::Outputs(outputs)) => outputs.get_mut(index).map(std::mem::take).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn merge(&mut self, from: NodeId, to: SeriesId) -> Result<Vec<f64>, StrategyError> {
        let source = self.graph.series_of(from);
        if !self.rows.contains_key(&(source, to)) {
            let rows = self.frames.get(to).informative_rows(self.frames.get(source))?;
            self.rows.insert((source, to), rows);
        }
        let values = self.numbers(from, self.frames.get(source).len());
        let rows = &self.rows[&(source, to)];
        Ok(rows.iter().map(|row| row.map_or(f64::NAN, |row| values[row])).collect())
    }
}

fn candle_column(candles: &CandleSeries, field: CandleField) -> Cow<'_, [f64]> {
    const MINUTE: i64 = 60_000;
    let of_time = |part: fn(i64) -> i64| {
        // Exact: parts of dates are small.
        Cow::Owned(candles.open_time().iter().map(|&open_time| part(open_time) as f64).collect())
    };
    match field {
        CandleField::Open => Cow::Borrowed(candles.open()),
        CandleField::High => Cow::Borrowed(candles.high()),
        CandleField::Low => Cow::Borrowed(candles.low()),
        CandleField::Close => Cow::Borrowed(candles.close()),
        CandleField::Volume => Cow::Borrowed(candles.volume()),
        CandleField::Hour => of_time(|time| time.div_euclid(60 * MINUTE).rem_euclid(24)),
        CandleField::Minute => of_time(|time| time.div_euclid(MINUTE).rem_euclid(60)),
        // The epoch was a Thursday, day 3 when Monday is 0.
        CandleField::Weekday => of_time(|time| (time.div_euclid(1_440 * MINUTE) + 3).rem_euclid(7)),
    }
}
