//! Finds the stored questions that are worth comparing with one, without looking at the others.
//!
//! An inverted index over the terms of each question, with a prefix filter: a question as similar as asked for shares a certain
//! weight of terms, so only the lists of the rarest terms are read that together weigh more than what may be missing. Each
//! question belongs to one scope; questions of different scopes know nothing of each other, not even their lists.
//!
//! What is here is a hint: whether there still is an answer, and to exactly this question, is for the caller to see.

mod look;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use self::look::Wanted;
use super::compare::Verdict;
use super::query::Query;
use super::term::key;

/// A stored question that may be the same as another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Number of the question, from [`Index::insert`].
    pub id: u32,
    /// How like the other one it is.
    pub verdict: Verdict,
}

struct Entry {
    text: Box<str>,
    scope: u32,
    /// Places of its terms in `lists`, each once.
    terms: Box<[u32]>,
    /// Hash of scope and normal form.
    normal: u64,
    /// The next question with the same normal form, or [`NONE`].
    next: u32,
    /// Of what must be the same in both, see [`fixed`].
    fixed: u32,
    /// Counts the uses of a number, so that an old place in the queue is not taken for the new one.
    age: u32,
}

const NONE: u32 = u32::MAX;

/// The questions with one term.
#[derive(Default)]
struct List {
    key: u64,
    ids: Vec<u32>,
}

/// Questions of one cache, by what they are about.
#[derive(Default)]
pub struct Index {
    entries: Vec<Option<Entry>>,
    /// The weight of each, by number.
    weights: Vec<f32>,
    free: Vec<u32>,
    /// Numbers in the order in which they came, with their age.
    order: VecDeque<(u32, u32)>,
    /// Places in `lists` by hash of scope and term. What collides costs a comparison.
    terms: HashMap<u64, u32>,
    lists: Vec<List>,
    free_lists: Vec<u32>,
    /// The first question of each normal form, by hash of scope and form.
    normals: HashMap<u64, u32>,
    ages: u32,
    limit: usize,
    /// Of all texts.
    bytes: usize,
    /// Of the places of terms that entries have, and of the numbers that lists have room for.
    term_bytes: usize,
    list_bytes: usize,
}

/// Most questions of one normal form: more of them say no more.
const MOST_OF_A_FORM: usize = 16;
/// Most bytes of text; the oldest questions make room.
const MOST_BYTES: usize = 48 << 20;

impl Index {
    /// An empty index of at most `limit` questions; the oldest make room.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), ..Self::default() }
    }

    /// How many questions it has.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it holds. O(1).
    pub fn held_bytes(&self) -> usize {
        let numbers = self.weights.capacity() + self.free.capacity() + self.free_lists.capacity();
        self.entries.capacity() * size_of::<Option<Entry>>()
            + numbers * size_of::<u32>()
            + self.order.capacity() * size_of::<(u32, u32)>()
            + self.terms.allocation_size()
            + self.lists.capacity() * size_of::<List>()
            + self.normals.allocation_size()
            + self.bytes
            + self.term_bytes
            + self.list_bytes
    }

    /// The scope of a question.
    pub fn scope(&self, id: u32) -> Option<u32> {
        Some(self.entries.get(id as usize)?.as_ref()?.scope)
    }

    /// The text of a question.
    pub fn text(&self, id: u32) -> Option<&str> {
        self.entries.get(id as usize)?.as_ref().map(|entry| &*entry.text)
    }

    /// Numbers of questions from a place on, around the end; as many as there are at most.
    pub fn ids_from(&self, place: usize, most: usize) -> Vec<u32> {
        let count = self.entries.len();
        let places = (0..most.min(count)).map(|step| (place + step) % count);
        places.filter(|&at| self.entries[at].is_some()).filter_map(|at| u32::try_from(at).ok()).collect()
    }

    /// Which scopes below `count` have questions.
    pub fn used_scopes(&self, count: usize) -> Vec<bool> {
        let mut used = vec![false; count];
        for entry in self.entries.iter().flatten() {
            if let Some(is_used) = used.get_mut(entry.scope as usize) {
                *is_used = true;
            }
        }
        used
    }

    /// Adds a question of `scope`; its number, also if it is there already. A text that is empty, or too long for anything but
    /// its exact form, is not taken. O(terms).
    pub fn insert(&mut self, scope: u32, text: &str) -> Option<u32> {
        let query = Query::parse(text)?;
        let normal = scoped(scope, key(&query.normal));
        if let Some(id) = self.find(scope, normal, text) {
            return Some(id);
        }
        // The newest of a form come first.
        let oldest = self.same_normal(normal).nth(MOST_OF_A_FORM - 1);
        if let Some(oldest) = oldest {
            self.remove_id(oldest);
        }
        while self.len() >= self.limit || (self.bytes + text.len() > MOST_BYTES && !self.is_empty()) {
            self.remove_oldest();
        }
        self.bytes += text.len();
        if self.order.len() > 2 * self.limit {
            // Of what was removed since.
            self.order.retain(|&(id, age)| {
                self.entries[id as usize].as_ref().is_some_and(|entry| entry.age == age)
            });
        }
        let mut keys: Vec<u64> = query.terms.iter().map(|term| scoped(scope, term.key)).collect();
        keys.sort_unstable();
        keys.dedup();
        let id = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.weights.push(0.0);
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        });
        let terms = keys.into_iter().map(|key| self.list(key)).collect::<Box<[u32]>>();
        for &term in &terms {
            let ids = &mut self.lists[term as usize].ids;
            let before = ids.capacity();
            ids.push(id);
            self.list_bytes += (ids.capacity() - before) * size_of::<u32>();
        }
        self.term_bytes += size_of_val(&*terms);
        self.ages = self.ages.wrapping_add(1);
        self.weights[id as usize] = query.terms.iter().map(|term| term.weight).sum();
        let next = self.normals.insert(normal, id).unwrap_or(NONE);
        self.entries[id as usize] = Some(Entry {
            text: text.into(),
            scope,
            terms,
            normal,
            next,
            fixed: fixed(&query),
            age: self.ages,
        });
        self.order.push_back((id, self.ages));
        Some(id)
    }

    /// Removes a question; whether it was there. O(terms · questions with them), at memory speed.
    pub fn remove(&mut self, scope: u32, text: &str) -> bool {
        let Some(query) = Query::parse(text) else { return false };
        let found = self.find(scope, scoped(scope, key(&query.normal)), text);
        if let Some(id) = found {
            self.remove_id(id);
        }
        found.is_some()
    }

    /// Removes all questions of the scopes that `is_gone` names.
    pub fn remove_scopes(&mut self, is_gone: impl Fn(u32) -> bool) {
        let gone: Vec<bool> = self
            .entries
            .iter()
            .map(|entry| entry.as_ref().is_some_and(|entry| is_gone(entry.scope)))
            .collect();
        if gone.iter().filter(|is_gone| **is_gone).count() == self.len() {
            *self = Self::new(self.limit);
            return;
        }
        // Each list once.
        for (place, list) in (0..).zip(&mut self.lists) {
            let before = list.ids.len();
            list.ids.retain(|&id| !gone[id as usize]);
            if list.ids.is_empty() && before > 0 {
                self.terms.remove(&list.key);
                self.list_bytes -= list.ids.capacity() * size_of::<u32>();
                *list = List::default();
                self.free_lists.push(place);
            }
        }
        for (id, _) in (0..).zip(&gone).filter(|(_, is_gone)| **is_gone) {
            if let Some(entry) = self.entries[id as usize].take() {
                self.bytes -= entry.text.len();
                self.term_bytes -= size_of_val(&*entry.terms);
                self.unchain(entry.normal, id, entry.next);
                self.free.push(id);
            }
        }
    }

    fn find(&self, scope: u32, normal: u64, text: &str) -> Option<u32> {
        self.same_normal(normal).find(|&id| {
            self.entries[id as usize]
                .as_ref()
                .is_some_and(|entry| entry.scope == scope && *entry.text == *text)
        })
    }

    /// The questions whose scope and normal form have this hash.
    fn same_normal(&self, normal: u64) -> impl Iterator<Item = u32> {
        let after = |&id: &u32| {
            self.entries[id as usize].as_ref().map(|entry| entry.next).filter(|&next| next != NONE)
        };
        std::iter::successors(self.normals.get(&normal).copied(), after)
    }

    fn list(&mut self, key: u64) -> u32 {
        let (lists, free) = (&mut self.lists, &mut self.free_lists);
        *self.terms.entry(key).or_insert_with(|| {
            let place = free.pop().unwrap_or_else(|| {
                lists.push(List::default());
                u32::try_from(lists.len() - 1).unwrap_or(NONE)
            });
            lists[place as usize].key = key;
            place
        })
    }

    fn remove_oldest(&mut self) {
        while let Some((id, age)) = self.order.pop_front() {
            if self.entries[id as usize].as_ref().is_some_and(|entry| entry.age == age) {
                self.remove_id(id);
                return;
            }
        }
    }

    fn remove_id(&mut self, id: u32) {
        let Some(entry) = self.entries[id as usize].take() else { return };
        self.bytes -= entry.text.len();
        self.term_bytes -= size_of_val(&*entry.terms);
        for &term in &entry.terms {
            let list = &mut self.lists[term as usize];
            if let Some(at) = list.ids.iter().position(|&other| other == id) {
                list.ids.swap_remove(at);
            }
            if list.ids.is_empty() {
                self.terms.remove(&list.key);
                self.list_bytes -= list.ids.capacity() * size_of::<u32>();
                *list = List::default();
                self.free_lists.push(term);
            }
        }
        self.unchain(entry.normal, id, entry.next);
        self.free.push(id);
    }

    /// Takes a question, whose entry is gone, out of those with its normal form.
    fn unchain(&mut self, normal: u64, id: u32, next: u32) {
        let Some(&first) = self.normals.get(&normal) else { return };
        if first == id {
            if next == NONE {
                self.normals.remove(&normal);
            } else {
                self.normals.insert(normal, next);
            }
            return;
        }
        let mut at = first;
        while let Some(entry) = self.entries.get_mut(at as usize).and_then(Option::as_mut) {
            if entry.next == id {
                entry.next = next;
                return;
            }
            at = entry.next;
        }
    }
}

/// Hash of what must be the same in a question that has the same answer: numbers, identifiers and signs, in any order.
fn fixed(query: &Query) -> u32 {
    let sum = |list: &[String], seed| {
        list.iter().fold(0_u64, |sum, text| sum.wrapping_add(xxh3_64_with_seed(text.as_bytes(), seed)))
    };
    (sum(&query.numbers, 1).wrapping_add(sum(&query.codes, 2)) >> 32) as u32
}

fn scoped(scope: u32, key: u64) -> u64 {
    // Multiplied so that scopes do not undo each other.
    key ^ (u64::from(scope) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("questions", &self.len())
            .field("terms", &self.lists.len())
            .finish_non_exhaustive()
    }
}
