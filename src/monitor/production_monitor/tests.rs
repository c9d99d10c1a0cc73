use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::base::clock::ManualClock;
use crate::base::config::Configure;
use crate::base::machine::GivenMachine;
use crate::base::machine::tests::calm;
use crate::monitor::export::Exported;
use crate::monitor::sources::{Answer, Part, Seen};
use crate::telemetry::metric::{Figures, Metric};

/// Parts whose figures a test sets.
#[derive(Default)]
struct Fake(Mutex<Vec<(Metric, f64)>>);

impl Fake {
    fn set(&self, figures: &[(Metric, f64)]) {
        *self.0.lock() = figures.to_vec();
    }
}

impl Sources for Fake {
    fn figures(&self, figures: &mut Figures) {
        for (metric, value) in &*self.0.lock() {
            figures.set(*metric, *value);
        }
    }

    fn ask(&self, part: Part) -> Option<Answer> {
        (part == Part::Memory).then(|| Answer { score: 80.0, message: "well".into() })
    }

    fn agents(&self) -> Vec<(String, u64)> {
        vec![("a".into(), 5)]
    }

    fn advice(&self, _: &Seen) -> Vec<serde_json::Value> {
        Vec::new()
    }
}

struct Setup {
    monitor: Arc<Monitor>,
    clock: Arc<ManualClock>,
    sources: Arc<Fake>,
    events: Arc<EventSink>,
}

impl Setup {
    fn new(dir: Option<&Path>, config: &Value) -> Self {
        Self::at(dir, config, &Arc::new(ManualClock::new()))
    }

    fn at(dir: Option<&Path>, config: &Value, clock: &Arc<ManualClock>) -> Self {
        let mut config = config.clone();
        config["console"] = json!(false);
        let config = MonitoringConfig::default().updated("", &config).expect("sound");
        let (sources, events) = (Arc::new(Fake::default()), Arc::new(EventSink::new()));
        let around = Surroundings {
            clock: Arc::clone(clock) as Arc<dyn Clock>,
            events: Arc::clone(&events),
            sources: Some(Arc::clone(&sources) as Arc<dyn Sources>),
            variables: BTreeMap::new(),
            directory: dir.map_or_else(|| PathBuf::from("/nonexistent"), Path::to_path_buf),
            has_disk: dir.is_some(),
            project: None,
            environment: Environment::Production,
            // How busy this one is, and how full its disk, would be told too.
            machine: Some(Arc::new(GivenMachine::new(Arc::clone(clock) as Arc<dyn Clock>, calm()))),
        };
        Self { monitor: Monitor::new(config, around), clock: Arc::clone(clock), sources, events }
    }

    /// As the thread does, for `ms`.
    fn run(&self, ms: u64) {
        let end = self.clock.now_ms() + ms;
        loop {
            let wait_ms = self.monitor.tick();
            if self.clock.now_ms() + wait_ms > end {
                break;
            }
            self.clock.advance(wait_ms);
        }
        self.clock.advance(end - self.clock.now_ms());
    }

    fn open_alerts(&self) -> Vec<String> {
        self.monitor.state.lock().book.active().iter().map(|alert| alert.title.clone()).collect()
    }
}

#[test]
fn the_first_sample_comes_after_a_second_and_then_one_every_ten() {
    let it = Setup::new(None, &json!({}));
    it.events.listen(&["metricsCollected".into()]);
    assert!(it.monitor.current().is_none());
    assert_eq!(it.monitor.overall()["status"], "unknown");
    it.run(999);
    assert!(it.monitor.current().is_none());
    it.run(1);
    it.monitor.tick();
    assert!(it.monitor.current().is_some());
    it.run(60_000);
    assert_eq!(it.monitor.history(1.0, None).len(), 7);
    let told: Vec<Value> = serde_json::from_str(&it.events.drain().expect("events")).expect("JSON");
    assert_eq!(told.len(), 7);
    assert_eq!(it.monitor.overall()["components"][0]["component"], "memory");
}

#[test]
fn an_alert_begins_and_ends_with_its_condition() {
    let it = Setup::new(None, &json!({}));
    it.events.listen(&["alertCreated".into(), "alertResolved".into()]);
    it.sources.set(&[(Metric::MemoryPercentage, 85.0)]);
    it.run(30_000);
    assert_eq!(it.open_alerts().len(), 1);
    it.sources.set(&[(Metric::MemoryPercentage, 50.0)]);
    it.run(20_000);
    assert!(it.open_alerts().is_empty());
    let told: Vec<Value> = serde_json::from_str(&it.events.drain().expect("events")).expect("JSON");
    let names: Vec<_> = told.iter().map(|event| event[0].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["alertCreated", "alertResolved"]);
    assert_eq!(told[0][1]["id"], told[1][1]["id"]);
    assert_eq!(told[0][1]["component"], "memory");
    assert_eq!(it.monitor.status()["alerts"]["warnings"], 1);
}

#[test]
fn the_hit_rate_is_that_of_the_last_minutes_and_of_enough_lookups() {
    let it = Setup::new(None, &json!({}));
    let lookups = |hits, misses| it.sources.set(&[(Metric::CacheHits, hits), (Metric::CacheMisses, misses)]);
    let rate = || it.monitor.current().and_then(|row| row.figures.get(Metric::CacheRecentHitRate));
    lookups(5.0, 5.0);
    it.run(2_000);
    assert_eq!(rate(), None, "ten lookups say nothing");
    lookups(10.0, 30.0);
    it.run(10_000);
    assert_eq!(rate(), Some(25.0), "since the start, while that is less than five minutes");
    it.run(400_000);
    assert_eq!(rate(), None, "nothing was looked up lately");
    assert!(it.open_alerts().is_empty() || rate().is_none());
    lookups(100.0, 30.0);
    it.run(10_000);
    assert_eq!(rate(), Some(100.0));
}

#[test]
fn a_restart_goes_on_with_history_alerts_and_silences() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ManualClock::new());
    let first = Setup::at(Some(dir.path()), &json!({}), &clock);
    first.sources.set(&[(Metric::DiskPercentage, 99.0), (Metric::MemoryPercentage, 85.0)]);
    first.run(60_000);
    let silence =
        first.monitor.silence(&json!({ "component": "cpu", "durationMs": 3_600_000 })).expect("sound");
    let alerts = first.monitor.alerts(1.0);
    let memory = alerts.iter().find(|alert| alert.component == super::super::alerts::Component::Memory);
    let id = memory.expect("an alert").id.clone();
    first.monitor.stop();
    clock.advance(30_000);

    let second = Setup::at(Some(dir.path()), &json!({}), &clock);
    second.events.listen(&["alertCreated".into(), "alertResolved".into()]);
    second.sources.set(&[(Metric::MemoryPercentage, 85.0)]);
    second.run(20_000);
    assert!(second.monitor.history(1.0, None).len() >= 8);
    assert!(second.monitor.alerts(1.0).iter().any(|alert| alert.id == id && !alert.resolved), "it goes on");
    assert_eq!(second.monitor.silences()[0]["id"], silence["id"]);
    second.sources.set(&[(Metric::MemoryPercentage, 10.0)]);
    second.run(20_000);
    let told: Vec<Value> = serde_json::from_str(&second.events.drain().expect("events")).expect("JSON");
    let ended: Vec<_> = told.iter().filter(|event| event[1]["id"] == id.as_str()).collect();
    assert_eq!(ended.len(), 1, "it is not told again, only that it is over: {ended:?}");
    assert_eq!(ended[0][0], "alertResolved");
    second.monitor.stop();
}

#[test]
fn without_a_disk_everything_goes_on_and_it_is_said_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, "no directory").expect("written");
    let it = Setup::new(Some(&file), &json!({}));
    it.events.listen(&["warning".into()]);
    it.run(200_000);
    assert_eq!(it.monitor.history(1.0, None).len(), 20);
    let told: Vec<Value> = serde_json::from_str(&it.events.drain().expect("events")).expect("JSON");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0][1]["path"], "monitoring.persistMetrics");
}

#[test]
fn an_alert_that_was_held_back_is_sent_when_the_silence_ends() {
    let it = Setup::new(None, &json!({}));
    it.monitor.silence(&json!({ "component": "memory", "durationMs": 60_000 })).expect("sound");
    it.sources.set(&[(Metric::MemoryPercentage, 85.0)]);
    it.run(30_000);
    assert_eq!(it.monitor.alerts(1.0)[0].metadata["silenced"], true);
    it.run(60_000);
    assert_eq!(it.monitor.alerts(1.0)[0].metadata["silenced"], false, "it was let go");
    assert_eq!(it.monitor.alerts(1.0).len(), 1);
}

#[test]
fn other_settings_end_the_alerts_of_rules_that_are_gone() {
    let it = Setup::new(None, &json!({}));
    it.sources.set(&[(Metric::MemoryPercentage, 85.0)]);
    it.run(5_000);
    assert_eq!(it.open_alerts().len(), 1);
    let config = it.monitor.config().updated("", &json!({ "alertsEnabled": false })).expect("sound");
    it.monitor.set_config(config);
    assert!(it.open_alerts().is_empty());
    it.run(60_000);
    assert!(it.open_alerts().is_empty());
}

#[test]
fn an_event_loop_that_does_not_answer_is_no_sign_of_life() {
    let it = Setup::new(None, &json!({}));
    it.monitor.is_attached.store(true, Ordering::Relaxed);
    it.run(5_000);
    it.monitor.pulse();
    assert!(it.monitor.health().is_live);
    it.run(60_000);
    assert!(!it.monitor.health().is_live);
    let row = it.monitor.current().expect("samples are taken all the same");
    assert!(row.figures.get(Metric::LoopMax).is_some_and(|late_ms| late_ms > 30_000.0));
    it.monitor.pulse();
    assert!(it.monitor.health().is_live);
}

#[test]
fn after_a_stop_nothing_is_taken_any_more() {
    let it = Setup::new(None, &json!({}));
    it.run(20_000);
    it.monitor.stop();
    it.monitor.stop();
    assert_eq!(it.monitor.create_alert(&json!({})).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    let alert = json!({ "type": "info", "component": "cache", "title": "t", "message": "m" });
    assert_eq!(it.monitor.create_alert(&alert).expect_err("stopped").kind(), ErrorKind::ShutDown);
    assert_eq!(it.monitor.history(1.0, None).len(), 3, "what is known is still told");
}

#[test]
fn alerts_of_one_moment_keep_their_order_over_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ManualClock::new());
    let first = Setup::at(Some(dir.path()), &json!({}), &clock);
    first.run(10_000);
    for at in 0..40 {
        let alert =
            json!({ "type": "warning", "component": "agents", "title": format!("{at}"), "message": "m" });
        first.monitor.create_alert(&alert).expect("sound");
    }
    let titles = |it: &Setup| -> Vec<String> {
        it.monitor.alerts(1.0).iter().map(|alert| alert.title.clone()).collect()
    };
    let before = titles(&first);
    assert_eq!(before[0], "39", "newest first");
    first.monitor.stop();

    let second = Setup::at(Some(dir.path()), &json!({}), &clock);
    second.run(10_000);
    assert_eq!(titles(&second), before);
    second.monitor.stop();
}
