//! What agents are sent, step by step.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bounds::MIN_TIDY;
use super::*;
use crate::base::document::tests::document;
use crate::base::footprint::{Footprint, Relief};
use crate::tokens::delta::{Delta, from_hex, hash_of, hex};
use crate::tokens::known::Known;
use crate::tokens::{SendOptions, TokenOptimizer};

fn step(optimizer: &TokenOptimizer, agent: &str, json: &str) -> (Delta, Option<String>) {
    send(optimizer, agent, json, &SendOptions::default())
}

fn send(
    optimizer: &TokenOptimizer,
    agent: &str,
    json: &str,
    options: &SendOptions,
) -> (Delta, Option<String>) {
    let document = document(json);
    let view = View::whole(&document);
    let done = optimizer.optimize(agent, view, view, options, &Known::default());
    (done.delta, done.base_hash)
}

#[test]
fn hash_is_sha256_of_canonical_json_whatever_the_key_order() {
    let hash = |json: &str| hex(&hash_of(View::whole(&document(json))));
    // printf '{"a":[1,true],"b":"x"}' | sha256sum
    let expected = "840356ff5ef245669d78940c5345c77f291c7ecb3f850515822005da36b2cb0c";
    assert_eq!(hash(r#"{"b":"x","a":[1,true]}"#), hash(r#"{"a":[1,true],"b":"x"}"#));
    assert_eq!(hash(r#"{"b":"x","a":[1,true]}"#), expected);
    assert_ne!(hash("[1,2]"), hash("[2,1]"));
}

#[test]
fn first_context_is_full_then_unchanged_then_a_delta() {
    let states = TokenOptimizer::new();
    assert_eq!(step(&states, "a", r#"{"x":1,"y":2,"z":{"n":1}}"#).0, Delta::Full);
    assert_eq!(step(&states, "a", r#"{"z":{"n":1},"y":2,"x":1}"#).0, Delta::Unchanged);
    // root, x, new, z, n
    let (delta, base) = step(&states, "a", r#"{"x":1,"new":0,"z":{"n":2}}"#);
    let expected = Delta::Changed {
        added: vec![2],
        modified: vec![3],
        removed: vec!["\"y\"".into()],
        unchanged: vec![1],
    };
    assert_eq!(delta, expected);
    assert!(base.is_some());
}

#[test]
fn a_then_b_then_a_is_never_stale() {
    let states = TokenOptimizer::new();
    step(&states, "a", r#"{"x":1}"#);
    step(&states, "a", r#"{"x":2}"#);
    assert!(
        matches!(step(&states, "a", r#"{"x":1}"#).0, Delta::Changed { ref modified, .. } if modified == &[1])
    );
}

#[test]
fn agents_do_not_share_a_base() {
    let states = TokenOptimizer::new();
    step(&states, "a", r#"{"x":1}"#);
    assert_eq!(step(&states, "b", r#"{"x":1}"#).0, Delta::Full);
}

#[test]
fn context_that_is_not_an_object_is_full_or_unchanged() {
    let states = TokenOptimizer::new();
    assert_eq!(step(&states, "a", "[1]").0, Delta::Full);
    assert_eq!(step(&states, "a", "[1]").0, Delta::Unchanged);
    assert_eq!(step(&states, "a", "[2]").0, Delta::Full);
    assert_eq!(step(&states, "a", r#"{"x":1}"#).0, Delta::Full);
}

#[test]
fn least_recent_agents_are_given_up() {
    let states = TokenOptimizer::new();
    for agent in 0..=MAX_AGENTS {
        step(&states, &agent.to_string(), r#"{"x":1}"#);
    }
    assert_eq!(states.states().len(), MAX_AGENTS - MAX_AGENTS / 10);
    assert_eq!(step(&states, "0", r#"{"x":1}"#).0, Delta::Full);
    assert_eq!(step(&states, &MAX_AGENTS.to_string(), r#"{"x":1}"#).0, Delta::Unchanged);
}

#[test]
fn reset_agent_starts_over_and_others_do_not() {
    let states = TokenOptimizer::new();
    step(&states, "a", r#"{"x":1}"#);
    step(&states, "b", r#"{"x":1}"#);
    assert!(states.states().reset("a"));
    assert!(!states.states().reset("a"));
    assert_eq!(step(&states, "a", r#"{"x":1}"#).0, Delta::Full);
    assert_eq!(step(&states, "b", r#"{"x":1}"#).0, Delta::Unchanged);
}

#[test]
fn equal_entries_of_agents_are_kept_once() {
    let states = TokenOptimizer::new();
    for agent in 0..50 {
        step(
            &states,
            &format!("agent {agent}"),
            &format!(r#"{{"own":{agent},"files":"the same","task":"the same"}}"#),
        );
    }
    let inner = states.states().states.lock();
    assert_eq!(inner.entries.values().filter(|entry| entry.strong_count() > 0).count(), 52);
    assert_eq!(inner.size.keys, 150);
}

#[test]
fn what_is_gone_is_forgotten() {
    let optimizer = TokenOptimizer::new();
    for turn in 0..200 {
        let values: Vec<String> = (0..100).map(|key| format!(r#""k{key}":"{turn} {key}""#)).collect();
        step(&optimizer, "a", &format!("{{{}}}", values.join(",")));
    }
    let inner = optimizer.states().states.lock();
    assert!(inner.entries.len() <= 2 * MIN_TIDY, "{}", inner.entries.len());
    assert!(inner.snapshots.len() <= 2 * MIN_TIDY);
}

#[test]
fn what_agents_take_is_counted_whatever_becomes_of_them() {
    let optimizer = TokenOptimizer::new();
    let check = || {
        let states = optimizer.states().states.lock();
        let sizes = states.by_agent.iter().map(|(id, agent)| agent.size(id));
        let sum = sizes.fold((0, 0), |sum, size| (sum.0 + size.keys, sum.1 + size.bytes));
        assert_eq!((states.size.keys, states.size.bytes), sum);
    };
    for turn in 0..100 {
        step(&optimizer, &format!("agent {}", turn % 7), &format!(r#"{{"a":{turn},"b":1}}"#));
        check();
    }
    optimizer.states().reset("agent 3");
    check();
    for relief in [Relief::Drop, Relief::None] {
        optimizer.states().relieve(relief);
        check();
        assert_eq!(optimizer.states().len(), 6, "there are not too many");
    }
    optimizer.forget();
    check();
}

#[test]
fn huge_context_does_not_take_the_place_of_others() {
    let optimizer = TokenOptimizer::new();
    step(&optimizer, "small", r#"{"x":1}"#);
    let values: Vec<String> = (0..=MAX_KEYS_EACH).map(|key| format!(r#""{key}":0"#)).collect();
    let huge = format!("{{{}}}", values.join(","));
    for _ in 0..2 {
        assert_eq!(step(&optimizer, "huge", &huge).0, Delta::Full);
    }
    assert_eq!(step(&optimizer, "small", r#"{"x":1}"#).0, Delta::Unchanged);
}

fn explicit(now_ms: u64) -> SendOptions {
    SendOptions {
        acknowledgement: Acknowledgement::Explicit { timeout_ms: 1000 },
        now_ms,
        ..SendOptions::default()
    }
}

#[test]
fn lost_message_is_never_a_base() {
    let optimizer = TokenOptimizer::new();
    let mode = explicit(0).acknowledgement;
    let hash_of = |json: &str| hash_of(View::whole(&document(json)));
    let [one, two, three] = [r#"{"x":1}"#, r#"{"x":2}"#, r#"{"x":3}"#];
    assert_eq!(send(&optimizer, "a", one, &explicit(0)).0, Delta::Full);
    // Nobody said that it arrived.
    assert_eq!(send(&optimizer, "a", one, &explicit(1)).0, Delta::Full);
    assert_eq!(send(&optimizer, "a", two, &explicit(2)).0, Delta::Full);
    assert!(optimizer.states().acknowledge("a", &hash_of(one), 3, mode));
    let (delta, base) = send(&optimizer, "a", three, &explicit(4));
    assert!(matches!(delta, Delta::Changed { .. }));
    assert_eq!(base, Some(hex(&hash_of(one))));
    // The one before arrives late, then the last one, then the old one again, which is not what the agent has.
    assert!(optimizer.states().acknowledge("a", &hash_of(two), 5, mode));
    assert!(optimizer.states().acknowledge("a", &hash_of(three), 5, mode));
    assert!(!optimizer.states().acknowledge("a", &hash_of(one), 5, mode));
    assert_eq!(send(&optimizer, "a", three, &explicit(6)).0, Delta::Unchanged);
    assert!(!optimizer.states().acknowledge("b", &hash_of(one), 5, mode));
}

#[test]
fn acknowledgement_that_comes_too_late_does_not_count() {
    let optimizer = TokenOptimizer::new();
    let mode = explicit(0).acknowledgement;
    let hash = hash_of(View::whole(&document(r#"{"x":1}"#)));
    send(&optimizer, "a", r#"{"x":1}"#, &explicit(0));
    assert!(!optimizer.states().acknowledge("a", &hash, 1000, mode));
    send(&optimizer, "a", r#"{"x":1}"#, &explicit(1000));
    assert!(optimizer.states().acknowledge("a", &hash, 1999, mode));
}

#[test]
fn equal_columns_are_not_read_again() {
    let optimizer = TokenOptimizer::new();
    let with = |fingerprint| SendOptions { fingerprint: Some(fingerprint), ..SendOptions::default() };
    assert!(optimizer.unchanged("a", &with(7)).is_none());
    send(&optimizer, "a", r#"{"x":1}"#, &with(7));
    let again = optimizer.unchanged("a", &with(7)).expect("the same");
    assert_eq!(again.delta, Delta::Unchanged);
    assert_eq!((again.original_tokens, again.filtered_tokens), (5, 5));
    assert!(optimizer.unchanged("a", &with(8)).is_none());
    assert!(optimizer.unchanged("b", &with(7)).is_none());
    assert!(optimizer.unchanged("a", &SendOptions::default()).is_none());
}

#[test]
fn updates_of_one_agent_at_once_are_one_after_the_other() {
    let optimizer = TokenOptimizer::new();
    let (full, unchanged) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (optimizer, full, unchanged) = (&optimizer, &full, &unchanged);
            scope.spawn(move || {
                for round in 0..200 {
                    match step(optimizer, "a", &format!(r#"{{"x":{}}}"#, (thread + round) % 3)).0 {
                        Delta::Full => full.fetch_add(1, Ordering::Relaxed),
                        Delta::Unchanged => unchanged.fetch_add(1, Ordering::Relaxed),
                        Delta::Changed { .. } => 0,
                    };
                }
            });
        }
    });
    assert_eq!(full.load(Ordering::Relaxed), 1);
    assert_eq!(optimizer.totals().unchanged, unchanged.load(Ordering::Relaxed));
    assert_eq!(optimizer.states().states.lock().size.keys, 1);
}

#[test]
fn hexadecimal_comes_back() {
    let hash: Hash = std::array::from_fn(|at| u8::try_from(at * 8).expect("below 256"));
    assert_eq!(from_hex(&hex(&hash)), Some(hash));
    for bad in [
        "",
        "0",
        &hex(&hash)[2..],
        &hex(&hash).to_uppercase(),
        &format!("{}00", hex(&hash)),
        &hex(&hash).replace('0', "g"),
    ] {
        assert_eq!(from_hex(bad), None, "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn applying_a_delta_gives_the_new_keys(
        old in proptest::collection::btree_map("[a-e]", 0..3u8, 0..5),
        new in proptest::collection::btree_map("[a-e]", 0..3u8, 0..5),
    ) {
        let states = TokenOptimizer::new();
        step(&states, "a", &serde_json::to_string(&old).expect("json"));
        let json = serde_json::to_string(&new).expect("json");
        let next = document(&json);
        let (delta, _) = step(&states, "a", &json);
        let mut applied = old.clone();
        match delta {
            Delta::Full => proptest::prop_assert!(false, "both are objects"),
            Delta::Unchanged => proptest::prop_assert_eq!(&old, &new),
            Delta::Changed { added, modified, removed, unchanged } => {
                for key in removed {
                    let key: String = serde_json::from_str(&key).expect("a JSON string");
                    proptest::prop_assert!(applied.remove(&key).is_some());
                }
                for value in unchanged {
                    proptest::prop_assert_eq!(applied.get(next.key(value)), new.get(next.key(value)));
                }
                for value in added {
                    proptest::prop_assert!(applied.insert(next.key(value).into(), new[next.key(value)]).is_none());
                }
                for value in modified {
                    proptest::prop_assert!(applied.insert(next.key(value).into(), new[next.key(value)]).is_some());
                }
            }
        }
        proptest::prop_assert_eq!(applied, new);
    }
}
