use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::base::clock::ManualClock;
use crate::orchestrator::settings_file::SettingsRequest;

const FILE: &str = "config/optimization.staging.json";

/// A system in a directory of its own, with its events.
struct Place {
    dir: TempDir,
    clock: Arc<ManualClock>,
    engine: Arc<Engine>,
}

impl Place {
    fn new(file: &str) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::create_dir(dir.path().join("config")).expect("config dir");
        fs::write(dir.path().join(FILE), file).expect("file");
        let code =
            json!({ "environment": "staging", "enableProductionMonitoring": false, "finalReport": false });
        let request = SettingsRequest { code, cwd: dir.path().to_owned(), env: BTreeMap::new() };
        let clock = Arc::new(ManualClock::new());
        let engine = Engine::open_with(&request, Arc::clone(&clock) as _).expect("engine");
        engine.listen(&["configurationUpdated".into(), "configurationError".into(), "warning".into()]);
        Self { dir, clock, engine: Arc::new(engine) }
    }

    fn put(&self, content: &str) {
        fs::write(self.dir.path().join("next"), content).expect("file");
        fs::rename(self.dir.path().join("next"), self.dir.path().join(FILE)).expect("renamed");
    }

    fn l1(&self) -> Value {
        self.engine.status(None)["components"]["cacheManager"]["l1"]["maxSize"].clone()
    }

    /// Names of the events since the last look, with their data.
    fn events(&self) -> Vec<(String, Value)> {
        let waiting = self.engine.events().drain().unwrap_or_else(|| "[]".to_owned());
        serde_json::from_str(&waiting).expect("events")
    }

    /// Two seconds of looks.
    fn watch(&self) {
        for _ in 0..20 {
            self.clock.advance(100);
            self.engine.watch_configuration().expect("open");
        }
    }
}

fn sized(entries: u32) -> String {
    json!({ "cache": { "l1MaxSize": entries, "persistToDisk": false } }).to_string()
}

#[test]
fn part_that_fails_gives_all_parts_their_settings_back() {
    for save in [false, true] {
        let place = Place::new(&sized(5));
        place.engine.orchestrator().fail_next_stage(None);
        let change = json!({ "cache": { "l1MaxSize": 6 }, "memory": { "agentMemoryLimit": 7 } });
        let error = place.engine.update_configuration(&change, save).expect_err("failed");
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(place.l1(), 5);
        assert_eq!(place.engine.status(None)["components"]["memoryManager"]["config"]["agentLimit"], 256.0);
        assert_eq!(fs::read_to_string(place.dir.path().join(FILE)).expect("file"), sized(5));
        assert_eq!(fs::read_dir(place.dir.path().join("config")).expect("list").count(), 1);
        assert_eq!(place.events(), []);
        place.engine.update_configuration(&change, save).expect("the next one works");
        assert_eq!(place.l1(), 6);
    }
}

#[test]
fn parts_to_be_switched_off_go_on_when_another_fails() {
    let place = Place::new(&sized(5));
    let off = json!({ "enableAdvancedCaching": false, "enableMemoryManagement": false });
    place.engine.orchestrator().fail_next_stage(None);
    place.engine.update_configuration(&off, false).expect_err("failed");
    let cache = place.engine.cache().expect("still there");
    assert!(cache.manager().config().l1_max_size == 5 && place.engine.memory().is_some());
    place.engine.update_configuration(&off, false).expect("works");
    assert!(place.engine.cache().is_none() && place.engine.memory().is_none());
}

#[test]
fn parts_that_run_again_are_not_told_to_have_stopped() {
    let place = Place::new(&sized(5));
    place.engine.listen(&["stopped".into()]);
    let off = json!({ "enableAdvancedCaching": false, "enableMemoryManagement": false });
    let is_on = || place.engine.cache().is_some() && place.engine.memory().is_some();
    {
        let mut live = place.engine.live_settings.lock();
        let change = live.update(&off, true).expect("sound");
        // Found only when the parts have ended and the file is to be written.
        place.put(&sized(7));
        let error = place.engine.make(&mut live, change).expect_err("somebody else has written it");
        assert_eq!(error.kind(), ErrorKind::ConfigChanged);
    }
    assert!(is_on() && place.l1() == 5);
    assert_eq!(place.events(), []);
    place.engine.update_configuration(&off, false).expect("sound");
    assert!(!is_on());
    let stopped: Vec<_> = place.events().into_iter().map(|(_, data)| data["component"].clone()).collect();
    assert_eq!(stopped, ["memoryManager", "cacheManager"]);
}

#[test]
fn file_is_taken_over_when_it_changes() {
    let place = Place::new(&sized(5));
    place.watch();
    assert_eq!(place.events(), []);
    place.put(&sized(6));
    place.watch();
    assert_eq!(place.l1(), 6);
    let events = place.events();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].0.as_str(), &events[0].1["source"]), ("configurationUpdated", &json!("file")));
    assert_eq!(events[0].1["newConfig"]["cache"]["l1MaxSize"], 6);

    place.put(&format!("{} // the same", sized(6)));
    place.watch();
    assert_eq!(place.events(), [], "nothing that counts changed");

    place.put("{ \"cache\": { \"l1MaxSize\": -6 } }");
    place.watch();
    place.watch();
    let events = place.events();
    assert_eq!((events.len(), events[0].0.as_str()), (1, "configurationError"));
    assert_eq!(events[0].1["problems"][0]["path"], "cache.l1MaxSize");
    assert_eq!(place.l1(), 6);
}

#[test]
fn tuned_settings_are_a_layer_that_updates_end() {
    let place = Place::new(&sized(5));
    place.engine.tune_configuration(&json!({ "cache": { "l1MaxSize": 8 } })).expect("sound");
    assert_eq!(place.l1(), 8);
    let source =
        |place: &Place| place.engine.explain_configuration()["settings"]["cache.l1MaxSize"]["source"].clone();
    assert_eq!(source(&place), "tuning");
    place.engine.update_configuration(&json!({ "cache": { "l1MaxSize": 9 } }), false).expect("sound");
    assert_eq!((place.l1(), source(&place)), (json!(9), json!("update")));
    place.engine.tune_configuration(&json!({ "cache": { "l1MaxSize": 8 } })).expect("sound");
    place.engine.tune_configuration(&json!({ "cache": { "l1MaxSize": null } })).expect("given back");
    assert_eq!((place.l1(), source(&place)), (json!(9), json!("update")));
}

#[test]
fn nothing_changes_after_shutdown() {
    let place = Place::new(&sized(5));
    place.engine.shut_down(None, Duration::from_secs(5), true);
    assert_eq!(place.engine.reload_configuration().expect_err("refused").kind(), ErrorKind::ShutDown);
    assert_eq!(place.engine.watch_configuration().expect_err("refused").kind(), ErrorKind::ShutDown);
    assert_eq!(place.engine.tune_configuration(&json!({})).expect_err("refused").kind(), ErrorKind::ShutDown);
}
