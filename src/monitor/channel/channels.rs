//! All channels of one monitor.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::http::Http;
use super::lane::{Lane, Shared};
use super::parcel::{News, Parcel, Source, What, test_alert};
use super::report::Outcome;
use super::status::{ChannelStatus, Delivery, TestResult};
use super::{Channel, ChannelSettings, Row, Secrets, TABLE};
use crate::base::clock::Clock;
use crate::base::error::{Error, ErrorKind, Problem, Result};
use crate::monitor::alerts::Alert;
use crate::monitor::net::Net;

/// One attempt, from the look-up of the name to the answer.
const ATTEMPT: Duration = Duration::from_secs(10);
/// A test of all channels; somebody waits for it.
const TEST: Duration = Duration::from_secs(25);
/// How often a test tries.
const TEST_ATTEMPTS: u32 = 3;

/// Something to tell.
#[derive(Debug, Clone)]
pub enum Notice {
    /// An alert began.
    Created(Arc<Alert>),
    /// An alert is over.
    Resolved(Arc<Alert>),
}

impl Notice {
    fn news(self) -> News {
        match self {
            Self::Created(alert) => News { what: What::Created, alert },
            Self::Resolved(alert) => News { what: What::Resolved, alert },
        }
    }
}

/// A notice that one channel could not deliver yet.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// Name of the channel.
    pub channel: &'static str,
    /// What it is.
    pub notice: Notice,
    /// Since when it waits, Unix ms.
    pub since_ms: u64,
}

/// See the module. Dropping it breaks off what is being sent.
pub struct Channels {
    lanes: Vec<Arc<Lane>>,
    shared: Arc<Shared>,
    secrets: Secrets,
}

impl Channels {
    /// The channels of the table. Nothing is started before there is something to send. `told` hears on the network thread
    /// what became of alerts.
    pub fn new(
        clock: Arc<dyn Clock>,
        net: Arc<Net>,
        settings: &ChannelSettings,
        secrets: Secrets,
        told: Box<dyn Fn(Delivery) + Send + Sync>,
    ) -> Arc<Self> {
        let http = Http::new(secrets.extra_certificates());
        let seed = RandomState::new().hash_one(0);
        let attempt = Box::new(|| ATTEMPT);
        Self::with(&TABLE, Shared { clock, net, http, told, attempt, seed }, settings, secrets)
    }

    /// The channels of `table`.
    pub(crate) fn with(
        table: &'static [Row],
        shared: Shared,
        settings: &ChannelSettings,
        secrets: Secrets,
    ) -> Arc<Self> {
        let shared = Arc::new(shared);
        let lanes = table.iter().map(|row| Arc::new(Lane::new(row, shared.clone()))).collect();
        let channels = Self { lanes, shared, secrets };
        channels.reconfigure(settings);
        Arc::new(channels)
    }

    /// Takes new settings. What waits for a channel that is off now is dropped and counted.
    pub fn reconfigure(&self, settings: &ChannelSettings) {
        for lane in &self.lanes {
            lane.configure(settings, &self.secrets);
        }
    }

    /// A client for what else goes over the network. It follows no redirects.
    ///
    /// # Errors
    /// `E_IO` when there is none to be had.
    pub fn client(&self) -> Result<reqwest::Client> {
        let none = || Error::new(ErrorKind::Io, "there is no HTTP client to be had");
        self.shared.http.outside().ok_or_else(none)
    }

    /// What is missing or wrong with the channels that are on. Never says a secret.
    pub fn problems(&self) -> Vec<Problem> {
        self.lanes.iter().flat_map(|lane| lane.problems()).collect()
    }

    /// Tells every channel that is on. Never blocks and does no I/O on this thread.
    pub fn notify(&self, notice: Notice) {
        let (news, now_ms) = (notice.news(), self.shared.now_ms());
        for lane in &self.lanes {
            lane.push(news.clone(), now_ms);
        }
    }

    /// Tells one channel what an earlier process could not ([`Channels::undelivered`]).
    pub fn restore(&self, channel: &str, notice: Notice, since_ms: u64) {
        let age_ms = self.shared.clock.wall_ms().saturating_sub(since_ms);
        let since_ms = self.shared.now_ms().saturating_sub(age_ms);
        if let Some(lane) = self.lanes.iter().find(|lane| lane.row().name == channel && lane.row().kept) {
            lane.push(notice.news(), since_ms);
        }
    }

    /// State of every channel.
    pub fn status(&self) -> Vec<ChannelStatus> {
        self.lanes.iter().map(|lane| lane.status()).collect()
    }

    /// Sends a test message to the channel of this name (on or off), or to all that are on. Waits for it, 30 s at most: not for
    /// the JavaScript thread.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` for an unknown name; those of [`Net::run`].
    pub fn test(&self, only: Option<&str>) -> Result<Vec<TestResult>> {
        if let Some(name) = only
            && !self.lanes.iter().any(|lane| lane.row().name == name)
        {
            let names: Vec<_> = self.lanes.iter().map(|lane| lane.row().name).collect();
            let message = format!("channel must be one of {}", names.join(", "));
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let mut results = Vec::new();
        let mut tests = JoinSet::new();
        let handle = self.shared.net.handle()?;
        for (index, lane) in self.lanes.iter().enumerate() {
            let (enabled, channel, source) = lane.opened();
            if only.map_or(!enabled, |name| name != lane.row().name) {
                continue;
            }
            match channel {
                Ok(channel) => {
                    let test = test(lane.row(), self.shared.clone(), channel, source);
                    tests.spawn_on(async move { (index, test.await) }, &handle);
                }
                Err(problems) => results.push((index, not_configured(lane.row(), &problems))),
            }
        }
        let ended =
            self.shared.net.run(TEST + Duration::from_secs(4), async move { tests.join_all().await })?;
        results.extend(ended);
        results.sort_by_key(|(index, _)| *index);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    /// What no channel could deliver yet, so that it can be kept over a restart. What was being sent when the channels were
    /// closed is among it, and may arrive twice.
    pub fn undelivered(&self) -> Vec<Undelivered> {
        let (now_ms, wall_ms) = (self.shared.now_ms(), self.shared.clock.wall_ms());
        let mut all = Vec::new();
        for lane in self.lanes.iter().filter(|lane| lane.row().kept) {
            for (News { what, alert }, since_ms) in lane.untold() {
                let since_ms = wall_ms.saturating_sub(now_ms.saturating_sub(since_ms));
                let mut add = |notice| all.push(Undelivered { channel: lane.row().name, notice, since_ms });
                if what != What::Resolved {
                    add(Notice::Created(alert.clone()));
                }
                if what.over() {
                    add(Notice::Resolved(alert));
                }
            }
        }
        all
    }

    /// Sends all that waits at once, one attempt, and waits for it, `deadline` at most. Returns how many alerts still wait.
    pub fn flush(&self, deadline: Duration) -> usize {
        let until = Instant::now() + deadline;
        for lane in &self.lanes {
            lane.hurry();
        }
        self.lanes.iter().map(|lane| lane.settle(until)).sum()
    }

    /// Breaks off what is being sent and takes no more. Does not wait; [`Channels::undelivered`] still answers.
    pub fn close(&self) {
        for lane in &self.lanes {
            lane.close();
        }
    }

    /// Whether one of the channels makes an attempt.
    #[cfg(test)]
    pub(crate) fn is_sending(&self) -> bool {
        self.lanes.iter().any(|lane| lane.is_sending())
    }

    /// Lets every channel look at the clock again.
    #[cfg(test)]
    pub(crate) fn look(&self) {
        for lane in &self.lanes {
            lane.look();
        }
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channels").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn not_configured(row: &Row, problems: &[Problem]) -> TestResult {
    let problems: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.path, p.message)).collect();
    TestResult {
        channel: row.name,
        delivered: false,
        attempts: 0,
        duration_ms: 0,
        error: Some(problems.join("; ")),
    }
}

/// A test message; where it is an incident, its end follows at once.
async fn test(
    row: &'static Row,
    shared: Arc<Shared>,
    channel: Arc<dyn Channel>,
    source: Arc<Source>,
) -> TestResult {
    let start_ms = shared.clock.now_ms();
    let until = Instant::now() + TEST;
    let all = [What::Created, What::Resolved];
    let (mut attempts, mut error) = (0, None);
    let at_ms = shared.clock.wall_ms();
    'messages: for what in &all[..if row.limits.incidents { 2 } else { 1 }] {
        let parcel = Parcel::News(vec![test_alert(row.name, at_ms, *what)]);
        for nth in 1..=TEST_ATTEMPTS {
            let left = until.saturating_duration_since(Instant::now());
            attempts += 1;
            let (reason, wait) = match shared.attempt(&*channel, &parcel, &source, left).await {
                Outcome::Delivered => continue 'messages,
                Outcome::Refused { reason } => (reason, None),
                Outcome::Later { reason, retry_after_ms } => {
                    let own = Duration::from_secs(u64::from(nth));
                    (reason, Some(retry_after_ms.map_or(own, Duration::from_millis)))
                }
            };
            error = Some(reason);
            let left = until.saturating_duration_since(Instant::now());
            let Some(wait) = wait.filter(|wait| nth < TEST_ATTEMPTS && *wait < left) else { break 'messages };
            tokio::time::sleep(wait).await;
            error = None;
        }
    }
    let duration_ms = shared.clock.now_ms().saturating_sub(start_ms);
    TestResult { channel: row.name, delivered: error.is_none(), attempts, duration_ms, error }
}
