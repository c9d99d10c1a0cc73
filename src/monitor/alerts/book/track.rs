//! What is remembered of one rule between two looks: since when it has been bad, and which alert it raised.

use super::REPEAT_MS;
use super::history::Number;
use crate::monitor::alerts::rule::{Comparison, Rule};
use crate::monitor::alerts::{Alert, Component, Level};
use crate::telemetry::metric::Metric;

/// A figure that is absent for so long ends the alert about it: whatever it measured is not there any more.
pub(super) const NO_DATA_MS: u64 = 15 * 60_000;

/// What makes two alerts of a rule the same one. A rule with another threshold goes on with its alert; one of another level or
/// title tells something else.
#[derive(Debug, Clone, PartialEq)]
struct Meaning {
    metric: Metric,
    /// Unknown after a restart.
    comparison: Option<Comparison>,
    level: Level,
    component: Component,
    title: String,
}

/// What a look at a figure changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen {
    /// Nothing that ends.
    On,
    /// The condition is over.
    Over,
    /// The figure was absent for too long.
    NoData,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Track {
    meaning: Meaning,
    /// Since when the figure has been bad, in every look; `None` while it is not.
    bad_since_ms: Option<u64>,
    /// Whether it was bad for as long as the rule wants, and is not well again.
    pub(super) is_firing: bool,
    /// The alert that lasts.
    pub(super) active: Option<Number>,
    /// When the last alert was raised.
    created_ms: Option<u64>,
    /// When somebody resolved the alert by hand while the condition went on.
    dismissed_ms: Option<u64>,
    /// When there was a figure.
    seen_ms: u64,
    /// The last figure; `None` while it is absent.
    pub(super) last: Option<f64>,
    /// The worst figure since the alert was raised.
    pub(super) worst: f64,
}

impl Track {
    pub(super) fn new(rule: &Rule, now_ms: u64) -> Self {
        let meaning = Meaning {
            metric: rule.metric,
            comparison: Some(rule.comparison),
            level: rule.level,
            component: rule.component,
            title: rule.title.clone(),
        };
        Self::of(meaning, now_ms)
    }

    /// The track of a rule by the alert that it raised before a restart; `None` if that does not say of which metric it is.
    pub(super) fn restored(alert: &Alert, now_ms: u64) -> Option<Self> {
        let metric = Metric::at_path(alert.metadata.get("metric")?.as_str()?)?;
        let (level, component, title) = (alert.level, alert.component, alert.title.clone());
        let meaning = Meaning { metric, comparison: None, level, component, title };
        let is_by_hand = alert.metadata.get("resolvedBy").and_then(|by| by.as_str()) == Some("manual");
        Some(Self {
            is_firing: !alert.resolved,
            created_ms: Some(alert.timestamp),
            dismissed_ms: alert.resolved_at.filter(|_| is_by_hand).map(|at_ms| at_ms.min(now_ms)),
            worst: alert.metadata.get("value").and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN),
            ..Self::of(meaning, now_ms)
        })
    }

    fn of(meaning: Meaning, now_ms: u64) -> Self {
        Self {
            meaning,
            bad_since_ms: None,
            is_firing: false,
            active: None,
            created_ms: None,
            dismissed_ms: None,
            seen_ms: now_ms,
            last: None,
            worst: f64::NAN,
        }
    }

    /// Whether the rule still is what the track is about.
    pub(super) fn is_of(&self, rule: &Rule) -> bool {
        let own = &self.meaning;
        own.metric == rule.metric
            && own.comparison.is_none_or(|comparison| comparison == rule.comparison)
            && (own.level, own.component) == (rule.level, rule.component)
            && own.title == rule.title
    }

    /// The same track for a rule that means something else: only when it last told something is kept.
    pub(super) fn renewed(&self, rule: &Rule, now_ms: u64) -> Self {
        Self { created_ms: self.created_ms, ..Self::new(rule, now_ms) }
    }

    /// Forgets everything but when it last told something: its rule is gone, and may come back.
    pub(super) fn rest(&mut self) {
        self.bad_since_ms = None;
        self.is_firing = false;
        self.active = None;
        self.last = None;
    }

    /// Takes a figure.
    pub(super) fn see(&mut self, rule: &Rule, value: Option<f64>, now_ms: u64) -> Seen {
        self.last = value;
        let Some(value) = value else { return self.see_nothing(now_ms) };
        self.seen_ms = now_ms;
        self.meaning.comparison = Some(rule.comparison);
        if rule.ends(value) {
            self.dismissed_ms = None;
        }
        if self.is_firing {
            if !self.worst.is_finite() || rule.comparison.is_met(value, self.worst) {
                self.worst = value;
            }
            if rule.ends(value) {
                self.is_firing = false;
                self.bad_since_ms = None;
                return Seen::Over;
            }
        } else if rule.begins(value) {
            let since_ms = *self.bad_since_ms.get_or_insert(now_ms);
            self.is_firing = now_ms.saturating_sub(since_ms) >= rule.for_ms;
        } else {
            self.bad_since_ms = None;
        }
        Seen::On
    }

    /// What is not known neither begins nor ends anything; but it breaks what has to hold without a break.
    fn see_nothing(&mut self, now_ms: u64) -> Seen {
        if self.active.is_some() && now_ms.saturating_sub(self.seen_ms) < NO_DATA_MS {
            return Seen::On;
        }
        self.is_firing = false;
        self.bad_since_ms = None;
        Seen::NoData
    }

    /// Whether an alert is to be raised now, unless a worse one holds it back.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        self.is_firing && self.active.is_none() && !self.is_quiet(now_ms)
    }

    /// Whether the last alert was raised, or resolved by hand, less than five minutes ago.
    pub(super) fn is_quiet(&self, now_ms: u64) -> bool {
        let is_recent =
            |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) < REPEAT_MS);
        is_recent(self.created_ms) || is_recent(self.dismissed_ms)
    }

    /// Notes that the alert was raised.
    pub(super) fn raised(&mut self, number: Number, value: f64, now_ms: u64) {
        self.active = Some(number);
        self.created_ms = Some(now_ms);
        self.worst = value;
    }

    /// Notes that somebody resolves the alert.
    pub(super) fn dismissed(&mut self, now_ms: u64) {
        self.dismissed_ms = Some(now_ms);
    }

    /// Whether a worse state of the same figure makes an alert of `rule` a repetition.
    pub(super) fn holds_back(&self, own: &Rule, rule: &Rule) -> bool {
        self.is_firing
            && own.level > rule.level
            && own.metric == rule.metric
            && own.comparison == rule.comparison
    }
}
