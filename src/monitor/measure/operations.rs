//! Requests by operation: how many, how many failed, how long they took.
//!
//! [`Operations::record`] is called around every call of this package and of the application, from any thread; all else is
//! done by whoever takes an interval. Of each operation there are the times of the interval (a histogram, from which
//! percentiles are read) and totals since the start (counts below fixed limits, which Prometheus adds up over instances).
//!
//! A duration that is NaN, infinite, negative or over thirty years is no time: the request is counted, failed or not, and
//! stands in no mean, percentile or bucket. Memory is bounded: 64 names, each cut at 64 bytes; what comes later is `other`.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::LATENCY_BUCKETS_S;
use super::recent::Recent;
use super::times::{Percentiles, Times};
use crate::monitor::sample::OperationRow;

/// Most operations that are told apart: enough for the calls of this package and an application's own, and few enough for
/// the labels of Prometheus.
pub const MAX_OPERATIONS: usize = 64;
/// Longest name, bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// What is beyond the most.
pub const OTHER: &str = "other";
const OTHER_INDEX: u32 = 0;

/// Thirty years: beyond it is no duration but a mistake, which would spoil sums for good.
const LONGEST_MS: f64 = 1e12;

/// What one interval had.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Operations that had requests, by name. Times are NaN where no request had one.
    pub operations: Vec<OperationRow>,
    /// Requests of all operations.
    pub count: u64,
    /// Of these, those that failed.
    pub errors: u64,
    /// Times of all operations; `None` when there was none.
    pub all: Option<Percentiles>,
    /// Of the last minute, of the operation for which it is longest: 95 % were answered within, ms.
    pub slowest_p95_ms: Option<f64>,
    /// Share of the last minute's requests that failed, in %; `None` while there were fewer than 10.
    pub recent_error_percent: Option<f64>,
}

/// An operation since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationTotals {
    /// Its name.
    pub name: Arc<str>,
    /// Requests that ended.
    pub count: u64,
    /// Of these, those that failed.
    pub errors: u64,
    /// Of these, those that had a time: `sum_s` and `buckets` are over them.
    pub timed: u64,
    /// Their times together, s.
    pub sum_s: f64,
    /// How many took at most so long, for each of [`LATENCY_BUCKETS_S`].
    pub buckets: [u64; LATENCY_BUCKETS_S.len()],
}

#[derive(Debug, Default, Clone)]
struct Totals {
    count: u64,
    errors: u64,
    timed: u64,
    sum_ms: f64,
    /// Those that took at most so long and more than the limit before.
    buckets: [u64; LATENCY_BUCKETS_S.len()],
}

#[derive(Debug, Default)]
struct Operation {
    count: u64,
    errors: u64,
    times: Option<Times>,
    totals: Totals,
}

#[derive(Debug)]
struct Names {
    list: Vec<Arc<str>>,
    indices: HashMap<Arc<str>, u32>,
}

/// All operations. Shared by those who record.
pub struct Operations {
    names: RwLock<Names>,
    slots: Box<[Mutex<Operation>]>,
    /// Held by whoever takes an interval.
    taken: Mutex<Taken>,
}

struct Taken {
    at_ms: u64,
    recent: Recent,
}

impl Operations {
    /// None yet. `now_ms` is the start of the first interval.
    pub fn new(now_ms: u64) -> Self {
        let other: Arc<str> = OTHER.into();
        let names = Names { list: vec![Arc::clone(&other)], indices: HashMap::from([(other, OTHER_INDEX)]) };
        Self {
            names: RwLock::new(names),
            slots: (0..=MAX_OPERATIONS).map(|_| Mutex::default()).collect(),
            taken: Mutex::new(Taken { at_ms: now_ms, recent: Recent::new() }),
        }
    }

    /// The number by which [`Self::record_index`] knows the operation; the same as long as this lives.
    pub fn index_of(&self, operation: &str) -> u32 {
        if let Some(index) = self.names.read().indices.get(operation) {
            return *index;
        }
        let name = clean(operation);
        let mut names = self.names.write();
        if let Some(index) = names.indices.get(name.as_str()) {
            return *index;
        }
        if name.is_empty() || names.list.len() > MAX_OPERATIONS {
            return OTHER_INDEX;
        }
        let index = u32::try_from(names.list.len()).expect("invariant: at most 65 names");
        let name: Arc<str> = name.into();
        names.list.push(Arc::clone(&name));
        names.indices.insert(name, index);
        index
    }

    /// A request ended.
    pub fn record(&self, operation: &str, duration_ms: f64, is_error: bool) {
        self.record_index(self.index_of(operation), duration_ms, is_error);
    }

    /// The same by number; one that was never given counts as `other`.
    pub fn record_index(&self, index: u32, duration_ms: f64, is_error: bool) {
        let operation = self.slots.get(index as usize).unwrap_or(&self.slots[OTHER_INDEX as usize]);
        let mut operation = operation.lock();
        operation.count += 1;
        operation.totals.count += 1;
        operation.errors += u64::from(is_error);
        operation.totals.errors += u64::from(is_error);
        // -0 is 0.
        let duration_ms = duration_ms + 0.0;
        if (0.0..=LONGEST_MS).contains(&duration_ms) {
            operation.times.get_or_insert_with(Times::new).record(duration_ms);
            operation.totals.timed += 1;
            operation.totals.sum_ms += duration_ms;
            let seconds = duration_ms / 1e3;
            let bucket = LATENCY_BUCKETS_S.partition_point(|limit| *limit < seconds);
            if let Some(bucket) = operation.totals.buckets.get_mut(bucket) {
                *bucket += 1;
            }
        }
    }

    /// Many requests, three numbers each: the operation's number, ms, and whether it failed (not 0). What is left over at the
    /// end is ignored.
    pub fn record_batch(&self, requests: &[f64]) {
        for request in requests.chunks_exact(3) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            let index = match request[0] {
                index if index.fract() == 0.0 && (0.0..=MAX_OPERATIONS as f64).contains(&index) => {
                    index as u32
                }
                _ => OTHER_INDEX,
            };
            self.record_index(index, request[1], request[2] != 0.0);
        }
    }

    /// What was recorded since the last call, and begins a new interval. A request is in exactly one.
    pub fn take(&self, now_ms: u64) -> Interval {
        let mut taken = self.taken.lock();
        let names = self.names.read().list.clone();
        let mut interval = Interval {
            operations: Vec::new(),
            count: 0,
            errors: 0,
            all: None,
            slowest_p95_ms: None,
            recent_error_percent: None,
        };
        let mut all = Times::new();
        let mut buckets = Vec::new();
        for (index, name) in (0..).zip(names) {
            let slot = &self.slots[index as usize];
            let (count, errors, times) = {
                let mut operation = slot.lock();
                let counts = (std::mem::take(&mut operation.count), std::mem::take(&mut operation.errors));
                (counts.0, counts.1, operation.times.take())
            };
            if count == 0 {
                continue;
            }
            interval.count += count;
            interval.errors += errors;
            let percentiles = times.as_ref().and_then(Times::percentiles);
            interval.operations.push(row(name, count, errors, percentiles));
            if let Some(mut times) = times {
                all.add(&times);
                buckets.push((index, times.buckets()));
                times.clear();
                // So that an operation in use need not make its histogram again; a new one may have been made meanwhile.
                slot.lock().times.get_or_insert(times);
            }
        }
        interval.operations.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        interval.all = all.percentiles();
        let interval_ms = now_ms.saturating_sub(taken.at_ms);
        taken.at_ms = now_ms;
        taken.recent.add(now_ms, interval_ms, (interval.count, interval.errors), buckets);
        interval.slowest_p95_ms = taken.recent.slowest_p95_ms();
        interval.recent_error_percent = taken.recent.error_percent();
        interval
    }

    /// Operations that had requests, since the start, by name.
    pub fn totals(&self) -> Vec<OperationTotals> {
        let names = self.names.read().list.clone();
        let mut rows: Vec<_> = names
            .into_iter()
            .zip(&self.slots)
            .filter_map(|(name, operation)| {
                let Totals { count, errors, timed, sum_ms, mut buckets } = operation.lock().totals.clone();
                let mut below = 0;
                for bucket in &mut buckets {
                    below += *bucket;
                    *bucket = below;
                }
                (count > 0).then(|| OperationTotals {
                    name,
                    count,
                    errors,
                    timed,
                    sum_s: sum_ms / 1e3,
                    buckets,
                })
            })
            .collect();
        rows.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        rows
    }

    /// Requests and failures of all operations since the start.
    pub fn counts(&self) -> (u64, u64) {
        self.slots.iter().fold((0, 0), |(count, errors), operation| {
            let operation = operation.lock();
            (count + operation.totals.count, errors + operation.totals.errors)
        })
    }

    /// What it holds.
    pub fn held_bytes(&self) -> usize {
        let histograms: usize = self
            .slots
            .iter()
            .map(|operation| {
                operation.lock().times.as_ref().map_or(0, |times| times.held_bytes() - size_of::<Times>())
            })
            .sum();
        let names: usize = self.names.read().list.iter().map(|name| name.len() + 64).sum();
        size_of_val(&*self.slots) + histograms + names + self.taken.lock().recent.held_bytes()
    }
}

impl std::fmt::Debug for Operations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operations").field("names", &self.names.read().list).finish_non_exhaustive()
    }
}

fn row(name: Arc<str>, count: u64, errors: u64, percentiles: Option<Percentiles>) -> OperationRow {
    let Percentiles { mean_ms, p50_ms, p95_ms, p99_ms, max_ms } = percentiles.unwrap_or(Percentiles::NONE);
    OperationRow { name, count, errors, mean_ms, p50_ms, p95_ms, p99_ms, max_ms }
}

/// Names become labels and lines of logs: control characters would break those.
fn clean(name: &str) -> String {
    let mut clean = String::new();
    for char in name.trim().chars().map(|char| if char.is_control() { '_' } else { char }) {
        if clean.len() + char.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        clean.push(char);
    }
    clean
}

#[cfg(test)]
mod tests;
