//! When memory counts as short, and how much one agent may hold.

use serde_json::json;

use super::{Proposal, Tried, Verdict, View};
use crate::base::units::round2;
use crate::orchestrator::tuning::knob::Knob;
use crate::orchestrator::tuning::reading::{Count, Window};

/// How long memory must have been looked at, s.
pub(super) const LEAST_SECONDS: f64 = 120.0;
/// Shares of the time: in a critical state that is too much, and of waiting agents that is worth a setting.
const TOO_CRITICAL: f64 = 0.005;
const TOO_LONG_WAITING: f64 = 0.01;
/// A window without an alert after which the threshold goes back, s.
const CALM_SECONDS: f64 = 1800.0;
const ALERT_STEP: f64 = 5.0;
const LIMIT_FACTOR: f64 = 1.5;
/// What must become of the measure.
const BETTER: f64 = 0.8;
/// Of the memory that is free, what agents may be given.
const HEADROOM_SHARE: f64 = 0.5;
/// More of its limit than this must not be in use for a larger limit of agents to stay, %.
const ROOMY_PERCENT: f64 = 70.0;

fn time_share(window: &Window, count: Count) -> f64 {
    window.get(count) / 1000.0 / window.seconds.max(1.0)
}

fn is_enough(window: &Window) -> bool {
    window.seconds >= LEAST_SECONDS
}

/// Earlier, where memory still became critical: what is done about it began too late.
pub(super) fn propose_alert(view: &View<'_>) -> Option<Proposal> {
    let knob = Knob::Alert;
    let window = view.window(is_enough)?;
    let critical = time_share(&window, Count::CriticalMs);
    let (to, reason) = if critical > TOO_CRITICAL {
        (
            view.target(knob, view.value(knob) - ALERT_STEP * view.reach(false))?,
            "memory became critical all the same",
        )
    } else {
        let calm = view.window(|window| window.seconds >= CALM_SECONDS)?;
        if calm.get(Count::AlertMs) > 0.0 {
            return None;
        }
        (view.towards_base(knob, ALERT_STEP)?, "there was no alert for long")
    };
    Some(Proposal {
        knob,
        to,
        reason: format!("{reason}: {} % of the time at 95 % or more", round2(critical * 100.0)),
        evidence: json!({
            "seconds": window.seconds.round(),
            "criticalSeconds": round2(window.get(Count::CriticalMs) / 1000.0),
        }),
        before: view.figures(&window),
        measure: critical,
    })
}

pub(super) fn judge_alert(tried: &Tried, view: &View<'_>) -> Verdict {
    let Some(window) = view.window(is_enough) else { return Verdict::Wait };
    let critical = time_share(&window, Count::CriticalMs);
    let is_better =
        if tried.to < tried.from { critical <= tried.measure * BETTER } else { critical <= TOO_CRITICAL };
    let why = format!(
        "critical {} % of the time, {} % before",
        round2(critical * 100.0),
        round2(tried.measure * 100.0)
    );
    Verdict::of(is_better, why, view.figures(&window))
}

/// More, where agents wait for their own limit while half of the memory is free.
pub(super) fn propose_limit(view: &View<'_>) -> Option<Proposal> {
    let knob = Knob::AgentLimit;
    let window = view.window(is_enough)?;
    let (waiting, gauges) = (time_share(&window, Count::IdleThrottledMs), view.gauges());
    if waiting < TOO_LONG_WAITING {
        return None;
    }
    let to = view.target(knob, view.value(knob) * LIMIT_FACTOR.powf(view.reach(true)))?;
    let free_mb = gauges.memory_limit_mb? * (1.0 - gauges.memory_percent? / 100.0) * HEADROOM_SHARE;
    if (to - view.value(knob)) * gauges.throttled.max(1.0) > free_mb {
        return None;
    }
    Some(Proposal {
        knob,
        to,
        reason: format!(
            "agents were throttled for {} % of the time while half of the memory was free",
            round2(waiting * 100.0)
        ),
        evidence: json!({
            "seconds": window.seconds.round(),
            "throttledSeconds": round2(window.get(Count::IdleThrottledMs) / 1000.0),
            "freeMB": free_mb.round(),
        }),
        before: view.figures(&window),
        measure: waiting,
    })
}

pub(super) fn judge_limit(tried: &Tried, view: &View<'_>) -> Verdict {
    let Some(window) = view.window(is_enough) else { return Verdict::Wait };
    let waiting = time_share(&window, Count::IdleThrottledMs);
    let is_roomy = view.gauges().memory_percent.is_some_and(|percent| percent <= ROOMY_PERCENT);
    let why = format!(
        "agents waited {} % of the time, {} % before",
        round2(waiting * 100.0),
        round2(tried.measure * 100.0)
    );
    Verdict::of(is_roomy && waiting <= tried.measure * BETTER, why, view.figures(&window))
}
