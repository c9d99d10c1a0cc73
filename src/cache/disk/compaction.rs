//! Giving room back: expired entries, what belongs to no entry, free pages, the log. In small steps, so that whoever writes in
//! this process or another gets a turn between any two.
//!
//! Never evicts: what it needs on a full disk is the ballast, for the time of one step. Runs on the writer thread; whoever
//! asks for the steps decides how many.

use super::ballast;
use super::db::{self, Trouble};
use super::queue::Command;
use super::room::PAGES_AT_ONCE;
use super::writer::Writer;

/// Entries removed in one step. The pages that this changes fit into the ballast several times.
const EXPIRED_AT_ONCE: usize = 128;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tidy {
    /// Removes some expired entries: how many.
    Expired,
    /// Removes what belongs to no entry and mends the totals: how much went.
    Orphans,
    /// Gives some free pages back: how many are left.
    Pages,
    /// Takes the log over into the database: 1 if nothing of it is left.
    Log,
}

impl Writer {
    /// Whether a step can be done although nothing else is written now: a full disk is what it is for.
    pub(super) fn may_tidy(&self, command: &Command) -> bool {
        let is_full = self.retry.as_ref().is_some_and(|retry| retry.reason == Trouble::Full.reason());
        is_full && matches!(command, Command::Tidy(_)) && self.connection().is_ok()
    }

    pub(super) fn tidy(&mut self, step: Tidy, now_ms: u64) -> Result<i64, Trouble> {
        match self.try_tidy(step, now_ms) {
            Err(Trouble::Full) => self.tidy_with_ballast(step, now_ms),
            result => result,
        }
    }

    fn try_tidy(&mut self, step: Tidy, now_ms: u64) -> Result<i64, Trouble> {
        match step {
            Tidy::Expired => {
                let removed = self.remove_expired(now_ms, EXPIRED_AT_ONCE)?;
                self.refresh_totals()?;
                Ok(db::to_sql(removed as u64))
            }
            Tidy::Orphans => {
                let batch = self.batch()?;
                let removed = batch.tables().remove_orphans()?;
                batch.tables().recount()?;
                batch.commit()?;
                self.refresh_totals()?;
                Ok(db::to_sql(removed as u64))
            }
            Tidy::Pages => {
                let (free, _) = self.pages()?;
                if free > 0 {
                    self.vacuum(free.min(PAGES_AT_ONCE))?;
                }
                Ok(db::to_sql(free.saturating_sub(PAGES_AT_ONCE)))
            }
            Tidy::Log => {
                let is_empty = self.try_to_empty_log();
                // It may have been given back before there was room to make it again.
                if let Some(opened) = self.disk.opened.read().as_ref() {
                    let _ = ballast::ensure(&opened.generation.ballast());
                }
                Ok(i64::from(is_empty))
            }
        }
    }

    /// The same with room that was kept for it. The ballast is made again at once, of what came free.
    fn tidy_with_ballast(&mut self, step: Tidy, now_ms: u64) -> Result<i64, Trouble> {
        let opened = self.disk.opened.read().clone().ok_or(Trouble::Io)?;
        let path = opened.generation.ballast();
        let had_ballast = ballast::release(&path).map_err(|_| Trouble::Full)?;
        self.try_to_empty_log();
        let result = self.try_tidy(step, now_ms);
        // Room comes free only with this.
        self.try_to_empty_log();
        let _ = if had_ballast { ballast::restore(&path) } else { ballast::ensure(&path) };
        result
    }
}
