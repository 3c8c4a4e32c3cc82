//! The open trades, one per pair.

use crate::position::Position;

/// Open trades by pair, and the order in which they were opened.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    by_pair: Vec<Option<Position>>,
    order: Vec<usize>,
}

impl Slots {
    pub(crate) fn new(pairs: usize) -> Self {
        Self { by_pair: vec![None; pairs], order: Vec::new() }
    }

    /// Open trades, oldest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Position> {
        self.order.iter().filter_map(|&pair| self.by_pair[pair].as_ref())
    }

    /// Pairs with an open trade, in the order of opening.
    pub(crate) fn pairs(&self) -> &[usize] {
        &self.order
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn get(&self, pair: usize) -> Option<&Position> {
        self.by_pair[pair].as_ref()
    }

    pub(crate) fn get_mut(&mut self, pair: usize) -> Option<&mut Position> {
        self.by_pair[pair].as_mut()
    }

    pub(crate) fn insert(&mut self, pair: usize, position: Position) {
        self.by_pair[pair] = Some(position);
        self.order.push(pair);
    }

    pub(crate) fn remove(&mut self, pair: usize) -> Option<Position> {
        self.order.retain(|&open| open != pair);
        self.by_pair[pair].take()
    }
}
