use std::sync::Arc;

use super::super::built_in;
use super::super::task::text_of_fields;
use super::super::test_support::{Ready, frontend};
use super::*;

struct Given<'a> {
    agent: &'a Compiled,
    known: bool,
    prioritize_recent: bool,
}

fn scores_by(json: &str, given: &Given<'_>) -> impl Fn(&str) -> f64 + use<> {
    let ready = Ready::of(json);
    let corpus = ready.corpus();
    let task = Task::of_text(&text_of_fields(&ready.document, &["currentTask"]));
    let recent = Task::of_text(&text_of_fields(&ready.document, &RECENT_FIELDS));
    let asked = Asked {
        agent: given.agent,
        known: given.known,
        task: &task,
        recent: &recent,
        prioritize_recent: given.prioritize_recent,
    };
    let scores = scores(&ready.document, &corpus, &corpus.fit(&task), &asked);
    move |path| scores[ready.at(path)]
}

fn scores_of(json: &str) -> impl Fn(&str) -> f64 + use<> {
    scores_by(json, &Given { agent: frontend(), known: true, prioritize_recent: false })
}

fn generic_scores_of(json: &str) -> impl Fn(&str) -> f64 + use<> {
    let generic: Arc<Compiled> = built_in::generic();
    scores_by(json, &Given { agent: &generic, known: false, prioritize_recent: false })
}

const CONTEXT: &str = r#"{"currentTask":"Fix the checkoutTotal rounding","lib/a1":"checkoutTotal rounds","b1":"weather report","components":"x","src/App.tsx":"x"}"#;

#[test]
fn words_of_the_task_outweigh_everything_but_required_fields() {
    let of = scores_of(CONTEXT);
    assert!((of("currentTask") - 1.0).abs() < f64::EPSILON);
    assert!(of("lib/a1") > 0.9 && of("lib/a1") < 1.0);
    assert!(
        of("components") > of("b1") && of("src/App.tsx") > of("b1"),
        "the agent's field decides among the rest"
    );
    assert!(of("b1") < 0.3, "nothing speaks for it");
}

#[test]
fn without_a_task_the_agents_field_decides() {
    let of = scores_of(&CONTEXT.replace("Fix the checkoutTotal rounding", ""));
    assert!(of("components") > 0.5 && of("src/App.tsx") > 0.3);
    assert!(of("lib/a1") < 0.3 && of("b1") < 0.3);
}

#[test]
fn agent_that_is_not_known_keeps_what_nothing_speaks_for() {
    let of = generic_scores_of(CONTEXT);
    assert!(of("b1") >= 0.3);
    assert!(of("lib/a1") > of("b1"));
}

#[test]
fn keywords_of_the_agent_add_to_what_has_them() {
    let of = scores_of(r#"{"one":"react components and css in the browser","two":"tables and joins"}"#);
    assert!(of("one") > of("two") + 0.3, "{} {}", of("one"), of("two"));
}

#[test]
fn optional_fields_and_what_happened_lately_are_worth_more() {
    let json = r#"{"currentTask":"quokka","userStories":"x","recentFiles":["src/b.py"],"other":"x","src/b.py":"x","src/c.py":"x"}"#;
    let of = scores_of(json);
    assert!(of("userStories") > of("other"));
    assert!(of("recentFiles") > of("other"));
    assert!(of("src/b.py") > of("src/c.py") + 0.1, "a file that recent changes name");
    let doubled = scores_by(json, &Given { agent: frontend(), known: true, prioritize_recent: true });
    assert!(doubled("src/b.py") > of("src/b.py"));
    assert!((doubled("other") - of("other")).abs() < f64::EPSILON);
}

#[test]
fn named_elements_score_above_equal_ones() {
    let of = scores_of(r#"{"currentTask":"why weather?","weather":"hills","zebra":"weather"}"#);
    assert!(of("weather") > of("zebra"));
}

#[test]
fn items_of_an_array_share_hints_of_their_path_and_differ_in_words() {
    let item = |text: &str| format!(r#""{text} {}""#, "hills ".repeat(60));
    let json = format!(r#"{{"currentTask":"quokka","pages":[{},{}]}}"#, item("quokka"), item("rivers"));
    let ready = Ready::of(&json);
    let corpus = ready.corpus();
    let task = Task::of_text("quokka");
    let (agent, recent) = (frontend(), Task::default());
    let asked = Asked { agent, known: true, task: &task, recent: &recent, prioritize_recent: false };
    let scores = scores(&ready.document, &corpus, &corpus.fit(&task), &asked);
    assert_eq!(scores.len(), 3);
    assert!(scores[1] > 0.9 && scores[2] > BASE_HINT && scores[2] < scores[1]);
}

#[test]
fn scores_are_between_0_and_1() {
    for json in [CONTEXT, r#"{"a1":null,"":"","currentTask":{}}"#, "[1,[2,\"x\"]]"] {
        let ready = Ready::of(json);
        let corpus = ready.corpus();
        let task = Task::of_text("checkoutTotal in src/App.tsx");
        let agent = frontend();
        let asked = Asked { agent, known: true, task: &task, recent: &task, prioritize_recent: true };
        let found = scores(&ready.document, &corpus, &corpus.fit(&task), &asked);
        assert!(found.iter().all(|score| (0.0..=1.0).contains(score)), "{found:?}");
    }
}
