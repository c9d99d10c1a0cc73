//! Which charts there are. A new one is one more entry here.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::Page;
use super::alerts;
use super::chart::{BarChart, Labels, LineChart};
use super::escape::Escaped;
use super::figure::{Canvas, Figure};
use super::line::{Line, Style};
use super::timeline::growth;
use crate::monitor::alerts::Component;
use crate::monitor::sample::SampleRow;
use crate::telemetry::metric::{Metric, Unit};

/// Operations with a line of their own: as many as there are colours.
const MOST_OPERATIONS: usize = 6;

/// Writes all charts that have something to show, and names the others.
pub(crate) fn write(page: &mut Page, canvas: &Canvas<'_>, config: &Value) {
    page.add("<section id=\"charts\"><h2>Charts</h2><p class=\"note\">All times are UTC. ");
    page.add("Coloured grounds are the time of alerts about the same: amber is a warning, red is critical, blue is information. ");
    put!(
        page,
        "Grey grounds are time without samples. {}</p><div class=\"charts\">\n",
        Escaped(&canvas.silence())
    );
    let mut missing = Vec::new();
    for (name, figure) in all(canvas, config) {
        match figure {
            Some(figure) => figure.write(page, canvas),
            None => missing.push(name),
        }
    }
    page.add("</div>");
    if !missing.is_empty() {
        put!(page, "<p class=\"note\">Without a figure in this time: {}.</p>", missing.join(", "));
    }
    page.add("</section>\n");
}

fn all(canvas: &Canvas<'_>, config: &Value) -> Vec<(&'static str, Option<Figure>)> {
    let health = LineChart {
        id: "health-score",
        title: "Health",
        unit: Unit::One,
        labels: Labels::Score,
        lines: vec![line(canvas, "Score", Metric::HealthScore)],
        limits: Vec::new(),
        component: None,
        is_low_bad: true,
        is_wide: true,
    };
    let mut found = vec![("health", health.figure(canvas)), ("alerts", Some(alerts::figure(canvas)))];
    let lines = [memory(canvas), cpu(canvas, config), event_loop(canvas), hit_rate(canvas, config)];
    let latency = [latency(canvas), by_operation(canvas)];
    found.extend(lines.into_iter().chain(latency).map(|chart| (chart.title, chart.figure(canvas))));
    found.extend(bars(canvas));
    found.extend([agents(canvas), disk(canvas, config)].map(|chart| (chart.title, chart.figure(canvas))));
    found
}

fn line(canvas: &Canvas<'_>, name: &str, metric: Metric) -> Line {
    Line::of(&canvas.timeline, name, metric)
}

/// A threshold of the settings, if it is there and alerts are raised at all.
fn threshold(config: &Value, name: &str, class: &'static str) -> Option<(f64, &'static str, &'static str)> {
    let value = config.get("alertThresholds")?.get(name)?.as_f64()?;
    (config.get("alertsEnabled") != Some(&Value::Bool(false))).then_some((value, class, class))
}

fn memory(canvas: &Canvas<'_>) -> LineChart {
    LineChart {
        id: "memory",
        title: "Memory",
        unit: Unit::Megabytes,
        labels: Labels::Linear,
        lines: vec![
            line(canvas, "Process", Metric::MemoryProcess).styled(Style::Filled),
            line(canvas, "V8 heap", Metric::HeapUsed),
            line(canvas, "Native", Metric::Native),
            line(canvas, "Limit", Metric::MemoryLimit).styled(Style::Limit),
        ],
        limits: Vec::new(),
        component: Some(Component::Memory),
        is_low_bad: false,
        is_wide: false,
    }
}

fn cpu(canvas: &Canvas<'_>, config: &Value) -> LineChart {
    let limits = [("cpuWarning", "warning"), ("cpuCritical", "critical")];
    LineChart {
        id: "cpu",
        title: "CPU",
        unit: Unit::Percent,
        labels: Labels::Percent,
        lines: vec![
            line(canvas, "Machine", Metric::CpuUsage).styled(Style::Filled),
            line(canvas, "Process (100 % is a core)", Metric::CpuProcess),
        ],
        limits: limits.into_iter().filter_map(|(name, class)| threshold(config, name, class)).collect(),
        component: Some(Component::Cpu),
        is_low_bad: false,
        is_wide: false,
    }
}

fn event_loop(canvas: &Canvas<'_>) -> LineChart {
    LineChart {
        id: "event-loop",
        title: "Event-loop delay",
        unit: Unit::Milliseconds,
        labels: Labels::Fitting,
        lines: vec![
            line(canvas, "p99", Metric::LoopP99),
            line(canvas, "p50", Metric::LoopP50),
            line(canvas, "Longest", Metric::LoopMax),
        ],
        limits: Vec::new(),
        component: None,
        is_low_bad: false,
        is_wide: false,
    }
}

fn hit_rate(canvas: &Canvas<'_>, config: &Value) -> LineChart {
    let since_start = |row: &SampleRow| row.figures.get(Metric::CacheHitRate).map(|rate| rate * 100.0);
    LineChart {
        id: "hit-rate",
        title: "Cache hit rate",
        unit: Unit::Percent,
        labels: Labels::Percent,
        lines: vec![
            line(canvas, "Last 5 minutes", Metric::CacheRecentHitRate).styled(Style::Filled),
            Line::new(&canvas.timeline, "Since the start", since_start),
        ],
        limits: threshold(config, "cacheHitRateWarning", "warning").into_iter().collect(),
        component: Some(Component::Cache),
        is_low_bad: true,
        is_wide: false,
    }
}

fn latency(canvas: &Canvas<'_>) -> LineChart {
    LineChart {
        id: "latency",
        title: "Response time",
        unit: Unit::Milliseconds,
        labels: Labels::Fitting,
        lines: vec![
            line(canvas, "p95", Metric::ResponseTime),
            line(canvas, "p50", Metric::ResponseP50),
            line(canvas, "p99", Metric::ResponseP99),
        ],
        limits: Vec::new(),
        component: Some(Component::Performance),
        is_low_bad: false,
        is_wide: false,
    }
}

/// The operations that took the most time in all.
fn by_operation(canvas: &Canvas<'_>) -> LineChart {
    let mut time_of: HashMap<&Arc<str>, f64> = HashMap::new();
    for row in canvas.timeline.rows() {
        for operation in &row.operations {
            *time_of.entry(&operation.name).or_default() +=
                operation.mean_ms.max(0.0) * operation.count as f64;
        }
    }
    let mut names: Vec<(&Arc<str>, f64)> = time_of.into_iter().collect();
    names.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let lines = names.iter().take(MOST_OPERATIONS).map(|(name, _)| {
        Line::new(&canvas.timeline, name, |row| {
            row.operations.iter().find(|one| one.name == **name).map(|one| one.p95_ms)
        })
    });
    LineChart {
        id: "operations-latency",
        title: "Response time p95 by operation",
        unit: Unit::Milliseconds,
        labels: Labels::Fitting,
        lines: lines.collect(),
        limits: Vec::new(),
        component: None,
        is_low_bad: false,
        is_wide: false,
    }
}

fn bars(canvas: &Canvas<'_>) -> [(&'static str, Option<Figure>); 2] {
    let grown = |metric| growth(canvas.timeline.rows(), metric);
    let less = |all: &[Option<f64>], part: &[Option<f64>]| -> Vec<Option<f64>> {
        all.iter().zip(part).map(|(all, part)| Some((*all)? - part.unwrap_or(0.0))).collect()
    };
    let (requests, errors) = (grown(Metric::Requests), grown(Metric::Errors));
    let (original, sent) = (grown(Metric::TokensIn), grown(Metric::TokensOut));
    let (good, saved) = (less(&requests, &errors), less(&original, &sent));
    let requests = BarChart {
        id: "requests",
        title: "Requests",
        unit: Unit::One,
        subject: "requests",
        parts: vec![("answered", "c0", &good), ("failed", "bad", &errors)],
        component: Some(Component::Performance),
    };
    let tokens = BarChart {
        id: "tokens",
        title: "Tokens",
        unit: Unit::Tokens,
        subject: "tokens to be sent",
        parts: vec![("sent", "c0", &sent), ("saved", "c2", &saved)],
        component: None,
    };
    [("Requests", requests.figure(canvas)), ("Tokens", tokens.figure(canvas))]
}

fn agents(canvas: &Canvas<'_>) -> LineChart {
    LineChart {
        id: "agents",
        title: "Agents",
        unit: Unit::One,
        labels: Labels::Linear,
        lines: vec![
            line(canvas, "Active", Metric::AgentsActive).styled(Style::Filled),
            line(canvas, "Throttled", Metric::AgentsThrottled),
        ],
        limits: Vec::new(),
        component: Some(Component::Agents),
        is_low_bad: false,
        is_wide: false,
    }
}

fn disk(canvas: &Canvas<'_>, config: &Value) -> LineChart {
    LineChart {
        id: "disk",
        title: "Disk of the cache directory",
        unit: Unit::Percent,
        labels: Labels::Percent,
        lines: vec![line(canvas, "In use", Metric::DiskPercentage).styled(Style::Filled)],
        limits: threshold(config, "diskUsageWarning", "warning").into_iter().collect(),
        component: Some(Component::Disk),
        is_low_bad: false,
        is_wide: false,
    }
}
