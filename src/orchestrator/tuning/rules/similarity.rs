//! From which similarity on another question's answer is served: raised where callers replace what they were served.
//!
//! Whether a lower threshold would do harm cannot be seen: nobody says what an answer that was not served would have been good
//! for. So it never goes below the configured value.

use serde_json::json;

use super::{Proposal, Tried, Verdict, View, wilson};
use crate::orchestrator::tuning::knob::Knob;
use crate::orchestrator::tuning::objective::share;
use crate::orchestrator::tuning::reading::{Count, Window};

/// Answers that were replaced, to be more than chance.
const LEAST_REFUTED: f64 = 10.0;
/// Share of those served, at least so many with 95 % confidence, that is too much: a wrong answer costs more than a call.
const TOO_MANY: f64 = 0.02;
/// Answers served without one that was replaced, to go back.
const LEAST_SERVED: f64 = 300.0;
/// Lookups to judge by.
const LEAST_LOOKUPS: f64 = 1000.0;
const STEP: f64 = 0.03;

fn refuted_rate(window: &Window) -> f64 {
    window.get(Count::SimilarRefuted) / window.get(Count::Lookups).max(1.0)
}

pub(super) fn propose(view: &View<'_>) -> Option<Proposal> {
    let knob = Knob::Similarity;
    let is_enough = |window: &Window| {
        window.get(Count::SimilarRefuted) >= LEAST_REFUTED || window.get(Count::SimilarServed) >= LEAST_SERVED
    };
    let window = view.window(is_enough)?;
    let (refuted, served) = (window.get(Count::SimilarRefuted), window.get(Count::SimilarServed));
    let (least, most) = wilson(refuted, served.max(refuted));
    let (to, reason) = if refuted >= LEAST_REFUTED && least > TOO_MANY {
        let reason =
            format!("callers replaced {refuted} of {served} answers of similar questions by other ones");
        (view.target(knob, view.value(knob) + STEP * view.reach(true))?, reason)
    } else if served >= LEAST_SERVED && most < TOO_MANY && view.value(knob) > view.base(knob) {
        let reason = format!("of {served} answers of similar questions callers replaced {refuted}");
        (view.towards_base(knob, STEP)?, reason)
    } else {
        return None;
    };
    Some(Proposal {
        knob,
        to,
        reason,
        evidence: json!({ "served": served, "replaced": refuted, "replacedShareAtLeast": share(least) }),
        before: view.figures(&window),
        measure: refuted_rate(&window),
    })
}

pub(super) fn judge(tried: &Tried, view: &View<'_>) -> Verdict {
    let Some(window) = view.window(|window| window.get(Count::Lookups) >= LEAST_LOOKUPS) else {
        return Verdict::Wait;
    };
    let rate = refuted_rate(&window);
    let (least, _) = wilson(window.get(Count::SimilarRefuted), window.get(Count::SimilarServed));
    let is_better = if tried.to > tried.from { rate < tried.measure } else { least <= TOO_MANY };
    let why = format!(
        "{} % of the lookups had an answer that was replaced, {} % before",
        share(rate * 100.0),
        share(tried.measure * 100.0)
    );
    Verdict::of(is_better, why, view.figures(&window))
}
