//! What one look at everything gives: figures of the table, and those of each operation.

use std::sync::Arc;

use crate::telemetry::metric::Figures;

/// Requests of one operation in one interval. Times in ms.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRow {
    /// Its name.
    pub name: Arc<str>,
    /// Requests that ended in the interval.
    pub count: u64,
    /// Of these, those that failed.
    pub errors: u64,
    /// Mean time.
    pub mean_ms: f64,
    /// Half were answered within.
    pub p50_ms: f64,
    /// 95 % were.
    pub p95_ms: f64,
    /// 99 % were.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// Everything at one moment, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRow {
    /// When, Unix ms.
    pub at_ms: u64,
    /// Time that it stands for, ms: since the sample before, more where samples were joined.
    pub interval_ms: u64,
    /// The figures of the table.
    pub figures: Figures,
    /// Operations that had requests, by name.
    pub operations: Vec<OperationRow>,
}
