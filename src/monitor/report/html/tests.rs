//! Tests of the whole page: that it is well formed, holds all there is, and lets nobody's text be more than text.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::html;
use crate::monitor::alerts::{Alert, Component, Level};
use crate::monitor::report::ReportData;
use crate::monitor::report::test_data::{START_MS, alert, day, nothing, row, row_with};
use crate::monitor::sample::SampleRow;
use crate::telemetry::metric::Metric;

/// Elements without an end.
const VOID: [&str; 4] = ["meta", "br", "img", "path"];
/// What a page must never be larger than.
const MEGABYTE: usize = 1 << 20;

/// Texts that try to be more.
const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>",
    "</style></title></script></textarea><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)\" x='",
    "--><!-- &lt; &#60; ]]>",
    "\u{202e}\u{2066}right to left\u{0}\u{1b}[2J",
    "👩‍💻🏳️‍🌈 مرحبا\u{200f} | | |",
    "line\nbreak\r\n\ttab",
];

/// Reads a page: every tag ends where it must, attributes are quoted, and no element is unknown. Gives the elements with their
/// attributes.
fn elements(page: &str) -> Vec<(String, String)> {
    let mut open: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a loose > in {:?}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("an end of the tag");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "ends in order");
            continue;
        }
        let (name, attributes) = tag.trim_end_matches('/').split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()), "<{tag}>");
        assert_eq!(attributes.matches('"').count() % 2, 0, "<{tag}>");
        for (index, part) in attributes.split('"').enumerate() {
            let is_name = part.is_empty()
                || part
                    .trim_start()
                    .trim_end_matches('=')
                    .chars()
                    .all(|c| c.is_ascii_alphabetic() || "-: ".contains(c));
            assert!(index % 2 == 1 || is_name, "<{tag}>");
        }
        found.push((name.to_owned(), attributes.to_owned()));
        if matches!(name, "script" | "style") {
            let close = rest.find(&format!("</{name}>")).expect("its end");
            rest = &rest[close + name.len() + 3..];
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "still open: {open:?}");
    found
}

/// What is true of every page.
fn check(data: &ReportData) -> String {
    let page = html(data);
    assert!(page.len() <= MEGABYTE, "{} bytes", page.len());
    let elements = elements(&page);
    let count = |name: &str| elements.iter().filter(|element| element.0 == name).count();
    assert_eq!((count("script"), count("style"), count("h1"), count("main"), count("img")), (1, 1, 1, 1, 0));
    let mut ids: Vec<&str> =
        elements.iter().filter_map(|(_, text)| text.split("id=\"").nth(1)?.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id is there once");
    for (name, attributes) in &elements {
        let names: Vec<&str> =
            attributes.split('"').step_by(2).map(|part| part.trim().trim_end_matches('=')).collect();
        let is_unwanted =
            |name: &&str| name.starts_with("on") || matches!(*name, "src" | "xlink:href" | "action");
        assert!(!names.iter().any(is_unwanted), "<{name} {attributes}>");
        let values = || names.iter().copied().zip(attributes.split('"').skip(1).step_by(2));
        for (attribute, value) in values() {
            let is_place = |letter: char| letter.is_ascii_digit() || "MlhHvVz -".contains(letter);
            assert!(attribute != "d" || value.chars().all(is_place), "{value}");
            assert!(attribute != "style" || !value.contains(['N', 'i']), "{value}");
            assert!(attribute != "href" || value.starts_with('#'), "{value}");
        }
    }
    page
}

fn named(page: &str, id: &str) -> bool {
    page.contains(&format!("<figure class=\"chart\" id=\"{id}\""))
        || page.contains(&format!("<figure class=\"chart wide\" id=\"{id}\""))
}

const CHARTS: [&str; 12] = [
    "health-score",
    "alerts-time",
    "memory",
    "cpu",
    "event-loop",
    "hit-rate",
    "latency",
    "operations-latency",
    "requests",
    "tokens",
    "agents",
    "disk",
];

#[test]
fn a_day_has_all_charts_and_lists() {
    let data = day();
    let page = check(&data);
    for id in CHARTS {
        assert!(named(&page, id), "{id}");
    }
    for text in [
        "checkout-agents",
        "node-7",
        "2026-03-14 00:00 to 2026-03-15 00:00 UTC",
        "<b><bdi>good</bdi></b>",
        "9 alerts: 3 critical, 5 warnings, 1 info",
        "Needs attention",
        "Memory usage critical",
        "over after 21",
        "cache.l1MaxSize",
        "ghostHits 1,214",
        "21.7\u{a0}ms",
        "answered 503",
        "Nothing was sampled for 33\u{a0}min from 2026-03-14 03:12 on.",
        "warning 80\u{a0}%",
        "getCachedResponse",
        "&quot;metricsRetention&quot;: 7",
        "1 restart in this time",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn nothing_measured_is_a_sensible_page() {
    let page = check(&nothing());
    assert!(
        page.contains("Nothing was sampled yet")
            && page.contains("There was no alert")
            && page.contains(">unknown<")
    );
    assert!(CHARTS.iter().all(|id| !named(&page, id)));
    let alerts = vec![Arc::new(alert(START_MS, Level::Critical, Component::Disk, "Disk full", None))];
    assert!(check(&ReportData { alerts, ..nothing() }).contains("Disk full"));
}

#[test]
fn odd_series_are_drawn() {
    let at = |index: u64| START_MS + index * 10_000;
    let series = |values: &[f64]| -> Vec<SampleRow> {
        let cells = [
            Metric::MemoryProcess,
            Metric::ResponseTime,
            Metric::AgentsActive,
            Metric::Requests,
            Metric::HealthScore,
        ];
        let rows = (0..).zip(values).map(|(index, value)| {
            let mut row = row(at(index));
            for metric in cells {
                row.figures.set(metric, *value);
            }
            row
        });
        rows.collect()
    };
    let mut reversed = series(&[1.0, 2.0, 3.0]);
    reversed.reverse();
    let mut outlier = vec![5.0; 2000];
    outlier[1234] = 5e9;
    for (what, rows) in [
        ("no figure", vec![row(START_MS), row(START_MS + 1)]),
        ("one", series(&[7.0])),
        ("one at the epoch", vec![row_with(0, Metric::CpuUsage, 5.0)]),
        (
            "at the end of time",
            vec![row_with(u64::MAX, Metric::CpuUsage, 5.0), row_with(u64::MAX - 7, Metric::CpuUsage, 5.0)],
        ),
        ("all of time", vec![row_with(0, Metric::Requests, 1.0), row_with(u64::MAX, Metric::Requests, 5.0)]),
        ("zeros", series(&[0.0; 50])),
        ("constant", series(&[42.0; 50])),
        ("one outlier", series(&outlier)),
        ("huge", series(&[1e300, 2.0, f64::MAX, 1e-300])),
        ("below zero", series(&[-5.0, 3.0, -1e12])),
        ("not there", series(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY])),
        ("reversed", reversed),
        ("at the same time", vec![row_with(START_MS, Metric::CpuUsage, 1.0); 40]),
    ] {
        for generated_ms in [0, START_MS, u64::MAX] {
            let page = check(&ReportData { rows: rows.clone(), generated_ms, ..nothing() });
            assert!(page.contains("<h2>Charts</h2>"), "{what}");
        }
    }
}

#[test]
fn a_value_by_itself_is_a_dot() {
    let page = check(&ReportData { rows: vec![row_with(START_MS, Metric::CpuUsage, 50.0)], ..nothing() });
    assert!(page.contains("<path class=\"line dot c0\" d=\"M1500 500h1\"/>"));
}

#[test]
fn what_others_wrote_stays_text() {
    for text in HOSTILE.map(str::to_owned).into_iter().chain([
        HOSTILE.concat().repeat(30),
        "é".repeat(4000),
        "<".repeat(4000),
    ]) {
        let mut data = day();
        data.rows.truncate(700);
        data.project = Some(text.clone());
        data.environment.clone_from(&text);
        data.host.clone_from(&text);
        data.version.clone_from(&text);
        for row in &mut data.rows {
            row.operations.iter_mut().for_each(|one| one.name = format!("{}{text}", one.name).into());
        }
        let worse = |one: &Arc<Alert>| {
            let metadata = Map::from_iter([
                ("resolvedBy".to_owned(), text.clone().into()),
                ("silenced".to_owned(), text.clone().into()),
            ]);
            Arc::new(Alert { title: text.clone(), message: text.clone(), metadata, ..Alert::clone(one) })
        };
        data.alerts = data.alerts.iter().map(worse).collect();
        let all = |keys: &[&str]| -> Value {
            keys.iter()
                .map(|key| ((*key).to_owned(), Value::from(text.clone())))
                .collect::<Map<_, _>>()
                .into()
        };
        data.recommendations = vec![
            all(&["setting", "current", "proposed", "reason", "evidence"]),
            json!({ "evidence": { &text: [&text, { &text: 1 }] } }),
            json!(5),
        ];
        data.degradations = vec![all(&["component", "metric", "operation", "baseline", "current", "since"])];
        data.channels = vec![all(&["name", "enabled", "queued", "dead", "lastError", "lastDeliveredAt"])];
        data.health = json!({ "status": text, "score": text, "components": [all(&["component", "status", "score", "message", "timestamp"])] });
        data.config = json!({ &text: text, "alertThresholds": { "cpuWarning": text } });
        let page = check(&data);
        for mark in ['\u{202e}', '\u{0}', '\u{1b}'] {
            assert!(!page.contains(mark), "{mark:?}");
        }
    }
}

#[test]
fn ten_thousand_alerts_and_sixty_operations_make_a_small_page() {
    let mut data = day();
    let first = data.rows.clone();
    data.rows = (0..2)
        .flat_map(|day| {
            first.iter().cloned().map(move |row| SampleRow { at_ms: row.at_ms + day * 86_400_000, ..row })
        })
        .collect();
    data.generated_ms += 86_400_000;
    for row in &mut data.rows {
        let one = row.operations.first().cloned();
        row.operations.extend((0..60).filter_map(|index| {
            Some(crate::monitor::sample::OperationRow {
                name: format!("operation {index}").into(),
                ..one.clone()?
            })
        }));
    }
    let long = "A message of the length that messages have at most. <&\"'> ".repeat(70);
    let levels = [Level::Info, Level::Warning, Level::Critical];
    let components = [
        Component::Memory,
        Component::Cache,
        Component::Cpu,
        Component::Disk,
        Component::Agents,
        Component::Performance,
    ];
    let made = (0..10_000_u64).rev().map(|index| {
        let place = usize::try_from(index).expect("small");
        let one = alert(
            START_MS + index * 17_000,
            levels[place % 3],
            components[place % 6],
            &long,
            (index % 7 != 0).then_some(index % 5 * 1000),
        );
        Arc::new(Alert { message: long.clone(), ..one })
    });
    data.alerts = made.collect();
    let page = check(&data);
    assert!(
        page.contains("10,000 alerts") && page.contains("are listed here, all are in the report as JSON")
    );
    assert!(page.matches("<time datetime").count() <= 201);
}
