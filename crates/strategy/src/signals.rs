//! Entry and exit signals of one pair.

use std::collections::HashMap;

/// The four signals as bits of one byte per row.
pub mod flag {
    /// Open a long position.
    pub const ENTER_LONG: u8 = 1;
    /// Close a long position.
    pub const EXIT_LONG: u8 = 2;
    /// Open a short position.
    pub const ENTER_SHORT: u8 = 4;
    /// Close a short position.
    pub const EXIT_SHORT: u8 = 8;
}

/// A tag by its number in [`Signals`]; 0 is "no tag".
pub type TagId = u32;

/// Signals per candle, unshifted: row `i` is what is known when candle `i` has closed. The engine acts on it at
/// the open of candle `i + 1`.
///
/// Later calls win, as assignments to a dataframe column do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Signals {
    flags: Vec<u8>,
    enter_tags: Vec<TagId>,
    exit_tags: Vec<TagId>,
    tags: Vec<String>,
    ids: HashMap<String, TagId>,
}

impl Signals {
    /// Returns no signal at all over `rows` candles.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self { flags: vec![0; rows], tags: vec![String::new()], ..Self::default() }
    }

    /// Returns the number of candles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Returns whether there is no candle.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// Returns the number of a tag, making one for a new text. The empty text is 0.
    pub fn tag(&mut self, text: &str) -> TagId {
        if text.is_empty() {
            return 0;
        }
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = TagId::try_from(self.tags.len()).unwrap_or(TagId::MAX);
        self.tags.push(text.to_owned());
        self.ids.insert(text.to_owned(), id);
        id
    }

    /// Sets bits of a row (see [`flag`]).
    ///
    /// # Panics
    /// When there is no such row.
    pub fn set(&mut self, row: usize, bits: u8) {
        self.flags[row] |= bits;
    }

    /// Sets the tag that trades entered on this row carry.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn set_enter_tag(&mut self, row: usize, tag: TagId) {
        set_tag(&mut self.enter_tags, self.flags.len(), row, tag);
    }

    /// Sets the exit reason of trades that an exit signal on this row closes.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn set_exit_tag(&mut self, row: usize, tag: TagId) {
        set_tag(&mut self.exit_tags, self.flags.len(), row, tag);
    }

    /// Sets bits, and the entry tag if there is one, wherever `condition` holds.
    ///
    /// # Panics
    /// When `condition` has another length than the candles.
    pub fn enter_where(&mut self, condition: &[bool], bits: u8, tag: &str) {
        assert_eq!(condition.len(), self.len(), "one condition per candle");
        let tag = self.tag(tag);
        for row in (0..condition.len()).filter(|&row| condition[row]) {
            self.set(row, bits);
            if tag != 0 {
                self.set_enter_tag(row, tag);
            }
        }
    }

    /// Sets bits, and the exit tag if there is one, wherever `condition` holds.
    ///
    /// # Panics
    /// When `condition` has another length than the candles.
    pub fn exit_where(&mut self, condition: &[bool], bits: u8, tag: &str) {
        assert_eq!(condition.len(), self.len(), "one condition per candle");
        let tag = self.tag(tag);
        for row in (0..condition.len()).filter(|&row| condition[row]) {
            self.set(row, bits);
            if tag != 0 {
                self.set_exit_tag(row, tag);
            }
        }
    }

    /// Returns the bits of every row.
    #[must_use]
    pub fn flags(&self) -> &[u8] {
        &self.flags
    }

    /// Returns the entry tag of a row; empty where none is set.
    #[must_use]
    pub fn enter_tag(&self, row: usize) -> &str {
        self.text(&self.enter_tags, row)
    }

    /// Returns the exit tag of a row; empty where none is set.
    #[must_use]
    pub fn exit_tag(&self, row: usize) -> &str {
        self.text(&self.exit_tags, row)
    }

    fn text(&self, column: &[TagId], row: usize) -> &str {
        let id = column.get(row).copied().unwrap_or(0);
        self.tags.get(id as usize).map_or("", String::as_str)
    }
}

/// Tag columns stay empty until the first tag: most strategies use none.
fn set_tag(column: &mut Vec<TagId>, rows: usize, row: usize, tag: TagId) {
    if column.is_empty() {
        *column = vec![0; rows];
    }
    column[row] = tag;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_tags_win_and_bits_add_up() {
        let mut signals = Signals::new(3);
        signals.enter_where(&[true, true, false], flag::ENTER_LONG, "a");
        signals.enter_where(&[false, true, false], flag::ENTER_LONG, "b");
        signals.exit_where(&[false, true, false], flag::EXIT_SHORT, "");
        assert_eq!(signals.flags(), &[1, 9, 0]);
        assert_eq!((signals.enter_tag(0), signals.enter_tag(1), signals.enter_tag(2)), ("a", "b", ""));
        assert_eq!(signals.exit_tag(1), "");
    }
}
