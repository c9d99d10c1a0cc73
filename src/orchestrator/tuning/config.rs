//! Settings of the tuning: how often, and within which bounds.

use serde::Serialize;
use serde_json::{Map, Value};

use super::knob::Knob;
use crate::base::config::{Configure, Number, Problems, Section};

/// Five minutes (contract).
pub const DEFAULT_INTERVAL_MS: u64 = 300_000;

/// Below a second the window of a trial holds nothing.
const INTERVAL_MS: Number = Number::whole(1000.0, 2_147_483_647.0, "ms");

/// Settings of the tuning, which the flag `autoTuning` switches on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TuningConfig {
    /// `interval`: ms between two steps. Default 300,000, whole, 1000 to 2,147,483,647.
    #[serde(rename = "interval")]
    pub interval_ms: u64,
    /// `bounds`: for a setting by its path, `{ min, max }`, either of which may be absent. Default none: each setting has
    /// bounds by its configured value, see [`Knob::bounds`].
    pub bounds: Map<String, Value>,
    /// `fixed`: paths of settings that are left alone. Default none.
    pub fixed: Vec<String>,
}

impl Default for TuningConfig {
    fn default() -> Self {
        Self { interval_ms: DEFAULT_INTERVAL_MS, bounds: Map::new(), fixed: Vec::new() }
    }
}

impl TuningConfig {
    /// What is configured of a setting's bounds.
    pub fn bounds_of(&self, knob: Knob) -> (Option<f64>, Option<f64>) {
        let given = self.bounds.get(knob.path());
        let bound = |name: &str| given.and_then(|given| given.get(name)).and_then(Value::as_f64);
        (bound("min"), bound("max"))
    }

    /// Whether a setting is left alone.
    pub fn is_fixed(&self, knob: Knob) -> bool {
        self.fixed.iter().any(|path| path == knob.path())
    }
}

impl Configure for TuningConfig {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.whole("interval", INTERVAL_MS, &mut self.interval_ms);
        section.table("bounds", &mut self.bounds, check_bounds);
        section.texts("fixed", &mut self.fixed);
    }

    fn check(&self, path: &str, problems: &mut Problems) {
        for fixed in &self.fixed {
            if Knob::from_path(fixed).is_none() {
                problems.add(&Section::path_of(path, "fixed"), unknown(fixed));
            }
        }
    }
}

fn check_bounds(path: &str, rows: &Map<String, Value>, problems: &mut Problems) {
    for (name, row) in rows {
        let at = format!("{path}[{name:?}]");
        let Some(knob) = Knob::from_path(name).filter(|knob| *knob != Knob::Policy) else {
            problems.add(&at, unknown(name));
            continue;
        };
        let (mut min, mut max) = knob.limits();
        Section::read(&at, row, problems, |section| {
            let rule = Number { min, max, whole: false, unit: "" };
            section.number("min", rule, &mut min);
            section.number("max", rule, &mut max);
        });
        if min > max {
            problems.add(&at, format!("min must not be over max, got {min} and {max}"));
        }
    }
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = Knob::ALL.iter().map(|knob| knob.path()).collect();
    format!("must be a setting that is tuned ({}), got {name:?}", known.join(", "))
}
