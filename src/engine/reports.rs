//! Reports of a system, as files.

use std::path::PathBuf;

use serde_json::json;

use super::Engine;
use crate::base::error::Result;
use crate::base::file::write_new_stamped;
use crate::memory::V8Heap;
use crate::telemetry::event::EventKind;

/// Name of report files before their time.
const REPORT_STEM: &str = "optimization-report";

impl Engine {
    /// Writes a report into the working directory and returns its path.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`, `E_IO`.
    pub fn write_report(&self, v8: Option<V8Heap>) -> Result<PathBuf> {
        self.check_open()?;
        self.write_report_file(v8)
    }

    pub(super) fn write_report_file(&self, v8: Option<V8Heap>) -> Result<PathBuf> {
        let report = self.orchestrator.report(&self.settings.lock(), v8);
        let text = serde_json::to_vec_pretty(&report).expect("invariant: a JSON value can be written");
        let path = write_new_stamped(&self.cwd, REPORT_STEM, self.orchestrator.wall_ms(), &text)?;
        self.events.emit(EventKind::ReportGenerated, || json!({ "path": path }));
        Ok(path)
    }
}
