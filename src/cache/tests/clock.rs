//! Clocks that are set back, and lives that are spent on disk: nothing lives longer than it was given.

use super::*;

const HOUR_MS: u64 = 3_600_000;

#[test]
fn clock_set_back_prolongs_no_life_in_the_same_process() {
    for l1_max_size in [1, 100] {
        let world = World::new();
        let cache = world.open_with(|config| config.l1_max_size = l1_max_size);
        set_for(&cache, "a", "1", ttl(10_000));
        set_for(&cache, "b", "2", ttl(20_000));
        world.clock.advance(5000);
        world.clock.set_back(HOUR_MS);
        set_for(&cache, "c", "3", ttl(4000));
        world.clock.advance(4000);
        assert_eq!(["a", "b", "c"].map(|query| get(&cache, query).is_some()), [true, true, false]);
        world.clock.advance(1000);
        assert_eq!(["a", "b"].map(|query| get(&cache, query).is_some()), [false, true]);
        world.clock.advance(10_000);
        assert_eq!(get(&cache, "b"), None);
        assert_eq!(cache.stats().disk.clock_behind_ms, HOUR_MS);
    }
}

#[test]
fn clock_set_back_between_two_processes_gives_no_more_than_the_whole_life_again() {
    let world = World::new();
    let cache = world.open();
    set_for(&cache, "plain", "1", ttl(10_000));
    set_for(&cache, "stale", "2", Terms { stale_ms: 5000, ..ttl(10_000) });
    set_for(&cache, "sliding", "3", Terms { sliding: Some(true), ..ttl(10_000) });
    assert!(cache.close());
    world.clock.advance(5000);
    world.clock.set_back(HOUR_MS);
    // Each process that begins now sees what the one before noted.
    let queries = ["plain", "stale", "sliding"];
    for _ in 0..2 {
        let cache = world.open();
        assert!(queries.iter().all(|query| get(&cache, query).is_some()));
        assert!(cache.close());
        world.clock.advance(4000);
    }
    let cache = world.open();
    world.clock.advance(2000);
    assert_eq!(["plain", "stale"].map(|query| get(&cache, query)), [None, None], "10 s after the first look");
    assert_eq!(get(&cache, "sliding").as_deref(), Some("3"), "6 s after its last use");
    assert!(cache.find(&keys("stale"), true).is_some_and(|hit| !hit.is_fresh && hit.stale_for_ms == 0));
    world.clock.advance(5000);
    assert!(cache.find(&keys("stale"), true).is_none());
    world.clock.advance(5000);
    assert_eq!(get(&cache, "sliding"), None);
}

#[test]
fn times_in_a_damaged_row_prolong_no_life() {
    let world = World::new();
    let cache = world.open();
    set_for(&cache, "a", "1", ttl(10_000));
    assert!(cache.close());
    let database = rusqlite::Connection::open(world.database()).expect("open");
    database.execute("UPDATE m SET fresh = ?1, gone = ?1", [i64::MAX]).expect("update");
    drop(database);
    let cache = world.open();
    assert_eq!(get(&cache, "a").as_deref(), Some("1"));
    world.clock.advance(10_000);
    assert_eq!(get(&cache, "a"), None);
}

#[test]
fn sliding_life_begins_anew_with_each_use_wherever_the_entry_is() {
    let world = World::new();
    let cache = world.open();
    let sliding = Terms { sliding: Some(true), ..ttl(10_000) };
    set_for(&cache, "used", "1", sliding.clone());
    set_for(&cache, "idle", "2", sliding);
    for _ in 0..4 {
        world.clock.advance(6000);
        leave_l1(&cache);
        assert_eq!(get(&cache, "used").as_deref(), Some("1"), "from disk");
        world.clock.advance(6000);
        assert_eq!(get(&cache, "used").as_deref(), Some("1"), "from memory");
    }
    assert_eq!(get(&cache, "idle"), None);
    assert!(cache.close());
    world.clock.advance(8000);
    let cache = world.open();
    assert_eq!(get(&cache, "used").as_deref(), Some("1"), "another process knows of the last use");
    world.clock.advance(10_000);
    assert_eq!(get(&cache, "used"), None);
}

#[test]
fn slide_while_an_entry_waits_to_be_written_is_not_lost() {
    let world = World::new();
    let cache = world.open();
    cache.flush(false).expect("open");
    let other = lock(&world, &cache);
    set_for(&cache, "a", "1", Terms { sliding: Some(true), ..ttl(10_000) });
    world.clock.advance(9000);
    assert!(get(&cache, "a").is_some());
    drop(other);
    cache.flush(false).expect("flush");
    world.clock.advance(500);
    assert!(get(&cache, "a").is_some());
    assert!(cache.close());
    world.clock.advance(5000);
    assert_eq!(get(&world.open(), "a").as_deref(), Some("1"), "5 s after its last use");
}

/// Keeps a cache from writing until it is dropped.
fn lock(world: &World, cache: &CacheManager) -> rusqlite::Connection {
    set(cache, "first", "");
    cache.flush(false).expect("flush");
    let other = rusqlite::Connection::open(world.database()).expect("open");
    other.execute_batch("BEGIN IMMEDIATE").expect("lock");
    other
}

#[test]
fn looking_whether_there_is_a_value_is_no_use_of_it() {
    let world = World::new();
    let cache = world.open();
    let sliding = Terms { sliding: Some(true), ..ttl(10_000) };
    set_for(&cache, "in memory", "1", sliding.clone());
    assert!(cache.has(&keys("in memory")));
    set_for(&cache, "on disk", "2", sliding);
    leave_l1(&cache);
    set_for(&cache, "in memory", "1", Terms { sliding: Some(true), ..ttl(10_000) });
    world.clock.advance(6000);
    assert!(cache.has(&keys("in memory")) && cache.has(&keys("on disk")));
    assert_eq!(cache.stats().l1.entries, 1, "nothing came into L1");
    world.clock.advance(6000);
    assert!(!cache.has(&keys("in memory")) && !cache.has(&keys("on disk")));
    assert_eq!(cache.stats().overall.total_hits + cache.stats().overall.total_misses, 0);
}

#[test]
fn stale_value_is_given_to_those_who_ask_for_it_and_lives_no_longer_for_it() {
    for sliding in [false, true] {
        for place in ["memory", "queue", "disk"] {
            let world = World::new();
            let cache = world.open_with(|config| config.l1_max_size = if place == "queue" { 1 } else { 10 });
            let lock = (place == "queue").then(|| lock(&world, &cache));
            set_for(&cache, "a", "1", Terms { stale_ms: 5000, sliding: Some(sliding), ..ttl(1000) });
            match place {
                "queue" => set(&cache, "b", ""),
                "disk" => leave_l1(&cache),
                _ => {}
            }
            world.clock.advance(2000);
            for _ in 0..2 {
                assert_eq!(get(&cache, "a"), None, "{sliding} {place}");
                let hit = cache.find(&keys("a"), true).expect("stale");
                assert_eq!((hit.is_fresh, hit.stale_for_ms), (false, 1000), "{sliding} {place}");
            }
            world.clock.advance(4000);
            assert!(cache.find(&keys("a"), true).is_none());
            drop(lock);
        }
    }
}
