//! Reports of a system, as files.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Engine;
use crate::base::error::Result;
use crate::base::file::{write_new, write_new_stamped_as, write_replacing};
use crate::memory::V8Heap;
use crate::orchestrator::report::{Extras, ReportForm, Statistics};
use crate::telemetry::event::EventKind;

/// Name of report files before their time.
const REPORT_STEM: &str = "optimization-report";

/// What kind of report is wanted, and where.
#[derive(Debug, Clone, Default)]
pub struct ReportRequest {
    /// The file, relative to the working directory; `None`: a new one there, `optimization-report-<ms>.json` or `.html`.
    pub path: Option<PathBuf>,
    /// `None`: by the ending of the path, else JSON.
    pub form: Option<ReportForm>,
    /// Whether a file at `path` may be replaced.
    pub may_replace: bool,
}

impl Engine {
    /// `getOptimizationStats()`.
    pub fn statistics(&self) -> Statistics {
        self.orchestrator.statistics(&self.orchestrator.health())
    }

    /// Writes a report and returns its path. Blocks: O(agents), with HTML also O(samples).
    ///
    /// # Errors
    /// `E_EXISTS` when there is something at the path; `E_SHUT_DOWN`, `E_IO`.
    pub fn write_report(&self, request: &ReportRequest, v8: Option<V8Heap>) -> Result<PathBuf> {
        self.check_open()?;
        self.write_report_file(request, v8)
    }

    pub(super) fn write_report_file(&self, request: &ReportRequest, v8: Option<V8Heap>) -> Result<PathBuf> {
        let form =
            request.form.unwrap_or_else(|| request.path.as_deref().map_or(ReportForm::Json, ReportForm::of));
        let path = request.path.as_deref().map(|path| self.cwd.join(path));
        // Before any work.
        if let Some(path) = path.as_deref().filter(|_| !request.may_replace) {
            crate::base::file::check_free(path)?;
        }
        let settings = self.settings.lock().clone();
        let text = self.orchestrator.written_report(form, &settings, v8, &self.report_extras());
        let path = self.write_report_text(path.as_deref(), form, request.may_replace, text.as_bytes())?;
        self.events.emit(EventKind::ReportGenerated, || json!({ "path": path }));
        Ok(path)
    }

    fn write_report_text(
        &self,
        path: Option<&Path>,
        form: ReportForm,
        may_replace: bool,
        text: &[u8],
    ) -> Result<PathBuf> {
        let Some(path) = path else {
            let now_ms = self.orchestrator.wall_ms();
            return write_new_stamped_as(&self.cwd, REPORT_STEM, form.ending(), now_ms, text);
        };
        if may_replace {
            write_replacing(path, text)?;
        } else {
            write_new(path, text)?;
        }
        Ok(path.to_path_buf())
    }

    /// What the orchestrator does not know.
    fn report_extras(&self) -> Extras {
        Extras {
            tuning_history: Some(json!(self.tuning_history())),
            explained: Some(self.explain_configuration()),
        }
    }
}
