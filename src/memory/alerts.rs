//! Alerts about memory, in episodes: one alert when it gets bad, one word when it is over.
//!
//! - `warning` begins over `alertThreshold` %, `critical` over 95 %, and also when growth is about to reach the limit.
//! - An episode ends when the percentage was 5 points under its threshold, and growth was no danger, for 10 s without a
//!   break. So a figure that hovers at the threshold raises one alert and not one with every sample.
//! - While a warning lasts, `critical` is raised beside it once; while `critical` lasts, no warning is begun.
//! - Without figures nothing is raised and nothing ends: a time that nobody looked at is not known to be calm.
//!
//! What it does not do: it takes no figures, sends nothing and has no clock of its own. Times that decide are monotonic;
//! the wall clock is only shown. Alerts are kept for 48 hours and at most 100 of them.

use std::collections::VecDeque;

use serde::Serialize;

use super::agents::Now;
use super::pressure::{CRITICAL_PERCENT, GROWTH_COUNTS_FROM_PERCENT, HYSTERESIS_POINTS};
use crate::base::units::round2;

mod words;

/// Growth that reaches the limit sooner is critical: time for a garbage collection, not for a person.
pub(crate) const CRITICAL_TIME_MS: u64 = 5_000;

/// An episode ends [`HYSTERESIS_POINTS`] under its threshold, for this long.
const CALM_MS: u64 = 10_000;

/// How long and how many alerts are kept. Given by the product's contract.
const KEPT_MS: u64 = 48 * 3_600_000;
const MAX_KEPT: usize = 100;

/// How many [`Alerts::recent`] gives.
const RECENT: usize = 5;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AlertType {
    Info,
    Warning,
    Critical,
}

/// An alert, as callers see it. Times are Unix ms, sizes MB.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alert {
    /// Unique in this process.
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: AlertType,
    /// The limit that it is about, by its name in `limits.all`.
    pub(crate) source: &'static str,
    pub(crate) message: String,
    /// MB used when it was raised.
    pub(crate) memory_usage: f64,
    /// MB over which it is raised.
    pub(crate) threshold: f64,
    /// `memory_usage` in percent of the limit.
    pub(crate) percentage: f64,
    pub(crate) timestamp: u64,
    pub(crate) recommendations: Vec<String>,
    /// Whether the episode is over.
    pub(crate) resolved: bool,
    pub(crate) resolved_at: Option<u64>,
}

/// The end of an episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resolved {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: AlertType,
    /// Unix ms.
    #[serde(rename = "resolvedAt")]
    pub(crate) at_ms: u64,
    /// Monotonic.
    pub(crate) duration_ms: u64,
}

/// Figures of the limit that is nearest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Observed {
    /// Of the limit; may exceed 100.
    pub(crate) percentage: f64,
    pub(crate) used_mb: f64,
    pub(crate) limit_mb: f64,
    /// `alertThreshold`, in percent.
    pub(crate) alert_threshold: f64,
    /// Until the limit is reached at the present growth; `None` when it is not.
    pub(crate) time_to_limit_ms: Option<u64>,
    /// The limit's name in `limits.all`: `config`, `cgroup`, `cgroupHigh`, `system`, `heap`.
    pub(crate) source: &'static str,
    /// MB a second; `None` when unknown.
    pub(crate) growth_mb_per_s: Option<f64>,
    /// Whether what is foreseen of the growth is critical.
    pub(crate) projected: bool,
}

/// What an observation changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Changes {
    pub(crate) raised: Vec<Alert>,
    pub(crate) resolved: Vec<Resolved>,
}

/// Alerts and the episodes that last.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    warning: Option<Episode>,
    critical: Option<Episode>,
    /// Oldest first, with the monotonic time at which each was raised.
    kept: VecDeque<(u64, Alert)>,
    last_id: u64,
}

#[derive(Debug)]
struct Episode {
    id: String,
    since_ms: u64,
    /// Since when everything was calm; `None` while it is not.
    calm_since_ms: Option<u64>,
}

impl Alerts {
    /// Looks at figures (`None` if there are none) and says which alerts begin and which are over.
    pub(crate) fn observe(&mut self, now: Now, level: Option<&Observed>) -> Changes {
        self.forget_old(now);
        // Not a number is not a figure.
        let Some(level) = level.filter(|level| level.percentage.is_finite()) else {
            for episode in [&mut self.warning, &mut self.critical].into_iter().flatten() {
                episode.calm_since_ms = None;
            }
            return Changes::default();
        };
        let mut changes = Changes::default();
        let ends = [
            (&mut self.critical, AlertType::Critical, CRITICAL_PERCENT, level.growth_alarm()),
            (&mut self.warning, AlertType::Warning, level.alert_threshold, false),
        ];
        for (episode, kind, threshold, growth_alarm) in ends {
            let calm = level.percentage <= calm_percent(threshold) && !growth_alarm;
            changes.resolved.extend(resolve(episode, kind, now, calm));
        }
        for resolved in &changes.resolved {
            if let Some((_, alert)) = self.kept.iter_mut().find(|(_, alert)| alert.id == resolved.id) {
                alert.resolved = true;
                alert.resolved_at = Some(resolved.at_ms);
            }
        }
        let is_critical = level.percentage > CRITICAL_PERCENT || level.growth_alarm();
        if self.critical.is_none() && is_critical {
            let alert = self.raise(now, AlertType::Critical, level);
            self.critical = Some(Episode::new(&alert, now));
            changes.raised.push(alert);
        } else if self.warning.is_none()
            && self.critical.is_none()
            && level.percentage > level.alert_threshold
        {
            let alert = self.raise(now, AlertType::Warning, level);
            self.warning = Some(Episode::new(&alert, now));
            changes.raised.push(alert);
        }
        changes
    }

    /// The last five, the newest last.
    pub(crate) fn recent(&self) -> Vec<Alert> {
        self.all().skip(self.kept.len().saturating_sub(RECENT)).cloned().collect()
    }

    /// All that are kept, the newest last.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Alert> {
        self.kept.iter().map(|(_, alert)| alert)
    }

    fn raise(&mut self, now: Now, kind: AlertType, level: &Observed) -> Alert {
        let message = words::message(kind, level);
        let alert = self.alert(now, kind, level, message, words::recommendations(kind, level));
        self.keep(now, &alert);
        alert
    }

    fn alert(
        &mut self,
        now: Now,
        kind: AlertType,
        level: &Observed,
        message: String,
        recommendations: Vec<String>,
    ) -> Alert {
        self.last_id += 1;
        let threshold = if kind == AlertType::Critical { CRITICAL_PERCENT } else { level.alert_threshold };
        Alert {
            id: format!("memory-{}", self.last_id),
            kind,
            source: level.source,
            message,
            memory_usage: round2(level.used_mb),
            threshold: round2(level.limit_mb * threshold / 100.0),
            percentage: round2(level.percentage),
            timestamp: now.wall_ms,
            recommendations,
            resolved: false,
            resolved_at: None,
        }
    }

    fn keep(&mut self, now: Now, alert: &Alert) {
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((now.mono_ms, alert.clone()));
    }

    fn forget_old(&mut self, now: Now) {
        while self.kept.front().is_some_and(|(at_ms, _)| now.mono_ms.saturating_sub(*at_ms) > KEPT_MS) {
            self.kept.pop_front();
        }
    }
}

impl Observed {
    /// Whether growth alone makes it critical.
    fn growth_alarm(&self) -> bool {
        let soon = self.time_to_limit_ms.is_some_and(|time_ms| time_ms < CRITICAL_TIME_MS);
        self.percentage > GROWTH_COUNTS_FROM_PERCENT && (self.projected || soon)
    }
}

impl Episode {
    fn new(alert: &Alert, now: Now) -> Self {
        Self { id: alert.id.clone(), since_ms: now.mono_ms, calm_since_ms: None }
    }
}

/// Where calm begins: 5 points under the threshold, but never under half of it, or the smallest thresholds would have
/// no calm at all.
fn calm_percent(threshold: f64) -> f64 {
    (threshold - HYSTERESIS_POINTS).max(threshold / 2.0)
}

/// Ends the episode if it was calm for long enough.
fn resolve(episode: &mut Option<Episode>, kind: AlertType, now: Now, calm: bool) -> Option<Resolved> {
    let lasting = episode.as_mut()?;
    if !calm {
        lasting.calm_since_ms = None;
        return None;
    }
    let since_ms = *lasting.calm_since_ms.get_or_insert(now.mono_ms);
    if now.mono_ms.saturating_sub(since_ms) < CALM_MS {
        return None;
    }
    let ended = episode.take()?;
    Some(Resolved {
        id: ended.id,
        kind,
        at_ms: now.wall_ms,
        duration_ms: now.mono_ms.saturating_sub(ended.since_ms),
    })
}

#[cfg(test)]
mod tests;
