//! The settings that are tuned: names, values, bounds.

use serde_json::{Value, json};

use super::config::TuningConfig;
use crate::cache::config::EvictionPolicy;
use crate::orchestrator::settings::Settings;

/// How far a size or a time may go from its configured value by default.
const LEAST_FACTOR: f64 = 0.25;
const MOST_FACTOR: f64 = 4.0;
/// A higher similarity threshold serves next to nothing.
const MOST_SIMILARITY: f64 = 0.98;
/// An alert threshold is lowered at most this far, and not below half.
const ALERT_POINTS: f64 = 25.0;
const LEAST_ALERT: f64 = 50.0;
/// Longest wait for more to write, ms: what a kill may lose, and what other processes see late.
const MOST_WRITE_BEHIND_MS: f64 = 50.0;

/// A setting that is tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knob {
    /// `cache.l1MaxSize`, and `cache.l1MaxSizeMB` with it, in proportion.
    L1Size,
    /// `cache.evictionPolicy`; its value is the place in [`POLICIES`].
    Policy,
    /// `cache.ttlSeconds`.
    Ttl,
    /// `cache.similarityThreshold`.
    Similarity,
    /// `contextFilter.contextImportanceThreshold`.
    Importance,
    /// `memory.alertThreshold`.
    Alert,
    /// `memory.agentMemoryLimit`.
    AgentLimit,
    /// `cache.writeBehindMs`.
    WriteBehind,
}

/// How many there are.
pub const KNOBS: usize = 8;

/// Policies by their number.
pub const POLICIES: [(EvictionPolicy, &str); 3] =
    [(EvictionPolicy::Lru, "lru"), (EvictionPolicy::Lfu, "lfu"), (EvictionPolicy::Adaptive, "adaptive")];

impl Knob {
    /// All, in the order in which they are looked at.
    pub const ALL: [Self; KNOBS] = [
        Self::L1Size,
        Self::Policy,
        Self::Similarity,
        Self::Importance,
        Self::Alert,
        Self::AgentLimit,
        Self::WriteBehind,
        Self::Ttl,
    ];

    /// Its name in a configuration.
    pub const fn path(self) -> &'static str {
        match self {
            Self::L1Size => "cache.l1MaxSize",
            Self::Policy => "cache.evictionPolicy",
            Self::Ttl => "cache.ttlSeconds",
            Self::Similarity => "cache.similarityThreshold",
            Self::Importance => "contextFilter.contextImportanceThreshold",
            Self::Alert => "memory.alertThreshold",
            Self::AgentLimit => "memory.agentMemoryLimit",
            Self::WriteBehind => "cache.writeBehindMs",
        }
    }

    /// The one of that name.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|knob| knob.path() == path)
    }

    /// What the setting itself may be.
    pub const fn limits(self) -> (f64, f64) {
        match self {
            Self::L1Size => (1.0, 1e8),
            Self::Policy => (0.0, 2.0),
            Self::Ttl => (0.001, 3_153_600_000.0),
            Self::Similarity | Self::Importance => (0.0, 1.0),
            Self::Alert => (1.0, 100.0),
            Self::AgentLimit => (0.001, 1e7),
            Self::WriteBehind => (0.0, 1000.0),
        }
    }

    /// Between which values it is tuned, where `base` is the configured one: sizes and times from a quarter of it to four
    /// times, thresholds only to the careful side. What is configured in `tuning.bounds` takes the place of either.
    pub fn bounds(self, base: f64, config: &TuningConfig) -> (f64, f64) {
        let (least, most) = self.limits();
        let (low, high) = match self {
            Self::L1Size | Self::Ttl => (base * LEAST_FACTOR, base * MOST_FACTOR),
            Self::Policy => (least, most),
            Self::Similarity => (base, base.max(MOST_SIMILARITY)),
            Self::Importance => (base * LEAST_FACTOR, base),
            Self::Alert => (base.min(LEAST_ALERT.max(base - ALERT_POINTS)), base),
            Self::AgentLimit => (base, base * MOST_FACTOR),
            Self::WriteBehind => (base, base.max(MOST_WRITE_BEHIND_MS)),
        };
        let (min, max) = config.bounds_of(self);
        let (low, high) = (min.unwrap_or(low).max(least), max.unwrap_or(high).min(most));
        // Only one of two may be given, on the other side of the default.
        (low.min(max.unwrap_or(low)), high.max(min.unwrap_or(high)))
    }

    /// The value nearest to `value` that the tuning may leave a setting at: one out of bounds gives way towards the configured one,
    /// and the configured one itself is always allowed.
    pub fn fitted(self, value: f64, base: f64, config: &TuningConfig) -> f64 {
        if config.is_fixed(self) {
            return base;
        }
        let (low, high) = self.bounds(base, config);
        let within = self.rounded(value.clamp(low, high));
        let is_on_the_way = within >= base.min(value) && within <= base.max(value);
        if is_on_the_way && within >= low && within <= high { within } else { base }
    }

    /// A value as the setting takes it: whole where it has to be, within what the setting may be, without digits that say
    /// nothing.
    pub fn rounded(self, value: f64) -> f64 {
        let (least, most) = self.limits();
        let value = match self {
            Self::L1Size | Self::Policy | Self::WriteBehind => value.round(),
            Self::Ttl | Self::AgentLimit => (value * 1000.0).round() / 1000.0,
            Self::Similarity | Self::Importance | Self::Alert => (value * 10_000.0).round() / 10_000.0,
        };
        value.clamp(least, most)
    }

    /// A value as people see it.
    pub fn shown(self, value: f64) -> Value {
        match self {
            Self::Policy => json!(policy(value).1),
            Self::L1Size | Self::WriteBehind => json!(whole(value)),
            _ => json!(value),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size within its limits")]
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

/// Whether two values of a setting are the same, but for what arithmetic makes of them.
pub fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// The policy with a number.
pub fn policy(value: f64) -> (EvictionPolicy, &'static str) {
    POLICIES[usize::try_from(whole(value)).unwrap_or(0).min(POLICIES.len() - 1)]
}

/// The number of a policy.
pub fn number(policy: EvictionPolicy) -> f64 {
    POLICIES.iter().position(|(known, _)| *known == policy).unwrap_or(0) as f64
}

/// A value of each setting that is tuned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Values {
    numbers: [f64; KNOBS],
    /// `cache.l1MaxSizeMB`, which goes with the entries.
    pub l1_mb: f64,
}

impl Values {
    /// Those of a configuration.
    pub fn of(settings: &Settings) -> Self {
        let mut values = Self { numbers: [0.0; KNOBS], l1_mb: settings.cache.l1_max_size_mb };
        for (knob, value) in [
            (Knob::L1Size, settings.cache.l1_max_size as f64),
            (Knob::Policy, number(settings.cache.eviction_policy)),
            (Knob::Ttl, settings.cache.ttl_seconds),
            (Knob::Similarity, settings.cache.similarity_threshold),
            (Knob::Importance, settings.context_filter.context_importance_threshold),
            (Knob::Alert, settings.memory.alert_threshold_percent),
            (Knob::AgentLimit, settings.memory.agent_memory_limit_mb),
            (Knob::WriteBehind, settings.cache.write_behind_ms as f64),
        ] {
            values.set(knob, value);
        }
        values
    }

    /// One of them.
    pub fn get(&self, knob: Knob) -> f64 {
        self.numbers[knob as usize]
    }

    /// Sets one of them.
    pub fn set(&mut self, knob: Knob, value: f64) {
        self.numbers[knob as usize] = value;
    }

    /// Takes the value of a setting, with what goes with it, from `other`.
    pub fn take(&mut self, knob: Knob, other: &Self) {
        self.set(knob, other.get(knob));
        if knob == Knob::L1Size {
            self.l1_mb = other.l1_mb;
        }
    }

    /// Whether a setting, with what goes with it, has the same value in `other`.
    pub fn is_same(&self, knob: Knob, other: &Self) -> bool {
        is_same(self.get(knob), other.get(knob)) && (knob != Knob::L1Size || is_same(self.l1_mb, other.l1_mb))
    }

    /// MB of L1 with so many entries, where these are the configured values.
    pub fn mb_for(&self, entries: f64) -> f64 {
        (self.l1_mb * entries / self.get(Knob::L1Size).max(1.0)).clamp(0.001, 1e7)
    }

    /// The partial configuration that gives a setting this value, where these are the configured values.
    pub fn partial(&self, knob: Knob, value: f64) -> Value {
        let (section, key) = knob.path().split_once('.').expect("invariant: paths have a section");
        let mut inner = json!({ key: knob.shown(value) });
        if knob == Knob::L1Size {
            inner["l1MaxSizeMB"] = json!(self.mb_for(value));
        }
        json!({ section: inner })
    }
}
