//! From a filtered context to what an agent is sent: in full the first time, then what changed; with exact token
//! counts of both.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::Encoding;
use super::delta::{AgentStates, Delta, Snapshot, hex};
use crate::base::json::{KeyOrder, View};

/// Encoding of every count that names no model: that of current `OpenAI` models (GPT-4o and later).
pub const DEFAULT_ENCODING: Encoding = Encoding::O200kBase;

/// Texts whose count is remembered. 24 bytes each.
const MAX_COUNTS: usize = 4096;

/// What an agent is sent.
#[derive(Debug)]
pub struct Optimized {
    /// What is new.
    pub delta: Delta,
    /// SHA-256 of the (filtered) context, hexadecimal.
    pub hash: String,
    /// The same of the agent's context before; `None` the first time.
    pub base_hash: Option<String>,
    /// Tokens of the original context's JSON.
    pub original_tokens: u64,
    /// Tokens of the filtered context's JSON.
    pub filtered_tokens: u64,
    /// Tokens of the JSON of what is sent.
    pub result_tokens: u64,
}

/// Totals since the start. Measured by the tokenizer, one addition a call.
#[derive(Debug, Clone, Copy, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct TokenTotals {
    /// Contexts optimized.
    pub operations: u64,
    /// Tokens of the original contexts.
    pub original_tokens: u64,
    /// Tokens of what was sent.
    pub result_tokens: u64,
    /// Original minus sent; below zero when deltas cost more than they saved.
    pub tokens_saved: i64,
    /// Contexts sent in full.
    pub full: u64,
    /// Contexts that had not changed.
    pub unchanged: u64,
    /// Contexts sent as a delta.
    pub changed: u64,
    /// Agents whose last context is remembered.
    pub agents: u64,
}

/// The token step of one system.
#[derive(Debug, Default)]
pub struct TokenOptimizer {
    states: AgentStates,
    counts: Mutex<HashMap<u128, u64>>,
    original: AtomicU64,
    result: AtomicU64,
    full: AtomicU64,
    unchanged: AtomicU64,
    changed: AtomicU64,
}

impl TokenOptimizer {
    /// An optimizer that remembers no agent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `filtered` the agent's context and says what to send. `original` is the same document in full.
    pub fn optimize(&self, agent_id: &str, original: View<'_>, filtered: View<'_>) -> Optimized {
        let snapshot = Snapshot::of(filtered);
        let hash = hex(&snapshot.hash);
        let mut text = Vec::new();
        original.write(0, KeyOrder::Insertion, &mut text);
        let original_tokens = self.count(&text);
        let filtered_tokens = if filtered.fates.is_some() {
            text.clear();
            filtered.write(0, KeyOrder::Insertion, &mut text);
            self.count(&text)
        } else {
            original_tokens
        };
        let (delta, base) = self.states.advance(agent_id, snapshot, filtered);
        let (result_tokens, counter) = match &delta {
            Delta::Full => (filtered_tokens, &self.full),
            Delta::Unchanged => (self.count(unchanged_json(&hash).as_bytes()), &self.unchanged),
            Delta::Changed { .. } => (self.count(&delta_json(filtered, &delta)), &self.changed),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.original.fetch_add(original_tokens, Ordering::Relaxed);
        self.result.fetch_add(result_tokens, Ordering::Relaxed);
        Optimized {
            delta,
            hash,
            base_hash: base.as_ref().map(hex),
            original_tokens,
            filtered_tokens,
            result_tokens,
        }
    }

    /// Totals since the start.
    pub fn totals(&self) -> TokenTotals {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (original_tokens, result_tokens) = (load(&self.original), load(&self.result));
        let (full, unchanged, changed) = (load(&self.full), load(&self.unchanged), load(&self.changed));
        TokenTotals {
            operations: full + unchanged + changed,
            original_tokens,
            result_tokens,
            tokens_saved: original_tokens.cast_signed() - result_tokens.cast_signed(),
            full,
            unchanged,
            changed,
            agents: self.states.len() as u64,
        }
    }

    /// Forgets what agents were given and the remembered counts; the totals stay.
    pub fn forget(&self) {
        self.states.clear();
        self.counts.lock().clear();
    }

    /// Exact count, remembered by content, so that an unchanged context is not counted again.
    fn count(&self, json: &[u8]) -> u64 {
        let key = xxh3_128(json);
        if let Some(count) = self.counts.lock().get(&key) {
            return *count;
        }
        let text = std::str::from_utf8(json).expect("invariant: JSON is written from UTF-8");
        let count = DEFAULT_ENCODING.tokenizer().count(text) as u64;
        let mut counts = self.counts.lock();
        if counts.len() >= MAX_COUNTS {
            counts.clear();
        }
        counts.insert(key, count);
        count
    }
}

/// JSON of the result for an unchanged context, as callers see it.
fn unchanged_json(hash: &str) -> String {
    format!(r#"{{"type":"incremental","changes":[],"reference":"{hash}"}}"#)
}

/// JSON of the result for a changed context, as callers see it.
fn delta_json(view: View<'_>, delta: &Delta) -> Vec<u8> {
    let Delta::Changed { added, modified, removed, unchanged } = delta else { return Vec::new() };
    let mut out = Vec::new();
    let entries = |values: &[usize], out: &mut Vec<u8>| {
        for (position, &value) in values.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            view.write_key(value, out);
            out.push(b':');
            view.write(value, KeyOrder::Insertion, out);
        }
    };
    out.extend_from_slice(b"{\"added\":{");
    entries(added, &mut out);
    out.extend_from_slice(b"},\"modified\":{");
    entries(modified, &mut out);
    out.extend_from_slice(b"},\"removed\":[");
    out.extend_from_slice(removed.join(",").as_bytes());
    out.extend_from_slice(b"],\"unchanged\":[");
    for (position, &value) in unchanged.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        view.write_key(value, &mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::document::tests::document;

    fn tokens(text: &str) -> u64 {
        DEFAULT_ENCODING.tokenizer().count(text) as u64
    }

    #[test]
    fn counts_are_of_the_json_that_callers_can_make_themselves() {
        let optimizer = TokenOptimizer::new();
        let run = |json: &str| {
            let document = document(json);
            optimizer.optimize("a", View::whole(&document), View::whole(&document))
        };
        let first = r#"{"task":"fix the bug","n":[1,2,3],"gone":null}"#;
        let full = run(first);
        assert_eq!((full.original_tokens, full.result_tokens), (tokens(first), tokens(first)));
        assert_eq!(full.base_hash, None);
        let again = run(first);
        let expected = format!(r#"{{"type":"incremental","changes":[],"reference":"{}"}}"#, full.hash);
        assert_eq!(again.result_tokens, tokens(&expected));
        let changed = run(r#"{"task":"fix the other bug","n":[1,2,3],"new":"x"}"#);
        let expected = r#"{"added":{"new":"x"},"modified":{"task":"fix the other bug"},"removed":["gone"],"unchanged":["n"]}"#;
        assert_eq!(changed.result_tokens, tokens(expected));
        assert_eq!(changed.base_hash, Some(full.hash));
        let totals = optimizer.totals();
        assert_eq!((totals.operations, totals.full, totals.unchanged, totals.changed), (3, 1, 1, 1));
        assert_eq!(
            totals.tokens_saved,
            totals.original_tokens.cast_signed() - totals.result_tokens.cast_signed()
        );
    }

    #[test]
    fn forgotten_agent_gets_everything_again() {
        let optimizer = TokenOptimizer::new();
        let document = document(r#"{"x":1}"#);
        let run = || optimizer.optimize("a", View::whole(&document), View::whole(&document)).delta;
        run();
        optimizer.forget();
        assert_eq!(run(), Delta::Full);
    }
}
