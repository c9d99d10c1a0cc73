//! One look at memory, and what is done after it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Value, json};

use super::actions::release_freed_memory;
use super::manager::MemoryManager;
use super::pressure::Step;
use super::sampler;
use super::state::{REST_MS, Work};
use super::stats::{V8Heap, megabytes};
use crate::base::allocation;
use crate::base::footprint::{Relief, apart};
use crate::base::units::round2;
use crate::telemetry::event::EventKind;

/// Freed memory is given back at most once in this time: it stops those who allocate.
const RELEASE_EVERY_MS: u64 = 2_000;

/// Reading the proportional set takes at most one part of so many of the time.
const PSS_COST_SHARE: u64 = 1_000;

impl MemoryManager {
    /// Takes V8's figures, which only its thread can read, and judges by them. True when garbage is to be collected.
    pub fn take_heap(&self, heap: V8Heap) -> bool {
        let config = self.config();
        self.with_state(|state, now| {
            state.take_heap(now, heap, &config);
            if !self.is_stopped() && state.raw.is_some() {
                state.judge(now, &config);
            }
            state.collector.is_asked()
        })
    }

    /// V8's garbage was collected: figures before and after, and how long JavaScript stood still for it. Gives the bytes of
    /// the heap and beside it that were freed.
    pub fn collected(&self, before: V8Heap, after: V8Heap, cost_ms: f64) -> u64 {
        let config = self.config();
        let freed = (before.heap_used + before.external).saturating_sub(after.heap_used + after.external);
        self.with_state(|state, now| {
            let (held, limit) = (state.agents.held_bytes(), state.effective_limit());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a time of a few seconds"
            )]
            let whole_ms = cost_ms.max(0.0).ceil() as u64;
            state.collector.done(now.mono_ms, whole_ms, freed, held, limit, config.gc_interval_ms);
            let reason = state.reason.clone();
            state.actions.note(Step::CollectGarbage, now.wall_ms, &reason, freed, cost_ms);
            state.take_heap(now, after, &config);
            if !self.is_stopped() {
                state.work.release |= state.step() >= Step::ReleaseMemory;
                state.judge(now, &config);
            }
            state.tell(
                EventKind::GarbageCollected,
                json!({
                    "freedMemory": megabytes(freed),
                    "durationMs": round2(cost_ms),
                    "timestamp": now.wall_ms,
                }),
            );
        });
        sampler::nudge(self);
        freed
    }

    /// Takes a sample, judges, and acts. Gives the ms to the next.
    pub fn tick(&self) -> u64 {
        if self.is_stopped() {
            return REST_MS;
        }
        self.look(true);
        let work = std::mem::take(&mut self.state.lock().work);
        self.act(&work);
        // V8's figures are read with every sample; JavaScript also collects garbage and ends waits.
        self.around.events.wake();
        self.state.lock().interval_ms()
    }

    /// Gives freed native memory back to the system, whatever the pressure. Bytes by which the resident set then was smaller.
    pub fn release_memory(&self, reason: &str) -> u64 {
        let (freed, cost_ms, is_possible) = self.measured(release_freed_memory);
        if is_possible {
            let now = self.now();
            self.state.lock().actions.note(Step::ReleaseMemory, now.wall_ms, reason, freed, cost_ms);
        }
        freed
    }

    /// Takes a sample and judges by it; acting is left to [`Self::tick`]. What is dear is read by the sampling thread only.
    pub(super) fn look(&self, is_sampler: bool) {
        let started = Instant::now();
        let sample = self.around.probe.sample().ok();
        let now_ms = self.around.clock.now_ms();
        let is_due = is_sampler && self.state.lock().history.due(now_ms);
        let detail = is_due.then(|| (self.around.probe.detail(), self.pss(now_ms)));
        let native = is_due.then(|| self.around.footprints.held().values().sum());
        let config = self.config();
        self.with_state(|state, now| {
            state.take_sample(now, sample, &config);
            if self.is_stopped() {
                return;
            }
            state.judge(now, &config);
            state.expire(now);
            if let Some((detail, pss)) = detail {
                state.detail = detail;
                state.pss = pss.or(state.pss);
            }
            if let Some(native) = native {
                match state.point(now, native) {
                    Some(point) => state.history.push(now.mono_ms, point),
                    None => state.history.skip(now.mono_ms),
                }
            }
        });
        if config.enable_detailed_logging {
            let state = self.state.lock();
            tracing::debug!(
                percentage = state.percentage(),
                step = state.step().name(),
                rss = state.raw.map(|raw| raw.rss),
                "memory sampled"
            );
        }
        if is_due {
            self.around.events.emit(EventKind::MemoryUpdate, || self.update_event());
        }
        self.samples.fetch_add(1, Ordering::Relaxed);
        let ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.sampling_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// The proportional set, unless the last one cost more than its share of the time.
    fn pss(&self, now_ms: u64) -> Option<u64> {
        if now_ms < self.pss_from_ms.load(Ordering::Relaxed) {
            return None;
        }
        let started = Instant::now();
        let pss = self.around.probe.pss();
        let cost_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let from_ms = now_ms.saturating_add(cost_ms.saturating_mul(PSS_COST_SHARE));
        self.pss_from_ms.store(from_ms, Ordering::Relaxed);
        pss
    }

    fn update_event(&self) -> Value {
        let stats = self.known_stats();
        json!({ "process": stats.process, "system": stats.system, "agents": stats.agents })
    }

    fn act(&self, work: &Work) {
        let reason = self.state.lock().reason.clone();
        if let Some(relief) = work.relief
            && !self.is_stopped()
        {
            let is_changed = self.around.footprints.ask(self.watcher, relief);
            let step = match relief {
                Relief::None => None,
                Relief::Shrink => Some(Step::ShrinkCaches),
                Relief::Drop => Some(Step::DropCaches),
            };
            if is_changed {
                self.relieve(step, reason.clone());
            }
            if self.is_stopped() && self.around.footprints.ask(self.watcher, Relief::None) {
                // Since the question above; its last word was none.
                self.around.footprints.settle_soon();
            }
        }
        let now_ms = self.around.clock.now_ms();
        if work.release {
            let last_ms = self.released_ms.load(Ordering::Relaxed);
            if last_ms == 0 || now_ms.saturating_sub(last_ms) >= RELEASE_EVERY_MS {
                self.released_ms.store(now_ms.max(1), Ordering::Relaxed);
                self.release_memory(&reason);
            } else {
                self.state.lock().work.release = true;
            }
        }
    }

    /// Has the parts hold less, or what they are configured for, where it may take long: what leaves memory is written first.
    fn relieve(&self, step: Option<Step>, reason: String) {
        let (footprints, sqlite_bytes) = (Arc::clone(&self.around.footprints), self.around.sqlite_bytes);
        let (state, clock) = (Arc::downgrade(&self.state), Arc::clone(&self.around.clock));
        let work = move || {
            let bytes = || allocation::allocated() + sqlite_bytes();
            let (before, started) = (bytes(), Instant::now());
            footprints.settle();
            let cost_ms = started.elapsed().as_secs_f64() * 1000.0;
            if let Some((step, state)) = step.zip(state.upgrade()) {
                let freed = before.saturating_sub(bytes());
                state.lock().actions.note(step, clock.wall_ms(), &reason, freed, cost_ms);
            }
        };
        if self.around.clock.is_driven() {
            work();
        } else {
            apart(work);
        }
    }

    /// Bytes by which the resident set is smaller after `work`, how long that took, in ms, and what it gave.
    fn measured<T>(&self, work: impl FnOnce() -> T) -> (u64, f64, T) {
        let rss = || self.around.probe.sample().map_or(0, |sample| sample.rss);
        let (before, started) = (rss(), Instant::now());
        let result = work();
        let cost_ms = started.elapsed().as_secs_f64() * 1000.0;
        (before.saturating_sub(rss()), cost_ms, result)
    }
}
