//! Scrapes for tests.

use crate::monitor::alerts::{Component, Level};
use crate::monitor::export::{
    ChannelFigures, CpuModes, DegradationFigures, GC_BUCKETS_S, GcTotals, Info, LATENCY_BUCKETS_S,
    OperationTotals, Scrape, TOKEN_BUCKETS, TokenUsage,
};
use crate::telemetry::metric::Metric;

/// An operation whose requests took 3 ms each.
pub(crate) fn operation(name: &str, count: u64, errors: u64) -> OperationTotals {
    let buckets = LATENCY_BUCKETS_S.iter().map(|bound| if *bound >= 0.003 { count } else { 0 }).collect();
    OperationTotals { name: name.into(), count, errors, timed: count, sum_s: count as f64 * 0.003, buckets }
}

/// Everything that there can be.
pub(crate) fn busy() -> Scrape {
    let mut scrape = Scrape {
        at_ms: 1_767_225_610_000,
        started_ms: 1_767_225_600_000,
        operations: vec![operation("optimizeAgentContext", 10, 1), operation("getCachedResponse", 5, 0)],
        gc: vec![
            GcTotals { kind: "minor", count: 3, seconds: 0.004, buckets: vec![3; GC_BUCKETS_S.len()] },
            GcTotals { kind: "major", count: 1, seconds: 0.02, buckets: Vec::new() },
        ],
        cpu: Some(CpuModes { user_s: 1.25, system_s: 0.5 }),
        token_usage: vec![TokenUsage {
            operation: "chat".into(),
            provider: "anthropic".into(),
            model: "a-model".into(),
            kind: "input",
            count: 2,
            tokens: 5_000,
            buckets: TOKEN_BUCKETS.iter().map(|bound| if *bound >= 4096.0 { 2 } else { 0 }).collect(),
        }],
        agents: vec![("backend-specialist".into(), 1024), ("say \"hi\"\\\n".into(), 2048)],
        alerts: vec![("memoryWarning".into(), Level::Warning, Component::Memory)],
        channels: vec![ChannelFigures {
            name: "slack",
            delivered: 3,
            retries: 1,
            dead: 0,
            dropped: 0,
            queued: 2,
        }],
        degradations: vec![DegradationFigures {
            component: "performance".into(),
            metric: "p95".into(),
            operation: Some("optimizeAgentContext".into()),
        }],
        info: Info {
            version: "0.1.0".into(),
            environment: "production".into(),
            project: Some("a project".into()),
            instance: "4f2a".into(),
            host: "host-1".into(),
            pid: 4711,
        },
        ..Scrape::default()
    };
    for (index, metric) in Metric::ALL.iter().enumerate() {
        scrape.figures.set(*metric, index as f64 + 0.5);
    }
    scrape
}
