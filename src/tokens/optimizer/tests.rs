//! Counts and totals of the optimizer.

use super::*;
use crate::base::document::tests::document;

fn tokens(text: &str) -> u64 {
    DEFAULT_ENCODING.tokenizer().count(text) as u64
}

#[test]
fn counts_are_of_the_json_that_callers_can_make_themselves() {
    let optimizer = TokenOptimizer::new();
    let run = |json: &str| {
        let document = document(json);
        optimizer.optimize(
            "a",
            View::whole(&document),
            View::whole(&document),
            &SendOptions::default(),
            &Known::default(),
        )
    };
    let first = r#"{"task":"fix the bug","n":[1,2,3],"gone":null}"#;
    let full = run(first);
    assert_eq!((full.original_tokens, full.result_tokens), (tokens(first), tokens(first)));
    assert_eq!(full.base_hash, None);
    let again = run(first);
    let expected = format!(r#"{{"type":"incremental","changes":[],"reference":"{}"}}"#, full.hash);
    assert_eq!(again.result_tokens, tokens(&expected));
    let changed = run(r#"{"task":"fix the other bug","n":[1,2,3],"new":"x"}"#);
    let expected = r#"{"added":{"new":"x"},"modified":{"task":"fix the other bug"},"removed":["gone"],"unchanged":["n"]}"#;
    assert_eq!(changed.result_tokens, tokens(expected));
    assert_eq!(changed.base_hash, Some(full.hash));
    let totals = optimizer.totals();
    assert_eq!((totals.operations, totals.full, totals.unchanged, totals.changed), (3, 1, 1, 1));
    assert_eq!(
        totals.tokens_saved,
        totals.original_tokens.cast_signed() - totals.result_tokens.cast_signed()
    );
}

#[test]
fn forgotten_agent_gets_everything_again() {
    let optimizer = TokenOptimizer::new();
    let document = document(r#"{"x":1}"#);
    let run = || {
        optimizer
            .optimize(
                "a",
                View::whole(&document),
                View::whole(&document),
                &SendOptions::default(),
                &Known::default(),
            )
            .delta
    };
    run();
    optimizer.forget();
    assert_eq!(run(), Delta::Full);
}
