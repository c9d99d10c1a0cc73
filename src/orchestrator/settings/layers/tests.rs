#![allow(clippy::float_cmp, reason = "settings are compared as they were written")]

use std::collections::BTreeMap;

use super::*;

fn layers(code: Value, file: Option<Value>, env: &[(&str, &str)]) -> Layers {
    let env: BTreeMap<_, _> =
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Layers::new(code, file.map(|value| (PathBuf::from("/app/own.json"), value)), &env)
}

fn ttl(layers: &Layers) -> f64 {
    layers.merge().sound().expect("sound").settings.cache.ttl_seconds
}

fn from(layers: &Layers, path: &str) -> (Value, String, Option<String>) {
    let explained = layers.explain(&layers.merge().settings);
    let entry = &explained["settings"][path];
    let name = entry.get("name").and_then(Value::as_str).map(str::to_owned);
    (entry["value"].clone(), entry["source"].as_str().expect("a source").to_owned(), name)
}

const TTL: &str = "AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS";

#[test]
fn later_layers_win_and_are_named() {
    let file = json!({ "environment": "production", "cache": { "ttlSeconds": 1 } });
    let code = |ttl: Value| json!({ "environment": "staging", "cache": ttl });
    let none = json!({ "environment": "staging" });
    let path = "cache.ttlSeconds";
    let file_name = || Some("/app/own.json".to_owned());

    let mut now = layers(none.clone(), None, &[]);
    assert_eq!(from(&now, path), (json!(3600.0), "default".to_owned(), None));
    now = layers(none, Some(file.clone()), &[]);
    assert_eq!(from(&now, path), (json!(1.0), "file".to_owned(), file_name()));
    now = layers(code(json!({ "ttlSeconds": 2 })), Some(file.clone()), &[]);
    assert_eq!(from(&now, path), (json!(2.0), "code".to_owned(), None));
    now = layers(code(json!({ "ttlSeconds": 2 })), Some(file), &[(TTL, "3")]);
    assert_eq!(from(&now, path), (json!(3.0), "variable".to_owned(), Some(TTL.to_owned())));
    now.update(&json!({ "cache": { "ttlSeconds": 4 } }));
    assert_eq!(from(&now, path), (json!(4.0), "update".to_owned(), None));
    now.tune(&json!({ "cache": { "ttlSeconds": 5 } }));
    assert_eq!(from(&now, path), (json!(5.0), "tuning".to_owned(), None));
    assert_eq!(from(&now, "environment"), (json!("staging"), "code".to_owned(), None));

    let explained = now.explain(&now.merge().settings);
    assert_eq!(explained["file"], "/app/own.json");
    assert_eq!(
        explained["layers"],
        json!([
            { "source": "default" }, { "source": "file", "name": "/app/own.json" }, { "source": "code" },
            { "source": "variable", "name": TTL }, { "source": "update" }, { "source": "tuning" },
        ])
    );
    assert_eq!(explained["settings"][path]["default"], json!(3600.0));
    assert_eq!(explained["settings"][path]["variable"], TTL);
}

#[test]
fn update_ends_the_tuning_of_what_it_names_and_of_nothing_else() {
    let mut now = layers(json!({ "environment": "staging" }), None, &[]);
    now.tune(&json!({ "cache": { "ttlSeconds": 5, "similarityThreshold": 0.9 } }));
    now.update(&json!({ "cache": { "ttlSeconds": 7 } }));
    assert_eq!(from(&now, "cache.ttlSeconds").1, "update");
    assert_eq!(from(&now, "cache.similarityThreshold").1, "tuning");
    now.tune(&json!({ "cache": { "similarityThreshold": null } }));
    assert!(!now.is_tuned());
}

#[test]
fn what_is_tuned_as_one_is_given_back_as_one() {
    let size = |key: &str, value: Value| json!({ "cache": { key: value } });
    let mut before = layers(json!({ "environment": "staging" }), None, &[]);
    before.tune(&json!({ "cache": { "l1MaxSize": 8, "l1MaxSizeMB": 2, "ttlSeconds": 5 } }));
    for (key, other) in [("l1MaxSize", "l1MaxSizeMB"), ("l1MaxSizeMB", "l1MaxSize")] {
        let (mut updated, mut tuned, mut filed) = (before.clone(), before.clone(), before.clone());
        updated.update(&size(key, json!(7)));
        tuned.tune(&size(key, Value::Null));
        filed.set_file(Some((PathBuf::from("/a.json"), size(key, json!(7)))));
        filed.end_tuning_of_changed(&before);
        for now in [updated, tuned, filed] {
            assert_eq!(from(&now, &format!("cache.{other}")).1, "default", "{key}");
            assert_eq!(from(&now, "cache.ttlSeconds").1, "tuning", "{key}");
            assert_eq!(now.configured().cache.ttl_seconds, 3600.0);
        }
    }
}

#[test]
fn file_that_says_something_else_ends_tuning() {
    let file = |ttl: u32| Some((PathBuf::from("/a.json"), json!({ "cache": { "ttlSeconds": ttl } })));
    let mut before = layers(json!({ "environment": "staging" }), None, &[]);
    before.set_file(file(1));
    before.tune(&json!({ "cache": { "ttlSeconds": 5, "l1MaxSize": 7 } }));
    let mut after = before.clone();
    after.set_file(file(2));
    after.end_tuning_of_changed(&before);
    assert_eq!((ttl(&after), after.merge().settings.cache.l1_max_size), (2.0, 7));
}

#[test]
fn saved_settings_leave_the_updates_unless_the_file_does_not_come_through() {
    let change = json!({ "cache": { "ttlSeconds": 9, "l1MaxSize": 9 } });
    let mut now = layers(json!({ "environment": "staging" }), Some(json!({})), &[(TTL, "3")]);
    now.update(&change);
    now.set_file(Some((PathBuf::from("/a.json"), change.clone())));
    now.settle(&change);
    assert_eq!(from(&now, "cache.ttlSeconds").1, "update");
    assert_eq!(from(&now, "cache.l1MaxSize").1, "file");
}

#[test]
fn problems_of_all_layers_come_together_with_their_source() {
    let file =
        json!({ "cache": { "ttlSeconds": 0 }, "monitoring": { "alertThresholds": { "memoryWarning": 97 } } });
    let env = [(TTL, "soon"), ("AGENTWISE_OPTIMIZATION_CACHE_TTL", "1")];
    let found =
        layers(json!({ "environment": "staging", "autoTuning": 5 }), Some(file), &env).merge().problems;
    let found: Vec<_> = found
        .iter()
        .map(|(source, problem)| (source.name(), problem.path.as_str(), problem.message.as_str()))
        .collect();
    let message = "must be a number from 0.001 to 3153600000 (seconds)";
    assert_eq!(found.len(), 5, "{found:?}");
    assert_eq!((found[0].0, found[0].1), ("file", "cache.ttlSeconds"));
    assert_eq!((found[1].0, found[1].1), ("code", "autoTuning"));
    assert_eq!((found[2].0, found[2].1), ("variable", "cache.ttlSeconds"));
    assert!(found[2].2.ends_with(&format!("got \"soon\" (from {TTL})")), "{} / {message}", found[2].2);
    assert_eq!((found[3].0, found[3].1), ("variable", "AGENTWISE_OPTIMIZATION_CACHE_TTL"));
    assert!(found[3].2.contains(TTL));
    assert_eq!((found[4].0, found[4].1), ("file", "monitoring.alertThresholds.memoryWarning"));
    assert!(found[4].2.ends_with("(in /app/own.json)"), "{}", found[4].2);
}

#[test]
fn contradiction_belongs_to_the_layer_that_made_it() {
    let thresholds = |key: &str, value: u32| json!({ "monitoring": { "alertThresholds": { key: value } } });
    let variable = "AGENTWISE_OPTIMIZATION_MONITORING_ALERT_THRESHOLDS_MEMORY_CRITICAL";
    let found = layers(
        json!({ "environment": "staging" }),
        Some(thresholds("memoryWarning", 90)),
        &[(variable, "85")],
    );
    let problems = found.merge().problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].0, Source::Variable);
    assert!(problems[0].1.message.ends_with(&format!("(from {variable})")));
}

#[test]
fn own_variable_wins_over_the_one_that_others_use_too() {
    let own = "AGENTWISE_OPTIMIZATION_CACHE_CACHE_DIR";
    let now = layers(json!({ "environment": "staging" }), None, &[("CACHE_DIR", "a"), (own, "b")]);
    assert_eq!(from(&now, "cache.cacheDir"), (json!("b"), "variable".to_owned(), Some(own.to_owned())));
}

#[test]
fn project_is_the_default_of_the_namespace() {
    let code = |more: Value| json!({ "environment": "staging", "projectId": "p", "cache": more });
    assert_eq!(
        from(&layers(code(json!({})), None, &[]), "cache.namespace"),
        (json!("p"), "default".into(), None)
    );
    let own = layers(code(json!({ "namespace": "n" })), None, &[]);
    assert_eq!(from(&own, "cache.namespace"), (json!("n"), "code".into(), None));
}

#[test]
fn nothing_explained_is_a_secret() {
    let code = json!({
        "environment": "staging", "sharedContextUrl": "https://user:hunter2@host",
        "monitoring": { "otlpEndpoint": "https://me:hunter2@otel.example/v1?key=hunter2" },
    });
    let now = layers(code, None, &[]);
    let text = now.explain(&now.merge().settings).to_string();
    assert!(text.contains("otel.example") && !text.contains("hunter2"), "{text}");
    assert!(!format!("{now:?}").contains("hunter2"));
}

#[test]
fn every_setting_is_explained() {
    let now = layers(json!({ "environment": "production" }), None, &[]);
    let settings = now.merge().settings;
    let explained = now.explain(&settings);
    assert_eq!(explained["file"], Value::Null);
    let explained = explained["settings"].as_object().expect("settings").clone();
    assert_eq!(explained.len(), leaves(&rules()).len());
    for leaf in leaves(&rules()) {
        let entry = &explained[&leaf.path()];
        assert_eq!(Some(&entry["value"]), at(&settings.to_json(), &leaf.keys).or(Some(&Value::Null)));
        assert!(entry.get("default").is_some());
    }
}
