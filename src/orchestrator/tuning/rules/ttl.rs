//! Life of entries: longer only where what expired was stored again as it was.
//!
//! An answer that a model writes anew differs each time, which says nothing of the old one; so a short life is never made
//! shorter, and a longer one only goes back. Answers of tools that come out the same are the evidence for a longer life.

use serde_json::json;

use super::{Proposal, Tried, Verdict, View, wilson};
use crate::orchestrator::tuning::knob::Knob;
use crate::orchestrator::tuning::objective::share;
use crate::orchestrator::tuning::reading::{Count, Window, most_judged_seconds};

/// Values that must have been stored again: of 200 without a change, fewer than 2 % of all change.
const LEAST_RENEWED: f64 = 200.0;
/// The same to judge by: what stays of a trial.
const LEAST_JUDGED: f64 = 100.0;
/// Share of the lookups that must find an expired entry.
const EXPIRED_SHARE: f64 = 0.02;
/// Share of values that may have changed, with 95 % confidence: to be tried, to be kept.
const TRY_CHANGED: f64 = 0.02;
const KEEP_CHANGED: f64 = 0.04;
/// What must become of the share of lookups that find an expired entry.
const BETTER: f64 = 0.9;
/// By what it is raised.
const FACTOR: f64 = 2.0;

fn renewed(window: &Window) -> f64 {
    window.get(Count::RenewedSame) + window.get(Count::RenewedChanged)
}

fn expired_share(window: &Window) -> f64 {
    window.get(Count::Expired) / window.get(Count::Lookups).max(1.0)
}

pub(super) fn propose(view: &View<'_>) -> Option<Proposal> {
    let window = view.window(|window| renewed(window) >= LEAST_RENEWED)?;
    let (value, base) = (view.value(Knob::Ttl), view.base(Knob::Ttl));
    let (least, most) = wilson(window.get(Count::RenewedChanged), renewed(&window));
    let expired = expired_share(&window);
    let (to, reason) = if value > base && least > KEEP_CHANGED {
        (base, format!("at least {} % of the expired values came back changed", share(least * 100.0)))
    } else if most <= TRY_CHANGED
        && expired >= EXPIRED_SHARE
        && value <= most_judged_seconds(view.config.interval_ms)
    {
        let reason = format!(
            "{} % of the lookups found an expired entry, and its value was stored again the same",
            share(expired * 100.0)
        );
        (value * FACTOR, reason)
    } else {
        return None;
    };
    Some(Proposal {
        knob: Knob::Ttl,
        to: view.target(Knob::Ttl, to)?,
        reason,
        evidence: json!({
            "lookups": window.get(Count::Lookups),
            "expired": window.get(Count::Expired),
            "storedAgainTheSame": window.get(Count::RenewedSame),
            "storedAgainChanged": window.get(Count::RenewedChanged),
        }),
        before: view.figures(&window),
        measure: expired,
    })
}

/// The life of before: until then nothing lives longer for the change.
pub(super) fn least_seconds(tried: &Tried) -> f64 {
    if tried.to > tried.from { tried.from } else { 0.0 }
}

pub(super) fn judge(tried: &Tried, view: &View<'_>) -> Verdict {
    if tried.to < tried.from {
        return view.window(|_| true).map_or(Verdict::Wait, |window| {
            Verdict::Keep("the configured life is back".to_owned(), view.figures(&window))
        });
    }
    let is_enough = |window: &Window| {
        window.seconds >= least_seconds(tried) && window.get(Count::Lookups) >= LEAST_JUDGED
    };
    let Some(window) = view.window(is_enough) else { return Verdict::Wait };
    let (least, _) = wilson(window.get(Count::RenewedChanged), renewed(&window));
    let expired = expired_share(&window);
    let is_better = least <= KEEP_CHANGED && expired <= tried.measure * BETTER;
    let why = format!(
        "{} % of the lookups found an expired entry, {} % before; at least {} % of those values had changed",
        share(expired * 100.0),
        share(tried.measure * 100.0),
        share(least * 100.0)
    );
    Verdict::of(is_better, why, view.figures(&window))
}
