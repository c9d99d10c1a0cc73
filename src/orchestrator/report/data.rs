//! What charts are drawn of: the monitor's history, or where there is no monitor, the memory manager's.

use std::sync::Arc;

use serde_json::json;

use crate::base::units::to_mb;
use crate::memory::{HistoryPoint, MemoryManager};
use crate::monitor::exports::host_name;
use crate::monitor::report::ReportData;
use crate::monitor::sample::SampleRow;
use crate::orchestrator::settings::Settings;
use crate::orchestrator::{Components, Orchestrator};
use crate::telemetry::metric::{Figures, Metric};

impl Orchestrator {
    /// What charts are drawn of, and whose report it is; with the system's own health.
    pub(super) fn report_data(&self, settings: &Settings) -> ReportData {
        let Components { memory, monitor, .. } = self.components();
        let health = self.health();
        let health = json!({ "score": health.score, "status": health.state });
        if let Some(monitor) = monitor {
            return ReportData { health, ..monitor.report_data() };
        }
        ReportData {
            generated_ms: self.clock.0.wall_ms(),
            environment: settings.environment.name().to_owned(),
            project: self.monitoring.project.clone(),
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.uptime_s(),
            config: json!(settings.monitoring),
            health,
            current: None,
            rows: memory.as_ref().map(samples).unwrap_or_default(),
            alerts: Vec::new(),
            recommendations: Vec::new(),
            degradations: Vec::new(),
            channels: Vec::new(),
        }
    }
}

/// The history of memory as samples. O(points).
fn samples(memory: &Arc<MemoryManager>) -> Vec<SampleRow> {
    let mut before_ms = None;
    let sample = |point: HistoryPoint| {
        let mut figures = Figures::default();
        let mb = |bytes: u64| to_mb(bytes as f64);
        figures.set(Metric::MemoryProcess, mb(point.rss));
        figures.set(Metric::MemoryLimit, mb(point.total_bytes));
        figures.set(Metric::MemoryPercentage, point.percentage);
        figures.set(Metric::HeapUsed, point.heap_used.map(mb));
        figures.set(Metric::Native, mb(point.native));
        figures.set(Metric::AgentsActive, f64::from(point.agents));
        figures.set(Metric::AgentsThrottled, f64::from(point.throttled));
        let interval_ms = before_ms.map_or(1, |before| point.at_ms.saturating_sub(before)).max(1);
        before_ms = Some(point.at_ms);
        SampleRow { at_ms: point.at_ms, interval_ms, figures, operations: Vec::new() }
    };
    memory.history_points().into_iter().map(sample).collect()
}
