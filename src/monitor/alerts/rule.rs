//! Rules: when a figure is an alert, as data. The built-in ones of the six thresholds and of what is never well, and those of
//! the application beside or in place of them.
//!
//! A rule compares and words; it remembers nothing. What lasted how long is the [`book`](super::book)'s.

mod built_in;
mod setting;
mod template;

use super::{Component, Level};
use crate::monitor::config::AlertThresholds;
use crate::telemetry::metric::Metric;

pub use built_in::built_in;
pub use setting::{MAX_RULES, RuleSetting, allowed, check, of_config, read_rules};
pub use template::figure;

/// On which side of the threshold it is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Over it; at it is well.
    Above,
    /// Under it; at it is well.
    Below,
}

impl Comparison {
    /// Whether `value` is on the bad side of `limit`.
    pub fn is_met(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::Below => value < limit,
        }
    }

    /// For messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Above => "over",
            Self::Below => "under",
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name: 1 to 64 of `A-Za-z0-9._-`.
    pub id: String,
    /// The figure that is looked at.
    pub metric: Metric,
    /// On which side it is bad.
    pub comparison: Comparison,
    /// Of what, in the unit of the figure as shown.
    pub threshold: f64,
    /// How bad.
    pub level: Level,
    /// About what.
    pub component: Component,
    /// How long it must be bad without a break, ms.
    pub for_ms: u64,
    /// How far back beyond the threshold the figure must come until it is over, in its unit; at least 0.
    pub hysteresis: f64,
    /// A few words.
    pub title: String,
    /// With `{value}`, `{threshold}`, `{metric}` and `{unit}` where those go.
    pub message: String,
}

impl Rule {
    /// Whether `value` is bad.
    pub fn begins(&self, value: f64) -> bool {
        self.comparison.is_met(value, self.threshold)
    }

    /// Whether `value` is well again; between this and [`Rule::begins`] things stay as they are.
    pub fn ends(&self, value: f64) -> bool {
        let calm = match self.comparison {
            Comparison::Above => self.threshold - self.hysteresis,
            Comparison::Below => self.threshold + self.hysteresis,
        };
        !self.comparison.is_met(value, calm)
    }

    /// The message, with the figures.
    pub fn words(&self, value: f64) -> String {
        template::render(&self.message, self.metric, value, self.threshold)
    }
}

/// The rules that apply: the built-in ones, with those of the settings in place of them by id or after them, without those
/// that are switched off.
pub fn effective(thresholds: &AlertThresholds, settings: &[RuleSetting]) -> Vec<Rule> {
    let mut rules = built_in(thresholds);
    for setting in settings {
        let place = rules.iter().position(|rule| rule.id == setting.id);
        match (setting.rule(), place) {
            (Some(rule), Some(place)) => rules[place] = rule,
            (Some(rule), None) => rules.push(rule),
            (None, Some(place)) => drop(rules.remove(place)),
            (None, None) => {}
        }
    }
    rules
}

#[cfg(test)]
mod tests;
