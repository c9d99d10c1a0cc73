//! What is left of a system when it does not run: its last status and health, in the file of [`crate::monitor::live::state`].

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::Engine;
use crate::base::units::iso8601;
use crate::monitor::live::state::VERSION;

/// The state is saved once in this time at most, ms.
const SAVE_EVERY_MS: u64 = 60_000;
/// And first when a system is so old: one that ends sooner saves it once, then.
const FIRST_SAVE_MS: u64 = 2000;

/// How a system was when its state was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It ran. When nobody answers any more, its process was killed.
    Running,
    /// It was shut down.
    Shutdown,
    /// Its program ended without that.
    Exit,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Shutdown => "shutdown",
            Self::Exit => "exit",
        }
    }
}

/// What was saved last.
#[derive(Debug)]
pub(super) struct Saved {
    due_ms: u64,
    print: Option<u64>,
}

impl Saved {
    /// Nothing yet, of a system that was made now.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { due_ms: now_ms + FIRST_SAVE_MS, print: None }
    }

    /// Whether it is time to look whether something has changed.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.due_ms
    }

    /// Whether what has this print is to be saved now.
    pub(super) fn note(&mut self, now_ms: u64, print: u64) -> bool {
        self.due_ms = now_ms + SAVE_EVERY_MS;
        self.print.replace(print) != Some(print)
    }
}

impl Engine {
    /// The state to save, and a print that changes when something was done or is otherwise than before; time that passes and
    /// memory that breathes are no such thing.
    pub(super) fn state(&self, ended: End) -> (Value, u64) {
        let (status, health) = (self.status_page(), self.health_page());
        let print = print(&status, &health);
        let mut state = json!({
            "version": VERSION,
            "savedAt": iso8601(self.orchestrator.wall_ms()),
            "ended": ended.name(),
        });
        let fields = state.as_object_mut().expect("invariant: an object");
        if let Value::Object(who) = self.who() {
            // The file's own version stands there already.
            fields.extend(who.into_iter().filter(|(name, _)| name != "version"));
        }
        fields.insert("packageVersion".into(), env!("CARGO_PKG_VERSION").into());
        fields.insert("status".into(), status);
        fields.insert("health".into(), health);
        (state, print)
    }
}

fn print(status: &Value, health: &Value) -> u64 {
    let parts = &status["components"];
    let cache = &parts["cacheManager"];
    let seen = json!([
        status["statistics"]["tokensSaved"],
        status["lastOptimization"],
        parts["tokenOptimizer"],
        parts["contextFilter"]["calls"],
        parts["contextFilter"]["config"],
        parts["productionMonitor"]["alerts"],
        cache["overall"],
        cache["l1"]["entries"],
        cache["l2"]["entries"],
        cache["l3"]["entries"],
        cache["disk"]["state"],
        parts["memoryManager"]["throttledAgents"],
        parts["memoryManager"]["config"],
        health["overall"],
        status["recommendations"]["priority"],
    ]);
    xxh3_64(seen.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_saved_at_first_and_then_once_a_minute_if_something_changed() {
        let mut saved = Saved::new(5);
        assert!(!saved.is_due(2004) && saved.is_due(2005));
        assert!(saved.note(2005, 1));
        assert!(!saved.is_due(62_004) && saved.is_due(62_005));
        assert!(!saved.note(62_005, 1));
        assert!(!saved.is_due(62_006));
        assert!(saved.note(122_005, 2));
    }
}
