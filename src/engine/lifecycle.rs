//! The end of a system: its parts in order, those that ask the others first.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::{Engine, ReportRequest};
use crate::memory::V8Heap;
use crate::telemetry::event::EventKind;

impl Engine {
    /// Ends the system: no work is taken any more, the final report is written if the configuration wants one, then the
    /// cache is written and closed.
    /// Only the first call does anything. A report that cannot be written is a warning: shutdown always succeeds.
    pub fn shut_down(&self, v8: Option<V8Heap>) -> Option<PathBuf> {
        if self.closed.swap(true, Ordering::SeqCst) {
            return None;
        }
        let report =
            self.loaded.system.final_report.then(|| self.write_report_file(&ReportRequest::default(), v8));
        self.orchestrator.tokens().close();
        // First those that ask the others.
        if let Some(monitor) = self.orchestrator.components().monitor {
            monitor.stop();
        }
        if let Some(memory) = self.orchestrator.components().memory {
            memory.stop();
        }
        if let Some(cache) = self.orchestrator.components().cache {
            cache.close();
        }
        match report? {
            Ok(path) => Some(path),
            Err(error) => {
                tracing::warn!(code = error.kind().code(), "the final report was not written");
                self.events
                    .emit(EventKind::Warning, || json!({ "path": "report", "message": error.to_string() }));
                None
            }
        }
    }
}
