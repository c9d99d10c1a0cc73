//! What was saved: exact counters over every message that was really sent or replaced.
//!
//! Each entry is booked on its agent, its operation and its model; all three add up to the totals at any time, because what
//! is forgotten is folded into the rest of its kind. A saving is only counted against what could have been sent
//! (the baseline): text over a limit of the call or over the model's context window was never going to be. What a
//! receiver fetches back is charged. Costs are those of the provider's prompt cache, so that rewriting a cached
//! prefix shows as the loss that it can be; they exist only where a price does.
//!
//! The ledger does not count tokens, and does not know what a message is made of: callers say. Formulas and an example:
//! `docs/savings.md`.

mod book;
mod figures;
mod report;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::models;
use super::prices::{Price, Prices};
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::{ARC_BYTES, table_bytes};
use book::Book;
use figures::Figures;

pub use report::{Breakdown, Cost, PriceUsed, Report, Summed, UsageSummed};

/// Agents, operations and models that have figures of their own; the least recently used join the others. Less than
/// 300 bytes each, and the name.
pub const MAX_AGENTS: usize = 4096;
/// See [`MAX_AGENTS`].
pub const MAX_OPERATIONS: usize = 256;
/// See [`MAX_AGENTS`].
pub const MAX_MODELS: usize = 256;

/// Highest number of tokens that is booked at once: what JavaScript can count to.
const MAX_TOKENS: u64 = 1 << 53;

/// One message that was sent, or that was replaced by a shorter one. Numbers are tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who receives it.
    pub agent: &'a str,
    /// What it was sent for, as the caller names it.
    pub operation: &'a str,
    /// The model that reads it; without one there are no costs.
    pub model: Option<&'a str>,
    /// What the caller asked to send.
    pub original: u64,
    /// What was sent instead.
    pub sent: u64,
    /// Of the difference: what the receiver's live conversation already holds, so that it need not be fetched. At most the
    /// difference counts.
    pub held: u64,
    /// What the receiver has already had to fetch back because it was left out; more can be charged later.
    pub fetched: u64,
    /// The most that could have been sent, where there is a limit besides the model's context window.
    pub limit: Option<u64>,
    /// Of the baseline: an unchanged prefix of what the same agent would have been sent before, which the
    /// provider's prompt cache would have had.
    pub baseline_cached: u64,
    /// The same of `sent`, after what the agent was really sent before.
    pub sent_cached: u64,
    /// Messages before that this one adds to: the receiver reads them again with it, from the provider's prompt cache.
    pub carried: u64,
}

/// What a provider reported about one call. Numbers are tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage<'a> {
    /// Who called.
    pub agent: &'a str,
    /// What for, as the caller names it.
    pub operation: &'a str,
    /// The model that was called; without one there is no cost.
    pub model: Option<&'a str>,
    /// Prompt tokens, those in the cache included.
    pub prompt: u64,
    /// Of these: read from the provider's prompt cache.
    pub cached_read: u64,
    /// Of these: written to it.
    pub cache_write: u64,
    /// Generated tokens.
    pub output: u64,
}

/// The ledger of one system.
///
/// ```
/// use agentwise_optimization::tokens::ledger::{Entry, Ledger};
///
/// let ledger = Ledger::default();
/// assert_eq!(ledger.summary(), "nothing was measured yet");
/// let entry = Entry { agent: "a", operation: "context", original: 1_000, sent: 250, held: 750, ..Entry::default() };
/// ledger.record(&entry);
/// let totals = ledger.report().totals;
/// assert_eq!((totals.baseline_tokens, totals.transport_saved_tokens, totals.held_tokens), (1_000, 750, 750));
/// ```
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    totals: Figures,
    by_agent: Book,
    by_operation: Book,
    by_model: Book,
    /// Entries that name no model.
    unnamed: Figures,
    prices: Arc<Prices>,
    /// What the models' names say, as they were written.
    known: HashMap<String, Arc<Known>>,
}

/// What a model's name says.
#[derive(Debug)]
struct Known {
    name: String,
    context_window: Option<u64>,
    price: Option<Price>,
}

impl Footprint for Ledger {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        let state = self.state.lock();
        let books = [&state.by_agent, &state.by_operation, &state.by_model];
        let known = state.known.len() * (ARC_BYTES + size_of::<Known>())
            + table_bytes(state.known.capacity(), size_of::<(String, Arc<Known>)>());
        row("savings ledger", (books.map(Book::held_bytes).iter().sum::<usize>() + known) as u64);
    }

    fn relieve(&self, _: Relief) {
        // Nobody else has the figures.
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(Prices::default())
    }
}

impl Ledger {
    /// An empty ledger that prices by `prices`.
    pub fn new(prices: Prices) -> Self {
        Self {
            state: Mutex::new(State {
                totals: Figures::default(),
                by_agent: Book::new(MAX_AGENTS),
                by_operation: Book::new(MAX_OPERATIONS),
                by_model: Book::new(MAX_MODELS),
                unnamed: Figures::default(),
                prices: Arc::new(prices),
                known: HashMap::new(),
            }),
        }
    }

    /// Books a message. Amortized O(1), under one lock.
    pub fn record(&self, entry: &Entry<'_>) {
        let mut state = self.state.lock();
        let model = state.model(entry.model);
        let limit =
            entry.limit.into_iter().chain(model.as_ref().and_then(|model| model.context_window)).min();
        let original = entry.original.min(MAX_TOKENS);
        let sent = entry.sent.min(MAX_TOKENS);
        let fetched = entry.fetched.min(MAX_TOKENS);
        let baseline = limit.map_or(original, |limit| original.min(limit));
        let mut figures = Figures {
            messages: 1,
            original,
            baseline,
            sent,
            held: entry.held.min(baseline.saturating_sub(sent)),
            fetched,
            ..Figures::default()
        };
        match model.as_ref().and_then(|model| model.price.as_ref()) {
            Some(price) => {
                figures.priced_messages = 1;
                figures.baseline_cost = price.prompt(baseline, entry.baseline_cached);
                let carried = entry.carried.min(MAX_TOKENS);
                let cached = entry.sent_cached.min(sent) + carried;
                figures.sent_cost = price.prompt(sent + carried, cached);
                figures.price_fetched(price, fetched);
            }
            None => figures.unpriced_fetched = fetched,
        }
        state.add(entry.agent, entry.operation, model.as_deref(), &figures);
    }

    /// Charges what a receiver fetched back after its message was booked. Amortized O(1), under one lock.
    pub fn charge_fetch(&self, agent: &str, operation: &str, model: Option<&str>, tokens: u64) {
        let tokens = tokens.min(MAX_TOKENS);
        let mut state = self.state.lock();
        let model = state.model(model);
        let mut figures = Figures { fetched: tokens, ..Figures::default() };
        match model.as_ref().and_then(|model| model.price.as_ref()) {
            Some(price) => figures.price_fetched(price, tokens),
            None => figures.unpriced_fetched = tokens,
        }
        state.add(agent, operation, model.as_deref(), &figures);
    }

    /// Books what a provider reported about a call. Amortized O(1), under one lock.
    pub fn record_usage(&self, usage: &Usage<'_>) {
        let mut state = self.state.lock();
        let model = state.model(usage.model);
        let prompt = usage.prompt.min(MAX_TOKENS);
        let cached_read = usage.cached_read.min(prompt);
        let cache_write = usage.cache_write.min(prompt - cached_read);
        let output = usage.output.min(MAX_TOKENS);
        let mut figures =
            Figures { calls: 1, prompt, cached_read, cache_write, output, ..Figures::default() };
        if let Some(price) = model.as_ref().and_then(|model| model.price.as_ref()) {
            figures.priced_calls = 1;
            figures.call_cost = price.call(prompt, cached_read, cache_write, output);
            figures.note_date(&price.as_of);
        }
        state.add(usage.agent, usage.operation, model.as_deref(), &figures);
    }

    /// Prices what is booked from now on by `prices`; what is booked keeps its cost.
    pub fn set_prices(&self, prices: Prices) {
        let mut state = self.state.lock();
        state.prices = Arc::new(prices);
        state.known.clear();
    }

    /// Every figure. O(agents + operations + models).
    pub fn report(&self) -> Report {
        let state = self.state.lock();
        Report::of(&state)
    }

    /// The figures by model. O(models), of which there are at most 256.
    pub fn by_model(&self) -> Breakdown {
        Report::models(&self.state.lock())
    }

    /// The sums of everything. O(1).
    pub fn totals(&self) -> Summed {
        let totals = self.state.lock().totals.clone();
        Summed::of(&totals)
    }

    /// Tokens that were not sent, of all that could have been; below zero where more was sent. O(1).
    pub fn transport_saved(&self) -> i64 {
        self.state.lock().totals.transport_saved()
    }

    /// The totals in words, made from the figures. O(1).
    ///
    /// For example: `41.3 % fewer tokens sent (12,345 of 29,881 saved) over 17 messages`.
    pub fn summary(&self) -> String {
        let totals = self.state.lock().totals.clone();
        report::words(&totals)
    }

    /// Forgets everything but the prices.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        let prices = state.prices.clone();
        let empty = Self::default().state.into_inner();
        *state = State { prices, ..empty };
    }
}

impl State {
    fn add(&mut self, agent: &str, operation: &str, model: Option<&Known>, figures: &Figures) {
        self.totals.add(figures);
        self.by_agent.add(agent, figures);
        self.by_operation.add(operation, figures);
        match model {
            Some(model) => self.by_model.add(&model.name, figures),
            None => self.unnamed.add(figures),
        }
    }

    fn model(&mut self, name: Option<&str>) -> Option<Arc<Known>> {
        let name = book::cut(name?);
        if let Some(known) = self.known.get(name) {
            return Some(known.clone());
        }
        let model = models::find(name);
        let price = self.prices.find(name);
        let known = Arc::new(Known { name: model.name, context_window: model.context_window, price });
        if self.known.len() >= MAX_MODELS {
            self.known.clear();
        }
        self.known.insert(name.to_owned(), known.clone());
        Some(known)
    }
}

#[cfg(test)]
mod tests;
