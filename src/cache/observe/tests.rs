//! What is seen of requests agrees with what happened.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::base::clock::ManualClock;
use crate::cache::{CacheConfig, Key, Keys, Kind, Namespace, Scope, Terms};

fn cache(entries: u64, policy: EvictionPolicy, clock: &Arc<ManualClock>) -> Arc<CacheManager> {
    let config = CacheConfig {
        l1_max_size: entries,
        persist_to_disk: false,
        enable_similarity_detection: false,
        eviction_policy: policy,
        ..CacheConfig::default()
    };
    CacheManager::new(config, PathBuf::new(), Arc::clone(clock) as _)
}

fn keys(name: u64) -> Keys {
    Keys::of(Key::new(&Namespace::root(""), &Scope::default(), &format!("key {name}")))
}

fn ask(cache: &CacheManager, name: u64, text: &str) -> bool {
    let keys = keys(name);
    let is_hit = cache.find(&keys, false).is_some();
    if !is_hit {
        cache.set(keys.to_store(), text.into(), Kind::Text, Terms::default()).expect("stored");
    }
    is_hit
}

fn plan(entries: u64, policy: EvictionPolicy) -> RehearsalPlan {
    let factors = vec![0.5, 1.0, 2.0];
    RehearsalPlan { entries, bytes: 64 << 20, policies: vec![policy, other_policy(policy)], factors }
}

/// Skewed requests, always the same.
fn requests(count: u64, names: u64) -> impl Iterator<Item = u64> {
    let mut seed = 42_u64;
    (0..count).map(move |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let uniform = (seed >> 11) as f64 / (1_u64 << 53) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below names")]
        let name = (names as f64 * uniform.powi(3)) as u64;
        name
    })
}

#[test]
fn unsampled_rehearsal_has_the_hits_that_caches_of_that_size_and_policy_have() {
    let clock = Arc::new(ManualClock::default());
    let watched = cache(100, EvictionPolicy::Lru, &clock);
    watched.observe(Some(plan(100, EvictionPolicy::Lru)), || {});
    let sizes = [(50, 0.5), (100, 1.0), (200, 2.0)];
    let real = sizes.map(|(entries, _)| cache(entries, EvictionPolicy::Lru, &clock));
    let mut hits = [0_u64; 3];
    for name in requests(6000, 600) {
        ask(&watched, name, "x");
        watched.rehearse();
        for (hits, cache) in hits.iter_mut().zip(&real) {
            *hits += u64::from(ask(cache, name, "x"));
        }
    }
    let seen = watched.observations();
    assert_eq!((seen.sample_ratio, seen.lost), (1, 0));
    for ((_, factor), hits) in sizes.iter().zip(hits) {
        let row = seen
            .rehearsed
            .iter()
            .find(|row| row.policy == EvictionPolicy::Lru && (row.factor - factor).abs() < 1e-9);
        let row = row.expect("rehearsed");
        assert_eq!((row.of_hits + row.of_misses, row.lookups), (hits, 6000), "{factor}");
    }
}

#[test]
fn sample_is_near_what_a_cache_of_that_size_has() {
    let clock = Arc::new(ManualClock::default());
    let (watched, double) =
        (cache(2000, EvictionPolicy::Lru, &clock), cache(4000, EvictionPolicy::Lru, &clock));
    watched.observe(Some(plan(2000, EvictionPolicy::Lru)), || {});
    let mut hits = 0_u32;
    for name in requests(60_000, 20_000) {
        ask(&watched, name, "x");
        hits += u32::from(ask(&double, name, "x"));
        watched.rehearse();
    }
    let seen = watched.observations();
    assert!(seen.sample_ratio > 1);
    let row = seen
        .rehearsed
        .iter()
        .find(|row| row.policy == EvictionPolicy::Lru && (row.factor - 2.0).abs() < 1e-9);
    let row = row.expect("rehearsed");
    // Hot keys that happen to be in the sample, or not, are hits: misses are what it stands for.
    let misses = row.lookups - row.of_hits - row.of_misses;
    let (sampled, real) = (1.0 - misses as f64 / 60_000.0, f64::from(hits) / 60_000.0);
    assert!((sampled - real).abs() < 0.04, "{sampled} of the sample, {real} in fact");
}

#[test]
fn nothing_is_seen_unless_asked_for() {
    let clock = Arc::new(ManualClock::default());
    let cache = cache(10, EvictionPolicy::Lru, &clock);
    for name in requests(200, 50) {
        ask(&cache, name, "x");
    }
    assert_eq!(cache.observations(), Observations { sample_ratio: 1, ..Observations::default() });
    cache.observe(Some(plan(10, EvictionPolicy::Lru)), || {});
    ask(&cache, 1, "x");
    assert_eq!(cache.observations().rehearsed[0].lookups, 1);
    cache.observe(None, || {});
    assert!(cache.observations().rehearsed.is_empty());
    assert_eq!(cache.observed.trail.held_bytes(), 0);
    assert_eq!(cache.observed.held.load(Ordering::Relaxed), 0);
}

#[test]
fn trail_is_bounded_and_wakes_whoever_replays_it() {
    use std::sync::atomic::AtomicUsize;
    let clock = Arc::new(ManualClock::default());
    let cache = cache(10, EvictionPolicy::Lru, &clock);
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    cache.observe(Some(plan(10, EvictionPolicy::Lru)), move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    ask(&cache, 1, "x");
    for _ in 0..10_000 {
        ask(&cache, 1, "x");
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    let seen = cache.observations();
    // What was stored for the first is taken down too.
    assert_eq!(seen.lost + seen.rehearsed[0].lookups + 1, 10_002);
    assert!(seen.lost > 0);
}

#[test]
fn expired_values_that_come_back_are_told_from_those_that_changed() {
    let clock = Arc::new(ManualClock::default());
    let cache = cache(10, EvictionPolicy::Lru, &clock);
    cache.observe(Some(plan(10, EvictionPolicy::Lru)), || {});
    for (name, first, second) in [(1, "same", "same"), (2, "one", "another"), (3, "same", "same")] {
        ask(&cache, name, first);
        clock.advance(3_600_001);
        assert!(!ask(&cache, name, second));
    }
    let seen = cache.observations();
    assert_eq!((seen.expired, seen.renewed_same, seen.renewed_changed), (3, 2, 1));
}

#[test]
fn misses_are_timed_until_their_value_comes() {
    let clock = Arc::new(ManualClock::default());
    let cache = cache(100, EvictionPolicy::Lru, &clock);
    cache.observe(Some(plan(100, EvictionPolicy::Lru)), || {});
    for name in 0..32 {
        let keys = keys(name);
        assert!(cache.find(&keys, false).is_none());
        clock.advance(250);
        cache.set(keys.to_store(), "x".into(), Kind::Text, Terms::default()).expect("stored");
    }
    let seen = cache.observations();
    assert_eq!((seen.timed_misses, seen.miss_ms), (2, 500));
}
