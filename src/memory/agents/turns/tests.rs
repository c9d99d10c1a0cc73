use std::collections::{BTreeSet, HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::memory::agents::{AGENT_IDLE_MS, AgentChange, ThrottleCode};

/// Of one agent: no test here is about it unless it says so.
const LIMIT: u64 = 10_000;

fn at(ms: u64) -> Now {
    Now { mono_ms: ms, wall_ms: 1_000_000 + ms }
}

fn registry(held: &[(&str, u64)]) -> AgentRegistry {
    let mut agents = AgentRegistry::new(LIMIT, 100);
    for (id, bytes) in held {
        agents.register(at(0), id, *bytes, 0);
    }
    agents
}

/// Memory is short, and so many bytes are left.
fn short(free_bytes: u64) -> Room {
    Room {
        percentage: 90.0,
        real_percentage: 84.0,
        largest_from: 85.0,
        all_from: 95.0,
        calm_below: 80.0,
        is_growing: false,
        calm_bytes: free_bytes,
        free_bytes,
        is_hard: false,
        used_bytes: 0,
    }
}

fn calm(free_bytes: u64) -> Room {
    Room { percentage: 79.9, ..short(free_bytes) }
}

/// All agents are held back, and those named wait in this order.
fn all_wait(held: &[(&str, u64)]) -> (AgentRegistry, Vec<u64>) {
    let mut agents = registry(held);
    agents.set_gate(at(0), Gate::All, "full");
    let numbers = held.iter().map(|(id, _)| agents.wait(at(0), id).unwrap()).collect();
    agents.take_changes();
    (agents, numbers)
}

/// So that what agents need is known: one held so much and is done.
fn usual(agents: &mut AgentRegistry, bytes: u64) {
    agents.learn(bytes);
}

fn throttled(agents: &AgentRegistry) -> Vec<&str> {
    agents.by_use.values().filter(|id| agents.agents[*id].is_throttled()).map(|id| &**id).collect()
}

fn turns(agents: &AgentRegistry) -> Vec<&str> {
    agents.turns.iter().map(|id| &**id).collect()
}

fn answer(agents: &AgentRegistry, id: &str) -> bool {
    agents.agents.get(id).map_or(agents.is_closed_to_new(), Agent::is_throttled)
}

#[test]
fn the_largest_half_waits_first_and_more_with_every_look_while_memory_is_short() {
    let mut agents = registry(&[("a", 30), ("b", 100), ("c", 20), ("d", 50), ("none", 0)]);
    agents.set_gate(at(0), Gate::Largest, "short");
    assert_eq!(throttled(&agents), [""; 0]);
    let mut seen = Vec::new();
    for look in 0..5 {
        agents.govern(at(look), &Room { percentage: 84.9, ..short(0) });
        agents.govern(at(look), &short(0));
        seen.push(throttled(&agents).join(" "));
    }
    assert_eq!(seen, ["b", "b d", "a b d", "a b c d", "a b c d"]);
    assert!(!agents.is_closed_to_new());
    let reason = agents.reason(at(9), "b").unwrap();
    assert_eq!(
        (reason.code, reason.message.as_str(), reason.since_ms),
        (ThrottleCode::LargestAgents, "short", 1_000_000)
    );
    assert_eq!(agents.reason(at(9), "none"), None);
}

#[test]
fn of_equally_large_agents_half_waits() {
    let names: Vec<String> = (0..10).map(|index| format!("agent{index}")).collect();
    let held: Vec<_> = names.iter().map(|name| (name.as_str(), 7)).collect();
    let mut agents = registry(&held);
    agents.set_gate(at(0), Gate::Largest, "short");
    agents.govern(at(0), &short(0));
    assert_eq!(throttled(&agents), ["agent0", "agent1", "agent2", "agent3", "agent4"]);
}

#[test]
fn all_wait_also_who_is_not_known_and_who_comes() {
    let mut agents = registry(&[("a", 1), ("over", LIMIT + 1)]);
    agents.set_gate(at(5), Gate::All, "full");
    agents.register(at(6), "new", 1, 0);
    for id in ["a", "over", "new", "unknown"] {
        assert!(agents.is_throttled(at(7), id), "{id}");
    }
    assert_eq!(agents.throttled_count(), 3);
    let code = |id| agents.reason(at(8), id).map(|reason| (reason.code, reason.since_ms));
    assert_eq!(code("a"), Some((ThrottleCode::AllAgents, 1_000_005)));
    assert_eq!(code("unknown"), Some((ThrottleCode::AllAgents, 1_000_008)));
    assert_eq!(code("over"), Some((ThrottleCode::AgentLimit, 1_000_000)));
    agents.set_gate(at(9), Gate::Open, "");
    assert_eq!(throttled(&agents), ["over"]);
    assert!(!agents.is_throttled(at(9), "unknown"));
}

#[test]
fn while_the_largest_wait_who_comes_waits_behind_those_who_do() {
    let mut agents = registry(&[("a", 100), ("b", 10)]);
    agents.set_gate(at(0), Gate::Largest, "short");
    agents.govern(at(0), &short(0));
    assert!(!agents.is_throttled(at(0), "new"));
    let first = agents.wait(at(0), "a").unwrap();
    assert!(agents.is_throttled(at(0), "new") && !agents.is_throttled(at(0), "b"));
    let second = agents.wait(at(0), "new").unwrap();
    usual(&mut agents, 100);
    agents.govern(at(1), &calm(1000));
    assert_eq!(agents.take_released(), [first, second]);
    assert!(!agents.is_closed_to_new());
}

#[test]
fn no_wait_for_an_agent_that_is_not_throttled() {
    let mut agents = registry(&[("a", 1)]);
    assert_eq!((agents.wait(at(0), "a"), agents.wait(at(0), "unknown")), (None, None));
    assert_eq!((agents.waiting_count(), agents.len()), (0, 1));
}

#[test]
fn a_wait_for_the_limit_of_its_own_ends_with_it() {
    let mut agents = registry(&[("a", LIMIT + 1)]);
    let numbers = [agents.wait(at(0), "a").unwrap(), agents.wait(at(0), "a").unwrap()];
    agents.register(at(1), "a", LIMIT, 0);
    assert_eq!(agents.take_released(), [0; 0]);
    agents.register(at(1), "a", LIMIT / 2, 0);
    assert_eq!(agents.take_released(), numbers);
    assert_eq!(agents.waiting_count(), 0);
}

#[test]
fn when_memory_is_no_longer_short_all_go_on_the_first_come_first() {
    let (mut agents, numbers) = all_wait(&[("c", 3), ("a", 1), ("b", 2)]);
    agents.is_throttled(at(1), "c");
    agents.set_gate(at(2), Gate::Open, "");
    let released = agents.take_released();
    assert_eq!(released.iter().collect::<BTreeSet<_>>(), numbers.iter().collect::<BTreeSet<_>>());
    assert_eq!((agents.throttled_count(), agents.waiting_count()), (0, 0));
    assert_eq!(agents.take_changes().len(), 3);
}

#[test]
fn a_wait_that_was_given_up_is_not_released_and_keeps_nobody_waiting() {
    let (mut agents, numbers) = all_wait(&[("a", 1), ("b", 1)]);
    agents.cancel_wait(numbers[0]);
    agents.cancel_wait(numbers[0]);
    agents.cancel_wait(12_345);
    usual(&mut agents, 10);
    agents.govern(at(1), &short(9));
    assert_eq!((turns(&agents), agents.waiting_count()), (vec!["b"], 0));
    agents.cancel_wait(numbers[1]);
    assert_eq!(agents.take_released(), [0; 0]);
}

#[test]
fn forgetting_an_agent_ends_its_waits_and_its_turn() {
    let (mut agents, numbers) = all_wait(&[("a", 1), ("b", 1)]);
    agents.govern(at(1), &short(100));
    assert_eq!(agents.take_released(), [numbers[0]]);
    assert_eq!(turns(&agents), ["a"]);
    assert!(agents.forget("a") && agents.forget("b"));
    assert_eq!(agents.take_released(), [numbers[1]]);
    assert_eq!(turns(&agents), [""; 0]);
}

#[test]
fn an_agent_that_somebody_waits_for_is_not_idle_but_makes_room_at_capacity() {
    let (mut agents, numbers) = all_wait(&[("a", 1)]);
    agents.expire(at(AGENT_IDLE_MS * 3));
    assert_eq!((agents.len(), agents.waiting_count()), (1, 1));
    for index in 0..100 {
        agents.register(at(AGENT_IDLE_MS * 3), &format!("agent{index}"), 0, 0);
    }
    assert_eq!((agents.len(), agents.take_released()), (100, numbers));
}

#[test]
fn who_makes_room_by_forgetting_the_only_one_that_waits_need_not_wait() {
    let mut agents = AgentRegistry::new(LIMIT, 1);
    agents.register(at(0), "a", 100, 0);
    agents.set_gate(at(0), Gate::Largest, "short");
    agents.govern(at(0), &short(0));
    let number = agents.wait(at(0), "a").unwrap();
    assert!(agents.is_throttled(at(0), "b"));
    assert_eq!(agents.wait(at(0), "b"), None);
    assert_eq!((agents.take_released(), agents.waiting_count()), (vec![number], 0));
}

#[test]
fn one_goes_on_when_what_it_will_need_fits_and_keeps_its_turn_until_it_is_done() {
    let (mut agents, _) = all_wait(&[("a", 60), ("b", 60)]);
    usual(&mut agents, 100);
    agents.govern(at(1), &short(39));
    assert_eq!(turns(&agents), [""; 0]);
    agents.govern(at(1), &short(40));
    assert_eq!(turns(&agents), ["a"]);
    agents.register(at(2), "a", 100, 0);
    agents.register(at(3), "a", 50, 0);
    agents.govern(at(3), &short(1000));
    assert_eq!((turns(&agents), throttled(&agents)), (vec!["a"], vec!["b"]));
    agents.register(at(4), "a", 49, 0);
    assert!(agents.is_throttled(at(4), "a"));
    agents.govern(at(4), &short(1000));
    assert_eq!((turns(&agents), throttled(&agents)), (vec!["b"], vec!["a"]));
}

#[test]
fn an_agent_without_an_example_is_taken_to_be_half_way_and_a_large_one_to_need_a_little_more() {
    let (mut agents, _) = all_wait(&[("a", 60)]);
    agents.govern(at(1), &short(59));
    assert_eq!(turns(&agents), [""; 0]);
    agents.govern(at(1), &short(60));
    assert_eq!(turns(&agents), ["a"]);

    let (mut agents, _) = all_wait(&[("a", 500)]);
    usual(&mut agents, 160);
    agents.govern(at(1), &short(9));
    assert_eq!(turns(&agents), [""; 0]);
    agents.govern(at(1), &short(10));
    assert_eq!(turns(&agents), ["a"]);
}

#[test]
fn what_is_usual_is_the_most_of_late() {
    let mut agents = registry(&[("a", 80)]);
    agents.register(at(1), "a", 0, 0);
    assert_eq!(agents.usual_bytes, 80);
    agents.register(at(2), "a", 8, 0);
    assert!(agents.forget("a"));
    assert_eq!(agents.usual_bytes, 70);
    agents.register(at(3), "b", 500, 0);
    assert!(agents.forget("b"));
    assert_eq!(agents.usual_bytes, 500);
}

#[test]
fn a_turn_in_which_an_agent_does_not_grow_for_ten_seconds_goes_to_the_next() {
    let (mut agents, _) = all_wait(&[("a", 1), ("b", 1)]);
    agents.govern(at(0), &short(100));
    agents.register(at(9_000), "a", 2, 0);
    agents.register(at(18_000), "a", 2, 0);
    agents.govern(at(18_999), &short(100));
    assert_eq!(turns(&agents), ["a"]);
    agents.govern(at(19_000), &short(100));
    assert_eq!((turns(&agents), throttled(&agents)), (vec!["b"], vec!["a"]));
}

#[test]
fn beside_others_one_goes_on_only_while_memory_is_calm_and_all_fit() {
    let (mut agents, _) = all_wait(&[("a", 0), ("b", 0), ("c", 0)]);
    usual(&mut agents, 100);
    agents.govern(at(1), &short(1000));
    assert_eq!(turns(&agents), ["a"]);
    agents.govern(at(1), &calm(199));
    assert_eq!(turns(&agents), ["a"]);
    agents.govern(at(1), &calm(200));
    assert_eq!(turns(&agents), ["a", "b"]);
    agents.govern(at(1), &calm(300));
    assert_eq!(turns(&agents), ["a", "b", "c"]);
}

#[test]
fn a_turn_ends_when_its_agent_goes_over_its_own_limit() {
    let (mut agents, _) = all_wait(&[("a", 1), ("b", 1)]);
    agents.govern(at(1), &short(100));
    agents.register(at(2), "a", LIMIT + 1, 0);
    agents.govern(at(2), &short(100));
    assert_eq!((turns(&agents), throttled(&agents)), (vec!["b"], vec!["a"]));
}

#[test]
fn when_nobody_moves_for_three_seconds_the_one_that_needs_least_goes_on() {
    let held = [("a", 10), ("most", 70), ("b", 20)];
    for waits in [true, false] {
        let mut agents = if waits { all_wait(&held).0 } else { registry(&held) };
        agents.set_gate(at(0), Gate::All, "full");
        usual(&mut agents, 100);
        // Who only says again what it holds has not moved.
        agents.register(at(2_000), "b", 20, 0);
        agents.govern(at(2_999), &short(0));
        assert_eq!(turns(&agents), [""; 0]);
        agents.govern(at(3_000), &short(0));
        // Of those who do not wait, the one that was used longest ago.
        assert_eq!(turns(&agents), [if waits { "most" } else { "a" }]);
    }
}

#[test]
fn an_agent_over_its_own_limit_gets_no_turn() {
    for waits in [true, false] {
        let mut agents = registry(&[("over", LIMIT + 1), ("a", 1)]);
        agents.set_gate(at(0), Gate::All, "full");
        for id in ["over", "a"].into_iter().filter(|_| waits) {
            assert!(agents.wait(at(0), id).is_some());
        }
        agents.govern(at(60_000), &short(u64::MAX));
        assert_eq!(turns(&agents), ["a"]);
        assert!(agents.is_throttled(at(60_000), "over"));
    }
}

#[test]
fn a_turn_that_nobody_takes_goes_to_the_others_who_ask_before_it_comes_again() {
    let mut agents = registry(&[("gone", 10), ("b", 10), ("c", 10)]);
    agents.set_gate(at(0), Gate::All, "full");
    let mut seen = Vec::new();
    for look in 0..41 {
        let now = at(look * 1_000);
        for id in ["b", "c"] {
            agents.is_throttled(now, id);
        }
        agents.govern(now, &short(100));
        seen.extend(turns(&agents).into_iter().map(str::to_owned));
    }
    seen.dedup();
    assert_eq!(seen, ["gone", "b", "c", "gone", "b"]);
}

#[test]
fn what_was_a_turn_is_none_the_next_time_that_memory_is_short() {
    let mut agents = registry(&[("a", 10)]);
    agents.set_gate(at(0), Gate::All, "full");
    agents.govern(at(0), &short(100));
    assert!(!agents.is_throttled(at(0), "a"));
    agents.unthrottle(at(0), "a", false);
    agents.set_gate(at(0), Gate::Open, "");
    agents.set_gate(at(0), Gate::All, "full");
    assert!(agents.is_throttled(at(0), "a"));
}

#[test]
fn a_request_lets_an_agent_go_only_while_memory_is_not_short_and_it_holds_little() {
    let mut agents = registry(&[("small", 1), ("large", LIMIT / 10 * 9)]);
    agents.set_gate(at(0), Gate::Largest, "short");
    agents.govern(at(0), &short(0));
    agents.govern(at(0), &short(0));
    assert_eq!(agents.throttled_count(), 2);
    assert!(!agents.unthrottle(at(0), "small", true));
    assert!(!agents.unthrottle(at(0), "large", false));
    assert!(agents.unthrottle(at(0), "small", false) && !agents.is_throttled(at(0), "small"));
}

#[test]
fn changes_of_turns_are_told_as_others_are() {
    let (mut agents, _) = all_wait(&[("a", 10)]);
    agents.govern(at(1), &short(100));
    assert_eq!(agents.take_changes(), [AgentChange::Unthrottled { id: "a".into() }]);
    agents.register(at(2), "a", 0, 0);
    assert_eq!(agents.take_changes(), [AgentChange::Throttled { id: "a".into(), reason: "full".into() }]);
}

mod cuts;
mod easing;
mod mirror;

#[test]
fn agent_whose_turn_ends_and_begins_again_in_one_look_is_told_of_neither() {
    let (mut agents, _) = all_wait(&[("a", 100)]);
    agents.govern(at(STALL_MS), &short(0));
    assert_eq!(agents.take_changes(), [AgentChange::Unthrottled { id: "a".into() }]);
    agents.govern(at(STALL_MS + TURN_IDLE_MS), &short(0));
    assert_eq!((throttled(&agents), agents.changes.len()), (vec![], 2), "it has ended and begun");
    assert_eq!(agents.take_changes(), []);
}

#[test]
fn of_several_changes_of_an_agent_the_last_is_told_if_it_is_not_as_before() {
    let (mut agents, _) = all_wait(&[("a", 100), ("b", 100)]);
    for (gate, why) in [(Gate::Open, ""), (Gate::All, "again"), (Gate::Open, "")] {
        agents.set_gate(at(1), gate, why);
        if gate == Gate::All {
            agents.forget("b");
        }
    }
    let told = |id: &str| AgentChange::Unthrottled { id: id.into() };
    assert_eq!(agents.take_changes(), [told("a")]);
}
