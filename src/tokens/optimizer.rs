//! From a filtered context to what an agent is sent: in full the first time, then what changed; with exact token
//! counts of both.

mod parts;

use std::cell::OnceCell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Encoding;
use super::blocks::Shelf;
use super::delta::{Delta, Hashes, Written, empty_hash, hex};
use super::known::{Kept, Known};
use super::segments::{Counted, SegmentCounter, common_prefix};
use super::sent::{DeltaEncoding, Mode, Optimized, SendOptions, delta_json, unchanged_json};
use super::states::{AgentStates, Base, Sent};
use crate::base::held::registered;
use crate::base::json::{KeyOrder, View};
use crate::base::threads::AtWork;

/// Encoding of every count that names no model: that of current `OpenAI` models (GPT-4o and later).
pub const DEFAULT_ENCODING: Encoding = Encoding::O200kBase;

/// From so many bytes on, a context is hashed on another thread than it is counted on.
const TWO_THREADS_BYTES: usize = 1 << 16;

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
        self.again(agent_id, options, None)
    }

    /// The same for a context that was measured before.
    pub fn unchanged_kept(&self, agent_id: &str, options: &SendOptions, kept: &Kept) -> Option<Optimized> {
        let options = SendOptions { fingerprint: Some(kept.fingerprint), ..*options };
        self.again(agent_id, &options, Some(kept.original_tokens))
    }

    fn again(
        &self,
        agent_id: &str,
        options: &SendOptions,
        original_tokens: Option<u64>,
    ) -> Option<Optimized> {
        if options.mode == Mode::Full {
            return None;
        }
        let base = self.states.base(agent_id, false, options.now_ms, options.acknowledgement);
        let sent = base.same(options.fingerprint)?;
        let done = self.same_again(sent, original_tokens.unwrap_or(sent.tokens));
        let next = sent.again(done.result_tokens);
        self.states.advance(agent_id, &base, &next, options.acknowledgement, options.now_ms)?;
        Some(self.counted(done))
    }

    /// Makes `filtered` the agent's context and says what to send. `original` is the same document in full. What `known` has of
    /// both is not found out again; what it has not, it has afterwards.
    pub fn optimize(
        &self,
        agent_id: &str,
        original: View<'_>,
        filtered: View<'_>,
        options: &SendOptions,
        known: &Known,
    ) -> Optimized {
        let written = OnceCell::new();
        let written = || written.get_or_init(|| Written::of(filtered));
        let was_known = known.kept.get().is_some();
        // What a filter took out was to be sent, too.
        let whole = || {
            known.whole.get(|| {
                let mut text = Vec::new();
                original.write(0, KeyOrder::Insertion, &mut text);
                self.segments(&text)
            })
        };
        let is_filtered = filtered.fates.is_some();
        // First: of what is kept, most is known by then.
        let counted = (is_filtered && !was_known).then(whole);
        let fingerprint = known.kept.get().map(|kept| kept.fingerprint).or(options.fingerprint);
        let fingerprint = fingerprint.unwrap_or_else(|| xxh3_128_with_seed(&written().text, self.seed));
        let options = SendOptions { fingerprint: Some(fingerprint), ..*options };
        loop {
            let with_held = options.encoding == DeltaEncoding::Blocks;
            let base = self.states.base(agent_id, with_held, options.now_ms, options.acknowledgement);
            if let Some(sent) = base.same(options.fingerprint).filter(|_| options.mode != Mode::Full) {
                let original_tokens = match (&counted, known.kept.get()) {
                    (Some(whole), _) => sum(whole),
                    (None, Some(kept)) => kept.original_tokens,
                    (None, None) => sent.tokens,
                };
                let done = Optimized { was_known, ..self.same_again(sent, original_tokens) };
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
            let kept = known.kept.get_or_init(|| {
                let (hashes, segments) = self.measure(filtered, written());
                let count = |value: usize| self.count(written().value(value));
                let (snapshot, values) = self.states.snapshot(filtered, hashes, &base, &count);
                let segments: Arc<[Counted]> = segments.into();
                let whole = counted.clone().unwrap_or_else(|| Arc::clone(&segments));
                let (tokens, original_tokens) = (sum(&segments), sum(&whole));
                Kept {
                    fingerprint,
                    snapshot,
                    values: values.into(),
                    segments,
                    whole,
                    tokens,
                    original_tokens,
                }
            });
            let (mut done, sent) = self.message(filtered, &written, kept, &base, &options);
            done.was_known = was_known;
            if self.states.advance(agent_id, &base, &sent, options.acknowledgement, options.now_ms).is_some()
            {
                return self.counted(done);
            }
        }
    }

    /// What to send of what was measured to an agent that has `base`, and what it has then.
    fn message<'a>(
        &self,
        filtered: View<'_>,
        written: &impl Fn() -> &'a Written,
        kept: &Kept,
        base: &Base,
        options: &SendOptions,
    ) -> (Optimized, Sent) {
        let Kept { snapshot, values, tokens, .. } = kept;
        let before = base.sent.as_ref();
        let between = before.map(|sent| Delta::between(&sent.snapshot, snapshot, values));
        let (delta, since) = match (options.mode, between) {
            (Mode::Full, between) => (Delta::Full, between),
            (Mode::Delta, None) => (Delta::against_nothing(snapshot, values), None),
            (_, between) => (between.unwrap_or(Delta::Full), None),
        };
        let base_hash = before.map_or(empty_hash(), |sent| &sent.snapshot.hash);
        let mut done = Optimized {
            hash: hex(&snapshot.hash),
            base_hash: (delta != Delta::Full).then(|| hex(base_hash)),
            original_tokens: kept.original_tokens,
            filtered_tokens: *tokens,
            result_tokens: *tokens,
            bytes: snapshot.bytes,
            result_bytes: snapshot.bytes,
            unchanged_tokens: 0,
            cached_tokens: 0,
            carried_tokens: 0,
            blocks: None,
            delta,
            since,
            was_known: false,
        };
        if options.encoding == DeltaEncoding::Blocks && done.delta != Delta::Unchanged {
            done.blocks = self.encode(filtered, &done.delta, snapshot, values, base);
            if options.mode == Mode::Full {
                // Only so that later messages can refer to its texts.
                done.blocks = None;
            }
        }
        done.unchanged_tokens = done.delta.known(snapshot, values, *tokens);
        if let Some(sent) = before {
            done.cached_tokens = common_prefix(&sent.segments, &kept.whole);
            done.carried_tokens = if done.delta == Delta::Full { 0 } else { sent.carried };
        }
        let json = match (&done.delta, &done.blocks) {
            (Delta::Unchanged, _) => Some(unchanged_json(&done.hash).into_bytes()),
            (Delta::Full, None) => None,
            (delta, blocks) => Some(delta_json(filtered, written(), delta, blocks.as_ref())),
        };
        if let Some(json) = json {
            (done.result_tokens, done.result_bytes) = (self.count(&json), json.len());
        }
        let fetched = done.blocks.as_ref().map_or(0, |blocks| blocks.fetch_tokens);
        let sent = Sent {
            snapshot: Arc::clone(snapshot),
            fingerprint: options.fingerprint,
            tokens: *tokens,
            segments: Arc::clone(&kept.whole),
            carried: done.carried_tokens + done.result_tokens + fetched,
            is_anew: options.mode == Mode::Full,
        };
        (done, sent)
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
        let extra = AtWork::extra(usize::from(written.text.len() >= TWO_THREADS_BYTES));
        if extra.count() == 0 {
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
        let json = unchanged_json(&hash);
        Optimized {
            result_tokens: self.count(json.as_bytes()),
            result_bytes: json.len(),
            since: None,
            was_known: true,
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
}

fn sum(segments: &[Counted]) -> u64 {
    segments.iter().map(|segment| u64::from(segment.tokens)).sum()
}

#[cfg(test)]
mod tests;
