//! The few figures that JavaScript reads without a call: whether anybody is throttled, and by what contexts are cut.
//!
//! The memory is shared with a typed array of the facade. Each cell is written whole and read alone; [`VERSION`] says that
//! a list which the facade keeps is old.

use std::sync::atomic::{AtomicU64, Ordering};

/// 0: nobody is throttled. 1: some are.
pub const THROTTLED: usize = 0;
/// Grows with every change of who is throttled.
pub const VERSION: usize = 1;
/// What a requested context is multiplied by; 1 when memory is not short.
pub const FACTOR: usize = 2;
/// What the context of a throttled agent is multiplied by when memory is not short.
pub const THROTTLED_FACTOR: usize = 3;
/// Cells on the board.
pub const CELLS: usize = 4;

/// Given by the product's contract.
const FACTOR_OF_THROTTLED: f64 = 0.6;

/// Numbers as JavaScript reads them: the bits of a double in each cell.
#[derive(Debug)]
pub struct Board([AtomicU64; CELLS]);

impl Default for Board {
    fn default() -> Self {
        let board = Self([const { AtomicU64::new(0) }; CELLS]);
        board.set(FACTOR, 1.0);
        board.set(THROTTLED_FACTOR, FACTOR_OF_THROTTLED);
        board
    }
}

impl Board {
    /// Writes a cell.
    pub fn set(&self, cell: usize, value: f64) {
        self.0[cell].store(value.to_bits(), Ordering::Release);
    }

    /// Reads a cell.
    pub fn get(&self, cell: usize) -> f64 {
        f64::from_bits(self.0[cell].load(Ordering::Acquire))
    }

    /// Where the cells are, for a typed array of JavaScript. They stay there as long as the board lives.
    pub fn cells(&self) -> *const AtomicU64 {
        self.0.as_ptr()
    }
}
