//! What is better: time and tokens saved, less what the memory for it costs, in one unit.
//!
//! The unit is a millisecond that nobody waits, per hour:
//!
//! ```text
//! value [ms/h] = hits × (ms of a miss + tokens of an answer × 10) + tokens saved of contexts × 10 − disk hits × ms of a disk hit
//! net   [ms/h] = value − MB × 15 × scarcity
//! ```
//!
//! A model writes about 100 tokens a second (10 ms each). At $3 for a million tokens such a millisecond is worth $3e-7, and at
//! $4.4e-6 for a MB of memory for an hour (a cloud's list price of $0.0044 for a GB-hour) a MB costs 15 of them: memory is worth it
//! if what it holds is asked for often enough, as in the five-minute rule (Gray and Putzolu, SIGMOD 1987). The ratio of the
//! two prices counts, not the prices. Everything else is measured.

use serde_json::{Value, json};

use super::reading::{Count, Gauges, Window};
use crate::base::units::round2;

/// A token saved is so many ms saved.
pub const MS_PER_TOKEN: f64 = 10.0;
/// A MB for an hour costs so many ms saved while memory is plentiful.
pub const MS_PER_MB_HOUR: f64 = 15.0;
/// While memory is short it costs up to so many times that: others need it.
const MOST_SCARCITY: f64 = 100.0;
/// From where on, in % of the memory limit, it begins to be short, and where it is.
const PLENTY_PERCENT: f64 = 50.0;
const SHORT_PERCENT: f64 = 80.0;
/// Between threads, a read from disk takes so long besides the read itself, ms (measured: 13–20 µs).
const HOP_MS: f64 = 0.02;
/// A read from disk where none was measured, ms.
const READ_MS: f64 = 0.012;

/// What things are worth in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// A miss that was a hit, ms.
    pub miss_ms: f64,
    /// A disk hit that was a hit in memory, ms.
    pub disk_ms: f64,
    /// A MB for an hour, ms.
    pub mb_hour_ms: f64,
}

impl Prices {
    /// Those of a window. What was not measured yet counts as nothing saved.
    pub fn of(window: &Window, gauges: &Gauges) -> Self {
        let measured_ms = window.ratio(Count::MissMs, Count::TimedMisses).unwrap_or(0.0);
        let read_ms = window.ratio(Count::DiskReadUs, Count::DiskReads).map_or(READ_MS, |us| us / 1000.0);
        Self {
            miss_ms: measured_ms + gauges.tokens_per_answer.unwrap_or(0.0) * MS_PER_TOKEN,
            disk_ms: read_ms + HOP_MS,
            mb_hour_ms: MS_PER_MB_HOUR * scarcity(gauges.memory_percent),
        }
    }
}

/// How much more a MB costs than while memory is plentiful: 1 up to half of the limit, 100 from 80 % on.
pub fn scarcity(memory_percent: Option<f64>) -> f64 {
    let share = (memory_percent.unwrap_or(0.0) - PLENTY_PERCENT) / (SHORT_PERCENT - PLENTY_PERCENT);
    1.0 + (MOST_SCARCITY - 1.0) * share.clamp(0.0, 1.0)
}

/// The objective in a window, with its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Lookups.
    pub lookups: f64,
    /// Hits per lookup, 0–1.
    pub hit_rate: f64,
    /// Hits of L1 per lookup, 0–1.
    pub l1_hit_rate: f64,
    /// Value, ms saved an hour.
    pub value: f64,
    /// MB in L1.
    pub mb: f64,
    /// Value less what the memory costs, ms saved an hour.
    pub net: f64,
}

impl Figures {
    /// Those of a window.
    pub fn of(window: &Window, gauges: &Gauges) -> Self {
        let prices = Prices::of(window, gauges);
        let (l1, disk) = (window.get(Count::L1Hits), window.get(Count::DiskHits));
        let lookups = window.get(Count::Lookups);
        let saved_ms = (l1 + disk) * prices.miss_ms - disk * prices.disk_ms
            + window.get(Count::TokensSaved) * MS_PER_TOKEN;
        let value = saved_ms / window.hours();
        Self {
            lookups,
            hit_rate: (l1 + disk) / lookups.max(1.0),
            l1_hit_rate: l1 / lookups.max(1.0),
            value,
            mb: gauges.l1_held_mb,
            net: value - gauges.l1_held_mb * prices.mb_hour_ms,
        }
    }

    /// As people see them.
    pub fn shown(&self) -> Value {
        json!({
            "lookups": self.lookups.round(),
            "hitRate": share(self.hit_rate),
            "l1HitRate": share(self.l1_hit_rate),
            "savedMsPerHour": self.value.round(),
            "netMsPerHour": self.net.round(),
            "l1MB": round2(self.mb),
            "savedMsPerHourPerMB": (self.mb > 0.0).then(|| (self.value / self.mb).round()),
        })
    }
}

/// With four digits.
pub fn share(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
