//! What the channels say about themselves.

use serde::Serialize;

/// State of one channel; counts since the start of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// `console`, `slack`, `email`, `webhook` or `pagerduty`.
    pub name: &'static str,
    /// Whether the settings switch it on.
    pub enabled: bool,
    /// Whether all that it needs is there and sound.
    pub configured: bool,
    /// Alerts that wait or are being sent.
    pub queued: usize,
    /// Alerts the other side has.
    pub delivered: u64,
    /// Attempts that failed and were or will be repeated.
    pub retries: u64,
    /// Alerts given up.
    pub dead: u64,
    /// Alerts only counted because too many waited, or dropped because the channel was switched off.
    pub dropped: u64,
    /// Messages that were digests.
    pub digests: u64,
    /// The last failure, without a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Unix ms of the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivered_at: Option<u64>,
}

/// What became of some alerts on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its name.
    pub channel: &'static str,
    /// Ids of the alerts.
    pub ids: Vec<String>,
    /// Why they were given up, without a secret; none when they were delivered.
    pub lost: Option<String>,
}

/// How a test message fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// Name of the channel.
    pub channel: &'static str,
    /// Whether the other side has it.
    pub delivered: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// How long that took.
    pub duration_ms: u64,
    /// Why not, without a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
