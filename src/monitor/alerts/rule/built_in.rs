//! The rules that are there without any setting, one row each: the six thresholds of the settings, and what is never well.

use super::{Comparison, Rule};
use crate::monitor::alerts::{Component, Level};
use crate::monitor::config::AlertThresholds;
use crate::telemetry::metric::{Metric, Unit};
use Comparison::{Above, Below};
use Component::{Agents, Cache, Cpu, Disk, Memory, Performance};
use Level::{Critical, Warning};

/// Shares of memory and CPU, hits and errors: a figure that wavers by less is the same state. The memory manager has it too.
const HYSTERESIS_POINTS: f64 = 5.0;
/// The disk fills slowly, and 5 points of a large one are more than anybody clears at once.
const DISK_HYSTERESIS_POINTS: f64 = 2.0;
/// Times: a tenth of the threshold, which is more than what two samples of the same state differ by.
const TIME_HYSTERESIS_SHARE: f64 = 0.1;

/// A processor that is busy for one sample is used, not overloaded: three samples in a row.
const CPU_FOR_MS: u64 = 30_000;
/// The replaced package's value, in %.
const ERROR_RATE_CRITICAL_PERCENT: f64 = 10.0;
/// The replaced package's value.
const RESPONSE_TIME_WARNING_MS: f64 = 5_000.0;
/// Nothing that waits for JavaScript is answered meanwhile: as bad as such a response time.
const EVENT_LOOP_DELAY_WARNING_MS: f64 = 5_000.0;

/// A row of the table.
struct Row {
    id: &'static str,
    metric: Metric,
    comparison: Comparison,
    threshold: fn(&AlertThresholds) -> f64,
    level: Level,
    component: Component,
    title: &'static str,
    message: &'static str,
}

const ROWS: [Row; 10] = [
    Row {
        id: "memoryWarning",
        metric: Metric::MemoryPercentage,
        comparison: Above,
        threshold: |of| of.memory_warning,
        level: Warning,
        component: Memory,
        title: "Memory usage high",
        message: "{value} % of the memory limit that is nearest is in use, over memoryWarning ({threshold} %)",
    },
    Row {
        id: "memoryCritical",
        metric: Metric::MemoryPercentage,
        comparison: Above,
        threshold: |of| of.memory_critical,
        level: Critical,
        component: Memory,
        title: "Memory usage critical",
        message: "{value} % of the memory limit that is nearest is in use, over memoryCritical ({threshold} %)",
    },
    Row {
        id: "cacheHitRateWarning",
        metric: Metric::CacheRecentHitRate,
        comparison: Below,
        threshold: |of| of.cache_hit_rate_warning,
        level: Warning,
        component: Cache,
        title: "Cache hit rate low",
        message: "{value} % of the lookups of the last 5 minutes were hits, under cacheHitRateWarning ({threshold} %)",
    },
    Row {
        id: "cpuWarning",
        metric: Metric::CpuUsage,
        comparison: Above,
        threshold: |of| of.cpu_warning,
        level: Warning,
        component: Cpu,
        title: "CPU usage high",
        message: "The machine's processors are busy for {value} % of the time, over cpuWarning ({threshold} %) for 30 s",
    },
    Row {
        id: "cpuCritical",
        metric: Metric::CpuUsage,
        comparison: Above,
        threshold: |of| of.cpu_critical,
        level: Critical,
        component: Cpu,
        title: "CPU usage critical",
        message: "The machine's processors are busy for {value} % of the time, over cpuCritical ({threshold} %) for 30 s",
    },
    Row {
        id: "diskUsageWarning",
        metric: Metric::DiskPercentage,
        comparison: Above,
        threshold: |of| of.disk_usage_warning,
        level: Warning,
        component: Disk,
        title: "Disk usage high",
        message: "{value} % of the disk of the cache directory is in use, over diskUsageWarning ({threshold} %)",
    },
    Row {
        id: "throttledAgents",
        metric: Metric::AgentsThrottled,
        comparison: Above,
        threshold: |_| 0.0,
        level: Warning,
        component: Agents,
        title: "Agents throttled",
        message: "Agents that are to wait as memory is short or their own limit is reached: {value}",
    },
    Row {
        id: "errorRate",
        metric: Metric::RecentErrorRate,
        comparison: Above,
        threshold: |_| ERROR_RATE_CRITICAL_PERCENT,
        level: Critical,
        component: Performance,
        title: "Error rate high",
        message: "{value} % of the requests of the last minute failed, over {threshold} %",
    },
    Row {
        id: "responseTime",
        metric: Metric::SlowestP95,
        comparison: Above,
        threshold: |_| RESPONSE_TIME_WARNING_MS,
        level: Warning,
        component: Performance,
        title: "Response time high",
        message: "The slowest operation answered 95 % of its requests of the last minute within {value} ms, over {threshold} ms",
    },
    Row {
        id: "eventLoopDelay",
        metric: Metric::LoopMax,
        comparison: Above,
        threshold: |_| EVENT_LOOP_DELAY_WARNING_MS,
        level: Warning,
        component: Performance,
        title: "Event loop blocked",
        message: "Work for the event loop waited up to {value} ms since the last sample, over {threshold} ms",
    },
];

/// The built-in rules, with the thresholds of the settings.
pub fn built_in(thresholds: &AlertThresholds) -> Vec<Rule> {
    let rule = |row: &Row| {
        let threshold = (row.threshold)(thresholds);
        Rule {
            id: row.id.to_owned(),
            metric: row.metric,
            comparison: row.comparison,
            threshold,
            level: row.level,
            component: row.component,
            for_ms: if row.metric == Metric::CpuUsage { CPU_FOR_MS } else { 0 },
            hysteresis: hysteresis(row.metric, row.comparison, threshold),
            title: row.title.to_owned(),
            message: row.message.to_owned(),
        }
    };
    ROWS.iter().map(rule).collect()
}

/// The ids of the built-in rules, in order.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.id)
}

/// Never so much that the figure could not come back: half of the way that it has from the threshold to its best at most.
fn hysteresis(metric: Metric, comparison: Comparison, threshold: f64) -> f64 {
    let wanted = match metric.row().unit {
        Unit::Milliseconds => threshold * TIME_HYSTERESIS_SHARE,
        _ if metric == Metric::DiskPercentage => DISK_HYSTERESIS_POINTS,
        _ => HYSTERESIS_POINTS,
    };
    let way = match comparison {
        Comparison::Above => threshold,
        Comparison::Below => 100.0 - threshold,
    };
    wanted.min(way / 2.0)
}
