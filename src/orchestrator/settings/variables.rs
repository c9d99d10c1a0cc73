//! Environment variables for every setting: their names, and what their texts say.
//!
//! A name is made of the setting's: `cache.l1MaxSizeMB` is `AGENTWISE_OPTIMIZATION_CACHE_L1_MAX_SIZE_MB`. Does not read
//! the process's environment: the caller passes it.

use std::collections::BTreeMap;

use serde_json::{Number as JsonNumber, Value};

use super::paths::{Leaf, leaves, nested};
use super::text::{Format, parse};
use crate::base::config::{Allowed, Rule, nearest};
use crate::base::error::Problem;

/// What the names of variables for settings begin with.
pub const PREFIX: &str = "AGENTWISE_OPTIMIZATION_";
/// Variable that overrides `cache.cacheDir`, wherever that was given, but for the variable with the prefix.
pub const CACHE_DIR: &str = "CACHE_DIR";
/// Variable that names a configuration file.
pub const OPTIMIZATION_CONFIG: &str = "OPTIMIZATION_CONFIG";

/// One variable that is set and names a setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The setting, with the sections that lead to it.
    pub value: Value,
}

/// The variable for the setting at `keys`.
///
/// ```
/// use agentwise_optimization::orchestrator::settings::variables::name_of;
/// assert_eq!(name_of(&["cache", "l1MaxSizeMB"]), "AGENTWISE_OPTIMIZATION_CACHE_L1_MAX_SIZE_MB");
/// ```
pub fn name_of(keys: &[&str]) -> String {
    let words: Vec<_> = keys.iter().map(|key| upper_snake(key)).collect();
    format!("{PREFIX}{}", words.join("_"))
}

/// `ttlSeconds` as `TTL_SECONDS`.
fn upper_snake(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    let mut name = String::with_capacity(key.len() + 8);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let ends_capitals = before.is_some_and(char::is_uppercase)
            && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins = before.is_some_and(|before| !before.is_uppercase()) || ends_capitals;
        if letter.is_uppercase() && begins {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

/// The settings that variables can give: all but `environment`, which chooses file and defaults.
pub fn settable(rules: &[Rule]) -> Vec<Leaf> {
    leaves(rules).into_iter().filter(|leaf| leaf.keys != ["environment"]).collect()
}

/// What the variables say, those that win last, and what is wrong with names and texts. An empty or blank variable
/// counts as unset. Values are checked where they are merged.
pub fn read(env: &BTreeMap<String, String>, rules: &[Rule]) -> (Vec<Variable>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let set = |name: &str| env.get(name).filter(|text| !text.trim().is_empty());
    if let Some(dir) = set(CACHE_DIR) {
        let value = nested(&["cache", "cacheDir"], dir.as_str().into());
        found.push(Variable { name: CACHE_DIR.to_owned(), value });
    }
    let begun = env.range(PREFIX.to_owned()..).take_while(|(name, _)| name.starts_with(PREFIX));
    let begun: Vec<_> = begun.filter(|(_, text)| !text.trim().is_empty()).collect();
    if begun.is_empty() {
        return (found, problems);
    }
    let settings: Vec<(String, Leaf)> =
        settable(rules).into_iter().map(|leaf| (name_of(&leaf.keys), leaf)).collect();
    for (name, text) in begun {
        let Some((_, leaf)) = settings.iter().find(|(known, _)| known == name) else {
            problems.push(Problem { path: name.clone(), message: unknown(name, &settings) });
            continue;
        };
        match value_of(&leaf.allowed, text) {
            Ok(value) => {
                found.push(Variable { name: name.clone(), value: nested(&leaf.keys, value) });
            }
            Err(what) => {
                problems.push(Problem { path: leaf.path(), message: format!("{what} (from {name})") });
            }
        }
    }
    (found, problems)
}

fn unknown(name: &str, settings: &[(String, Leaf)]) -> String {
    let rest = &name[PREFIX.len()..];
    match rest {
        "ENVIRONMENT" => return "is not a variable: the environment is given in code".to_owned(),
        "CONFIG" | "CONFIG_FILE" => {
            return format!("unknown variable; did you mean \"{OPTIMIZATION_CONFIG}\"?");
        }
        _ => {}
    }
    let known = || settings.iter().map(|(name, _)| &name[PREFIX.len()..]);
    // Names share the words of their section, which makes strangers look alike: a beginning says more.
    let begun = known().find(|name| name.starts_with(rest));
    match begun.or_else(|| nearest(rest, known())) {
        Some(near) => format!("unknown variable; did you mean \"{PREFIX}{near}\"?"),
        None => "unknown variable; docs/configuration.md lists those of all settings".to_owned(),
    }
}

/// The text as the kind of value that the setting has. What is not of the kind stays a text, which is refused with what
/// is allowed.
fn value_of(allowed: &Allowed, text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    Ok(match allowed {
        Allowed::Number(_) if trimmed == "null" => Value::Null,
        Allowed::Number(_) => number(trimmed).unwrap_or_else(|| trimmed.into()),
        Allowed::Flag => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true.into(),
            "false" | "0" | "no" | "off" => false.into(),
            _ => trimmed.into(),
        },
        Allowed::Choice(_) => trimmed.into(),
        Allowed::Text(_) => text.into(),
        Allowed::Texts if !trimmed.starts_with('[') => {
            trimmed.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()
        }
        Allowed::Texts | Allowed::Numbers(_) | Allowed::Table | Allowed::Objects | Allowed::Section(_) => {
            parse(trimmed.as_bytes(), Format::Json)?
        }
    })
}

/// Only what JSON calls a number: no `inf`, no `0x10`.
fn number(text: &str) -> Option<Value> {
    serde_json::from_str::<JsonNumber>(text).ok().map(Value::Number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::base::config::{Configure, Environment};
    use crate::orchestrator::settings::Settings;

    fn rules() -> Vec<Rule> {
        Settings::defaults(Environment::Staging).rules()
    }

    fn read_one(name: &str, text: &str) -> (Vec<Variable>, Vec<Problem>) {
        read(&BTreeMap::from([(format!("{PREFIX}{name}"), text.to_owned())]), &rules())
    }

    #[test]
    fn names_are_upper_snake_and_no_two_settings_share_one() {
        for (key, name) in [
            ("ttlSeconds", "TTL_SECONDS"),
            ("l1MaxSizeMB", "L1_MAX_SIZE_MB"),
            ("analysisCacheMB", "ANALYSIS_CACHE_MB"),
            ("autoTuning", "AUTO_TUNING"),
            ("enableOtlpExport", "ENABLE_OTLP_EXPORT"),
            ("HTTPServer", "HTTP_SERVER"),
            ("console", "CONSOLE"),
        ] {
            assert_eq!(upper_snake(key), name);
        }
        let all = settable(&rules());
        let names: BTreeSet<_> = all.iter().map(|leaf| name_of(&leaf.keys)).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn texts_become_the_kind_of_value_that_the_setting_has() {
        for (name, text, value) in [
            ("CACHE_TTL_SECONDS", " 60 ", json!({ "cache": { "ttlSeconds": 60 } })),
            ("CACHE_TTL_SECONDS", "1e3", json!({ "cache": { "ttlSeconds": 1e3 } })),
            ("CACHE_TTL_SECONDS", "inf", json!({ "cache": { "ttlSeconds": "inf" } })),
            ("AUTO_TUNING", "Yes", json!({ "autoTuning": true })),
            ("AUTO_TUNING", "0", json!({ "autoTuning": false })),
            ("AUTO_TUNING", "2", json!({ "autoTuning": "2" })),
            ("CACHE_EVICTION_POLICY", " lfu", json!({ "cache": { "evictionPolicy": "lfu" } })),
            ("CONTEXT_FILTER_TASK_FIELDS", "a, b,", json!({ "contextFilter": { "taskFields": ["a", "b"] } })),
            (
                "CONTEXT_FILTER_TASK_FIELDS",
                "[\"a,b\"]",
                json!({ "contextFilter": { "taskFields": ["a,b"] } }),
            ),
            ("MONITORING_METRICS_PORT", "null", json!({ "monitoring": { "metricsPort": null } })),
            (
                "MONITORING_ALERT_RULES",
                "[{\"id\":\"x\"},]",
                json!({ "monitoring": { "alertRules": [{ "id": "x" }] } }),
            ),
            (
                "MONITORING_ALERT_THRESHOLDS_CPU_WARNING",
                "70",
                json!({ "monitoring": { "alertThresholds": { "cpuWarning": 70 } } }),
            ),
        ] {
            let (found, problems) = read_one(name, text);
            assert_eq!(problems, [], "{name}");
            assert_eq!(found[0].value, value, "{name}={text}");
        }
    }

    #[test]
    fn blank_variables_and_those_of_others_are_left_alone() {
        assert_eq!(read_one("CACHE_TTL_SECONDS", " "), (vec![], vec![]));
        let env = BTreeMap::from([("AGENTWISE_OPTIMIZATIO".to_owned(), "1".to_owned())]);
        assert_eq!(read(&env, &rules()), (vec![], vec![]));
    }

    #[test]
    fn unknown_variables_are_problems_with_the_nearest_name() {
        for (name, says) in [
            ("CACHE_TTL_SECOND", "did you mean \"AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS\"?"),
            ("CACHE_TTL", "did you mean \"AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS\"?"),
            ("AUTOTUNING", "did you mean \"AGENTWISE_OPTIMIZATION_AUTO_TUNING\"?"),
            ("CONFIG", "did you mean \"OPTIMIZATION_CONFIG\"?"),
            ("ENVIRONMENT", "given in code"),
            ("QQQ", "docs/configuration.md"),
        ] {
            let (found, problems) = read_one(name, "1");
            assert_eq!(found, []);
            assert_eq!(problems[0].path, format!("{PREFIX}{name}"));
            assert!(problems[0].message.contains(says), "{}", problems[0].message);
        }
    }

    #[test]
    fn broken_lists_say_which_variable_and_where() {
        let (found, problems) = read_one("MONITORING_ALERT_RULES", "[{]");
        assert_eq!(found, []);
        assert_eq!(problems[0].path, "monitoring.alertRules");
        assert!(problems[0].message.contains("line 1 column 3"), "{}", problems[0].message);
        assert!(problems[0].message.ends_with("(from AGENTWISE_OPTIMIZATION_MONITORING_ALERT_RULES)"));
    }
}
