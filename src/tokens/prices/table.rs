//! The rows: one a model.

/// Public prices of a model, in USD per million tokens.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The model's name, in lower case: fits itself and its dated or numbered releases, not its relatives.
    pub pattern: &'static str,
    /// Prompt tokens that no cache is involved with.
    pub input: f64,
    /// Prompt tokens that the provider's prompt cache had.
    pub cached_read: f64,
    /// Prompt tokens that the provider's prompt cache took in.
    pub cache_write: f64,
    /// Generated tokens.
    pub output: f64,
    /// When the prices were listed so, `YYYY-MM-DD`.
    pub as_of: &'static str,
    /// The page that lists them.
    pub source: &'static str,
}

const OPENAI: &str = "https://platform.openai.com/docs/pricing";
const ANTHROPIC: &str = "https://platform.claude.com/docs/en/about-claude/pricing";
const GOOGLE: &str = "https://ai.google.dev/gemini-api/docs/pricing";
const DEEPSEEK: &str = "https://api-docs.deepseek.com/quick_start/pricing";

/// The date up to which these rows are known to hold.
const DECEMBER_2025: &str = "2025-12-01";

/// A provider that caches prompts by itself and charges nothing for what goes into the cache.
const fn automatic(
    source: &'static str,
    pattern: &'static str,
    input: f64,
    cached_read: f64,
    output: f64,
) -> Row {
    Row { pattern, input, cached_read, cache_write: input, output, as_of: DECEMBER_2025, source }
}

/// Anthropic: a write that is kept for 5 minutes costs 1.25 times the input price, a read a tenth of it.
const fn anthropic(pattern: &'static str, input: f64, output: f64) -> Row {
    let (cached_read, cache_write) = (input / 10.0, input * 1.25);
    Row { pattern, input, cached_read, cache_write, output, as_of: DECEMBER_2025, source: ANTHROPIC }
}

/// Every price that is built in.
pub const PRICES: &[Row] = &[
    automatic(OPENAI, "gpt-5", 1.25, 0.125, 10.0),
    automatic(OPENAI, "gpt-5-chat", 1.25, 0.125, 10.0),
    automatic(OPENAI, "gpt-5-mini", 0.25, 0.025, 2.0),
    automatic(OPENAI, "gpt-5-nano", 0.05, 0.005, 0.4),
    automatic(OPENAI, "gpt-4.1", 2.0, 0.5, 8.0),
    automatic(OPENAI, "gpt-4.1-mini", 0.4, 0.1, 1.6),
    automatic(OPENAI, "gpt-4.1-nano", 0.1, 0.025, 0.4),
    automatic(OPENAI, "gpt-4o", 2.5, 1.25, 10.0),
    // The first release kept its price and has no cached one.
    automatic(OPENAI, "gpt-4o-2024-05-13", 5.0, 5.0, 15.0),
    automatic(OPENAI, "gpt-4o-mini", 0.15, 0.075, 0.6),
    automatic(OPENAI, "o3", 2.0, 0.5, 8.0),
    automatic(OPENAI, "o3-mini", 1.1, 0.55, 4.4),
    automatic(OPENAI, "o4-mini", 1.1, 0.275, 4.4),
    anthropic("claude-opus-4-5", 5.0, 25.0),
    anthropic("claude-opus-4.5", 5.0, 25.0),
    anthropic("claude-opus-4-1", 15.0, 75.0),
    anthropic("claude-opus-4.1", 15.0, 75.0),
    anthropic("claude-opus-4-0", 15.0, 75.0),
    anthropic("claude-opus-4", 15.0, 75.0),
    anthropic("claude-3-opus", 15.0, 75.0),
    anthropic("claude-sonnet-4-5", 3.0, 15.0),
    anthropic("claude-sonnet-4.5", 3.0, 15.0),
    anthropic("claude-sonnet-4-0", 3.0, 15.0),
    anthropic("claude-sonnet-4", 3.0, 15.0),
    anthropic("claude-3-7-sonnet", 3.0, 15.0),
    anthropic("claude-3.7-sonnet", 3.0, 15.0),
    anthropic("claude-3-5-sonnet", 3.0, 15.0),
    anthropic("claude-3.5-sonnet", 3.0, 15.0),
    anthropic("claude-haiku-4-5", 1.0, 5.0),
    anthropic("claude-haiku-4.5", 1.0, 5.0),
    anthropic("claude-3-5-haiku", 0.8, 4.0),
    anthropic("claude-3.5-haiku", 0.8, 4.0),
    // Prompts of up to 200,000 tokens.
    automatic(GOOGLE, "gemini-2.5-pro", 1.25, 0.125, 10.0),
    automatic(GOOGLE, "gemini-2.5-flash", 0.3, 0.03, 2.5),
    automatic(GOOGLE, "gemini-2.5-flash-lite", 0.1, 0.01, 0.4),
    automatic(DEEPSEEK, "deepseek-chat", 0.28, 0.028, 0.42),
    automatic(DEEPSEEK, "deepseek-reasoner", 0.28, 0.028, 0.42),
];
