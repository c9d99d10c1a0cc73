//! How attempts ended and what became of alerts, until somebody is told.

/// Ids that are kept until they are fetched. Beyond, the counts of the status say how many there were.
const KEPT: usize = 2_000;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The other side has it.
    Delivered,
    /// It may work another time.
    Later {
        /// For people, without a secret.
        reason: String,
        /// What the other side asked for.
        retry_after_ms: Option<u64>,
    },
    /// It never will.
    Refused {
        /// For people, without a secret.
        reason: String,
    },
}

/// Counts since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Alerts the other side has.
    pub(crate) delivered: u64,
    /// Attempts that failed and were or will be repeated.
    pub(crate) retries: u64,
    /// Alerts given up.
    pub(crate) dead: u64,
    /// Alerts only counted because too many waited, or dropped because the channel was switched off.
    pub(crate) dropped: u64,
    /// Messages that were digests.
    pub(crate) digests: u64,
    /// The last failure.
    pub(crate) last_error: Option<String>,
}

/// What became of some alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// The alerts.
    pub(crate) ids: Vec<String>,
    /// Why they were not delivered; none when they were.
    pub(crate) lost: Option<String>,
}

/// In order.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    list: Vec<Report>,
    ids: usize,
}

impl Reports {
    /// The other side has these.
    pub(crate) fn delivered(&mut self, ids: Vec<String>) {
        self.add(ids, None);
    }

    /// These were given up.
    pub(crate) fn lost(&mut self, ids: Vec<String>, reason: &str) {
        self.add(ids, Some(reason));
    }

    /// All, once.
    pub(crate) fn take(&mut self) -> Vec<Report> {
        self.ids = 0;
        std::mem::take(&mut self.list)
    }

    fn add(&mut self, mut ids: Vec<String>, lost: Option<&str>) {
        ids.truncate(KEPT.saturating_sub(self.ids));
        if ids.is_empty() {
            return;
        }
        self.ids += ids.len();
        match self.list.last_mut() {
            Some(newest) if newest.lost.as_deref() == lost => newest.ids.extend(ids),
            _ => self.list.push(Report { ids, lost: lost.map(Into::into) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_merged_bounded_and_told_once() {
        let mut reports = Reports::default();
        reports.delivered(vec!["a".into()]);
        reports.lost(vec!["b".into()], "full");
        reports.lost(vec!["c".into()], "full");
        reports.lost((0..9_000).map(|n| n.to_string()).collect(), "full");
        let taken = reports.take();
        assert_eq!(taken[0], Report { ids: vec!["a".into()], lost: None });
        assert_eq!((taken.len(), taken[1].ids.len()), (2, KEPT - 1));
        assert_eq!(reports.take(), []);
    }
}
