//! What is found again, what a failure leaves, and what each mode sends.

use serde_json::Value;

use super::*;
use crate::base::clock::ManualClock;
use crate::base::document::tests::{columns, document};
use crate::orchestrator::MonitoringPlace;
use crate::orchestrator::settings::{Environment, Settings};
use crate::telemetry::event::EventSink;
use crate::tokens::delta::{Delta, empty_hash, hex};

struct Bench {
    orchestrator: Orchestrator,
    events: Arc<EventSink>,
    settings: Settings,
}

impl Bench {
    fn new() -> Self {
        let events = Arc::new(EventSink::new());
        let mut settings = Settings::defaults(Environment::Development);
        settings.memory.max_memory_usage_mb = 1e6;
        let orchestrator = Orchestrator::new(
            &settings,
            "/nonexistent".into(),
            MonitoringPlace::default(),
            Arc::new(ManualClock::new()),
            Arc::clone(&events),
        );
        Self { orchestrator, events, settings }
    }

    /// The outcome and whether it was found again.
    fn call(&self, json: &str, request: &OptimizeRequest) -> Optimization {
        let columns = columns(json);
        let fingerprint = columns.fingerprint(3);
        if let Again::Sent(done) = self.orchestrator.again(fingerprint, request) {
            return *done;
        }
        let context = Shared::of(document(json), fingerprint);
        self.orchestrator.optimize(&context, request, &Cancel::default()).expect("nobody called it off")
    }
}

fn request(agent: &str) -> OptimizeRequest {
    OptimizeRequest { agent_id: agent.into(), is_explained: true, ..OptimizeRequest::default() }
}

fn was_known(done: &Optimization) -> bool {
    done.report.stages.iter().find(|stage| stage.name == "filter").expect("it is listed").cached
}

fn delta(done: &Optimization) -> &Delta {
    &done.tokens.as_ref().expect("the step did not fail").delta
}

const A: &str = r#"{"currentTask":"Fix the login form","weather":"sunny","src/login.tsx":"form"}"#;
const B: &str = r#"{"currentTask":"Fix the login form","weather":"sunny","src/login.tsx":"table"}"#;

#[test]
fn context_is_filtered_once_for_each_kind_of_agent() {
    let bench = Bench::new();
    for (agent, expected) in [
        ("frontend-specialist", false),
        ("frontend-specialist", true),
        ("frontend-specialist-2", true),
        ("backend-specialist", false),
        ("gardener", false),
        ("gardener", true),
        ("poet", false),
    ] {
        assert_eq!(was_known(&bench.call(A, &request(agent))), expected, "{agent}");
    }
}

#[test]
fn whatever_a_result_depends_on_asks_anew() {
    let bench = Bench::new();
    let plain = request("frontend-specialist");
    bench.call(A, &plain);
    let limited = |limits| OptimizeRequest { limits, ..plain.clone() };
    for other in [
        limited(CallLimits { max_bytes: Some(70), ..CallLimits::default() }),
        limited(CallLimits { max_tokens: Some(70), ..CallLimits::default() }),
        limited(CallLimits { target_reduction: Some(0.1), ..CallLimits::default() }),
        limited(CallLimits { whole_texts: true, ..CallLimits::default() }),
        OptimizeRequest { prioritize_recent: true, ..plain.clone() },
    ] {
        assert!(!was_known(&bench.call(A, &other)), "{other:?}");
        assert!(was_known(&bench.call(A, &other)), "{other:?}");
    }
    assert!(was_known(&bench.call(A, &plain)));
    let mut settings = bench.settings.clone();
    settings.context_filter.context_importance_threshold = 0.9;
    bench.orchestrator.apply(&settings);
    assert!(!was_known(&bench.call(A, &plain)), "other settings");
    settings.enable_context_filtering = false;
    bench.orchestrator.apply(&settings);
    assert!(!was_known(&bench.call(A, &plain)), "no filter");
    bench.orchestrator.apply(&bench.settings);
    assert!(!was_known(&bench.call(A, &plain)), "another filter");
    bench.orchestrator.maintain();
    assert!(!was_known(&bench.call(A, &plain)), "forgotten");
}

#[test]
fn pressure_asks_anew_only_where_it_changes_what_stays() {
    let bench = Bench::new();
    let plain = request("frontend-specialist");
    bench.call(A, &plain);
    let memory = bench.orchestrator.components().memory.expect("it is on");
    let mb = |mb: u64| mb << 20;
    memory.register_agent("other", mb(300), 0);
    assert!(was_known(&bench.call(A, &plain)), "60 % of 500 MB is under the first step");
    memory.register_agent("other", mb(420), 0);
    let pressed = bench.call(A, &plain);
    assert!(!was_known(&pressed));
    assert!(pressed.report.reasons.iter().any(|line| line.starts_with("pressure 84 % is over 80 %")));
    assert!((pressed.report.pressure.factor - 0.6).abs() < 1e-9);
    memory.register_agent("other", mb(430), 0);
    let again = bench.call(A, &plain);
    assert!(was_known(&again));
    assert!(
        again.report.reasons.iter().any(|line| line.starts_with("pressure 86 % is over 80 %")),
        "as it is now"
    );
}

#[test]
fn agents_own_state_decides_what_is_sent_of_a_context_that_is_known() {
    let bench = Bench::new();
    let plain = OptimizeRequest { is_explained: false, ..request("frontend-specialist") };
    let kinds: Vec<&str> = [A, B, A, A, B, B]
        .map(|json| match delta(&bench.call(json, &plain)) {
            Delta::Full => "full",
            Delta::Unchanged => "same",
            Delta::Changed { .. } => "changed",
        })
        .to_vec();
    assert_eq!(kinds, ["full", "changed", "changed", "same", "changed", "same"]);
}

#[test]
fn same_again_is_answered_without_the_context() {
    let bench = Bench::new();
    let plain = OptimizeRequest { is_explained: false, ..request("frontend-specialist") };
    let print = columns(A).fingerprint(3);
    assert!(
        matches!(bench.orchestrator.again(print, &plain), Again::Elsewhere),
        "nobody looked for files of agents yet"
    );
    let first = bench.call(A, &plain);
    let Again::Sent(again) = bench.orchestrator.again(print, &plain) else { panic!("it is as before") };
    let (first, again) = (first.tokens.expect("sound"), again.tokens.expect("sound"));
    assert_eq!(again.delta, Delta::Unchanged);
    assert_eq!(again.hash, first.hash);
    assert_eq!(again.original_tokens, first.original_tokens);
    let other = OptimizeRequest { agent_id: "frontend-specialist-2".into(), ..plain.clone() };
    assert!(matches!(bench.orchestrator.again(print, &other), Again::No), "that one has nothing yet");
    let full = OptimizeRequest { mode: Mode::Full, ..plain };
    assert!(matches!(bench.orchestrator.again(print, &full), Again::No));
}

#[test]
fn what_takes_long_to_find_out_is_found_elsewhere() {
    let bench = Bench::new();
    let plain = OptimizeRequest { is_explained: false, ..request("frontend-specialist") };
    // So many parts are left out that they are not looked through on the JavaScript thread.
    let parts: serde_json::Map<String, Value> = (0..6000)
        .map(|at| (format!("part {at}"), Value::from(format!("the tide is full, the moon lies fair {at}"))))
        .chain([("currentTask".to_owned(), Value::from("Fix the login form"))])
        .collect();
    let large = Value::from(parts).to_string();
    let print = columns(&large).fingerprint(3);
    let never = Cancel::default();
    let elsewhere =
        |print, request: &OptimizeRequest, cancel| bench.orchestrator.again_elsewhere(print, request, cancel);
    assert!(elsewhere(print, &plain, &never).expect("nobody called it off").is_none(), "never seen");
    let first = bench.call(&large, &plain);
    assert!(first.outcome.expect("it was filtered").filter.dropped.len() > 2048);
    assert!(matches!(bench.orchestrator.again(print, &plain), Again::Elsewhere));
    let cancelled = Cancel::default();
    cancelled.cancel();
    elsewhere(print, &plain, &cancelled).expect_err("called off");
    let again = elsewhere(print, &plain, &never).expect("nobody called it off").expect("it is as before");
    assert_eq!(again.tokens.expect("sound").delta, Delta::Unchanged);
    let other = OptimizeRequest { agent_id: "frontend-specialist-2".into(), ..plain };
    assert!(
        elsewhere(print, &other, &never).expect("nobody called it off").is_none(),
        "that one has nothing yet"
    );
}

#[test]
fn left_out_parts_can_be_had_again_or_the_filter_works_again() {
    let bench = Bench::new();
    let mut settings = bench.settings.clone();
    settings.context_filter.reference_store_mb = 0.001;
    bench.orchestrator.apply(&settings);
    let strict = OptimizeRequest {
        limits: CallLimits { max_bytes: Some(60), ..CallLimits::default() },
        ..request("frontend-specialist")
    };
    let first = bench.call(A, &strict);
    let dropped = &first.outcome.as_ref().expect("sound").filter.dropped;
    assert!(!dropped.is_empty());
    let is_there = || dropped.iter().all(|part| bench.orchestrator.resolve(part.reference).is_some());
    assert!(is_there() && was_known(&bench.call(A, &strict)));
    // What another context leaves takes all the room.
    let large = A.replace("sunny", &"sun and rain ".repeat(70));
    bench.call(&large, &strict);
    assert!(!is_there());
    assert!(!was_known(&bench.call(A, &strict)));
    assert!(is_there());
}

#[test]
fn failed_stage_gives_what_there_was_before_and_the_next_call_is_right() {
    for (failing, is_filtered, has_tokens) in [
        (&[Stage::Filter][..], false, true),
        (&[Stage::Tokens], true, false),
        (&[Stage::Filter, Stage::Tokens], false, false),
    ] {
        let bench = Bench::new();
        bench.events.listen(&["optimizationError".into(), "agentContextOptimized".into()]);
        let plain = OptimizeRequest {
            limits: CallLimits { max_bytes: Some(60), ..CallLimits::default() },
            ..request("frontend-specialist")
        };
        bench.call(B, &plain);
        bench.events.drain();
        for &stage in failing {
            bench.orchestrator.fail_next_stage(Some(stage));
        }
        let done = bench.call(A, &plain);
        assert_eq!(done.report.failed, failing);
        assert_eq!(done.outcome.as_ref().expect("read").filter.fates.is_some(), is_filtered, "{failing:?}");
        assert_eq!(done.tokens.is_some(), has_tokens, "{failing:?}");
        let events: Value = serde_json::from_str(&bench.events.drain().expect("told")).expect("JSON");
        let stages: Vec<&str> = failing.iter().map(|stage| stage.name()).collect();
        for (event, stage) in events.as_array().expect("rows").iter().zip(&stages) {
            assert_eq!(event[0], "optimizationError");
            assert_eq!(event[1]["error"]["stage"], **stage);
            assert_eq!(event[1]["error"]["code"], "E_INTERNAL");
        }
        assert_eq!(events[stages.len()][1]["success"], false);
        // What the agent has is the base of the next delta; nothing, where nobody noted it.
        let had = done.tokens.map(|tokens| tokens.hash);
        let next = bench.call(B, &plain).tokens.expect("sound");
        assert_eq!(next.base_hash, had, "{failing:?}");
        assert!(bench.orchestrator.health().score < 100.0);
    }
}

#[test]
fn context_that_cannot_be_read_is_given_back_as_it_is() {
    let bench = Bench::new();
    let plain = request("frontend-specialist");
    bench.call(A, &plain);
    bench.orchestrator.fail_next_stage(Some(Stage::Read));
    let done = bench.call(B, &plain);
    assert!(done.outcome.is_none() && done.tokens.is_none());
    assert_eq!(delta(&bench.call(A, &plain)), &Delta::Full, "the agent has something else now");
}

#[test]
fn modes_send_whole_or_by_change() {
    let bench = Bench::new();
    let mode = |agent: &str, mode| OptimizeRequest { mode, ..request(agent) };
    let first = bench.call(A, &mode("frontend-specialist", Mode::Delta)).tokens.expect("sound");
    assert!(matches!(&first.delta, Delta::Changed { added, modified, unchanged, removed }
        if added.len() >= 2 && modified.is_empty() && unchanged.is_empty() && removed.is_empty()));
    assert_eq!(first.base_hash, Some(hex(empty_hash())));
    let again = bench.call(A, &mode("frontend-specialist", Mode::Full)).tokens.expect("sound");
    assert_eq!((again.delta, again.since, again.base_hash), (Delta::Full, Some(Delta::Unchanged), None));
    let same = bench.call(A, &mode("frontend-specialist", Mode::Delta)).tokens.expect("sound");
    assert_eq!((same.delta, same.base_hash), (Delta::Unchanged, Some(first.hash)));
    for json in ["[1,2]", "7"] {
        let other = bench.call(json, &mode("poet", Mode::Delta)).tokens.expect("sound");
        assert_eq!(other.delta, Delta::Full, "changes are said by key");
        assert_eq!(other.base_hash, None);
    }
    let empty = bench.call("{}", &mode("gardener", Mode::Delta)).tokens.expect("sound");
    assert_eq!((empty.delta, empty.base_hash), (Delta::Unchanged, Some(hex(empty_hash()))));
}
