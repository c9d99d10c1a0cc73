#![allow(clippy::float_cmp, reason = "settings are compared as they were written")]

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::base::clock::ManualClock;
use crate::orchestrator::settings::Environment;
use crate::orchestrator::settings_file::SettingsRequest;
use crate::orchestrator::tuning::Outcome;

const FILE: &str = "config/optimization.staging.json";

struct Place {
    dir: TempDir,
    engine: Arc<Engine>,
}

impl Place {
    fn new(more: &Value) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::create_dir(dir.path().join("config")).expect("config dir");
        let mut code = json!({
            "environment": "staging", "enableProductionMonitoring": false, "finalReport": false,
            "cache": { "persistToDisk": false },
        });
        for (key, value) in more.as_object().expect("an object") {
            code[key] = value.clone();
        }
        fs::write(dir.path().join(FILE), "{}").expect("file");
        let request = SettingsRequest { code, cwd: dir.path().to_owned(), env: BTreeMap::new() };
        let engine = Engine::open_with(&request, Arc::new(ManualClock::new())).expect("engine");
        Self { dir, engine: Arc::new(engine) }
    }

    fn put(&self, knob: Knob, to: f64) {
        let mut state = self.engine.tuner.lock();
        let decision = state.controller.put(knob, to);
        self.engine.carry_out_aside(&mut state, &[decision]);
    }

    fn update(&self, partial: &Value) {
        self.engine.update_configuration(partial, false).expect("sound");
    }

    fn source(&self, path: &str) -> Value {
        self.engine.explain_configuration()["settings"][path]["source"].clone()
    }
}

/// The size of L1 as a user has it: entries and MB, either of which may be absent.
type Size = (Option<u32>, Option<u32>);

fn cache_of((entries, mb): Size) -> Value {
    let mut cache = json!({});
    if let Some(entries) = entries {
        cache["l1MaxSize"] = entries.into();
    }
    if let Some(mb) = mb {
        cache["l1MaxSizeMB"] = mb.into();
    }
    json!({ "cache": cache })
}

#[derive(Debug, Clone)]
enum Act {
    Update(Size),
    File(Size),
    /// From the lower bound to the upper one.
    Tune(f64),
    Bounds(Option<u32>),
    Fix(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let size = || (proptest::option::of(50_u32..2000), proptest::option::of(1_u32..64));
    prop_oneof![
        size().prop_map(Act::Update),
        size().prop_map(Act::File),
        (0.0..1.0_f64).prop_map(Act::Tune),
        proptest::option::of(50_u32..4000).prop_map(Act::Bounds),
        any::<bool>().prop_map(Act::Fix),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever users, files and the tuning do: it goes from what is configured without it, the two parts of a size are tuned together
    /// or not at all, and nothing stays where the tuning may not set it.
    #[test]
    fn bases_are_those_of_the_configuration_without_tuning(acts in proptest::collection::vec(act(), 1..14)) {
        let place = Place::new(&json!({}));
        let defaults = Settings::defaults(Environment::Staging).cache;
        let (mut update, mut file): (Size, Size) = ((None, None), (None, None));
        for act in acts {
            match act {
                Act::Update(size) => {
                    update = (size.0.or(update.0), size.1.or(update.1));
                    place.update(&cache_of(size));
                }
                Act::File(size) => {
                    file = size;
                    fs::write(place.dir.path().join(FILE), cache_of(size).to_string()).expect("file");
                    place.engine.reload_configuration().expect("sound");
                }
                Act::Tune(share) => {
                    let (base, config) = (place.engine.configured(), place.engine.settings.lock().tuning.clone());
                    let (low, high) = Knob::L1Size.bounds(base.get(Knob::L1Size), &config);
                    let to = (low + (high - low) * share).round();
                    if !config.is_fixed(Knob::L1Size) && to >= low && to <= high {
                        place.put(Knob::L1Size, to);
                    }
                }
                Act::Bounds(max) => {
                    let bounds = max.map_or(json!({}), |max| json!({ "cache.l1MaxSize": { "max": max } }));
                    place.update(&json!({ "tuning": { "bounds": bounds } }));
                }
                Act::Fix(is_fixed) => {
                    let fixed = if is_fixed { json!(["cache.l1MaxSize"]) } else { json!([]) };
                    place.update(&json!({ "tuning": { "fixed": fixed } }));
                }
            }
            let entries = update.0.or(file.0).map_or(defaults.l1_max_size as f64, f64::from);
            let mb = update.1.or(file.1).map_or(defaults.l1_max_size_mb, f64::from);
            let state = place.engine.tuner.lock();
            let bases = *state.controller.bases();
            prop_assert_eq!((bases.get(Knob::L1Size), bases.l1_mb), (entries, mb));
            let (values, config) = (place.engine.values(), place.engine.settings.lock().tuning.clone());
            prop_assert_eq!(values.get(Knob::L1Size), state.controller.present(Knob::L1Size));
            let is_tuned = place.source("cache.l1MaxSize") == "tuning";
            prop_assert_eq!(place.source("cache.l1MaxSizeMB") == "tuning", is_tuned);
            let (low, high) = Knob::L1Size.bounds(entries, &config);
            let value = values.get(Knob::L1Size);
            let is_allowed = !config.is_fixed(Knob::L1Size) && value >= low && value <= high;
            prop_assert!(is_allowed || value == entries, "{} of {}..{}", value, low, high);
            prop_assert_eq!(values.l1_mb, if is_tuned { bases.mb_for(value) } else { mb });
            let factor = value / entries;
            let plan = super::reading::plan(&state.controller, &place.engine.settings.lock());
            prop_assert!(plan.factors.iter().any(|each| (each - factor).abs() <= factor * 0.01), "{:?}", plan);
        }
    }
}

#[test]
fn change_that_fails_is_taken_back_and_says_so() {
    let place = Place::new(&json!({}));
    place.engine.orchestrator().fail_next_stage(None);
    place.put(Knob::L1Size, 2000.0);
    assert_eq!(place.engine.values().get(Knob::L1Size), 1000.0);
    let row = place.engine.tuning_history().remove(0);
    let why = row.why.expect("a reason");
    assert!(row.outcome == Outcome::Abandoned && why.contains("stays at 1000"), "{why}");
    assert_eq!(place.engine.tuning_status()["kept"], 0);
    assert!(place.engine.tuned().is_empty());
    place.put(Knob::L1Size, 2000.0);
    assert_eq!(place.engine.values().get(Knob::L1Size), 2000.0, "the next one works");
}

#[test]
fn neither_the_start_nor_the_end_waits_for_a_step() {
    let place = Place::new(&json!({ "autoTuning": true }));
    let step = place.engine.tuner.lock();
    place.engine.watch();
    place.engine.tuner.stop();
    drop(step);
}

#[test]
fn without_the_flag_nothing_is_taken_down_for_good() {
    let place = Place::new(&json!({ "autoTuning": false }));
    let rehearsed = || place.engine.cache().expect("a cache").manager().observations().rehearsed.len();
    place.engine.tune().expect("a step");
    assert!(place.engine.tick() && rehearsed() > 0);
    place.engine.tuner.lock().by_hand_until_ms = 0;
    assert!(!place.engine.tick(), "nothing to look at");
    assert_eq!(rehearsed(), 0);
    place.engine.tune().expect("a step");
    assert!(rehearsed() > 0);
}

#[test]
fn nothing_is_taken_down_any_more_when_the_flag_is_taken_away() {
    let place = Place::new(&json!({ "autoTuning": true }));
    place.engine.follow_tuning_flag();
    assert!(place.engine.tick());
    let rehearsed = || place.engine.cache().expect("a cache").manager().observations().rehearsed.len();
    assert!(rehearsed() > 0);
    place.update(&json!({ "autoTuning": false }));
    assert_eq!(rehearsed(), 0);
}
