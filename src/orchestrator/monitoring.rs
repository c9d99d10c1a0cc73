//! Builds the monitor of a system, which knows none of its parts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Orchestrator;
use super::monitored::SystemSources;
use super::settings::Settings;
use crate::monitor::{Monitor, Surroundings};

/// What a monitor is told of the process's surroundings. Not printable, because the variables hold secrets.
#[derive(Clone, Default)]
pub struct MonitoringPlace {
    /// Environment variables by name.
    pub variables: BTreeMap<String, String>,
    /// Whose figures these are.
    pub project: Option<String>,
}

impl std::fmt::Debug for MonitoringPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MonitoringPlace").field("project", &self.project).finish_non_exhaustive()
    }
}

impl Orchestrator {
    /// The monitor that `settings` ask for: the old one with other settings, a new one, or none. Ends nothing.
    pub(super) fn monitor(&self, settings: &Settings, old: Option<Arc<Monitor>>) -> Option<Arc<Monitor>> {
        if !settings.enable_production_monitoring {
            return None;
        }
        if let Some(old) = old {
            old.set_config(settings.monitoring.clone());
            return Some(old);
        }
        let sources = SystemSources {
            components: Arc::downgrade(&self.components),
            tokens: Arc::clone(&self.tokens),
            counters: Arc::clone(&self.counters),
            advisor: Arc::clone(&self.advisor),
        };
        let around = Surroundings {
            clock: Arc::clone(&self.clock.0),
            events: Arc::clone(&self.events),
            sources: Some(Arc::new(sources)),
            variables: self.monitoring.variables.clone(),
            directory: self.cwd.join(settings.cache.dir()),
            has_disk: settings.enable_advanced_caching
                && settings.cache.persist_to_disk
                && self.world.has_disk(),
            project: self.monitoring.project.clone(),
            environment: settings.environment,
            machine: self.world.by_hand().map(|driven| Arc::clone(&driven.machine)),
        };
        let monitor = Monitor::new(settings.monitoring.clone(), around);
        if self.is_watching.load(Ordering::Relaxed) {
            monitor.start(true);
        }
        Some(monitor)
    }
}
