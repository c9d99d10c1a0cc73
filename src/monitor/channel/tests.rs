//! Channels against real servers on this machine that behave well and badly, and what their tests share.

mod conformance;
mod server;
mod smtp_server;
mod stops;

use serde_json::Map;

use super::http::Http;
use super::parcel::{Parcel, Source};
use super::report::Outcome;
use super::{Channel, Office};
use crate::base::clock::ManualClock;
use crate::monitor::alerts::{Alert, Component, Level};

/// A warning about memory that began when manual clocks begin.
pub(super) fn alert(id: &str) -> Alert {
    Alert {
        id: id.into(),
        level: Level::Warning,
        component: Component::Memory,
        title: format!("Title of {id}"),
        message: format!("Message of {id}"),
        timestamp: ManualClock::WALL_START_MS,
        resolved: false,
        resolved_at: None,
        metadata: Map::new(),
    }
}

/// One attempt.
pub(super) fn attempt(channel: &dyn Channel, parcel: &Parcel) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let (http, source) = (Http::new(None), Source::default());
    let office = Office { http: &http, source: &source, wall_ms: ManualClock::WALL_START_MS };
    runtime.block_on(channel.send(parcel, office))
}
