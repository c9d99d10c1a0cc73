//! Stages that fail. A panic in one ends there, and the call goes on with the best that there was before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::error::ErrorKind;

/// What can fail by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Stage {
    /// Checking what was read of the context.
    Read = 1,
    /// The filter.
    Filter = 2,
    /// The token step.
    Tokens = 4,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Read, Self::Filter, Self::Tokens];

    /// As callers see it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Filter => "filter",
            Self::Tokens => "tokens",
        }
    }

    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// The error that callers are told of.
    pub fn error(self) -> Value {
        json!({
            "message": format!("the {} stage failed; please report this", self.name()),
            "code": ErrorKind::Internal.code(),
            "stage": self.name(),
        })
    }
}

/// Whichever comes next.
const ANY: u8 = 128;

/// Failures that tests ask for.
#[derive(Debug, Default)]
pub(super) struct Planned(AtomicU8);

impl Planned {
    /// The next run of `stage` is to fail; of the filter or the token step, whichever comes first, without one.
    pub(super) fn plan(&self, stage: Option<Stage>) {
        self.0.fetch_or(stage.map_or(ANY, |stage| stage as u8), Ordering::Relaxed);
    }

    /// Whether one is to fail.
    pub(super) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Whether what comes next, which is none of the stages, is to fail: only if none was named.
    pub(super) fn take_any(&self) -> bool {
        self.0.fetch_and(!ANY, Ordering::Relaxed) & ANY != 0
    }

    fn take(&self, stage: Stage) -> bool {
        let any = if stage == Stage::Read { 0 } else { ANY };
        let due = self.0.fetch_and(!(stage as u8 | any), Ordering::Relaxed);
        due & (stage as u8 | any) != 0
    }

    /// Runs a stage; `None` when it panics.
    pub(super) fn run<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> Option<T> {
        let fail = self.take(stage);
        // Stages share only data behind locks that do not poison and counters: after a panic both are as usable as
        // before, at worst one agent's base is missing, and then its next context is sent in full.
        let result = catch_unwind(AssertUnwindSafe(|| {
            assert!(!fail, "failure asked for by a test");
            work()
        }));
        if result.is_err() {
            tracing::error!(stage = stage.name(), "a stage failed; what there was before it is given back");
        }
        result.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_failures_come_once_and_where_they_were_asked_for() {
        let planned = Planned::default();
        planned.plan(Some(Stage::Tokens));
        assert!(planned.is_any());
        assert_eq!(planned.run(Stage::Filter, || 1), Some(1));
        assert_eq!(planned.run(Stage::Tokens, || 1), None);
        assert_eq!(planned.run(Stage::Tokens, || 1), Some(1));
        planned.plan(None);
        assert_eq!(planned.run(Stage::Read, || 1), Some(1), "what callers mean by a stage");
        assert_eq!(planned.run(Stage::Filter, || 1), None);
        assert!(!planned.is_any());
    }

    #[test]
    fn stages_are_found_by_name() {
        for stage in Stage::ALL {
            assert_eq!(Stage::from_name(stage.name()), Some(stage));
        }
        assert_eq!(Stage::from_name("other"), None);
    }
}
