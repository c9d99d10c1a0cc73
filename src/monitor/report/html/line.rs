//! One line of a chart: its values, where it is drawn, and what is said about it in words.

use std::fmt::Write as _;

use super::axis::ValueAxis;
use super::quantity::{NOTHING, quantity, range};
use super::timeline::{Timeline, WIDTH};
use crate::monitor::sample::SampleRow;
use crate::telemetry::metric::{Metric, Unit};

/// Height of every chart in its own units.
pub(crate) const HEIGHT: f64 = 1000.0;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// In the colour of its place among the lines.
    Plain,
    /// The same, its area filled.
    Filled,
    /// A limit: dashed, without a colour of its own.
    Limit,
}

/// Beyond, a value is a broken sensor, and no axis could be computed for it; the report as JSON has it.
const MOST: f64 = 1e100;

/// Whether a value can be drawn.
pub(crate) fn is_drawable(value: f64) -> bool {
    value.abs() < MOST
}

/// A value and when it was, Unix ms.
pub(crate) type Moment = (u64, f64);

/// What is drawn of the samples at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Extent {
    low: Moment,
    high: Moment,
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// As the legend has it; may be a user's.
    pub(crate) name: String,
    /// How it looks.
    pub(crate) style: Style,
    /// One for each place of the timeline.
    extents: Vec<Option<Extent>>,
    /// Of all values.
    facts: Option<Facts>,
}

/// What is said about a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Facts {
    /// The last value.
    pub(crate) last: Moment,
    /// The mean of the samples.
    pub(crate) mean: f64,
    /// The lowest.
    pub(crate) least: Moment,
    /// The highest.
    pub(crate) most: Moment,
}

impl Line {
    /// Of what `value` finds in each sample; what is no number is not there. O(samples).
    pub(crate) fn new(
        timeline: &Timeline<'_>,
        name: &str,
        value: impl Fn(&SampleRow) -> Option<f64>,
    ) -> Self {
        let mut extents = Vec::with_capacity(timeline.places().len());
        let mut facts: Option<Facts> = None;
        let (mut sum, mut count) = (0.0, 0_u32);
        for place in timeline.places() {
            let mut extent: Option<Extent> = None;
            for row in &timeline.rows()[place.rows.clone()] {
                let Some(value) = value(row).filter(|value| is_drawable(*value)) else { continue };
                let moment = (row.at_ms, value);
                let at = extent.get_or_insert(Extent { low: moment, high: moment });
                at.low = lower(at.low, moment);
                at.high = higher(at.high, moment);
                let all = facts.get_or_insert(Facts { last: moment, mean: 0.0, least: moment, most: moment });
                *all = Facts {
                    last: moment,
                    mean: 0.0,
                    least: lower(all.least, moment),
                    most: higher(all.most, moment),
                };
                sum += value;
                count += 1;
            }
            extents.push(extent);
        }
        let facts = facts.map(|facts| Facts { mean: sum / f64::from(count), ..facts });
        Self { name: name.to_owned(), style: Style::Plain, extents, facts }
    }

    /// Of a figure of the table.
    pub(crate) fn of(timeline: &Timeline<'_>, name: &str, metric: Metric) -> Self {
        Self::new(timeline, name, |row| row.figures.get(metric))
    }

    /// The same in another look.
    pub(crate) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// Absent if there is no value.
    pub(crate) fn facts(&self) -> Option<Facts> {
        self.facts
    }

    /// The value in the middle of the highest of all places; absent without a value over 0.
    pub(crate) fn usual(&self) -> Option<f64> {
        let mut highs: Vec<f64> =
            self.extents.iter().flatten().map(|at| at.high.1).filter(|value| *value > 0.0).collect();
        let middle = highs.len() / 2;
        (!highs.is_empty()).then(|| *highs.select_nth_unstable_by(middle, f64::total_cmp).1)
    }

    /// The lowest value over 0.
    pub(crate) fn least_positive(&self) -> Option<f64> {
        let values = self.extents.iter().flatten().flat_map(|at| [at.low.1, at.high.1]);
        values.filter(|value| *value > 0.0).min_by(f64::total_cmp)
    }

    /// Data of an SVG path: through the lowest and the highest of each place in the order in which they were; begun anew where a
    /// value is missing. With `is_area` each part goes down to the ground and back. A value by itself is none of it.
    pub(crate) fn path(&self, timeline: &Timeline<'_>, axis: &ValueAxis, is_area: bool) -> String {
        let ground = y(axis, 0.0);
        let mut path = String::new();
        for points in self.parts(timeline, axis).iter().filter(|points| points.len() > 1) {
            let (mut pen_x, mut pen_y) = points[0];
            let mut separator = "l";
            write!(path, "M{pen_x} {pen_y}").expect("invariant: a text takes any text");
            for (x, y) in &points[1..] {
                // Distances are shorter than places.
                write!(path, "{separator}{} {}", x - pen_x, y - pen_y)
                    .expect("invariant: a text takes any text");
                (pen_x, pen_y, separator) = (*x, *y, " ");
            }
            if is_area {
                write!(path, "V{ground}H{}z", points[0].0).expect("invariant: a text takes any text");
            }
        }
        path
    }

    /// Data of an SVG path of values that stand by themselves: lines of as good as no length, whose ends are round.
    pub(crate) fn dots(&self, timeline: &Timeline<'_>, axis: &ValueAxis) -> String {
        let parts = self.parts(timeline, axis);
        let lone = parts.iter().filter(|points| points.len() == 1);
        lone.map(|points| format!("M{} {}h1", points[0].0, points[0].1)).collect::<Vec<_>>().concat()
    }

    /// Points that are joined, in the units of the chart.
    fn parts(&self, timeline: &Timeline<'_>, axis: &ValueAxis) -> Vec<Vec<(f64, f64)>> {
        let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut is_new = true;
        for (place, extent) in timeline.places().iter().zip(&self.extents) {
            let Some(Extent { low, high }) = *extent else {
                is_new = true;
                continue;
            };
            let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
            let points = [first, second].map(|(at_ms, value)| (timeline.x(at_ms), y(axis, value)));
            let points = if points[0] == points[1] { &points[..1] } else { &points[..] };
            match parts.last_mut().filter(|_| !is_new && !place.is_after_gap) {
                Some(part) => part.extend(points),
                None => parts.push(points.to_vec()),
            }
            is_new = false;
        }
        parts
    }

    /// What the script shows at each place, `|` between; empty where nothing is.
    pub(crate) fn readings(&self, unit: Unit) -> String {
        let texts = self
            .extents
            .iter()
            .map(|extent| extent.map(|at| range(at.low.1, at.high.1, unit)).unwrap_or_default());
        texts.collect::<Vec<_>>().join("|")
    }

    /// The last value as text.
    pub(crate) fn last(&self, unit: Unit) -> String {
        self.facts.map_or_else(|| NOTHING.to_owned(), |facts| quantity(facts.last.1, unit))
    }
}

/// Where a value stands, from the top.
pub(crate) fn y(axis: &ValueAxis, value: f64) -> f64 {
    ((1.0 - axis.place(value)) * HEIGHT).round()
}

fn lower(a: Moment, b: Moment) -> Moment {
    if b.1 < a.1 { b } else { a }
}

fn higher(a: Moment, b: Moment) -> Moment {
    if b.1 > a.1 { b } else { a }
}

/// Upright bars or bands: `(from, to, top, bottom)` each, as path data.
pub(crate) fn boxes(found: impl Iterator<Item = (f64, f64, f64, f64)>) -> String {
    let mut path = String::new();
    for (from, to, top, bottom) in found {
        let (to, height) = (to.min(WIDTH), bottom - top);
        if to > from && height > 0.0 {
            write!(path, "M{from} {top}H{to}v{height}H{from}z").expect("invariant: a text takes any text");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::report::test_data::{START_MS, noise, row, row_with};

    fn samples(values: &[f64]) -> Vec<SampleRow> {
        let at = (START_MS..).step_by(10_000);
        at.zip(values).map(|(at, value)| row_with(at, Metric::CpuUsage, *value)).collect()
    }

    fn line(rows: &[SampleRow]) -> (Timeline<'_>, Line) {
        let timeline = Timeline::new(rows, 0).expect("samples");
        let line = Line::of(&timeline, "cpu", Metric::CpuUsage);
        (timeline, line)
    }

    #[test]
    fn what_is_no_number_breaks_the_line() {
        let rows = samples(&[0.0, 50.0, f64::NAN, 100.0, f64::INFINITY, 20.0, 40.0]);
        let (timeline, line) = line(&rows);
        let axis = ValueAxis::linear(0.0, 100.0, 1.0, false);
        assert_eq!(line.path(&timeline, &axis, false), "M0 1000l500 -500M2500 800l500 -200");
        assert_eq!(line.dots(&timeline, &axis), "M1500 0h1");
        assert_eq!(
            line.path(&timeline, &axis, true),
            "M0 1000l500 -500V1000H0zM2500 800l500 -200V1000H2500z"
        );
        assert_eq!(line.readings(Unit::Percent).replace('\u{a0}', " "), "0 %|50 %||100 %||20 %|40 %");
    }

    #[test]
    fn extremes_stay_when_samples_share_a_place() {
        let mut values: Vec<f64> = (0..17_000).map(|index| 50.0 + noise(index, 0)).collect();
        values[8_123] = 99.0;
        values[8_124] = 1.0;
        let rows = samples(&values);
        let (timeline, line) = line(&rows);
        let facts = line.facts().expect("values");
        assert_eq!(facts.most, (rows[8_123].at_ms, 99.0));
        assert_eq!(facts.least, (rows[8_124].at_ms, 1.0));
        let path = line.path(&timeline, &ValueAxis::linear(0.0, 100.0, 1.0, false), false);
        assert!(path.matches(' ').count() <= 1300 && path.len() < 8_000, "{} bytes", path.len());
        assert!(line.readings(Unit::Percent).contains("1–99"));
    }

    #[test]
    fn the_mean_is_that_of_the_samples() {
        let rows = samples(&[1.0, 2.0, 6.0]);
        let (_, line) = line(&rows);
        let facts = line.facts().expect("values");
        assert!((facts.mean - 3.0).abs() < 1e-12);
        assert_eq!(facts.last, (START_MS + 20_000, 6.0));
        assert_eq!(line.last(Unit::One), "6");
    }

    #[test]
    fn without_values_there_is_nothing_to_say() {
        let rows = [row(START_MS), row(START_MS + 10_000)];
        let (timeline, line) = line(&rows);
        assert_eq!(line.facts(), None);
        assert_eq!((line.usual(), line.least_positive()), (None, None));
        assert_eq!(line.path(&timeline, &ValueAxis::linear(0.0, 1.0, 1.0, false), true), "");
        assert_eq!(line.last(Unit::One), NOTHING);
    }
}
