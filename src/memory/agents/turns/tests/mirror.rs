//! Whatever happens, a mirror that is renewed when the version differs says what the registry says, and its books agree.

use super::*;

/// What `js/memory-view.js` keeps.
#[derive(Default)]
struct Mirror {
    version: Option<u64>,
    /// Whether all but the listed are throttled, and those; `None`: too many to list.
    list: Option<(bool, HashSet<String>)>,
}

impl Mirror {
    fn answer(&mut self, agents: &AgentRegistry, id: &str) -> bool {
        if agents.throttled_count() == 0 && !agents.is_closed_to_new() {
            return false;
        }
        if self.version != Some(agents.version()) {
            self.version = Some(agents.version());
            let list = agents.throttled_list(3);
            self.list = list.map(|(but, ids)| (but, ids.iter().map(ToString::to_string).collect()));
        }
        self.list.as_ref().map_or_else(|| answer(agents, id), |(but, ids)| ids.contains(id) != *but)
    }
}

#[derive(Debug, Clone)]
enum Op {
    Register(u8, u64),
    Ask(u8),
    Unthrottle(u8, bool),
    Forget(u8),
    Wait(u8),
    Cancel(u8),
    Gate(Gate),
    Govern(Room),
    Limit(u64),
    Pass(u64),
}

fn room() -> impl Strategy<Value = Room> {
    let percentage = || prop_oneof![1 => 0.0..70.0_f64, 3 => 70.0..100.0_f64];
    (percentage(), percentage(), 0..200_u64, 0..400_u64, any::<bool>()).prop_map(
        |(percentage, real_percentage, free_bytes, used_bytes, is_growing)| Room {
            percentage,
            real_percentage,
            is_growing,
            used_bytes,
            ..short(free_bytes)
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let id = 0..8_u8;
    prop_oneof![
        6 => (id.clone(), prop_oneof![0..40_u64, 100..140_u64]).prop_map(|(id, bytes)| Op::Register(id, bytes)),
        2 => id.clone().prop_map(Op::Ask),
        1 => (id.clone(), any::<bool>()).prop_map(|(id, is_short)| Op::Unthrottle(id, is_short)),
        1 => id.clone().prop_map(Op::Forget),
        5 => id.prop_map(Op::Wait),
        1 => any::<u8>().prop_map(Op::Cancel),
        2 => prop_oneof![1 => Just(Gate::Open), 2 => Just(Gate::Easing), 3 => Just(Gate::Largest), 2 => Just(Gate::All)].prop_map(Op::Gate),
        5 => room().prop_map(Op::Govern),
        1 => (80..150_u64).prop_map(Op::Limit),
        2 => prop_oneof![9 => 0..12_000_u64, 1 => Just(AGENT_IDLE_MS)].prop_map(Op::Pass),
    ]
}

/// What must hold whatever was done.
fn books_agree(agents: &AgentRegistry) {
    let all = &agents.agents;
    assert_eq!(agents.throttled_count(), all.values().filter(|agent| agent.is_throttled()).count());
    assert_eq!(agents.held_bytes(), all.values().map(Agent::total_bytes).sum::<u64>());
    assert_eq!(agents.by_use.values().collect::<BTreeSet<_>>(), all.keys().collect::<BTreeSet<_>>());
    let mut waits: HashMap<&str, u32> = HashMap::new();
    for (_, id) in &agents.waiting {
        *waits.entry(id).or_default() += 1;
        assert!(all[id].is_throttled(), "{id} waits for nothing");
    }
    for (id, agent) in all {
        assert_eq!(agent.waits, waits.get(&**id).copied().unwrap_or(0), "{id}");
        assert_eq!(agent.turn.is_some(), agents.turns.contains(id), "{id}");
        assert!(agents.gate != Gate::Open || !agent.is_held_back, "{id}");
    }
    assert_eq!(agents.turns.iter().collect::<BTreeSet<_>>().len(), agents.turns.len());
    let named = |most| agents.throttled_list(most);
    let (but, ids) = named(usize::MAX).expect("any number");
    for id in all.keys() {
        assert_eq!(ids.contains(id) != but, all[id].is_throttled(), "{id}");
    }
    assert_eq!(but, agents.is_closed_to_new());
    assert_eq!(named(ids.len()), Some((but, ids.clone())));
    assert!(ids.is_empty() || named(ids.len() - 1).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mirror_renewed_by_the_version_never_differs(ops in prop::collection::vec(op(), 0..120)) {
        let mut agents = AgentRegistry::new(110, 5);
        let (mut mirror, mut now) = (Mirror::default(), 0);
        let (mut open, mut known): (Vec<u64>, BTreeSet<u64>) = (Vec::new(), BTreeSet::new());
        for op in ops {
            agents.expire(at(now));
            match op {
                Op::Register(id, bytes) => agents.register(at(now), &id.to_string(), bytes, 0),
                Op::Ask(id) => {
                    let expected = answer(&agents, &id.to_string());
                    prop_assert_eq!(agents.is_throttled(at(now), &id.to_string()), expected);
                }
                Op::Unthrottle(id, is_short) => {
                    let before = answer(&agents, &id.to_string());
                    let is_released = agents.unthrottle(at(now), &id.to_string(), is_short);
                    prop_assert_eq!(is_released, before && !answer(&agents, &id.to_string()));
                }
                Op::Forget(id) => {
                    agents.forget(&id.to_string());
                }
                Op::Wait(id) => {
                    let number = agents.wait(at(now), &id.to_string());
                    prop_assert_eq!(number.is_some(), answer(&agents, &id.to_string()));
                    open.extend(number);
                    prop_assert!(number.is_none_or(|number| known.insert(number)), "no number twice");
                }
                Op::Cancel(which) => {
                    if !open.is_empty() {
                        agents.cancel_wait(open.remove(usize::from(which) % open.len()));
                    }
                }
                Op::Gate(gate) => agents.set_gate(at(now), gate, "why"),
                Op::Govern(room) => {
                    let over: Vec<_> = agents.agents.iter().filter(|(_, agent)| agent.is_over).map(|(id, _)| id.clone()).collect();
                    let before = agents.turns.clone();
                    agents.govern(at(now), &room);
                    let is_held = |agent: &Agent| agent.is_held_back && !agent.is_over;
                    prop_assert!(agents.gate != Gate::Easing || agents.agents.values().any(is_held));
                    for id in agents.turns.iter().filter(|id| !before.contains(id)) {
                        prop_assert!(!over.contains(id), "{} is over its limit", id);
                    }
                }
                Op::Limit(limit) => agents.set_limit(at(now), limit),
                Op::Pass(ms) => now += ms,
            }
            for number in agents.take_released() {
                let place = open.iter().position(|wait| *wait == number);
                prop_assert!(place.is_some(), "{} was released before, or given up", number);
                open.remove(place.unwrap());
            }
            prop_assert_eq!(open.len(), agents.waiting_count());
            books_agree(&agents);
            for id in 0..9 {
                let id = id.to_string();
                prop_assert_eq!(mirror.answer(&agents, &id), answer(&agents, &id), "{}", id);
            }
        }
    }
}
