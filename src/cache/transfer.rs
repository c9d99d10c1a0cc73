//! Moving many entries: warming up, walking over keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::disk::queue::Operation;
use super::disk::tables::Candidate;
use super::key::{Key, Keys, Namespace, Parts, Scope};
use super::l1::Place;
use super::manager::CacheManager;
use crate::base::error::Result;
use crate::telemetry::event::EventKind;

/// Rows read at once.
const PAGE: usize = 1000;

/// Where a walk over keys goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// On disk, after this hash.
    Disk(u128),
    /// In memory.
    Memory,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(hash) => write!(f, "{hash:x}"),
            Self::Memory => f.write_str("memory"),
        }
    }
}

impl Cursor {
    /// What its text says.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "memory" {
            Some(Self::Memory)
        } else {
            u128::from_str_radix(text, 16).ok().map(Self::Disk)
        }
    }
}

/// How a long call is followed.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    /// Set by whoever wants it to end.
    pub is_cancelled: &'a AtomicBool,
    /// Entries dealt with.
    pub progress: &'a AtomicU64,
}

/// What warming up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warmed {
    /// Keys asked for.
    pub total: u64,
    /// Values that are in L1 now.
    pub found: u64,
}

impl CacheManager {
    /// Loads values into L1 in the order given, until it is full of them. `is_cancelled` is asked before each. Blocks.
    pub fn warm(&self, keys: &[Keys], is_cancelled: &dyn Fn() -> bool) -> Warmed {
        let (most, most_bytes) = {
            let l1 = self.l1.lock();
            (l1.bounds().entries as u64, l1.bounds().bytes)
        };
        let (mut found, mut bytes) = (0, 0);
        for keys in keys {
            if found >= most || is_cancelled() {
                break;
            }
            let Some((hit, key)) = self.find_uncounted(keys, false) else { continue };
            let entry_bytes =
                (key.bytes.len() + hit.record.heap_bytes()) as u64 + super::l1::ENTRY_OVERHEAD_BYTES;
            if bytes + entry_bytes > most_bytes {
                break;
            }
            (found, bytes) = (found + 1, bytes + entry_bytes);
        }
        let warmed = Warmed { total: keys.len() as u64, found };
        self.hub.emit(
            EventKind::CacheWarmed,
            || serde_json::json!({ "total": warmed.total, "found": warmed.found }),
        );
        warmed
    }

    /// Loads the most used entries of the disk tiers into L1, as many as the configuration asks for. Blocks.
    pub fn warm_most_used(&self) -> Warmed {
        let most = self.config.read().warm_on_start;
        let Some(disk) = self.disk().filter(|disk| most > 0 && disk.is_started()) else {
            return Warmed::default();
        };
        let (namespace, now_ms) = (self.namespace.clone(), self.clock.now_ms());
        let keys = disk.with_reader(|reader| {
            let tables = reader.tables();
            let mut keys = Vec::new();
            for hash in tables.most_used(namespace.bytes(), now_ms, most)? {
                let row = tables.row(hash)?;
                if let Some(key) = row.map(|row| tables.key(row.id)).transpose()?.flatten() {
                    keys.push(Keys::of(Key::from_bytes(key)));
                }
            }
            Ok(keys)
        });
        self.warm(&keys.unwrap_or_default(), &|| false)
    }

    /// The next keys of a namespace that `scope` sees and that begin with one of `prefixes`, and where to go on. Keys that are stored
    /// or removed meanwhile may or may not be among them; none comes twice unless it is stored again. Blocks.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn keys(
        &self,
        namespace: &Namespace,
        scope: &Scope,
        prefixes: &[String],
        cursor: Option<Cursor>,
    ) -> Result<(Vec<String>, Option<Cursor>)> {
        self.check_open()?;
        let wanted = Wanted::new(namespace, scope, prefixes);
        let now_ms = self.clock.now_ms();
        if cursor == Some(Cursor::Memory) {
            return Ok((self.keys_in_memory(&wanted, now_ms, false), None));
        }
        let Some(disk) = self.disk().filter(|disk| disk.is_started()) else {
            return Ok((self.keys_in_memory(&wanted, now_ms, false), None));
        };
        let after = if let Some(Cursor::Disk(hash)) = cursor {
            hash
        } else {
            // What waits is on disk then; if it cannot be written, it is found in memory.
            let _ = self.flush(false);
            0
        };
        let page = disk.with_reader(|reader| {
            let found = reader.tables().of_namespace(namespace, None, after, PAGE)?;
            let mut keys = Vec::new();
            for Candidate { hash, row } in &found {
                if row.fresh_ms <= now_ms {
                    continue;
                }
                let key = reader.tables().key(row.id)?.map(Key::from_bytes);
                let is_gone = |key: &Key| {
                    self.distrusted.lock().contains(key)
                        || matches!(disk.queue.find(key), Some(Operation::Delete))
                };
                if let Some(key) = key.filter(|key| key.hash == *hash && !is_gone(key)) {
                    keys.extend(wanted.query(&key.bytes));
                }
            }
            Ok((keys, found.last().map(|last| Cursor::Disk(last.hash))))
        });
        // Unreadable: what memory has of it is better than nothing.
        let Some((keys, next)) = page else { return Ok((self.keys_in_memory(&wanted, now_ms, true), None)) };
        Ok((keys, Some(next.unwrap_or(Cursor::Memory))))
    }

    fn keys_in_memory(&self, wanted: &Wanted, now_ms: u64, stored_too: bool) -> Vec<String> {
        let mut keys = Vec::new();
        self.scan(|key, entry| {
            if entry.fresh_ms > now_ms && (stored_too || !matches!(entry.place, Place::Stored(_))) {
                keys.extend(wanted.query(key));
            }
            true
        });
        keys
    }
}

/// Which keys a walk is about.
struct Wanted {
    own: Option<Arc<[u8]>>,
    shared: Arc<[u8]>,
    prefixes: Vec<String>,
}

impl Wanted {
    /// A key's bytes end with its query: with an empty one they are what all keys of a scope begin with.
    fn new(namespace: &Namespace, scope: &Scope, prefixes: &[String]) -> Self {
        let bytes = |scope: &Scope| Arc::from(Key::new(namespace, scope, "").bytes);
        Self {
            own: scope.agent_id.is_some().then(|| bytes(scope)),
            shared: bytes(&Scope { agent_id: None, ..scope.clone() }),
            prefixes: prefixes.to_vec(),
        }
    }

    fn query(&self, key: &[u8]) -> Option<String> {
        let query = Parts::read(key)?.query;
        let start = &key[..key.len() - query.len()];
        let is_seen = self.own.as_deref() == Some(start) || *self.shared == *start;
        let is_meant = self.prefixes.iter().any(|prefix| query.starts_with(prefix));
        (is_seen && is_meant).then(|| query.to_owned())
    }
}
