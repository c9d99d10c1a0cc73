//! Alerts in the page: when each component had some, and the list.

use std::fmt::Write as _;
use std::sync::Arc;

use super::Page;
use super::chart::write_path;
use super::escape::{Foreign, cut};
use super::figure::{Canvas, Figure, Label};
use super::line::{HEIGHT, boxes};
use super::quantity::{day_and_time, duration, number};
use super::spans::spans;
use crate::base::units::iso8601;
use crate::monitor::alerts::{Alert, Component, Level};

/// So many are listed at most; all are in the report as JSON.
const MOST_ROWS: usize = 200;
/// So many bytes of the page are theirs at most.
const MOST_BYTES: usize = 250_000;
/// What is shown of a title and of a message, in letters.
const MOST_TITLE: usize = 160;
const MOST_MESSAGE: usize = 600;

const COMPONENTS: [(Component, &str); 6] = [
    (Component::Memory, "memory"),
    (Component::Cache, "cache"),
    (Component::Cpu, "cpu"),
    (Component::Disk, "disk"),
    (Component::Agents, "agents"),
    (Component::Performance, "performance"),
];

/// Its name, also its class.
pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Critical => "critical",
    }
}

pub(crate) fn component_name(component: Component) -> &'static str {
    COMPONENTS.iter().find(|(one, _)| *one == component).map_or("", |(_, name)| name)
}

/// A row for each component; where it had alerts is marked.
pub(crate) fn figure(canvas: &Canvas<'_>) -> Figure {
    let height = HEIGHT / COMPONENTS.len() as f64;
    let mut drawing = String::new();
    let mut labels: Vec<Label> = Vec::new();
    for (row, (component, name)) in COMPONENTS.into_iter().enumerate() {
        let middle = (row as f64 + 0.5) * height;
        labels.push((middle / HEIGHT, name.to_owned()));
        // The worst on top.
        for (level, share) in [(Level::Info, 0.4), (Level::Warning, 0.55), (Level::Critical, 0.7)] {
            let found =
                canvas.alerts.iter().filter(|alert| alert.component == component && alert.level == level);
            let (top, bottom) =
                ((middle - height * share / 2.0).round(), (middle + height * share / 2.0).round());
            let path =
                boxes(spans(found, &canvas.timeline).into_iter().map(|(from, to)| (from, to, top, bottom)));
            write_path(&mut drawing, &format!("alert {}", level_name(level)), &path);
        }
    }
    let (start, end) = (canvas.timeline.start_ms(), canvas.timeline.end_ms());
    let in_time = canvas.alerts.iter().filter(|alert| (start..=end).contains(&alert.timestamp));
    Figure {
        id: "alerts-time",
        title: "Alerts".to_owned(),
        summary: format!("{} in this time.", counts(in_time)),
        labels,
        marks: Vec::new(),
        drawing,
        columns: &[],
        entries: Vec::new(),
        times: None,
        is_wide: true,
    }
}

/// `9 alerts: 3 critical, 5 warnings, 1 info`.
fn counts<'a>(alerts: impl Iterator<Item = &'a Arc<Alert>>) -> String {
    let (mut critical, mut warnings, mut infos) = (0_u32, 0_u32, 0_u32);
    for alert in alerts {
        match alert.level {
            Level::Critical => critical += 1,
            Level::Warning => warnings += 1,
            Level::Info => infos += 1,
        }
    }
    let all = critical + warnings + infos;
    if all == 0 {
        return "No alert".to_owned();
    }
    let count = |count: u32, one: &str, many: &str| {
        format!("{} {}", number(f64::from(count)), if count == 1 { one } else { many })
    };
    let parts =
        [(critical, "critical", "critical"), (warnings, "warning", "warnings"), (infos, "info", "infos")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|part| part.0 > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    format!("{}: {}", count(all, "alert", "alerts"), parts.join(", "))
}

/// The list, newest first.
pub(crate) fn write(page: &mut Page, alerts: &[Arc<Alert>]) {
    page.add("<section id=\"alerts\"><h2>Alerts</h2>");
    if alerts.is_empty() {
        page.add("<p class=\"note\">There was no alert.</p></section>\n");
        return;
    }
    let mut rows = String::new();
    let mut shown = 0;
    for alert in alerts.iter().take(MOST_ROWS) {
        let before = rows.len();
        row(&mut rows, alert);
        if rows.len() > MOST_BYTES {
            rows.truncate(before);
            break;
        }
        shown += 1;
    }
    put!(page, "<p class=\"note\">{}", counts(alerts.iter()));
    if shown < alerts.len() {
        put!(page, "; the newest {shown} are listed here, all are in the report as JSON");
    }
    page.add(
        ".</p><div class=\"scroll\" role=\"region\" aria-label=\"List of alerts\" tabindex=\"0\"><table class=\"stack\">",
    );
    page.add("<thead><tr><th scope=\"col\">Since (UTC)</th><th scope=\"col\">Level</th><th scope=\"col\">Component</th>");
    page.add("<th scope=\"col\">What</th><th scope=\"col\">State</th></tr></thead><tbody>\n");
    page.add(&rows);
    page.add("</tbody></table></div></section>\n");
}

fn row(rows: &mut String, alert: &Alert) {
    let level = level_name(alert.level);
    let state = match alert.resolved_at {
        Some(at) => format!("over after {}", duration(at.saturating_sub(alert.timestamp) as f64 / 1000.0)),
        None if alert.resolved => "over".to_owned(),
        None => "<strong class=\"open\">open</strong>".to_owned(),
    };
    let is_silenced = alert
        .metadata
        .get("silenced")
        .is_some_and(|value| value.as_bool() != Some(false) && !value.is_null());
    let silenced = if is_silenced { ", silenced" } else { "" };
    let by = match alert.metadata.get("resolvedBy").and_then(serde_json::Value::as_str) {
        Some(by) if alert.resolved => format!(" by {}", Foreign(&cut(by, MOST_TITLE))),
        _ => String::new(),
    };
    let written = writeln!(
        rows,
        "<tr><td class=\"when\"><time datetime=\"{}\">{}</time></td><td><span class=\"badge {level}\">{level}</span></td>\
         <td>{}</td><td class=\"text\"><b>{}</b><br>{}</td><td>{state}{by}{silenced}</td></tr>",
        iso8601(alert.timestamp),
        day_and_time(alert.timestamp),
        component_name(alert.component),
        Foreign(&cut(&alert.title, MOST_TITLE)),
        Foreign(&cut(&alert.message, MOST_MESSAGE)),
    );
    written.expect("invariant: a text takes any text");
}
