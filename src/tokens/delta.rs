//! What is new in a context, by its hashes and those of the one before.
//!
//! Hashes are SHA-256 of canonical JSON (RFC 8785), so that they agree between machines. Of contexts nothing else is kept.

use std::sync::{Arc, LazyLock, OnceLock};

use hashbrown::{HashMap, HashSet};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

use super::blocks::TextId;
use crate::base::document::Kind;
use crate::base::held::Tally;
use crate::base::json::{KeyOrder, View};

/// SHA-256 of canonical JSON.
pub type Hash = [u8; 32];

/// Lower-case hexadecimal.
pub fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// From lower-case hexadecimal.
pub fn from_hex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let bytes: Vec<u8> =
        pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect::<Option<_>>()?;
    if odd.is_empty() { bytes.try_into().ok() } else { None }
}

/// Bytes of the keys and of the lists of entries of all contexts, whoever has them.
pub(super) static HELD: Tally = Tally::new();

/// One top-level value of a context.
#[derive(Debug)]
pub struct Entry {
    /// Its key as JSON text.
    pub key: Box<str>,
    /// Of its canonical JSON.
    pub hash: u128,
    /// Bytes of its JSON.
    pub bytes: usize,
    /// Tokens of its JSON by itself.
    pub tokens: u64,
    /// Whether it is a string.
    pub is_string: bool,
    /// By which its text can be referred to, once it was stored.
    pub text: OnceLock<TextId>,
}

/// Hashes of one context.
#[derive(Debug)]
pub struct Snapshot {
    /// Of the whole context.
    pub hash: Hash,
    /// In the order of the keys' canonical JSON; `None` when the context is not an object.
    pub entries: Option<Box<[Arc<Entry>]>>,
    /// Bytes of its JSON.
    pub bytes: usize,
}

/// The JSON of what a view shows, and where its top-level values stand in it.
pub struct Written {
    /// In the caller's key order.
    pub text: Vec<u8>,
    /// Top-level values in the caller's order; `None` when it is not an object.
    entries: Option<Vec<Place>>,
}

/// Where a top-level value stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    value: usize,
    /// Of its JSON.
    start: usize,
    end: usize,
    /// Whether that is canonical.
    is_canonical: bool,
}

impl Written {
    /// Writes what `view` shows. O(text).
    pub fn of(view: View<'_>) -> Self {
        let mut text = Vec::new();
        if view.document.kind(0) != Kind::Object {
            view.write(0, KeyOrder::Insertion, &mut text);
            return Self { text, entries: None };
        }
        let mut entries = Vec::new();
        text.push(b'{');
        for value in view.entries(0) {
            if !entries.is_empty() {
                text.push(b',');
            }
            view.write_key(value, &mut text);
            text.push(b':');
            let start = text.len();
            let is_canonical = view.write_in_order(value, &mut text);
            entries.push(Place { value, start, end: text.len(), is_canonical });
        }
        text.push(b'}');
        Self { text, entries: Some(entries) }
    }

    /// JSON of a top-level value.
    pub fn value(&self, value: usize) -> &[u8] {
        let entries = self.entries.as_deref().unwrap_or_default();
        let at = entries.binary_search_by_key(&value, |place| place.value);
        let Place { start, end, .. } = entries[at.expect("invariant: only top-level values are asked for")];
        &self.text[start..end]
    }
}

/// The hashes of a context, before anybody knows them.
pub struct Hashes {
    pub(super) hash: Hash,
    /// In canonical order of keys; `None` when it is not an object.
    pub(super) entries: Option<Vec<Hashed>>,
    pub(super) bytes: usize,
}

/// One top-level value that was hashed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashed {
    pub(super) value: usize,
    pub(super) hash: u128,
    pub(super) bytes: usize,
    pub(super) is_string: bool,
}

/// So much is gathered before it is hashed: short updates cost more than a copy.
const GATHERED_BYTES: usize = 4096;

impl Hashes {
    /// Hashes what `view` shows and `written` says. O(text).
    pub fn of(view: View<'_>, written: &Written) -> Self {
        let Some(places) = &written.entries else {
            let mut text = Vec::new();
            view.write(0, KeyOrder::Canonical, &mut text);
            return Self { hash: Sha256::digest(&text).into(), entries: None, bytes: text.len() };
        };
        let places = in_canonical_order(view, places);
        let (mut sha256, mut gathered, mut canonical) = (Sha256::new(), Vec::new(), Vec::new());
        let mut entries = Vec::with_capacity(places.len());
        gathered.push(b'{');
        for (position, &Place { value, start, end, is_canonical }) in places.iter().enumerate() {
            if position > 0 {
                gathered.push(b',');
            }
            view.write_key(value, &mut gathered);
            gathered.push(b':');
            let text = if is_canonical {
                &written.text[start..end]
            } else {
                canonical.clear();
                view.write(value, KeyOrder::Canonical, &mut canonical);
                &canonical
            };
            entries.push(Hashed {
                value,
                hash: short_hash(text),
                bytes: text.len(),
                is_string: text.first() == Some(&b'"'),
            });
            if text.len() < GATHERED_BYTES {
                gathered.extend_from_slice(text);
            }
            if gathered.len() >= GATHERED_BYTES || text.len() >= GATHERED_BYTES {
                sha256.update(&gathered);
                gathered.clear();
            }
            if text.len() >= GATHERED_BYTES {
                sha256.update(text);
            }
        }
        gathered.push(b'}');
        sha256.update(&gathered);
        Self { hash: sha256.finalize().into(), entries: Some(entries), bytes: written.text.len() }
    }

    /// Of the whole.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }
}

/// The first half of the SHA-256: nobody can make two values that have the same.
fn short_hash(text: &[u8]) -> u128 {
    let hash: Hash = Sha256::digest(text).into();
    hash.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

/// By keys. Most are told apart by their first bytes, which are at hand.
fn in_canonical_order(view: View<'_>, places: &[Place]) -> Vec<Place> {
    let mut keyed: Vec<(Option<u64>, Place)> = places
        .iter()
        .map(|place| {
            let key = view.document.key(place.value).as_bytes();
            let mut begin = [0; 8];
            let len = key.len().min(8);
            begin[..len].copy_from_slice(&key[..len]);
            let is_plain = begin.is_ascii() && !view.document.key_is_escaped(place.value);
            (is_plain.then_some(u64::from_be_bytes(begin)), *place)
        })
        .collect();
    keyed.sort_unstable_by(|(a, first), (b, second)| match (a, b) {
        (Some(a), Some(b)) if a != b => a.cmp(b),
        _ => view.cmp_keys(first.value, second.value),
    });
    keyed.into_iter().map(|(_, place)| place).collect()
}

/// SHA-256 of the canonical JSON of what `view` shows.
pub fn hash_of(view: View<'_>) -> Hash {
    Hashes::of(view, &Written::of(view)).hash
}

/// What is new since an agent's last context.
#[derive(Debug, PartialEq, Eq)]
pub enum Delta {
    /// There is no base, or one of the two is not an object: everything.
    Full,
    /// The same context again.
    Unchanged,
    /// Top-level values by index in the new context's order; removed keys as JSON text, sorted.
    Changed {
        /// Keys that are new.
        added: Vec<usize>,
        /// Keys whose value differs.
        modified: Vec<usize>,
        /// Keys that are gone, as JSON strings.
        removed: Vec<String>,
        /// Keys whose value is the same.
        unchanged: Vec<usize>,
    },
}

impl Delta {
    /// What the context `next` changes against `old`, also if that is nothing; [`Delta::Full`] unless both are objects.
    pub fn of(old: View<'_>, next: View<'_>) -> Self {
        let (old, next) = (Snapshot::alone(old), Snapshot::alone(next));
        Self::by_key(&old.0, &next.0, &next.1)
    }

    /// What there is in `next` for an agent that has the empty context; in full unless it is an object.
    pub(super) fn against_nothing(next: &Snapshot, values: &[usize]) -> Self {
        let nothing = Snapshot::new(*empty_hash(), Some(Box::default()), EMPTY.len());
        Self::between(&nothing, next, values)
    }

    /// What `next` changes against `base`. `values` are the values of `next`'s entries.
    pub(super) fn between(base: &Snapshot, next: &Snapshot, values: &[usize]) -> Self {
        if base.hash == next.hash {
            return Self::Unchanged;
        }
        Self::by_key(base, next, values)
    }

    /// Tokens of the unchanged values of the context, each by itself. `tokens` are those of the whole.
    pub(super) fn known(&self, next: &Snapshot, values: &[usize], tokens: u64) -> u64 {
        let unchanged = match self {
            Self::Full => return 0,
            Self::Unchanged => return tokens,
            Self::Changed { unchanged, .. } => unchanged,
        };
        let entries = next.entries.iter().flatten().zip(values);
        entries
            .filter(|(_, value)| unchanged.binary_search(value).is_ok())
            .map(|(entry, _)| entry.tokens)
            .sum()
    }

    fn by_key(base: &Snapshot, next: &Snapshot, values: &[usize]) -> Self {
        let (Some(old), Some(new)) = (&base.entries, &next.entries) else { return Self::Full };
        let (mut added, mut modified, mut unchanged) = (Vec::new(), Vec::new(), Vec::new());
        let mut put = |known: Option<&Arc<Entry>>, entry: &Entry, value: usize| match known {
            None => added.push(value),
            Some(known) if known.hash == entry.hash => unchanged.push(value),
            Some(_) => modified.push(value),
        };
        // Most often the keys are the same, and both are in canonical order.
        let same = old.iter().zip(new).take_while(|(old, new)| old.key == new.key).count();
        for ((known, entry), &value) in old.iter().zip(new).zip(values).take(same) {
            put(Some(known), entry, value);
        }
        let (old, new, values) = (&old[same..], &new[same..], &values[same..]);
        let by_key: HashMap<&str, &Arc<Entry>> = old.iter().map(|entry| (&*entry.key, entry)).collect();
        let mut found = HashSet::new();
        for (entry, &value) in new.iter().zip(values) {
            let known = by_key.get(&*entry.key).copied();
            put(known, entry, value);
            found.extend(known.map(|known| &*known.key));
        }
        for list in [&mut added, &mut modified, &mut unchanged] {
            // In the order of the context.
            list.sort_unstable();
        }
        let gone = old.iter().filter(|entry| !found.contains(&*entry.key));
        let mut removed: Vec<String> = gone.map(|entry| entry.key.to_string()).collect();
        removed.sort_unstable();
        Self::Changed { added, modified, removed, unchanged }
    }
}

/// Canonical JSON of the empty context.
const EMPTY: &str = "{}";

/// Hash of the empty context: what an agent has that has nothing.
pub fn empty_hash() -> &'static Hash {
    static HASH: LazyLock<Hash> = LazyLock::new(|| Sha256::digest(EMPTY).into());
    &HASH
}

pub(super) fn key_text(view: View<'_>, value: usize) -> String {
    let mut text = Vec::new();
    view.write_key(value, &mut text);
    String::from_utf8(text).expect("invariant: a key is written from UTF-8")
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        HELD.subtract(self.entries.as_deref().map_or(0, size_of_val));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        HELD.subtract(self.key.len());
    }
}

impl Snapshot {
    /// That of a context that nobody else has, and the values of its entries.
    fn alone(view: View<'_>) -> (Self, Vec<usize>) {
        let Hashes { hash, entries, bytes } = Hashes::of(view, &Written::of(view));
        let values = entries.iter().flatten().map(|hashed| hashed.value).collect();
        let entry = |hashed: Hashed| {
            let key = key_text(view, hashed.value);
            Arc::new(Entry::new(key, hashed, 0))
        };
        let entries = entries.map(|entries| entries.into_iter().map(entry).collect());
        (Self::new(hash, entries, bytes), values)
    }

    /// That of a context with these entries.
    pub(super) fn new(hash: Hash, entries: Option<Box<[Arc<Entry>]>>, bytes: usize) -> Self {
        HELD.add(entries.as_deref().map_or(0, size_of_val));
        Self { hash, entries, bytes }
    }

    /// Top-level keys.
    pub(super) fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.len())
    }
}

impl Entry {
    /// That of a value under a key.
    pub(super) fn new(key: String, hashed: Hashed, tokens: u64) -> Self {
        let Hashed { hash, bytes, is_string, .. } = hashed;
        HELD.add(key.len());
        Self { key: key.into(), hash, bytes, tokens, is_string, text: OnceLock::new() }
    }

    /// What it is known by.
    pub(super) fn id(&self) -> u128 {
        Self::id_of(&self.key, self.hash)
    }

    /// The same of an entry with this key and hash.
    pub(super) fn id_of(key: &str, hash: u128) -> u128 {
        hash ^ (u128::from(xxh3_64(key.as_bytes())) << 64)
    }
}
