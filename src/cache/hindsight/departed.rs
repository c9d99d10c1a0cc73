//! Which entries left of late, in their order, without keys and values: how much larger a tier would have to be to have one
//! of them still is what left after it, and what the tier holds.
//!
//! For LRU this is exact (the stack distance of Mattson, Gecsei, Slutz and Traiger, 1970, of which the tier itself is the first
//! part): entries leave in the order of their last use. Where too many left to remember all, a fixed share of the keys,
//! chosen by hash, stands for the others (SHARDS, Waldspurger, Park, Garthwaite and Ahmad, FAST 2015).
//!
//! Cost: remembering and forgetting O(1) amortized; what left after an entry is summed over blocks of 64 when it is asked for.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::cache::l1::map::Bounds;

const BLOCK: usize = 64;

/// An entry that left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departure {
    /// Its key's.
    pub(super) hash: u64,
    /// End of its fresh life, Unix seconds; the part of a second that is over it does not count.
    pub(super) fresh_s: u32,
    /// What it counted for in its tier.
    pub(super) bytes: u32,
    /// Foreign changes of its key when it was known to be current.
    pub(super) stamp: u32,
    /// A bit for each of its tags; others may have the same.
    pub(super) tags: u32,
}

/// One that was asked for again, and what left after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Return {
    pub(super) departure: Departure,
    /// Entries that left after it and were not asked for since.
    pub(super) later_entries: u64,
    /// Their bytes.
    pub(super) later_bytes: u64,
    /// How many requests this one stands for.
    pub(super) weight: u32,
}

/// The list.
pub(super) struct Departed {
    /// Oldest first; some are gone.
    cells: Vec<Departure>,
    /// A bit for each cell that is not gone.
    present: Vec<u64>,
    /// Bytes of those, for each block of cells.
    block_bytes: Vec<u64>,
    /// Places by hash.
    index: HashTable<u16>,
    /// No cell before this one is there.
    first: usize,
    bytes: u64,
    most: usize,
    /// One of 2^this keys is remembered.
    ratio_log2: u32,
}

impl Departed {
    /// An empty list of at most `most` cells, a power of two up to 65,536.
    pub(super) fn new(most: usize) -> Self {
        debug_assert!(most.is_power_of_two() && (BLOCK..=1 << 16).contains(&most));
        Self {
            cells: Vec::new(),
            present: Vec::new(),
            block_bytes: Vec::new(),
            index: HashTable::new(),
            first: 0,
            bytes: 0,
            most,
            ratio_log2: 0,
        }
    }

    /// How many keys each remembered one stands for, as a power of two.
    pub(super) fn ratio_log2(&self) -> u32 {
        self.ratio_log2
    }

    /// Entries remembered. O(1).
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Remembers one that leaves now, and lets go of the oldest beyond `reach`.
    pub(super) fn remember(&mut self, departure: Departure, reach: Bounds) {
        if !is_sampled(departure.hash, self.ratio_log2) {
            return;
        }
        // The index grows at seven eighths.
        if self.cells.len() == self.most || self.len() >= self.most / 8 * 7 {
            self.make_room();
            if !is_sampled(departure.hash, self.ratio_log2) {
                return;
            }
        }
        let place = self.cells.len();
        if place.is_multiple_of(BLOCK) {
            self.present.push(0);
            self.block_bytes.push(0);
        }
        self.cells.push(departure);
        self.present[place / BLOCK] |= 1 << (place % BLOCK);
        self.block_bytes[place / BLOCK] += u64::from(departure.bytes);
        self.bytes += u64::from(departure.bytes);
        let cells = &self.cells;
        let new = u16::try_from(place).expect("invariant: fewer cells than places");
        let hash_of = |place: &u16| cells[usize::from(*place)].hash;
        match self.index.entry(departure.hash, |place| hash_of(place) == departure.hash, hash_of) {
            Entry::Occupied(mut old) => {
                let old = usize::from(std::mem::replace(old.get_mut(), new));
                self.unmark(old);
            }
            Entry::Vacant(vacant) => {
                vacant.insert(new);
            }
        }
        self.keep_within(reach);
    }

    /// One that is asked for again; it is not remembered any more then.
    pub(super) fn take(&mut self, hash: u64) -> Option<Return> {
        let place = self.place(hash)?;
        let departure = self.cells[place];
        let (mut entries, mut bytes) = (0, 0);
        let block = place / BLOCK;
        let later = self.present[block] & (!1 << (place % BLOCK));
        entries += u64::from(later.count_ones());
        for at in (place + 1..self.cells.len().min((block + 1) * BLOCK)).filter(|&at| self.is_present(at)) {
            bytes += u64::from(self.cells[at].bytes);
        }
        entries += self.present[block + 1..].iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        bytes += self.block_bytes[block + 1..].iter().sum::<u64>();
        self.remove(place);
        Some(Return {
            departure,
            later_entries: entries << self.ratio_log2,
            later_bytes: bytes << self.ratio_log2,
            weight: 1 << self.ratio_log2,
        })
    }

    /// Forgets one that came back by itself, or has no value any more.
    pub(super) fn forget(&mut self, hash: u64) {
        if let Some(place) = self.place(hash) {
            self.remove(place);
        }
    }

    /// Forgets all that `keep` says no to. O(cells).
    pub(super) fn retain(&mut self, keep: impl Fn(&Departure) -> bool) {
        for place in self.first..self.cells.len() {
            if self.is_present(place) && !keep(&self.cells[place]) {
                self.remove(place);
            }
        }
    }

    /// Bytes that it holds. O(1).
    pub(super) fn held_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Departure>()
            + (self.present.capacity() + self.block_bytes.capacity()) * size_of::<u64>()
            + self.index.allocation_size()
    }

    fn place(&self, hash: u64) -> Option<usize> {
        let cells = &self.cells;
        self.index
            .find(hash, |&place| cells[usize::from(place)].hash == hash)
            .map(|&place| usize::from(place))
    }

    fn is_present(&self, place: usize) -> bool {
        self.present[place / BLOCK] >> (place % BLOCK) & 1 == 1
    }

    fn remove(&mut self, place: usize) {
        let hash = self.cells[place].hash;
        if let Ok(found) = self.index.find_entry(hash, |&other| usize::from(other) == place) {
            found.remove();
        }
        self.unmark(place);
    }

    /// Takes a cell out of the sums.
    fn unmark(&mut self, place: usize) {
        let bytes = self.cells[place].bytes;
        self.present[place / BLOCK] &= !(1 << (place % BLOCK));
        self.block_bytes[place / BLOCK] -= u64::from(bytes);
        self.bytes -= u64::from(bytes);
    }

    fn keep_within(&mut self, reach: Bounds) {
        let entries = reach.entries >> self.ratio_log2;
        let bytes = reach.bytes >> self.ratio_log2;
        while self.len() > entries || self.bytes > bytes {
            while self.first < self.cells.len() && !self.is_present(self.first) {
                self.first += 1;
            }
            if self.first == self.cells.len() {
                break;
            }
            self.remove(self.first);
        }
    }

    /// Closes gaps, and remembers fewer keys where that alone would have to be done again soon.
    fn make_room(&mut self) {
        while self.len() > self.most / 2 {
            self.ratio_log2 += 1;
            let ratio_log2 = self.ratio_log2;
            self.retain(|cell| is_sampled(cell.hash, ratio_log2));
        }
        let mut before = 0_u32;
        let ranks: Vec<u32> = self
            .present
            .iter()
            .map(|word| {
                let rank = before;
                before += word.count_ones();
                rank
            })
            .collect();
        let present = &self.present;
        for place in &mut self.index {
            let (block, bit) = (usize::from(*place) / BLOCK, usize::from(*place) % BLOCK);
            let rank = ranks[block] + (present[block] & !(!0 << bit)).count_ones();
            *place = u16::try_from(rank).expect("invariant: places only move down");
        }
        let mut place = 0;
        self.cells.retain(|_| {
            let is_kept = present[place / BLOCK] >> (place % BLOCK) & 1 == 1;
            place += 1;
            is_kept
        });
        self.first = 0;
        self.present.clear();
        self.block_bytes.clear();
        for block in self.cells.chunks(BLOCK) {
            self.present.push(if block.len() == BLOCK { !0 } else { (1 << block.len()) - 1 });
            self.block_bytes.push(block.iter().map(|cell| u64::from(cell.bytes)).sum());
        }
    }
}

/// Whether a key is one of those that stand for 2^`ratio_log2` each. Those of a larger ratio are among those of a smaller.
pub(super) fn is_sampled(hash: u64, ratio_log2: u32) -> bool {
    // The upper bits of a product depend on all bits of the hash; tables choose places by its lower ones.
    let spread = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread.leading_zeros() >= ratio_log2
}

#[cfg(test)]
mod tests;
