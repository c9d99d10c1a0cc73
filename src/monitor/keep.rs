//! What the monitor keeps on disk, and what it does when the disk is not to be had: it goes on in memory and tries again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};

use super::alerts::Alert;
use super::alerts::silence::Silence;
use super::baseline::{BaselineState, Baselines};
use super::channel::{Notice, Undelivered};
use super::production_monitor::Monitor;
use super::sample::SampleRow;
use super::store::MetricsStore;
use super::watch;
use crate::base::error::Result;

/// How long a stop waits for alerts that are under way.
pub(super) const FLUSH_DEADLINE: Duration = Duration::from_secs(5);
/// A disk that failed is tried again after this long, ms.
const AGAIN_MS: u64 = 60_000;
/// How often rows are joined and old ones removed, ms.
const MAINTAIN_MS: u64 = 600_000;
/// How often what is usual is written, ms: it is half a megabyte after a day, and changes slowly.
const BASELINES_MS: u64 = 600_000;
/// Most alerts that wait for a disk, as many as are remembered at all.
const MAX_WAITING: usize = super::alerts::book::MAX_ALERTS;
/// How long a process that ends waits for a disk that is busy.
const EXIT_WAIT: Duration = Duration::from_secs(1);
/// How long whoever asks right after the start waits for what was kept before.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const DAY_MS: f64 = 86_400_000.0;

const SILENCES: &str = "silences";
const BASELINES: &str = "baselines";
const UNDELIVERED: &str = "undelivered";

/// The store, when there is one, and what waits for it. What the JavaScript thread needs is behind locks that nobody holds while
/// the disk works.
pub(super) struct Keep {
    directory: PathBuf,
    is_wanted: bool,
    project: Option<String>,
    is_closed: AtomicBool,
    waiting: Mutex<Waiting>,
    /// Whether it was tried to open the store, for those who ask right after the start.
    is_attempted: Mutex<bool>,
    attempted: Condvar,
    /// Held while the disk works, by the monitor's thread or, at the end, by who stops it.
    state: Mutex<KeepState>,
}

/// When an alert came: its time and, of equal times, the number that its id ends with.
type Order = (u64, usize, String);

fn order_of(alert: &Alert) -> Order {
    // The number is hexadecimal: what is longer is more. Before the first hyphen is who raised it.
    let id = alert.id.split_once('-').map_or(alert.id.as_str(), |(_, rest)| rest);
    (alert.timestamp, id.len(), id.to_owned())
}

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    /// Alerts that changed, in the order in which they came, as they are now.
    alerts: BTreeMap<Order, Arc<Alert>>,
    rows: Vec<Arc<SampleRow>>,
    /// Alerts or silences changed.
    is_due: bool,
    /// Where the store is, while it is open.
    path: Option<PathBuf>,
    /// Why it is not.
    failure: Option<String>,
}

#[derive(Default)]
struct KeepState {
    store: Option<MetricsStore>,
    /// Whether what was kept before has been read.
    is_restored: bool,
    /// Monotonic ms before which a failed disk is left alone.
    again_ms: u64,
    is_told: bool,
    maintained_ms: u64,
    baselines_ms: u64,
    /// Silences and untold alerts as they were last written.
    written: (String, String),
}

impl Keep {
    pub(super) fn new(directory: PathBuf, is_wanted: bool, project: Option<String>) -> Self {
        Self {
            directory,
            is_wanted,
            project,
            is_closed: AtomicBool::new(false),
            waiting: Mutex::default(),
            is_attempted: Mutex::new(false),
            attempted: Condvar::new(),
            state: Mutex::default(),
        }
    }

    /// Where the store is, while it is open.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.waiting.lock().path.clone()
    }

    /// Why the store is not open, where it should be.
    pub(super) fn failure(&self) -> Option<String> {
        self.waiting.lock().failure.clone()
    }

    /// Whether there is something that is to be on disk soon.
    pub(super) fn is_due(&self) -> bool {
        self.waiting.lock().is_due
    }

    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let store = self.state.lock().store.take();
        self.waiting.lock().path = None;
        if let Some(Err(error)) = store.map(MetricsStore::close) {
            tracing::warn!(%error, "the store of the monitor was not closed in order");
        }
    }

    /// Waits until it was tried to open the store, `limit` at most and once: a disk that hangs must not hold up whoever asks.
    fn wait(&self, limit: Duration) {
        let mut is_attempted = self.is_attempted.lock();
        if !*is_attempted {
            self.attempted.wait_for(&mut is_attempted, limit);
            *is_attempted = true;
        }
    }
}

impl Monitor {
    /// Makes sure that what was kept before is there, as far as the disk gives it soon.
    pub(super) fn await_store(self: &Arc<Self>) {
        let is_kept = self.keep.is_wanted && self.config.read().persist_metrics;
        if is_kept && !self.is_stopped() && !*self.keep.is_attempted.lock() {
            watch::start(self);
            self.keep.wait(FIRST_WAIT);
        }
    }

    /// Notes that an alert is to be written.
    pub(super) fn put_alert(&self, alert: &Arc<Alert>) {
        {
            let waiting = &mut *self.keep.waiting.lock();
            waiting.is_due = true;
            waiting.alerts.insert(order_of(alert), Arc::clone(alert));
            // The oldest goes.
            if waiting.alerts.len() > MAX_WAITING {
                waiting.alerts.pop_first();
            }
        }
        watch::nudge(self);
    }

    /// Notes that silences changed.
    pub(super) fn silences_changed(&self) {
        self.keep.waiting.lock().is_due = true;
        watch::nudge(self);
    }

    /// Opens the store when it is wanted, and takes over what it has. On the monitor's thread.
    pub(super) fn open_store(self: &Arc<Self>) {
        self.try_to_open();
        *self.keep.is_attempted.lock() = true;
        self.keep.attempted.notify_all();
    }

    fn try_to_open(self: &Arc<Self>) {
        let config = self.config();
        if !config.persist_metrics || !self.keep.is_wanted {
            return;
        }
        let now_ms = self.clock.now_ms();
        let mut keep = self.keep.state.lock();
        if keep.store.is_some() || now_ms < keep.again_ms {
            return;
        }
        if self.keep.is_closed.load(Ordering::Acquire) {
            return;
        }
        match MetricsStore::open(&self.keep.directory, self.keep.project.as_deref()) {
            Ok(mut store) => {
                let warnings = store.take_warnings();
                {
                    let mut waiting = self.keep.waiting.lock();
                    waiting.path = Some(store.path().to_path_buf());
                    waiting.failure = None;
                }
                keep.store = Some(store);
                keep.is_told = false;
                let restored = if std::mem::replace(&mut keep.is_restored, true) {
                    None
                } else {
                    keep.store
                        .as_mut()
                        .map(|store| Restored::read(store, self.now_ms(), config.metrics_retention_days))
                };
                drop(keep);
                for warning in warnings {
                    self.warn("monitoring.persistMetrics", &warning);
                }
                match restored {
                    Some(Ok(restored)) => self.restore(restored),
                    Some(Err(error)) => self.warn("monitoring.persistMetrics", &error.to_string()),
                    None => {}
                }
            }
            Err(error) => {
                keep.again_ms = now_ms + AGAIN_MS;
                let is_told = std::mem::replace(&mut keep.is_told, true);
                drop(keep);
                let message = format!("metrics are kept in memory only: {error}");
                self.keep.waiting.lock().failure = Some(message.clone());
                if !is_told {
                    self.warn("monitoring.persistMetrics", &message);
                }
            }
        }
    }

    fn restore(self: &Arc<Self>, restored: Restored) {
        let Restored { rows, alerts, silences, baselines, undelivered } = restored;
        let now_ms = self.now_ms();
        let mut state = self.state.lock();
        state.history.restore(rows);
        let changes = state.restore_alerts(alerts, now_ms);
        state.silences.restore(silences, now_ms);
        if let Some(baselines) = baselines {
            state.baselines = Baselines::restored(&baselines, now_ms);
        }
        let notices: Vec<_> =
            undelivered.into_iter().filter_map(|kept| Some((state.book.get(&kept.id)?, kept))).collect();
        drop(state);
        for (alert, kept) in notices {
            let notice = if kept.is_resolved { Notice::Resolved(alert) } else { Notice::Created(alert) };
            self.channels.restore(&kept.channel, notice, kept.since_ms);
        }
        self.tell_alerts(changes);
    }

    /// Notes that a row is to be written.
    pub(super) fn keep_row(&self, row: &Arc<SampleRow>) {
        let waiting = &mut *self.keep.waiting.lock();
        if waiting.path.is_some() {
            waiting.rows.push(Arc::clone(row));
        }
    }

    /// Writes what waits. A failure is told once, and the store opened again later; alerts go on waiting.
    pub(super) fn write_down(&self, is_end: bool) {
        self.write(&mut self.keep.state.lock(), is_end);
    }

    /// The same when the process ends: not for a disk that is busy, as nobody ends it then.
    pub(super) fn write_down_now(&self) {
        if let Some(mut keep) = self.keep.state.try_lock_for(EXIT_WAIT) {
            self.write(&mut keep, false);
        }
    }

    fn write(&self, keep: &mut KeepState, is_end: bool) {
        let now_ms = self.clock.now_ms();
        let Some(store) = &mut keep.store else {
            self.keep.waiting.lock().is_due = false;
            return;
        };
        let (rows, alerts) = {
            let waiting = &mut *self.keep.waiting.lock();
            waiting.is_due = false;
            (std::mem::take(&mut waiting.rows), std::mem::take(&mut waiting.alerts))
        };
        let is_due = is_end || now_ms.saturating_sub(keep.baselines_ms) >= BASELINES_MS;
        let is_maintenance_due = now_ms.saturating_sub(keep.maintained_ms) >= MAINTAIN_MS;
        let (small, baselines) = {
            let (untold, now_ms) = (text(&self.undelivered()), self.now_ms());
            let state = self.state.lock();
            ((text(&state.silences.list(now_ms)), untold), is_due.then(|| state.baselines.state()))
        };
        let result = (|| -> Result<()> {
            for row in &rows {
                store.append(row)?;
            }
            if !alerts.is_empty() {
                store.put_alerts(&alerts.values().map(|alert| Alert::clone(alert)).collect::<Vec<_>>())?;
            }
            if small != keep.written {
                store.put_state(SILENCES, &small.0)?;
                store.put_state(UNDELIVERED, &small.1)?;
                keep.written = small;
            }
            if let Some(baselines) = baselines {
                keep.baselines_ms = now_ms;
                store.put_state(BASELINES, &text(&baselines))?;
            }
            if is_maintenance_due {
                keep.maintained_ms = now_ms;
                store
                    .maintain(self.wall.now_ms(), retention_ms(self.config.read().metrics_retention_days))?;
            }
            Ok(())
        })();
        if let Err(error) = result {
            keep.store = None;
            keep.written = (String::new(), String::new());
            let message = format!("metrics are kept in memory only: {error}");
            keep.again_ms = now_ms + AGAIN_MS;
            {
                let waiting = &mut *self.keep.waiting.lock();
                waiting.path = None;
                waiting.failure = Some(message.clone());
                for (order, alert) in alerts {
                    // What changed meanwhile is newer.
                    waiting.alerts.entry(order).or_insert(alert);
                }
            }
            if !std::mem::replace(&mut keep.is_told, true) {
                self.warn("monitoring.persistMetrics", &message);
            }
        }
    }
}

impl Monitor {
    fn undelivered(&self) -> Vec<Untold> {
        let untold = |undelivered: Undelivered| {
            let (alert, is_resolved) = match undelivered.notice {
                Notice::Created(alert) => (alert, false),
                Notice::Resolved(alert) => (alert, true),
            };
            Untold {
                channel: undelivered.channel.to_owned(),
                id: alert.id.clone(),
                is_resolved,
                since_ms: undelivered.since_ms,
            }
        };
        self.channels.undelivered().into_iter().map(untold).collect()
    }
}

/// Days as ms.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days, checked to be positive")]
pub(super) fn retention_ms(days: f64) -> u64 {
    (days * DAY_MS) as u64
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("invariant: plain structs with text keys")
}

/// What was kept before.
struct Restored {
    rows: Vec<SampleRow>,
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
    baselines: Option<BaselineState>,
    undelivered: Vec<Untold>,
}

/// What a channel could not deliver, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Untold {
    channel: String,
    id: String,
    is_resolved: bool,
    since_ms: u64,
}

impl Restored {
    fn read(store: &mut MetricsStore, now_ms: u64, retention_days: f64) -> Result<Self> {
        let since_ms = now_ms.saturating_sub(retention_ms(retention_days));
        // State that another version wrote and this one cannot read is begun anew.
        let mut state = |key: &str| store.state(key);
        let (silences, baselines, undelivered) = (state(SILENCES)?, state(BASELINES)?, state(UNDELIVERED)?);
        Ok(Self {
            silences: silences.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            baselines: baselines.and_then(|json| serde_json::from_str(&json).ok()),
            undelivered: undelivered.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            rows: store.load(since_ms)?,
            alerts: store.alerts(since_ms)?,
        })
    }
}
