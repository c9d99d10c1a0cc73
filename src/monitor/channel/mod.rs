//! Channels: how people and other programs hear of alerts. [`Channels`] is all of them.
//!
//! In reading order: [`settings`] and [`secrets`] say which there are and where they go; `parcel` is one message, `text` its
//! words; `outbox` decides what is sent when (`pace`, `incidents`, `report` are parts of it); `lane` drives one outbox on the
//! network thread; `http` posts and `cause` says why it failed. Each channel is one file with one [`Row`] in [`TABLE`]: `console`, `slack`, `email` (with
//! `smtp`), `webhook`, `pagerduty`. A new one needs a row; the conformance test runs over all of them.
//!
//! What it does not do: it raises no alerts, keeps none (what waits at a stop is handed out by [`Channels::undelivered`]) and
//! does not know silences. Addresses and keys never leave [`secrets`] but to the server they are for.

mod cause;
mod channels;
mod console;
mod email;
mod http;
mod incidents;
mod lane;
mod outbox;
mod pace;
mod pagerduty;
mod parcel;
mod report;
pub mod secrets;
pub mod settings;
mod slack;
mod smtp;
mod status;
mod text;
mod webhook;

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

pub use channels::{Channels, Notice, Undelivered};
pub use parcel::Source;
pub use secrets::Secrets;
pub use settings::ChannelSettings;
pub use status::{ChannelStatus, Delivery, TestResult};

use crate::base::error::Problem;
use http::Http;
use pace::Limits;
use parcel::Parcel;
use report::Outcome;

/// What an attempt has at hand.
pub(crate) struct Office<'a> {
    pub(crate) http: &'a Http,
    pub(crate) source: &'a Source,
    /// Unix ms.
    pub(crate) wall_ms: u64,
}

/// A running attempt.
pub(crate) type Attempt<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One way out. It makes one attempt at one message; when, how often and for how long is not its business.
pub(crate) trait Channel: Send + Sync {
    /// Tries to hand over `parcel`. May be dropped at any time.
    fn send<'a>(&'a self, parcel: &'a Parcel, office: Office<'a>) -> Attempt<'a>;
}

/// A channel, or all that is missing or wrong.
pub(crate) type Opened = Result<Arc<dyn Channel>, Vec<Problem>>;

/// One channel of the table.
pub(crate) struct Row {
    /// As status, events and `alert-test` call it.
    pub(crate) name: &'static str,
    /// How fast it may go.
    pub(crate) limits: Limits,
    /// Whether what waits is worth keeping over a restart.
    pub(crate) kept: bool,
    /// Whether the settings switch it on.
    pub(crate) enabled: fn(&ChannelSettings) -> bool,
    /// Makes it. What it says of problems holds no secret.
    pub(crate) open: fn(&ChannelSettings, &Secrets) -> Opened,
}

/// Every channel.
pub(crate) static TABLE: [Row; 5] = [console::ROW, slack::ROW, email::ROW, webhook::ROW, pagerduty::ROW];
