//! Vectors of questions, where the user has a function that makes them.
//!
//! In memory for the search, and each as an entry of its own in a namespace below that of its question, so that budgets,
//! crashes, dumps and other processes are those of any entry. A vector says nothing of whether its question has an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hashbrown::HashMap;
use parking_lot::RwLock;

use super::disk::Disk;
use super::disk::queue::{Operation, Put};
use super::disk::readers::Read;
use super::key::{Key, Keys, Namespace, Parts};
use super::manager::CacheManager;
use super::questions::{Similar, split};
use super::record::{Kind, Record, Uncompared};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::held::ARC_BYTES;
use crate::similarity::vectors::{VectorError, VectorIndex, decode, encode};
use crate::similarity::{Verdict, compare_texts, is_question};

/// Between the namespace of a question and the name of the model.
const BELOW: &[u8] = b"\0\x01vectors\0";
/// Most bytes of vectors in memory; the oldest make room.
const MOST_BYTES: usize = 128 << 20;
/// What a vector takes besides its numbers, about.
const KEY_BYTES: usize = 128;
/// Vectors looked at in one upkeep, whether their questions still have an answer.
const SWEPT_AT_ONCE: usize = 2000;
/// A vector goes with its question, not by its age: ten years.
const LIFE_MS: u64 = 10 * 365 * 86_400_000;

/// The vectors of one cache, of each model apart.
#[derive(Debug, Default)]
pub(crate) struct Vectors {
    models: RwLock<HashMap<Box<str>, State>>,
    /// Where the next sweep begins.
    swept: AtomicUsize,
    /// What was held when it was asked last.
    held: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// From the first vector on, which says how many fit.
    index: Option<VectorIndex>,
    /// Keys of the questions, by number.
    keys: Vec<Option<Arc<[u8]>>>,
    ids: HashMap<Arc<[u8]>, u32>,
    free: Vec<u32>,
    /// Of the keys.
    key_bytes: usize,
}

/// Whether this is a namespace of vectors.
pub(crate) fn is_of_vectors(namespace: &[u8]) -> bool {
    split_model(namespace).is_some()
}

/// The question whose vector a row of a namespace of vectors is.
pub(super) fn question_of(parts: &Parts) -> Option<Key> {
    let (namespace, _) = split_model(parts.namespace)?;
    Some(Parts { namespace, ..*parts }.key())
}

/// The namespace of the questions, and the model.
fn split_model(namespace: &[u8]) -> Option<(&[u8], &str)> {
    let at = namespace.windows(BELOW.len()).rposition(|part| part == BELOW)?;
    Some((&namespace[..at], str::from_utf8(&namespace[at + BELOW.len()..]).ok()?))
}

/// The key under which the vector of a question is stored.
fn key_of(key: &Key, model: &str) -> Option<Key> {
    let parts = Parts::read(&key.bytes)?;
    let namespace = [parts.namespace, BELOW, model.as_bytes()].concat();
    Some(Parts { namespace: &namespace, ..parts }.key())
}

impl Vectors {
    /// How many there are; `None`: nobody uses them.
    pub(crate) fn len(&self) -> Option<usize> {
        let models = self.models.read();
        (!models.is_empty()).then(|| models.values().map(|state| state.ids.len()).sum())
    }

    /// Bytes that it holds. While one is stored, as many as before it: nobody waits.
    pub(crate) fn held_bytes(&self) -> u64 {
        if let Some(models) = self.models.try_read() {
            let held: usize = models.values().map(State::held_bytes).sum();
            self.held.store(held as u64, Ordering::Relaxed);
        }
        self.held.load(Ordering::Relaxed)
    }

    /// Whether the vectors of this namespace are among those in use.
    pub(crate) fn are_of(&self, namespace: &[u8]) -> bool {
        split_model(namespace).is_some_and(|(_, model)| self.models.read().contains_key(model))
    }

    /// Takes up a vector that is stored.
    pub(crate) fn read(&self, disk: &Arc<Disk>, parts: &Parts) {
        if let Some(Read::Found(stored)) = disk.read(&parts.key()) {
            self.take(parts, &stored.record);
        }
    }

    /// Takes up the vector that a record of a namespace of vectors has. What is none is left alone.
    pub(crate) fn take(&self, parts: &Parts, record: &Record) {
        let Some((namespace, model)) = split_model(parts.namespace) else { return };
        let mut models = self.models.write();
        let Some(state) = models.get_mut(model) else { return };
        let vector = BASE64.decode(record.text.as_bytes()).ok().and_then(|bytes| decode(&bytes));
        if let Some(vector) = vector {
            let _ = state.insert(&Parts { namespace, ..*parts }.key(), &vector);
        }
    }

    /// Forgets the vectors of a question; the models that had one.
    fn remove(&self, key: &Key) -> Vec<Box<str>> {
        let mut models = self.models.write();
        let had =
            models.iter_mut().filter_map(|(model, state)| state.remove(&key.bytes).then(|| model.clone()));
        had.collect()
    }

    /// Forgets those of a namespace and what is below it.
    pub(crate) fn clear(&self, namespace: &Namespace) {
        let is_meant = |key: &[u8]| Parts::read(key).is_some_and(|parts| namespace.contains(parts.namespace));
        for state in self.models.write().values_mut() {
            let keys: Vec<Arc<[u8]>> = state.ids.keys().filter(|key| is_meant(key)).cloned().collect();
            for key in keys {
                state.remove(&key);
            }
        }
    }

    /// The next keys that have vectors, in turns.
    fn next_keys(&self, most: usize) -> Vec<Key> {
        let models = self.models.read();
        let all: usize = models.values().map(|state| state.keys.len()).sum();
        let begin = self.swept.fetch_add(most, Ordering::Relaxed) % all.max(1);
        let in_turn = models.values().flat_map(|state| &state.keys).cycle().skip(begin).take(most.min(all));
        in_turn.flatten().map(|key| Key::from_bytes((**key).into())).collect()
    }
}

impl State {
    fn held_bytes(&self) -> usize {
        self.index.as_ref().map_or(0, VectorIndex::memory_bytes)
            + self.keys.capacity() * size_of::<Option<Arc<[u8]>>>()
            + self.ids.allocation_size()
            + self.free.capacity() * size_of::<u32>()
            + self.key_bytes
    }

    fn insert(&mut self, key: &Key, vector: &[f32]) -> std::result::Result<(), VectorError> {
        let room = || MOST_BYTES / (size_of_val(vector) + KEY_BYTES);
        let index = self.index.get_or_insert_with(|| VectorIndex::new(room()));
        let known = self.ids.get(&*key.bytes).copied();
        let id = known.or_else(|| self.free.last().copied());
        let id = id.unwrap_or_else(|| u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
        let evicted = match index.insert(id, vector) {
            Ok(evicted) => evicted,
            Err(error) => {
                if index.is_empty() {
                    self.index = None;
                }
                return Err(error);
            }
        };
        if known.is_none() {
            let key: Arc<[u8]> = Arc::from(&*key.bytes);
            if self.free.last() == Some(&id) {
                self.free.pop();
            } else {
                self.keys.push(None);
            }
            self.key_bytes += ARC_BYTES + key.len();
            self.keys[id as usize] = Some(Arc::clone(&key));
            self.ids.insert(key, id);
        }
        if let Some(evicted) = evicted {
            self.release(evicted);
        }
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let Some(&id) = self.ids.get(key) else { return false };
        if let Some(index) = &mut self.index {
            index.remove(id);
            if index.is_empty() {
                self.index = None;
            }
        }
        self.release(id);
        true
    }

    /// Forgets whose vector a number was.
    fn release(&mut self, id: u32) {
        if let Some(key) = self.keys.get_mut(id as usize).and_then(Option::take) {
            self.key_bytes -= ARC_BYTES + key.len();
            self.ids.remove(&key);
            self.free.push(id);
        }
    }
}

impl CacheManager {
    /// Begins to keep vectors of this model, and takes up those that are stored. Vectors of different models are never compared.
    pub fn use_vectors(&self, model: &str) {
        {
            let mut models = self.vectors.models.write();
            if models.contains_key(model) {
                return;
            }
            models.insert(model.into(), State::default());
        }
        self.questions.begin_anew();
        self.follow();
    }

    /// Keeps the vector of a question that has an answer. Blocks for the disk.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT`: not a vector, or of another length than those that are kept.
    pub fn keep_vector(&self, key: &Key, model: &str, vector: &[f32]) -> Result<()> {
        let is_wanted = Parts::read(&key.bytes).is_some_and(|parts| is_question(parts.query));
        // Removed while its vector was made.
        if self.is_closed() || !is_wanted || !self.has(&Keys::of(key.clone())) {
            return Ok(());
        }
        match self.vectors.models.write().get_mut(model) {
            Some(state) => state.insert(key, vector).map_err(|error| invalid(&error))?,
            None => return Ok(()),
        }
        let disk = self.disk().filter(|disk| disk.is_started());
        if let (Some(disk), Some(key)) = (disk, key_of(key, model)) {
            let now_ms = self.clock.now_ms();
            let record = Record {
                text: BASE64.encode(encode(vector)).into(),
                kind: Kind::Text,
                created_ms: now_ms,
                ttl_ms: LIFE_MS,
                stale_ms: 0,
                sliding: false,
                tags: Box::default(),
                counted: Uncompared::default(),
            };
            let put = Put {
                fresh_ms: record.fresh_until_ms(),
                record: record.shared(&self.values),
                used_ms: now_ms,
                version: self.versions.fetch_add(1, Ordering::Relaxed) + 1,
                if_stamp: None,
            };
            disk.push(key, Operation::Put(put));
        }
        Ok(())
    }

    /// Whether the question has a vector of this model.
    pub fn has_vector(&self, key: &Key, model: &str) -> bool {
        self.vectors.models.read().get(model).is_some_and(|state| state.ids.contains_key(&*key.bytes))
    }

    /// Forgets the vectors of a question.
    pub(crate) fn forget_vector(&self, key: &Key) {
        for model in self.vectors.remove(key) {
            if let (Some(disk), Some(key)) =
                (self.disk().filter(|disk| disk.is_started()), key_of(key, &model))
            {
                disk.push(key, Operation::Delete);
            }
        }
    }

    /// The questions that the reader of `keys` may see whose vectors of this model are nearest to `vector`, with the cosine as
    /// their similarity, of at least `least`: best first, each with what speaks against it in words. O(vectors).
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT`: not a vector, or of another length than those that are kept.
    pub fn near(
        &self,
        keys: &Keys,
        model: &str,
        vector: &[f32],
        most: usize,
        least: f32,
    ) -> Result<Vec<Similar>> {
        let asked = Parts::read(&keys.shared.bytes).map(|parts| parts.query).unwrap_or_default();
        let models = self.vectors.models.read();
        let Some(State { index: Some(index), keys: stored, .. }) = models.get(model) else {
            return Ok(Vec::new());
        };
        if self.is_closed() || !self.is_similarity_on() || !is_question(asked) {
            return Ok(Vec::new());
        }
        let scopes: Vec<&[u8]> = keys.in_order().filter_map(|key| Some(split(&key.bytes)?.0)).collect();
        let key = |id: u32| stored.get(id as usize)?.as_deref();
        // What begins as all of a key but its query is of the same scope: lengths stand before what they are of.
        let is_seen = |id| key(id).is_some_and(|key| scopes.iter().any(|scope| key.starts_with(scope)));
        let near = index.nearest(vector, most, is_seen).map_err(|error| invalid(&error))?;
        let near = near.into_iter().filter(|&(_, cosine)| cosine >= least);
        let similar = near.filter_map(|(id, cosine)| {
            let key = Key::from_bytes(key(id)?.into());
            let source = Parts::read(&key.bytes)?.query.to_owned();
            let verdict = compare_texts(asked, &source);
            let verdict = if verdict.is_same { verdict } else { Verdict { score: cosine, ..verdict } };
            Some(Similar { key, source, verdict, is_near: !verdict.is_same })
        });
        Ok(similar.collect())
    }

    /// Forgets the vectors of questions that have no answer any more, some at a time. Blocks for the disk.
    pub(super) fn sweep_vectors(&self) {
        for key in self.vectors.next_keys(SWEPT_AT_ONCE) {
            if !self.has(&Keys::of(key.clone())) {
                self.forget_vector(&key);
            }
        }
    }
}

fn invalid(error: &VectorError) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("gave no vector to work with: {error}"))
}
