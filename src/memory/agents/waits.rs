//! Callers that wait for an agent to go on: in the order in which they came, until they are released or give up.
//!
//! Who goes on is decided elsewhere, see [`super::turns`]; here is only what follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{AgentRegistry, Now};

/// Numbers are of the process: a manager that takes the place of another gives none of its.
static NEXT_WAIT: AtomicU64 = AtomicU64::new(1);

impl AgentRegistry {
    /// A number that [`Self::take_released`] gives once the agent need not wait; `None` when it need not now.
    pub(crate) fn wait(&mut self, now: Now, id: &str) -> Option<u64> {
        if !self.is_throttled(now, id) {
            return None;
        }
        self.know(now, id);
        // To make room for it, the only one may have been forgotten for which others were to wait.
        if !self.is_throttled(now, id) {
            return None;
        }
        let (id, _) = self.agents.get_key_value(id)?;
        let (id, was_closed) = (Arc::clone(id), self.is_closed_to_new());
        let number = NEXT_WAIT.fetch_add(1, Ordering::Relaxed);
        self.agents.get_mut(&id)?.waits += 1;
        self.waiting.push_back((number, id));
        self.version += u64::from(was_closed != self.is_closed_to_new());
        Some(number)
    }

    /// Ends a wait that its caller gave up.
    pub(crate) fn cancel_wait(&mut self, number: u64) {
        self.released.retain(|released| *released != number);
        let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == number) else { return };
        let was_closed = self.is_closed_to_new();
        if let Some((_, id)) = self.waiting.remove(at)
            && let Some(agent) = self.agents.get_mut(&id)
        {
            agent.waits -= 1;
        }
        self.version += u64::from(was_closed != self.is_closed_to_new());
    }

    /// Ends all waits.
    pub(crate) fn release_all(&mut self) {
        let was_closed = self.is_closed_to_new();
        for (number, id) in std::mem::take(&mut self.waiting) {
            self.released.push(number);
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.waits = 0;
            }
        }
        self.version += u64::from(was_closed != self.is_closed_to_new());
    }

    /// Waits that are over.
    pub(crate) fn take_released(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.released)
    }

    /// Whether there are any.
    pub(crate) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// How many wait.
    pub(crate) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// Ends the waits of an agent, of which there are `waits`. Who is let go has mostly come first: found at once, where
    /// looking through all of them for each agent would take seconds.
    pub(super) fn release_waits(&mut self, id: &str, waits: u32) {
        let was_closed = self.is_closed_to_new();
        for _ in 0..waits {
            let at = self.waiting.iter().position(|(_, agent)| **agent == *id);
            self.released.extend(at.and_then(|at| self.waiting.remove(at)).map(|(number, _)| number));
        }
        self.version += u64::from(was_closed != self.is_closed_to_new());
    }
}
