//! With the disk tiers: who answers instead of L1, and what larger ones would have answered.

use xxhash_rust::xxh3::xxh3_64;

use super::*;

fn on_disk(dir: &tempfile::TempDir, change: impl FnOnce(&mut CacheConfig)) -> Arc<CacheManager> {
    let mut config = CacheConfig {
        cache_dir: Some("cache".to_owned()),
        l1_max_size: 50,
        enable_similarity_detection: false,
        ..CacheConfig::default()
    };
    change(&mut config);
    CacheManager::new(config, dir.path().to_owned(), Arc::<ManualClock>::default())
}

/// Text that does not compress well.
fn noise(seed: u64, bytes: u64) -> Box<str> {
    let digits = (0..bytes / 16).map(|at| format!("{:016x}", xxh3_64(&((seed << 32) + at).to_le_bytes())));
    digits.collect::<String>().into()
}

fn ask_noise(cache: &CacheManager, query: u64) {
    let keys = keys(0, query);
    if cache.find(&keys, false).is_none() {
        cache.set(keys.to_store(), noise(query, 4000), Kind::Text, Terms::default()).expect("stored");
    }
}

#[test]
fn answers_of_the_disk_are_hits_that_a_larger_l1_would_have_had() {
    let dir = tempfile::tempdir().expect("temp dir");
    let cache = on_disk(&dir, |_| ());
    for round in 0..4 {
        for query in 0..70 {
            ask(&cache, 0, query, 100);
        }
        // From here on the disk is asked, and not the queue.
        cache.flush(false).expect("flush");
        assert_eq!(cache.stats().overall.total_misses, 70, "round {round}");
    }
    let stats = cache.stats();
    let step = cache.would_have().steps[1];
    assert!(stats.l2.hits > 150 && step.hits_gained == stats.l2.hits, "{step:?} {stats:?}");
    assert_eq!((step.entries, step.of_misses), (75, 0));
    let advice = cache.advice();
    assert_eq!((advice.len(), advice[0].of_misses, advice[0].change.proposed), (1, 0, 75.0));
}

#[test]
fn what_another_process_has_changed_would_not_have_been_a_hit() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (one, two) = (on_disk(&dir, |_| ()), on_disk(&dir, |_| ()));
    (0..60).for_each(|query| store(&one, &keys(0, query), 100, Terms::default()));
    one.flush(false).expect("flush");
    store(&two, &keys(0, 3), 200, Terms::default());
    two.flush(false).expect("flush");
    assert!(one.find(&keys(0, 3), false).is_some_and(|hit| hit.record.text.len() == 200));
    assert_eq!(gained(&one).last(), Some(&0));
    assert!(one.find(&keys(0, 4), false).is_some());
    assert_eq!(gained(&one).last(), Some(&1));
}

/// A loop over 400 values of 4 KB; how many misses there were.
fn loop_over_disk(cache: &CacheManager) -> u64 {
    for at in 0..2400 {
        ask_noise(cache, at % 400);
        if at % 20 == 0 {
            cache.flush(false).expect("flush");
        }
    }
    cache.stats().overall.total_misses
}

#[test]
fn misses_that_a_larger_disk_tier_would_have_answered_are_counted() {
    for (sizes, threshold, setting) in
        [([0.2, 1.0], 1000, "cache.l3MaxSizeMB"), ([1.0, 0.2], 1_000_000, "cache.l2MaxSizeMB")]
    {
        let sized = |dir: &tempfile::TempDir, [l2, l3]: [f64; 2]| {
            on_disk(dir, |config| {
                config.l1_max_size = 10;
                (config.l2_max_size_mb, config.l3_max_size_mb) = (l2, l3);
                config.compression_threshold_bytes = threshold;
                config.enable_compression = false;
            })
        };
        let (dir, other) = (tempfile::tempdir().expect("temp dir"), tempfile::tempdir().expect("temp dir"));
        let cache = sized(&dir, sizes);
        let misses = loop_over_disk(&cache);
        let advice = cache.advice();
        let found = advice.iter().find(|advice| advice.change.setting == setting);
        let Some(found) = found else { unreachable!("{setting}: {advice:?}, {:?}", cache.would_have()) };
        assert_eq!((found.misses, found.of_misses), (misses, found.hits_gained));
        let larger = sizes.map(|mb| if mb < 1.0 { mb } else { found.change.proposed });
        let real = misses - loop_over_disk(&sized(&other, larger));
        assert!(found.hits_gained.abs_diff(real) <= real / 5, "{found:?}, really {real}");
    }
}
