//! Settings of a running system: updates, tuning, the file that changed. Each is all or nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Engine;
use super::tuning::State;
use crate::base::error::{Error, ErrorKind, Result};
use crate::orchestrator::Part;
use crate::orchestrator::settings::Settings;
use crate::orchestrator::settings::layers::Source;
use crate::orchestrator::settings::live::{Change, Live, Look};
use crate::telemetry::event::EventKind;

/// What reading the file again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// Whether settings have other values than before.
    pub is_changed: bool,
    /// The file that is in use now.
    pub file: Option<PathBuf>,
}

impl Engine {
    /// Applies a partial configuration to the running parts, and with `save` writes it into the configuration file: all
    /// of it or nothing.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_CONFIG_INVALID` with every problem; `E_INTERNAL` if a part failed; with `save` also
    /// `E_CONFIG_CHANGED`, `E_NOT_AVAILABLE`, `E_CONFIG_UNREADABLE`, `E_IO`.
    pub fn update_configuration(&self, partial: &Value, save: bool) -> Result<()> {
        {
            let mut tuning = self.tuner.lock();
            let mut live = self.live_settings.lock();
            self.check_open()?;
            let change = live.update(partial, save)?;
            self.make(&mut live, change)?;
            self.tuner.follow(&mut tuning, partial, &live, self.orchestrator.wall_ms());
        }
        self.follow_settings();
        Ok(())
    }

    /// Sets what the tuning found; `null` gives a setting back. The caller has the tuner's lock.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`, `E_CONFIG_INVALID`, `E_INTERNAL`.
    pub(super) fn tune_configuration(&self, found: &Value) -> Result<()> {
        let mut live = self.live_settings.lock();
        self.check_open()?;
        let change = live.tune(found)?;
        self.make(&mut live, change).map(|_| ())
    }

    /// Reads the configuration file again and applies what it says now. Without any file the built-in defaults hold.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_CONFIG_INVALID`, `E_CONFIG_MISSING`, `E_CONFIG_UNREADABLE`, `E_INTERNAL`: then everything stays as
    /// it was.
    pub fn reload_configuration(&self) -> Result<Reloaded> {
        let reloaded = {
            let mut tuning = self.tuner.lock();
            let mut live = self.live_settings.lock();
            self.check_open()?;
            let reloaded = live.reload().and_then(|change| self.reloaded(&mut tuning, &mut live, change));
            if let Err(error) = &reloaded {
                self.tell(&mut live, error);
            }
            reloaded
        };
        self.follow_settings();
        reloaded
    }

    /// Looks whether the file changed, and if so and it is whole, applies it. What is wrong with it is told once, by an
    /// event. Returns whether to look again soon. Costs a few system calls where nothing changed.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn watch_configuration(&self) -> Result<bool> {
        self.check_open()?;
        let is_final = match self.live_settings.lock().look(self.orchestrator.now_ms()) {
            Look::Same => return Ok(false),
            Look::Unsettled => return Ok(true),
            Look::Settled { is_final } => is_final,
        };
        {
            let mut tuning = self.tuner.lock();
            let mut live = self.live_settings.lock();
            match live.reload_found().and_then(|change| self.reloaded(&mut tuning, &mut live, change)) {
                Ok(_) => {}
                // It may be half written.
                Err(error) if !is_final && error.kind() != ErrorKind::Internal => return Ok(true),
                Err(error) => self.tell(&mut live, &error),
            }
            live.settle();
        }
        self.follow_settings();
        Ok(false)
    }

    /// `explainConfig()`.
    pub fn explain_configuration(&self) -> Value {
        let (layers, settings) = &*self.explained.lock().clone();
        layers.explain(settings)
    }

    fn reloaded(&self, tuning: &mut State, live: &mut Live, change: Option<Change>) -> Result<Reloaded> {
        let is_changed = change.map_or(Ok(false), |change| self.make(live, change))?;
        self.tuner.follow(tuning, &Value::Null, live, self.orchestrator.wall_ms());
        Ok(Reloaded { is_changed, file: live.file().map(PathBuf::from) })
    }

    /// Makes a change that was checked; whether settings have other values then. If a part fails, or the file cannot be
    /// written after all, the parts get back the settings that they had.
    fn make(&self, live: &mut Live, change: Change) -> Result<bool> {
        let (old, new) = (live.settings().clone(), change.settings.clone());
        let (source, warnings) = (change.source, change.warnings.clone());
        let is_changed = old != new;
        let applied = if is_changed { self.apply(&new) } else { Ok(Vec::new()) };
        let ended = match applied.and_then(|ended| live.commit(change).map(|()| ended)) {
            Ok(ended) => ended,
            Err(error) => {
                if is_changed {
                    // What ended runs again, and was not told of.
                    self.apply(&old)?;
                }
                return Err(error);
            }
        };
        for part in ended {
            self.orchestrator.tell_stopped(part);
        }
        self.settings.lock().clone_from(&new);
        self.renew_live();
        *self.explained.lock() = Arc::new((live.layers().clone(), new.clone()));
        // An update is told also where it says what holds already; a file only where it matters.
        if is_changed || source == Source::Update {
            self.events.emit(
                EventKind::ConfigurationUpdated,
                || json!({ "oldConfig": old.to_json(), "newConfig": new.to_json(), "source": source.name() }),
            );
        }
        self.tell_parts(&old, &new);
        for warning in warnings {
            self.events.emit(EventKind::Warning, || json!(warning));
        }
        Ok(is_changed)
    }

    /// Which parts have ended by it.
    fn apply(&self, settings: &Settings) -> Result<Vec<Part>> {
        catch_unwind(AssertUnwindSafe(|| self.orchestrator.apply(settings))).map_err(|_| {
            Error::new(ErrorKind::Internal, "a part failed under the new settings; those before hold again")
        })
    }

    /// Tells of each part that was on and is, and has other settings than before.
    fn tell_parts(&self, old: &Settings, new: &Settings) {
        for (part, is_on, is_changed) in [
            (Part::Memory, |s: &Settings| s.enable_memory_management, old.memory != new.memory),
            (Part::Cache, |s: &Settings| s.enable_advanced_caching, old.cache != new.cache),
            (
                Part::Filter,
                |s: &Settings| s.enable_context_filtering,
                old.context_filter != new.context_filter,
            ),
            (Part::Monitor, |s: &Settings| s.enable_production_monitoring, old.monitoring != new.monitoring),
        ] as [(Part, fn(&Settings) -> bool, bool); 4]
        {
            if is_changed && is_on(old) && is_on(new) {
                self.events.emit(EventKind::ConfigUpdated, || {
                    json!({
                        "component": part.name(),
                        "oldConfig": old.to_json()[part.section()],
                        "newConfig": new.to_json()[part.section()],
                    })
                });
            }
        }
    }

    fn tell(&self, live: &mut Live, error: &Error) {
        if !live.is_news(error) {
            return;
        }
        tracing::warn!(code = error.kind().code(), "the configuration file is not taken over");
        let file = live.sighted();
        self.events.emit(EventKind::ConfigurationError, || {
            json!({
                "file": file,
                "code": error.kind().code(),
                "error": error.to_string(),
                "problems": error.problems(),
            })
        });
    }
}

#[cfg(test)]
mod tests;
