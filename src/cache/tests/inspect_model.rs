//! Any sequence of calls: a list shows exactly what a plain map has, whatever the size of its pages and whatever is asked for.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::inspect::{Cursor, EntryFilter, EntryInfo};
use super::inspect::{list, rest};
use super::model::{Name, space};
use super::*;
use crate::base::clock::Clock;

#[derive(Debug, Clone)]
enum Step {
    Set {
        name: Name,
        bytes: usize,
        ttl_ms: u64,
        stale_ms: u64,
        tag: Option<u8>,
    },
    Find(Name),
    Look(Name),
    Delete(Name),
    DeleteTag {
        space: u8,
        tag: u8,
    },
    LeaveL1,
    Advance(u64),
    Maintain,
    Restart,
    List {
        most: usize,
        wanted: Option<u8>,
        tag: Option<u8>,
        agent: Option<u8>,
        prefix: Option<u8>,
        layer: Option<Layer>,
    },
}

fn name() -> impl Strategy<Value = Name> {
    (0..3_u8, proptest::option::of(0..2_u8), 0..5_u8).prop_map(|(space, agent, query)| Name {
        space,
        agent,
        query,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let tag = || proptest::option::weighted(0.4, 0..2_u8);
    let layer =
        proptest::option::weighted(0.3, proptest::sample::select(vec![Layer::L1, Layer::L2, Layer::L3]));
    let ttl_ms = proptest::sample::select(vec![500, 5000, 600_000_u64]);
    let stale_ms = proptest::sample::select(vec![0, 0, 3000_u64]);
    prop_oneof![
        20 => (name(), 0..3000_usize, ttl_ms, stale_ms, tag())
            .prop_map(|(name, bytes, ttl_ms, stale_ms, tag)| Step::Set { name, bytes, ttl_ms, stale_ms, tag }),
        4 => name().prop_map(Step::Find),
        4 => name().prop_map(Step::Look),
        3 => name().prop_map(Step::Delete),
        1 => (0..3_u8, 0..2_u8).prop_map(|(space, tag)| Step::DeleteTag { space, tag }),
        2 => Just(Step::LeaveL1),
        5 => proptest::sample::select(vec![1, 400, 4000]).prop_map(Step::Advance),
        1 => Just(Step::Maintain),
        1 => Just(Step::Restart),
        10 => (1..9_usize, proptest::option::of(0..3_u8), tag(), proptest::option::weighted(0.3, 0..2_u8),
               proptest::option::weighted(0.3, 0..5_u8), layer)
            .prop_map(|(most, wanted, tag, agent, prefix, layer)| Step::List { most, wanted, tag, agent, prefix, layer }),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Held {
    bytes: usize,
    created_ms: u64,
    fresh_ms: u64,
    gone_ms: u64,
    tag: Option<u8>,
}

fn tag_text(tag: u8) -> String {
    format!("tag {tag}")
}

struct Run {
    world: World,
    cache: Arc<CacheManager>,
    has_disk: bool,
    held: BTreeMap<Name, Held>,
}

impl Run {
    fn open(world: &World, has_disk: bool) -> Arc<CacheManager> {
        world.open_with(|config| {
            config.persist_to_disk = has_disk;
            // Some leave it where they can come back.
            config.l1_max_size = if has_disk { 6 } else { 1000 };
        })
    }

    fn new(has_disk: bool) -> Self {
        let world = World::new();
        let cache = Self::open(&world, has_disk);
        Self { world, cache, has_disk, held: BTreeMap::new() }
    }

    fn now_ms(&self) -> u64 {
        self.world.clock.wall_ms()
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Set { name, bytes, ttl_ms, stale_ms, tag } => {
                let tags = tag.map(|tag| tag_text(tag).into()).into_iter().collect();
                let terms = Terms { tags, stale_ms, ttl_ms: Some(ttl_ms), ..Terms::default() };
                let key = name.keys();
                self.cache.set(key.to_store(), "x".repeat(bytes).into(), Kind::Text, terms).expect("stored");
                let (created_ms, fresh_ms) = (self.now_ms(), self.now_ms() + ttl_ms);
                self.held
                    .insert(name, Held { bytes, created_ms, fresh_ms, gone_ms: fresh_ms + stale_ms, tag });
            }
            Step::Find(name) => {
                let _ = self.cache.find(&name.keys(), true);
            }
            Step::Look(name) => self.look(name)?,
            Step::Delete(name) => {
                self.cache.delete(&name.keys()).expect("open");
                self.held.remove(&name);
            }
            Step::DeleteTag { space: at, tag } => {
                self.cache.delete_by_tag(&space(at), &[tag_text(tag).into()]).expect("open");
                self.held.retain(|name, held| name.space != at || held.tag != Some(tag));
            }
            Step::LeaveL1 if self.has_disk => leave_l1(&self.cache),
            Step::Advance(ms) => self.world.clock.advance(ms),
            Step::Maintain => {
                self.cache.maintain();
            }
            Step::Restart if self.has_disk => {
                prop_assert!(self.cache.close());
                self.cache = Self::open(&self.world, true);
            }
            Step::LeaveL1 | Step::Restart => {}
            Step::List { most, wanted, tag, agent, prefix, layer } => {
                let filter = EntryFilter {
                    namespace: wanted.map(space),
                    prefixes: prefix.map(|query| format!("query {query}")).into_iter().collect(),
                    queries: std::collections::BTreeSet::new(),
                    layer: None,
                    tag: tag.map(tag_text),
                    agent_id: agent.map(|agent| format!("agent-{agent}")),
                    model: None,
                };
                let is_meant = |(name, held): &(&Name, &Held)| {
                    wanted.is_none_or(|at| name.space >= at)
                        && tag.is_none_or(|tag| held.tag == Some(tag))
                        && agent.is_none_or(|agent| name.agent == Some(agent))
                        && prefix.is_none_or(|query| name.query == query)
                };
                let listed = list(&self.cache, &filter, most);
                self.check(&listed, is_meant)?;
                for (at, info) in listed.iter().enumerate() {
                    prop_assert_eq!(Cursor::parse(&info.cursor.to_string()), Some(info.cursor));
                    let after = rest(&self.cache, &filter, Some(info.cursor), most);
                    prop_assert_eq!(&after[..], &listed[at + 1..]);
                }
                // The list of a layer is what of the whole list says that it is there.
                let of_layer = list(&self.cache, &EntryFilter { layer, ..filter }, most);
                let keep = |info: &&EntryInfo| layer.is_none_or(|layer| info.layers.contains(&layer));
                let sorted = |list: Vec<&EntryInfo>| {
                    let mut names: Vec<_> = list
                        .iter()
                        .map(|info| (info.namespace.clone(), info.agent_id.clone(), info.key.clone()))
                        .collect();
                    names.sort();
                    names
                };
                prop_assert_eq!(
                    sorted(of_layer.iter().collect()),
                    sorted(listed.iter().filter(keep).collect())
                );
            }
        }
        Ok(())
    }

    fn check(
        &self,
        listed: &[EntryInfo],
        is_meant: impl Fn(&(&Name, &Held)) -> bool,
    ) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms();
        let expected: BTreeMap<_, _> = self
            .held
            .iter()
            .filter(|(_, held)| held.gone_ms > now_ms)
            .filter(is_meant)
            .map(|(&name, held)| (name, held.clone()))
            .collect();
        let mut found = BTreeMap::new();
        for info in listed {
            let name = Name {
                space: u8::try_from(info.namespace.len() - 1).expect("small"),
                agent: info.agent_id.as_ref().map(|agent| agent[6..].parse().expect("a number")),
                query: info.key[6..].parse().expect("a number"),
            };
            let held = Held {
                bytes: usize::try_from(info.size).expect("small"),
                created_ms: info.created_ms,
                fresh_ms: info.fresh_ms,
                gone_ms: self.held.get(&name).map_or(0, |held| held.gone_ms),
                tag: info.tags.first().map(|tag| tag[4..].parse().expect("a number")),
            };
            prop_assert_eq!(info.stale, info.fresh_ms <= now_ms);
            prop_assert!(info.layers.first() == Some(&info.layer));
            prop_assert!(found.insert(name, held).is_none(), "twice: {:?}", name);
        }
        prop_assert_eq!(found, expected);
        Ok(())
    }

    fn look(&self, name: Name) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms();
        let seen =
            name.looked_under().filter_map(|name| self.held.get(&name)).filter(|held| held.gone_ms > now_ms);
        let seen: Vec<_> = seen.collect();
        let expected = seen.iter().find(|held| held.fresh_ms > now_ms).or(seen.first());
        let found = self.cache.look(&name.keys()).expect("open");
        let found = found.map(|(info, record)| (info.created_ms, info.fresh_ms, record.text.len()));
        prop_assert_eq!(found, expected.map(|held| (held.created_ms, held.fresh_ms, held.bytes)));
        Ok(())
    }
}

proptest! {
    #![proptest_config(proptest_config())]
    #[test]
    fn list_shows_what_a_map_has(steps in proptest::collection::vec(step(), 1..80), has_disk in any::<bool>()) {
        let mut run = Run::new(has_disk);
        for step in steps {
            run.step(step)?;
        }
        let listed = list(&run.cache, &EntryFilter::default(), 1000);
        run.check(&listed, |_| true)?;
    }
}
