//! The first tier: values in native memory, outside of the JavaScript heap.
//!
//! Owns eviction (moka, LRU unless configured otherwise), time to live and the counters. A value is JSON text; who
//! reads it gets a copy, so nobody can spoil another's value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy as MokaPolicy;
use moka::sync::Cache;
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
    expires_ms: u64,
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
}

/// The first tier of one system.
pub struct L1 {
    config: CacheConfig,
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
        // moka has one capacity. An entry weighs its bytes, at least an equal share of the budget, so that both bounds
        // hold: never more than the budget in bytes, never more than `l1MaxSize` entries.
        let share = share_bytes(&config);
        let policy = match config.eviction_policy {
            EvictionPolicy::Lru => MokaPolicy::lru(),
            EvictionPolicy::Lfu => MokaPolicy::tiny_lfu(),
        };
        let entries = Cache::builder()
            .max_capacity(max_bytes(&config))
            .eviction_policy(policy)
            .weigher(move |key: &Key, entry: &Entry| {
                u32::try_from(entry_bytes(key, entry).max(share)).unwrap_or(u32::MAX)
            })
            .eviction_listener({
                let (bytes, counters, events) =
                    (Arc::clone(&bytes), Arc::clone(&counters), Arc::clone(&events));
                move |key: Arc<Key>, entry, cause| {
                    bytes.fetch_sub(entry_bytes(&key, &entry), Ordering::Relaxed);
                    if cause == RemovalCause::Size {
                        counters.evictions.fetch_add(1, Ordering::Relaxed);
                        events.emit(EventKind::L1Eviction, || serde_json::json!({ "key": &*key.query }));
                    }
                }
            })
            .build();
        Self { config, entries, bytes, counters, clock, events }
    }

    /// The same tier under other bounds: what fits of the entries comes along, counters go on. O(entries).
    #[must_use]
    pub fn reconfigured(&self, config: CacheConfig) -> Self {
        let counters = Arc::clone(&self.counters);
        let next = Self::with_counters(config, Arc::clone(&self.clock), Arc::clone(&self.events), counters);
        for (key, entry) in &self.entries {
            next.insert((*key).clone(), entry);
        }
        next
    }

    /// The configuration.
    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// Stores JSON text. `ttl_ms` of `None` means the configured time to live.
    pub fn set(&self, query: &str, scope: Scope, json: &str, ttl_ms: Option<u64>) {
        let ttl_ms = ttl_ms.unwrap_or_else(|| seconds_to_ms(self.config.ttl_seconds));
        let entry = Entry { json: json.into(), expires_ms: self.clock.now_ms().saturating_add(ttl_ms) };
        self.insert(Key { query: query.into(), scope }, entry);
        self.events.emit(EventKind::CacheSet, || serde_json::json!({ "layer": "L1", "key": query }));
    }

    /// The JSON text stored for `query` that `scope` may see: the agent's own entry, else the shared one.
    pub fn get(&self, query: &str, scope: &Scope) -> Option<Arc<str>> {
        let own = scope.agent_id.is_some().then(|| self.live(query, scope.clone())).flatten();
        let found = own.or_else(|| self.live(query, scope.shared()));
        if found.is_some() {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            self.events.emit(EventKind::CacheHit, || serde_json::json!({ "layer": "L1", "key": query }));
        } else {
            self.counters.misses.fetch_add(1, Ordering::Relaxed);
            self.events.emit(EventKind::CacheMiss, || serde_json::json!({ "key": query }));
        }
        found
    }

    /// Removes expired entries and returns how many there were. O(entries).
    pub fn remove_expired(&self) -> u64 {
        let now_ms = self.clock.now_ms();
        let dead: Vec<_> =
            self.entries.iter().filter(|(_, entry)| entry.expires_ms <= now_ms).map(|(key, _)| key).collect();
        for key in &dead {
            self.entries.invalidate(&**key);
        }
        self.entries.run_pending_tasks();
        self.counters.expired.fetch_add(dead.len() as u64, Ordering::Relaxed);
        dead.len() as u64
    }

    /// Figures now. O(1).
    pub fn stats(&self) -> L1Stats {
        self.entries.run_pending_tasks();
        L1Stats {
            entries: self.entries.entry_count(),
            max_entries: self.config.l1_max_size,
            bytes: self.bytes.load(Ordering::Relaxed),
            max_bytes: max_bytes(&self.config),
            hits: self.counters.hits.load(Ordering::Relaxed),
            misses: self.counters.misses.load(Ordering::Relaxed),
            evictions: self.counters.evictions.load(Ordering::Relaxed),
            expired: self.counters.expired.load(Ordering::Relaxed),
        }
    }

    fn insert(&self, key: Key, entry: Entry) {
        self.bytes.fetch_add(entry_bytes(&key, &entry), Ordering::Relaxed);
        self.entries.insert(key, entry);
        // moka applies bounds in batches; here they hold after every insertion, so that figures can be trusted.
        self.entries.run_pending_tasks();
    }

    fn live(&self, query: &str, scope: Scope) -> Option<Arc<str>> {
        let key = Key { query: query.into(), scope };
        let entry = self.entries.get(&key)?;
        if entry.expires_ms > self.clock.now_ms() {
            return Some(entry.json);
        }
        self.entries.invalidate(&key);
        self.counters.expired.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl std::fmt::Debug for L1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L1").field("config", &self.config).finish_non_exhaustive()
    }
}

fn entry_bytes(key: &Key, entry: &Entry) -> u64 {
    (key.bytes() + entry.json.len() + ENTRY_OVERHEAD_BYTES) as u64
}

/// An equal share of the byte budget: what the smallest entry weighs.
fn share_bytes(config: &CacheConfig) -> u64 {
    (mb_to_bytes(config.l1_max_size_mb) / config.l1_max_size.max(1)).max(1)
}

fn max_bytes(config: &CacheConfig) -> u64 {
    share_bytes(config).saturating_mul(config.l1_max_size.max(1))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated positive; saturates")]
fn seconds_to_ms(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    fn l1(config: CacheConfig) -> (L1, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new());
        (L1::new(config, clock.clone(), Arc::default()), clock)
    }

    fn agent(id: &str) -> Scope {
        Scope { agent_id: Some(id.into()), ..Scope::default() }
    }

    #[test]
    fn expired_entry_is_a_miss() {
        let (l1, clock) = l1(CacheConfig { ttl_seconds: 1.0, ..CacheConfig::default() });
        l1.set("q", Scope::default(), "1", None);
        l1.set("long", Scope::default(), "2", Some(5_000));
        clock.advance(999);
        assert!(l1.get("q", &Scope::default()).is_some());
        clock.advance(1);
        assert!(l1.get("q", &Scope::default()).is_none());
        assert!(l1.get("long", &Scope::default()).is_some());
        let stats = l1.stats();
        assert_eq!((stats.hits, stats.misses, stats.expired, stats.entries), (2, 1, 1, 1));
    }

    #[test]
    fn maintenance_removes_what_is_expired() {
        let (l1, clock) = l1(CacheConfig::default());
        l1.set("a", Scope::default(), "1", Some(10));
        l1.set("b", Scope::default(), "1", Some(20));
        clock.advance(10);
        assert_eq!(l1.remove_expired(), 1);
        assert_eq!(l1.stats().entries, 1);
    }

    #[test]
    fn entries_bound_holds_and_the_least_recent_goes() {
        let (l1, _) = l1(CacheConfig { l1_max_size: 2, ..CacheConfig::default() });
        l1.set("a", Scope::default(), "1", None);
        l1.set("b", Scope::default(), "2", None);
        assert!(l1.get("a", &Scope::default()).is_some());
        l1.set("c", Scope::default(), "3", None);
        assert!(l1.get("b", &Scope::default()).is_none(), "b was used least recently");
        assert!(l1.get("a", &Scope::default()).is_some() && l1.get("c", &Scope::default()).is_some());
        assert_eq!((l1.stats().entries, l1.stats().evictions), (2, 1));
    }

    #[test]
    fn bytes_bound_holds_and_bytes_add_up() {
        let (l1, _) = l1(CacheConfig { l1_max_size: 100_000, l1_max_size_mb: 1.0, ..CacheConfig::default() });
        let value = format!("\"{}\"", "x".repeat(10_000));
        for number in 0..500 {
            l1.set(&format!("key {number}"), Scope::default(), &value, None);
            assert!(l1.stats().bytes <= 1_048_576, "{:?}", l1.stats());
        }
        let stats = l1.stats();
        assert!(stats.entries > 90 && stats.bytes / stats.entries > 10_000, "{stats:?}");
        l1.set("key 499", Scope::default(), "1", None);
        assert!(l1.stats().bytes < stats.bytes, "a replaced value gives its bytes back");
    }

    #[test]
    fn value_over_the_whole_budget_is_not_kept() {
        let (l1, _) = l1(CacheConfig { l1_max_size_mb: 1.0, ..CacheConfig::default() });
        l1.set("big", Scope::default(), &"x".repeat(2 << 20), None);
        assert!(l1.get("big", &Scope::default()).is_none());
        assert_eq!(l1.stats().bytes, 0);
    }

    #[test]
    fn agents_see_shared_entries_and_their_own_only() {
        let (l1, _) = l1(CacheConfig::default());
        l1.set("q", Scope::default(), "\"shared\"", None);
        l1.set("q", agent("a"), "\"of a\"", None);
        l1.set("secret", agent("a"), "1", None);
        assert_eq!(l1.get("q", &agent("a")).as_deref(), Some("\"of a\""));
        assert_eq!(l1.get("q", &agent("b")).as_deref(), Some("\"shared\""));
        assert_eq!(l1.get("secret", &agent("b")), None);
        assert_eq!(l1.get("secret", &Scope::default()), None);
    }

    #[test]
    fn model_and_system_prompt_must_be_equal() {
        let (l1, _) = l1(CacheConfig::default());
        let with_model = Scope { model: Some("m1".into()), ..Scope::default() };
        l1.set("q", with_model.clone(), "1", None);
        assert!(l1.get("q", &with_model).is_some());
        assert!(l1.get("q", &Scope::default()).is_none());
        assert!(l1.get("q", &Scope { model: Some("m2".into()), ..Scope::default() }).is_none());
        assert!(l1.get("q", &Scope { system_prompt: Some("m1".into()), ..Scope::default() }).is_none());
    }

    #[test]
    fn new_bounds_keep_entries_and_counters() {
        let (l1, _) = l1(CacheConfig::default());
        for number in 0..10 {
            l1.set(&number.to_string(), Scope::default(), "1", None);
        }
        assert!(l1.get("3", &Scope::default()).is_some());
        let smaller = l1.reconfigured(CacheConfig { l1_max_size: 4, ..CacheConfig::default() });
        let stats = smaller.stats();
        assert_eq!((stats.entries, stats.hits, stats.max_entries), (4, 1, 4));
    }

    mod model {
        use std::collections::HashMap;

        use proptest::prelude::*;

        use super::*;

        #[derive(Debug, Clone)]
        enum Step {
            Set(u8, u8, u64),
            Get(u8, u8),
            Advance(u64),
            Clean,
        }

        fn step() -> impl Strategy<Value = Step> {
            prop_oneof![
                (0u8..6, 0u8..3, 1u64..50).prop_map(|(key, agent, ttl)| Step::Set(key, agent, ttl)),
                (0u8..6, 0u8..3).prop_map(|(key, agent)| Step::Get(key, agent)),
                (0u64..30).prop_map(Step::Advance),
                Just(Step::Clean),
            ]
        }

        fn scope_of(number: u8) -> Scope {
            if number == 0 { Scope::default() } else { agent(&number.to_string()) }
        }

        proptest! {
            #[test]
            fn behaves_as_a_map_with_time_and_scopes(steps in proptest::collection::vec(step(), 1..80)) {
                let (l1, clock) = l1(CacheConfig::default());
                let mut model: HashMap<(u8, u8), (String, u64)> = HashMap::new();
                for (number, step) in steps.into_iter().enumerate() {
                    match step {
                        Step::Set(key, agent, ttl) => {
                            l1.set(&key.to_string(), scope_of(agent), &number.to_string(), Some(ttl));
                            model.insert((key, agent), (number.to_string(), clock.now_ms() + ttl));
                        }
                        Step::Get(key, agent) => {
                            let live = |agent| model.get(&(key, agent)).filter(|(_, end)| *end > clock.now_ms());
                            let expected = live(agent).or_else(|| live(0)).map(|(value, _)| value.as_str());
                            let found = l1.get(&key.to_string(), &scope_of(agent));
                            prop_assert_eq!(found.as_deref(), expected);
                        }
                        Step::Advance(ms) => clock.advance(ms),
                        Step::Clean => { l1.remove_expired(); }
                    }
                }
            }
        }
    }
}
