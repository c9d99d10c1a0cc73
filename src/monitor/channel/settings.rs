//! Which channels are switched on. What they need beyond that are [`Secrets`](super::Secrets).

use super::parcel::Source;

/// Switches of the channels, from `MonitoringConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the public API")]
pub struct ChannelSettings {
    /// `console`: a line on stderr for each alert.
    pub console: bool,
    /// `enableSlackAlerts`.
    pub slack: bool,
    /// `enableEmailAlerts`.
    pub email: bool,
    /// `enableWebhookAlerts`.
    pub webhook: bool,
    /// `enablePagerDutyAlerts`.
    pub pagerduty: bool,
    /// `alertEmailFrom`: `ops@example.com` or `Ops <ops@example.com>`.
    pub email_from: Option<String>,
    /// `alertEmailTo`.
    pub email_to: Vec<String>,
    /// Where alerts come from.
    pub source: Source,
}
