//! A configuration that holds before the cache is brought to it, and what is seen in between.

use super::*;
use crate::base::error::{Error, ErrorKind};
use crate::cache::config::EvictionPolicy;
use crate::cache::disk::Condition;

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
    assert!(l1.entries <= l1.max_size, "{} of {}", l1.entries, l1.max_size);
    for number in 0..20 {
        assert_eq!(get(&cache, &format!("key {number}")).as_deref(), Some("value"));
    }
    assert_eq!(cache.stats().l1.entries, l1.max_size, "the bounds are those of the last");
}

/// Whether the directory that a cache has now is open.
fn is_disk_open(cache: &CacheManager) -> bool {
    cache.disk().is_some_and(|disk| disk.is_started() && disk.condition() != Condition::Closed)
}

/// Asks for another directory, which is there: it is opened at once.
fn move_to(world: &World, cache: &CacheManager, dir: &str) {
    std::fs::create_dir_all(world.dir.path().join(dir)).expect("create");
    let cache_dir = Some(dir.to_owned());
    cache.configure(|old| Ok(CacheConfig { cache_dir, ..old.clone() })).expect("sound");
}

#[test]
fn configuration_that_holds_already_waits_for_nobody() {
    let world = World::new();
    let cache = filled(&world);
    let settling = cache.settling.pause(DEADLINE).expect("nobody settles");
    let (returned, returns) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cache.reconfigure(cache.config());
            returned.send(()).expect("the test waits");
        });
        let has_returned = returns.recv_timeout(DEADLINE);
        drop(settling);
        has_returned.expect("it has not waited");
    });
}

#[test]
fn cache_that_was_closed_opens_nothing_more() {
    let world = World::new();
    let cache = filled(&world);
    move_to(&world, &cache, "elsewhere");
    assert!(cache.close());
    cache.settle();
    assert!(!is_disk_open(&cache));
    let elsewhere = world.dir.path().join("elsewhere");
    assert_eq!(elsewhere.read_dir().expect("list").count(), 0);
    assert_eq!(get(&world.open(), "key 0").as_deref(), Some("value"), "written where it went");
}

#[test]
fn cache_is_closed_after_the_settling_that_is_under_way() {
    let world = World::new();
    let cache = filled(&world);
    let settling = cache.settling.pause(DEADLINE).expect("nobody settles");
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let (begin, begins) = channel();
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| {
            begin.send(()).expect("the test waits");
            assert!(cache.close());
            is_over.load(std::sync::atomic::Ordering::Acquire)
        });
        begins.recv().expect("it closes");
        for _ in 0..1000 {
            assert!(!cache.is_closed(), "it waits");
            std::thread::yield_now();
        }
        is_over.store(true, std::sync::atomic::Ordering::Release);
        drop(settling);
        assert!(closing.join().expect("no panic"), "it has waited");
    });
    assert!(!is_disk_open(&cache));
}

#[test]
fn nothing_stays_open_whoever_is_first_the_move_or_the_end() {
    for round in 0..30 {
        let world = World::new();
        let cache = filled(&world);
        move_to(&world, &cache, "elsewhere");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if round % 3 == 0 {
                    std::thread::yield_now();
                }
                cache.settle();
            });
            assert!(cache.close());
        });
        assert!(!is_disk_open(&cache), "round {round}");
    }
}
