//! Any sequence of calls against the model: the cache gives what was stored last, or, where it may have had to give something
//! up, nothing. Never a wrong, an expired, a deleted or a foreign value.

use proptest::prelude::*;

use super::model::{Model, Name, State, space};
use super::*;
use crate::base::clock::Clock;

#[derive(Debug, Clone)]
enum Step {
    Set { name: Name, text: String, terms: Terms },
    Find { name: Name, stale_too: bool },
    Peek { name: Name, stale_too: bool },
    Has(Name),
    Delete(Name),
    DeleteTags { space: u8, tags: Vec<Box<str>> },
    Clear { space: u8, layer: Option<Layer> },
    Keys(Name),
    Warm(Vec<Name>),
    Advance(u64),
    Flush(bool),
    Maintain,
    Reconfigure(CacheConfig),
    Restart,
}

fn name() -> impl Strategy<Value = Name> {
    (0..3_u8, proptest::option::of(0..2_u8), 0..4_u8).prop_map(|(space, agent, query)| Name {
        space,
        agent,
        query,
    })
}

fn tags() -> impl Strategy<Value = Vec<Box<str>>> {
    proptest::sample::subsequence(vec!["red", "green", "blue"], 0..=2)
        .prop_map(|tags| tags.into_iter().map(Into::into).collect())
}

fn terms() -> impl Strategy<Value = Terms> {
    let ttl_ms = prop_oneof![3 => Just(None), 4 => proptest::sample::select(vec![1, 500, 5000, 60_000]).prop_map(Some)];
    let stale_ms = prop_oneof![2 => Just(0), 1 => Just(3000_u64)];
    (ttl_ms, stale_ms, proptest::option::weighted(0.3, Just(true)), tags())
        .prop_map(|(ttl_ms, stale_ms, sliding, tags)| Terms { ttl_ms, stale_ms, sliding, jitter: None, tags })
}

/// Mostly short, some long, so that tiers fill at different speeds.
fn text() -> impl Strategy<Value = String> {
    (any::<u32>(), prop_oneof![4 => 0..40_usize, 1 => 0..3000_usize])
        .prop_map(|(seed, len)| format!("{seed:x}-").repeat(1 + len / 9))
}

fn config() -> impl Strategy<Value = CacheConfig> {
    let policies =
        vec![config::EvictionPolicy::Lru, config::EvictionPolicy::Lfu, config::EvictionPolicy::Adaptive];
    (1..=4_u64, proptest::sample::select(policies)).prop_map(|(l1_max_size, eviction_policy)| CacheConfig {
        l1_max_size,
        eviction_policy,
        cache_dir: Some("cache".to_owned()),
        ..CacheConfig::default()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let layer = prop_oneof![
        3 => Just(Some(Layer::L1)), 1 => Just(Some(Layer::L2)), 1 => Just(Some(Layer::L3)), 2 => Just(None),
    ];
    prop_oneof![
        30 => (name(), text(), terms()).prop_map(|(name, text, terms)| Step::Set { name, text, terms }),
        30 => (name(), any::<bool>()).prop_map(|(name, stale_too)| Step::Find { name, stale_too }),
        5 => (name(), any::<bool>()).prop_map(|(name, stale_too)| Step::Peek { name, stale_too }),
        5 => name().prop_map(Step::Has),
        5 => name().prop_map(Step::Delete),
        2 => (0..3_u8, tags()).prop_map(|(space, tags)| Step::DeleteTags { space, tags }),
        2 => (0..3_u8, layer).prop_map(|(space, layer)| Step::Clear { space, layer }),
        2 => name().prop_map(Step::Keys),
        2 => proptest::collection::vec(name(), 0..4).prop_map(Step::Warm),
        10 => proptest::sample::select(vec![1, 400, 2500, 20_000]).prop_map(Step::Advance),
        4 => any::<bool>().prop_map(Step::Flush),
        2 => Just(Step::Maintain),
        1 => config().prop_map(Step::Reconfigure),
        2 => Just(Step::Restart),
    ]
}

/// What of a configuration a mode sets.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    /// Nothing has to leave the disk: exactly what was stored comes back.
    Roomy,
    /// Almost everything has to leave it sooner or later.
    Tiny,
    /// There is none.
    NoDisk,
}

impl Mode {
    fn applied(self, config: CacheConfig) -> CacheConfig {
        match self {
            Self::Roomy => config,
            Self::Tiny => CacheConfig {
                l2_max_size_mb: 0.01,
                l3_max_size_mb: 0.01,
                compression_threshold_bytes: 200,
                ..config
            },
            Self::NoDisk => CacheConfig { persist_to_disk: false, ..config },
        }
    }
}

struct Run {
    world: World,
    mode: Mode,
    config: CacheConfig,
    cache: Arc<CacheManager>,
    model: Model,
}

impl Run {
    fn new(mode: Mode, config: CacheConfig) -> Self {
        let world = World::new();
        let config = mode.applied(config);
        let cache = CacheManager::new(config.clone(), world.dir.path().to_owned(), world.clock.clone());
        Self { world, mode, config, cache, model: Model::default() }
    }

    fn now_ms(&self) -> u64 {
        self.world.clock.wall_ms()
    }

    fn find(&mut self, name: Name, stale_too: bool) -> Result<(), TestCaseError> {
        let hit = self.cache.find(&name.keys(), stale_too);
        self.check(name, stale_too, hit)
    }

    /// What was found is one of what may be.
    fn check(&mut self, name: Name, stale_too: bool, hit: Option<Hit>) -> Result<(), TestCaseError> {
        let allowed = self.model.found(name, stale_too, self.now_ms());
        let found = match hit {
            None => State::Gone,
            Some(Hit { record, is_fresh: true, .. }) => State::Fresh(record),
            Some(Hit { record, .. }) => State::Stale(record),
        };
        let disk = self.cache.stats().disk;
        prop_assert!(allowed.contains(&found), "{name:?}: found {found:?}, not one of {allowed:?}; {disk:?}");
        self.model.used(name, self.now_ms());
        Ok(())
    }

    fn check_has(&mut self, allowed: &[State], has: bool, what: Name) -> Result<(), TestCaseError> {
        let is_allowed = allowed.iter().any(|state| matches!(state, State::Fresh(_)) == has);
        prop_assert!(is_allowed, "{what:?}: {has}, and there may be {allowed:?}");
        self.model.used(what, self.now_ms());
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms();
        match step {
            Step::Set { name, text, terms } => {
                let record = self.cache.record(text.clone().into(), Kind::Text, terms.clone());
                let stored = self.cache.set(name.keys().to_store(), text.into(), Kind::Text, terms);
                prop_assert!(stored.is_ok());
                self.model.set(name, record, self.mode != Mode::Roomy);
            }
            Step::Find { name, stale_too } => self.find(name, stale_too)?,
            Step::Peek { name, stale_too } => match self.cache.peek(&name.keys(), stale_too) {
                Peek::Hit(hit) => self.check(name, stale_too, Some(hit))?,
                Peek::Miss => self.check(name, stale_too, None)?,
                Peek::AskDisk => self.model.used(name, now_ms),
            },
            Step::Has(name) => {
                let has = self.cache.has(&name.keys());
                self.check_has(&self.model.found(name, false, now_ms), has, name)?;
                if let Some(has) = self.cache.peek_has(&name.keys()) {
                    self.check_has(&self.model.found(name, false, now_ms), has, name)?;
                }
            }
            Step::Delete(name) => {
                let was_there = self.cache.delete(&name.keys()).expect("open");
                self.check_has(&self.model.states(name, now_ms), was_there, name)?;
                self.model.remove(name);
            }
            Step::DeleteTags { space: number, tags } => {
                let removed = self.cache.delete_by_tag(&space(number), &tags).expect("good disk");
                let sure = self.model.remove_tags(number, &tags, now_ms);
                prop_assert!(removed >= sure, "{removed} of at least {sure}");
            }
            Step::Clear { space: number, layer } => {
                self.cache.clear(&space(number), layer).expect("good disk");
                match layer {
                    None => self.model.clear(number),
                    Some(Layer::L1) if self.mode == Mode::NoDisk => self.model.clear(number),
                    Some(Layer::L2) => self.model.loosen(number),
                    Some(Layer::L1 | Layer::L3) => {}
                }
            }
            Step::Keys(name) => self.walk(name)?,
            Step::Warm(names) => {
                let keys: Vec<_> = names.iter().map(|name| name.keys()).collect();
                self.cache.warm(&keys, &|| false);
                for name in names {
                    self.model.used(name, now_ms);
                }
            }
            Step::Advance(ms) => self.world.clock.advance(ms),
            Step::Flush(sync) => prop_assert!(self.cache.flush(sync).is_ok()),
            Step::Maintain => {
                self.cache.maintain();
            }
            Step::Reconfigure(config) => {
                self.config = self.mode.applied(config);
                self.cache.reconfigure(self.config.clone());
            }
            Step::Restart => {
                prop_assert!(self.cache.close());
                let (config, dir) = (self.config.clone(), self.world.dir.path().to_owned());
                self.cache = CacheManager::new(config, dir, self.world.clock.clone());
                if self.mode == Mode::NoDisk {
                    self.model.clear(0);
                }
            }
        }
        let entries = self.cache.stats().l1.entries;
        prop_assert!(entries <= self.config.l1_max_size, "{entries} entries in L1");
        Ok(())
    }

    fn walk(&mut self, name: Name) -> Result<(), TestCaseError> {
        let (sure, possible) = self.model.queries(name, self.now_ms());
        let (mut walked, mut cursor) = (std::collections::BTreeSet::new(), None);
        loop {
            let (page, next) = self
                .cache
                .keys(&space(name.space), &name.scope(), &["query".to_owned()], cursor)
                .expect("open");
            walked.extend(page);
            if next.is_none() {
                break;
            }
            cursor = next;
        }
        prop_assert!(walked.is_superset(&sure), "{walked:?} lacks some of {sure:?}");
        prop_assert!(walked.is_subset(&possible), "{walked:?} has more than {possible:?}");
        Ok(())
    }

    fn all_names() -> impl Iterator<Item = Name> {
        (0..3).flat_map(|space| {
            [None, Some(0), Some(1)]
                .into_iter()
                .flat_map(move |agent| (0..4).map(move |query| Name { space, agent, query }))
        })
    }
}

fn check(mode: Mode, config: CacheConfig, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut run = Run::new(mode, config);
    for step in steps {
        run.step(step)?;
    }
    for end in [Step::Flush(false), Step::Restart] {
        run.step(end)?;
        for name in Run::all_names() {
            run.find(name, true)?;
        }
    }
    prop_assert!(run.cache.close());
    Ok(())
}

proptest! {
    #![proptest_config(proptest_config())]
    #[test]
    fn what_was_stored_last_comes_back(config in config(), steps in proptest::collection::vec(step(), 1..100)) {
        check(Mode::Roomy, config, steps)?;
    }

    #[test]
    fn full_tiers_lose_entries_and_nothing_else(
        config in config(), steps in proptest::collection::vec(step(), 1..150),
    ) {
        check(Mode::Tiny, config, steps)?;
    }

    #[test]
    fn without_a_disk_entries_are_lost_and_nothing_else(
        config in config(), steps in proptest::collection::vec(step(), 1..150),
    ) {
        check(Mode::NoDisk, config, steps)?;
    }
}
