//! Sums per question, without a hash table: many lists are added up for one look.

use std::cell::RefCell;
use std::sync::Once;

use crate::base::held::{Tally, register_for_good};

thread_local! {
    pub(super) static SUMS: RefCell<Sums> = RefCell::default();
}

/// Bytes of those of all threads.
static HELD: Tally = Tally::new();
static IS_REGISTERED: Once = Once::new();

/// Bits of a mark for the number of a term.
const TERM_BITS: u32 = 8;

/// One weight a question; 8 bytes for each, kept by the thread.
#[derive(Default)]
#[expect(clippy::struct_field_names, reason = "the sums are what it has")]
pub(super) struct Sums {
    /// The look and the term that added last, and the weight: side by side, because they are read together.
    sums: Vec<(u32, f32)>,
    touched: Vec<u32>,
    look: u32,
}

impl Sums {
    /// Begins anew, for questions below `count`.
    pub(super) fn begin(&mut self, count: usize) {
        self.touched.clear();
        self.look += 1;
        if self.look >= 1 << (32 - TERM_BITS) {
            self.look = 1;
            self.sums.fill((0, 0.0));
        }
        if self.sums.len() < count {
            let before = self.held_bytes();
            self.sums.resize(count, (0, 0.0));
            // So that it never grows while sums are added.
            self.touched.reserve_exact(count);
            HELD.add(self.held_bytes() - before);
            IS_REGISTERED.call_once(|| register_for_good("cache index", || HELD.bytes()));
        }
    }

    fn held_bytes(&self) -> usize {
        self.sums.capacity() * size_of::<(u32, f32)>() + self.touched.capacity() * size_of::<u32>()
    }

    /// Adds the weight of a term, once however often it is found.
    pub(super) fn add(&mut self, id: u32, term: usize, weight: f32) {
        let Some((mark, sum)) = self.sums.get_mut(id as usize) else { return };
        let now = self.look << TERM_BITS | u32::try_from(term).unwrap_or(u32::MAX) & ((1 << TERM_BITS) - 1);
        if *mark >> TERM_BITS != self.look {
            *sum = weight;
            self.touched.push(id);
        } else if *mark != now {
            *sum += weight;
        }
        *mark = now;
    }

    /// The questions with a sum.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f32)> {
        self.touched.iter().map(|&id| (id, self.sums[id as usize].1))
    }
}

impl Drop for Sums {
    fn drop(&mut self) {
        HELD.subtract(self.held_bytes());
    }
}
