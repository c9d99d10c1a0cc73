//! What a running system answers. JSON as `JSON.stringify` would write what the methods of the same names give; of V8, the
//! figures that JavaScript handed over last.

use serde_json::{Value, json};

use super::super::Engine;
use crate::base::config::Environment;
use crate::base::json::times_as_iso8601;
use crate::base::units::{iso8601, round2, to_mb};
use crate::monitor::live::Answering;
use crate::monitor::report::metrics_json;
use crate::orchestrator::Components;

/// Agents of a status, the largest; there may be 100,000.
const MOST_AGENTS: usize = 1000;
/// Agents of the figures.
const MOST_NAMED: usize = 20;

impl Answering for Engine {
    fn answer(&self, path: &str) -> Option<Value> {
        match path {
            "/" => Some(self.who()),
            "/status" => Some(self.status_page()),
            "/health" => Some(self.health_page()),
            "/metrics.json" => Some(self.metrics_page()),
            "/tuning" => Some(self.tuning_page()),
            _ => None,
        }
    }
}

impl Engine {
    /// Who answers.
    pub(in crate::engine) fn who(&self) -> Value {
        json!({
            "pid": std::process::id(),
            "project": self.project(),
            "environment": self.environment(),
            "version": env!("CARGO_PKG_VERSION"),
            "startedAt": iso8601(self.live.started_wall_ms),
        })
    }

    /// Whose system it is.
    pub(in crate::engine) fn project(&self) -> Option<&str> {
        let system = self.loaded.system.project_id.as_deref();
        system.or(self.loaded.settings.cache.namespace.as_deref())
    }

    /// Where it runs, as it was started.
    pub(in crate::engine) fn environment(&self) -> Environment {
        self.loaded.settings.environment
    }

    /// `getStatus()`, without what only JavaScript knows: the client of a shared context.
    pub(in crate::engine) fn status_page(&self) -> Value {
        let mut status = self.status(None);
        status["warnings"] = json!(self.warnings());
        bound_agents(&mut status["components"]["memoryManager"]);
        times_as_iso8601(&mut status);
        status
    }

    /// `getHealthStatus()`.
    pub(in crate::engine) fn health_page(&self) -> Value {
        let mut health = self.health(None);
        times_as_iso8601(&mut health);
        health
    }

    /// `tuning` of `getStatus()`, with `tuningHistory` as `history`.
    fn tuning_page(&self) -> Value {
        let mut page = self.tuning_status();
        page["history"] = json!(self.tuning_history());
        times_as_iso8601(&mut page);
        page
    }

    /// Figures of now, for a table that is drawn again and again.
    fn metrics_page(&self) -> Value {
        let orchestrator = self.orchestrator();
        let Components { memory, cache, monitor, .. } = orchestrator.components();
        let health = orchestrator.health();
        let statistics = orchestrator.statistics(&health);
        let sample = monitor.and_then(|monitor| monitor.current());
        let mut metrics = sample.map(|row| metrics_json(&row));
        let latencies = metrics.as_mut().map(|metrics| metrics["operations"].take());
        let agents = memory.as_ref().map(|memory| {
            let (overview, (largest, rest)) = (memory.overview(), memory.largest_agents(MOST_NAMED));
            let largest: Vec<Value> =
                largest.iter().map(|(id, bytes)| json!({ "agentId": id, "bytes": bytes })).collect();
            json!({
                "active": overview.agents,
                "throttled": overview.throttled,
                "totalMemory": round2(to_mb(overview.held as f64)),
                "largest": largest,
                "otherBytes": rest,
            })
        });
        let memory = memory.map(|memory| {
            let stats = memory.stats(None);
            json!({
                "process": stats.process,
                "system": stats.system,
                "limits": stats.limits,
                "pressure": stats.pressure,
                "percentage": stats.percentage,
            })
        });
        let mut page = json!({
            "timestamp": orchestrator.wall_ms(),
            "uptime": statistics.uptime,
            "health": { "overall": health.state, "score": health.score },
            "statistics": statistics,
            "cache": cache.map(|cache| cache.manager().stats()),
            "memory": memory,
            "tokens": orchestrator.tokens().optimizer().totals(),
            "agents": agents,
            "latencies": latencies,
            "metrics": metrics,
        });
        times_as_iso8601(&mut page);
        page
    }
}

/// Leaves the largest agents, and says how many it leaves out.
fn bound_agents(memory: &mut Value) {
    let Some(memory) = memory.as_object_mut() else { return };
    for (name, left_out) in [("agents", "agentsLeftOut"), ("throttledAgents", "throttledAgentsLeftOut")] {
        let Some(rows) = memory.get_mut(name).and_then(Value::as_array_mut) else { continue };
        let count = rows.len().saturating_sub(MOST_AGENTS);
        if count > 0 {
            let bytes = |row: &Value| row["totalMemory"].as_u64().unwrap_or(0);
            rows.sort_by_key(|row| std::cmp::Reverse(bytes(row)));
            rows.truncate(MOST_AGENTS);
            memory.insert(left_out.to_owned(), count.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_agents_are_left_out_and_counted() {
        let agents: Vec<Value> = (0..1500).map(|at| json!({ "agentId": at, "totalMemory": at })).collect();
        let mut memory = json!({ "agents": agents, "throttledAgents": ["a"] });
        bound_agents(&mut memory);
        assert_eq!(memory["agents"].as_array().map(Vec::len), Some(MOST_AGENTS));
        assert_eq!(
            (&memory["agents"][0]["totalMemory"], &memory["agentsLeftOut"]),
            (&json!(1499), &json!(500))
        );
        assert_eq!(memory["throttledAgentsLeftOut"], Value::Null);
    }
}
