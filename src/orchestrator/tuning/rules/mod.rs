//! When a setting should change, and whether that was right: one rule a file, no rule knows another.

mod importance;
mod l1;
mod memory;
mod similarity;
mod ttl;
mod writes;

use serde_json::Value;

use super::config::TuningConfig;
use super::knob::{Knob, Values, is_same};
use super::objective::Figures;
use super::reading::{Gauges, Reading, Recent, Window};

/// What a rule may look at.
pub(super) struct View<'a> {
    pub(super) recent: &'a Recent,
    pub(super) reading: &'a Reading,
    pub(super) config: &'a TuningConfig,
    /// The configured values.
    pub(super) bases: &'a Values,
    /// Nothing before this step counts.
    pub(super) from_step: u64,
    /// How often a change down or up was undone since one was kept.
    pub(super) undone: [u32; 2],
}

impl View<'_> {
    pub(super) fn gauges(&self) -> &Gauges {
        &self.reading.gauges
    }

    pub(super) fn value(&self, knob: Knob) -> f64 {
        self.reading.values.get(knob)
    }

    pub(super) fn base(&self, knob: Knob) -> f64 {
        self.bases.get(knob)
    }

    pub(super) fn bounds(&self, knob: Knob) -> (f64, f64) {
        knob.bounds(self.base(knob), self.config)
    }

    /// A value within bounds that is not the present one.
    pub(super) fn target(&self, knob: Knob, value: f64) -> Option<f64> {
        let (low, high) = self.bounds(knob);
        let value = knob.rounded(value.clamp(low, high));
        let is_within = value >= low && value <= high;
        (is_within && !is_same(value, self.value(knob))).then_some(value)
    }

    /// How many steps a change is to go: one more for each that was not far enough.
    pub(super) fn reach(&self, is_up: bool) -> f64 {
        f64::from(1 + self.undone[usize::from(is_up)])
    }

    /// The next value towards the configured one, by steps of `step`.
    pub(super) fn towards_base(&self, knob: Knob, step: f64) -> Option<f64> {
        let (value, base) = (self.value(knob), self.base(knob));
        let next = if value > base { (value - step).max(base) } else { (value + step).min(base) };
        self.target(knob, next)
    }

    pub(super) fn window(&self, is_enough: impl Fn(&Window) -> bool) -> Option<Window> {
        self.recent.window(self.from_step, is_enough)
    }

    pub(super) fn figures(&self, window: &Window) -> Value {
        Figures::of(window, self.gauges()).shown()
    }
}

/// A change to try.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) knob: Knob,
    pub(super) to: f64,
    pub(super) reason: String,
    pub(super) evidence: Value,
    pub(super) before: Value,
    /// What the rule measures by, before the change.
    pub(super) measure: f64,
}

/// A change that is being measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    pub(super) knob: Knob,
    pub(super) from: f64,
    pub(super) to: f64,
    /// The proposal's.
    pub(super) measure: f64,
}

/// What to do about a trial.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Too little happened.
    Wait,
    /// It stays.
    Keep(String, Value),
    /// It goes.
    Undo(String, Value),
}

impl Verdict {
    fn of(is_better: bool, why: String, after: Value) -> Self {
        if is_better { Self::Keep(why, after) } else { Self::Undo(why, after) }
    }
}

/// A change of one of these settings to try, if there is evidence for one. `may` says whether a setting may go up or down now.
pub(super) fn propose(knob: Knob, view: &View<'_>, may: &dyn Fn(Knob, bool) -> bool) -> Option<Proposal> {
    match knob {
        Knob::L1Size => l1::propose(view, may),
        // With the size: the better of the two.
        Knob::Policy => None,
        Knob::Ttl => ttl::propose(view),
        Knob::Similarity => similarity::propose(view),
        Knob::Importance => importance::propose(view),
        Knob::Alert => memory::propose_alert(view),
        Knob::AgentLimit => memory::propose_limit(view),
        Knob::WriteBehind => writes::propose(view),
    }
    .filter(|proposal| may(proposal.knob, proposal.to > view.value(proposal.knob)))
}

/// How long a trial must have lasted to be judged, s.
pub(super) fn least_seconds(tried: &Tried) -> f64 {
    match tried.knob {
        Knob::Ttl => ttl::least_seconds(tried),
        Knob::Alert | Knob::AgentLimit => memory::LEAST_SECONDS,
        Knob::L1Size | Knob::Policy | Knob::Similarity | Knob::Importance | Knob::WriteBehind => 0.0,
    }
}

/// What to do about a trial.
pub(super) fn judge(tried: &Tried, view: &View<'_>) -> Verdict {
    match tried.knob {
        Knob::L1Size | Knob::Policy => l1::judge(tried, view),
        Knob::Ttl => ttl::judge(tried, view),
        Knob::Similarity => similarity::judge(tried, view),
        Knob::Importance => importance::judge(tried, view),
        Knob::Alert => memory::judge_alert(tried, view),
        Knob::AgentLimit => memory::judge_limit(tried, view),
        Knob::WriteBehind => writes::judge(tried, view),
    }
}

/// Between which values a share is with 95 % confidence (Wilson, 1927): holds for small counts too.
fn wilson(part: f64, whole: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    if whole <= 0.0 {
        return (0.0, 1.0);
    }
    let (share, z2) = ((part / whole).min(1.0), Z * Z);
    let centre = (share + z2 / (2.0 * whole)) / (1.0 + z2 / whole);
    let half =
        Z / (1.0 + z2 / whole) * (share * (1.0 - share) / whole + z2 / (4.0 * whole * whole)).max(0.0).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}
