//! How parts know what they hold: sums that are kept while things come and go, and the sizes of what holds them.
//!
//! What is shared counts itself, once, whoever has it: [`Tally`] and [`Counted`]. Figures are bytes that were asked of the
//! allocator, as [`allocation`](super::allocation) counts them. Registers parts that are never gone; the others do it themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::footprint::{Footprint, Relief, of_process};

/// What an `Arc` takes besides its value: two counts.
pub const ARC_BYTES: usize = 2 * size_of::<usize>();

/// Fewer of everything than configured while memory is short: a quarter.
pub const REDUCED: u64 = 4;

/// The row of what zstd holds by its own count: the only one that is neither Rust's memory nor `SQLite`'s.
pub const ZSTD: &str = "zstd";

/// Bytes of things that count themselves.
#[derive(Debug, Default)]
pub struct Tally(AtomicU64);

impl Tally {
    /// None yet.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Bytes of those that are there.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// More of them.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Fewer of them: they were added.
    pub fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

/// Bytes in a [`Tally`] until it is dropped: a field of the thing that has them.
pub struct Counted {
    tally: Arc<Tally>,
    bytes: usize,
}

impl Counted {
    /// Counts `bytes`.
    pub fn new(tally: &Arc<Tally>, bytes: usize) -> Self {
        tally.add(bytes);
        Self { tally: Arc::clone(tally), bytes }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.subtract(self.bytes);
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.bytes.fmt(f)
    }
}

/// Bytes of a hash table of the standard library with entries of `entry` bytes, about: what it allocated is not told. As
/// hashbrown has it: a power of two of places, at most 7/8 of them full, a byte for each and 16 more.
pub fn table_bytes(capacity: usize, entry: usize) -> usize {
    match capacity {
        0 => 0,
        1..4 => 4 * (entry + 1) + 16,
        4..8 => 8 * (entry + 1) + 16,
        _ => (capacity * 8).div_ceil(7).next_power_of_two() * (entry + 1) + 16,
    }
}

/// Bytes of a text behind an `Arc`.
pub fn text_bytes(text: &str) -> usize {
    (ARC_BYTES + text.len()).next_multiple_of(size_of::<usize>())
}

/// Places in a node of a tree of the standard library.
const TREE_PLACES: usize = 11;

/// Bytes of a node of a tree of the standard library with entries of `entry` bytes.
pub const fn tree_node_bytes(entry: usize) -> usize {
    const HEAD: usize = 16;
    TREE_PLACES * entry + HEAD
}

/// Bytes of a tree of the standard library for each entry of `entry` bytes, about: of eleven places six are full when entries
/// come in order, more when they come in any.
pub const fn tree_entry_bytes(entry: usize) -> usize {
    const USUALLY_FULL: usize = 6;
    tree_node_bytes(entry).div_ceil(USUALLY_FULL)
}

/// A part that is there until the process ends: `bytes` says what it holds.
pub fn register_for_good(name: &'static str, bytes: impl Fn() -> u64 + Send + Sync + 'static) {
    static FOR_GOOD: Mutex<Vec<Arc<dyn Footprint>>> = Mutex::new(Vec::new());
    let part: Arc<dyn Footprint> = Arc::new(ForGood { name, bytes });
    of_process().register(&part);
    FOR_GOOD.lock().push(part);
}

/// Counts `part` from now on, as long as it lives, and returns it.
pub fn registered<T: Footprint + 'static>(part: T) -> Arc<T> {
    let part = Arc::new(part);
    of_process().register(&(Arc::clone(&part) as Arc<dyn Footprint>));
    part
}

struct ForGood<F> {
    name: &'static str,
    bytes: F,
}

impl<F: Fn() -> u64 + Send + Sync> Footprint for ForGood<F> {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row(self.name, (self.bytes)());
    }

    fn relieve(&self, _: Relief) {
        // Others cannot do without it.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tally_has_the_bytes_of_what_is_there() {
        let tally = Arc::new(Tally::new());
        let (one, two) = (Counted::new(&tally, 5), Counted::new(&tally, 7));
        assert_eq!(tally.bytes(), 12);
        drop(one);
        assert_eq!(tally.bytes(), 7);
        drop(two);
        assert_eq!(tally.bytes(), 0);
    }

    #[test]
    fn table_is_as_large_as_that_of_hashbrown() {
        // The standard library's tables are hashbrown's.
        let mut table: hashbrown::HashMap<u64, [u64; 2]> = hashbrown::HashMap::new();
        for key in 0..10_000 {
            assert_eq!(table_bytes(table.capacity(), 24), table.allocation_size(), "{key} entries");
            table.insert(key, [0; 2]);
        }
    }
}
