//! The rows: one a family of models.

use crate::tokens::Encoding;

/// A family of models.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The family's name, in lower case: fits itself, and itself followed by `-` and anything. With `*` at the end it
    /// fits everything that begins so. Of several rows that fit, the longest pattern counts.
    pub pattern: &'static str,
    /// The encoding to count with.
    pub encoding: Encoding,
    /// Whether that encoding is the family's own.
    pub is_exact: bool,
    /// Context window in tokens; `None` where it is not documented or differs within the family.
    pub context_window: Option<u64>,
}

/// `o200k_base` is the family's own.
const fn o200k(pattern: &'static str, window: u64) -> Row {
    Row { pattern, encoding: Encoding::O200kBase, is_exact: true, context_window: some(window) }
}

/// `cl100k_base` is the family's own.
const fn cl100k(pattern: &'static str, window: u64) -> Row {
    Row { pattern, encoding: Encoding::Cl100kBase, is_exact: true, context_window: some(window) }
}

/// Another vendor's encoding: `o200k_base` stands in for it.
const fn stand_in(pattern: &'static str, window: u64) -> Row {
    Row { pattern, encoding: Encoding::O200kBase, is_exact: false, context_window: some(window) }
}

/// No window is documented, or it differs within the family.
const UNKNOWN: u64 = 0;

const fn some(window: u64) -> Option<u64> {
    if window == UNKNOWN { None } else { Some(window) }
}

/// Every family that is known. Encodings: `tiktoken/model.py`. Windows: the providers' pages of their models, at the end
/// of 2025; larger windows that need a beta flag are left out.
pub const MODELS: &[Row] = &[
    // OpenAI: reasoning
    o200k("o1", 200_000),
    o200k("o1-mini", 128_000),
    o200k("o1-preview", 128_000),
    o200k("o3", 200_000),
    o200k("o4-mini", 200_000),
    o200k("codex-mini", 200_000),
    // OpenAI: chat. tiktoken gives every name that begins with gpt-5 this encoding.
    o200k("gpt-5*", UNKNOWN),
    o200k("gpt-5", 400_000),
    o200k("gpt-5-chat", 128_000),
    o200k("gpt-5.1", 400_000),
    o200k("gpt-5.1-chat", 128_000),
    o200k("gpt-4.5", 128_000),
    o200k("gpt-4.1", 1_047_576),
    o200k("chatgpt-4o", 128_000),
    o200k("gpt-4o", 128_000),
    o200k("gpt-4o-realtime", UNKNOWN),
    o200k("gpt-4o-mini-realtime", UNKNOWN),
    o200k("gpt-4o-transcribe", UNKNOWN),
    o200k("gpt-4o-mini-transcribe", UNKNOWN),
    o200k("gpt-4o-mini-tts", UNKNOWN),
    // Open weights. Their o200k_harmony has the ranks of o200k_base and more special tokens, which text has none of.
    o200k("gpt-oss", 131_072),
    cl100k("gpt-4", 8_192),
    cl100k("gpt-4-32k", 32_768),
    cl100k("gpt-4-turbo", 128_000),
    cl100k("gpt-4-0125-preview", 128_000),
    cl100k("gpt-4-1106-preview", 128_000),
    cl100k("gpt-4-1106-vision-preview", 128_000),
    cl100k("gpt-4-vision-preview", 128_000),
    cl100k("gpt-3.5", UNKNOWN),
    cl100k("gpt-3.5-turbo", 16_385),
    cl100k("gpt-3.5-turbo-0301", 4_096),
    cl100k("gpt-3.5-turbo-0613", 4_096),
    cl100k("gpt-3.5-turbo-instruct", 4_096),
    // Azure spells it without the dot.
    cl100k("gpt-35-turbo", 16_385),
    cl100k("gpt-35-turbo-0301", 4_096),
    cl100k("gpt-35-turbo-0613", 4_096),
    cl100k("gpt-35-turbo-instruct", 4_096),
    cl100k("davinci-002", 16_384),
    cl100k("babbage-002", 16_384),
    // OpenAI: embeddings
    cl100k("text-embedding-ada-002", 8_192),
    cl100k("text-embedding-3-small", 8_192),
    cl100k("text-embedding-3-large", 8_192),
    // Anthropic
    stand_in("claude*", UNKNOWN),
    stand_in("claude-2.0", 100_000),
    stand_in("claude-2.1", 200_000),
    stand_in("claude-instant", 100_000),
    stand_in("claude-3", 200_000),
    stand_in("claude-3.5", 200_000),
    stand_in("claude-3.7", 200_000),
    stand_in("claude-opus-4", 200_000),
    stand_in("claude-opus-4.1", 200_000),
    stand_in("claude-opus-4.5", 200_000),
    stand_in("claude-sonnet-4", 200_000),
    stand_in("claude-sonnet-4.5", 200_000),
    stand_in("claude-haiku-4", 200_000),
    stand_in("claude-haiku-4.5", 200_000),
    // Later Claude 4 models have larger windows.
    stand_in("claude-opus-4-6", UNKNOWN),
    stand_in("claude-opus-4-7", UNKNOWN),
    stand_in("claude-opus-4-8", UNKNOWN),
    stand_in("claude-sonnet-4-6", UNKNOWN),
    // Google
    stand_in("gemini*", UNKNOWN),
    stand_in("gemini-1.5-pro", 2_097_152),
    stand_in("gemini-1.5-flash", 1_048_576),
    stand_in("gemini-2.0-flash", 1_048_576),
    stand_in("gemini-2.5-pro", 1_048_576),
    stand_in("gemini-2.5-flash", 1_048_576),
    stand_in("gemini-2.5-flash-image", UNKNOWN),
    stand_in("gemma*", UNKNOWN),
    // DeepSeek. The two aliases changed their window with the model behind them: 64K, then 128K.
    stand_in("deepseek*", UNKNOWN),
    stand_in("deepseek-chat", 128_000),
    stand_in("deepseek-reasoner", 128_000),
    // Open weights of others; the window depends on who serves them.
    stand_in("llama*", UNKNOWN),
    stand_in("llama-3.1", 131_072),
    stand_in("llama-3.3", 131_072),
    stand_in("meta-llama*", UNKNOWN),
    stand_in("meta-llama-3.1", 131_072),
    stand_in("qwen*", UNKNOWN),
    stand_in("qwq*", UNKNOWN),
    stand_in("mistral*", UNKNOWN),
    stand_in("mixtral*", UNKNOWN),
    stand_in("ministral*", UNKNOWN),
    stand_in("magistral*", UNKNOWN),
    stand_in("codestral*", UNKNOWN),
    stand_in("devstral*", UNKNOWN),
    stand_in("pixtral*", UNKNOWN),
    stand_in("grok*", UNKNOWN),
    stand_in("command*", UNKNOWN),
    stand_in("phi*", UNKNOWN),
    stand_in("glm*", UNKNOWN),
    stand_in("kimi*", UNKNOWN),
    stand_in("minimax*", UNKNOWN),
    stand_in("nova*", UNKNOWN),
    stand_in("jamba*", UNKNOWN),
];
