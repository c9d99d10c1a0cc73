//! Sends the figures to a collector by OTLP over HTTP, every now and then, one request at a time. What fails is tried again with
//! the figures of then: counts are cumulative, so that nothing is queued and nothing is lost but resolution.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::base::clock::{Clock, SystemClock};
use crate::base::error::{Error, ErrorKind, Result};
use crate::monitor::export::{Exported, OtlpSettings, otlp};
use crate::monitor::net::Net;

/// First wait after a failure that may pass.
const FIRST_WAIT_MS: u64 = 1_000;
/// Longest such wait.
const LONGEST_WAIT_MS: u64 = 60_000;
/// Longest wait that a collector may ask for.
const LONGEST_ASKED_MS: u64 = 15 * 60_000;
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;
/// Characters of a collector's message that are kept.
const MESSAGE_CHARS: usize = 200;

/// How it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtlpStatus {
    /// Where to, without what may be secret.
    pub endpoint: String,
    /// Requests that the collector took.
    pub exported: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Points that the collector did not take of requests that it took.
    pub rejected_points: u64,
    /// Why the last one failed; absent after one that did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When the last one was taken, Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<u64>,
}

/// Why a request failed, and whether it may go well next time.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    message: String,
    may_pass: bool,
    /// What the collector asked to wait.
    wait_ms: Option<u64>,
}

struct Shared {
    client: Client,
    settings: OtlpSettings,
    source: Weak<dyn Exported>,
    status: Mutex<OtlpStatus>,
    /// One request at a time.
    turn: tokio::sync::Mutex<()>,
    clock: SystemClock,
}

/// The exporter. Ends when it is closed or dropped.
pub struct OtlpExporter {
    shared: Arc<Shared>,
    net: Arc<Net>,
    task: AbortHandle,
}

impl OtlpExporter {
    /// Sends every `interval_ms`, the first time after one of them. `client` must not follow redirects: they would take the
    /// headers elsewhere.
    ///
    /// # Errors
    /// `E_IO` when there is no thread to be had.
    pub fn start(
        net: &Arc<Net>,
        client: Client,
        settings: OtlpSettings,
        interval_ms: u64,
        source: Weak<dyn Exported>,
    ) -> Result<Self> {
        let status = OtlpStatus { endpoint: settings.shown(), ..OtlpStatus::default() };
        let (turn, clock) = (tokio::sync::Mutex::default(), SystemClock::new());
        let shared = Arc::new(Shared { client, settings, source, status: Mutex::new(status), turn, clock });
        let task = net.handle()?.spawn(run(Arc::clone(&shared), interval_ms)).abort_handle();
        Ok(Self { shared, net: Arc::clone(net), task })
    }

    /// How it goes.
    pub fn status(&self) -> OtlpStatus {
        self.shared.status.lock().clone()
    }

    /// Sends the figures of now, from a thread that may wait. Not from the network thread.
    ///
    /// # Errors
    /// `E_TIMEOUT` when it is not done by `deadline`; `E_IO` when the collector did not take them.
    pub fn flush(&self, deadline: Duration) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let sent = self.net.run(deadline, async move { shared.send().await })?;
        sent.map_err(|failure| Error::new(ErrorKind::Io, failure.message))
    }

    /// Ends it; what is to arrive must be flushed before.
    pub fn close(&self) {
        self.task.abort();
    }
}

impl Drop for OtlpExporter {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpExporter").field("status", &*self.shared.status.lock()).finish_non_exhaustive()
    }
}

async fn run(shared: Arc<Shared>, interval_ms: u64) {
    let mut failures = 0;
    let mut wait_ms = interval_ms;
    while shared.source.strong_count() > 0 {
        sleep(Duration::from_millis(wait_ms)).await;
        let sent = shared.send().await;
        (failures, wait_ms) = match sent {
            Ok(()) => (0, interval_ms),
            Err(failure) => {
                if failures == 0 {
                    tracing::warn!(reason = failure.message, "figures did not reach the OTLP collector");
                }
                (failures + 1, after_failure(&failure, failures, interval_ms, shared.clock.wall_ms()))
            }
        };
    }
}

/// Until the next request: what the collector asked for; 1 s, 2 s, 4 s … less up to half of it, so that many processes do not
/// come at once; and never more than the interval, unless it was asked for.
fn after_failure(failure: &Failure, failures: u32, interval_ms: u64, seed: u64) -> u64 {
    if let Some(asked) = failure.wait_ms {
        return asked.clamp(FIRST_WAIT_MS.min(interval_ms), LONGEST_ASKED_MS);
    }
    if !failure.may_pass {
        return interval_ms;
    }
    let longest = FIRST_WAIT_MS.saturating_mul(1 << failures.min(10)).min(LONGEST_WAIT_MS).min(interval_ms);
    // Spreads the bits of the time, and of the process, over the whole word.
    let mixed = (seed ^ u64::from(std::process::id()) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    longest - mixed % (longest / 2 + 1)
}

impl Shared {
    async fn send(&self) -> std::result::Result<(), Failure> {
        let _turn = self.turn.lock().await;
        // The monitor is gone, and with it the need.
        let Some(source) = self.source.upgrade() else { return Ok(()) };
        let body = otlp::request(&source.scrape(), &self.settings.attributes).to_string();
        drop(source);
        let limit = self.settings.timeout;
        let sent = match tokio::time::timeout(limit, self.exchange(body)).await {
            Ok(sent) => sent,
            Err(_) => Err(passing(format!("no answer within {} ms", limit.as_millis()))),
        };
        let mut status = self.status.lock();
        match &sent {
            Ok(rejected) => {
                status.exported += 1;
                status.rejected_points = status.rejected_points.saturating_add(rejected.0);
                status.last_error.clone_from(&rejected.1);
                status.last_at = Some(self.clock.wall_ms());
            }
            Err(failure) => {
                status.failed += 1;
                status.last_error = Some(failure.message.clone());
            }
        }
        sent.map(drop)
    }

    /// Points that were not taken, and the collector's message.
    async fn exchange(&self, body: String) -> std::result::Result<(u64, Option<String>), Failure> {
        let post = self.client.post(self.settings.endpoint.clone()).headers(self.settings.headers.clone());
        let post = post.header(CONTENT_TYPE, "application/json").body(body);
        let answer = post.send().await.map_err(|error| passing(told(error)))?;
        let status = answer.status();
        let wait_ms = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after_ms(value.to_str().ok()?, self.clock.wall_ms()));
        let text = read(answer).await;
        if status.is_success() {
            return Ok(partial_success(&text));
        }
        // The codes that the specification of OTLP lets a client try again.
        let may_pass = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        let message = format!("the collector answered {}", status.as_u16());
        Err(Failure { message, may_pass, wait_ms: wait_ms.filter(|_| may_pass) })
    }
}

fn passing(message: String) -> Failure {
    Failure { message, may_pass: true, wait_ms: None }
}

/// An error of the client without the address, which may hold a key.
fn told(error: reqwest::Error) -> String {
    let what = if error.is_connect() { "cannot connect" } else { "the request failed" };
    let mut message = what.to_owned();
    let error = error.without_url();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        // The last one says what the system said.
        message = format!("{what}: {inner}");
        cause = inner.source();
    }
    cut(&message)
}

fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS).collect()
}

async fn read(mut answer: Response) -> Vec<u8> {
    let mut text = Vec::new();
    while let Ok(Some(part)) = answer.chunk().await {
        text.extend_from_slice(&part);
        if text.len() > ANSWER_BYTES {
            break;
        }
    }
    text
}

fn partial_success(text: &[u8]) -> (u64, Option<String>) {
    let answer: Value = serde_json::from_slice(text).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let rejected = &partial["rejectedDataPoints"];
    let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0);
    let message = partial["errorMessage"].as_str().filter(|message| !message.is_empty());
    (rejected, message.map(|message| cut(&format!("the collector took it with a remark: {message}"))))
}

/// Ms from a number of seconds or a date of HTTP.
fn retry_after_ms(text: &str, now_ms: u64) -> Option<u64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1000));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    Some(u64::try_from(at).unwrap_or(0).saturating_sub(now_ms))
}

#[cfg(test)]
mod tests;
