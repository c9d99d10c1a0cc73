//! What other programs see of a monitor: Prometheus and `OpenMetrics` text, OpenTelemetry over HTTP, health for probes.
//!
//! In reading order: [`Scrape`] is everything at one moment; [`family`] is the table of what is exported beside the metric
//! table; [`points`] makes points of a scrape, in bounds; [`prometheus`] and [`otlp`] write them; [`server`] answers, and
//! [`exporter`] sends. Takes no figures itself and keeps none: who is asked says what there is now.

mod document;
pub mod exporter;
pub mod family;
mod operations;
pub mod otlp;
pub mod points;
pub mod prometheus;
pub(super) mod request;
pub mod server;
mod settings;
#[cfg(test)]
mod strict;
#[cfg(test)]
mod test_support;

use std::sync::Arc;

use serde_json::Value;

use crate::monitor::alerts::{Component, Level};
use crate::telemetry::metric::Figures;

pub use exporter::{OtlpExporter, OtlpStatus};
pub use server::{MetricsServer, Token};
pub use settings::OtlpSettings;

pub use crate::monitor::measure::LATENCY_BUCKETS_S;

/// Bounds of the buckets of garbage collections, seconds: those that the semantic conventions ask for.
pub const GC_BUCKETS_S: [f64; 4] = [0.01, 0.1, 1.0, 10.0];
/// Bounds of the buckets of a call's tokens: those that the semantic conventions ask for.
pub const TOKEN_BUCKETS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Everything that is exported, at one moment. Counts are since the start.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// Now, Unix ms.
    pub at_ms: u64,
    /// Since when counters count, Unix ms.
    pub started_ms: u64,
    /// The figures of the last sample.
    pub figures: Figures,
    /// Requests by operation.
    pub operations: Vec<OperationTotals>,
    /// Garbage collections by kind.
    pub gc: Vec<GcTotals>,
    /// Processor time of the process, where the system tells its modes apart.
    pub cpu: Option<CpuModes>,
    /// What calls of models used, as far as the application said.
    pub token_usage: Vec<TokenUsage>,
    /// Agents and the bytes that they hold.
    pub agents: Vec<(String, u64)>,
    /// Alerts that are not resolved: the rule, or `application`.
    pub alerts: Vec<(String, Level, Component)>,
    /// Deliveries by channel.
    pub channels: Vec<ChannelFigures>,
    /// What is worse than usual.
    pub degradations: Vec<DegradationFigures>,
    /// Who it is.
    pub info: Info,
}

/// Requests of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationTotals {
    /// Its name.
    pub name: Arc<str>,
    /// Requests that ended.
    pub count: u64,
    /// Of these, those that failed.
    pub errors: u64,
    /// Of these, those that had a time: the next two are of them.
    pub timed: u64,
    /// Their time together, seconds.
    pub sum_s: f64,
    /// Requests at or under each of [`LATENCY_BUCKETS_S`]; cumulative.
    pub buckets: Vec<u64>,
}

/// Garbage collections of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct GcTotals {
    /// `minor`, `major`, `incremental`, `weakcb`: values of `v8js.gc.type`.
    pub kind: &'static str,
    /// How many.
    pub count: u64,
    /// How long in all, seconds.
    pub seconds: f64,
    /// Collections at or under each of [`GC_BUCKETS_S`]; cumulative. Empty when that was not counted.
    pub buckets: Vec<u64>,
}

/// Processor time of the process, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuModes {
    /// In its own code.
    pub user_s: f64,
    /// In the kernel for it.
    pub system_s: f64,
}

/// Tokens of calls of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenUsage {
    /// `gen_ai.operation.name`: `chat` and the like, or what the application calls it.
    pub operation: String,
    /// `gen_ai.provider.name`.
    pub provider: String,
    /// `gen_ai.request.model`; empty when it is not known.
    pub model: String,
    /// `input` or `output`.
    pub kind: &'static str,
    /// Calls.
    pub count: u64,
    /// Tokens of all of them.
    pub tokens: u64,
    /// Calls at or under each of [`TOKEN_BUCKETS`]; cumulative. Empty when that was not counted.
    pub buckets: Vec<u64>,
}

/// Deliveries of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelFigures {
    /// `slack` and the like.
    pub name: &'static str,
    /// Notices that arrived.
    pub delivered: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Notices that were given up.
    pub dead: u64,
    /// Notices that found the queue full.
    pub dropped: u64,
    /// Notices that wait now.
    pub queued: u64,
}

/// Something that is worse than usual.
#[derive(Debug, Clone, PartialEq)]
pub struct DegradationFigures {
    /// What it is about.
    pub component: String,
    /// Path of the figure.
    pub metric: String,
    /// Of which operation, if of one.
    pub operation: Option<String>,
}

/// Who it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Info {
    /// Of this package.
    pub version: String,
    /// `production` and the like.
    pub environment: String,
    /// The application's name for itself.
    pub project: Option<String>,
    /// Unique among all monitors.
    pub instance: String,
    /// Name of the machine.
    pub host: String,
    /// The process.
    pub pid: u32,
}

/// Whether the process lives and is ready, for probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Healthz {
    /// Goes on: `/healthz` answers 200.
    pub is_live: bool,
    /// Can do its work: `/readyz` answers 200.
    pub is_ready: bool,
    /// Why, as JSON. Anybody who reaches the server can read it.
    pub body: Value,
}

/// Who is asked. Called on the network thread, so both must be quick and must not wait for JavaScript.
pub trait Exported: Send + Sync {
    /// What there is now.
    fn scrape(&self) -> Scrape;
    /// How it is.
    fn health(&self) -> Healthz;
}
