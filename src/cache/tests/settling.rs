//! A configuration that holds before the cache is brought to it, and what is seen in between.

use super::*;
use crate::base::error::{Error, ErrorKind};
use crate::cache::config::EvictionPolicy;

fn filled(world: &World) -> Arc<CacheManager> {
    let cache = world.open();
    for number in 0..20 {
        set(&cache, &format!("key {number}"), "value");
    }
    cache
}

fn size(cache: &CacheManager, l1_max_size: u64) {
    cache.configure(|old| Ok(CacheConfig { l1_max_size, ..old.clone() })).expect("sound");
}

#[test]
fn configuration_holds_at_once_and_entries_follow() {
    let world = World::new();
    let cache = filled(&world);
    let change = cache.configure(|old| Ok(CacheConfig { l1_max_size: 3, ..old.clone() })).expect("sound");
    assert_eq!((change.old.l1_max_size, change.new.l1_max_size), (1000, 3));
    let l1 = cache.stats().l1;
    assert_eq!((l1.max_size, l1.entries), (3, 20));
    for number in 0..20 {
        assert_eq!(layer(&cache, &format!("key {number}")), Some(Layer::L1));
    }
    cache.settle();
    assert_eq!(cache.stats().l1.entries, 3);
    for number in 0..20 {
        assert_eq!(get(&cache, &format!("key {number}")).as_deref(), Some("value"));
    }
}

#[test]
fn change_that_is_refused_changes_nothing() {
    let world = World::new();
    let cache = filled(&world);
    let refused = cache.configure(|_| Err(Error::new(ErrorKind::ConfigInvalid, "asked for by the test")));
    assert!(refused.is_err());
    cache.settle();
    let l1 = cache.stats().l1;
    assert_eq!((l1.max_size, l1.entries), (1000, 20));
}

#[test]
fn several_changes_are_settled_by_one_and_a_second_settling_does_nothing() {
    let world = World::new();
    let cache = filled(&world);
    size(&cache, 2);
    cache.reconfigure(CacheConfig { persist_to_disk: false, ..cache.config() });
    size(&cache, 5);
    cache.settle();
    cache.settle();
    let stats = cache.stats();
    assert_eq!((stats.l1.entries, stats.l1.max_size, stats.disk.state), (2, 5, "off"));
    set(&cache, "later", "value");
    assert_eq!(cache.stats().l1.entries, 3, "the bounds are those of the last change");
}

#[test]
fn questions_of_a_moment_without_similarity_are_found_when_it_is_back_before_it_was_settled() {
    let world = World::new();
    let cache = world.open();
    let switch = |is_on| {
        cache
            .configure(|old| Ok(CacheConfig { enable_similarity_detection: is_on, ..old.clone() }))
            .expect("sound");
    };
    switch(false);
    set(&cache, "how do I configure the database connection pool", "so");
    switch(true);
    assert_eq!(cache.stats().similarity.queries, 0);
    cache.settle();
    assert_eq!(cache.stats().similarity.queries, 1);
}

#[test]
fn threads_that_settle_at_once_end_under_the_last_configuration() {
    let world = World::new();
    let cache = filled(&world);
    std::thread::scope(|scope| {
        for number in 1..=4 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..20 {
                    let eviction_policy =
                        if round % 2 == 0 { EvictionPolicy::Lfu } else { EvictionPolicy::Lru };
                    cache
                        .configure(|old| {
                            Ok(CacheConfig { l1_max_size: number, eviction_policy, ..old.clone() })
                        })
                        .expect("sound");
                    cache.settle();
                }
            });
        }
    });
    let l1 = cache.stats().l1;
    assert_eq!(l1.entries, l1.max_size);
    for number in 0..20 {
        assert_eq!(get(&cache, &format!("key {number}")).as_deref(), Some("value"));
    }
}
