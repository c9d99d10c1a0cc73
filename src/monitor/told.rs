//! What the monitor tells when it is asked: as JSON for JavaScript, as a scrape for other programs, as a report for people.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::alerts::book::{Change, NewAlert};
use super::alerts::silence::NewSilence;
use super::alerts::{Alert, Level};
use super::channel::ChannelStatus;
use super::export::{
    ChannelFigures, CpuModes, DegradationFigures, Exported, GcTotals, Healthz, Info, OperationTotals, Scrape,
    prometheus,
};
use super::exports::host_name;
use super::health::{HealthCheck, Status};
use super::measure::process::cpu_modes_s;
use super::production_monitor::Monitor;
use super::report::{self, ReportData};
use super::sample::SampleRow;
use super::sources::Seen;
use crate::base::error::Result;
use crate::base::file::{write_new_stamped_as, write_replacing};
use crate::base::units::round2;
use crate::telemetry::metric::Figures;

const HOUR_MS: f64 = 3_600_000.0;
/// `getStatus().alerts` covers the last hour (contract).
const STATUS_ALERTS_HOURS: f64 = 1.0;
const RECENT_IN_STATUS: usize = 5;
/// Name of report files before their time.
const REPORT_STEM: &str = "monitoring-report";
/// An event loop that has not answered for so long is no sign of life any more, ms.
const DEAD_LOOP_MS: f64 = 30_000.0;

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// Data.
    Json,
    /// A page.
    Html,
}

impl Monitor {
    /// The last sample; `None` before the first.
    pub fn current(&self) -> Option<Arc<SampleRow>> {
        self.state.lock().last.clone()
    }

    /// Samples of the last hours, oldest first, at most `most` of them. O(samples).
    pub fn history(self: &Arc<Self>, hours: f64, most: Option<usize>) -> Vec<SampleRow> {
        self.await_store();
        let since_ms = self.since(hours);
        let rows = self.state.lock().history.since(since_ms);
        match most {
            Some(most) => super::history::thinned(rows, most),
            None => rows,
        }
    }

    /// `getOverallHealth()`.
    pub fn overall(&self) -> Value {
        match &self.state.lock().health {
            Some(health) => json!(health),
            None => json!({ "score": 100, "status": "unknown", "components": [] }),
        }
    }

    /// Alerts of the last hours, newest first.
    pub fn alerts(self: &Arc<Self>, hours: f64) -> Vec<Arc<Alert>> {
        self.await_store();
        let since_ms = self.since(hours);
        self.state.lock().book.recent(since_ms)
    }

    /// Ends an alert by hand; false when there is none with this id that goes on.
    pub fn resolve_alert(self: &Arc<Self>, id: &str) -> bool {
        self.await_store();
        // What is not written down any more would be undone by the next start.
        if self.is_stopped() {
            return false;
        }
        let resolved = {
            let now_ms = self.now_ms();
            self.state.lock().book.resolve(id, now_ms)
        };
        let is_resolved = resolved.is_some();
        self.tell_alerts(resolved.map(Change::Resolved).into_iter().collect());
        is_resolved
    }

    /// An alert of the application's own; `None` when the same was made less than five minutes ago.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with everything that is wrong with it; `E_SHUT_DOWN`.
    pub fn create_alert(self: &Arc<Self>, said: &Value) -> Result<Option<Arc<Alert>>> {
        self.await_store();
        let new = NewAlert::parse(said)?;
        self.check_running()?;
        let created = {
            let now_ms = self.now_ms();
            self.state.lock().book.create(new, now_ms)
        };
        let Some(created) = created else { return Ok(None) };
        let id = created.id.clone();
        self.tell_alerts(vec![Change::Created(created)]);
        Ok(self.state.lock().book.get(&id))
    }

    /// Keeps alerts from channels for a while.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with everything that is wrong with it; `E_SHUT_DOWN`.
    pub fn silence(self: &Arc<Self>, said: &Value) -> Result<Value> {
        self.await_store();
        let now_ms = self.now_ms();
        let new = NewSilence::parse(said, now_ms)?;
        self.check_running()?;
        let silence = self.state.lock().silences.add(new, now_ms)?;
        self.silences_changed();
        Ok(json!(silence))
    }

    /// Silences that hold.
    pub fn silences(self: &Arc<Self>) -> Value {
        self.await_store();
        let now_ms = self.now_ms();
        json!(self.state.lock().silences.list(now_ms))
    }

    /// Ends a silence; false when there is none with this id.
    pub fn remove_silence(self: &Arc<Self>, id: &str) -> bool {
        self.await_store();
        let is_removed = self.state.lock().silences.remove(id);
        self.silences_changed();
        is_removed
    }

    /// What could be set better, by what was counted.
    pub fn advice(&self) -> Vec<Value> {
        self.sources.advice(&self.seen())
    }

    /// What it saw in the last hour.
    pub fn seen(&self) -> Seen {
        self.state.lock().seen()
    }

    /// How many alerts of the last hours were critical, of those known by now.
    pub fn critical_alerts(&self, hours: f64) -> u64 {
        let since_ms = self.since(hours);
        let alerts = self.state.lock().book.recent(since_ms);
        alerts.iter().filter(|alert| alert.level == Level::Critical).count() as u64
    }

    /// How alerts get out, channel by channel.
    pub fn channels(&self) -> Vec<ChannelStatus> {
        self.channels.status()
    }

    /// Whether figures are written down: where they should be and are not, `Some(false)`.
    pub fn is_kept(&self) -> Option<bool> {
        let is_wanted = self.config.read().persist_metrics;
        is_wanted.then(|| self.keep.path().is_some())
    }

    /// What is worse than usual.
    pub fn degradations(&self) -> Value {
        json!(self.state.lock().baselines.degradations())
    }

    /// `getStatus()`, without `metrics`.
    pub fn status(self: &Arc<Self>) -> Value {
        let alerts = self.alerts(STATUS_ALERTS_HOURS);
        let count = |level| alerts.iter().filter(|alert| alert.level == level).count();
        let health = self.overall();
        let mut components = Map::new();
        for name in ["memory", "cache", "agents", "system", "performance"] {
            let check = health["components"].as_array().into_iter().flatten();
            let check = check.into_iter().find(|check| check["component"] == name);
            components.insert(name.to_owned(), check.cloned().unwrap_or(Value::Null));
        }
        json!({
            "environment": self.environment,
            "uptime": round2(self.uptime_s()),
            "health": health,
            "alerts": {
                "total": alerts.len(),
                "critical": count(Level::Critical),
                "warnings": count(Level::Warning),
                "recent": alerts.iter().take(RECENT_IN_STATUS).map(|alert| &**alert).collect::<Vec<_>>(),
            },
            "components": components,
            "channels": self.channels.status(),
            "exporter": self.exports.status(&self.config.read()),
            "store": { "path": self.keep.path() },
            "silences": self.silences(),
            "degradations": self.degradations(),
            "recommendations": self.advice(),
            "warnings": self.problems(),
        })
    }

    /// Metrics as Prometheus reads them.
    pub fn metrics_text(&self, format: prometheus::Format) -> String {
        prometheus::text(&self.scrape(), format)
    }

    /// Writes a report: to `path`, or to a new file in `directory`. Gives its path.
    ///
    /// # Errors
    /// `E_IO`.
    pub fn write_report(
        self: &Arc<Self>,
        path: Option<&Path>,
        directory: &Path,
        form: Option<ReportForm>,
    ) -> Result<PathBuf> {
        let is_page = |path: &Path| {
            path.extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"))
        };
        let form = form.unwrap_or(match path {
            Some(path) if is_page(path) => ReportForm::Html,
            _ => ReportForm::Json,
        });
        let data = self.report_data();
        let (text, ending) = match form {
            ReportForm::Json => (report::json_text(&data), "json"),
            ReportForm::Html => (report::html(&data), "html"),
        };
        match path {
            Some(path) => {
                let path = directory.join(path);
                write_replacing(&path, text.as_bytes())?;
                Ok(path)
            }
            None => {
                write_new_stamped_as(directory, REPORT_STEM, ending, self.clock.wall_ms(), text.as_bytes())
            }
        }
    }

    /// Everything that a report is made of.
    pub(crate) fn report_data(self: &Arc<Self>) -> ReportData {
        let config = self.config();
        let list = |value: Value| value.as_array().cloned().unwrap_or_default();
        ReportData {
            generated_ms: self.now_ms(),
            environment: self.environment.name().to_owned(),
            project: self.project.clone(),
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.uptime_s(),
            config: json!(config),
            health: self.overall(),
            current: self.current().map(|row| SampleRow::clone(&row)),
            rows: self.history(config.metrics_retention_days * 24.0, None),
            alerts: self.alerts(config.metrics_retention_days * 24.0),
            recommendations: self.advice(),
            degradations: list(self.degradations()),
            channels: list(json!(self.channels.status())),
        }
    }

    fn uptime_s(&self) -> f64 {
        self.readings.uptime_us(self.clock.now_us()) as f64 / 1e6
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "hours, checked to be positive"
    )]
    fn since(&self, hours: f64) -> u64 {
        self.now_ms().saturating_sub((hours * HOUR_MS) as u64)
    }
}

impl Exported for Monitor {
    fn scrape(&self) -> Scrape {
        let (last, alerts) = {
            let state = self.state.lock();
            (state.last.clone(), state.book.active())
        };
        let operations = self.readings.operations().totals().into_iter().map(|totals| OperationTotals {
            name: totals.name,
            count: totals.count,
            errors: totals.errors,
            timed: totals.timed,
            sum_s: totals.sum_s,
            buckets: totals.buckets.to_vec(),
        });
        let gc = self.readings.gc().kinds().into_iter().map(|of| GcTotals {
            kind: of.kind,
            count: of.count,
            seconds: of.time_ms / 1000.0,
            buckets: Vec::new(),
        });
        let channels = self.channels.status().into_iter().filter(|channel| channel.enabled);
        let now_ms = self.now_ms();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Scrape {
            at_ms: now_ms,
            started_ms: self.started_ms,
            figures: last.map_or_else(Figures::default, |row| row.figures.clone()),
            operations: operations.collect(),
            gc: gc.collect(),
            cpu: cpu_modes_s().map(|(user_s, system_s)| CpuModes { user_s, system_s }),
            token_usage: self.sources.token_usage(),
            agents: self.sources.agents(),
            alerts: alerts
                .iter()
                .map(|alert| (alert.rule().unwrap_or("application").to_owned(), alert.level, alert.component))
                .collect(),
            channels: channels
                .map(|channel| ChannelFigures {
                    name: channel.name,
                    delivered: channel.delivered,
                    retries: channel.retries,
                    dead: channel.dead,
                    dropped: channel.dropped,
                    queued: channel.queued as u64,
                })
                .collect(),
            degradations: self
                .degradations()
                .as_array()
                .into_iter()
                .flatten()
                .map(|degradation| DegradationFigures {
                    component: text(&degradation["component"]).unwrap_or_default(),
                    metric: text(&degradation["metric"]).unwrap_or_default(),
                    operation: text(&degradation["operation"]),
                })
                .collect(),
            info: Info {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                environment: self.environment.name().to_owned(),
                project: self.project.clone(),
                instance: self.instance.clone(),
                host: host_name(),
                pid: std::process::id(),
            },
        }
    }

    fn health(&self) -> Healthz {
        let late_ms = self.readings.event_loop().outstanding_ms(self.clock.now_us()).unwrap_or(0.0);
        let is_live = late_ms < DEAD_LOOP_MS;
        let state = self.state.lock();
        // Before the first check nothing is known to be wrong.
        let is_well = state
            .health
            .as_ref()
            .is_none_or(|health| !matches!(health.status, Status::Critical | Status::Down));
        let checks: Vec<&HealthCheck> = state.health.iter().flat_map(|health| &health.components).collect();
        let body = json!({
            "status": state.health.as_ref().map_or(json!("unknown"), |health| json!(health.status)),
            "score": state.health.as_ref().map(|health| health.score),
            "eventLoopLateMs": late_ms.round(),
            "components": checks
                .iter()
                .map(|check| json!({ "component": check.component, "status": check.status, "score": check.score }))
                .collect::<Vec<_>>(),
        });
        Healthz { is_live, is_ready: is_live && is_well && !self.is_stopped(), body }
    }
}
