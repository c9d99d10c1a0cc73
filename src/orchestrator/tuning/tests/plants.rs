//! A system that answers to its settings as simple formulas say, with noise of its own.

use super::super::{Count, Counts, Gauges, Knob, Reading, Values};
use crate::cache::Rehearsed;
use crate::cache::config::EvictionPolicy;
use crate::orchestrator::settings::{Environment, Settings};

const MB: f64 = 1_048_576.0;

pub(super) struct Plant {
    pub(super) now_ms: u64,
    pub(super) values: Values,
    pub(super) bases: Values,
    pub(super) counts: Counts,
    pub(super) base_size: f64,
    pub(super) factors: Vec<f64>,
    pub(super) lookups_per_step: f64,
    /// Entries with which everything that repeats is a hit.
    pub(super) working_set: f64,
    /// Hits more by the adaptive policy, of all lookups.
    pub(super) adaptive_gain: f64,
    /// Share of similar answers that is replaced at the configured threshold.
    pub(super) similar: f64,
    /// Parts fetched again a context at the configured threshold.
    pub(super) fetching: f64,
    /// Whether they are whatever the threshold.
    pub(super) is_stubborn: bool,
    /// Share of lookups that find an expired entry at the configured life, and of these values that changed.
    pub(super) expiring: f64,
    pub(super) changed: f64,
    pub(super) writes_per_s: f64,
    pub(super) is_held_up: bool,
    pub(super) agent_need_mb: f64,
    /// Memory becomes critical with an alert threshold over this.
    pub(super) critical_over: f64,
    pub(super) is_pressed: bool,
    pub(super) noise: f64,
    /// Steps between jumps of all of the above; 0 for none.
    pub(super) moves_every: u64,
    rehearsed: Vec<Rehearsed>,
    steps: u64,
    seed: u64,
}

impl Plant {
    pub(super) fn new(seed: u64) -> Self {
        let mut settings = Settings::defaults(Environment::Production);
        settings.cache.l1_max_size = 1000;
        let values = Values::of(&settings);
        let mut plant = Self {
            now_ms: 1_000_000,
            values,
            bases: values,
            counts: Counts::default(),
            base_size: 1000.0,
            factors: vec![0.25, 0.5, 1.0, 2.0, 4.0],
            lookups_per_step: 20_000.0,
            working_set: 800.0,
            adaptive_gain: 0.0,
            similar: 0.0,
            fetching: 0.0,
            is_stubborn: false,
            expiring: 0.0,
            changed: 0.0,
            writes_per_s: 0.0,
            is_held_up: false,
            agent_need_mb: 0.0,
            critical_over: 100.0,
            is_pressed: false,
            noise: 0.0,
            moves_every: 0,
            rehearsed: Vec::new(),
            steps: 0,
            seed: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        };
        plant.rehearse(0.0, 0.0);
        plant
    }

    pub(super) fn apply(&mut self, bases: &Values, knob: Knob, value: f64) {
        self.values.set(knob, value);
        if knob == Knob::L1Size {
            self.values.l1_mb = bases.mb_for(value);
        }
    }

    fn random(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn noisy(&mut self, value: f64) -> f64 {
        let noise = self.noise;
        (value * (1.0 + noise * (2.0 * self.random() - 1.0))).max(0.0)
    }

    fn jump(&mut self) {
        self.working_set = 100.0 + 6000.0 * self.random();
        self.adaptive_gain = 0.1 * self.random() - 0.05;
        self.similar = if self.random() < 0.5 { 0.0 } else { 0.3 * self.random() };
        self.fetching = self.random();
        self.expiring = 0.3 * self.random();
        self.changed = if self.random() < 0.5 { 0.0 } else { self.random() };
        self.writes_per_s = 2000.0 * self.random();
        self.is_held_up = self.random() < 0.2;
        self.agent_need_mb = 800.0 * self.random();
        self.critical_over = 60.0 + 60.0 * self.random();
        self.is_pressed = self.random() < 0.15;
        self.lookups_per_step = 40_000.0 * self.random();
    }

    fn hit_rate(&self, entries: f64, policy: EvictionPolicy) -> f64 {
        let extra = if policy == EvictionPolicy::Adaptive { self.adaptive_gain } else { 0.0 };
        (0.7 * (entries / self.working_set).min(1.0).powf(0.7) + extra).clamp(0.0, 0.95)
    }

    /// Some time goes by.
    pub(super) fn live(&mut self, ms: u64) {
        self.steps += 1;
        self.now_ms += ms;
        if self.moves_every > 0 && self.steps.is_multiple_of(self.moves_every) {
            self.jump();
        }
        let lookups = self.noisy(self.lookups_per_step).round();
        let policy = super::super::knob::policy(self.values.get(Knob::Policy)).0;
        let rate = self.hit_rate(self.values.get(Knob::L1Size), policy);
        let l1_hits = self.noisy(lookups * rate).min(lookups);
        self.rehearse(lookups, rate);
        let relax = |far: f64| if self.is_stubborn { 1.0 } else { (1.0 - far).clamp(0.0, 1.0) };
        let similar = self.similar * relax((self.values.get(Knob::Similarity) - 0.8) * 12.0);
        let fetching = self.fetching * relax((0.3 - self.values.get(Knob::Importance)) * 5.0);
        let expired = lookups * self.expiring * (3600.0 / self.values.get(Knob::Ttl)).min(1.0);
        let (seconds, batch) =
            (ms as f64 / 1000.0, 1.0 + self.values.get(Knob::WriteBehind) * self.writes_per_s / 1000.0);
        let batches = self.writes_per_s * seconds / batch;
        let is_waiting = self.agent_need_mb > self.values.get(Knob::AgentLimit);
        let is_critical = self.values.get(Knob::Alert) > self.critical_over;
        for (count, value) in [
            (Count::Lookups, lookups),
            (Count::L1Hits, l1_hits),
            (Count::DiskHits, 0.0),
            (Count::Expired, expired),
            (Count::RenewedSame, expired * (1.0 - self.changed)),
            (Count::RenewedChanged, expired * self.changed),
            (Count::SimilarServed, lookups * 0.02),
            (Count::SimilarRefuted, lookups * 0.02 * similar),
            (Count::TimedMisses, lookups * 0.01),
            (Count::MissMs, lookups * 20.0),
            (Count::Written, self.writes_per_s * seconds),
            (Count::Batches, batches),
            (Count::WriteUs, batches * 200.0 + self.writes_per_s * seconds * 20.0),
            (Count::Held, if self.is_held_up { 5.0 } else { 0.0 }),
            (Count::Contexts, 100.0),
            (Count::FetchedBack, 100.0 * fetching),
            (Count::CriticalMs, if is_critical { ms as f64 * 0.1 } else { 0.0 }),
            (Count::AlertMs, if is_critical { ms as f64 * 0.2 } else { 0.0 }),
            (Count::IdleThrottledMs, if is_waiting { ms as f64 * 0.3 } else { 0.0 }),
        ] {
            let value = self.noisy(value).round();
            self.counts.add(count, value);
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, not below zero")]
    fn rehearse(&mut self, lookups: f64, real: f64) {
        let mut rows = Vec::new();
        for policy in [EvictionPolicy::Lru, EvictionPolicy::Adaptive] {
            for factor in self.factors.clone() {
                let entries = factor * self.base_size;
                let rate = self.hit_rate(entries, policy);
                let (kept, gained) = (rate.min(real), (rate - real).max(0.0));
                let entries = entries.min(self.working_set * 1.2);
                let count = |value: f64| value.max(0.0).round() as u64;
                let (of_hits, of_misses) = (self.noisy(lookups * kept), self.noisy(lookups * gained));
                rows.push(Rehearsed {
                    policy,
                    factor,
                    of_hits: count(of_hits),
                    of_disk_hits: 0,
                    of_misses: count(of_misses),
                    bytes: count(entries * 4000.0),
                    entries: count(entries),
                    lookups: count(lookups),
                });
            }
        }
        if self.rehearsed.len() != rows.len() {
            self.rehearsed = rows;
            return;
        }
        for (sum, row) in self.rehearsed.iter_mut().zip(rows) {
            sum.of_hits += row.of_hits;
            sum.of_misses += row.of_misses;
            sum.lookups += row.lookups;
            (sum.bytes, sum.entries, sum.factor) = (row.bytes, row.entries, row.factor);
        }
    }
}

/// What the controller would be told.
pub(super) fn reading(plant: &Plant) -> Reading {
    Reading {
        wall_ms: plant.now_ms,
        values: plant.values,
        bases: plant.bases,
        counts: plant.counts,
        gauges: Gauges {
            is_pressed: plant.is_pressed,
            memory_percent: Some(if plant.is_pressed { 85.0 } else { 30.0 }),
            memory_limit_mb: Some(4096.0),
            agents_mb: 200.0,
            throttled: 1.0,
            l1_held_mb: plant.values.get(Knob::L1Size) * 4000.0 / MB,
            has_disk: false,
            tokens_per_answer: Some(200.0),
            sample_ratio: 4.0,
        },
        rehearsed: plant.rehearsed.clone(),
    }
}
