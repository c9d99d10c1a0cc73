//! `docs/metrics.md`, made from the two tables. Only a test writes and compares it.
#![cfg(test)]

use std::fmt::Write;
use std::path::Path;

use crate::monitor::export::family::{FAMILIES, Family, Shape};
use crate::telemetry::metric::{Kind, Metric};

const HEAD: &str = "\
<!-- Generated from src/telemetry/metric.rs and src/monitor/export/family.rs by
`UPDATE_DOCS=1 cargo test --no-default-features docs_metrics`. Do not edit. -->

# Metrics

Every figure of the production monitor: where it stands in `SystemMetrics` (what `getCurrentMetrics()` gives, and what `metric`
of an alert rule names), in which unit it is shown there, and under which name it is exported. Exports are in base units: bytes
(MB are 2^20), seconds, ratios from 0 to 1. A figure that cannot be read is `null` in `SystemMetrics` and absent in exports.

In OpenTelemetry, names are those of the [semantic conventions](https://opentelemetry.io/docs/specs/semconv/) where these have one
for the same thing; others begin with `agentwise.`. Counts are cumulative since the monitor was started.

## Figures

";

const FAMILIES_HEAD: &str = "
## Families

What has a label of its own, and so no path in `SystemMetrics`. Values of labels are cut at 128 bytes, without control
characters. Operations are 64 at most, agents the 50 largest; what is beyond is counted as `other`.

";

fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | ")).expect("a text");
        if index == 0 {
            let rules = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
            writeln!(text, "| {} |", rules.join(" | ")).expect("a text");
        }
    }
    text
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn code(text: &str) -> String {
    if text.is_empty() { "–".into() } else { format!("`{text}`") }
}

fn kind(shape: Shape) -> &'static str {
    match shape {
        Shape::Gauge => "gauge",
        Shape::Amount => "gauge (UpDownCounter)",
        Shape::Counter => "counter",
        Shape::Histogram(_) => "histogram",
        Shape::Info => "info",
    }
}

fn document() -> String {
    let mut figures =
        vec![row(&["Path", "Unit", "Prometheus", "OpenTelemetry", "Kind", "Meaning", "Source"])];
    for metric in Metric::ALL {
        let metric = metric.row();
        let label = if metric.label.0.is_empty() {
            String::new()
        } else {
            format!("{{{}=\"{}\"}}", metric.label.0, metric.label.1)
        };
        let shown = metric.unit.shown();
        figures.push(row(&[
            &code(metric.path),
            if shown.is_empty() { "–" } else { shown },
            &code(&format!("{}{label}", metric.prometheus)),
            &code(metric.otel),
            if metric.kind == Kind::Counter { "counter" } else { kind(Family::of(&metric).shape) },
            metric.help,
            metric.source,
        ]));
    }
    let mut families = vec![row(&[
        "Prometheus",
        "Labels",
        "OpenTelemetry",
        "Attributes",
        "Unit",
        "Kind",
        "Meaning",
        "Source",
    ])];
    for family in FAMILIES {
        let names = |pick: fn(&(&'static str, &'static str)) -> &'static str| {
            let names = family.labels.iter().map(|label| code(pick(label)));
            names.collect::<Vec<_>>().join(", ")
        };
        let labels = names(|label| label.0);
        let attributes = if family.otel.is_empty() { String::new() } else { names(|label| label.1) };
        let or_none = |text: String| if text.is_empty() { "–".to_owned() } else { text };
        families.push(row(&[
            &code(family.prometheus),
            &or_none(labels),
            &code(family.otel),
            &or_none(attributes),
            &code(family.unit),
            kind(family.shape),
            family.help,
            family.source,
        ]));
    }
    format!("{HEAD}{}{FAMILIES_HEAD}{}", aligned(&figures), aligned(&families))
}

#[test]
fn docs_metrics_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let wanted = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("docs/metrics.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/metrics.md is not what the tables give: run this test with UPDATE_DOCS=1");
}
