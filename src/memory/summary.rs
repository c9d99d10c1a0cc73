//! What a manager tells of itself: figures, history, health, and the report of all of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::alerts::Alert;
use super::health::{Health, HealthFigures};
use super::history::HistoryPoint;
use super::limits::LimitFigure;
use super::manager::MemoryManager;
use super::pressure::Step;
use super::report::{self, ChartPoint};
use super::state::State;
use super::stats::{
    CgroupStats, ConfigStats, LimitRow, LimitStats, MemoryStats, NativeStats, PressureStats, ProcessStats,
    SamplingStats, SystemStats, V8Heap, megabytes,
};
use crate::base::allocation;
use crate::base::error::Result;
use crate::base::file::{write_new_stamped, write_replacing};
use crate::base::held::ZSTD;
use crate::base::json::times_as_iso8601;
use crate::base::units::{BYTES_PER_MB, iso8601, round2};

/// Name of report files before their time.
const REPORT_STEM: &str = "memory-report";

impl MemoryManager {
    /// Everything there is to tell, from a fresh sample and the heap figures
    /// given (`None`: those known). Costs O(agents).
    pub fn stats(&self, v8: Option<V8Heap>) -> MemoryStats {
        if let Some(heap) = v8 {
            self.take_heap(heap);
        }
        self.look(false);
        self.known_stats()
    }

    /// The same without a sample of its own.
    pub(super) fn known_stats(&self) -> MemoryStats {
        let native = self.native();
        let config = self.config();
        let (samples, sampling_ns) =
            (self.samples.load(Ordering::Relaxed), self.sampling_ns.load(Ordering::Relaxed));
        let elapsed_ns = self.started.elapsed().as_nanos() as f64;
        let state = self.state.lock();
        let agents = state.agents.list();
        let raw = state.raw.as_ref();
        let tightest = state.tightest();
        let effective = state.figures.effective();
        MemoryStats {
            process: ProcessStats::new(
                raw.map(|raw| raw.rss),
                // Older than the resident set: what is over it was given back since.
                state.pss.filter(|pss| raw.is_some_and(|raw| *pss <= raw.rss)),
                state.heap,
            ),
            system: SystemStats::new(raw),
            config: ConfigStats {
                max_memory: config.max_memory_usage_mb,
                alert_threshold: config.alert_threshold_percent,
                agent_limit: config.agent_memory_limit_mb,
            },
            throttled_agents: agents
                .iter()
                .filter(|agent| agent.is_throttled)
                .map(|agent| agent.agent_id.clone())
                .collect(),
            agents,
            recent_alerts: state.alerts.recent().iter().map(|alert| json!(alert)).collect(),
            limits: LimitStats {
                cgroup: raw
                    .and_then(|raw| raw.cgroup)
                    .map(|group| CgroupStats::new(group, state.detail.cgroup_events)),
                heap_limit: state.heap.map(|heap| megabytes(heap.heap_limit)),
                effective: effective.map(|limit| megabytes(limit.bytes)),
                effective_source: effective.map(|limit| limit.source),
                all: limit_rows(&state),
            },
            pressure: PressureStats {
                percentage: tightest.map(|limit| round2(limit.percentage())),
                source: tightest.map(|limit| limit.source),
                step: state.step(),
                since: Some(state.since_wall_ms).filter(|since| *since > 0),
                reason: state.reason.clone(),
                psi: state.detail.psi,
                thresholds: state.thresholds,
                waiting: state.agents.waiting_count(),
            },
            time_to_limit: state.soonest(),
            percentage: tightest.map(|limit| round2(limit.percentage())),
            native,
            actions: state.actions.rows(),
            sampling: SamplingStats {
                interval_ms: state.interval_ms(),
                samples,
                cost_ms: round4(sampling_ns as f64 / 1e6 / samples.max(1) as f64),
                share: round4(sampling_ns as f64 / elapsed_ns.max(1.0) * 100.0),
            },
        }
    }

    /// One point for every ten seconds.
    pub fn history(&self) -> Vec<Value> {
        let now_ms = self.now().mono_ms;
        self.state.lock().history.points(now_ms).map(|point| json!(point)).collect()
    }

    /// The points of [`Self::history`], oldest first.
    pub fn history_points(&self) -> Vec<HistoryPoint> {
        let now_ms = self.now().mono_ms;
        self.state.lock().history.points(now_ms).copied().collect()
    }

    /// How well the process is off, with what takes something off.
    pub fn health(&self) -> Health {
        let state = self.state.lock();
        Health::of(&HealthFigures {
            percentage: state.percentage(),
            time_to_limit_ms: state.soonest(),
            throttled_agents: state.agents.throttled_count(),
            psi_some_avg10: state.detail.psi.map(|psi| psi.some_avg10),
            swap: state.raw.map(|raw| (raw.swap_total, raw.swap_total.saturating_sub(raw.swap_free))),
        })
    }

    /// The score of [`Self::health`], 0 (worst) to 100.
    pub fn health_score(&self) -> f64 {
        self.health().score
    }

    /// Writes the report to `path`, or to a new file in `directory`, and beside it a drawing with the ending `.svg`; both for
    /// the owner only. Gives the path of the first.
    ///
    /// # Errors
    /// `E_IO`.
    pub fn write_report(&self, path: Option<PathBuf>, directory: &Path, v8: V8Heap) -> Result<PathBuf> {
        let (text, svg) = self.report(Some(v8));
        let path = match path {
            Some(path) => {
                let path = directory.join(path);
                write_replacing(&path, text.as_bytes())?;
                path
            }
            None => write_new_stamped(directory, REPORT_STEM, self.now().wall_ms, text.as_bytes())?,
        };
        let mut drawing = if path.extension().is_some_and(|end| end == "json") {
            path.with_extension("")
        } else {
            path.clone()
        }
        .into_os_string();
        drawing.push(".svg");
        write_replacing(Path::new(&drawing), svg.as_bytes())?;
        Ok(path)
    }

    /// Text of the report, and a drawing of the last hours as SVG.
    fn report(&self, v8: Option<V8Heap>) -> (String, String) {
        let figures = self.stats(v8);
        let now = self.now();
        let state = self.state.lock();
        let history: Vec<_> = state.history.points(now.mono_ms).collect();
        let alerts: Vec<_> = state.alerts.all().collect();
        let svg = report::svg(&chart(&history, &alerts), "Memory of the process");
        let report = json!({
            "timestamp": iso8601(now.wall_ms),
            "config": self.config(),
            "stats": figures,
            "alerts": alerts,
            "history": history,
        });
        drop(state);
        let mut report = report;
        report["health"] = json!(self.health());
        times_as_iso8601(&mut report);
        (serde_json::to_string_pretty(&report).expect("invariant: a JSON value can be written"), svg)
    }

    /// Native memory of this package, from the counters and from its parts.
    fn native(&self) -> NativeStats {
        let mut parts = self.around.footprints.held();
        // By the library's own count, and part of neither counter.
        let zstd = parts.remove(ZSTD).unwrap_or(0);
        let sqlite = (self.around.sqlite_bytes)();
        let accounted = parts.values().sum::<u64>() + sqlite;
        NativeStats {
            allocated: megabytes(allocation::allocated()),
            sqlite: megabytes(sqlite),
            zstd: megabytes(zstd),
            accounted: megabytes(accounted),
            parts: parts.into_iter().map(|(name, bytes)| (name, megabytes(bytes))).collect(),
        }
    }
}

/// The history as it is drawn, with each alert at the first point after it.
fn chart(history: &[&HistoryPoint], alerts: &[&Alert]) -> Vec<ChartPoint> {
    let mut before_ms = 0;
    let point = |point: &&HistoryPoint| {
        let new = alerts.iter().filter(|alert| (before_ms..point.at_ms).contains(&alert.timestamp));
        let alert = new.map(|alert| alert.kind).max();
        before_ms = point.at_ms;
        ChartPoint {
            at_ms: point.at_ms,
            used_mb: Some(megabytes(point.used_bytes)),
            limit_mb: Some(megabytes(point.total_bytes)),
            step: Step::ALL
                .iter()
                .position(|step| step.name() == point.step)
                .and_then(|at| u8::try_from(at).ok())
                .unwrap_or(0),
            throttled_agents: point.throttled as usize,
            alert,
        }
    };
    history.iter().map(point).collect()
}

fn limit_rows(state: &State) -> Vec<LimitRow> {
    let row = |figure: &LimitFigure| LimitRow {
        source: figure.source,
        limit: megabytes(figure.limit),
        used: megabytes(figure.used),
        percentage: round2(figure.percentage()),
        growth: state.growth(figure.source).map(|growth| round2(growth / BYTES_PER_MB)),
        time_to_limit: state.time_to_limit(figure),
    };
    state.figures.iter().map(row).collect()
}

fn round4(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
