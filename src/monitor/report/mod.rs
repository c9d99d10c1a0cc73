//! The report of the monitor: what was measured and what was said about it, to keep, to send and to read later. Two forms of the
//! same: [`json`] for programs, [`html`] for people, a page that stands by itself.
//!
//! The page is made of pieces that the report of a whole system is made of as well.
//!
//! In reading order: [`metrics_json`] is one sample as the public API shows it; `json` the report of it all; `html` the page;
//! `redact` takes out of settings what would open a door. It reads no clock, asks nobody and writes no file.

use std::sync::Arc;

use serde_json::Value;

use super::alerts::Alert;
use super::sample::SampleRow;

pub(crate) mod html;
mod json;
mod metrics_json;
#[cfg(test)]
pub(crate) mod test_data;

pub use html::html;
pub use json::{json, json_text};
pub use metrics_json::metrics_json;

/// Everything that a report is made of.
#[derive(Debug, Clone)]
pub struct ReportData {
    /// When the report is made, Unix ms.
    pub generated_ms: u64,
    /// `development`, `staging` or `production`.
    pub environment: String,
    /// The application, if it has told its name.
    pub project: Option<String>,
    /// Name of the machine.
    pub host: String,
    /// Of this package.
    pub version: String,
    /// Since the monitor was started, s.
    pub uptime_s: f64,
    /// The settings in force, without secrets. Credentials in addresses are taken out here once more.
    pub config: Value,
    /// What `getOverallHealth()` gives: `{ score, status, components: [{ component, status, score, message, timestamp }] }`.
    pub health: Value,
    /// The last sample, if there is one.
    pub current: Option<SampleRow>,
    /// The history, oldest first.
    pub rows: Vec<SampleRow>,
    /// Newest first.
    pub alerts: Vec<Arc<Alert>>,
    /// `{ setting, current, proposed, reason, evidence }` each.
    pub recommendations: Vec<Value>,
    /// `{ component, metric, operation?, baseline, current, since }` each.
    pub degradations: Vec<Value>,
    /// The state of each channel of alerts.
    pub channels: Vec<Value>,
}
