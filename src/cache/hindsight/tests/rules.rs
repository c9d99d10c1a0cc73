//! What is counted, what is not, and what follows from it.

use super::*;
use crate::base::footprint::{Footprint, Relief};

#[test]
fn nothing_is_advised_where_nothing_is_known_or_little_would_be_gained() {
    let cache = lru(100);
    assert_eq!(cache.advice(), []);
    assert!(gained(&cache).iter().all(|&hits| hits == 0));
    turn(&cache, 50, 100);
    assert_eq!(cache.advice(), [], "all fits");
    for query in 0..5000 {
        ask(&cache, 0, 1000 + query, 100);
    }
    assert_eq!(cache.advice(), [], "none is asked for again");
    let cache = lru(100);
    turn(&cache, 120, 1);
    for query in 0..99 {
        ask(&cache, 0, query, 100);
    }
    assert_eq!((gained(&cache)[0], cache.advice().len()), (99, 0), "99 hits may be chance");
    ask(&cache, 0, 99, 100);
    assert_eq!(cache.advice().len(), 1);
    for _ in 0..2000 {
        ask(&cache, 0, 99, 100);
    }
    assert_eq!(cache.advice(), [], "of 2,000 lookups 100 are too few");
}

#[test]
fn smallest_size_that_gains_four_fifths_is_advised() {
    let cache = lru(100);
    turn(&cache, 140, 20);
    let advice = cache.advice();
    let [advice] = advice.as_slice() else { unreachable!("one: {advice:?}") };
    let expected = Change { setting: "cache.l1MaxSize", current: 100.0, proposed: 150.0 };
    assert_eq!((advice.change, advice.also), (expected, None));
    assert_eq!((advice.misses, advice.hits_gained, advice.of_misses), (2800, 2660, 2660));
    assert_eq!((advice.lookups, advice.since_ms), (2800, ManualClock::WALL_START_MS));
    let held = cache.l1.lock().bytes();
    assert_eq!(advice.more_bytes, 150 * (held / 100) - held);
    let shown = serde_json::to_value(advice).expect("serializable");
    assert_eq!((&shown["setting"], &shown["proposed"]), (&"cache.l1MaxSize".into(), &150.0.into()));
    assert!(shown.get("also").is_none());
    let shown = serde_json::to_value(cache.would_have()).expect("serializable");
    assert_eq!(shown["boundBy"], "entries");
    assert_eq!(shown["steps"][1]["hitsGained"], 2660);
}

#[test]
fn where_both_bounds_are_reached_both_are_raised() {
    let cache = in_memory(&Arc::default(), |config| {
        config.l1_max_size = 100;
        // About as many of those entries.
        config.l1_max_size_mb = 100.0 * 530.0 / 1_048_576.0;
    });
    for at in 0..3000 {
        ask(&cache, 0, at % 180, 200);
    }
    assert_eq!(cache.would_have().bound_by, Bound::Both);
    let advice = cache.advice();
    let also = advice.first().and_then(|advice| advice.also).map(|also| also.setting);
    assert_eq!((advice.len(), also), (1, Some("cache.l1MaxSizeMB")), "{advice:?}");
}

#[test]
fn hits_of_l1_pass_none_of_it() {
    let cache = lru(100);
    turn(&cache, 50, 100);
    assert_eq!((cache.hindsight.keys.load(Ordering::Relaxed), cache.stats().l1.hits), (100, 4950));
    assert!(!cache.hindsight.is_any.load(Ordering::Relaxed));
}

/// What happens between the departure of an entry and the next request for it.
type After = fn(&CacheManager, &ManualClock);

#[test]
fn what_would_not_have_been_a_hit_is_not_counted() {
    let tagged = || Terms { tags: vec!["tag".into()], ..Terms::default() };
    let short = || Terms { ttl_ms: Some(5000), ..Terms::default() };
    let cases: [(&str, Terms, After, u64); 8] = [
        ("nothing happens", Terms::default(), |_, _| (), 1),
        ("it expires", short(), |_, clock| clock.advance(5000), 0),
        ("it lives", short(), |_, clock| clock.advance(3000), 1),
        ("it is deleted", Terms::default(), |cache, _| drop(cache.delete(&keys(0, 0))), 0),
        ("it is stored anew", Terms::default(), |cache, _| store(cache, &keys(0, 0), 1, Terms::default()), 0),
        (
            "its tag is deleted",
            tagged(),
            |cache, _| drop(cache.delete_by_tag(&Namespace::default(), &["tag".into()])),
            0,
        ),
        (
            "another tag is deleted",
            tagged(),
            |cache, _| drop(cache.delete_by_tag(&Namespace::default(), &["b".into()])),
            1,
        ),
        ("all is cleared", Terms::default(), |cache, _| drop(cache.clear(&Namespace::default(), None)), 0),
    ];
    for (name, terms, after, expected) in cases {
        let clock = Arc::new(ManualClock::new());
        let cache = in_memory(&clock, |config| config.l1_max_size = 4);
        store(&cache, &keys(0, 0), 100, terms);
        (1..=4).for_each(|query| store(&cache, &keys(0, query), 100, Terms::default()));
        after(&cache, &clock);
        cache.find(&keys(0, 0), false);
        assert_eq!(gained(&cache).last(), Some(&expected), "{name}");
    }
}

#[test]
fn agent_and_shared_entry_are_one_lookup() {
    let cache = lru(4);
    let shared = Keys::new(&Namespace::default(), &Scope::default(), "0");
    store(&cache, &keys(0, 0), 100, Terms::default());
    store(&cache, &shared, 100, Terms::default());
    (1..=4).for_each(|query| store(&cache, &keys(0, query), 100, Terms::default()));
    assert!(cache.find(&keys(0, 0), false).is_none());
    assert_eq!(gained(&cache).last(), Some(&1));
    assert!(cache.find(&keys(1, 1), false).is_none(), "another agent's is none of its own");
    assert_eq!((gained(&cache).last(), cache.would_have().l1_misses), (Some(&1), 2));
}

#[test]
fn figures_belong_to_the_settings_they_were_counted_under() {
    let clock = Arc::new(ManualClock::new());
    let cache = in_memory(&clock, |config| config.l1_max_size = 100);
    let changes: [fn(&mut CacheConfig); 3] = [
        |config| config.l1_max_size = 110,
        |config| config.eviction_policy = EvictionPolicy::Adaptive,
        |config| config.l1_max_size_mb = 500.0,
    ];
    for change in changes {
        turn(&cache, 140, 20);
        assert!(cache.would_have().lookups > 0 && gained(&cache)[5] > 0);
        clock.advance(1000);
        let mut config = cache.config();
        change(&mut config);
        cache.reconfigure(config.clone());
        let would_have = cache.would_have();
        assert_eq!((would_have.lookups, would_have.l1_misses, gained(&cache)[5]), (0, 0, 0));
        assert_eq!(would_have.l1_max_size, config.l1_max_size);
        assert!(would_have.since_ms > ManualClock::WALL_START_MS);
    }
    turn(&cache, 140, 20);
    let before = gained(&cache);
    cache.reconfigure(CacheConfig { ttl_seconds: 60.0, ..cache.config() });
    assert_eq!(gained(&cache), before, "a life is no size");
}

#[test]
fn what_leaves_because_memory_is_short_is_not_held_against_the_settings() {
    let cache = lru(100);
    turn(&cache, 140, 20);
    let before = gained(&cache);
    cache.relieve(Relief::Shrink);
    turn(&cache, 90, 20);
    assert_eq!(gained(&cache), before);
    cache.relieve(Relief::None);
    turn(&cache, 90, 20);
    assert_eq!(gained(&cache), before, "all fits again");
    turn(&cache, 140, 20);
    assert!(gained(&cache)[5] > before[5]);
}

#[test]
fn a_day_later_it_does_not_count_any_more() {
    let clock = Arc::new(ManualClock::new());
    let cache = in_memory(&clock, |config| config.l1_max_size = 100);
    turn(&cache, 140, 20);
    assert_eq!(cache.advice().len(), 1);
    clock.advance(23 * 3_600_000);
    assert_eq!(cache.advice().len(), 1);
    clock.advance(3_600_000);
    assert_eq!((cache.advice(), cache.would_have().lookups), (Vec::new(), 0));
}

#[test]
fn memory_is_bounded_counted_and_given_back() {
    let cache = lru(100_000);
    let rows = |cache: &CacheManager| {
        let mut tables = 0;
        cache.held(&mut |name, bytes| tables += if name == "cache tables" { bytes } else { 0 });
        tables
    };
    let before = (rows(&cache), cache.hindsight.held_bytes() as u64);
    for query in 0..150_000 {
        ask(&cache, 0, query, 1);
    }
    let held = cache.hindsight.held_bytes() as u64;
    assert!(held > 50_000 && held <= 256 << 10, "{held}");
    assert!(rows(&cache) - before.0 >= held - before.1);
    cache.hindsight.give_up();
    assert!(cache.hindsight.held_bytes() < 10_000);
}

#[test]
fn threads_that_use_it_at_once_leave_it_whole() {
    let cache = lru(50);
    std::thread::scope(|scope| {
        for agent in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for at in 0..5000 {
                    ask(cache, agent % 2, at % 97, 10);
                }
            });
        }
    });
    let would_have = cache.would_have();
    assert_eq!(would_have.lookups, 20_000);
    assert!(would_have.steps.iter().all(|step| step.hits_gained <= would_have.l1_misses));
    // Two who miss the same at once are told of one departure: of so many misses half at least, but for the first of each key.
    let first = 2 * 97;
    assert!(2 * would_have.steps[5].hits_gained + 2 * first > would_have.l1_misses, "{would_have:?}");
}
