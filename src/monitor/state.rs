//! What a monitor knows between two looks.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::alerts::Alert;
use super::alerts::book::{Book, Change};
use super::alerts::rule::{self, Rule};
use super::alerts::silence::Silences;
use super::baseline::Baselines;
use super::config::MonitoringConfig;
use super::health::OverallHealth;
use super::history::History;
use super::sample::SampleRow;
use super::sources::Seen;
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::registered;
use crate::telemetry::metric::{Figures, Metric};

/// Hit rates are judged over this long, ms: long enough to have lookups, short enough for an alert to end.
const HIT_RATE_SPAN_MS: u64 = 300_000;
/// Fewer lookups say nothing.
const MIN_LOOKUPS: f64 = 20.0;
/// Advice looks back an hour, ms.
const SEEN_SPAN_MS: u64 = 3_600_000;
/// The first sample comes this soon, ms: processor time needs a while to be measured over.
pub(super) const FIRST_SAMPLE_MS: u64 = 1000;

/// Hits and lookups at a time.
#[derive(Debug, Clone, Copy)]
struct Lookups {
    at_ms: u64,
    hits: f64,
    misses: f64,
}

/// One sample's part of what advice looks at.
#[derive(Debug, Clone, Copy)]
struct Glance {
    at_ms: u64,
    interval_ms: u64,
    is_throttled: bool,
    available_mb: Option<f64>,
    process_mb: Option<f64>,
}

/// What monitors hold in memory, as of the last sample.
#[derive(Debug, Default)]
pub(super) struct OwnFootprint(AtomicU64);

impl Footprint for OwnFootprint {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row("monitor", self.0.load(Ordering::Relaxed));
    }

    fn relieve(&self, _: Relief) {
        // Short memory is when its history is wanted.
    }
}

/// What is known. Times are Unix ms that never go back, unless they are said to be monotonic.
pub(super) struct State {
    pub(super) last: Option<Arc<SampleRow>>,
    pub(super) history: History,
    pub(super) rules: Vec<Rule>,
    pub(super) book: Book,
    pub(super) silences: Silences,
    pub(super) baselines: Baselines,
    pub(super) health: Option<OverallHealth>,
    /// Alerts made while alerts were off.
    pub(super) untold: HashSet<String>,
    /// How often the intervals changed.
    pub(super) intervals: u64,
    /// Monotonic ms.
    pub(super) sample_due_ms: Option<u64>,
    /// Monotonic ms.
    pub(super) health_due_ms: Option<u64>,
    lookups: VecDeque<Lookups>,
    glances: VecDeque<Glance>,
    own: Arc<OwnFootprint>,
}

impl State {
    pub(super) fn new(config: &MonitoringConfig) -> Self {
        let seed = RandomState::new().hash_one(0);
        Self {
            last: None,
            history: History::default(),
            rules: rules(config),
            book: Book::new(seed),
            silences: Silences::new(seed),
            baselines: Baselines::default(),
            health: None,
            untold: HashSet::new(),
            intervals: 0,
            sample_due_ms: None,
            health_due_ms: None,
            lookups: VecDeque::new(),
            glances: VecDeque::new(),
            own: registered(OwnFootprint::default()),
        }
    }

    /// Judges by other settings from now on. Alerts of rules that are gone end.
    pub(super) fn reconfigure(
        &mut self,
        old: &MonitoringConfig,
        config: &MonitoringConfig,
        now_ms: u64,
    ) -> Vec<Change> {
        self.rules = rules(config);
        let intervals =
            |config: &MonitoringConfig| (config.metrics_interval_ms, config.health_check_interval_ms);
        if intervals(old) != intervals(config) {
            // The next looks are due by the new ones.
            self.intervals += 1;
            self.sample_due_ms = None;
            self.health_due_ms = None;
        }
        self.book.keep_rules(&self.rules, now_ms)
    }

    /// Takes over alerts that were kept before, also when there are new ones already.
    pub(super) fn restore_alerts(&mut self, mut alerts: Vec<Alert>, now_ms: u64) -> Vec<Change> {
        let newer = self.book.recent(0);
        if !newer.is_empty() {
            // Oldest first, as those that were kept: those of one millisecond stay in their order.
            alerts.extend(newer.iter().rev().map(|alert| Alert::clone(alert)));
            self.book = Book::new(RandomState::new().hash_one(0));
        }
        self.book.restore(alerts, &self.rules, now_ms)
    }

    /// Adds what can only be said over several samples.
    pub(super) fn add_spans(&mut self, figures: &mut Figures, now_ms: u64) {
        if let (Some(hits), Some(misses)) = (figures.get(Metric::CacheHits), figures.get(Metric::CacheMisses))
        {
            let now = Lookups { at_ms: now_ms, hits, misses };
            // Another cache, or one that was started again.
            if self.lookups.back().is_some_and(|last| hits < last.hits || misses < last.misses) {
                self.lookups.clear();
            }
            while self
                .lookups
                .front()
                .is_some_and(|first| now_ms.saturating_sub(first.at_ms) > HIT_RATE_SPAN_MS)
            {
                self.lookups.pop_front();
            }
            if self.lookups.is_empty() {
                // What a cache had before the monitor came is its rate so far.
                self.lookups.push_back(Lookups { at_ms: now_ms, hits: 0.0, misses: 0.0 });
            }
            let (hits_before, misses_before) =
                self.lookups.front().map_or((0.0, 0.0), |first| (first.hits, first.misses));
            let (hits, lookups) = (hits - hits_before, hits - hits_before + misses - misses_before);
            if lookups >= MIN_LOOKUPS {
                figures.set(Metric::CacheRecentHitRate, hits / lookups * 100.0);
            }
            self.lookups.push_back(now);
        }
        figures.set(Metric::HealthScore, self.health.as_ref().map(|health| health.score));
        figures.set(Metric::AlertsActive, self.book.active_count() as f64);
    }

    /// Keeps a sample.
    pub(super) fn take(&mut self, row: &Arc<SampleRow>, retention_ms: u64) {
        let figures = &row.figures;
        self.glances.push_back(Glance {
            at_ms: row.at_ms,
            interval_ms: row.interval_ms,
            is_throttled: figures.get(Metric::AgentsThrottled).is_some_and(|throttled| throttled > 0.0),
            available_mb: figures.get(Metric::MemoryAvailable),
            process_mb: figures.get(Metric::MemoryProcess),
        });
        while self.glances.front().is_some_and(|first| row.at_ms.saturating_sub(first.at_ms) > SEEN_SPAN_MS) {
            self.glances.pop_front();
        }
        self.history.push(SampleRow::clone(row), retention_ms);
        self.last = Some(Arc::clone(row));
        let held = self.history.held_bytes()
            + self.book.held_bytes()
            + self.baselines.held_bytes()
            + self.glances.capacity() * size_of::<Glance>();
        self.own.0.store(held as u64, Ordering::Relaxed);
    }

    /// The last hour, for advice.
    pub(super) fn seen(&self) -> Seen {
        let of = |figure: fn(&Glance) -> Option<f64>| self.glances.iter().filter_map(figure);
        Seen {
            span_ms: self.glances.iter().map(|glance| glance.interval_ms).sum(),
            throttled_ms: self
                .glances
                .iter()
                .filter(|glance| glance.is_throttled)
                .map(|glance| glance.interval_ms)
                .sum(),
            least_available_mb: of(|glance| glance.available_mb).reduce(f64::min),
            most_process_mb: of(|glance| glance.process_mb).reduce(f64::max),
        }
    }
}

/// The rules in force; none while alerts are switched off.
fn rules(config: &MonitoringConfig) -> Vec<Rule> {
    if config.alerts_enabled {
        rule::of_config(&config.alert_thresholds, &config.alert_rules)
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::monitor::alerts::book::NewAlert;
    use crate::monitor::alerts::{Component, Level};

    #[test]
    fn alerts_of_one_moment_keep_their_order_when_older_ones_are_taken_over_later() {
        let mut state = State::new(&MonitoringConfig::default());
        let create = |state: &mut State, title: &str, now_ms| {
            let new =
                NewAlert::new(Level::Info, Component::Performance, title, "m", Map::new()).expect("sound");
            state.book.create(new, now_ms).expect("it is new")
        };
        let older = Alert::clone(&create(&mut State::new(&MonitoringConfig::default()), "older", 1000));
        for number in 0..20 {
            create(&mut state, &format!("new {number}"), 2000);
        }
        let titles =
            |state: &State| state.book.recent(0).iter().map(|alert| alert.title.clone()).collect::<Vec<_>>();
        let before = titles(&state);
        assert_eq!((before[0].as_str(), before.len()), ("new 19", 20), "newest first");
        state.restore_alerts(vec![older], 2000);
        assert_eq!(titles(&state), [before, vec!["older".to_owned()]].concat());
    }
}
