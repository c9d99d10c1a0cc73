//! The effective settings of the whole system: what the public API calls `OptimizationConfig`, with every value set.
//!
//! Knows defaults, merging and how settings are shown. Where they come from: [`place`] finds files and [`text`] reads them,
//! [`variables`] are the environment's, [`layers`] puts all over each other, [`live`] changes what a running system works by,
//! [`edit`] writes into files. Holds no secret: addresses and keys of alert channels stay in the environment.

pub mod edit;
pub mod layers;
pub mod live;
pub mod paths;
pub mod place;
pub mod text;
pub mod variables;

use serde::Serialize;
use serde_json::Value;

use crate::base::config::{Configure, Problems, Section, Text};
use crate::base::error::Result;
use crate::cache::config::CacheConfig;
use crate::context::config::ContextFilterConfig;
use crate::memory::config::MemoryConfig;
use crate::monitor::config::MonitoringConfig;
use crate::orchestrator::tuning::TuningConfig;
use crate::tokens::config::TokensConfig;

pub use crate::base::config::{Environment, Origin};

/// The effective settings. In JSON also `$schema`, a text for editors, which is ignored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the public API")]
pub struct Settings {
    /// `environment`: `development`, `staging` or `production`. What code says wins over a file.
    pub environment: Environment,
    /// `enableMemoryManagement`: whether there is a memory manager. Default true.
    pub enable_memory_management: bool,
    /// `enableAdvancedCaching`: whether there is a cache. Default true.
    pub enable_advanced_caching: bool,
    /// `enableContextFiltering`: whether there is a context filter. Default true.
    pub enable_context_filtering: bool,
    /// `enableProductionMonitoring`: whether there is a monitor. Default: in production only.
    pub enable_production_monitoring: bool,
    /// `autoTuning`: whether settings are adjusted to the load every 5 minutes. Default: in production only.
    pub auto_tuning: bool,
    /// `liveSocket`: whether other programs of the same user, such as the command line, can ask the running system, through a
    /// socket in the cache directory, and read its last state there. Default true.
    pub live_socket: bool,
    /// `configFile`: the file that code asked for, as it was written there. Not shown when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_file: Option<String>,
    /// `memory`: settings of the memory manager.
    pub memory: MemoryConfig,
    /// `cache`: settings of the cache.
    pub cache: CacheConfig,
    /// `contextFilter`: settings of the context filter.
    pub context_filter: ContextFilterConfig,
    /// `tokens`: settings of the token optimizer.
    pub tokens: TokensConfig,
    /// `monitoring`: settings of the production monitor.
    pub monitoring: MonitoringConfig,
    /// `tuning`: settings of the tuning that `autoTuning` switches on.
    pub tuning: TuningConfig,
}

impl Settings {
    /// What holds in `environment` where neither a file nor code says otherwise.
    pub fn defaults(environment: Environment) -> Self {
        let production = environment == Environment::Production;
        Self {
            environment,
            enable_memory_management: true,
            enable_advanced_caching: true,
            enable_context_filtering: true,
            enable_production_monitoring: production,
            auto_tuning: production,
            live_socket: true,
            config_file: None,
            memory: MemoryConfig::default(),
            cache: CacheConfig::default(),
            context_filter: ContextFilterConfig::default(),
            tokens: TokensConfig::default(),
            monitoring: MonitoringConfig::default(),
            tuning: TuningConfig::default(),
        }
    }

    /// Takes over the settings that are in `value`; the others stay. All or nothing. `origin` is named in problems.
    ///
    /// Another `environment` does not bring that environment's defaults with it: what was not given stays.
    ///
    /// ```
    /// use agentwise_optimization::orchestrator::settings::{Environment, Origin, Settings};
    /// let mut settings = Settings::defaults(Environment::Staging);
    /// settings.apply_json(&serde_json::json!({ "cache": { "ttlSeconds": 60 } }), Origin::Code)?;
    /// assert_eq!(settings.cache.ttl_seconds, 60.0);
    /// # Ok::<(), agentwise_optimization::base::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// `E_CONFIG_INVALID` with every problem; then nothing is changed.
    pub fn apply_json(&mut self, value: &Value, origin: Origin<'_>) -> Result<()> {
        let mut problems = Problems::new(origin);
        let mut changed = self.clone();
        Section::read("", value, &mut problems, |section| changed.apply(section));
        changed.check("", &mut problems);
        problems.into_result()?;
        *self = changed;
        Ok(())
    }

    /// The settings as JSON, for people and reports, with the names of the public API. There is no secret in it.
    #[expect(clippy::missing_panics_doc, reason = "serializing these types cannot fail")]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("invariant: settings have text keys and finite numbers")
    }
}

impl Configure for Settings {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.text("$schema", Text::Any, &mut None);
        section.choice("environment", &mut self.environment);
        section.text("configFile", Text::Any, &mut self.config_file);
        section.flag("enableMemoryManagement", &mut self.enable_memory_management);
        section.flag("enableAdvancedCaching", &mut self.enable_advanced_caching);
        section.flag("enableContextFiltering", &mut self.enable_context_filtering);
        section.flag("enableProductionMonitoring", &mut self.enable_production_monitoring);
        section.flag("autoTuning", &mut self.auto_tuning);
        section.flag("liveSocket", &mut self.live_socket);
        section.section("memory", |inner| self.memory.apply(inner));
        section.section("cache", |inner| self.cache.apply(inner));
        section.section("contextFilter", |inner| self.context_filter.apply(inner));
        section.section("tokens", |inner| self.tokens.apply(inner));
        section.section("monitoring", |inner| self.monitoring.apply(inner));
        section.section("tuning", |inner| self.tuning.apply(inner));
    }

    fn check(&self, path: &str, problems: &mut Problems) {
        self.memory.check(&Section::path_of(path, "memory"), problems);
        self.cache.check(&Section::path_of(path, "cache"), problems);
        self.context_filter.check(&Section::path_of(path, "contextFilter"), problems);
        self.tokens.check(&Section::path_of(path, "tokens"), problems);
        self.monitoring.check(&Section::path_of(path, "monitoring"), problems);
        self.tuning.check(&Section::path_of(path, "tuning"), problems);
    }
}

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
