//! Names of alerts and silences: unique across processes and restarts, and what they tell about where an alert came from.

use serde_json::Value;

use super::Alert;

/// Begins the id of an alert that a rule raised. The application cannot choose an id, so its metadata cannot feign a rule.
const OF_RULE: &str = "rule";
/// Begins the id of an alert that the application created.
const OF_APPLICATION: &str = "app";

/// Where an alert comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A rule: it begins and ends with a condition.
    Rule,
    /// The application: it ends by hand or by age.
    Application,
}

impl Source {
    /// How ids of such alerts begin.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Rule => OF_RULE,
            Self::Application => OF_APPLICATION,
        }
    }
}

impl Alert {
    /// The id of the rule that raised it; `None` for one of the application.
    pub fn rule(&self) -> Option<&str> {
        let is_of_rule = self.id.split('-').next() == Some(OF_RULE);
        self.metadata.get("rule").and_then(Value::as_str).filter(|_| is_of_rule)
    }

    /// Whether it is held back by a silence: nobody was told of it, so nobody is to be told that it is over either.
    pub fn is_silenced(&self) -> bool {
        self.metadata.get("silenced") == Some(&Value::Bool(true))
    }
}

/// Makes ids of a time, a seed and a count. The time keeps restarts apart, the seed processes, the count what one process
/// makes within a millisecond.
#[derive(Debug, Clone)]
pub struct Ids {
    seed: u64,
    count: u64,
}

impl Ids {
    /// `seed` is to be random; two processes with the same one may make the same id in the same millisecond.
    pub const fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// The next id, which begins with `prefix`; `is_taken` says which are in use.
    pub fn next(&mut self, prefix: &str, now_ms: u64, is_taken: impl Fn(&str) -> bool) -> String {
        loop {
            self.count += 1;
            let id = format!("{prefix}-{now_ms:x}-{:016x}-{:x}", self.seed, self.count);
            if !is_taken(&id) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_time_seed_and_count_and_skip_those_in_use() {
        let mut ids = Ids::new(1);
        let first = ids.next("rule", 5, |_| false);
        assert_eq!(first, "rule-5-0000000000000001-1");
        assert_eq!(Ids::new(1).next("rule", 5, |id| id == first), "rule-5-0000000000000001-2");
        assert_ne!(Ids::new(2).next("rule", 5, |_| false), first);
        assert_ne!(Ids::new(1).next("rule", 6, |_| false), first);
        assert_ne!(ids.next("rule", 5, |_| false), first);
    }
}
