//! The counters of one agent, operation or model, and of all together.

use crate::tokens::prices::{Picodollars, Price};

/// Sums. Whole numbers, so that the order of entries does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) messages: u64,
    pub(super) original: u64,
    pub(super) baseline: u64,
    pub(super) sent: u64,
    pub(super) held: u64,
    pub(super) fetched: u64,
    /// Messages with a price; the costs are of these.
    pub(super) priced_messages: u64,
    /// Tokens fetched back without a price.
    pub(super) unpriced_fetched: u64,
    pub(super) priced_fetched: u64,
    pub(super) baseline_cost: Picodollars,
    /// Without what was fetched back.
    pub(super) sent_cost: Picodollars,
    pub(super) fetched_cost: Picodollars,
    pub(super) calls: u64,
    pub(super) prompt: u64,
    pub(super) cached_read: u64,
    pub(super) cache_write: u64,
    pub(super) output: u64,
    /// Calls with a price; the cost is of these.
    pub(super) priced_calls: u64,
    pub(super) call_cost: Picodollars,
    /// Date of the oldest price used.
    pub(super) as_of: Option<String>,
}

impl Figures {
    pub(super) fn add(&mut self, other: &Self) {
        // All counters, so that a new one cannot be forgotten here.
        let Self {
            messages,
            original,
            baseline,
            sent,
            held,
            fetched,
            priced_messages,
            unpriced_fetched,
            priced_fetched,
            baseline_cost,
            sent_cost,
            fetched_cost,
            calls,
            prompt,
            cached_read,
            cache_write,
            output,
            priced_calls,
            call_cost,
            as_of,
        } = other;
        for (sum, more) in [
            (&mut self.messages, messages),
            (&mut self.original, original),
            (&mut self.baseline, baseline),
            (&mut self.sent, sent),
            (&mut self.held, held),
            (&mut self.fetched, fetched),
            (&mut self.priced_messages, priced_messages),
            (&mut self.unpriced_fetched, unpriced_fetched),
            (&mut self.priced_fetched, priced_fetched),
            (&mut self.calls, calls),
            (&mut self.prompt, prompt),
            (&mut self.cached_read, cached_read),
            (&mut self.cache_write, cache_write),
            (&mut self.output, output),
            (&mut self.priced_calls, priced_calls),
        ] {
            *sum = sum.saturating_add(*more);
        }
        self.baseline_cost += baseline_cost;
        self.sent_cost += sent_cost;
        self.fetched_cost += fetched_cost;
        self.call_cost += call_cost;
        if let Some(date) = as_of {
            self.note_date(date);
        }
    }

    /// Charges tokens that were fetched back: they are new to the prompt cache.
    pub(super) fn price_fetched(&mut self, price: &Price, tokens: u64) {
        self.priced_fetched = tokens;
        self.fetched_cost = price.prompt(tokens, 0);
        self.note_date(&price.as_of);
    }

    /// Dates as `YYYY-MM-DD` are in the order of their text.
    pub(super) fn note_date(&mut self, date: &str) {
        if self.as_of.as_deref().is_none_or(|oldest| date < oldest) {
            self.as_of = Some(date.to_owned());
        }
    }

    /// Tokens that were asked for, could have been sent and were not; below zero where more was sent.
    pub(super) fn transport_saved(&self) -> i64 {
        difference(self.baseline, self.sent)
    }

    /// The same after what was fetched back; below zero where leaving out cost more than it saved.
    pub(super) fn prompt_saved(&self) -> i64 {
        difference(self.baseline, self.sent.saturating_add(self.fetched))
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn difference(a: u64, b: u64) -> i64 {
    let size = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
    if a >= b { size } else { -size }
}
