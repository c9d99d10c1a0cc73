//! How long the end of a process waits.

use super::*;
use crate::base::clock::ManualClock;
use crate::cache::{Keys, Kind, Scope, Terms};

#[test]
fn what_waits_is_written_in_time_and_without_time_nothing_is_begun() {
    let dir = tempfile::tempdir().expect("temp dir");
    let config = CacheConfig {
        cache_dir: Some("cache".to_owned()),
        // Nothing is written before it is asked for.
        write_behind_ms: 60_000,
        ..CacheConfig::default()
    };
    let cache = CacheManager::new(config, dir.path().to_owned(), Arc::new(ManualClock::new()));
    let keys = Keys::new(cache.namespace(), &Scope::default(), "a");
    cache.set(keys.to_store(), "1".into(), Kind::Text, Terms::default()).expect("stored");
    let waiting = || cache.disk().expect("a disk").queue.len();
    flush_within(&cache, Patience::new(Duration::ZERO));
    assert_eq!(waiting(), 1);
    flush_within(&cache, Patience::new(Duration::from_secs(60)));
    assert_eq!(waiting(), 0);
    assert!(cache.close());
}
