//! How short memory is, in steps, and when one begins and ends.
//!
//! A pure state machine: it is told percentages and says which step holds; what a step does, the manager knows. It goes up
//! at once, as far as the figures say, and comes down one step a second, so that what was undone shows before more is.

use serde::Serialize;

use super::config::MemoryConfig;

/// Over this the process is close to its end whatever the configuration says (contract).
pub(crate) const CRITICAL_PERCENT: f64 = 95.0;

/// How far below its threshold the percentage must come before a step is undone, in percentage points: more than a
/// collection of V8's young generation moves a heap that is nearly full.
pub(crate) const HYSTERESIS_POINTS: f64 = 5.0;

/// A step is undone at most once in this time.
const DOWN_EVERY_MS: u64 = 1_000;

/// Growth counts this far ahead: long enough for a collection and for agents to come to their next step.
pub(crate) const HORIZON_MS: f64 = 3_000.0;

/// So far ahead counts growth that has just begun, and that of V8's heap, which is garbage in part.
pub(crate) const BURST_HORIZON_MS: f64 = 1_000.0;
pub(crate) const HEAP_HORIZON_MS: f64 = 300.0;

/// Below this share of the limit, in percent, growth is the ordinary start of work.
pub(crate) const GROWTH_COUNTS_FROM_PERCENT: f64 = 50.0;

/// What is done about short memory; each step includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Nothing.
    #[default]
    Normal,
    /// L1 of the caches shrinks.
    ShrinkCaches,
    /// Decoded values, analyses and counts go.
    DropCaches,
    /// V8's garbage is collected.
    CollectGarbage,
    /// Freed native memory is given back to the system.
    ReleaseMemory,
    /// The agents that hold most wait.
    ThrottleLargest,
    /// All agents wait.
    ThrottleAll,
}

impl Step {
    /// In order.
    pub const ALL: [Self; 7] = [
        Self::Normal,
        Self::ShrinkCaches,
        Self::DropCaches,
        Self::CollectGarbage,
        Self::ReleaseMemory,
        Self::ThrottleLargest,
        Self::ThrottleAll,
    ];

    /// As JavaScript sees it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ShrinkCaches => "shrinkCaches",
            Self::DropCaches => "dropCaches",
            Self::CollectGarbage => "collectGarbage",
            Self::ReleaseMemory => "releaseMemory",
            Self::ThrottleLargest => "throttleLargest",
            Self::ThrottleAll => "throttleAll",
        }
    }

    fn before(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }
}

/// From which percentage of a limit on each step holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thresholds {
    /// 7/8 of `alertThreshold`.
    pub shrink_caches: f64,
    /// 15/16 of it.
    pub drop_caches: f64,
    /// `alertThreshold`.
    pub collect_garbage: f64,
    /// The same: memory is given back once there is some to give.
    pub release_memory: f64,
    /// A third of the way from there to 95 %.
    pub throttle_largest: f64,
    /// 95 %, or `alertThreshold` when that is higher.
    pub throttle_all: f64,
}

impl Thresholds {
    pub(crate) fn new(config: &MemoryConfig) -> Self {
        let alert = config.alert_threshold_percent;
        let throttle_all = CRITICAL_PERCENT.max(alert);
        Self {
            shrink_caches: alert * 0.875,
            drop_caches: alert * 0.9375,
            collect_garbage: alert,
            release_memory: alert,
            throttle_largest: alert + (throttle_all - alert) / 3.0,
            throttle_all,
        }
    }

    pub(crate) fn of(&self, step: Step) -> f64 {
        match step {
            Step::Normal => 0.0,
            Step::ShrinkCaches => self.shrink_caches,
            Step::DropCaches => self.drop_caches,
            Step::CollectGarbage => self.collect_garbage,
            Step::ReleaseMemory => self.release_memory,
            Step::ThrottleLargest => self.throttle_largest,
            Step::ThrottleAll => self.throttle_all,
        }
    }
}

/// A change of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: Step,
    pub(crate) to: Step,
}

/// The step that holds, and since when.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    step: Step,
    /// Monotonic ms of the last change.
    changed_ms: u64,
}

impl Pressure {
    pub(crate) fn step(&self) -> Step {
        self.step
    }

    /// Looks at `percentage`, that of the tightest limit or, where growth counts, what it will be. Without figures nothing
    /// changes: not knowing is neither a shortage nor its end.
    pub(crate) fn observe(
        &mut self,
        now_ms: u64,
        percentage: Option<f64>,
        thresholds: &Thresholds,
    ) -> Option<Transition> {
        let percentage = percentage.filter(|percentage| percentage.is_finite())?;
        let reached =
            Step::ALL.into_iter().rfind(|step| percentage >= thresholds.of(*step)).unwrap_or_default();
        let from = self.step;
        if reached > from {
            self.step = reached;
        } else if from > Step::Normal
            && percentage < thresholds.of(from) - HYSTERESIS_POINTS
            && now_ms.saturating_sub(self.changed_ms) >= DOWN_EVERY_MS
        {
            self.step = from.before();
        } else {
            return None;
        }
        self.changed_ms = now_ms;
        Some(Transition { from, to: self.step })
    }
}

/// The percentage that counts: what it is, or will be with `more` bytes where there is much already.
pub(crate) fn looking_ahead(percentage: f64, used: u64, limit: u64, more: f64) -> f64 {
    if limit == 0 || percentage < GROWTH_COUNTS_FROM_PERCENT {
        return percentage;
    }
    percentage.max((used as f64 + more.max(0.0)) / limit as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn thresholds(alert: f64) -> Thresholds {
        Thresholds::new(&MemoryConfig { alert_threshold_percent: alert, ..MemoryConfig::default() })
    }

    #[test]
    fn thresholds_are_in_the_order_of_the_steps_whatever_the_alert_threshold() {
        for alert in [1.0, 50.0, 80.0, 94.0, 95.0, 99.0, 100.0] {
            let thresholds = thresholds(alert);
            let all: Vec<f64> = Step::ALL.iter().map(|step| thresholds.of(*step)).collect();
            assert!(all.is_sorted(), "{alert}: {all:?}");
        }
        let usual = thresholds(80.0);
        let told = Step::ALL.map(|step| usual.of(step).to_string());
        assert_eq!(told, ["0", "70", "75", "80", "80", "85", "95"]);
    }

    #[test]
    fn goes_up_at_once_and_comes_down_one_step_a_second() {
        let (mut pressure, thresholds) = (Pressure::default(), thresholds(80.0));
        let up = pressure.observe(0, Some(99.0), &thresholds);
        assert_eq!(up, Some(Transition { from: Step::Normal, to: Step::ThrottleAll }));
        let mut at = 0;
        let mut seen = Vec::new();
        while pressure.step() > Step::Normal {
            at += 100;
            if let Some(change) = pressure.observe(at, Some(10.0), &thresholds) {
                seen.push((at, change.to as usize));
            }
        }
        assert_eq!(seen, [(1000, 5), (2000, 4), (3000, 3), (4000, 2), (5000, 1), (6000, 0)]);
    }

    #[test]
    fn a_step_holds_until_five_points_below_its_threshold() {
        let (mut pressure, thresholds) = (Pressure::default(), thresholds(80.0));
        pressure.observe(0, Some(85.0), &thresholds);
        for at in 1..100 {
            assert_eq!(pressure.observe(at * 1000, Some(80.0), &thresholds), None);
        }
        assert!(pressure.observe(100_000, Some(79.9), &thresholds).is_some());
    }

    #[test]
    fn without_figures_nothing_changes() {
        let (mut pressure, thresholds) = (Pressure::default(), thresholds(80.0));
        pressure.observe(0, Some(85.0), &thresholds);
        for figure in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(pressure.observe(1_000_000, figure, &thresholds), None);
        }
        assert_eq!(pressure.step(), Step::ThrottleLargest);
    }

    #[test]
    fn growth_counts_only_where_there_is_much_already() {
        const MB: u64 = 1 << 20;
        let at = |used: u64, more: f64| {
            looking_ahead(used as f64 / 2048.0 * 100.0, used * MB, 2048 * MB, more * MB as f64)
        };
        assert!((at(1000, 600.0) - 1000.0 / 2048.0 * 100.0).abs() < 1e-9);
        assert!((at(1400, 600.0) - 2000.0 / 2048.0 * 100.0).abs() < 1e-9);
        assert!((at(1400, -600.0) - 1400.0 / 2048.0 * 100.0).abs() < 1e-9);
        // From half of it on.
        assert!((at(1024, 512.0) - 75.0).abs() < 1e-9 && (at(1023, 512.0) - 1023.0 / 20.48).abs() < 1e-9);
        assert!((looking_ahead(60.0, 60, 0, 10.0) - 60.0).abs() < 1e-9, "no limit");
    }

    proptest! {
        #[test]
        fn noise_smaller_than_the_hysteresis_never_flaps(seed in proptest::collection::vec(-2.4..2.4_f64, 50..400), middle in 60.0..99.0_f64) {
            let (mut pressure, thresholds) = (Pressure::default(), thresholds(80.0));
            let mut down = 0;
            for (at, noise) in seed.iter().enumerate() {
                let change = pressure.observe(at as u64 * 500, Some(middle + noise), &thresholds);
                down += usize::from(change.is_some_and(|change| change.to < change.from));
            }
            prop_assert_eq!(down, 0);
        }
    }
}
