use serde_json::Value;

use super::settings::Environment;
use super::*;
use crate::base::cancel::Cancel;
use crate::base::clock::ManualClock;
use crate::base::document::tests::{columns, document};
use crate::tokens::delta::Delta;

fn orchestrator() -> (Orchestrator, Arc<EventSink>) {
    let events = Arc::new(EventSink::new());
    let settings = Settings::defaults(Environment::Development);
    (
        Orchestrator::new(
            &settings,
            "/nonexistent".into(),
            MonitoringPlace::default(),
            Arc::new(ManualClock::new()),
            Arc::clone(&events),
        ),
        events,
    )
}

fn request(agent: &str) -> OptimizeRequest {
    OptimizeRequest { agent_id: agent.into(), ..OptimizeRequest::default() }
}

fn optimize(orchestrator: &Orchestrator, json: &str, request: &OptimizeRequest) -> Optimization {
    let columns = columns(json);
    let fingerprint = columns.fingerprint(1);
    orchestrator
        .optimize(&Shared::of(document(json), fingerprint), request, &Cancel::default())
        .expect("works")
}

const CONTEXT: &str = r#"{"currentTask":"Fix the login form","weather":"sunny","src/login.tsx":"form"}"#;

#[test]
fn delta_is_of_the_filtered_context() {
    let (orchestrator, _) = orchestrator();
    let agent = request("frontend-specialist");
    let first = optimize(&orchestrator, CONTEXT, &agent);
    let first_tokens = first.tokens.expect("sound");
    assert_eq!(first_tokens.delta, Delta::Full);
    assert!(first_tokens.filtered_tokens < first_tokens.original_tokens);
    // What the filter leaves out does not make a delta.
    let changed = CONTEXT.replace("sunny", "rainy");
    assert_eq!(optimize(&orchestrator, &changed, &agent).tokens.expect("sound").delta, Delta::Unchanged);
}

#[test]
fn statistics_add_up() {
    let (orchestrator, _) = orchestrator();
    let mut saved = 0;
    for agent in ["frontend-specialist", "poet", "poet"] {
        let done = optimize(&orchestrator, CONTEXT, &request(agent));
        let tokens = done.tokens.expect("sound");
        saved += tokens.original_tokens.cast_signed() - tokens.result_tokens.cast_signed();
    }
    let statistics = orchestrator.statistics(&orchestrator.health());
    assert_eq!(statistics.tokens_saved, saved);
    assert!(statistics.context_reduction > 0.0 && statistics.context_reduction < 100.0);
    assert!(statistics.cache_hit_rate.abs() < f64::EPSILON);
}

#[test]
fn throttling_is_told_once_and_ends_with_hysteresis() {
    let (orchestrator, events) = orchestrator();
    let mut settings = Settings::defaults(Environment::Development);
    settings.memory.agent_memory_limit_mb = 0.002;
    orchestrator.apply(&settings);
    events.listen(&["agentThrottled".into(), "agentUnthrottled".into()]);
    let names = |events: &EventSink| -> Vec<String> {
        let drained = events.drain().unwrap_or_else(|| "[]".into());
        let rows: Vec<(String, Value)> = serde_json::from_str(&drained).expect("JSON");
        rows.into_iter().map(|(name, _)| name).collect()
    };
    let sized = |bytes: usize| format!(r#"{{"currentTask":"{}"}}"#, "x".repeat(bytes));
    optimize(&orchestrator, &sized(3000), &request("a"));
    assert_eq!(names(&events), ["agentThrottled"]);
    optimize(&orchestrator, &sized(1900), &request("a"));
    assert_eq!(names(&events), Vec::<String>::new(), "under the limit but over 80 % of it");
    optimize(&orchestrator, &sized(1000), &request("a"));
    assert_eq!(names(&events), ["agentUnthrottled"]);
}
