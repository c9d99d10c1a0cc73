use super::*;
use crate::base::document::tests::document;
use crate::base::json::{KeyOrder, View};

fn filter_with(config: ContextFilterConfig, json: &str, request: FilterRequest) -> (String, FilterOutcome) {
    let document = document(json);
    let outcome = ContextFilter::new(config).filter(&document, &request);
    let mut text = Vec::new();
    View { document: &document, fates: outcome.fates.as_deref() }.write(0, KeyOrder::Insertion, &mut text);
    assert_eq!(outcome.filtered_bytes, text.len() as u64, "bytes are those of the text");
    (String::from_utf8(text).expect("UTF-8"), outcome)
}

fn filter(agent: &str, json: &str) -> (String, FilterOutcome) {
    let request = FilterRequest { agent_id: agent.into(), ..FilterRequest::default() };
    filter_with(ContextFilterConfig::default(), json, request)
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
        let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, request.clone());
        assert_eq!(outcome.kept.len(), expected, "load {load}, memory {memory}");
        assert!(text.contains("currentTask") && text.contains("projectStructure"));
        let config = ContextFilterConfig { adaptive_reduction: false, ..ContextFilterConfig::default() };
        assert_eq!(filter_with(config, &json, request).1.kept.len(), 100);
    }
}

#[test]
fn size_limit_holds_but_never_for_required_fields() {
    let text = "word ".repeat(200);
    let json = format!(
        r#"{{"currentTask":"login","files":{{"login.tsx":"{text}","form.tsx":"{text}"}},"projectStructure":{{}}}}"#
    );
    let request = |max_bytes| FilterRequest {
        agent_id: "frontend-specialist".into(),
        max_bytes: Some(max_bytes),
        ..FilterRequest::default()
    };
    let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, request(1_500));
    assert!(
        outcome.filtered_bytes <= 1_500 && text.contains("login.tsx") && !text.contains("form.tsx"),
        "{text}"
    );
    let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, request(10));
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
    let filter = ContextFilter::new(ContextFilterConfig::default());
    let check = |agent, load, held, expected: f64| {
        assert!((filter.recommended_mb(agent, load, held) - expected).abs() < 1e-9, "{agent} {load} {held}");
    };
    check("poet", 0.0, 0.0, 50.0);
    check("poet", 50.0, 0.0, 25.0);
    check("poet", 0.0, 400.0, 15.0);
    check("poet", 100.0, 500.0, 10.0);
    check("mobile-specialist", 0.0, 0.0, 60.0);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_json_is_filtered_to_valid_json_within_it(value in arbitrary_json(), max_bytes in proptest::option::of(0_u64..400)) {
        let json = value.to_string();
        let request = FilterRequest { agent_id: "frontend-specialist".into(), max_bytes, ..FilterRequest::default() };
        let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, request);
        let kept: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        proptest::prop_assert!(outcome.filtered_bytes <= outcome.original_bytes);
        let over = outcome.adaptations.iter().any(|line| line.contains("required fields alone"));
        if let Some(max_bytes) = max_bytes {
            proptest::prop_assert!(outcome.filtered_bytes <= max_bytes.max(2) || over, "{}", text);
        }
        if let (Some(before), Some(after)) = (value.as_object(), kept.as_object()) {
            proptest::prop_assert!(after.keys().all(|key| before.contains_key(key)));
            for key in ["currentTask", "projectStructure"] {
                proptest::prop_assert_eq!(after.get(key), before.get(key));
            }
        }
    }
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
        let request =
            FilterRequest { agent_id: "poet".into(), max_bytes: Some(max_bytes), ..FilterRequest::default() };
        let (text, outcome) = filter_with(ContextFilterConfig::default(), &json, request);
        assert!(outcome.filtered_bytes <= max_bytes && text.len() > 2, "{}", text.len());
    }
}

fn arbitrary_json() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        ".{0,80}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::vec(
                ("(currentTask|projectStructure|node_modules|[a-z./]{0,12}|[\\x00-\\x1f\"]{0,9})", inner),
                0..8
            )
            .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

#[test]
fn agents_of_files_and_agents_that_seem_to_be_of_a_kind_are_filtered_by_it() {
    let cwd = tempfile::tempdir().expect("temp dir");
    let agents = cwd.path().join(".claude").join("agents");
    std::fs::create_dir_all(&agents).expect("directory");
    std::fs::write(agents.join("gardener.md"), "---\nkeywords: [weather]\nmaxContextSize: 37\n---\n")
        .expect("write");
    let clock = std::sync::Arc::new(crate::base::clock::ManualClock::new());
    let filter = ContextFilter::with_agents(ContextFilterConfig::default(), cwd.path().to_owned(), clock);
    let changes = filter.refresh_agents();
    assert!(matches!(&changes[..], [Change::Added(spec)] if spec.name == "gardener"), "{changes:?}");
    assert!((filter.recommended_mb("gardener-2", 0.0, 0.0) - 37.0).abs() < f64::EPSILON);
    assert!((filter.recommended_mb("ui-designer", 0.0, 0.0) - 45.0).abs() < f64::EPSILON);
    let adaptations = |agent: &str| {
        let request = FilterRequest { agent_id: agent.into(), ..FilterRequest::default() };
        filter.filter(&document(CONTEXT), &request).adaptations
    };
    assert_eq!(adaptations("ui-designer")[0], r#"filtered as "frontend-specialist": its name has "ui""#);
    assert!(!adaptations("gardener-2").iter().any(|told| told.contains("generic")));
}
