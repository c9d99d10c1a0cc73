//! The report as a page: of the same pieces as the monitor's, which draws what was over time. This file says what there is and in
//! which order; `sections` writes what only a whole system has.

mod sections;
mod settings;
mod tiles;

use serde_json::Value;

use crate::monitor::report::ReportData;
use crate::monitor::report::html::{Report, charts, operations_of, page, tables};

const SYSTEM: Report = Report {
    name: "optimization report",
    parts: &[
        ("tokens", "Tokens"),
        ("cache", "Cache"),
        ("limits", "Memory"),
        ("health", "Health"),
        ("recommendations", "Recommendations"),
        ("charts", "Over time"),
        ("operations", "Latency"),
        ("tuning", "Tuning"),
        ("config", "Settings"),
    ],
    without_charts: "Nothing was sampled yet, so there are no charts of what was over time. With enableProductionMonitoring a system samples itself all the time.",
};

/// The page, at most a megabyte and a half: lists are cut and say so. O(samples × figures drawn).
pub(super) fn html(data: &ReportData, report: &Value) -> String {
    page(data, &SYSTEM, |page, canvas| {
        tiles::write(page, report);
        sections::attention(page, data, report);
        sections::tokens(page, report);
        sections::cache(page, report);
        sections::limits(page, report);
        sections::health(page, report);
        let items = report["recommendations"]["details"].as_array().map_or(&[][..], Vec::as_slice);
        tables::recommendations(page, items);
        if let Some(canvas) = canvas {
            charts::write(page, canvas, &data.config);
        }
        if report["status"]["components"]["productionMonitor"].is_null() {
            sections::unmonitored(page);
        } else {
            operations_of(page, canvas);
        }
        sections::latency(page, report);
        sections::tuning(page, report);
        settings::write(page, report);
    })
}
