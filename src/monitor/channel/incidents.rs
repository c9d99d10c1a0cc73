//! For a channel that keeps a state for each alert: which alerts it knows only as part of a storm. The storm is one incident
//! there, under one key as long as it lasts, and over when the last of its alerts is.

use std::collections::HashSet;

/// Alerts of a storm that are remembered: beyond, the storm may end a little early.
const REMEMBERED: usize = 10_000;

/// The storm of one channel.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    key: Option<String>,
    /// Alerts that go on and were told as part of the storm only.
    going: HashSet<String>,
}

impl Incidents {
    /// The key of the storm that lasts or begins now with the alert `first`.
    pub(crate) fn storm_key(&mut self, first: &str) -> String {
        self.key.get_or_insert_with(|| format!("storm-{first}")).clone()
    }

    /// These are told of by the storm only.
    pub(crate) fn belong(&mut self, ids: impl IntoIterator<Item = String>) {
        let room = REMEMBERED.saturating_sub(self.going.len());
        self.going.extend(ids.into_iter().take(room));
    }

    /// An alert is over; true when the channel knows it only as part of the storm.
    pub(crate) fn ended(&mut self, id: &str) -> bool {
        self.going.remove(id)
    }

    /// There is a storm and none of its alerts is known to go on.
    pub(crate) fn may_be_over(&self) -> bool {
        self.key.is_some() && self.going.is_empty()
    }

    /// The key of a storm whose alerts are all over, once.
    pub(crate) fn over(&mut self) -> Option<String> {
        if self.going.is_empty() { self.key.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storm_is_over_with_its_last_alert() {
        let mut incidents = Incidents::default();
        assert_eq!(incidents.over(), None);
        assert_eq!(incidents.storm_key("a"), "storm-a");
        incidents.belong(["a".into(), "b".into()]);
        assert_eq!(incidents.storm_key("c"), "storm-a", "the same storm");
        assert!(incidents.ended("a") && !incidents.ended("a") && !incidents.ended("x"));
        assert_eq!(incidents.over(), None);
        assert!(incidents.ended("b"));
        assert_eq!(incidents.over().as_deref(), Some("storm-a"));
        assert_eq!(incidents.over(), None);
        assert_eq!(incidents.storm_key("c"), "storm-c");
    }

    #[test]
    fn memory_is_bounded() {
        let mut incidents = Incidents::default();
        incidents.belong((0..REMEMBERED * 2).map(|n| n.to_string()));
        assert_eq!(incidents.going.len(), REMEMBERED);
    }
}
