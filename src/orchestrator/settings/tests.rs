use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::base::config::{Allowed, Rule};
use crate::base::error::ErrorKind;

#[test]
fn monitoring_and_tuning_are_on_by_default_in_production_only() {
    for (environment, on) in
        [(Environment::Development, false), (Environment::Staging, false), (Environment::Production, true)]
    {
        let settings = Settings::defaults(environment);
        assert_eq!((settings.enable_production_monitoring, settings.auto_tuning), (on, on));
        let always = [
            settings.enable_memory_management,
            settings.enable_advanced_caching,
            settings.enable_context_filtering,
        ];
        assert_eq!(always, [true; 3]);
    }
}

#[test]
fn update_changes_only_what_is_there() {
    let mut settings = Settings::defaults(Environment::Staging);
    let value = json!({
        "$schema": "./optimization.schema.json", "autoTuning": true,
        "cache": { "l1MaxSizeMB": 8 }, "monitoring": { "alertThresholds": { "cpuWarning": 70 } },
    });
    settings.apply_json(&value, Origin::Code).expect("sound");
    let mut expected = Settings::defaults(Environment::Staging);
    expected.auto_tuning = true;
    expected.cache.l1_max_size_mb = 8.0;
    expected.monitoring.alert_thresholds.cpu_warning = 70.0;
    assert_eq!(settings, expected);
}

#[test]
fn problems_of_all_sections_come_together_and_nothing_is_changed() {
    let mut settings = Settings::defaults(Environment::Production);
    let value = json!({
        "autoTuning": false, "memory": { "gcInterval": 0 }, "cache": { "ttl": 1 }, "contextFilter": 1,
        "monitoring": { "alertThresholds": { "cpuWarning": 99 }, "environment": "live" },
    });
    let error = settings.apply_json(&value, Origin::File(Path::new("/a.json"))).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let paths: Vec<_> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "memory.gcInterval",
            "cache.ttl",
            "contextFilter",
            "monitoring.environment",
            "monitoring.alertThresholds.cpuWarning",
        ]
    );
    assert!(error.problems().iter().all(|problem| problem.message.ends_with(" (in /a.json)")));
    assert_eq!(settings, Settings::defaults(Environment::Production));
}

#[test]
fn slips_in_real_names_are_recognized_and_unrelated_names_are_not() {
    let message = |value: &Value| {
        let mut settings = Settings::defaults(Environment::Staging);
        settings.apply_json(value, Origin::Code).expect_err("unknown").problems()[0].message.clone()
    };
    for (section, wrong, right) in [
        ("cache", "ttl", "ttlSeconds"),
        ("cache", "ttlSecs", "ttlSeconds"),
        ("cache", "TTLSECONDS", "ttlSeconds"),
        ("cache", "l1_max_size_mb", "l1MaxSizeMB"),
        ("cache", "cachedir", "cacheDir"),
        ("cache", "enableCompresion", "enableCompression"),
        ("memory", "maxMemory", "maxMemoryUsage"),
        ("memory", "agentLimit", "agentMemoryLimit"),
        ("memory", "gcIntervall", "gcInterval"),
        ("monitoring", "enableSlackAlert", "enableSlackAlerts"),
    ] {
        assert_eq!(
            message(&json!({ section: { wrong: 1 } })),
            format!("unknown setting; did you mean \"{right}\"?")
        );
    }
    for (section, wrong) in [("cache", "enableFoo"), ("memory", "swap"), ("monitoring", "enableDashboards")] {
        let message = message(&json!({ section: { wrong: 1 } }));
        assert!(message.contains("known here"), "{wrong}: {message}");
    }
}

#[test]
fn shown_settings_can_be_read_again() {
    let mut settings = Settings::defaults(Environment::Production);
    settings.cache.cache_dir = Some("/var/cache/agents".to_owned());
    settings.config_file = Some("own.json".to_owned());
    let mut again = Settings::defaults(Environment::Development);
    again.apply_json(&settings.to_json(), Origin::Code).expect("its own output");
    assert_eq!(again, settings);
}

/// Any JSON, with the marks for values that JavaScript cannot put into it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_u32..200).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<String>().prop_map(|text| json!({ "$invalid": text })),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A sound or almost sound value for a setting.
fn value_for(allowed: Allowed) -> BoxedStrategy<Value> {
    match allowed {
        Allowed::Number(number) => prop_oneof![
            3 => (number.min..=number.max).prop_map(f64::round).prop_map(Value::from),
            1 => Just(Value::from(number.min - 1.0)),
        ]
        .boxed(),
        Allowed::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Allowed::Text(_) => "[a-z./]{0,8}".prop_map(Value::from).boxed(),
        Allowed::Choice(names) => prop::sample::select(names).prop_map(Value::from).boxed(),
        Allowed::Texts => prop::collection::vec("[a-zA-Z]{0,8}", 0..3).prop_map(Value::from).boxed(),
        Allowed::Table => Just(serde_json::json!({})).boxed(),
        Allowed::Objects => Just(serde_json::json!([])).boxed(),
        Allowed::Numbers(_) => unreachable!("no setting is a map of numbers"),
        Allowed::Section(rules) => section_of(rules),
    }
}

/// An object with some of the settings, most of them sound.
fn section_of(rules: Vec<Rule>) -> BoxedStrategy<Value> {
    let pair = prop::sample::select(rules).prop_flat_map(|rule| {
        let value = prop_oneof![12 => value_for(rule.allowed), 1 => any_json()];
        (Just(rule.key.to_owned()), value)
    });
    let stray = (any::<String>(), any_json());
    prop::collection::vec(prop_oneof![40 => pair, 1 => stray], 0..4)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>()))
        .boxed()
}

fn any_settings() -> impl Strategy<Value = Value> {
    let rules = Settings::defaults(Environment::Production).rules();
    prop_oneof![1 => any_json(), 4 => section_of(rules)]
}

/// Whether every setting of `given` has its value in `shown`.
fn is_shown_in(given: &Value, shown: &Value) -> bool {
    match (given, shown) {
        (Value::Object(given), Value::Object(shown)) => given.iter().all(|(key, value)| {
            // Checked and ignored: `$schema`, and the environment inside a section.
            shown.get(key).map_or(key == "$schema" || key == "environment", |shown| is_shown_in(value, shown))
        }),
        (Value::Number(given), Value::Number(shown)) => given.as_f64() == shown.as_f64(),
        _ => given == shown,
    }
}

proptest! {
    #[test]
    fn refused_update_changes_nothing_and_accepted_update_is_shown(first in any_settings(), second in any_settings()) {
        let mut settings = Settings::defaults(Environment::Production);
        for value in [first, second] {
            let before = settings.clone();
            match settings.apply_json(&value, Origin::Code) {
                Ok(()) => prop_assert!(is_shown_in(&value, &settings.to_json()), "{value}"),
                Err(error) => {
                    prop_assert!(!error.problems().is_empty());
                    prop_assert_eq!(settings.clone(), before);
                }
            }
        }
    }
}
