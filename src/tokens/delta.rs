//! What an agent has been given, and what is new since.
//!
//! For each agent the hashes of its last context are kept, never the context: a delta says by key what to send.
//! Hashes are SHA-256 of canonical JSON (RFC 8785), so that they agree between machines. The number of agents and of
//! keys is bounded; an agent that was given up simply gets its next context in full.

use std::collections::HashMap;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::base::document::Kind;
use crate::base::json::{KeyOrder, View};

/// Most agents whose last context is remembered.
pub const MAX_AGENTS: usize = 10_000;

/// Most top-level keys remembered over all agents: about 100 bytes each, so at most some 50 MB.
pub const MAX_KEYS: usize = 500_000;

/// SHA-256 of canonical JSON.
pub type Hash = [u8; 32];

/// Lower-case hexadecimal.
pub fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Hashes of one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Of the whole context.
    pub hash: Hash,
    /// Of each top-level value by its key as JSON text; `None` when the context is not an object.
    keys: Option<HashMap<String, Hash>>,
}

impl Snapshot {
    /// Hashes what `view` shows. O(text).
    pub fn of(view: View<'_>) -> Self {
        let mut text = Vec::new();
        if view.document.kind(0) != Kind::Object {
            view.write(0, KeyOrder::Canonical, &mut text);
            return Self { hash: Sha256::digest(&text).into(), keys: None };
        }
        let mut keys = HashMap::new();
        text.push(b'{');
        for (position, top) in view.ordered(0, KeyOrder::Canonical).into_iter().enumerate() {
            if position > 0 {
                text.push(b',');
            }
            text.extend_from_slice(key_text(view, top).as_bytes());
            text.push(b':');
            let start = text.len();
            view.write(top, KeyOrder::Canonical, &mut text);
            keys.insert(key_text(view, top), Sha256::digest(&text[start..]).into());
        }
        text.push(b'}');
        Self { hash: Sha256::digest(&text).into(), keys: Some(keys) }
    }
}

/// What is new since an agent's last context.
#[derive(Debug, PartialEq, Eq)]
pub enum Delta {
    /// There is no base, or one of the two is not an object: everything.
    Full,
    /// The same context again.
    Unchanged,
    /// Top-level values by index in the new context's order; removed keys as JSON text, sorted.
    Changed {
        /// Keys that are new.
        added: Vec<usize>,
        /// Keys whose value differs.
        modified: Vec<usize>,
        /// Keys that are gone, as JSON strings.
        removed: Vec<String>,
        /// Keys whose value is the same.
        unchanged: Vec<usize>,
    },
}

impl Delta {
    /// What `next` changes against `base`.
    fn between(base: &Snapshot, next: &Snapshot, view: View<'_>) -> Self {
        if base.hash == next.hash {
            return Self::Unchanged;
        }
        let (Some(old), Some(new)) = (&base.keys, &next.keys) else { return Self::Full };
        let (mut added, mut modified, mut unchanged) = (Vec::new(), Vec::new(), Vec::new());
        for top in view.entries(0) {
            let key = key_text(view, top);
            match old.get(&key) {
                None => added.push(top),
                Some(hash) if new.get(&key) == Some(hash) => unchanged.push(top),
                Some(_) => modified.push(top),
            }
        }
        let mut removed: Vec<String> = old.keys().filter(|key| !new.contains_key(*key)).cloned().collect();
        removed.sort_unstable();
        Self::Changed { added, modified, removed, unchanged }
    }
}

fn key_text(view: View<'_>, value: usize) -> String {
    let mut text = Vec::new();
    view.write_key(value, &mut text);
    String::from_utf8(text).expect("invariant: a key is written from UTF-8")
}

/// The last context of every agent.
#[derive(Debug, Default)]
pub struct AgentStates {
    states: Mutex<States>,
}

#[derive(Debug, Default)]
struct States {
    by_agent: HashMap<String, (Snapshot, u64)>,
    keys: usize,
    tick: u64,
}

impl AgentStates {
    /// Makes `next` the agent's last context; returns what it changes and the hash of the one before.
    pub fn advance(&self, agent_id: &str, next: Snapshot, view: View<'_>) -> (Delta, Option<Hash>) {
        let mut states = self.states.lock();
        states.tick += 1;
        let tick = states.tick;
        states.keys += next.keys.as_ref().map_or(0, HashMap::len);
        let previous = states.by_agent.remove(agent_id);
        states.keys -= previous.as_ref().and_then(|(base, _)| base.keys.as_ref()).map_or(0, HashMap::len);
        let delta = previous.as_ref().map_or(Delta::Full, |(base, _)| Delta::between(base, &next, view));
        states.by_agent.insert(agent_id.to_owned(), (next, tick));
        states.give_up_least_recent();
        (delta, previous.map(|(base, _)| base.hash))
    }

    /// Forgets every agent: each gets its next context in full.
    pub fn clear(&self) {
        *self.states.lock() = States::default();
    }

    /// Agents whose last context is remembered.
    pub fn len(&self) -> usize {
        self.states.lock().by_agent.len()
    }

    /// Whether no agent is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl States {
    /// Keeps the bounds. A tenth goes at once, so that the sort is paid rarely.
    fn give_up_least_recent(&mut self) {
        if self.by_agent.len() <= MAX_AGENTS && self.keys <= MAX_KEYS {
            return;
        }
        let mut by_age: Vec<(u64, String)> =
            self.by_agent.iter().map(|(id, (_, tick))| (*tick, id.clone())).collect();
        by_age.sort_unstable();
        let (agents, keys) = (MAX_AGENTS - MAX_AGENTS / 10, MAX_KEYS - MAX_KEYS / 10);
        for (_, id) in by_age {
            if self.by_agent.len() <= agents && self.keys <= keys {
                break;
            }
            if let Some((snapshot, _)) = self.by_agent.remove(&id) {
                self.keys -= snapshot.keys.map_or(0, |keys| keys.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::document::tests::document;

    fn step(states: &AgentStates, agent: &str, json: &str) -> (Delta, Option<Hash>) {
        let document = document(json);
        let view = View::whole(&document);
        states.advance(agent, Snapshot::of(view), view)
    }

    #[test]
    fn hash_is_sha256_of_canonical_json_whatever_the_key_order() {
        let hash = |json: &str| hex(&Snapshot::of(View::whole(&document(json))).hash);
        // printf '{"a":[1,true],"b":"x"}' | sha256sum
        let expected = "840356ff5ef245669d78940c5345c77f291c7ecb3f850515822005da36b2cb0c";
        assert_eq!(hash(r#"{"b":"x","a":[1,true]}"#), hash(r#"{"a":[1,true],"b":"x"}"#));
        assert_eq!(hash(r#"{"b":"x","a":[1,true]}"#), expected);
        assert_ne!(hash("[1,2]"), hash("[2,1]"));
    }

    #[test]
    fn first_context_is_full_then_unchanged_then_a_delta() {
        let states = AgentStates::default();
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
        let states = AgentStates::default();
        step(&states, "a", r#"{"x":1}"#);
        step(&states, "a", r#"{"x":2}"#);
        assert!(
            matches!(step(&states, "a", r#"{"x":1}"#).0, Delta::Changed { ref modified, .. } if modified == &[1])
        );
    }

    #[test]
    fn agents_do_not_share_a_base() {
        let states = AgentStates::default();
        step(&states, "a", r#"{"x":1}"#);
        assert_eq!(step(&states, "b", r#"{"x":1}"#).0, Delta::Full);
    }

    #[test]
    fn context_that_is_not_an_object_is_full_or_unchanged() {
        let states = AgentStates::default();
        assert_eq!(step(&states, "a", "[1]").0, Delta::Full);
        assert_eq!(step(&states, "a", "[1]").0, Delta::Unchanged);
        assert_eq!(step(&states, "a", "[2]").0, Delta::Full);
        assert_eq!(step(&states, "a", r#"{"x":1}"#).0, Delta::Full);
    }

    #[test]
    fn least_recent_agents_are_given_up() {
        let states = AgentStates::default();
        let document = document(r#"{"x":1}"#);
        let view = View::whole(&document);
        let snapshot = Snapshot::of(view);
        for agent in 0..=MAX_AGENTS {
            states.advance(&agent.to_string(), snapshot.clone(), view);
        }
        assert_eq!(states.len(), MAX_AGENTS - MAX_AGENTS / 10);
        assert_eq!(states.advance("0", snapshot.clone(), view).0, Delta::Full);
        assert_eq!(states.advance(&MAX_AGENTS.to_string(), snapshot, view).0, Delta::Unchanged);
    }

    proptest::proptest! {
        #[test]
        fn applying_a_delta_gives_the_new_keys(
            old in proptest::collection::btree_map("[a-e]", 0..3u8, 0..5),
            new in proptest::collection::btree_map("[a-e]", 0..3u8, 0..5),
        ) {
            let states = AgentStates::default();
            step(&states, "a", &serde_json::to_string(&old).expect("json"));
            let json = serde_json::to_string(&new).expect("json");
            let next = document(&json);
            let view = View::whole(&next);
            let (delta, _) = states.advance("a", Snapshot::of(view), view);
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
}
