//! Settings of the context filter. Says what they are and which are allowed; the filter decides what they do.

use serde::Serialize;

use crate::base::config::{Configure, Number, Section};

/// One agent's context: the replaced package's value, within its specializations' caps of 35–60 MB.
pub const DEFAULT_MAX_CONTEXT_PER_AGENT_MB: f64 = 50.0;
/// All contexts: ten agents at their cap, the replaced package's value.
pub const DEFAULT_GLOBAL_MAX_CONTEXT_MB: f64 = 500.0;
/// The replaced package's value.
pub const DEFAULT_CONTEXT_IMPORTANCE_THRESHOLD: f64 = 0.3;

/// Fields that callers put a task into, by the names that agents' frameworks use.
pub const DEFAULT_TASK_FIELDS: [&str; 12] = [
    "currentTask",
    "task",
    "goal",
    "query",
    "problem",
    "issue",
    "objective",
    "instruction",
    "instructions",
    "request",
    "question",
    "prompt",
];
/// About 100 MB of source code are half as large once analysed: the projects of several agents at once.
pub const DEFAULT_ANALYSIS_CACHE_MB: f64 = 64.0;
/// What a few dozen contexts of a large project leave out, as most of it is the same each time.
pub const DEFAULT_REFERENCE_STORE_MB: f64 = 64.0;

/// Settings of the context filter. In JSON also `environment`, which is checked and ignored.
///
/// `maxContextPerAgent` may be above `globalMaxContext`: then the global one is reached first, which is harmless.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextFilterConfig {
    /// `maxContextPerAgent`: MB of one agent's context; a smaller cap of its specialization counts. Default 50, 0.001 to
    /// 10,000,000.
    #[serde(rename = "maxContextPerAgent")]
    pub max_context_per_agent_mb: f64,
    /// `globalMaxContext`: MB of the contexts of all agents. Default 500, 0.001 to 10,000,000.
    #[serde(rename = "globalMaxContext")]
    pub global_max_context_mb: f64,
    /// `adaptiveReduction`: whether pressure keeps fewer elements. Default true.
    pub adaptive_reduction: bool,
    /// `contextImportanceThreshold`: score under which an element is left out. Default 0.3, 0 to 1.
    pub context_importance_threshold: f64,
    /// `enableSpecializationFiltering`: whether the agent's specialization counts. Default true.
    pub enable_specialization_filtering: bool,
    /// `memoryAwareFiltering`: whether the process's memory counts as pressure. Default true.
    pub memory_aware_filtering: bool,
    /// `taskFields`: top-level fields that say what the agent is asked to do. Default `currentTask`, `task`, `goal`,
    /// `query`, `problem` and others.
    pub task_fields: Vec<String>,
    /// `analysisCacheMB`: MB of analyses of texts that are remembered from call to call. Default 64, 0.001 to 10,000,000.
    #[serde(rename = "analysisCacheMB")]
    pub analysis_cache_mb: f64,
    /// `referenceStoreMB`: MB of left-out parts that can be had again. Default 64, 0.001 to 10,000,000.
    #[serde(rename = "referenceStoreMB")]
    pub reference_store_mb: f64,
}

impl Default for ContextFilterConfig {
    fn default() -> Self {
        Self {
            max_context_per_agent_mb: DEFAULT_MAX_CONTEXT_PER_AGENT_MB,
            global_max_context_mb: DEFAULT_GLOBAL_MAX_CONTEXT_MB,
            adaptive_reduction: true,
            context_importance_threshold: DEFAULT_CONTEXT_IMPORTANCE_THRESHOLD,
            enable_specialization_filtering: true,
            memory_aware_filtering: true,
            task_fields: DEFAULT_TASK_FIELDS.map(str::to_owned).to_vec(),
            analysis_cache_mb: DEFAULT_ANALYSIS_CACHE_MB,
            reference_store_mb: DEFAULT_REFERENCE_STORE_MB,
        }
    }
}

impl Configure for ContextFilterConfig {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.number("maxContextPerAgent", Number::MEGABYTES, &mut self.max_context_per_agent_mb);
        section.number("globalMaxContext", Number::MEGABYTES, &mut self.global_max_context_mb);
        section.flag("adaptiveReduction", &mut self.adaptive_reduction);
        section.number(
            "contextImportanceThreshold",
            Number::FRACTION,
            &mut self.context_importance_threshold,
        );
        section.flag("enableSpecializationFiltering", &mut self.enable_specialization_filtering);
        section.flag("memoryAwareFiltering", &mut self.memory_aware_filtering);
        section.texts("taskFields", &mut self.task_fields);
        section.number("analysisCacheMB", Number::MEGABYTES, &mut self.analysis_cache_mb);
        section.number("referenceStoreMB", Number::MEGABYTES, &mut self.reference_store_mb);
        section.ignored_environment();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn update_changes_only_what_is_there() {
        let old = ContextFilterConfig::default();
        let new = old.updated("", &json!({ "maxContextPerAgent": 0.5, "adaptiveReduction": false }));
        let expected =
            ContextFilterConfig { max_context_per_agent_mb: 0.5, adaptive_reduction: false, ..old };
        assert_eq!(new.expect("sound"), expected);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (key, value) in [
            ("maxContextPerAgent", json!(0)),
            ("globalMaxContext", json!(-1)),
            ("contextImportanceThreshold", json!(30)),
            ("memoryAwareFiltering", json!(1)),
        ] {
            let error = ContextFilterConfig::default().updated("", &json!({ key: value })).expect_err(key);
            assert_eq!(error.problems()[0].path, key);
        }
    }
}
