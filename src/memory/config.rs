//! Settings of the memory manager. Says what they are and which are allowed; the manager decides what they do.

use serde::Serialize;

use crate::base::config::{Configure, Number, Section};

/// Memory of the process: the replaced package's value.
pub const DEFAULT_MAX_MEMORY_USAGE_MB: f64 = 2048.0;
/// The replaced package's value; leaves a fifth to act in before the limit.
pub const DEFAULT_ALERT_THRESHOLD_PERCENT: f64 = 80.0;
/// Once a minute: the replaced package's value.
pub const DEFAULT_GC_INTERVAL_MS: u64 = 60_000;
/// Half an hour: the replaced package's value; an agent may wait that long for a person or a build.
pub const DEFAULT_CONTEXT_RETENTION_TIME_MS: u64 = 1_800_000;
/// The replaced package's value; eight agents at their limit fill the process's memory.
pub const DEFAULT_AGENT_MEMORY_LIMIT_MB: f64 = 256.0;

/// Below 1 MB no Node.js process exists; above 10 TB no machine this runs on.
const PROCESS_MB: Number = Number::real(1.0, 10_000_000.0, "MB");
/// At 0 % the alert would never end.
const ALERT_PERCENT: Number = Number::real(1.0, 100.0, "%");
/// Up to a year; longer means never.
const RETENTION_MS: Number = Number::whole(1.0, 31_536_000_000.0, "ms");

/// Settings of the memory manager. In JSON also `environment`, which is checked and ignored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryConfig {
    /// `maxMemoryUsage`: MB the process may use; percentages are of this or a smaller real limit. Default 2048, 1 to 10,000,000.
    #[serde(rename = "maxMemoryUsage")]
    pub max_memory_usage_mb: f64,
    /// `alertThreshold`: % of `maxMemoryUsage` over which there is a warning. Default 80, 1 to 100. Critical is
    /// always 95 %, so over 95 there is no warning before it.
    #[serde(rename = "alertThreshold")]
    pub alert_threshold_percent: f64,
    /// `gcInterval`: the longest pause between collections of garbage while memory is short, ms. Default 60,000, whole, 10 to 2,147,483,647.
    #[serde(rename = "gcInterval")]
    pub gc_interval_ms: u64,
    /// `contextRetentionTime`: ms an unused context key is kept. Default 1,800,000, whole, 1 to 31,536,000,000.
    #[serde(rename = "contextRetentionTime")]
    pub context_retention_time_ms: u64,
    /// `agentMemoryLimit`: MB of context and cache over which an agent is throttled. Default 256, 0.001 to 10,000,000.
    #[serde(rename = "agentMemoryLimit")]
    pub agent_memory_limit_mb: f64,
    /// `enableDetailedLogging`: whether every sample is logged. Default false.
    pub enable_detailed_logging: bool,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            max_memory_usage_mb: DEFAULT_MAX_MEMORY_USAGE_MB,
            alert_threshold_percent: DEFAULT_ALERT_THRESHOLD_PERCENT,
            gc_interval_ms: DEFAULT_GC_INTERVAL_MS,
            context_retention_time_ms: DEFAULT_CONTEXT_RETENTION_TIME_MS,
            agent_memory_limit_mb: DEFAULT_AGENT_MEMORY_LIMIT_MB,
            enable_detailed_logging: false,
        }
    }
}

impl Configure for MemoryConfig {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.number("maxMemoryUsage", PROCESS_MB, &mut self.max_memory_usage_mb);
        section.number("alertThreshold", ALERT_PERCENT, &mut self.alert_threshold_percent);
        section.whole("gcInterval", Number::INTERVAL_MS, &mut self.gc_interval_ms);
        section.whole("contextRetentionTime", RETENTION_MS, &mut self.context_retention_time_ms);
        section.number("agentMemoryLimit", Number::MEGABYTES, &mut self.agent_memory_limit_mb);
        section.flag("enableDetailedLogging", &mut self.enable_detailed_logging);
        section.ignored_environment();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn update_changes_only_what_is_there() {
        let old = MemoryConfig::default();
        let new = old.updated("", &json!({ "maxMemoryUsage": 1024, "gcInterval": 1000 }));
        let expected = MemoryConfig { max_memory_usage_mb: 1024.0, gc_interval_ms: 1000, ..old };
        assert_eq!(new.expect("sound"), expected);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (key, value) in [
            ("maxMemoryUsage", json!(0)),
            ("alertThreshold", json!(0.5)),
            ("alertThreshold", json!(101)),
            ("gcInterval", json!(0)),
            ("gcInterval", json!(1000.5)),
            ("contextRetentionTime", json!(-1)),
            ("agentMemoryLimit", json!("256")),
            ("enableDetailedLogging", json!("true")),
        ] {
            let error = MemoryConfig::default().updated("", &json!({ key: value })).expect_err(key);
            assert_eq!(error.problems()[0].path, key);
        }
    }

    #[test]
    fn value_that_is_not_json_is_named() {
        let value = json!({ "maxMemoryUsage": { "$invalid": "NaN" } });
        let error = MemoryConfig::default().updated("memory", &value).expect_err("NaN");
        assert_eq!(error.problems()[0].message, "must be a number from 1 to 10000000 (MB), got NaN");
    }
}
