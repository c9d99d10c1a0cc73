//! The texts of one project: says how a text is sent, stores it, and gives texts back.
//!
//! Owns what is between the guesses of `texts.rs` and the store: everything that is referred to was read from the store
//! and compared just before. Knows no agents but by what it is told they hold.

use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::draft::Draft;
use super::pieces::{Piece, cut};
use super::record::{Record, Run};
use super::texts::{Found, Texts};
use super::{MIN_TEXT_BYTES, Part, Range, TextId, TextStore};
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::REDUCED;
use crate::tokens::delta::{Hash, hex};

/// One of so many new pieces is written down for other processes: they find the text by it. One in some 2.5 KB.
const PIECES_AN_ANCHOR: u32 = 64;
/// New text from which on texts of other processes are looked for.
const MIN_SEARCH_BYTES: usize = 512;
/// Most anchors looked up for one text.
const MAX_LOOKUPS: usize = 256;
/// Most texts taken in from other processes for one text.
const MAX_IMPORTS: usize = 16;
/// A text of more runs is stored as a whole again: following its references would take too long.
const MAX_RUNS: usize = 1024;
/// Longer texts are sent as they are: places in a text are 32 bits.
const MAX_TEXT_BYTES: usize = 1 << 30;
/// Texts that are stored at once: more than there are threads that do it.
const TURNS: usize = 16;

/// How a text is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded {
    /// By which it can be referred to from now on; `None` if it was not stored.
    pub id: Option<TextId>,
    /// In order; together they are the text.
    pub parts: Vec<Part>,
}

/// Why references were not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// Nobody has this text, or it has no such range.
    Missing(TextId),
    /// They stand for more than was allowed.
    TooLong,
}

/// What a receiver has: the text of an id.
pub type Have<'a> = dyn Fn(TextId) -> Option<Arc<str>> + 'a;

/// The texts of a project.
#[derive(Debug)]
pub struct Shelf {
    texts: Mutex<Texts>,
    /// Held while a new text is stored: of two that are the same, the second finds the first.
    turns: [Mutex<()>; TURNS],
    store: Arc<dyn TextStore>,
    max_index_bytes: usize,
    /// Whether less is to be remembered: memory is short.
    is_reduced: AtomicBool,
}

type Value = Arc<dyn AsRef<str> + Send + Sync>;

/// A stored text that one call has looked at.
#[derive(Clone)]
struct Opened {
    value: Value,
    record: Arc<Record>,
    /// Where the own bytes begin in the value.
    begin: usize,
}

type Seen = HashMap<TextId, Option<Opened>>;

impl Shelf {
    /// The texts in `store`. `max_index_bytes` bounds what is remembered of them in memory to find them again.
    pub fn new(store: Arc<dyn TextStore>, max_index_bytes: usize) -> Self {
        let (texts, turns, is_reduced) = (Mutex::default(), Default::default(), AtomicBool::new(false));
        Self { texts, turns, store, max_index_bytes, is_reduced }
    }

    /// How to send a text, whose SHA-256 is `hash`, to a receiver who has what `is_held` says, above all `likely`. Stores it.
    /// Reads the store, so it blocks.
    pub fn encode(
        &self,
        text: &str,
        hash: &Hash,
        likely: &[TextId],
        is_held: &dyn Fn(TextId) -> bool,
    ) -> Encoded {
        let id = TextId::of(hash);
        if !(MIN_TEXT_BYTES..=MAX_TEXT_BYTES).contains(&text.len()) || id.number() == 0 {
            return literal(None, text);
        }
        loop {
            let encoded = match self.value(id) {
                Some(value) => Some(self.encode_stored(&value, id, text, hash, is_held)),
                None => self.encode_new(id, text, hash, likely, is_held),
            };
            if let Some(encoded) = encoded {
                return encoded;
            }
        }
    }

    /// The same of a text that has a value in the store.
    fn encode_stored(
        &self,
        value: &Value,
        id: TextId,
        text: &str,
        hash: &Hash,
        is_held: &dyn Fn(TextId) -> bool,
    ) -> Encoded {
        // The same text, or one of the 2^48 that have its number.
        let is_same = Record::read((**value).as_ref()).is_none_or(|(record, _)| record.sha256 == hex(hash));
        if !is_same {
            return literal(None, text);
        }
        let range = Range { text: id, start: 0, len: text.len() };
        if self.compare(range, text, &mut Seen::new()).is_some() {
            self.remember(id, text);
            let parts = vec![Part::Known { range, is_whole: true, is_held: is_held(id) }];
            return Encoded { id: Some(id), parts };
        }
        // What it was made of is gone, or it was damaged: it stands for itself from here on.
        let is_stored = match Record::completed((**value).as_ref(), text) {
            Some(record) => self.store.put(&text_key(id), record),
            None => self.put_whole(id, hash, text),
        };
        literal(is_stored.then_some(id), text)
    }

    /// The same of one that has none; `None` if somebody else has stored it meanwhile. What refers to that needs it as it is, and
    /// this one may have been found in it: stored over it, it would be made of itself.
    fn encode_new(
        &self,
        id: TextId,
        text: &str,
        hash: &Hash,
        likely: &[TextId],
        is_held: &dyn Fn(TextId) -> bool,
    ) -> Option<Encoded> {
        let mut values = Seen::new();
        let pieces = self.import(cut(text));
        let (reading, found, known) = {
            // Places in what is known are good as long as nobody changes it.
            let texts = self.texts.lock();
            let reading = texts.read(pieces);
            let found = texts.cover(&reading, likely, is_held);
            (reading, found, texts.changes())
        };
        let mut lost = Vec::new();
        let mut draft = Draft::new(text);
        for piece in found {
            match piece {
                Found::New { start, len } => draft.add_new(start, len),
                Found::Seen(range) => {
                    if let Some((runs, is_whole)) = self.compare(range, draft.rest(), &mut values) {
                        draft.add_known(range, is_whole, is_held(range.text), runs);
                    } else {
                        lost.push(range.text);
                        draft.add_new(draft.at, range.len);
                    }
                }
            }
        }
        let (parts, own, runs) = (draft.parts, draft.own, draft.runs);
        let turn = self.turns[usize::try_from(id.number()).unwrap_or(0) % TURNS].lock();
        if self.value(id).is_some() {
            return None;
        }
        let is_stored = if runs.len() > MAX_RUNS || runs.iter().any(|run| run.owner == Some(id)) {
            // Too many pieces of too many texts, or it was there for a moment: it stands for itself.
            self.put_whole(id, hash, text)
        } else {
            let record = Record::new(hex(hash), runs).map(|record| record.write(&own));
            record.is_some_and(|record| self.store.put(&text_key(id), record))
        };
        drop(turn);
        if !lost.is_empty() {
            self.texts.lock().forget(&lost);
        }
        if !is_stored {
            return Some(Encoded { id: None, parts });
        }
        for hash in reading.anchors(PIECES_AN_ANCHOR) {
            self.store.put(&anchor_key(hash), id.to_string().into());
        }
        let mut texts = self.texts.lock();
        // Others may have come meanwhile: what was new may be known now.
        let reading = if texts.changes() == known { reading } else { texts.read(reading.into_pieces()) };
        let reading = reading.not_scattered(MAX_RUNS);
        texts.add(id, &reading);
        texts.shrink(self.most_bytes());
        Some(Encoded { id: Some(id), parts })
    }

    /// The text that parts stand for; `fetched` is told what the receiver did not have. Reads the store, so it blocks.
    ///
    /// # Errors
    /// The first text that neither `have` nor the store has, or that has no such range; that it is more than `max_bytes`.
    pub fn resolve(
        &self,
        parts: &[Part],
        have: &Have<'_>,
        fetched: &mut dyn FnMut(&str),
        max_bytes: usize,
    ) -> Result<String, Unresolved> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Known { range, is_whole, .. } => {
                    let before = text.len();
                    if self.append(*range, *is_whole, have, max_bytes, &mut text)? {
                        fetched(&text[before..]);
                    }
                }
            }
        }
        Ok(text)
    }

    /// A text by its id.
    ///
    /// # Errors
    /// That it is not known.
    pub fn text(&self, id: TextId) -> Result<String, Unresolved> {
        let mut text = String::new();
        self.append(Range { text: id, start: 0, len: 0 }, true, &|_| None, MAX_TEXT_BYTES, &mut text)?;
        Ok(text)
    }

    /// Waits until what was stored can be read by other processes; whether it can. Blocks.
    pub fn flush(&self) -> bool {
        self.store.flush()
    }

    /// Texts, and bytes that are remembered of them.
    pub fn held(&self) -> (usize, usize) {
        let texts = self.texts.lock();
        (texts.len(), texts.bytes())
    }

    /// Most bytes that are remembered now.
    fn most_bytes(&self) -> usize {
        let is_reduced = self.is_reduced.load(Ordering::Relaxed);
        self.max_index_bytes / if is_reduced { usize::try_from(REDUCED).unwrap_or(1) } else { 1 }
    }

    /// Appends a range; whether it came from the store.
    fn append(
        &self,
        range: Range,
        is_whole: bool,
        have: &Have<'_>,
        max_bytes: usize,
        out: &mut String,
    ) -> Result<bool, Unresolved> {
        let missing = Unresolved::Missing(range.text);
        let end = range.start.checked_add(range.len).ok_or(missing)?;
        if let Some(text) = have(range.text) {
            let part = if is_whole { &*text } else { text.get(range.start..end).ok_or(missing)? };
            if out.len() + part.len() > max_bytes {
                return Err(Unresolved::TooLong);
            }
            out.push_str(part);
            return Ok(false);
        }
        let mut values = Seen::new();
        let record = self.opened(range.text, &mut values).ok_or(missing)?.record;
        if !is_whole && end > record.len() {
            return Err(missing);
        }
        let len = if is_whole { record.len() } else { range.len };
        if len > max_bytes.saturating_sub(out.len()) {
            return Err(Unresolved::TooLong);
        }
        for run in record.range(range.text, range.start, len).ok_or(missing)? {
            self.with_own(run, &mut values, |own| out.push_str(own)).ok_or(missing)?;
        }
        Ok(true)
    }

    /// Whether `text` begins with a range of a known text: then the runs that it is made of, and whether it is all of it.
    fn compare(&self, range: Range, text: &str, values: &mut Seen) -> Option<(Vec<Run>, bool)> {
        let record = self.opened(range.text, values)?.record;
        let runs = record.range(range.text, range.start, range.len)?;
        let mut rest = text.as_bytes();
        for run in &runs {
            let (same, behind) = rest.split_at_checked(run.len)?;
            if !self.with_own(*run, values, |own| own.as_bytes() == same)? {
                return None;
            }
            rest = behind;
        }
        Some((runs, range.start == 0 && range.len == record.len()))
    }

    /// Shows the own bytes that a run is.
    fn with_own<T>(&self, run: Run, values: &mut Seen, show: impl FnOnce(&str) -> T) -> Option<T> {
        let Opened { value, begin, .. } = self.opened(run.owner?, values)?;
        (*value).as_ref()[begin..].get(run.start..run.start.checked_add(run.len)?).map(show)
    }

    fn opened(&self, id: TextId, values: &mut Seen) -> Option<Opened> {
        let look = || {
            let value = self.value(id)?;
            let (record, begin) = Record::read((*value).as_ref())?;
            Some(Opened { value, record: Arc::new(record), begin })
        };
        values.entry(id).or_insert_with(look).clone()
    }

    fn value(&self, id: TextId) -> Option<Value> {
        self.store.get(&text_key(id))
    }

    /// Stores a text so that it needs no other.
    fn put_whole(&self, id: TextId, hash: &Hash, text: &str) -> bool {
        let run = Run { owner: None, start: 0, len: text.len() };
        let record = Record::new(hex(hash), vec![run]).map(|record| record.write(text));
        record.is_some_and(|record| self.store.put(&text_key(id), record))
    }

    /// Makes a stored text known, if it is not.
    fn remember(&self, id: TextId, text: &str) {
        let mut texts = self.texts.lock();
        if !texts.contains(id) {
            let reading = texts.read(cut(text)).not_scattered(MAX_RUNS);
            texts.add(id, &reading);
            texts.shrink(self.most_bytes());
        }
        texts.touch(id);
    }

    /// Takes in texts of other processes that seem to have parts of the one with these pieces, which it gives back.
    fn import(&self, pieces: Vec<Piece>) -> Vec<Piece> {
        let reading = self.texts.lock().read(pieces);
        if reading.new_bytes() < MIN_SEARCH_BYTES {
            return reading.into_pieces();
        }
        let mut imported = 0;
        for hash in reading.anchors(PIECES_AN_ANCHOR).take(MAX_LOOKUPS) {
            let Some(value) = self.store.get(&anchor_key(hash)) else { continue };
            let id = (*value).as_ref().parse().ok().and_then(TextId::from_number);
            let Some(id) = id.filter(|&id| !self.texts.lock().contains(id)) else { continue };
            let Ok(known) = self.text(id) else { continue };
            self.remember(id, &known);
            imported += 1;
            if imported == MAX_IMPORTS {
                break;
            }
        }
        reading.into_pieces()
    }
}

impl Footprint for Shelf {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row("shared text index", self.held().1 as u64);
    }

    /// The texts themselves stay; of fewer it is known what they have in common with new ones.
    fn relieve(&self, relief: Relief) {
        self.is_reduced.store(relief == Relief::Drop, Ordering::Relaxed);
        self.texts.lock().shrink(self.most_bytes());
    }
}

/// As it is.
fn literal(id: Option<TextId>, text: &str) -> Encoded {
    Encoded { id, parts: vec![Part::Literal(text.to_owned())] }
}

fn text_key(id: TextId) -> String {
    format!("text {id}")
}

fn anchor_key(hash: u32) -> String {
    format!("anchor {hash}")
}
