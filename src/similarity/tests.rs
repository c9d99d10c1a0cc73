//! Pairs of questions: what is served for what, and what speaks against it.

use proptest::prelude::*;

use super::compare_texts;

mod guards;
mod wording;

/// The default of `similarityThreshold`.
const THRESHOLD: f32 = 0.8;

fn outcome(a: &str, b: &str) -> &'static str {
    let verdict = compare_texts(a, b);
    match verdict.refusal {
        Some(reason) => reason.name(),
        None if verdict.score >= THRESHOLD => "served",
        None => "score",
    }
}

fn assert_all(pairs: &[(&str, &str)], expected: &str) {
    for (a, b) in pairs {
        assert_eq!(outcome(a, b), expected, "{a} | {b}: {:?}", compare_texts(a, b));
        assert_eq!(outcome(b, a), expected, "{b} | {a}: {:?}", compare_texts(b, a));
    }
}

#[test]
fn the_same_in_another_form_is_served() {
    assert_all(
        &[
            ("How do I bake bread?", "  how do i   BAKE bread  "),
            ("What's a mutex?", "What is a mutex"),
            ("Please, how do I bake bread?", "how do I bake bread? thanks!"),
            ("What does “idempotent” mean?", "What does \"idempotent\" mean?"),
            ("Don\u{2019}t cats like water?", "Don't cats like water?"),
            ("ｗｈａｔ is a ｍｕｔｅｘ", "what is a mutex"),
        ],
        "served",
    );
}

#[test]
fn other_words_for_the_same_are_served() {
    assert_all(
        &[
            ("How do I sharpen a kitchen knife?", "What is the best way to sharpen a kitchen knife?"),
            (
                "If I want to sharpen a kitchen knife, what should I do?",
                "How can you sharpen a kitchen knife?",
            ),
            ("In order to learn the violin, what should you do?", "How can I learn the violin?"),
            ("What can I do to get rid of moths?", "How do I get rid of moths?"),
            ("Who is the best chess player of all time?", "Who is the greatest chess player of all time?"),
            ("Can you tell me how to renew a passport?", "How do I renew my passport?"),
            ("Is it possible to freeze cheese?", "Can you freeze cheese?"),
            ("Does anybody know why cats purr?", "Why do cats purr?"),
            ("What is the reason why cats purr?", "Why do cats purr?"),
            ("How do I begin investing in gold?", "How do I start investing in gold?"),
            ("Is the museum currently open on Sunday?", "Is the museum open on Sunday?"),
            ("Which is the tallest building of Prague?", "What is the tallest building in Prague?"),
            ("How do I deploy two containers?", "How do I deploy 2 containers?"),
            ("How do I restart the Postgres server?", "How do I restart the Postgres serevr?"),
        ],
        "served",
    );
}

#[test]
fn what_is_alike_from_both_sides_is_served() {
    assert_all(
        &[
            ("Is Zurich close to Basel?", "Is Basel close to Zurich?"),
            ("What is the difference between TCP and UDP?", "What is the difference between UDP and TCP?"),
            ("Should I learn Rust or Go?", "Should I learn Go or Rust?"),
            ("Did Curie discover radium?", "Was radium discovered by Curie?"),
        ],
        "served",
    );
}

#[test]
fn numbers_units_and_versions_must_agree() {
    assert_all(
        &[
            ("How long do I boil 2 eggs?", "How long do I boil 3 eggs?"),
            ("How long do I boil two eggs?", "How long do I boil 3 eggs?"),
            ("What changed in 2019?", "What changed in 2020?"),
            ("What is 10% of 80?", "What is 10% of 90?"),
            ("Is 5 enough?", "Is -5 enough?"),
            ("What happens at 3pm?", "What happens at 4pm?"),
            (
                "How do I configure the database server cluster so that each replica keeps 3 encrypted backup copies on disk?",
                "How do I configure the database server cluster so that each replica keeps 4 encrypted backup copies on disk?",
            ),
        ],
        "number",
    );
    assert_all(
        &[
            ("What is new in Node v20.1.0?", "What is new in Node v20.2.0?"),
            ("How do I read /etc/hosts?", "How do I read /etc/passwd?"),
            ("What does parse_line() do?", "What does parse_word() do?"),
            ("What broke in commit 3f2a9c1?", "What broke in commit 77ab0c2?"),
            ("Is https://a.example/x down?", "Is https://a.example/y down?"),
        ],
        "code",
    );
    assert_all(&[("Is a dose of 5 mg safe?", "Is a dose of 5 ml safe?")], "unit");
    assert_all(&[("Is C++ hard?", "Is C# hard?")], "name");
}

#[test]
fn opposites_are_refused() {
    assert_all(
        &[
            ("How do I enable telemetry?", "How do I disable telemetry?"),
            ("How do I increase the swap size?", "How do I decrease the swap size?"),
            ("Is raw milk safe for children?", "Is raw milk unsafe for children?"),
            ("How do I encrypt a file?", "How do I decrypt a file?"),
        ],
        "antonym",
    );
    assert_all(
        &[
            ("Should I refactor the parser?", "Should I not refactor the parser?"),
            ("Why does the cache work?", "Why doesn't the cache work?"),
            ("How can I become more patient?", "How can I become less patient?"),
        ],
        "negation",
    );
    assert_all(&[("How can I become more patient?", "How can I become less impatient?")], "served");
}

#[test]
fn conditions_directions_and_roles_must_agree() {
    assert_all(
        &[
            ("Can I eat before the blood test?", "Can I eat after the blood test?"),
            ("How do I deploy with Docker?", "How do I deploy without Docker?"),
            ("Is it open except on Monday?", "Is it open on Monday?"),
        ],
        "condition",
    );
    assert_all(
        &[
            ("How do I migrate to Postgres?", "How do I migrate from Postgres?"),
            ("How do I log in to the server?", "How do I log out of the server?"),
            ("How do I zoom in?", "How do I zoom out?"),
            ("Is it behind the table?", "Is it under the table?"),
        ],
        "direction",
    );
    assert_all(
        &[
            ("Does the parser call the lexer?", "Does the lexer call the parser?"),
            ("Is Rust faster than Java?", "Is Java faster than Rust?"),
            ("Did Anna sue Peter?", "Was Anna sued by Peter?"),
            ("How do I convert PDF to Word?", "How do I convert Word to PDF?"),
        ],
        "order",
    );
    assert_all(&[("Is the door red and blue?", "Is the door red or blue?")], "coordination");
}

#[test]
fn another_question_is_refused() {
    assert_all(
        &[
            ("How do I freeze cheese?", "Can I freeze cheese?"),
            ("When did Rome burn?", "Why did Rome burn?"),
            ("Should I sell gold?", "Will I sell gold?"),
            ("How do I learn chess?", "How long does it take to learn chess?"),
        ],
        "question",
    );
    assert_all(
        &[
            ("Who is Ada Lovelace?", "Who is Grace Lovelace?"),
            ("What is the capital of Peru?", "What is the capital of Chile?"),
            ("How do I install Redis?", "How do I install Memcached?"),
            ("What is the best hotel?", "What is the best hotel in Lisbon?"),
        ],
        "name",
    );
    assert_all(
        &[("Who killed the king?", "Who did the king kill?"), ("Who teaches Mary?", "Who does Mary teach?")],
        "order",
    );
    assert_all(
        &[
            ("When was Rome sacked?", "When will Rome be sacked?"),
            ("What was the rate?", "What is the rate?"),
        ],
        "question",
    );
    assert_all(
        &[("Would she sell her car?", "Would he sell his car?"), ("What is my name?", "What is your name?")],
        "person",
    );
    assert_all(&[("Is Bob a painter?", "Is Bob becoming a painter?")], "quantity");
    assert_all(&[("Is Bob a painter?", "Is Bob a famous painter?")], "modifier");
    assert_all(&[("What does \"foo\" mean?", "What does \"bar\" mean?")], "quoted");
}

#[test]
fn other_languages_are_compared_by_form_only() {
    let same = [
        ("如何安装 Redis？", "如何安装redis"),
        ("メモリを解放する方法は？", "メモリを解放する方法は"),
        ("كيف أثبت الخادم؟", "كيف أثبت الخادم"),
        ("मैं सर्वर कैसे चलाऊँ?", "मैं सर्वर कैसे चलाऊँ"),
        ("Как запустить сервер?", "как запустить сервер"),
        ("Wie starte ich den Server?", "wie starte ich den server"),
    ];
    assert_all(&same, "served");
    let texts: Vec<&str> = same.iter().map(|(text, _)| *text).collect();
    for a in &texts {
        for b in texts.iter().filter(|b| *b != a) {
            assert_ne!(outcome(a, b), "served", "{a} | {b}");
        }
    }
    for (a, b) in [
        ("如何安装 Redis？", "如何卸载 Redis？"),
        ("メモリを解放する方法は？", "メモリを確保する方法は？"),
        ("كيف أثبت الخادم؟", "كيف أحذف الخادم؟"),
        ("मैं सर्वर कैसे चलाऊँ?", "मैं सर्वर कैसे बंद करूँ?"),
        ("Как запустить сервер?", "Как остановить сервер?"),
        ("Wie starte ich den Server?", "Wie stoppe ich den Server?"),
    ] {
        assert_ne!(outcome(a, b), "served", "{a} | {b}");
    }
    assert_all(
        &[
            ("第3章讲什么？", "第4章讲什么？"),
            ("第３章讲什么？", "第4章讲什么？"),
            ("ما هي نتيجة ٣ و٤؟", "ما هي نتيجة ٣ و٥؟"),
            ("अध्याय ३ में क्या है?", "अध्याय ४ में क्या है?"),
            ("Что в главе 3?", "Что в главе 4?"),
            ("Was steht in Kapitel 3?", "Was steht in Kapitel 4?"),
        ],
        "number",
    );
}

#[test]
fn junk_is_only_what_it_is() {
    let long = "word ".repeat(300_000);
    let junk = [
        "",
        " ",
        "???",
        "👍",
        "👎",
        "the of and",
        "\0",
        "a\0b",
        "\u{200B}",
        long.as_str(),
        "((((",
        "''''",
        "-",
        "\"",
        "`",
    ];
    for a in junk {
        for b in junk.iter().filter(|b| **b != a) {
            let verdict = compare_texts(a, b);
            assert!(verdict.refusal.is_some() || verdict.score < THRESHOLD, "{a:.20?} {b:.20?} {verdict:?}");
        }
        assert_eq!(outcome(a, a), "served", "{a:.20?}");
    }
}

proptest! {
    #[test]
    fn every_text_is_itself_and_order_does_not_matter(a in "\\PC{0,60}", b in "\\PC{0,60}") {
        prop_assert_eq!(outcome(&a, &a), "served");
        let (one, other) = (compare_texts(&a, &b), compare_texts(&b, &a));
        prop_assert!((one.score - other.score).abs() < 1e-3);
        prop_assert!((0.0..=1.0).contains(&one.score));
    }

    #[test]
    fn words_in_any_order_never_panic(words in proptest::collection::vec(
        prop_oneof![Just("not"), Just("how"), Just("to"), Just("by"), Just("is"), Just("2"), Just("Anna"), Just("cat"),
            Just("\""), Just("and"), Just("f(x)"), Just("don't"), Just("'"), Just("5mg"), Just("—"), Just("数")], 0..12)) {
        let text = words.join(" ");
        prop_assert_eq!(outcome(&text, &text), "served");
        let _ = compare_texts(&text, "how is Anna not 2 cat");
    }
}
