//! What stands for the disk where there is none: against the same calls with a disk, and its budgets.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::*;
use crate::base::clock::Clock;
use crate::base::driven::DrivenClock;

const START_MS: u64 = 1_767_225_600_000;

fn cache(config: CacheConfig) -> (Arc<CacheManager>, Arc<DrivenClock>) {
    let clock = Arc::new(DrivenClock::new(0, START_MS));
    let manager =
        CacheManager::new(config, PathBuf::from("/nonexistent"), Arc::clone(&clock) as Arc<dyn Clock>);
    (manager, clock)
}

fn small() -> CacheConfig {
    CacheConfig { l1_max_size: 2, enable_similarity_detection: false, ..CacheConfig::default() }
}

fn keys(name: &str) -> Keys {
    Keys::new(&Namespace::root(""), &Scope::default(), name)
}

fn set(cache: &CacheManager, name: &str, text: &str, terms: Terms) {
    cache.set(keys(name).to_store(), text.into(), Kind::Text, terms).expect("open");
}

fn get(cache: &CacheManager, name: &str) -> Option<(String, Layer)> {
    let hit = cache.find(&keys(name), false)?;
    Some((hit.record.text.to_string(), hit.layer))
}

#[test]
fn what_leaves_memory_is_found_again_and_starts_no_thread() {
    let (cache, _) = cache(small());
    for name in ["a", "b", "c"] {
        set(&cache, name, name, Terms::default());
    }
    assert_eq!(get(&cache, "a"), Some(("a".into(), Layer::L2)));
    assert_eq!(get(&cache, "a"), Some(("a".into(), Layer::L1)));
    assert!(matches!(cache.peek(&keys("b"), false), Peek::Hit(_)), "nobody has to ask a disk");
    let stats = cache.stats();
    assert_eq!((stats.l1.entries, stats.l2.entries, stats.disk.state), (2, 3, "ok"));
    assert!(cache.disk().is_none());
}

#[test]
fn lives_removals_tags_and_layers_are_kept_to() {
    let (cache, clock) = cache(small());
    let short = || Terms { ttl_ms: Some(1_000), tags: vec!["t".into()], ..Terms::default() };
    for name in ["a", "b", "c", "d"] {
        set(&cache, name, name, short());
    }
    assert!(cache.delete(&keys("a")).expect("open"));
    assert_eq!(get(&cache, "a"), None);
    assert_eq!(cache.delete_by_tag(&Namespace::root(""), &["t".into()]).expect("open"), 3);
    assert_eq!(["b", "c", "d"].map(|name| get(&cache, name)), [None, None, None]);
    for name in ["a", "b", "c"] {
        set(&cache, name, name, short());
    }
    cache.clear(&Namespace::root(""), Some(Layer::L1)).expect("open");
    assert_eq!(get(&cache, "c"), Some(("c".into(), Layer::L2)));
    cache.clear(&Namespace::root(""), Some(Layer::L2)).expect("open");
    assert_eq!(get(&cache, "a"), None);
    assert_eq!(get(&cache, "c"), Some(("c".into(), Layer::L1)));
    clock.move_to(1_000);
    assert_eq!(get(&cache, "c"), None);
    for name in ["a", "b", "c"] {
        set(&cache, name, name, short());
    }
    clock.move_to(2_000);
    assert_eq!(cache.maintain(), 3);
    assert_eq!(cache.stats().l2.entries, 0);
}

#[test]
fn a_life_that_uses_prolong_is_kept_when_the_entry_leaves_memory() {
    let (cache, clock) = cache(small());
    set(&cache, "a", "a", Terms { ttl_ms: Some(10_000), sliding: Some(true), ..Terms::default() });
    clock.move_to(8_000);
    assert!(get(&cache, "a").is_some());
    for name in ["b", "c", "d"] {
        set(&cache, name, name, Terms::default());
    }
    clock.move_to(15_000);
    assert_eq!(get(&cache, "a"), Some(("a".into(), Layer::L2)));
}

#[test]
fn budgets_hold_the_oldest_goes_to_the_third_tier_and_then_away() {
    let config = CacheConfig { l2_max_size_mb: 1.0, l3_max_size_mb: 1.0, ..small() };
    let (cache, _) = cache(config);
    let text = "x".repeat(300 << 10);
    for at in 0..10 {
        set(&cache, &at.to_string(), &text, Terms::default());
    }
    let stats = cache.stats();
    assert_eq!((stats.l2.entries, stats.l3.tier.entries), (3, 3));
    assert_eq!(get(&cache, "0"), None);
    assert_eq!(get(&cache, "4").map(|(_, layer)| layer), Some(Layer::L3));
    assert_eq!(get(&cache, "7").map(|(_, layer)| layer), Some(Layer::L2));
}
