use super::*;
use crate::base::document::tests::document;

fn weight(task: &Task, word: &str) -> f64 {
    task.weight_of(whole(word)).unwrap_or(0.0)
}

#[test]
fn words_of_the_title_and_repeated_words_weigh_more() {
    let task = Task::of_text("Login is broken\nThe form of the cart\ncart, cart");
    assert!(weight(&task, "login") > weight(&task, "cart"), "4 and 3 times");
    assert!(weight(&task, "cart") > weight(&task, "form"));
    assert!((weight(&task, "form") - 1.0).abs() < 1e-9);
    assert!((weight(&task, "login") - 2.5).abs() < 1e-9);
    assert!(weight(&task, "the").abs() < f64::EPSILON, "a stop word");
    assert!(task.words.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each once");
}

#[test]
fn names_are_what_looks_like_code() {
    let task = Task::of_text(
        "Title\nuserId and user_name, `render`, call() and Mod.func, __init__ but not Word, plain, x, a_1 or src/my_file.py",
    );
    let names = ["userId", "user_name", "render", "call", "Mod", "func", "__init__", "a_1"];
    let found: Vec<Word> = task.names.iter().map(|(word, _)| *word).collect();
    for name in names {
        assert!(found.contains(&whole(name)), "{name}");
    }
    for other in ["Word", "plain", "x", "my_file", "not", "and"] {
        assert!(!found.contains(&whole(other)), "{other}");
    }
    assert_eq!(found.len(), names.len());
}

#[test]
fn paths_and_modules_are_mentions() {
    let of = |segments: &[&str], is_file| Mention {
        segments: segments.iter().map(|segment| whole(segment)).collect(),
        is_file,
    };
    for (text, expected) in [
        ("src/app/Login.tsx", vec![of(&["Login", "app", "src"], true)]),
        ("(see ./Login.tsx:12)", vec![of(&["Login"], true)]),
        ("src\\app\\Login.tsx", vec![of(&["Login", "app", "src"], true)]),
        ("django.db.models", vec![of(&["models", "db", "django"], false)]),
        ("src/app", vec![of(&["app", "src"], true)]),
        ("Login.tsx and Login.tsx", vec![of(&["Login"], true)]),
        ("the end. Then", vec![]),
        ("version 1.2.3 of 3/4", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(Task::of_text(text).mentions, expected, "{text}");
    }
}

#[test]
fn tasks_without_words_are_empty() {
    for text in ["", " \n ", "the and of", "a b c", "???"] {
        assert!(Task::of_text(text).is_empty(), "{text:?}");
    }
}

#[test]
fn huge_tasks_are_read_as_far_as_they_must() {
    let words =
        (0..100_000).map(|at| format!("word{at}x src/f{at}.py fooBar{at}")).collect::<Vec<_>>().join(" ");
    let task = Task::of_text(&words);
    assert_eq!(task.words.len(), MAX_WORDS);
    assert_eq!(task.mentions.len(), MAX_MENTIONS);
    assert!(task.names.len() < MAX_TASK_BYTES / 20);
    let cut = Task::of_text(&format!("{}quokka", "é ".repeat(MAX_TASK_BYTES / 3 + 1)));
    assert!(weight(&cut, "quokka").abs() < f64::EPSILON, "behind the end, which is no border of a letter");
}

#[test]
fn tasks_in_other_languages_have_words() {
    let german = Task::of_text("Die Größe der Schaltfläche prüfen");
    assert!(weight(&german, "größe") > 0.0 && weight(&german, "Schaltfläche") > 0.0);
    let japanese = Task::of_text("ログイン画面を修正");
    let hits = [(); 1].iter().flat_map(|()| {
        let mut found = Vec::new();
        words("画面", |word| found.push(word));
        found
    });
    assert!(hits.filter(|word| japanese.weight_of(*word).is_some()).count() > 0);
    assert!(!Task::of_text("Почему не работает вход").is_empty());
}

#[test]
fn task_is_every_text_of_its_fields() {
    let document = document(
        r#"{"task":{"title":"One","id":7,"steps":["Two",{"x":"Three"}]},"other":"Four","goal":"Five","nested":{"task":"Six"}}"#,
    );
    assert_eq!(text_of_fields(&document, &["task", "goal"]), "One\nTwo\nThree\nFive\n");
    assert_eq!(text_of_fields(&document, &["missing"]), "");
    assert_eq!(text_of_fields(&crate::base::document::tests::document("[1]"), &["task"]), "");
}

#[test]
fn prefix_ends_between_characters() {
    assert_eq!(prefix("aé", 2), "a");
    assert_eq!(prefix("aé", 3), "aé");
    assert_eq!(prefix("aé", 0), "");
    assert_eq!(prefix("", 5), "");
}

proptest::proptest! {
    #[test]
    fn any_task_can_be_read(text in "[a-zA-Z_./\\\\`()é \n-]{0,200}\\PC{0,40}") {
        let task = Task::of_text(&text);
        proptest::prop_assert!(task.mentions.iter().all(|mention| !mention.segments.is_empty()));
        proptest::prop_assert!(task.words.iter().all(|(_, weight)| *weight > 0.0));
    }
}
