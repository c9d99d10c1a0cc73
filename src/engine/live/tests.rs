use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::base::clock::ManualClock;
use crate::engine::Engine;
use crate::monitor::live::{Answering, net, state};
use crate::orchestrator::settings_file::SettingsRequest;
use std::sync::Arc;
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(60);

fn engine(cwd: &Path, extra: Value) -> (Arc<Engine>, Arc<ManualClock>) {
    let mut code = json!({ "environment": "staging", "projectId": "shop", "finalReport": false });
    code.as_object_mut().expect("object").extend(extra.as_object().expect("object").clone());
    let request = SettingsRequest { code, cwd: cwd.to_owned(), env: BTreeMap::new() };
    let clock = Arc::new(ManualClock::new());
    (Arc::new(Engine::open_with(&request, clock.clone()).expect("engine")), clock)
}

/// Goes live, without the thread that looks after it by itself.
fn live(cwd: &Path, extra: Value) -> (Arc<Engine>, Arc<ManualClock>) {
    let (engine, clock) = engine(cwd, extra);
    let reached = (Arc::downgrade(&engine), std::thread::current().id());
    engine.live.reached.set(reached).expect("the first");
    engine.look_after_live(&net());
    (engine, clock)
}

fn socket(engine: &Engine) -> Option<String> {
    engine.live.status()["socket"].as_str().map(str::to_owned)
}

fn saved(cwd: &Path) -> Option<Value> {
    let path = state::path(&cwd.join(".cache/live"), Some("shop"), "staging");
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn work(engine: &Engine) {
    let document = crate::base::document::tests::document("{\"currentTask\":\"x\"}");
    let document = crate::orchestrator::Shared::of(document, 1);
    let request = crate::orchestrator::OptimizeRequest {
        agent_id: "a".into(),
        ..crate::orchestrator::OptimizeRequest::default()
    };
    engine.optimize(&document, &request, &crate::base::cancel::Cancel::default()).expect("optimized");
}

#[test]
fn pages_say_who_it_is_and_how_it_is() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (engine, _) = engine(dir.path(), json!({ "enableProductionMonitoring": true }));
    let who = engine.answer("/").expect("a page");
    assert_eq!(who["pid"], std::process::id());
    assert_eq!((&who["project"], &who["environment"]), (&json!("shop"), &json!("staging")));
    assert_eq!(who["startedAt"], "2026-01-01T00:00:00.000Z");
    let status = engine.answer("/status").expect("a page");
    assert_eq!((&status["initialized"], &status["warnings"]), (&json!(true), &json!([])));
    assert_eq!(status["statistics"]["timestamp"], "2026-01-01T00:00:00.000Z");
    assert_eq!(engine.answer("/health").expect("a page")["overall"], "healthy");
    let figures = engine.answer("/metrics.json").expect("a page");
    for name in ["cache", "memory", "tokens", "agents", "statistics"] {
        assert!(figures[name].is_object(), "{name}: {figures}");
    }
    assert_eq!(figures["timestamp"], "2026-01-01T00:00:00.000Z");
    let tuning = engine.answer("/tuning").expect("a page");
    assert_eq!((&tuning["enabled"], &tuning["history"]), (&json!(false), &json!([])));
    assert!(engine.answer("/nothing").is_none());
    engine.shut_down(None, PATIENT, true);
}

#[cfg(unix)]
#[test]
fn socket_is_made_again_as_long_as_there_is_a_cache_directory() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (engine, clock) = live(dir.path(), json!({}));
    let first = socket(&engine).expect("a socket");
    assert!(!engine.live.is_due(), "all is well");
    fs::remove_file(&first).expect("removed");
    assert!(engine.live.is_due());
    engine.look_after_live(&net());
    let second = socket(&engine).expect("another");
    assert!(second != first && Path::new(&second).exists());
    fs::remove_dir_all(dir.path().join(".cache/live")).expect("removed");
    engine.look_after_live(&net());
    assert!(Path::new(&socket(&engine).expect("another")).exists());
    fs::rename(dir.path().join(".cache"), dir.path().join("moved")).expect("moved");
    engine.look_after_live(&net());
    let status = engine.live.status();
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("was removed")), "{status}");
    assert!(!engine.live.is_due(), "not again at once");
    clock.advance(super::AGAIN_MS);
    assert!(engine.live.is_due());
    engine.shut_down(None, PATIENT, true);
}

#[cfg(unix)]
#[test]
fn settings_switch_it_off_and_on() {
    let dir = tempfile::tempdir().expect("temp dir");
    for off in [
        json!({ "liveSocket": false }),
        json!({ "enableAdvancedCaching": false }),
        json!({ "cache": { "persistToDisk": false } }),
    ] {
        let (engine, _) = live(dir.path(), off);
        assert_eq!(engine.live.status(), json!({ "socket": null, "reason": null }));
        assert!(!engine.live.is_due());
        engine.shut_down(None, PATIENT, true);
        assert_eq!(saved(dir.path()), None, "nothing is left");
    }
    let (engine, _) = live(dir.path(), json!({}));
    assert!(socket(&engine).is_some());
    engine.update_configuration(&json!({ "liveSocket": false }), false).expect("sound");
    engine.look_after_live(&net());
    assert_eq!(socket(&engine), None);
    engine.update_configuration(&json!({ "liveSocket": true }), false).expect("sound");
    engine.look_after_live(&net());
    assert!(socket(&engine).is_some());
    engine.shut_down(None, PATIENT, true);
    assert_eq!(socket(&engine), None);
}

#[test]
fn state_is_saved_at_first_when_something_changed_and_at_the_end() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (engine, clock) = live(dir.path(), json!({}));
    assert_eq!(saved(dir.path()), None, "not of a system that may end at once");
    clock.advance(2000);
    engine.look_after_live(&net());
    let first = saved(dir.path()).expect("saved");
    assert_eq!((&first["ended"], &first["pid"]), (&json!("running"), &json!(std::process::id())));
    assert_eq!((&first["version"], &first["project"]), (&json!(1), &json!("shop")));
    assert!(first["status"]["components"].is_object() && first["health"]["overall"] == "healthy");
    clock.advance(60_000);
    engine.look_after_live(&net());
    assert_eq!(saved(dir.path()).expect("saved")["savedAt"], first["savedAt"], "nothing was done");
    work(&engine);
    engine.look_after_live(&net());
    assert_eq!(saved(dir.path()).expect("saved")["savedAt"], first["savedAt"], "not twice a minute");
    clock.advance(60_000);
    engine.look_after_live(&net());
    assert_eq!(saved(dir.path()).expect("saved")["savedAt"], "2026-01-01T00:02:02.000Z");
    clock.advance(1000);
    engine.shut_down(None, PATIENT, true);
    let last = saved(dir.path()).expect("saved");
    assert_eq!((&last["ended"], &last["savedAt"]), (&json!("shutdown"), &json!("2026-01-01T00:02:03.000Z")));
    assert!(last["status"]["components"]["cacheManager"].is_object(), "as it was before its parts ended");
}

#[cfg(unix)]
#[test]
fn thread_that_ends_leaves_a_state_and_no_socket() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (engine, _) = engine(dir.path(), json!({}));
    engine.go_live();
    super::leave_all();
    assert_eq!(saved(dir.path()).expect("saved")["ended"], "exit");
    let names = fs::read_dir(dir.path().join(".cache/live")).expect("list");
    assert_eq!(
        names
            .filter(|name| name
                .as_ref()
                .is_ok_and(|name| name.path().extension().is_some_and(|is| is == "sock")))
            .count(),
        0
    );
    engine.shut_down(None, PATIENT, true);
}

#[cfg(unix)]
#[test]
fn threads_that_end_at_once_each_leave_their_own_state() {
    const THREADS: usize = 4;
    let barrier = std::sync::Barrier::new(THREADS);
    let left = || -> Vec<Value> {
        let end = |_| {
            let dir = tempfile::tempdir().expect("temp dir");
            let (engine, _) = engine(dir.path(), json!({}));
            engine.go_live();
            barrier.wait();
            super::leave_all();
            let left = saved(dir.path()).map_or(Value::Null, |state| state["ended"].clone());
            engine.shut_down(None, PATIENT, true);
            left
        };
        (0..20).map(end).collect()
    };
    let all: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(left)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("ended")).collect()
    });
    assert_eq!(all.iter().filter(|ended| **ended != "exit").count(), 0, "{all:?}");
}

#[cfg(unix)]
#[test]
fn directory_that_cannot_be_used_is_said_and_no_failure() {
    let dir = tempfile::tempdir().expect("temp dir");
    fs::create_dir(dir.path().join(".cache")).expect("made");
    fs::write(dir.path().join(".cache/live"), "in the way").expect("written");
    let (engine, _) = live(dir.path(), json!({}));
    let status = engine.answer("/status").expect("a page");
    assert!(
        status["live"]["reason"].as_str().is_some_and(|reason| reason.contains("live")),
        "{}",
        status["live"]
    );
    work(&engine);
    engine.shut_down(None, PATIENT, true);
}
