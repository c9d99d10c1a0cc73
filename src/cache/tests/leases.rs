//! One computes for all processes: who has the turn, and when it passes on.

use super::super::flight::Turn;
use super::*;
use crate::base::clock::Clock;

const LEASE_MS: u64 = 10_000;

fn two() -> (World, Arc<CacheManager>, Arc<CacheManager>) {
    let world = World::new();
    let one = world.open();
    set(&one, "first", "");
    one.flush(false).expect("flush");
    let two = world.open();
    (world, one, two)
}

fn acquire(cache: &CacheManager) -> Turn {
    cache.acquire(&keys("a"), LEASE_MS, false).0
}

fn mine(turn: Turn) -> i64 {
    match turn {
        Turn::Mine(token) => token,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn one_has_the_turn_and_the_others_learn_until_when() {
    let (world, one, two) = two();
    let token = mine(acquire(&one));
    let until_ms = world.clock.wall_ms() + LEASE_MS;
    for cache in [&one, &two] {
        assert!(matches!(acquire(cache), Turn::Theirs(until) if until == until_ms));
    }
    assert!(matches!(two.acquire(&keys("another"), LEASE_MS, false).0, Turn::Mine(_)));
    let key = keys("a").to_store().clone();
    set(&one, "a", "computed");
    one.release(&key, token);
    one.flush(false).expect("flush");
    for cache in [&one, &two] {
        assert!(matches!(acquire(cache), Turn::Found(hit) if &*hit.record.text == "computed"));
    }
}

#[test]
fn who_waits_sees_that_the_lease_was_given_back() {
    let (_world, one, two) = two();
    let token = mine(acquire(&one));
    let key = keys("a").to_store().clone();
    assert!(matches!(acquire(&two), Turn::Theirs(_)));
    let before = two.stamp(&key);
    one.release(&key, token);
    one.flush(false).expect("flush");
    assert_ne!(two.stamp(&key), before, "also when nothing was stored");
    let token = mine(acquire(&two));
    assert!(!one.renew(&key, token + 1, LEASE_MS) && two.renew(&key, token, LEASE_MS));
}

#[test]
fn lease_of_one_who_died_ends_and_a_prolonged_one_does_not() {
    let (world, one, two) = two();
    let key = keys("a").to_store().clone();
    let token = mine(acquire(&one));
    world.clock.advance(LEASE_MS / 2);
    assert!(one.renew(&key, token, LEASE_MS));
    world.clock.advance(LEASE_MS - 1);
    assert!(matches!(acquire(&two), Turn::Theirs(_)));
    world.clock.advance(1);
    let theirs = mine(acquire(&two));
    assert!(!one.renew(&key, token, LEASE_MS), "it is not the first one's any more");
    one.release(&key, token);
    one.flush(false).expect("flush");
    assert!(matches!(acquire(&one), Turn::Theirs(_)), "giving back what one does not have changes nothing");
    assert!(two.renew(&key, theirs, LEASE_MS));
}

#[test]
fn value_that_came_between_the_look_and_the_lease_is_found() {
    let (_world, one, two) = two();
    set(&one, "a", "there");
    one.flush(false).expect("flush");
    assert!(matches!(acquire(&two), Turn::Found(_)));
    let (turn, _) = two.acquire(&keys("a"), LEASE_MS, true);
    let token = mine(turn);
    two.release(keys("a").to_store(), token);
    two.flush(false).expect("flush");
    assert!(matches!(one.acquire(&keys("a"), LEASE_MS, true).0, Turn::Mine(_)));
}

#[test]
fn stale_value_comes_with_the_turn() {
    let (world, one, _two) = two();
    set_for(&one, "a", "old", Terms { stale_ms: 5000, ..ttl(1000) });
    world.clock.advance(2000);
    let (turn, stale) = one.acquire(&keys("a"), LEASE_MS, false);
    assert!(matches!(turn, Turn::Mine(_)));
    assert_eq!(stale.map(|hit| hit.record.text.to_string()).as_deref(), Some("old"));
}

#[test]
fn anybody_computes_where_the_disk_cannot_be_used() {
    let world = World::new();
    let cache = world.open_with(|config| config.persist_to_disk = false);
    assert!(matches!(acquire(&cache), Turn::Anybody));
    std::fs::write(world.path(), "not a directory").expect("write");
    let cache = world.open();
    assert!(matches!(acquire(&cache), Turn::Anybody));
    assert!(!cache.renew(keys("a").to_store(), 1, LEASE_MS));
}
