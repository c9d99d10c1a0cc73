//! What is counted and told of a call, and of the files of agents.

use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::json;

use super::{Optimization, Orchestrator, elapsed_ms};
use crate::context::{Change, FilterOutcome};
use crate::telemetry::event::EventKind;

impl Orchestrator {
    /// Counts a call, tells of it, and notes what the agent holds.
    pub(super) fn finish(&self, agent_id: &str, done: &Optimization, started: Instant) {
        self.counters.latency.record(started.elapsed());
        self.counters.operations.fetch_add(1, Ordering::Relaxed);
        self.counters.last_wall_ms.store(self.clock.0.wall_ms(), Ordering::Relaxed);
        if let Some(outcome) = &done.outcome {
            self.record(agent_id, &outcome.filter, done.report.failed.is_empty());
        }
        for stage in &done.report.failed {
            self.events.emit(
                EventKind::OptimizationError,
                || json!({ "agentId": agent_id, "error": stage.error() }),
            );
        }
        let success = done.report.failed.is_empty();
        self.events.emit(
            EventKind::AgentContextOptimized,
            || json!({ "agentId": agent_id, "optimizationTime": elapsed_ms(started), "success": success }),
        );
    }

    fn record(&self, agent_id: &str, filtered: &FilterOutcome, success: bool) {
        self.counters.filtered_contexts.fetch_add(u64::from(filtered.fates.is_some()), Ordering::Relaxed);
        self.counters.original_bytes.fetch_add(filtered.original_bytes, Ordering::Relaxed);
        self.counters.filtered_bytes.fetch_add(filtered.filtered_bytes, Ordering::Relaxed);
        self.counters.tally.filtered(filtered);
        if success {
            self.events.emit(EventKind::ContextOptimized, || {
                json!({
                    "agentId": agent_id,
                    "reductionRatio": filtered.reduction_ratio(),
                    "memoryUsage": filtered.filtered_bytes,
                })
            });
        }
        let Some(memory) = self.components().memory else { return };
        memory.register_agent(agent_id, filtered.filtered_bytes, 0);
    }

    /// Looks at the files of agents. What changed is told by the next call that filters, when there can be listeners.
    pub fn refresh_agents(&self) {
        if let Some(filter) = self.components().filter {
            let changes = filter.refresh_agents();
            self.untold.lock().extend(changes);
        }
    }

    /// Emits what changed among the files of agents.
    pub(super) fn tell_changes(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Added(spec) => self.events.emit(EventKind::SpecializationAdded, || spec),
                Change::Removed(name) => {
                    self.events.emit(EventKind::SpecializationRemoved, || json!({ "name": name }));
                }
                Change::Problem { file, message } => {
                    tracing::warn!("a file of an agent is not sound; see the warning event");
                    self.events.emit(EventKind::Warning, || json!({ "path": file, "message": message }));
                }
            }
        }
    }
}
