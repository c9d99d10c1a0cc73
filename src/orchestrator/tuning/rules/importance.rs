//! From which score on parts of a context stay: lowered where agents fetch again what was left out.
//!
//! That agents fetch nothing does not say that nothing is missing: they may not know how. So it never goes above the configured
//! value.

use serde_json::json;

use super::{Proposal, Tried, Verdict, View};
use crate::base::units::round2;
use crate::orchestrator::tuning::knob::Knob;
use crate::orchestrator::tuning::reading::{Count, Window};

/// Contexts to judge by.
const LEAST_CONTEXTS: f64 = 50.0;
/// Parts fetched again, and how many a context that is too many: each is a turn of the agent.
const LEAST_FETCHED: f64 = 20.0;
const TOO_MANY: f64 = 0.1;
/// So few a context that it may go back.
const FEW: f64 = 0.01;
/// What must become of the fetches for a lower threshold to be worth its tokens.
const BETTER: f64 = 0.9;
const STEP: f64 = 0.05;

fn rate(window: &Window) -> f64 {
    window.get(Count::FetchedBack) / window.get(Count::Contexts).max(1.0)
}

fn is_enough(window: &Window) -> bool {
    window.get(Count::Contexts) >= LEAST_CONTEXTS
}

pub(super) fn propose(view: &View<'_>) -> Option<Proposal> {
    let knob = Knob::Importance;
    let window = view.window(is_enough)?;
    let (fetched, rate) = (window.get(Count::FetchedBack), rate(&window));
    let (to, reason) = if fetched >= LEAST_FETCHED && rate > TOO_MANY {
        (
            view.target(knob, view.value(knob) - STEP * view.reach(false))?,
            "agents fetched again what was left out",
        )
    } else if rate < FEW && view.value(knob) < view.base(knob) {
        (view.towards_base(knob, STEP)?, "agents fetch hardly anything of what is left out")
    } else {
        return None;
    };
    let contexts = window.get(Count::Contexts);
    Some(Proposal {
        knob,
        to,
        reason: format!("{reason}: {fetched} parts of {contexts} contexts"),
        evidence: json!({ "contexts": contexts, "fetchedAgain": fetched, "perContext": round2(rate) }),
        before: view.figures(&window),
        measure: rate,
    })
}

pub(super) fn judge(tried: &Tried, view: &View<'_>) -> Verdict {
    let Some(window) = view.window(is_enough) else { return Verdict::Wait };
    let rate = rate(&window);
    let is_better =
        if tried.to < tried.from { rate <= tried.measure * BETTER } else { rate <= TOO_MANY / 2.0 };
    let why = format!("{} parts a context are fetched again, {} before", round2(rate), round2(tried.measure));
    Verdict::of(is_better, why, view.figures(&window))
}
