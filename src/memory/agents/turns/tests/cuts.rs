//! Turns that end before their agents are done, and those that are not given: memory is shorter than was thought.

use super::*;

/// What is really used, in percent.
fn real(real_percentage: f64) -> Room {
    Room { real_percentage, ..short(1000) }
}

/// Three have their turn beside each other.
fn three() -> AgentRegistry {
    let (mut agents, _) = all_wait(&[("a", 5), ("b", 5), ("c", 5)]);
    usual(&mut agents, 10);
    agents.govern(at(1), &calm(15));
    assert_eq!(turns(&agents), ["a", "b", "c"]);
    agents
}

#[test]
fn the_last_who_came_wait_again_when_all_do_not_fit_any_more_and_one_goes_on() {
    let mut agents = three();
    agents.govern(at(2), &calm(14));
    assert_eq!((turns(&agents), throttled(&agents)), (vec!["a", "b"], vec!["c"]));
    agents.govern(at(3), &short(0));
    assert_eq!((turns(&agents), throttled(&agents)), (vec!["a"], vec!["b", "c"]));
}

#[test]
fn what_the_process_uses_beside_counts_with_what_those_who_go_on_need() {
    let mut agents = three();
    // Twice what agents hold: 5 of each are 10.
    agents.govern(at(2), &Room { used_bytes: 30, ..calm(29) });
    assert_eq!(turns(&agents), ["a", "b"]);
    // Never more than three times.
    agents.govern(at(3), &Room { used_bytes: 3000, ..calm(30) });
    assert_eq!(turns(&agents), ["a", "b"]);
    agents.govern(at(3), &Room { used_bytes: 3000, ..calm(29) });
    assert_eq!(turns(&agents), ["a"]);
}

#[test]
fn who_was_never_held_back_counts_with_those_beside_whom_one_goes_on() {
    let (mut agents, _) = all_wait(&[("a", 90), ("b", 90)]);
    agents.set_gate(at(0), Gate::Largest, "short");
    agents.register(at(0), "goes", 40, 0);
    agents.let_go(at(0), "goes");
    usual(&mut agents, 100);
    agents.govern(at(1), &calm(79));
    assert_eq!(turns(&agents), ["a"]);
    // 60 and 10 of those who go on, 10 of its own.
    agents.govern(at(1), &calm(79));
    assert_eq!(turns(&agents), ["a"]);
    agents.govern(at(1), &calm(80));
    assert_eq!(turns(&agents), ["a", "b"]);
}

#[test]
fn where_the_largest_wait_only_the_first_turn_stays_and_where_all_do_none() {
    let mut agents = three();
    agents.govern(at(2), &real(84.9));
    assert_eq!(turns(&agents).len(), 3);
    agents.govern(at(2), &real(85.0));
    assert_eq!(turns(&agents), ["a"]);
    agents.govern(at(3), &real(94.9));
    assert_eq!(turns(&agents), ["a"]);
    agents.govern(at(3), &Room { free_bytes: 0, ..real(95.0) });
    assert_eq!((turns(&agents), throttled(&agents)), (vec![""; 0], vec!["a", "b", "c"]));
}

#[test]
fn a_turn_that_was_a_last_resort_stays_whatever_is_used() {
    let (mut agents, _) = all_wait(&[("a", 5), ("b", 5)]);
    let full = Room { free_bytes: 0, ..real(99.0) };
    agents.govern(at(2_999), &full);
    assert_eq!(turns(&agents), [""; 0]);
    agents.govern(at(3_000), &full);
    assert_eq!(turns(&agents).len(), 1);
    let id = turns(&agents)[0].to_owned();
    for ms in [3_001, 6_001, 9_001] {
        agents.register(at(ms), &id, ms, 0);
        agents.govern(at(ms), &full);
        assert_eq!(turns(&agents), [&*id], "{ms}");
    }
}

#[test]
fn nobody_begins_a_turn_while_memory_grows_by_itself_unless_nobody_moves() {
    let (mut agents, _) = all_wait(&[("a", 5), ("b", 5)]);
    usual(&mut agents, 10);
    let growing = Room { is_growing: true, ..short(1000) };
    agents.govern(at(2_999), &growing);
    assert_eq!(turns(&agents), [""; 0]);
    agents.govern(at(3_000), &growing);
    assert_eq!(turns(&agents), ["a"]);

    let (mut agents, _) = all_wait(&[("a", 5)]);
    agents.govern(at(1), &short(1000));
    assert_eq!(turns(&agents), ["a"]);
}

#[test]
fn who_goes_on_and_does_not_grow_keeps_nobody_waiting() {
    let mut agents = registry(&[("stays", 50), ("a", 5)]);
    agents.set_gate(at(0), Gate::Largest, "short");
    agents.hold_back_one(at(0), "a");
    agents.wait(at(0), "a").unwrap();
    usual(&mut agents, 100);
    let full = Room { percentage: 84.9, ..short(0) };
    for ms in (0..3_000).step_by(500) {
        agents.register(at(ms), "stays", 50 - ms % 1_000 / 500, 0);
        agents.govern(at(ms), &full);
    }
    assert_eq!(turns(&agents), [""; 0]);
    agents.govern(at(3_000), &full);
    assert_eq!(turns(&agents), ["a"]);
}

#[test]
fn those_who_let_a_turn_pass_come_after_those_who_need_more() {
    let (mut agents, _) = all_wait(&[("stays", 98), ("a", 50), ("b", 40)]);
    usual(&mut agents, 100);
    let mut seen = Vec::new();
    for second in 0..30 {
        for id in ["stays", "a", "b"] {
            agents.wait(at(second * 1_000), id);
        }
        // It says what it holds, but that does not change.
        agents.register(at(second * 1_000), "stays", 98, 0);
        agents.govern(at(second * 1_000), &short(10));
        seen.extend(turns(&agents).into_iter().map(str::to_owned));
    }
    seen.dedup();
    assert_eq!(seen, ["stays", "a", "b"]);
}

#[test]
fn the_least_need_is_known_only_with_an_example_and_of_more_than_one_agent() {
    let mut agents = registry(&[("a", 30), ("b", 60), ("none", 0)]);
    assert_eq!(agents.least_need(), None);
    usual(&mut agents, 100);
    assert_eq!(agents.least_need(), Some(40));
    agents.forget("b");
    assert_eq!(agents.least_need(), None);
}

#[test]
fn nearly_at_a_limit_that_ends_all_nobody_is_let_go_however_long_they_wait() {
    for is_hard in [false, true] {
        let mut agents = registry(&[("a", 30), ("b", 60)]);
        agents.set_gate(at(0), Gate::All, "short");
        agents.wait(at(0), "a");
        let room = Room { real_percentage: 96.0, percentage: 96.0, is_hard, ..short(0) };
        agents.govern(at(10_000), &room);
        assert_eq!(turns(&agents).is_empty(), is_hard);
    }
}
