//! What comes first: whose report it is, how healthy it is, the figures of now, and what needs somebody.

use serde_json::Value;

use super::Page;
use super::alerts::{component_name, level_name};
use super::escape::{Escaped, Foreign, cut};
use super::quantity::{NOTHING, day_and_time, duration, number, period, quantity};
use super::timeline::{Timeline, growth};
use crate::base::units::iso8601;
use crate::monitor::report::ReportData;
use crate::telemetry::metric::{Figures, Metric, Unit};

/// What is shown of a name, in letters.
const MOST_NAME: usize = 120;
/// So many open alerts and degradations are named at the top.
const MOST_OPEN: usize = 6;

/// Of the window, as HTML.
pub(crate) fn title(data: &ReportData, report: &str) -> String {
    let name = data.project.as_deref().unwrap_or(&data.host);
    let day = day_and_time(data.generated_ms);
    format!(
        "{} {}: {report} {day}",
        Escaped(&cut(name, MOST_NAME)),
        Escaped(&cut(&data.environment, MOST_NAME))
    )
}

/// Class and usual word of a score: the bands of the public API.
pub(crate) fn band(score: Option<f64>) -> (&'static str, &'static str) {
    match score {
        None => ("unknown", "unknown"),
        Some(90.0..) => ("good", "excellent"),
        Some(70.0..) => ("good", "good"),
        Some(50.0..) => ("fair", "acceptable"),
        Some(30.0..) => ("warning", "warning"),
        Some(_) => ("critical", "critical"),
    }
}

/// The header of the page.
pub(crate) fn write(
    page: &mut Page,
    data: &ReportData,
    timeline: Option<&Timeline<'_>>,
    parts: &[(&str, &str)],
) {
    let name = data.project.as_deref().unwrap_or("Agentwise optimization");
    let (name, environment, host) =
        (cut(name, MOST_NAME), cut(&data.environment, MOST_NAME), cut(&data.host, MOST_NAME));
    page.add("<a class=\"skip\" href=\"#charts\">Skip to the charts</a>\n<header><div class=\"who\">");
    put!(page, "<h1>{}</h1><p>{} on {}", Foreign(&name), Foreign(&environment), Foreign(&host));
    if let Some([first, .., last]) = timeline.map(Timeline::rows) {
        put!(page, "<br>{} UTC", period(first.at_ms, last.at_ms));
    }
    let (at, text) = (iso8601(data.generated_ms), day_and_time(data.generated_ms));
    put!(page, "<br>Made <time datetime=\"{at}\">{text}</time> UTC</p></div>");
    let score = data.health.get("score").and_then(Value::as_f64);
    let (class, word) = band(score);
    let word = data.health.get("status").and_then(Value::as_str).unwrap_or(word);
    let score = score.map_or_else(|| NOTHING.to_owned(), number);
    put!(page, "<div class=\"health {class}\"><span class=\"score\">{score}</span><span>of 100<br>");
    put!(
        page,
        "<b>{}</b></span></div>\n<nav aria-label=\"Parts of the report\">",
        Foreign(&cut(word, MOST_NAME))
    );
    for (id, name) in parts.iter().filter(|(id, _)| *id != "charts" || timeline.is_some()) {
        put!(page, "<a href=\"#{id}\">{name}</a>");
    }
    page.add("</nav></header>\n");
}

/// The figures of now, and totals of the time that is shown. What is not known has no tile.
pub(crate) fn tiles(page: &mut Page, data: &ReportData, timeline: Option<&Timeline<'_>>) {
    let last = timeline.and_then(|timeline| timeline.rows().last().copied());
    let sample = data.current.as_ref().or(last);
    let empty = Figures::default();
    let figures = sample.map_or(&empty, |row| &row.figures);
    let open = data.alerts.iter().filter(|alert| !alert.resolved).count();
    let mut tiles = figures_of_now(figures);
    tiles.extend(timeline.into_iter().flat_map(|timeline| totals(timeline, figures)));
    let in_all = format!("of {} in the report", number(data.alerts.len() as f64));
    tiles.push(("Open alerts", Some(number(open as f64)), Some(in_all)));
    let restarts = timeline.map(|timeline| match timeline.restarts() {
        1 => "1 restart in this time".to_owned(),
        count => format!("{count} restarts in this time"),
    });
    tiles.push(("Running for", Some(duration(data.uptime_s)), restarts));
    page.add("<section aria-label=\"Key figures\"><dl class=\"tiles\">");
    for (name, value, more) in tiles {
        let Some(value) = value else { continue };
        let bad = if name == "Open alerts" && open > 0 { " bad" } else { "" };
        let more = more.unwrap_or_default();
        put!(page, "<div><dt>{name}</dt><dd class=\"value{bad}\">{value}</dd><dd>{more}</dd></div>");
    }
    page.add("</dl>");
    if let Some(row) = sample {
        let at = day_and_time(row.at_ms);
        put!(
            page,
            "<p class=\"note\">Figures of {at} UTC; requests and tokens of the time that is shown.</p>"
        );
    }
    page.add("</section>\n");
}

/// Name, figure, and what is said about it.
type Tile = (&'static str, Option<String>, Option<String>);

fn figures_of_now(figures: &Figures) -> Vec<Tile> {
    let shown = |metric: Metric| figures.get(metric).map(|value| quantity(value, metric.row().unit));
    let both = |first, between: &str, second| Some(format!("{}{between}{}", shown(first)?, shown(second)?));
    let hit_rate = figures.get(Metric::CacheHitRate).map(|rate| quantity(rate * 100.0, Unit::Percent));
    let process = both(Metric::CpuProcess, " of ", Metric::CpuCores);
    let latency = both(Metric::ResponseP50, ", p99 ", Metric::ResponseP99);
    vec![
        ("Memory", shown(Metric::MemoryProcess), both(Metric::MemoryPercentage, " of ", Metric::MemoryLimit)),
        ("CPU of the machine", shown(Metric::CpuUsage), process.map(|text| format!("process {text} cores"))),
        ("Response time p95", shown(Metric::ResponseTime), latency.map(|text| format!("p50 {text}"))),
        (
            "Event-loop delay p99",
            shown(Metric::LoopP99),
            shown(Metric::LoopMax).map(|most| format!("longest {most}")),
        ),
        (
            "Cache hit rate",
            shown(Metric::CacheRecentHitRate).or_else(|| hit_rate.clone()),
            hit_rate.map(|rate| format!("{rate} since the start")),
        ),
        (
            "Agents",
            shown(Metric::AgentsActive),
            shown(Metric::AgentsThrottled).map(|count| format!("{count} throttled")),
        ),
    ]
}

fn totals(timeline: &Timeline<'_>, figures: &Figures) -> [Tile; 2] {
    let total = |metric: Metric| {
        let grown = growth(timeline.rows(), metric);
        grown.iter().any(Option::is_some).then(|| grown.iter().flatten().sum::<f64>())
    };
    let share = |part: f64, all: f64| (all > 0.0).then(|| quantity(part / all * 100.0, Unit::Percent));
    let (requests, errors) = (total(Metric::Requests), total(Metric::Errors));
    let failed = requests.zip(errors).and_then(|(all, part)| share(part, all));
    let (original, sent) = (total(Metric::TokensIn), total(Metric::TokensOut));
    let saved = original.zip(sent).map(|(original, sent)| original - sent);
    let dollars = figures.get(Metric::TokensCost).map(|dollars| quantity(dollars, Unit::Dollars));
    let dollars = dollars.map(|dollars| format!("{dollars} since the start"));
    let parts = [saved.zip(original).and_then(|(part, all)| share(part, all)), dollars];
    [
        (
            "Requests",
            requests.map(|count| quantity(count, Unit::One)),
            failed.map(|share| format!("{share} failed")),
        ),
        (
            "Tokens saved",
            saved.map(|count| quantity(count, Unit::Tokens)),
            Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        ),
    ]
}

/// What is open right now, if anything is.
pub(crate) fn attention(page: &mut Page, data: &ReportData) {
    let open: Vec<_> = data.alerts.iter().filter(|alert| !alert.resolved).collect();
    let degraded = &data.degradations;
    if open.is_empty() && degraded.is_empty() {
        return;
    }
    page.add("<section class=\"attention\"><h2>Needs attention</h2><ul>");
    let mut worst = open.clone();
    worst.sort_by_key(|alert| std::cmp::Reverse(alert.level));
    for alert in worst.iter().take(MOST_OPEN) {
        let level = level_name(alert.level);
        let (title, since) = (cut(&alert.title, MOST_NAME), day_and_time(alert.timestamp));
        put!(
            page,
            "<li><span class=\"badge {level}\">{level}</span> {}: {}",
            component_name(alert.component),
            Foreign(&title)
        );
        put!(page, ", since {since}</li>");
    }
    if open.len() > MOST_OPEN {
        put!(
            page,
            "<li>and <a href=\"#alerts\">{} more alerts</a></li>",
            number((open.len() - MOST_OPEN) as f64)
        );
    }
    if !degraded.is_empty() {
        let what = if degraded.len() == 1 { "figure is" } else { "figures are" };
        put!(
            page,
            "<li><a href=\"#degradations\">{} {what} worse than usual</a></li>",
            number(degraded.len() as f64)
        );
    }
    page.add("</ul></section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_has_the_word_of_its_band() {
        for (score, word) in [
            (100.0, "excellent"),
            (90.0, "excellent"),
            (89.9, "good"),
            (70.0, "good"),
            (50.0, "acceptable"),
            (30.0, "warning"),
            (29.9, "critical"),
            (-1.0, "critical"),
        ] {
            assert_eq!(band(Some(score)).1, word, "{score}");
        }
        assert_eq!(band(None).1, "unknown");
    }
}
