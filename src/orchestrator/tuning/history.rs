//! What was changed, why, and what came of it.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

/// Changes that are remembered.
pub const MOST: usize = 200;

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is being measured.
    Trying,
    /// It was better, and stays.
    Kept,
    /// It was not better, or broke a limit; the value of before is back.
    Undone,
    /// It could not be measured; `why` says whose value is in force.
    Abandoned,
}

/// What changed with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Also {
    /// The setting.
    pub setting: &'static str,
    /// Its value before.
    pub from: Value,
    /// Its value then.
    pub to: Value,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adjustment {
    /// From 1, in order.
    pub id: u64,
    /// When it was made, Unix ms.
    pub at: u64,
    /// The setting.
    pub setting: &'static str,
    /// Its value before.
    pub from: Value,
    /// Its value then.
    pub to: Value,
    /// What changed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<Also>,
    /// Why.
    pub reason: String,
    /// The figures that say so.
    pub evidence: Value,
    /// The objective before.
    pub before: Value,
    /// The objective afterwards, when it was judged.
    pub after: Option<Value>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When that was decided, Unix ms.
    #[serde(rename = "decidedAt", skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<u64>,
}

/// The last changes.
#[derive(Debug, Default)]
pub struct History {
    rows: VecDeque<Adjustment>,
    /// Made so far.
    made: u64,
    /// Of these, kept and undone.
    pub kept: u64,
    /// Of these, undone.
    pub undone: u64,
}

impl History {
    /// The number of the next change.
    pub fn next_id(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// Adds a change.
    pub fn push(&mut self, row: Adjustment) {
        self.count(row.outcome);
        self.rows.push_back(row);
        if self.rows.len() > MOST {
            self.rows.pop_front();
        }
    }

    /// Says what came of a change; the change as it stands then.
    pub fn decide(
        &mut self,
        id: u64,
        outcome: Outcome,
        why: String,
        after: Option<Value>,
        at: u64,
    ) -> Option<Adjustment> {
        let row = self.rows.iter_mut().find(|row| row.id == id)?;
        let before = std::mem::replace(&mut row.outcome, outcome);
        (row.why, row.after, row.decided_at) = (Some(why), after, Some(at));
        let row = row.clone();
        // What was decided before does not hold any more.
        self.kept -= u64::from(before == Outcome::Kept);
        self.undone -= u64::from(before == Outcome::Undone);
        self.count(outcome);
        Some(row)
    }

    /// Oldest first.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Adjustment> {
        self.rows.iter()
    }

    fn count(&mut self, outcome: Outcome) {
        self.kept += u64::from(outcome == Outcome::Kept);
        self.undone += u64::from(outcome == Outcome::Undone);
    }
}
