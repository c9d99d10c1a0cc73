use super::*;
use proptest::prelude::*;
use serde_json::json;

/// USD per million tokens that make sums easy: input 10, read 1, write 12, output 100.
fn priced() -> Ledger {
    let own = json!({
        "m": { "input": 10, "cachedRead": 1, "cacheWrite": 12, "output": 100, "asOf": "2026-01-31" },
        "old": { "input": 1, "output": 1, "asOf": "2025-06-30" },
    });
    Ledger::new(Prices::with("prices", &own).expect("sound"))
}

fn entry(original: u64, sent: u64) -> Entry<'static> {
    Entry { agent: "a", operation: "context", original, sent, ..Entry::default() }
}

#[track_caller]
fn check_usd(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn messages_before_are_read_again() {
    let table = serde_json::json!({ "m": { "input": 10, "cachedRead": 1, "cacheWrite": 12, "output": 0, "asOf": "2026-01-31" } });
    let ledger = Ledger::new(Prices::with("prices", &table).expect("sound"));
    let message = Entry { agent: "a", operation: "o", model: Some("m"), original: 1_000, ..Entry::default() };
    // 100 new tokens behind 5,000 that the conversation has; whole, it would have been 1,000 of which 900 are cached.
    ledger.record(&Entry { sent: 100, carried: 5_000, baseline_cached: 900, ..message });
    let cost = ledger.report().totals.cost.expect("priced");
    assert!((cost.usd - (5_000.0 + 100.0 * 12.0) / 1e6).abs() < 1e-12, "{}", cost.usd);
    assert!((cost.baseline_usd - (900.0 + 100.0 * 12.0) / 1e6).abs() < 1e-12, "{}", cost.baseline_usd);
    assert!(cost.saved_usd < 0.0);
}

#[test]
fn nothing_measured_says_so() {
    let ledger = Ledger::default();
    assert_eq!(ledger.summary(), "nothing was measured yet");
    let report = serde_json::to_value(ledger.report()).expect("json");
    assert_eq!(report["totals"]["messages"], 0);
    assert_eq!(report["totals"].get("cost"), None);
    assert_eq!(report["totals"].get("transportSavedPercent"), None);
    assert_eq!(report["byModel"], json!({ "rows": {} }));
}

#[test]
fn savings_are_against_what_could_have_been_sent() {
    let ledger = Ledger::default();
    ledger.record(&Entry { limit: Some(8_000), ..entry(50_000, 2_000) });
    let totals = ledger.report().totals;
    assert_eq!((totals.original_tokens, totals.baseline_tokens), (50_000, 8_000));
    assert_eq!((totals.transport_saved_tokens, totals.transport_saved_percent), (6_000, Some(75.0)));
    // The model's window is a limit too.
    ledger.record(&Entry { model: Some("gpt-4"), limit: Some(9_000), ..entry(50_000, 2_000) });
    assert_eq!(ledger.report().totals.baseline_tokens, 8_000 + 8_192);
    // Nothing is saved on what was never going to be sent.
    let ledger = Ledger::default();
    ledger.record(&Entry { limit: Some(100), ..entry(1_000, 100) });
    assert_eq!(
        ledger.summary(),
        "as many tokens sent as without (100) over 1 message; 900 tokens over a limit, which count for nothing"
    );
}

#[test]
fn fetches_are_charged_and_a_loss_is_a_loss() {
    let ledger = Ledger::default();
    ledger.record(&Entry { fetched: 100, held: 300, ..entry(1_000, 400) });
    ledger.charge_fetch("a", "context", None, 700);
    let report = ledger.report();
    let totals = &report.totals;
    assert_eq!((totals.transport_saved_tokens, totals.prompt_saved_tokens), (600, -200));
    assert_eq!((totals.fetched_tokens, totals.held_tokens, totals.messages), (800, 300, 1));
    assert_eq!(report.by_agent.rows["a"], report.totals);
    assert_eq!(
        report.summary,
        "60.0 % fewer tokens sent (600 of 1,000 saved) over 1 message; 300 tokens left out because receivers hold them; \
         800 tokens fetched back, which leaves 20.0 % more tokens in prompts (200 more than 1,000)"
    );
}

#[test]
fn message_that_grew_is_a_negative_saving() {
    let ledger = Ledger::default();
    ledger.record(&Entry { held: 50, ..entry(100, 130) });
    let totals = ledger.report().totals;
    assert_eq!((totals.transport_saved_tokens, totals.held_tokens), (-30, 0));
    assert_eq!(ledger.summary(), "30.0 % more tokens sent (30 more than 100) over 1 message");
}

#[test]
fn rewriting_a_cached_prefix_costs_more_than_it_saves() {
    let ledger = priced();
    // 100,000 tokens of which all but 1,000 were cached, against half of them from the start.
    let message = Entry { model: Some("m"), baseline_cached: 99_000, ..entry(100_000, 50_000) };
    ledger.record(&message);
    let report = ledger.report();
    assert_eq!(report.totals.transport_saved_percent, Some(50.0));
    let cost = report.totals.cost.expect("priced");
    check_usd(cost.baseline_usd, 0.099 + 0.012);
    check_usd(cost.usd, 0.6);
    check_usd(cost.saved_usd, -0.489);
    assert!(
        report.summary.contains("0.6000 USD instead of 0.1110 (440.5 % more) at list prices of 2026-01-31"),
        "{}",
        report.summary
    );
    // What keeps the prefix saves.
    let ledger = priced();
    ledger.record(&Entry { sent: 99_500, sent_cached: 99_000, ..message });
    check_usd(ledger.report().totals.cost.expect("priced").saved_usd, 0.006);
}

#[test]
fn fetched_tokens_are_priced_as_new_ones() {
    let ledger = priced();
    ledger.record(&Entry { model: Some("m"), fetched: 1_000, ..entry(3_000, 1_000) });
    ledger.charge_fetch("a", "context", Some("m"), 500);
    let cost = ledger.report().totals.cost.expect("priced");
    check_usd(cost.baseline_usd, 0.036);
    check_usd(cost.usd, 0.030);
}

#[test]
fn without_a_price_there_is_no_cost() {
    let ledger = priced();
    ledger.record(&Entry { model: Some("unknown"), ..entry(10, 5) });
    ledger.record_usage(&Usage {
        agent: "a",
        operation: "call",
        model: None,
        prompt: 10,
        ..Usage::default()
    });
    let totals = ledger.report().totals;
    assert_eq!((totals.cost, totals.usage.cost_usd), (None, None));
    ledger.record(&Entry { model: Some("m"), ..entry(10, 5) });
    ledger.record(&Entry { model: Some("old"), ..entry(10, 5) });
    ledger.charge_fetch("a", "context", None, 7);
    let report = ledger.report();
    let cost = report.totals.cost.expect("priced");
    assert_eq!((cost.unpriced_messages, cost.unpriced_fetched_tokens), (1, 7));
    assert_eq!(cost.prices_as_of, "2025-06-30", "the oldest");
    assert!(
        report.summary.contains("without 1 message and 7 tokens fetched back of no known price"),
        "{}",
        report.summary
    );
    assert_eq!(report.prices.iter().map(|price| price.model.as_str()).collect::<Vec<_>>(), ["m", "old"]);
    assert_eq!(report.by_model.rows["unknown"].cost, None);
    assert_eq!(report.by_model.unnamed.expect("usage without a model").usage.prompt_tokens, 10);
}

#[test]
fn reported_usage_is_summed_and_priced_by_its_parts() {
    let ledger = priced();
    let usage = Usage {
        agent: "a",
        operation: "call",
        model: Some("m"),
        prompt: 10_000,
        cached_read: 6_000,
        cache_write: 3_000,
        output: 200,
    };
    ledger.record_usage(&usage);
    let report = ledger.report();
    assert_eq!(report.totals.usage.total_tokens, 10_200);
    check_usd(report.totals.usage.cost_usd.expect("priced"), 0.006 + 0.036 + 0.01 + 0.02);
    assert_eq!(
        report.summary,
        "providers reported 10,000 prompt tokens (60.0 % from their cache) and 200 generated in 1 call for 0.0720 USD"
    );
    // Parts that cannot be are cut to the whole.
    ledger.record_usage(&Usage { prompt: 10, cached_read: 100, cache_write: 100, ..usage });
    let usage = ledger.report().totals.usage;
    assert_eq!((usage.cached_read_tokens, usage.cache_write_tokens), (6_010, 3_000));
}

#[test]
fn new_prices_count_from_now_on() {
    let ledger = priced();
    let message = Entry { model: Some("m"), ..entry(1_000_000, 0) };
    ledger.record(&message);
    let own = json!({ "m": { "input": 1, "output": 1, "asOf": "2026-03-01" } });
    ledger.set_prices(Prices::with("prices", &own).expect("sound"));
    ledger.record(&message);
    check_usd(ledger.report().totals.cost.expect("priced").baseline_usd, 13.0);
    ledger.clear();
    assert_eq!(ledger.summary(), "nothing was measured yet");
    ledger.record(&message);
    check_usd(ledger.report().totals.cost.expect("priced").baseline_usd, 1.0);
}

#[test]
fn percentages_never_round_to_nothing_or_all() {
    let summary = |original: u64, sent: u64| {
        let ledger = Ledger::default();
        ledger.record(&entry(original, sent));
        ledger.summary()
    };
    assert_eq!(summary(100_000, 99_999), "under 0.1 % fewer tokens sent (1 of 100,000 saved) over 1 message");
    assert_eq!(summary(100_000, 1), "over 99.9 % fewer tokens sent (99,999 of 100,000 saved) over 1 message");
    assert_eq!(summary(29_881, 17_536), "41.3 % fewer tokens sent (12,345 of 29,881 saved) over 1 message");
    assert_eq!(summary(5, 0), "100.0 % fewer tokens sent (5 of 5 saved) over 1 message");
    assert_eq!(summary(0, 5), "5 tokens sent where none would have been over 1 message");
    assert_eq!(summary(0, 0), "as many tokens sent as without (0) over 1 message");
}

#[test]
fn ledger_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Ledger>();
}

#[test]
fn extreme_numbers_are_counted_without_overflow() {
    let ledger = priced();
    for _ in 0..3 {
        let most = Entry { model: Some("m"), fetched: u64::MAX, ..entry(u64::MAX, u64::MAX) };
        ledger.record(&most);
        ledger.record(&Entry { sent: 0, held: u64::MAX, baseline_cached: u64::MAX, ..most });
        ledger.record_usage(&Usage {
            model: Some("m"),
            prompt: u64::MAX,
            output: u64::MAX,
            ..Usage::default()
        });
    }
    let totals = ledger.report().totals;
    assert_eq!(totals.messages, 6);
    assert!(totals.cost.is_some_and(|cost| cost.usd.is_finite()));
}

/// Sums of all rows of a book.
fn sum(book: &Book, more: &Figures) -> Figures {
    let mut sum = more.clone();
    sum.add(book.others());
    for (_, figures) in book.rows() {
        sum.add(figures);
    }
    sum
}

proptest! {
    #[test]
    fn agents_operations_and_models_each_add_up_to_the_totals_in_any_order(
        entries in proptest::collection::vec(
            (0..4u8, 0..9_000u32, 0..600u32, 0..500u32, 0..100_000u64, 0..100_000u64, 0..9_000u64),
            1..400,
        ),
    ) {
        let book = |entries: &mut dyn Iterator<Item = &(u8, u32, u32, u32, u64, u64, u64)>| {
            let ledger = priced();
            // Small bounds, so that names are folded all the time.
            {
                let mut state = ledger.state.lock();
                state.by_agent = Book::new(16);
                state.by_operation = Book::new(8);
                state.by_model = Book::new(2);
            }
            for &(kind, agent, operation, model, original, sent, part) in entries {
                let (agent, operation) = (agent.to_string(), operation.to_string());
                let model = match model % 5 { 0 => None, 1 => Some("m"), 2 => Some("old"), 3 => Some("gpt-4"), _ => Some("x") };
                let (agent, operation) = (agent.as_str(), operation.as_str());
                match kind {
                    0 => ledger.charge_fetch(agent, operation, model, part),
                    1 => ledger.record_usage(&Usage {
                        agent, operation, model, prompt: original, cached_read: sent, cache_write: part, output: part,
                    }),
                    _ => ledger.record(&Entry {
                        agent, operation, model, original, sent,
                        held: part, fetched: part / 2, limit: (kind == 3).then_some(50_000),
                        baseline_cached: part * 3, sent_cached: part, carried: part * 2,
                    }),
                }
            }
            ledger
        };
        let forward = book(&mut entries.iter());
        let backward = book(&mut entries.iter().rev());
        let totals = forward.state.lock().totals.clone();
        prop_assert_eq!(&totals, &backward.state.lock().totals);
        for ledger in [forward, backward] {
            let state = ledger.state.lock();
            prop_assert_eq!(&sum(&state.by_agent, &Figures::default()), &totals);
            prop_assert_eq!(&sum(&state.by_operation, &Figures::default()), &totals);
            prop_assert_eq!(&sum(&state.by_model, &state.unnamed), &totals);
            prop_assert!(state.by_agent.rows().count() <= 16 && state.by_operation.rows().count() <= 8);
        }
    }
}
