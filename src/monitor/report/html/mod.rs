//! The report as one page that stands by itself: nothing is loaded, and all is there without its script, which only shows values
//! at a cursor. Whatever others have written is text in it and nothing else.
//!
//! In reading order: `head` is what comes first; `charts` says which charts there are, `chart` makes them of a `line` or of
//! bars on an `axis` over a `timeline`, `figure` frames them; `alerts`, `operations` and `tables` are lists;
//! `quantity` and `escape` write figures and texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::ReportData;

/// Adds formatted text to a page.
macro_rules! put {
    ($page:expr, $($format:tt)+) => { $page.put(format_args!($($format)+)) };
}

mod alerts;
mod axis;
mod chart;
mod charts;
mod escape;
mod figure;
mod head;
mod line;
mod operations;
mod quantity;
mod spans;
mod tables;
#[cfg(test)]
mod tests;
mod timeline;

use figure::Canvas;
use timeline::Timeline;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page that is being written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn add(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        std::fmt::Write::write_fmt(&mut self.0, text).expect("invariant: a text takes any text");
    }
}

/// The report as HTML, at most a megabyte: samples that a screen cannot tell apart are drawn as their lowest and highest, lists are
/// cut and say so. O(samples × figures drawn).
pub fn html(data: &ReportData) -> String {
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
    put!(page, "<title>{}</title><style>{STYLE}</style></head>\n<body>", head::title(data));
    head::write(&mut page, data, timeline);
    match &canvas {
        Some(canvas) => {
            put!(page, "<main data-t=\"{}\" ", canvas.timeline.times());
            put!(page, "data-span=\"{} {}\">\n", canvas.timeline.start_ms(), canvas.timeline.end_ms());
        }
        None => page.add("<main>\n<p class=\"empty\">Nothing was sampled yet, so there are no charts.</p>"),
    }
    head::tiles(&mut page, data, timeline);
    head::attention(&mut page, data);
    if let Some(canvas) = &canvas {
        charts::write(&mut page, canvas, &data.config);
    }
    operations::write(&mut page, timeline);
    tables::health(&mut page, &data.health);
    alerts::write(&mut page, &data.alerts);
    tables::recommendations(&mut page, &data.recommendations);
    tables::degradations(&mut page, &data.degradations);
    tables::channels(&mut page, &data.channels);
    tables::config(&mut page, &data.config);
    put!(page, "</main>\n<footer>Agentwise optimization {}</footer>", escape::Escaped(&data.version));
    put!(page, "<script>{SCRIPT}</script></body></html>\n");
    page.0
}
