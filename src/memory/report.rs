//! A picture of the last hours, as SVG: memory used under its limit, what was done about it, and alerts.
//!
//! What it does not do: it writes no file, and asks no font of the machine: texts are placed by their estimated width, so
//! all have room to spare. It has its own white ground, to be readable on any page. Times are UTC.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::alerts::AlertType;
use crate::base::units::iso8601;

mod axis;
mod key;

use axis::TimeAxis;
use key::{key, steps_key};

/// Size in pixels, and where the parts begin and end.
const WIDTH: u32 = 960;
const HEIGHT: u32 = 472;
const CHART_TOP: u32 = 94;
const CHART_BOTTOM: u32 = 340;
const BANDS_TOP: u32 = 352;
const BANDS_BOTTOM: u32 = 430;
const LEFT: u32 = 84;
const RIGHT: u32 = 40;

const FONT: &str = "sans-serif";
/// The SVG backend divides sizes by 1.24; these come out as 16 and 12 pixels.
const TITLE_SIZE: f64 = 19.84;
const TEXT_SIZE: f64 = 14.88;
/// A wide estimate of a letter's width at `TEXT_SIZE`.
const LETTER_PX: usize = 7;
/// What the letters of a title may take together, and what one takes: small Latin ones less than others.
const MAX_TITLE_PX: u32 = 900;
const TITLE_LETTER_PX: (u32, u32) = (11, 17);

const INK: RGBColor = RGBColor(0x33, 0x3b, 0x46);
const FAINT: RGBColor = RGBColor(0xd9, 0xde, 0xe4);
const USED: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
/// Of the area under the line.
const AREA_OPACITY: f64 = 0.18;
const LIMIT: RGBColor = RGBColor(0x59, 0x63, 0x70);
const THROTTLED: RGBColor = RGBColor(0x7a, 0x4f, 0xb5);
const WARNING: RGBColor = RGBColor(0xe0, 0x8a, 0x00);
const CRITICAL: RGBColor = RGBColor(0xc6, 0x1a, 0x27);

/// The steps in their order, without `normal`, the worse the darker.
const STEPS: [(&str, RGBColor); 6] = [
    ("shrinkCaches", RGBColor(0xfe, 0xe3, 0x9a)),
    ("dropCaches", RGBColor(0xfe, 0xc0, 0x5c)),
    ("collectGarbage", RGBColor(0xfd, 0x94, 0x3f)),
    ("releaseMemory", RGBColor(0xf4, 0x66, 0x36)),
    ("throttleLargest", RGBColor(0xd7, 0x30, 0x27)),
    ("throttleAll", RGBColor(0x8c, 0x0d, 0x25)),
];

/// From here on figures are in GB.
const LARGE_MB: f64 = 8192.0;
/// A line is broken where nothing was sampled for this many times the usual distance.
const GAP_FACTOR: f64 = 10.0;
/// How long the only sample there is lasts, ms.
const LONE_SAMPLE_MS: f64 = 10_000.0;
/// Around the only moment there is, ms.
const LONE_MARGIN_MS: f64 = 30_000.0;
/// The narrowest band, in pixels.
const MIN_BAND_PX: f64 = 2.0;

/// One sample, as far as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct ChartPoint {
    /// Unix ms.
    pub(crate) at_ms: u64,
    /// MB; `None` when it could not be read.
    pub(crate) used_mb: Option<f64>,
    /// The limit at that time, MB.
    pub(crate) limit_mb: Option<f64>,
    /// The step of the memory pressure: 0 is `normal`, 6 `throttleAll`.
    pub(crate) step: u8,
    pub(crate) throttled_agents: usize,
    /// The worst alert raised since the sample before.
    pub(crate) alert: Option<AlertType>,
}

type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;
type Root<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws points in any order; a wall clock that was set back only makes lines overlap. O(n log n).
pub(crate) fn svg(points: &[ChartPoint], title: &str) -> String {
    let mut points: Vec<ChartPoint> = points.to_vec();
    points.sort_by_key(|point| point.at_ms);
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
        draw(&root, &points, title).expect("invariant: drawing into a text cannot fail");
    }
    text
}

fn draw<'a>(root: &Root<'a>, points: &[ChartPoint], title: &str) -> Drawn<SVGBackend<'a>> {
    root.fill(&WHITE)?;
    let title_style = (FONT, TITLE_SIZE).into_font().style(FontStyle::Bold).color(&INK);
    root.draw(&Text::new(shown(title), (20, 14), title_style))?;
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return label(root, "nothing sampled yet", (WIDTH / 2, HEIGHT / 2), HPos::Center);
    };
    let frame = Frame::new(points, first.at_ms as f64, last.at_ms as f64);
    label(root, &facts(points, &frame), (20, 48), HPos::Left)?;
    key(root, points)?;
    chart(root, points, &frame)?;
    bands(root, points, &frame)?;
    steps_key(root, points)
}

/// What both charts share.
struct Frame {
    time: Range<f64>,
    /// The usual distance of two samples, ms.
    usual_ms: f64,
    /// The highest that is drawn, use or limit.
    max_mb: f64,
    unit: &'static str,
    mb_per_unit: f64,
}

impl Frame {
    fn new(points: &[ChartPoint], first: f64, last: f64) -> Self {
        let mut distances: Vec<f64> =
            points.windows(2).map(|pair| (pair[1].at_ms - pair[0].at_ms) as f64).collect();
        distances.sort_by(f64::total_cmp);
        let median = distances.get(distances.len() / 2).copied().filter(|ms| *ms > 0.0);
        let time = if last > first { first..last } else { first - LONE_MARGIN_MS..first + LONE_MARGIN_MS };
        let all_mb = points.iter().flat_map(|point| [finite(point.used_mb), finite(point.limit_mb)]);
        let max_mb = all_mb.flatten().fold(0.0, f64::max);
        let (unit, mb_per_unit) = if max_mb >= LARGE_MB { ("GB", 1024.0) } else { ("MB", 1.0) };
        Self { time, usual_ms: median.unwrap_or(LONE_SAMPLE_MS), max_mb, unit, mb_per_unit }
    }

    fn is_gap(&self, from: &ChartPoint, to: &ChartPoint) -> bool {
        (to.at_ms - from.at_ms) as f64 > self.usual_ms * GAP_FACTOR
    }

    /// Until when what a point says holds: until the next one, if that is not too far.
    fn end_of(&self, points: &[ChartPoint], index: usize) -> f64 {
        let point = &points[index];
        match points.get(index + 1) {
            Some(next) if !self.is_gap(point, next) => next.at_ms as f64,
            _ => point.at_ms as f64 + self.usual_ms,
        }
    }

    /// Stretches in which `what` is the same and something, without gaps.
    fn stretches<T: PartialEq>(
        &self,
        points: &[ChartPoint],
        what: impl Fn(&ChartPoint) -> Option<T>,
    ) -> Vec<(f64, f64, T)> {
        let mut found: Vec<(f64, f64, T)> = Vec::new();
        for (index, point) in points.iter().enumerate() {
            let Some(value) = what(point) else { continue };
            let (from, to) = (point.at_ms as f64, self.end_of(points, index));
            match found.last_mut() {
                Some((_, end, last)) if *last == value && *end >= from => *end = to,
                _ => found.push((from, to, value)),
            }
        }
        found
    }

    /// Lines of memory used, broken where it is unknown.
    fn lines(&self, points: &[ChartPoint]) -> Vec<Vec<(f64, f64)>> {
        let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut before: Option<&ChartPoint> = None;
        for point in points {
            let Some(used_mb) = finite(point.used_mb) else {
                before = None;
                continue;
            };
            let at = (point.at_ms as f64, used_mb);
            match lines.last_mut() {
                Some(line) if before.is_some_and(|before| !self.is_gap(before, point)) => line.push(at),
                _ => lines.push(vec![at]),
            }
            before = Some(point);
        }
        lines
    }
}

/// Memory used, its limit and alerts.
fn chart<'a>(root: &Root<'a>, points: &[ChartPoint], frame: &Frame) -> Drawn<SVGBackend<'a>> {
    let Frame { unit, mb_per_unit, .. } = *frame;
    // A little room over the highest; without any figure, something to draw an axis for.
    let top = if frame.max_mb > 0.0 { frame.max_mb / mb_per_unit * 1.08 } else { 1.0 };
    let decimals = if top < 2.0 { 2 } else { usize::from(top < 10.0) };
    let area = root.margin(CHART_TOP, HEIGHT - CHART_BOTTOM, 0, RIGHT);
    let time = TimeAxis::new(frame.time.clone());
    let mut chart = ChartBuilder::on(&area).y_label_area_size(LEFT).build_cartesian_2d(time, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(LIMIT)
        .y_labels(6)
        .y_label_formatter(&|value| {
            if frame.max_mb > 0.0 { format!("{value:.decimals$} {unit}") } else { String::new() }
        })
        .y_label_style((FONT, TEXT_SIZE).into_font().color(&INK))
        .draw()?;
    for line in frame.lines(points) {
        let line: Vec<(f64, f64)> = line.into_iter().map(|(at, mb)| (at, mb / mb_per_unit)).collect();
        if let [only] = line.as_slice() {
            chart.draw_series([Circle::new(*only, 3, USED.filled())])?;
        } else {
            chart.draw_series(AreaSeries::new(line.iter().copied(), 0.0, USED.mix(AREA_OPACITY)))?;
            chart.draw_series(LineSeries::new(line, USED.stroke_width(2)))?;
        }
    }
    let mut limit_before: Option<(f64, f64)> = None;
    for (from, to, mb) in frame.stretches(points, |point| finite(point.limit_mb)) {
        let limit = mb / mb_per_unit;
        // A change of the limit is an upright line.
        let change = limit_before.filter(|(at, _)| *at >= from).map(|(_, before)| (from, before));
        let to = to.min(frame.time.end).max(from);
        let line = change.into_iter().chain([(from, limit), (to, limit)]);
        chart.draw_series(DashedLineSeries::new(line, 6, 4, LIMIT.stroke_width(2)))?;
        limit_before = Some((to, limit));
    }
    for (point, color) in points.iter().filter_map(|point| Some((point, alert_color(point.alert?)))) {
        let at = point.at_ms as f64;
        let used = finite(point.used_mb).map_or(0.0, |mb| mb / mb_per_unit);
        chart.draw_series([PathElement::new([(at, 0.0), (at, top)], color.mix(0.45))])?;
        chart.draw_series([TriangleMarker::new((at, used), 7, color.filled())])?;
    }
    Ok(())
}

/// What was done about it, below and on the same axis of time.
fn bands<'a>(root: &Root<'a>, points: &[ChartPoint], frame: &Frame) -> Drawn<SVGBackend<'a>> {
    let area = root.margin(BANDS_TOP, HEIGHT - BANDS_BOTTOM, 0, RIGHT);
    let time = TimeAxis::new(frame.time.clone());
    let mut chart = ChartBuilder::on(&area)
        .y_label_area_size(LEFT)
        .x_label_area_size(26)
        .build_cartesian_2d(time, 0.0..1.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(LIMIT)
        .x_label_style((FONT, TEXT_SIZE).into_font().color(&INK))
        .draw()?;
    let min_ms = (frame.time.end - frame.time.start) / f64::from(WIDTH - LEFT - RIGHT) * MIN_BAND_PX;
    let visible = |from: f64, to: f64| {
        // Also at the right edge a band has its least width.
        let to = to.max(from + min_ms).min(frame.time.end);
        (from.min(to - min_ms), to)
    };
    for (from, to, step) in frame.stretches(points, |point| step(point.step)) {
        let (from, to) = visible(from, to);
        chart.draw_series([Rectangle::new([(from, 0.58), (to, 0.9)], STEPS[step].1.filled())])?;
    }
    for (from, to, ()) in frame.stretches(points, |point| (point.throttled_agents > 0).then_some(())) {
        let (from, to) = visible(from, to);
        chart.draw_series([Rectangle::new([(from, 0.12), (to, 0.44)], THROTTLED.filled())])?;
    }
    let rows = BANDS_BOTTOM - 26 - BANDS_TOP;
    label(root, "step", (LEFT - 10, BANDS_TOP + rows * 26 / 100), HPos::Right)?;
    label(root, "throttled", (LEFT - 10, BANDS_TOP + rows * 72 / 100), HPos::Right)
}

/// One line of figures: the last use, the highest, and the time that is shown.
fn facts(points: &[ChartPoint], frame: &Frame) -> String {
    let used = || points.iter().filter_map(|point| finite(point.used_mb));
    let last = points.iter().rev().find_map(|point| finite(point.used_mb));
    let memory = match last {
        Some(last) => {
            let decimals = usize::from(frame.mb_per_unit > 1.0);
            let [last, most] = [last, used().fold(last, f64::max)].map(|mb| mb / frame.mb_per_unit);
            let unit = frame.unit;
            format!("{last:.decimals$} {unit} at the end, {most:.decimals$} {unit} at most")
        }
        None => "memory in use could not be read".to_owned(),
    };
    let times = [points.first(), points.last()].map(|point| {
        let text = iso8601(point.map_or(0, |point| point.at_ms));
        text.get(..16).unwrap_or_default().replace('T', " ")
    });
    let throttled = points.iter().map(|point| point.throttled_agents).max().unwrap_or(0);
    let agents = match throttled {
        0 => String::new(),
        count => format!(", up to {count} throttled at once"),
    };
    let [from, to] = times;
    // The day once, if it is the same.
    let to = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or_default().to_owned() } else { to };
    if from.ends_with(&to) {
        format!("{from} UTC: {memory}{agents}")
    } else {
        format!("{from} to {to} UTC: {memory}{agents}")
    }
}

fn alert_color(kind: AlertType) -> RGBColor {
    match kind {
        AlertType::Info => USED,
        AlertType::Warning => WARNING,
        AlertType::Critical => CRITICAL,
    }
}

/// A place in `STEPS`; `None` for `normal`.
fn step(number: u8) -> Option<usize> {
    usize::from(number).checked_sub(1).map(|index| index.min(STEPS.len() - 1))
}

fn finite(mb: Option<f64>) -> Option<f64> {
    mb.filter(|mb| mb.is_finite() && *mb >= 0.0)
}

/// A title that XML can hold and that has room.
fn shown(title: &str) -> String {
    let mut shown = String::new();
    let mut room = MAX_TITLE_PX;
    for letter in title.chars() {
        let narrow = letter.is_ascii_lowercase() || letter == ' ';
        let width = if narrow { TITLE_LETTER_PX.0 } else { TITLE_LETTER_PX.1 };
        if room < width {
            shown.push('…');
            break;
        }
        room -= width;
        let unfit = letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}');
        shown.push(if unfit { char::REPLACEMENT_CHARACTER } else { letter });
    }
    shown
}

fn text_style(at: HPos) -> TextStyle<'static> {
    TextStyle::from((FONT, TEXT_SIZE).into_font()).color(&INK).pos(Pos::new(at, VPos::Center))
}

fn to_pixel(place: u32) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}

fn label<'a>(root: &Root<'a>, text: &str, (x, y): (u32, u32), at: HPos) -> Drawn<SVGBackend<'a>> {
    root.draw(&Text::new(text.to_owned(), (to_pixel(x), to_pixel(y)), text_style(at)))
}

#[cfg(test)]
mod tests;
