use super::*;
use Encoding::{Cl100kBase, O200kBase};
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

#[track_caller]
fn check(name: &str, encoding: Encoding, is_exact: bool, context_window: Option<u64>) {
    let found = find(name);
    assert_eq!(
        (found.encoding, found.is_exact, found.context_window),
        (encoding, is_exact, context_window),
        "{name}"
    );
}

#[test]
fn exact_encodings_are_those_of_tiktoken() {
    for row in MODELS.iter().filter(|row| row.is_exact) {
        let start = row.pattern.trim_end_matches('*');
        for name in [start.to_owned(), format!("{start}-2024-08-06"), format!("ft:{start}:org::id")] {
            let expected = match get_tokenizer(&name) {
                Some(Tokenizer::O200kBase | Tokenizer::O200kHarmony) => O200kBase,
                Some(Tokenizer::Cl100kBase) => Cl100kBase,
                // tiktoken names some only with a suffix, and some (`text-embedding-3-small`) only without one.
                _ => continue,
            };
            assert_eq!(find(&name).encoding, expected, "{name}");
        }
    }
    for name in [
        "o1",
        "o1-preview",
        "o3",
        "o3-mini",
        "o4-mini",
        "o4-mini-2025-04-16",
        "gpt-5",
        "gpt-5-nano",
        "gpt-5.2-codex",
        "gpt-4.5-preview",
        "gpt-4.1",
        "gpt-4.1-mini",
        "chatgpt-4o-latest",
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4",
        "gpt-4-0314",
        "gpt-4-32k",
        "gpt-4-turbo",
        "gpt-3.5",
        "gpt-3.5-turbo",
        "gpt-3.5-turbo-16k",
        "gpt-35-turbo",
        "gpt-35-turbo-16k",
        "gpt-oss-120b",
        "davinci-002",
        "babbage-002",
        "text-embedding-ada-002",
        "text-embedding-3-small",
        "text-embedding-3-large",
        "codex-mini-latest",
        "ft:gpt-4o-mini:org",
        "ft:gpt-4:org",
        "ft:gpt-3.5-turbo:org",
        "ft:davinci-002:org",
    ] {
        let model = find(name);
        let expected = match get_tokenizer(name) {
            Some(Tokenizer::O200kBase | Tokenizer::O200kHarmony) => Some(O200kBase),
            Some(Tokenizer::Cl100kBase) => Some(Cl100kBase),
            _ => None,
        };
        assert!(model.is_exact, "{name}");
        assert_eq!(Some(model.encoding), expected, "{name}");
    }
}

#[test]
fn encodings_that_are_not_here_are_never_called_exact() {
    for name in ["text-davinci-003", "code-davinci-002", "gpt2", "gpt-2", "davinci", "ada", "text-curie-001"]
    {
        check(name, O200kBase, false, None);
    }
}

#[test]
fn names_come_with_providers_dates_and_marks() {
    for name in [
        "gpt-4o",
        "GPT-4o",
        " gpt-4o ",
        "openai/gpt-4o",
        "openrouter/openai/gpt-4o-2024-08-06",
        "azure/gpt-4o-2024-11-20",
        "ft:gpt-4o-2024-08-06:acme::abc123",
        "openai/ft:gpt-4o-mini:acme",
        "openai/gpt-4o:extended",
        "gpt-4o-search-preview",
    ] {
        check(name, O200kBase, true, Some(128_000));
    }
    for name in [
        "claude-3-5-sonnet-20241022",
        "anthropic/claude-3.5-sonnet:beta",
        "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "anthropic.claude-opus-4-20250514-v1:0",
        "claude-sonnet-4@20250514",
        "vertex_ai/claude-haiku-4-5@20251001",
    ] {
        check(name, O200kBase, false, Some(200_000));
    }
    check("models/gemini-2.5-pro-preview-05-06", O200kBase, false, Some(1_048_576));
    check("deepseek/deepseek-chat", O200kBase, false, Some(128_000));
    assert_eq!(normalized("us.anthropic.claude-3-5-sonnet-20241022-v2:0"), "claude-3-5-sonnet-20241022-v2");
    assert_eq!(normalized("meta-llama/Llama-3.1-70B"), "llama-3.1-70b");
}

#[test]
fn no_family_swallows_another() {
    check("gpt-4", Cl100kBase, true, Some(8_192));
    check("gpt-4-0613", Cl100kBase, true, Some(8_192));
    check("gpt-4-turbo-2024-04-09", Cl100kBase, true, Some(128_000));
    check("gpt-4-1106-preview", Cl100kBase, true, Some(128_000));
    check("gpt-4.1-nano-2025-04-14", O200kBase, true, Some(1_047_576));
    check("gpt-4o-mini", O200kBase, true, Some(128_000));
    check("gpt-4o-realtime-preview", O200kBase, true, None);
    check("gpt-3.5-turbo-0613", Cl100kBase, true, Some(4_096));
    check("gpt-5-chat-latest", O200kBase, true, Some(128_000));
    check("gpt-5-mini", O200kBase, true, Some(400_000));
    check("gpt-5.9", O200kBase, true, None);
    check("o1-mini-2024-09-12", O200kBase, true, Some(128_000));
    check("o1", O200kBase, true, Some(200_000));
    check("claude-opus-4-6", O200kBase, false, None);
    // Names that only begin like a known one, or that are new.
    for name in [
        "gpt-4x",
        "gpt-4.2",
        "gpt-6",
        "o10",
        "o1x",
        "o2",
        "o4",
        "my-gpt-4o",
        "",
        " ",
        "/",
        ":",
        "gpt",
        "日本",
    ] {
        check(name, O200kBase, false, None);
    }
}

#[test]
fn no_pattern_stands_twice_and_each_finds_its_own_row() {
    for (position, row) in MODELS.iter().enumerate() {
        assert!(MODELS[..position].iter().all(|other| other.pattern != row.pattern), "{}", row.pattern);
        assert_eq!(row.pattern, row.pattern.to_ascii_lowercase());
        if !row.pattern.ends_with('*') {
            check(row.pattern, row.encoding, row.is_exact, row.context_window);
        }
    }
}

#[test]
fn release_is_told_from_a_relative() {
    for name in [
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "gpt-4o-latest",
        "gpt-4o-0613",
        "gpt-4o-001",
        "gpt-4o-preview-05-06",
        "gpt-4o-20240806-v1",
        "gpt-4o-exp",
    ] {
        assert!(is_release_of("gpt-4o", name), "{name}");
    }
    for name in [
        "gpt-4",
        "gpt-4o-mini",
        "gpt-4o-audio-preview",
        "gpt-4o-1",
        "gpt-4o-10",
        "gpt-4o-",
        "gpt-4o-v",
        "gpt-4ox",
        "gpt-4o-2024-08-06-mini",
        "gpt-4o-16k",
    ] {
        assert!(!is_release_of("gpt-4o", name), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn any_name_is_answered_and_normalizing_it_again_changes_no_answer(name in "\\PC{0,300}") {
        let model = find(&name);
        proptest::prop_assert!(model.name.len() <= MAX_NAME_BYTES);
        let again = find(&model.name);
        proptest::prop_assert!(again.encoding == model.encoding || !again.is_exact || !model.is_exact);
    }
}
