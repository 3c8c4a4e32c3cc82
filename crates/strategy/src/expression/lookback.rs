//! How many candles must pass before a node can have a value.

use super::graph::{Graph, NodeId, Op};
use super::indicator;

/// Returns, for every node, the number of candles before a row on which its value rests.
///
/// Candles of a longer timeframe count one by one, as the engine loads `startup_candle_count` candles of *every*
/// timeframe; what is computed on top of them is counted as if it took candles of that length as well, which
/// errs on the safe side.
pub(crate) fn lookbacks(graph: &Graph) -> Vec<usize> {
    let mut result: Vec<usize> = Vec::with_capacity(graph.len());
    for id in 0..graph.len() {
        let mut below: usize = 0;
        graph.op(id).operands(|operand| below = below.max(result[operand]));
        let own = own(graph, id);
        result.push(below.saturating_add(own));
    }
    result
}

fn own(graph: &Graph, id: NodeId) -> usize {
    match graph.op(id) {
        Op::Indicator { name, params, .. } => indicator::lookback(name, params),
        Op::Prev(_, n) | Op::PrevFlag(_, n) => *n,
        Op::Window(_, _, n) | Op::Count(_, n) => n - 1,
        // The last candle of the longer timeframe may not have closed yet.
        Op::Merge(_) => 1,
        _ => 0,
    }
}
