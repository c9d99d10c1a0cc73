//! The stored vectors that are nearest to one, by the cosine between them.
//!
//! Every search reads every vector: exact whatever was removed or filtered, and fast enough for as many as a
//! cache holds; `docs/decisions/0013-vectors.md` compares it with approximate indexes. The index is bounded,
//! the oldest vector goes first. It does not compute vectors, keeps none on disk and takes no locks.

mod encoding;
mod rows;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

pub use encoding::{decode, encode};
use rows::Rows;

/// No slot.
const NONE: u32 = u32::MAX;

/// Why a vector cannot be stored or searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorError {
    /// It has no numbers.
    Empty,
    /// It has not as many numbers as the vectors of the index.
    Length {
        /// How many those have.
        expected: usize,
        /// How many it has.
        given: usize,
    },
    /// One of its numbers is NaN or infinite.
    NotFinite,
    /// All its numbers are zero, so it has no direction.
    Zero,
}

impl VectorError {
    /// `empty`, `length`, `notFinite` or `zero`. A name never changes its meaning.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Length { .. } => "length",
            Self::NotFinite => "notFinite",
            Self::Zero => "zero",
        }
    }
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the vector has no numbers; at least one is needed"),
            Self::Length { expected, given } => write!(
                f,
                "the vector has {given} numbers where those stored have {expected}; vectors of another model need \
                 an index of their own"
            ),
            Self::NotFinite => f.write_str("the vector has a number that is NaN or infinite"),
            Self::Zero => f.write_str("all numbers of the vector are zero, so it is similar to nothing"),
        }
    }
}

impl std::error::Error for VectorError {}

/// Whose vector is in a slot, and its neighbours in the order of age.
#[derive(Debug, Clone, Copy)]
struct Place {
    id: u32,
    older: u32,
    newer: u32,
}

/// A vector that was found. Greater is farther away; of two that are equally far, the greater id.
#[derive(Debug, Clone, Copy)]
struct Near {
    similarity: f32,
    id: u32,
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Near {}

/// Vectors of one length under ids, to be searched for the nearest.
#[derive(Debug)]
pub struct VectorIndex {
    limit: usize,
    /// Slots by the hash of their ids.
    slots: HashTable<u32>,
    /// One for each slot; slots are without gaps.
    places: Vec<Place>,
    /// The vectors, each of length 1, one for each slot.
    rows: Rows,
    oldest: u32,
    newest: u32,
}

impl VectorIndex {
    /// An index of at most `limit` vectors. With 0 it checks vectors and keeps none.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.min(NONE as usize),
            slots: HashTable::new(),
            places: Vec::new(),
            rows: Rows::default(),
            oldest: NONE,
            newest: NONE,
        }
    }

    /// Stores a vector under `id`, in place of the one there, as the newest; the oldest makes room. The first
    /// one decides the length of all until [`Self::clear`]. Nothing changes on an error. Returns whose vector made room.
    pub fn insert(&mut self, id: u32, vector: &[f32]) -> Result<Option<u32>, VectorError> {
        let norm = self.check(vector)?;
        if self.limit == 0 {
            return Ok(None);
        }
        let mut evicted = None;
        let slot = if let Some(slot) = self.slot(id) {
            self.unlink(slot);
            slot
        } else {
            if self.places.len() == self.limit {
                evicted = self.places.get(self.oldest as usize).map(|place| place.id);
                self.remove_slot(self.oldest);
            }
            self.add_slot(id, vector.len())
        };
        rows::write_unit(vector, norm, self.rows.row_mut(slot as usize));
        self.link_newest(slot);
        Ok(evicted)
    }

    /// Removes the vector of `id`. Says whether there was one.
    pub fn remove(&mut self, id: u32) -> bool {
        let slot = self.slot(id);
        if let Some(slot) = slot {
            self.remove_slot(slot);
        }
        slot.is_some()
    }

    /// The `count` vectors of the greatest cosine among those that `accept` takes, with that cosine, −1 to 1: best
    /// first, of equal ones the lower id first. Fewer only if no more are accepted. The same vectors give the same
    /// answer on every machine, in whatever order they came.
    ///
    /// `accept` is asked at most once for each vector, in no certain order, and those that it refuses cost no more
    /// than that. O(numbers stored and accepted).
    pub fn nearest(
        &self,
        vector: &[f32],
        count: usize,
        accept: impl Fn(u32) -> bool,
    ) -> Result<Vec<(u32, f32)>, VectorError> {
        let norm = self.check(vector)?;
        let count = count.min(self.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut query = vec![0.0; vector.len()];
        rows::write_unit(vector, norm, &mut query);
        let mut found: BinaryHeap<Near> = BinaryHeap::with_capacity(count);
        for (place, row) in self.places.iter().zip(self.rows.iter()) {
            if !accept(place.id) {
                continue;
            }
            let near = Near { similarity: rows::cosine(&query, row), id: place.id };
            if found.len() < count {
                found.push(near);
            } else if let Some(mut worst) = found.peek_mut()
                && near < *worst
            {
                *worst = near;
            }
        }
        Ok(found.into_sorted_vec().into_iter().map(|near| (near.id, near.similarity)).collect())
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many numbers each vector has; `None` before the first and after [`Self::clear`].
    pub fn dimensions(&self) -> Option<usize> {
        self.rows.width()
    }

    /// Bytes that are held besides the struct itself, room for further vectors included.
    pub fn memory_bytes(&self) -> usize {
        self.rows.memory_bytes() + self.slots.allocation_size() + self.places.capacity() * size_of::<Place>()
    }

    /// Forgets all vectors and their length, and frees their memory.
    pub fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// The norm of a vector that may be stored or searched for.
    fn check(&self, vector: &[f32]) -> Result<f64, VectorError> {
        if vector.is_empty() {
            return Err(VectorError::Empty);
        }
        if let Some(expected) = self.dimensions().filter(|&expected| expected != vector.len()) {
            return Err(VectorError::Length { expected, given: vector.len() });
        }
        // In f64 no square of an f32 overflows, and none but that of 0 is 0.
        let squares: f64 = vector.iter().map(|&number| f64::from(number) * f64::from(number)).sum();
        if !squares.is_finite() {
            return Err(VectorError::NotFinite);
        }
        if squares == 0.0 {
            return Err(VectorError::Zero);
        }
        Ok(squares.sqrt())
    }

    fn slot(&self, id: u32) -> Option<u32> {
        self.slots.find(hash(id), |&slot| self.places[slot as usize].id == id).copied()
    }

    /// A slot behind the last, in no list.
    fn add_slot(&mut self, id: u32, width: usize) -> u32 {
        let slot = u32::try_from(self.places.len()).expect("invariant: the limit is a u32");
        self.places.push(Place { id, older: NONE, newer: NONE });
        self.rows.push(width);
        let places = &self.places;
        self.slots.insert_unique(hash(id), slot, |&slot| hash(places[slot as usize].id));
        slot
    }

    /// Removes a slot; the last one takes its number.
    fn remove_slot(&mut self, slot: u32) {
        self.unlink(slot);
        self.forget_number(slot);
        let last = u32::try_from(self.places.len() - 1).expect("invariant: the limit is a u32");
        if slot != last {
            let moved = self.places[last as usize];
            self.forget_number(last);
            self.places[slot as usize] = moved;
            let places = &self.places;
            self.slots.insert_unique(hash(moved.id), slot, |&slot| hash(places[slot as usize].id));
            self.join(moved.older, slot);
            self.join(slot, moved.newer);
        }
        self.places.pop();
        self.rows.swap_remove(slot as usize);
    }

    /// Takes a slot out of the table.
    fn forget_number(&mut self, slot: u32) {
        let id = self.places[slot as usize].id;
        if let Ok(entry) = self.slots.find_entry(hash(id), |&other| other == slot) {
            entry.remove();
        }
    }

    /// Takes a slot out of the order of age.
    fn unlink(&mut self, slot: u32) {
        let place = self.places[slot as usize];
        self.join(place.older, place.newer);
    }

    fn link_newest(&mut self, slot: u32) {
        self.join(self.newest, slot);
        self.join(slot, NONE);
    }

    /// Makes two slots neighbours in the order of age; [`NONE`] stands for either end.
    fn join(&mut self, older: u32, newer: u32) {
        match self.places.get_mut(older as usize) {
            Some(place) => place.newer = newer,
            None => self.oldest = newer,
        }
        match self.places.get_mut(newer as usize) {
            Some(place) => place.older = older,
            None => self.newest = older,
        }
    }
}

fn hash(id: u32) -> u64 {
    xxh3_64(&id.to_le_bytes())
}
