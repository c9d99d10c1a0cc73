//! What a state tells: why a step holds, alerts, contexts to drop, a point of the history, events.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::agents::{AgentChange, Now};
use super::super::alerts::{CRITICAL_TIME_MS, Observed};
use super::super::config::MemoryConfig;
use super::super::contexts::{Context, Marked};
use super::super::history::HistoryPoint;
use super::super::limits::{LimitFigure, LimitSource};
use super::super::pressure::{GROWTH_COUNTS_FROM_PERCENT, Step};
use super::super::stats::megabytes;
use super::State;
use crate::base::units::{BYTES_PER_MB, mb_to_bytes};
use crate::telemetry::event::EventKind;

/// Listeners hear at most this often which contexts to drop.
const TELL_CONTEXTS_EVERY_MS: u64 = 1_000;

/// And of so many agents at once: more events than listeners take would be lost.
const TELL_AGENTS_AT_ONCE: usize = 256;

impl State {
    /// Lets listeners hear of something once the lock is gone.
    pub(crate) fn tell(&mut self, kind: EventKind, event: Value) {
        self.events.push((kind, event));
    }

    /// Contexts that are to be dropped now, the least valuable first.
    pub(crate) fn marked(&self, now: Now, agent: Option<&str>) -> Vec<Marked> {
        let need = match self.tightest() {
            Some(tightest) if self.step() >= Step::CollectGarbage => {
                let wanted = tightest.limit as f64 * self.thresholds.shrink_caches / 100.0;
                tightest.used.saturating_sub(mb_to_bytes(wanted / BYTES_PER_MB))
            }
            _ => 0,
        };
        self.contexts.to_drop(now, need, agent)
    }

    /// A point of the history.
    pub(crate) fn point(&self, now: Now, native: u64) -> Option<HistoryPoint> {
        let (tightest, raw) = (self.tightest()?, self.raw?);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Some(HistoryPoint {
            at_ms: now.wall_ms,
            total_bytes: tightest.limit,
            used_bytes: tightest.used,
            percentage: tightest.percentage(),
            rss: raw.rss,
            heap_used: self.heap.map(|heap| heap.heap_used),
            external: self.heap.map(|heap| heap.external),
            native,
            agents: count(self.agents.len()),
            throttled: count(self.agents.throttled_count()),
            step: self.step().name(),
        })
    }

    /// Events that wait, those of agents included.
    pub(crate) fn take_events(&mut self) -> Vec<(EventKind, Value)> {
        let mut events = std::mem::take(&mut self.events);
        events.extend(self.agents.take_changes().into_iter().map(|change| match change {
            AgentChange::Throttled { id, reason } => {
                (EventKind::AgentThrottled, json!({ "agentId": *id, "reason": reason }))
            }
            AgentChange::Unthrottled { id } => (EventKind::AgentUnthrottled, json!({ "agentId": *id })),
        }));
        events
    }

    pub(super) fn explain(&self, counted: Option<(LimitFigure, f64)>, step: Step) -> String {
        let Some((figure, percentage)) = counted else { return String::new() };
        let real = figure.percentage();
        let (growth, burst) = self.growing(figure.source);
        let ahead = if percentage <= real + 0.01 || step == Step::Normal {
            String::new()
        } else if percentage > self.ahead(&figure) {
            ", and an agent needs the rest to be done".to_owned()
        } else {
            format!(", growing by {:.1} MB a second", growth.max(burst) / BYTES_PER_MB)
        };
        format!(
            "{:.2} of {:.2} MB ({real:.1} % of the limit of {}) are used{ahead}",
            megabytes(figure.used),
            megabytes(figure.limit),
            figure.source.words(),
        )
    }

    pub(super) fn watch_alerts(&mut self, now: Now, config: &MemoryConfig) {
        let observed = self.tightest().filter(|_| !self.is_blind()).map(|tightest| {
            // A limit that is near by growth says more than one that is merely fuller.
            let others = self.figures.iter().filter(|figure| figure.source != LimitSource::Heap);
            let nearest = others
                .filter(|figure| figure.percentage() > GROWTH_COUNTS_FROM_PERCENT)
                .filter_map(|figure| Some((self.time_to_limit(figure)?, *figure)))
                .min_by_key(|(left_ms, _)| *left_ms);
            let growing = nearest.filter(|(left_ms, _)| *left_ms < CRITICAL_TIME_MS);
            let figure = growing.map_or(tightest, |(_, figure)| figure);
            Observed {
                percentage: figure.percentage(),
                used_mb: megabytes(figure.used),
                limit_mb: megabytes(figure.limit),
                alert_threshold: config.alert_threshold_percent,
                time_to_limit_ms: growing.map(|(left_ms, _)| left_ms),
                source: figure.source.name(),
                growth_mb_per_s: self.growth(figure.source).map(|growth| growth / BYTES_PER_MB),
                // All agents wait: that is an emergency, whatever brought it.
                projected: growing.is_some() || self.step() == Step::ThrottleAll,
            }
        });
        let changes = self.alerts.observe(now, observed.as_ref());
        self.events.extend(changes.raised.iter().map(|alert| (EventKind::MemoryAlert, json!(alert))));
        self.events.extend(changes.resolved.iter().map(|over| (EventKind::MemoryAlertResolved, json!(over))));
    }

    pub(super) fn tell_contexts(&mut self, now: Now) {
        if self.step() < Step::CollectGarbage {
            self.told.clear();
            return;
        }
        if self.contexts.bytes() == 0 || now.mono_ms.saturating_sub(self.told_ms) < TELL_CONTEXTS_EVERY_MS {
            return;
        }
        self.told_ms = now.mono_ms;
        if self.told.len() > self.contexts.len() {
            let contexts = &self.contexts;
            self.told.retain(|key| contexts.has(key));
        }
        let mut by_agent: HashMap<String, Vec<Value>> = HashMap::new();
        for marked in self.marked(now, None) {
            let Some(agent) = &marked.context.agent_id else { continue };
            if self.told.contains(&marked.context.key)
                || (by_agent.len() == TELL_AGENTS_AT_ONCE && !by_agent.contains_key(agent))
            {
                continue;
            }
            self.told.insert(marked.context.key.clone());
            by_agent.entry(agent.clone()).or_default().push(json!(marked));
        }
        for (agent, contexts) in by_agent {
            let event = json!({ "agentId": agent, "contexts": contexts, "reason": self.reason });
            self.events.push((EventKind::ContextsToDrop, event));
        }
    }

    /// A context that was told to be dropped and is spoken of again may be told again.
    pub(crate) fn hear_of(&mut self, key: &str) {
        self.told.remove(key);
    }

    /// Tells which keys are forgotten.
    pub(crate) fn tell_expired(&mut self, expired: &[Context]) {
        if expired.is_empty() {
            return;
        }
        let keys: Vec<&str> = expired.iter().map(|context| context.key.as_str()).collect();
        self.events.push((EventKind::ContextExpired, json!({ "keys": keys })));
    }
}
