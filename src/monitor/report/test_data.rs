//! A made-up day of a process for tests: quiet at night, busy in the afternoon, a restart with half an hour of silence before it,
//! and an incident in which the cache is cold and memory grows.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::ReportData;
use crate::monitor::alerts::{Alert, Component, Level};
use crate::monitor::sample::{OperationRow, SampleRow};
use crate::telemetry::metric::{Figures, Metric};

/// 2026-03-14T00:00:00Z.
pub(crate) const START_MS: u64 = 1_773_446_400_000;
const HOUR_S: f64 = 3600.0;
const INTERVAL_MS: u64 = 10_000;
const DAY_ROWS: u64 = 8640;
/// Seconds of the day in which the process was not there, and in which the incident was.
const DOWN_S: (f64, f64) = (3.2 * HOUR_S, 3.75 * HOUR_S);
const INCIDENT_S: (f64, f64) = (14.3 * HOUR_S, 15.2 * HOUR_S);

/// A sample without a figure.
pub(crate) fn row(at_ms: u64) -> SampleRow {
    SampleRow { at_ms, interval_ms: INTERVAL_MS, figures: Figures::default(), operations: Vec::new() }
}

/// A sample with one figure.
pub(crate) fn row_with(at_ms: u64, metric: Metric, value: f64) -> SampleRow {
    let mut row = row(at_ms);
    row.figures.set(metric, value);
    row
}

/// A report about nothing.
pub(crate) fn nothing() -> ReportData {
    ReportData {
        generated_ms: START_MS,
        environment: "production".into(),
        project: None,
        host: "node-7".into(),
        version: "0.0.0".into(),
        uptime_s: 0.0,
        config: json!({}),
        health: json!({ "score": null, "status": "unknown", "components": [] }),
        current: None,
        rows: Vec::new(),
        alerts: Vec::new(),
        recommendations: Vec::new(),
        degradations: Vec::new(),
        channels: Vec::new(),
    }
}

/// An alert of this moment that was over after so long.
pub(crate) fn alert(
    at_ms: u64,
    level: Level,
    component: Component,
    title: &str,
    lasted_ms: Option<u64>,
) -> Alert {
    Alert {
        id: format!("alert-{at_ms}"),
        level,
        component,
        title: title.to_owned(),
        message: format!("{title}: 91.4 % of the limit, over 80 % for a minute"),
        timestamp: at_ms,
        resolved: lasted_ms.is_some(),
        resolved_at: lasted_ms.map(|ms| at_ms + ms),
        metadata: Map::new(),
    }
}

/// The same noise each time, -1 to 1; a wave that comes back after an irrational number of samples would be seen.
pub(crate) fn noise(index: u64, series: u64) -> f64 {
    let mut mixed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ series.wrapping_mul(0xd1b5_4a32_d192_ed03);
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 40) as f64 / f64::from(1_u32 << 23) - 1.0
}

struct Counters {
    started_s: f64,
    requests: f64,
    errors: f64,
    tokens: f64,
    sent: f64,
    hits: f64,
    misses: f64,
}

/// The day, 10 s apart.
pub(crate) fn day() -> ReportData {
    let zero = Counters {
        started_s: 0.0,
        requests: 0.0,
        errors: 0.0,
        tokens: 0.0,
        sent: 0.0,
        hits: 0.0,
        misses: 0.0,
    };
    let mut counters = zero;
    let mut rows = Vec::new();
    for index in 1..=DAY_ROWS {
        let second = index as f64 * 10.0;
        if second > DOWN_S.0 && second < DOWN_S.1 {
            counters = Counters {
                started_s: DOWN_S.1,
                requests: 0.0,
                errors: 0.0,
                tokens: 0.0,
                sent: 0.0,
                hits: 0.0,
                misses: 0.0,
            };
            continue;
        }
        rows.push(sample(index, second, &mut counters));
    }
    let end_ms = START_MS + DAY_ROWS * INTERVAL_MS;
    ReportData {
        generated_ms: end_ms + 4_000,
        project: Some("checkout-agents".into()),
        uptime_s: 24.0 * HOUR_S - DOWN_S.1,
        config: config(),
        health: health(end_ms),
        current: rows.last().cloned(),
        alerts: alerts(end_ms),
        rows,
        recommendations: vec![json!({
            "setting": "cache.l1MaxSize", "current": 1000, "proposed": 1800,
            "reason": "1,214 lookups of the last day missed entries that had left L1 within the last 800",
            "evidence": { "ghostHits": 1214, "lookups": 48_211 },
        })],
        degradations: vec![json!({
            "component": "performance", "metric": "performance.responseTime", "operation": "filterContext",
            "baseline": 8.2, "current": 21.7, "since": end_ms - 1_500_000,
        })],
        channels: vec![
            json!({ "name": "console", "enabled": true, "configured": true, "queued": 0, "delivered": 14, "retries": 0, "dead": 0, "dropped": 0, "digests": 0, "lastDeliveredAt": end_ms - 3_000_000 }),
            json!({ "name": "slack", "enabled": true, "configured": true, "queued": 2, "delivered": 11, "retries": 9, "dead": 1, "dropped": 0, "digests": 1, "lastError": "answered 503", "lastDeliveredAt": end_ms - 4_100_000 }),
            json!({ "name": "email", "enabled": false, "configured": false, "queued": 0, "delivered": 0, "retries": 0, "dead": 0, "dropped": 0, "digests": 0 }),
        ],
        ..nothing()
    }
}

/// How far into the incident, 0 to 1 and back, 0 outside.
fn trouble(second: f64) -> f64 {
    let (from, to) = INCIDENT_S;
    if second < from || second > to {
        return 0.0;
    }
    let place = (second - from) / (to - from);
    if place < 0.8 { (place / 0.8).sqrt() } else { (1.0 - place) / 0.2 }
}

fn sample(index: u64, second: f64, counters: &mut Counters) -> SampleRow {
    let trouble = trouble(second);
    // Least at four at night, most at four in the afternoon.
    let busy = 0.55 - 0.45 * ((second / HOUR_S - 4.0) / 24.0 * std::f64::consts::TAU).cos();
    let requests = (busy * 60.0 * (1.0 + 0.3 * noise(index, 1))).round().max(0.0);
    let errors = (requests * (0.002 + 0.14 * trouble) + noise(index, 2).max(0.0)).floor().min(requests);
    let tokens = requests * 2100.0;
    let hit_rate = (0.84 + 0.03 * noise(index / 60, 3)) * (1.0 - 0.7 * trouble);
    let hits = (requests * hit_rate).round();
    counters.requests += requests;
    counters.errors += errors;
    counters.tokens += tokens;
    counters.sent += tokens * (0.31 + 0.5 * trouble);
    counters.hits += hits;
    counters.misses += requests - hits;
    let age_h = (second - counters.started_s) / HOUR_S;
    // Grows with the hours and falls at each garbage collection.
    let saw = (index % 90) as f64 * 1.2;
    let heap = 260.0 + 5.0 * age_h + 120.0 * busy + saw + 900.0 * trouble + 6.0 * noise(index, 4);
    let native = 90.0 + 4.0 * age_h + 240.0 * trouble;
    let p50 = 1.4 * (1.0 + 0.15 * noise(index, 5)) * (1.0 + 9.0 * trouble);
    let p95 = p50 * (5.0 + 2.0 * noise(index, 6).abs());
    let p99 = p95 * (1.8 + noise(index, 7).powi(4) * 3.0);
    let stall = if noise(index, 8) > 0.996 { 240.0 } else { 0.0 } + 1900.0 * trouble * trouble;
    let host = 16.0 + 38.0 * busy + 42.0 * trouble + 5.0 * noise(index, 9);
    let active = (3.0 + 22.0 * busy + noise(index / 30, 10)).round();
    let has_requests = requests > 0.0;
    let mut row = row(START_MS + index * INTERVAL_MS);
    let mut set = |metric, value: f64| row.figures.set(metric, value);
    set(Metric::MemoryProcess, heap + native + 180.0);
    set(Metric::MemoryLimit, 2048.0);
    set(Metric::MemoryPercentage, (heap + native + 180.0) / 20.48);
    set(Metric::MemorySystem, 9000.0 + heap);
    set(Metric::MemoryAvailable, 7000.0 - heap);
    set(Metric::HeapUsed, heap);
    set(Metric::HeapLimit, 4144.0);
    set(Metric::Native, native);
    set(Metric::CpuUsage, host.clamp(0.0, 100.0));
    set(Metric::CpuProcess, (8.0 + 70.0 * busy + 60.0 * trouble + 8.0 * noise(index, 11)).max(0.0));
    set(Metric::CpuCores, 4.0);
    set(Metric::DiskUsage, 41_200.0 + second / 60.0);
    set(Metric::DiskAvailable, 18_800.0 - second / 60.0);
    set(Metric::DiskPercentage, (41_200.0 + second / 60.0) / 600.0);
    set(Metric::LoopP50, 0.3 + 0.1 * noise(index, 12).abs());
    set(Metric::LoopP99, 3.0 + 2.0 * noise(index, 13).abs() + stall / 3.0);
    set(Metric::LoopMax, 9.0 + 6.0 * noise(index, 14).abs() + stall);
    set(Metric::CacheHitRate, counters.hits / (counters.hits + counters.misses).max(1.0));
    set(Metric::CacheRecentHitRate, hit_rate * 100.0);
    set(Metric::CacheHits, counters.hits);
    set(Metric::CacheMisses, counters.misses);
    set(Metric::ResponseP50, if has_requests { p50 } else { f64::NAN });
    set(Metric::ResponseTime, if has_requests { p95 } else { f64::NAN });
    set(Metric::ResponseP99, if has_requests { p99 } else { f64::NAN });
    set(Metric::Requests, counters.requests);
    set(Metric::Errors, counters.errors);
    set(Metric::Throughput, requests / 10.0);
    set(Metric::ErrorRate, if has_requests { errors / requests * 100.0 } else { f64::NAN });
    set(Metric::TokensIn, counters.tokens);
    set(Metric::TokensOut, counters.sent);
    set(Metric::TokensCost, (counters.tokens - counters.sent) * 3e-6);
    set(Metric::AgentsActive, active);
    set(Metric::AgentsThrottled, (active * trouble * 0.6).floor());
    set(Metric::AgentsMemory, active * 11.0);
    set(Metric::HealthScore, (96.0 + noise(index / 40, 15) - 70.0 * trouble).round());
    set(Metric::AlertsActive, if trouble > 0.3 { 3.0 } else { 0.0 });
    set(Metric::Uptime, second - counters.started_s);
    row.operations = operations(requests, errors, p50, p95, p99);
    row
}

fn operations(requests: f64, errors: f64, p50: f64, p95: f64, p99: f64) -> Vec<OperationRow> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
    let whole = |value: f64| value as u64;
    [
        ("cacheResponse", 0.2, 0.4),
        ("filterContext", 0.25, 4.0),
        ("getCachedResponse", 0.35, 0.2),
        ("optimizeAgentContext", 0.2, 2.2),
    ]
    .into_iter()
    .map(|(name, share, cost)| OperationRow {
        name: name.into(),
        count: whole(requests * share),
        errors: if name == "filterContext" { whole(errors) } else { 0 },
        mean_ms: p50 * 1.5 * cost,
        p50_ms: p50 * cost,
        p95_ms: p95 * cost,
        p99_ms: p99 * cost,
        max_ms: p99 * 1.4 * cost,
    })
    .filter(|row| row.count > 0)
    .collect()
}

fn alerts(end_ms: u64) -> Vec<Arc<Alert>> {
    let at = |hour: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours of a day")]
        let ms = (hour * HOUR_S * 1000.0) as u64;
        START_MS + ms
    };
    let minutes = |count: u64| Some(count * 60_000);
    let (warning, critical) = (Level::Warning, Level::Critical);
    let mut alerts = vec![
        alert(at(9.05), warning, Component::Cpu, "CPU usage high", minutes(6)),
        alert(at(14.36), warning, Component::Cache, "Cache hit rate low", minutes(48)),
        alert(at(14.45), warning, Component::Memory, "Memory usage high", minutes(42)),
        alert(at(14.52), critical, Component::Performance, "Error rate high", minutes(37)),
        alert(at(14.66), warning, Component::Agents, "Agents throttled", minutes(28)),
        alert(at(14.71), critical, Component::Memory, "Memory usage critical", minutes(21)),
        alert(at(14.8), critical, Component::Cpu, "CPU usage critical", minutes(17)),
        alert(at(19.2), Level::Info, Component::Performance, "Deployment finished", minutes(1)),
        alert(
            end_ms - 1_500_000,
            warning,
            Component::Performance,
            "filterContext is slower than usual",
            None,
        ),
    ];
    alerts.reverse();
    alerts.into_iter().map(Arc::new).collect()
}

fn health(end_ms: u64) -> Value {
    let one = |component: &str, status: &str, score: u32, message: &str| json!({ "component": component, "status": status, "score": score, "message": message, "timestamp": end_ms - 12_000 });
    json!({ "score": 84, "status": "good", "components": [
        one("memory", "healthy", 93, "38 % of 2,048 MB"),
        one("cache", "healthy", 88, "84 % of the lookups of the last 5 minutes were hits"),
        one("agents", "healthy", 100, "12 active, none throttled"),
        one("system", "healthy", 90, "CPU 31 %, disk 71 %"),
        one("performance", "warning", 58, "filterContext answers slower than usual"),
    ] })
}

fn config() -> Value {
    json!({
        "alertsEnabled": true,
        "alertThresholds": { "memoryWarning": 80, "memoryCritical": 95, "cacheHitRateWarning": 60, "cpuWarning": 80, "cpuCritical": 95, "diskUsageWarning": 85 },
        "healthCheckInterval": 30_000, "metricsInterval": 10_000, "metricsRetention": 7,
        "enableSlackAlerts": true, "enableEmailAlerts": false, "alertRules": [], "metricsPort": null,
        "otlpEndpoint": "http://collector:4318",
    })
}
