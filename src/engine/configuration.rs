//! Settings of a running system: updates, all of them or nothing.

use serde_json::{Value, json};

use super::Engine;
use crate::base::error::Result;
use crate::orchestrator::settings::Origin;
use crate::telemetry::event::EventKind;

impl Engine {
    /// Applies a partial configuration to the running parts: all of it or nothing.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_CONFIG_INVALID` with every problem.
    pub fn update_configuration(&self, partial: &Value) -> Result<()> {
        self.check_open()?;
        let (old, new) = {
            let mut tuning = self.tuner.lock();
            let mut settings = self.settings.lock();
            let old = settings.clone();
            settings.apply_json(partial, Origin::Code)?;
            self.orchestrator.apply(&settings);
            self.tuner.user_set(&mut tuning, partial, &settings, self.orchestrator.wall_ms());
            (old, settings.clone())
        };
        self.follow_tuning_flag();
        self.events.emit(
            EventKind::ConfigurationUpdated,
            || json!({ "oldConfig": old.to_json(), "newConfig": new.to_json() }),
        );
        Ok(())
    }
}
