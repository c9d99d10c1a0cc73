//! Every policy against a plain list of entries.

use std::collections::HashMap;

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::tests::POLICIES;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    Touch(u8),
    Insert(u8, u64),
    Remove(u8),
    RemoveSlot(u8),
    Scan(usize, u8),
    Bounds(usize, u64),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => (0..40_u8).prop_map(Step::Get),
        10 => any::<u8>().prop_map(Step::Touch),
        40 => (0..40_u8, 0..30_u64).prop_map(|(key, bytes)| Step::Insert(key, bytes)),
        5 => (0..40_u8).prop_map(Step::Remove),
        3 => any::<u8>().prop_map(Step::RemoveSlot),
        2 => (0..50_usize, 0..40_u8).prop_map(|(count, key)| Step::Scan(count, key)),
        2 => (0..20_usize, 0..200_u64).prop_map(|(entries, bytes)| Step::Bounds(entries, bytes)),
        1 => Just(Step::Clear),
    ]
}

/// Three keys share each hash, so that collisions are common.
fn model_hash(key: u8) -> u64 {
    xxh3_64(&[key / 3])
}

/// What the map should hold, the least recently used first.
struct Model {
    entries: Vec<(u8, u64, u64)>,
    bounds: Bounds,
    /// Ids in the order given out, with what they stand for while it lives.
    ids: Vec<(SlotId, Option<u8>)>,
    /// Whether entries may have moved: then an id may find nothing, but never anything else than it stands for.
    moved: bool,
}

impl Model {
    fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.2).sum()
    }

    fn used(&mut self, key: u8) -> Option<u64> {
        let at = self.entries.iter().position(|entry| entry.0 == key)?;
        let entry = self.entries.remove(at);
        self.entries.push(entry);
        Some(entry.1)
    }

    fn remove(&mut self, key: u8) -> Option<u64> {
        self.ids.iter_mut().filter(|id| id.1 == Some(key)).for_each(|id| id.1 = None);
        let at = self.entries.iter().position(|entry| entry.0 == key)?;
        Some(self.entries.remove(at).1)
    }

    /// Takes out what the map evicted, and checks that it had to.
    fn evict(&mut self, policy: Policy, evicted: &mut Vec<Evicted<u64>>, keep: Option<u8>) {
        for gone in evicted.drain(..) {
            let over = self.entries.len() > self.bounds.entries || self.bytes() > self.bounds.bytes;
            assert!(over, "evicted although the bounds held");
            assert_ne!(Some(gone.key[0]), keep, "evicted what was just inserted");
            if policy == Policy::Lru {
                assert_eq!(gone.key[0], self.entries[0].0, "not the least recently used");
            }
            assert_eq!(self.remove(gone.key[0]), Some(gone.value));
        }
    }
}

fn check_against_model(policy: Policy, steps: Vec<Step>) {
    let bounds = Bounds { entries: 10, bytes: 150 };
    let mut map = EvictingMap::<u64>::new(policy, bounds);
    let mut model = Model { entries: Vec::new(), bounds, ids: Vec::new(), moved: false };
    let mut evicted = Vec::new();
    for (value, step) in (0_u64..).zip(steps) {
        match step {
            Step::Get(key) => {
                let found = map.get(model_hash(key), &[key]).map(|(_, value)| *value);
                assert_eq!(found, model.used(key));
            }
            Step::Touch(nth) if !model.ids.is_empty() => {
                let (id, key) = model.ids[nth as usize % model.ids.len()];
                if !(model.moved && map.slot(id).is_none()) {
                    assert_eq!(map.touch(id).copied(), key.and_then(|key| model.used(key)));
                }
            }
            Step::Insert(key, bytes) => {
                let before = model.remove(key);
                match map.insert(model_hash(key), &[key], value, bytes, &mut evicted) {
                    Insertion::Inserted { id, replaced } => {
                        assert_eq!(replaced, before);
                        assert!(model.ids.iter().all(|old| old.0 != id), "an id was used twice");
                        model.entries.push((key, value, bytes));
                        model.ids.push((id, Some(key)));
                    }
                    Insertion::TooLarge => {
                        assert!(bytes > model.bounds.bytes || model.bounds.entries == 0);
                    }
                }
                model.evict(policy, &mut evicted, Some(key));
            }
            Step::Remove(key) => assert_eq!(map.remove(model_hash(key), &[key]), model.remove(key)),
            Step::RemoveSlot(nth) if !model.ids.is_empty() => {
                let (id, key) = model.ids[nth as usize % model.ids.len()];
                if !(model.moved && map.slot(id).is_none()) {
                    let expected =
                        key.and_then(|key| model.remove(key).map(|value| (Box::from([key]), value)));
                    assert_eq!(map.remove_slot(id), expected);
                }
            }
            Step::Touch(_) | Step::RemoveSlot(_) => {}
            Step::Scan(count, below) => {
                let mut from = Some(ScanPosition::default());
                while let Some(position) = from {
                    from = map.scan(position, count.max(1), |key, _| key[0] >= below, &mut evicted);
                }
                for gone in evicted.drain(..) {
                    assert!(gone.key[0] < below);
                    assert_eq!(model.remove(gone.key[0]), Some(gone.value));
                }
                assert!(model.entries.iter().all(|entry| entry.0 >= below));
            }
            Step::Bounds(entries, bytes) => {
                model.bounds = Bounds { entries, bytes };
                map.set_bounds(model.bounds, &mut evicted);
                model.evict(policy, &mut evicted, None);
                model.moved = true;
            }
            Step::Clear => {
                let mut out: Vec<_> = map.clear().map(|(key, value)| (key[0], value)).collect();
                let mut expected: Vec<_> = model.entries.iter().map(|entry| (entry.0, entry.1)).collect();
                out.sort_unstable();
                expected.sort_unstable();
                assert_eq!(out, expected);
                for key in 0..40 {
                    model.remove(key);
                }
            }
        }
        check_contents(&map, &model);
    }
}

fn check_contents(map: &EvictingMap<u64>, model: &Model) {
    assert_eq!((map.len(), map.bytes(), map.bounds()), (model.entries.len(), model.bytes(), model.bounds));
    assert!(map.len() <= model.bounds.entries && map.bytes() <= model.bounds.bytes);
    assert_eq!(map.index.len(), map.len());
    assert_eq!(map.key_bytes(), model.entries.len(), "keys of one byte");
    let listed: Vec<(u8, u64)> = map.iter_by_use().map(|(key, value)| (key[0], *value)).collect();
    let expected: Vec<(u8, u64)> = model.entries.iter().map(|entry| (entry.0, entry.1)).collect();
    if map.policy() == Policy::Lru {
        assert_eq!(listed, expected);
    }
    assert_eq!(listed.iter().copied().collect::<HashMap<_, _>>(), expected.iter().copied().collect());
    assert_eq!(map.slab.lists.iter().map(|list| list.len).sum::<usize>(), map.len());
    assert_eq!(map.slab.lists.iter().map(|list| list.bytes).sum::<u64>(), map.bytes());
    for (key, value, _) in &model.entries {
        assert_eq!(map.peek(model_hash(*key), &[*key]).map(|(_, value)| value), Some(value));
    }
    for (id, key) in &model.ids {
        let found = map.slot(*id).map(|(_, key, _)| key[0]);
        assert!(found == *key || model.moved && found.is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_policy_agrees_with_a_plain_list(steps in prop::collection::vec(step(), 1..300)) {
        for policy in POLICIES {
            check_against_model(policy, steps.clone());
        }
    }
}
