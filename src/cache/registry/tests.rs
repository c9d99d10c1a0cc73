//! How long the end of a process waits.

use super::*;
use crate::base::clock::ManualClock;
use crate::cache::{Keys, Kind, Scope, Terms};

const MS: Duration = Duration::from_millis(1);

/// Time passes by `elapsed` at once, how often until none is left.
fn parts(elapsed: Duration) -> usize {
    let mut time = Patience::new(2000 * MS);
    let mut parts = 0;
    while !time.is_over() {
        assert!(time.most() <= 100 * MS);
        time.pass(elapsed);
        parts += 1;
    }
    parts
}

#[test]
fn time_is_gone_whether_waits_were_answered_or_not() {
    assert_eq!([1, 50, 100].map(|ms| parts(ms * MS)), [2000, 40, 20]);
}

#[test]
fn standstill_of_the_process_is_one_slice_however_long_it_was() {
    assert_eq!([101, 150, 60_000].map(|ms| parts(ms * MS)), [20, 20, 20]);
}

#[test]
fn no_wait_is_longer_than_what_is_left() {
    let mut time = Patience::new(2000 * MS);
    for _ in 0..19 {
        time.pass(100 * MS);
    }
    time.pass(70 * MS);
    assert_eq!(time.most(), 30 * MS);
    assert_eq!(time.spend(|most| most), 30 * MS);
    time.pass(30 * MS);
    assert!(time.is_over());
}

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
    flush_within(&cache, Patience::new(60_000 * MS));
    assert_eq!(waiting(), 0);
    assert!(cache.close());
}
