//! What an alert says and advises: always with the setting or limit that it is about, and with figures.

use super::{AlertType, Observed, calm_percent};
use crate::memory::pressure::CRITICAL_PERCENT;

/// A limit that is to be raised is best raised so far that the same use does not even shrink caches (70 %).
const ROOMY_PERCENT: f64 = 70.0;

/// Where the limit of a source is set, and what is full when it is reached.
fn limit(source: &str) -> (&'static str, &'static str) {
    match source {
        "config" => ("maxMemoryUsage", "the process"),
        "cgroup" => ("the memory limit of the cgroup (memory.max)", "the cgroup"),
        "cgroupHigh" => ("memory.high of the cgroup", "the cgroup"),
        "heap" => ("the V8 heap limit (--max-old-space-size)", "the JavaScript heap"),
        _ => ("the memory of the machine", "the machine"),
    }
}

/// One sentence: how full what is, and why that is told now.
pub(super) fn message(kind: AlertType, level: &Observed) -> String {
    let (name, holder) = limit(level.source);
    let use_now = format!(
        "{holder} uses {:.0} MB, {:.1} % of {name} ({:.0} MB)",
        level.used_mb, level.percentage, level.limit_mb
    );
    if kind == AlertType::Critical && level.percentage <= CRITICAL_PERCENT {
        return match level.time_to_limit_ms {
            Some(_) => format!("{use_now}, and {}", growth(level)),
            None => format!("{use_now}, and all agents wait, as more would not last for one of them"),
        };
    }
    let over = if kind == AlertType::Critical {
        format!("over {CRITICAL_PERCENT} %")
    } else {
        format!("over alertThreshold ({} %)", level.alert_threshold)
    };
    format!("{use_now}, {over}")
}

/// What can be done, the nearest at hand first.
pub(super) fn recommendations(kind: AlertType, level: &Observed) -> Vec<String> {
    let threshold = if kind == AlertType::Critical { CRITICAL_PERCENT } else { level.alert_threshold };
    let calm = calm_percent(threshold);
    let too_much_mb = (level.used_mb - level.limit_mb * calm / 100.0).max(0.0).ceil();
    let mut advice = Vec::new();
    if level.growth_alarm() && level.time_to_limit_ms.is_some() {
        advice.push(format!(
            "start no work for more agents until whenUnthrottled() resolves: {}",
            growth(level)
        ));
    }
    if too_much_mb > 0.0 {
        advice.push(format!(
            "drop what contextsToDrop() names: {too_much_mb:.0} MB less bring it under {calm} % of {:.0} MB",
            level.limit_mb
        ));
    }
    let roomy_mb = (level.used_mb / ROOMY_PERCENT * 100.0).ceil();
    // Growth can be critical while there is still room: then a higher limit only comes to the same later.
    if level.percentage > ROOMY_PERCENT {
        advice.push(match level.source {
            "config" => format!(
                "raise maxMemoryUsage from {:.0} to {roomy_mb:.0} MB, if the machine has that much, or lower agentMemoryLimit",
                level.limit_mb
            ),
            "cgroup" => format!(
                "raise the memory limit of the container or cgroup (memory.max) from {:.0} to {roomy_mb:.0} MB; over it the kernel kills",
                level.limit_mb
            ),
            "cgroupHigh" => format!(
                "raise memory.high of the cgroup from {:.0} to {roomy_mb:.0} MB; over it the kernel slows the process down",
                level.limit_mb
            ),
            "heap" => format!(
                "start node with --max-old-space-size={roomy_mb:.0} (it is {:.0} MB now)",
                level.limit_mb
            ),
            _ => format!(
                "end other programs or run fewer agents: of {:.0} MB on this machine {:.0} MB are free",
                level.limit_mb,
                (level.limit_mb - level.used_mb).max(0.0)
            ),
        });
    }
    advice
}

/// How fast it grows and when that reaches the limit, as far as known.
fn growth(level: &Observed) -> String {
    let rate = level
        .growth_mb_per_s
        .map_or_else(|| "it grows".to_owned(), |rate| format!("it grows by {rate:.1} MB/s"));
    match level.time_to_limit_ms {
        Some(time_ms) => format!("{rate}, which reaches the limit in {:.1} s", time_ms as f64 / 1000.0),
        None => format!("{rate} towards the limit"),
    }
}
