//! The first tier: values in native memory, outside of the JavaScript heap.
//!
//! Owns eviction (moka, LRU unless configured otherwise), time to live and the counters. A value is JSON text; who
//! reads it gets a copy, so nobody can spoil another's value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy as MokaPolicy;
use moka::sync::Cache;
use parking_lot::RwLock;
use serde::Serialize;

use super::config::{CacheConfig, EvictionPolicy};
use super::scope::{Key, Scope};
use crate::base::clock::Clock;
use crate::base::units::mb_to_bytes;
use crate::telemetry::event::{EventKind, EventSink};

/// Bytes that an entry costs besides key and value: moka's node, queue links and our fields. Measured as resident
/// growth over 500,000 entries of 16 bytes; rounded up.
const ENTRY_OVERHEAD_BYTES: usize = 256;

#[derive(Debug, Clone)]
struct Entry {
    json: Arc<str>,
    ttl_ms: u64,
    expires_ms: u64,
    created_wall_ms: u64,
    usage: Arc<Usage>,
}

/// How an entry was used; shared by its copies.
#[derive(Debug, Default)]
struct Usage {
    hits: AtomicU64,
    last_wall_ms: AtomicU64,
    /// Grows with every use of any entry of the tier: orders entries by their last use.
    last_use: AtomicU64,
}

/// `CacheEntry` of the public API, for events. The value is JSON text, which the facade parses when it is looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryEvent<'a> {
    key: &'a str,
    value_json: &'a str,
    size: usize,
    created_at: u64,
    last_accessed: u64,
    hit_count: u64,
    /// Seconds.
    ttl: f64,
    compressed: bool,
}

impl Entry {
    fn event<'a>(&'a self, query: &'a str, layer: Option<&'static str>) -> impl Serialize + use<'a> {
        #[derive(Serialize)]
        struct Event<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            layer: Option<&'static str>,
            key: &'a str,
            entry: EntryEvent<'a>,
        }
        let entry = EntryEvent {
            key: query,
            value_json: &self.json,
            size: self.json.len(),
            created_at: self.created_wall_ms,
            last_accessed: self.usage.last_wall_ms.load(Ordering::Relaxed),
            hit_count: self.usage.hits.load(Ordering::Relaxed),
            ttl: self.ttl_ms as f64 / 1000.0,
            compressed: false,
        };
        Event { layer, key: query, entry }
    }
}

/// Figures of the first tier. Rates are 0–1 and `null` before the first lookup.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L1Stats {
    /// Entries now held.
    pub entries: u64,
    /// Most entries held.
    pub max_entries: u64,
    /// Bytes of keys, values and overhead now held.
    pub bytes: u64,
    /// Most bytes held.
    pub max_bytes: u64,
    /// Lookups that found a value.
    pub hits: u64,
    /// Lookups that found none.
    pub misses: u64,
    /// Entries given up for lack of room.
    pub evictions: u64,
    /// Entries found expired, by a lookup or a clean-up.
    pub expired: u64,
}

impl L1Stats {
    /// Hits per lookup, 0–1; `None` before the first lookup.
    pub fn hit_rate(&self) -> Option<f64> {
        let lookups = self.hits + self.misses;
        (lookups > 0).then(|| self.hits as f64 / lookups as f64)
    }
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    expired: AtomicU64,
    uses: AtomicU64,
}

/// The first tier of one system.
pub struct L1 {
    config: RwLock<CacheConfig>,
    entries: Cache<Key, Entry>,
    /// Bytes now held: added on insertion, taken off by the removal listener whatever the cause.
    bytes: Arc<AtomicU64>,
    counters: Arc<Counters>,
    clock: Arc<dyn Clock>,
    events: Arc<EventSink>,
}

impl L1 {
    /// An empty tier with the bounds of `config`.
    pub fn new(config: CacheConfig, clock: Arc<dyn Clock>, events: Arc<EventSink>) -> Self {
        Self::with_counters(config, clock, events, Arc::default())
    }

    fn with_counters(
        config: CacheConfig,
        clock: Arc<dyn Clock>,
        events: Arc<EventSink>,
        counters: Arc<Counters>,
    ) -> Self {
        let bytes = Arc::new(AtomicU64::new(0));
        let bounds = Bounds::of(&config);
        let policy = match config.eviction_policy {
            EvictionPolicy::Lru => MokaPolicy::lru(),
            EvictionPolicy::Lfu => MokaPolicy::tiny_lfu(),
        };
        let entries = Cache::builder()
            .max_capacity(bounds.capacity)
            .eviction_policy(policy)
            .weigher(move |key: &Key, entry: &Entry| bounds.weight(entry_bytes(key, entry)))
            .eviction_listener({
                let (bytes, counters, events) =
                    (Arc::clone(&bytes), Arc::clone(&counters), Arc::clone(&events));
                move |key: Arc<Key>, entry, cause| {
                    bytes.fetch_sub(entry_bytes(&key, &entry), Ordering::Relaxed);
                    if cause == RemovalCause::Size {
                        counters.evictions.fetch_add(1, Ordering::Relaxed);
                        events.emit(EventKind::L1Eviction, || entry.event(&key.query, None));
                    }
                }
            })
            .build();
        Self { config: RwLock::new(config), entries, bytes, counters, clock, events }
    }

    /// The same tier under another configuration. Where only bounds or policy differ, what fits of the entries comes along
    /// in the order of their last use, and counters go on: O(entries), off the JavaScript thread. What is stored meanwhile
    /// stays behind.
    #[must_use]
    pub fn reconfigured(self: &Arc<Self>, config: CacheConfig) -> Arc<Self> {
        let shape = |config: &CacheConfig| (Bounds::of(config), config.eviction_policy, config.l1_max_size);
        if shape(&config) == shape(&self.config.read()) {
            *self.config.write() = config;
            return Arc::clone(self);
        }
        let counters = Arc::clone(&self.counters);
        let next = Self::with_counters(config, Arc::clone(&self.clock), Arc::clone(&self.events), counters);
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_cached_key(|(_, entry)| entry.usage.last_use.load(Ordering::Relaxed));
        for (key, entry) in entries {
            next.put((*key).clone(), entry);
        }
        next.entries.run_pending_tasks();
        Arc::new(next)
    }

    /// The configuration.
    pub fn config(&self) -> CacheConfig {
        self.config.read().clone()
    }

    /// Stores JSON text. `ttl_ms` of `None` means the configured time to live.
    pub fn set(&self, query: &str, scope: Scope, json: &str, ttl_ms: Option<u64>) {
        let ttl_ms = ttl_ms.unwrap_or_else(|| seconds_to_ms(self.config.read().ttl_seconds));
        let wall_ms = self.clock.wall_ms();
        let entry = Entry {
            json: json.into(),
            ttl_ms,
            expires_ms: self.clock.now_ms().saturating_add(ttl_ms),
            created_wall_ms: wall_ms,
            usage: Arc::new(Usage {
                last_wall_ms: AtomicU64::new(wall_ms),
                last_use: AtomicU64::new(self.next_use()),
                ..Usage::default()
            }),
        };
        self.insert(Key { query: query.into(), scope }, entry.clone());
        self.events.emit(EventKind::CacheSet, || entry.event(query, Some("L1")));
    }

    /// The JSON text stored for `query` that `scope` may see: the agent's own entry, else the shared one.
    pub fn get(&self, query: &str, scope: &Scope) -> Option<Arc<str>> {
        let own = scope.agent_id.is_some().then(|| self.live(query, scope.clone())).flatten();
        let found = own.or_else(|| self.live(query, scope.shared()));
        let Some(entry) = found else {
            self.counters.misses.fetch_add(1, Ordering::Relaxed);
            self.events.emit(EventKind::CacheMiss, || serde_json::json!({ "key": query }));
            return None;
        };
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        entry.usage.hits.fetch_add(1, Ordering::Relaxed);
        entry.usage.last_wall_ms.store(self.clock.wall_ms(), Ordering::Relaxed);
        entry.usage.last_use.store(self.next_use(), Ordering::Relaxed);
        self.events.emit(EventKind::CacheHit, || entry.event(query, Some("L1")));
        Some(entry.json)
    }

    /// Removes expired entries and returns how many there were. O(entries).
    pub fn remove_expired(&self) -> u64 {
        let now_ms = self.clock.now_ms();
        let found: Vec<_> =
            self.entries.iter().filter(|(_, entry)| entry.expires_ms <= now_ms).map(|(key, _)| key).collect();
        let removed = found.iter().filter(|key| self.remove_if_expired(key)).count() as u64;
        self.entries.run_pending_tasks();
        removed
    }

    /// Figures now. O(1).
    pub fn stats(&self) -> L1Stats {
        self.entries.run_pending_tasks();
        let config = self.config.read();
        L1Stats {
            entries: self.entries.entry_count(),
            max_entries: config.l1_max_size,
            bytes: self.bytes.load(Ordering::Relaxed),
            max_bytes: Bounds::of(&config).max_bytes(),
            hits: self.counters.hits.load(Ordering::Relaxed),
            misses: self.counters.misses.load(Ordering::Relaxed),
            evictions: self.counters.evictions.load(Ordering::Relaxed),
            expired: self.counters.expired.load(Ordering::Relaxed),
        }
    }

    fn insert(&self, key: Key, entry: Entry) {
        self.put(key, entry);
        // moka applies bounds in batches; here they hold after every insertion, so that figures can be trusted.
        self.entries.run_pending_tasks();
    }

    /// Puts and removals of one key take turns, so that a clean-up never takes a value that was stored meanwhile.
    fn put(&self, key: Key, entry: Entry) {
        self.bytes.fetch_add(entry_bytes(&key, &entry), Ordering::Relaxed);
        self.entries.entry(key).and_compute_with(|_| Op::Put(entry));
    }

    fn live(&self, query: &str, scope: Scope) -> Option<Entry> {
        let key = Key { query: query.into(), scope };
        let entry = self.entries.get(&key)?;
        if entry.expires_ms > self.clock.now_ms() {
            return Some(entry);
        }
        self.remove_if_expired(&key);
        None
    }

    /// Whether the key held an expired entry, which is removed.
    fn remove_if_expired(&self, key: &Key) -> bool {
        let now_ms = self.clock.now_ms();
        let result = self.entries.entry_by_ref(key).and_compute_with(|held| match held {
            Some(held) if held.value().expires_ms <= now_ms => Op::Remove,
            _ => Op::Nop,
        });
        let removed = matches!(result, CompResult::Removed(_));
        self.counters.expired.fetch_add(u64::from(removed), Ordering::Relaxed);
        removed
    }

    fn next_use(&self) -> u64 {
        self.counters.uses.fetch_add(1, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for L1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L1").field("config", &*self.config.read()).finish_non_exhaustive()
    }
}

fn entry_bytes(key: &Key, entry: &Entry) -> u64 {
    (key.bytes() + entry.json.len() + ENTRY_OVERHEAD_BYTES) as u64
}

/// How entries are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// Bytes in one unit of weight: more than one only where an equal share of the budget is over 2 GB, because moka's
    /// weights are `u32`.
    unit_bytes: u64,
    /// Least weight of an entry.
    share: u64,
    /// Most weight of all.
    capacity: u64,
}

impl Bounds {
    /// moka has one capacity, in bytes here: an entry that weighs an equal share of it at least keeps the bound of entries
    /// too. Where a share is less than any entry weighs anyway, that bound cannot be reached; elsewhere rounding takes less
    /// than one unit an entry, under half a percent.
    fn of(config: &CacheConfig) -> Self {
        let budget = mb_to_bytes(config.l1_max_size_mb);
        let share = budget / config.l1_max_size.max(1);
        if share <= ENTRY_OVERHEAD_BYTES as u64 {
            return Self { unit_bytes: 1, share: 0, capacity: budget };
        }
        let unit_bytes = (share >> 31) + 1;
        let share = share / unit_bytes;
        Self { unit_bytes, share, capacity: share * config.l1_max_size }
    }

    fn weight(self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(self.unit_bytes).max(self.share)).unwrap_or(u32::MAX)
    }

    fn max_bytes(self) -> u64 {
        self.capacity.saturating_mul(self.unit_bytes)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated positive; saturates")]
fn seconds_to_ms(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[cfg(test)]
mod tests;
