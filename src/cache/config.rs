//! Settings of the cache. Says what they are and which are allowed; the tiers decide what they do.

use serde::{Serialize, Serializer};

use crate::base::config::{Choice, Configure, Number, Section, Text};

/// Entries in L1: the replaced package's value, which its users tuned against.
pub const DEFAULT_L1_MAX_SIZE: u64 = 1000;
/// Ours: room for the default 1000 entries at 64 KB each, four times the mean value of our cache measurements.
pub const DEFAULT_L1_MAX_SIZE_MB: f64 = 64.0;
/// Uncompressed disk tier: the replaced package's value.
pub const DEFAULT_L2_MAX_SIZE_MB: f64 = 500.0;
/// Compressed disk tier: the replaced package's value.
pub const DEFAULT_L3_MAX_SIZE_MB: f64 = 1000.0;
/// One hour: the replaced package's value.
pub const DEFAULT_TTL_SECONDS: f64 = 3600.0;
/// 1 KB: the replaced package's value; there is little to gain in smaller entries.
pub const DEFAULT_COMPRESSION_THRESHOLD: u64 = 1024;
/// The replaced package's value.
pub const DEFAULT_SIMILARITY_THRESHOLD: f64 = 0.8;
/// Under the working directory, as in the replaced package.
pub const DEFAULT_CACHE_DIR: &str = ".cache";

/// Ours: far above any answer of a model, far below what would hold up the process that stores it.
pub const DEFAULT_MAX_ENTRY_MB: f64 = 64.0;

/// More entries than fit into the memory of the machines this runs on, few enough for 32-bit slots.
const L1_ENTRIES: Number = Number::whole(1.0, 100_000_000.0, "entries");
/// From one millisecond, the clock's step, to a hundred years, which is "for ever" and still exact in ms.
const TTL_SECONDS: Number = Number::real(0.001, 3_153_600_000.0, "seconds");
/// Up to 1 GB, larger than any entry.
const ENTRY_BYTES: Number = Number::whole(0.0, 1_073_741_824.0, "bytes");

/// To half of the longest string that V8 can hold.
const MAX_ENTRY_MB: Number = Number::real(0.001, 256.0, "MB");
/// Up to a second: what waits is lost with the process.
const WRITE_BEHIND_MS: Number = Number::whole(0.0, 1000.0, "ms");
/// From none to the most that L1 can hold.
const WARM_ENTRIES: Number = Number::whole(0.0, 100_000_000.0, "entries");

/// What readers get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueMode {
    /// A value of their own: nobody can spoil another's.
    #[default]
    Copy,
    /// The same object for all readers of a thread, as from an ordinary map: faster, and a change is seen by all.
    Reference,
}

impl Choice for ValueMode {
    const CHOICES: &'static [(&'static str, Self)] = &[("copy", Self::Copy), ("reference", Self::Reference)];
}

/// Which entry leaves a full L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EvictionPolicy {
    /// The least recently used, exactly.
    #[default]
    Lru,
    /// The least frequently used of late: W-TinyLFU with a large window.
    Lfu,
    /// Whichever of four policies, LRU among them, does best on a sample of the keys: on average more hits than LRU, never
    /// much fewer. See `docs/decisions/0008-own-l1.md` for figures.
    Adaptive,
}

impl Choice for EvictionPolicy {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("lru", Self::Lru), ("lfu", Self::Lfu), ("adaptive", Self::Adaptive)];
}

/// What a cache keeps. Not a setting: whoever opens one says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// Answers that can be made again.
    #[default]
    Answers,
    /// Texts that agents were told of and can ask for.
    Texts,
}

/// Settings of the cache. In JSON also `environment`, which is checked and ignored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent settings, as their users know them")]
pub struct CacheConfig {
    /// `l1MaxSize`: entries in memory. Default 1000, whole, 1 to 100,000,000.
    pub l1_max_size: u64,
    /// `l1MaxSizeMB`: MB in memory; whichever bound is reached first evicts. Default 64, 0.001 to 10,000,000.
    #[serde(rename = "l1MaxSizeMB")]
    pub l1_max_size_mb: f64,
    /// `l2MaxSizeMB`: MB of uncompressed entries on disk. Default 500, 0.001 to 10,000,000.
    #[serde(rename = "l2MaxSizeMB")]
    pub l2_max_size_mb: f64,
    /// `l3MaxSizeMB`: MB of compressed entries on disk. Default 1000, 0.001 to 10,000,000.
    #[serde(rename = "l3MaxSizeMB")]
    pub l3_max_size_mb: f64,
    /// `ttlSeconds`: life of an entry stored without one. Default 3600, 0.001 to 3,153,600,000 (a hundred years).
    pub ttl_seconds: f64,
    /// `compressionThreshold`: bytes over which an entry leaving L2 is compressed into L3. Default 1024, whole, 0 to
    /// 1,073,741,824.
    #[serde(rename = "compressionThreshold")]
    pub compression_threshold_bytes: u64,
    /// `similarityThreshold`: similarity from which another query's answer is served. Default 0.8, 0 to 1.
    pub similarity_threshold: f64,
    /// `enableCompression`: whether L3 compresses. Default true.
    pub enable_compression: bool,
    /// `enableSimilarityDetection`: whether a similar query may answer. Default true.
    pub enable_similarity_detection: bool,
    /// `persistToDisk`: whether entries survive a restart. Default true.
    pub persist_to_disk: bool,
    /// `cacheDir`: directory of the disk tiers, relative to the working directory. `None` means `.cache` and is
    /// shown so; never empty.
    #[serde(serialize_with = "shown_cache_dir")]
    pub cache_dir: Option<String>,
    /// `evictionPolicy`: `lru` (default), `lfu` or `adaptive`.
    pub eviction_policy: EvictionPolicy,
    /// `namespace`: root of the keys; caches of one directory and different namespaces know nothing of each other.
    /// Default: the system's `projectId`, else the default namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `valueMode`: `copy` (default), every reader gets a value of its own, or `reference`, all readers of a thread get the
    /// same object.
    pub value_mode: ValueMode,
    /// `maxEntrySizeMB`: larger values are refused. Default 64, 0.001 to 256.
    #[serde(rename = "maxEntrySizeMB")]
    pub max_entry_size_mb: f64,
    /// `ttlJitter`: share of its life by which an entry's is shortened at random, so that entries stored together do not
    /// expire together. Default 0, 0 to 1.
    pub ttl_jitter: f64,
    /// `slidingTtl`: whether a use begins an entry's life anew. Default false.
    pub sliding_ttl: bool,
    /// `warmOnStart`: entries, the most used ones, that are loaded from disk into L1 when the cache is opened. Default 0.
    pub warm_on_start: u64,
    /// `writeBehindMs`: ms that an entry may wait for others before it is written to disk, so that fewer transactions write more.
    /// What waits is found by this process, but not yet by others, and is lost if the process is killed. Default 0, whole, 0 to 1000.
    pub write_behind_ms: u64,
    /// `allowNetworkFileSystem`: whether the disk tiers may be on a network file system, where locks and shared memory of
    /// several machines do not work: for one machine only. Default false.
    pub allow_network_file_system: bool,
    /// What it keeps.
    #[serde(skip)]
    pub purpose: Purpose,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            l1_max_size: DEFAULT_L1_MAX_SIZE,
            l1_max_size_mb: DEFAULT_L1_MAX_SIZE_MB,
            l2_max_size_mb: DEFAULT_L2_MAX_SIZE_MB,
            l3_max_size_mb: DEFAULT_L3_MAX_SIZE_MB,
            ttl_seconds: DEFAULT_TTL_SECONDS,
            compression_threshold_bytes: DEFAULT_COMPRESSION_THRESHOLD,
            similarity_threshold: DEFAULT_SIMILARITY_THRESHOLD,
            enable_compression: true,
            enable_similarity_detection: true,
            persist_to_disk: true,
            cache_dir: None,
            eviction_policy: EvictionPolicy::default(),
            namespace: None,
            value_mode: ValueMode::default(),
            max_entry_size_mb: DEFAULT_MAX_ENTRY_MB,
            ttl_jitter: 0.0,
            sliding_ttl: false,
            warm_on_start: 0,
            write_behind_ms: 0,
            allow_network_file_system: false,
            purpose: Purpose::Answers,
        }
    }
}

impl CacheConfig {
    /// The directory of the disk tiers as set, or `.cache`.
    pub fn dir(&self) -> &str {
        self.cache_dir.as_deref().unwrap_or(DEFAULT_CACHE_DIR)
    }
}

impl Configure for CacheConfig {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.whole("l1MaxSize", L1_ENTRIES, &mut self.l1_max_size);
        section.number("l1MaxSizeMB", Number::MEGABYTES, &mut self.l1_max_size_mb);
        section.number("l2MaxSizeMB", Number::MEGABYTES, &mut self.l2_max_size_mb);
        section.number("l3MaxSizeMB", Number::MEGABYTES, &mut self.l3_max_size_mb);
        section.number("ttlSeconds", TTL_SECONDS, &mut self.ttl_seconds);
        section.whole("compressionThreshold", ENTRY_BYTES, &mut self.compression_threshold_bytes);
        section.number("similarityThreshold", Number::FRACTION, &mut self.similarity_threshold);
        section.flag("enableCompression", &mut self.enable_compression);
        section.flag("enableSimilarityDetection", &mut self.enable_similarity_detection);
        section.flag("persistToDisk", &mut self.persist_to_disk);
        section.text("cacheDir", Text::Any, &mut self.cache_dir);
        section.choice("evictionPolicy", &mut self.eviction_policy);
        section.text("namespace", Text::Any, &mut self.namespace);
        section.choice("valueMode", &mut self.value_mode);
        section.number("maxEntrySizeMB", MAX_ENTRY_MB, &mut self.max_entry_size_mb);
        section.number("ttlJitter", Number::FRACTION, &mut self.ttl_jitter);
        section.flag("slidingTtl", &mut self.sliding_ttl);
        section.whole("warmOnStart", WARM_ENTRIES, &mut self.warm_on_start);
        section.whole("writeBehindMs", WRITE_BEHIND_MS, &mut self.write_behind_ms);
        section.flag("allowNetworkFileSystem", &mut self.allow_network_file_system);
        section.ignored_environment();
    }
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn shown_cache_dir<S: Serializer>(dir: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(dir.as_deref().unwrap_or(DEFAULT_CACHE_DIR))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn update_changes_only_what_is_there() {
        let old = CacheConfig { l1_max_size: 7, ..CacheConfig::default() };
        let new =
            old.updated("", &json!({ "ttlSeconds": 60, "evictionPolicy": "lfu", "environment": "staging" }));
        let expected = CacheConfig { ttl_seconds: 60.0, eviction_policy: EvictionPolicy::Lfu, ..old };
        assert_eq!(new.expect("sound"), expected);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (key, value) in [
            ("l1MaxSize", json!(0)),
            ("l1MaxSize", json!(1.5)),
            ("l1MaxSize", json!(100_000_001)),
            ("l1MaxSizeMB", json!(0)),
            ("ttlSeconds", json!(0)),
            ("ttlSeconds", json!("60")),
            ("compressionThreshold", json!(-1)),
            ("similarityThreshold", json!(1.01)),
            ("cacheDir", json!("")),
            ("cacheDir", json!(null)),
            ("evictionPolicy", json!("LRU")),
            ("environment", json!("prod")),
        ] {
            let error = CacheConfig::default().updated("cache", &json!({ key: value })).expect_err(key);
            assert_eq!(error.problems().len(), 1);
            assert_eq!(error.problems()[0].path, format!("cache.{key}"));
        }
    }

    #[test]
    fn default_directory_is_shown() {
        let shown = serde_json::to_value(CacheConfig::default()).expect("serializable");
        assert_eq!(shown["cacheDir"], ".cache");
        assert_eq!(shown["l1MaxSizeMB"], 64.0);
        assert_eq!(shown["evictionPolicy"], "lru");
    }
}
