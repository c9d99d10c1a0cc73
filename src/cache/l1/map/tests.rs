use xxhash_rust::xxh3::xxh3_64;

use super::*;

pub(super) const POLICIES: [Policy; 3] = [Policy::Lru, Policy::Lfu, Policy::Adaptive];

fn map<V>(policy: Policy, entries: usize, bytes: u64) -> EvictingMap<V> {
    EvictingMap::new(policy, Bounds { entries, bytes })
}

fn put<V>(map: &mut EvictingMap<V>, key: &str, value: V, bytes: u64) -> (Insertion<V>, Vec<String>) {
    let mut evicted = Vec::new();
    let insertion = map.insert(xxh3_64(key.as_bytes()), key.as_bytes(), value, bytes, &mut evicted);
    (insertion, evicted.iter().map(|gone| name(&gone.key)).collect())
}

fn id_of<V>(insertion: Insertion<V>) -> SlotId {
    match insertion {
        Insertion::Inserted { id, .. } => id,
        Insertion::TooLarge => panic!("refused"),
    }
}

fn name(key: &[u8]) -> String {
    String::from_utf8(key.to_vec()).unwrap()
}

fn get<V: Clone>(map: &mut EvictingMap<V>, key: &str) -> Option<V> {
    map.get(xxh3_64(key.as_bytes()), key.as_bytes()).map(|(_, value)| value.clone())
}

fn by_use<V>(map: &EvictingMap<V>) -> Vec<String> {
    map.iter_by_use().map(|(key, _)| name(key)).collect()
}

#[test]
fn the_least_recently_used_goes_first() {
    let mut map = map(Policy::Lru, 3, 1000);
    for key in ["a", "b", "c"] {
        put(&mut map, key, key, 1);
    }
    assert_eq!(get(&mut map, "a"), Some("a"));
    assert_eq!(put(&mut map, "d", "d", 1).1, ["b"]);
    assert_eq!(by_use(&map), ["c", "a", "d"]);
}

#[test]
fn peek_is_not_a_use() {
    let mut map = map(Policy::Lru, 2, 1000);
    put(&mut map, "a", 1, 1);
    put(&mut map, "b", 2, 1);
    let (id, value) = map.peek_mut(xxh3_64(b"a"), b"a").unwrap();
    *value = 7;
    assert_eq!(map.peek(xxh3_64(b"a"), b"a"), Some((id, &7)));
    assert_eq!(map.slot(id).map(|(_, key, value)| (key, value)), Some((&b"a"[..], &7)));
    assert_eq!(put(&mut map, "c", 3, 1).1, ["a"]);
}

#[test]
fn touch_is_a_use_and_a_stale_id_finds_nothing() {
    for policy in POLICIES {
        let mut map = map(policy, 2, 1000);
        let a = id_of(put(&mut map, "a", 1, 1).0);
        put(&mut map, "b", 2, 1);
        assert_eq!(map.touch(a), Some(&mut 1));
        let again = id_of(put(&mut map, "a", 3, 1).0);
        assert_ne!(a, again);
        assert_eq!(map.touch(a), None);
        assert!(map.slot(a).is_none());
        assert_eq!(map.remove_slot(a), None);
        assert_eq!(map.remove_slot(again), Some((Box::from(&b"a"[..]), 3)));
        let next = id_of(put(&mut map, "c", 4, 1).0);
        assert_eq!((next.slot, map.touch(again)), (again.slot, None));
        assert_eq!(map.touch(SlotId { slot: 99, seq: 0 }), None);
    }
}

#[test]
fn keys_with_the_same_hash_are_kept_apart() {
    for policy in POLICIES {
        let mut map = map(policy, 10, 1000);
        let mut evicted = Vec::new();
        map.insert(42, b"a", 1, 1, &mut evicted);
        map.insert(42, b"b", 2, 1, &mut evicted);
        assert_eq!(map.get(42, b"a").map(|(_, value)| *value), Some(1));
        assert_eq!(map.remove(42, b"b"), Some(2));
        assert_eq!(map.get(42, b"b"), None);
        assert_eq!(map.len(), 1);
    }
}

#[test]
fn a_value_above_the_byte_bound_is_refused_and_takes_the_old_one_along() {
    for policy in POLICIES {
        let mut map = map(policy, 10, 100);
        put(&mut map, "a", "old", 100);
        let (insertion, evicted) = put(&mut map, "a", "new", 101);
        assert!(matches!(insertion, Insertion::TooLarge));
        assert_eq!((evicted.len(), map.len(), map.bytes()), (0, 0, 0));
    }
}

#[test]
fn a_map_for_no_entries_holds_none() {
    for policy in POLICIES {
        let mut map = map(policy, 0, 100);
        assert!(matches!(put(&mut map, "a", 1, 0).0, Insertion::TooLarge));
        assert_eq!(map.len(), 0);
    }
}

#[test]
fn the_new_entry_stays_even_when_all_others_must_go() {
    for policy in POLICIES {
        let mut map = map(policy, 10, 100);
        for key in ["a", "b", "c", "d"] {
            put(&mut map, key, 0, 25);
            get(&mut map, key);
        }
        assert_eq!(put(&mut map, "new", 1, 100).1.len(), 4);
        assert_eq!(by_use(&map), ["new"]);
        put(&mut map, "other", 1, 1);
        let (grown, evicted) = put(&mut map, "other", 2, 100);
        assert!(evicted.is_empty() || evicted == ["new"], "{evicted:?}");
        assert!(map.slot(id_of(grown)).is_some());
    }
}

#[test]
fn smaller_bounds_evict_at_once_and_give_memory_back() {
    for policy in POLICIES {
        let mut map = map(policy, 10_000, u64::MAX);
        for key in 0..10_000 {
            put(&mut map, &key.to_string(), key, 1);
        }
        let order = by_use(&map);
        let mut evicted = Vec::new();
        map.set_bounds(Bounds { entries: 500, bytes: 300 }, &mut evicted);
        assert_eq!((evicted.len(), map.len(), map.bytes()), (9700, 300, 300));
        assert!(map.slab.slots.capacity() < 1000 && map.index.capacity() < 1000);
        if policy == Policy::Lru {
            assert_eq!(by_use(&map), order[9700..]);
        }
        for (key, value) in
            by_use(&map).iter().zip(map.iter_by_use().map(|(_, value)| *value).collect::<Vec<_>>())
        {
            assert_eq!(get(&mut map, key), Some(value));
        }
        assert_eq!(put(&mut map, "new", 1, 1).1.len(), 1);
    }
}

#[test]
fn larger_bounds_take_more() {
    for policy in POLICIES {
        let mut map = map(policy, 10, 10);
        (0..20).for_each(|key| drop(put(&mut map, &key.to_string(), key, 1)));
        map.set_bounds(Bounds { entries: 100, bytes: 100 }, &mut Vec::new());
        (20..110).for_each(|key| drop(put(&mut map, &key.to_string(), key, 1)));
        assert_eq!(map.len(), 100);
    }
}

#[test]
fn clear_hands_everything_out_and_gives_memory_back() {
    for policy in POLICIES {
        let mut map = map(policy, 1000, 1000);
        let id = id_of(put(&mut map, "first", 0, 1).0);
        (1..1500).for_each(|key| drop(put(&mut map, &key.to_string(), key, 1)));
        let cleared: Vec<_> = map.clear().collect();
        assert_eq!((cleared.len(), map.len(), map.bytes()), (1000, 0, 0));
        assert_eq!((map.slab.slots.capacity(), map.index.capacity()), (0, 0));
        let new = id_of(put(&mut map, "first", 0, 1).0);
        assert_eq!((new.slot, map.touch(id)), (id.slot, None));
        assert_eq!(by_use(&map), ["first"]);
    }
}

#[test]
fn a_scan_in_pieces_visits_all_and_removes_what_is_refused() {
    for policy in POLICIES {
        let mut map = map(policy, 1000, 1000);
        (0..1000).for_each(|key| drop(put(&mut map, &key.to_string(), key, 1)));
        let (mut seen, mut removed, mut from, mut steps) = (0, Vec::new(), Some(ScanPosition::default()), 0);
        while let Some(position) = from {
            let visit = |_: &[u8], value: &mut i32| {
                seen += 1;
                *value % 3 != 0
            };
            from = map.scan(position, 64, visit, &mut removed);
            steps += 1;
        }
        assert_eq!((seen, removed.len(), map.len(), steps), (1000, 334, 666, 16));
        assert!(removed.iter().all(|gone| gone.value % 3 == 0));
        assert_eq!(get(&mut map, "3"), None);
        assert_eq!(get(&mut map, "4"), Some(4));
    }
}

#[test]
fn a_scan_misses_nothing_when_the_map_shrinks_meanwhile() {
    for policy in POLICIES {
        let mut map = map(policy, 1000, 1000);
        (0..1000).for_each(|key| drop(put(&mut map, &key.to_string(), key, 1)));
        let mut from = map.scan(ScanPosition::default(), 500, |_, _| true, &mut Vec::new());
        map.set_bounds(Bounds { entries: 300, bytes: 1000 }, &mut Vec::new());
        let mut seen = 0;
        while let Some(position) = from {
            let visit = |_: &[u8], _: &mut i32| {
                seen += 1;
                true
            };
            from = map.scan(position, 64, visit, &mut Vec::new());
        }
        assert_eq!(seen, 300);
    }
}

#[test]
fn reinserting_by_use_keeps_the_order() {
    let mut old = map(Policy::Lru, 100, 1000);
    (0..150).for_each(|key| drop(put(&mut old, &key.to_string(), key, 1)));
    for key in (60..90).step_by(7) {
        get(&mut old, &key.to_string());
    }
    let mut new = map(Policy::Lru, 50, 1000);
    for (key, value) in old.iter_by_use() {
        put(&mut new, &name(key), *value, 1);
    }
    assert_eq!(by_use(&new), by_use(&old)[50..]);
}

#[test]
fn a_million_insertions_leak_no_slots_and_keep_the_bounds() {
    for policy in POLICIES {
        let mut map = map(policy, 1000, 40_000);
        let mut evicted = Vec::new();
        let (mut state, mut out) = (1_u64, 0);
        for step in 0..1_000_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = ((state >> 33) % 5000).to_le_bytes();
            let bytes = (state >> 20) % 100;
            match map.insert(xxh3_64(&key), &key, step, bytes, &mut evicted) {
                Insertion::Inserted { replaced, .. } => out += usize::from(replaced.is_some()),
                Insertion::TooLarge => panic!("refused"),
            }
            out += evicted.drain(..).len();
            assert!(map.len() <= 1000 && map.bytes() <= 40_000);
        }
        assert_eq!(out + map.len(), 1_000_000);
        assert!(map.slab.slots.len() <= 1001 && map.slab.slots.capacity() <= 1001);
        assert!(map.index.capacity() <= 4 * 1001);
        assert_eq!(map.clear().count() + out, 1_000_000);
    }
}

/// Hits of a policy over a sequence of keys, in percent of the requests.
fn hit_percent(policy: Policy, bounds: Bounds, bytes: u64, keys: impl Iterator<Item = u64>) -> f64 {
    let mut map = EvictingMap::new(policy, bounds);
    let (mut hits, mut requests, mut evicted) = (0_u32, 0_u32, Vec::new());
    for key in keys {
        let key = key.to_le_bytes();
        requests += 1;
        if map.get(xxh3_64(&key), &key).is_some() {
            hits += 1;
        } else {
            map.insert(xxh3_64(&key), &key, (), bytes, &mut evicted);
            evicted.clear();
        }
    }
    f64::from(hits) * 100.0 / f64::from(requests)
}

/// Random numbers below 1, the same in every run.
fn random() -> impl FnMut() -> f64 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small key number")]
fn skewed(random: f64, keys: f64) -> u64 {
    keys.powf(random) as u64
}

const BOUNDED_BY_ENTRIES: Bounds = Bounds { entries: 1000, bytes: u64::MAX };
const BOUNDED_BY_BYTES: Bounds = Bounds { entries: usize::MAX, bytes: 100_000 };

#[test]
fn adaptive_keeps_part_of_a_loop_that_does_not_fit() {
    for bounds in [BOUNDED_BY_ENTRIES, BOUNDED_BY_BYTES] {
        let hits = |policy| hit_percent(policy, bounds, 100, (0..200_000).map(|request| request % 1200));
        assert!(hits(Policy::Lru) < 0.1);
        let adaptive = hits(Policy::Adaptive);
        assert!(adaptive > 50.0, "{adaptive} %");
    }
}

#[test]
fn adaptive_is_not_spoilt_by_keys_that_never_come_back() {
    for bounds in [BOUNDED_BY_ENTRIES, BOUNDED_BY_BYTES] {
        let hits = |policy| {
            let mut random = random();
            let keys = (0..200_000).map(|request| match request % 3 {
                0 => 1_000_000 + request,
                _ => skewed(random(), 20_000.0),
            });
            hit_percent(policy, bounds, 100, keys)
        };
        let (lru, lfu, adaptive) = (hits(Policy::Lru), hits(Policy::Lfu), hits(Policy::Adaptive));
        assert!(adaptive > lru + 4.0 && lfu > lru, "{adaptive} % and {lfu} % beside {lru} %");
    }
}

#[test]
fn adaptive_is_as_good_as_lru_where_only_recency_counts() {
    for bounds in [BOUNDED_BY_ENTRIES, BOUNDED_BY_BYTES] {
        let hits = |policy| {
            let mut random = random();
            // New keys all the time; a key is asked for while it is among the last 4,000 or so, the newer the likelier.
            let keys = (0..200_000_u64).map(|request| request / 4 + 10_000 - skewed(random(), 4000.0));
            hit_percent(policy, bounds, 100, keys)
        };
        let (lru, adaptive) = (hits(Policy::Lru), hits(Policy::Adaptive));
        assert!(adaptive > lru - 1.0, "{adaptive} % beside {lru} %");
    }
}
