//! The frame that every chart stands in: title, sentence, axes, legend. Lines and grounds are SVG that is stretched to its place;
//! all text is HTML, so that it is readable on a telephone too.

use std::sync::Arc;

use super::Page;
use super::axis::time_ticks;
use super::escape::{Escaped, Foreign, cut};
use super::line::{HEIGHT, boxes};
use super::quantity::{day_and_time, duration, time_of_day};
use super::spans::spans;
use super::timeline::{Timeline, WIDTH};
use crate::monitor::alerts::{Alert, Component, Level};

/// The most labels on the axis of time; a telephone shows every second one.
const MOST_TIMES: u64 = 8;
/// The most letters of a name in a legend.
pub(crate) const MOST_NAME: usize = 60;

/// What the charts of a page share.
pub(crate) struct Canvas<'a> {
    /// Samples and their places.
    pub(crate) timeline: Timeline<'a>,
    /// Newest first.
    pub(crate) alerts: &'a [Arc<Alert>],
    /// Moments with a label: where, and what it says.
    times: Vec<(f64, String)>,
    /// Upright lines there, and the grounds of gaps: path data.
    upright: String,
    gaps: String,
}

impl<'a> Canvas<'a> {
    /// Of a time and the alerts in it.
    pub(crate) fn new(timeline: Timeline<'a>, alerts: &'a [Arc<Alert>]) -> Self {
        let ticks = time_ticks(timeline.start_ms(), timeline.end_ms(), MOST_TIMES);
        let times: Vec<(f64, String)> =
            ticks.into_iter().map(|(at, label)| (timeline.x(at), label)).collect();
        let upright = times.iter().map(|(x, _)| format!("M{x} 0v{HEIGHT}")).collect::<Vec<_>>().concat();
        let gaps = timeline.gaps().iter().map(|(from, to)| (timeline.x(*from), timeline.x(*to), 0.0, HEIGHT));
        let gaps = boxes(gaps);
        Self { timeline, alerts, times, upright, gaps }
    }

    /// Path data of the time in which a component had alerts of this level.
    pub(crate) fn bands(&self, component: Component, level: Level) -> String {
        let found = self.alerts.iter().filter(|alert| alert.component == component && alert.level == level);
        boxes(spans(found, &self.timeline).into_iter().map(|(from, to)| (from, to, 0.0, HEIGHT)))
    }

    /// A moment as text, with its day where there are several.
    pub(crate) fn moment(&self, at_ms: u64) -> String {
        const DAY_MS: u64 = 86_400_000;
        if self.timeline.end_ms() - self.timeline.start_ms() <= DAY_MS {
            return time_of_day(at_ms);
        }
        day_and_time(at_ms).get(5..).unwrap_or_default().to_owned()
    }

    /// Says in words what was not sampled; empty if all was.
    pub(crate) fn silence(&self) -> String {
        let gaps = self.timeline.gaps();
        let missing: u64 = gaps.iter().map(|(from, to)| to - from).sum();
        match gaps {
            [] => String::new(),
            [(from, _)] => {
                format!(
                    "Nothing was sampled for {} from {} on.",
                    duration(missing as f64 / 1000.0),
                    day_and_time(*from)
                )
            }
            _ => format!(
                "Nothing was sampled for {} in {} gaps.",
                duration(missing as f64 / 1000.0),
                gaps.len()
            ),
        }
    }
}

/// A row of a legend.
pub(crate) struct Entry {
    /// Class of its mark: `c0` to `c5` are the colours of lines, or `limit`.
    pub(crate) class: String,
    /// May be a user's.
    pub(crate) name: String,
    /// What the script shows at each moment, `|` between.
    pub(crate) readings: String,
    /// One for each column: HTML that is safe.
    pub(crate) cells: Vec<String>,
}

/// A label beside the picture: its distance from the top, 0 to 1, and what it says.
pub(crate) type Label = (f64, String);

/// A chart, ready to be framed.
pub(crate) struct Figure {
    /// Unique in the page.
    pub(crate) id: &'static str,
    /// What it shows.
    pub(crate) title: String,
    /// The same in a sentence.
    pub(crate) summary: String,
    /// On the left.
    pub(crate) labels: Vec<Label>,
    /// On lines inside, on the right; with their class.
    pub(crate) marks: Vec<(Label, &'static str)>,
    /// SVG on top of grid and gaps.
    pub(crate) drawing: String,
    /// Heads of the legend's columns.
    pub(crate) columns: &'static [&'static str],
    /// Rows of the legend.
    pub(crate) entries: Vec<Entry>,
    /// Moments of the readings where they are not those of the page.
    pub(crate) times: Option<String>,
    /// Whether it takes the whole width.
    pub(crate) is_wide: bool,
}

impl Figure {
    /// Writes it.
    pub(crate) fn write(&self, page: &mut Page, canvas: &Canvas<'_>) {
        let Self { id, title, summary, .. } = self;
        let class = if self.is_wide { "chart wide" } else { "chart" };
        put!(page, "<figure class=\"{class}\" id=\"{id}\"");
        if let Some(times) = &self.times {
            put!(page, " data-t=\"{times}\"");
        }
        put!(
            page,
            "><figcaption><h3 id=\"{id}-t\">{}</h3><p id=\"{id}-s\">{summary}</p></figcaption>",
            Escaped(title)
        );
        put!(
            page,
            "<div class=\"plot\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" "
        );
        put!(
            page,
            "aria-labelledby=\"{id}-t\" aria-describedby=\"{id}-s\"><path class=\"gap\" d=\"{}\"/>",
            canvas.gaps
        );
        put!(page, "<path class=\"grid\" d=\"{}", canvas.upright);
        for (top, _) in &self.labels {
            put!(page, "M0 {}h{WIDTH}", (top * HEIGHT).round());
        }
        put!(page, "\"/>{}</svg>", self.drawing);
        page.add("<div class=\"ys\" aria-hidden=\"true\">");
        for (top, text) in &self.labels {
            put!(page, "<span style=\"top:{:.2}%\">{}</span>", top * 100.0, Escaped(text));
        }
        page.add("</div><div class=\"xs\" aria-hidden=\"true\">");
        for (x, text) in &canvas.times {
            // At the very edge a label would stand over the one of the other axis or outside.
            let edge = if *x > WIDTH * 0.975 { " class=\"end\"" } else { "" };
            put!(page, "<span{edge} style=\"left:{:.2}%\">{text}</span>", x / WIDTH * 100.0);
        }
        page.add("</div>");
        for ((top, text), class) in &self.marks {
            put!(
                page,
                "<span class=\"mark {class}\" aria-hidden=\"true\" style=\"top:{:.2}%\">",
                top * 100.0
            );
            put!(page, "{}</span>", Escaped(text));
        }
        page.add("</div>");
        self.legend(page);
        page.add("</figure>\n");
    }

    fn legend(&self, page: &mut Page) {
        if self.entries.is_empty() {
            return;
        }
        page.add(
            "<table class=\"legend\"><thead><tr><th scope=\"col\"><span class=\"unseen\">Line</span></th>",
        );
        page.add("<th scope=\"col\" class=\"here\">At cursor</th>");
        for column in self.columns {
            let class = if *column == "Mean" { " class=\"mean\"" } else { "" };
            put!(page, "<th scope=\"col\"{class}>{column}</th>");
        }
        page.add("</tr></thead><tbody>");
        for Entry { class, name, readings, cells } in &self.entries {
            put!(
                page,
                "<tr><th scope=\"row\"><i class=\"key {class}\"></i>{}</th>",
                Foreign(&cut(name, MOST_NAME))
            );
            put!(page, "<td class=\"here\" data-v=\"{}\"></td>", Escaped(readings));
            for (cell, column) in cells.iter().zip(self.columns) {
                let class = if *column == "Mean" { " class=\"mean\"" } else { "" };
                put!(page, "<td{class}>{cell}</td>");
            }
            page.add("</tr>");
        }
        page.add("</tbody></table>");
    }
}
