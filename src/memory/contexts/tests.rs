use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A retention of four seconds: the half-life is one.
const RETENTION_MS: u64 = 4000;

fn at(mono_ms: u64) -> Now {
    Now { mono_ms, wall_ms: 1_000_000 + mono_ms }
}

fn contexts() -> Contexts {
    Contexts::new(RETENTION_MS, MAX_CONTEXTS)
}

fn names(marked: &[Marked]) -> Vec<&str> {
    marked.iter().map(|one| one.context.key.as_str()).collect()
}

fn keys(given: &[Context]) -> Vec<&str> {
    given.iter().map(|one| one.key.as_str()).collect()
}

#[test]
fn the_least_valuable_goes_first_and_only_as_many_as_are_needed() {
    let mut all = contexts();
    all.hold(at(0), "best", "a", 10, 1.0);
    all.hold(at(0), "small", "a", 10, 0.2);
    all.hold(at(0), "middle", "a", 10, 0.5);
    assert_eq!(names(&all.to_drop(at(0), 1, None)), ["small"]);
    assert_eq!(names(&all.to_drop(at(0), 10, None)), ["small"]);
    assert_eq!(names(&all.to_drop(at(0), 11, None)), ["small", "middle"]);
    assert_eq!(names(&all.to_drop(at(0), 0, None)), [""; 0]);
}

#[test]
fn a_context_loses_half_its_value_in_a_quarter_of_the_retention_time() {
    let mut all = contexts();
    all.hold(at(0), "older", "a", 1, 0.8);
    all.hold(at(1000), "newer", "a", 1, 0.41);
    all.hold(at(1000), "best", "a", 1, 1.0);
    assert_eq!(names(&all.to_drop(at(1000), 1, None)), ["older"]);
    all.hold(at(1000), "newer", "a", 1, 0.39);
    assert_eq!(names(&all.to_drop(at(1000), 1, None)), ["newer"]);
}

#[test]
fn of_equal_value_the_larger_goes_first_then_the_one_unused_for_longest() {
    let mut all = contexts();
    all.hold(at(0), "best", "a", 1, 1.0);
    for (key, bytes) in [("one", 5), ("large", 9), ("two", 5)] {
        all.hold(at(0), key, "a", bytes, 0.5);
    }
    assert_eq!(names(&all.to_drop(at(0), u64::MAX, None)), ["large", "one", "two"]);
}

#[test]
fn each_agent_keeps_its_best() {
    let mut all = contexts();
    for agent in ["a", "b"] {
        all.hold(at(0), &format!("{agent}-low"), agent, 10, 0.1);
        all.hold(at(0), &format!("{agent}-high"), agent, 10, 0.9);
    }
    assert_eq!(names(&all.to_drop(at(0), u64::MAX, None)), ["a-low", "b-low"]);
    assert_eq!(names(&all.to_drop(at(0), u64::MAX, Some("b"))), ["b-low"]);
    all.release("a-high");
    assert_eq!(names(&all.to_drop(at(0), u64::MAX, None)), ["b-low"]);
    assert!(all.to_drop(at(0), u64::MAX, Some("unknown")).is_empty());
}

#[test]
fn what_ran_out_comes_first_even_the_best_of_an_agent_and_the_next_best_stays() {
    let mut all = contexts();
    all.hold(at(0), "expired", "a", 10, 1.0);
    all.hold(at(2000), "low", "a", 10, 0.01);
    all.hold(at(2000), "lower", "a", 10, 0.001);
    let marked = all.to_drop(at(RETENTION_MS + 1), 20, None);
    let seen: Vec<_> = marked.iter().map(|one| (one.context.key.as_str(), one.reason)).collect();
    assert_eq!(seen, [("expired", DropReason::Retention), ("lower", DropReason::Pressure)]);
    assert_eq!(names(&all.to_drop(at(RETENTION_MS), 0, None)), [""; 0]);
    assert_eq!(names(&all.to_drop(at(RETENTION_MS + 1), 0, None)), ["expired"]);
}

#[test]
fn contexts_without_bytes_give_no_room() {
    let mut all = contexts();
    all.hold(at(0), "empty", "a", 0, 0.1);
    all.hold(at(0), "full", "a", 5, 0.2);
    all.hold(at(0), "best", "a", 5, 0.3);
    all.touch(at(0), "touched");
    assert_eq!(names(&all.to_drop(at(0), 100, None)), ["full"]);
}

#[test]
fn touching_renews_and_keeps_what_is_held() {
    let mut all = contexts();
    all.hold(at(0), "kept", "a", 7, 0.5);
    all.touch(at(0), "lost");
    all.touch(at(3000), "kept");
    assert_eq!(keys(&all.expire(at(RETENTION_MS))), [""; 0]);
    assert_eq!(keys(&all.expire(at(RETENTION_MS + 1))), ["lost"]);
    let expired = all.expire(at(3001 + RETENTION_MS));
    let expected = Context {
        key: "kept".to_owned(),
        agent_id: Some("a".to_owned()),
        bytes: 7,
        importance: 0.5,
        last_accessed: 1_003_000,
    };
    assert_eq!(expired, [expected]);
    assert_eq!((all.len(), all.bytes()), (0, 0));
}

#[test]
fn holding_again_replaces_and_moves_between_agents() {
    let mut all = contexts();
    all.hold(at(0), "k", "a", 7, 0.5);
    all.hold(at(0), "k", "b", 3, 0.5);
    assert_eq!((all.len(), all.bytes()), (1, 3));
    assert_eq!(all.release_agent("a"), 0);
    assert_eq!(all.release_agent("b"), 1);
    assert!(!all.release("k"));
}

#[test]
fn at_the_capacity_the_longest_unused_is_given_up_and_told() {
    let mut all = Contexts::new(RETENTION_MS, 2);
    assert_eq!(all.hold(at(0), "a", "x", 1, 1.0), None);
    assert_eq!(all.touch(at(1), "b"), None);
    assert_eq!(all.touch(at(2), "a"), None);
    assert_eq!(all.touch(at(3), "c").map(|given_up| given_up.key), Some("b".to_owned()));
    assert_eq!(all.hold(at(4), "d", "x", 1, 1.0).map(|given_up| given_up.bytes), Some(1));
    assert_eq!((all.len(), all.bytes()), (2, 1));
}

#[test]
fn many_expire_in_several_calls() {
    let mut all = contexts();
    for index in 0..=MAX_EXPIRED_AT_ONCE {
        all.touch(at(index as u64 / 100), &index.to_string());
    }
    let long_after = at(100 * RETENTION_MS);
    assert_eq!(all.expire(long_after).len(), MAX_EXPIRED_AT_ONCE);
    assert_eq!(keys(&all.expire(long_after)), [MAX_EXPIRED_AT_ONCE.to_string()]);
    assert_eq!(all.len(), 0);
}

#[test]
fn another_retention_time_weighs_ages_anew() {
    let mut all = contexts();
    all.hold(at(0), "older", "a", 1, 0.8);
    all.hold(at(1000), "newer", "a", 1, 0.5);
    all.hold(at(1000), "best", "a", 1, 1.0);
    assert_eq!(names(&all.to_drop(at(1000), 1, None)), ["older"]);
    all.set_retention(40_000);
    assert_eq!(names(&all.to_drop(at(1000), 1, None)), ["newer"]);
    assert!(all.expire(at(RETENTION_MS + 1)).is_empty());
}

#[test]
fn bytes_saturate_and_come_back() {
    let mut all = contexts();
    all.hold(at(0), "a", "x", u64::MAX, 1.0);
    all.hold(at(0), "b", "x", 5, 1.0);
    assert_eq!(all.bytes(), u64::MAX);
    all.release("a");
    assert_eq!(all.bytes(), 5);
}

#[test]
fn callers_see_flat_objects() {
    let mut all = contexts();
    all.hold(at(5), "k", "a", 7, 0.5);
    let marked = all.to_drop(at(6 + RETENTION_MS), 0, None);
    let expected = json!([{
        "key": "k", "agentId": "a", "bytes": 7, "importance": 0.5, "lastAccessed": 1_000_005, "reason": "retention",
    }]);
    assert_eq!(serde_json::to_value(marked).unwrap(), expected);
}

/// The same by sorting everything each time.
#[derive(Debug, Default)]
struct Model(Vec<(Context, u64)>);

impl Model {
    fn put(&mut self, now: Now, context: Context, capacity: usize) -> Option<Context> {
        let before = self.0.len();
        self.0.retain(|(one, _)| one.key != context.key);
        let full = self.0.len() == before && before >= capacity;
        let given_up = full.then(|| self.0.remove(0).0);
        self.0.push((context, now.mono_ms));
        given_up
    }

    fn is_expired(now: Now, used_ms: u64) -> bool {
        now.mono_ms - used_ms > RETENTION_MS
    }

    /// In the tests all ages are whole half-lives and all importances powers of two, so this is exact.
    fn value(now: Now, context: &Context, used_ms: u64) -> f64 {
        context.importance * 0.5_f64.powf((now.mono_ms - used_ms) as f64 / 1000.0)
    }

    fn to_drop(&self, now: Now, need: u64, agent: Option<&str>) -> Vec<Marked> {
        let of_agent = |one: &Context| agent.is_none() || one.agent_id.as_deref() == agent;
        let mut marked = Vec::new();
        let mut held: Vec<(usize, &Context, f64)> = Vec::new();
        for (place, (one, used_ms)) in self.0.iter().enumerate().filter(|(_, (one, _))| of_agent(one)) {
            if Self::is_expired(now, *used_ms) {
                marked.push(Marked { context: one.clone(), reason: DropReason::Retention });
            } else if one.agent_id.is_some() {
                held.push((place, one, Self::value(now, one, *used_ms)));
            }
        }
        held.sort_by(|(a_place, a, a_value), (b_place, b, b_value)| {
            a_value.total_cmp(b_value).then(b.bytes.cmp(&a.bytes)).then(a_place.cmp(b_place))
        });
        let mut freed: u64 = marked.iter().map(|one| one.context.bytes).sum();
        for (index, (_, one, _)) in held.iter().enumerate() {
            let is_best = !held[index + 1..].iter().any(|(_, other, _)| other.agent_id == one.agent_id);
            if freed < need && !is_best && one.bytes > 0 {
                freed += one.bytes;
                marked.push(Marked { context: (*one).clone(), reason: DropReason::Pressure });
            }
        }
        marked
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait,
    Touch(u8),
    Hold(u8, u8, u64, f64),
    Release(u8),
    ReleaseAgent(u8),
    Expire,
    ToDrop(u64, Option<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let importance = prop::sample::select(vec![0.0, 0.125, 0.25, 0.5, 1.0]);
    prop_oneof![
        2 => Just(Step::Wait),
        2 => (0..12_u8).prop_map(Step::Touch),
        6 => (0..12_u8, 0..3_u8, 0..4_u64, importance).prop_map(|(k, a, b, i)| Step::Hold(k, a, b, i)),
        1 => (0..12_u8).prop_map(Step::Release),
        1 => (0..3_u8).prop_map(Step::ReleaseAgent),
        1 => Just(Step::Expire),
        3 => (0..12_u64, prop::option::of(0..3_u8)).prop_map(|(need, agent)| Step::ToDrop(need, agent)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_a_list_sorted_each_time(steps in prop::collection::vec(step(), 0..120), capacity in 1..12_usize) {
        let mut all = Contexts::new(RETENTION_MS, capacity);
        let mut model = Model::default();
        let mut now = at(0);
        let agent = |number: u8| format!("agent{number}");
        for step in steps {
            match step {
                Step::Wait => now = at(now.mono_ms + 1000),
                Step::Touch(key) => {
                    let key = key.to_string();
                    let known = model.0.iter().find(|(one, _)| one.key == key).map(|(one, _)| one.clone());
                    let context = known.unwrap_or(Context {
                        key: key.clone(), agent_id: None, bytes: 0, importance: 0.0, last_accessed: 0,
                    });
                    let context = Context { last_accessed: now.wall_ms, ..context };
                    prop_assert_eq!(all.touch(now, &key), model.put(now, context, capacity));
                }
                Step::Hold(key, holder, bytes, importance) => {
                    let context = Context {
                        key: key.to_string(),
                        agent_id: Some(agent(holder)),
                        bytes,
                        importance,
                        last_accessed: now.wall_ms,
                    };
                    let given_up = all.hold(now, &context.key, &agent(holder), bytes, importance);
                    prop_assert_eq!(given_up, model.put(now, context, capacity));
                }
                Step::Release(key) => {
                    let before = model.0.len();
                    model.0.retain(|(one, _)| one.key != key.to_string());
                    prop_assert_eq!(all.release(&key.to_string()), model.0.len() < before);
                }
                Step::ReleaseAgent(holder) => {
                    let before = model.0.len();
                    model.0.retain(|(one, _)| one.agent_id != Some(agent(holder)));
                    prop_assert_eq!(all.release_agent(&agent(holder)), before - model.0.len());
                }
                Step::Expire => {
                    let (gone, kept) = std::mem::take(&mut model.0)
                        .into_iter()
                        .partition(|(_, used_ms)| Model::is_expired(now, *used_ms));
                    model.0 = kept;
                    let gone: Vec<(Context, u64)> = gone;
                    prop_assert_eq!(all.expire(now), gone.into_iter().map(|(one, _)| one).collect::<Vec<_>>());
                }
                Step::ToDrop(need, holder) => {
                    let holder = holder.map(agent);
                    let expected = model.to_drop(now, need, holder.as_deref());
                    prop_assert_eq!(all.to_drop(now, need, holder.as_deref()), expected);
                }
            }
            prop_assert_eq!(all.len(), model.0.len());
            prop_assert_eq!(all.bytes(), model.0.iter().map(|(one, _)| one.bytes).sum::<u64>());
        }
    }
}
