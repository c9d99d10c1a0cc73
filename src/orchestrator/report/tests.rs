use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::base::cancel::Cancel;
use crate::base::clock::ManualClock;
use crate::base::document::tests::{columns, document};
use crate::orchestrator::settings::{Environment, Origin, Settings};
use crate::orchestrator::{MonitoringPlace, OptimizeRequest, Orchestrator, Shared};
use crate::telemetry::event::EventSink;

fn orchestrator(settings: &Settings) -> Orchestrator {
    Orchestrator::new(
        settings,
        "/nonexistent".into(),
        MonitoringPlace::default(),
        Arc::new(ManualClock::new()),
        Arc::new(EventSink::new()),
    )
}

fn settings() -> Settings {
    let mut settings = Settings::defaults(Environment::Development);
    settings.cache.persist_to_disk = false;
    settings
}

fn optimize(orchestrator: &Orchestrator, agent: &str, json: &str) {
    let request = OptimizeRequest { agent_id: agent.into(), ..OptimizeRequest::default() };
    let context = Shared::of(document(json), columns(json).fingerprint(0));
    orchestrator.optimize(&context, &request, &Cancel::default()).expect("works");
}

fn page(orchestrator: &Orchestrator, settings: &Settings, extras: &Extras) -> String {
    orchestrator.written_report(ReportForm::Html, settings, None, extras)
}

#[test]
fn a_fresh_system_says_that_nothing_was_measured() {
    let settings = settings();
    let orchestrator = orchestrator(&settings);
    let html = page(&orchestrator, &settings, &Extras::default());
    for said in [
        "No context was sent yet.",
        "Nothing was looked up yet.",
        "The figures give no reason to change a setting.",
        "Auto-tuning is off.",
        "Requests are measured with enableProductionMonitoring, which is off.",
    ] {
        assert!(html.contains(said), "{said}");
    }
    for absent in ["NaN", "undefined", "inf "] {
        assert!(!html.contains(absent), "{absent}");
    }
}

#[test]
fn names_of_others_are_text_and_nothing_is_loaded() {
    let mut settings = settings();
    settings
        .apply_json(&json!({ "cache": { "cacheDir": "<img src=x onerror=alert(1)>" } }), Origin::Code)
        .expect("sound");
    let orchestrator = orchestrator(&settings);
    let hostile = "</td><script>alert(1)</script>\u{202e}\"'&";
    optimize(&orchestrator, hostile, r#"{"currentTask":"Fix the login form","weather":"sunny"}"#);
    let extras = Extras {
        tuning_history: Some(
            json!([{ "at": 1, "setting": hostile, "from": hostile, "to": 2, "outcome": "kept", "why": hostile }]),
        ),
        explained: Some(json!({ "settings": {
            "cache.ttlSeconds": { "value": hostile, "source": "file", "name": hostile, "default": 3600 },
            "monitoring.otlpEndpoint": { "value": "https://me:pass@host/x?key=abc", "source": "code", "default": null },
            "cache.l1MaxSize": { "value": 1000, "source": "default", "default": 1000 },
        } })),
    };
    let html = page(&orchestrator, &settings, &extras);
    assert_eq!(html.matches("<script").count(), 1, "only the page's own");
    for bad in [
        "<img src=x",
        "alert(1)</script>",
        "\u{202e}",
        "src=\"http",
        "href=\"http",
        "url(http",
        "me:pass",
        "abc",
    ] {
        assert!(!html.contains(bad), "{bad}");
    }
    assert!(html.contains("1 settings have their default") && html.contains("file: "));
    let report = orchestrator.report(&settings, None, &extras);
    assert!(!report.to_string().contains("me:pass"));
    assert_eq!(report["tuningHistory"][0]["outcome"], "kept");
    assert_eq!(report["tuningHistory"][0]["at"], "1970-01-01T00:00:00.001Z");
    assert!(html.contains("1970-01-01 00:00"));
}

#[test]
fn the_report_as_json_has_the_fields_of_the_contract() {
    let settings = settings();
    let orchestrator = orchestrator(&settings);
    for _ in 0..3 {
        optimize(&orchestrator, "frontend-specialist", r#"{"currentTask":"Fix it","weather":"sunny"}"#);
    }
    let text = orchestrator.written_report(ReportForm::Json, &settings, None, &Extras::default());
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["environment"], "development");
    assert_eq!(report["performance"]["totalOperations"], 3);
    assert_eq!(report["performance"]["tokensSaved"], report["statistics"]["tokensSaved"]);
    assert_eq!(report["status"]["statistics"], report["statistics"]);
    assert_eq!(report["recommendations"]["details"], json!([]));
    assert_eq!(report["tokens"]["byAgent"]["rows"]["frontend-specialist"]["messages"], 3);
    assert_eq!(report["statistics"]["latency"]["count"], 3);
    assert!(report["timestamp"].is_string() && report["statistics"]["timestamp"].is_string());
    assert!(report.get("tuningHistory").is_none(), "there is none to tell");
}

#[test]
fn counts_of_the_filter_begin_anew_with_its_settings() {
    let mut settings = settings();
    let orchestrator = orchestrator(&settings);
    optimize(&orchestrator, "a", r#"{"currentTask":"Fix it"}"#);
    assert_eq!(orchestrator.counters.tally.read().contexts, 1);
    settings.memory.max_memory_usage_mb = 1000.0;
    orchestrator.apply(&settings);
    assert_eq!(orchestrator.counters.tally.read().contexts, 1);
    settings.context_filter.context_importance_threshold = 0.2;
    orchestrator.apply(&settings);
    assert_eq!(orchestrator.counters.tally.read().contexts, 0);
}

#[test]
fn forms_are_told_by_the_ending() {
    for (name, form) in [
        ("a.html", ReportForm::Html),
        ("a.HTM", ReportForm::Html),
        ("a.json", ReportForm::Json),
        ("a", ReportForm::Json),
        (".html", ReportForm::Json),
        ("a.html.txt", ReportForm::Json),
    ] {
        assert_eq!(ReportForm::of(std::path::Path::new(name)), form, "{name}");
    }
}
