//! The figures that come first.

use serde_json::Value;

use crate::monitor::report::html::quantity::{duration, quantity};
use crate::monitor::report::html::{Page, put};
use crate::telemetry::metric::Unit;

/// Name, figure, and what is said about it; what is not known has no tile.
type Tile = (&'static str, Option<String>, String);

/// Writes them.
pub(super) fn write(page: &mut Page, report: &Value) {
    page.add("<section aria-label=\"Key figures\"><dl class=\"tiles\">");
    for (name, value, more) in tiles(report) {
        let Some(value) = value else { continue };
        put!(page, "<div><dt>{name}</dt><dd class=\"value\">{value}</dd><dd>{more}</dd></div>");
    }
    page.add("</dl><p class=\"note\">Since the system was started. Nothing here is estimated: what was not measured has no figure.</p></section>\n");
}

fn tiles(report: &Value) -> Vec<Tile> {
    let statistics = &report["statistics"];
    let number = |key: &str| statistics[key].as_f64();
    let shown = |key: &str, unit: Unit| number(key).map(|value| quantity(value, unit));
    let is_some = |key: &str| number(key).is_some_and(|value| value > 0.0);
    let latency = |key: &str| statistics["latency"][key].as_f64().map(|ms| quantity(ms, Unit::Milliseconds));
    let text = |key: &str, unit: Unit| shown(key, unit).unwrap_or_default();
    let totals = &report["tokens"]["totals"];
    let share = totals["transportSavedPercent"].as_f64().map(|share| quantity(share, Unit::Percent));
    let cost = &totals["cost"];
    let cost_share = cost["savedPercent"].as_f64().map(|share| quantity(share, Unit::Percent));
    vec![
        (
            "Tokens saved",
            shown("tokensSaved", Unit::Tokens).filter(|_| is_some("operations")),
            share.map_or_else(String::new, |share| {
                format!(
                    "{share} of {}",
                    quantity(totals["baselineTokens"].as_f64().unwrap_or(0.0), Unit::Tokens)
                )
            }),
        ),
        (
            "Cost saved",
            shown("costSavedUsd", Unit::Dollars),
            cost_share.map_or_else(String::new, |share| format!("{share}, with the provider's prompt cache")),
        ),
        (
            "Context left out",
            shown("contextReduction", Unit::Percent).filter(|_| is_some("operations")),
            format!("{} of all contexts", text("memoryOptimized", Unit::Megabytes)),
        ),
        (
            "Cache hit rate",
            shown("cacheHitRate", Unit::Percent).filter(|_| is_some("cacheLookups")),
            format!("{} of {} lookups", text("cacheHits", Unit::One), text("cacheLookups", Unit::One)),
        ),
        ("Memory", shown("memoryPercentage", Unit::Percent), "of the limit that is nearest".to_owned()),
        (
            "Optimizations",
            shown("operations", Unit::One),
            format!("{} stages failed", text("failures", Unit::One)),
        ),
        (
            "Latency p95",
            latency("p95"),
            latency("p50").map_or_else(String::new, |p50| {
                format!("p50 {p50}, longest {}", latency("max").unwrap_or_default())
            }),
        ),
        ("Agents", shown("agents", Unit::One), format!("{} throttled", text("throttledAgents", Unit::One))),
        (
            "Recommendations",
            report["recommendations"]["details"].as_array().map(|details| details.len().to_string()),
            match report["recommendations"]["priority"].as_str() {
                Some(priority @ ("medium" | "high")) => format!("the most urgent is {priority}"),
                _ => "none is urgent".to_owned(),
            },
        ),
        ("Running for", number("uptime").map(duration), String::new()),
    ]
}
