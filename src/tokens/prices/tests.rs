use super::*;
use crate::tokens::models::MODELS;
use serde_json::json;

#[test]
fn rows_are_sound_dated_and_stand_once() {
    for (position, row) in PRICES.iter().enumerate() {
        assert!(PRICES[..position].iter().all(|other| other.pattern != row.pattern), "{}", row.pattern);
        assert!(is_date(row.as_of) && row.source.starts_with("https://"), "{row:?}");
        assert!(
            0.0 < row.cached_read && row.cached_read <= row.input && row.input <= row.cache_write,
            "{row:?}"
        );
        assert!(row.output > row.input && row.output < 1_000.0, "{row:?}");
        assert_eq!(row.pattern, models::normalized(row.pattern));
        assert!(
            Prices::default().find(row.pattern).is_some_and(|price| (price.input - row.input).abs() < 1e-9)
        );
        // What has a price is also a model that is known.
        assert!(
            MODELS.iter().any(|model| row.pattern.starts_with(model.pattern.trim_end_matches('*'))),
            "{row:?}"
        );
    }
}

#[test]
fn releases_have_their_models_price_and_relatives_have_none() {
    let prices = Prices::default();
    let input = |name: &str| prices.find(name).map(|price| price.input);
    assert_eq!(input("openai/gpt-4o-2024-08-06"), Some(2.5));
    assert_eq!(input("gpt-4o-2024-05-13"), Some(5.0));
    assert_eq!(input("gpt-4o-mini-2024-07-18"), Some(0.15));
    assert_eq!(input("us.anthropic.claude-sonnet-4-20250514-v1:0"), Some(3.0));
    assert_eq!(input("claude-opus-4-5-20251101"), Some(5.0));
    assert_eq!(input("claude-opus-4-1-20250805"), Some(15.0));
    assert_eq!(input("deepseek/deepseek-chat"), Some(0.28));
    assert_eq!(input("gemini-2.5-pro-preview-05-06"), Some(1.25));
    for unknown in
        ["gpt-4o-audio-preview", "gpt-5-pro", "o3-pro", "claude-opus-4-7", "claude-opus-9", "llama3", ""]
    {
        assert_eq!(input(unknown), None, "{unknown}");
    }
}

#[test]
fn own_rows_go_before_the_built_in_ones() {
    let own = json!({
        "GPT-4o": { "input": 2, "cachedRead": 0, "cacheWrite": 2.5, "output": 9, "asOf": "2026-02-28", "source": "contract" },
        "local": { "input": 0, "output": 0, "asOf": "2026-01-31" },
    });
    let prices = Prices::with("prices", &own).expect("sound");
    let price = prices.find("gpt-4o-2024-08-06").expect("own");
    assert_eq!((price.as_of.as_str(), price.source.as_str()), ("2026-02-28", "contract"));
    assert_eq!(price.call(1_000_000, 400_000, 100_000, 1_000_000), 10_250_000_000_000);
    // Said to be free is a price.
    assert_eq!(prices.find("local").map(|price| price.call(5, 0, 0, 5)), Some(0));
    assert!(prices.find("o3").is_some());
}

#[test]
fn absent_cache_prices_are_the_input_price() {
    let own = json!({ "m": { "input": 3, "output": 4, "asOf": "2026-01-31" } });
    let price = Prices::with("prices", &own).expect("sound").find("m").expect("own");
    assert_eq!(price.prompt(2_000_000, 1_000_000), 6_000_000_000_000);
    // A part cannot be more than the whole.
    assert_eq!(price.prompt(1, 5), price.prompt(1, 1));
    assert_eq!(price.call(1, 5, 5, 0), price.prompt(1, 1));
}

#[test]
fn every_problem_of_a_table_is_reported_at_once() {
    let own = json!({
        "a": { "input": -1, "output": "4", "asOf": "2026-02-30" },
        "b": { "inputs": 1, "output": 4, "asOf": "31.01.2026" },
        "c": 5,
        "openai/a": { "input": 1e9, "output": 1, "asOf": "2026-01-31" },
    });
    let error = Prices::with("tokens.prices", &own).expect_err("not sound");
    let paths: Vec<&str> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
    for path in [
        "tokens.prices.a.input",
        "tokens.prices.a.output",
        "tokens.prices.a.asOf",
        "tokens.prices.b.inputs",
        "tokens.prices.b.input",
        "tokens.prices.b.asOf",
        "tokens.prices.c",
        "tokens.prices.openai/a",
        "tokens.prices.openai/a.input",
    ] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    assert_eq!(paths.len(), 9, "{paths:?}");
    for wrong in [json!([]), json!(null), json!("x")] {
        assert!(Prices::with("prices", &wrong).is_err(), "{wrong}");
    }
}

#[test]
fn dates_are_of_the_calendar_and_in_one_form() {
    for date in ["2025-12-01", "2024-02-29"] {
        assert!(is_date(date), "{date}");
    }
    for date in ["2025-02-29", "2025-12-1", "20251201", "2025-12-01T00:00", "", "2025-12-01 ", "x"] {
        assert!(!is_date(date), "{date}");
    }
}
