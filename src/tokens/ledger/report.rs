//! The figures as callers see them, and in words.

use std::collections::BTreeMap;

use serde::Serialize;

use super::book::Book;
use super::figures::Figures;
use super::{MAX_MODELS, State};
use crate::base::units::round2;
use crate::tokens::prices::{Picodollars, usd};

/// Everything the ledger knows. Rows, `others` and `unnamed` of each breakdown add up to the totals.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Over all entries.
    pub totals: Summed,
    /// By who received or called.
    pub by_agent: Breakdown,
    /// By what for.
    pub by_operation: Breakdown,
    /// By model, without provider and deployment marks.
    pub by_model: Breakdown,
    /// The prices that are in force for models seen, at most 256, by name.
    pub prices: Vec<PriceUsed>,
    /// The totals in words.
    pub summary: String,
}

/// Figures by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Breakdown {
    /// Of each name that is remembered.
    pub rows: BTreeMap<String, Summed>,
    /// Of names used so long ago that they have no figures of their own any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<Summed>,
    /// Of entries without a name: only models can be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unnamed: Option<Summed>,
}

/// Sums of one name or of all. Tokens, unless the field says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summed {
    /// Messages sent or replaced.
    pub messages: u64,
    /// Asked to be sent.
    pub original_tokens: u64,
    /// Of these, what could have been sent: within the limits.
    pub baseline_tokens: u64,
    /// Sent.
    pub sent_tokens: u64,
    /// Left out because the receivers' conversations hold it.
    pub held_tokens: u64,
    /// Fetched back by the receivers.
    pub fetched_tokens: u64,
    /// Baseline minus sent; below zero where more was sent.
    pub transport_saved_tokens: i64,
    /// Baseline minus sent minus fetched back; below zero where leaving out cost more than it saved.
    pub prompt_saved_tokens: i64,
    /// Share of the baseline, two decimals; absent without a baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport_saved_percent: Option<f64>,
    /// Share of the baseline, two decimals; absent without a baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_saved_percent: Option<f64>,
    /// What the messages cost with the provider's prompt cache; absent where none has a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// What providers reported.
    pub usage: UsageSummed,
}

/// Net cost of the messages that have a price, and what the baseline would have cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Of the baseline, USD.
    pub baseline_usd: f64,
    /// Of what was sent and fetched back, USD.
    pub usd: f64,
    /// The difference, USD; below zero where it is a loss.
    pub saved_usd: f64,
    /// Share of the baseline's cost, two decimals; absent where that is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_percent: Option<f64>,
    /// Messages without a price, which are not in these costs.
    pub unpriced_messages: u64,
    /// Tokens fetched back without a price, which are not in these costs.
    pub unpriced_fetched_tokens: u64,
    /// Date of the oldest price used, `YYYY-MM-DD`.
    pub prices_as_of: String,
}

/// What providers reported. Tokens, unless the field says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageSummed {
    /// Calls reported.
    pub calls: u64,
    /// Prompts and answers together.
    pub total_tokens: u64,
    /// Prompts, cached ones included.
    pub prompt_tokens: u64,
    /// Of these: read from the provider's cache.
    pub cached_read_tokens: u64,
    /// Of these: written to it.
    pub cache_write_tokens: u64,
    /// Generated.
    pub output_tokens: u64,
    /// Cost of the calls that have a price, USD; absent where none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Calls without a price, which are not in the cost.
    pub unpriced_calls: u64,
}

/// A price in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceUsed {
    /// The model, without provider and deployment marks.
    pub model: String,
    /// When it was listed so, `YYYY-MM-DD`.
    pub as_of: String,
    /// Where; empty if it is not said.
    pub source: String,
}

impl Report {
    pub(super) fn of(state: &State) -> Self {
        let mut prices: BTreeMap<&str, PriceUsed> = BTreeMap::new();
        for known in state.known.values() {
            if let Some(price) = &known.price {
                let used = PriceUsed {
                    model: known.name.clone(),
                    as_of: price.as_of.clone(),
                    source: price.source.clone(),
                };
                prices.insert(&known.name, used);
            }
        }
        debug_assert!(prices.len() <= MAX_MODELS, "invariant: the names that are known are bounded");
        Self {
            totals: Summed::of(&state.totals),
            by_agent: Breakdown::of(&state.by_agent, None),
            by_operation: Breakdown::of(&state.by_operation, None),
            by_model: Self::models(state),
            prices: prices.into_values().collect(),
            summary: words(&state.totals),
        }
    }

    /// The figures by model alone.
    pub(super) fn models(state: &State) -> Breakdown {
        Breakdown::of(&state.by_model, Some(&state.unnamed))
    }
}

impl Breakdown {
    fn of(book: &Book, unnamed: Option<&Figures>) -> Self {
        let some = |figures: &Figures| (!figures.is_empty()).then(|| Summed::of(figures));
        Self {
            rows: book.rows().map(|(name, figures)| (name.clone(), Summed::of(figures))).collect(),
            others: some(book.others()),
            unnamed: unnamed.and_then(some),
        }
    }
}

impl Summed {
    pub(super) fn of(figures: &Figures) -> Self {
        let (transport_saved, prompt_saved) = (figures.transport_saved(), figures.prompt_saved());
        let percent = |saved: i64| share(saved as f64, figures.baseline as f64).map(round2);
        Self {
            messages: figures.messages,
            original_tokens: figures.original,
            baseline_tokens: figures.baseline,
            sent_tokens: figures.sent,
            held_tokens: figures.held,
            fetched_tokens: figures.fetched,
            transport_saved_tokens: transport_saved,
            prompt_saved_tokens: prompt_saved,
            transport_saved_percent: percent(transport_saved),
            prompt_saved_percent: percent(prompt_saved),
            cost: Cost::of(figures),
            usage: UsageSummed {
                calls: figures.calls,
                total_tokens: figures.prompt.saturating_add(figures.output),
                prompt_tokens: figures.prompt,
                cached_read_tokens: figures.cached_read,
                cache_write_tokens: figures.cache_write,
                output_tokens: figures.output,
                cost_usd: (figures.priced_calls > 0).then(|| usd(figures.call_cost)),
                unpriced_calls: figures.calls - figures.priced_calls,
            },
        }
    }
}

impl Cost {
    fn of(figures: &Figures) -> Option<Self> {
        if figures.priced_messages == 0 && figures.priced_fetched == 0 {
            return None;
        }
        let spent = figures.sent_cost + figures.fetched_cost;
        let saved: Picodollars = figures.baseline_cost - spent;
        Some(Self {
            baseline_usd: usd(figures.baseline_cost),
            usd: usd(spent),
            saved_usd: usd(saved),
            saved_percent: share(saved as f64, figures.baseline_cost as f64).map(round2),
            unpriced_messages: figures.messages - figures.priced_messages,
            unpriced_fetched_tokens: figures.unpriced_fetched,
            prices_as_of: figures.as_of.clone().unwrap_or_default(),
        })
    }
}

/// In percent; `None` of nothing.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| 100.0 * part / whole)
}

/// The figures in words.
pub(super) fn words(figures: &Figures) -> String {
    let mut parts = Vec::new();
    if figures.messages > 0 {
        let over = counted(figures.messages, "message");
        parts.push(format!("{} over {over}", saving(figures.transport_saved(), figures, "tokens sent")));
    }
    if figures.held > 0 {
        parts.push(format!("{} left out because receivers hold them", counted(figures.held, "token")));
    }
    if figures.fetched > 0 {
        let net = saving(figures.prompt_saved(), figures, "tokens in prompts");
        parts.push(format!("{} fetched back, which leaves {net}", counted(figures.fetched, "token")));
    }
    if figures.original > figures.baseline {
        let over = counted(figures.original - figures.baseline, "token");
        parts.push(format!("{over} over a limit, which count for nothing"));
    }
    if let Some(cost) = Cost::of(figures) {
        parts.push(cost_words(&cost, figures));
    }
    if figures.calls > 0 {
        parts.push(usage_words(figures));
    }
    if parts.is_empty() { "nothing was measured yet".to_owned() } else { parts.join("; ") }
}

fn saving(saved: i64, figures: &Figures, what: &str) -> String {
    let tokens = grouped(saved.unsigned_abs());
    let baseline = grouped(figures.baseline);
    match share(saved.unsigned_abs() as f64, figures.baseline as f64).map(percent) {
        _ if saved == 0 => format!("as many {what} as without ({baseline})"),
        None => format!("{tokens} {what} where none would have been"),
        Some(percent) if saved > 0 => format!("{percent} fewer {what} ({tokens} of {baseline} saved)"),
        Some(percent) => format!("{percent} more {what} ({tokens} more than {baseline})"),
    }
}

fn cost_words(cost: &Cost, figures: &Figures) -> String {
    let change = cost.saved_percent.filter(|_| cost.saved_usd != 0.0).map_or_else(String::new, |share| {
        let direction = if cost.saved_usd > 0.0 { "less" } else { "more" };
        format!(" ({} {direction})", percent(share.abs()))
    });
    let mut left_out = Vec::new();
    if cost.unpriced_messages > 0 {
        left_out.push(counted(cost.unpriced_messages, "message"));
    }
    if cost.unpriced_fetched_tokens > 0 {
        left_out.push(format!("{} fetched back", counted(cost.unpriced_fetched_tokens, "token")));
    }
    let without = if left_out.is_empty() {
        String::new()
    } else {
        format!(", without {} of no known price", left_out.join(" and "))
    };
    let date = figures.as_of.as_deref().unwrap_or_default();
    format!(
        "{} USD instead of {}{change} at list prices of {date} with the provider's cache{without}",
        dollars(cost.usd),
        dollars(cost.baseline_usd)
    )
}

fn usage_words(figures: &Figures) -> String {
    let cached = share(figures.cached_read as f64, figures.prompt as f64)
        .map_or_else(String::new, |share| format!(" ({} from their cache)", percent(share)));
    let cost = match figures.calls - figures.priced_calls {
        _ if figures.priced_calls == 0 => String::new(),
        0 => format!(" for {} USD", dollars(usd(figures.call_cost))),
        unpriced => format!(
            " for {} USD, without {} of no known price",
            dollars(usd(figures.call_cost)),
            counted(unpriced, "call")
        ),
    };
    format!(
        "providers reported {}{cached} and {} generated in {}{cost}",
        counted(figures.prompt, "prompt token"),
        grouped(figures.output),
        counted(figures.calls, "call"),
    )
}

/// One decimal; what would round to nothing or to all says so.
fn percent(share: f64) -> String {
    match share {
        0.0 => "0 %".to_owned(),
        small if small < 0.05 => "under 0.1 %".to_owned(),
        large if (99.95..100.0).contains(&large) => "over 99.9 %".to_owned(),
        other => format!("{other:.1} %"),
    }
}

fn dollars(usd: f64) -> String {
    if usd < 0.01 { format!("{usd:.6}") } else { format!("{usd:.4}") }
}

fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// With commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
