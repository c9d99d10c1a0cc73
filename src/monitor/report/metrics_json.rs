//! A sample as `SystemMetrics` of the public API: each figure of the metric table at its path, absent ones `null`, or 0 where the API promises a number.

use serde_json::{Map, Value, json};

use crate::monitor::sample::{OperationRow, SampleRow};
use crate::telemetry::metric::{Metric, MetricRow, Unit};

/// What `getCurrentMetrics()` gives; `timestamp` is Unix ms. Values have two decimals, times in ms three, ratios and dollars four.
pub fn metrics_json(row: &SampleRow) -> Value {
    let mut root = Value::Object(Map::new());
    root["timestamp"] = row.at_ms.into();
    for metric in Metric::ALL {
        let MetricRow { path, unit, .. } = metric.row();
        put(&mut root, path, figure(row.figures.promised(*metric), unit));
    }
    let operations = row.operations.iter().map(|one| (one.name.to_string(), operation(one, row.interval_ms)));
    root["operations"] = Value::Object(operations.collect());
    root
}

/// Requests of one operation, as the public API shows them.
fn operation(row: &OperationRow, interval_ms: u64) -> Value {
    let ms = |value: f64| figure(Some(value), Unit::Milliseconds);
    json!({
        "count": row.count,
        "errors": row.errors,
        "errorRate": figure(error_percent(row), Unit::Percent),
        "throughput": figure(Some(row.count as f64 * 1000.0 / interval_ms as f64), Unit::PerSecond),
        "mean": ms(row.mean_ms),
        "p50": ms(row.p50_ms),
        "p95": ms(row.p95_ms),
        "p99": ms(row.p99_ms),
        "max": ms(row.max_ms),
    })
}

fn error_percent(row: &OperationRow) -> Option<f64> {
    (row.count > 0).then(|| row.errors as f64 * 100.0 / row.count as f64)
}

/// A figure as it is written: rounded as its unit asks, whole numbers without a point, `null` for what is no number.
pub(super) fn figure(value: Option<f64>, unit: Unit) -> Value {
    /// Up to here a number with four decimals is exact enough to be rounded.
    const MAX_ROUNDED: f64 = 1e11;
    let Some(value) = value.filter(|value| value.is_finite()) else { return Value::Null };
    let per_one = unit.per_one();
    let rounded = if value.abs() < MAX_ROUNDED { (value * per_one).round() / per_one } else { value };
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and far below 2^63")]
        let whole = rounded as i64;
        return whole.into();
    }
    rounded.into()
}

/// Sets the value at a dotted path. A number in it is a place in a list; the table has them in order.
fn put(root: &mut Value, path: &str, value: Value) {
    let mut place = root;
    for segment in path.split('.') {
        place = if let Ok(index) = segment.parse::<usize>() {
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            let list = place.as_array_mut().expect("invariant: made a list above");
            list.resize(list.len().max(index + 1), Value::Null);
            &mut list[index]
        } else {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            let object = place.as_object_mut().expect("invariant: made an object above");
            object.entry(segment).or_insert(Value::Null)
        };
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::report::test_data::row;

    /// What stands at a path of the table.
    fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
        value.pointer(&format!("/{}", path.replace('.', "/"))).expect(path)
    }

    #[test]
    fn every_figure_stands_at_its_path() {
        let mut sample = row(1_767_225_600_000);
        for (index, metric) in Metric::ALL.iter().enumerate() {
            sample.figures.set(*metric, index as f64 + 0.25);
        }
        let metrics = metrics_json(&sample);
        for (index, metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(at(&metrics, metric.row().path), &json!(index as f64 + 0.25), "{metric:?}");
        }
        assert_eq!(metrics["timestamp"], 1_767_225_600_000_u64);
        assert!(metrics["cpu"]["loadAverage"].as_array().is_some_and(|list| list.len() == 3));
    }

    #[test]
    fn absent_figures_are_null_at_their_path_or_zero_where_a_number_is_promised() {
        let metrics = metrics_json(&row(0));
        for metric in Metric::ALL {
            let expected = if metric.is_promised() { json!(0) } else { Value::Null };
            assert_eq!(at(&metrics, metric.row().path), &expected, "{metric:?}");
        }
        assert_eq!(metrics["operations"], json!({}));
    }

    #[test]
    fn figures_are_rounded_as_their_unit_asks() {
        for (value, unit, written) in [
            (1.005_9, Unit::Megabytes, "1.01"),
            (1.234_56, Unit::Milliseconds, "1.235"),
            (0.876_543, Unit::Ratio, "0.8765"),
            (0.000_04, Unit::Dollars, "0"),
            (-0.001, Unit::Percent, "0"),
            (1e15 + 0.5, Unit::One, "1000000000000000.5"),
            (1e300, Unit::One, "1e+300"),
            (4096.0, Unit::Bytes, "4096"),
            (f64::NAN, Unit::One, "null"),
            (f64::INFINITY, Unit::One, "null"),
        ] {
            assert_eq!(figure(Some(value), unit).to_string(), written);
        }
    }

    #[test]
    fn an_operation_shows_rates_of_its_interval() {
        let mut sample = row(0);
        let (count, errors) = (50, 2);
        let times = (1.0, 0.5, 2.0, 3.000_4, 4.0);
        let (mean_ms, p50_ms, p95_ms, p99_ms, max_ms) = times;
        let name = "get \"x\"".into();
        sample.operations =
            vec![OperationRow { name, count, errors, mean_ms, p50_ms, p95_ms, p99_ms, max_ms }];
        let wanted = json!({
            "count": 50, "errors": 2, "errorRate": 4, "throughput": 5, "mean": 1, "p50": 0.5, "p95": 2, "p99": 3, "max": 4,
        });
        assert_eq!(metrics_json(&sample)["operations"]["get \"x\""], wanted);
        sample.interval_ms = 0;
        sample.operations[0].count = 0;
        let metrics = metrics_json(&sample);
        assert!(metrics["operations"]["get \"x\""]["throughput"].is_null());
        assert!(metrics["operations"]["get \"x\""]["errorRate"].is_null());
    }
}
