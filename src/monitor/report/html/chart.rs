//! A chart of lines, and one of bars, made ready for their frame.

use std::fmt::Write as _;

use super::axis::{ValueAxis, time_step_ms};
use super::escape::{Foreign, cut};
use super::figure::{Canvas, Entry, Figure, Label, MOST_NAME};
use super::line::{HEIGHT, Line, Style, boxes, y};
use super::quantity::{LARGE_MB, NOTHING, day_and_time, duration, quantity};
use super::timeline::times;
use crate::monitor::alerts::{Component, Level};
use crate::telemetry::metric::Unit;

/// A limit this many times over all values is not drawn, or the values would be flat.
const FAR_LIMIT: f64 = 5.0;
/// About as many bars as there is room for on a telephone.
const BARS: u64 = 48;

/// Which values have a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Labels {
    /// What suits the values, also powers of ten if they differ very much.
    Fitting,
    /// From 0 up.
    Linear,
    /// From 0 to at least 100.
    Percent,
    /// Bounds of health.
    Score,
}

/// Lines over the same time.
pub(crate) struct LineChart {
    /// Unique in the page.
    pub(crate) id: &'static str,
    /// What it shows.
    pub(crate) title: &'static str,
    /// Of all its lines.
    pub(crate) unit: Unit,
    /// Of its axis.
    pub(crate) labels: Labels,
    /// The first is the one that the sentence is about.
    pub(crate) lines: Vec<Line>,
    /// Constant limits: value, class, what it is.
    pub(crate) limits: Vec<(f64, &'static str, &'static str)>,
    /// Whose alerts are its ground.
    pub(crate) component: Option<Component>,
    /// Whether small is bad.
    pub(crate) is_low_bad: bool,
    /// Whether it takes the whole width.
    pub(crate) is_wide: bool,
}

impl LineChart {
    /// `None` when there is no value to draw.
    pub(crate) fn figure(mut self, canvas: &Canvas<'_>) -> Option<Figure> {
        self.lines.retain(|line| line.facts().is_some());
        if self.lines.iter().all(|line| line.style == Style::Limit) {
            return None;
        }
        let axis = self.axis();
        let mut drawing = String::new();
        if let Some(component) = self.component {
            for (level, class) in [(Level::Warning, "warning"), (Level::Critical, "critical")] {
                write_path(&mut drawing, &format!("band {class}"), &canvas.bands(component, level));
            }
        }
        let mut entries = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let class =
                if line.style == Style::Limit { "limit".to_owned() } else { format!("c{}", index % 6) };
            if line.style == Style::Filled {
                write_path(&mut drawing, &format!("area {class}"), &line.path(&canvas.timeline, &axis, true));
            }
            if line.style != Style::Limit || self.is_near(line) {
                write_path(
                    &mut drawing,
                    &format!("line {class}"),
                    &line.path(&canvas.timeline, &axis, false),
                );
                write_path(&mut drawing, &format!("line dot {class}"), &line.dots(&canvas.timeline, &axis));
            }
            entries.push(self.entry(canvas, line, class));
        }
        let mut marks = Vec::new();
        for (value, class, name) in &self.limits {
            let top = y(&axis, *value);
            write_path(&mut drawing, &format!("threshold {class}"), &format!("M0 {top}H3000"));
            marks.push(((top / HEIGHT, format!("{name} {}", quantity(*value, self.unit))), *class));
        }
        let scale = if axis.is_log() { ", in powers of ten" } else { "" };
        Some(Figure {
            id: self.id,
            title: format!("{}{scale}", self.title),
            summary: self.summary(),
            labels: self.axis_labels(&axis),
            marks,
            drawing,
            columns: if self.is_low_bad { &["Last", "Mean", "Least"] } else { &["Last", "Mean", "Most"] },
            entries,
            times: None,
            is_wide: self.is_wide,
        })
    }

    fn axis(&self) -> ValueAxis {
        let facts = || self.lines.iter().filter(|line| self.is_near(line)).filter_map(Line::facts);
        let thresholds = self.limits.iter().map(|limit| limit.0);
        let highest = facts().map(|facts| facts.most.1).chain(thresholds).fold(0.0, f64::max);
        let lowest = facts().map(|facts| facts.least.1).fold(0.0, f64::min);
        let usual = self.lines.iter().filter_map(Line::usual).min_by(f64::total_cmp);
        let least = self.lines.iter().filter_map(Line::least_positive).min_by(f64::total_cmp);
        let per_label = if self.unit == Unit::Megabytes && highest >= LARGE_MB { 1024.0 } else { 1.0 };
        let is_whole = self.unit == Unit::One;
        match (self.labels, usual, least) {
            (Labels::Score, ..) => ValueAxis::fixed(100.0, &[0.0, 30.0, 50.0, 70.0, 90.0]),
            (Labels::Percent, ..) if highest <= 100.0 => ValueAxis::linear(lowest, 100.0, 1.0, false),
            (Labels::Fitting, Some(usual), Some(least)) if ValueAxis::needs_log(usual, highest) => {
                // What is a thousand times less than usual is as good as 0.
                ValueAxis::logarithmic(least.max(usual / 1000.0), highest)
            }
            _ => ValueAxis::linear(lowest, highest, per_label, is_whole),
        }
    }

    /// Whether a line is to be seen on the axis of the others.
    fn is_near(&self, line: &Line) -> bool {
        if line.style != Style::Limit {
            return true;
        }
        let others = self.lines.iter().filter(|other| other.style != Style::Limit).filter_map(Line::facts);
        let highest = others.map(|facts| facts.most.1).fold(0.0, f64::max);
        line.facts().is_some_and(|facts| facts.most.1 <= highest * FAR_LIMIT)
    }

    fn axis_labels(&self, axis: &ValueAxis) -> Vec<Label> {
        let text = |value: f64| match self.labels {
            Labels::Score => match value {
                90.0.. => "90 excellent".to_owned(),
                70.0.. => "70 good".to_owned(),
                50.0.. => "50 acceptable".to_owned(),
                30.0.. => "30 warning".to_owned(),
                _ => "0 critical".to_owned(),
            },
            _ => quantity(value, self.unit),
        };
        axis.ticks.iter().map(|value| (1.0 - axis.place(*value), text(*value))).collect()
    }

    fn entry(&self, canvas: &Canvas<'_>, line: &Line, class: String) -> Entry {
        let cells = line.facts().map_or_else(Vec::new, |facts| {
            let (at, worst) = if self.is_low_bad { facts.least } else { facts.most };
            let time = match line.style {
                Style::Limit => String::new(),
                _ => format!(" <span class=\"at\">at {}</span>", canvas.moment(at)),
            };
            let of = |value| quantity(value, self.unit);
            vec![line.last(self.unit), of(facts.mean), format!("{}{time}", of(worst))]
        });
        let far = if self.is_near(line) { "" } else { ", above the chart" };
        Entry { class, name: format!("{}{far}", line.name), readings: line.readings(self.unit), cells }
    }

    fn summary(&self) -> String {
        let Some(facts) = self.lines.first().and_then(Line::facts) else { return String::new() };
        let (at, worst) = if self.is_low_bad { facts.least } else { facts.most };
        let kind = if self.is_low_bad { "least" } else { "most" };
        let of = |value| quantity(value, self.unit);
        let (last, mean, worst, at) = (of(facts.last.1), of(facts.mean), of(worst), day_and_time(at));
        let name = Foreign(&cut(&self.lines[0].name, MOST_NAME)).to_string();
        if facts.least.1.to_bits() == facts.most.1.to_bits() {
            return format!("{name}: {last} all the time.");
        }
        format!("{name}: {last} at the end, {mean} on average, {worst} at {kind} ({at}).")
    }
}

/// What was counted, in bars on top of each other.
pub(crate) struct BarChart<'a> {
    /// Unique in the page.
    pub(crate) id: &'static str,
    /// What it shows; the length of a bar is added.
    pub(crate) title: &'static str,
    /// Of its values.
    pub(crate) unit: Unit,
    /// What it is about, with its total.
    pub(crate) subject: &'static str,
    /// From below: name, class, and a count for each sample.
    pub(crate) parts: Vec<(&'static str, &'static str, &'a [Option<f64>])>,
    /// Whose alerts are its ground.
    pub(crate) component: Option<Component>,
}

impl BarChart<'_> {
    /// `None` when nothing was counted.
    pub(crate) fn figure(self, canvas: &Canvas<'_>) -> Option<Figure> {
        let timeline = &canvas.timeline;
        if self.parts.iter().all(|part| part.2.iter().all(Option::is_none)) {
            return None;
        }
        let (start, end) = (timeline.start_ms(), timeline.end_ms());
        let step = time_step_ms((end - start) / BARS);
        // A sample at the very end of a bar belongs to it: it is about the time before.
        let first = start.saturating_sub(1) / step;
        let bar_of = |at_ms: u64| usize::try_from(at_ms.saturating_sub(1) / step - first).unwrap_or(0);
        let count = bar_of(end) + 1;
        let sums = self.parts.iter().map(|(_, _, counts)| {
            let mut bars = vec![0.0; count];
            for (row, counted) in timeline.rows().iter().zip(*counts) {
                bars[bar_of(row.at_ms)] += counted.unwrap_or(0.0).max(0.0);
            }
            bars
        });
        let sums: Vec<Vec<f64>> = sums.collect();
        let highest = (0..count).map(|bar| sums.iter().map(|bars| bars[bar]).sum()).fold(0.0, f64::max);
        let axis = ValueAxis::linear(0.0, highest, 1.0, true);
        let begin = |bar: usize| (first + bar as u64).saturating_mul(step);
        let mut feet = vec![0.0; count];
        let mut drawing = String::new();
        let mut entries = Vec::new();
        let all: f64 = sums.iter().flatten().sum();
        for ((name, class, _), bars) in self.parts.iter().zip(&sums) {
            let boxes = boxes(bars.iter().enumerate().map(|(bar, value)| {
                let (from, to) = (timeline.x(begin(bar)), timeline.x(begin(bar).saturating_add(step)));
                let air = ((to - from) * 0.12).round();
                (from + air, to, y(&axis, feet[bar] + value), y(&axis, feet[bar]))
            }));
            write_path(&mut drawing, &format!("bar {class}"), &boxes);
            feet.iter_mut().zip(bars).for_each(|(foot, value)| *foot += value);
            let total: f64 = bars.iter().sum();
            let share =
                if all > 0.0 { quantity(total / all * 100.0, Unit::Percent) } else { NOTHING.to_owned() };
            let readings: Vec<String> = bars.iter().map(|value| quantity(*value, self.unit)).collect();
            let cells = vec![quantity(total, self.unit), share];
            entries.push(Entry {
                class: (*class).to_owned(),
                name: (*name).to_owned(),
                readings: readings.join("|"),
                cells,
            });
        }
        let parts: Vec<String> =
            entries.iter().map(|entry| format!("{} {}", entry.cells[0], entry.name)).collect();
        Some(Figure {
            id: self.id,
            title: format!("{} per {}", self.title, per(step)),
            summary: format!("{} {}: {}.", quantity(all, self.unit), self.subject, parts.join(", ")),
            labels: axis
                .ticks
                .iter()
                .map(|value| (1.0 - axis.place(*value), quantity(*value, self.unit)))
                .collect(),
            marks: Vec::new(),
            drawing: match self.component {
                Some(component) => {
                    let mut ground = String::new();
                    write_path(&mut ground, "band critical", &canvas.bands(component, Level::Critical));
                    ground + &drawing
                }
                None => drawing,
            },
            columns: &["Total", "Share"],
            entries,
            times: Some(times((0..count).map(|bar| begin(bar).saturating_add(step / 2)))),
            is_wide: false,
        })
    }
}

/// `hour`, `30 min`.
fn per(step_ms: u64) -> String {
    match step_ms {
        3_600_000 => "hour".to_owned(),
        86_400_000 => "day".to_owned(),
        step => duration(step as f64 / 1000.0),
    }
}

/// Writes a path, if there is one.
pub(crate) fn write_path(drawing: &mut String, class: &str, path: &str) {
    if !path.is_empty() {
        write!(drawing, "<path class=\"{class}\" d=\"{path}\"/>").expect("invariant: a text takes any text");
    }
}
