//! Settings of the token optimizer. Says what they are and which are allowed; `optimizer.rs` and its owner decide what they do.

use serde::Serialize;
use serde_json::{Map, Value};

use super::prices::Prices;
use super::sent::DeltaEncoding;
use super::states::Acknowledgement;
use crate::base::config::{Choice, Configure, Number, Origin, Problems, Section, Text};

/// Five minutes: longer than a call of a model takes.
pub const DEFAULT_ACKNOWLEDGEMENT_TIMEOUT_MS: u64 = 300_000;
/// Texts of a few large projects, stored once each.
pub const DEFAULT_BLOCK_STORE_MB: f64 = 200.0;
/// What agents were given of late, so that most is found without a look at the disk.
pub const DEFAULT_BLOCK_MEMORY_MB: f64 = 64.0;
/// 16 bytes for each line: about two million lines.
pub const DEFAULT_BLOCK_INDEX_MB: f64 = 32.0;
/// A week without use.
pub const DEFAULT_BLOCK_RETENTION_SECONDS: f64 = 604_800.0;

/// From a millisecond to a day.
const TIMEOUT_MS: Number = Number::whole(1.0, 86_400_000.0, "ms");
/// From a second, which no message takes, to a hundred years.
const RETENTION_SECONDS: Number = Number::real(1.0, 3_153_600_000.0, "seconds");

impl Choice for DeltaEncoding {
    const CHOICES: &'static [(&'static str, Self)] = &[("keys", Self::Keys), ("blocks", Self::Blocks)];
}

/// Who says that a context arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AcknowledgementMode {
    /// Nobody: what was sent counts as received.
    #[default]
    Implicit,
    /// The caller, by `acknowledge`.
    Explicit,
}

impl Choice for AcknowledgementMode {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("implicit", Self::Implicit), ("explicit", Self::Explicit)];
}

/// Settings of the token optimizer. In JSON also `environment`, which is checked and ignored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokensConfig {
    /// `encoding`: how changes are said, `keys` (default), whole top-level values, or `blocks`, new text and references to
    /// what agents of the project were given before.
    pub encoding: DeltaEncoding,
    /// `acknowledgement`: `implicit` (default), what was sent counts as received, or `explicit`, what was acknowledged.
    pub acknowledgement: AcknowledgementMode,
    /// `acknowledgementTimeoutMs`: how long a context waits for it. Default 300,000, whole, 1 to 86,400,000.
    pub acknowledgement_timeout_ms: u64,
    /// `model`: whose prices and context window count where a call names none. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `prices`: dated prices in USD per million tokens by model, before the built-in ones, see [`Prices`]. Default none.
    pub prices: Map<String, Value>,
    /// `blockStoreMB`: MB of texts on disk. Default 200, 0.001 to 10,000,000.
    #[serde(rename = "blockStoreMB")]
    pub block_store_mb: f64,
    /// `blockMemoryMB`: MB of texts in memory. Default 64, 0.001 to 10,000,000.
    #[serde(rename = "blockMemoryMB")]
    pub block_memory_mb: f64,
    /// `blockIndexMB`: MB by which parts of texts are found again. Default 32, 0.001 to 10,000,000.
    #[serde(rename = "blockIndexMB")]
    pub block_index_mb: f64,
    /// `blockRetentionSeconds`: how long a text is kept after its last use. Default 604,800 (a week), 1 to 3,153,600,000.
    pub block_retention_seconds: f64,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            encoding: DeltaEncoding::default(),
            acknowledgement: AcknowledgementMode::default(),
            acknowledgement_timeout_ms: DEFAULT_ACKNOWLEDGEMENT_TIMEOUT_MS,
            model: None,
            prices: Map::new(),
            block_store_mb: DEFAULT_BLOCK_STORE_MB,
            block_memory_mb: DEFAULT_BLOCK_MEMORY_MB,
            block_index_mb: DEFAULT_BLOCK_INDEX_MB,
            block_retention_seconds: DEFAULT_BLOCK_RETENTION_SECONDS,
        }
    }
}

impl TokensConfig {
    /// The prices that hold.
    pub fn prices(&self) -> Prices {
        Prices::read("", &self.prices, &mut Problems::new(Origin::Code))
    }

    /// When an agent counts as having what it was sent.
    pub fn acknowledgement(&self) -> Acknowledgement {
        match self.acknowledgement {
            AcknowledgementMode::Implicit => Acknowledgement::Implicit,
            AcknowledgementMode::Explicit => {
                Acknowledgement::Explicit { timeout_ms: self.acknowledgement_timeout_ms }
            }
        }
    }
}

impl Configure for TokensConfig {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.choice("encoding", &mut self.encoding);
        section.choice("acknowledgement", &mut self.acknowledgement);
        section.whole("acknowledgementTimeoutMs", TIMEOUT_MS, &mut self.acknowledgement_timeout_ms);
        section.text("model", Text::Any, &mut self.model);
        section.table("prices", &mut self.prices, |path, rows, problems| {
            Prices::read(path, rows, problems);
        });
        section.number("blockStoreMB", Number::MEGABYTES, &mut self.block_store_mb);
        section.number("blockMemoryMB", Number::MEGABYTES, &mut self.block_memory_mb);
        section.number("blockIndexMB", Number::MEGABYTES, &mut self.block_index_mb);
        section.number("blockRetentionSeconds", RETENTION_SECONDS, &mut self.block_retention_seconds);
        section.ignored_environment();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn update_changes_only_what_is_there() {
        let new = TokensConfig::default().updated("", &json!({ "encoding": "blocks", "blockStoreMB": 5 }));
        let expected =
            TokensConfig { encoding: DeltaEncoding::Blocks, block_store_mb: 5.0, ..TokensConfig::default() };
        assert_eq!(new.expect("sound"), expected);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (key, value) in [
            ("encoding", json!("lines")),
            ("acknowledgement", json!(true)),
            ("acknowledgementTimeoutMs", json!(0)),
            ("model", json!("")),
            ("prices.m.output", json!({ "m": { "input": 1, "asOf": "2026-01-31" } })),
            ("blockStoreMB", json!(0)),
            ("blockRetentionSeconds", json!(0.5)),
        ] {
            let name = key.split('.').next().expect("a name");
            let error = TokensConfig::default().updated("", &json!({ name: value })).expect_err(key);
            assert_eq!(error.problems()[0].path, key);
        }
    }
}
