//! The report of a system, for programs; [`super::html`] makes a page of the same.

use serde_json::{Value, json};

use crate::base::json::times_as_iso8601;
use crate::base::redact::redacted;
use crate::base::units::iso8601;
use crate::memory::V8Heap;
use crate::orchestrator::Orchestrator;
use crate::orchestrator::settings::Settings;

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// Data.
    Json,
    /// A page that stands by itself.
    Html,
}

impl ReportForm {
    /// Of a file's name: `.html` and `.htm` are pages, whatever their case.
    pub fn of(path: &std::path::Path) -> Self {
        let is_page =
            |end: &std::ffi::OsStr| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm");
        if path.extension().is_some_and(is_page) { Self::Html } else { Self::Json }
    }

    /// The ending of its files.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

/// What a report has that the orchestrator does not know.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// What auto-tuning tried: `{ at, setting, from, to, outcome, why }` each, oldest first. `None`: there is no auto-tuning.
    pub tuning_history: Option<Value>,
    /// Each setting with its value and where it came from: `{ file, settings: { path: { value, source, name, default } } }`.
    pub explained: Option<Value>,
}

impl Orchestrator {
    /// The report. O(agents), with HTML also O(samples).
    #[expect(clippy::missing_panics_doc, reason = "a JSON value can be written")]
    pub fn written_report(
        &self,
        form: ReportForm,
        settings: &Settings,
        v8: Option<V8Heap>,
        extras: &Extras,
    ) -> String {
        let report = self.report(settings, v8, extras);
        match form {
            ReportForm::Json => {
                serde_json::to_string_pretty(&report).expect("invariant: a JSON value can be written")
            }
            ReportForm::Html => super::html::html(&self.report_data(settings), &report),
        }
    }

    /// The content of a report file.
    pub fn report(&self, settings: &Settings, v8: Option<V8Heap>, extras: &Extras) -> Value {
        let health = self.health_status(settings, v8);
        let status = self.status(settings, v8);
        let statistics = &status["statistics"];
        let mut report = json!({
            "timestamp": iso8601(self.clock.0.wall_ms()),
            "environment": settings.environment,
            "config": redacted(&json!(settings)),
            "performance": {
                "totalOperations": statistics["operations"],
                "tokensSaved": statistics["tokensSaved"],
                "memoryOptimized": statistics["memoryOptimized"],
                "contextFiltered": statistics["contextsFiltered"],
            },
            "statistics": statistics,
            "health": health,
            "recommendations": status["recommendations"],
            "tokens": self.tokens.ledger().report(),
        });
        if let Some(history) = &extras.tuning_history {
            report["tuningHistory"] = dated(history);
        }
        if let Some(explained) = &extras.explained {
            report["configuration"] = redacted(explained);
        }
        report["status"] = status;
        times_as_iso8601(&mut report);
        report
    }
}

/// The history with its times as text.
fn dated(history: &Value) -> Value {
    let mut history = history.clone();
    for change in history.as_array_mut().into_iter().flatten() {
        for key in ["at", "decidedAt"] {
            if let Some(ms) = change[key].as_u64() {
                change[key] = json!(iso8601(ms));
            }
        }
    }
    history
}
