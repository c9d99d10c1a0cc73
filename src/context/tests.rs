use super::test_support::{counter, exact_tokens, filler, filter_of, filter_with, limited, request, text_of};
use super::*;
use crate::base::cancel::Cancel;
use crate::base::document::tests::document;

mod properties;

fn filter(agent: &str, json: &str) -> (String, FilterOutcome) {
    filter_with(ContextFilterConfig::default(), json, &request(agent))
}

const CONTEXT: &str = r#"{"currentTask":"Fix the login form","projectStructure":{"a":1},"weather":"sunny","src/login.tsx":"form","uiRequirements":null}"#;

#[test]
fn specialist_keeps_required_fields_and_what_the_task_names() {
    let (text, outcome) = filter("frontend-specialist", CONTEXT);
    let expected = r#"{"currentTask":"Fix the login form","projectStructure":{"a":1},"src/login.tsx":"form","uiRequirements":null}"#;
    assert_eq!(text, expected);
    assert!(outcome.reduction_ratio() > 0.0 && outcome.reduction_ratio() < 1.0);
    assert_eq!(outcome.kept.len(), outcome.scores.len());
    assert!(outcome.scores.iter().all(|score| (0.0..=1.0).contains(score)));
}

#[test]
fn unknown_agent_is_filtered_generically_and_told_so() {
    let (text, outcome) = filter("poet", CONTEXT);
    assert_eq!(text, CONTEXT);
    assert!(outcome.adaptations[0].contains("no specialization for \"poet\""), "{:?}", outcome.adaptations);
}

#[test]
fn pressure_keeps_the_contracted_share_and_required_fields() {
    let items: Vec<String> = (0..98).map(|at| format!(r#""login{at}":"form {at}""#)).collect();
    let json = format!(r#"{{"currentTask":"login form","projectStructure":{{}},{}}}"#, items.join(","));
    for (load, memory, expected) in
        [(70.0, 0.0, 100), (71.0, 0.0, 80), (81.0, 0.0, 60), (91.0, 0.0, 40), (0.0, 95.0, 40)]
    {
        let request = FilterRequest {
            agent_id: "frontend-specialist".into(),
            system_load: load,
            memory_percentage: memory,
            ..FilterRequest::default()
        };
        let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, &request);
        assert_eq!(outcome.kept.len(), expected, "load {load}, memory {memory}");
        assert!(text.contains("currentTask") && text.contains("projectStructure"));
        let config = ContextFilterConfig { adaptive_reduction: false, ..ContextFilterConfig::default() };
        assert_eq!(filter_with(config, &json, &request).1.kept.len(), 100);
    }
}

#[test]
fn size_limit_holds_but_never_for_required_fields() {
    let text = "word ".repeat(200);
    let json = format!(
        r#"{{"currentTask":"login","files":{{"login.tsx":"{text}","form.tsx":"{text}"}},"projectStructure":{{}}}}"#
    );
    let bytes = |max_bytes| CallLimits { max_bytes: Some(max_bytes), ..CallLimits::default() };
    let request = |max_bytes| limited("frontend-specialist", bytes(max_bytes));
    let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, &request(1_500));
    assert!(
        outcome.filtered_bytes <= 1_500 && text.contains("login.tsx") && !text.contains("form.tsx"),
        "{text}"
    );
    let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, &request(10));
    assert_eq!(text, r#"{"currentTask":"login","projectStructure":{}}"#);
    assert!(outcome.adaptations.iter().any(|line| line.contains("required fields alone")));
}

#[test]
fn arrays_keep_their_order_and_say_what_is_missing() {
    let item = |name: &str| format!(r#"{{"name":"{name}","text":"{}"}}"#, "x".repeat(200));
    let json = format!(
        r#"{{"currentTask":"alpha gamma","projectStructure":{{}},"list":[{},{},{}]}}"#,
        item("alpha"),
        item("beta"),
        item("gamma")
    );
    let (text, outcome) = filter("database-specialist", &json);
    assert!(
        text.contains("alpha")
            && !text.contains("beta")
            && text.find("gamma\",\"text") > text.find("alpha\",\"text")
    );
    assert!(
        outcome.adaptations.iter().any(|line| line == "1 of 3 items of \"list\" left out"),
        "{:?}",
        outcome.adaptations
    );
}

#[test]
fn context_that_is_not_an_object_is_kept() {
    for json in ["null", "1", "\"text\"", "[]", "{}", "[1,2,3]", "[[],{}]"] {
        let (text, _) = filter("poet", json);
        assert_eq!(text, json);
    }
}

#[test]
fn filtering_is_deterministic() {
    let (first, a) = filter("testing-specialist", CONTEXT);
    let (second, b) = filter("testing-specialist", CONTEXT);
    assert_eq!((first, a.scores), (second, b.scores));
}

#[test]
fn recommended_size_follows_the_contract() {
    let filter = filter_of(ContextFilterConfig::default());
    let check = |agent, load, held, expected: f64| {
        assert!((filter.recommended_mb(agent, load, held) - expected).abs() < 1e-9, "{agent} {load} {held}");
    };
    check("poet", 0.0, 0.0, 50.0);
    check("poet", 50.0, 0.0, 25.0);
    check("poet", 0.0, 400.0, 15.0);
    check("poet", 100.0, 500.0, 10.0);
    check("mobile-specialist", 0.0, 0.0, 60.0);
}

#[test]
fn size_limit_holds_for_keys_full_of_escapes_and_for_deep_values() {
    let key = |at: usize| format!("{}{at}", "\\u0001".repeat(50));
    let entries: Vec<String> = (0..50).map(|at| format!(r#""{}":1"#, key(at))).collect();
    let mut deep = format!("\"{}\"", "x".repeat(300));
    for _ in 0..40 {
        deep = format!(r#"{{"a":{deep},"b":1}}"#);
    }
    for (json, max_bytes) in [(format!("{{{}}}", entries.join(",")), 3_000), (deep, 430)] {
        let limits = CallLimits { max_bytes: Some(max_bytes), ..CallLimits::default() };
        let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, &limited("poet", limits));
        assert!(outcome.filtered_bytes <= max_bytes && text.len() > 2, "{}", text.len());
    }
}

#[test]
fn agents_of_files_and_agents_that_seem_to_be_of_a_kind_are_filtered_by_it() {
    let cwd = tempfile::tempdir().expect("temp dir");
    let agents = cwd.path().join(".claude").join("agents");
    std::fs::create_dir_all(&agents).expect("directory");
    std::fs::write(agents.join("gardener.md"), "---\nkeywords: [weather]\nmaxContextSize: 37\n---\n")
        .expect("write");
    let clock = std::sync::Arc::new(crate::base::clock::ManualClock::new());
    let config = ContextFilterConfig::default();
    let filter = ContextFilter::with_agents(config, cwd.path().to_owned(), clock, counter());
    let changes = filter.refresh_agents();
    assert!(matches!(&changes[..], [Change::Added(spec)] if spec.name == "gardener"), "{changes:?}");
    assert!((filter.recommended_mb("gardener-2", 0.0, 0.0) - 37.0).abs() < f64::EPSILON);
    assert!((filter.recommended_mb("ui-designer", 0.0, 0.0) - 45.0).abs() < f64::EPSILON);
    let adaptations = |agent: &str| {
        let outcome = filter.filter(&document(CONTEXT), &request(agent), &Cancel::default());
        outcome.expect("not cancelled").adaptations
    };
    assert_eq!(
        adaptations("ui-designer")[0],
        r#"filtered as "frontend-specialist": its name has "ui"; its task has "form""#
    );
    assert!(!adaptations("gardener-2").iter().any(|told| told.contains("generic")));
}

/// A context of so many files of about 2 KB, two of which the task is about.
fn project(files: usize) -> String {
    let entries: Vec<(String, serde_json::Value)> = (0..files)
        .map(|at| {
            let about = if at % files.div_ceil(2) == 1 { "quokka billing invoices" } else { "" };
            (format!("src/part{at}/file{at}.py"), format!("{about}\n{}", filler(2000)).into())
        })
        .collect();
    let files = serde_json::Value::Object(entries.into_iter().collect());
    serde_json::json!({ "currentTask": "Fix the quokka billing", "files": files, "weather": "sunny" })
        .to_string()
}

#[test]
fn larger_contexts_lose_30_to_50_percent_of_their_tokens() {
    for agent in ["backend-specialist", "frontend-specialist", "poet", ""] {
        for files in [4, 30] {
            let json = project(files);
            let (text, _) = filter(agent, &json);
            let share = exact_tokens(&text) as f64 / exact_tokens(&json) as f64;
            assert!((0.45..=0.72).contains(&share), "{agent}, {files} files: {share}");
            assert!(text.matches("quokka billing invoices").count() == 2, "what the task is about stays");
        }
    }
}

#[test]
fn exact_tokens_are_under_the_limit_and_near_it() {
    let json = project(30);
    for max_tokens in [1_000, 3_000, 6_000] {
        let limits = CallLimits { max_tokens: Some(max_tokens), ..CallLimits::default() };
        let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, &limited("poet", limits));
        let tokens = exact_tokens(&text);
        assert!(tokens <= max_tokens && tokens * 10 >= max_tokens * 7, "{tokens} of {max_tokens}");
        assert!(outcome.adaptations.iter().any(|line| line.contains("tokens")), "{:?}", outcome.adaptations);
    }
    let limits = CallLimits { max_tokens: Some(3), ..CallLimits::default() };
    let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, &limited("poet", limits));
    assert_eq!(text, r#"{"currentTask":"Fix the quokka billing"}"#);
    let told = "required fields alone are over the limit of 3 tokens and stay";
    assert!(outcome.adaptations.iter().any(|line| line == told), "{:?}", outcome.adaptations);
}

#[test]
fn call_that_was_called_off_fails_and_the_next_one_works() {
    let json = project(10);
    let context = document(&json);
    let filter = filter_of(ContextFilterConfig::default());
    let cancel = Cancel::default();
    cancel.cancel();
    let refused = filter.filter(&context, &request("poet"), &cancel).expect_err("called off");
    assert_eq!(refused.kind(), ErrorKind::Cancelled);
    let outcome = filter.filter(&context, &request("poet"), &Cancel::default()).expect("works");
    assert_eq!(
        text_of(&outcome, &context),
        filter_with(ContextFilterConfig::default(), &json, &request("poet")).0
    );
    // Called off while texts are counted.
    let cancel = Cancel::default();
    let flag = cancel.clone();
    let counter = std::sync::Arc::new(move |text: &str| {
        flag.cancel();
        text.len() as u64
    });
    let filter = ContextFilter::new(ContextFilterConfig::default(), counter);
    let refused = filter.filter(&context, &request("poet"), &cancel).expect_err("called off");
    assert_eq!(refused.kind(), ErrorKind::Cancelled);
    assert!(filter.filter(&context, &request("poet"), &Cancel::default()).is_ok());
    assert_eq!(filter.calls(), 2);
}

#[test]
fn what_is_held_between_calls_is_bounded() {
    let config = ContextFilterConfig {
        analysis_cache_mb: 0.05,
        reference_store_mb: 0.01,
        ..ContextFilterConfig::default()
    };
    let filter = filter_of(config);
    for files in 20..40 {
        let context = document(&project(files));
        filter.filter(&context, &request("poet"), &Cancel::default()).expect("works");
        let held = filter.held();
        assert!(held.analysis_bytes <= 52_429 && held.reference_bytes <= 10_486, "{held:?}");
    }
    filter.set_config(ContextFilterConfig { analysis_cache_mb: 0.001, ..filter.config() });
    assert!(filter.held().analysis_bytes <= 1_049);
}
