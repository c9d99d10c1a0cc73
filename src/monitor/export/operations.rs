//! Whether the dashboard, the alert rules and the text under `docs/operations/` speak of metrics and labels that there are.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::monitor::export::family::{FAMILIES, Shape};
use crate::telemetry::metric::Metric;

const FILES: [(&str, &str); 4] = [
    ("grafana-dashboard.json", include_str!("../../../docs/operations/grafana-dashboard.json")),
    ("prometheus-alerts.yml", include_str!("../../../docs/operations/prometheus-alerts.yml")),
    ("README.md", include_str!("../../../docs/operations/README.md")),
    ("prometheus-alerts.test.yml", include_str!("../../../.ci/prometheus-alerts.test.yml")),
];

/// Labels that Prometheus sets, and those of histograms.
const GIVEN: [&str; 3] = ["instance", "job", "le"];

/// Names of series, and their labels.
fn series() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut series: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in Metric::ALL.iter().map(|metric| metric.row()) {
        series.entry(row.prometheus.into()).or_default().insert(row.label.0);
    }
    for family in FAMILIES {
        let labels: BTreeSet<_> = family.labels.iter().map(|(name, _)| *name).collect();
        let ends: &[&str] =
            if matches!(family.shape, Shape::Histogram(_)) { &["_bucket", "_sum", "_count"] } else { &[""] };
        series.extend(ends.iter().map(|end| (format!("{}{end}", family.prometheus), labels.clone())));
    }
    series
}

#[test]
fn every_metric_and_label_that_is_named_is_in_the_tables() {
    let series = series();
    let name = Regex::new(r"\bagentwise_[a-z0-9_]+(?:\{[^}]*\})?").expect("a pattern");
    let label = Regex::new(r"([a-zA-Z_]+)\s*(?:=~|!~|!=|=)").expect("a pattern");
    for (file, text) in FILES {
        // Quotes inside of JSON.
        let text = text.replace("\\\"", "\"");
        for found in name.find_iter(&text) {
            let (metric, labels) = found.as_str().split_once('{').unwrap_or((found.as_str(), ""));
            let own = series.get(metric).unwrap_or_else(|| panic!("{file}: no metric {metric}"));
            for (_, [label]) in label.captures_iter(labels).map(|found| found.extract()) {
                assert!(
                    own.contains(label) || GIVEN.contains(&label),
                    "{file}: {metric} has no label {label}"
                );
            }
        }
    }
}

#[test]
fn what_operators_need_is_on_the_dashboard_and_in_the_rules() {
    let [(_, dashboard), (_, rules), ..] = FILES;
    for metric in [
        "agentwise_memory_resident_bytes",
        "agentwise_cpu_host_usage_ratio",
        "agentwise_event_loop_delay_seconds",
        "agentwise_cache_recent_hit_ratio",
        "agentwise_request_duration_seconds_bucket",
        "agentwise_tokens_original_total",
        "agentwise_agents",
        "agentwise_alerts_firing",
        "agentwise_alert_deliveries_total",
    ] {
        assert!(dashboard.contains(metric), "the dashboard shows {metric}");
    }
    for metric in [
        "agentwise_memory_usage_ratio",
        "agentwise_cpu_host_usage_ratio",
        "agentwise_cache_recent_hit_ratio",
        "agentwise_disk_usage_ratio",
    ] {
        assert!(rules.contains(metric), "a rule is about {metric}");
    }
}

#[test]
fn dashboard_can_be_imported_anywhere() {
    let dashboard: serde_json::Value = serde_json::from_str(FILES[0].1).expect("JSON");
    let variables: Vec<_> = dashboard["templating"]["list"].as_array().expect("variables").iter().collect();
    assert!(variables.iter().any(|variable| variable["type"] == "datasource"));
    assert!(variables.iter().any(|variable| variable["name"] == "instance"));
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{}", panel["title"]);
    }
}
