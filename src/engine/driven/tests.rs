use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::base::driven::DrivenClock;
use crate::base::machine::GivenMachine;
use crate::base::machine::tests::calm;
use crate::orchestrator::settings_file::SettingsRequest;

const MINUTE_MS: u64 = 60_000;

fn system() -> Arc<Engine> {
    let code = json!({ "environment": "production", "monitoring": { "console": false } });
    let request = SettingsRequest { code, cwd: "/nonexistent".into(), env: BTreeMap::new() };
    let clock = Arc::new(DrivenClock::new(0, 1_000_000));
    let machine = Arc::new(GivenMachine::new(Arc::clone(&clock) as _, calm()));
    let engine = Arc::new(Engine::open_driven(&request, Driven { clock, machine }).expect("engine"));
    engine.watch();
    engine
}

/// Moves the clock, and answers as JavaScript does. What was told meanwhile, with its time.
fn run(engine: &Arc<Engine>, until_ms: u64) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    loop {
        let now_ms = engine.advance(until_ms).expect("driven");
        let is_wanted = engine.wants_javascript();
        if let Some(monitor) = engine.monitor()
            && monitor.pulse() != 0
        {
            monitor.hand_figures(&json!({}));
        }
        if let Some(memory) = engine.memory() {
            let heap = heap_of(&engine.by_hand().expect("driven").machine);
            if memory.wants_javascript() {
                memory.take_released();
                memory.collected(heap, heap, 0.0);
            }
        }
        let events: Vec<(String, serde_json::Value)> =
            engine.events().drain().map_or_else(Vec::new, |text| serde_json::from_str(&text).expect("JSON"));
        told.extend(events.into_iter().map(|(name, _)| (now_ms, name)));
        if now_ms >= until_ms && !is_wanted {
            return told;
        }
    }
}

#[test]
fn samples_checks_and_tuning_come_at_their_time() {
    let engine = system();
    let names = ["metricsCollected", "healthCheckCompleted", "autoTuningCompleted"];
    engine.listen(&names.map(str::to_owned));
    let told = run(&engine, 10 * MINUTE_MS);
    let at = |name: &str| -> Vec<u64> {
        told.iter().filter(|(_, told)| told == name).map(|(at_ms, _)| *at_ms).collect()
    };
    let samples = at("metricsCollected");
    assert!((60..=61).contains(&samples.len()), "{samples:?}");
    assert!(samples.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{samples:?}");
    assert!((20..=21).contains(&at("healthCheckCompleted").len()), "{told:?}");
    assert_eq!(at("autoTuningCompleted"), [300_000, 600_000]);
}

#[test]
fn short_memory_is_told_at_the_moment_it_is_seen_and_over_when_it_is_over() {
    let engine = system();
    engine.listen(&["memoryAlert".to_owned(), "memoryAlertResolved".to_owned()]);
    assert_eq!(run(&engine, MINUTE_MS), []);
    engine.set_machine(MachineFigures { memory_percentage: Some(97.0), ..calm() }).expect("driven");
    let told = run(&engine, 2 * MINUTE_MS);
    assert_eq!(told.first().map(|(_, name)| name.as_str()), Some("memoryAlert"));
    assert!(told[0].0 <= MINUTE_MS + 250, "{told:?}");
    assert!(engine.memory().expect("on").should_throttle("anyone"));
    engine.set_machine(calm()).expect("driven");
    let told = run(&engine, 10 * MINUTE_MS);
    assert!(told.iter().any(|(_, name)| name == "memoryAlertResolved"), "{told:?}");
    assert!(!engine.memory().expect("on").should_throttle("anyone"));
}

#[test]
fn a_system_that_was_shut_down_has_nothing_due() {
    let engine = system();
    assert_eq!(engine.due_ms().expect("driven"), 0);
    engine.shut_down(None, std::time::Duration::from_secs(1), false);
    assert_eq!(engine.due_ms().expect("driven"), u64::MAX);
    assert_eq!(engine.advance(7).expect("driven"), 7);
}

#[test]
fn a_system_on_the_clock_of_the_machine_is_not_moved() {
    let code = json!({ "environment": "development" });
    let request = SettingsRequest { code, cwd: "/nonexistent".into(), env: BTreeMap::new() };
    let clock = Arc::new(crate::base::clock::ManualClock::new());
    let engine = Arc::new(Engine::open_with(&request, clock).expect("engine"));
    assert_eq!(engine.advance(1).expect_err("refused").kind(), ErrorKind::NotAvailable);
}
