use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::memory::stats::AgentStats;

const LIMIT: u64 = 1000;

fn at(ms: u64) -> Now {
    Now { mono_ms: ms, wall_ms: 1_000_000 + ms }
}

fn registry() -> AgentRegistry {
    AgentRegistry::new(LIMIT, 3)
}

fn ids(registry: &AgentRegistry) -> Vec<String> {
    registry.list().iter().map(|agent| agent.agent_id.clone()).collect()
}

/// Registers and says what that changed: throttled, released, or nothing.
fn register(registry: &mut AgentRegistry, id: &str, context: u64, cache: u64) -> Option<bool> {
    registry.register(at(0), id, context, cache);
    let changes: Vec<_> = registry.take_changes().into_iter().collect();
    match changes.as_slice() {
        [] => None,
        [AgentChange::Throttled { id: told, .. }] if **told == *id => Some(true),
        [AgentChange::Unthrottled { id: told }] if **told == *id => Some(false),
        other => panic!("{other:?}"),
    }
}

const THROTTLED: Option<bool> = Some(true);
const RELEASED: Option<bool> = Some(false);

#[test]
fn an_agent_at_its_limit_is_not_throttled_and_above_it_is() {
    let mut agents = registry();
    assert_eq!(register(&mut agents, "a", 900, 100), None);
    assert_eq!(agents.stats("a").map(|agent| agent.total_memory), Some(1000));
    assert_eq!(register(&mut agents, "a", 900, 101), THROTTLED);
    assert_eq!(agents.stats("a").map(|agent| agent.total_memory), Some(1001));
    assert!(agents.is_throttled(at(0), "a"));
}

#[test]
fn the_reason_names_agent_memory_and_limit() {
    let mut agents = AgentRegistry::new(256 << 20, 3);
    assert_eq!(agents.reason(at(0), "coder-1"), None);
    agents.register(at(3), "coder-1", 300 << 20, 512 << 10);
    let message = "agent \"coder-1\" holds 300.50 MB, more than its limit of 256.00 MB";
    let told = AgentChange::Throttled { id: "coder-1".into(), reason: message.to_owned() };
    assert_eq!(agents.take_changes(), [told]);
    let expected =
        ThrottleReason { code: ThrottleCode::AgentLimit, message: message.to_owned(), since_ms: 1_000_003 };
    assert_eq!(agents.reason(at(9), "coder-1"), Some(expected));
}

#[test]
fn a_throttled_agent_is_reported_once_and_released_only_below_four_fifths() {
    let mut agents = registry();
    assert_eq!(register(&mut agents, "a", 2000, 0), THROTTLED);
    assert_eq!(register(&mut agents, "a", 3000, 0), None);
    assert_eq!(register(&mut agents, "a", 800, 0), None);
    assert!(agents.is_throttled(at(0), "a"));
    assert_eq!(register(&mut agents, "a", 799, 0), RELEASED);
    assert!(!agents.is_throttled(at(0), "a"));
    assert_eq!(register(&mut agents, "a", 10, 0), None);
}

#[test]
fn unthrottle_refuses_agents_that_hold_too_much_are_free_or_unknown() {
    let mut agents = registry();
    agents.register(at(0), "big", 1001, 0);
    agents.register(at(0), "free", 1, 0);
    for id in ["big", "free", "unknown"] {
        assert!(!agents.unthrottle(at(0), id, false), "{id}");
    }
    assert!(agents.is_throttled(at(0), "big"));
}

#[test]
fn a_raised_limit_lets_those_go_on_that_hold_little_by_it() {
    let mut agents = registry();
    agents.register(at(0), "little", 1001, 0);
    agents.register(at(0), "much", 1100, 0);
    agents.take_changes();
    agents.set_limit(at(0), 1252);
    assert!(!agents.is_throttled(at(0), "little") && agents.is_throttled(at(0), "much"));
    assert_eq!(agents.take_changes().len(), 1);
    agents.set_limit(at(0), 10);
    assert!(!agents.is_throttled(at(0), "little"), "a lower one counts from the next registration on");
    assert_eq!(agents.throttled_count(), 1);
}

#[test]
fn no_more_than_512_changes_wait_to_be_told() {
    let mut agents = AgentRegistry::new(LIMIT, 1000);
    for index in 0..600 {
        agents.register(at(0), &format!("agent{index}"), 2000, 0);
    }
    assert_eq!((agents.take_changes().len(), agents.throttled_count()), (MAX_CHANGES, 600));
    assert_eq!(register(&mut agents, "agent0", 0, 0), RELEASED);
}

#[test]
fn totals_saturate() {
    let mut agents = AgentRegistry::new(u64::MAX, 3);
    assert_eq!(register(&mut agents, "a", u64::MAX, u64::MAX), None);
    assert_eq!(agents.stats("a").map(|agent| agent.total_memory), Some(u64::MAX));
    agents.register(at(0), "b", u64::MAX, 0);
    assert_eq!(agents.held_bytes(), u64::MAX);
    agents.forget("a");
    agents.register(at(0), "b", 5, 0);
    assert_eq!(agents.held_bytes(), 5);
}

#[test]
fn a_limit_of_zero_throttles_whoever_holds_anything() {
    let mut agents = AgentRegistry::new(0, 3);
    assert_eq!(register(&mut agents, "empty", 0, 0), None);
    assert_eq!(register(&mut agents, "a", 1, 0), THROTTLED);
}

#[test]
fn the_least_recently_used_make_room() {
    let mut agents = registry();
    for id in ["a", "b", "c"] {
        agents.register(at(0), id, 1, 0);
    }
    agents.is_throttled(at(1), "a");
    agents.register(at(2), "d", 1, 0);
    assert_eq!(ids(&agents), ["c", "a", "d"]);
}

#[test]
fn idle_agents_go_after_ten_minutes_and_any_use_keeps_them() {
    let mut agents = registry();
    for id in ["idle", "asked", "registered"] {
        agents.register(at(0), id, 2000, 0);
    }
    agents.is_throttled(at(1), "asked");
    agents.register(at(2), "registered", 2000, 0);
    agents.expire(at(AGENT_IDLE_MS - 1));
    assert_eq!(ids(&agents).len(), 3);
    agents.expire(at(AGENT_IDLE_MS));
    assert_eq!(ids(&agents), ["asked", "registered"]);
    assert_eq!(agents.throttled_count(), 2);
}

#[test]
fn a_forgotten_agent_starts_anew() {
    let mut agents = registry();
    assert_eq!(register(&mut agents, "a", 2000, 0), THROTTLED);
    assert!(agents.forget("a"));
    assert!(!agents.forget("a"));
    assert!(!agents.is_throttled(at(0), "a"));
    assert_eq!(agents.throttled_count(), 0);
    assert_eq!(register(&mut agents, "a", 2000, 0), THROTTLED);
}

#[test]
fn the_list_tells_all_about_an_agent() {
    let mut agents = registry();
    agents.register(at(5), "a", 700, 400);
    assert_eq!(
        agents.list(),
        [AgentStats {
            agent_id: "a".into(),
            context_size: 700,
            cache_size: 400,
            total_memory: 1100,
            last_accessed: 1_000_005,
            is_throttled: true,
        }]
    );
}

#[derive(Debug, Clone)]
enum Step {
    Register(u8, u64, u64),
    Ask(u8),
    Unthrottle(u8),
    Forget(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..6_u8;
    prop_oneof![
        4 => (id.clone(), 0..1300_u64, 0..200_u64).prop_map(|(id, a, b)| Step::Register(id, a, b)),
        2 => id.clone().prop_map(Step::Ask),
        2 => id.clone().prop_map(Step::Unthrottle),
        1 => id.prop_map(Step::Forget),
        1 => (0..AGENT_IDLE_MS).prop_map(Step::Wait),
    ]
}

/// The rules written down without regard to cost: a vector in order of use.
#[derive(Default)]
struct Naive(Vec<(String, u64, u64, bool, u64)>);

impl Naive {
    fn position(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|agent| agent.0 == id)
    }

    fn use_it(&mut self, now: u64, id: &str) -> Option<&mut (String, u64, u64, bool, u64)> {
        let mut agent = self.0.remove(self.position(id)?);
        agent.4 = now;
        self.0.push(agent);
        self.0.last_mut()
    }

    /// (throttled by this, released by this)
    fn register(&mut self, now: u64, id: &str, context: u64, cache: u64) -> (bool, bool) {
        if self.use_it(now, id).is_none() {
            if self.0.len() == 3 {
                self.0.remove(0);
            }
            self.0.push((id.to_owned(), 0, 0, false, now));
        }
        let agent = self.0.last_mut().unwrap();
        (agent.1, agent.2) = (context, cache);
        let before = agent.3;
        agent.3 = if before { context + cache >= 800 } else { context + cache > 1000 };
        (!before && agent.3, before && !agent.3)
    }

    fn unthrottle(&mut self, now: u64, id: &str) -> bool {
        self.use_it(now, id).is_some_and(|agent| {
            let released = agent.3 && agent.1 + agent.2 < 800;
            agent.3 &= !released;
            released
        })
    }

    fn forget(&mut self, id: &str) -> bool {
        self.position(id).map(|index| self.0.remove(index)).is_some()
    }
}

proptest! {
    #[test]
    fn the_registry_does_what_the_naive_model_does(steps in prop::collection::vec(step(), 0..200)) {
        let mut agents = registry();
        let mut naive = Naive::default();
        let mut now = 0;
        for step in steps {
            agents.expire(at(now));
            naive.0.retain(|agent| now - agent.4 < AGENT_IDLE_MS);
            match step {
                Step::Register(id, context, cache) => {
                    let id = format!("agent{id}");
                    agents.take_changes();
                    agents.register(at(now), &id, context, cache);
                    let changes = agents.take_changes();
                    prop_assert!(changes.len() <= 1);
                    let is_throttled = |change: &AgentChange| matches!(change, AgentChange::Throttled { .. });
                    prop_assert_eq!(
                        (changes.iter().any(is_throttled), changes.iter().any(|change| !is_throttled(change))),
                        naive.register(now, &id, context, cache)
                    );
                }
                Step::Ask(id) => {
                    let id = format!("agent{id}");
                    let expected = naive.use_it(now, &id).is_some_and(|agent| agent.3);
                    prop_assert_eq!(agents.is_throttled(at(now), &id), expected);
                }
                Step::Unthrottle(id) => {
                    let id = format!("agent{id}");
                    prop_assert_eq!(agents.unthrottle(at(now), &id, false), naive.unthrottle(now, &id));
                }
                Step::Forget(id) => {
                    let id = format!("agent{id}");
                    prop_assert_eq!(agents.forget(&id), naive.forget(&id));
                }
                Step::Wait(ms) => now += ms,
            }
            let listed: Vec<_> = agents
                .list()
                .into_iter()
                .map(|agent| (
                    agent.agent_id.clone(), agent.context_size, agent.cache_size,
                    agent.is_throttled, agent.last_accessed - 1_000_000,
                ))
                .collect();
            prop_assert_eq!(&listed, &naive.0);
            prop_assert_eq!(agents.held_bytes(), listed.iter().map(|a| a.1 + a.2).sum::<u64>());
            prop_assert_eq!(agents.throttled_count(), listed.iter().filter(|a| a.3).count());
            let by_use: BTreeSet<_> = agents.by_use.values().collect();
            prop_assert_eq!(by_use, agents.agents.keys().collect::<BTreeSet<_>>());
        }
    }
}
