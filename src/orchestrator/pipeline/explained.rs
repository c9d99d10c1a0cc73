//! What a caller who asks is told of how a result came about: `debug` of `includeDebugInfo`.

use serde::Serialize;

use super::{Filtered, Stage};
use crate::base::units::round2;
use crate::context::{FilterOutcome, FilterRequest};
use crate::orchestrator::Components;
use crate::tokens::Optimized;

/// One stage of a call.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageReport {
    /// Its name.
    pub name: &'static str,
    /// Wall time, ms.
    pub ms: f64,
    /// Bytes of JSON before.
    pub bytes_in: u64,
    /// Bytes of JSON after.
    pub bytes_out: u64,
    /// Exact tokens before; absent where nobody counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<u64>,
    /// Exact tokens after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<u64>,
    /// Whether it was found again and no work was done.
    pub cached: bool,
    /// Why it was not as usual: it failed, it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl StageReport {
    /// A stage with its time.
    pub fn new(name: &'static str, ms: f64) -> Self {
        Self { name, ms: round2(ms), ..Self::default() }
    }
}

/// What pressed on a call.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct PressureReport {
    /// MB of contexts that all agents held.
    #[serde(rename = "heldMB")]
    pub held_mb: f64,
    /// The process's memory against its limit, 0–100.
    #[serde(rename = "memoryPercentage")]
    pub memory_percentage: f64,
    /// Load of the machine, 0–100.
    #[serde(rename = "systemLoad")]
    pub system_load: f64,
    /// Share of the elements that may stay, 0–1.
    pub factor: f64,
}

/// The limits that a call had.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsReport {
    /// Most bytes of JSON: the least of what was asked for, the agent's cap, and what other agents leave; absent without a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Most tokens of JSON, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Share of the tokens to leave out, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_reduction: Option<f64>,
}

/// How a result came about.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Stages in order.
    pub stages: Vec<StageReport>,
    /// What was done and why, in words.
    pub reasons: Vec<String>,
    /// What pressed on the call.
    pub pressure: PressureReport,
    /// Its limits.
    pub limits: LimitsReport,
    /// Stages that failed, by name.
    pub failed: Vec<Stage>,
}

/// Fills in all but the failures, which are there.
pub(super) fn explain(
    report: &mut Report,
    components: &Components,
    asked: &FilterRequest,
    filtered: &Filtered,
    tokens: Option<&Optimized>,
    [filter_ms, tokens_ms]: [f64; 2],
) {
    let Filtered { outcome, was_known, reasons, .. } = filtered;
    let FilterOutcome { original_bytes, filtered_bytes, stages, max_bytes, .. } = outcome.filter;
    let filter = components.filter.as_deref();
    let has_failed = |stage| report.failed.contains(&stage).then_some("failed");
    let (original_tokens, filtered_tokens) =
        tokens.map(|done| (done.original_tokens, done.filtered_tokens)).unzip();
    let part = |name, ms: f64| StageReport {
        bytes_in: original_bytes,
        bytes_out: original_bytes,
        // Nothing of it was new.
        cached: *was_known || ms < 0.001,
        ..StageReport::new(name, if *was_known { 0.0 } else { ms })
    };
    let mut all = Vec::with_capacity(4);
    if filter.is_some() {
        all.extend([part("analyse", stages.analyse_ms), part("count", stages.count_ms)]);
    }
    all.push(StageReport {
        bytes_in: original_bytes,
        bytes_out: filtered_bytes,
        tokens_in: original_tokens,
        tokens_out: filtered_tokens,
        cached: *was_known,
        reason: has_failed(Stage::Filter).or(filter.is_none().then_some("off")),
        ..StageReport::new("filter", filter_ms)
    });
    all.push(StageReport {
        bytes_in: filtered_bytes,
        bytes_out: tokens.map_or(filtered_bytes, |done| done.result_bytes as u64),
        tokens_in: filtered_tokens,
        tokens_out: tokens.map(|done| done.result_tokens),
        cached: tokens.is_some_and(|done| done.was_known),
        reason: has_failed(Stage::Tokens),
        ..StageReport::new("tokens", tokens_ms)
    });
    report.stages = all;
    report.reasons.clone_from(reasons);
    report.pressure = PressureReport {
        held_mb: round2(asked.held_mb),
        memory_percentage: round2(asked.memory_percentage),
        system_load: round2(asked.system_load),
        factor: filter.map_or(1.0, |filter| filter.pressure(asked).share),
    };
    report.limits = LimitsReport {
        max_size: (max_bytes < u64::MAX).then_some(max_bytes),
        max_tokens: asked.limits.max_tokens,
        target_reduction: asked.limits.target_reduction,
    };
}
