//! Memory is no longer short: those held back are let go one after the other, and at last the gate opens.

use super::*;

/// Little is used, and so many bytes are left.
fn plenty(calm_bytes: u64) -> Room {
    Room { percentage: 10.0, real_percentage: 10.0, ..short(calm_bytes) }
}

fn eased(held: &[(&str, u64)]) -> (AgentRegistry, Vec<u64>) {
    let (mut agents, numbers) = all_wait(held);
    agents.set_gate(at(0), Gate::Easing, "");
    (agents, numbers)
}

#[test]
fn those_held_back_are_let_go_in_order_as_what_they_need_fits_and_then_the_gate_opens() {
    let (mut agents, numbers) = eased(&[("c", 40), ("a", 90), ("b", 80)]);
    usual(&mut agents, 100);
    agents.govern(at(1), &calm(69));
    // The first goes on by itself; with 60 for it, 10 more do not fit, and nobody overtakes.
    assert_eq!((agents.take_released(), agents.gate), (vec![numbers[0]], Gate::Easing));
    assert!(agents.is_throttled(at(1), "new"), "others wait");
    agents.govern(at(2), &calm(70));
    assert_eq!(agents.take_released(), [numbers[1]]);
    agents.govern(at(3), &Room { percentage: 80.0, ..calm(1000) });
    assert_eq!(agents.take_released(), [0; 0]);
    agents.govern(at(3), &calm(90));
    assert_eq!((agents.take_released(), agents.gate), (vec![numbers[2]], Gate::Open));
    assert!(!agents.is_throttled(at(3), "new"));
    assert!(turns(&agents).is_empty());
}

#[test]
fn what_the_process_uses_beside_counts() {
    let (mut agents, _) = eased(&[("a", 90), ("b", 90)]);
    usual(&mut agents, 100);
    agents.govern(at(1), &Room { used_bytes: 360, ..calm(39) });
    assert_eq!(throttled(&agents), ["b"]);
    agents.govern(at(1), &Room { used_bytes: 360, ..calm(40) });
    assert_eq!(agents.gate, Gate::Open);
}

#[test]
fn who_was_just_let_go_and_holds_nothing_yet_counts_for_ten_seconds() {
    let (mut agents, numbers) = eased(&[("a", 0), ("b", 0), ("c", 0)]);
    usual(&mut agents, 100);
    agents.govern(at(1), &calm(200));
    assert_eq!(agents.take_released(), numbers[..2]);
    agents.moved(at(9_000));
    agents.govern(at(10_000), &calm(200));
    assert_eq!(agents.take_released(), [0; 0]);
    agents.govern(at(10_001), &calm(200));
    assert_eq!(agents.take_released(), numbers[2..]);
}

#[test]
fn who_has_not_grown_for_ten_seconds_is_taken_to_stay_as_it_is() {
    let (mut agents, numbers) = eased(&[("stays", 32), ("b", 90)]);
    usual(&mut agents, 100);
    agents.govern(at(0), &calm(77));
    for second in 1..10 {
        agents.register(at(second * 1_000), "stays", 32, 0);
        // So that somebody moves.
        agents.register(at(second * 1_000), "other", second, 0);
        agents.forget("other");
        usual(&mut agents, 100);
        agents.moved(at(second * 1_000));
    }
    agents.govern(at(9_999), &calm(77));
    assert_eq!(agents.take_released(), numbers[..1]);
    // A sixteenth of what it holds, and 10 of the other.
    agents.govern(at(10_000), &calm(11));
    assert_eq!(agents.take_released(), [0; 0]);
    agents.govern(at(10_000), &calm(12));
    assert_eq!(agents.take_released(), numbers[1..]);
}

#[test]
fn without_an_example_as_many_again_as_go_on_are_let_go_with_each_look_while_there_is_plenty() {
    let names: Vec<String> = (0..20).map(|index| format!("agent{index}")).collect();
    let held: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let (mut agents, numbers) = eased(&held);
    let seen: Vec<_> = (0..4)
        .map(|look| {
            agents.govern(at(look), &plenty(1000));
            agents.take_released().len()
        })
        .collect();
    assert_eq!((seen, agents.gate), (vec![2, 2, 4, 8], Gate::Easing));
    // Each is taken to need as much as it holds.
    agents.govern(at(5), &plenty(16));
    assert_eq!(agents.take_released().len(), 0);
    agents.govern(at(5), &plenty(17));
    assert_eq!(agents.take_released(), [numbers[16]]);
    agents.govern(at(6), &Room { percentage: 50.0, ..plenty(1000) });
    assert_eq!(agents.take_released().len(), 0);
    agents.govern(at(7), &plenty(1000));
    assert_eq!((agents.take_released().len(), agents.gate), (3, Gate::Open));
}

#[test]
fn while_nobody_moves_one_is_let_go_every_three_seconds_whatever_is_left() {
    let (mut agents, numbers) = eased(&[("a", 10), ("b", 10), ("c", 10)]);
    usual(&mut agents, 100);
    let mut seen = Vec::new();
    for ms in (0..=9_000).step_by(500) {
        for id in ["a", "b"] {
            agents.register(at(ms), id, 10, 0);
        }
        agents.govern(at(ms), &calm(0));
        seen.extend(agents.take_released().into_iter().map(|number| (ms, number)));
    }
    assert_eq!(seen, [(3_000, numbers[0]), (6_000, numbers[1]), (9_000, numbers[2])]);
    assert_eq!(agents.gate, Gate::Open);
}

#[test]
fn who_only_asks_is_let_go_after_those_who_wait() {
    let mut agents = registry(&[("asks", 0), ("waits", 0)]);
    agents.set_gate(at(0), Gate::All, "full");
    let numbers = [agents.wait(at(0), "waits").unwrap(), agents.wait(at(0), "waits").unwrap()];
    agents.set_gate(at(0), Gate::Easing, "");
    usual(&mut agents, 100);
    agents.govern(at(1), &calm(100));
    assert_eq!((agents.take_released(), throttled(&agents)), (numbers.to_vec(), vec!["asks"]));
    agents.govern(at(2), &calm(200));
    assert_eq!(agents.gate, Gate::Open);
}

#[test]
fn an_agent_over_its_own_limit_waits_on_and_keeps_nobody_waiting() {
    let (mut agents, numbers) = eased(&[("over", LIMIT + 1), ("a", 1)]);
    usual(&mut agents, 100);
    agents.govern(at(1), &calm(1000));
    assert_eq!((agents.take_released(), throttled(&agents)), (numbers[1..].to_vec(), vec!["over"]));
    assert!(agents.gate == Gate::Open && !agents.is_throttled(at(1), "b"));
    agents.register(at(2), "over", 0, 0);
    assert_eq!(agents.take_released(), numbers[..1]);
}

#[test]
fn a_gate_that_is_open_stays_so_and_one_that_closes_again_holds_back_the_rest() {
    let mut agents = registry(&[("a", 1)]);
    agents.set_gate(at(0), Gate::Easing, "");
    assert_eq!(agents.gate, Gate::Open);
    let (mut agents, numbers) = eased(&[("a", 10), ("b", 10)]);
    agents.govern(at(1), &calm(1000));
    assert_eq!(agents.take_released(), numbers[..1]);
    agents.set_gate(at(2), Gate::All, "full");
    assert_eq!(throttled(&agents), ["a", "b"]);
}

#[test]
fn a_hundred_thousand_agents_that_wait_are_let_go_in_order_and_all_at_the_end() {
    let mut agents = AgentRegistry::new(LIMIT, 100_000);
    let names: Vec<String> = (0..100_000).map(|index| format!("agent{index}")).collect();
    for name in &names {
        agents.register(at(0), name, 10, 0);
    }
    agents.set_gate(at(0), Gate::All, "full");
    let numbers: Vec<_> = names.iter().map(|name| agents.wait(at(0), name).unwrap()).collect();
    assert_eq!((agents.throttled_count(), agents.waiting_count()), (100_000, 100_000));
    assert_eq!(agents.throttled_list(1), Some((true, Vec::new())));
    for done in 0..100 {
        agents.govern(at(done), &short(10));
        assert_eq!(agents.take_released(), [numbers[usize::try_from(done).unwrap()]]);
        agents.register(at(done), &names[usize::try_from(done).unwrap()], 0, 0);
    }
    usual(&mut agents, 10);
    agents.govern(at(1000), &calm(u64::MAX));
    assert_eq!((agents.take_released(), agents.turns.len()), (numbers[100..164].to_vec(), MOST_TURNS));
    agents.set_gate(at(2000), Gate::Easing, "");
    agents.govern(at(2000), &calm(u64::MAX));
    assert_eq!((agents.take_released(), agents.gate), (numbers[164..].to_vec(), Gate::Easing));
    assert_eq!(agents.throttled_list(0), Some((false, Vec::new())));
}
