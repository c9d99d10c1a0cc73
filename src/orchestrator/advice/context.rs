//! Rules about contexts and tokens. The filter is only ever advised to leave out less: that nobody fetched a part may also mean
//! that nobody could.

use serde_json::{Value, json};

use super::facts::Facts;
use super::memory::SHORT_PERCENT;
use crate::base::units::{round2, to_mb};
use crate::context::Reason;
use crate::monitor::sources::{Advice, Area, Priority};
use crate::orchestrator::repeated::RATIO;
use crate::tokens::DeltaEncoding;

/// Parts that must have been fetched again: fewer are chance.
pub(super) const MIN_FETCHED: u64 = 20;
/// Of the parts left out, the share that was fetched again from which on too much is left out.
pub(super) const FETCHED_SHARE: f64 = 0.05;
/// By how much a threshold is lowered at once: a third of the default.
pub(super) const THRESHOLD_STEP: f64 = 0.1;
/// By how much a cap is raised at once.
pub(super) const CAP_FACTOR: f64 = 1.5;
/// Messages before a cost says anything.
pub(super) const MIN_MESSAGES: u64 = 50;
/// A loss under this share of what contexts would have cost is within what prices are off by.
pub(super) const LOSS_PERCENT: f64 = 1.0;
/// Text that must have been sent: 1 MB.
pub(super) const MIN_TEXT_BYTES: u64 = 1 << 20;
/// Of it, what must have been sent before: receivers have to resolve references, which is work.
pub(super) const REPEATED_SHARE: f64 = 0.3;

pub(super) fn rules(facts: &Facts) -> Vec<Advice> {
    [
        threshold(facts),
        agent_cap(facts),
        global_cap(facts),
        loss(facts).or_else(|| blocks(facts)),
        prices(facts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn advice(setting: &'static str, priority: Priority, change: (Value, Value), reason: String) -> Advice {
    let (current, proposed) = change;
    Advice {
        area: Area::Context,
        priority,
        setting: Some(setting),
        current,
        proposed,
        reason,
        evidence: Value::Null,
    }
}

/// Parts left out and fetched again, where that is often.
fn fetched(facts: &Facts, reason: Reason) -> Option<(u64, u64)> {
    let (left_out, fetched) = facts.filter?.of(reason);
    let is_often = fetched >= MIN_FETCHED && fetched as f64 >= left_out as f64 * FETCHED_SHARE;
    is_often.then_some((left_out, fetched))
}

fn fetch_evidence(facts: &Facts, (left_out, fetched): (u64, u64)) -> Value {
    json!({ "leftOut": left_out, "fetchedAgain": fetched, "contexts": facts.filter.map(|filter| filter.contexts) })
}

/// Agents fetch what was left out for a low score.
fn threshold(facts: &Facts) -> Option<Advice> {
    let counts = fetched(facts, Reason::Score)?;
    let current = facts.settings.context_filter.context_importance_threshold;
    if current <= 0.0 {
        return None;
    }
    let proposed = round2((current - THRESHOLD_STEP).max(0.0));
    let reason = format!(
        "lower contextFilter.contextImportanceThreshold from {current} to {proposed}: agents fetched {} of the {} parts that were left out for a score under it",
        counts.1, counts.0
    );
    let change = (json!(current), json!(proposed));
    let found = advice("contextFilter.contextImportanceThreshold", Priority::Medium, change, reason);
    Some(Advice { evidence: fetch_evidence(facts, counts), ..found })
}

/// Agents fetch what was left out for a limit of size.
fn agent_cap(facts: &Facts) -> Option<Advice> {
    let counts = fetched(facts, Reason::Limit)?;
    let current = facts.settings.context_filter.max_context_per_agent_mb;
    let proposed = round2(current * CAP_FACTOR);
    let reason = format!(
        "raise contextFilter.maxContextPerAgent from {current} to {proposed} MB, or what calls ask for as maxSize and maxTokens: agents fetched {} of the {} parts that were left out for a limit of size",
        counts.1, counts.0
    );
    let change = (json!(current), json!(proposed));
    let found = advice("contextFilter.maxContextPerAgent", Priority::Medium, change, reason);
    Some(Advice { evidence: fetch_evidence(facts, counts), ..found })
}

/// Agents fetch what was left out for pressure, which comes from the contexts held and not from the process's memory.
fn global_cap(facts: &Facts) -> Option<Advice> {
    let counts = fetched(facts, Reason::Pressure)?;
    let current = facts.settings.context_filter.global_max_context_mb;
    let overview = &facts.memory.as_ref()?.overview;
    let held = to_mb(overview.held as f64);
    let is_roomy = overview.percentage.is_some_and(|percentage| percentage < SHORT_PERCENT);
    if !is_roomy || held < current * SHORT_PERCENT / 100.0 {
        return None;
    }
    let proposed = round2(current * CAP_FACTOR);
    let reason = format!(
        "raise contextFilter.globalMaxContext from {current} to {proposed} MB: agents hold {held} MB, and fetched {} of the {} parts that were left out for pressure",
        counts.1, counts.0
    );
    let change = (json!(current), json!(proposed));
    let found = advice("contextFilter.globalMaxContext", Priority::Medium, change, reason);
    let mut evidence = fetch_evidence(facts, counts);
    evidence["heldMB"] = json!(held);
    Some(Advice { evidence, ..found })
}

/// With the provider's prompt cache, what is sent costs more than whole contexts would have.
fn loss(facts: &Facts) -> Option<Advice> {
    let cost = facts.tokens.cost.as_ref()?;
    let lost_percent = -cost.saved_percent?;
    if facts.tokens.messages - cost.unpriced_messages < MIN_MESSAGES || lost_percent < LOSS_PERCENT {
        return None;
    }
    let encoding = facts.settings.tokens.encoding;
    let (name, proposed) = match encoding {
        DeltaEncoding::Blocks => ("blocks", json!(DeltaEncoding::Keys)),
        DeltaEncoding::Keys => ("keys", Value::Null),
    };
    let what = match encoding {
        DeltaEncoding::Blocks => "set tokens.encoding from blocks to keys",
        DeltaEncoding::Keys => {
            "tokens.encoding is keys; send whole contexts, which the provider's prompt cache makes cheap"
        }
    };
    let reason = format!(
        "{what}: messages encoded as {name} cost {:.4} USD where whole contexts would have cost {:.4}, {} % more, by prices of {}",
        cost.usd,
        cost.baseline_usd,
        round2(lost_percent),
        cost.prices_as_of
    );
    let found = advice("tokens.encoding", Priority::Medium, (json!(encoding), proposed), reason);
    Some(Advice { evidence: json!(cost), ..found })
}

/// What is sent in whole values had mostly been sent before.
fn blocks(facts: &Facts) -> Option<Advice> {
    let counts = facts.repeated;
    let share = counts.share()?;
    let bytes = counts.bytes.saturating_mul(RATIO);
    let is_enough = counts.messages >= MIN_MESSAGES && bytes >= MIN_TEXT_BYTES;
    if facts.settings.tokens.encoding != DeltaEncoding::Keys || !is_enough || share < REPEATED_SHARE {
        return None;
    }
    let reason = format!(
        "set tokens.encoding from keys to blocks, where receivers can resolve references: {:.0} % of the text in {} messages was in lines that had been sent before",
        share * 100.0,
        counts.messages
    );
    let change = (json!(DeltaEncoding::Keys), json!(DeltaEncoding::Blocks));
    let found = advice("tokens.encoding", Priority::Low, change, reason);
    let evidence = json!({ "messages": counts.messages, "textBytes": bytes, "repeatedShare": round2(share), "sampledLines": RATIO });
    Some(Advice { evidence, ..found })
}

/// Models that have no price, so that costs say less than they could.
fn prices(facts: &Facts) -> Option<Advice> {
    let unpriced = |summed: &crate::tokens::ledger::Summed| {
        let messages = summed.cost.as_ref().map_or(summed.messages, |cost| cost.unpriced_messages);
        messages + summed.usage.unpriced_calls
    };
    let found: Vec<(&String, u64)> = facts
        .by_model
        .rows
        .iter()
        .map(|(model, summed)| (model, unpriced(summed)))
        .filter(|row| row.1 > 0)
        .collect();
    let count: u64 = found.iter().map(|row| row.1).sum();
    if count < MIN_MESSAGES {
        return None;
    }
    let (most, _) = found.iter().max_by_key(|row| row.1)?;
    let current = facts.settings.tokens.prices.len();
    let reason = format!(
        "tokens.prices has {current} models; add {}: {count} messages and calls have no price, so that costs say nothing of them",
        if found.len() == 1 { shown(most) } else { format!("{} and {} more", shown(most), found.len() - 1) }
    );
    let models: Vec<&String> = found.iter().take(10).map(|row| row.0).collect();
    let priced = advice("tokens.prices", Priority::Low, (json!(current), Value::Null), reason);
    Some(Advice { evidence: json!({ "models": models, "unpriced": count }), ..priced })
}

/// A name of the caller's in a sentence.
fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(60).collect::<String>())
}
