//! How well the monitored parts are, by score bands: 90–100 excellent, 70–89 good, 50–69 acceptable, 30–49 warning, 0–29
//! critical (contract).
//!
//! Parts are asked, each on a thread of its own: one that hangs or panics is `down`, and only that one. The machine and the
//! requests are judged by their last figures. Nothing measured is neutral.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

use super::sources::{Answer, Part, Sources};
use crate::base::units::round2;
use crate::telemetry::metric::{Figures, Metric};

/// Under this a part is in the band `warning`.
const WARNING_SCORE: f64 = 50.0;
/// Under this it is in the band `critical`.
const CRITICAL_SCORE: f64 = 30.0;

/// How long a part may take to answer. Real ones take microseconds.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A figure as a score: 100 up to `good`, then evenly down to `worst_score` at `bad` and beyond.
struct Scale {
    good: f64,
    bad: f64,
    worst_score: f64,
}

/// A machine that is busy all the time still works: the end of "acceptable".
const CPU: Scale = Scale { good: 80.0, bad: 100.0, worst_score: 50.0 };
/// A full disk is the end of caching and of what else is on it.
const DISK: Scale = Scale { good: 85.0, bad: 100.0, worst_score: 0.0 };
/// A tenth of a second is felt; ten of them are an outage.
const LOOP_MS: Scale = Scale { good: 100.0, bad: 10_000.0, worst_score: 0.0 };
/// The alert's threshold, 10 %, is where "warning" begins.
const ERROR_PERCENT: Scale = Scale { good: 1.0, bad: 18.0, worst_score: 0.0 };
/// The alert's threshold, 5 s, is where "warning" begins.
const SLOWEST_MS: Scale = Scale { good: 1000.0, bad: 9000.0, worst_score: 0.0 };

impl Scale {
    fn score(&self, value: f64) -> f64 {
        let beyond = ((value - self.good) / (self.bad - self.good)).clamp(0.0, 1.0);
        100.0 - beyond * (100.0 - self.worst_score)
    }
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// 50 and more.
    Healthy,
    /// 30 to 50.
    Warning,
    /// Under 30.
    Critical,
    /// No answer.
    Down,
}

impl Status {
    fn of(score: f64) -> Self {
        if score < CRITICAL_SCORE {
            Self::Critical
        } else if score < WARNING_SCORE {
            Self::Warning
        } else {
            Self::Healthy
        }
    }
}

/// `HealthCheck` of the public API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthCheck {
    /// Of which part.
    pub component: &'static str,
    /// Its band, or `down`.
    pub status: Status,
    /// 0–100.
    pub score: f64,
    /// For people, with figures.
    pub message: String,
    /// Unix ms.
    pub timestamp: u64,
}

/// `getOverallHealth()` once there was a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverallHealth {
    /// Mean of the parts' mean and the worst part, 0–100: one bad part is not hidden by good ones.
    pub score: f64,
    /// Its band; `down` when every part is.
    pub status: Status,
    /// The parts that are on.
    pub components: Vec<HealthCheck>,
}

impl OverallHealth {
    fn of(components: Vec<HealthCheck>) -> Self {
        let mean = components.iter().map(|check| check.score).sum::<f64>() / components.len().max(1) as f64;
        let worst = components.iter().map(|check| check.score).fold(100.0, f64::min);
        let score = round2(f64::midpoint(mean, worst));
        let is_down = !components.is_empty() && components.iter().all(|check| check.status == Status::Down);
        Self { score, status: if is_down { Status::Down } else { Status::of(score) }, components }
    }
}

/// Asks parts, with a limit.
#[derive(Default)]
pub(crate) struct Checks {
    /// Parts whose last question is still without an answer.
    hanging: Arc<Mutex<HashSet<Part>>>,
    /// Whether they are asked here and now, without a limit.
    is_driven: bool,
}

/// What came of a question.
enum Outcome {
    Answered(Answer),
    Off,
    Failed(String),
}

impl Checks {
    /// None asked yet. `is_driven`: there are to be no threads.
    pub(crate) fn new(is_driven: bool) -> Self {
        Self { is_driven, ..Self::default() }
    }

    /// Asks every part and judges the figures. Takes `limit` at most.
    pub(crate) fn run(
        &self,
        sources: &Arc<dyn Sources>,
        failed: impl Fn(Part) -> Option<String>,
        figures: &Figures,
        wall_ms: u64,
        limit: Duration,
    ) -> OverallHealth {
        let (tell, told) = mpsc::channel();
        let mut waiting = Vec::new();
        let mut checks: Vec<HealthCheck> = Vec::new();
        for part in Part::ALL {
            if let Some(error) = failed(part) {
                checks.push(down(part, error, wall_ms));
            } else if self.hanging.lock().insert(part) {
                if self.ask(Arc::clone(sources), part, tell.clone()) {
                    waiting.push(part);
                } else {
                    self.hanging.lock().remove(&part);
                    checks.push(down(part, "there is no thread to ask it with".to_owned(), wall_ms));
                }
            } else {
                checks.push(down(part, "an earlier check of it still hangs".to_owned(), wall_ms));
            }
        }
        drop(tell);
        let end = Instant::now() + limit;
        while !waiting.is_empty() {
            let Ok((part, outcome)) = told.recv_timeout(end.saturating_duration_since(Instant::now())) else {
                break;
            };
            waiting.retain(|waits| *waits != part);
            match outcome {
                Outcome::Answered(answer) => checks.push(answered(part.name(), answer, wall_ms)),
                Outcome::Off => {}
                Outcome::Failed(error) => checks.push(down(part, error, wall_ms)),
            }
        }
        for part in waiting {
            checks.push(down(part, format!("no answer within {} ms", limit.as_millis()), wall_ms));
        }
        let order = |check: &HealthCheck| Part::ALL.iter().position(|part| part.name() == check.component);
        checks.sort_by_key(order);
        checks.push(answered("system", system(figures), wall_ms));
        checks.push(answered("performance", performance(figures), wall_ms));
        OverallHealth::of(checks)
    }

    /// Asks on a thread of its own; false when there is none.
    fn ask(&self, sources: Arc<dyn Sources>, part: Part, tell: mpsc::Sender<(Part, Outcome)>) -> bool {
        let hanging = Arc::clone(&self.hanging);
        let work = move || {
            let outcome = match catch_unwind(AssertUnwindSafe(|| sources.ask(part))) {
                Ok(Some(answer)) => Outcome::Answered(answer),
                Ok(None) => Outcome::Off,
                Err(_) => Outcome::Failed("its check failed; please report this".to_owned()),
            };
            drop(sources);
            hanging.lock().remove(&part);
            // Nobody waits any more when it took too long.
            let _ = tell.send((part, outcome));
        };
        if self.is_driven {
            work();
            return true;
        }
        thread::Builder::new().name("agentwise-check".into()).spawn(work).is_ok()
    }
}

fn answered(component: &'static str, answer: Answer, timestamp: u64) -> HealthCheck {
    let score = round2(if answer.score.is_finite() { answer.score.clamp(0.0, 100.0) } else { 0.0 });
    HealthCheck { component, status: Status::of(score), score, message: answer.message, timestamp }
}

fn down(part: Part, message: String, timestamp: u64) -> HealthCheck {
    HealthCheck { component: part.name(), status: Status::Down, score: 0.0, message, timestamp }
}

/// The worst of the scored figures, and all of them in words; without any it is neutral.
fn worst(rows: &[(Option<f64>, &Scale, &str, &str)]) -> Answer {
    let known = || rows.iter().filter_map(|(value, scale, what, unit)| Some(((*value)?, scale, what, unit)));
    let score = known().map(|(value, scale, ..)| scale.score(value)).fold(100.0, f64::min);
    let said: Vec<String> =
        known().map(|(value, _, what, unit)| format!("{what} {}{unit}", round2(value))).collect();
    let message = if said.is_empty() { "no figures yet".to_owned() } else { said.join(", ") };
    Answer { score, message }
}

fn system(figures: &Figures) -> Answer {
    worst(&[
        (figures.get(Metric::CpuUsage), &CPU, "CPU", " %"),
        (figures.get(Metric::DiskPercentage), &DISK, "disk", " %"),
        (figures.get(Metric::LoopP99), &LOOP_MS, "event loop late by", " ms (p99)"),
    ])
}

fn performance(figures: &Figures) -> Answer {
    worst(&[
        (figures.get(Metric::RecentErrorRate), &ERROR_PERCENT, "errors", " %"),
        (figures.get(Metric::SlowestP95), &SLOWEST_MS, "slowest operation", " ms (p95)"),
    ])
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::monitor::sources::Seen;

    /// Memory answers, the cache panics, agents hang until they are let go.
    struct Hostile(Arc<Barrier>);

    impl Sources for Hostile {
        fn figures(&self, _: &mut Figures) {}
        fn ask(&self, part: Part) -> Option<Answer> {
            match part {
                Part::Memory => Some(Answer { score: f64::NAN, message: "well".into() }),
                Part::Cache => std::panic::panic_any("a defect"),
                Part::Agents => {
                    self.0.wait();
                    None
                }
            }
        }
        fn agents(&self) -> Vec<(String, u64)> {
            Vec::new()
        }
        fn advice(&self, _: &Seen) -> Vec<serde_json::Value> {
            Vec::new()
        }
    }

    /// Status and message of a part.
    fn of(health: &OverallHealth, component: &str) -> Option<(Status, String)> {
        let check = health.components.iter().find(|check| check.component == component)?;
        Some((check.status, check.message.clone()))
    }

    #[test]
    fn a_check_that_hangs_or_panics_is_down_alone_and_is_not_asked_twice() {
        // A busy machine may keep a part from answering within the first limit; nothing keeps it from it for the last.
        let limits = [200, 2_000, 60_000];
        let in_time = limits.iter().any(|&limit| hostile_parts_are_told_apart(limit, limit == 60_000));
        assert!(in_time);
    }

    /// Whether the parts that answer did so within `limit_ms`; where that `is_bound` to be so, nothing else will do.
    fn hostile_parts_are_told_apart(limit_ms: u64, is_bound: bool) -> bool {
        let barrier = Arc::new(Barrier::new(2));
        let sources: Arc<dyn Sources> = Arc::new(Hostile(Arc::clone(&barrier)));
        let checks = Checks::default();
        let run = |ms| checks.run(&sources, |_| None, &Figures::default(), 7, Duration::from_millis(ms));
        let first = run(limit_ms);
        let late = Some((Status::Down, format!("no answer within {limit_ms} ms")));
        if !is_bound && ["memory", "cache"].iter().any(|part| of(&first, part) == late) {
            barrier.wait();
            return false;
        }
        assert_eq!(of(&first, "memory").map(|(status, _)| status), Some(Status::Critical), "NaN is no score");
        let failed = "its check failed; please report this".to_owned();
        assert_eq!(of(&first, "cache"), Some((Status::Down, failed)));
        assert_eq!(of(&first, "agents"), late);
        assert_eq!(of(&first, "system"), Some((Status::Healthy, "no figures yet".into())));
        let hangs = "an earlier check of it still hangs".to_owned();
        assert_eq!(of(&run(1), "agents"), Some((Status::Down, hangs)));
        barrier.wait();
        let end = Instant::now() + Duration::from_secs(60);
        while !checks.hanging.lock().is_empty() && Instant::now() < end {
            thread::yield_now();
        }
        assert!(checks.hanging.lock().is_empty(), "it may be asked again");
        true
    }

    #[test]
    fn scores_fall_from_good_to_bad() {
        for (scale, value, score) in [
            (&CPU, 0.0, 100.0),
            (&CPU, 90.0, 75.0),
            (&CPU, 100.0, 50.0),
            (&DISK, 85.0, 100.0),
            (&DISK, 100.0, 0.0),
            (&ERROR_PERCENT, 9.5, 50.0),
            (&SLOWEST_MS, 5000.0, 50.0),
            (&LOOP_MS, 1e9, 0.0),
        ] {
            assert!((scale.score(value) - score).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn the_whole_is_down_only_when_every_part_is() {
        let check = |score: f64, status| HealthCheck {
            component: "x",
            status,
            score,
            message: String::new(),
            timestamp: 0,
        };
        let good = || check(100.0, Status::Healthy);
        let bad = || check(0.0, Status::Down);
        assert_eq!(OverallHealth::of(vec![bad(), bad()]).status, Status::Down);
        let mixed = OverallHealth::of(vec![good(), good(), good(), bad()]);
        assert_eq!((mixed.status, mixed.score), (Status::Warning, 37.5));
        assert_eq!(OverallHealth::of(vec![]).status, Status::Healthy);
    }
}
