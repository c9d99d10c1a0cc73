//! The report as one page that stands by itself: nothing is loaded, and all is there without its script, which only shows values
//! at a cursor. Whatever others have written is text in it and nothing else.
//!
//! In reading order: `head` is what comes first; `charts` says which charts there are, `chart` makes them of a `line` or of
//! bars on an `axis` over a `timeline`, `figure` frames them; `bars` draws
//! amounts side by side; `alerts`, `operations` and `tables` are lists;
//! `quantity` and `escape` write figures and texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::ReportData;

/// Adds formatted text to a page.
macro_rules! put {
    ($page:expr, $($format:tt)+) => { $page.put(format_args!($($format)+)) };
}
pub(crate) use put;

mod alerts;
mod axis;
pub(crate) mod bars;
mod chart;
pub(crate) mod charts;
pub(crate) mod escape;
mod figure;
pub(crate) mod head;
mod line;
mod operations;
pub(crate) mod quantity;
mod spans;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use figure::Canvas;
use timeline::Timeline;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page that is being written.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn add(&mut self, text: &str) {
        self.0.push_str(text);
    }

    pub(crate) fn put(&mut self, text: std::fmt::Arguments<'_>) {
        std::fmt::Write::write_fmt(&mut self.0, text).expect("invariant: a text takes any text");
    }
}

/// What tells one report from another.
pub(crate) struct Report {
    /// In the title of the window.
    pub(crate) name: &'static str,
    /// The parts that the head leads to: id and name. `charts` is left out where there are none.
    pub(crate) parts: &'static [(&'static str, &'static str)],
    /// Why there are no charts, where there are none.
    pub(crate) without_charts: &'static str,
}

const MONITOR: Report = Report {
    name: "monitor report",
    parts: &[
        ("charts", "Charts"),
        ("operations", "Operations"),
        ("health", "Health"),
        ("alerts", "Alerts"),
        ("recommendations", "Recommendations"),
        ("degradations", "Degradations"),
        ("channels", "Channels"),
        ("config", "Settings"),
    ],
    without_charts: "Nothing was sampled yet, so there are no charts.",
};

/// The report as HTML, at most a megabyte: samples that a screen cannot tell apart are drawn as their lowest and highest, lists are
/// cut and say so. O(samples × figures drawn).
pub fn html(data: &ReportData) -> String {
    page(data, &MONITOR, |page, canvas| {
        let timeline = canvas.map(|canvas| &canvas.timeline);
        head::tiles(page, data, timeline);
        head::attention(page, data);
        if let Some(canvas) = canvas {
            charts::write(page, canvas, &data.config);
        }
        operations::write(page, timeline);
        tables::health(page, &data.health);
        alerts::write(page, &data.alerts);
        tables::recommendations(page, &data.recommendations);
        tables::degradations(page, &data.degradations);
        tables::channels(page, &data.channels);
        tables::config(page, &data.config);
    })
}

/// The table of operations of the time that a canvas has.
pub(crate) fn operations_of(page: &mut Page, canvas: Option<&Canvas<'_>>) {
    operations::write(page, canvas.map(|canvas| &canvas.timeline));
}

/// A page with its head and what `body` writes; with a canvas where there are samples to draw.
pub(crate) fn page(
    data: &ReportData,
    report: &Report,
    body: impl FnOnce(&mut Page, Option<&Canvas<'_>>),
) -> String {
    let mut page = Page::default();
    let canvas =
        Timeline::new(&data.rows, data.generated_ms).map(|timeline| Canvas::new(timeline, &data.alerts));
    let timeline = canvas.as_ref().map(|canvas| &canvas.timeline);
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    page.add("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    page.add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; ");
    put!(page, "img-src data:; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n");
    page.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.add("<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">\n");
    put!(page, "<title>{}</title><style>{STYLE}</style></head>\n<body>", head::title(data, report.name));
    head::write(&mut page, data, timeline, report.parts);
    match &canvas {
        Some(canvas) => {
            put!(page, "<main data-t=\"{}\" ", canvas.timeline.times());
            put!(page, "data-span=\"{} {}\">\n", canvas.timeline.start_ms(), canvas.timeline.end_ms());
        }
        None => put!(page, "<main>\n<p class=\"empty\">{}</p>", report.without_charts),
    }
    body(&mut page, canvas.as_ref());
    put!(page, "</main>\n<footer>Agentwise optimization {}</footer>", escape::Escaped(&data.version));
    put!(page, "<script>{SCRIPT}</script></body></html>\n");
    page.0
}
