//! Two processes on one directory: two managers, because nothing of a manager is shared with another one.
//!
//! After one of them has flushed, the other never serves anything older.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Set { by: usize, key: u8, ttl_ms: Option<u64> },
    Delete { by: usize, key: u8 },
    Find { by: usize, key: u8 },
    Peek { by: usize, key: u8 },
    DeleteTag { by: usize, tag: u8 },
    Clear { by: usize, layer: Option<Layer> },
    Flush { by: usize },
    Maintain { by: usize },
    Advance(u64),
    Restart { by: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let by = || 0..2_usize;
    let key = || 0..6_u8;
    let ttl_ms = proptest::option::weighted(0.4, proptest::sample::select(vec![1000, 8000]));
    prop_oneof![
        20 => (by(), key(), ttl_ms).prop_map(|(by, key, ttl_ms)| Step::Set { by, key, ttl_ms }),
        6 => (by(), key()).prop_map(|(by, key)| Step::Delete { by, key }),
        40 => (by(), key()).prop_map(|(by, key)| Step::Find { by, key }),
        10 => (by(), key()).prop_map(|(by, key)| Step::Peek { by, key }),
        2 => (by(), 0..2_u8).prop_map(|(by, tag)| Step::DeleteTag { by, tag }),
        2 => (by(), proptest::sample::select(vec![Some(Layer::L1), Some(Layer::L2), None]))
            .prop_map(|(by, layer)| Step::Clear { by, layer }),
        20 => by().prop_map(|by| Step::Flush { by }),
        2 => by().prop_map(|by| Step::Maintain { by }),
        6 => proptest::sample::select(vec![10, 900, 5000]).prop_map(Step::Advance),
        2 => by().prop_map(|by| Step::Restart { by }),
    ]
}

/// A key's values as the two see them.
#[derive(Debug, Clone, Default)]
struct Known {
    /// What is on disk, if it was flushed, with the end of its life.
    flushed: Option<(String, u64)>,
    /// Changes that one of the two has made and not flushed: any of them may be on disk already.
    pending: Vec<Option<(String, u64)>>,
    /// Who made them.
    writer: usize,
    /// What the other one has seen of them: it must not see an older one again.
    seen: usize,
    /// Whether it may be gone besides: a copy that one of them has only in memory comes back to the disk and meets another
    /// change there. Which of them is newer cannot be told, so that neither is served.
    is_loose: bool,
}

struct Run {
    world: World,
    l1_sizes: [u64; 2],
    caches: [Arc<CacheManager>; 2],
    keys: BTreeMap<u8, Known>,
    writes: u32,
}

fn name(key: u8) -> String {
    format!("key {key}")
}

/// Keys with even numbers have one tag, the others another.
fn tag(key: u8) -> Box<str> {
    (key % 2).to_string().into()
}

impl Run {
    fn new(l1_sizes: [u64; 2]) -> Self {
        let world = World::new();
        let caches = l1_sizes.map(|size| world.open_with(|config| config.l1_max_size = size));
        let run = Self { world, l1_sizes, caches, keys: BTreeMap::new(), writes: 0 };
        for cache in &run.caches {
            // Both have found the directory.
            set(cache, "first", "");
            cache.flush(false).expect("flush");
        }
        run
    }

    /// What is not flushed of another's changes comes before the next change by `by`: their order would be open else.
    fn order(&mut self, by: usize, key: u8) {
        let known = self.keys.entry(key).or_default();
        if !known.pending.is_empty() && known.writer != by {
            let writer = known.writer;
            self.flush(writer);
        }
    }

    fn change(&mut self, by: usize, key: u8, to: Option<(String, u64)>) {
        let known = self.keys.entry(key).or_default();
        known.pending.push(to);
        known.writer = by;
    }

    fn flush(&mut self, by: usize) {
        self.caches[by].flush(false).expect("flush");
        self.settle(by);
    }

    /// All changes by one of the two are on disk.
    fn settle(&mut self, by: usize) {
        for known in self.keys.values_mut().filter(|known| known.writer == by && !known.pending.is_empty()) {
            known.flushed = known.pending.pop().flatten();
            known.pending.clear();
            known.seen = 0;
        }
    }

    /// What a reader may find: the newest of its own, or what is on disk and all that may be by now.
    fn check(&mut self, by: usize, key: u8, found: Option<&str>) -> Result<(), TestCaseError> {
        let now_ms = crate::base::clock::Clock::wall_ms(&*self.world.clock);
        let known = self.keys.entry(key).or_default();
        let all: Vec<_> = std::iter::once(&known.flushed).chain(&known.pending).collect();
        let first = if by == known.writer { all.len() - 1 } else { known.seen };
        let live = |value: &Option<(String, u64)>| {
            value.as_ref().filter(|(_, until_ms)| *until_ms > now_ms).map(|(text, _)| text.clone())
        };
        let at = (first..all.len()).find(|&at| live(all[at]).as_deref() == found);
        let is_missed = found.is_none() && known.is_loose;
        prop_assert!(at.is_some() || is_missed, "{by} found {found:?} of {known:?} at {now_ms}");
        if by != known.writer && found.is_some() {
            known.seen = known.seen.max(at.unwrap_or(0));
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now_ms = crate::base::clock::Clock::wall_ms(&*self.world.clock);
        match step {
            Step::Set { by, key, ttl_ms } => {
                self.order(by, key);
                self.writes += 1;
                let text = format!("value {}", self.writes);
                let terms = Terms { ttl_ms, tags: vec![tag(key)], ..Terms::default() };
                set_for(&self.caches[by], &name(key), &text, terms);
                self.change(by, key, Some((text, now_ms + ttl_ms.unwrap_or(3_600_000))));
            }
            Step::Delete { by, key } => {
                self.order(by, key);
                self.caches[by].delete(&keys(&name(key))).expect("open");
                self.change(by, key, None);
            }
            Step::Find { by, key } => {
                let found = get(&self.caches[by], &name(key));
                self.check(by, key, found.as_deref())?;
            }
            Step::Peek { by, key } => match self.caches[by].peek(&keys(&name(key)), false) {
                Peek::Hit(hit) => self.check(by, key, Some(&hit.record.text))?,
                Peek::Miss => self.check(by, key, None)?,
                Peek::AskDisk => {}
            },
            Step::DeleteTag { by, tag: number } => {
                (0..2).for_each(|by| self.flush(by));
                self.caches[by].delete_by_tag(&Namespace::default(), &[tag(number)]).expect("good disk");
                self.keys
                    .iter_mut()
                    .filter(|(key, _)| *key % 2 == number)
                    .for_each(|(_, known)| known.flushed = None);
            }
            Step::Clear { by, layer } => {
                (0..2).for_each(|by| self.flush(by));
                self.caches[by].clear(&Namespace::default(), layer).expect("good disk");
                for known in self.keys.values_mut() {
                    match layer {
                        None => known.flushed = None,
                        // Each may have it in memory still, and nowhere else.
                        Some(Layer::L2) => known.is_loose = true,
                        Some(_) => {}
                    }
                }
            }
            Step::Flush { by } => self.flush(by),
            Step::Maintain { by } => {
                self.caches[by].maintain();
            }
            Step::Advance(ms) => self.world.clock.advance(ms),
            Step::Restart { by } => {
                prop_assert!(self.caches[by].close());
                self.settle(by);
                self.caches[by] = self.world.open_with(|config| config.l1_max_size = self.l1_sizes[by]);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(proptest_config())]
    #[test]
    fn nobody_serves_what_is_older_than_what_another_has_flushed(
        sizes in [1..8_u64, 1..8_u64], steps in proptest::collection::vec(step(), 1..150),
    ) {
        let mut run = Run::new(sizes);
        for step in steps {
            run.step(step)?;
        }
        for by in 0..2 {
            run.step(Step::Flush { by })?;
        }
        for key in 0..6 {
            run.step(Step::Find { by: 0, key })?;
            run.step(Step::Find { by: 1, key })?;
        }
        prop_assert!(run.caches.iter().all(|cache| cache.close()));
    }
}

#[test]
fn value_that_only_comes_back_is_not_believed_when_another_process_has_changed_its_key() {
    let world = World::new();
    let [one, two] = [(); 2].map(|()| world.open_with(|config| config.l1_max_size = 1));
    set(&one, "a", "old");
    one.flush(false).expect("flush");
    assert_eq!(get(&two, "a").as_deref(), Some("old"));
    // Only in the memory of the second, which knows nothing of the first one's change yet.
    two.clear(&Namespace::default(), Some(Layer::L2)).expect("clear");
    set(&one, "a", "new");
    one.flush(false).expect("flush");
    let other = rusqlite::Connection::open(world.database()).expect("open");
    other.execute_batch("BEGIN IMMEDIATE").expect("lock");
    set(&two, "b", "");
    assert_eq!(get(&two, "a").as_deref(), Some("new"));
    drop(other);
    two.flush(false).expect("flush");
    assert_eq!([&one, &two].map(|cache| get(cache, "a")), [Some("new".to_owned()), Some("new".to_owned())]);
}
