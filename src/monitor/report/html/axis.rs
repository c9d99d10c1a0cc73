//! Axes: where a value or a moment stands, and which of them have a label.

use crate::base::units::iso8601;

/// The most labels of an axis of values.
const MOST_VALUES: f64 = 5.0;
/// From this ratio of the highest to the usual on, a linear axis would hide the usual.
const LOG_FROM: f64 = 30.0;
/// Values that differ by less are the same.
const LEAST: f64 = 1e-100;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Distances of labels on an axis of time that people count in.
const TIME_STEPS_MS: [u64; 22] = [
    1000,
    2000,
    5000,
    10_000,
    15_000,
    30_000,
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    4 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    7 * DAY_MS,
    28 * DAY_MS,
];

/// An axis of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueAxis {
    low: f64,
    high: f64,
    is_log: bool,
    /// Values with a label, ascending.
    pub(crate) ticks: Vec<f64>,
}

impl ValueAxis {
    /// From 0, or the lowest value if that is below, to at least the highest. `per_label` is what labels are counted in: 1024 for
    /// MB that are shown as GB. `is_whole`: no label between whole numbers.
    pub(crate) fn linear(lowest: f64, highest: f64, per_label: f64, is_whole: bool) -> Self {
        let (low, high) = (lowest.min(0.0) / per_label, highest.max(0.0) / per_label);
        // Nothing but zeros, or as good as: some room to draw them in.
        let high = if high - low > LEAST { high } else { low + 1.0 };
        let step = nice_step((high - low) / MOST_VALUES).max(if is_whole { 1.0 } else { 0.0 });
        // A little below a step still counts as this step, else rounding would add one.
        let (from, to) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let to = to.max(from + 1.0);
        let ticks = counted(from, to).map(|count| count * step * per_label).collect();
        Self { low: from * step * per_label, high: to * step * per_label, is_log: false, ticks }
    }

    /// The same with these labels only; `high` is the end.
    pub(crate) fn fixed(high: f64, ticks: &[f64]) -> Self {
        Self { low: 0.0, high, is_log: false, ticks: ticks.to_vec() }
    }

    /// By powers of ten, from the lowest over 0.
    pub(crate) fn logarithmic(lowest: f64, highest: f64) -> Self {
        let (from, to) = (lowest.log10().floor(), highest.log10().ceil());
        let to = to.max(from + 1.0);
        let every = ((to - from) / MOST_VALUES).ceil();
        let ticks = counted(0.0, ((to - from) / every).floor())
            .map(|count| 10_f64.powf(from + count * every))
            .collect();
        Self { low: from, high: to, is_log: true, ticks }
    }

    /// Whether the usual would be flat on the ground of a linear axis.
    pub(crate) fn needs_log(usual: f64, highest: f64) -> bool {
        usual > 0.0 && highest / usual >= LOG_FROM
    }

    /// Whether it goes by powers of ten.
    pub(crate) fn is_log(&self) -> bool {
        self.is_log
    }

    /// 0 at the foot, 1 at the top; what is outside stands at the edge.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// Whole numbers from one to another, at most 100 of them: no axis has more labels.
fn counted(from: f64, to: f64) -> impl Iterator<Item = f64> {
    (0..100).map(move |count| from + f64::from(count)).take_while(move |count| *count <= to)
}

/// The next of 1, 2, 5 times a power of ten.
fn nice_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| nice * power >= least * (1.0 - 1e-9));
    nice.unwrap_or(10.0) * power
}

/// The least distance people count in that is at least this long.
pub(crate) fn time_step_ms(least_ms: u64) -> u64 {
    let last = TIME_STEPS_MS[TIME_STEPS_MS.len() - 1];
    TIME_STEPS_MS
        .into_iter()
        .find(|step| *step >= least_ms)
        .unwrap_or_else(|| least_ms.div_ceil(last).saturating_mul(last))
}

/// Moments with a label between two, at most `most`, on whole steps of UTC. A label has the day where it begins.
pub(crate) fn time_ticks(from_ms: u64, to_ms: u64, most: u64) -> Vec<(u64, String)> {
    let step = time_step_ms((to_ms.saturating_sub(from_ms)) / most.max(1));
    let first = from_ms.checked_next_multiple_of(step);
    let moments = std::iter::successors(first, |at| at.checked_add(step)).take_while(|at| *at <= to_ms);
    moments.map(|at| (at, time_label(at, step))).collect()
}

fn time_label(at_ms: u64, step_ms: u64) -> String {
    let text = iso8601(at_ms);
    let part = match () {
        () if at_ms.is_multiple_of(DAY_MS) => text.get(5..10),
        () if step_ms < MINUTE_MS => text.get(11..19),
        () => text.get(11..16),
    };
    part.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_stand_on_round_values_around_all_data() {
        for (lowest, highest, per_label, is_whole, wanted) in [
            (0.0, 100.0, 1.0, false, &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0][..]),
            (0.0, 0.0, 1.0, false, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (1.0, 3.0, 1.0, true, &[0.0, 1.0, 2.0, 3.0]),
            (0.0, 1.0, 1.0, true, &[0.0, 1.0]),
            (0.0, 1e-300, 1.0, true, &[0.0, 1.0]),
            (-3.0, 7.0, 1.0, false, &[-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0]),
            (0.0, 9_000.0, 1024.0, false, &[0.0, 2048.0, 4096.0, 6144.0, 8192.0, 10_240.0]),
        ] {
            let ticks = ValueAxis::linear(lowest, highest, per_label, is_whole).ticks;
            let is_close = ticks.iter().zip(wanted).all(|(is, want)| (is - want).abs() < 1e-9);
            assert!(is_close && ticks.len() == wanted.len(), "{lowest} {highest}: {ticks:?}");
        }
    }

    #[test]
    fn powers_of_ten_are_labelled_on_a_logarithmic_axis() {
        let axis = ValueAxis::logarithmic(0.4, 2300.0);
        assert_eq!(axis.ticks.len(), 6);
        assert!((axis.place(0.1) - 0.0).abs() < 1e-9 && (axis.place(10_000.0) - 1.0).abs() < 1e-9);
        assert!((axis.place(0.0) - 0.0).abs() < 1e-9, "zero stands on the ground");
        assert_eq!(ValueAxis::logarithmic(5.0, 5.0).ticks.len(), 2);
        assert!(ValueAxis::logarithmic(1e-300, 1e300).ticks.len() <= 6);
    }

    #[test]
    fn moments_are_whole_steps_of_utc() {
        let day = 1_773_446_400_000;
        let labels = |from, to, most| -> Vec<String> {
            time_ticks(from, to, most).into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(
            labels(day, day + DAY_MS, 8),
            ["03-14", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "03-15"]
        );
        assert_eq!(labels(day + 1, day + 40_000, 4), ["00:00:10", "00:00:20", "00:00:30", "00:00:40"]);
        assert!(time_ticks(0, u64::MAX, 8).len() <= 9);
        assert!(time_ticks(u64::MAX - 5, u64::MAX, 8).is_empty());
    }

    proptest! {
        #[test]
        fn an_axis_holds_its_values(low in -1e12..1e12_f64, high in -1e12..1e12_f64, is_whole: bool) {
            let (low, high) = (low.min(high), low.max(high));
            let axis = ValueAxis::linear(low, high, 1.0, is_whole);
            prop_assert!((2..=8).contains(&axis.ticks.len()), "{:?}", axis.ticks);
            prop_assert!(axis.low <= low.min(0.0) + low.abs() * 1e-6 && axis.high >= high.max(0.0) * (1.0 - 1e-6));
        }
    }
}
