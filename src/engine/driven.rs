//! The work that threads do, for a system whose clock is moved by hand: whoever moves it does here what falls due meanwhile.
//!
//! One system is moved at a time; whoever moves several on one clock asks each when its next work is due.

use std::sync::Arc;

use super::Engine;
use crate::base::clock::Clock;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::machine::MachineFigures;
use crate::memory::heap_of;
use crate::orchestrator::Driven;

/// Looks at one moment, at most: parts that ask for each other for ever must not stop time.
const MOST_AT_ONCE: u32 = 1_000;
/// Looks in one call, at most: JavaScript has other things to do.
const MOST_IN_A_CALL: u32 = 100_000;

impl Engine {
    /// Monotonic ms at which something is due; `u64::MAX` when nothing ever is.
    ///
    /// # Errors
    /// `E_NOT_AVAILABLE` for a system on a clock of its own.
    pub fn due_ms(&self) -> Result<u64> {
        self.by_hand()?;
        Ok(self.next_due_ms())
    }

    /// Does what is due until then, in its order, and moves the clock with it. Ends early, at that moment, when JavaScript has
    /// events to tell or something to do. Gives the monotonic ms of its end.
    ///
    /// # Errors
    /// `E_NOT_AVAILABLE` for a system on a clock of its own.
    pub fn advance(self: &Arc<Self>, until_ms: u64) -> Result<u64> {
        let clock = Arc::clone(&self.by_hand()?.clock);
        for _ in 0..MOST_IN_A_CALL {
            let due_ms = self.next_due_ms();
            if due_ms > until_ms {
                clock.move_to(until_ms);
                break;
            }
            clock.move_to(due_ms);
            let mut looks = 0;
            while looks < MOST_AT_ONCE && !self.wants_javascript() && self.run_due() {
                looks += 1;
            }
            if self.wants_javascript() {
                break;
            }
            if looks == MOST_AT_ONCE {
                tracing::error!("parts of a system ask for each other without end; time goes on");
                clock.move_to(due_ms + 1);
            }
        }
        Ok(clock.now_ms())
    }

    /// Sets the wall clock, and tells nobody: as when somebody sets a machine's clock.
    ///
    /// # Errors
    /// `E_NOT_AVAILABLE` for a system on a clock of its own.
    pub fn set_wall(&self, wall_ms: u64) -> Result<()> {
        self.by_hand()?.clock.set_wall(wall_ms);
        Ok(())
    }

    /// Other figures of the machine from now on.
    ///
    /// # Errors
    /// `E_NOT_AVAILABLE` for a system on a machine of its own.
    pub fn set_machine(&self, figures: MachineFigures) -> Result<()> {
        self.by_hand()?.machine.set(figures);
        Ok(())
    }

    fn by_hand(&self) -> Result<&Driven> {
        self.orchestrator
            .world()
            .by_hand()
            .ok_or_else(|| Error::new(ErrorKind::NotAvailable, "the system's clock is not moved by hand"))
    }

    fn next_due_ms(&self) -> u64 {
        let parts = [
            self.memory().map(|memory| memory.due_ms()),
            self.monitor().map(|monitor| monitor.due_ms()),
            Some(self.tuner.due_ms(self.orchestrator.now_ms())),
            Some(self.upkeep.at_ms(self.orchestrator.now_ms())),
        ];
        if self.is_closed() { u64::MAX } else { parts.into_iter().flatten().min().unwrap_or(u64::MAX) }
    }

    /// One thing that is due, the earliest part first. Whether there was one.
    fn run_due(self: &Arc<Self>) -> bool {
        if let Some(memory) = self.memory()
            && memory.run_due()
        {
            if let Ok(driven) = self.by_hand() {
                memory.take_heap(heap_of(&driven.machine));
            }
            return true;
        }
        self.monitor().is_some_and(|monitor| monitor.run_due()) || self.run_tuning() || self.run_upkeep()
    }

    fn wants_javascript(&self) -> bool {
        self.events.has_waiting()
            || self.memory().is_some_and(|memory| memory.wants_javascript())
            || self.monitor().is_some_and(|monitor| monitor.wants_javascript())
    }
}

#[cfg(test)]
mod tests;
