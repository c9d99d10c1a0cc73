//! Keeps the texts of the token optimizer in a cache of their own: beside the answers, with a budget of its own, shared by
//! the processes of a machine, and found by nobody but the same project.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::clock::Clock;
use crate::cache::{CacheConfig, Key, Keys, Kind, Namespace, OpenCache, Purpose, Record, Scope, Terms};
use crate::tokens::blocks::TextStore;
use crate::tokens::config::TokensConfig;

/// Below the cache's directory.
const DIRECTORY: &str = "blocks";
/// The bound by entries must not be reached before that by bytes.
const MAX_ENTRIES: u64 = 100_000_000;
/// The longest text of a context.
const MAX_TEXT_MB: f64 = 256.0;

/// Where the texts of a project are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockPlace {
    /// The cache's directory; `None`: in memory only.
    pub cache_dir: Option<String>,
    /// What a relative directory is relative to.
    pub cwd: PathBuf,
    /// Whose texts they are.
    pub namespace: Option<String>,
    /// Whether the directory may be on a network file system.
    pub allow_network_file_system: bool,
}

impl BlockPlace {
    /// Beside the answers of a cache.
    pub fn beside(cache: &CacheConfig, cwd: PathBuf) -> Self {
        Self {
            cache_dir: cache.persist_to_disk.then(|| cache.dir().to_owned()),
            cwd,
            namespace: cache.namespace.clone(),
            allow_network_file_system: cache.allow_network_file_system,
        }
    }
}

/// The texts of a project.
#[derive(Debug)]
pub struct BlockStore {
    cache: OpenCache,
    namespace: Namespace,
}

impl BlockStore {
    /// Opens them. Waits for nothing.
    pub fn open(place: &BlockPlace, config: &TokensConfig, clock: Arc<dyn Clock>) -> Self {
        let cache = OpenCache::open(Self::cache_config(place, config), place.cwd.clone(), clock);
        let namespace = cache.manager().namespace().clone();
        Self { cache, namespace }
    }

    /// Other bounds from now on.
    pub fn reconfigure(&self, place: &BlockPlace, config: &TokensConfig) {
        self.cache.manager().reconfigure(Self::cache_config(place, config));
    }

    /// Writes what waits and ends the use. Blocks.
    pub fn close(&self) {
        self.cache.close();
    }

    /// Bytes in memory and on disk.
    pub fn stats(&self) -> crate::cache::CacheStats {
        self.cache.manager().stats()
    }

    /// Removes what was not used for too long.
    pub fn maintain(&self) {
        self.cache.manager().maintain();
    }

    fn cache_config(place: &BlockPlace, config: &TokensConfig) -> CacheConfig {
        CacheConfig {
            l1_max_size: MAX_ENTRIES,
            l1_max_size_mb: config.block_memory_mb,
            // What leaves the first half goes compressed to the other.
            l2_max_size_mb: config.block_store_mb / 2.0,
            l3_max_size_mb: config.block_store_mb / 2.0,
            ttl_seconds: config.block_retention_seconds,
            sliding_ttl: true,
            enable_similarity_detection: false,
            persist_to_disk: place.cache_dir.is_some(),
            cache_dir: place.cache_dir.as_ref().map(|dir| format!("{dir}/{DIRECTORY}")),
            namespace: place.namespace.clone(),
            max_entry_size_mb: MAX_TEXT_MB,
            allow_network_file_system: place.allow_network_file_system,
            purpose: Purpose::Texts,
            ..CacheConfig::default()
        }
    }

    fn keys(&self, key: &str) -> Keys {
        Keys::new(&self.namespace, &Scope::default(), key)
    }
}

/// A record shows its text.
struct Value(Arc<Record>);

impl AsRef<str> for Value {
    fn as_ref(&self) -> &str {
        &self.0.text
    }
}

impl TextStore for BlockStore {
    fn get(&self, key: &str) -> Option<Arc<dyn AsRef<str> + Send + Sync>> {
        let hit = self.cache.manager().find(&self.keys(key), false)?;
        Some(Arc::new(Value(hit.record)))
    }

    fn put(&self, key: &str, value: Box<str>) -> bool {
        let key = Key::new(&self.namespace, &Scope::default(), key);
        match self.cache.manager().set(&key, value, Kind::Text, Terms::default()) {
            Ok(stored) => {
                if stored.is_crowded {
                    self.cache.manager().wait_for_room();
                }
                true
            }
            Err(_) => false,
        }
    }

    fn flush(&self) -> bool {
        self.cache.manager().flush(false).is_ok()
    }
}
