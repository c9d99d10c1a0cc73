//! What only a whole system has: tokens by agent, layers of the cache, limits of memory, health with its reasons, tuning.

use serde_json::Value;

use crate::monitor::report::ReportData;
use crate::monitor::report::html::bars::{Bar, Bars};
use crate::monitor::report::html::escape::{Foreign, cut};
use crate::monitor::report::html::head::band;
use crate::monitor::report::html::quantity::{number, quantity};
use crate::monitor::report::html::tables::{About, table, text, told};
use crate::monitor::report::html::{Page, put};
use crate::telemetry::metric::Unit;

/// What is shown of a recommendation at the top, in letters.
const MOST_REASON: usize = 300;

fn float(value: &Value) -> f64 {
    value.as_f64().filter(|value| value.is_finite()).unwrap_or(0.0)
}

/// What should not wait: open alerts, and recommendations of high priority.
pub(super) fn attention(page: &mut Page, data: &ReportData, report: &Value) {
    let open = data.alerts.iter().filter(|alert| !alert.resolved).count();
    let details = report["recommendations"]["details"].as_array();
    let urgent: Vec<&Value> = details.into_iter().flatten().filter(|one| one["priority"] == "high").collect();
    if open == 0 && urgent.is_empty() {
        return;
    }
    page.add("<section class=\"attention\"><h2>Needs attention</h2><ul>");
    if open > 0 {
        let what = if open == 1 { "alert is" } else { "alerts are" };
        put!(
            page,
            "<li><span class=\"badge warning\">alerts</span> {} {what} open</li>",
            number(open as f64)
        );
    }
    for one in urgent {
        let reason = one["reason"].as_str().unwrap_or_default();
        put!(
            page,
            "<li><span class=\"badge critical\">high</span> {}</li>",
            Foreign(&cut(reason, MOST_REASON))
        );
    }
    page.add("</ul></section>\n");
}

/// Tokens before and after, by agent.
pub(super) fn tokens(page: &mut Page, report: &Value) {
    page.add("<section id=\"tokens\"><h2>Tokens</h2>");
    let ledger = &report["tokens"];
    let of = |summed: &Value| (float(&summed["baselineTokens"]), float(&summed["sentTokens"]));
    let mut found: Vec<(String, &Value)> = Vec::new();
    found.extend(
        ledger["byAgent"]["rows"].as_object().into_iter().flatten().map(|(name, row)| (name.clone(), row)),
    );
    found.extend(
        ledger["byAgent"]["others"].as_object().map(|_| ("others".to_owned(), &ledger["byAgent"]["others"])),
    );
    found.retain(|(_, row)| float(&row["messages"]) > 0.0);
    if found.is_empty() {
        page.add("<p class=\"empty\">No context was sent yet.</p></section>\n");
        return;
    }
    found.sort_by(|(a, of_a), (b, of_b)| of(of_b).0.total_cmp(&of(of_a).0).then_with(|| a.cmp(b)));
    let most = found.iter().map(|(_, row)| of(row).0.max(of(row).1)).fold(1.0, f64::max);
    let bar = |(name, row): (String, &Value)| {
        let (before, after) = of(row);
        let (kept, saved, more) = (after.min(before), (before - after).max(0.0), (after - before).max(0.0));
        let share = row["transportSavedPercent"]
            .as_f64()
            .map_or_else(String::new, |share| format!(" ({})", quantity(share, Unit::Percent)));
        let fetched = float(&row["fetchedTokens"]);
        let back = if fetched > 0.0 {
            format!(", {} fetched back", quantity(fetched, Unit::Tokens))
        } else {
            String::new()
        };
        Bar {
            name,
            parts: vec![("c0", kept / most), ("c2", saved / most), ("own-critical", more / most)],
            value: format!("{} of {}", quantity(after, Unit::Tokens), quantity(before, Unit::Tokens)),
            note: format!(
                "{} messages, {} saved{share}{back}",
                number(float(&row["messages"])),
                quantity(before - after, Unit::Tokens)
            ),
        }
    };
    let bars = Bars {
        title: "Tokens before and after, by agent",
        summary: format!("{}.", text(ledger.get("summary"))),
        of: "Agent",
        key: &[("c0", "sent"), ("c2", "saved"), ("own-critical", "sent in excess of the context")],
        rows: found.into_iter().map(bar).collect(),
    };
    bars.write(page);
    page.add("</section>\n");
}

/// Which layer answered, and how full each is.
pub(super) fn cache(page: &mut Page, report: &Value) {
    page.add("<section id=\"cache\"><h2>Cache</h2>");
    let stats = &report["status"]["components"]["cacheManager"];
    if stats.is_null() {
        page.add("<p class=\"empty\">The cache is off.</p></section>\n");
        return;
    }
    let overall = &stats["overall"];
    let lookups = float(&overall["totalHits"]) + float(&overall["totalMisses"]);
    page.add("<div class=\"charts\">");
    if lookups > 0.0 {
        let row = |name: &str, class, count: f64| Bar {
            name: name.to_owned(),
            parts: vec![(class, count / lookups)],
            value: quantity(count / lookups * 100.0, Unit::Percent),
            note: format!("{} lookups", quantity(count, Unit::One)),
        };
        let hits = |layer: &str| float(&stats[layer]["hits"]);
        let rows = vec![
            row("L1, memory", "c0", hits("l1")),
            row("L2, disk", "c2", hits("l2")),
            row("L3, disk, compressed", "c3", hits("l3")),
            row("nobody: a miss", "limit", float(&overall["totalMisses"])),
        ];
        let similar = float(&overall["similarityDetections"]);
        let summary = format!(
            "{} of {} lookups were hits, {} of them for a question in other words.",
            quantity(float(&overall["totalHits"]), Unit::One),
            quantity(lookups, Unit::One),
            quantity(similar, Unit::One)
        );
        Bars { title: "Who answered", summary, of: "Layer", key: &[], rows }.write(page);
    } else {
        page.add("<p class=\"empty\">Nothing was looked up yet.</p>");
    }
    let fill = |name: &str, layer: &str| {
        let tier = &stats[layer];
        let (size, most) = (float(&tier["sizeMB"]), float(&tier["maxSizeMB"]));
        Bar {
            name: name.to_owned(),
            parts: vec![("c0", size / most.max(f64::MIN_POSITIVE))],
            value: format!("{} of {}", quantity(size, Unit::Megabytes), quantity(most, Unit::Megabytes)),
            note: format!(
                "{} entries, hit rate {}",
                quantity(float(&tier["entries"]), Unit::One),
                quantity(float(&tier["hitRate"]) * 100.0, Unit::Percent)
            ),
        }
    };
    let rows = vec![fill("L1", "l1"), fill("L2", "l2"), fill("L3", "l3")];
    let disk = &stats["disk"];
    let reason = disk["reason"].as_str().map_or_else(String::new, |reason| format!(" ({reason})"));
    let summary = format!("The disk tiers are: {}{reason}.", text(disk.get("state")));
    Bars { title: "How full the layers are", summary, of: "Layer", key: &[], rows }.write(page);
    page.add("</div></section>\n");
}

/// Memory against each limit that holds.
pub(super) fn limits(page: &mut Page, report: &Value) {
    page.add("<section id=\"limits\"><h2>Memory</h2>");
    let stats = &report["status"]["components"]["memoryManager"];
    let all = stats["limits"]["all"].as_array().map_or(&[][..], Vec::as_slice);
    if all.is_empty() {
        let why = if stats.is_null() { "The memory manager is off." } else { "No limit is known yet." };
        put!(page, "<p class=\"empty\">{why}</p></section>\n");
        return;
    }
    let bar = |limit: &Value| {
        let (used, most) = (float(&limit["used"]), float(&limit["limit"]));
        let share = used / most.max(f64::MIN_POSITIVE);
        let class = match share {
            0.95.. => "own-critical",
            0.7.. => "own-warning",
            _ => "c0",
        };
        let time = limit["timeToLimit"].as_f64().map_or_else(String::new, |ms| {
            format!("reached in {} at the present growth", quantity(ms, Unit::Milliseconds))
        });
        let name = match limit["source"].as_str() {
            Some("config") => "memory.maxMemoryUsage",
            Some("cgroup") => "control group",
            Some("cgroup-high" | "cgroupHigh") => "control group, memory.high",
            Some("system") => "machine",
            Some("heap") => "V8 heap",
            other => other.unwrap_or("limit"),
        };
        Bar {
            name: name.to_owned(),
            parts: vec![(class, share)],
            value: format!("{} of {}", quantity(used, Unit::Megabytes), quantity(most, Unit::Megabytes)),
            note: time,
        }
    };
    let pressure = &stats["pressure"];
    let reason = pressure["reason"].as_str().filter(|reason| !reason.is_empty());
    let summary = format!(
        "Step against pressure: {}{}.",
        text(pressure.get("step")),
        reason.map_or_else(String::new, |reason| format!(", because {reason}"))
    );
    let rows = all.iter().map(bar).collect();
    Bars { title: "Memory in use, against each limit", summary, of: "Limit", key: &[], rows }.write(page);
    page.add("</section>\n");
}

/// Score and reason of each part.
pub(super) fn health(page: &mut Page, report: &Value) {
    page.add("<section id=\"health\"><h2>Health</h2>");
    let parts = [
        ("Token optimizer", "tokenOptimizer"),
        ("Memory manager", "memoryManager"),
        ("Cache manager", "cacheManager"),
        ("Context filter", "contextFilter"),
    ];
    let row = |(name, key): (&str, &str)| {
        let part = &report["health"]["components"][key];
        let score = part["score"].as_f64();
        let class = match band(score).0 {
            "good" => "own-good",
            "fair" => "own-fair",
            "warning" => "own-warning",
            "critical" => "own-critical",
            _ => "own-unknown",
        };
        Bar {
            name: name.to_owned(),
            parts: vec![(class, score.unwrap_or(0.0) / 100.0)],
            value: score.map_or_else(
                || "off".to_owned(),
                |score| format!("{}, {}", number(score), band(Some(score)).1),
            ),
            note: part["explanation"].as_str().unwrap_or_default().to_owned(),
        }
    };
    let is_monitored = !report["status"]["components"]["productionMonitor"].is_null();
    let summary = format!(
        "{} of 100: half of it is the mean of the parts, half the worst one.{}",
        report["health"]["score"].as_f64().map_or_else(String::new, number),
        if is_monitored {
            " The chart of health over time is the monitor's, which also judges machine and requests."
        } else {
            ""
        }
    );
    let rows = parts.into_iter().map(row).collect();
    Bars { title: "Health by part", summary, of: "Part", key: &[], rows }.write(page);
    page.add("</section>\n");
}

/// Nobody measures requests.
pub(super) fn unmonitored(page: &mut Page) {
    page.add("<section id=\"operations\"><h2>Operations</h2><p class=\"note\">Requests are measured with ");
    page.add("enableProductionMonitoring, which is off.</p></section>\n");
}

/// How long the work of `optimizeAgentContext` took.
pub(super) fn latency(page: &mut Page, report: &Value) {
    let latency = &report["statistics"]["latency"];
    let Some(longest) = latency["max"].as_f64() else { return };
    let row = |(name, key): (&str, &str)| Bar {
        name: name.to_owned(),
        parts: vec![("c0", float(&latency[key]) / longest.max(f64::MIN_POSITIVE))],
        value: quantity(float(&latency[key]), Unit::Milliseconds),
        note: String::new(),
    };
    let rows = [("p50", "p50"), ("mean", "mean"), ("p95", "p95"), ("p99", "p99"), ("longest", "max")]
        .map(row)
        .into();
    let summary = format!(
        "Of {} calls, off the JavaScript thread: filter and tokens.",
        quantity(float(&latency["count"]), Unit::One)
    );
    Bars { title: "Work of optimizeAgentContext", summary, of: "Percentile", key: &[], rows }.write(page);
}

/// What auto-tuning tried, the newest first.
pub(super) fn tuning(page: &mut Page, report: &Value) {
    let history: Vec<Value> =
        report["tuningHistory"].as_array().into_iter().flatten().rev().cloned().collect();
    let nothing = if report["config"]["autoTuning"] == true {
        "Auto-tuning has not tried anything yet."
    } else {
        "Auto-tuning is off."
    };
    let about = About { id: "tuning", title: "Tuning", nothing };
    table(page, &about, ["When (UTC)", "Setting", "From", "To", "Outcome", "Why"], &history, |one| {
        let cell = |class, key| told(class, &text(one.get(key)));
        let why = one.get("why").filter(|why| !why.is_null()).or_else(|| one.get("reason"));
        [
            told("when", &minute(one.get("at"))),
            cell("", "setting"),
            cell("", "from"),
            cell("", "to"),
            cell("", "outcome"),
            told("text", &text(why)),
        ]
    });
}

/// A moment in ISO 8601 as a person reads it.
fn minute(value: Option<&Value>) -> String {
    let text = text(value);
    text.get(..16).map_or(text.clone(), |text| text.replace('T', " "))
}
