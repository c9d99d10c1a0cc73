//! Rules about the rest: monitoring, alerts, events, failures.

use serde_json::{Value, json};

use super::facts::Facts;
use super::memory::MIN_SEEN_MS;
use crate::monitor::sources::{Advice, Area, Priority};
use crate::orchestrator::settings::Environment;

/// Contexts before a system counts as in use.
pub(super) const MIN_OPERATIONS: u64 = 20;

pub(super) fn rules(facts: &Facts) -> Vec<Advice> {
    let mut found: Vec<Advice> =
        [failures(facts), events(facts), unmonitored(facts), undelivered(facts), unkept(facts)]
            .into_iter()
            .flatten()
            .collect();
    found.extend(unconfigured(facts));
    found.extend(unheard(facts));
    found
}

fn advice(
    setting: Option<&'static str>,
    priority: Priority,
    change: (Value, Value),
    reason: String,
) -> Advice {
    let (current, proposed) = change;
    Advice { area: Area::General, priority, setting, current, proposed, reason, evidence: Value::Null }
}

const NONE: (Value, Value) = (Value::Null, Value::Null);

/// Stages failed: a defect, which no setting helps against.
fn failures(facts: &Facts) -> Option<Advice> {
    let (failed, all) = (facts.failures, facts.operations);
    if failed == 0 {
        return None;
    }
    let reason = format!(
        "{failed} stages failed in {all} optimizations, which gave less than they could: please report it, with the optimizationError events"
    );
    let evidence = json!({ "failures": failed, "operations": all });
    Some(Advice { evidence, ..advice(None, Priority::High, NONE, reason) })
}

/// Events went lost.
fn events(facts: &Facts) -> Option<Advice> {
    let dropped = facts.dropped_events;
    if dropped == 0 {
        return None;
    }
    let reason = format!(
        "{dropped} events were dropped because listeners did not keep up: let them do less, or remove listeners of frequent events such as cacheHit"
    );
    Some(Advice { evidence: json!({ "dropped": dropped }), ..advice(None, Priority::Medium, NONE, reason) })
}

/// Nobody watches a system in production.
fn unmonitored(facts: &Facts) -> Option<Advice> {
    let is_production = facts.settings.environment == Environment::Production;
    if !is_production || facts.monitor.is_some() || facts.operations < MIN_OPERATIONS {
        return None;
    }
    let reason = format!(
        "set enableProductionMonitoring from false to true: {} contexts were optimized in production and nobody would have been told of a failure",
        facts.operations
    );
    let found =
        advice(Some("enableProductionMonitoring"), Priority::Medium, (json!(false), json!(true)), reason);
    Some(Advice { evidence: json!({ "operations": facts.operations }), ..found })
}

/// Channels that are on and lack an address or a key.
fn unconfigured(facts: &Facts) -> Vec<Advice> {
    let Some(monitor) = &facts.monitor else { return Vec::new() };
    let channel = |name: &&'static str| {
        let (setting, needs) = match *name {
            "slack" => ("monitoring.enableSlackAlerts", "the variable SLACK_WEBHOOK_URL"),
            "email" => ("monitoring.enableEmailAlerts", "the variable EMAIL_SERVICE_API"),
            "webhook" => ("monitoring.enableWebhookAlerts", "its variables"),
            "pagerduty" => ("monitoring.enablePagerDutyAlerts", "its variables"),
            _ => return None,
        };
        let reason = format!(
            "{setting} is true and the channel lacks something or has it wrong: set {needs} right, or the setting to false; no alert gets out by it"
        );
        let found = advice(Some(setting), Priority::High, (json!(true), json!(false)), reason);
        Some(Advice { evidence: json!({ "channel": name }), ..found })
    };
    monitor.unconfigured.iter().filter_map(channel).collect()
}

/// There were critical alerts in production and no way for them to reach anybody.
fn unheard(facts: &Facts) -> Option<Advice> {
    let monitor = facts.monitor.as_ref()?;
    let is_production = facts.settings.environment == Environment::Production;
    let is_quiet = monitor.working == 0 && monitor.unconfigured.is_empty();
    if !is_production || !is_quiet || monitor.critical == 0 || !facts.settings.monitoring.alerts_enabled {
        return None;
    }
    let reason = format!(
        "set monitoring.enableSlackAlerts from false to true, or another channel: {} critical alerts of the last 24 hours went to the console only",
        monitor.critical
    );
    let change = (json!(false), json!(true));
    let found = advice(Some("monitoring.enableSlackAlerts"), Priority::Medium, change, reason);
    Some(Advice { evidence: json!({ "criticalAlerts": monitor.critical }), ..found })
}

/// Alerts were given up.
fn undelivered(facts: &Facts) -> Option<Advice> {
    let lost = facts.monitor.as_ref()?.undelivered;
    if lost == 0 {
        return None;
    }
    let reason = format!(
        "{lost} alerts could not be delivered: see the last error of each channel in the monitor's status, and try it with `agentwise-optimization alert-test`"
    );
    Some(Advice { evidence: json!({ "undelivered": lost }), ..advice(None, Priority::High, NONE, reason) })
}

/// Figures are to be kept and are not.
fn unkept(facts: &Facts) -> Option<Advice> {
    let is_lost = facts.monitor.as_ref()?.is_kept == Some(false);
    let is_production = facts.settings.environment == Environment::Production;
    if !is_lost || !is_production || facts.seen.span_ms < MIN_SEEN_MS {
        return None;
    }
    let cache = &facts.settings.cache;
    let is_off = !(facts.settings.enable_advanced_caching && cache.persist_to_disk);
    let (setting, change, what) = if is_off {
        let change = (json!(cache.persist_to_disk), json!(true));
        (
            "cache.persistToDisk",
            change,
            "set cache.persistToDisk from false to true, with the cache on".to_owned(),
        )
    } else {
        let what = format!("cache.cacheDir is {}: make it writable or set another directory", cache.dir());
        ("cache.cacheDir", (json!(cache.dir()), Value::Null), what)
    };
    let reason = format!("{what}: metrics and alerts are in memory only, and a restart forgets them");
    let evidence = json!({ "observedSeconds": facts.seen.span_ms / 1000 });
    Some(Advice { evidence, ..advice(Some(setting), Priority::Low, change, reason) })
}
