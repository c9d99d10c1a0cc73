//! From a filtered context to what an agent is sent: in full the first time, then what changed; with exact token
//! counts of both.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use serde::Serialize;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Encoding;
use super::blocks::{MIN_TEXT_BYTES, Part, Shelf, TextId};
use super::delta::{Delta, Hash, Hashes, Snapshot, Written, hex};
use super::segments::{Counted, SegmentCounter, common_prefix};
use super::sent::{Blocks, DeltaEncoding, Optimized, SendOptions, delta_json, unchanged_json};
use super::states::{AgentStates, Base, Sent};
use crate::base::held::registered;
use crate::base::json::{KeyOrder, View};

/// Encoding of every count that names no model: that of current `OpenAI` models (GPT-4o and later).
pub const DEFAULT_ENCODING: Encoding = Encoding::O200kBase;

/// From so many bytes on, a context is hashed on another thread than it is counted on.
const TWO_THREADS_BYTES: usize = 1 << 16;

/// Texts of an agent, besides the one under the same key, in which a new text is looked for first.
const LIKELY_TEXTS: usize = 3;

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
#[derive(Debug)]
pub struct TokenOptimizer {
    states: Arc<AgentStates>,
    counter: Arc<SegmentCounter>,
    /// Keeps whoever writes contexts from making two that are taken for the same.
    seed: u64,
    shelf: RwLock<Option<Arc<Shelf>>>,
    original: AtomicU64,
    result: AtomicU64,
    full: AtomicU64,
    unchanged: AtomicU64,
    changed: AtomicU64,
}

impl Default for TokenOptimizer {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenOptimizer {
    /// An optimizer that remembers no agent.
    pub fn new() -> Self {
        Self {
            states: registered(AgentStates::new()),
            counter: registered(SegmentCounter::new(DEFAULT_ENCODING)),
            seed: RandomState::new().hash_one(0),
            shelf: RwLock::default(),
            original: AtomicU64::new(0),
            result: AtomicU64::new(0),
            full: AtomicU64::new(0),
            unchanged: AtomicU64::new(0),
            changed: AtomicU64::new(0),
        }
    }

    /// The texts of the project from now on; without, [`DeltaEncoding::Blocks`] is answered as [`DeltaEncoding::Keys`].
    pub fn set_shelf(&self, texts: Option<Arc<Shelf>>) {
        *self.shelf.write() = texts;
    }

    /// The texts of the project.
    pub fn shelf(&self) -> Option<Arc<Shelf>> {
        self.shelf.read().clone()
    }

    /// What each agent was given.
    pub fn states(&self) -> &AgentStates {
        &self.states
    }

    /// What to send for a context that was read from the same columns as the agent's last one: nothing but its hash. Saves
    /// reading it. `None` if it is not the same.
    pub fn unchanged(&self, agent_id: &str, options: &SendOptions) -> Option<Optimized> {
        let base = self.states.base(agent_id, false, options.now_ms, options.acknowledgement);
        let sent = base.same(options.fingerprint)?;
        let done = self.same_again(sent, sent.tokens);
        let next = sent.again(done.result_tokens);
        self.states.advance(agent_id, &base, &next, options.acknowledgement, options.now_ms)?;
        Some(self.counted(done))
    }

    /// Makes `filtered` the agent's context and says what to send. `original` is the same document in full.
    pub fn optimize(
        &self,
        agent_id: &str,
        original: View<'_>,
        filtered: View<'_>,
        options: &SendOptions,
    ) -> Optimized {
        // What a filter took out was to be sent, too.
        let whole = filtered.fates.is_some().then(|| {
            let mut text = Vec::new();
            original.write(0, KeyOrder::Insertion, &mut text);
            self.segments(&text)
        });
        let original_of = |tokens| whole.as_deref().map_or(tokens, sum);
        let written = Written::of(filtered);
        let fingerprint = options.fingerprint.unwrap_or_else(|| xxh3_128_with_seed(&written.text, self.seed));
        let options = SendOptions { fingerprint: Some(fingerprint), ..*options };
        let mut work: Option<(Arc<Snapshot>, Vec<usize>, Vec<Counted>)> = None;
        loop {
            let with_held = options.encoding == DeltaEncoding::Blocks;
            let base = self.states.base(agent_id, with_held, options.now_ms, options.acknowledgement);
            if let Some(sent) = base.same(options.fingerprint) {
                let done = self.same_again(sent, original_of(sent.tokens));
                let next = sent.again(done.result_tokens);
                if self
                    .states
                    .advance(agent_id, &base, &next, options.acknowledgement, options.now_ms)
                    .is_some()
                {
                    return self.counted(done);
                }
                continue;
            }
            let (snapshot, values, segments) = work.get_or_insert_with(|| {
                let (hashes, segments) = self.measure(filtered, &written);
                let count = |value: usize| self.count(written.value(value));
                let (snapshot, values) = self.states.snapshot(filtered, hashes, &base, &count);
                (snapshot, values, segments)
            });
            let tokens = sum(segments);
            let delta = base
                .sent
                .as_ref()
                .map_or(Delta::Full, |sent| Delta::between(&sent.snapshot, snapshot, values));
            let mut done = Optimized {
                hash: hex(&snapshot.hash),
                base_hash: base
                    .sent
                    .as_ref()
                    .filter(|_| delta != Delta::Full)
                    .map(|sent| hex(&sent.snapshot.hash)),
                original_tokens: original_of(tokens),
                filtered_tokens: tokens,
                result_tokens: tokens,
                bytes: snapshot.bytes,
                unchanged_tokens: 0,
                cached_tokens: 0,
                carried_tokens: 0,
                blocks: None,
                delta,
            };
            if with_held && done.delta != Delta::Unchanged {
                done.blocks = self.encode(filtered, &done.delta, snapshot, values, &base);
            }
            done.unchanged_tokens = done.delta.known(snapshot, values, tokens);
            let prefix = whole.as_deref().unwrap_or(segments);
            if let Some(sent) = &base.sent {
                done.cached_tokens = common_prefix(&sent.segments, prefix);
                done.carried_tokens = if done.delta == Delta::Full { 0 } else { sent.carried };
            }
            match (&done.delta, &done.blocks) {
                (Delta::Unchanged, _) => {
                    done.result_tokens = self.count(unchanged_json(&done.hash).as_bytes());
                }
                (Delta::Full, None) => {}
                (delta, blocks) => {
                    done.result_tokens = self.count(&delta_json(filtered, &written, delta, blocks.as_ref()));
                }
            }
            let fetched = done.blocks.as_ref().map_or(0, |blocks| blocks.fetch_tokens);
            let sent = Sent {
                snapshot: Arc::clone(snapshot),
                fingerprint: Some(fingerprint),
                tokens,
                segments: prefix.into(),
                carried: done.carried_tokens + done.result_tokens + fetched,
            };
            if self.states.advance(agent_id, &base, &sent, options.acknowledgement, options.now_ms).is_some()
            {
                return self.counted(done);
            }
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
        self.counter.clear();
    }

    /// Exact count; of what was counted before, only what is new is counted again.
    pub fn count(&self, json: &[u8]) -> u64 {
        self.counter.count(std::str::from_utf8(json).expect("invariant: JSON is written from UTF-8"))
    }

    fn segments(&self, json: &[u8]) -> Vec<Counted> {
        self.counter.segments(std::str::from_utf8(json).expect("invariant: JSON is written from UTF-8"))
    }

    /// Hashes and tokens of a context.
    fn measure(&self, view: View<'_>, written: &Written) -> (Hashes, Vec<Counted>) {
        if written.text.len() < TWO_THREADS_BYTES {
            return (Hashes::of(view, written), self.segments(&written.text));
        }
        std::thread::scope(|scope| {
            let hashes = scope.spawn(|| Hashes::of(view, written));
            let segments = self.segments(&written.text);
            match hashes.join() {
                Ok(hashes) => (hashes, segments),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn same_again(&self, sent: &Sent, original_tokens: u64) -> Optimized {
        let hash = hex(&sent.snapshot.hash);
        Optimized {
            result_tokens: self.count(unchanged_json(&hash).as_bytes()),
            delta: Delta::Unchanged,
            base_hash: Some(hash.clone()),
            hash,
            original_tokens,
            filtered_tokens: sent.tokens,
            bytes: sent.snapshot.bytes,
            unchanged_tokens: sent.tokens,
            cached_tokens: original_tokens,
            carried_tokens: sent.carried,
            blocks: None,
        }
    }

    fn counted(&self, done: Optimized) -> Optimized {
        let counter = match &done.delta {
            Delta::Full => &self.full,
            Delta::Unchanged => &self.unchanged,
            Delta::Changed { .. } => &self.changed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.original.fetch_add(done.original_tokens, Ordering::Relaxed);
        self.result.fetch_add(done.result_tokens, Ordering::Relaxed);
        done
    }

    /// Takes apart the values that are new to the agent. `None` if there is nothing to refer to.
    fn encode(
        &self,
        view: View<'_>,
        delta: &Delta,
        snapshot: &Snapshot,
        values: &[usize],
        base: &Base,
    ) -> Option<Blocks> {
        let texts = self.shelf()?;
        let entries = snapshot.entries.as_ref()?;
        let mut held: hashbrown::HashSet<TextId> = base.held.iter().copied().collect();
        let before = base.sent.as_ref().and_then(|sent| sent.snapshot.entries.as_ref());
        let mut blocks = Blocks::default();
        for (entry, &value) in entries.iter().zip(values) {
            if let Delta::Changed { unchanged, .. } = delta
                && unchanged.binary_search(&value).is_ok()
            {
                continue;
            }
            if entry.bytes < MIN_TEXT_BYTES {
                continue;
            }
            let text = view.text_of(value);
            let hash: Hash = Sha256::digest(text.as_bytes()).into();
            let old =
                before.and_then(|before| before.iter().find(|old| old.key == entry.key)?.text.get().copied());
            let recent = base.held.iter().rev().take(LIKELY_TEXTS).copied();
            let likely: Vec<TextId> = old.into_iter().chain(recent).collect();
            let encoded = texts.encode(&text, &hash, &likely, &|id| held.contains(&id));
            if let Some(id) = encoded.id {
                // Another call may have said so already.
                let _ = entry.text.set(id);
                // What comes after it in the message may refer to it.
                held.insert(id);
            }
            if let [Part::Literal(_)] = &encoded.parts[..] {
                continue;
            }
            self.count_parts(&text, &encoded.parts, &mut blocks);
            blocks.values.push((value, encoded.parts));
        }
        blocks.all = values.to_vec();
        blocks.all.sort_unstable();
        blocks.values.sort_unstable_by_key(|(value, _)| *value);
        // Without a reference it is as with whole values; where nobody else could follow one, too.
        (!blocks.values.is_empty() && texts.flush()).then_some(blocks)
    }

    /// Counts what references stand for: each by itself.
    fn count_parts(&self, text: &str, parts: &[Part], blocks: &mut Blocks) {
        let mut at = 0;
        for part in parts {
            match part {
                Part::Literal(literal) => at += literal.len(),
                Part::Known { range, is_held, .. } => {
                    let tokens = self.counter.count(&text[at..at + range.len]);
                    let counter = if *is_held { &mut blocks.held_tokens } else { &mut blocks.fetch_tokens };
                    *counter += tokens;
                    at += range.len;
                }
            }
        }
    }
}

fn sum(segments: &[Counted]) -> u64 {
    segments.iter().map(|segment| u64::from(segment.tokens)).sum()
}

#[cfg(test)]
mod tests;
