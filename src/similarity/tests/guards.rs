//! What is written alike, or stands in the place of something else, and is another question.

use super::{assert_all, compare_texts, outcome};

#[test]
fn currencies_are_units() {
    assert_all(
        &[
            ("Is $30 cheap for a shirt?", "Is €30 cheap for a shirt?"),
            ("Is 30 $ cheap for a shirt?", "Is 30 £ cheap for a shirt?"),
            ("Is $30 cheap for a shirt?", "Is 30 cheap for a shirt?"),
        ],
        "unit",
    );
    assert_all(
        &[
            ("Is $30 cheap for a shirt?", "Is 30 $ cheap for a shirt?"),
            ("Is $30 cheap for a shirt?", "Is 30 dollars cheap for a shirt?"),
        ],
        "served",
    );
    assert_all(&[("Why is my balance -$7?", "Why is my balance $7?")], "code");
}

#[test]
fn a_comma_is_a_group_or_a_decimal_mark() {
    assert_all(
        &[
            ("Is 7,5 km far?", "Is 75 km far?"),
            ("Is 0,125 km far?", "Is 125 km far?"),
            ("Is 12,34 km far?", "Is 1234 km far?"),
        ],
        "number",
    );
    assert_all(&[("Is 7,5 km far?", "Is 7.5 km far?"), ("Is 42,195 m far?", "Is 42195 m far?")], "served");
}

#[test]
fn numbers_go_with_their_words() {
    assert_all(
        &[
            ("Can I ship 4 chairs and 9 lamps?", "Can I ship 9 chairs and 4 lamps?"),
            ("Is July 3 or August 8 better?", "Is July 8 or August 3 better?"),
        ],
        "number",
    );
    assert_all(
        &[
            ("Can I ship 4 chairs and 9 lamps?", "Can I ship 9 lamps and 4 chairs?"),
            ("What is the sum of 17 and 25?", "What is the sum of 25 and 17?"),
        ],
        "served",
    );
}

#[test]
fn prepositions_go_with_their_terms() {
    assert_all(
        &[
            ("How do I load rows into Oracle?", "How do I load rows from Oracle?"),
            ("How do I ride a bus to Vienna?", "How do I ride a bus via Vienna?"),
            ("How do I paint for a museum?", "How do I paint against a museum?"),
            ("Who sang for Elvis?", "Who sang with Elvis?"),
            ("Ferries to Naples", "Ferries within Naples"),
        ],
        "direction",
    );
    assert_all(
        &[
            ("How do I find a dentist in Vienna?", "How do I find a dentist at Vienna?"),
            ("What are good books on chess?", "What are good books about chess?"),
            ("How do I load rows to Oracle?", "How do I load rows into Oracle?"),
        ],
        "served",
    );
}

#[test]
fn orders_are_of_what_they_name() {
    assert_all(
        &[
            (
                "Write a poem for my sister about the harbour of a small town where ships arrive in the morning fog",
                "Write a poem for my sister about the station of a small town where ships arrive in the morning fog",
            ),
            (
                "Create a chart of all the sales of each shop in the current quarter with labels and a legend below",
                "Create a chart of all the losses of each shop in the current quarter with labels and a legend below",
            ),
            ("How do I paint a bicycle frame?", "How do I weld a bicycle frame?"),
        ],
        "modifier",
    );
}

#[test]
fn what_belongs_to_something_is_something_else() {
    assert_all(
        &[
            ("How do I replace my kettle?", "How do I replace my kettle lid?"),
            ("How do I order a birth certificate?", "How do I order a translation of a birth certificate?"),
            ("How do I weave a basket?", "How do I weave a wooden basket?"),
        ],
        "modifier",
    );
    assert_all(&[("How do I improve my chess?", "How do I improve my chess skills?")], "served");
}

#[test]
fn slips_are_of_plain_long_words() {
    for (a, b) in [
        ("How do I configure lamdba layers?", "How do I configure Lambba layers?"),
        ("What is pentane good for?", "What is pentone good for?"),
        ("How do I fold a shawl?", "How do I fold a Shawn?"),
        ("How do I plant a pansy?", "How do I plant a Pansee?"),
    ] {
        assert_ne!(outcome(a, b), "served", "{a} | {b}");
    }
    assert_all(
        &[
            ("How do I repair a bicycle?", "How do I repair a bicylce?"),
            ("What is the best umbrella?", "What is the best umbrela?"),
            ("Where is the next train station?", "Where is the next trian station?"),
        ],
        "served",
    );
}

#[test]
fn operators_marks_and_options_are_code() {
    assert_all(
        &[
            ("What is 8*4 in Perl?", "What is 8/4 in Perl?"),
            ("What is 8**4 in Perl?", "What is 8*4 in Perl?"),
            ("What is 9:4 as text?", "What is 9/4 as text?"),
            ("How much is 7! in total?", "How much is 7 in total?"),
            ("What does ~9 print?", "What does 9 print?"),
            ("What is in ./lib here?", "What is in /lib here?"),
            ("How do I pass *rest to it?", "How do I pass **rest to it?"),
            ("What does y! mean there?", "What does y? mean there?"),
            ("Is 9' long enough?", "Is 9\" long enough?"),
            ("How do I write {n} there?", "How do I write n there?"),
            ("What does !default mean?", "What does default mean?"),
            ("What does sort -r do?", "What does sort -R do?"),
            ("What does sort -r do?", "What does sort r do?"),
            ("What does sort --reverse do?", "What does sort -reverse do?"),
        ],
        "code",
    );
    assert_all(
        &[
            ("How do I **really** bake bread?", "How do I really bake bread?"),
            ("Is it 7? How do I know?", "Is it 7. How do I know?"),
        ],
        "served",
    );
}

#[test]
fn how_often_and_how_many_must_agree() {
    assert_all(
        &[
            ("How do I write a daily diary?", "How do I write a weekly diary?"),
            ("Is the yearly audit public?", "Is the quarterly audit public?"),
            ("Should I brush twice a day?", "Should I brush once a day?"),
            ("Can everyone enter the hall?", "Can anyone enter the hall?"),
        ],
        "quantity",
    );
    assert_all(&[("How do I drop one column?", "How do I drop the column?")], "number");
    assert_all(&[("What is the annual audit?", "What is the yearly audit?")], "served");
}

#[test]
fn without_is_no_part_of_it() {
    assert_all(
        &[
            ("How do I bake a nut cake?", "How do I bake a nut free cake?"),
            ("How do I bake a nut cake?", "How do I bake a nut-free cake?"),
            ("Which paints contain lead?", "Which paints are free of lead?"),
        ],
        "negation",
    );
    assert_all(&[("How do I bake a nut free cake?", "How do I bake a nut-free cake?")], "served");
}

/// Processor time of this thread: it does not pass while the machine is busy with others.
#[cfg(unix)]
fn worked() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    std::time::Duration::try_from(time).expect("not negative")
}

/// Elsewhere, what there is.
#[cfg(not(unix))]
fn worked() -> std::time::Duration {
    static BEGUN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGUN.elapsed()
}

#[test]
fn marks_in_rows_are_quick() {
    for mark in ["*", "{", "/", "!", "~", "-", "$", "'", ":", "a/", "5:", "}"] {
        let row = format!("how is {} it", mark.repeat(16_000 / mark.len()));
        // What is not quick never is. A machine that stands still is at times counted as work of whoever was running.
        let is_quick = (0..3).any(|_| {
            let before = worked();
            assert!(compare_texts(&row, &row).is_same);
            worked().saturating_sub(before).as_millis() < 1500
        });
        assert!(is_quick, "{mark}");
    }
}

#[test]
fn numbers_and_codes_are_the_same_where_it_is_served() {
    assert_all(&[("How do I feed seven cats?", "How do I feed sevne cats?")], "number");
}

#[test]
fn kinds_and_lists_keep_their_sides() {
    assert_all(
        &[
            ("Is a tomato a fruit?", "Is a fruit a tomato?"),
            ("Is my horse taller than her cow and goat?", "Is my goat taller than her cow and horse?"),
        ],
        "order",
    );
}

#[test]
fn other_ways_to_ask_are_served() {
    assert_all(
        &[
            ("How much is a kayak?", "How much does a kayak cost?"),
            ("Name the capital of Kenya", "What is the capital of Kenya?"),
            ("What is the definition of entropy?", "What is entropy?"),
            ("Quick question: how do I sharpen a saw?", "How do I sharpen a saw?"),
            ("Installing Nginx on Debian", "Nginx installation on Debian"),
            ("How do I patch a tyre?", "How do I patch a tire?"),
        ],
        "served",
    );
}

#[test]
fn other_languages_keep_their_order() {
    assert_all(
        &[
            ("Welchen Betrag bekommt Karl morgen Lena?", "Welchen Betrag bekommt Lena morgen Karl?"),
            ("Кто рассказал Ивану сказку Олега", "Кто рассказал Олега сказку Ивану"),
            ("从东京到大阪要多久", "从大阪到东京要多久"),
        ],
        "order",
    );
    assert_all(&[("从东京到大阪要多久？", "从东京到大阪要多久")], "served");
}

#[test]
fn control_characters_are_spaces() {
    assert_all(&[("How do\u{c}I bake\u{0}bread\u{7}", "how do i bake bread")], "served");
}

#[test]
fn what_grows_too_long_is_only_what_it_is() {
    let one = format!("how long is {}", "\u{FDFA} ".repeat(3000));
    let other = one.to_uppercase();
    assert!(compare_texts(&one, &one).is_same);
    assert!(!compare_texts(&one, &other).is_same);
}
