//! The lists that come as JSON: health, recommendations, degradations, channels, settings. Each shows what it knows and leaves out
//! what is not there; how long a list and a text may be is bounded.

use serde_json::Value;

use super::Page;
use super::escape::{Escaped, Foreign, cut};
use super::head::band;
use super::quantity::{NOTHING, day_and_time, number, quantity};
use crate::base::redact::redacted;
use crate::telemetry::metric::{Metric, Unit};

/// So many entries of a list are shown.
const MOST_ROWS: usize = 50;
/// What is shown of a text, in letters.
const MOST_TEXT: usize = 400;
/// What is shown of the settings, in letters.
const MOST_CONFIG: usize = 30_000;

/// A cell: its class, and HTML that is safe.
pub(crate) type Cell = (&'static str, String);

/// What a list is called, and what is said when it is empty.
pub(crate) struct About {
    /// Unique in the page.
    pub(crate) id: &'static str,
    /// Its heading.
    pub(crate) title: &'static str,
    /// Said when it is empty.
    pub(crate) nothing: &'static str,
}

/// A list under its heading. The first cell of a row is its head. On a telephone a row becomes a paragraph, in which each cell has
/// the head of its column before it.
pub(crate) fn table<const N: usize>(
    page: &mut Page,
    about: &About,
    heads: [&str; N],
    items: &[Value],
    cells: impl Fn(&Value) -> [Cell; N],
) {
    let About { id, title, nothing } = about;
    put!(page, "<section id=\"{id}\"><h2>{title}</h2>");
    if items.is_empty() {
        put!(page, "<p class=\"note\">{nothing}</p></section>\n");
        return;
    }
    put!(page, "<div class=\"scroll\" role=\"region\" aria-label=\"{title}, table\" tabindex=\"0\">");
    page.add("<table class=\"stack\"><thead><tr>");
    for head in heads {
        put!(page, "<th scope=\"col\">{head}</th>");
    }
    page.add("</tr></thead><tbody>\n");
    for item in items.iter().take(MOST_ROWS) {
        page.add("<tr>");
        for (index, ((class, html), head)) in cells(item).iter().zip(heads).enumerate() {
            match index {
                0 => put!(page, "<th scope=\"row\">{html}</th>"),
                _ => put!(page, "<td class=\"{class}\" data-l=\"{head}\">{html}</td>"),
            }
        }
        page.add("</tr>\n");
    }
    page.add("</tbody></table></div>");
    if items.len() > MOST_ROWS {
        let more = number((items.len() - MOST_ROWS) as f64);
        put!(page, "<p class=\"note\">{more} more are in the report as JSON.</p>");
    }
    page.add("</section>\n");
}

/// A cell with a user's text.
pub(crate) fn told(class: &'static str, text: &str) -> Cell {
    (class, Foreign(text).to_string())
}

/// A value as a person would write it.
pub(crate) fn text(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => NOTHING.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(is_so)) => (if *is_so { "yes" } else { "no" }).to_owned(),
        Some(Value::Number(value)) => value.as_f64().map_or_else(|| value.to_string(), number),
        Some(Value::Array(items)) => {
            items.iter().take(MOST_ROWS).map(|item| text(Some(item))).collect::<Vec<_>>().join(", ")
        }
        Some(Value::Object(entries)) => {
            let parts =
                entries.iter().take(MOST_ROWS).map(|(key, item)| format!("{key} {}", text(Some(item))));
            parts.collect::<Vec<_>>().join(", ")
        }
    };
    cut(&text, MOST_TEXT).into_owned()
}

/// A time, as number or as text.
pub(crate) fn time(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(ms)) => ms.as_u64().map_or_else(|| NOTHING.to_owned(), day_and_time),
        other => text(other),
    }
}

/// The components of health.
pub(crate) fn health(page: &mut Page, health: &Value) {
    let components = health.get("components").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let about = About { id: "health", title: "Health", nothing: "No check has been made yet." };
    table(
        page,
        &about,
        ["Component", "Status", "Score", "What was found", "Checked (UTC)"],
        components,
        |one| {
            let status = one.get("status").and_then(Value::as_str).unwrap_or("unknown");
            let class = match status {
                "healthy" => "good",
                "warning" => "warning",
                "critical" | "down" => "critical",
                _ => "unknown",
            };
            let status = Escaped(&cut(status, MOST_TEXT)).to_string();
            let score = one.get("score").and_then(Value::as_f64);
            let word = score.map_or_else(
                || NOTHING.to_owned(),
                |score| format!("{}, {}", number(score), band(Some(score)).1),
            );
            [
                told("", &text(one.get("component"))),
                ("", format!("<span class=\"badge {class}\">{status}</span>")),
                ("", word),
                told("text", &text(one.get("message"))),
                told("when", &time(one.get("timestamp"))),
            ]
        },
    );
}

/// What the figures advise.
pub(crate) fn recommendations(page: &mut Page, items: &[Value]) {
    let nothing = "The figures give no reason to change a setting.";
    let about = About { id: "recommendations", title: "Recommendations", nothing };
    let heads = ["Setting", "Priority", "Now", "Proposed", "Why", "Evidence"];
    table(page, &about, heads, items, |one| {
        let cell = |class, key| told(class, &text(one.get(key)));
        [
            cell("", "setting"),
            ("", priority(one)),
            cell("", "current"),
            cell("", "proposed"),
            cell("text", "reason"),
            told("", &evidence(one.get("evidence"))),
        ]
    });
}

/// Counts by name, without what stands beside them, moments as such.
fn evidence(value: Option<&Value>) -> String {
    let Some(Value::Object(entries)) = value else { return text(value) };
    let told = entries.iter().filter(|(key, _)| !["setting", "current", "proposed"].contains(&key.as_str()));
    let parts = told.take(MOST_ROWS).map(|(key, item)| match key.strip_suffix("Ms") {
        Some("since") => format!("since {}", time(Some(item))),
        _ => format!("{key} {}", text(Some(item))),
    });
    cut(&parts.collect::<Vec<_>>().join(", "), MOST_TEXT).into_owned()
}

/// How soon somebody should look at it, as HTML.
fn priority(item: &Value) -> String {
    let name = item.get("priority").and_then(Value::as_str).unwrap_or(NOTHING);
    let class = match name {
        "high" => "critical",
        "medium" => "warning",
        "low" => "info",
        _ => return Escaped(name).to_string(),
    };
    format!("<span class=\"badge {class}\">{name}</span>")
}

/// What is worse than usual.
pub(crate) fn degradations(page: &mut Page, items: &[Value]) {
    let about = About { id: "degradations", title: "Degradations", nothing: "Nothing is worse than usual." };
    table(page, &about, ["Figure", "Operation", "Usual", "Now", "Since (UTC)"], items, |one| {
        let metric = text(one.get("metric"));
        let unit = Metric::at_path(&metric).map_or(Unit::One, |metric| metric.row().unit);
        let figure = |key| {
            one.get(key)
                .and_then(Value::as_f64)
                .map_or_else(|| NOTHING.to_owned(), |value| quantity(value, unit))
        };
        [
            told("", &metric),
            told("", &text(one.get("operation"))),
            ("", figure("baseline")),
            ("", figure("current")),
            told("when", &time(one.get("since"))),
        ]
    });
}

/// How alerts get out.
pub(crate) fn channels(page: &mut Page, items: &[Value]) {
    let about = About { id: "channels", title: "Channels", nothing: "There is no channel." };
    let heads = [
        "Channel",
        "State",
        "Delivered",
        "Waiting",
        "Retries",
        "Given up",
        "Dropped",
        "Digests",
        "Last delivered (UTC)",
        "Last error",
    ];
    table(page, &about, heads, items, |one| {
        let is = |key| one.get(key).and_then(Value::as_bool).unwrap_or(false);
        let state = match (is("enabled"), is("configured")) {
            (true, true) => "on",
            (true, false) => "on, not configured",
            (false, _) => "off",
        };
        let count = |key| ("", Escaped(&text(one.get(key))).to_string());
        let loss = |key| {
            let is_some = one.get(key).and_then(Value::as_f64).is_some_and(|count| count > 0.0);
            (if is_some { "bad" } else { "" }, count(key).1)
        };
        [
            told("", &text(one.get("name"))),
            ("", state.to_owned()),
            count("delivered"),
            count("queued"),
            count("retries"),
            loss("dead"),
            loss("dropped"),
            count("digests"),
            told("when", &time(one.get("lastDeliveredAt"))),
            told("", &text(one.get("lastError"))),
        ]
    });
}

/// The settings in force, folded.
pub(crate) fn config(page: &mut Page, config: &Value) {
    let text = serde_json::to_string_pretty(&redacted(config)).unwrap_or_default();
    page.add("<section id=\"config\"><h2>Settings</h2><details><summary>Settings in force</summary><pre tabindex=\"0\">");
    put!(page, "{}</pre></details></section>\n", Escaped(&cut(&text, MOST_CONFIG)));
}
