//! The settings as a list, and single ones within a configuration that is still JSON.
//!
//! A leaf is what has a value of its own: a number, a text, a list, a table. Sections are the ways to them.

use serde_json::{Map, Value};

use crate::base::config::{Allowed, Rule};

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The names that lead to it, `["cache", "ttlSeconds"]`.
    pub keys: Vec<&'static str>,
    /// What its value may be.
    pub allowed: Allowed,
}

impl Leaf {
    /// Its dotted path, `cache.ttlSeconds`.
    pub fn path(&self) -> String {
        self.keys.join(".")
    }
}

/// Every setting that has an effect, in the order of `rules`. Not among them: `$schema`, `configFile`, and the
/// `environment` of sections, which are read and ignored.
pub fn leaves(rules: &[Rule]) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(rules, &[], &mut found);
    found
}

fn collect(rules: &[Rule], above: &[&'static str], found: &mut Vec<Leaf>) {
    for rule in rules {
        let is_ignored = match rule.key {
            "$schema" | "configFile" => true,
            "environment" => !above.is_empty(),
            _ => false,
        };
        if is_ignored {
            continue;
        }
        let keys = [above, &[rule.key]].concat();
        match &rule.allowed {
            Allowed::Section(inner) => collect(inner, &keys, found),
            allowed => found.push(Leaf { keys, allowed: allowed.clone() }),
        }
    }
}

/// What stands at `keys`; `None` where nothing does.
pub fn at<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

/// `value` with the sections that lead to it.
pub fn nested(keys: &[&str], value: Value) -> Value {
    keys.iter().rev().fold(value, |inner, key| Value::Object(Map::from_iter([((*key).to_owned(), inner)])))
}

/// Puts the settings of `change` in place of those of `base`; the others stay. Lists and tables are one setting each.
pub fn merge(base: &mut Value, change: &Value, rules: &[Rule]) {
    if !base.is_object() {
        *base = Value::Object(Map::new());
    }
    let (Some(base), Some(change)) = (base.as_object_mut(), change.as_object()) else { return };
    for (key, value) in change {
        let inner = rules.iter().find(|rule| rule.key == key).map(|rule| &rule.allowed);
        match (inner, value) {
            (Some(Allowed::Section(inner)), Value::Object(_)) => {
                merge(base.entry(key.clone()).or_insert(Value::Null), value, inner);
            }
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Takes out what stands at `keys`, and the sections that are empty then.
pub fn remove(value: &mut Value, keys: &[&str]) {
    let Some(object) = value.as_object_mut() else { return };
    match keys {
        [] => {}
        [last] => {
            object.shift_remove(*last);
        }
        [first, rest @ ..] => {
            if let Some(inner) = object.get_mut(*first) {
                remove(inner, rest);
                if inner.as_object().is_some_and(Map::is_empty) {
                    object.shift_remove(*first);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::config::{Configure, Environment};
    use crate::orchestrator::settings::Settings;

    fn rules() -> Vec<Rule> {
        Settings::defaults(Environment::Staging).rules()
    }

    #[test]
    fn leaves_are_all_settings_that_have_an_effect() {
        let paths: Vec<_> = leaves(&rules()).iter().map(Leaf::path).collect();
        for path in ["environment", "autoTuning", "cache.ttlSeconds", "monitoring.alertThresholds.cpuWarning"]
        {
            assert!(paths.iter().any(|each| each == path), "{path}");
        }
        for path in ["$schema", "configFile", "cache", "cache.environment", "monitoring.alertThresholds"] {
            assert!(paths.iter().all(|each| each != path), "{path}");
        }
    }

    #[test]
    fn merged_sections_grow_and_lists_are_replaced() {
        let mut base = json!({ "cache": { "ttlSeconds": 1 }, "tokens": { "prices": { "a": {} } } });
        let change = json!({
            "cache": { "l1MaxSize": 2 }, "tokens": { "prices": { "b": {} } }, "contextFilter": { "taskFields": ["x"] },
        });
        merge(&mut base, &change, &rules());
        let merged = json!({
            "cache": { "ttlSeconds": 1, "l1MaxSize": 2 }, "tokens": { "prices": { "b": {} } },
            "contextFilter": { "taskFields": ["x"] },
        });
        assert_eq!(base, merged);
    }

    #[test]
    fn removed_settings_leave_no_empty_sections() {
        let mut value =
            json!({ "monitoring": { "alertThresholds": { "cpuWarning": 1 } }, "autoTuning": true });
        remove(&mut value, &["monitoring", "alertThresholds", "cpuWarning"]);
        remove(&mut value, &["cache", "ttlSeconds"]);
        assert_eq!(value, json!({ "autoTuning": true }));
        assert_eq!(at(&nested(&["a", "b"], json!(1)), &["a", "b"]), Some(&json!(1)));
    }
}
