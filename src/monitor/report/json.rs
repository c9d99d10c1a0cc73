//! The report as JSON. Times are ISO 8601 text, figures are rounded as in `getCurrentMetrics()`.
//!
//! The history is in columns: a week of samples as objects would be a hundred megabytes. It is written straight into the text, so
//! that a report costs its own size and no tree besides.

use std::collections::BTreeMap;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, to_value};

use super::ReportData;
use super::metrics_json::{figure, metrics_json};
use crate::base::json::times_as_iso8601;
use crate::base::redact::redacted;
use crate::base::units::{iso8601, round2};
use crate::monitor::sample::{OperationRow, SampleRow};
use crate::telemetry::metric::{Metric, Unit};

/// The report as a value. Prefer [`json_text`] where only the text is wanted: the tree is many times its size.
pub fn json(data: &ReportData) -> Value {
    to_value(Report(data)).expect("invariant: keys are texts and numbers are finite")
}

/// The report as text, without a tree of it. Memory: the size of the text.
pub fn json_text(data: &ReportData) -> String {
    serde_json::to_string(&Report(data)).expect("invariant: keys are texts and numbers are finite")
}

struct Report<'a>(&'a ReportData);

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &iso8601(data.generated_ms))?;
        map.serialize_entry("environment", &data.environment)?;
        map.serialize_entry("project", &data.project)?;
        map.serialize_entry("host", &data.host)?;
        map.serialize_entry("version", &data.version)?;
        map.serialize_entry("uptime", &round2(data.uptime_s))?;
        map.serialize_entry("health", &dated(data.health.clone()))?;
        map.serialize_entry("metrics", &data.current.as_ref().map(|row| dated(metrics_json(row))))?;
        map.serialize_entry(
            "alerts",
            &Each(&data.alerts, |alert| dated(to_value(alert.as_ref()).unwrap_or_default())),
        )?;
        map.serialize_entry("recommendations", &Each(&data.recommendations, |one| dated(one.clone())))?;
        map.serialize_entry("degradations", &Each(&data.degradations, |one| dated(one.clone())))?;
        map.serialize_entry("channels", &Each(&data.channels, |one| dated(redacted(one))))?;
        map.serialize_entry("config", &redacted(&data.config))?;
        map.serialize_entry("history", &History(&data.rows))?;
        map.end()
    }
}

fn dated(mut value: Value) -> Value {
    times_as_iso8601(&mut value);
    value
}

/// A list whose items are made while it is written.
struct Each<'a, T, F>(&'a [T], F)
where
    F: Fn(&T) -> Value;

impl<T, F: Fn(&T) -> Value> Serialize for Each<'_, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            list.serialize_element(&(self.1)(item))?;
        }
        list.end()
    }
}

/// `{ timestamp: [], interval: [ms], metrics: { path: [] }, operations: { name: { row: [], count: [], … } } }`. A figure that was
/// never there has no column. `row` is the place in `timestamp`.
struct History<'a>(&'a [SampleRow]);

impl Serialize for History<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0;
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("timestamp", &Each(rows, |row| iso8601(row.at_ms).into()))?;
        map.serialize_entry("interval", &Each(rows, |row| row.interval_ms.into()))?;
        map.serialize_entry("metrics", &Columns(rows))?;
        map.serialize_entry("operations", &Operations(rows))?;
        map.end()
    }
}

struct Columns<'a>(&'a [SampleRow]);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for metric in Metric::ALL {
            let row = metric.row();
            if self.0.iter().any(|sample| sample.figures.get(*metric).is_some()) {
                let column = Each(self.0, |sample: &SampleRow| figure(sample.figures.get(*metric), row.unit));
                map.serialize_entry(row.path, &column)?;
            }
        }
        map.end()
    }
}

struct Operations<'a>(&'a [SampleRow]);

type OperationColumn = (&'static str, fn(&OperationRow) -> Value);

impl Serialize for Operations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut by_name: BTreeMap<&str, Vec<(usize, &OperationRow)>> = BTreeMap::new();
        for (index, row) in self.0.iter().enumerate() {
            for operation in &row.operations {
                by_name.entry(&operation.name).or_default().push((index, operation));
            }
        }
        let mut map = serializer.serialize_map(Some(by_name.len()))?;
        for (name, found) in &by_name {
            map.serialize_entry(name, &Operation(found))?;
        }
        map.end()
    }
}

struct Operation<'a>(&'a [(usize, &'a OperationRow)]);

impl Operation<'_> {
    const COLUMNS: [OperationColumn; 7] = [
        ("count", |row| row.count.into()),
        ("errors", |row| row.errors.into()),
        ("mean", |row| figure(Some(row.mean_ms), Unit::Milliseconds)),
        ("p50", |row| figure(Some(row.p50_ms), Unit::Milliseconds)),
        ("p95", |row| figure(Some(row.p95_ms), Unit::Milliseconds)),
        ("p99", |row| figure(Some(row.p99_ms), Unit::Milliseconds)),
        ("max", |row| figure(Some(row.max_ms), Unit::Milliseconds)),
    ];
}

impl Serialize for Operation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Self::COLUMNS.len() + 1))?;
        map.serialize_entry("row", &Each(self.0, |(index, _)| (*index).into()))?;
        for (name, value) in Self::COLUMNS {
            map.serialize_entry(name, &Each(self.0, |(_, row)| value(row)))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;
    use crate::monitor::report::test_data::{START_MS, day, nothing, row, row_with};

    #[test]
    fn the_text_is_the_value_and_times_are_text() {
        let mut data = day();
        data.rows.truncate(30);
        let report = json(&data);
        let read: Value = serde_json::from_str(&json_text(&data)).expect("JSON");
        assert_eq!(read, report);
        for (path, wanted) in [
            ("/timestamp", value!("2026-03-15T00:00:04.000Z")),
            ("/project", value!("checkout-agents")),
            ("/health/components/0/timestamp", value!("2026-03-14T23:59:48.000Z")),
            ("/metrics/timestamp", value!("2026-03-15T00:00:00.000Z")),
            ("/metrics/memory/limit", value!(2048)),
            ("/alerts/0/type", value!("warning")),
            ("/alerts/1/resolvedAt", value!("2026-03-14T19:13:00.000Z")),
            ("/degradations/0/since", value!("2026-03-14T23:35:00.000Z")),
            ("/recommendations/0/proposed", value!(1800)),
            ("/channels/1/lastError", value!("answered 503")),
            ("/config/otlpEndpoint", value!("http://collector:4318")),
            ("/history/timestamp/29", value!("2026-03-14T00:05:00.000Z")),
            ("/history/interval/0", value!(10_000)),
            ("/history/metrics/memory.limit/29", value!(2048)),
        ] {
            assert_eq!(report.pointer(path), Some(&wanted), "{path}");
        }
    }

    #[test]
    fn every_sampled_figure_has_a_column_and_no_other() {
        let mut rows: Vec<SampleRow> = Vec::new();
        for (index, metric) in Metric::ALL.iter().enumerate().skip(1) {
            rows.push(row_with(START_MS + index as u64, *metric, index as f64 + 0.25));
        }
        let report = json(&ReportData { rows, ..nothing() });
        let columns = report["history"]["metrics"].as_object().expect("columns");
        assert_eq!(columns.len(), Metric::COUNT - 1);
        for (index, metric) in Metric::ALL.iter().enumerate().skip(1) {
            let column = columns[metric.row().path].as_array().expect("a column");
            assert_eq!(column.len(), Metric::COUNT - 1);
            let found: Vec<_> = column.iter().enumerate().filter(|(_, cell)| !cell.is_null()).collect();
            assert_eq!(found, [(index - 1, &value!(index as f64 + 0.25))], "{metric:?}");
        }
    }

    #[test]
    fn operations_have_a_value_for_each_sample_that_they_are_in() {
        let operation = |name: &str, count| OperationRow {
            name: name.into(),
            count,
            errors: 1,
            mean_ms: 1.0,
            p50_ms: 0.5,
            p95_ms: 2.0,
            p99_ms: 3.0,
            max_ms: f64::NAN,
        };
        let mut rows = vec![row(0), row(10_000), row(20_000)];
        rows[0].operations = vec![operation("a", 4), operation("__proto__", 2)];
        rows[2].operations = vec![operation("a", 5)];
        let report = json(&ReportData { rows, ..nothing() });
        let wanted = value!({
            "row": [0, 2], "count": [4, 5], "errors": [1, 1], "mean": [1, 1], "p50": [0.5, 0.5], "p95": [2, 2], "p99": [3, 3], "max": [null, null],
        });
        assert_eq!(report["history"]["operations"]["a"], wanted);
        assert_eq!(report["history"]["operations"]["__proto__"]["row"], value!([0]));
    }

    #[test]
    fn nothing_measured_is_a_whole_report() {
        let report = json(&nothing());
        assert!(report["metrics"].is_null() && report["project"].is_null());
        assert_eq!(report["alerts"], value!([]));
        assert_eq!(
            report["history"],
            value!({ "timestamp": [], "interval": [], "metrics": {}, "operations": {} })
        );
        let data = ReportData {
            uptime_s: f64::NAN,
            config: value!({ "slackWebhookUrl": "https://x/y" }),
            ..nothing()
        };
        assert!(json(&data)["uptime"].is_null());
        assert!(!json_text(&data).contains("https"));
    }
}
