use std::collections::BTreeMap;

use std::time::Duration;

use super::*;
use crate::base::clock::ManualClock;
use crate::base::document::tests::document;
use crate::base::driven::DrivenClock;
use crate::base::machine::GivenMachine;
use crate::base::machine::tests::calm;
use crate::cache::{Keys, Kind, Namespace, Scope, Terms};
use crate::orchestrator::Driven;

/// Longer than any end in these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn engine_in(cwd: &std::path::Path, extra: Value) -> Arc<Engine> {
    let mut code = json!({ "environment": "development", "cache": { "persistToDisk": false } });
    code.as_object_mut().expect("object").extend(extra.as_object().expect("object").clone());
    let request = SettingsRequest { code, cwd: cwd.to_owned(), env: BTreeMap::new() };
    Arc::new(Engine::open_with(&request, Arc::new(ManualClock::new())).expect("engine"))
}

fn keys(query: &str) -> Keys {
    Keys::new(&Namespace::root(""), &Scope::default(), query)
}

fn store(engine: &Engine, query: &str) {
    let cache = engine.cache().expect("a cache");
    let stored = cache.manager().set(keys(query).to_store(), "1".into(), Kind::Json, Terms::default());
    assert!(stored.is_ok());
}

fn engine() -> Arc<Engine> {
    engine_in(std::path::Path::new("/nonexistent"), json!({}))
}

fn optimize(engine: &Engine, json: &str) -> Result<Optimization> {
    let request = OptimizeRequest { agent_id: "a".into(), ..OptimizeRequest::default() };
    engine.optimize(&Shared::of(document(json), 1), &request, &Cancel::default())
}

#[test]
fn fresh_system_is_healthy_and_production_ready() {
    for environment in ["development", "staging", "production"] {
        // How well this machine is, and how much the tests of this process take of it, is not the question.
        let request = SettingsRequest {
            code: json!({ "environment": environment }),
            cwd: "/nonexistent".into(),
            env: BTreeMap::new(),
        };
        let clock = Arc::new(DrivenClock::new(0, ManualClock::WALL_START_MS));
        let machine = Arc::new(GivenMachine::new(Arc::clone(&clock) as _, calm()));
        let engine = Engine::open_driven(&request, Driven { clock, machine }).expect("engine");
        assert_eq!(engine.health(None)["overall"], "healthy", "{environment}");
        assert_eq!(engine.health(None)["score"], 100.0);
        assert!(engine.is_production_ready());
        assert_eq!(engine.health(None)["recommendations"], json!([]));
    }
}

#[test]
fn after_shutdown_work_is_refused_and_questions_have_harmless_answers() {
    let engine = engine();
    store(&engine, "q");
    assert_eq!(
        engine.shut_down(None, PATIENCE, true).report,
        None,
        "the directory is not there: a warning, not a failure"
    );
    assert_eq!(optimize(&engine, "{}").expect_err("refused").kind(), ErrorKind::ShutDown);
    assert_eq!(
        engine.write_report(&ReportRequest::default(), None).expect_err("refused").kind(),
        ErrorKind::ShutDown
    );
    assert_eq!(
        engine.update_configuration(&json!({}), false).expect_err("refused").kind(),
        ErrorKind::ShutDown
    );
    assert_eq!(engine.maintain().expect_err("refused").kind(), ErrorKind::ShutDown);
    assert!(engine.cache().is_none());
    assert!(engine.memory().is_none() && !engine.is_production_ready());
}

#[test]
fn shutdown_writes_one_final_report() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = engine_in(dir.path(), json!({}));
    optimize(&engine, r#"{"currentTask":"x"}"#).expect("optimized");
    let path = engine.shut_down(None, PATIENCE, true).report.expect("a report");
    assert_eq!(engine.shut_down(None, PATIENCE, true).report, None);
    let report: Value = serde_json::from_slice(&std::fs::read(path).expect("read")).expect("JSON");
    assert_eq!(report["performance"]["totalOperations"], 1);
    assert_eq!(report["config"]["environment"], "development");
    assert_eq!(report["timestamp"], "2026-01-01T00:00:00.000Z");
    let quiet = engine_in(dir.path(), json!({ "finalReport": false }));
    assert_eq!(quiet.shut_down(None, PATIENCE, true).report, None);
}

#[test]
fn refused_update_changes_nothing() {
    let engine = engine();
    let before = engine.status(None)["components"]["contextFilter"]["config"].clone();
    let bad = json!({ "contextFilter": { "adaptiveReduction": false, "globalMaxContext": -1 }, "cache": { "ttlSecond": 1 } });
    let error = engine.update_configuration(&bad, false).expect_err("refused");
    assert_eq!((error.kind(), error.problems().len()), (ErrorKind::ConfigInvalid, 2));
    assert_eq!(engine.status(None)["components"]["contextFilter"]["config"], before);
}

#[test]
fn update_reaches_running_parts_and_keeps_what_they_hold() {
    let engine = engine();
    store(&engine, "q");
    engine
        .update_configuration(
            &json!({ "cache": { "l1MaxSize": 5 }, "memory": { "agentMemoryLimit": 0.001 } }),
            false,
        )
        .expect("sound");
    let status = engine.status(None);
    assert_eq!(status["components"]["cacheManager"]["l1"]["maxSize"], 5);
    assert!(engine.cache().expect("a cache").manager().find(&keys("q"), false).is_some());
    let text = "word ".repeat(1000);
    optimize(&engine, &format!(r#"{{"currentTask":"{text}"}}"#)).expect("optimized");
    assert!(
        engine.memory().is_some_and(|memory| memory.should_throttle("a")),
        "5 KB is over the new limit of 1 KB"
    );
    engine.update_configuration(&json!({ "enableMemoryManagement": false, "enableAdvancedCaching": false, "enableContextFiltering": false }), false).expect("sound");
    let components = &engine.status(None)["components"];
    for part in ["memoryManager", "cacheManager", "contextFilter", "productionMonitor"] {
        assert_eq!(components[part], Value::Null, "{part}");
    }
    assert!(!engine.memory().is_some_and(|memory| memory.should_throttle("a")));
    assert!(optimize(&engine, "{\"x\":1}").expect("works without parts").tokens.is_some());
}

#[test]
fn internal_failure_is_told_and_the_call_goes_on() {
    let engine = engine();
    engine.events().listen(&["optimizationError".into(), "agentContextOptimized".into()]);
    engine.orchestrator().fail_next_stage(None);
    let done = optimize(&engine, "{}").expect("not the caller's fault");
    assert!(done.tokens.is_some(), "the token step goes on with what there is");
    let events: Value = serde_json::from_str(&engine.events().drain().expect("events")).expect("JSON");
    assert_eq!(events[0][0], "optimizationError");
    assert_eq!(events[0][1]["agentId"], "a");
    assert_eq!(events[0][1]["error"]["stage"], "filter");
    assert_eq!(events[1][1]["success"], false);
    assert!(engine.health(None)["components"]["contextFilter"]["score"].as_f64().expect("a score") < 100.0);
    assert!(optimize(&engine, "{}").expect("works again").report.failed.is_empty());
}

#[test]
fn agent_ids_are_bounded() {
    assert!(check_agent_id("a").is_ok());
    for id in ["", &"x".repeat(1025)] {
        assert_eq!(check_agent_id(id).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn channel_without_its_secret_is_a_warning_that_names_the_variable_and_not_the_secret() {
    let code = json!({
        "environment": "production",
        "monitoring": { "enableSlackAlerts": true, "enableEmailAlerts": true, "alertEmailTo": ["a@b.example"] },
    });
    let env = [("EMAIL_SERVICE_API".to_owned(), "ftp://u:hunter2@h".to_owned())].into();
    let request = SettingsRequest { code, cwd: "/nonexistent".into(), env };
    let engine = Engine::open(&request).expect("sound");
    let told: Vec<String> = engine.warnings().iter().map(|warning| format!("{warning:?}")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("monitoring.enableSlackAlerts") && told[0].contains("SLACK_WEBHOOK_URL"));
    assert!(told.iter().all(|told| !told.contains("hunter2")));
}
